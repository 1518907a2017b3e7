# SPDX-License-Identifier: GPL-2.0-or-later
"""sVirt with SELinux enforcing: which labels guests and their files get, what is refused and how it
is mended, and that everything is put back. With the real virsh, in the lab."""
import re
import xml.etree.ElementTree as ET

import pytest

from lib.lab_host import CONF, CONTENT, IMAGE, SVIRT, Host, disk, domain, level, static


UNCONFINED = SVIRT.replace("svirt_t", "cordon_unconfined_t")
PROT_EXEC = SVIRT.replace("svirt_t", "svirt_prot_exec_t")


@pytest.fixture
def host(lab):
    return Host(lab)


# ---- dynamic ----

def test_every_guest_has_its_own_pair(host):
    paths = {name: host.image(f"{name}.img") for name in ("one", "two")}
    before = {name: host.label(path) for name, path in paths.items()}
    levels = {}
    for name, path in paths.items():
        host.start(domain(name, disk(path)))
        label = host.process(name)
        levels[name] = level(label)
        assert label == SVIRT.replace("s0", levels[name])
        assert host.label(path) == IMAGE.replace("s0", levels[name])
    assert levels["one"] != levels["two"]
    host.stop("one")
    assert host.label(paths["one"]) == before["one"]
    assert host.label(paths["two"]) != before["two"]
    host.stop("two")
    assert host.label(paths["two"]) == before["two"]


def test_what_clients_are_shown(host):
    path = host.image("one.img")
    host.machine.put(domain("one", disk(path)).encode(), "/tmp/one.xml")
    host.virsh("define", "/tmp/one.xml")
    assert "<seclabel" not in host.virsh("dumpxml", "one").out
    host.virsh("start", "one")
    label = host.process("one")
    selinux, dac = host.live("one", "selinux"), host.live("one", "dac")
    assert selinux.get("type") == "dynamic" and selinux.get("relabel") == "yes"
    assert selinux.findtext("label") == label
    assert selinux.findtext("imagelabel") == host.label(path)
    uid = host.run("stat -c %u /proc/$(pgrep -f guest=one | head -1)")
    assert dac.findtext("label") == dac.findtext("imagelabel") == f"+{uid}:+{uid}"
    assert "<seclabel" not in host.virsh("dumpxml", "one", "--inactive").out
    info = host.virsh("dominfo", "one").out
    assert re.search(r"Security model: +selinux\n", info)
    assert re.search(r"Security DOI: +0\n", info)
    assert re.search(rf"Security label: +{re.escape(label)} \(enforcing\)\n", info)
    both = host.run("python3 -c 'import libvirt; c = libvirt.open(\"qemu:///system\"); "
                    "d = c.lookupByName(\"one\"); print(c.getSecurityModel(), d.securityLabelList())'")
    assert both == (f"['selinux', '0'] [['{label}', True], ['+{uid}:+{uid}', False]]")
    host.run("setenforce 0")
    assert f"{label} (permissive)" in host.virsh("dominfo", "one").out
    host.stop("one")
    assert "Security label" not in host.virsh("dominfo", "one").out


def test_capabilities_name_both_models(host):
    tree = ET.fromstring(host.virsh("capabilities").out)
    models = tree.findall("host/secmodel")
    assert [m.findtext("model") for m in models] == ["selinux", "dac"]
    assert {b.get("type"): b.text for b in models[0].findall("baselabel")} == \
        {"kvm": SVIRT, "qemu": SVIRT}


def test_baselabel(host):
    path = host.image("one.img")
    tail = ("<seclabel type='dynamic' model='selinux'><baselabel>system_u:system_r:svirt_t:s0"
            "</baselabel></seclabel>")
    host.start(domain("one", disk(path), tail))
    level(host.process("one"))
    assert host.live("one", "selinux").findtext("baselabel") == SVIRT
    host.stop("one")
    text = host.refused(domain("one", disk(path), tail.replace("svirt_t", "unconfined_t")))
    assert "unconfined_t" in text and "static_label_types" in text


# ---- static ----

def test_static(host):
    path = host.image("one.img")
    before = host.label(path)
    host.start(domain("one", disk(path), static(SVIRT + ":c100,c200")))
    assert host.process("one") == SVIRT + ":c100,c200"
    assert host.label(path) == IMAGE + ":c100,c200"
    assert host.live("one", "selinux").get("type") == "static"
    text = host.virsh("create", "/dev/stdin <<<\"" + domain("two", tail=static(SVIRT + ":c100,c200"))
                      + '"', check=False).err
    assert "static_label_sharing" in text
    host.stop("one")
    assert host.label(path) == before
    host.start(domain("one", disk(path), static(SVIRT + ":c1,c2", imagelabel=IMAGE)))
    assert host.label(path) == IMAGE
    host.stop("one")
    host.configure("static_label_sharing = 1")
    for name in ("one", "two"):
        host.start(domain(name, tail=static(SVIRT + ":c100,c200")))
        assert host.process(name) == SVIRT + ":c100,c200"


@pytest.mark.parametrize("given, written", [
    ("s0:c5", "s0:c5"), ("s0:c200,c100", "s0:c100,c200"), ("s0-s0:c1.c9", "s0-s0:c1.c9")])
def test_static_of_any_level(host, given, written):
    """As given; shown as the kernel writes it, for it is with its words that it is compared."""
    path = host.image("one.img")
    before = host.label(path)
    host.start(domain("one", disk(path), static(SVIRT.replace("s0", given))))
    assert host.process("one") == SVIRT.replace("s0", written)
    assert host.label(path) == IMAGE.replace("s0", written)
    assert host.live("one", "selinux").findtext("label") == SVIRT.replace("s0", written)
    host.stop("one")
    assert host.label(path) == before


def test_static_as_the_images_are(host):
    path = host.image("one.img")
    # a label without categories suits every guest, though it is not the guest's
    host.run(f"chcon {IMAGE} {path}")
    xml = domain("one", disk(path), static(SVIRT + ":c1,c2", relabel="no"))
    host.start(xml)
    assert host.label(path) == IMAGE
    host.stop("one")
    assert host.label(path) == IMAGE
    host.run(f"chcon {IMAGE}:c3,c4 {path}")
    text = host.refused(xml)
    assert SVIRT + ":c1,c2" in text and IMAGE + ":c3,c4" in text
    # the command that it names mends it
    host.run(re.search("`(chcon .*?)`", text).group(1))
    host.start(xml)
    assert host.label(path) == IMAGE + ":c1,c2"
    host.stop("one")


def test_static_of_another_type(host):
    text = host.refused(domain("one", tail=static("system_u:system_r:unconfined_t:s0")))
    assert "'unconfined_t'" in text and "static_label_types" in text and "cordon_guest" in text
    text = host.refused(domain("one", tail=static(SVIRT + ":c5000,c6000")))
    assert "the policy does not know" in text


def runs_as(host, xml, label):
    """It starts, and its QEMU has that label, or with <baselabel> a pair to it; which it is."""
    name = host.start(xml)
    mine = host.process(name)
    assert mine == (label.replace("s0", level(mine)) if "<baselabel>" in xml else label)
    assert host.virsh("domstate", name).out.strip() == "running"
    return mine


def test_the_policys_other_type_for_guests(host):
    """svirt_prot_exec_t, which may make code at run time whatever the boolean says."""
    path = host.image("one.img")
    before = host.label(path)
    host.configure('static_label_types = [ "svirt_prot_exec_t" ]')
    runs_as(host, domain("one", disk(path), static(PROT_EXEC + ":c100,c200")), PROT_EXEC + ":c100,c200")
    assert host.label(path) == IMAGE + ":c100,c200"
    host.stop("one")
    assert host.label(path) == before
    host.run("setsebool virt_use_execmem off")
    base = f"<seclabel type='dynamic' model='selinux'><baselabel>{PROT_EXEC}</baselabel></seclabel>"
    mine = runs_as(host, domain("one", disk(path), base, typ="qemu"), PROT_EXEC)
    assert host.label(path) == IMAGE.replace("s0", level(mine))
    host.stop("one")
    assert host.label(path) == before


# What cordond.conf(5) says about a type of one's own, and one of the policy's that is made for no guest.
SITE = """
(type site_guest_t)
(roletype system_r site_guest_t)
(typeattributeset domain (site_guest_t))
(typeattributeset virt_domain (site_guest_t))
(typeattributeset mcs_constrained_type (site_guest_t))
(typeattributeset cordon_guest (site_guest_t))
(typeattributeset cordon_guest (unconfined_t))
"""


def test_a_type_of_the_sites_own(host):
    path = host.image("one.img")
    before = host.label(path)
    host.configure('static_label_types = [ "site_guest_t", "unconfined_t" ]')
    module = "/usr/share/selinux/packages/site.cil"
    host.machine.put(SITE.encode(), module)
    # -D: what it keeps quiet about is for the test to see
    host.run(f"restorecon {module}; semodule -D -i {module}", timeout=300)
    mark = host.machine.mark()
    own = SVIRT.replace("svirt_t", "site_guest_t")
    base = f"<seclabel type='dynamic' model='selinux'><baselabel>{own}</baselabel></seclabel>"
    runs_as(host, domain("one", disk(path), base), own)
    host.stop("one")
    free = SVIRT.replace("svirt_t", "unconfined_t")
    for relabel in ("yes", "no"):
        runs_as(host, domain("one", disk(path), static(free, relabel)), free)
        host.stop("one")
        assert host.label(path) == before
    refused = [x for x in host.machine.denials(mark) if ":site_guest_t:" in x or ":unconfined_t:" in x]
    assert not refused, "\n".join(refused)


FORGED = "0e5ca9e0-0000-4000-8000-0000000000f0"
FORGED_UID = 1879050000      # of guest_uid_min .. guest_uid_max, and nobody's


def forge(host, label):
    """A claim in the ledger's folder, as a ledger that lies would leave it."""
    return host.run(f"""d=/run/cordon/claims; i=$(stat -c %d:%i /run/cordon | awk -F: '{{ printf "%x-%x", $1, $2 }}')
        rm -f $d/$i.{FORGED}; ln -s '{FORGED_UID} - {label}' $d/$i.{FORGED}; readlink $d/$i.{FORGED}""")


@pytest.mark.denials
@pytest.mark.parametrize("typ", ["unconfined_t", "cordon_core_t"])
def test_a_claim_of_another_type(host, typ):
    """cordon-launch looks at the type itself: the process would have been executed with it."""
    xml = domain("one").replace("<name>one", f"<uuid>{FORGED}</uuid><name>one")
    forge(host, SVIRT.replace("svirt_t", typ) + ":c5,c6")
    text = host.refused(xml)
    assert f"{typ}:s0:c5,c6 is of none of the types that guests have" in text
    forge(host, SVIRT + ":c5,c6")
    host.start(xml)
    assert host.process("one") == SVIRT + ":c5,c6"
    host.stop("one")


# ---- none ----

def test_unconfined(host):
    path = host.image("one.img")
    before = host.label(path)
    xml = domain("one", disk(path), "<seclabel type='none' model='selinux'/>")
    assert "security_require_confined" in host.refused(xml)
    host.configure("security_require_confined = 0")
    host.start(xml)
    label = host.process("one")
    assert label == UNCONFINED.replace("s0", level(label))
    assert host.label(path) == before
    assert host.live("one", "selinux").get("type") == "none"
    host.stop("one")
    # any type of image is its, but what has the categories of somebody else
    host.run(f"chcon {before.replace('virt_image_t', 'user_home_t')} {path}")
    host.start(xml)
    host.stop("one")
    host.run(f"chcon {IMAGE}:c1,c2 {path}")
    text = host.refused(xml)
    assert IMAGE + ":c1,c2" in text
    host.run(re.search("`(chcon .*?)`", text).group(1))
    host.start(xml)
    host.stop("one")


# ---- what several guests use ----

@pytest.mark.parametrize("how", ["shareable", "readonly", "cdrom", "backing"])
def test_shared_files_are_put_back_by_the_last(host, how):
    base = host.image("base.img")
    before = host.label(base)
    want = IMAGE if how == "shareable" else CONTENT
    for name in ("one", "two"):
        if how == "backing":
            top = host.image(f"{name}.qcow2", "qcow2", f"-F raw -b {base}")
            devices = disk(top, fmt="qcow2")
        elif how == "cdrom":
            devices = disk(base, "sda", "<readonly/>", device="cdrom")
        else:
            devices = disk(base, inside=f"<{how}/>")
        host.start(domain(name, devices))
        assert host.label(base) == want
        level(host.process(name))
        if how == "backing":
            assert host.label(top) == IMAGE.replace("s0", level(host.process(name)))
    host.stop("one")
    assert host.label(base) == want
    host.stop("two")
    assert host.label(base) == before


# ---- the user's word about one disk ----

def test_override(host):
    paths = [host.image(f"{n}.img") for n in ("a", "b")]
    mine = IMAGE + ":c7,c8"
    host.run(f"chcon {IMAGE} {paths[0]}")
    host.start(domain("one", disk(paths[0], source="<seclabel model='selinux' relabel='no'/>")
                      + disk(paths[1], "vdb", source=f"<seclabel model='selinux' relabel='yes'>"
                                                     f"<label>{IMAGE}</label></seclabel>")))
    assert host.label(paths[0]) == IMAGE
    assert host.label(paths[1]) == IMAGE
    assert f"<label>{IMAGE}</label>" in host.virsh("dumpxml", "one").out
    host.stop("one")
    host.run(f"chcon {mine} {paths[0]}")
    text = host.refused(domain("one", disk(paths[0],
                                           source="<seclabel model='selinux' relabel='no'/>")))
    assert mine in text and "chcon" in text
    text = host.refused(domain("one", disk(paths[1], source=f"<seclabel model='selinux'>"
                                                            f"<label>{mine}</label></seclabel>")))
    assert mine in text


# ---- booleans ----

def test_emulation_needs_execmem(host):
    path = host.image("one.img")
    xml = domain("one", disk(path), typ="qemu")
    host.run("setsebool virt_use_execmem off")
    text = host.refused(xml)
    assert "virt_use_execmem is off" in text and "`setsebool -P virt_use_execmem on`" in text
    host.run("setsebool virt_use_execmem on")
    host.start(xml)
    level(host.process("one"))
    host.stop("one")


def test_network_file_system(host):
    host.run("mkdir -p /srv/export /mnt/nfs && chmod 777 /srv/export && "
             "echo '/srv/export 127.0.0.1(rw,no_root_squash,insecure)' >/etc/exports && "
             "systemctl start nfs-server && mount -t nfs 127.0.0.1:/srv/export /mnt/nfs && "
             "qemu-img create -q -f raw /mnt/nfs/one.img 8M", timeout=120)
    local = host.image("local.img")
    xml = domain("one", disk(local) + disk("/mnt/nfs/one.img", "vdb"))
    host.needs_boolean(xml, "nfs_t", "virt_use_nfs")
    assert ":nfs_t:" in host.label("/mnt/nfs/one.img")
    level(host.label(local))
    host.stop("one")


def test_file_system_without_labels_and_boolean(host):
    host.run("truncate -s 32M /tmp/fat && mkfs.vfat /tmp/fat >/dev/null && mkdir -p /mnt/fat && "
             "mount -o loop /tmp/fat /mnt/fat && qemu-img create -q -f raw /mnt/fat/one.img 8M")
    text = host.refused(domain("one", disk(host.image("local.img")) + disk("/mnt/fat/one.img", "vdb")))
    assert ":dosfs_t:" in text and "vfat" in text and f"context={IMAGE}" in text


# ---- folders ----

def test_add_root(host):
    host.run("mkdir -p /srv/vm.1 && qemu-img create -q -f raw /srv/vm.1/one.img 8M && "
             "virsh -q -c qemu:///system list")
    path = "/srv/vm.1/one.img"
    before = host.label(path)
    # restorecon would take it away from a guest that runs
    host.start(domain("one", disk(path)))
    during = host.label(path)
    level(during)
    no = host.machine.run("cordon storage add-root /srv/vm.1", timeout=180)
    assert no.code == 1 and no.out == "", no
    assert path in no.err and during in no.err and "stop the guest" in no.err, no
    assert host.label(path) == during and ":var_t:" in host.label("/srv/vm.1")
    assert host.machine.run(f"grep vm.1 {CONF}").code == 1
    host.stop("one")
    assert host.label(path) == before
    said = host.run("cordon storage add-root /srv/vm.1", timeout=180)
    assert "semanage fcontext -a -t virt_image_t '/srv/vm\\.1(/.*)?'" in said
    assert "restorecon -R /srv/vm.1" in said
    assert ":virt_image_t:" in host.label(path)
    assert '"/srv/vm.1"' in host.run(f"grep ^image_roots {CONF}")
    host.run("cordond --check && systemctl restart cordond && timeout 30 virsh -q -c qemu:///system list")
    host.start(domain("one", disk(path)))
    level(host.label(path))
    host.stop("one")
    assert ":virt_image_t:" in host.label(path)
