# SPDX-License-Identifier: GPL-2.0-or-later
"""A cordon-core that was taken over (room_core.c): what it is told to aim at, and what came of it. Also
run in the lab, where files have labels."""
import os
import re

import table
from lib import house
from lib.server import wait_for

PATIENCE_S = 120
JUDGED = "forgotten-restore"     # of room_core.c: nothing but the image's label tells


class Aim:
    """Files inside and outside of where images may lie."""

    def __init__(self, stage):
        one = stage.scene
        self.roots, self.outside = one.images, one.folder / "outside.img"
        self.free = self.roots / "free.img"
        self.link, self.hard = self.roots / "link.img", self.roots / "hard.img"
        self.tpm = self.own(stage, "tpm") / one.victim_uuid
        self.tpm.mkdir(mode=0o700)
        self.state = self.tpm / "tpm2-00.permall"      # as swtpm leaves it
        for path in (self.free, self.outside, self.state):
            path.write_bytes(bytes(1 << 20))
        self.link.symlink_to(self.outside)
        os.link(one.image, self.hard)
        st = one.image.stat()
        self.targets = {
            "invariants": 1, "free_image": self.free, "outside": self.outside, "link_out": self.link,
            "dotdot": f"{self.roots}/../../outside.img", "victim_hard": self.hard,
            "run_file": self.own(stage, "run/cordond.lock"), "nvram_file": self.own(stage, "nvram/own.fd"),
            "victim_record": self.own(stage, f"state/domains/{one.victim_uuid}.rec"),
            "victim_log": self.own(stage, "log/guests/victim.log"), "conf": self.own(stage, "cordond.conf"),
            "victim_tpm_file": self.state, "victim_dev": st.st_dev, "victim_ino": st.st_ino,
        }
        # only what is there can be refused
        assert all(self.targets[n].is_file() for n in ("run_file", "victim_record", "victim_log", "conf"))

    @staticmethod
    def own(stage, path):
        """In an instance's folder, of which the lab's is made of links: those alone would be refused."""
        return (stage.server.dir / path).resolve()

    def remove(self):
        for path in (self.free, self.outside, self.link, self.hard, self.state):
            path.unlink(missing_ok=True)
        self.tpm.rmdir()


def label(path):
    """None where the kernel keeps none."""
    try:
        return os.getxattr(path, "security.selinux")
    except OSError:
        return None


def victim_runs(stage):
    return stage.server.virsh("domstate", "victim", check=False).out.strip() == "running"


def attack(stage):
    """{attack: (how it ended, what)}: core is started anew, adopts the victim, and is taken then. A stage
    has a scene and its server, arm(), disarm(), off(), mark(), and text() of the log since a mark."""
    aim, trigger, image = Aim(stage), stage.server.dir / "state/take-over", stage.scene.image
    stage.off()
    before = label(image)
    try:
        at = stage.mark()
        stage.arm("core", **aim.targets)
        house.kill(9, house.pid(stage.server, "core"))
        wait_for(lambda: victim_runs(stage), PATIENCE_S)
        trigger.touch()
        stage.server.virsh("list", check=False, timeout=PATIENCE_S)
        wait_for(lambda: re.findall(r"^escape-room core end", stage.text(at), re.M), PATIENCE_S,
                 text="core was taken over")
        lines = stage.text(at)
    finally:
        trigger.unlink(missing_ok=True)
        stage.disarm()
        aim.remove()
    wait_for(lambda: victim_runs(stage), PATIENCE_S)
    found = {n: (how, what) for n, how, what in re.findall(r"^escape-room core (\S+) (.*?) \| (.*)$", lines, re.M)}
    how, what = found[JUDGED]
    if how == "done":
        how = "void" if before is None else "refused" if label(image) == before else "reached"
    return found | {JUDGED: (how, what)}


def held(how):
    return how == "void" or how.startswith("refused")


def cell(how):
    return "refused" if how.startswith("refused") else table.cell(how)
