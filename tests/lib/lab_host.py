# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab machine as a host of guests: their definitions, their labels, by the real virsh."""
import re
import xml.etree.ElementTree as ET

IMAGES = "/var/lib/libvirt/images"
SVIRT = "system_u:system_r:svirt_t:s0"
IMAGE = "system_u:object_r:svirt_image_t:s0"
CONTENT = "system_u:object_r:virt_content_t:s0"
PAIR = re.compile(r"s0:c(\d+),c(\d+)$")
CONF = "/etc/cordon/cordond.conf"


def disk(path, dev="vda", inside="", source="", fmt="raw", device="disk"):
    bus = "sata" if device == "cdrom" else "virtio"
    return (f"<disk type='file' device='{device}'><driver name='qemu' type='{fmt}'/>"
            f"<source file='{path}'>{source}</source><target dev='{dev}' bus='{bus}'/>{inside}</disk>")


def domain(name, disks="", tail="", typ="kvm"):
    return (f"<domain type='{typ}'><name>{name}</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>"
            f"<os><type arch='x86_64' machine='q35'>hvm</type></os>"
            f"<devices>{disks}</devices>{tail}</domain>")


def static(label, relabel="yes", imagelabel=""):
    inner = f"<imagelabel>{imagelabel}</imagelabel>" if imagelabel else ""
    return (f"<seclabel type='static' model='selinux' relabel='{relabel}'><label>{label}</label>"
            f"{inner}</seclabel>")


class Host:
    """The lab machine, as far as these tests ask it."""

    def __init__(self, machine):
        self.machine = machine

    def run(self, script, **more):
        return self.machine.run(script, check=True, **more).out.strip()

    def virsh(self, *words, check=True):
        result = self.machine.run("virsh -q -c qemu:///system " + " ".join(words))
        assert result.code == 0 or not check, result
        return result

    def start(self, xml):
        """Created, running."""
        name = re.search("<name>(.*?)</name>", xml).group(1)
        self.machine.put(xml.encode(), f"/tmp/{name}.xml")
        self.virsh("create", f"/tmp/{name}.xml")
        return name

    def refused(self, xml):
        """The text with which it was not started; nothing runs, and no label was changed, not even to be put
        back: that would show in the time of the last change."""
        self.machine.put(xml.encode(), "/tmp/refused.xml")
        before = self.run(f"find {IMAGES} -printf '%p %Z %C@\\n' | sort")
        result = self.virsh("create", "/tmp/refused.xml", check=False)
        assert result.code != 0, "it started"
        assert self.run(f"find {IMAGES} -printf '%p %Z %C@\\n' | sort") == before
        assert self.virsh("list", "--name").out.strip() == "", "it runs"
        return result.err

    def needs_boolean(self, xml, typ, boolean):
        """Files of a type that one may use by a boolean only: it is named, and what it allows works. It runs."""
        self.run(f"setsebool {boolean} off")
        text = self.refused(xml)
        assert f":{typ}:" in text and f"{boolean} is off" in text
        assert f"`setsebool -P {boolean} on`" in text
        self.run(f"setsebool {boolean} on")
        return self.start(xml)

    def stop(self, *names):
        for name in names:
            self.virsh("destroy", name)

    def image(self, name, fmt="raw", more="8M"):
        path = f"{IMAGES}/{name}"
        self.run(f"qemu-img create -q -f {fmt} {path} {more} && restorecon {path}")
        return path

    def label(self, path):
        return self.run(f"stat -c %C {path}")

    def process(self, name):
        """The label of the guest's QEMU, as ps tells it."""
        lines = self.run("ps -eo label,args --no-headers").splitlines()
        found = [x.split()[0] for x in lines if "qemu-system" in x and f"guest={name}" in x]
        assert len(found) == 1, lines
        return found[0]

    def live(self, name, model):
        """The running guest's <seclabel>."""
        tree = ET.fromstring(self.virsh("dumpxml", name).out)
        return next(s for s in tree.findall("seclabel") if s.get("model") == model)

    def configure(self, line):
        self.run(f"echo '{line}' >>{CONF}; systemctl restart cordond; "
                 "timeout 30 virsh -q -c qemu:///system list")


def level(label):
    """The pair in a label of one guest."""
    match = PAIR.search(label)
    assert match and match.group(1) != match.group(2), label
    return match.group(0)
