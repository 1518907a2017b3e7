# SPDX-License-Identifier: GPL-2.0-or-later
"""Rooms of Cordon, taken over. cordon-conn, -edge and -vm try every attack that a taken-over QEMU tries,
say every message of every internal program on each of their channels, right and wrong in form, and answer
core wrongly. cordon-core, which decides, tries what -disk, -file and -launch have to refuse it all the same,
and cordon-supervisor what cordond has to.

The room is the real one until it has entered its sandbox (room.h). What it may say is answered; all
else ends its channel, with a line in core's log, and nobody else notices.
"""
import functools
import os
import re
import shutil
import subprocess
import tempfile

import pytest

import authority
import scene
import table
from lib import house, server
from lib.server import wait_for
from scene import A_ALONE, BUILD
from taken import House

ROOMS = ["conn", "edge", "vm"]
HERE = BUILD / "tests/escape"
ROWS = scene.attacks()
PROBES = [n for n, (flags, _, _) in ROWS.items() if not flags & A_ALONE]
BOMBS = {"threads_over": 400, "memory_over_mib": 1024}    # more than any room may have
FLAGS = (server.ROOT / "src/ipc/program.h").read_text()
WRITE, EVENT = (int(re.search(rf"#define IPC_{word} +(\d+)u", FLAGS)[1]) for word in ("WRITE", "EVENT"))
SENDER = {"conn": 3, "vm": 6, "edge": 10}      # enum ipc_room there
WRONG = ["empty", "longer", "shorter", "descriptors", "many-descriptors", "length", "head", "reply", "error",
         "event", "call", "kind", "number", "magic", "program", "version"]
PICTURE = "a screenshot is kept in one, and no limit of its own bounds how much they hold"
# What a room has to be able to do, and which harms nobody.
MAY = {
    "conn": {},
    "edge": {},
    "vm": {"memory-files": PICTURE,
           "socket-unix": "it connects to QEMU's sockets in its guest's folder"},
}
# What the other end says of each wrong form, when nothing but the form is wrong.
BODY, KIND = "Unable to decode message payload", "has the wrong kind"
HEAD, CUT, UNKNOWN = "a packet has a wrong head", "a packet is cut off", "is unknown"
FDS, NONE = "has the wrong number of descriptors", "answers a question nobody asked|of a kind that is none here"
REASON = {"empty": BODY, "shorter": BODY, "longer": BODY, "descriptors": FDS, "many-descriptors": CUT, "length": HEAD,
          "head": CUT, "reply": NONE, "error": NONE, "event": KIND, "call": KIND, "kind": NONE, "number": UNKNOWN,
          "magic": HEAD, "program": UNKNOWN, "version": UNKNOWN}
# Forms whose reason is found only when the row is: of all rows that a room may say. The others are of the head.
OF_THE_ROW = {"empty", "shorter", "longer", "descriptors", "event", "call"}
NO_ANSWER = "a packet that is no answer to what was asked"
ANSWERS = {"empty": NO_ANSWER, "shorter": NO_ANSWER, "longer": NO_ANSWER, "descriptors": NO_ANSWER, "kind": NONE,
           "number": NO_ANSWER, "program": NO_ANSWER, "version": NO_ANSWER, "many-descriptors": CUT, "head": CUT,
           "length": HEAD, "twice": "answers a question nobody asked"}
CONSOLE = {"bare": NO_ANSWER, "descriptors": NO_ANSWER, "many-descriptors": CUT, "longer": NO_ANSWER}
CLIENTS = 200
HALF_OPEN_S = 300     # whoever is aimed at as a neighbour is such a viewer
VM_SAYS = r" core\[\d+\] warning: vm of 'own': (.*)"
ENDING = 64       # ENDING_MAX of src/cordond/serve.c
# What a room may say and is answered, or refused with an error, or what needs no answer; all else closes.
OWN = {"conn": {"answered": {"core.OPEN", "core.HOST", "core.MODEL"}},
       "edge": {"refused": {"viewer.ATTACH"}}, "vm": {"silence": {"vmup.EVENTS"}}}
# The procedures that a client of the read-only socket is answered. Whoever serves one more decides whether
# it belongs here.
CLIENTS_OWN = ("remote.", "qemu.")
SERVED = {"conn": ("core.", "remote."), "edge": ("viewer.",), "vm": ("vmup.",)}    # by core, to whom
READ_ONLY = {"remote." + word for word in """
    CONNECT_GET_MAX_VCPUS DOMAIN_GET_AUTOSTART DOMAIN_GET_INFO DOMAIN_GET_MAX_MEMORY
    DOMAIN_GET_MAX_VCPUS DOMAIN_GET_OS_TYPE DOMAIN_GET_VCPUS CONNECT_LIST_DEFINED_DOMAINS
    DOMAIN_LOOKUP_BY_NAME DOMAIN_LOOKUP_BY_UUID CONNECT_NUM_OF_DEFINED_DOMAINS CONNECT_LIST_DOMAINS
    CONNECT_NUM_OF_DOMAINS DOMAIN_BLOCK_STATS DOMAIN_GET_SECURITY_LABEL NODE_GET_SECURITY_MODEL
    DOMAIN_IS_ACTIVE DOMAIN_IS_PERSISTENT DOMAIN_MEMORY_STATS DOMAIN_GET_JOB_INFO
    DOMAIN_HAS_MANAGED_SAVE_IMAGE DOMAIN_SNAPSHOT_NUM DOMAIN_HAS_CURRENT_SNAPSHOT DOMAIN_GET_BLOCK_INFO
    DOMAIN_GET_VCPUS_FLAGS DOMAIN_IS_UPDATED DOMAIN_GET_STATE DOMAIN_GET_CONTROL_INFO
    DOMAIN_BLOCK_STATS_FLAGS DOMAIN_GET_DISK_ERRORS CONNECT_LIST_ALL_DOMAINS DOMAIN_LIST_ALL_SNAPSHOTS
    DOMAIN_GET_SECURITY_LABEL_LIST DOMAIN_GET_JOB_STATS CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY
    CONNECT_GET_ALL_DOMAIN_STATS DOMAIN_LIST_ALL_CHECKPOINTS DOMAIN_GET_MESSAGES
    """.split()}


class Row:
    """A row of a program: its flags, who may send it (nobody named: whoever has the channel), and whether it
    is served and has arguments."""

    def __init__(self, flags, senders, size):
        self.flags, self.senders, self.served, self.bare = int(flags), int(senders), int(size) >= 0, int(size) <= 0

    def of(self, room):
        return not self.senders or self.senders >> SENDER[room] & 1


@functools.cache
def rows():
    """{"program.ROW": Row} of everything that crosses a border inside Cordon."""
    with tempfile.TemporaryDirectory(prefix="cordon-escape-rows-", dir="/var/tmp") as folder:
        binary = scene.Path(folder) / "cordon-conn"
        shutil.copy2(HERE / "escape-room-conn", binary)
        (binary.parent / "escape-targets").write_text("list_rows 1\n")
        out = subprocess.run([binary], check=True, text=True, capture_output=True).stdout
    return {name: Row(*numbers) for name, *numbers in (line.split() for line in out.splitlines())}


@pytest.fixture(scope="module")
def stage():
    replaced = {room: HERE / f"escape-room-{room}" for room in [*ROOMS, "core", "supervisor"]}
    with scene.Scene(replaced=replaced, pool_size=0, max_anonymous_clients=CLIENTS, max_clients=CLIENTS,
                     half_open_timeout=HALF_OPEN_S) as one:
        one.server.inside("umount", scene.QEMU)
        one.targets |= BOMBS
        made = House(one)
        # what fails uncaged, too, shows nothing; now, for the processes it aims at will be others
        made.uncaged = one.control(PROBES)
        one.before = one.fingerprint()
        yield made
        made.close()
    assert not one.left


@scene.once
def probes(stage, room):
    return stage.run(room, "only", PROBES)


def wrong(row):
    """The row in all wrong forms: what has no arguments cannot be cut short."""
    known = rows()[row]
    left_out = {"event" if known.flags & EVENT else "call", *(("empty", "shorter") if known.bare else ())}
    return [f"{row}:{form}" for form in WRONG if form not in left_out]


def message_list(room):
    """All rows once, in the right form; and each way to be wrong once a program. Vm costs a start each:
    with its own program and core's."""
    all_rows = rows()
    remote = [r for r in all_rows if r.startswith(CLIENTS_OWN)]
    inner = [r for r in all_rows if r not in remote]
    if room != "conn":
        remote = remote[::40]        # none of these rows is for it, and each costs a start
    first = {r.split(".")[0]: r for r in reversed(list(all_rows))}
    if room == "vm":
        first = {p: first[p] for p in ("vmup", "core")}
    return [f"{r}:plain" for r in inner + remote] + [m for r in first.values() for m in wrong(r)]


def fine(room, message, how):
    """Is this what has to come of it?"""
    row, form = message.split(":")
    if form != "plain" or how == "closed":
        return how == "closed"
    if room == "conn" and how == "refused":
        return row.startswith(("core.", *CLIENTS_OWN))
    return row in OWN[room].get(how, ())


def own_rows(room):
    """What core serves to this room. Events of remote go the other way, to clients."""
    return [n for n, row in rows().items() if n.startswith(SERVED[room]) and row.served and row.of(room) and
            not (row.flags & EVENT and n.startswith(CLIENTS_OWN))]


def unjust(stage, room, channel, messages):
    """Those of wrong forms, of rows that the room may say, that were closed for another reason than their form."""
    said = {m: stage.reasons.get((room, channel, m), "") for m in messages}
    return {m: text for m, text in said.items() if not re.search(REASON[m.split(":")[1]], text)}


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
    assert not {m: how for m, how in found.items() if not fine(room, m, how)}
    assert all(found[f"{row}:plain"] == how for how, names in OWN[room].items() for row in names), "the control"
    assert not silent
    assert stage.scene.fingerprint() == stage.scene.before


def test_readonly_conn_changes_nothing(stage):
    """Whatever conn says: core knows that its client came by the read-only socket."""
    found, _ = messages(stage, "conn")
    flags = rows()
    answered = {m.split(":")[0] for m, how in found.items() if how.startswith("answered")}
    assert not {r for r in answered if flags[r].flags & WRITE}


@scene.once
def opened(stage):
    flags = rows()
    todo = [("core.OPEN:plain", f"{r}:plain") for r in flags if r.startswith((*CLIENTS_OWN, "core."))]
    return stage.run("conn", "throw", todo)


def test_readonly_conn_after_open(stage):
    """The same when it did say OPEN before, and asked for more than the client has."""
    flags, found = rows(), opened(stage)
    answered = {m.split(":")[0] for m, how in found.items() if how.startswith("answered")}
    assert "remote.CONNECT_GET_MAX_VCPUS" in answered, "the control: nothing at all is answered"
    assert not {r for r in answered if flags[r].flags & WRITE}
    assert answered <= READ_ONLY | OWN["conn"]["answered"]
    assert set(found.values()) <= {"answered", "refused", "closed"}
    assert stage.scene.fingerprint() == stage.scene.before


def wrong_after(stage, room, first, rows_of, forms):
    """Wrong forms of these rows, each behind what has to be said first: how they ended."""
    todo = [(*first, m) for r in rows_of for m in wrong(r) if m.split(":")[1] in forms]
    found = stage.run(room, "throw", todo)
    assert set(found.values()) == {"closed"}, {m: how for m, how in found.items() if how != "closed"}
    assert not unjust(stage, room, "core", found)
    return found


@scene.once
def forms_of_conn(stage):
    own = own_rows("conn")
    few = [r for r in own if not r.startswith(CLIENTS_OWN)] + ["remote.CONNECT_GET_MAX_VCPUS"]
    opened_first = ("core.OPEN:plain",)
    return {**wrong_after(stage, "conn", opened_first, few, WRONG),
            **wrong_after(stage, "conn", opened_first, [r for r in own if r not in few], OF_THE_ROW)}


def test_wrong_forms_after_open(stage):
    """Of whatever it may say then: a wrong form ends it, for its form and nothing else."""
    assert len(forms_of_conn(stage)) > 500


@scene.once
def forms_of_edge(stage):
    return wrong_after(stage, "edge", (), ["viewer.ATTACH"], WRONG) | \
        wrong_after(stage, "edge", ("viewer.ATTACH:own",), ["viewer.INITIALIZED"], WRONG)


def test_wrong_forms_of_a_viewer(stage):
    assert len(forms_of_edge(stage)) > 25


def test_wrong_forms_of_vm(stage):
    """All were thrown by test_messages: they are closed for their form."""
    found, _ = messages(stage, "vm")
    own = [m for m in found if m.split(":")[0] in own_rows("vm") and not m.endswith(":plain")]
    assert len(own) > 12 and not unjust(stage, "vm", "core", own)


# ---- its other channels ----

def beside(room):
    """On the channel to door: all rows of what is said inside, and door's own in all wrong forms."""
    inner = [r for r in rows() if not r.startswith(CLIENTS_OWN)]
    return [f"{r}:plain" for r in inner] + [m for r in inner if r.startswith("door.") for m in wrong(r)]


@scene.once
def to_door(stage, room):
    return stage.run(room, "throw", beside(room), channel="door")


@pytest.mark.parametrize("room, may", [("conn", {"door.KNOWN:plain": "silence"}), ("edge", {})])
def test_door_is_told_no_more(stage, room, may):
    """Conn and edge keep a channel to door. On it conn may say that its client is known by now."""
    stage.silent = []
    found = to_door(stage, room)
    assert {m: how for m, how in found.items() if how != "closed"} == may
    own = [m for m in found if m.startswith("door.KNOWN:") and m not in may]
    assert room != "conn" or len(own) > 12 and not unjust(stage, room, "door", own)
    assert not stage.silent
    assert stage.scene.fingerprint() == stage.scene.before


@pytest.mark.parametrize("room", ["conn", "edge"])
def test_supervisor_hung_up(stage, room):
    """Theirs to the supervisor is over when they are set up: it has no other end, and conn closed its own."""
    said = ["room.SETUP:plain", "sup.START:plain", "starter.START:plain"]
    found = {}
    for message in said:
        found |= stage.run(room, "throw", [message], channel="supervisor")
    assert set(found) == set(said) and set(found.values()) <= {"none", "gone"}, found


# ---- answers ----

def files_of_core(stage):
    return len(os.listdir(f"/proc/{house.pid(stage.server, 'core')}/fd"))


def asked(stage, *answers):
    """A cordon-vm that answers so: how the last one ended, what core said of it, what its client was told."""
    stage.off()
    at, files = stage.mark(), files_of_core(stage)
    stage.arm("vm", throw=" ".join(answers))
    told = stage.start_and_look()
    lines = wait_for(lambda: [how for name, how in stage.lines("vm", at) if name == answers[-1] and how != "begin"] or
                     re.search(VM_SAYS, stage.text(at)) and ["closed"], 30, text=f"{answers} was said")
    stage.off()
    wait_for(lambda: files_of_core(stage) <= files, 10, text="core keeps no descriptor")
    said = re.search(VM_SAYS, stage.text(at))
    return lines[0], said[1] if said else "", told


def test_right_answers_are_taken(stage):
    """The control."""
    how, said, told = asked(stage, "answer.BOOT:plain", "answer.CONSOLE:plain")
    assert (how, said, told) == ("taken", "", "a console")


@pytest.mark.parametrize("form", ANSWERS)
def test_wrong_answers_to_boot(stage, form):
    """What core asked for is answered, wrongly: the channel ends, and so does the start."""
    how, said, told = asked(stage, f"answer.BOOT:{form}")
    assert how == "closed" and re.search(ANSWERS[form], said), (how, said, told)
    assert form == "twice" or told.startswith("not started")
    assert stage.scene.fingerprint() == stage.scene.before


@pytest.mark.parametrize("form", CONSOLE)
def test_wrong_answers_to_console(stage, form):
    """A descriptor is asked for, and there comes none, or five: who wanted the console is refused."""
    how, said, told = asked(stage, "answer.BOOT:plain", f"answer.CONSOLE:{form}")
    assert how == "closed" and re.search(CONSOLE[form], said), (how, said, told)
    assert told.startswith("no console")
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
    assert not authority.held(found)
    assert set(authority.WHY) <= set(found) and sum(n.startswith("control-") for n in found) >= 11


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

def state(stage, room, name, how):
    if stage.uncaged[name] != "reached":
        return "void"
    if name in MAY[room] and how == "reached":
        return "may"
    return table.cell(how)


def page(stage, old):
    found = {room: probes(stage, room) for room in ROOMS}
    said = {room: messages(stage, room)[0] for room in ROOMS}
    core, supervisor = invariants(stage), starts(stage)
    many = [[name, *(state(stage, room, name, found[room][name]) for room in ROOMS)] for name in PROBES]
    said["conn"] = {**said["conn"], **{f"after OPEN {m}": how for m, how in forms_of_conn(stage).items()}}
    said["edge"] = {**said["edge"], **{f"after ATTACH {m}": how for m, how in forms_of_edge(stage).items()}}
    said |= {f"{room} to door": to_door(stage, room) for room in ("conn", "edge")}
    counts = [[how, *(str(sum(x.split()[0] == how for x in all_said.values())) for all_said in said.values())]
              for how in ("closed", "refused", "silence", "answered")]
    may = "".join(f"- {room}, {name}: {why}.\n" for room in ROOMS for name, why in MAY[room].items())
    return PAGE.format(
        many=table.table(["attack by a room", *(f"cordon-{r}" for r in ROOMS)], many, old), may=may,
        counts=table.table(["messages, by what came of them", *said], counts, old),
        core=table.table(["attack by core", "what", "cordon-core", "cordon-core, SELinux"],
                         [[n, what, authority.cell(how), None] for n, (how, what, _) in core.items()
                          if not n.startswith("control-")], old),
        supervisor=table.table(["attack by the supervisor", "what", "cordon-supervisor"],
                               [[n, what, "refused" if how.startswith("refused") else table.cell(how)]
                                for n, (how, what) in supervisor.items() if not n.startswith("control-")], old))


PAGE = """{many}
**may** is what the room has to be able to do, or what nothing bounds:
{may}
Every message of every internal program, in the right form, and each program's first one in each wrong
form (by vm, which costs a start each: its own program's and core's), said to core; and of each row that
core serves to this room every wrong form, too: short, long, with descriptors, of the wrong kind, with conn
behind OPEN. *Closed* is the end of the room's channel, with a line in the log of who closed it, and what
comes of each wrong form, for that form; *refused* an error as an answer; *answered* are only rows that are
the room's own, by name, none of which changes anything for a client that may only read. conn and edge have
a channel to door as well, where conn may say that its client is known (*silence*). Theirs to the supervisor
is over by then. A vm that answers core's questions wrongly (no body, a short or long one, no descriptor or
five, another row's answer, two) loses its channel, and what was asked for fails.

{counts}
cordon-core decides, so whoever takes it over starts and stops every guest and opens to each what the
roots allow. The rest is not its to decide. Each is refused for its own reason, and the same verbs are
granted in the same run where nothing forbids it (`tests/escape/authority.py`):

{core}
cordon-supervisor says who is whose neighbour, so whoever takes it over is core and door together, and
can end every room. What cordond keeps to itself:

{supervisor}"""


def test_page(stage):
    table.check("rooms", lambda old: page(stage, old))
