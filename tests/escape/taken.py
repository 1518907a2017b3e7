# SPDX-License-Identifier: GPL-2.0-or-later
"""How a room of Cordon is started to be taken over (room.c), and what became of it. Also run in the lab."""
import re
import socket

from lib import guest, house
from lib.deaths import Deaths
from lib.server import wait_for

UUID = "0e5ca9e0-0000-4000-8000-000000000001"
SILENT_MAX = 5
FORBIDDEN = 31        # SIGSYS


def until_end(s):
    try:
        while s.recv(4096):
            pass
    except ConnectionResetError:
        pass


class House:
    """A Cordon with rooms that can be taken over, and how to have one started."""

    def __init__(self, one):
        self.scene, self.server = one, one.server
        self.file = self.beside()
        path = self.server.dir / "own.xml"
        path.write_text(guest.xml("own", uuid=UUID, devices='<graphics type="vnc" port="-1"/>'))
        self.server.virsh("define", path)
        self.readonly = True
        self.port = None
        self.silent = []         # closed, and nothing was said of it
        self.reasons = {}        # message: what was said when it was closed
        self.deaths = Deaths()
        self.others = {}

    def close(self):
        self.deaths.close()
        for other in self.others.values():
            other.close()

    def beside(self):
        """Where its programs look whether they are taken over (room.c)."""
        return self.scene.folder / "rooms/escape-targets"

    def neighbours(self, room):
        """Somebody else's process of the same room, and so of the same uid: it lives as long as this does."""
        if room == "conn":
            self.others.setdefault(room, self.server.connect())
        elif room == "edge":
            self.others.setdefault(room, socket.create_connection(("127.0.0.1", int(self.scene.targets["victim_vnc"]))))
        return {"sibling": house.pid(self.server, room)} if room in self.others else {}

    def arm(self, room, **targets):
        known = {**self.scene.targets, "victim_uuid": self.scene.victim_uuid, "own_uuid": UUID, **targets, "room": room}
        new = self.file.with_suffix(".new")
        new.write_text("".join(f"{k} {v}\n" for k, v in known.items() if k != "missing"))
        new.rename(self.file)

    def disarm(self):
        self.file.unlink(missing_ok=True)

    def off(self):
        self.disarm()
        self.server.virsh("destroy", "own", check=False)
        self.port = None

    def ready(self, room):
        """What has to run before the room does: for a viewer its guest; and no guest for a start."""
        if room == "vm":
            self.off()
        elif room == "edge" and self.port is None:
            self.off()
            self.server.virsh("start", "own")
            self.port = 5900 + int(self.server.virsh("domdisplay", "own").out.strip().rsplit(":", 1)[1])

    def conn(self):
        """As a client: until whoever serves it is gone."""
        path = self.server.socket_ro_path if self.readonly else self.server.socket_path
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(30)
            s.connect(str(path))
            until_end(s)

    def edge(self):
        """As a viewer of one's own guest."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as s:
            until_end(s)

    def vm(self):
        """Start a guest: its cordon-vm ends, and the start fails."""
        self.server.virsh("start", "own", check=False, timeout=60)

    def start_and_look(self):
        """The guest's console, if it starts: what came of it."""
        import libvirt
        libvirt.registerErrorHandler(lambda *_: None, None)
        conn = self.server.connect()
        try:
            domain = conn.lookupByName("own")
            try:
                domain.create()
            except libvirt.libvirtError as e:
                return f"not started: {e}"
            try:
                domain.openConsole(None, conn.newStream(), 0)
            except libvirt.libvirtError as e:
                return f"no console: {e}"
            return "a console"
        finally:
            conn.close()

    def run(self, room, what, items, channel="core"):
        """{item: how it ended}. what: "only" for attacks, "throw" for messages to who is at the other end of a
        channel. An item that is a list of messages is said in one breath, and the last of them counts."""
        results, todo = {}, [item if isinstance(item, tuple) else (item,) for item in items]
        single = all(len(item) == 1 for item in todo)
        more = {} if channel == "core" else {"channel": channel, **({"hangs_up": 1} if channel == "supervisor" else {})}
        if what == "only":
            more |= self.neighbours(room)
        while todo:
            self.ready(room)
            words = " ".join(item[0] for item in todo) if single else " ".join(todo[0])
            self.arm(room, **{what: f" {words} " if what == "only" else words}, **more)
            at = self.mark()
            self.deaths.forget()
            getattr(self, room)()
            lines = wait_for(lambda: self.lines(room, at), 20, text=f"{room}: taken over")
            found = dict(line for line in lines if line[0] not in ("takes", "end"))
            last = next(reversed(found))
            if found[last] == "begin":
                found[last] = self.death(room, what, at, last)
            if found[last] == "closed":
                self.reasons[room, channel, last] = self.heard(at, last, channel)
            before = len(todo)
            results |= {item: found[item[-1]] for item in todo if item[-1] in found}
            todo = [item for item in todo if item not in results]
            assert len(todo) < before, f"{room}: none of {words[:80]} was tried: {lines}"
        self.disarm()
        return {item[-1]: how for item, how in results.items()}

    def mark(self):
        return self.server.log.stat().st_size

    def text(self, at):
        with open(self.server.log, "rb") as f:
            f.seek(at)
            return f.read().decode(errors="replace")

    def lines(self, room, at):
        return re.findall(rf"^escape-room {room} (\S+) (.*)$", self.text(at), re.M)

    def heard(self, at, name, channel):
        """Who is at the other end says whom it closed its door to, and why."""
        pattern = rf" {channel}\[\d+\] warning: (?:client|edge|conn|domain|guest|vm)\b(.*)"
        try:
            return wait_for(lambda: re.search(pattern, self.text(at)), 2)[1]
        except TimeoutError:
            self.silent.append(name)
            assert len(self.silent) < SILENT_MAX, self.silent
            return ""

    def death(self, room, what, at, name):
        """conn and edge are cordond's children, which tells. Vm is launch's, which does not: of it the kernel
        is asked. With it goes its guest, for a message that core takes amiss."""
        if room == "vm" and what == "throw":
            return "closed"
        if room == "vm":
            launch = house.pid(self.server, "launch")
            assert self.deaths.child(launch, lambda status: status & 0x7f == FORBIDDEN, 5), \
                f"{name}: vm ended, but not by its filter:\n{self.text(at)[-2000:]}"
            return "killed SIGSYS"
        pattern = rf"cordon-{room}\[\d+\] was killed by signal 31"
        try:
            wait_for(lambda: re.search(pattern, self.text(at)), 5)
        except TimeoutError:
            raise AssertionError(f"{name}: {room} ended, but not by its filter:\n{self.text(at)[-2000:]}") from None
        return "killed SIGSYS"
