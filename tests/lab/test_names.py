# SPDX-License-Identifier: GPL-2.0-or-later
"""A host's name server on its loopback, as systemd-resolved keeps it, with SELinux enforcing."""
import re

from lib.lab_host import Host, domain

NETWORK = "<interface type='user'><model type='virtio'/></interface>"
STUB = "/run/systemd/resolve/stub-resolv.conf"


def test_passt_is_told_of_it(lab):
    host = Host(lab)
    host.run("set -e; ip link add wan type dummy; ip addr add 192.0.2.1/24 dev wan; ip link set wan up; "
             f"ip route add default via 192.0.2.2; mkdir -p /run/systemd/resolve; "
             f"printf 'nameserver 127.0.0.53\\nsearch cordon.test\\n' >{STUB}; "
             f"restorecon -RF /run/systemd/resolve; ln -sfn ..{STUB} /etc/resolv.conf; "
             "systemctl restart cordond", timeout=120)
    host.start(domain("one", NETWORK))
    assert "--dns-forward 169.254.1.1" in host.run("ps -eo args --no-headers")
    seen = host.run("cd /proc/$(pgrep -o passt)/root && cat boot/resolv.conf")
    assert re.match(r"nameserver 127\.0\.0\.53\nnameserver 169\.254\.1\.1\nnameserver 127\.0\.0\.53\nsearch cordon", seen)
