# SPDX-License-Identifier: GPL-2.0-or-later
"""VNC and the picture: vncdisplay, domdisplay, screenshot, and what a viewer is shown."""
import hashlib
import os
import re
import shutil
import socket
import stat
import struct
import subprocess
import xml.etree.ElementTree as ET

import libvirt
import pytest
from PIL import Image

from lib import guest
from lib.server import wait_for

VNC = '<graphics type="vnc" port="-1" autoport="yes"/>'
VIDEO = '<video><model type="%s"/></video>'


def picture(path):
    """Size, and the number of different colours."""
    with Image.open(path) as image:
        image.load()
        return image.size, len(image.convert("RGB").getcolors(1 << 24))


@pytest.mark.parametrize("model", ["std", "virtio"])
def test_screenshot(server, define, folder, model):
    libvirt_name = {"std": "vga"}.get(model, model)
    name = define(devices=VNC + VIDEO % libvirt_name)
    server.virsh("start", name)

    def shows():
        target = folder / "shot"
        server.virsh("screenshot", name, target)
        size, colours = picture(target)
        return size[0] >= 640 and colours > 1
    wait_for(shows, 30, 0.5, text="a picture that is not blank")
    # the next one begins where the file begins, not where the last one ended
    assert shows() and shows()


def test_screenshot_needs_a_screen(server, define, folder):
    name = define()
    server.virsh("start", name)
    result = server.virsh("screenshot", name, folder / "shot", check=False)
    # libvirt gives every guest with serial and graphics only what it says: none here.
    assert result.code != 0


def port_of(server, name):
    text = server.virsh("vncdisplay", name).out.strip()
    assert re.match(r"^(127\.0\.0\.1)?:\d+$", text), text
    return 5900 + int(text.split(":")[1])


def test_displays(server, define):
    name = define(devices=VNC)
    assert server.virsh("vncdisplay", name, check=False).code != 0
    server.virsh("start", name)
    port = port_of(server, name)
    assert server.virsh("domdisplay", name).out.strip() == f"vnc://127.0.0.1:{port - 5900}"
    live = server.virsh("dumpxml", name).out
    assert f"port='{port}'" in live and "autoport='yes'" in live
    assert "port='-1'" in server.virsh("dumpxml", "--inactive", name).out


def test_ports_are_given_once(server, define):
    ports = []
    for i in range(3):
        name = define(f"vnc{i}", devices=VNC)
        server.virsh("start", name)
        ports.append(port_of(server, name))
    assert len(set(ports)) == 3


def test_fixed_port(server, define):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    devices = f'<graphics type="vnc" port="{port}" autoport="no"/>'
    name = define(devices=devices)
    server.virsh("start", name)
    assert port_of(server, name) == port
    other = define(name + "x", devices=devices)
    result = server.virsh("start", other, check=False)
    assert result.code != 0


class Viewer:
    """As much of RFB 3.8 as it takes to see whether the picture is ours to see."""

    def __init__(self, address, password=None):
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.sock = socket.socket(family)
        self.sock.settimeout(10)
        self.sock.connect(address)
        self.banner = self.read(12)
        self.sock.sendall(b"RFB 003.008\n")
        self.types = set(self.read(self.read(1)[0]))
        wanted = 2 if password is not None else 1
        assert wanted in self.types, self.types
        self.sock.sendall(bytes([wanted]))
        if password is not None:
            self.sock.sendall(vnc_response(password, self.read(16)))
        self.allowed = struct.unpack(">I", self.read(4))[0] == 0
        if self.allowed:
            self.sock.sendall(b"\1")
            self.width, self.height = struct.unpack(">HH", self.read(4))
            self.read(16)
            self.name = self.read(struct.unpack(">I", self.read(4))[0]).decode()

    def read(self, count):
        data = b""
        while len(data) < count:
            more = self.sock.recv(count - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def close(self):
        self.sock.close()


def vnc_response(password, challenge):
    """DES of the challenge with the password's bits mirrored, by the openssl program."""
    key = bytes(int(f"{b:08b}"[::-1], 2) for b in password.encode().ljust(8, b"\0")[:8])
    done = subprocess.run(["openssl", "enc", "-des-ecb", "-nopad", "-K", key.hex(), "-provider",
                           "legacy", "-provider", "default"], input=challenge, capture_output=True,
                          check=True)
    return done.stdout


def graphics(heard, name):
    return [e[len("graphics: "):] for e in heard.seen(name) if e.startswith("graphics: ")]


def named(address, viewer):
    """As `virsh event` shows the two ends."""
    if isinstance(address, str):
        return f"local[unix  {address}] remote[unix  ]"
    return "local[IPv4 {} {}] remote[IPv4 {} {}]".format(*address, *viewer.getsockname())


@pytest.fixture
def sockets(server, name):
    """A folder for a viewer's socket: SELinux, where it is, lets cordon-door make one below run only."""
    path = server.place("run") / f"sockets-{name}"
    path.mkdir(mode=0o755)
    yield path
    shutil.rmtree(path)


def given_to_door(server, folder):
    """The folder as an administrator would have it, so that cordon-door may make a socket there."""
    if server.name == "cordon":
        os.chown(folder, 0, server.place("run/viewers").stat().st_uid)
        folder.chmod(0o2770)
    return folder


@pytest.mark.parametrize("kind, password", [("tcp", None), ("tcp", "sesame"), ("unix", None)])
def test_viewer(server, define, events, sockets, kind, password):
    """Each viewer's events in their order, with the addresses of both ends."""
    path = str(given_to_door(server, sockets) / "vnc.sock")
    listen = f'<listen type="socket" socket="{path}"/>' if kind == "unix" else ""
    secret = f' passwd="{password}"' if password else ""
    name = define(devices=f'<graphics type="vnc"{secret}' + (
        f'>{listen}</graphics>' if listen else ' port="-1"/>') + VIDEO % "vga")
    server.virsh("start", name)
    address = path if kind == "unix" else ("127.0.0.1", port_of(server, name))
    heard = events()
    first = Viewer(address, password)
    assert first.banner.startswith(b"RFB 003.") and first.width >= 640
    auth = "vnc" if password else "none"
    expected = [f"{what} {named(address, first.sock)} {auth}" for what in ("connect", "initialize")]
    wait_for(lambda: graphics(heard, name) == expected, 5, text=f"{expected}: {graphics(heard, name)}")
    with socket.socket(socket.AF_UNIX if kind == "unix" else socket.AF_INET) as second:
        second.connect(address)
        assert second.recv(4) == b"RFB "
        expected.append(f"connect {named(address, second)} {auth}")
        wait_for(lambda: graphics(heard, name) == expected, 5,
                 text=f"{expected}: {graphics(heard, name)}")
        # the first one goes first, but it is the second one that ends first
        expected.append(f"disconnect {named(address, second)} {auth}")
    expected.append(f"disconnect {named(address, first.sock)} {auth}")
    wait_for(lambda: len(graphics(heard, name)) == 4, 5, text=f"{graphics(heard, name)}")
    first.close()
    wait_for(lambda: graphics(heard, name) == expected, 5, text=f"{expected}: {graphics(heard, name)}")


def test_viewer_with_a_wrong_password(server, define, events):
    name = define(devices='<graphics type="vnc" port="-1" passwd="sesame"/>')
    server.virsh("start", name)
    heard = events()
    viewer = Viewer(("127.0.0.1", port_of(server, name)), "wrong")
    assert not viewer.allowed
    viewer.close()
    heard.wait("graphics: disconnect", 5, name)
    assert [e.split()[0] for e in graphics(heard, name)] == ["connect", "disconnect"]


def test_two_viewers(server, define):
    name = define(devices='<graphics type="vnc" port="-1" sharePolicy="force-shared"/>')
    server.virsh("start", "--paused", name)              # it changes its mode when it runs
    address = ("127.0.0.1", port_of(server, name))
    first, second = Viewer(address), Viewer(address)
    assert first.width == second.width
    first.close()
    second.close()


def hears(address):
    with socket.create_connection(address, 10) as s:
        return s.recv(4)


@pytest.mark.cordon
def test_silent_viewers(own_server):
    """A guest has max_viewers_per_guest; who does not get in gives the place up, who is in keeps it."""
    one = own_server("max_viewers_per_guest = 3\nhalf_open_timeout = 4\n").start()
    path = one.dir / "shown.xml"
    path.write_text(guest.xml("shown", devices='<graphics type="vnc" port="-1" passwd="sesame"/>'))
    one.virsh("create", "--paused", path)                # the mode stays
    address = ("127.0.0.1", port_of(one, "shown"))
    inside = Viewer(address, "sesame")
    silent = [socket.create_connection(address, 10) for _ in range(2)]
    assert [s.recv(4) for s in silent] == [b"RFB ", b"RFB "]
    assert hears(address) == b""
    # the one says nothing at all, the other everything but the password
    silent[1].sendall(b"RFB 003.008\n\2")
    for s in silent:
        while s.recv(100):
            pass
        s.close()
    wait_for(lambda: hears(address) == b"RFB ", 5)
    inside.sock.sendall(struct.pack(">BBHHHH", 3, 0, 0, 0, 16, 16))
    assert inside.read(1) == b"\0"
    inside.close()


def test_password(server, define):
    name = define(devices='<graphics type="vnc" port="-1" passwd="sesame"/>')
    server.virsh("start", name)
    address = ("127.0.0.1", port_of(server, name))
    assert Viewer(address, "sesame").allowed
    assert not Viewer(address, "wrong").allowed
    with pytest.raises(AssertionError):
        Viewer(address)
    assert "sesame" not in server.virsh("dumpxml", name).out
    assert "sesame" in server.virsh("dumpxml", "--security-info", name).out


def test_an_empty_password_lets_nobody_in(server, define):
    name = define(devices='<graphics type="vnc" port="-1" passwd=""/>')
    server.virsh("start", name)
    address = ("127.0.0.1", port_of(server, name))
    with pytest.raises(AssertionError):
        Viewer(address)
    assert not Viewer(address, "").allowed
    assert "passwd" not in server.virsh("dumpxml", name).out
    for options in ([], ["--inactive"]):
        assert "passwd=''" in server.virsh("dumpxml", "--security-info", *options, name).out


@pytest.mark.parametrize("until, allowed", [("2100-01-01T00:00:00", True), ("2020-01-01T00:00:00", False),
                                            ("1960-01-01T00:00:00", False)])
def test_password_that_ends(server, define, until, allowed):
    name = define(devices=f'<graphics type="vnc" port="-1" passwd="sesame" passwdValidTo="{until}"/>')
    server.virsh("start", name)
    assert Viewer(("127.0.0.1", port_of(server, name)), "sesame").allowed == allowed
    said = server.virsh("dumpxml", "--security-info", name).out
    assert f"passwdValidTo='{until}'" in said


@pytest.mark.parametrize("until", ["soon", "", "2030-02-30T00:00:00", "2030-01-01", "2030-01-01T00:00:00Z"])
def test_password_that_ends_at_no_time(server, define, until):
    """It would never end. libvirtd takes the 30th of February."""
    text = f'<graphics type="vnc" port="-1" passwd="sesame" passwdValidTo="{until}"/>'
    refused = define(devices=text, check=False)
    if server.name == "stock":
        assert refused.code != 0 or "-30T" in until, refused
    else:
        assert refused.code != 0 and "passwdValidTo" in refused.err, refused


def test_unix_socket(server, define, sockets):
    path = given_to_door(server, sockets) / "vnc.sock"
    name = define(devices=f'<graphics type="vnc"><listen type="socket" socket="{path}"/></graphics>')
    server.virsh("start", name)
    assert Viewer(str(path)).allowed
    server.virsh("destroy", name)
    # libvirtd leaves the dead socket lying there
    assert not path.exists() or server.name == "stock"


def test_unix_socket_anywhere(server, define):
    """Without a path the server chooses one, and says where."""
    name = define(devices='<graphics type="vnc"><listen type="socket"/></graphics>')
    server.virsh("start", name)
    live = ET.fromstring(server.virsh("dumpxml", name).out).find("devices/graphics")
    path = live.find("listen").get("socket")
    assert path and live.get("socket") == path
    here = server.host_path(path)
    assert Viewer(here).allowed
    assert stat.S_IMODE(os.stat(here).st_mode) & 0o007 == 0 or server.name == "stock"
    assert path not in server.virsh("dumpxml", "--inactive", name).out
    server.virsh("destroy", name)
    assert not os.path.exists(here) or server.name == "stock"


@pytest.mark.cordon
@pytest.mark.parametrize("mode, why", [(0o755, "may not make it there"), (0o777, "closed to writing by others")])
def test_unix_socket_not_there(server, define, sockets, mode, why):
    """Cordon-door has no privilege: the folder's permissions decide, and the refusal says what to do."""
    path = sockets / "vnc.sock"
    sockets.chmod(mode)
    name = define(devices=f'<graphics type="vnc"><listen type="socket" socket="{path}"/></graphics>')
    result = server.virsh("start", name, check=False)
    assert result.code != 0 and why in result.err and str(path) in result.err, result
    if mode == 0o755:
        assert str(server.place("run/viewers")) in result.err
    assert not path.exists()
    assert server.virsh("domstate", name).out.strip() == "shut off"


def test_nothing_listens_when_off(server, define):
    name = define(devices=VNC)
    server.virsh("start", name)
    address = ("127.0.0.1", port_of(server, name))
    server.virsh("destroy", name)
    with pytest.raises(OSError):
        socket.create_connection(address, 2)


def test_open_graphics_descriptor(server, define, conn, events):
    name = define(devices=VNC)
    server.virsh("start", name)
    heard = events()
    fd = conn.lookupByName(name).openGraphicsFD(0, libvirt.VIR_DOMAIN_OPEN_GRAPHICS_SKIPAUTH)
    with socket.socket(fileno=fd) as s:
        s.settimeout(10)
        assert s.recv(12).startswith(b"RFB 003.")
        heard.wait("graphics: connect", 5, name)
    heard.wait("graphics: disconnect", 10, name)


@pytest.mark.cordon
def test_qemu_itself_listens_nowhere(server, define):
    name = define(devices=VNC)
    server.virsh("start", name)
    done = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=True)
    assert f"pid={server.qemu(name)}," not in done.stdout


def xvfb(number):
    return subprocess.Popen(["Xvfb", f":{number}", "-screen", "0", "1024x768x24", "-nolisten", "tcp"],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def test_virt_viewer(server, define, folder, events):
    """The guest's own picture is what the window shows: most of a screenshot's rows are in it."""
    name = define(devices=VNC + VIDEO % "vga")
    server.virsh("start", name)
    heard = events()
    number = 100 + int(hashlib.sha256(name.encode()).hexdigest()[:2], 16)
    display = xvfb(number)
    viewer = None
    try:
        wait_for(lambda: subprocess.run(["xdotool", "getmouselocation"], check=False,
                                        capture_output=True,
                                        env={"DISPLAY": f":{number}"}).returncode == 0, 20)
        viewer = subprocess.Popen(
            ["virt-viewer", "-c", server.uri, "--wait", name],
            env={"DISPLAY": f":{number}", "PATH": "/usr/bin:/bin", "LC_ALL": "C", "HOME": str(folder),
                 "NO_AT_BRIDGE": "1", "GDK_BACKEND": "x11", "XDG_RUNTIME_DIR": str(folder)},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        shot = folder / "guest.ppm"
        wait_for(lambda: server.virsh("screenshot", name, shot) and picture(shot)[1] > 1, 30, 0.5)

        def shown():
            window = folder / "window.png"
            done = subprocess.run(["import", "-window", "root", str(window)], check=False,
                                  env={"DISPLAY": f":{number}", "PATH": "/usr/bin"})
            if done.returncode != 0:
                return False
            server.virsh("screenshot", name, shot)
            return contains(window, shot)
        wait_for(shown, 60, 1, text="the guest's picture in virt-viewer's window")
        assert [e.split()[0] for e in graphics(heard, name)] == ["connect", "initialize"]
    finally:
        for proc in (viewer, display):
            if proc:
                proc.kill()
                proc.wait()


def contains(window, shot):
    """Does the window show the guest's screen, pixel for pixel, somewhere?"""
    with Image.open(shot) as one, Image.open(window) as all_:
        one, all_ = one.convert("L").point(lambda v: 255 * (v > 64)), all_.convert("L").point(
            lambda v: 255 * (v > 64))
        box = one.getbbox()
        if not box or box[3] - box[1] < 8:
            return False
        part = one.crop((box[0], box[1], min(box[2], box[0] + 200), min(box[3], box[1] + 14)))
        needle = [part.crop((0, y, part.width, y + 1)).tobytes() for y in range(part.height)]
        rows = [all_.crop((0, y, all_.width, y + 1)).tobytes() for y in range(all_.height)]
        key = max(range(len(needle)), key=lambda i: len(set(needle[i])) * 1000 + needle[i].count(255))
        for y, row in enumerate(rows):
            x = row.find(needle[key])
            if x >= 0 and all(rows[y - key + i][x:x + part.width] == n
                              for i, n in enumerate(needle) if 0 <= y - key + i < len(rows)):
                return True
    return False
