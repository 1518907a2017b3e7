# SPDX-License-Identifier: GPL-2.0-or-later
"""The connection itself: what clients ask before they touch a guest."""
import os
import re
import socket
import threading
import time
import xml.etree.ElementTree as ET

import libvirt
import pytest


@pytest.mark.parametrize("arguments, pattern", [
    (["version"], r"Running hypervisor: QEMU \d+\.\d+"),
    (["version", "--daemon"], r"Running against daemon: \d+\.\d+\.\d+"),
    (["uri"], r"^qemu:///system"),
    (["hostname"], r"^\S+\n"),
    (["nodeinfo"], r"CPU model: +x86_64\nCPU\(s\): +\d+\n(.*\n)*Memory size: +\d+ KiB"),
    (["capabilities"], r"<capabilities>"),
    (["domcapabilities"], r"<domainCapabilities>"),
    (["domcapabilities", "--virttype", "qemu", "--machine", "pc"], r"<machine>pc-i440fx-"),
    (["domcapabilities", "--virttype", "qemu", "--machine", "q35"], r"<machine>pc-q35-"),
    (["list"], r"^\s*$"),
    (["maxvcpus", "--type", "qemu"], r"^\d+"),
])
def test_answers(server, arguments, pattern):
    assert re.search(pattern, server.virsh(*arguments).out)


@pytest.mark.parametrize("arguments, pattern", [
    (["dominfo", "nobody"], "failed to get domain 'nobody'"),
    (["domstate", "00000000-0000-0000-0000-000000000001"], "failed to get domain"),
    (["domname", "77"], "failed to get domain|no domain with matching id"),
    (["domcapabilities", "--arch", "vax"], "unsupported configuration|invalid argument|error"),
])
def test_refuses(server, arguments, pattern):
    result = server.virsh(*arguments, check=False)
    assert result.code != 0
    assert re.search(pattern, result.err), result


def test_node_info_is_the_truth(server, conn):
    model, memory, cpus, mhz, nodes, sockets, cores, threads = conn.getInfo()
    assert model == "x86_64"
    assert cpus == os.cpu_count()
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // (1 << 20)
    # libvirtd remembers what it saw when memory was plugged in later
    assert abs(memory - total) <= 1 or server.name == "stock"
    assert nodes * sockets * cores * threads >= cpus
    assert mhz >= 0


def test_versions(conn):
    assert conn.getType() == "QEMU"
    assert conn.getVersion() >= 7002000
    assert conn.getLibVersion() > 0
    assert conn.isAlive()
    assert not conn.isEncrypted()
    assert conn.isSecure()
    assert conn.getHostname() == socket.gethostname()


def test_capabilities_carry_what_virtinst_reads(conn):
    root = ET.fromstring(conn.getCapabilities())
    assert root.findtext("host/cpu/arch") == "x86_64"
    assert len(root.findtext("host/uuid")) == 36
    guest = [g for g in root.findall("guest") if g.findtext("os_type") == "hvm"
             and g.find("arch").get("name") == "x86_64"]
    assert guest
    arch = guest[0].find("arch")
    assert arch.findtext("emulator") == "/usr/bin/qemu-system-x86_64"
    machines = {m.text for m in arch.findall("machine")}
    assert {"pc", "q35"} <= machines
    canonical = {m.get("canonical") for m in arch.findall("machine")} - {None}
    assert canonical
    assert "qemu" in {d.get("type") for d in arch.findall("domain")}
    assert guest[0].find("features/acpi") is not None


def test_domain_capabilities_carry_what_virtinst_reads(conn):
    root = ET.fromstring(conn.getDomainCapabilities(
        "/usr/bin/qemu-system-x86_64", "x86_64", "q35", "qemu"))
    assert root.findtext("path") == "/usr/bin/qemu-system-x86_64"
    assert root.findtext("domain") == "qemu"
    assert root.findtext("arch") == "x86_64"
    assert int(root.find("vcpu").get("max")) >= 64
    modes = {m.get("name"): m.get("supported") for m in root.findall("cpu/mode")}
    assert {"host-passthrough", "host-model", "custom"} <= set(modes)

    def values(path, name):
        return {v.text for v in root.findall(f"{path}/enum[@name='{name}']/value")}
    assert "efi" in values("os", "firmware")
    assert {"disk", "cdrom"} <= values("devices/disk", "diskDevice")
    assert {"virtio", "sata"} <= values("devices/disk", "bus")
    assert "vnc" in values("devices/graphics", "type")
    assert "virtio" in values("devices/video", "modelType")
    assert "random" in values("devices/rng", "backendModel")


@pytest.mark.parametrize("scheme", ["foo:///system", "xen:///system"])
def test_other_hypervisors_are_refused(server, scheme):
    with pytest.raises(libvirt.libvirtError):
        libvirt.open(f"{scheme}?socket={server.socket_path}")


def test_close_callback_tells_why(own_server):
    one = own_server().start()
    libvirt.virEventRegisterDefaultImpl()
    stop = threading.Event()

    def loop():
        while not stop.is_set():
            libvirt.virEventRunDefaultImpl()
    timer = libvirt.virEventAddTimeout(50, lambda *_: None, None)
    thread = threading.Thread(target=loop, daemon=True)
    thread.start()
    conn = one.connect()
    reasons = []
    conn.registerCloseCallback(lambda c, reason, opaque: reasons.append(reason), None)
    conn.setKeepAlive(1, 3)
    time.sleep(2.5)
    assert conn.isAlive() == 1
    one.terminate()
    end = time.monotonic() + 10
    while not reasons and time.monotonic() < end:
        time.sleep(0.05)
    stop.set()
    thread.join(5)
    libvirt.virEventRemoveTimeout(timer)
    assert reasons and reasons[0] in (libvirt.VIR_CONNECT_CLOSE_REASON_EOF,
                                      libvirt.VIR_CONNECT_CLOSE_REASON_ERROR)


def test_many_threads_on_one_connection(server, conn, define):
    names = [define(f"many{i}") for i in range(4)]
    wrong = []

    def work(name):
        for _ in range(50):
            if conn.lookupByName(name).name() != name or "<name>%s<" % name not in \
                    conn.lookupByName(name).XMLDesc():
                wrong.append(name)
    threads = [threading.Thread(target=work, args=(n,)) for n in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong


@pytest.mark.cordon
@pytest.mark.parametrize("call", [
    lambda c: c.listAllNetworks(), lambda c: c.listAllStoragePools(),
    lambda c: c.listAllNWFilters(), lambda c: c.listAllSecrets(),
    lambda c: c.listAllInterfaces(), lambda c: c.numOfDefinedNetworks(),
])
def test_not_yet_is_said(conn, call):
    """A procedure that nobody serves yet is NO_SUPPORT by its name, or an empty list."""
    try:
        assert call(conn) in ([], 0)
    except libvirt.libvirtError as e:
        assert e.get_error_code() == libvirt.VIR_ERR_NO_SUPPORT
        assert re.search(r"[a-z]+[A-Z]", e.get_error_message()), e
