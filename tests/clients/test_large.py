# SPDX-License-Identifier: GPL-2.0-or-later
"""Large definitions and many of them: an answer may be larger than its question, and it is whole or an
error."""
import os
import time

import libvirt
import pytest

from lib import guest, house

METADATA = 900_000          # bytes; a definition may have 1 MiB
MANY = 4096                 # max_guests
SLOW = 20 if os.environ.get("CORDON_SANITIZED") else 1

# what virt-install writes round a disk
DEVICES = "".join([
    guest.disk("/srv/images/of-a-guest/disk.raw"),
    "".join(f'<controller type="pci" index="{i}" model="pcie-root-port"/>' for i in range(1, 15)),
    '<controller type="usb" index="0" model="qemu-xhci"/>',
    '<interface type="user"><model type="virtio"/></interface>',
    '<channel type="unix"><target type="virtio" name="org.qemu.guest_agent.0"/></channel>',
    '<input type="tablet" bus="usb"/><graphics type="vnc" port="-1"/>',
    '<video><model type="vga"/></video><memballoon model="virtio"/>',
    '<rng model="virtio"><backend model="random">/dev/urandom</backend></rng>',
])


@pytest.mark.parametrize("size", [40_000, METADATA])
def test_long_metadata(server, name, size):
    """It can be shown, changed and removed."""
    inside = "".join(f'<n:note xmlns:n="urn:example:notes" at="{i}">{"x" * 9000}</n:note>'
                     for i in range(size // 9000))
    head = f'<metadata><n:notes xmlns:n="urn:example:notes">{inside}</n:notes></metadata>'
    with server.connect() as conn:
        dom = conn.defineXML(guest.xml(name, head=head, memory=128))
        for flags in (0, libvirt.VIR_DOMAIN_XML_INACTIVE):
            assert dom.XMLDesc(flags).count("<n:note ") == size // 9000
        assert dom.info()[:2] == [libvirt.VIR_DOMAIN_SHUTOFF, 128 << 10]
        server.virsh("setmem", name, "64M", "--config")
        assert dom.info()[2] == 64 << 10
        assert server.virsh("dominfo", name).out.count("65536 KiB") == 1
        dom.setMetadata(libvirt.VIR_DOMAIN_METADATA_TITLE, "a long one", None, None,
                        libvirt.VIR_DOMAIN_AFFECT_CONFIG)
        stats = conn.domainListGetStats([dom], libvirt.VIR_DOMAIN_STATS_BALLOON)
        assert stats[0][1] == {"balloon.current": 64 << 10, "balloon.maximum": 128 << 10}
        server.virsh("start", name, "--paused")
        assert dom.XMLDesc(0).count("<n:note ") == size // 9000
        dom.destroy()
    server.virsh("undefine", name)
    assert name not in server.virsh("list", "--all", "--name").out


def test_figures_of_guests_that_are_off(own_server):
    """Each one has all of them, however many there are."""
    server = own_server().start()
    with server.connect() as conn:
        for i in range(100):
            conn.defineXML(guest.xml(f"off-{i}", memory=128 + i, devices=DEVICES))
        rows = conn.getAllDomainStats()
        assert len(rows) == 100
        for dom, found in rows:
            i = int(dom.name().removeprefix("off-"))
            assert found["balloon.maximum"] == (128 + i) << 10, (dom.name(), found)
            assert found["vcpu.maximum"] == 1 and found["block.0.name"] == "vda"
            assert found["block.0.path"] == "/srv/images/of-a-guest/disk.raw"
    text = server.virsh("domstats", "--balloon").out
    assert text.count("balloon.maximum=") == 100 and text.count("Domain: ") == 100


@pytest.mark.cordon
def test_more_than_one_answer_may_take(own_server):
    """It is refused: one that lacks something would look like all there is."""
    server = own_server().start()
    path = "/srv" + "/" + "/".join(["x" * 200] * 19)
    disks = "".join(guest.disk(f"{path}/{i}", bus="scsi", dev=f"sd{chr(97 + i // 26)}{chr(97 + i % 26)}")
                    for i in range(200))
    with server.connect() as conn:
        dom = conn.defineXML(guest.xml("wide", devices=disks
                                       + '<controller type="scsi" index="0" model="virtio-scsi"/>'))
        rows = conn.domainListGetStats([dom] * 30, libvirt.VIR_DOMAIN_STATS_BLOCK)
        assert len(rows) == 30
        assert all(found["block.count"] == 200 and found["block.199.path"] == f"{path}/199"
                   for _, found in rows)
        with pytest.raises(libvirt.libvirtError, match="fewer at a time") as refused:
            conn.domainListGetStats([dom] * 60, libvirt.VIR_DOMAIN_STATS_BLOCK)
        assert refused.value.get_error_code() == libvirt.VIR_ERR_NO_MEMORY
        with pytest.raises(libvirt.libvirtError, match="max_guests"):
            conn.domainListGetStats([dom] * (MANY + 1))
        assert dom.name() == "wide" and conn.numOfDefinedDomains() == 1


def timed(call):
    begin = time.monotonic()
    value = call()
    return value, time.monotonic() - begin


def resident(server):
    """KiB of core and of the conns that serve somebody or wait for the next."""
    return (house.memory(house.pid(server, "core"), "Pss"),
            sum(house.memory(p, "Pss") for p in house.pids(server, "conn")))


@pytest.mark.cordon
def test_as_many_as_there_may_be(own_server):
    """All of them in one answer, in good time, and the memory for it comes back."""
    server = own_server().start()
    with server.connect() as conn:
        _, defining = timed(lambda: [conn.defineXML(guest.xml(f"one-{i}", devices=DEVICES))
                                     for i in range(MANY)])
        with pytest.raises(libvirt.libvirtError, match="max_guests"):
            conn.defineXML(guest.xml("too-many"))
    before = resident(server)
    with server.connect() as conn:
        listed, listing = timed(lambda: conn.listAllDomains(0))
        assert len({dom.name() for dom in listed}) == MANY
        assert conn.numOfDefinedDomains() == MANY and len(conn.listDefinedDomains()) == MANY
        rows, telling = timed(conn.getAllDomainStats)
        assert len(rows) == MANY
        assert all(found["balloon.maximum"] == 128 << 10 and found["block.count"] == 1
                   for _, found in rows)
        after = resident(server)
        assert listing < 2 * SLOW and telling < 10 * SLOW
    print(f"\n{MANY} guests: defined in {defining:.1f} s, listed in {listing * 1000:.0f} ms, figures in "
          f"{telling * 1000:.0f} ms; core {before[0]} KiB, then {after[0]}, conns {before[1]}, then {after[1]}")
    end = resident(server)
    print(f"at the end core {end[0]} KiB, conns {end[1]}")
    if SLOW == 1:
        assert end[0] < before[0] + 2048 and end[1] < before[1] + 4096
