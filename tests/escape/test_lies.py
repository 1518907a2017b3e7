# SPDX-License-Identifier: GPL-2.0-or-later
"""A QEMU that lies over QMP and its consoles. Who listens must go on serving others, in bounded memory
and descriptors, and must believe nothing about anybody else."""
import contextlib
import os
import re
import subprocess
import time

import pytest

import scene
import stock
import table
from bombs import BOMB_ANSWER_S, Watch
from lib import house
from lib.server import wait_for

LIES = {
    "garbage": "random bytes", "endless-line": "a line that never ends",
    "endless-depth": "arrays in arrays without end", "wrong-ids": "answers with wrong, odd and repeated ids",
    "wrong-types": "answers of wrong types", "numbers": "numbers beyond every range",
    "event-flood": "events as fast as possible", "event-giant": "events of a megabyte each",
    "descriptors": "500,000 descriptors nobody asked for", "silence": "no answer at all",
    "slow": "one byte at a time", "hang-up": "closing the monitor 2,000 times",
    "foreign": "other guests' paths, and lines for the log", "undead": "it says it ended, and runs on",
    "errors": "every command fails", "console-flood": "a console that never stops",
}
WATCH_S = 1.2
START_S = 20
STOCK_START_S = 1.5      # it tells the lie before the start is over
MEMORY_MAX_KIB = 64 << 10       # more than this at once is no bound
FDS_MAX = 64


class Ear:
    """The processes that listen to this guest: their memory and descriptors, before and at most."""

    def __init__(self, pids):
        self.pids = pids
        self.before = {p: self.look(p) for p in pids}

    @staticmethod
    def look(pid):
        try:
            return house.memory(pid, "VmHWM"), len(os.listdir(f"/proc/{pid}/fd"))
        except OSError:
            return None

    def harm(self):
        """In words; a listener that ended is told by others."""
        found = []
        for pid, old in self.before.items():
            now = self.look(pid)
            if now and old and now[0] - old[0] > MEMORY_MAX_KIB:
                found.append(f"{house.comm(pid)} grew by {now[0] - old[0]} KiB")
            if now and old and now[1] - old[1] > FDS_MAX:
                found.append(f"{house.comm(pid)} has {now[1]} descriptors, had {old[1]}")
        return found


def start(one, patience):
    """What `virsh start` says; "" when it runs."""
    try:
        return one.server.virsh("start", "hostile", check=False, timeout=patience).err
    except subprocess.TimeoutExpired:
        return "it did not answer"


def ask(one, words):
    """About the liar itself: an answer may fail to come."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        one.server.virsh(*words, check=False, timeout=2 * BOMB_ANSWER_S + 5)


def one_lie(one, hostile, lie, listeners, **more):
    """Problems that others saw, in words."""
    hostile.write(monitor=lie, **more)
    log = one.server.log.stat().st_size
    with Watch(one.server) as watch:
        ear = Ear(listeners())
        said = start(one, STOCK_START_S if "monitor_early" in more else START_S)
        ear.before |= {p: Ear.look(p) for p in listeners() if p not in ear.before}
        time.sleep(WATCH_S)
        if not said:
            ask(one, ["domblkinfo", "hostile", "vda"])
            ask(one, ["domstats", "hostile"])
        harm = ear.harm()
        begin = time.monotonic()
        ask(one, ["destroy", "hostile"])
        if time.monotonic() - begin > 2 * BOMB_ANSWER_S:
            harm.append("it cannot be ended")
    if watch.longest > BOMB_ANSWER_S:
        harm.append(f"others waited {watch.longest:.1f} s")
    if watch.failures:
        harm.append("others were not served")
    with open(one.server.log, "rb") as f:
        f.seek(log)
        text = f.read()
    if re.search(rb"^(FORGED|1 launch)", text, re.M) or b"\x1b" in text:
        harm.append("it wrote lines of its own into the log")
    return harm, said


@scene.once
def cordon():
    with scene.Scene(qmp_timeout=3) as one:
        hostile = one.hostile(one, scene.NETWORK)

        def listeners():
            return [house.pid(one.server, "core"), *house.pids(one.server, "vm")]

        found = {}
        for lie in LIES:
            found[lie], said = one_lie(one, hostile, lie, listeners)
            assert not said, f"{lie}: the guest did not start: {said}"
            wait_for(lambda: len(house.pids(one.server, "vm")) == 1, 10, text=f"{lie}: its cordon-vm gone")
        after = one.fingerprint()
        assert after == one.before
    assert not one.left
    return found


@scene.once
def libvirtd():
    with stock.StockScene() as one:
        hostile = one.hostile(one)
        return {lie: one_lie(one, hostile, lie, lambda: [one.server.pid], monitor_early=1)[0] for lie in LIES}


def test_the_truth_is_believed():
    """The control: what this program says over QMP does arrive."""
    with scene.Scene(qmp_timeout=3) as one:
        hostile = one.hostile(one)
        hostile.write(monitor="honest")
        assert hostile.once() == "it runs"
        wait_for(lambda: "65536 KiB" in one.server.virsh("dominfo", "hostile").out, 5, text="the balloon")


@pytest.mark.parametrize("lie", LIES)
def test_lie(lie):
    assert not cordon()[lie]


def page(old):
    ours, theirs = cordon(), libvirtd()
    rows = [[lie, what, table.cell("reached") if ours[lie] else "harmless",
             table.cell("reached") if theirs[lie] else "harmless", "; ".join(theirs[lie]) or "-"]
            for lie, what in LIES.items()]
    head = ["lie", "what", "Cordon", "libvirtd", "what libvirtd did"]
    return table.table(head, rows, old)


def test_page():
    table.check("lies", page)
