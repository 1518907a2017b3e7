# SPDX-License-Identifier: GPL-2.0-or-later
"""The serial console through `virsh console` on a real terminal."""
import os
import re
import subprocess
import time

import libvirt
import pexpect
import pytest

from lib import guest
from lib.server import SLOW


@pytest.fixture
def running(booted):
    return booted()


def test_shell(server, running):
    with guest.Console(server, running) as console:
        console.attached().prompt()
        assert console.run("uname -s") == "Linux"
        assert console.run("echo $((6 * 7))") == "42"
        assert console.leave() == 0
    assert server.virsh("domstate", running).out.strip() == "running"


def test_bulk_is_complete_and_in_order(server, running):
    with guest.Console(server, running) as console:
        console.attached().prompt()
        text = console.run("seq 1 20000 | sha256sum; seq 1 20000", timeout=120)
    numbers = [int(n) for n in re.findall(r"^(\d+)$", text, re.M)]
    assert numbers == list(range(1, 20001))


def test_two_at_once(server, running):
    """The second is refused; with --force it takes over."""
    with guest.Console(server, running) as first:
        first.attached().prompt()
        refused = subprocess.run(["virsh", "-c", server.uri, "console", running], text=True,
                                 stdin=subprocess.DEVNULL, capture_output=True, check=False)
        assert refused.returncode != 0
        with guest.Console(server, running) as second:
            second.expect("Active console session exists", timeout=10)
        with guest.Console(server, running, "--force") as third:
            third.attached().prompt()
            assert third.run("echo mine") == "mine"
            first.expect(pexpect.EOF, timeout=10)


def test_again_after_a_client_died(server, running):
    first = guest.Console(server, running).attached().prompt()
    first.child.kill(9)
    first.close()
    time.sleep(0.3)
    with guest.Console(server, running) as second:
        second.attached().prompt()
        assert second.run("echo back") == "back"


def test_start_with_console(server, define):
    """--console attaches before the first instruction: nothing of the boot is missing."""
    name = define(boot="linux")
    with guest.Console(server, name, command=["start", "--console", name]) as console:
        console.expect("Escape character")
        console.expect(guest.READY, timeout=60)


def test_ends_with_the_guest(server, running):
    with guest.Console(server, running) as console:
        console.attached().prompt()
        server.virsh("destroy", running)
        console.expect(pexpect.EOF, timeout=10)


def test_of_a_guest_that_is_off(server, define):
    name = define()
    with guest.Console(server, name) as console:
        console.expect("not running")


def test_ttyconsole(server, running):
    path = server.virsh("ttyconsole", running).out.strip()
    assert re.match(r"/dev/pts/\d+$", path)
    text = server.virsh("dumpxml", running).out
    assert f"<source path='{path}'/>" in text
    assert f"<console type='pty' tty='{path}'>" in text
    assert "/dev/pts" not in server.virsh("dumpxml", "--inactive", running).out


def test_ttyconsole_is_a_terminal_root_can_use(server, running):
    path = server.virsh("ttyconsole", running).out.strip()
    tty = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        os.write(tty, b"\recho by $((100 + 11))\r")
        text = b""
        end = time.monotonic() + 10 * SLOW
        while b"by 111" not in text and time.monotonic() < end:
            try:
                text += os.read(tty, 4096)
            except BlockingIOError:
                time.sleep(0.05)
        assert b"by 111" in text
    finally:
        os.close(tty)


def test_stream_by_the_api(server, running):
    conn = server.connect()
    stream = conn.newStream()
    conn.lookupByName(running).openConsole(None, stream, libvirt.VIR_DOMAIN_CONSOLE_FORCE)
    stream.send(b"\recho api $((1000 + 1))\r")
    text = b""
    while b"api 1001" not in text:
        text += stream.recv(4096)
    stream.abort()
    conn.close()


@pytest.mark.cordon
def test_again_after_input_that_nobody_takes(server, conn, define):
    """Who left while QEMU took no input does not keep the next one out."""
    name = define()
    server.virsh("start", "--paused", name)
    dom, first, second = conn.lookupByName(name), conn.newStream(), conn.newStream()
    dom.openConsole(None, first, 0)
    for _ in range(250):
        first.send(bytes(1024))
    with pytest.raises(libvirt.libvirtError, match="Active console session"):
        dom.openConsole(None, second, 0)
    first.abort()
    third = conn.newStream()
    dom.openConsole(None, third, 0)
    third.abort()


def test_second_serial_port(server, define):
    name = define(boot="linux", serial=False, devices='<serial type="pty">'
                  '<target port="0"/></serial><serial type="pty"><target port="1"/></serial>')
    server.virsh("start", name)
    with guest.Console(server, name) as console:
        console.attached().prompt()
        with guest.Console(server, name, "serial1") as other:
            other.attached()
            console.send("echo hello second >/dev/ttyS1")
            other.expect("hello second", timeout=10)


def test_no_console(server, define):
    name = define(serial=False)
    server.virsh("start", name)
    with guest.Console(server, name) as console:
        console.expect("error: .*(cannot find|console)")
    assert server.virsh("ttyconsole", name, check=False).out.strip() == ""


@pytest.mark.cordon
@pytest.mark.parametrize("kind, target", [("channel", '<target type="virtio" name="org.cordon.0"/>'),
                                          ("serial", "")])
def test_socket_at_a_path_of_the_users_own(server, define, name, kind, target):
    """Nobody would make it: said at the start, with the way out, and nothing is left."""
    source = f'<source mode="bind" path="{server.dir}/own.sock"/>'
    devices = f'<{kind} type="unix">{{}}{target}</{kind}>'
    define(memory=64, devices=devices.format(source))
    refused = server.virsh("start", name, check=False)
    assert refused.code != 0
    assert re.search(rf"{kind} \d: nobody makes a socket at '{server.dir}/own.sock'", refused.err), refused
    assert "leave its path out" in refused.err
    assert not (server.place("run/guests") / server.virsh("domuuid", name).out.strip()).exists()
    if kind == "channel":
        server.virsh("start", define(name + "-without", memory=64, devices=devices.format("")))
