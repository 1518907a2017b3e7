# SPDX-License-Identifier: GPL-2.0-or-later
"""The scene of the attacks: a daemon, a victim that really runs, decoys, and a hostile program that
takes QEMU's place by a bind mount over QEMU's own path. The product has no part in this.
"""
import contextlib
import ctypes
import functools
import hashlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

from lib import guest, house, server

MAGIC = "ESCAPE TARGETS\n"
TARGETS_SIZE = RESULTS_SIZE = 64 << 10      # main.c
A_GUEST, A_LAST, A_ALONE, A_CONTROL = 1, 2, 4, 8        # escape.h
BUILD = server.BUILD
ESCAPE = BUILD / "tests/escape/escape"
QEMU = server.QEMU
SANDBOX = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"
PIDS_MAX = 256
ROOMS = ("supervisor", "core", "door", "launch", "file", "disk", "host")      # one process each, for as long as it runs
ROOTLESS = ("namespaces", "walls")      # no root of its own: there swtpm does not find its folder
# Targets that a Cordon or a machine may not have.
OPTIONAL = {"victim_tpm", "victim_vhost", "gateway", "release_agent"}
BACKING_SIZE = 1 << 20
VICTIM_TRIES = 3
TPM = '<tpm model="tpm-crb"><backend type="emulator" version="2.0"/></tpm>'
NETWORK = '<interface type="user"><model type="virtio"/></interface>'
CONFIG = {"guest_pids_max": PIDS_MAX, "guest_memory_overhead_kib": 65536, "guest_log_max": 262144,
          "start_timeout": 120, "qmp_timeout": 60}
LIBC = ctypes.CDLL(None, use_errno=True)


def once(make):
    """Run it once and give everybody the same result, an exception included."""
    kept = {}

    @functools.wraps(make)
    def again(*arguments):
        if arguments not in kept:
            try:
                kept[arguments] = make(*arguments), None
            except BaseException as e:
                kept[arguments] = None, e
        result, error = kept[arguments]
        if error:
            raise error
        return result
    return again


def attacks():
    """{id: (flags, target it needs or None, what)} in the order of the table."""
    out = subprocess.run([ESCAPE, "list"], check=True, capture_output=True, text=True).stdout
    rows = {}
    for line in out.splitlines():
        name, flags, needs, what = line.split("\t")
        assert name not in rows, f"two attacks are called {name}"
        if not int(flags) & A_CONTROL:
            rows[name] = (int(flags), None if needs == "-" else needs, what)
    return rows


def qemu_filter():
    """QEMU's own -sandbox as this machine's QEMU loads it."""
    path = Path(f"/tmp/cordon-escape-filter-{os.getpid()}")
    try:
        subprocess.run([ESCAPE, "filter", path, QEMU, "-nodefaults", "-no-user-config", "-display",
                        "none", "-machine", "none", "-S", "-sandbox", SANDBOX], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=20)
        lines = path.read_text().split()
    finally:
        path.unlink(missing_ok=True)
    assert len(lines) == 1, "QEMU loads one filter of its own"
    return lines[0]


def has_landlock():
    """Does cordon-launch have code for it?"""
    return b"landlock" in (BUILD / "cordon-launch").read_bytes()


def landlock_abi():
    """What the kernel has of it (landlock(7)): 4 knows of TCP."""
    return LIBC.syscall(444, None, ctypes.c_size_t(0), 1)


def file_handle(path):
    """(type, hex) as name_to_handle_at(2) has it."""
    size = 128
    buf = ctypes.create_string_buffer(8 + size)
    ctypes.c_uint.from_buffer(buf).value = size
    mount = ctypes.c_int()
    if LIBC.name_to_handle_at(-100, str(path).encode(), buf, ctypes.byref(mount), 0) < 0:
        return None
    n, kind = ctypes.c_uint.from_buffer(buf).value, ctypes.c_int.from_buffer(buf, 4).value
    return kind, buf.raw[8:8 + n].hex()


def rooms_with(folder, **replaced):
    """The programs of the build beside each other, some replaced: room name to file. Its cordond."""
    folder.mkdir()
    for path in BUILD.iterdir():
        if path.name == "cordond" or path.name.startswith("cordon-") and path.is_file():
            room = path.name.removeprefix("cordon-")
            shutil.copy2(replaced.pop(room, path), folder / path.name)
    assert not replaced, f"no such room: {replaced}"
    return folder / "cordond"


def rooms_without(folder, layer):
    """Those of which the cage lacks one layer (tests/escape/without)."""
    found = {p.name.removesuffix("-without-" + layer).removeprefix("cordon-"): p
             for p in ESCAPE.parent.glob(f"*-without-{layer}")}
    assert found, f"nothing is built without {layer}"
    return rooms_with(folder, **found)


class Decoys(contextlib.ExitStack):
    """What an escaped program would find on a host: keys, memory, sockets, homes."""

    def __init__(self, folder):
        super().__init__()
        self.targets = {}
        self.folder = folder
        for make in (self.sockets, self.neighbour, self.memory, self.keys, self.files, self.filesystem):
            try:
                make()
            except OSError as e:
                # the attack is void then, and the test says so
                self.targets.setdefault("missing", []).append(f"{make.__name__}: {e}")

    def listen(self, kind, address, family=socket.AF_UNIX):
        s = self.enter_context(socket.socket(family, kind))
        s.bind(address)
        if kind == socket.SOCK_STREAM:
            s.listen(64)
        return s

    def sockets(self):
        word = uuid.uuid4().hex[:8]
        self.listen(socket.SOCK_STREAM, f"\0escape-{word}")
        self.listen(socket.SOCK_DGRAM, f"\0escape-dgram-{word}")
        path = self.folder / "datagram"
        self.listen(socket.SOCK_DGRAM, str(path))
        path.chmod(0o777)
        port = self.listen(socket.SOCK_STREAM, ("127.0.0.1", 0), socket.AF_INET).getsockname()[1]
        everywhere = self.listen(socket.SOCK_STREAM, ("0.0.0.0", 0), socket.AF_INET).getsockname()[1]
        self.targets |= {"abstract": f"@escape-{word}", "abstract_datagram": f"@escape-dgram-{word}",
                         "path_datagram": path, "loopback": port, "everywhere": everywhere}

    def neighbour(self):
        """Another host on a network of ours: a network namespace with a listener in it."""
        here, there = f"198.18.{os.getpid() % 256}.", f"esc{uuid.uuid4().hex[:8]}"
        code = ("import socket, time; s = socket.socket(); s.bind(('0.0.0.0', 7)); s.listen(64)\n"
                "print(flush=True); time.sleep(3600)")
        other = self.enter_context(subprocess.Popen(["unshare", "-n", sys.executable, "-c", code],
                                                    stdout=subprocess.PIPE))
        self.callback(other.kill)
        other.stdout.readline()
        inside = ["nsenter", "-t", str(other.pid), "-n", "ip"]
        for line in (["ip", "link", "add", there, "type", "veth", "peer", "name", "eth0", "netns", str(other.pid)],
                     ["ip", "addr", "add", here + "1/30", "dev", there], ["ip", "link", "set", there, "up"],
                     [*inside, "addr", "add", here + "2/30", "dev", "eth0"],
                     [*inside, "link", "set", "eth0", "up"]):
            if subprocess.run(line, capture_output=True, check=False).returncode:
                raise OSError(f"no network beside this one: {line}")
        self.targets |= {"neighbour": here + "2", "neighbour_port": 7, "near_address": here + "1"}

    def memory(self):
        shm = LIBC.shmget(0, 4096, 0o1666)
        if shm < 0:
            raise OSError(ctypes.get_errno(), "shmget")
        self.callback(LIBC.shmctl, shm, 0, None)
        path = Path(f"/dev/shm/escape-{uuid.uuid4().hex[:8]}")
        path.write_text("another guest's memory")
        path.chmod(0o666)
        self.callback(path.unlink)
        self.targets |= {"victim_shm": shm, "victim_shm_file": path}
        rt = ctypes.CDLL("librt.so.1", use_errno=True)
        name = f"/cordon-escape-{uuid.uuid4().hex[:8]}"
        # one message of 8 bytes: what a user may have of queues is counted in bytes (mq_overview(7))
        attributes = (ctypes.c_long * 8)(0, 1, 8)
        if rt.mq_open(name.encode(), os.O_CREAT | os.O_RDWR, 0o666, attributes) < 0:
            raise OSError(ctypes.get_errno(), "mq_open")
        self.callback(rt.mq_unlink, name.encode())
        self.targets["victim_queue"] = name

    def keys(self):
        user_keyring = -4
        name = f"cordon-escape-{uuid.uuid4().hex[:8]}"      # another scene's would be this one
        key = LIBC.syscall(248, b"user", name.encode(), b"secret", 6, user_keyring)
        if key < 0:
            raise OSError(ctypes.get_errno(), "add_key")
        self.callback(LIBC.syscall, 250, 9, key, user_keyring)
        self.targets |= {"victim_key": key, "victim_key_name": name}

    def files(self):
        for name, key in (("ssh/id_ed25519", "ssh_key"), ("home/user/notes", "home_file")):
            path = self.folder / name
            path.parent.mkdir(parents=True)
            path.write_text("private\n")
            path.chmod(0o644)
            self.targets[key] = path
        # where the script of Scene mounts them
        self.targets["ssh_key"] = "/root/.ssh/id_ed25519"
        self.targets["home_file"] = "/home/user/notes"

    def filesystem(self):
        """A small one that may be frozen."""
        image, top = self.folder / "small.ext4", self.folder / "small"
        top.mkdir()
        with open(image, "wb") as f:
            f.truncate(4 << 20)
        subprocess.run(["mke2fs", "-q", "-t", "ext4", image], check=True)
        if subprocess.run(["mount", "-o", "loop", image, top], capture_output=True, check=False).returncode:
            raise OSError("no loop mount")
        self.callback(subprocess.run, ["umount", "-l", str(top)], check=False)
        self.targets["freezable"] = top


class Escape(server.Cordon):
    """A Cordon whose QEMU can be exchanged."""

    def __init__(self, *arguments, binary=None, decoys=None, **more):
        super().__init__(*arguments, **more)
        self.binary = binary or BUILD / "cordond"
        self.decoys = decoys

    def command(self):
        line = super().command()
        line[0] = self.binary
        script = ("set -e; mount --make-rprivate /; mount --make-rshared /\n"
                  "mkdir -p /root/.ssh /home\n"
                  f"mount --bind {self.decoys}/ssh /root/.ssh; mount --bind {self.decoys}/home /home\n"
                  'exec "$@"\n')
        return ["unshare", "-m", "sh", "-c", script, "sh", *line]

    def inside(self, *command, **more):
        """Run something in the daemon's mount namespace."""
        return subprocess.run(["nsenter", "-t", str(self.pid), "-m", *map(str, command)], check=True,
                              text=True, capture_output=True, **more).stdout


class Hostile:
    """A guest whose QEMU is the hostile program."""

    patience = 1    # seconds until the log has how it ended

    def __init__(self, scene, devices="", **more):
        self.server, self.uuid = scene.server, str(uuid.uuid4())
        self.targets = scene.targets | more
        self.disk = scene.images / "hostile.img"
        self.write()
        path = self.server.dir / "hostile.xml"
        path.write_text(self.define(devices))
        self.server.virsh("define", path)
        self.conn = self.server.connect()
        self.domain = self.conn.lookupByName("hostile")
        self.starts = 0

    def define(self, devices):
        return guest.xml("hostile", uuid=self.uuid, devices=guest.disk(self.disk) + devices)

    def write(self, **more):
        self.targets |= more
        text = MAGIC + "".join(f"{k} {v}\n" for k, v in self.targets.items() if k != "missing")
        data = text.encode().ljust(TARGETS_SIZE, b"\0")
        assert len(data) == TARGETS_SIZE
        with open(self.disk, "wb") as f:
            f.write(data)
            f.truncate(TARGETS_SIZE + RESULTS_SIZE)
        self.disk.chmod(0o600)

    def lines(self):
        with open(self.disk, "rb") as f:
            f.seek(TARGETS_SIZE)
            return f.read(RESULTS_SIZE).rstrip(b"\0").decode().splitlines()

    def replace_lines(self, lines):
        with open(self.disk, "r+b") as f:
            f.seek(TARGETS_SIZE)
            f.write("".join(line + "\n" for line in lines).encode().ljust(RESULTS_SIZE, b"\0"))

    def append(self, line):
        """Beside what the program wrote."""
        self.replace_lines([*self.lines(), line])

    def forget_last(self):
        """So that it is tried again."""
        self.replace_lines(self.lines()[:-1])

    def ends(self):
        """Wait status of each QEMU of this guest that ended, from the log of its cordon-vm."""
        return [int(n, 16) for n in re.findall(r"guest 'hostile': QEMU ended, status (\S+)",
                                               self.server.log.read_text(errors="replace"))]

    def once(self):
        """Start; the hostile program ends by itself, or is ended."""
        import libvirt
        libvirt.registerErrorHandler(lambda *_: None, None)
        self.starts += 1
        self.ended = len(self.ends())
        try:
            self.domain.create()
            return "it runs"
        except libvirt.libvirtError as e:
            return e.get_error_message()

    def run(self, limit=150):
        """Start it until all attacks were tried: {id: how it ended}."""
        results = {}
        for _ in range(limit):
            said = self.once()
            lines = self.lines()
            assert lines, f"the hostile program did nothing: {said}"
            for line in lines:
                name, how = line.split(" ", 1)
                results[name] = how
            if results.pop("end", None):
                return results
            last = lines[-1].split()[0]
            assert results[last] == "begin", f"it ended between two attacks: {lines[-1]}: {said}"
            results[last] = self.verdict(last)
            if results[last]:
                self.append(f"{last} {results[last]}")
            else:
                self.forget_last()
        raise AssertionError(f"not done after {limit} starts; last: {last}")

    def verdict(self, name):
        try:
            status = server.wait_for(lambda: self.ends()[self.ended:], self.patience)[-1]
        except TimeoutError:
            return None     # it ended so early that its cordon-vm was gone before it could tell
        if status == 31:
            return "killed SIGSYS"
        if status == 9:
            return "killed SIGKILL"
        if status == 0:
            return "reached"
        raise AssertionError(f"{name}: QEMU ended with {status}, which no attack explains")


class Scene:
    """Daemon, decoys, victim; then a hostile guest. without: a layer; replaced: other rooms."""

    hostile = Hostile
    tpm = TPM                        # the victim's

    def __init__(self, without=None, replaced=None, **config):
        self.without, self.replaced = without, replaced
        if without in ROOTLESS:
            self.tpm = ""
        self.folder = Path(tempfile.mkdtemp(prefix="cordon-escape-", dir="/var/tmp"))
        self.folder.chmod(0o755)
        self.decoys = Decoys(self.folder)
        self.server = self.make_server(config)
        self.images = self.server.dir / "images"
        self.images.mkdir(mode=0o755)
        self.secret = "SECRET-" + uuid.uuid4().hex
        self.victim_uuid = str(uuid.uuid4())

    def make_server(self, config):
        binary = None
        if self.without:
            binary = rooms_without(self.folder / "rooms", self.without)
        if self.replaced:
            binary = rooms_with(self.folder / "rooms", **self.replaced)
        text = "".join(f"{k} = {v}\n" for k, v in (CONFIG | config).items())
        return Escape(config=text, binary=binary, decoys=self.folder)

    def __enter__(self):
        try:
            self.server.start()
            self.start_victim()
            self.targets = self.aim()
            if self.without == "uid":
                # nothing between two guests that has to do with uids may help
                for path in (self.image, self.images):
                    os.chown(path, *2 * [int(self.targets["victim_uid"])])
            self.before = self.fingerprint()
            self.exchange()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def exchange(self):
        """From here on QEMU is the hostile program."""
        self.server.inside("mount", "--bind", ESCAPE, QEMU)

    def __exit__(self, *_):
        self.left = self.server.stop()
        self.server.remove()
        self.decoys.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def unchange(self):
        self.server.inside("umount", QEMU)

    @contextlib.contextmanager
    def real_qemu(self):
        """For as long as this lasts QEMU is QEMU again."""
        self.unchange()
        yield
        self.exchange()

    def start_victim(self):
        one = self.server
        self.image = self.images / "victim.img"
        self.image.write_bytes(self.secret.encode().ljust(1 << 20, b"\0"))
        self.image.chmod(0o600)
        self.backing = self.images / "shared.img"
        self.backing_secret = "BACKING-" + uuid.uuid4().hex
        self.backing.write_bytes(self.backing_secret.encode().ljust(BACKING_SIZE, b"\0"))
        self.backing.chmod(0o644)
        self.block = self.block_device()
        devices = guest.disk(self.image) + '<graphics type="vnc" port="-1" passwd="open"/>' + NETWORK + self.tpm
        if self.block:
            devices += guest.disk(self.block["victim_block"], dev="vdb", kind="block")
        path = one.dir / "victim.xml"
        path.write_text(self.victim_xml(devices))
        one.virsh("define", path)
        for left in reversed(range(VICTIM_TRIES)):
            # a viewer's port may just have been taken by who runs beside us
            if one.virsh("start", "victim", check=not left).code == 0:
                break

    def victim_xml(self, devices):
        return guest.xml("victim", uuid=self.victim_uuid, devices=devices)

    def block_device(self):
        """A block device for the victim, with the secret on it."""
        path = self.folder / "block.img"
        path.write_bytes(self.secret.encode().ljust(1 << 20, b"\0"))
        done = subprocess.run(["losetup", "-f", "--show", path], text=True, capture_output=True, check=False)
        if done.returncode:
            self.decoys.targets.setdefault("missing", []).append("loop devices: " + done.stderr)
            return {}
        node = done.stdout.strip()
        self.decoys.callback(subprocess.run, ["losetup", "-d", node], check=False)
        number = os.stat(node).st_rdev
        return {"victim_block": node, "victim_block_numbers": f"{os.major(number)} {os.minor(number)}"}

    def victim_pids(self):
        text = (self.server.dir / f"run/guests/{self.victim_uuid}/pids").read_text()
        return {m[0]: int(m[1]) for m in re.findall(r"^(qemu|vm|passt|swtpm) (\d+)", text, re.M)}

    def rooms(self):
        return {room: house.pid(self.server, room) for room in ROOMS}

    def own_targets(self, pids):
        """What only Cordon has."""
        one = self.server
        folder = one.dir / f"run/guests/{self.victim_uuid}"
        return {
            "victim_vm": pids["vm"], "victim_passt": pids.get("passt"), "victim_swtpm": pids.get("swtpm"),
            "victim_tpm_state": self.tpm_state(), "room_ledger": house.pid(one, "ledger"),
            "room_image": house.pid(one, "image"), "cordond": one.pid, **self.rooms(),
            "victim_record": one.dir / f"state/domains/{self.victim_uuid}.rec",
            "victim_log": one.dir / "log/guests/victim.log", "victim_folder": folder,
            "victim_monitor": folder / "monitor-0", "victim_console": folder / "chardev-1-0",
            "victim_vm_socket": folder / "vm.sock", "rpc": one.socket_path, "rpc_ro": one.socket_ro_path,
            "ledger": house.CLAIMS, "labels": one.dir / "labels", "audit_log": one.dir / "state/audit.log",
            "conf": one.dir / "cordond.conf", **self.network(),
        }

    def aim(self):
        one = self.server
        pids = self.victim_pids()
        status = Path(f"/proc/{pids['qemu']}/status").read_text()
        handle = file_handle(self.image) or (None, None)
        targets = {
            "victim_image": self.image, "victim_secret": self.secret, "victim_size": 1 << 20,
            "victim_dir": self.images, "backing": self.backing, "backing_secret": self.backing_secret,
            "victim_handle_type": handle[0], "victim_handle": handle[1],
            "victim_qemu": pids["qemu"], "victim_uid": re.search(r"^Uid:\s+(\d+)", status, re.M)[1],
            "victim_vnc": 5900 + int(one.virsh("domdisplay", "victim").out.strip().rsplit(":", 1)[1]),
            "victim_pty": one.virsh("ttyconsole", "victim").out.strip(),
            "host_disk": self.disk_node(self.image.stat().st_dev), **self.block,
            "threads_over": 1500, "fds_over": 5000, "memory_over_mib": 2300,
            **self.groups(pids["qemu"]), **self.own_targets(pids), **self.decoys.targets,
        }
        return {k: v for k, v in targets.items() if v is not None}

    def tpm_state(self):
        """The file that the victim's swtpm keeps; without one a file as it would be."""
        folder = self.server.dir / "tpm" / self.victim_uuid
        if not self.tpm:
            folder.mkdir(mode=0o700)
            path = folder / "tpm2-00.permall"
            path.write_bytes(bytes(4096))
            path.chmod(0o600)
            return path
        return server.wait_for(lambda: list(folder.rglob("*.permall")), 20, text=f"a state in {folder}")[0]

    @staticmethod
    def network():
        """The address that passt gives its guest, and the gateway's."""
        out = subprocess.run(["ip", "-4", "route", "get", "192.0.2.77"], text=True, capture_output=True,
                             check=False).stdout
        way = subprocess.run(["ip", "-4", "route", "show", "default"], text=True, capture_output=True,
                             check=False).stdout
        source, via = re.search(r"src (\S+)", out), re.search(r"via (\S+)", way)
        return {"gateway": via[1], "guest_address": source[1]} if source and via else {}

    @staticmethod
    def disk_node(number):
        for path in Path("/dev").iterdir():
            if path.is_block_device() and path.stat().st_rdev == number:
                return path
        return None

    @staticmethod
    def groups(pid):
        """Files of control groups: the limits of the victim's, the root's."""
        found = {}
        groups = dict(reversed(line.split(":", 1)[1].split(":")) for line in
                      Path(f"/proc/{pid}/cgroup").read_text().splitlines())
        for line in Path("/proc/self/mountinfo").read_text().splitlines():
            left, right = line.split(" - ")
            kind, top = right.split()[0], Path(left.split()[4])
            limit = {"cgroup": "memory.limit_in_bytes", "cgroup2": "memory.max"}.get(kind)
            if not limit:
                continue
            for own in groups:
                path = top / own.lstrip("/") / limit
                if path.exists():
                    found |= {"victim_limit": path, "root_tasks": top / "cgroup.procs"}
            if (top / "release_agent").exists():
                found["release_agent"] = top / "release_agent"
        return found

    def fingerprint(self):
        """What must not change: the victim, its image, and Cordon's processes."""
        pids = self.victim_pids()
        return {
            "victim": self.server.virsh("domstate", "victim").out.strip(), "pids": pids,
            "image": hashlib.sha256(self.image.read_bytes()).hexdigest(),
            "backing": hashlib.sha256(self.backing.read_bytes()).hexdigest(),
            "modes": [(p.stat().st_mode, p.stat().st_uid) for p in (self.image, self.backing)],
            "rooms": self.rooms(),
            "folder": sorted(p.name for p in self.images.iterdir() if p.name.startswith(("victim", "shared"))),
        }

    def control(self, names):
        """The same probes uncaged, as root, in the daemon's mount namespace: {id: how it ended}."""
        path = self.folder / "targets"
        path.write_text("".join(f"{k} {v}\n" for k, v in self.targets.items() if k != "missing"))
        out = self.server.inside(ESCAPE, "control", path, *names)
        return dict(line.split(" ", 1) for line in out.splitlines())
