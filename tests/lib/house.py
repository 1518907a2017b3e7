# SPDX-License-Identifier: GPL-2.0-or-later
"""The processes of a private instance by their rooms, and everything that it may leave behind."""
import os
import resource
import subprocess
import time
from pathlib import Path

from .server import wait_for

CLAIMS = Path("/run/cordon/claims")     # src/ledger/book.h


def comm(pid):
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def state(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "gone"


def memory(pid, what):
    """KiB from /proc: "Pss" and the like of smaps_rollup, "VmHWM" of status."""
    name = "status" if what.startswith("Vm") else "smaps_rollup"
    for line in Path(f"/proc/{pid}/{name}").read_text().splitlines():
        if line.startswith(what + ":"):
            return int(line.split()[1])
    return 0


def cpu(pid):
    """Seconds of processor time so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def pids(server, room):
    """All processes of a room: "core", "conn", "vm"; "cordond" too."""
    name = room if room == "cordond" else ("cordon-" + room)[:15]     # what the kernel keeps of a name
    return [p for p, n in server.below() if n == name]


def pid(server, room):
    """The one process of a room that is there once; waits for it."""
    return wait_for(lambda: pids(server, room), 10, text=f"a {room}")[0]


def uuid(server, name):
    return server.virsh("domuuid", name).out.strip()


def vm(server, guest_uuid, timeout=10):
    """The cordon-vm of one guest: its root is the guest's folder."""
    def look():
        for p in pids(server, "vm"):
            try:
                if os.readlink(f"/proc/{p}/root").endswith(guest_uuid):
                    return p
            except OSError:
                pass
        return None
    return wait_for(look, timeout, text=f"cordon-vm of {guest_uuid}")


def kill(number, *targets):
    for target in targets:
        try:
            os.kill(target, number)
        except ProcessLookupError:
            pass


def group_name(server):
    """As cordon-launch names the group above those of its guests."""
    st = server.place("run").stat()
    return f"cordon-{st.st_dev:x}-{st.st_ino:x}"


def groups(server):
    """Control groups of this instance's guests, in all hierarchies."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        left, right = line.split(" - ")
        if right.split()[0] in ("cgroup", "cgroup2"):
            parent = Path(left.split()[4], group_name(server))
            if parent.is_dir():
                found += [str(p) for p in parent.iterdir() if p.is_dir()]
    return found


def claims(server):
    """Guests with uids and labels in the ledger, of this instance."""
    try:
        st = server.place("run").stat()
        return sorted(p.name.split(".")[1] for p in CLAIMS.glob(f"{st.st_dev:x}-{st.st_ino:x}.*"))
    except FileNotFoundError:
        return []


def mounts(server):
    """Mounts below the folder of guests that this process sees."""
    return [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()
            if line.split()[4].startswith(f"{server.place('run')}/")]


def files(server):
    """What guests have below run and state."""
    found = [str(p) for p in server.place("run/guests").glob("*")]
    for place, pattern in (("state", "running/*"), ("state", "**/*.tmp"), ("run", "**/*.tmp")):
        found += [str(p) for p in server.place(place).glob(pattern)]
    # the spare beside a run's record belongs to it; alone it was left behind
    spares = {p + ".tmp" for p in found if "/state/running/" in p and p.endswith(".rec")}
    return sorted(p for p in found if p not in spares)


def sockets(server):
    """Unix sockets bound below the instance's folder."""
    out = Path("/proc/net/unix").read_text().split()
    return sorted(w for w in out if w.startswith(str(server.dir)))


def descriptors(server):
    """How many each of the lasting rooms holds; door's without those to conns, whose number varies."""
    count = {}
    for room in ("supervisor", "core", "launch", "disk", "file", "image", "host", "door"):
        for p in pids(server, room):
            try:
                count[room] = len(os.listdir(f"/proc/{p}/fd"))
                if room == "door":
                    count[room] -= len(pids(server, "conn"))
            except OSError:
                pass
    return count


def traces(server):
    """Everything a guest that is off must not leave behind."""
    return {
        "guests": server.guest_processes(), "supervisors": pids(server, "vm"),
        "stages": pids(server, "stage"), "readers": pids(server, "image")[1:],
        "groups": groups(server), "claims": claims(server), "mounts": mounts(server),
        "files": files(server),
        "zombies": [p for p, _ in server.below() if state(p) == "Z"],
        "inhabitants": inhabitants(server),
    }


def inhabitants(server):
    """Processes of any parent whose root or working directory is a guest's folder."""
    found = []
    for p in filter(str.isdigit, os.listdir("/proc")):
        for link in ("root", "cwd"):
            try:
                if f"{server.place('run/guests')}/" in os.readlink(f"/proc/{p}/{link}"):
                    found.append((int(p), comm(p)))
            except OSError:
                pass
    return found


def clean(server, timeout=10):
    """Wait until nothing of any guest is left; fails with what is."""
    def left():
        return {k: v for k, v in traces(server).items() if v}
    try:
        wait_for(lambda: not left(), timeout, 0.05)
    except TimeoutError:
        raise AssertionError(f"left behind: {left()}") from None


def settled(server, before, timeout=10):
    """Wait until the rooms hold no more descriptors than `before`."""
    def more():
        now = descriptors(server)
        return {k: (before[k], now.get(k)) for k in before if k not in now or now[k] > before[k]}
    try:
        wait_for(lambda: not more(), timeout, 0.05)
    except TimeoutError:
        raise AssertionError(f"descriptors before and after: {more()}") from None


SLOWNESS_NOISE = 1.5     # what an idle machine may show


def slowness(seconds=0.3):
    """How much longer than the processor time it takes a bare fork and exec does last: 1 on a machine
    with nothing else to do, N where N times more wants to run than can."""
    def spent():
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(u.ru_utime + u.ru_stime for u in used)
    begin, before = time.monotonic(), spent()
    while time.monotonic() - begin < seconds:
        os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)
    ratio = (time.monotonic() - begin) / (spent() - before)
    return 1.0 if ratio < SLOWNESS_NOISE else ratio


def virsh(server, *arguments, within=None):
    """A client that must get an answer; retried while it finds nobody, until `within` seconds."""
    def ask():
        try:
            result = server.virsh(*arguments, check=False, timeout=30)
        except subprocess.TimeoutExpired:
            return None
        return result if result.code == 0 else None
    return wait_for(ask, within or 20, 0.02, text="virsh " + " ".join(map(str, arguments)))


def running(server):
    """Names of running guests, by a new client."""
    return set(virsh(server, "list", "--name").out.split())


def status(pid):
    """proc_pid_status(5): {field: text}."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return {k: v.strip() for k, v in (line.split(":", 1) for line in text.splitlines())}
