#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs in the lab machine (tests/lab/test_escape.py): the same attacks against the machine's own
libvirtd, as its package leaves it, with its guests under sVirt. Standard output as inside.py's."""
import json
import shutil
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parent)]

import inside  # noqa: E402
import scene  # noqa: E402
import stock  # noqa: E402
from inside import call  # noqa: E402
from lib import guest, launcher, server  # noqa: E402

EMULATOR = Path("/usr/local/bin/escape-qemu")
FOLDERS = {"run": "/run/libvirt", "lib": "/var/lib/libvirt", "log": "/var/log/libvirt",
           "images": "/var/lib/libvirt/images"}


class Libvirtd(server.Stock):
    """Its unit, in the place of Cordon's."""

    decoys = None
    uri = "qemu:///system"

    def start(self, timeout=120.0):
        inside.lay_out(self, FOLDERS)
        self.log.touch()
        call("systemctl", "stop", "cordond")
        call("systemctl", "start", "libvirtd")
        self.pid = int(call("systemctl", "show", "-P", "MainPID", "libvirtd"))
        self.wait_ready(timeout)
        return self

    def virsh(self, *arguments, timeout=240, **more):
        # it asks each new QEMU what it can, which takes its time in here
        return super().virsh(*arguments, timeout=timeout, **more)

    def below(self):
        # its guests outlive it: they are nobody's children
        return launcher.children(1)

    def inside(self, *command, **_):
        return call(*map(str, command))

    def stop(self):
        self.stop_guests()
        return []


class Hostile(stock.StockHostile):
    """The program where libvirtd's guests may execute it, with a QEMU's label."""

    emulator = EMULATOR


class StockScene(inside.Labelled, stock.StockScene):
    """The scene with the machine's own libvirtd."""

    hostile = Hostile
    folders = FOLDERS

    def make_server(self, _config):
        one = Libvirtd()
        one.decoys = self.folder
        return one


def main():
    inside.prepare()
    shutil.copy(scene.ESCAPE, EMULATOR)
    call("chcon", "-t", "qemu_exec_t", str(EMULATOR))
    with StockScene() as one:
        victim = inside.label(one)
        inside.say(f"missing: {one.decoys.targets.get('missing')}")
        results, uncaged = inside.attack(one, guest.disk(one.backing, dev="vdb", extra="<readonly/>"),
                                         one.server.dir / "log/qemu/hostile.log", Hostile, may_fork=1)
    print(json.dumps({"cage": results, "uncaged": uncaged, "label": victim}))


if __name__ == "__main__":
    main()
