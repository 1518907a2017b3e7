# SPDX-License-Identifier: GPL-2.0-or-later
"""`cordon cage`: it finds nothing in a guest as it has to be, and each thing that is not."""
import contextlib
import ctypes
import os
import re
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest

import scene
from lib import guest, house, server
from scene import BUILD, NETWORK

FIRMWARE = "/usr/share/seabios/bios-256k.bin"      # there is one in each cage, and no guest has it open


def cage(one, name, *options, under=()):
    done = subprocess.run([*under, BUILD / "cordon", "cage", "--instance", one.server.dir, *options, name], text=True,
                          capture_output=True, check=False)
    rows = re.findall(r"^  (ok|DIFFERS|-) +(\S+(?: \S+)*) {2,}(.*)$", done.stdout, re.M)
    return done, {what for mark, what, _ in rows if mark == "DIFFERS"}, rows


def start(one, name, **more):
    path = one.server.dir / f"{name}.xml"
    path.write_text(guest.xml(name, **more))
    one.server.virsh("define", path)
    one.server.virsh("start", name)


def knobs(group_of, *names):
    """Files of the control groups that `group_of` gives for a line of /proc/self/mountinfo, as far as they are there."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        left, right = line.split(" - ")
        if right.split()[0] in ("cgroup", "cgroup2"):
            for group in group_of:
                for name in names:
                    path = Path(left.split()[4], group.lstrip("/"), name)
                    if path.exists():
                        yield path


def knob(pid, *names):
    """The one of these files that the process's control group has; the root group is none."""
    lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    return next(knobs({line.split(":", 2)[2] for line in lines} - {"/"}, *names))


@pytest.fixture(scope="module")
def whole():
    with scene.Scene(qmp_timeout=3, guest_cpu_weight=250) as one:
        yield one


def test_nothing_differs(whole):
    done, differs, rows = cage(whole, "victim")
    assert (done.returncode, differs) == (0, set()), done.stdout
    assert len(rows) >= 40, done.stdout
    assert "other ends" not in {what for _, what, _ in rows}, done.stdout
    assert sum((mark, what) == ("ok", "net") for mark, what, _ in rows) >= 3, "QEMU, swtpm, cordon-vm"
    for what in ("uid of its own", "capabilities", "system calls", "user", "net", "group", "memory",
                 "swap", "device nodes", "descriptors"):
        assert ("ok", what) in {(mark, w) for mark, w, _ in rows}, f"{what}: {done.stdout}"


def test_swap_is_bounded_as_memory_is(whole):
    """A guest may be swapped out, but what it has there is never more than its memory."""
    limit = Path(whole.targets["victim_limit"])
    memory = int(limit.read_text())
    own = {"memory.max": ("memory.swap.max", 1), "memory.limit_in_bytes": ("memory.memsw.limit_in_bytes", 2)}
    name, times = own[limit.name]
    assert int((limit.parent / name).read_text()) == times * memory


def test_threads_by_the_configuration(whole):
    limits = Path(f"/proc/{whole.targets['victim_qemu']}/limits").read_text()
    assert re.search(rf"^Max processes +{scene.PIDS_MAX} +{scene.PIDS_MAX} ", limits, re.M), limits


def test_by_uuid(whole):
    assert cage(whole, whole.victim_uuid)[0].returncode == 0


def test_by_a_socket_elsewhere(whole):
    """As where `unix_sock_dir` is set: the daemon is asked there and nowhere else."""
    there = whole.server.dir / "elsewhere"
    done, _, _ = cage(whole, "victim", "--socket", there)
    assert done.returncode == 1 and str(there) in done.stderr, done
    there.symlink_to(whole.server.dir / "run/libvirt/libvirt-sock-ro")
    assert cage(whole, "victim", "--socket", there)[0].returncode == 0


def test_in_another_network_namespace(whole):
    """The guest's sockets are found wherever the command itself is."""
    done, differs, rows = cage(whole, "victim", under=("unshare", "-n"))
    assert (done.returncode, differs) == (0, set()), done.stdout
    assert "other ends" not in {what for _, what, _ in rows}


def test_images_in_chains(whole):
    """Expected are the backing files, the CD image and the variable store, and all for reading but those
    that the guest writes."""
    with whole.real_qemu():
        top = guest.image(whole.images / "top.qcow2", size=None, backing=(whole.backing, "raw"))
        start(whole, "chain", devices=guest.disk(top, "qcow2") +
              guest.disk(whole.backing, bus="sata", device="cdrom", extra="<readonly/>"), boot="uefi")
        done, differs, _ = cage(whole, "chain")
        whole.server.virsh("destroy", "chain")
    assert (done.returncode, differs) == (0, set()), done.stdout


def test_a_descriptor_too_many(whole):
    hostile = whole.hostile(whole, monitor="honest", hold=FIRMWARE)
    assert hostile.once() == "it runs"
    done, differs, _ = cage(whole, "hostile")
    whole.server.virsh("destroy", "hostile")
    whole.server.virsh("undefine", "hostile")
    # nor does it load a filter of its own, as QEMU does
    assert (done.returncode, differs) == (1, {"descriptor", "system calls"}), done.stdout
    assert FIRMWARE in done.stdout


@contextlib.contextmanager
def written(path, text):
    before = path.read_text()
    path.write_text(str(text))
    yield
    path.write_text(before)


@contextlib.contextmanager
def a_stranger_inside(pid):
    with subprocess.Popen(["sleep", "60"]) as stranger:
        (knob(pid, "pids.max").parent / "cgroup.procs").write_text(str(stranger.pid))
        yield
        stranger.kill()


@contextlib.contextmanager
def traced(pid):
    code = (f"import ctypes, sys; libc = ctypes.CDLL(None)\n"
            f"assert libc.ptrace(0x4206, {pid}, None, None) == 0\nprint(flush=True); sys.stdin.read()")
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as tracer:
        assert tracer.stdout.readline() == b"\n"
        yield
        tracer.stdin.close()


def bpf(command, attributes):
    """bpf(2), a command of linux/bpf.h; what it says."""
    text = ctypes.create_string_buffer(attributes.ljust(128, b"\0"), 128)
    result = scene.LIBC.syscall(ctypes.c_long(321), ctypes.c_int(command), text, ctypes.c_uint(128))
    assert result >= 0, os.strerror(ctypes.get_errno())
    return result


@contextlib.contextmanager
def without_program(folder):
    """A group of v2 without its own device program, BPF_CGROUP_DEVICE."""
    group, ids, device = os.open(folder, os.O_RDONLY | os.O_DIRECTORY), ctypes.c_uint(), 6
    bpf(16, struct.pack("4IQI", group, device, 0, 0, ctypes.addressof(ids), 1))         # BPF_PROG_QUERY
    program = bpf(13, struct.pack("I", ids.value))                                      # BPF_PROG_GET_FD_BY_ID
    bpf(9, struct.pack("3I", group, 0, device))                                         # BPF_PROG_DETACH
    yield
    bpf(8, struct.pack("3I", group, program, device))                                   # BPF_PROG_ATTACH
    os.close(program)
    os.close(group)


@contextlib.contextmanager
def with_all_devices(rules):
    """A group of v1 without its list."""
    before = rules.read_text().splitlines()
    (rules.parent / "devices.allow").write_text("a")
    yield
    (rules.parent / "devices.deny").write_text("a")
    for line in before:
        (rules.parent / "devices.allow").write_text(line)


def any_device(pid):
    try:
        return with_all_devices(knob(pid, "devices.list"))
    except StopIteration:
        return without_program(knob(pid, "cgroup.events").parent)


def more_memory(pid):
    path = knob(pid, "memory.limit_in_bytes", "memory.max")
    return written(path, int(path.read_text()) + (2 << 20))


def any_swap(pid):
    path = knob(pid, "memory.memsw.limit_in_bytes", "memory.swap.max")
    return written(path, "max" if path.name == "memory.swap.max" else -1)


def more_weight(pid):
    path = knob(pid, "cpu.shares", "cpu.weight")
    return written(path, 2 * int(path.read_text()))


@pytest.mark.parametrize("what, change", [
    ("memory", more_memory),
    ("memory", lambda pid: written(knob(pid, "memory.limit_in_bytes", "memory.max"), 64 << 20)),
    ("swap", any_swap),
    ("pids", lambda pid: written(knob(pid, "pids.max"), "max")),
    ("cpu", more_weight),
    ("group", a_stranger_inside),
    ("traced by", traced),
    ("device rules", any_device),
])
def test_one_thing_is_changed(whole, what, change):
    """Root changes one thing of a guest that runs, and puts it back."""
    with change(whole.targets["victim_qemu"]):
        done, differs, _ = cage(whole, "victim")
    assert (done.returncode, differs) == (1, {what}), done.stdout
    assert cage(whole, "victim")[0].returncode == 0


def test_a_viewer(whole):
    """While one is connected, QEMU has a socket more, whose other end is a cordon-edge's."""
    sockets = r"(\d+) unix sockets"
    before = int(re.search(sockets, cage(whole, "victim")[0].stdout)[1])
    with socket.create_connection(("127.0.0.1", int(whole.targets["victim_vnc"])), 20) as viewer:
        assert viewer.recv(12).startswith(b"RFB")
        done, differs, _ = cage(whole, "victim")
    assert (done.returncode, differs) == (0, set()), done.stdout
    assert int(re.search(sockets, done.stdout)[1]) == before + 1


def test_weight_of_each_instance(whole):
    """guest_cpu_weight is of one instance's guests, on the whole way down to them; another one changes nothing."""
    def weights(one):
        name = house.group_name(one)
        way = {name, *map(str, Path(name).parents)} - {"."}
        return {(p.name, p.read_text().strip()) for p in knobs(way, "cpu.shares", "cpu.weight")}
    first = weights(whole.server)
    assert first and first <= {("cpu.weight", "250"), ("cpu.shares", "2560")}
    other = server.Cordon(config="guest_cpu_weight = 300\n")
    try:
        other.start()
        second = weights(other)
        assert second and second <= {("cpu.weight", "300"), ("cpu.shares", "3072")}
        assert weights(whole.server) == first
    finally:
        other.stop()
        other.remove()


def test_no_such_guest(whole):
    for name in ("nobody", "", "../victim"):
        done, _, _ = cage(whole, name)
        assert (done.returncode, done.stdout) == (1, ""), done
        assert done.stderr.startswith("cordon: "), done


def test_a_guest_that_is_off(whole):
    path = whole.server.dir / "off.xml"
    path.write_text(guest.xml("off"))
    whole.server.virsh("define", path)
    done, _, _ = cage(whole, "off")
    assert done.returncode == 1 and "does not run" in done.stderr, done


@pytest.mark.parametrize("layer, what", [
    ("seccomp", {"system calls"}),
    ("exec", {"system calls"}),
    ("namespaces", {"user", "mnt", "pid", "net", "ipc", "uts", "cgroup", "root", "mounts", "device nodes"}),
    ("uid", {"uid of its own"}),
])
def test_a_layer_is_missing(layer, what):
    with scene.Scene(without=layer) as one, one.real_qemu():
        # a second guest, so that there is somebody to share a uid with
        start(one, "second", devices=NETWORK)
        done, differs, _ = cage(one, "victim")
    assert done.returncode == 1, done
    assert what <= differs, done.stdout
