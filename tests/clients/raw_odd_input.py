#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Packets that no honest client sends: each row answered as docs/protocol.md says.

usage: raw_odd_input.py SOCKET [SOCKET-RO [few | floods]]
"""
import os
import random
import socket
import struct
import sys
import time

import raw_rpc as r

RW = sys.argv[1]
RO = sys.argv[2] if len(sys.argv) > 2 else None
PART = sys.argv[3] if len(sys.argv) > 3 else None
failed = []


def check(name, ok, what=""):
    print(("ok      " if ok else "FAILED  ") + name + ("" if ok else f": {what}"))
    if not ok:
        failed.append(name)


def expect_error(name, reply, code, text, c):
    check(name, reply is not None and reply.code == code and text in (reply.message or ""), reply)
    check(name + ", connection stays", c.alive())


def opened(path=RW):
    c = r.Raw(path)
    rep = c.open()
    assert rep and rep.status == r.OK, rep
    return c


def unknown_procedures():
    for proc in (0, -1, 444, 100000, 362, 318):
        with opened() as c:
            expect_error(f"procedure {proc}", c.call(proc), 39, f"unknown procedure: {proc}", c)


def unknown_programs():
    for prog, vers in ((0x12345678, 1), (r.REMOTE, 2), (r.REMOTE, 0), (0x00068000, 1),
                       (r.KEEPALIVE, 1)):
        with opened() as c:
            expect_error(f"program {prog:#x} version {vers}", c.call(1, prog=prog, vers=vers), 39,
                         f"Cannot find program {prog} version {vers}", c)


def statuses_and_types():
    with opened() as c:
        expect_error("call with status 1", c.call(r.GET_TYPE, status=1), 39,
                     "Unexpected message status 1", c)
    for kind in (r.REPLY, r.MESSAGE, r.REPLY_FDS, 99, -1):
        with opened() as c:
            c.send(r.packet(r.GET_TYPE, kind=kind, serial=9))
            check(f"type {kind} is dropped", c.alive())
    for kind in (r.STREAM, r.HOLE):
        with opened() as c:
            c.send(r.packet(201, b"x", kind=kind, serial=99, status=r.CONTINUE))
            check(f"type {kind} for an unknown serial is dropped", c.alive())


def before_open():
    with r.Raw(RW) as c:
        expect_error("call before open", c.call(r.GET_TYPE), 1,
                     "internal error: hypervisor connection not open", c)
    with r.Raw(RW) as c:
        check("open without AUTH_LIST", c.open().status == r.OK)
        expect_error("second open", c.open(), 1, "connection already open", c)
    with r.Raw(RW) as c:
        rep = c.call(r.FEATURE, struct.pack(">i", 10))
        check("feature 10 before open", rep.status == r.OK and rep.body == b"\0\0\0\1", rep)
    with r.Raw(RW) as c:
        c.send(r.packet(1, prog=r.KEEPALIVE, kind=r.MESSAGE))
        rep = c.recv()
        check("ping before open", rep and rep.prog == r.KEEPALIVE and rep.proc == 2, rep)


def uris():
    with r.Raw(RW) as c:
        expect_error("bad scheme", c.open("foo:///system"), 5,
                     "no connection driver available for foo:///system", c)
        check("open after a bad one", c.open().status == r.OK)
    with r.Raw(RW) as c:
        expect_error("session", c.open("qemu:///session"), 1, "qemu:///session", c)
    for uri in (None, "", "qemu:///system", "qemu:///system?x=y"):
        with r.Raw(RW) as c:
            check(f"uri {uri!r}", c.open(uri).status == r.OK)
    for flag in (b"\1\0\0\0", b"\0\0\0\7"):
        with r.Raw(RW) as c:
            rep = c.call(r.OPEN, flag + r.string("qemu:///system") + b"\0\0\0\0")
            check(f"optional flag {flag!r}", rep.status == r.OK, rep)


def bodies():
    good = r.string("a")
    cases = {
        "trailing bytes": good + b"\0\0\0\0",        # stricter than libvirtd, which ignores them
        "non-zero padding": b"\0\0\0\1a\1\0\0",      # likewise
        "embedded NUL": b"\0\0\0\2a\0\0\0",          # likewise
        "truncated": b"\0\0\0\1",
        "no body": b"",
        "string of 4 GiB": b"\xff\xff\xff\xff",
        "string over the limit": r.string(b"a" * 4194305),
    }
    for name, body in cases.items():
        with opened() as c:
            expect_error(name, c.call(r.LOOKUP_BY_NAME, body), 39,
                         "Unable to decode message payload", c)
    with opened() as c:
        rep = c.call(r.LOOKUP_BY_NAME, r.string("no-such-guest"))
        check("the error of libvirt to the byte", rep.code == 42 and rep.domain == 10 and
              rep.message == "Domain not found: no domain with matching name 'no-such-guest'", rep)


def lengths():
    for n in (0, 3, 4, 27, 33554437, 0xffffffff):
        with opened() as c:
            c.send(struct.pack(">I", n) + bytes(64))
            check(f"length {n} ends the connection", c.recv() is None)
    with opened() as c:
        data = r.packet(r.GET_TYPE, serial=5)
        for b in data:
            c.send(bytes([b]))
        rep = c.recv()
        check("one byte at a time", rep and rep.serial == 5, rep)


def descriptors():
    with opened() as c:
        rep = c.call(r.GET_TYPE, b"\0\0\0\0", kind=r.CALL_FDS)
        check("call with no descriptors", rep and rep.status == r.OK, rep)
    with opened() as c:
        c.send(r.packet(r.GET_TYPE, struct.pack(">I", 33), kind=r.CALL_FDS) + bytes(33))
        check("33 descriptors end the connection", c.recv() is None)
    with opened() as c:
        # DOMAIN_CREATE_WITH_FILES is not there yet; its descriptors must not leak or confuse
        fd = os.open("/dev/null", os.O_RDONLY)
        dom = r.string("a") + bytes(16) + b"\xff\xff\xff\xff"
        c.send(r.packet(310, struct.pack(">I", 2) + dom + b"\0\0\0\0", kind=r.CALL_FDS))
        for _ in range(2):
            r.socket.send_fds(c.s, [b"\0"], [fd])
        rep = c.recv()
        os.close(fd)
        expect_error("descriptors nobody takes", rep, 3, "virDomainCreateWithFiles", c)


def many():
    with opened() as c:
        c.send(r.packet(r.GET_TYPE, serial=7) + r.packet(r.GET_URI, serial=7))
        got = [c.recv(), c.recv()]
        check("one serial twice", all(g and g.serial == 7 and g.status == r.OK for g in got), got)
    with r.Raw(RW) as c:
        calls = [(r.AUTH_LIST, b""), (r.OPEN, r.optional("") + b"\0\0\0\0"), (r.GET_URI, b""),
                 (r.LIB_VERSION, b"")]
        c.send(b"".join(r.packet(p, b, serial=i) for i, (p, b) in enumerate(calls)))
        got = {g.serial: g for g in (c.recv() for _ in calls)}
        check("four calls in one write", all(got[i].status == r.OK for i in range(4)), got)
    with opened() as c:
        n = 200
        c.send(b"".join(r.packet(r.LOOKUP_BY_NAME, r.string(f"x{i}"), serial=i) for i in range(n)))
        got = sorted(c.recv().serial for _ in range(n))
        check("200 calls in one write", got == list(range(n)), got)


def closing():
    with opened() as c:
        rep = c.call(r.CLOSE)
        check("close is answered", rep and rep.status == r.OK, rep)
        check("then the server closes", c.recv() is None)


def features():
    want = {8: 1, 9: 1, 10: 1, 11: 1, 14: 1, 15: 1, 16: 1, 0: 0, 1: 0, 4: 0, 99: 0}
    with opened() as c:
        got = {f: struct.unpack(">i", c.call(r.FEATURE, struct.pack(">i", f)).body)[0] for f in want}
        check("features", got == want, got)


def readonly():
    if not RO:
        return
    with opened(RO) as c:
        expect_error("write on the read-only socket", c.call(r.DEFINE_XML, r.string("<x/>")), 29,
                     "operation forbidden: read only access prevents virDomainDefineXML", c)
        check("read on the read-only socket", c.call(r.GET_URI).status == r.OK)
        # whether there is such a guest is not even looked up
        dom = r.string("a") + bytes(16) + b"\xff\xff\xff\xff"
        expect_error("XML without secrets", c.call(r.GET_XML_DESC, dom + b"\0\0\0\0"), 42, "Domain not found", c)
        for flag in (1, 8):
            expect_error(f"XML with flag {flag}", c.call(r.GET_XML_DESC, dom + struct.pack(">I", flag)), 29,
                         "operation forbidden: read only access prevents virDomainGetXMLDesc", c)
    with r.Raw(RW) as c:
        c.open(flags=1)
        expect_error("asked for read-only", c.call(r.DEFINE_XML, r.string("<x/>")), 29,
                     "prevents virDomainDefineXML", c)


def registrations():
    """CLIENT_SUBS_MAX"""
    register, deregister = 316, 317
    lifecycle = struct.pack(">iI", 0, 0)
    with opened() as c:
        got = [c.call(register, lifecycle) for _ in range(256)]
        check("256 registrations", all(g.status == r.OK for g in got), got[-1])
        expect_error("one more registration", c.call(register, lifecycle), 9,
                     "more than 256 event registrations on one connection", c)
        rep = c.call(deregister, got[100].body)
        check("one registration less", rep.status == r.OK, rep)
        rep = c.call(register, lifecycle)
        check("then another one", rep.status == r.OK, rep)


def pools():
    """CONN_POOLS_MAX"""
    def define(c, name):
        text = f"<pool type='dir'><name>{name}</name><target><path>/p/{name}</path></target></pool>"
        return c.call(77, r.string(text) + bytes(4))
    with opened() as c:
        got = [define(c, f"p{i}") for i in range(16)]
        check("16 pools", all(g.status == r.OK for g in got), got[-1])
        expect_error("one more pool", define(c, "more"), 9, "this connection has 16 pools", c)
        with opened() as other:
            check("another connection's pools", define(other, "more").status == r.OK)
        rep = c.call(82, got[7].body)
        check("one pool less", rep.status == r.OK, rep)
        check("then another one", define(c, "more").status == r.OK)


def conn_memory(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
        for line in f:
            if line.startswith("Private_Dirty:"):
                return int(line.split()[1])
    return 0


def floods():
    rnd = random.Random(1)
    for i in range(2000):
        try:
            with r.Raw(RW) as c:
                c.send(bytes(rnd.randrange(256) for _ in range(rnd.randrange(1, 200))))
                if i % 10 == 0:     # who has hung up gets no conn to begin with
                    c.s.shutdown(socket.SHUT_WR)
                    c.recv()
        except OSError:
            pass
    with opened() as c:
        check("2000 garbage connections", c.alive())
    with opened() as c:
        for i in range(2000):
            c.send(r.packet(rnd.randrange(1, 444), bytes(rnd.randrange(256) for _ in range(
                4 * rnd.randrange(20))), serial=i, status=rnd.choice((0, 1))))
            if i % 50 == 49:   # read now and then, or the server stops reading us, as it should
                c.s.settimeout(0.05)
                try:
                    while c.recv():
                        pass
                except OSError:
                    pass
                c.s.settimeout(r.PATIENCE)
        check("2000 garbage packets: others are served", opened().alive())
    silent = []
    for _ in range(50):
        c = opened()
        c.send(struct.pack(">I", 31 << 20) + r.packet(r.LOOKUP_BY_NAME)[4:])
        silent.append(c)
    t = time.time()
    with opened() as c:
        check("50 times 31 MiB announced and never sent", c.alive() and time.time() - t < r.PATIENCE / 5)
    for c in silent:
        c.s.close()
    with opened() as c:
        big = r.packet(r.LOOKUP_BY_NAME, r.string(b"a" * (31 << 20)))
        c.send(big)
        expect_error("31 MiB announced and sent", c.recv(), 39, "Unable to decode", c)
    with opened() as c:
        # ask and never read: bounded by client_memory_max, told by an end of the connection or a
        # full socket, never by the server's memory
        c.s.settimeout(1)
        sent = 0
        try:
            while sent < 64 << 20:
                sent += c.s.send(r.packet(7) * 100)
        except OSError:
            pass
        check("asking without reading is stopped", sent < 64 << 20, sent)
    with opened() as c:
        check("others go on", c.alive())


FEW = (unknown_procedures, unknown_programs, statuses_and_types, before_open, uris, bodies, lengths,
       descriptors, many, closing, features, readonly, registrations, pools)
for test in {"few": FEW, "floods": (floods,)}.get(PART, (*FEW, floods)):
    test()
sys.exit(1 if failed else 0)
