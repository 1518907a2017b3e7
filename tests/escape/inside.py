#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs in the lab machine (tests/lab/test_escape.py): the attacks against Cordon as installed, under
SELinux enforcing, and the images that lie. Standard output: progress, and at last a line of JSON."""
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parent)]

import forgery  # noqa: E402
import scene  # noqa: E402
from bombs import judge_alone  # noqa: E402
from lib import guest, launcher, server  # noqa: E402

ROWS = scene.attacks()
BEGIN = time.monotonic()
FOLDERS = {"run": "/run/cordon", "state": "/var/lib/cordon/state", "labels": "/var/lib/cordon/labels",
           "tpm": "/var/lib/cordon/tpm", "nvram": "/var/lib/cordon/nvram", "log": "/var/log/cordon",
           "images": "/var/lib/cordon/images", "cordond.conf": "/etc/cordon/cordond.conf"}
# More than a guest with KVM may have (memory_limit() of plan_launch.c), and no more than the machine can bear.
SMALL = {"threads_over": 400, "memory_over_mib": 900}


def call(*command):
    return subprocess.run(command, check=True, text=True, capture_output=True).stdout


def lay_out(one, folders):
    """The machine's folders as if they were an instance's, and the decoys where homes and keys are."""
    (one.dir / "images").rmdir()
    for name, path in folders.items():
        (one.dir / name).symlink_to(path)
    for name, path in (("ssh", "/root/.ssh"), ("home", "/home")):
        Path(path).mkdir(exist_ok=True)
        call("mount", "--bind", str(one.decoys / name), path)
        call("restorecon", "-RF", path)


class Journal:
    """What the rooms say, where a log file is expected."""

    name = "journal"

    @staticmethod
    def exists():
        return True

    @staticmethod
    def read_text(**_):
        return call("journalctl", "-q", "-o", "cat", "-b", "_SYSTEMD_UNIT=cordond.service")


class Installed(scene.Escape):
    """The machine's cordond, with links in a folder as if it were an instance's."""

    socket_path, socket_ro_path = "/run/libvirt/libvirt-sock", "/run/libvirt/libvirt-sock-ro"

    def start(self, timeout=60.0):
        lay_out(self, FOLDERS)
        Path(FOLDERS["cordond.conf"]).write_text(self.config)
        call("systemctl", "restart", "cordond")
        self.pid = int(call("systemctl", "show", "-P", "MainPID", "cordond"))
        self.log = Journal()
        self.wait_ready(timeout)
        return self

    def below(self):
        return launcher.children(self.pid)

    def stop(self):
        self.stop_guests()
        return []


class Labelled:
    """A scene in labelled folders, whose labels must not change either."""

    folders = FOLDERS

    def __enter__(self):
        # created in a labelled folder, which the base class would have made itself
        self.images = Path(self.folders["images"])
        return super().__enter__()

    def aim(self):
        return super().aim() | SMALL

    def fingerprint(self):
        labels = [call("stat", "-c", "%C", str(p)).strip() for p in (self.image, self.backing)]
        return super().fingerprint() | {"labels": labels}


class Hostile(scene.Hostile):
    """What became of it is in the journal, sooner or later."""

    patience = 20


class Accelerated(Hostile):
    """With KVM it gets no memory for TCG; and there is nobody else in its group to be killed first."""

    def define(self, devices):
        self.killed = 0
        return super().define(devices.replace(scene.NETWORK, "")).replace('type="qemu"', 'type="kvm"', 1)

    def verdict(self, name):
        """Who has much memory to give back ends late, when its cordon-vm is gone: the kernel tells as well."""
        said = call("journalctl", "-q", "-k", "-b", "-o", "cat").splitlines()
        killed = sum("oom-kill:constraint=CONSTRAINT_MEMCG" in line and f"/{self.uuid}," in line for line in said)
        if killed == self.killed:
            return super().verdict(name)
        self.killed = killed
        return "killed SIGKILL"


class InsideScene(Labelled, scene.Scene):
    """The scene with the machine's own Cordon."""

    hostile = Hostile

    def make_server(self, config):
        text = "".join(f"{k} = {v}\n" for k, v in (scene.CONFIG | config).items())
        return Installed(config=text, decoys=self.folder)

    def exchange(self):
        call("mount", "--bind", str(scene.ESCAPE), scene.QEMU)

    def unchange(self):
        call("umount", scene.QEMU)


def network():
    """A machine without a network gets one that leads nowhere: passt wants an address to give on."""
    if "default" in call("ip", "-4", "route"):
        return
    for line in ("link add lan0 type dummy", "addr add 192.0.2.2/24 dev lan0", "link set lan0 up",
                 "route add default via 192.0.2.1"):
        call("ip", *line.split())


def say(text):
    print(f"{time.monotonic() - BEGIN:.0f} s: {text}", flush=True)


def prepare():
    """The machine as a host of such guests."""
    subprocess.run(["modprobe", "-a", "dummy", "veth", "loop"], check=False)
    network()
    call("setsebool", "virt_use_execmem", "on")
    call("chcon", "-t", "qemu_exec_t", str(scene.ESCAPE))


def attack(one, devices, log, bomber, **more):
    """({attack: how it ended}, the same uncaged) of all that are not left out; bombs by a guest of a class
    of their own."""
    left_out = os.environ["LEFT_OUT"].split()
    names = [n for n, (flags, _, _) in ROWS.items() if not flags & scene.A_ALONE and n not in left_out]
    results, uncaged = {}, {}
    for kind, last in ((one.hostile, 0), (bomber, scene.A_LAST)):
        only = [n for n in names if ROWS[n][0] & scene.A_LAST == last]
        hostile = kind(one, devices, only=f" {' '.join(only)} ", qemu_filter=os.environ["QEMU_FILTER"], **more)
        results |= hostile.run()
        say(f"{hostile.starts} starts")
        if last:
            uncaged |= judge_alone(one, hostile, results, log, left_out)
            say("others were asked")
        one.server.virsh("undefine", "hostile")
    uncaged |= one.control(names)
    say("uncaged")
    return results, uncaged


def label(one):
    return re.search(r"<label>(\S*:\S*)</label>", one.server.virsh("dumpxml", "victim").out)[1]


def main():
    prepare()
    with InsideScene() as one:
        say(f"missing: {one.decoys.targets.get('missing')}")
        victim = label(one)
        results, uncaged = attack(one, guest.disk(one.backing, dev="vdb", extra="<readonly/>") + scene.NETWORK,
                                  one.server.dir / "log/guests/hostile.log", Accelerated)
        same = one.fingerprint() == one.before
        liar = forgery.liar(one)
        control = forgery.shown(liar, one.backing_secret)[0]
        say("images")
        images = forgery.rows(one, liar, int(os.environ["ROUNDS"]))
        fooled = {way: forgery.race(one, liar, way, int(os.environ["ROUNDS"]))[:2] for way in forgery.WAYS}
        say("races")
        same = same and one.fingerprint() == one.before
    print(json.dumps({"cage": results, "uncaged": uncaged, "same": same, "label": victim, "control": control,
                      "images": {name: how for name, _, how in images}, "races": fooled}))


if __name__ == "__main__":
    main()
