# SPDX-License-Identifier: GPL-2.0-or-later
"""What never answers, or never stops talking: only its own guest's processes and calls suffer."""
import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

import libvirt
import pytest
from lib import guest as guests
from lib import house, trace
from lib.later import Later
from lib.server import SLOW, wait_for

pytestmark = pytest.mark.cordon
# short deadlines
CONFIG = "qmp_timeout = 3\nfile_timeout = 2\nstart_timeout = 8\nguest_log_max = 131072\n"


def prompt(server, *names):
    """Others are served at once: the longest of some calls."""
    longest = 0
    for _ in range(3):
        for words in (("list", "--all"), *(("dominfo", n) for n in names)):
            begin = time.monotonic()
            server.virsh(*words)
            longest = max(longest, time.monotonic() - begin)
    assert longest < 3, longest
    return longest


def test_one_guest_named_many_times(server, trio):
    """Whoever may only look does not fill its monitor: it is asked once, and others get their turn."""
    name, qemu = trio[0], server.qemu(trio[0])
    conn = server.connect(ro=True)
    dom = conn.lookupByName(name)
    rows = []
    asking = threading.Thread(target=lambda: rows.extend(
        conn.domainListGetStats([dom] * 1000, libvirt.VIR_DOMAIN_STATS_BLOCK)))
    house.kill(signal.SIGSTOP, qemu)
    try:
        asking.start()
        time.sleep(0.5)
        other = Later(server, "suspend", name)
        time.sleep(0.5)
    finally:
        house.kill(signal.SIGCONT, qemu)
    assert other.join(20).code == 0, other.result
    asking.join(20)
    assert len(rows) == 1000 and all("block.0.rd.reqs" in figures for _, figures in rows)
    conn.close()


def test_full_is_not_stuck(server, trio):
    """More questions than may wait for a monitor are refused for what they are."""
    name, qemu = trio[0], server.qemu(trio[0])
    told, threads = [], []
    conns = [server.connect(ro=True) for _ in range(30)]

    def ask(conn):
        try:
            conn.lookupByName(name).blockStats("vda")
        except libvirt.libvirtError as e:
            told.append((e.get_error_code(), str(e)))
    try:
        house.kill(signal.SIGSTOP, qemu)
        for conn in conns * 5:
            threads.append(threading.Thread(target=ask, args=(conn,)))
            threads[-1].start()
        wait_for(lambda: told, 10, text="one being refused")
    finally:
        house.kill(signal.SIGCONT, qemu)
        for one in threads:
            one.join(20)
        for conn in conns:
            conn.close()
    assert {code for code, _ in told} == {libvirt.VIR_ERR_RESOURCE_BUSY}, told[:3]


class Stuck:
    """File systems that stop answering at a stage: .mount("open") gives a folder."""

    def __init__(self):
        self.made = []

    def mount(self, stage):
        folder = Path("/var/tmp") / f"stuck-{os.getpid()}-{time.monotonic_ns()}-{stage}"
        folder.mkdir()
        proc = subprocess.Popen(["/usr/bin/python3", "-B", "-m", "lib.stuckfs", str(folder), stage],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                cwd=Path(__file__).resolve().parent.parent)
        self.made.append((folder, proc))
        assert proc.stdout.readline() == "ready\n"
        return folder

    def silence(self):
        """Nothing is answered any more."""
        for _, proc in self.made:
            proc.stdin.write("now\n")
            proc.stdin.flush()

    def end(self):
        """Unmounted; whoever waits gets an error."""
        for folder, proc in self.made:
            proc.stdin.close()
            proc.wait(10)
            subprocess.run(["umount", "-l", folder], check=False, capture_output=True)
            folder.rmdir()
        self.made = []


@pytest.fixture
def stuck():
    one = Stuck()
    yield one
    one.end()


def lasting(server):
    """pid to name of the rooms that others wait for."""
    return {house.pid(server, room): room for room in
            ("supervisor", "core", "disk", "launch", "file", "image", "ledger", "host", "door")}


def holders(rooms, folder):
    """Who of them has a file there in its table of descriptors."""
    found = set()
    for pid, room in rooms.items():
        for fd in Path(f"/proc/{pid}/fd").iterdir():
            try:
                if os.readlink(fd).startswith(str(folder)):
                    found.add(room)
            except FileNotFoundError:
                pass
    return found


def whole_life(server, name):
    """A guest with an image can be defined, started, ended and removed: every room has its part in it."""
    folder = server.dir / f"images-{name}"
    folder.mkdir(mode=0o755, exist_ok=True)
    path = server.dir / f"{name}.xml"
    path.write_text(guests.xml(name, memory=64, devices=guests.disk(
        guests.image(folder / "a.qcow2"), fmt="qcow2")))
    begin = time.monotonic()
    server.virsh("define", path)
    for word in ("start", "destroy", "undefine"):
        house.virsh(server, word, name)      # QEMU has qmp_timeout, which a busy machine may not keep
    return time.monotonic() - begin


@pytest.mark.parametrize("stage, fmt", [("lookup", "qcow2"), ("open", "raw"), ("read", "qcow2"),
                                        ("flush", "raw"), ("flush", "qcow2")])
def test_image(server, trio, name, define, stuck, stage, fmt):
    """An image on a dead server: its start fails in file_timeout and says why, others go on."""
    folder = stuck.mount(stage)
    define(name, memory=64, devices=guests.disk(folder / "a.img", fmt=fmt))
    files, rooms = house.pids(server, "file"), lasting(server)
    start = Later(server, "start", name)
    longest = 0
    while start.thread.is_alive() and time.monotonic() - start.begin < 20:
        assert not holders(rooms, folder)
        longest = max(longest, prompt(server, *trio))
    result = start.join(1)
    assert result.code != 0
    assert "file_timeout" in result.err and "a.img" in result.err, result
    assert start.seconds < 10
    print(f"\nstuck at {stage}: told after {start.seconds:.1f} s, others waited {longest:.2f} s at most")
    assert server.virsh("domstate", name).out.strip() == "shut off"
    assert set(trio) <= house.running(server)
    assert house.pids(server, "file")[:1] == files[:1], "the room itself goes on"
    # another guest's image opens while this one hangs
    again = Later(server, "start", name)
    server.virsh("destroy", trio[0])
    server.virsh("start", trio[0])
    took = whole_life(server, name + "-other")
    assert again.join(20).code != 0
    print(f"another guest from define to undefine: {took:.1f} s")
    assert lasting(server) == rooms


def test_qemu_hangs(server, trio, name, define, stuck):
    """A raw image whose server does not answer reads: QEMU hangs, and its guest; nobody else does."""
    folder, rooms = stuck.mount("read"), lasting(server)
    define(name, memory=64, devices=guests.disk(folder / "a.img"))
    start = Later(server, "start", name)
    wait_for(lambda: server.qemu(name), 10, text="QEMU")
    assert not holders(rooms, folder)
    time.sleep(9)                                       # start_timeout, and it has to be ended
    longest = prompt(server, *trio)
    took = whole_life(server, name + "-other")
    print(f"\nQEMU hangs: others waited {longest:.2f} s at most, a whole life took {took:.1f} s")
    assert lasting(server) == rooms
    stuck.end()
    assert start.join(20).code != 0
    wait_for(lambda: server.virsh("domstate", name).out.strip() == "shut off", 10)


def test_silent_under_a_guest(server, trio, name, define, stuck):
    """The server falls silent under a guest that runs: it cannot be ended before that is; others can."""
    folder, rooms = stuck.mount("never"), lasting(server)
    define(name, memory=64, devices=guests.disk(folder / "a.img"))
    server.virsh("start", name)
    assert not holders(rooms, folder)
    qemu = server.qemu(name)
    assert str(folder / "a.img") in [os.readlink(fd) for fd in Path(f"/proc/{qemu}/fd").iterdir()]
    stuck.silence()
    end = Later(server, "destroy", name)
    time.sleep(2)
    assert house.state(qemu) != "gone", "it closes its image"
    longest = prompt(server, *trio)
    took = whole_life(server, name + "-other")
    print(f"\nsilent under a guest: others waited {longest:.2f} s at most, a whole life took {took:.1f} s")
    assert lasting(server) == rooms
    stuck.end()
    end.join(20)
    wait_for(lambda: server.virsh("domstate", name).out.strip() == "shut off", 10)


def test_as_many_as_may_wait(own_server, stuck):
    """JOB_WORKERS_MAX requests wait for slow storage at a time, FILE_WORKERS_MAX of file's workers hang: what
    comes beyond is refused at once, and nobody else has to do with it."""
    server = own_server(f"file_timeout = {5 * SLOW}\n").start()
    folder = stuck.mount("open")
    conns = [server.connect() for _ in range(33)]
    domains = [conn.defineXML(guests.xml(f"g{i}", memory=64, devices=guests.disk(folder / f"{i}.img")))
               for i, conn in enumerate(conns)]

    def start(domain, told):
        begin = time.monotonic()
        with pytest.raises(libvirt.libvirtError) as caught:
            domain.create()
        told.append((str(caught.value), time.monotonic() - begin))

    def start_all(some):
        told = []
        threads = [threading.Thread(target=start, args=(d, told)) for d in some]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        return told

    told = start_all(domains)
    refused = [(text, took) for text, took in told if "file_timeout" not in text]
    assert len(told) == 33 and len(refused) == 1, told
    assert "32 requests wait for it already: try again later" in refused[0][0] and refused[0][1] < 4 * SLOW
    told = start_all(domains[:32])
    assert len(told) == 32 and all("file_timeout" in text for text, _ in told), told
    assert len(house.pids(server, "file")) == 1 + 64
    (text, took), = start_all(domains[:1])
    assert took < 4 * SLOW and "file_timeout" not in text, text
    assert "no worker for slow storage: 64 are at work" in server.log.read_text()
    whole_life(server, "other")
    for conn in conns:
        conn.close()
    stuck.end()
    wait_for(lambda: len(house.pids(server, "file")) == 1, 20, text="the end of what hung")


@pytest.mark.parametrize("stage", ["read", "flush"])
def test_end(own_server, stuck, stage):
    """The daemon ends in time while a process hangs; another one serves; nothing else is left."""
    server = own_server(CONFIG).start()
    folder = stuck.mount(stage)
    path = server.dir / "one.xml"
    path.write_text(guests.xml("one", memory=64, devices=guests.disk(folder / "a.img", fmt="qcow2")))
    server.virsh("define", path)
    assert "file_timeout" in server.virsh("start", "one", check=False).err
    begin = time.monotonic()
    server.terminate()
    took = time.monotonic() - begin
    assert took < 4, took
    wait_for(lambda: {n for _, n in server.below()} <= {"cordon-file", "cordon-image"}, 5)
    left = server.below()
    print(f"\nstuck at {stage}: ended in {took:.2f} s, in the kernel hangs {left}")
    assert len(left) == 1
    wait_for(lambda: house.state(left[0][0]) == "D", 5, text="past its deadline")
    server.respawn()
    whole_life(server, "other")
    server.terminate()
    stuck.end()
    wait_for(lambda: not server.below(), 5, text="the end of what hung")


def test_end_with_one_that_stays(own_server):
    """What cannot be reaped, whatever is done to it, is waited for a while and then left. Here a room is
    traced: its parent hears of its end when the tracer does."""
    server = own_server().start()
    ledger = house.pid(server, "ledger")
    trace.ptrace(trace.SEIZE, ledger)
    begin = time.monotonic()
    try:
        server.terminate()
    finally:
        house.kill(signal.SIGKILL, ledger)
        os.waitpid(ledger, 0)
    took = time.monotonic() - begin
    log = server.log.read_text()
    assert f"cordon-ledger[{ledger}] does not end; killed" in log
    assert f"cordon-ledger[{ledger}] does not end; it hangs in the kernel, and is left behind" in log
    assert 9 < took < 20, took
    assert log.count("does not end") == 2, "nobody else has to be waited for"
    wait_for(lambda: not server.below(), 5)


def test_answers(server, name, define):
    """A file system that might not answer, and does: a guest boots from it, by all ways that files have."""
    rooms, before = lasting(server), house.descriptors(server)
    top = Path("/var/tmp") / f"overlay-{name}"
    for part in ("upper", "work", "at"):
        (top / part).mkdir(parents=True)
    top.chmod(0o755)
    here = top / "at"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o",
                    f"lowerdir={guests.GUEST},upperdir={top}/upper,workdir={top}/work", here], check=True)
    try:
        guests.image(here / "base.qcow2")
        guests.image(here / "a.qcow2", size=None, backing=(here / "base.qcow2", "qcow2"))
        chain = (f'<backingStore type="file"><format type="qcow2"/><source file="{here}/base.qcow2"/>'
                 "<backingStore/></backingStore>")
        text = guests.xml(name, boot="linux", devices=guests.disk(here / "a.qcow2", fmt="qcow2", extra=chain))
        define(raw=text.replace(str(guests.GUEST), str(here)))
        server.virsh("start", name)
        assert not holders(rooms, here)
        guests.booted(server, name)
        qemu = server.qemu(name)
        names = {os.readlink(fd) for fd in Path(f"/proc/{qemu}/fd").iterdir()}
        assert {str(here / "a.qcow2"), str(here / "base.qcow2")} <= names
        assert not [n for n in names if n.startswith(str(here)) and not n.endswith(".qcow2")]
        assert "8388608" in server.virsh("domblkinfo", name, "vda").out
        server.virsh("destroy", name)
        house.clean(server)
        house.settled(server, before)
    finally:
        subprocess.run(["umount", "-l", here], check=True)
        subprocess.run(["rm", "-rf", top], check=True)


def test_aborted(server, name, define, stuck):
    """Who waits for a stuck image can be relieved."""
    folder = stuck.mount("open")
    define(name, memory=64, devices=guests.disk(folder / "a.img"))
    start = Later(server, "start", name)
    time.sleep(0.5)
    server.virsh("destroy", name, check=False)
    assert start.join(10).code != 0
    assert server.virsh("domstate", name).out.strip() == "shut off"
    house.clean(server)


def test_qemu_silent(server, trio):
    """QEMU does not answer: calls of this guest end in qmp_timeout, it can be destroyed at once."""
    qemu = server.qemu(trio[0])
    house.kill(signal.SIGSTOP, qemu)
    try:
        call = Later(server, "suspend", trio[0])
        longest = prompt(server, *trio[1:])
        result = call.join(15)
        assert result.code != 0 and "not answer" in result.err, result
        assert call.seconds < 10
        print(f"\nsilent QEMU: told after {call.seconds:.1f} s, others waited {longest:.2f} s at most")
        # and from then on it is known
        second = Later(server, "suspend", trio[0])
        assert second.join(5).code != 0 and second.seconds < 3
        assert server.virsh("list", "--name").out.split()
        stats = server.virsh("domstats", "--balloon", trio[0], trio[1])
        assert trio[1] in stats.out
        # what it does not tell is no 0, which would look like a guest that was started anew
        for words in (("domblkstat", trio[0]), ("domblkstat", trio[0], "vda"), ("dommemstat", trio[0]),
                      ("domblkinfo", trio[0], "vda"), ("vcpuinfo", trio[0])):
            figures = server.virsh(*words, check=False)
            assert figures.code != 0 and "not answer" in figures.err, (words, figures)
        figures = server.virsh("domstats", trio[0]).out
        assert "block.0.name=vda" in figures and "cpu.time=" in figures
        assert not re.search(r"block\.0\.(rd|wr|fl|alloc|capa|phys)", figures), figures
    finally:
        house.kill(signal.SIGCONT, qemu)
    wait_for(lambda: server.virsh("suspend", trio[0], check=False).code == 0, 15,
             text="it answers again")
    assert re.search(r"^vda rd_bytes \d+$", server.virsh("domblkstat", trio[0], "vda").out, re.M)
    assert re.search(r"^Capacity: +8388608$", server.virsh("domblkinfo", trio[0], "vda").out, re.M)
    server.virsh("resume", trio[0])
    house.kill(signal.SIGSTOP, qemu)
    begin = time.monotonic()
    server.virsh("destroy", trio[0])
    assert time.monotonic() - begin < 5
    assert house.running(server) == set(trio[1:])


def test_qemu_silent_from_the_start(server, name, define):
    """A start that does not come to an end has one: start_timeout."""
    define(name, memory=64)
    stop = threading.Event()

    def freeze():
        while not stop.is_set():
            qemu = server.qemu(name)
            if qemu:
                house.kill(signal.SIGSTOP, qemu)
                return
    thread = threading.Thread(target=freeze)
    thread.start()
    start = Later(server, "start", name)
    result = start.join(30)
    stop.set()
    thread.join()
    if result.code == 0:
        pytest.skip("it was up before it could be stopped")
    assert start.seconds < 20
    assert server.virsh("domstate", name).out.strip() == "shut off"
    house.clean(server)


def test_supervisor_silent(server, trio):
    """A cordon-vm that does not turn is replaced; calls of its guest fail with the reason meanwhile."""
    def cpu_time(text):
        return float(re.search(r"^CPU time: +([\d.]+)s$", text, re.M)[1])

    vm = house.vm(server, house.uuid(server, trio[0]))
    used = wait_for(lambda: cpu_time(server.virsh("dominfo", trio[0]).out), 20)
    house.kill(signal.SIGSTOP, vm)
    call = Later(server, "suspend", trio[0])
    info = Later(server, "dominfo", trio[0])
    longest = prompt(server, *trio[1:])
    assert "running" in server.virsh("domstate", trio[0]).out
    result = call.join(30)
    assert result.code != 0
    assert cpu_time(info.join(30).out) >= used, "processor time does not go back"
    print(f"\nsilent cordon-vm: told after {call.seconds:.1f} s, others waited {longest:.2f} s at most")
    wait_for(lambda: house.state(vm) in ("gone", "Z"), 10, text="the silent one killed")
    wait_for(lambda: server.virsh("suspend", trio[0], check=False).code == 0, 15)
    server.virsh("resume", trio[0])
    assert len(server.qemus()) == 3


def test_supervisor_silent_when_core_comes(server, trio):
    """The same, found by a new core: it serves all others at once, and replaces this one."""
    vm = house.vm(server, house.uuid(server, trio[0]))
    house.kill(signal.SIGSTOP, vm)
    house.kill(signal.SIGKILL, house.pid(server, "core"))
    wait_for(lambda: house.running(server) == set(trio), 10)
    wait_for(lambda: server.virsh("suspend", trio[1], check=False).code == 0, 10)
    server.virsh("resume", trio[1])
    wait_for(lambda: house.state(vm) in ("gone", "Z"), 30, text="the silent one killed")
    wait_for(lambda: server.virsh("suspend", trio[0], check=False).code == 0, 15)
    server.virsh("resume", trio[0])


def test_supervisor_silent_destroy(server, trio):
    """Destroy needs no cordon-vm."""
    vm = house.vm(server, house.uuid(server, trio[0]))
    house.kill(signal.SIGSTOP, vm)
    begin = time.monotonic()
    server.virsh("destroy", trio[0])
    assert time.monotonic() - begin < 5
    assert house.state(vm) in ("gone", "Z")


@pytest.mark.parametrize("room", ["disk", "file", "image", "host", "launch"])
def test_room_silent(server, trio, room):
    """A neighbour of core's stands still: what needs it not goes on, and it goes on afterwards."""
    pid = house.pid(server, room)
    house.kill(signal.SIGSTOP, pid)
    try:
        call = Later(server, "destroy", trio[0])
        prompt(server, *trio)
        server.virsh("suspend", trio[1])
        server.virsh("resume", trio[1])
    finally:
        house.kill(signal.SIGCONT, pid)
    assert call.join(20).code == 0


def test_console_flood(server, trio, name, define):
    """A guest that prints all it can: its cordon-vm stays small, others are served."""
    define(name, boot="linux", cmdline="console=ttyS0 quiet flood")
    server.virsh("start", name)
    vm = house.vm(server, house.uuid(server, name))
    begin = house.cpu(vm)
    wait_for(lambda: house.cpu(vm) - begin > 0.2, 60, 0.1, text="the flood")
    longest = prompt(server, *trio)
    top = house.memory(vm, "VmHWM")
    core = house.memory(house.pid(server, "core"), "VmRSS")
    print(f"\nconsole flood: cordon-vm at most {top} KiB, others waited {longest:.2f} s at most")
    slow = 20 if os.environ.get("CORDON_SANITIZED") else 1
    assert top < (16 << 10) * slow and core < (64 << 10) * slow
    # somebody who looks at it and does not read costs no more
    with guests.Console(server, name) as console:
        console.attached()
        time.sleep(1)
        assert house.memory(vm, "VmHWM") < (16 << 10) * slow
        longest = max(longest, prompt(server, *trio))
    server.virsh("destroy", name)
    wait_for(lambda: name not in house.running(server), 5)


def test_event_flood(server, trio, name, define, events):
    """A guest that resets itself all the time: events are bounded, other guests' are told in time."""
    folder = server.dir / f"images-{name}"
    folder.mkdir(mode=0o755)
    define(name, memory=32, devices=guests.disk(guests.copy("bios.raw", folder)))
    server.virsh("start", name)
    seen = events()
    tty = os.open(server.virsh("ttyconsole", name).out.strip(), os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        def resets():
            try:
                os.write(tty, b"r" * 64)
                os.read(tty, 65536)
            except BlockingIOError:
                pass
            return len([s for s in seen.seen(name) if s == "reboot"]) >= 5
        wait_for(resets, 60, 0.05, text="resets")
    finally:
        os.close(tty)
    server.virsh("suspend", trio[0])
    seen.wait("Suspended", 5, trio[0])
    server.virsh("resume", trio[0])
    assert house.memory(house.vm(server, house.uuid(server, name)), "VmHWM") < (16 << 10) * (
        20 if os.environ.get("CORDON_SANITIZED") else 1)
    server.virsh("destroy", name)


def test_log_flood(server, name, define):
    """What QEMU writes is kept to guest_log_max, twice; it is never stopped by it."""
    define(name, memory=64)
    server.virsh("start", name)
    fifo = server.dir / "run/guests" / house.uuid(server, name) / "log.fifo"
    vm = house.vm(server, house.uuid(server, name))
    fd = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    sent = 0
    end = time.monotonic() + 20
    while sent < 4 << 20 and time.monotonic() < end:
        try:
            sent += os.write(fd, b"qemu-system-x86_64: warning: all work and no play\n" * 40)
        except BlockingIOError:
            time.sleep(0.001)
    os.close(fd)
    assert sent > 1 << 20
    sizes = [p.stat().st_size for p in (server.dir / "log/guests").glob(f"{name}.log*")]
    print(f"\n{sent} bytes of log: {sizes} kept, cordon-vm at most {house.memory(vm, 'VmHWM')} KiB")
    assert 0 < max(sizes) <= 131072 + 65536 and len(sizes) <= 2
    assert server.virsh("suspend", name).code == 0
    server.virsh("destroy", name)
