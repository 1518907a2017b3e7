# SPDX-License-Identifier: GPL-2.0-or-later
"""The Cordon that is installed on this host, under its unit: what the client tests talk to inside the
lab machine (CORDON_TEST_SERVER=installed)."""
import os
import subprocess
import tempfile
from pathlib import Path

from .server import Server, wait_for

IMAGES = "/var/lib/libvirt/images"
CONF = Path("/etc/cordon/cordond.conf")
OURS = ("cordon", "qemu-system", "passt", "swtpm")


def unit(*words):
    return subprocess.run(["systemctl", *words], check=False, capture_output=True, text=True).stdout


class Installed(Server):
    """Everything of its kind on the host is taken for its own: there is one."""

    name = "cordon"
    socket_path = Path("/run/libvirt/libvirt-sock")
    socket_ro_path = Path("/run/libvirt/libvirt-sock-ro")
    uri = uri_ro = "qemu:///system"

    def __init__(self, folder=None, config=""):
        super().__init__(folder or tempfile.mkdtemp(prefix="test-", dir=IMAGES), config)
        subprocess.run(["restorecon", str(self.dir)], check=True)
        self.before = CONF.read_text(encoding="utf-8")

    def start(self, timeout=60.0):
        if self.config:
            CONF.write_text(self.before + self.config, encoding="utf-8")
        unit("restart" if self.config else "start", "cordond")
        self.pid = int(unit("show", "-P", "MainPID", "cordond"))
        self.wait_ready(timeout)
        return self

    def terminate(self, timeout=60.0):
        unit("stop", "cordond")

    def respawn(self):
        self.start()

    def stop(self):
        """Guests and configuration go; the daemon stays."""
        self.stop_guests()
        if self.config:
            CONF.write_text(self.before, encoding="utf-8")
            unit("restart", "cordond")
        return []

    def stop_guests(self):
        super().stop_guests()
        wait_for(lambda: not self.guest_processes(), 30, text="guests ending")

    def log_tail(self, lines=15):
        return subprocess.run(["journalctl", "-u", "cordond", "-n", str(lines), "--no-pager"],
                              check=False, capture_output=True, text=True).stdout

    def below(self):
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and os.readlink(entry / "exe"):
                    name = (entry / "comm").read_text().strip()
                    if name.startswith(OURS):
                        found.append((int(entry.name), name))
            except OSError:
                continue
        return found
