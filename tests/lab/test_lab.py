# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab machine is what the other tests take it for."""
import re

import pytest

from lib import lab_machine


def test_selinux_is_enforcing_with_categories(lab):
    assert lab.run("getenforce").out == "Enforcing\n"
    status = lab.run("sestatus").out
    assert re.search(r"Policy MLS status: *enabled", status), status
    # the kernel takes a label with the last of 1024 categories, and none beyond it
    assert lab.run("touch f; chcon -l s0:c1023 f").code == 0
    assert lab.run("chcon -l s0:c1024 f").code != 0
    assert lab.run("chcon -l s1 f").code != 0


@pytest.mark.denials
def test_a_denial_is_enforced_and_recorded(lab):
    def dnsmasq_reads(typ):
        """A file of a type; dnsmasq runs in a domain of its own."""
        mark = lab.mark()
        code = lab.run(f"touch /etc/lab.conf; chcon -t {typ} /etc/lab.conf; "
                       "systemd-run -q --wait dnsmasq --test -C /etc/lab.conf").code
        return code, [line for line in lab.denials(mark) if 'name="lab.conf"' in line]

    assert dnsmasq_reads("dnsmasq_etc_t") == (0, [])
    code, refused = dnsmasq_reads("svirt_image_t")
    assert code != 0 and "dnsmasq_t" in refused[0] and "svirt_image_t" in refused[0]


def test_dontaudit_rules_can_be_switched_off(lab):
    def refused():
        """auditctl asks for something that the policy refuses without a word."""
        mark = lab.mark()
        lab.run("systemd-run -q --wait auditctl -s", check=True)
        return [line for line in lab.denials(mark) if "auditctl_t" in line]

    assert refused()
    lab.run("lab-dontaudit on", check=True)
    assert not refused()
    lab.run("lab-dontaudit off", check=True)
    assert refused()


def test_audit_writes_user_records(lab):
    mark = lab.mark()
    lab.run("auditctl -m 'a word from the lab'", check=True)
    assert "a word from the lab" in lab.audit(mark)


def test_cgroup2_has_the_controllers(lab):
    assert lab.run("stat -f -c %T /sys/fs/cgroup").out == "cgroup2fs\n"
    have = lab.run("cat /sys/fs/cgroup/cgroup.controllers").out.split()
    assert {"cpuset", "cpu", "io", "memory", "pids"} <= set(have)


def test_devices_are_there_and_labelled(lab):
    out = lab.run("ls -Z /dev/kvm /dev/mapper/control /dev/net/tun /dev/loop-control "
                  "/dev/vhost-net /dev/fuse", check=True).out
    for word in ("kvm_device_t", "lvm_control_t", "tun_tap_device_t", "vhost_device_t",
                 "fuse_device_t"):
        assert word in out, out


def test_device_mapper_works(lab):
    lab.run("""set -e
        truncate -s 64M pv; loop=$(losetup -f --show pv)
        pvcreate -q $loop; vgcreate -q lab $loop; lvcreate -q -L 40M -n one lab
        test -b /dev/lab/one
        echo secret | cryptsetup luksFormat -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 \\
            /dev/lab/one -
        echo secret | cryptsetup open /dev/lab/one plain -d -
        dd if=/dev/zero of=/dev/mapper/plain bs=64k count=4 status=none
        cryptsetup close plain""", check=True, timeout=120)


def test_vlans_and_bridge_filters_work(lab):
    lab.run("""set -e
        ip link add br0 type bridge vlan_filtering 1
        ip link add v0 type veth peer name v1; ip link set v0 master br0
        bridge vlan add dev v0 vid 7 pvid untagged
        ip link add link v1 name v1.7 type vlan id 7
        nft add table bridge t; nft add chain bridge t c '{ type filter hook forward priority 0; }'
        nft add rule bridge t c ether type arp drop
        nft add rule bridge t c ct state new accept
        tc qdisc add dev v0 root handle 1: htb""", check=True)


def test_nfs_works(lab):
    lab.run("""set -e
        mkdir -p /srv/x /mnt/x; echo word >/srv/x/f
        echo '/srv/x 127.0.0.1(rw,root_squash,insecure,no_subtree_check,fsid=1)' >/etc/exports
        ip link set lo up
        systemctl start nfs-server
        mount -t nfs4 127.0.0.1:/srv/x /mnt/x
        grep -q word /mnt/x/f
        ls -Z /mnt/x/f | grep -q nfs_t
        umount /mnt/x""", check=True, timeout=120)


def test_libvirtd_is_there_and_does_not_run(lab):
    assert lab.run("systemctl is-active libvirtd libvirtd.socket").out.split() == ["inactive"] * 2
    assert lab.run("libvirtd --version").code == 0


def test_nested_kvm_runs_a_boot_sector(lab):
    out = lab.run("""timeout 30 qemu-system-x86_64 -accel kvm -cpu host -m 64 -nodefaults \\
        -display none -no-reboot -serial file:out \\
        -drive file=/var/lib/libvirt/images/bios.raw,format=raw,snapshot=on &
        for i in $(seq 100); do grep -q 'boot sector' out && break; sleep 0.2; done
        cat out; kill %1""", timeout=60).out
    assert "guest: boot sector" in out


def test_a_machine_that_hangs_says_why(lab_state, monkeypatch):
    monkeypatch.setattr(lab_machine, "GRACE", 1)
    with lab_machine.Machine(*lab_state) as machine:
        with pytest.raises(lab_machine.LabError, match="panic"):
            machine.run("kill -STOP $PPID; sleep 9", timeout=1)   # the agent's
