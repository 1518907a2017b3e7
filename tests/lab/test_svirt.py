# SPDX-License-Identifier: GPL-2.0-or-later
"""sVirt under SELinux enforcing: every guest and its image under a label that no other has."""
import re

VIRSH = "virsh -q -c qemu:///system "
GUEST = """<domain type="qemu"><name>{name}</name><memory unit="MiB">64</memory><vcpu>1</vcpu>
<os><type arch="x86_64" machine="q35">hvm</type></os><features><acpi/></features>
<devices><disk type="file" device="disk"><driver name="qemu" type="raw"/>
<source file="/var/lib/cordon/images/{name}.raw"/><target dev="vda" bus="virtio"/></disk>
<interface type="user"><model type="virtio"/></interface><serial type="pty"/></devices></domain>"""
PAIR = r"s0:c\d+,c\d+"
ROOMS = ["cordond", "supervisor", "core", "door", "disk", "file", "host", "image", "launch", "ledger", "conn"]


def define(lab, name):
    lab.put(GUEST.format(name=name).encode(), f"/var/lab/{name}.xml")
    lab.run(f"cp /var/lib/libvirt/images/bios.raw /var/lib/cordon/images/{name}.raw; "
            f"restorecon -F /var/lib/cordon/images/{name}.raw; {VIRSH} define {name}.xml", check=True)


def image(lab, name):
    """type:level of a guest's image."""
    return lab.run(f"stat -c %C /var/lib/cordon/images/{name}.raw", check=True).out.strip().split(":", 2)[2]


def level(lab, name):
    """The level of a running guest, as virsh shows it, agreeing with the kernel's."""
    label = re.search(rf"svirt_t:({PAIR}) \(enforcing\)", lab.run(VIRSH + "dominfo " + name).out)[1]
    processes = lab.run("ps -eo label:80,args").out
    assert re.search(rf"svirt_t:{label} .*guest={name}", processes), processes
    assert f"cordon_vm_t:{label} " in processes
    return label


def test_rooms_have_domains_of_their_own(lab):
    processes = lab.run("ps -eo label:80,args").out
    for room in ROOMS:
        domain = "cordond_t" if room == "cordond" else f"cordon_{room}_t"
        assert re.search(rf":{domain}:s0 .*{room}", processes), room
    assert not re.search(r"(unconfined_t|initrc_t|init_t)\S* .*cordon-", processes)


def test_two_guests_never_share(lab):
    lab.run("setsebool virt_use_execmem on", check=True)
    for name in ("a", "b"):
        define(lab, name)
        assert image(lab, name) == "virt_image_t:s0"
        lab.run(VIRSH + "start " + name, check=True)
    levels = [level(lab, n) for n in ("a", "b")]
    assert levels[0] != levels[1]
    assert [image(lab, n) for n in ("a", "b")] == [f"svirt_image_t:{x}" for x in levels]
    for name in ("a", "b"):
        lab.run(VIRSH + "destroy " + name, check=True)
        assert image(lab, name) == "virt_image_t:s0"
    assert not re.findall(r"denied.*scontext=\S*:(?:cordon|svirt)\S*",
                          lab.run("ausearch -m avc -ts boot --raw").out)
