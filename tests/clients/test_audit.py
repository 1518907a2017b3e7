# SPDX-License-Identifier: GPL-2.0-or-later
"""The audit trail: one record for what a client asks, as its dispatch row says, and one for what becomes."""
import os
import re

import pytest

from lib import guest
from lib.server import wait_for

pytestmark = pytest.mark.cordon
FORM = re.compile(r"type=(VIRT_\w+) msg=audit\(\d+\.\d{3}:[0-9a-f]+\): (.*) res=(success|failed)$")


@pytest.fixture
def trail(server):
    """New records since the last look: (op, reason, result, fields)."""
    path = server.place("state/audit.log")
    place = path.stat().st_size if path.exists() else 0

    def look():
        nonlocal place
        with open(path, encoding="utf-8") as f:
            f.seek(place)
            text = f.read()
            place = f.tell()
        found = []
        for line in text.splitlines():
            m = FORM.match(line)
            assert m, line
            fields = dict(w.split("=", 1) for w in m.group(2).split())
            found.append((fields["op"], fields["reason"], m.group(3), fields))
        return found
    return look


def short(records):
    return [r[:3] for r in records]


def test_of_a_life(server, define, trail):
    name = define(memory=64)
    assert short(trail()) == [("define", "request", "success")]
    server.virsh("start", name)
    records = trail()
    assert short(records) == [("start", "booted", "success"), ("ask-start", "request", "success")]
    assert int(records[0][3]["vm-pid"]) == server.qemu(name)
    assert records[1][3]["uid"] == str(os.getuid()) and records[1][3]["role"] == "admin"
    for record in records:
        assert record[3]["vm"] == f'"{name}"'
        assert record[3]["uuid"] == server.virsh("domuuid", name).out.strip()
    server.virsh("suspend", name)
    server.virsh("resume", name)
    server.virsh("autostart", name)
    server.virsh("destroy", name)
    assert short(trail()) == [
        ("suspend", "request", "success"), ("resume", "request", "success"),
        ("autostart", "request", "success"), ("stop", "destroyed", "success"),
        ("ask-stop", "request", "success")]
    server.virsh("dumpxml", name)
    server.virsh("list", "--all")
    assert not trail(), "reading is not recorded"


def test_what_is_refused(server, define, trail):
    name = define(devices=guest.disk("/nowhere/at/all.raw"))
    trail()
    server.virsh("destroy", name, check=False)
    server.virsh("start", name, check=False)
    assert short(trail()) == [("ask-stop", "request", "failed"), ("start", "failed", "failed"),
                              ("ask-start", "request", "failed")]


def test_a_name_that_would_break_a_record(server, define, trail):
    define('a" res=success x="\u00fc', raw=guest.xml("a&quot; res=success x=&quot;\u00fc"))
    record, = trail()
    assert bytes.fromhex(record[3]["vm"]).decode() == 'a" res=success x="\u00fc'


def test_of_an_end_nobody_asked_for(server, define, trail):
    name = define(memory=64)
    server.virsh("start", name)
    trail()
    os.kill(server.qemu(name), 9)
    # the record is written when all of the guest is undone, a little after it counts as shut off
    records = []
    wait_for(lambda: records.extend(trail()) or records, 10)
    assert short(records) == [("stop", "failed", "success")]


def define_undefine(one):
    """Two records."""
    path = one.dir / "logged.xml"
    path.write_text(guest.xml("logged"))
    one.virsh("define", path)
    one.virsh("undefine", "logged")


def test_none(own_server):
    one = own_server("audit_level = 0\naudit_logging = 1\n").start()
    path = one.place("state/audit.log")
    before = path.stat().st_size
    define_undefine(one)
    assert path.stat().st_size == before
    assert "audit:" not in one.log.read_text()


def test_a_full_file_is_kept_once(own_server):
    """AUDIT_FILE_MAX: the record that reaches it is the last one of its file."""
    full = 16 << 20
    one = own_server().start()
    path, old = one.place("state/audit.log"), one.place("state/audit.log.0")

    def ops(file):
        return re.findall(rb" op=(\S+) ", file.read_bytes())
    for _ in range(2):
        os.truncate(path, full - 2000)
        define_undefine(one)
        assert full - 2000 < path.stat().st_size < full, "there is room for more"
        before = old.exists() and old.stat().st_mtime_ns
        os.truncate(path, full - 1)
        define_undefine(one)
        assert ops(old)[-1] == b"define" and full < old.stat().st_size < full + 2000
        assert ops(path) == [b"undefine"] and path.stat().st_size < 2000
        assert old.stat().st_mtime_ns != before


def test_in_the_log_as_well(own_server):
    """The same lines, at the log's default level."""
    one = own_server("audit_logging = 1\n").start()
    define_undefine(one)
    lines = one.place("state/audit.log").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 2 and all(FORM.match(each) for each in lines)
    assert re.findall(r"audit: (type=.*?) *$", one.log.read_text(), re.M) == lines
