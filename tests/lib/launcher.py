# SPDX-License-Identifier: GPL-2.0-or-later
"""Run a daemon below a subreaper, so that every process it ever made can be found below this one.

    launcher.py PROGRAM ARGUMENT...

Lives until its standard input is closed; then kills what is left, says what that was, one process a
line, and ends. So a test that dies takes its daemon and its guests along.
"""
import ctypes
import os
import select
import signal
import sys
import time

PR_SET_CHILD_SUBREAPER = 36
GRACE_S = 1


def children(pid):
    """All processes below pid that are not zombies, as (pid, name)."""
    parents = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as f:
                text = f.read()
        except OSError:
            continue
        name = text[text.index("(") + 1:text.rindex(")")]
        state, ppid = text[text.rindex(")") + 2:].split()[:2]
        parents.setdefault(int(ppid), []).append((int(entry), name, state))
    found, todo = [], [pid]
    while todo:
        for child, name, state in parents.get(todo.pop(), []):
            todo.append(child)
            if state != "Z":
                found.append((child, name))
    return found


def main():
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    read, write = os.pipe()
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    first = os.fork()
    if first == 0:
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        null = os.open("/dev/null", os.O_RDONLY)
        os.dup2(null, 0)
        os.setsid()
        try:
            os.execvp(sys.argv[1], sys.argv[1:])
        except OSError as e:
            print(f"{sys.argv[1]}: {e}", file=sys.stderr)
            os._exit(127)
    print(first, flush=True)
    open_input = True
    while open_input:
        ready = select.select([0, read], [], [])[0]
        if 0 in ready and not os.read(0, 64):
            open_input = False
        if read in ready:
            os.read(read, 4096)
            reap(first)
    left = stragglers(read, first)
    for _ in range(50):
        below = children(os.getpid())
        if not below:
            break
        for pid, _name in below:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        select.select([read], [], [], 0.1)
        reap(first)
    for pid, name in left:
        print(f"left {pid} {name}", flush=True)


def stragglers(read, first):
    """What is still there GRACE_S after the daemon's end: a room ends when it sees its channel close."""
    until = time.monotonic() + GRACE_S
    while (left := children(os.getpid())) and time.monotonic() < until:
        if select.select([read], [], [], 0.05)[0]:
            os.read(read, 4096)
        reap(first)
    return left


def reap(first):
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        if pid == first:
            print(f"gone {os.waitstatus_to_exitcode(status)}", flush=True)


if __name__ == "__main__":
    main()
