# SPDX-License-Identifier: GPL-2.0-or-later
"""A file system that answers until a file is looked up, opened, read or closed, and from then on
nothing and nobody.

    stuckfs.py MOUNTPOINT lookup|open|read|flush|never

"never" goes on, until a line says "now" on its standard input. Speaks the kernel's FUSE protocol itself
(linux/fuse.h), so that nothing has to be installed. Prints "ready" when mounted; ends, and unmounts,
when its standard input is closed: whoever waits then gets an error.
"""
import ctypes
import os
import select
import struct
import sys
import time

LOOKUP, FORGET, GETATTR, OPEN, READ, STATFS, RELEASE, FLUSH, INIT, OPENDIR, ACCESS, BATCH_FORGET = (
    1, 2, 3, 14, 15, 17, 18, 25, 26, 27, 34, 42)
SIZE = 1 << 20
MNT_DETACH = 2


def attr(node):
    mode = 0o40755 if node == 1 else 0o100666
    now = int(time.time())
    return struct.pack("=QQQQQQIIIIIIIIII", node, SIZE, SIZE // 512, now, now, now, 0, 0, 0, mode, 1,
                       0, 0, 0, 4096, 0)


def answers(op, node, stage):
    """The body of the answer; None: it is the stage; an int: an error."""
    if op == INIT:
        return struct.pack("=IIIIHHIIHHI", 7, 31, 65536, 0, 12, 9, 65536, 1, 16, 0, 0) + bytes(28)
    if op == LOOKUP:
        return None if stage == "lookup" else struct.pack("=QQQQII", 2, 0, 60, 60, 0, 0) + attr(2)
    if op == GETATTR:
        return struct.pack("=QII", 60, 0, 0) + attr(node)
    if op in (OPEN, OPENDIR):
        return None if stage == "open" and op == OPEN else struct.pack("=QII", 1, 0, 0)
    if op == READ:
        return None if stage == "read" else b""
    if op == STATFS:
        return struct.pack("=QQQQQIIII", 1000, 500, 500, 100, 50, 4096, 255, 4096, 0) + bytes(24)
    if op == FLUSH:
        return None if stage == "flush" else b""
    if op in (RELEASE, ACCESS):
        return b""
    return 38                                           # ENOSYS


def serve(fd, stage):
    silent = False
    while True:
        ready = select.select([fd, 0], [], [])[0]
        if 0 in ready:
            silent = True
            if not os.read(0, 64):
                return
        if fd not in ready:
            continue
        data = os.read(fd, 1 << 18)
        _length, op, unique, node = struct.unpack_from("=IIQQ", data)
        if op in (FORGET, BATCH_FORGET):
            continue
        body = None if silent else answers(op, node, stage)
        if body is None:
            silent = True               # it has been read: not even SIGKILL ends the wait for the answer
            continue
        if isinstance(body, int):
            os.write(fd, struct.pack("=IiQ", 16, -body, unique))
        else:
            os.write(fd, struct.pack("=IiQ", 16 + len(body), 0, unique) + body)


def main():
    libc = ctypes.CDLL(None, use_errno=True)
    where, stage = sys.argv[1].encode(), sys.argv[2]
    fd = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={fd},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
    if libc.mount(b"stuck", where, b"fuse", 0, options):
        sys.exit(os.strerror(ctypes.get_errno()))
    print("ready", flush=True)
    try:
        serve(fd, stage)
    finally:
        os.close(fd)                                    # what waits gets an error
        libc.umount2(where, MNT_DETACH)


if __name__ == "__main__":
    main()
