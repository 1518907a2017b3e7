# SPDX-License-Identifier: GPL-2.0-or-later
"""cordon-disk and cordon-file where the kernel keeps labels and servers do not trust root."""
import os
import re
from pathlib import Path

from lib import server as servers

VIRSH = "virsh -q -c qemu:///system "
CYCLES = int(os.environ.get("CORDON_CYCLES", 1000))
GUEST = """<domain type="kvm"><name>g</name><memory unit="MiB">64</memory><vcpu>1</vcpu>
<os><type arch="x86_64" machine="q35">hvm</type></os>
<devices><emulator>/usr/bin/qemu-system-x86_64</emulator>
<disk type="file" device="disk"><driver name="qemu" type="raw"/>
<source file="{path}"/><target dev="vda" bus="virtio"/></disk></devices></domain>"""


def test_labels_under_kill_9(lab):
    """tests/unit/disk_label.c with the real cordon-file: after any death every label is what it should be."""
    build = Path(servers.BUILD)
    lab.run("mkdir -p rooms", check=True)
    for name in ("cordon-disk", "cordon-file", "tests/test-disk_label"):
        lab.put(build / name, "/var/lab/rooms/" + Path(name).name, 0o755)
    lab.put(Path("/usr/lib/x86_64-linux-gnu/libcmocka.so.0").resolve(), "/var/lab/rooms/libcmocka.so.0")
    mark = lab.mark()
    code, out, err = lab.run(f"""cd rooms; export LD_LIBRARY_PATH=. CORDON_BUILD_ROOT=$PWD
        CORDON_CYCLES={CYCLES} ./test-disk_label 2>&1""", timeout=900)
    print(out)
    assert code == 0, out + err
    assert f"{CYCLES} cycles" in out
    assert not lab.own_denials(mark)


def test_squashed_export(lab):
    """An NFS server that takes root for nobody: image_open_as names who may read the image."""
    lab.run("""set -e
        mkdir -p /srv/x /mnt/x; truncate -s 1M /srv/x/disk; chown 1234:1234 /srv/x/disk; chmod 600 /srv/x/disk
        echo '/srv/x 127.0.0.1(rw,root_squash,insecure,no_subtree_check,fsid=1)' >/etc/exports
        ip link set lo up
        systemctl start nfs-server
        mount -t nfs4 127.0.0.1:/srv/x /mnt/x
        setsebool virt_use_nfs on""", check=True, timeout=120)
    lab.put(GUEST.format(path="/mnt/x/disk").encode(), "/var/lab/g.xml")
    code, out, err = lab.run(VIRSH + "create g.xml --paused")
    assert code != 0 and re.search("Permission denied.*server refuses", out + err), out + err
    lab.run("""set -e
        echo 'image_open_as = [ "/mnt/x=1234" ]' >>/etc/cordon/cordond.conf
        systemctl restart cordond""", check=True)
    lab.run(VIRSH + "create g.xml --paused", check=True)
    lab.run(VIRSH + "destroy g", check=True)
    assert lab.run("stat -c %u:%a /srv/x/disk").out.strip() == "1234:600"
