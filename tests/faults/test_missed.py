# SPDX-License-Identifier: GPL-2.0-or-later
"""What happened while one of our processes was away is told afterwards, once and in order."""
import os
import select
import signal
import time

import pytest
from lib import guest as guests
from lib import house
from lib.server import wait_for

pytestmark = pytest.mark.cordon


@pytest.fixture
def linux(server, define):
    """A guest whose user space answers."""
    name = define(boot="linux")
    server.virsh("start", name)
    guests.booted(server, name)
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
    with Terminal(server, linux) as terminal:
        house.kill(signal.SIGSTOP, server.pid)              # so that nobody starts another core
        house.kill(signal.SIGKILL, house.pid(server, "core"))
        try:
            terminal.type("\rpoweroff\r")
            wait_for(lambda: house.state(qemu) in ("gone", "Z"), 60, text="the guest powering off")
        finally:
            house.kill(signal.SIGCONT, server.pid)
    wait_for(lambda: linux not in house.running(server), 10)
    assert house.virsh(server, "domstate", linux, "--reason").out.strip() == "shut off (shutdown)"
    house.clean(server)


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
