# SPDX-License-Identifier: GPL-2.0-or-later
"""Clients that are many, slow, mad or hostile: the others work on, and memory has a bound."""
import os
import random
import re
import socket
import struct
import time

import pytest

from lib import guest

pytestmark = pytest.mark.cordon


def pss_kib(server):
    total = 0
    for pid, _name in server.daemon_processes():
        try:
            with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as f:
                total += int(re.search(r"^Pss: +(\d+)", f.read(), re.M)[1])
        except OSError:
            pass
    return total


def connect(server):
    s = socket.socket(socket.AF_UNIX)
    # a blocking connect waits for its turn, one with a time limit is told "try again"
    s.connect(str(server.socket_path))
    s.settimeout(10)
    return s


def call(s, proc, body=b"", serial=1):
    s.sendall(struct.pack(">IIIiiIi", 28 + len(body), 0x20008086, 1, proc, 0, serial, 0) + body)


def answer(s):
    head = b""
    while len(head) < 4:
        more = s.recv(4 - len(head))
        if not more:
            raise EOFError
        head += more
    left, data = struct.unpack(">I", head)[0] - 4, b""
    while len(data) < left:
        more = s.recv(left - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def open_connection(server):
    s = connect(server)
    name = b"qemu:///system"
    call(s, 66)
    answer(s)
    call(s, 1, struct.pack(">II", 1, len(name)) + name + bytes(-len(name) % 4) + bytes(4), 2)
    assert struct.unpack(">I", answer(s)[20:24])[0] == 0
    return s


def works(server, within=2.0):
    begin = time.monotonic()
    server.virsh("list", "--all", timeout=20)
    took = time.monotonic() - begin
    assert took < within, f"list took {took:.1f} s"


def test_half_open_connections(own_server):
    server = own_server().start()
    held = [connect(server) for _ in range(20)]
    works(server)
    for s in held[:10]:
        s.sendall(b"\0\0\0")
    works(server)
    for s in held:
        s.close()


def test_thousand_idle(own_server):
    server = own_server("max_clients = 1200\nmax_clients_per_user = 1200\n").start()
    # the pool of processes that wait for clients has its full size after the first wave
    for s in [open_connection(server) for _ in range(40)]:
        s.close()
    time.sleep(2)
    before = pss_kib(server)
    held = [open_connection(server) for _ in range(1000)]
    each = (pss_kib(server) - before) / 1000
    print(f"an idle connection: {each:.0f} KiB")
    works(server, 5)
    assert each < 512
    for s in held:
        s.close()
    end = time.monotonic() + 20
    while pss_kib(server) > before + 4096 and time.monotonic() < end:
        time.sleep(0.2)
    assert pss_kib(server) <= before + 4096


def test_more_than_allowed(own_server):
    """One user cannot lock out root: the limit is per user, named, and tells the log."""
    server = own_server("max_clients = 40\nmax_clients_per_user = 20\n").start()
    held = []
    for _ in range(60):
        try:
            held.append(connect(server))
        except OSError:
            break
    time.sleep(0.3)
    for s in held:
        s.close()
    time.sleep(0.3)
    works(server)


def test_announced_and_never_sent(server):
    before = pss_kib(server)
    held = []
    for _ in range(10):
        s = open_connection(server)
        s.sendall(struct.pack(">I", 31 << 20) + bytes(24))
        held.append(s)
    time.sleep(0.5)
    assert pss_kib(server) < before + 10 * 1024 + 4096
    works(server)
    for s in held:
        s.close()


def test_sent_to_the_last_byte_but_one(server):
    """Really 31 MiB, on four connections: bounded by client_memory_max each."""
    before = pss_kib(server)
    held = []
    for _ in range(4):
        s = open_connection(server)
        size = 31 << 20
        try:
            s.sendall(struct.pack(">IIIiiIi", size, 0x20008086, 1, 11, 0, 9, 0))
            block, left = bytes(1 << 20), size - 29
            while left > 0:
                left -= s.send(block[:left])
        except OSError:
            pass
        held.append(s)
    works(server)
    assert pss_kib(server) < before + 4 * (34 << 10)
    for s in held:
        s.close()
    time.sleep(0.5)
    assert pss_kib(server) < before + 4096


def test_garbage_packets(server):
    before = pss_kib(server)
    dice = random.Random(2)
    for i in range(2000):
        s = connect(server)
        size = dice.choice([4, 27, 28, 29, 64, 1000, 60000])
        packet = struct.pack(">I", dice.choice([size, size + 4, dice.getrandbits(32)])) + dice.randbytes(size)
        if i % 2:
            packet = struct.pack(">IIIiiIi", 28 + size, 0x20008086, 1, dice.randrange(450),
                                 dice.randrange(-1, 8), i, dice.randrange(-1, 4)) + dice.randbytes(size)
        try:
            s.sendall(packet)
        except OSError:
            pass
        s.close()
    works(server)
    time.sleep(1)
    assert pss_kib(server) < before + 8192


def test_garbage_after_opening(server):
    dice = random.Random(3)
    for i in range(500):
        s = open_connection(server)
        size = dice.randrange(0, 200) * 4
        proc = dice.choice([11, 14, 23, 273, 344, 316, 201, 265, 264, 9, 12, 10, dice.randrange(450)])
        try:
            call(s, proc, dice.randbytes(size), i)
            s.settimeout(0.3)
            answer(s)
        except (OSError, EOFError):
            pass
        s.close()
    works(server)


def test_calls_never_read(server):
    """A client that asks and does not read the answers hurts itself only."""
    s = open_connection(server)
    s.settimeout(1)
    before = pss_kib(server)
    try:
        for i in range(100000):
            call(s, 7, b"", i)
    except OSError:
        pass
    works(server)
    assert pss_kib(server) < before + 20 * 1024
    s.close()


BOMBS = {
    "doctype": ('<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
                + guest.xml("bomb")).replace("<name>bomb", "<name>&b;"),
    "external": '<!DOCTYPE d SYSTEM "file:///etc/passwd">' + guest.xml("bomb"),
    "100000 attributes": guest.xml("bomb").replace(
        "<memory ", "<memory " + " ".join(f'a{i}="1"' for i in range(100000)) + " "),
    "100000 elements": guest.xml("bomb", head="<title>x</title>" * 100000),
    "depth": guest.xml("bomb", head="<metadata>" + "<a>" * 20000 + "</a>" * 20000 + "</metadata>"),
    "4 MB of metadata": guest.xml("bomb", head="<metadata><x:x xmlns:x='u'>" + "y" * 4_190_000
                                  + "</x:x></metadata>"),
    "a billion cpus": guest.xml("bomb").replace("<vcpu>1<", "<vcpu>1000000000<"),
    "cpus below zero": guest.xml("bomb").replace("<vcpu>1<", "<vcpu>-1<"),
    "all the memory": guest.xml("bomb").replace('"MiB">128<', '"EiB">16000000000<'),
    "1000 disks": guest.xml("bomb", devices="".join(
        guest.disk(f"/x{i}", dev=f"vd{chr(97 + i // 26 % 26)}{chr(97 + i % 26)}") for i in range(1000))),
    "long name": guest.xml("b" * 100000),
    "not utf-8": None,
}


@pytest.mark.parametrize("bomb", BOMBS, ids=lambda b: b.replace(" ", "-"))
def test_xml_bomb(server, bomb):
    """Refused in milliseconds and kilobytes; other clients notice nothing."""
    text = BOMBS[bomb]
    data = text.encode() if text is not None else guest.xml("bomb").encode().replace(b"bomb", b"b\xff\xfe")
    before = pss_kib(server)
    s = open_connection(server)
    body = struct.pack(">I", len(data)) + data + bytes(-len(data) % 4)
    begin = time.monotonic()
    try:
        call(s, 11, body, 3)
        reply = answer(s)
        status = struct.unpack(">I", reply[20:24])[0]
    except (OSError, EOFError):
        status = 1
    took = time.monotonic() - begin
    peak = pss_kib(server)
    s.close()
    if bomb in ("4 MB of metadata", "1000 disks") and status == 0:
        server.virsh("undefine", "bomb")
    else:
        assert status == 1, "defined!"
    assert took < 1.0, f"{took:.2f} s"
    assert peak < before + 32 * 1024, f"{peak - before} KiB"
    works(server)


def test_memory_comes_back(own_server):
    server = own_server().start()
    time.sleep(0.5)
    before = pss_kib(server)
    conn = server.connect()
    for i in range(200):
        conn.defineXML(guest.xml(f"m{i}"))
    for i in range(200):
        conn.lookupByName(f"m{i}").undefine()
    conn.close()
    time.sleep(1)
    assert pss_kib(server) < before + 2048
    assert os.path.exists(server.socket_path)
