# SPDX-License-Identifier: GPL-2.0-or-later
"""`virsh list` with each of its filters, against guests in every state."""
import pytest

from lib import guest


@pytest.fixture(scope="module")
def zoo(server):
    """off, off-auto, paused, running, transient."""
    def define(name, **arguments):
        path = server.dir / f"{name}.xml"
        path.write_text(guest.xml(name, **arguments))
        return path
    for name in ("off", "off-auto", "paused", "running"):
        server.virsh("define", define(name, head=f"<title>the {name} one</title>"))
    server.virsh("autostart", "off-auto")
    server.virsh("start", "--paused", "paused")
    server.virsh("start", "running")
    server.virsh("create", define("transient"))
    yield server
    for name in ("paused", "running", "transient"):
        server.virsh("destroy", name)
    for name in ("off", "off-auto", "paused", "running"):
        server.virsh("undefine", name)


ALL = {"off", "off-auto", "paused", "running", "transient"}
ACTIVE = {"paused", "running", "transient"}


@pytest.mark.parametrize("options, expected", [
    ("", ACTIVE),
    ("--all", ALL),
    ("--inactive", ALL - ACTIVE),
    ("--transient", {"transient"}),
    ("--all --persistent", ALL - {"transient"}),
    ("--persistent", ACTIVE - {"transient"}),
    ("--all --autostart", {"off-auto"}),
    ("--all --no-autostart", ALL - {"off-auto"}),
    ("--state-running", {"running", "transient"}),
    ("--state-paused", {"paused"}),
    ("--all --state-shutoff", {"off", "off-auto"}),
    ("--all --state-other", set()),
    ("--all --state-running --state-paused", ACTIVE),
    ("--all --with-snapshot", set()),
    ("--all --without-snapshot", ALL),
    ("--all --with-managed-save", set()),
    ("--all --without-managed-save", ALL),
    ("--all --with-checkpoint", set()),
    ("--all --without-checkpoint", ALL),
])
def test_filter(zoo, options, expected):
    assert set(zoo.virsh("list", "--name", *options.split()).out.split()) == expected


def test_columns(zoo):
    rows = {line.split()[1]: line.split() for line in zoo.virsh("list", "--all").out.splitlines()
            if line.strip()}
    assert rows["off"] == ["-", "off", "shut", "off"]
    assert rows["running"][0].isdigit() and rows["running"][2] == "running"
    assert rows["paused"][2] == "paused"


def test_uuid_title_id(zoo):
    uuid = zoo.virsh("domuuid", "running").out.strip()
    assert uuid in zoo.virsh("list", "--uuid").out
    assert "the running one" in zoo.virsh("list", "--title").out
    number = zoo.virsh("domid", "running").out.strip()
    assert number in zoo.virsh("list", "--id").out.split()
    assert zoo.virsh("domname", number).out.strip() == "running"
    assert zoo.virsh("domname", uuid).out.strip() == "running"
    assert zoo.virsh("domuuid", number).out.strip() == uuid


def test_ids_are_not_used_twice(zoo):
    first = int(zoo.virsh("domid", "running").out)
    zoo.virsh("destroy", "running")
    zoo.virsh("start", "running")
    assert int(zoo.virsh("domid", "running").out) > first


def test_old_style_lists(zoo):
    conn = zoo.connect()
    assert conn.numOfDomains() == 3 == len(conn.listDomainsID())
    assert conn.numOfDefinedDomains() == 2
    assert set(conn.listDefinedDomains()) == {"off", "off-auto"}
    conn.close()
