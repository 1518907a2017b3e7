# SPDX-License-Identifier: GPL-2.0-or-later
"""Every command that moves a guest from state to state, the state it ends in and the reason."""
import os
import re
import signal
import time

import libvirt
import pytest

from lib import guest
from lib.server import wait_for


def state(server, name):
    return server.virsh("domstate", "--reason", name).out.strip()


def reaches(server, name, text, timeout=60):
    wait_for(lambda: state(server, name) == text, timeout, 0.1,
             text=f"{name}: {text} (is {state(server, name)})")


def test_start_destroy(server, define):
    name = define()
    assert state(server, name) == "shut off (unknown)"
    server.virsh("start", name)
    assert state(server, name) == "running (booted)"
    assert server.virsh("domid", name).out.strip().isdigit()
    assert server.qemu(name)
    server.virsh("destroy", name)
    assert state(server, name) == "shut off (destroyed)"
    wait_for(lambda: server.qemu(name) is None, 5)


def test_start_twice(server, define):
    name = define()
    server.virsh("start", name)
    again = server.virsh("start", name, check=False)
    assert again.code != 0 and "already active" in again.err


def test_paused_start_and_resume(server, define):
    name = define()
    server.virsh("start", "--paused", name)
    assert state(server, name) == "paused (user)"
    server.virsh("resume", name)
    assert state(server, name) == "running (unpaused)"
    server.virsh("suspend", name)
    assert state(server, name) == "paused (user)"
    # A second suspend is fine, a second resume is not.
    server.virsh("suspend", name)
    server.virsh("resume", name)
    again = server.virsh("resume", name, check=False)
    assert again.code != 0 and "already running" in again.err
    assert state(server, name) == "running (unpaused)"


def test_create(server, name):
    path = server.dir / f"{name}.xml"
    path.write_text(guest.xml(name))
    server.virsh("create", path)
    assert re.search(r"Persistent: +no", server.virsh("dominfo", name).out)
    server.virsh("destroy", name)
    assert server.virsh("domstate", name, check=False).code != 0


def test_dominfo(server, define):
    name = define(memory=160)
    off = server.virsh("dominfo", name).out
    for pattern in (r"Id: +-", rf"Name: +{name}", r"UUID: +[0-9a-f-]{36}", r"OS Type: +hvm",
                    r"State: +shut off", r"CPU\(s\): +1", r"Max memory: +163840 KiB",
                    r"Used memory: +163840 KiB", r"Persistent: +yes", r"Autostart: +disable",
                    r"Managed save: +no"):
        assert re.search(pattern, off), pattern
    server.virsh("start", name)
    on = server.virsh("dominfo", name).out
    for pattern in (r"Id: +\d+", r"State: +running", r"CPU time: +[\d.]+s"):
        assert re.search(pattern, on), pattern


def test_cpu_time_grows(server, define, conn):
    name = define(boot="linux")
    server.virsh("start", name)
    dom = conn.lookupByName(name)
    first = dom.info()[4]
    time.sleep(1.5)
    assert dom.info()[4] > first > 0


def test_destroy_graceful(server, define):
    name = define()
    server.virsh("start", name)
    server.virsh("destroy", "--graceful", name)
    assert state(server, name) == "shut off (destroyed)"


@pytest.mark.cordon
def test_destroy_graceful_has_an_end(own_server, name):
    """shutdown_timeout: a QEMU that does not quit is not killed, and who asked is told."""
    one = own_server("shutdown_timeout = 1\n").start()
    path = one.dir / "g.xml"
    path.write_text(guest.xml(name, memory=64))
    one.virsh("define", path)
    one.virsh("start", name)
    qemu = one.qemu(name)
    os.kill(qemu, signal.SIGSTOP)
    begin = time.monotonic()
    result = one.virsh("destroy", "--graceful", name, check=False)
    took = time.monotonic() - begin
    assert result.code != 0 and "did not end within 1 s (shutdown_timeout)" in result.err, result
    assert 1 <= took < 10, "not the default's 15"
    assert one.qemu(name) == qemu
    one.virsh("destroy", name)
    assert state(one, name) == "shut off (destroyed)"


def test_shutdown_by_power_button(server, booted):
    name = booted()
    server.virsh("shutdown", name)
    reaches(server, name, "shut off (shutdown)", 30)


def test_shutdown_mode_acpi(server, booted):
    name = booted()
    server.virsh("shutdown", "--mode", "acpi", name)
    reaches(server, name, "shut off (shutdown)", 30)


@pytest.mark.parametrize("verb", ["shutdown", "reboot"])
def test_ways_to_ask(server, define, verb):
    name = define()
    server.virsh("start", name)
    refused = server.virsh(verb, "--mode", "agent", name, check=False)
    assert refused.code != 0 and "argument unsupported: QEMU guest agent" in refused.err, refused
    server.virsh(verb, "--mode", "acpi,agent", name)


def test_shutdown_of_a_paused_guest(server, define, conn):
    name = define()
    server.virsh("start", "--paused", name)
    with pytest.raises(libvirt.libvirtError) as refused:
        conn.lookupByName(name).shutdown()
    assert refused.value.get_error_code() == libvirt.VIR_ERR_OPERATION_INVALID
    assert "domain is not running" in str(refused.value)
    server.virsh("resume", name)
    server.virsh("shutdown", name)


@pytest.mark.parametrize("call", [
    lambda d: d.state(1), lambda d: d.injectNMI(1), lambda d: d.pMWakeup(1), lambda d: d.reset(1),
    lambda d: d.sendKey(libvirt.VIR_KEYCODE_SET_LINUX, 0, [30], 1, 1), lambda d: d.hasManagedSaveImage(1),
], ids=["state", "nmi", "wakeup", "reset", "key", "managedsave"])
def test_flags_that_nobody_knows(server, define, conn, call):
    name = define()
    server.virsh("start", name)
    with pytest.raises(libvirt.libvirtError) as refused:
        call(conn.lookupByName(name))
    assert refused.value.get_error_code() == libvirt.VIR_ERR_INVALID_ARG, refused.value


def test_shutdown_is_only_a_wish(server, booted):
    name = booted(cmdline="console=ttyS0 quiet no_timer_check deaf")
    server.virsh("shutdown", name)
    time.sleep(2)
    assert server.virsh("domstate", name).out.strip() in ("running", "in shutdown")
    server.virsh("destroy", name)
    assert state(server, name) == "shut off (destroyed)"


def test_guest_powers_itself_off(server, define):
    name = define(boot="linux", cmdline="console=ttyS0 quiet no_timer_check off")
    server.virsh("start", name)
    reaches(server, name, "shut off (shutdown)")


def test_reset_boots_again(server, define):
    name = define(boot="linux")
    server.virsh("start", name)
    with guest.Console(server, name) as console:
        console.attached().prompt()
        pid = server.qemu(name)
        server.virsh("reset", name)
        console.expect(guest.READY, timeout=60)
    assert server.qemu(name) == pid
    assert server.virsh("domstate", name).out.strip() == "running"


def test_reboot_boots_again(server, define):
    """Without an agent a reboot is a power button press, after which the guest is reset."""
    name = define(boot="linux")
    server.virsh("start", name)
    with guest.Console(server, name) as console:
        console.attached().prompt()
        pid = server.qemu(name)
        server.virsh("reboot", name)
        console.expect(guest.READY, timeout=60)
    assert server.qemu(name) == pid
    assert server.virsh("domstate", name).out.strip() == "running"


def test_guest_reboots_itself(server, define):
    name = define(boot="linux")
    server.virsh("start", name)
    with guest.Console(server, name) as console:
        console.attached().prompt()
        pid = server.qemu(name)
        console.send("reboot")
        console.expect(guest.READY, timeout=60)
    assert server.qemu(name) == pid


def test_autodestroy(server, define):
    name = define()
    conn = server.connect()
    dom = conn.lookupByName(name)
    dom.createWithFlags(libvirt.VIR_DOMAIN_START_AUTODESTROY)
    assert server.virsh("domstate", name).out.strip() == "running"
    # Python keeps the connection as long as anything refers to it.
    del dom
    conn.close()
    reaches(server, name, "shut off (destroyed)", 10)


def test_autodestroy_of_a_client_that_dies(server, define):
    name = define()
    with guest.Console(server, name, command=["start", name, "--autodestroy", "--console"]) as console:
        console.expect("Escape character")
        reaches(server, name, "running (booted)", 10)
        console.child.kill(9)
        reaches(server, name, "shut off (destroyed)", 10)


def test_qemu_killed(server, define):
    import os
    name = define()
    server.virsh("start", name)
    os.kill(server.qemu(name), 9)
    reaches(server, name, "shut off (crashed)", 10)
    server.virsh("start", name)
    assert state(server, name) == "running (booted)"


@pytest.mark.parametrize("flag", ["--bypass-cache", "--force-boot"])
def test_start_flags_without_a_saved_state(server, define, flag):
    name = define()
    server.virsh("start", flag, name)
    assert state(server, name) == "running (booted)"


def test_failed_start_leaves_it_off(server, define, conn):
    name = define(devices=guest.disk("/nowhere/at/all.raw"))
    result = server.virsh("start", name, check=False)
    assert result.code != 0
    assert "/nowhere/at/all.raw" in result.err
    assert server.virsh("domstate", name).out.strip() == "shut off"
    assert server.qemu(name) is None
