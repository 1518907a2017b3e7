# SPDX-License-Identifier: GPL-2.0-or-later
"""on_poweroff, on_reboot and on_crash are obeyed."""
import pytest

from lib import guest
from lib.server import wait_for


@pytest.mark.parametrize("policy, command, ends", [
    ("<on_poweroff>destroy</on_poweroff>", "poweroff", "shut off (shutdown)"),
    ("<on_poweroff>restart</on_poweroff>", "poweroff", "boots"),
    ("<on_reboot>restart</on_reboot>", "reboot", "boots"),
    ("<on_reboot>destroy</on_reboot>", "reboot", "shut off"),
    ("<on_reboot>destroy</on_reboot><on_crash>restart</on_crash>", "panic", "shut off"),
    ("<on_crash>destroy</on_crash>", "panic", "shut off (crashed)"),
    ("<on_crash>restart</on_crash>", "panic", "boots"),
    ("<on_crash>preserve</on_crash>", "panic", "crashed (panicked)"),
], ids=lambda p: str(p).split("<")[1].replace(">", "-") if str(p).startswith("<") else p.split()[0])
def test_policy(server, define, policy, command, ends):
    name = define(boot="linux", tail=policy, devices='<panic model="isa"/>')
    server.virsh("start", name)
    with guest.Console(server, name) as console:
        console.attached().prompt()
        console.send(command)
        if ends == "boots":
            console.expect(guest.READY, timeout=60)
            assert server.virsh("domstate", name).out.strip() == "running"
            if command != "panic":
                return
            # that is over: how it ends now is told for itself
            console.prompt()
            console.send("poweroff")
            ends = "shut off (shutdown)"
        wait_for(lambda: server.virsh("domstate", "--reason", name).out.strip().startswith(ends),
                 30, 0.1, text=ends)


def test_reboot_of_one_that_ends_instead(server, define):
    """virsh reboot is a poweroff and a reset, and on_reboot='destroy' allows no reset."""
    name = define(boot="linux", tail="<on_reboot>destroy</on_reboot>")
    server.virsh("start", name)
    guest.booted(server, name)
    server.virsh("reboot", name)
    wait_for(lambda: server.virsh("domstate", name).out.strip() == "shut off", 30, 0.1, text="shut off")


def test_a_reboot_is_asked_for_once(server, define):
    """A guest that answers the request for a reboot with a reset of its own may power off later."""
    name = define(boot="linux", cmdline="console=ttyS0 quiet no_timer_check deaf")
    server.virsh("start", name)
    with guest.Console(server, name) as console:
        console.attached().prompt()
        server.virsh("reboot", name)
        console.send("reboot")
        console.expect(guest.READY)
        console.prompt()
        console.send("poweroff")
        wait_for(lambda: server.virsh("domstate", name).out.strip() == "shut off", 30, 0.1, text="shut off")


def test_a_crashed_guest_boots_again(server, define):
    """It waits as it is; a reset alone does not let it go on."""
    name = define(boot="linux", tail="<on_crash>preserve</on_crash>", devices='<panic model="isa"/>')
    server.virsh("start", name)
    with guest.Console(server, name) as console:
        console.attached().prompt()
        console.send("panic")
        wait_for(lambda: server.virsh("domstate", name).out.strip() == "crashed", 30, 0.1, text="crashed")
        server.virsh("reset", name)
        server.virsh("resume", name)
        console.expect(guest.READY)
    assert server.virsh("domstate", name).out.strip() == "running"
