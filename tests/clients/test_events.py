# SPDX-License-Identifier: GPL-2.0-or-later
"""The events of each command, their details and their order, as `virsh event --all` prints them."""
import pytest

from lib import guest




# What libvirtd 9.0 sends for each step. Other kinds than lifecycle are listed where they are due.
STEPS = [
    ("start", ["start"], ["Resumed Unpaused", "Started Booted"]),
    ("suspend", ["suspend"], ["Suspended Paused"]),
    ("resume", ["resume"], ["Resumed Unpaused"]),
    ("destroy", ["destroy"], ["Stopped Destroyed"]),
    ("start paused", ["start", "--paused"], ["Started Booted", "Suspended Paused"]),
    ("resume again", ["resume"], ["Resumed Unpaused"]),
    ("destroy again", ["destroy"], ["Stopped Destroyed"]),
]


def test_lifecycle_order(server, name, define, events):
    heard = events()
    path = server.dir / f"{name}.xml"
    define()
    import time
    heard.wait("Defined Added", 5, name)
    count = 1
    for what, command, expected in STEPS:
        server.virsh(command[0], name, *command[1:])
        heard.wait(expected[-1], 5, name)
        time.sleep(0.2)
        assert heard.lifecycle(name)[count:] == expected, what
        count = len(heard.lifecycle(name))
    server.virsh("define", path)
    heard.wait("Defined Updated", 5, name)
    server.virsh("undefine", name)
    heard.wait("Undefined Removed", 5, name)


def test_transient(server, name, events):
    heard = events()
    path = server.dir / f"{name}.xml"
    path.write_text(guest.xml(name))
    server.virsh("create", path)
    server.virsh("destroy", name)
    heard.wait("Stopped Destroyed", 5, name)
    assert heard.lifecycle(name) == ["Resumed Unpaused", "Started Booted", "Stopped Destroyed"]


def test_shutdown(server, define, events):
    name = define(boot="linux")
    heard = events()
    server.virsh("start", name)
    guest.booted(server, name)
    server.virsh("shutdown", name)
    heard.wait("Stopped Shutdown", 30, name)
    assert heard.lifecycle(name) == ["Resumed Unpaused", "Started Booted",
                                     "Shutdown Finished after guest request", "Stopped Shutdown"]


def test_reboot(server, define, events):
    name = define(boot="linux")
    heard = events()
    server.virsh("start", name)
    with guest.Console(server, name) as console:
        console.attached().prompt()
        console.send("reboot")
        console.expect(guest.READY)
    assert [e for e in heard.seen(name) if e.startswith("reboot")]


def test_reset(server, define, events):
    name = define()
    heard = events()
    server.virsh("start", name)
    server.virsh("reset", name)
    heard.wait("reboot", 10, name)


def test_crash(server, define, events):
    name = define(boot="linux", tail="<on_crash>destroy</on_crash>", devices='<panic model="isa"/>',
                  cmdline="console=ttyS0 quiet no_timer_check panic")
    heard = events()
    server.virsh("start", name)
    heard.wait("Stopped Crashed", 60, name)
    assert heard.lifecycle(name)[-2:] == ["Crashed Panicked", "Stopped Crashed"]


def test_qemu_killed(server, define, events):
    import os
    name = define()
    heard = events()
    server.virsh("start", name)
    os.kill(server.qemu(name), 9)
    heard.wait("Stopped", 10, name)
    assert heard.lifecycle(name)[-1] == "Stopped Failed"


def test_metadata_and_balloon(server, define, events):
    name = define(boot="linux")
    heard = events()
    server.virsh("start", name)
    guest.booted(server, name)
    server.virsh("setmem", name, "96M")
    heard.wait("balloon-change: 98304KiB", 20, name)
    server.virsh("metadata", name, "urn:x", "--live", "--key", "x", "--set", "<a/>")
    heard.wait("metadata-change: type element, uri urn:x", 10, name)


def test_failed_start(server, define, events):
    name = define(devices=guest.disk("/nowhere/at/all.raw"))
    heard = events()
    server.virsh("start", name, check=False)
    server.virsh("list")
    import time
    time.sleep(0.5)
    assert not [e for e in heard.lifecycle(name) if e.startswith("Started")]


def test_only_one_domain(server, define, events):
    one, other = define("evone"), define("evother")
    heard = events(one)
    server.virsh("start", other)
    server.virsh("start", one)
    heard.wait("Started Booted", 10)
    assert not heard.seen(other)


@pytest.mark.parametrize("kind", ["lifecycle", "reboot", "balloon-change", "graphics"])
def test_event_command(server, define, kind):
    """One kind, with a time limit: virsh says that nothing came, and exits 0 or 1 without error."""
    name = define()
    result = server.virsh("event", name, kind, "--timeout", "1", check=False)
    assert "error: " not in result.err or "timed out" in result.err, result
