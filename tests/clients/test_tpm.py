# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest's TPM: Linux finds it, what it remembers outlives a run, and goes when it should."""
import os
import re
import signal
import uuid as uuids
from pathlib import Path

import pytest

from lib import guest, house
from lib.server import wait_for

TPM = '<tpm model="{}"><backend type="emulator" version="2.0"{}/></tpm>'
pytestmark = pytest.mark.cordon
BOOT = {"boot": "linux", "cmdline": "console=ttyS0 quiet no_timer_check"}

# TPM 2.0 commands (TPM 2.0 Library, part 3): 8 bytes at index 0x01500001 that only their writer changes.
PASSWORD = "00000009" "40000009" "0000" "00" "0000"
DEFINE = "8002" "0000002d" "0000012a" "40000001" + PASSWORD + "0000" "000e" "01500001" "000b" "00040004" "0000" "0008"
WRITE = "8002" "0000002b" "00000137" "01500001" "01500001" + PASSWORD + "0008" "{}" "0000"
READ = "8002" "00000023" "0000014e" "01500001" "01500001" + PASSWORD + "0008" "0000"


HEX = "hexdump -v -e '1/1 \"%02x\"'; echo"


def type_in(console, command):
    """The bytes into a file; a serial line loses some when the machine is busy, so it is looked at."""
    octal = "".join(f"\\{byte:03o}" for byte in bytes.fromhex(command))
    for _ in range(5):
        console.run(f"printf '{octal}' >/tmp/command")
        if command in console.run(f"</tmp/command {HEX}"):
            return
    raise AssertionError("the guest's console swallows what is typed")


def ask(console, command):
    """One command to the TPM; the answer in hex."""
    type_in(console, command)
    console.run("exec 3<>/dev/tpm0")
    console.run("dd if=/tmp/command bs=4096 >&3 2>/dev/null")
    console.run("dd bs=4096 count=1 <&3 >/tmp/answer 2>/dev/null")
    console.run("exec 3<&-")
    out = console.run(f"</tmp/answer {HEX}")
    return re.search(r"80[0-9a-f]{18,}", out)[0]


def state(server, uuid):
    return server.place("tpm") / uuid


def swtpm(server, uuid):
    text = (server.place("run/guests") / uuid / "pids").read_text()
    return int(re.search(r"^swtpm (\d+)", text, re.M)[1])


@pytest.fixture
def uuid():
    return str(uuids.uuid4())


@pytest.mark.parametrize("model", ["tpm-crb", "tpm-tis"])
def test_what_it_remembers_outlives_a_run(server, define, uuid, model):
    word = os.urandom(8).hex()
    name = define(uuid=uuid, devices=TPM.format(model, ""), **BOOT)
    server.virsh("start", name)
    with guest.Console(server, name) as console:
        console.attached().prompt()
        assert "/dev/tpm0" in console.run("ls /dev/tpm0")
        pcr = console.run("cat /sys/class/tpm/tpm0/pcr-sha256/16")
        assert re.search(r"\b0{64}\b", pcr)    # nobody extends the one for debugging
        assert ask(console, DEFINE)[12:20] == "00000000"
        assert ask(console, WRITE.format(word))[12:20] == "00000000"
    server.virsh("destroy", name)
    assert state(server, uuid).stat().st_uid == 0
    server.virsh("start", name)
    with guest.Console(server, name) as console:
        console.attached().prompt()
        assert word in ask(console, READ)
    server.virsh("destroy", name)


def test_it_goes_with_the_guest_unless_kept(server, define, uuid):
    devices = TPM.format("tpm-crb", "")
    name = define(uuid=uuid, devices=devices)
    server.virsh("start", name)
    server.virsh("destroy", name)
    assert state(server, uuid).is_dir()
    server.virsh("undefine", "--keep-tpm", name)
    assert state(server, uuid).is_dir()
    define(uuid=uuid, devices=devices)
    server.virsh("undefine", name)
    wait_for(lambda: not state(server, uuid).exists(), text="its state is removed")
    # of a guest that runs, when that ends
    define(uuid=uuid, devices=devices)
    server.virsh("start", name)
    server.virsh("undefine", "--tpm", name)
    assert state(server, uuid).is_dir()
    server.virsh("destroy", name)
    wait_for(lambda: not state(server, uuid).exists(), text="its state is removed")


def test_persistent_state_stays(server, define, uuid):
    devices = TPM.format("tpm-tis", ' persistent_state="yes"')
    name = define(uuid=uuid, devices=devices)
    server.virsh("start", name)
    server.virsh("destroy", name)
    server.virsh("undefine", name)
    assert state(server, uuid).is_dir()
    define(uuid=uuid, devices=devices)
    server.virsh("undefine", "--tpm", name)
    wait_for(lambda: not state(server, uuid).exists(), text="its state is removed")


def test_its_cage(server, define, uuid):
    name = define(uuid=uuid, devices=TPM.format("tpm-crb", ""))
    server.virsh("start", name)
    pid = swtpm(server, uuid)
    status = Path(f"/proc/{pid}/status").read_text()
    uid = int(re.search(r"^Uid:\s+(\d+)", status, re.M)[1])
    assert state(server, uuid).stat().st_uid == uid >= 65536
    assert re.search(r"^CapBnd:\s+0+$", status, re.M) and re.search(r"^NoNewPrivs:\s+1$", status, re.M)
    assert re.search(r"^Seccomp:\s+2$", status, re.M)
    for kind in ["mnt", "pid", "net", "ipc", "uts", "user", "cgroup"]:
        assert os.readlink(f"/proc/{pid}/ns/{kind}") != os.readlink(f"/proc/{server.pid}/ns/{kind}")
    assert set(os.listdir(Path("/proc", str(pid), "root") / "run")) == {".lock", "tpm2-00.permall"}
    server.virsh("destroy", name)


@pytest.mark.parametrize("room", ["swtpm", "launch", "vm"])
def test_nothing_stays_behind(server, define, uuid, room):
    name = define(uuid=uuid, devices=TPM.format("tpm-crb", ""))
    server.virsh("start", name)
    pid = swtpm(server, uuid)
    pids = (server.place("run/guests") / uuid / "pids").read_text()
    victim = {"swtpm": pid, "vm": int(re.search(r"^vm (\d+)", pids, re.M)[1])}.get(room) or house.pid(server, room)
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: server.virsh("destroy", name, check=False).code == 0, 20, text="destroyed")
    wait_for(lambda: not Path(f"/proc/{pid}").exists(), text="swtpm is gone")
    assert not (server.place("run/guests") / uuid).exists()
    assert state(server, uuid).stat().st_uid == 0
    server.virsh("start", name)
    server.virsh("destroy", name)


def test_domcapabilities(server):
    text = server.virsh("domcapabilities", "--virttype", "qemu").out
    tpm = re.search(r"<tpm supported='yes'>.*?</tpm>", text, re.S)[0]
    for word in ["tpm-crb", "tpm-tis", "emulator", "2.0"]:
        assert f"<value>{word}</value>" in tpm


def test_closed_when_its_claim_was_dropped(own_server, uuid):
    """A neighbour that starts after the death of all drops the claim; its uids may be another guest's."""
    server = own_server()
    server.start()
    path = server.dir / "tpm.xml"
    path.write_text(guest.xml("tpm", uuid=uuid, devices=TPM.format("tpm-crb", "")))
    server.virsh("define", path)
    server.virsh("start", "tpm")
    assert state(server, uuid).stat().st_uid != 0
    house.kill(signal.SIGKILL, server.pid, *[p for p, _ in server.below()])
    wait_for(lambda: not server.below(), 10, text="all gone")
    own_server().start()
    wait_for(lambda: not house.claims(server), 5, text="dropped")
    server.respawn()
    wait_for(lambda: state(server, uuid).stat().st_uid == 0, 10, text="closed")
