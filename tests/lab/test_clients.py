# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of tests/clients again, inside the lab machine: the same clients and the same promises with
SELinux enforcing, not one refusal logged (the `lab` fixture sees to that), and nothing of Cordon's
unconfined. Those that show each kind of work once, and something of every file; all of them, file by
file, with `make lab-clients`, which takes hours under emulation."""
import io
import json
import os
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
                       "test_readonly.py::test_reads_are_answered test_connection.py::test_versions "
                       "test_raw.py::test_odd_input[few] test_tpm.py::test_domcapabilities",
    "firmware": "test_lifecycle.py::test_paused_start_and_resume test_lifecycle.py::test_qemu_killed "
                "test_lifecycle.py::test_autodestroy test_events.py::test_lifecycle_order "
                "test_events.py::test_reset test_jobs.py::test_idle test_block.py::test_lists "
                "test_console.py::test_ttyconsole test_define.py::test_redefine_running_keeps_both "
                "test_audit.py::test_of_a_life test_xml.py::test_addresses_and_aliases "
                "test_large.py::test_long_metadata[40000] "
                "test_list.py::test_columns test_tpm.py::test_its_cage test_display.py::test_displays",
    "installed by people": "test_virt_install.py::test_import[generic] test_clock.py::test_base[localtime]",
    "a chain": "test_block.py::test_images_are_not_chowned test_block.py::test_dangerous_chains_are_refused test_block.py::test_boots_through_a_backing_chain test_block.py::test_shareable",
    "linux": "test_boot.py::test_devices_are_seen_by_the_guest test_boot.py::test_channel_by_the_api "
             "test_stats.py::test_all_groups test_stats.py::test_balloon_moves "
             "test_policy.py::test_policy[on_poweroff-destroy-poweroff-shut]",
}
# What cannot run inside: a file, or a test of it.
CR8 = "UEFI writes CR8 at each interrupt, and where that guest's KVM is emulated QEMU 7.2 does not survive it"
OUTSIDE = {
    "test_virt_install.py::test_import_uefi": CR8,
    "test_boot.py::test_uefi": CR8,
    "test_boot.py::test_uefi_variables_stay": CR8,
    "test_names.py": "its daemon has a resolv.conf of its own; with SELinux: test_names.py here",
    "test_seclabel.py": "says what holds on a host without SELinux; with it: test_seclabel.py here",
    "test_display.py::test_virt_viewer": "an X server with GTK would make the machine half as large again",
    "test_tpm.py::test_closed_when_its_claim_was_dropped": "takes a second daemon; one is installed",
}
FILES = sorted(p.name for p in (TESTS / "clients").glob("test_*.py") if p.name not in OUTSIDE)
WHOLE = os.environ.get("CORDON_LAB_WHOLE") == "1"
RUNS = {file: file for file in FILES} if WHOLE else CHOSEN
LIMIT = 7200 if WHOLE else 600      # seconds for one of them
ROOMS = ["supervisor", "core", "door", "host", "disk", "file", "image", "launch", "ledger", "vm"]


def bundle():
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for name in INSIDE:
            tar.add(TESTS / name, f"tests/{name}",
                    filter=lambda m: None if "__pycache__" in m.name else m)
    return data.getvalue()


def test_every_file_is_chosen_from():
    assert {c.split("::")[0] for group in CHOSEN.values() for c in group.split()} == set(FILES)


@pytest.mark.parametrize("group", RUNS)
def test_group(lab, group):
    lab.put(bundle(), "/var/lab/tests.tar")
    lab.run("tar -xf tests.tar", check=True)
    # a network that the machine could reach, which passt offers to guests
    lab.run("ip link add lan0 type dummy && ip address add 192.0.2.2/24 dev lan0 && "
            "ip link set lan0 up && ip route add default via 192.0.2.1", check=True)
    said = lab.run(f"""export CORDON_TEST_SERVER=installed CORDON_GUEST_TYPE=kvm LC_ALL=C \\
        CORDON_GUEST=/var/lib/libvirt/images CORDON_REPORT=report
        while sleep 5; do ps -eo label:80,comm --no-headers; done >processes & watch=$!
        python3 -B -m pytest -q -p no:cacheprovider --tb=short --rootdir tests \\
        {" ".join("--deselect clients/" + c for c in OUTSIDE)} \\
        {" ".join(f"'tests/clients/{c}'" for c in RUNS[group].split())}
        code=$?; kill $watch; exit $code""", timeout=LIMIT)
    rows = [json.loads(row) for row in lab.get("/var/lab/report").decode().splitlines()]
    failed = [f"{row['test']}: {row['result']}\n{row['text']}" for row in rows if row["result"] != "pass"]
    assert not failed, "\n".join(failed)
    assert said.code == 0 and rows, said
    seen = set(re.findall(r"^\S+:(\w+):s0\S* +((?:cordon|qemu-system|passt|swtpm)\S*)",
                          lab.get("/var/lab/processes").decode(), re.M))
    assert ("cordon_core_t", "cordon-core") in seen
    assert not [s for s in seen if not s[0].startswith(("cordon", "svirt_t"))], seen


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
        assert re.search(rf":cordon_{room}_t:s0\S* .*cordon-{room}", processes), processes
    assert host.machine.run("cordon cage one").code == 0
    host.stop("one")
