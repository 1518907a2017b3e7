# SPDX-License-Identifier: GPL-2.0-or-later
"""Cordon on a host: as `make install` puts it there, under its unit, with its accounts."""
import re
import subprocess

from lib.lab_host import CONF, Host, disk, domain, level

GUEST = """<domain type="{typ}"><name>g</name><memory unit="MiB">64</memory><vcpu>1</vcpu>
<os><type arch="x86_64" machine="q35">hvm</type></os><features><acpi/><apic/></features>
<devices><emulator>/usr/bin/qemu-system-x86_64</emulator><serial type="pty"/>
<disk type="file" device="disk"><driver name="qemu" type="raw"/>
<source file="/var/lib/libvirt/images/bios.raw"/><target dev="vda" bus="virtio"/></disk></devices>
</domain>"""
VIRSH = "virsh -q -c qemu:///system "
ROOMS = {"cordond": "root", "cordon-supervisor": "cordon-supervisor",
         "cordon-launch": "root", "cordon-core": "cordon-core",
         "cordon-conn": "cordon-conn", "cordon-host": "cordon-host", "cordon-file": "cordon-file"}


def test_the_unit_runs_and_answers(lab):
    assert lab.run("systemctl is-active cordond").out == "active\n"
    assert lab.run(VIRSH + "list --all", check=True).out.strip() == ""
    assert "QEMU" in lab.run(VIRSH + "version", check=True).out


def test_rooms_run_as_their_accounts(lab):
    rows = [line.split() for line in lab.run("ps -eo user:20,args").out.splitlines()]
    seen = {args[0].split("/")[-1]: user for user, *args in rows}
    assert {k: seen.get(k) for k in ROOMS} == ROOMS


def test_the_unit_can_be_restarted(lab):
    before = lab.run("systemctl show -P MainPID cordond").out
    lab.run("systemctl restart cordond", check=True)
    assert lab.run("systemctl show -P MainPID cordond").out != before
    lab.run(VIRSH + "list", check=True)


def test_the_unit_comes_back_when_it_was_killed(lab):
    """Its sockets are still there, and nobody listens."""
    lab.run(f"""pid() {{ systemctl show -P MainPID cordond; }}
        before=$(pid); kill -9 $before; for i in $(seq 100); do sleep 0.3; now=$(pid)
        [ $now != 0 ] && [ $now != $before ] && {VIRSH} list && exit 0; done; exit 1""", check=True, timeout=120)


def test_its_folders_are_made_at_boot(lab):
    """And looked at every day: by systemd-tmpfiles, which is confined as well."""
    lab.run("""set -e; systemctl stop cordond; rm -rf /run/cordon /var/log/cordon
        systemd-run -q --wait systemd-tmpfiles --create cordon.conf
        systemctl start systemd-tmpfiles-clean""", check=True)
    labels = lab.run("stat -c %C:%a /run/cordon /var/log/cordon /var/lib/cordon/images", check=True).out.split()
    assert [x.split(":", 2)[2] for x in labels] == ["cordon_run_t:s0:755", "cordon_log_t:s0:755",
                                                    "virt_image_t:s0:711"], labels
    lab.run("systemctl start cordond; " + VIRSH + "list", check=True)


def start(lab, typ):
    """A running guest of a type; its console has greeted."""
    lab.put(GUEST.format(typ=typ).encode(), "/var/lab/g.xml")
    lab.run(VIRSH + "create g.xml", check=True)
    seen = lab.run(f"""(sleep 90) | timeout 90 script -qefc '{VIRSH} console g --force' con &
        for i in $(seq 400); do grep -q 'guest: boot sector' con && break; sleep 0.2; done
        cat con; kill %1""", timeout=120).out
    assert "guest: boot sector" in seen, seen
    return lab.run(VIRSH + "dumpxml g").out


def test_kvm_is_found_and_runs_a_guest(lab):
    assert re.search(r"<domain>kvm</domain>", lab.run(VIRSH + "domcapabilities --virttype kvm").out)
    assert "<domain type='kvm'" in start(lab, "kvm")
    lab.run(VIRSH + "destroy g", check=True)
    assert "denied" not in lab.run("journalctl -u cordond").out


# A boot sector that counts in the next one, 18 times a second.
COUNTER = """.code16
	xorw %ax, %ax
	movw %ax, %ds
	movw %ax, %ss
	movw $0x7c00, %sp
1:	incl 0x8000
	movw $packet, %si
	movw $0x4300, %ax
	pushw %dx
	int $0x13
	popw %dx
	sti
	hlt
	jmp 1b
packet:	.word 16, 1, 0x8000, 0, 1, 0, 0, 0
	.org 510
	.word 0xaa55
"""
IMAGE = "/var/lib/cordon/images/one.img"
TPM = "<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>"
# with firmware variables; it does not have to get anywhere
UEFI = domain("two", tail="<features><acpi/></features>").replace("<os>", "<os firmware='efi'>")


def counter(tmp_path):
    (tmp_path / "boot.S").write_text(COUNTER)
    for words in (["as", "--32", "-o", "boot.o", "boot.S"],
                  ["ld", "-m", "elf_i386", "-Ttext", "0x7c00", "-e", "0", "--oformat", "binary", "-o", "boot", "boot.o"]):
        subprocess.run(words, cwd=tmp_path, check=True)
    return (tmp_path / "boot").read_bytes()


def counts(host):
    """The guest writes, from now on as well."""
    host.run(f"""now() {{ od -An -tu4 -j512 -N4 {IMAGE}; }}
        before=$(now); for i in $(seq 300); do [ $(now) != $before ] && exit 0; sleep 0.2; done
        {VIRSH} domstate --reason one; exit 1""", timeout=90)


def guests_labels(host):
    """Of all that has a guest's."""
    return host.run("find /run/cordon /var/lib/cordon /var/log/cordon -printf '%Z %p\\n' | grep ':c[0-9]' | sort")


def test_an_upgrade_leaves_guests_alone(lab, tmp_path):
    """What `make install` does once more: files of guests stay as they are, Cordon's own are put right. (With
    another policy, too, but loading one takes minutes here.)"""
    host = Host(lab)
    lab.put(counter(tmp_path), IMAGE)
    host.run(f"truncate -s 1M {IMAGE}; restorecon {IMAGE}")
    host.start(domain("one", disk(IMAGE) + TPM))
    host.start(UEFI)
    host.virsh("suspend", "two")
    counts(host)
    before = guests_labels(host)
    for name, kinds in {"one": [IMAGE, "/tpm/", "/run/cordon/guests/", "/log/"], "two": ["/nvram/"]}.items():
        pair = level(host.process(name))
        for kind in kinds:
            assert re.search(f"svirt_image_t:{pair} .*{kind}", before), before + "\n" + kind + " " + pair
    host.run(f"echo '# mine' >>{CONF}")
    host.run(f"chcon -t etc_t {CONF}; chcon -t var_lib_t /var/lib/cordon/state /var/lib/cordon/images")
    host.run("./post-install", timeout=300)
    assert guests_labels(host) == before
    counts(host)
    assert host.label(CONF).endswith(":cordon_etc_t:s0")
    assert host.label("/var/lib/cordon/state").endswith(":cordon_state_t:s0")
    assert host.label("/var/lib/cordon/images").endswith(":virt_image_t:s0")
    assert host.virsh("list", "--name").out.split() == ["one", "two"]
    host.stop("one", "two")
    assert host.label(IMAGE).endswith(":virt_image_t:s0")


MODULE = "/usr/share/selinux/packages/cordon.cil"
# what the script asks semodule for; there is no such module, as on a new host
STUB = """#!/bin/sh
echo "$*" >>/var/lab/asked
for file; do :; done
[ "$1" != -i ] || [ -s "$file" ]
"""


def test_the_policy_module_is_loaded(lab):
    """By the script that `make install` runs, if the host has not this one; and not without a word left out."""
    lab.put(STUB.encode(), "/var/lab/semodule")
    script = "chmod +x semodule; PATH=/var/lab:$PATH ./post-install"
    no = lab.run(f"mv {MODULE} aside; {script}", timeout=300)
    assert no.code == 1 and MODULE in no.err and "make install" in no.err, no
    assert lab.run("ls asked").code != 0
    lab.run(f"mv aside {MODULE}; {script}", check=True, timeout=300)
    assert lab.run("cat asked").out.splitlines() == ["--list-modules --checksum", f"-i {MODULE}"]


# May `who` execute it as itself: asked of the kernel.
MAY = """import selinux, sys
for who in sys.argv[1:]:
    for what in ("passt", "swtpm"):
        label = f"system_u:object_r:cordon_{what}_exec_t:s0"
        assert selinux.getfilecon("/usr/bin/" + what)[1] == label
        try:
            selinux.selinux_check_access(who, label, "file", "execute_no_trans")
        except PermissionError:
            print(who, what)
"""
PEOPLE = ["user_u:user_r:user_t:s0", "staff_u:staff_r:staff_t:s0", "sysadm_u:sysadm_r:sysadm_t:s0",
          "unconfined_u:unconfined_r:unconfined_t:s0", "system_u:system_r:virtd_t:s0"]


def test_passt_and_swtpm_stay_everybodys(lab):
    """They have labels of Cordon's own; libvirtd and users execute them as before."""
    lab.put(MAY.encode(), "/var/lab/may.py")
    assert lab.run(f"python3 may.py {' '.join(PEOPLE)}", check=True).out == ""
    # the question is one that can be answered no
    assert lab.run("python3 may.py system_u:system_r:dnsmasq_t:s0", check=True).out.count("dnsmasq_t") == 2
    # and really, in libvirtd's domain
    lab.run("""cp /bin/sh /usr/sbin/lab-sh; chcon -t virtd_exec_t /usr/sbin/lab-sh
        systemd-run -q --wait -p SELinuxContext=system_u:system_r:virtd_t:s0 \\
            /usr/sbin/lab-sh -c 'swtpm --version && passt --version && swtpm socket --print-capabilities'""",
            check=True)


def test_it_takes_over_from_libvirtd(lab):
    """Which ends first: its unit takes away the file of the socket that both serve."""
    lab.run("systemctl start libvirtd", check=True, timeout=120)
    assert lab.run("systemctl is-active cordond").out == "inactive\n"
    lab.run("systemctl start cordond", check=True, timeout=120)
    assert "cordon" in lab.run(VIRSH + "list && ss -xlpH src /run/libvirt/libvirt-sock", check=True).out
    units = lab.run("systemctl is-active libvirtd.service libvirtd.socket libvirtd-ro.socket").out
    assert units.split() == ["inactive"] * 3
    assert lab.run("systemctl show -P NRestarts cordond").out == "0\n"
