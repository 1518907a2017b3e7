# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of tests/clients again, inside the lab machine: the same clients and the same promises with
SELinux enforcing, and not one refusal logged (the `lab` fixture sees to that). Those that show each
kind of work once; all of them would take an hour under emulation."""
import io
import json
import re
import tarfile
from pathlib import Path

import pytest

from lib.lab_host import Host, disk, domain

TESTS = Path(__file__).resolve().parent.parent
INSIDE = ["conftest.py", "lib", "clients"]
# What is done with a guest that needs no more than its firmware, and with one that runs Linux.
CHOSEN = {
    "without a guest": "test_define.py::test_define_undefine test_define.py::test_redefine_changes "
                       "test_metadata.py::test_elements test_edit.py::test_change "
                       "test_readonly.py::test_reads_are_answered test_connection.py::test_versions",
    "firmware": "test_lifecycle.py::test_paused_start_and_resume test_lifecycle.py::test_qemu_killed "
                "test_lifecycle.py::test_autodestroy test_events.py::test_lifecycle_order "
                "test_events.py::test_reset test_jobs.py::test_idle test_block.py::test_lists "
                "test_console.py::test_ttyconsole test_define.py::test_redefine_running_keeps_both",
    "a chain": "test_block.py::test_boots_through_a_backing_chain test_block.py::test_shareable",
    "linux": "test_boot.py::test_devices_are_seen_by_the_guest test_boot.py::test_channel_by_the_api "
             "test_stats.py::test_all_groups test_stats.py::test_balloon_moves",
}
ROOMS = ["supervisor", "core", "door", "host", "disk", "file", "image", "launch", "ledger"]


def bundle():
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for name in INSIDE:
            tar.add(TESTS / name, f"tests/{name}",
                    filter=lambda m: None if "__pycache__" in m.name else m)
    return data.getvalue()


@pytest.mark.parametrize("group", CHOSEN)
def test_group(lab, group):
    lab.put(bundle(), "/var/lab/tests.tar")
    lab.run("tar -xf tests.tar", check=True)
    chosen = CHOSEN[group].split()
    said = lab.run(f"""export CORDON_TEST_SERVER=installed CORDON_GUEST_TYPE=kvm LC_ALL=C \\
        CORDON_GUEST=/var/lib/libvirt/images CORDON_REPORT=report
        python3 -B -m pytest -q -p no:cacheprovider --tb=short --rootdir tests \\
        {" ".join("tests/clients/" + c for c in chosen)}""", timeout=600)
    rows = [json.loads(row) for row in lab.get("/var/lab/report").decode().splitlines()]
    assert said.code == 0, said
    assert {r["result"] for r in rows} == {"pass"}
    assert {r["test"].split("[")[0].split("/")[-1] for r in rows} == set(chosen)


def test_every_room_may_die(lab):
    """kill -9 of each, with a guest running: started again, the guest adopted, all in their domains."""
    host = Host(lab)
    host.start(domain("one", disk(host.image("one.img"))))
    label = host.process("one")
    for room in ROOMS:
        lab.run(f"pkill -9 -f ^cordon-{room}", check=True)
        host.run("for i in $(seq 60); do timeout 20 virsh -q -c qemu:///system domstate one | grep -q running && "
                 f"pgrep -f ^cordon-{room} && exit 0; sleep 0.5; done; exit 1", timeout=200)
    assert host.process("one") == label
    processes = host.run("ps -eo label:80,args --no-headers")
    for room in ROOMS:
        assert re.search(rf":cordon_{room}_t:s0 .*cordon-{room}", processes), processes
    assert host.machine.run("cordon cage one").code == 0
    host.stop("one")
