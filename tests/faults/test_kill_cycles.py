# SPDX-License-Identifier: GPL-2.0-or-later
"""Two guests started and stopped while processes are killed at random points, again and again: no
image keeps another owner or mode, no uid is two guests', nothing is left. tests/lab/test_kill.py
does it with labels; the thousand cycles of the label journal are those of tests/lab/test_disk.py, and
of the ledger those of tests/unit/ledger_kill.c."""
import contextlib
import os
import random
import signal
import threading
import time

import pytest
from lib import guest as guests
from lib import house
from lib.server import wait_for

pytestmark = pytest.mark.cordon
CYCLES = int(os.environ.get("CORDON_START_CYCLES", 30))
ROOMS = ["core", "launch", "disk", "file", "ledger", "image", "supervisor"]


def ask(server, what):
    """In a thread: one client, who is told what may be told while somebody dies."""
    import libvirt

    def client():
        with contextlib.suppress(libvirt.libvirtError), server.connect() as conn:
            what(conn)
    thread = threading.Thread(target=client)
    thread.start()
    return thread


def strike_within(server, seconds, *threads):
    """Kill a random one at a random moment; then wait for the clients."""
    time.sleep(random.uniform(0, seconds))
    victims = house.pids(server, random.choice(ROOMS))
    house.kill(signal.SIGKILL, *victims)
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "a client waits for ever"
    return bool(victims)


def owners_differ(server):
    """Whether each QEMU has a uid of its own; one that is just ending or being forked may be seen."""
    try:
        owners = [os.stat(f"/proc/{p}").st_uid for p in server.qemus()]
    except FileNotFoundError:
        return False
    return len(set(owners)) == len(owners)


def destroyed(server):
    """Whoever still runs is told to end: a stop may have been undone, or just be under way."""
    left = house.running(server)
    for name in left:
        server.virsh("destroy", name, check=False)
    return not left


def test_starts_and_stops(server, folder):
    import libvirt
    libvirt.registerErrorHandler(lambda *_: None, None)
    base = guests.image(folder / "base.qcow2")
    paths = [base, *(guests.image(folder / f"{n}.qcow2", backing=(base, "qcow2"), size=None) for n in "ab")]
    chain = (f'<backingStore type="file"><format type="qcow2"/><source file="{base}"/>'
             '<backingStore/></backingStore>')
    texts = {n: guests.xml(n, memory=64, devices=guests.disk(folder / f"{n}.qcow2", "qcow2", extra=chain))
             for n in "ab"}
    before = [os.stat(p) for p in paths]
    struck = started = 0
    for cycle in range(CYCLES):
        starts = [ask(server, lambda conn, t=t: conn.createXML(t)) for t in texts.values()]
        struck += strike_within(server, 0.3, *starts)
        alive = house.running(server)
        started += len(alive)
        wait_for(lambda: owners_differ(server), 5, text="a uid for each QEMU")
        stops = [ask(server, lambda conn, n=n: conn.lookupByName(n).destroy()) for n in texts]
        struck += strike_within(server, 0.05, *stops)
        wait_for(lambda: destroyed(server), 20, text="all guests destroyed")
        house.clean(server, 20)
        assert [(s.st_uid, s.st_gid, s.st_mode) for s in map(os.stat, paths)] \
            == [(s.st_uid, s.st_gid, s.st_mode) for s in before], cycle
    print(f"\n{CYCLES} cycles, {struck} deaths, {started} guests that ran nevertheless")
    assert struck >= CYCLES and started
