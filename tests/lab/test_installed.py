# SPDX-License-Identifier: GPL-2.0-or-later
"""Cordon on a host: as `make install` puts it there, under its unit, with its accounts."""
import re

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
