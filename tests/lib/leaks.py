# SPDX-License-Identifier: GPL-2.0-or-later
"""What an instance holds in the kernel, so that a test can say what it left there."""
import os
import re
from pathlib import Path


def cgroups(server):
    """Guests' control groups of this instance, by the name its processes show."""
    names = set(getattr(server, "cgroup_names", ()))
    for pid, _name in server.below():
        try:
            text = Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8")
        except OSError:
            continue
        names.update(re.findall(r"/cordon\.slice/([^/\n]+)", text))
    server.cgroup_names = names
    return {os.path.join(top, below) for top, dirs, _ in os.walk("/sys/fs/cgroup")
            if os.path.basename(top) in names for below in dirs}


def sockets(server):
    text = Path("/proc/net/unix").read_text(encoding="utf-8", errors="replace")
    return sorted(line.split()[-1] for line in text.splitlines()
                  if line.split()[-1].startswith(str(server.dir)))


def mounts(server):
    found = set()
    for pid in {os.getpid(), server.pid}:
        try:
            text = Path(f"/proc/{pid}/mountinfo").read_text(encoding="utf-8")
        except OSError:
            continue
        found.update(line.split()[4] for line in text.splitlines() if str(server.dir) in line)
    return found


def files(server):
    """Below run and state; logs grow as they may."""
    found = set()
    for top in ("run", "state"):
        for folder, _dirs, names in os.walk(server.dir / top):
            found.update(os.path.relpath(os.path.join(folder, n), server.dir) for n in names)
    return {f for f in found if not f.endswith(("audit.log", ".lock"))}


def descriptors(server):
    """Open descriptors of the processes that stay."""
    found = {}
    for pid, name in server.daemon_processes():
        if name in ("cordon-conn", "cordon-vm"):
            continue
        try:
            found[name] = len(os.listdir(f"/proc/{pid}/fd"))
        except OSError:
            continue
    return found


def snapshot(server):
    # idle connection processes are a pool that fills and empties
    names = sorted(n for _, n in server.below() if n not in ("cordon-conn", "qemu-system-x86"))
    return {"processes": names, "cgroups": cgroups(server), "sockets": sockets(server),
            "mounts": mounts(server), "files": files(server), "descriptors": descriptors(server)}


def difference(before, after):
    """What is more now than before, in words; empty when nothing is."""
    found = []
    for key, old in before.items():
        new = after[key]
        if key == "descriptors":
            found += [f"{name} has {count} descriptors, had {old.get(name)}"
                      for name, count in new.items() if count > old.get(name, count) + 2]
        elif isinstance(new, set):
            found += [f"{key}: {item}" for item in sorted(new - old)]
        else:
            rest = list(new)
            for item in old:
                if item in rest:
                    rest.remove(item)
            found += [f"{key}: {item}" for item in rest]
    return found
