# SPDX-License-Identifier: GPL-2.0-or-later
"""What a taken-over QEMU writes into its own image, and who moves paths about while they are opened.

A guest with such an image is started; the hostile program in QEMU's place then looks whether any
descriptor it was given shows another guest's secret.
"""
import os
import re
import shutil
import struct
import subprocess

import scene
import table
from lib import guest
from scene import ESCAPE

RACE_ROUNDS = 100
NAIVE_TRIES = 20
RACER_UID = 65534


def forge(path, backing=b"", fmt=b"raw", incompatible=0, data_file=b""):
    """A qcow2 header as somebody who may write the file can make it."""
    head = 104
    extensions = b""
    for kind, text in ((0xE2792ACA, fmt), (0x44415441, data_file)):
        if text:
            extensions += struct.pack(">II", kind, len(text)) + text.ljust(-(-len(text) // 8) * 8, b"\0")
    extensions += bytes(8)
    at = head + len(extensions)
    data = struct.pack(">4sIQIIQIIQQIIQQQQII", b"QFI\xfb", 3, at if backing else 0, len(backing), 16,
                       1 << 20, 0, 1, 3 << 16, 1 << 16, 1, 0, 0, incompatible, 0, 0, 4, head)
    assert len(data) == head
    data = data + extensions + backing
    image = bytearray(data.ljust(1 << 16, b"\0"))
    image += struct.pack(">Q", 2 << 16).ljust(1 << 16, b"\0")            # refcount table
    image += struct.pack(">4H", 1, 1, 1, 1).ljust(1 << 16, b"\0")        # refcount block
    image += bytes(1 << 16)                                              # l1
    path.write_bytes(image)
    path.chmod(0o600)
    return path


def json_name(text):
    return b'json:{"driver":"raw","file":{"driver":"file","filename":"' + text + b'"}}'


# Why Cordon says no: each by its own check.
BUSY, ODD, UNLISTED = "in use by guest", "is not a plain file name", "is not listed in the disk's definition"
LISTED = "is a disk of domain 'victim'"
# name: (a word of the refusal, what, header from the scene)
CHAINS = {
    "absolute": (BUSY, "another guest's image by its path", lambda s, v: {"backing": v}),
    "relative": (BUSY, "by a relative path", lambda s, v: {"backing": b"./victim.img"}),
    "upwards": (BUSY, "by ../../..", lambda s, v: {"backing": b"../" * 12 + v.lstrip(b"/")}),
    "json": (ODD, "by a json: name", lambda s, v: {"backing": json_name(v)}),
    "file-scheme": (ODD, "by file:", lambda s, v: {"backing": b"file:" + v}),
    "block": (UNLISTED, "another guest's block device",
              lambda s, v: {"backing": str(s.block.get("victim_block", "/dev/loop0")).encode()}),
    "fat": (ODD, "a folder as a FAT disk", lambda s, v: {"backing": b"fat:" + str(s.images).encode()}),
    "nbd": (ODD, "a server", lambda s, v: {"backing": b"nbd://127.0.0.1/x"}),
    "proc": (UNLISTED, "cordon-file's own descriptors", lambda s, v: {"backing": b"/proc/self/fd/3"}),
    "shadow": (UNLISTED, "/etc/shadow", lambda s, v: {"backing": b"/etc/shadow"}),
    "record": (UNLISTED, "another guest's record", lambda s, v: {"backing": str(s.targets["victim_record"]).encode()}),
    "data-file": ("external data file", "another guest's image as the data of one's own",
                  lambda s, v: {"incompatible": 4, "data_file": v}),
    "itself": ("its backing chain leads back", "a chain that has no end", lambda s, v: {"backing": str(s.images / "forged.qcow2").encode(),
                                                       "fmt": b"qcow2"}),
    "nul": ("the backing file's name is no text", "a name with a NUL in it", lambda s, v: {"backing": str(s.backing).encode() + b"\0" + v}),
}


def liar(stage):
    """A guest whose second disk is forged."""
    disk = stage.images / "forged.qcow2"
    forge(disk, str(stage.backing).encode())
    return stage.hostile(stage, guest.disk(disk, "qcow2", dev="vdb"), only=" fd-inventory ")


def shown(one, secret=None):
    """Start it and let it look: how fd-inventory ended, or why it was not started."""
    one.write(**({"victim_secret": secret} if secret else {}))
    said = one.once()
    lines = [line.split(" ", 1)[1] for line in one.lines() if line.startswith("fd-inventory")]
    return (lines[-1] if lines else "not started"), said


def chain_once(stage, hostile, name):
    victim = str(stage.image).encode()
    forge(stage.images / "forged.qcow2", **CHAINS[name][2](stage, victim))
    return shown(hostile, stage.secret)


chain = scene.once(chain_once)


@scene.once
def chain_off(stage, hostile):
    """Its images are claimed by nobody then: how it ended; and the same where the definition lists it."""
    stage.server.virsh("destroy", "victim")
    path = stage.server.dir / "listed.xml"
    text = stage.server.virsh("dumpxml", "hostile").out
    try:
        refused = chain_once(stage, hostile, "absolute")
        listed = (f'<backingStore type="file"><format type="raw"/><source file="{stage.image}"/>'
                  '<backingStore/></backingStore>')
        path.write_text(re.sub(r"(<source file='[^']*forged.qcow2'[^>]*/>)", rf"\1{listed}", text))
        stage.server.virsh("define", path)
        control = shown(hostile, stage.secret)
    finally:
        path.write_text(text)
        stage.server.virsh("define", path)
        with stage.real_qemu():
            stage.server.virsh("start", "victim")
        stage.before = stage.fingerprint()
    return refused, control


# ---- races ----

WAYS = {
    "link": "the image's path is by turns a file and a symbolic link to another guest's image",
    "folder": "its folder is by turns a folder and a symbolic link to another guest's",
    "hard": "it is by turns a file and a hard link to another guest's image",
}


class Race:
    """A folder that an ordinary user owns, and that user at work in it."""

    def __init__(self, stage, way):
        self.stage, self.way = stage, way
        self.folder = stage.images / f"race-{way}"
        self.folder.mkdir()
        inner = self.folder / "sub" if way == "folder" else self.folder
        inner.mkdir(exist_ok=True)
        self.program = shutil.copy(ESCAPE, self.folder / "racer")   # the build may be where no user looks
        # named as the victim's image, so that its folder can stand for this one
        self.path = inner / ("victim.img" if way == "folder" else "disk.img")
        self.path.write_bytes(bytes(1 << 20))
        if way == "hard":
            os.link(stage.image, self.folder / "swapped")
        for path in (self.folder, inner, self.path):
            os.chown(path, RACER_UID, RACER_UID)

    def __enter__(self):
        other = self.stage.images if self.way == "folder" else self.stage.image
        self.process = subprocess.Popen([self.program, "race", self.way, self.folder, other], user=RACER_UID,
                                        group=RACER_UID, extra_groups=[])
        return self

    def __exit__(self, *_):
        assert self.process.poll() is None, "the race was over before"
        self.process.kill()
        self.process.wait()
        for path in self.folder.glob("swapped"):
            path.unlink() if path.is_symlink() or self.way == "hard" else None

    def naive(self):
        """The control: how often a program is fooled that checks first and opens then."""
        for _ in range(NAIVE_TRIES):       # who races needs a processor, and others want them
            out = subprocess.run([ESCAPE, "naive", self.path, self.stage.secret, str(20000)], check=True,
                                 text=True, capture_output=True).stdout
            if int(out):
                return int(out)
        return 0


@scene.once
def race(stage, hostile, way, rounds=RACE_ROUNDS):
    """How often the control was fooled, the guest started, and another's secret seen."""
    with Race(stage, way) as one:
        fooled = one.naive()
        stage.server.virsh("detach-disk", "hostile", "vdb", "--config", check=False)
        text = stage.server.virsh("dumpxml", "hostile").out
        path = stage.server.dir / "raced.xml"
        path.write_text(text.replace(f"{stage.images}/forged.qcow2", str(one.path))
                        .replace("type='qcow2'", "type='raw'"))
        stage.server.virsh("define", path)
        reached = started = done = 0
        # go on until it was the right file once
        while done < rounds or (not started and done < RACE_ROUNDS):
            done += 1
            how, _said = shown(hostile, stage.secret)
            started += how != "not started"
            reached += how == "reached"
        path.write_text(text)
        stage.server.virsh("define", path)
    return fooled, started, reached


def stop(how, said, word):
    """A cell: refused is a guest that was not started, for the reason that is meant."""
    if how == "reached":
        return table.REACHED
    return "refused" if how == "not started" and word in said else how


def rows(stage, hostile, *rounds):
    """[name, what, how it ended] of all; rounds: as race() has it."""
    found = []
    for name, (word, what, _) in CHAINS.items():
        found.append([f"chain-{name}", f"backing file: {what}", stop(*chain(stage, hostile, name), word)])
    found.append(["chain-off", "backing file: the image of a guest that is off, below backing_roots",
                  stop(*chain_off(stage, hostile)[0], LISTED)])
    for way, what in WAYS.items():
        _, _, reached = race(stage, hostile, way, *rounds)
        found.append([f"race-{way}", what, table.REACHED if reached else "refused"])
    return found
