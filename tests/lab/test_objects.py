# SPDX-License-Identifier: GPL-2.0-or-later
"""Every object of a guest under its label with SELinux enforcing: variables, sockets, terminals, logs,
volumes, viewers; file systems that keep no labels; and what `cordon cage` says of it all."""
import re
import struct
from pathlib import Path

import pytest

from lib import stuckfs
from lib.lab_host import IMAGE, SVIRT, Host, disk, domain, level, static

LISTEN = "<graphics type='vnc' port='{}' autoport='{}'/><video><model type='vga'/></video>"
KERNEL = ("<domain type='kvm'><name>one</name><memory unit='MiB'>128</memory><vcpu>1</vcpu>"
          "<os><type arch='x86_64' machine='q35'>hvm</type><kernel>/var/lib/libvirt/images/vmlinuz"
          "</kernel><initrd>/var/lib/libvirt/images/initrd.img</initrd>"
          "<cmdline>console=ttyS0 quiet</cmdline></os><features><acpi/></features>"
          "<devices><serial type='pty'/><interface type='user'><model type='virtio'/></interface>"
          "</devices></domain>")
UEFI = ("<domain type='kvm'><name>one</name><memory unit='MiB'>256</memory><vcpu>1</vcpu>"
        "<os firmware='efi'><type arch='x86_64' machine='q35'>hvm</type></os>"
        "<features><acpi/></features><devices>{}<serial type='pty'/><serial type='pty'/>"
        "<channel type='unix'><target type='virtio' name='org.cordon.test'/></channel>"
        "<interface type='user'><model type='virtio'/></interface>{}</devices></domain>")

TPM = "<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>"
TPM_CLOSED = "system_u:object_r:cordon_tpm_t:s0"


@pytest.fixture
def host(lab):
    return Host(lab)


def says_it_to(host, program):
    """What its descriptor 2 is: /dev/null instead of one that the policy does not let it have."""
    return host.run(f"readlink /proc/$(ps -eo pid,comm --no-headers | awk '$2 ~ /^{program}/ {{ print $1 }}')/fd/2")


def network(host):
    """A way to the world, without which passt does not start."""
    host.run("set -e; ip link add wan type dummy; ip addr add 192.0.2.1/24 dev wan; ip link set wan up; "
             "ip route add default via 192.0.2.2; echo nameserver 192.0.2.2 >/etc/resolv.conf")


def cage(host, name="one"):
    """(exit status, report) of cordon cage."""
    result = host.machine.run(f"cordon cage {name}")
    return result.code, result.out + result.err


def whole(host):
    code, text = cage(host)
    assert code == 0, text


def test_every_object(host):
    """A guest with one of each; all that is its own has its level, and the kernel agrees."""
    network(host)
    path = host.image("one.img")
    before = host.label(path)
    host.start(UEFI.format(disk(path), LISTEN.format(-1, "yes")))
    mine = level(host.process("one"))
    nvram = re.search("<nvram[^>]*>(.*)</nvram>", host.virsh("dumpxml", "one").out).group(1)
    assert host.label(nvram) == host.label(path) == IMAGE.replace("s0", mine)
    # the guest's folder: sockets, FIFO, journal (pids is launch's own); logs; the terminals
    rows = host.run("find /run/cordon/guests/*/ -mindepth 1 ! -name pids -printf '%y %f %Z\\n'; "
                    "find /var/log/cordon/guests -name 'one*' -printf 'f %f %Z\\n'").splitlines()
    kinds = [row.split()[0] for row in rows]
    assert kinds.count("s") >= 4 and "p" in kinds and kinds.count("f") >= 2, rows
    assert all(row.endswith(f"svirt_image_t:{mine}") for row in rows), rows
    ttys = re.findall(r"<console type='pty' tty='(.*?)'|<source path='(/dev/pts/\d+)'",
                      host.virsh("dumpxml", "one").out)
    assert ttys
    for tty in {a or b for a, b in ttys}:
        assert host.label(tty) == IMAGE.replace("s0", mine)
    # cordon-vm and passt live at its level; nothing of Cordon runs in a domain of somebody else
    processes = host.run("ps -eo label:80,args --no-headers")
    for domain_of in ("svirt_t", "cordon_vm_t", "cordon_passt_t"):
        assert f":{domain_of}:{mine} " in processes, processes
    assert not re.search(r":(unconfined_t|initrc_t|init_t):.*(cordon-|cordond|qemu-system|passt )", processes)
    assert says_it_to(host, "passt").endswith("/log.fifo")
    whole(host)
    assert mine in cage(host)[1]
    # what was changed behind our back is told, and is not a guest's for ever
    host.run(f"chcon {IMAGE} {path}")
    code, text = cage(host)
    assert code == 1 and "DIFFERS" in text and path in text
    host.run(f"chcon {IMAGE.replace('s0', mine)} {path}")
    whole(host)
    host.stop("one")
    assert host.label(path) == before
    assert ":virt_image_t:s0" in host.label(nvram)


def test_tpm(host):
    """swtpm and what its TPM remembers have the guest's level while it runs, each run's own; nobody's after."""
    host.machine.put(domain("one", TPM).encode(), "/tmp/one.xml")
    host.virsh("define", "/tmp/one.xml")
    state = "/var/lib/cordon/tpm/" + host.virsh("domuuid", "one").out.strip()
    levels = set()
    for _ in range(2):
        host.virsh("start", "one")
        mine = level(host.process("one"))
        levels.add(mine)
        assert re.search(f":cordon_swtpm_t:{mine} +swtpm", host.run("ps -eo label:80,comm --no-headers"))
        assert says_it_to(host, "swtpm").endswith("/log.fifo")
        for path in (state, state + "/tpm2-00.permall"):
            assert host.label(path) == IMAGE.replace("s0", mine)
        whole(host)
        host.virsh("destroy", "one")
        assert host.run(f"stat -c '%C %u %a' {state}") == f"{TPM_CLOSED} 0 700"
        assert "swtpm" not in host.run("ps -eo comm")
    assert len(levels) == 2
    host.virsh("undefine", "one")
    assert host.machine.run(f"test -e {state}").code == 1


def picture(host):
    """The width of a screenshot, and the number of its colours."""
    host.virsh("screenshot", "one", "/tmp/shot")
    data = host.machine.get("/tmp/shot")
    assert data.startswith((b"P6", b"\x89PNG")), data[:16]
    return int(data.split()[1]) if data.startswith(b"P6") else struct.unpack(">I", data[16:20])[0]


def test_viewers(host):
    """A viewer through door and edge; ports of the policy's for viewers, of nobody's, of others."""
    host.start(domain("one", LISTEN.format(-1, "yes")))
    port = int(re.search(r"port='(\d+)'", host.virsh("dumpxml", "one").out).group(1))
    assert 5900 <= port <= 5983
    greeting = "exec 3<>/dev/tcp/127.0.0.1/{}; head -c 12 <&3"
    assert host.run(f"bash -c '{greeting.format(port)}'") == "RFB 003.008"
    assert picture(host) >= 640
    host.stop("one")
    host.start(domain("one", LISTEN.format(12345, "no")))
    assert host.run(f"bash -c '{greeting.format(12345)}'") == "RFB 003.008"
    host.stop("one")


@pytest.mark.denials
def test_ports_of_others(host):
    text = host.refused(domain("one", LISTEN.format(8080, "no")))
    assert "8080" in text and "`semanage port -m -t vnc_port_t -p tcp 8080`" in text
    # 5984 is a data base's: the next one is taken
    host.configure("vnc_port_min = 5984\nvnc_port_max = 5990")
    host.start(domain("one", LISTEN.format(-1, "yes")))
    assert "port='5985'" in host.virsh("dumpxml", "one").out


def test_kernel_to_user_space(host):
    """-kernel and -initrd are copied into the cage, and mapped there."""
    network(host)
    host.start(KERNEL)
    log = host.machine.run("""(sleep 200) | timeout 200 script -qefc 'virsh -q -c qemu:///system \
        console one --force' con & for i in $(seq 500); do grep -q 'guest#' con && break; sleep 0.4; done
        cat con; kill %1""", timeout=230).out
    assert "guest: ready in" in log or "guest#" in log, log
    whole(host)
    host.stop("one")


@pytest.mark.parametrize("name", ["/dev/cordon/one", "/dev/mapper/cordon-one"])
def test_logical_volume(host, name):
    host.run("""set -e; truncate -s 64M pv; loop=$(losetup -f --show pv)
        pvcreate -q $loop; vgcreate -q cordon $loop; lvcreate -q -L 16M -n one cordon""", timeout=120)
    before = host.run(f"stat -Lc %C {name}")
    xml = domain("one", f"<disk type='block' device='disk'><driver name='qemu' type='raw'/><source dev='{name}'/>"
                        "<target dev='vda' bus='virtio'/></disk>")
    host.start(xml)
    assert host.run(f"stat -Lc %C {name}") == IMAGE.replace("s0", level(host.process("one")))
    whole(host)
    host.stop("one")
    assert host.run(f"stat -Lc %C {name}") == before


def test_user_space_file_system(host):
    """FUSE keeps no labels: the boolean is named, and what it allows works."""
    host.machine.put(Path(stuckfs.__file__), "/var/lab/stuckfs.py")
    host.run("mkdir -p /mnt/fuse; (sleep 500 | python3 stuckfs.py /mnt/fuse never >ready) & "
             "for i in $(seq 100); do grep -q ready ready && break; sleep 0.1; done; grep -q ready ready")
    xml = domain("one", disk("/mnt/fuse/one.img"))
    host.needs_boolean(xml, "fusefs_t", "virt_use_fusefs")
    host.stop("one")


def test_levels_are_the_policys(host):
    """The last category of 1024 works, one more does not; there is one sensitivity."""
    path = host.image("one.img")
    host.start(domain("one", disk(path), static(SVIRT + ":c0,c1023")))
    assert host.label(path) == IMAGE + ":c0,c1023"
    whole(host)
    host.stop("one")
    for label in (SVIRT + ":c0,c1024", SVIRT.replace("s0", "s1")):
        assert f"the policy does not know the label '{label}'" in host.refused(
            domain("one", disk(path), static(label)))
