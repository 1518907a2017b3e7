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
LABELS = ("control-label", "label-type")     # void where files have no labels
ABOVE = 2147483646     # behind guest_uid_max, on every host
# Why it is refused, as a regular expression: the wall that is meant, and no other on the way to it.
DENIED, ROOTS, LINK = "which image_deny in cordond.conf closes", "below image_roots of .*`cordon storage add-root", "a part of it is a symbolic link"
BUSY, LOCKED = "is in use by guest .*, which writes it", "in use by a process of this host that is none of our guests"
TYPE = "kernel has no policy|its type is none of virtual_domain_context"
WHY = {
    "open-shadow": DENIED, "open-outside": ROOTS, "open-dotdot": r"has a '\.\.' in it", "open-link": LINK,
    "open-root-link": LINK, "open-record": DENIED, "open-tpm": DENIED, "open-log": DENIED, "open-conf": DENIED,
    "open-run": DENIED, "open-proc": DENIED, "open-disk": ROOTS, "second-writer": BUSY, "second-shareable": BUSY,
    "second-reader": BUSY, "second-hardlink": BUSY, "second-block": BUSY, "plain-shadow": DENIED,
    "nvram-template": "lies in none of the firmware folders", "nvram-outside": DENIED,
    "nvram-unlink": "is not below .*nvram", "stat-shadow": DENIED,
    "label-victim": "is not open for this guest", "label-type": "must not be given the label",
    "claim-unconfined": TYPE, "claim-cordon": TYPE, "claim-garbage": "is no SELinux label",
    "claim-no-pair": "kernel has no policy|categor", "release-victim": "its cage is there",
    "start-root": "uid 0 is none of", "start-user": "uid 1000 is none of", "start-above": f"uid {ABOVE} is none of",
    "start-taken": r"uid \d+ is guest .*'s", "start-unclaimed": "its uids are not claimed", "start-victim": "its cage is there already",
    "start-descriptors": "rows and descriptors do not match",
    "forgotten-writer": LOCKED, "forgotten-reader": LOCKED, "forgotten-block": LOCKED,
    "forgotten-label": "is not open for this guest",
}


class Aim:
    """Files inside and outside of where images may lie."""

    def __init__(self, stage):
        one = stage.scene
        self.roots, self.outside = one.images, one.folder / "outside.img"
        self.free, self.kernel = self.roots / "free.img", self.roots / "kernel.img"
        self.link, self.hard = self.roots / "link.img", self.roots / "hard.img"
        self.claims = []
        for path in (self.free, self.kernel, self.outside):
            path.write_bytes(bytes(1 << 20))
        self.link.symlink_to(self.outside)
        os.link(one.image, self.hard)
        st = one.image.stat()
        self.targets = {
            "invariants": 1, "free_image": self.free, "free_kernel": self.kernel, "outside": self.outside, "link_out": self.link,
            "dotdot": f"{self.roots}/../../outside.img", "victim_hard": self.hard,
            "run_file": self.own(stage, "run/cordond.lock"), "nvram_file": self.own(stage, "nvram/own.fd"),
            "victim_record": self.own(stage, f"state/domains/{one.victim_uuid}.rec"),
            "victim_log": self.own(stage, "log/guests/victim.log"), "conf": self.own(stage, "cordond.conf"),
            "victim_tpm_file": one.targets["victim_tpm_state"].resolve(), "victim_dev": st.st_dev, "victim_ino": st.st_ino,
        }
        # only what is there can be refused
        assert all(self.targets[n].is_file() for n in ("run_file", "victim_record", "victim_log", "conf"))

    @staticmethod
    def own(stage, path):
        """In an instance's folder, of which the lab's is made of links: those alone would be refused."""
        return (stage.server.dir / path).resolve()

    def forge(self, stage):
        """Claims that cordon-ledger would not make (src/ledger/book.h), for the guests of start_forged()."""
        run = stage.server.place("run").stat()
        for last, uid in enumerate((0, 1000, ABOVE, stage.scene.targets["victim_uid"]), 0xf0):
            claim = house.CLAIMS / f"{run.st_dev:x}-{run.st_ino:x}.0e5ca9e0-0000-4000-8000-0000000000{last:x}"
            claim.symlink_to(f"{uid} - ")
            self.claims.append(claim)

    def remove(self):
        for path in (self.free, self.kernel, self.outside, self.link, self.hard, *self.claims):
            path.unlink(missing_ok=True)


def label(path):
    """None where the kernel keeps none."""
    try:
        return os.getxattr(path, "security.selinux")
    except OSError:
        return None


def victim_runs(stage):
    return stage.server.virsh("domstate", "victim", check=False).out.strip() == "running"


def attack(stage):
    """{attack: (how it ended, what, why)}: core is started anew, adopts the victim, and is taken then. A stage
    has a scene and its server, arm(), disarm(), off(), mark(), and text() of the log since a mark."""
    aim, trigger, image = Aim(stage), stage.server.dir / "state/take-over", stage.scene.image
    stage.off()
    before = label(image)
    try:
        at = stage.mark()
        stage.arm("core", **aim.targets)
        house.kill(9, house.pid(stage.server, "core"))
        wait_for(lambda: victim_runs(stage), PATIENCE_S)
        aim.forge(stage)
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
    # the journal leaves out blanks at the end
    found = {n: said for n, *said in re.findall(r"^escape-room core (\S+) (.*?) \| (.*?) \| ?(.*)$", lines, re.M)}
    how, what, why = found[JUDGED]
    if how == "done":
        how = "void" if before is None else "refused" if label(image) == before else "reached"
    return found | {JUDGED: (how, what, why)}


def void(name, how):
    return how == "void" and name in (JUDGED, *LABELS)


def held(found):
    """What did not come out as it has to: {attack: (how, what, why)}. A control has to be reached, all else to be
    refused for its own reason."""
    def fine(name, how, why):
        if void(name, how):
            return True
        if name.startswith("control-"):
            return how == "reached"
        return name == JUDGED and how == "refused" or \
            how == "refused EACCES" and name in WHY and re.search(WHY[name], why)
    return {name: said for name, said in found.items() if not fine(name, said[0], said[2])}


def cell(how):
    return "refused" if how.startswith("refused") else table.cell(how)
