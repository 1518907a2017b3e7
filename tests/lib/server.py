# SPDX-License-Identifier: GPL-2.0-or-later
"""A private daemon for a test: Cordon as built, or the distribution's libvirtd as the standard."""
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from . import launcher

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = Path(os.environ.get("CORDON_BUILD", ROOT / "build"))
GUEST = Path(os.environ.get("CORDON_GUEST", BUILD / "guest"))
QEMU = "/usr/bin/qemu-system-x86_64"
# Times what a test waits: what is installed is tested in the lab machine, which is emulated;
# programs with sanitizers are slow, and so are guests beside them.
SLOW = 6 if os.environ.get("CORDON_TEST_SERVER") == "installed" else \
    3 if os.environ.get("CORDON_SANITIZED") else 1


class Result:
    """What a client program said."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def __repr__(self):
        return f"exit {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


def wait_for(what, timeout=10.0, step=0.02, text="condition"):
    """Poll until what() is true; its value."""
    end = time.monotonic() + timeout * SLOW
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"{text} not true within {timeout * SLOW} s")
        time.sleep(step)


def asked(pid):
    """A QEMU that is to say its version, and end."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().endswith(b"\0--version\0")
    except OSError:
        return False


class Server:
    """Common part: a daemon below a launcher, in a folder of its own."""

    name = ""

    def __init__(self, folder=None, config=""):
        self.dir = Path(folder or tempfile.mkdtemp(prefix="cordon-", dir="/var/tmp"))
        self.dir.chmod(0o755)
        self.config = config
        self.binds = []          # see Cordon.instead()
        self.launcher = None
        self.pid = None
        self.lines = []
        self.log = self.dir / "daemon.log"

    # to be filled in
    socket_path = socket_ro_path = None

    def command(self):
        raise NotImplementedError

    @property
    def uri(self):
        return f"qemu:///system?socket={self.socket_path}"

    @property
    def uri_ro(self):
        return f"qemu:///system?socket={self.socket_ro_path}"

    def host_path(self, path):
        """Where a path that the daemon names is for us."""
        return path

    def place(self, path):
        """Where the daemon has something of its own: "run/guests", "state/audit.log"."""
        return self.dir / path

    # running it
    def start(self, timeout=20.0):
        """Start the daemon; returns when it answers on its socket."""
        if self.launcher is None:
            self._launch(self.command())
        self.wait_ready(timeout)
        return self

    def _launch(self, command):
        self.lines = []
        with open(self.log, "ab") as log:
            self.launcher = subprocess.Popen(
                [sys.executable, str(HERE / "launcher.py"), *map(str, command)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
        self.pid = int(self.launcher.stdout.readline())
        # Kept open on purpose: the processes of the last daemon are still below its launcher.
        self._reader = threading.Thread(target=self._read, args=(self.launcher,), daemon=True)
        self._reader.start()

    def _read(self, proc):
        for line in proc.stdout:
            self.lines.append(line.strip())

    def wait_ready(self, timeout=20.0):
        def answers():
            if not self.alive():
                raise RuntimeError(f"{self.name} ended at once:\n{self.log_tail()}")
            try:
                with socket.socket(socket.AF_UNIX) as s:
                    s.settimeout(2)
                    s.connect(str(self.socket_path))
                    # AUTH_LIST
                    s.sendall(bytes.fromhex("0000001c200080860000000100000042000000000000000100000000"))
                    return len(s.recv(64)) > 0
            except OSError:
                return False
        wait_for(answers, timeout, text=f"{self.name} answering")

    def alive(self):
        try:
            with open(f"/proc/{self.pid}/stat", encoding="utf-8", errors="replace") as f:
                return f.read().rsplit(")", 1)[1].split()[0] != "Z"
        except OSError:
            return False

    def terminate(self, timeout=20.0):
        """SIGTERM the daemon only; guests run on. The processes below stay findable."""
        if self.alive():
            os.kill(self.pid, signal.SIGTERM)
            wait_for(lambda: not self.alive(), timeout, text="daemon ending")

    def respawn(self):
        """Start a daemon again in the same folder, beside the guests of the last one."""
        self._old = getattr(self, "_old", [])
        self._old.append(self.launcher)
        self._launch(self.command())
        self.wait_ready()

    def stop(self):
        """End everything below this server; returns the processes that had to be killed."""
        if self.launcher is None:
            return []
        self.stop_guests()
        try:
            self.terminate()
        except TimeoutError:
            pass
        left = []
        for proc in [*getattr(self, "_old", []), self.launcher]:
            proc.stdin.close()
            try:
                proc.wait(20)
            except subprocess.TimeoutExpired:
                proc.kill()
        self._reader.join(5)
        left += [line.split(None, 2)[1:] for line in self.lines if line.startswith("left ")]
        self.launcher = None
        self._old = []
        return left

    def stop_guests(self):
        """Destroy what runs, by the client, so that the daemon tidies up."""
        if not self.alive():
            return
        try:
            for name in self.virsh("list", "--name", check=False, timeout=10).out.split():
                self.virsh("destroy", name, check=False, timeout=15)
        except subprocess.TimeoutExpired:
            pass

    def remove(self):
        shutil.rmtree(self.dir, ignore_errors=True)

    def log_tail(self, lines=15):
        text = ""
        for path in [self.log, *sorted(self.dir.glob("log/*.log"))]:
            if path.exists():
                tail = path.read_text(errors="replace").splitlines()[-lines:]
                text += f"== {path.name}\n" + "\n".join(tail) + "\n"
        return text

    # its processes
    def below(self):
        """[(pid, name)] of everything alive below the launchers."""
        found = []
        for proc in [*getattr(self, "_old", []), self.launcher]:
            if proc is not None:
                found += launcher.children(proc.pid)
        return found

    def guest_processes(self):
        return [(p, n) for p, n in self.below() if n.startswith(("qemu-system", "passt", "swtpm"))]

    def daemon_processes(self):
        """Every process of the manager itself, without QEMU and what belongs to it."""
        guests = {p for p, _ in self.guest_processes()}
        return [(p, n) for p, n in self.below() if p not in guests and n != "unshare"]

    def qemus(self):
        """pids of all QEMU processes of guests; cordon-host asks one for its version whenever it starts."""
        return [p for p, n in self.guest_processes() if n.startswith("qemu-system") and not asked(p)]

    def qemu(self, name):
        """pid of the QEMU of one guest."""
        for pid in self.qemus():
            try:
                arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            for i, argument in enumerate(arguments[:-1]):
                value = arguments[i + 1].decode(errors="replace")
                if argument == b"-name" and (value.split(",")[0] in (name, f"guest={name}")):
                    return pid
        return None

    # its clients
    def virsh(self, *arguments, check=True, ro=False, timeout=60, stdin=None, env=None):
        uri = self.uri_ro if ro else self.uri
        command = ["virsh", "-q", "-c", uri, *(["-r"] if ro else []), *map(str, arguments)]
        environment = {**os.environ, "LC_ALL": "C", **(env or {})}
        done = subprocess.run(command, input=stdin, stdin=None if stdin else subprocess.DEVNULL,
                              capture_output=True, text=True, errors="replace",
                              timeout=timeout * SLOW, env=environment, check=False)
        result = Result(done.returncode, done.stdout, done.stderr)
        if check and result.code != 0:
            raise AssertionError(f"virsh {' '.join(map(str, arguments))}: {result}")
        return result

    def connect(self, ro=False):
        import libvirt
        if ro:
            return libvirt.openReadOnly(self.uri_ro)
        return libvirt.open(self.uri)


class Cordon(Server):
    name = "cordon"

    @property
    def socket_path(self):
        return self.dir / "run/libvirt/libvirt-sock"

    @property
    def socket_ro_path(self):
        return self.dir / "run/libvirt/libvirt-sock-ro"

    def instead(self, path, ours):
        """The next daemon finds this file at a path of the host's."""
        self.binds.append(f"mount --bind {ours} {path}")

    def local_time(self, zone):
        self.instead("/etc/localtime", zone)

    def command(self):
        if self.config:
            (self.dir / "cordond.conf").write_text(self.config)
        script = "; ".join(["set -e", "mount --make-rprivate /", *self.binds, 'exec "$@"'])
        abroad = ["unshare", "-m", "sh", "-c", script, "sh"] if self.binds else []
        return [*abroad, BUILD / "cordond", "--instance", self.dir]


class Stock(Server):
    """libvirtd in a mount namespace where its folders are below ours."""

    name = "stock"

    @property
    def socket_path(self):
        return self.dir / "run/libvirt-sock"

    @property
    def socket_ro_path(self):
        return self.dir / "run/libvirt-sock-ro"

    def host_path(self, path):
        return path.replace("/var/lib/libvirt", f"{self.dir}/lib")

    def command(self):
        binds = {"run": "/run/libvirt", "lib": "/var/lib/libvirt", "etc": "/etc/libvirt",
                 "log": "/var/log/libvirt", "cache": "/var/cache/libvirt"}
        script = "set -e; mount --make-rprivate /\n"
        for name, path in binds.items():
            (self.dir / name).mkdir(exist_ok=True)
            script += f"mkdir -p {path}; mount --bind {self.dir}/{name} {path}\n"
        (self.dir / "etc/qemu.conf").write_text(
            'user = "root"\ngroup = "root"\ndynamic_ownership = 0\nremember_owner = 0\n'
            'stdio_handler = "file"\nsecurity_driver = "none"\nnamespaces = []\n')
        (self.dir / "etc/libvirtd.conf").write_text(
            'auth_unix_ro = "none"\nauth_unix_rw = "none"\nunix_sock_rw_perms = "0700"\n'
            + self.config)
        script += "exec libvirtd -p /run/libvirt/libvirtd.pid -f /etc/libvirt/libvirtd.conf\n"
        return ["unshare", "-m", "sh", "-c", script]


KINDS = {"cordon": Cordon, "stock": Stock}


def make(config="", folder=None, kind=None):
    """A server of the kind under test, not started."""
    kind = kind or os.environ.get("CORDON_TEST_SERVER", "cordon")
    if kind == "installed":
        from .installed import Installed
        return Installed(folder, config)
    return KINDS[kind](folder, config)
