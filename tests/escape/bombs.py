# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether others notice what a guest does: they are asked for, all the while; and what is left of the
processors for who wants them, too. The control is the same bomb beside them, in no cage."""
import contextlib
import json
import os
import subprocess
import sys
import threading
import time

import scene

BOMB_ANSWER_S = 5          # within which others must be served while a guest does its worst
ALONE_TRIES = 3
LOG_KEPT_MAX = 8 << 20
WINDOW_S = 2               # of the HOG_S seconds that processors lasts (resources.c)
SHOWN = 2 / 3              # of what others have for themselves: a bomb that leaves them more shows nothing
# Wants one processor; when its input ends, prints what it had: [[when, processor time]].
SPIN = """
import json, select, sys, time
rows = []
while not select.select([sys.stdin], [], [], 0)[0]:
    stop = time.monotonic() + 0.05
    while time.monotonic() < stop:
        pass
    rows.append([time.monotonic(), time.process_time()])
print(json.dumps(rows))
"""


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


def least(rows):
    """The smallest share of a processor within any WINDOW_S seconds."""
    shares = []
    for begin, had in rows:
        later = next((r for r in rows if r[0] - begin >= WINDOW_S), None)
        if later:
            shares.append((later[1] - had) / (later[0] - begin))
    return min(shares, default=0)


@contextlib.contextmanager
def others():
    """As many as there are processors want one each; the list gets what share of them they had at worst."""
    found = []
    spinners = [subprocess.Popen([sys.executable, "-c", SPIN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
                for _ in range(os.cpu_count())]
    try:
        yield found
    finally:
        rows = [json.loads(s.communicate()[0]) for s in spinners]
    found.append(sum(map(least, rows)) / len(rows))


def uncaged(one, name):
    """The same bomb beside us. Bytes that it left in a log."""
    told, log = one.folder / "targets-alone", one.folder / "flood.log"
    told.write_text("none -\n")
    with open(log, "wb") as out:
        said = subprocess.run([scene.ESCAPE, "control", told, name], check=True, text=True, stdout=subprocess.PIPE,
                              stderr=out).stdout
    assert said == f"{name} done\n", said
    kept = log.stat().st_size
    log.unlink()
    return kept


def caged(one, hostile, name):
    """It runs in its cage; were others kept waiting meanwhile?"""
    hostile.write(only=f" {name} ")
    with Watch(one.server) as watch:
        got = hostile.run()[name]
    assert got == "done", f"{name}: {got}"
    return bool(watch.failures) or watch.longest > BOMB_ANSWER_S or not watch.asked


def log_flood(one, hostile, log):
    """(harm done, harm shown by the control)"""
    waited = caged(one, hostile, "log-flood")
    kept = sum(p.stat().st_size for p in log.parent.glob(log.name + "*"))
    return waited or kept > LOG_KEPT_MAX, uncaged(one, "log-flood") > LOG_KEPT_MAX


def processors(one, hostile, _log):
    """Likewise: what others have of the processors is nearer to what they have beside the bomb in no cage than
    to what they have without."""
    with others() as free:
        time.sleep(WINDOW_S * 3 / 2)
    with others() as beside:
        uncaged(one, "processors")
    with others() as kept:
        waited = caged(one, hostile, "processors")
    print(f"processors for others: {free[0]:.2f} alone, {beside[0]:.2f} beside it uncaged, {kept[0]:.2f} caged")
    return waited or kept[0] ** 2 < free[0] * beside[0], beside[0] < free[0] * SHOWN


JUDGES = {"log-flood": log_flood, "processors": processors}


def judge_alone(one, hostile, results, log, left_out=()):
    """How they ended uncaged: {id: how}. Harm that does not show each time was done by who else keeps this
    machine busy; a control that does so once has shown it."""
    control = {}
    for name in (n for n, (flags, _, _) in scene.attacks().items() if flags & scene.A_ALONE and n not in left_out):
        harmed, shown = True, False
        for _ in range(ALONE_TRIES):
            harm, shows = JUDGES[name](one, hostile, log)
            harmed, shown = harmed and harm, shown or shows
            if shown and not harmed:
                break
        results[name] = "reached" if harmed else "refused contained"
        control[name] = "reached" if shown else "refused harmless"
    return control
