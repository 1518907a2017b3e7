# SPDX-License-Identifier: GPL-2.0-or-later
"""Rooms of Cordon, taken over. cordon-conn, -edge and -vm try every attack that a taken-over QEMU tries,
and say every message of every internal program to core, right and wrong in form. cordon-core, which
decides, tries what -disk, -file and -launch have to refuse it all the same, and cordon-supervisor what
cordond has to.

The room is the real one until it has entered its sandbox (room.h). What it may say is answered; all
else ends its channel, with a line in core's log, and nobody else notices.
"""
import re
import shutil
import socket
import subprocess
import tempfile

import pytest

import authority
import scene
import table
from lib import guest, house
from lib.server import wait_for
from scene import A_ALONE, A_LAST, BUILD

ROOMS = ["conn", "edge", "vm"]
HERE = BUILD / "tests/escape"
ROWS = scene.attacks()
PROBES = [n for n, (flags, _, _) in ROWS.items() if not flags & (A_ALONE | A_LAST)]
WRITE, EVENT = 2, 4          # IPC_WRITE, IPC_EVENT of src/ipc/program.h
WRONG = ["empty", "longer", "shorter", "descriptors", "many-descriptors", "length", "head", "reply", "error",
         "event", "kind", "number"]
OWNER = "the name is taken, but the kernel sends no signal to another uid's process"
# What a room has to be able to do, and which harms nobody.
MAY = {
    "conn": {"signal-owner": OWNER},
    "edge": {"signal-owner": OWNER},
    "vm": {"signal-owner": OWNER, "socket-unix": "it connects to QEMU's sockets in its guest's folder",
           "fd-inventory": "the folder of its own QEMU in /proc, whose parent it cannot open"},
}
UUID = "0e5ca9e0-0000-4000-8000-000000000001"
SILENT_MAX = 5
CLIENTS = 200
ENDING = 64       # ENDING_MAX of src/cordond/serve.c
FINE = {"closed", "refused", "silence", "answered", "answered with its own viewer"}


def rows():
    """{"program.ROW": flags} of everything that crosses a border inside Cordon."""
    with tempfile.TemporaryDirectory(prefix="cordon-escape-rows-", dir="/var/tmp") as folder:
        binary = scene.Path(folder) / "cordon-conn"
        shutil.copy2(HERE / "escape-room-conn", binary)
        (binary.parent / "escape-targets").write_text("list_rows 1\n")
        out = subprocess.run([binary], check=True, text=True, capture_output=True).stdout
    return {name: int(flags) for name, flags in (line.split() for line in out.splitlines())}


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
        self.file = one.folder / "rooms/escape-targets"
        path = self.server.dir / "own.xml"
        path.write_text(guest.xml("own", uuid=UUID, devices='<graphics type="vnc" port="-1"/>'))
        self.server.virsh("define", path)
        self.readonly = True
        self.port = None
        self.silent = []         # closed, and core said nothing

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

    def run(self, room, what, items):
        """{item: how it ended}. what: "only" for attacks, "throw" for messages. An item that is a list of
        messages is said in one breath, and the last of them counts."""
        results, todo = {}, [item if isinstance(item, tuple) else (item,) for item in items]
        single = all(len(item) == 1 for item in todo)
        while todo:
            self.ready(room)
            words = " ".join(item[0] for item in todo) if single else " ".join(todo[0])
            self.arm(room, **{what: f" {words} " if what == "only" else words})
            at = self.server.log.stat().st_size
            getattr(self, room)()
            lines = wait_for(lambda: self.lines(room, at), 20, text=f"{room}: taken over")
            found = dict(line for line in lines if line[0] not in ("takes", "end"))
            last = next(reversed(found))
            if found[last] == "begin":
                found[last] = self.death(room, what, at, last)
            if found[last] == "closed":
                self.heard(at, last)
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

    def heard(self, at, name):
        """Core says whom it closed its door to."""
        try:
            wait_for(lambda: re.search(r" core\[\d+\] warning: (client|edge|domain|guest|vm)\b", self.text(at)), 2)
        except TimeoutError:
            self.silent.append(name)
            assert len(self.silent) < SILENT_MAX, self.silent

    def death(self, room, what, at, name):
        """conn and edge are cordond's children, which tells. Vm is launch's, which does not: with it goes
        its guest, for a message that core takes amiss; a probe says nothing to core."""
        if room == "vm":
            return "closed" if what == "throw" else "killed SIGSYS"
        pattern = rf"cordon-{room}\[\d+\] was killed by signal 31"
        try:
            wait_for(lambda: re.search(pattern, self.text(at)), 5)
        except TimeoutError:
            raise AssertionError(f"{name}: {room} ended, but not by its filter:\n{self.text(at)[-2000:]}") from None
        return "killed SIGSYS"


@pytest.fixture(scope="module")
def stage():
    replaced = {room: HERE / f"escape-room-{room}" for room in [*ROOMS, "core", "supervisor"]}
    with scene.Scene(replaced=replaced, pool_size=0, max_anonymous_clients=CLIENTS, max_clients=CLIENTS) as one:
        one.server.inside("umount", scene.QEMU)
        yield House(one)
    assert not one.left


@scene.once
def probes(stage, room):
    return stage.run(room, "only", PROBES)


def message_list(room):
    """All rows once, in the right form; and each way to be wrong once a program."""
    all_rows = rows()
    remote = [r for r in all_rows if r.startswith(("remote.", "qemu."))]
    inner = [r for r in all_rows if r not in remote]
    if room != "conn":
        remote = remote[::40]        # none of these rows is for it, and each costs a start
    first = {r.split(".")[0]: r for r in reversed(list(all_rows))}
    return [f"{r}:plain" for r in inner + remote] + [f"{r}:{w}" for r in first.values() for w in WRONG]


@scene.once
def messages(stage, room):
    stage.silent = []
    found = stage.run(room, "throw", message_list(room))
    return found, stage.silent


@pytest.mark.parametrize("room", ROOMS)
def test_probes(stage, room):
    found = probes(stage, room)
    reached = {n for n, how in found.items() if how in ("reached", "done", "begin")}
    assert reached <= set(MAY[room]), {n: found[n] for n in reached}
    assert stage.scene.fingerprint() == stage.scene.before


@pytest.mark.parametrize("room", ROOMS)
def test_messages(stage, room):
    """What is not for this sender, or is wrong in form, ends the channel and is logged; nothing else
    comes of it."""
    found, silent = messages(stage, room)
    assert not {m: how for m, how in found.items() if how not in FINE}
    assert "closed" in found.values() and not silent
    assert stage.scene.fingerprint() == stage.scene.before


def test_readonly_conn_changes_nothing(stage):
    """Whatever conn says: core knows that its client came by the read-only socket."""
    found, _ = messages(stage, "conn")
    flags = rows()
    answered = {m.split(":")[0] for m, how in found.items() if how.startswith("answered")}
    assert not {r for r in answered if flags[r] & WRITE}


@scene.once
def opened(stage):
    flags = rows()
    todo = [("core.OPEN:plain", f"{r}:plain") for r in flags if r.startswith(("remote.", "qemu.", "core."))]
    return stage.run("conn", "throw", todo)


def test_readonly_conn_after_open(stage):
    """The same when it did say OPEN before, and asked for more than the client has."""
    flags, found = rows(), opened(stage)
    answered = {m.split(":")[0] for m, how in found.items() if how.startswith("answered")}
    assert "remote.CONNECT_GET_MAX_VCPUS" in answered, "the control: nothing at all is answered"
    assert not {r for r in answered if flags[r] & WRITE}
    assert stage.scene.fingerprint() == stage.scene.before


def test_edge_gets_its_own_guest(stage):
    """And no other: core knows it by the channel."""
    found, _ = messages(stage, "edge")
    assert found["viewer.ATTACH:plain"] == "refused"
    own = stage.run("edge", "throw", ["viewer.ATTACH:own"])
    assert own["viewer.ATTACH:own"] == "answered with its own viewer"


@pytest.mark.parametrize("said", [("viewer.ATTACH:own", "viewer.ATTACH:own"), ("viewer.INITIALIZED:plain",),
                                  ("viewer.ATTACH:own", "viewer.INITIALIZED:plain", "viewer.INITIALIZED:plain")])
def test_edge_attaches_once(stage, said):
    """Or one edge could make QEMU's and cordon-vm's viewers without end."""
    assert stage.run("edge", "throw", [said]) == {said[-1]: "closed"}


def test_a_taken_conn_of_root_can(stage):
    """The control: these messages do arrive, where the client may what they ask for."""
    stage.readonly = False
    try:
        found = stage.run("conn", "throw", [("core.OPEN:plain", "remote.DOMAIN_SUSPEND:plain")])
    finally:
        stage.readonly = True
    assert found["remote.DOMAIN_SUSPEND:plain"] == "answered"
    assert stage.server.virsh("domstate", "victim").out.strip() == "paused"
    stage.server.virsh("resume", "victim")


# ---- cordon-core ----

@scene.once
def invariants(stage):
    return authority.attack(stage)


def test_core_is_held(stage):
    found = invariants(stage)
    controls = {n: how for n, (how, _) in found.items() if n.startswith("control-")}
    assert controls and set(controls.values()) == {"reached"}, controls
    bad = {n: how for n, (how, _) in found.items() if n not in controls and not authority.held(how)}
    assert not bad and len(found) >= 20, found


def test_core_harmed_nobody(stage):
    """Core is another one, and with it the rooms below it; the victim and its image are as they were."""
    invariants(stage)
    now, then = stage.scene.fingerprint(), dict(stage.scene.before)
    for each in (now, then):
        each.pop("rooms")
    assert now == then


# ---- cordon-supervisor ----

@scene.once
def starts(stage):
    """{attack: (how it ended, what)}: the supervisor is started anew, and taken when a room ends."""
    stage.off()
    one = stage.server
    try:
        at = one.log.stat().st_size
        stage.arm("supervisor", conns_over=CLIENTS + ENDING + 50)
        house.kill(9, house.pid(one, "supervisor"))
        wait_for(lambda: one.virsh("domstate", "victim", check=False).out.strip() == "running", 30)
        launch = house.pid(one, "launch")
        house.kill(9, house.pid(one, "image"))
        # the last that it says is what only cordon-conf may
        wait_for(lambda: re.search(r"cordond\[\d+\] warning: supervisor: message 4 .* is not for this sender",
                                   stage.text(at)), 60, text="the supervisor was taken over, and ended")
        lines = stage.text(at)
    finally:
        stage.disarm()
    wait_for(lambda: house.pids(one, "launch") not in ([], [launch]), 30, text="all rooms anew")
    house.kill(9, house.pid(one, "supervisor"))     # this one was armed as well
    wait_for(lambda: one.virsh("domstate", "victim", check=False).out.strip() == "running", 30)
    return {n: (how, what) for n, how, what in re.findall(r"^escape-room supervisor (\S+) (.*?) \| (.*)$", lines, re.M)}


def test_supervisor_is_held(stage):
    found = starts(stage)
    controls = {n: how for n, (how, _) in found.items() if n.startswith("control-")}
    assert len(controls) == 2 and set(controls.values()) == {"reached"}, controls
    bad = {n: how for n, (how, _) in found.items() if n not in controls and not how.startswith("refused")}
    assert not bad and len(found) >= 20, found


def test_supervisor_harmed_nobody(stage):
    """All rooms are others; cordond, the victim and its image are as they were."""
    starts(stage)
    assert stage.server.alive()
    now, then = stage.scene.fingerprint(), dict(stage.scene.before)
    for each in (now, then):
        each.pop("rooms")
    assert now == then


# ---- the page ----

def state(room, name, how):
    if name in MAY[room] and how == "reached":
        return "may"
    return table.cell(how)


def page(stage, old):
    found = {room: probes(stage, room) for room in ROOMS}
    said = {room: messages(stage, room)[0] for room in ROOMS}
    core, supervisor = invariants(stage), starts(stage)
    many = [[name, *(state(room, name, found[room][name]) for room in ROOMS)] for name in PROBES]
    counts = [[how, *(str(sum(x.split()[0] == how for x in said[room].values())) for room in ROOMS)]
              for how in ("closed", "refused", "silence", "answered")]
    may = "".join(f"- {room}, {name}: {why}.\n" for room in ROOMS for name, why in MAY[room].items())
    return PAGE.format(
        many=table.table(["attack by a room", *(f"cordon-{r}" for r in ROOMS)], many, old), may=may,
        counts=table.table(["messages to core, by what came of them", *ROOMS], counts, old),
        core=table.table(["attack by core", "what", "cordon-core", "cordon-core, SELinux"],
                         [[n, what, authority.cell(how), None] for n, (how, what) in core.items()
                          if not n.startswith("control-")], old),
        supervisor=table.table(["attack by the supervisor", "what", "cordon-supervisor"],
                               [[n, what, "refused" if how.startswith("refused") else table.cell(how)]
                                for n, (how, what) in supervisor.items() if not n.startswith("control-")], old))


PAGE = """{many}
**may** is what the room has to be able to do:
{may}
Every message of every internal program, in the right form, and each program's first one in each wrong
form, said to core. *Closed* is the end of the room's channel, with a line in core's log; *refused* an
error as an answer; *answered* are only rows that are the room's own, none of which changes anything
for a client that may only read.

{counts}
cordon-core decides, so whoever takes it over starts and stops every guest and opens to each what the
roots allow. The rest is not its to decide:

{core}
cordon-supervisor says who is whose neighbour, so whoever takes it over is core and door together, and
can end every room. What cordond keeps to itself:

{supervisor}"""


def test_page(stage):
    table.check("rooms", lambda old: page(stage, old))
