# SPDX-License-Identifier: GPL-2.0-or-later
"""The cache of the lab: stages, each a folder named by a digest of what it is made of, inside the
folder of the stage that it lies on; so what depends on a removed stage goes with it."""
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

# How many of each stage stay, the last used ones; older ones are removed.
KEEP = {"base": 2, "image": 2, "boot": 2, "policy": 6, "installed": 8}


def cache():
    """The folder that stages are kept in."""
    xdg = os.environ.get("XDG_CACHE_HOME")
    folder = os.environ.get("CORDON_LAB_CACHE") or (
        f"{xdg}/cordon-lab" if xdg else "/var/cache/cordon-lab")
    Path(folder).mkdir(parents=True, exist_ok=True, mode=0o755)
    return Path(folder)


def digest(*parts):
    """Of texts, bytes, files and folders (names, modes, contents)."""
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            files = sorted(p for p in part.rglob("*") if "__pycache__" not in p.parts) \
                if part.is_dir() else [part]
            for file in files:
                info = file.lstat()
                name = file.relative_to(part) if part.is_dir() else file.name
                total.update(f"{name} {info.st_mode:o}\n".encode())
                if file.is_symlink():
                    total.update(os.readlink(file).encode())
                elif file.is_file():
                    total.update(hashlib.sha256(file.read_bytes()).digest())
        else:
            total.update(part if isinstance(part, bytes) else str(part).encode())
        total.update(b"\0")
    return total.hexdigest()[:16]


def call(*command, **more):
    """Run a program; its output, which is shown only when it fails."""
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", check=False, **more)
    if done.returncode != 0:
        raise SystemExit(f"lab: {' '.join(map(str, command))[:200]}: status {done.returncode}\n"
                         + done.stdout[-4000:])
    return done.stdout


def say(text):
    """Progress, for people."""
    print("lab: " + text, file=sys.stderr, flush=True)


def lock(below, name, wait=True):
    """The lock of a stage, held until the file is closed; None if another has it."""
    file = open(below / f".{name}.lock", "w", encoding="ascii")  # pylint: disable=consider-using-with
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        return file
    except BlockingIOError:
        file.close()
        return None


def prune(below, kind):
    """Remove all but the last used of a stage, and what was left half made."""
    found = sorted(below.glob(f"{kind}-*"), key=lambda p: p.stat().st_mtime, reverse=True)
    for old in found[KEEP[kind]:]:
        # Who restores from it has its files open.
        shutil.rmtree(old, ignore_errors=True)
    for half in below.glob(f".{kind}-*.new"):
        held = lock(below, half.name[1:-len(".new")], wait=False)
        if held:
            shutil.rmtree(half, ignore_errors=True)
            held.close()


def stage(below, kind, key, make):
    """The folder of a stage, in the folder of the one below it; made if it is not there, by
    make(folder), once even if several ask for it."""
    name = f"{kind}-{key}"
    with lock(below, name):
        if not (below / name).exists():
            say(f"{kind} ...")
            begin = time.monotonic()
            work = below / f".{name}.new"
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir()
            make(work)
            work.rename(below / name)
            say(f"{kind} {time.monotonic() - begin:.1f} s")
        os.utime(below / name)
    prune(below, kind)
    return below / name
