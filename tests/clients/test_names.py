# SPDX-License-Identifier: GPL-2.0-or-later
"""Name service in a guest of <interface type='user'> on a host whose name server is on its loopback,
as systemd-resolved's is; and the log tells of a network that ends before its guest."""
import os
import random
import re
import signal
import socket
import threading

import pytest

from lib import guest
from lib.server import wait_for

pytestmark = pytest.mark.cordon
NETWORK = '<interface type="user"><model type="virtio"/></interface>'
FORWARD = "169.254.1.1"         # src/launch/passt.c
ANSWER = "192.0.2.99"
# Prints what the host's DHCP server says of names.
SCRIPT = r"printf '#!/bin/sh\necho names=$dns search=$search\n' >/tmp/say; chmod 755 /tmp/say"


class Resolver:
    """A name server on an address of the loopback that nobody else has; it knows one answer."""

    def __init__(self):
        self.address = f"127.{random.randint(64, 250)}.{random.randint(1, 250)}.{random.randint(1, 250)}"
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((self.address, 53))
        self.tcp = socket.socket()
        self.tcp.bind((self.address, 53))
        self.tcp.listen(8)
        self.tcp.settimeout(0)
        self.asked = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                data, who = self.udp.recvfrom(512)
            except OSError:
                return
            question = data[12:data.index(0, 12) + 5]
            self.asked.append(question)
            found = question[-4:-2] == b"\0\1"      # type A
            answer = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + socket.inet_aton(ANSWER) if found else b""
            self.udp.sendto(data[:2] + b"\x81\x80\0\1\0" + bytes([found]) + b"\0\0\0\0" + question + answer, who)


def prepare(server):
    """A Cordon that sees another /etc/resolv.conf."""
    server.resolver = Resolver()
    names = server.dir / "resolv.conf"
    names.write_text(f"nameserver {server.resolver.address}\nsearch cordon.test\n")
    server.instead("/etc/resolv.conf", names)


def test_the_guest_asks_the_name_server_of_the_loopback(server, define):
    name = define(boot="linux", devices=NETWORK)
    server.virsh("start", name)
    with guest.Console(server, name) as console:
        console.attached().prompt()
        wait_for(lambda: "inet " in console.run("ip -4 addr show eth0"), 60, 1, text="an address")
        console.run(SCRIPT)
        said = console.run("udhcpc -i eth0 -q -n -t 5 -s /tmp/say")
        assert f"names={FORWARD} search=cordon.test" in said
        assert ANSWER in console.run(f"busybox nslookup host.cordon.test {FORWARD}")
        assert any(b"\4host\6cordon\4test" in q for q in server.resolver.asked)
        # nothing but datagrams is forwarded
        console.run(f"nc -w 2 {FORWARD} 53 </dev/null", 20)
    with pytest.raises(BlockingIOError):
        server.resolver.tcp.accept()


def test_a_network_that_ends_is_told(server, define):
    name = define(devices=NETWORK)
    server.virsh("start", name)
    uuid = server.virsh("domuuid", name).out.strip()
    text = (server.dir / "run/guests" / uuid / "pids").read_text()
    os.kill(int(re.search(r"^passt (\d+)", text, re.M)[1]), signal.SIGKILL)
    wait_for(lambda: f"guest {uuid} ({name}): passt ended, status 0x9" in server.log.read_text(errors="replace"),
             text="the log tells")
    assert server.virsh("domstate", name).out.strip() == "running"
    server.virsh("destroy", name)


def test_a_network_that_ends_with_its_guest_is_not(server, define):
    """Destroyed, or when the guest switches itself off and QEMU closes the socket before it ends."""
    name = define(boot="linux", cmdline="console=ttyS0 quiet no_timer_check off", devices=NETWORK)
    server.virsh("start", name)
    wait_for(lambda: server.virsh("domstate", name).out.strip() == "shut off", 180, 0.5, text="off by itself")
    server.virsh("start", name)
    server.virsh("destroy", name)
    assert f"({name}): passt" not in server.log.read_text(errors="replace")
