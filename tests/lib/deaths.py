# SPDX-License-Identifier: GPL-2.0-or-later
"""How processes end that are not our children, by the kernel's word: the process events connector
(linux/cn_proc.h). For root outside of all containers."""
import errno
import os
import socket
import struct
import time

NETLINK_CONNECTOR = 11
CN_IDX_PROC = CN_VAL_PROC = 1
PROC_CN_MCAST_LISTEN = 1
PROC_EVENT_EXIT = 0x80000000
MESSAGE = struct.Struct("=IHHII")          # struct nlmsghdr
CONNECTOR = struct.Struct("=IIIIHH")       # struct cn_msg
EVENT = struct.Struct("=IIQ")              # struct proc_event as far as its union
EXIT = struct.Struct("=IIIIII")            # pid, tgid, code, signal, and the parent's pid, tgid
ROOM = 16 << 20                            # for what nobody has read yet


class Deaths:
    """Of all processes since it was made."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, NETLINK_CONNECTOR)
        self.socket.setsockopt(socket.SOL_SOCKET, 33, ROOM)     # SO_RCVBUFFORCE
        self.socket.bind((0, CN_IDX_PROC))
        body = CONNECTOR.pack(CN_IDX_PROC, CN_VAL_PROC, 0, 0, 4, 0) + struct.pack("=I", PROC_CN_MCAST_LISTEN)
        self.socket.send(MESSAGE.pack(MESSAGE.size + len(body), 3, 0, 0, os.getpid()) + body)

    def close(self):
        self.socket.close()

    def forget(self):
        """What happened so far."""
        self.socket.setblocking(False)
        while True:
            try:
                self.socket.recv(4096)
            except BlockingIOError:
                return
            except OSError as e:
                if e.errno != errno.ENOBUFS:      # more than there was room for, and not wanted either
                    raise

    def child(self, parent, wanted, patience):
        """The wait status of the first child of this process of which wanted(status) is true; None: there
        was none within so many seconds."""
        end = time.monotonic() + patience
        while (left := end - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(4096)[MESSAGE.size + CONNECTOR.size:]
            except TimeoutError:
                break
            if len(data) < EVENT.size + EXIT.size or EVENT.unpack_from(data)[0] != PROC_EVENT_EXIT:
                continue
            pid, group, status, _, _, above = EXIT.unpack_from(data, EVENT.size)
            if pid == group and above == parent and wanted(status):
                return status
        return None
