# SPDX-License-Identifier: GPL-2.0-or-later
"""libvirt's packets by hand: what the real clients never send, too."""
import os
import socket
import struct
import time

REMOTE = 0x20008086
QEMU = 0x20008087
KEEPALIVE = 0x6b656570
CALL, REPLY, MESSAGE, STREAM, CALL_FDS, REPLY_FDS, HOLE = range(7)
OK, ERROR, CONTINUE = range(3)

OPEN, CLOSE, GET_TYPE, DEFINE_XML, GET_XML_DESC, GET_URI, AUTH_LIST, FEATURE = 1, 2, 3, 11, 14, 110, 66, 60
LOOKUP_BY_NAME, LIB_VERSION, HOSTNAME = 23, 157, 59


def string(s):
    b = s if isinstance(s, bytes) else s.encode()
    return struct.pack(">I", len(b)) + b + bytes(-len(b) % 4)


def optional(s):
    return struct.pack(">I", 0) if s is None else struct.pack(">I", 1) + string(s)


def packet(proc, body=b"", serial=0, prog=REMOTE, vers=1, kind=CALL, status=OK):
    return struct.pack(">IIIiiIi", 28 + len(body), prog, vers, proc, kind, serial, status) + body


class Reply:
    def __init__(self, data):
        (self.prog, self.vers, self.proc, self.kind, self.serial,
         self.status) = struct.unpack(">IIiiIi", data[:24])
        self.body = data[24:]
        self.code = self.message = None
        if self.status == ERROR and self.body:
            self.code, self.domain, has = struct.unpack(">iiI", self.body[:12])
            if has:
                n, = struct.unpack(">I", self.body[12:16])
                self.message = self.body[16:16 + n].decode()

    def __repr__(self):
        return (f"<proc {self.proc} kind {self.kind} serial {self.serial} status {self.status} "
                f"code {self.code} {self.message!r} {len(self.body)} bytes>")


# A client has a process of its own; with sanitizers, or in the lab, 2000 of them take a while to start.
PATIENCE = 60 if os.environ.get("CORDON_SANITIZED") or \
    os.environ.get("CORDON_TEST_SERVER") == "installed" else 5


class Raw:
    """One connection. recv() gives None at end of file."""

    def __init__(self, path, timeout=PATIENCE):
        self.s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.s.settimeout(timeout)
        until = time.time() + timeout
        while True:
            try:
                self.s.connect(path)
                break
            except BlockingIOError:      # the queue of the listening socket is full
                if time.time() > until:
                    raise
                time.sleep(0.01)
        self.serial = 0
        self.buf = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.s.close()

    def send(self, data):
        self.s.sendall(data)

    def _take(self, n):
        while len(self.buf) < n:
            try:
                more = self.s.recv(262144)
            except ConnectionResetError:
                more = b""
            if not more:
                return None
            self.buf += more
        out, self.buf = self.buf[:n], self.buf[n:]
        return out

    def recv(self):
        head = self._take(4)
        if head is None:
            return None
        data = self._take(struct.unpack(">I", head)[0] - 4)
        return None if data is None else Reply(data)

    def call(self, proc, body=b"", **kw):
        kw.setdefault("serial", self.serial)
        self.serial += 1
        self.send(packet(proc, body, **kw))
        return self.recv()

    def open(self, uri="qemu:///system", flags=0):
        return self.call(OPEN, optional(uri) + struct.pack(">I", flags))

    def alive(self):
        """Does it still answer an honest call?"""
        serial = 0x7777
        self.send(packet(AUTH_LIST, serial=serial))
        r = self.recv()
        return r is not None and r.serial == serial and r.status == OK
