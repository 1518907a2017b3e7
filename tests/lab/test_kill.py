# SPDX-License-Identifier: GPL-2.0-or-later
"""Starts and stops while Cordon's processes are killed at random moments: no wrong label, owner or
ledger entry is left. A start takes seconds in the lab, so cycles here are tens; the thousand that
are asked of cordon-disk, cordon-file and the journal are those of test_disk.py."""
import json
import os
import re

from lib.lab_host import IMAGES, Host, disk, domain

CYCLES = int(os.environ.get("CORDON_START_CYCLES", 10))
INSIDE = r"""
import json, os, random, re, subprocess, sys, time
ROOMS = ["core", "launch", "file", "disk", "ledger"]
cycles, paths = int(sys.argv[1]), sys.argv[2:]
say = {"started": 0, "wrong": []}

def call(*words, **more):
    return subprocess.run(words, capture_output=True, text=True, check=False, **more)

def virsh(*words):
    return call("timeout", "60", "virsh", "-q", "-c", "qemu:///system", *words)

def state():
    return [subprocess.getoutput("stat -c '%C %U:%G %a' " + p) for p in paths]

before = state()
for cycle in range(cycles):
    room = "cordon-" + ROOMS[cycle % len(ROOMS)]
    starts = [subprocess.Popen(["timeout", "60", "virsh", "-q", "-c", "qemu:///system", "create", f"/tmp/{n}.xml"],
                               stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) for n in ("one", "two")]
    time.sleep(random.uniform(0, 4))
    call("pkill", "-9", "-x", room)
    for one in starts:
        one.wait()
    for name in virsh("list", "--name").stdout.split():
        say["started"] += 1
        label = re.search(r"Security label: +\S+:(s0\S*)", virsh("dominfo", name).stdout)
        if label and not subprocess.getoutput(f"stat -c %C {paths[0 if name == 'one' else 1]}").endswith(label[1]):
            say["wrong"].append([cycle, name, label[1], state()])
    stops = [subprocess.Popen(["timeout", "60", "virsh", "-q", "-c", "qemu:///system", "destroy", n],
                              stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) for n in ("one", "two")]
    time.sleep(random.uniform(0, 1))
    call("pkill", "-9", "-x", "cordon-" + random.choice(ROOMS))
    for one in stops:
        one.wait()
for name in virsh("list", "--name").stdout.split():
    virsh("destroy", name)
# what a server did not answer is tried again every minute
for _ in range(90):
    left = {"state": [s for s in state() if s not in before], "running": virsh("list", "--name").stdout.split(),
            "claims": [c for c in os.listdir("/run/cordon/claims") if "." in c[1:]],
            "folders": os.listdir("/run/cordon/guests"),
            "processes": call("pgrep", "-x", "-a", "qemu-system-x86|cordon-vm").stdout.splitlines()}
    if not any(left.values()):
        break
    time.sleep(1)
print(json.dumps({**say, "left": left}))
"""


def test_starts_under_kill_9(lab):
    host = Host(lab)
    paths = [host.image(f"{name}.img") for name in ("one", "two")]
    for name, path in zip(("one", "two"), paths):
        lab.put(domain(name, disk(path)).encode(), f"/tmp/{name}.xml")
    lab.put(INSIDE.encode(), "/var/lab/kill.py")
    said = json.loads(host.run(f"python3 kill.py {CYCLES} {' '.join(paths)}", timeout=900))
    print(said)
    assert not said["wrong"]
    assert not any(said["left"].values()), said["left"]
    assert said["started"] >= CYCLES // 2
    # and all is well: a guest starts, and its cage is whole
    host.virsh("create", "/tmp/one.xml")
    assert host.machine.run("cordon cage one").code == 0
    assert re.search(r":s0:c\d+,c\d+$", host.label(f"{IMAGES}/one.img"))
