# SPDX-License-Identifier: GPL-2.0-or-later
"""`virsh event --all` in the background, as lines without time and guest name."""
import re
import subprocess
import threading
import time

from . import house
from .server import SLOW, wait_for


class Recorder:
    """Collects (event text) lines for one guest, or all."""

    def __init__(self, server, domain=None):
        command = ["stdbuf", "-oL", "virsh", "-q", "-c", server.uri, "event", "--all", "--loop"]
        if domain:
            command += ["--domain", domain]
        self.proc = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                     text=True, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"})
        self.raw = []
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()
        self._settle()

    def _settle(self):
        """virsh says nothing when it is registered; that it sleeps and does no more is the best sign."""
        spent = -1.0
        for _ in range(50 * SLOW):
            time.sleep(0.3)
            before, spent = spent, house.cpu(self.proc.pid)
            if before == spent and house.state(self.proc.pid) == "S" \
                    and house.comm(self.proc.pid) == "virsh":
                return
        raise TimeoutError("virsh event does not settle")

    def _read(self):
        for line in self.proc.stdout:
            self.raw.append(line.rstrip())

    def seen(self, domain=None):
        """What came so far, shortened: 'lifecycle: Started Booted'."""
        found = []
        for line in self.raw:
            m = re.match(r"event '([^']*)' for domain '([^']*)':? ?(.*)", line)
            if m and (domain is None or m.group(2) == domain):
                found.append(f"{m.group(1)}: {m.group(3)}".rstrip(": ").rstrip())
        return found

    def lifecycle(self, domain=None):
        """Without what QEMU says of a SIGTERM: libvirtd sends one before each SIGKILL."""
        return [s[len("lifecycle: "):] for s in self.seen(domain) if s.startswith("lifecycle: ")
                and s != "lifecycle: Shutdown Finished after host request"]

    def wait(self, text, timeout=60, domain=None):
        wait_for(lambda: any(text in s for s in self.seen(domain)), timeout,
                 text=f"event {text!r} (seen {self.seen(domain)})")
        return self

    def stop(self):
        if self.proc.poll() is None:
            self.proc.kill()
        self.proc.wait()
