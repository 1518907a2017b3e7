# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether others notice what a guest does: they are asked for, all the while."""
import threading
import time

import scene

BOMB_ANSWER_S = 5          # within which others must be served while a guest does its worst
ALONE_TRIES = 3


class Watch(threading.Thread):
    """Asks for the victim again and again: the longest time that an answer took, and failures."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.going, self.longest, self.failures, self.asked = server, True, 0, [], 0

    def run(self):
        while self.going:
            begin = time.monotonic()
            result = self.server.virsh("domstate", "victim", check=False)
            self.longest = max(self.longest, time.monotonic() - begin)
            self.asked += 1
            if result.out.strip() != "running":
                self.failures.append(result)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.going = False
        self.join()


def harm(one, hostile, name, log):
    """Run one attack that only shows outside: did the others notice?"""
    hostile.write(only=f" {name} ")
    with Watch(one.server) as watch:
        got = hostile.run()[name]
    assert got == "done", f"{name}: {got}"
    kept = sum(p.stat().st_size for p in log.parent.glob(log.name + "*"))
    return watch.failures or watch.longest > BOMB_ANSWER_S or not watch.asked or \
        (name == "log-flood" and kept > 8 << 20)


def judge_alone(one, hostile, results, log, left_out=()):
    """Harm that does not show each time was done by who else keeps this machine busy."""
    for name in (n for n, (flags, _, _) in scene.attacks().items() if flags & scene.A_ALONE and n not in left_out):
        harmed = all(harm(one, hostile, name, log) for _ in range(ALONE_TRIES))
        results[name] = "reached" if harmed else "refused contained"
