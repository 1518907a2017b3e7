#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs in the lab machine (tests/lab/test_escape.py): the attacks against Cordon as installed, under
SELinux enforcing. Standard output: progress, and at last a line of JSON, {attack: how it ended} twice,
in the cage and uncaged."""
import json
import os
import re
import subprocess
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parent)]

import scene  # noqa: E402
from lib import guest, launcher, server  # noqa: E402

FOLDERS = {"run": "/run/cordon", "state": "/var/lib/cordon/state", "labels": "/var/lib/cordon/labels",
           "log": "/var/log/cordon", "images": "/var/lib/cordon/images", "cordond.conf": "/etc/cordon/cordond.conf"}


def call(*command):
    return subprocess.run(command, check=True, text=True, capture_output=True).stdout


class Journal:
    """What the rooms say, where a log file is expected."""

    name = "journal"

    @staticmethod
    def exists():
        return True

    @staticmethod
    def read_text(**_):
        return call("journalctl", "-q", "-u", "cordond", "-o", "cat", "-b")


class Installed(scene.Escape):
    """The machine's cordond, with links in a folder as if it were an instance's."""

    socket_path, socket_ro_path = "/run/libvirt/libvirt-sock", "/run/libvirt/libvirt-sock-ro"

    def start(self, timeout=60.0):
        (self.dir / "images").rmdir()
        for name, path in FOLDERS.items():
            (self.dir / name).symlink_to(path)
        for name, path in (("ssh", "/root/.ssh"), ("home", "/home")):
            Path(path).mkdir(exist_ok=True)
            call("mount", "--bind", str(self.decoys / name), path)
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


class InsideScene(scene.Scene):
    """The same, with labels."""

    def make_server(self, config):
        text = "".join(f"{k} = {v}\n" for k, v in (scene.CONFIG | config).items())
        return Installed(config=text, decoys=self.folder)

    def __enter__(self):
        # created in a labelled folder, which the base class would have made itself
        self.images = Path(FOLDERS["images"])
        return super().__enter__()

    def exchange(self):
        subprocess.run(["mount", "--bind", scene.ESCAPE, scene.QEMU], check=True)


def network():
    """A machine without a network gets one that leads nowhere: passt wants an address to give on."""
    if "default" in call("ip", "-4", "route"):
        return
    for line in ("link add lan0 type dummy", "addr add 192.0.2.2/24 dev lan0", "link set lan0 up",
                 "route add default via 192.0.2.1"):
        call("ip", *line.split())


def main():
    subprocess.run(["modprobe", "-a", "dummy", "veth", "loop"], check=False)
    network()
    call("setsebool", "virt_use_execmem", "on")
    call("chcon", "-t", "qemu_exec_t", str(scene.ESCAPE))
    rows = scene.attacks()
    left_out = os.environ["LEFT_OUT"].split()
    names = [n for n, (flags, _, _) in rows.items()
             if not flags & (scene.A_ALONE | scene.A_LAST) and n not in left_out]
    with InsideScene() as one:
        print("missing:", one.decoys.targets.get("missing"), flush=True)
        hostile = one.hostile(one, guest.disk(one.backing, dev="vdb", extra="<readonly/>") + scene.NETWORK,
                              only=f" {' '.join(names)} ", qemu_filter=os.environ["QEMU_FILTER"])
        label = re.search(r"<label>(.*)</label>", one.server.virsh("dumpxml", "victim").out)
        results = hostile.run()
        print(f"{hostile.starts} starts; the victim: {label and label[1]}", flush=True)
        after = one.fingerprint()
        uncaged = one.control(names)
        same = after == one.before
    print(json.dumps({"cage": results, "uncaged": uncaged, "same": same, "label": label and label[1]}))


main()
