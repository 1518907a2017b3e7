#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs in the lab machine (tests/lab/test_escape.py): the attacks of a cordon-core that was taken over,
in the place of the installed one and in its domain. Standard output as inside.py's."""
import json
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parent)]

import authority  # noqa: E402
import inside  # noqa: E402
import scene  # noqa: E402
from inside import call  # noqa: E402

CORE = Path("/usr/libexec/cordon/cordon-core")
TAKEN = scene.BUILD / "tests/escape/escape-room-core"
TARGETS = CORE.with_name("escape-targets")       # room.c: beside the program


class CoreScene(inside.InsideScene):
    """The room is exchanged, not QEMU; what may be said of it, is what authority.py wants of a stage."""

    def exchange(self):
        call("chcon", "--reference", str(CORE), str(TAKEN))
        call("mount", "--bind", str(TAKEN), str(CORE))
        TARGETS.touch()
        call("chcon", "--reference", str(CORE), str(TARGETS))
        self.scene = self

    def arm(self, room, **targets):
        known = self.targets | {"victim_uuid": self.victim_uuid, "room": room} | targets
        TARGETS.write_text("".join(f"{k} {v}\n" for k, v in known.items() if k != "missing"))

    def disarm(self):
        TARGETS.write_text("")

    off = disarm

    def mark(self):
        return len(self.server.log.read_text())

    def text(self, at):
        return self.server.log.read_text()[at:]


def main():
    inside.prepare()
    with CoreScene() as one:
        victim = inside.label(one)
        found = authority.attack(one)
        now, then = one.fingerprint(), dict(one.before)
        for each in (now, then):
            each.pop("rooms")
        inside.say("core was taken over")
    print(json.dumps({"core": found, "same": now == then, "label": victim}))


if __name__ == "__main__":
    main()
