# SPDX-License-Identifier: GPL-2.0-or-later
"""`virsh edit` with a program for an editor."""
import pytest

from lib import guest


@pytest.fixture
def editor(server):
    """Writes an editor that runs a sed program, and its environment."""
    def new(script):
        path = server.dir / "editor"
        path.write_text(f"#!/bin/sh\nexec sed -i '{script}' \"$1\"\n")
        path.chmod(0o755)
        return {"EDITOR": str(path), "VISUAL": str(path)}
    return new


def test_change(server, define, editor):
    name = define()
    server.virsh("edit", name, env=editor("s/131072/262144/g"))
    assert ">262144<" in server.virsh("dumpxml", name).out


def test_nothing_changed(server, define, editor):
    name = define()
    before = server.virsh("dumpxml", name).out
    server.virsh("edit", name, env=editor("s/nothing/nothing/"))
    assert server.virsh("dumpxml", name).out == before


def test_mistake_changes_nothing(server, define, editor):
    name = define()
    before = server.virsh("dumpxml", name).out
    result = server.virsh("edit", name, env=editor("s/q35/vax-11/"), check=False, stdin="n\n")
    assert "error: Failed." in result.err
    assert server.virsh("dumpxml", name).out == before


def test_running_guest(server, define, editor):
    name = define()
    server.virsh("start", name)
    server.virsh("edit", name, env=editor("s/131072/262144/g"))
    assert ">131072<" in server.virsh("dumpxml", name).out
    assert ">262144<" in server.virsh("dumpxml", "--inactive", name).out


def test_two_editors(server, define, editor):
    """While one edits, another redefines: the first is told, and the second's work stays."""
    name = define()
    changed = server.dir / "changed.xml"
    changed.write_text(server.virsh("dumpxml", "--inactive", name).out.replace("131072", "163840"))
    path = server.dir / "slow-editor"
    path.write_text(f"#!/bin/sh\nvirsh -q -c '{server.uri}' define {changed} >/dev/null\n"
                    "exec sed -i 's/131072/262144/g' \"$1\"\n")
    path.chmod(0o755)
    result = server.virsh("edit", name, env={"EDITOR": str(path), "VISUAL": str(path)}, check=False,
                          stdin="n\n")
    assert "changed by another user" in result.err, result
    assert ">163840<" in server.virsh("dumpxml", name).out
