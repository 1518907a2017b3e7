# SPDX-License-Identifier: GPL-2.0-or-later
"""What happened while one of our processes was away is told afterwards, once and in order."""
import contextlib
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest
from lib import guest as guests
from lib import house
from lib.server import wait_for

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "clients"))
import raw_rpc as r  # noqa: E402

pytestmark = pytest.mark.cordon


@pytest.fixture
def linux(server, booted):
    """A guest whose user space answers, and that leaves nothing."""
    name = booted()
    yield name
    server.virsh("destroy", name, check=False)
    house.clean(server)


class Terminal:
    """The guest's console from outside of Cordon, so that nothing of core or conn is needed."""

    def __init__(self, server, name):
        tty = server.virsh("ttyconsole", name).out.strip()
        self.fd = os.open(tty, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self.text = b""

    def type(self, text):
        os.write(self.fd, text.encode())

    def expect(self, text, timeout=90):
        def look():
            if select.select([self.fd], [], [], 0.05)[0]:
                self.text += os.read(self.fd, 65536)
            return text.encode() in self.text
        wait_for(look, timeout, text=f"{text!r} on the console")
        self.text = self.text[self.text.index(text.encode()) + len(text):]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.fd)


@contextlib.contextmanager
def without_core(server):
    """Core is killed, and no other one is started before the end."""
    house.kill(signal.SIGSTOP, server.pid)
    house.kill(signal.SIGKILL, house.pid(server, "core"))
    try:
        yield
    finally:
        house.kill(signal.SIGCONT, server.pid)


def test_core_stopped(server, linux, events):
    """Clients that stay connected are told of all that queued up while core did not run."""
    seen = events()
    core = house.pid(server, "core")
    qemu = server.qemu(linux)
    with Terminal(server, linux) as terminal:
        house.kill(signal.SIGSTOP, core)
        try:
            terminal.type("\rreboot\r")
            terminal.expect("guest: ready in")
            terminal.expect("guest#")
            assert not seen.seen(linux)
            terminal.type("poweroff\r")
            wait_for(lambda: house.state(qemu) in ("gone", "Z"), 60, text="the guest powering off")
        finally:
            house.kill(signal.SIGCONT, core)
    seen.wait("Stopped", 20, linux)
    told = [s for s in seen.seen(linux) if s.startswith(("reboot", "lifecycle"))]
    # Linux resets the machine in several ways at once, and QEMU tells all of them
    assert told[0] == "reboot"
    assert [t for t in told if t != "reboot"] == [
        "lifecycle: Shutdown Finished after guest request", "lifecycle: Stopped Shutdown"], told
    assert server.virsh("domstate", linux, "--reason").out.strip() == "shut off (shutdown)"


def test_core_dead_while_the_guest_powers_off(server, linux):
    """The next core hears from the guest's cordon-vm how it ended."""
    qemu = server.qemu(linux)
    with Terminal(server, linux) as terminal, without_core(server):
        terminal.type("\rpoweroff\r")
        wait_for(lambda: house.state(qemu) in ("gone", "Z"), 60, text="the guest powering off")
    wait_for(lambda: linux not in house.running(server), 10)
    assert house.virsh(server, "domstate", linux, "--reason").out.strip() == "shut off (shutdown)"
    house.clean(server)


@contextlib.contextmanager
def viewer_of(server, name):
    """A VNC client that is in: its end is told as an event, too."""
    port = 5900 + int(server.virsh("vncdisplay", name).out.strip().split(":")[1])
    with socket.create_connection(("127.0.0.1", port), 10) as client:
        for answer, asked in ((b"RFB 003.008\n", 12), (b"\1", 2), (b"\1", 4), (b"", 24)):
            assert len(client.recv(asked, socket.MSG_WAITALL)) == asked
            client.sendall(answer)
        yield


@pytest.mark.parametrize("seen", [False, True], ids=["unseen", "viewer"])
@pytest.mark.parametrize("call", ["renameat2", "unlink"])
def test_core_dead_between_two_calls(own_server, name, call, seen):
    """Killed as it writes down that the guest powered off; and when all of the run is undone but its
    record: either time the next one knows how the guest ended."""
    server = own_server().start()
    devices = '<graphics type="vnc" autoport="yes"/><video><model type="vga"/></video>'
    (server.dir / "g.xml").write_text(guests.xml(name, memory=64, devices=devices))
    server.virsh("define", server.dir / "g.xml")
    server.virsh("start", name)
    with viewer_of(server, name) if seen else contextlib.nullcontext():
        killed_at(server, name, call)
    assert house.virsh(server, "domstate", name, "--reason").out.strip() == "shut off (shutdown)"
    house.clean(server)


def killed_at(server, name, call):
    """The guest powers off; core dies as it makes `call`, and another one takes over."""
    core = house.pid(server, "core")
    with subprocess.Popen(["strace", "-qq", "-p", str(core), "-o", str(server.dir / "strace"),
                           "-e", f"trace={call}", "-e", f"inject={call}:signal=SIGKILL:when=1"],
                          stderr=subprocess.PIPE, text=True) as strace:
        wait_for(lambda: f"TracerPid:\t{strace.pid}\n" in Path(f"/proc/{core}/status").read_text(), 10)
        house.kill(signal.SIGTERM, server.qemu(name))      # QEMU says that it was told to end
        strace.wait(20)
    assert call in (server.dir / "strace").read_text()
    wait_for(lambda: house.pids(server, "core") not in ([], [core]), 10, text="another core")
    wait_for(lambda: name not in house.running(server), 10)


def registered_piecemeal(server):
    """Events that a client gets that registers for one kind, and after a while for another."""
    told = 0
    with r.Raw(str(server.socket_path), timeout=20) as client:
        client.open()
        for kind in (0, 1):                                # lifecycle, reboot
            client.s.settimeout(20)
            assert client.call(316, struct.pack(">iI", kind, 0)).status == r.OK
            client.s.settimeout(0.5)
            with contextlib.suppress(TimeoutError):
                while client.recv().kind == r.MESSAGE:
                    told += 1
    return told


def test_told_to_clients_that_come_back(server, linux, events):
    """For some seconds: each one that registers is told what it missed, once, in order."""
    seen = events()
    qemu = server.qemu(linux)
    with Terminal(server, linux) as terminal, without_core(server):
        terminal.type("\rpoweroff\r")
        wait_for(lambda: house.state(qemu) in ("gone", "Z"), 60, text="the guest powering off")
    assert "due to end of file" in "".join(seen.raw) or seen.proc.wait(10) != 0
    wait_for(lambda: linux not in house.running(server), 10)    # the next core has told all it knows
    begin = time.monotonic()
    assert registered_piecemeal(server) == 2, "the second registration tells nothing again"
    missed = ["Shutdown Finished after guest request", "Stopped Shutdown"]
    back = [events(), events(linux)]
    server.virsh("start", linux)
    for one in back:
        one.wait("Started", 10, linux)
        assert one.lifecycle(linux) == [*missed, "Resumed Unpaused", "Started Booted"]
    time.sleep(max(0, begin + 5.5 - time.monotonic()))
    late = events()
    server.virsh("suspend", linux)
    late.wait("Suspended", 10, linux)
    assert late.lifecycle(linux) == ["Suspended Paused"]
    assert back[0].lifecycle(linux)[4:] == ["Suspended Paused"]


def test_supervisor_dead_while_the_guest_powers_off(server, linux, events):
    """Without its cordon-vm QEMU stops at the poweroff and waits; the replacement sees it and ends it."""
    seen = events()
    core, victim = house.pid(server, "core"), house.vm(server, house.uuid(server, linux))
    qemu = server.qemu(linux)
    with Terminal(server, linux) as terminal:
        terminal.type("\recho wa''it; sleep 3; poweroff\r")
        terminal.expect("wait")
        house.kill(signal.SIGSTOP, core)
        house.kill(signal.SIGKILL, victim)
        used = 0

        def idle():
            nonlocal used
            before, used = used, house.cpu(qemu)
            return before == used
        try:
            time.sleep(3)
            wait_for(idle, 60, 1, text="QEMU, stopped at the poweroff, idle")
        finally:
            house.kill(signal.SIGCONT, core)
    seen.wait("Stopped", 30, linux)
    told = seen.lifecycle(linux)
    assert told[0].startswith("Shutdown Finished") and told[1:] == ["Stopped Shutdown"], told


def test_supervisor_dead_while_paused_by_somebody_else(server, trio, events):
    """States that changed meanwhile come as events, once."""
    seen = events()
    vm = house.vm(server, house.uuid(server, trio[0]))
    server.virsh("suspend", trio[0])
    house.kill(signal.SIGKILL, vm)
    wait_for(lambda: house.vm(server, house.uuid(server, trio[0])) != vm, 10)
    wait_for(lambda: server.virsh("resume", trio[0], check=False).code == 0, 10)
    seen.wait("Resumed", 10, trio[0])
    assert seen.lifecycle(trio[0]) == ["Suspended Paused", "Resumed Unpaused"]


def test_how_it_ended_is_asked_of_its_supervisor(own_server, name):
    """QEMU is dead, its cordon-vm is not: what that one knows is the truth, not that it is gone."""
    server = own_server("log_level = 2\n").start()
    (server.dir / "g.xml").write_text(guests.xml(name, memory=64))
    server.virsh("define", server.dir / "g.xml")
    server.virsh("start", name)
    qemu = server.qemu(name)
    with without_core(server):
        house.kill(signal.SIGKILL, qemu)
        wait_for(lambda: house.state(qemu) in ("gone", "Z"), 20, text="QEMU ending")
    wait_for(lambda: name not in house.running(server), 10)
    told = server.log.read_text()
    assert f"domain '{name}': QEMU ended, status 0x9" in told, told[-2000:]
    assert "while Cordon was away" not in told
    assert server.virsh("domstate", name, "--reason").out.strip() == "shut off (crashed)"


def test_events_that_come_twice_are_told_once(server, trio, events):
    """A cordon-vm sends what is new to a new core before it knows what that one has: and then again."""
    vm = house.vm(server, house.uuid(server, trio[0]))
    house.kill(signal.SIGSTOP, vm)
    with without_core(server):
        house.kill(signal.SIGTERM, server.qemu(trio[0]))
        wait_for(lambda: house.state(server.qemu(trio[0]) or 0) in ("gone", "Z"), 20)
    house.virsh(server, "list")
    seen = events()
    house.kill(signal.SIGCONT, vm)
    seen.wait("Stopped", 10, trio[0])
    assert [s for s in seen.seen(trio[0]) if s.startswith("lifecycle")] == [
        "lifecycle: Shutdown Finished after host request", "lifecycle: Stopped Shutdown"]


def test_viewer_that_was_in_when_core_died(server, trio, events):
    """Its end is told by the next core, with the address of the one it was."""
    display = server.virsh("vncdisplay", trio[2]).out.strip()
    address = ("127.0.0.1", 5900 + int(display.split(":")[1]))
    with socket.create_connection(address, 10) as viewer:
        assert viewer.recv(4) == b"RFB "
        house.kill(signal.SIGKILL, house.pid(server, "core"))
        house.virsh(server, "list")
        wait_for(lambda: server.virsh("resume", trio[2], check=False).code in (0, 1), 10)
        seen = events()
        port = viewer.getsockname()[1]
    seen.wait("graphics: disconnect", 10, trio[2])
    told, = [s for s in seen.seen(trio[2]) if "graphics" in s]
    assert f"remote[IPv4 127.0.0.1 {port}]" in told


def test_every_event_of_a_storm_once(server, trio, events):
    """Kill the supervisors and stop core in the middle of many changes: none twice, none missing."""
    seen = events()
    name = trio[1]
    done = []
    for i in range(12):
        verb = "suspend" if i % 2 == 0 else "resume"
        if i % 4 == 1:
            house.kill(signal.SIGKILL, house.vm(server, house.uuid(server, name)))
        wait_for(lambda v=verb: server.virsh(v, name, check=False).code == 0, 15)
        done.append("Suspended Paused" if i % 2 == 0 else "Resumed Unpaused")
    wait_for(lambda: len(seen.lifecycle(name)) >= len(done), 10)
    assert seen.lifecycle(name) == done


def test_transient(server, define, name):
    """A guest that was never defined lives in a record only: it survives core, and ends by it."""
    path = server.dir / f"{name}.xml"
    path.write_text(guests.xml(name, memory=64))
    server.virsh("create", path)
    house.kill(signal.SIGKILL, house.pid(server, "core"))
    wait_for(lambda: name in house.running(server), 10)
    assert house.virsh(server, "dominfo", name).out.count("Persistent:     no") == 1
    house.virsh(server, "destroy", name)
    assert server.virsh("domstate", name, check=False).code != 0
    house.clean(server)


def test_autodestroy(server, define, name, conn):
    """It ends with its client; and with core, which ends all clients."""
    import libvirt
    define(name, memory=64)
    conn.lookupByName(name).createWithFlags(libvirt.VIR_DOMAIN_START_AUTODESTROY)
    assert name in house.running(server)
    house.kill(signal.SIGKILL, house.pid(server, "core"))
    wait_for(lambda: name not in house.running(server), 10, text="it ending with core")
    house.clean(server)
    client = server.connect()
    client.lookupByName(name).createWithFlags(libvirt.VIR_DOMAIN_START_AUTODESTROY)
    house.kill(signal.SIGKILL, *house.pids(server, "conn"))
    wait_for(lambda: name not in house.running(server), 10, text="it ending with conn")
    house.clean(server)


EDITOR = """#!/bin/sh
set -e
sed 's,</name>,</name><title>{mine}</title>,' "$1" >"$1.new"
cat "$1.new" >"$1"
rm "$1.new"
{meanwhile}
"""


def test_two_clients_edit_one_guest(server, define, name):
    """The second is told that it was too late; nothing of the first one's is lost."""
    define(name, memory=64)
    scripts = [server.dir / f"editor-{name}-{i}" for i in range(2)]
    inner = f"EDITOR={scripts[1]} virsh -c '{server.uri}' edit {name}"
    scripts[0].write_text(EDITOR.format(mine="outer", meanwhile=inner))
    scripts[1].write_text(EDITOR.format(mine="inner", meanwhile=""))
    for script in scripts:
        script.chmod(0o755)
    late = server.virsh("edit", name, check=False, stdin="n\n", env={"EDITOR": str(scripts[0])})
    assert "changed by another user" in late.err, late
    assert server.virsh("desc", "--title", name).out.strip() == "inner"
