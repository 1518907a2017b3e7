# SPDX-License-Identifier: GPL-2.0-or-later
"""What dumpxml wrote, define takes back: for every device, off and running, with secrets."""
import re
import xml.etree.ElementTree as ET

import libvirt
import pytest

from lib import guest

SECURE = libvirt.VIR_DOMAIN_XML_SECURE
INACTIVE = libvirt.VIR_DOMAIN_XML_INACTIVE

DEVICES = {
    "bare": "",
    "disks": guest.disk("/d/a.raw") + guest.disk("/d/b.qcow2", "qcow2", dev="vdb")
    + guest.disk("/d/c.raw", bus="sata") + guest.disk("/dev/null", kind="block", dev="vdc"),
    "disk options": guest.disk("/d/a.raw", cache=' cache="none" io="native" discard="unmap"',
                               extra="<serial>WD-1234</serial>"),
    "cdroms": guest.disk(None, bus="sata", device="cdrom", extra="<readonly/>")
    + guest.disk("/d/x.iso", bus="sata", dev="sdb", device="cdrom", extra="<readonly/>"),
    "user nic": '<interface type="user"><mac address="52:54:00:11:22:33"/><model type="virtio"/>'
                "</interface>",
    "e1000 nic": '<interface type="user"><model type="e1000e"/></interface>',
    "channel": '<channel type="unix"><target type="virtio" name="org.qemu.guest_agent.0"/></channel>',
    "two serials": '<serial type="pty"><target port="1"/></serial>',
    "virtio console": '<console type="pty"><target type="virtio"/></console>',
    "vnc": '<graphics type="vnc" port="-1" autoport="yes"/>',
    "vnc password": '<graphics type="vnc" port="-1" passwd="sesame"/>',
    "vnc address": '<graphics type="vnc" port="5987" listen="127.0.0.1"/>',
    "vnc socket": '<graphics type="vnc"><listen type="socket" socket="/var/tmp/x.sock"/></graphics>',
    "std video": '<video><model type="vga" vram="16384" heads="1"/></video>',
    "virtio video": '<video><model type="virtio" heads="1"/></video>',
    "no video": '<video><model type="none"/></video>',
    "rng": '<rng model="virtio"><rate bytes="1024" period="1000"/>'
           '<backend model="random">/dev/urandom</backend></rng>',
    "balloon": '<memballoon model="virtio"><stats period="5"/></memballoon>',
    "no balloon": '<memballoon model="none"/>',
    "tablet": '<controller type="usb" model="qemu-xhci" ports="15"/><input type="tablet" bus="usb"/>',
    "keyboard": '<input type="keyboard" bus="usb"/>',
    "panic": '<panic model="isa"/>',
    "root ports": '<controller type="pci" model="pcie-root"/>'
                  + 14 * '<controller type="pci" model="pcie-root-port"/>',
}
CPUS = {
    "maximum": '<cpu mode="maximum" check="none"/>',
    "model": '<cpu mode="host-model" check="partial"/>',
    "named": '<cpu mode="custom" match="exact" check="none"><model fallback="forbid">qemu64</model>'
             '<feature policy="require" name="ssse3"/></cpu>',
    "topology": '<cpu><topology sockets="1" dies="1" cores="1" threads="1"/></cpu>',
}
TAILS = {
    "clock": '<clock offset="utc"><timer name="rtc" tickpolicy="catchup"/>'
             '<timer name="pit" tickpolicy="delay"/><timer name="hpet" present="no"/></clock>',
    "localtime": '<clock offset="localtime"/>',
    "pm": '<pm><suspend-to-mem enabled="no"/><suspend-to-disk enabled="no"/></pm>',
    "policies": "<on_poweroff>destroy</on_poweroff><on_reboot>destroy</on_reboot>"
                "<on_crash>preserve</on_crash>",
}


def normal(text):
    """Canonical, so that quotes, blanks and the order of devices do not matter."""
    root = ET.fromstring(ET.canonicalize(text, strip_text=True))
    devices = root.find("devices")
    devices[:] = sorted(devices, key=lambda d: (d.tag, ET.tostring(d)))
    return ET.tostring(root, encoding="unicode").replace("><", ">\n<")


CASES = [("devices", k) for k in DEVICES] + [("cpu", k) for k in CPUS] + [("tail", k) for k in TAILS]


@pytest.mark.parametrize("place, case", CASES, ids=lambda c: c.replace(" ", "-"))
def test_inactive_round_trip(conn, name, place, case):
    value = {"devices": DEVICES, "cpu": CPUS, "tail": TAILS}[place][case]
    dom = conn.defineXML(guest.xml(name, **{place: value}))
    try:
        first = dom.XMLDesc(SECURE)
        assert "sesame" not in dom.XMLDesc()
        conn.defineXML(first)
        assert normal(dom.XMLDesc(SECURE)) == normal(first)
        # A third time, after a change of something else
        conn.defineXML(first.replace("<vcpu", "<title>t</title><vcpu") if "<title>" not in first
                       else first)
        assert normal(re.sub(r"<title>t</title>\s*", "", dom.XMLDesc(SECURE))) == normal(first)
    finally:
        dom.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_NVRAM)


@pytest.mark.parametrize("case", ["bare", "user nic", "channel", "two serials", "vnc",
                                  "vnc password", "std video", "virtio video", "rng", "balloon",
                                  "no balloon", "tablet", "keyboard", "panic", "root ports",
                                  "virtio console"], ids=lambda c: c.replace(" ", "-"))
def test_live(conn, name, case):
    """It starts; its live XML can be defined, and leaves the definition as it was."""
    uuid = "5eed" + name[1:5] + "-0000-4000-8000-" + name[1:9].rjust(12, "0")
    dom = conn.defineXML(guest.xml(name, uuid=uuid, devices=DEVICES[case]))
    try:
        before = dom.XMLDesc(SECURE)
        dom.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        live = dom.XMLDesc(SECURE)
        assert "<alias name=" in live and "id='" in live
        assert normal(dom.XMLDesc(SECURE | INACTIVE)) == normal(before)
        conn.defineXML(live)
        inactive = dom.XMLDesc(SECURE | INACTIVE)
        assert "<alias name=" not in inactive and "/dev/pts" not in inactive
        dom.destroy()
        dom.create()
    finally:
        if dom.isActive():
            dom.destroy()
        dom.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_NVRAM)


@pytest.mark.parametrize("case", CPUS)
def test_cpu_starts(server, conn, name, case):
    dom = conn.defineXML(guest.xml(name, cpu=CPUS[case]))
    try:
        dom.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        assert "<cpu " in dom.XMLDesc()
        dom.destroy()
    finally:
        dom.undefine()


def test_passthrough_needs_kvm(conn, name):
    """What cannot be done is said by name, at define or at the latest at start."""
    with pytest.raises(libvirt.libvirtError) as caught:
        dom = conn.defineXML(guest.xml(name, typ="qemu", cpu='<cpu mode="host-passthrough"/>'))
        try:
            dom.create()
        finally:
            dom.undefine()
    assert "host-passthrough" in caught.value.get_error_message()


def test_named_cpu_reaches_the_guest(server, define):
    name = define(boot="linux", cpu='<cpu mode="custom" match="exact" check="none">'
                  '<model fallback="forbid">Nehalem</model></cpu>')
    server.virsh("start", name)
    with guest.Console(server, name) as console:
        console.attached().prompt()
        assert "Nehalem" in console.run("grep -m1 model.name /proc/cpuinfo")


def test_addresses_and_aliases(conn, name):
    """Each device has an address, no two share one, and each has an alias while it runs."""
    text = guest.xml(name, devices="".join(DEVICES[k] for k in (
        "user nic", "channel", "vnc", "virtio video", "rng", "balloon", "tablet")))
    dom = conn.defineXML(text)
    try:
        dom.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        root = ET.fromstring(dom.XMLDesc())
        seen = [tuple(sorted(a.attrib.items())) for a in root.iter("address")
                if a.get("type") == "pci"]
        assert len(seen) == len(set(seen)) > 6
        aliases = [a.get("name") for d in root.find("devices") for a in d.findall("alias")]
        assert len(aliases) > 10
        for device in ("interface", "channel", "video", "rng", "memballoon", "input", "controller"):
            assert all(d.find("alias") is not None for d in root.findall(f"devices/{device}"))
    finally:
        dom.destroy()
        dom.undefine()


def stable_text(name):
    return guest.xml(name, uuid="0ddba11a-0000-4000-8000-000000000001", devices="".join(
        DEVICES[k] for k in ("user nic", "channel", "vnc", "virtio video", "rng", "balloon", "tablet",
                             "cdroms")))


def test_stable(own_server):
    """The same definition has the same addresses after redefine and restart, and elsewhere."""
    texts = []
    for _ in range(2):
        one = own_server().start()
        conn = one.connect()
        dom = conn.defineXML(stable_text("stable"))
        first = dom.XMLDesc()
        conn.defineXML(first)
        assert normal(dom.XMLDesc()) == normal(first)
        dom = conn.defineXML(stable_text("stable"))
        assert normal(dom.XMLDesc()) == normal(first)
        conn.close()
        one.terminate()
        one.respawn()
        conn = one.connect()
        assert normal(conn.lookupByName("stable").XMLDesc()) == normal(first)
        texts.append(first)
        conn.close()
    assert texts[0] == texts[1]


def test_new_device_moves_no_other(conn, name):
    uuid = "0ddba11a-0000-4000-8000-000000000002"
    base = DEVICES["user nic"] + DEVICES["rng"]
    dom = conn.defineXML(guest.xml(name, uuid=uuid, devices=base))
    try:
        before = ET.fromstring(dom.XMLDesc())
        text = dom.XMLDesc().replace("</devices>", DEVICES["channel"] + guest.disk("/d/x.raw")
                                     + "</devices>")
        conn.defineXML(text)
        after = ET.fromstring(dom.XMLDesc())
        for device in ("interface", "rng", "memballoon"):
            assert ET.tostring(before.find(f"devices/{device}/address")) == \
                ET.tostring(after.find(f"devices/{device}/address"))
    finally:
        dom.undefine()
