# SPDX-License-Identifier: GPL-2.0-or-later
"""Long verbs as jobs: domjobinfo, domjobabort, domcontrol; one at a time; without their client."""
import contextlib
import signal
import threading

import libvirt
import pytest

from lib import guest, house
from lib.later import Later
from lib.server import wait_for


def test_of_a_guest_that_is_off(server, define):
    name = define()
    for verb in ("domjobinfo", "domjobabort", "domcontrol"):
        result = server.virsh(verb, name, check=False)
        assert result.code == 1 and "domain is not running" in result.err, (verb, result)
    assert "Job type:         None" in server.virsh("domjobinfo", name, "--completed").out


def test_idle(server, define):
    name = define(memory=64)
    server.virsh("start", name)
    for options in ([], ["--completed"]):
        assert "Job type:         None" in server.virsh("domjobinfo", name, *options).out
    assert server.virsh("domcontrol", name).out.strip() == "ok"
    result = server.virsh("domjobabort", name, check=False)
    assert result.code == 1 and "no job is active on the domain" in result.err, result


@contextlib.contextmanager
def held(server, room):
    """The room does not get on, so that what needs it is seen under way."""
    pid = house.pid(server, room)
    house.kill(signal.SIGSTOP, pid)
    try:
        yield
    finally:
        house.kill(signal.SIGCONT, pid)


def begun(server, name):
    wait_for(lambda: "background job" in server.virsh("domcontrol", name, check=False).out, 10,
             text="the job being there")


def under_way(server, *words):
    """A verb in the background whose job is there."""
    verb = Later(server, *words)
    begun(server, words[1])
    return verb


@pytest.fixture
def with_disk(server, define, folder):
    return define(memory=64, devices=guest.disk(guest.image(folder / "a.qcow2"), fmt="qcow2"))


@pytest.mark.cordon
def test_seen_from_outside(server, with_disk):
    """As libvirtd shows a start; where that waits for the end of it, we answer at once."""
    with held(server, "file"):
        start = under_way(server, "start", with_disk)
        assert server.virsh("domstate", with_disk, "--reason").out.strip() == "paused (starting up)"
        assert " paused" in server.virsh("list").out
        info = server.virsh("domjobinfo", with_disk).out
        assert "Unbounded" in info and "Start" in info and "Time elapsed" in info, info
        conn = server.connect()
        assert conn.lookupByName(with_disk).jobInfo()[0] == libvirt.VIR_DOMAIN_JOB_UNBOUNDED
        conn.close()
        for verb, text in (("start", "already active"), ("suspend", "just being started"),
                           ("resume", "just being started")):
            result = server.virsh(verb, with_disk, check=False)
            assert result.code == 1 and text in result.err.lower(), (verb, result)
    assert start.join().code == 0
    assert server.virsh("domstate", with_disk, "--reason").out.strip() == "running (booted)"
    assert "None" in server.virsh("domjobinfo", with_disk).out


@pytest.mark.cordon
@pytest.mark.parametrize("options", [[], ["--autodestroy"]])
def test_abort_of_a_start(server, with_disk, options):
    before = house.descriptors(server)
    with held(server, "file"):
        start = under_way(server, "start", with_disk, *options)
        server.virsh("domjobabort", with_disk)
        server.virsh("domjobabort", with_disk)                # twice is once
    result = start.join()
    assert result.code == 1 and "operation aborted" in result.err, result
    assert "canceled by client" in result.err
    assert server.virsh("domstate", with_disk, "--reason").out.strip() == "shut off (failed)"
    house.clean(server)
    house.settled(server, before)
    server.virsh("start", with_disk)


@pytest.mark.cordon
def test_abort_while_qemu_boots(server, define):
    """Nobody waits for a supervisor or a QEMU that never answers."""
    name = define(memory=64)
    stop = threading.Event()

    def stopper():
        while not stop.is_set():
            house.kill(signal.SIGSTOP, *house.pids(server, "vm"))
    thread = threading.Thread(target=stopper)
    thread.start()
    try:
        start = under_way(server, "start", name)
        wait_for(lambda: house.pids(server, "vm"), 10)
        server.virsh("domjobabort", name)
        result = start.join(5)
    finally:
        stop.set()
        thread.join()
    assert result.code == 1 and "canceled by client" in result.err, result
    house.clean(server)


@pytest.mark.cordon
def test_a_stop_is_not_broken_off(server, define):
    name = define(memory=64)
    server.virsh("start", name)
    with held(server, "launch"):
        stop = under_way(server, "destroy", name)
        result = server.virsh("domjobabort", name, check=False)
        assert result.code == 1 and "cannot abort stop job" in result.err, result
    assert stop.join().code == 0
    assert server.virsh("domstate", name).out.strip() == "shut off"


@pytest.mark.cordon
@pytest.mark.parametrize("flags, outcome", [(0, "running"),
                                            (libvirt.VIR_DOMAIN_START_AUTODESTROY, "shut off")])
def test_client_gone_in_the_middle(server, with_disk, flags, outcome):
    """A start goes on without who asked for it, unless the guest was to end with them."""
    with held(server, "file"):
        client = server.connect()
        conns = set(house.pids(server, "conn"))
        domain = client.lookupByName(with_disk)

        def ask():
            with contextlib.suppress(libvirt.libvirtError):
                domain.createWithFlags(flags)
        thread = threading.Thread(target=ask)
        thread.start()
        begun(server, with_disk)
        house.kill(signal.SIGKILL, *conns)
        thread.join(10)
    wait_for(lambda: server.virsh("domstate", with_disk).out.strip() == outcome, 10)
    if outcome == "shut off":
        house.clean(server)
