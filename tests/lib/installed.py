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
LOCALTIME = Path("/etc/localtime")
LOCALTIME_BEFORE = Path("/etc/localtime.before")
PLACES = {"run": "/run/cordon", "state": "/var/lib/cordon/state", "tpm": "/var/lib/cordon/tpm",
          "nvram": "/var/lib/cordon/nvram", "log": "/var/log/cordon"}
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
        self.changed = bool(config)
        self.zone = None

    @property
    def pid(self):
        """Another one's after a test that started the daemon again."""
        if not self.main or not Path(f"/proc/{self.main}").exists():
            self.main = int(unit("show", "-P", "MainPID", "cordond"))
        return self.main

    @pid.setter
    def pid(self, value):
        self.main = value

    def place(self, path):
        first, _, rest = path.partition("/")
        return Path(PLACES[first], rest)

    def local_time(self, zone):
        """The host's, until stop()."""
        self.zone = zone
        ours = Path("/usr/share/zoneinfo/Cordon")
        ours.parent.mkdir(exist_ok=True)
        ours.write_bytes(zone.read_bytes())
        if LOCALTIME.exists():
            LOCALTIME.rename(LOCALTIME_BEFORE)
        LOCALTIME.symlink_to(ours)
        subprocess.run(["restorecon", "-R", str(LOCALTIME), str(ours.parent)], check=True)
        self.changed = True

    def start(self, timeout=60.0):
        if self.config:
            CONF.write_text(self.before + self.config, encoding="utf-8")
        unit("reset-failed", "cordond")
        unit("restart" if self.changed else "start", "cordond")
        self.wait_ready(timeout)
        return self

    def terminate(self, timeout=60.0):
        unit("stop", "cordond")

    def respawn(self):
        self.start()

    def stop(self):
        """Guests, definitions and configuration go; the daemon stays."""
        if self.changed:
            CONF.write_text(self.before, encoding="utf-8")
        if self.zone:
            LOCALTIME.unlink()
            if LOCALTIME_BEFORE.exists():
                LOCALTIME_BEFORE.rename(LOCALTIME)
        self.stop_guests()
        for name in self.virsh("list", "--all", "--name", check=False).out.split():
            self.virsh("undefine", "--nvram", name, check=False)
        if self.changed:
            unit("restart", "cordond")
        return []

    def stop_guests(self):
        if not self.alive():
            self.start()
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
