# SPDX-License-Identifier: GPL-2.0-or-later
"""What happened while one of our processes was away is told afterwards, once and in order."""
import os
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


def typed(server, name, text):
    """Type into the guest's console from outside of Cordon, so that nothing of ours is needed."""
    tty = server.virsh("ttyconsole", name).out.strip()
    fd = os.open(tty, os.O_RDWR | os.O_NOCTTY)
    os.write(fd, text.encode())
    return fd


def test_core_stopped(server, linux, events):
    """Clients that stay connected are told of all that queued up while core did not run."""
    seen = events()
    core = house.pid(server, "core")
    fd = typed(server, linux, "\r")
    house.kill(signal.SIGSTOP, core)
    try:
        os.write(fd, b"reboot\r")
        time.sleep(0.5)
        os.write(fd, b"\r")
    finally:
        qemu = server.qemu(linux)
        wait_for(lambda: house.state(qemu) in "SRD", 5)
        time.sleep(3)
        house.kill(signal.SIGCONT, core)
        os.close(fd)
    seen.wait("reboot", 60, linux)
    guests.booted(server, linux)
    fd = typed(server, linux, "\r")
    house.kill(signal.SIGSTOP, core)
    try:
        os.write(fd, b"poweroff\r")
        wait_for(lambda: house.state(qemu) in ("gone", "Z"), 60, text="the guest powering off")
    finally:
        house.kill(signal.SIGCONT, core)
        os.close(fd)
    seen.wait("Stopped", 20, linux)
    assert seen.lifecycle(linux) == ["Shutdown Finished after guest request",
                                     "Stopped Shutdown"], seen.seen(linux)
    assert [s for s in seen.seen(linux) if s.startswith("reboot")] == ["reboot"]
    assert server.virsh("domstate", linux, "--reason").out.strip() == "shut off (shutdown)"


def test_core_dead_while_the_guest_powers_off(server, linux):
    """The next core hears from the guest's cordon-vm how it ended."""
    fd = typed(server, linux, "\r")
    qemu = server.qemu(linux)
    house.kill(signal.SIGSTOP, server.pid)              # so that nobody starts another core
    house.kill(signal.SIGKILL, house.pid(server, "core"))
    try:
        os.write(fd, b"poweroff\r")
        wait_for(lambda: house.state(qemu) in ("gone", "Z"), 60, text="the guest powering off")
    finally:
        os.close(fd)
        house.kill(signal.SIGCONT, server.pid)
    wait_for(lambda: linux not in house.running(server), 10)
    assert house.virsh(server, "domstate", linux, "--reason").out.strip() == "shut off (shutdown)"
    house.clean(server)


def test_supervisor_dead_while_the_guest_powers_off(server, linux, events):
    """No cordon-vm: QEMU stops at the poweroff and waits; the replacement sees it and ends it."""
    seen = events()
    fd = typed(server, linux, "\r")
    # The terminal's other end is held by launch as well, but nobody moves its bytes: poweroff first.
    os.write(fd, b"sleep 2; poweroff\r")
    time.sleep(0.5)
    house.kill(signal.SIGSTOP, house.pid(server, "core"))
    house.kill(signal.SIGKILL, house.vm(server, house_uuid(server, linux)))
    time.sleep(6)
    os.close(fd)
    house.kill(signal.SIGCONT, house.pid(server, "core"))
    seen.wait("Stopped", 30, linux)
    assert seen.lifecycle(linux) == ["Shutdown Finished", "Stopped Shutdown"] or \
        seen.lifecycle(linux) == ["Shutdown Finished after guest request", "Stopped Shutdown"]


def house_uuid(server, name):
    """From the state folder: core may be stopped."""
    for path in (server.dir / "state/domains").glob("*.xml"):
        if f"<name>{name}</name>" in path.read_text():
            return path.stem
    raise AssertionError(f"no {name}")


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


def test_two_clients_edit_one_guest(server, define, name, conn):
    """The second is told; nothing is lost."""
    import libvirt
    define(name, memory=64)
    other = server.connect()
    flags = libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE
    first = conn.lookupByName(name).XMLDesc(flags)
    second = other.lookupByName(name).XMLDesc(flags)
    conn.defineXML(first.replace("</name>", "</name><title>first</title>"))
    # virsh edit reads again before it defines; a client that does not loses by libvirt's own rules
    assert other.lookupByName(name).XMLDesc(flags) != second
    assert conn.lookupByName(name).XMLDesc(flags).count("<title>first</title>") == 1
    other.close()
