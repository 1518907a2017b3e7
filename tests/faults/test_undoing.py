# SPDX-License-Identifier: GPL-2.0-or-later
"""QEMU is gone, but its cage and files are not undone yet: what a guest is called, and may be asked, until then."""
import contextlib
import os
import signal
import time
import uuid as uuids

import libvirt
import pytest
from lib import guest as guests
from lib import house
from lib.server import wait_for

pytestmark = pytest.mark.cordon
TPM = '<tpm model="tpm-crb"><backend type="emulator" version="2.0"/></tpm>'


@contextlib.contextmanager
def not_undone(server, name):
    """The guest powered off, and launch does not answer for its cage until the end."""
    launch = house.pid(server, "launch")
    qemu = server.qemu(name)
    house.kill(signal.SIGSTOP, launch)
    try:
        house.kill(signal.SIGTERM, qemu)                   # QEMU says that it was told to end
        wait_for(lambda: house.state(qemu) in ("gone", "Z"), 20, text="QEMU ending")
        # cordon-vm's last words have reached core once it is asked no more
        wait_for(lambda: server.virsh("domstate", name).out.strip() != "running", 10)
        time.sleep(0.5)
        yield
    finally:
        house.kill(signal.SIGCONT, launch)


def test_shut_off_when_it_is(server, define, name, conn):
    """Not before: a guest that is told to be off can be started."""
    define(name, memory=64)
    server.virsh("start", name)
    dom = conn.lookupByName(name)
    with not_undone(server, name):
        assert dom.state()[0] == libvirt.VIR_DOMAIN_SHUTDOWN and dom.isActive()
        with pytest.raises(libvirt.libvirtError, match="already running"):
            dom.create()
    wait_for(lambda: dom.state()[0] == libvirt.VIR_DOMAIN_SHUTOFF, 10, step=0)
    assert dom.state() == [libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_SHUTDOWN]
    dom.create()


def test_killed(server, define, name, conn):
    """Also one whose QEMU said nothing is in shutdown until it is off, and then crashed."""
    define(name, memory=64)
    server.virsh("start", name)
    dom = conn.lookupByName(name)
    qemu, launch = server.qemu(name), house.pid(server, "launch")
    house.kill(signal.SIGSTOP, launch)
    try:
        house.kill(signal.SIGKILL, qemu)
        wait_for(lambda: dom.state()[0] != libvirt.VIR_DOMAIN_RUNNING, 10)
        assert dom.state()[0] == libvirt.VIR_DOMAIN_SHUTDOWN
    finally:
        house.kill(signal.SIGCONT, launch)
    wait_for(lambda: dom.state()[0] == libvirt.VIR_DOMAIN_SHUTOFF, 10)
    assert dom.state()[1] == libvirt.VIR_DOMAIN_SHUTOFF_CRASHED


def test_started_as_soon_as_it_is_off(server, define, name, conn):
    define(name, memory=64)
    dom = conn.lookupByName(name)
    for _ in range(5):
        dom.create()
        house.kill(signal.SIGTERM, server.qemu(name))
        end = time.monotonic() + 20
        while dom.state()[0] != libvirt.VIR_DOMAIN_SHUTOFF and time.monotonic() < end:
            pass
    dom.create()


@pytest.mark.parametrize("option, stays", [("--tpm", False), ("--keep-tpm", True)])
def test_tpm_of_one_that_is_undefined_meanwhile(server, define, name, option, stays):
    """Its secrets are not the next one's who comes with this uuid."""
    uuid = str(uuids.uuid4())
    define(name, uuid=uuid, devices=TPM)
    state = server.place("tpm") / uuid
    server.virsh("start", name)
    with not_undone(server, name):
        server.virsh("undefine", option, name)
        assert state.is_dir()
    wait_for(lambda: server.virsh("domstate", name, check=False).code, 10, text="the guest gone")
    assert os.path.isdir(state) == stays
    house.clean(server)
