# SPDX-License-Identifier: GPL-2.0-or-later
"""A restored lab machine: a Debian host with SELinux enforcing, under QEMU.

Machine(state).start() brings back the frozen state in a second or two; run() and put() talk to the
agent inside. Every machine has a folder, sockets and an overlay of its own, so any number can run.
How the states come to be: lab.py.
"""
import base64
import ctypes
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

START_TIMEOUT = 60      # seconds from the restore to the agent's first answer
LIFE_SIGN = 30          # seconds without an answer; then the agent is asked whether it lives, and
                        # has as long to say so
GRACE = 15              # seconds that an answer may come after the command's own time limit
AUDIT_LOG = "/var/log/audit/audit.log"
MEMORY = "3G"
CMDLINE = ("console=ttyS0 root=/dev/vda rw quiet selinux=1 security=selinux audit=1 "
           "audit_backlog_limit=8192 mitigations=off tsc=reliable no_timer_check net.ifnames=0 "
           "panic=-1 systemd.show_status=no "
           # told to by the only thing that reaches a machine that hangs: see Machine._hangs()
           "unknown_nmi_panic panic_print=0x40")


def qemu_command(image, state, run, private, shell):
    """QEMU for one machine. state: a folder with disk.qcow2 and ram; run: a folder for sockets."""
    return ["qemu-system-x86_64", "-name", "cordon-lab", "-nodefaults", "-no-user-config",
            "-display", "none", "-no-reboot", "-accel", "tcg,thread=multi", "-cpu", "max",
            "-smp", "2", "-m", MEMORY, "-machine", "q35,memory-backend=ram",
            "-object", f"memory-backend-file,id=ram,size={MEMORY},mem-path={state}/ram,"
                       f"share={'off' if private else 'on'}",
            "-kernel", image / "vmlinuz", "-initrd", image / "initrd.img", "-append", CMDLINE,
            "-drive", f"file={state}/disk.qcow2,if=none,id=disk,format=qcow2,cache=unsafe,"
                      f"discard=unmap,snapshot={'on' if private else 'off'}",
            "-device", "virtio-blk-pci,drive=disk", "-device", "virtio-rng-pci",
            "-device", "virtio-serial-pci",
            "-chardev", f"socket,id=agent,path={run}/agent,server=on,wait=off",
            "-device", "virtserialport,chardev=agent,name=lab.agent",
            "-chardev", "stdio,id=shell,signal=off" if shell else "null,id=shell",
            "-device", "virtconsole,chardev=shell",
            "-serial", f"file:{run}/console.log", "-qmp", f"unix:{run}/qmp,server=on,wait=off"]


class LabError(Exception):
    """The machine itself failed, not what ran in it."""


class Result(tuple):
    """(code, out, err), and the same by name."""

    code = property(lambda self: self[0])
    out = property(lambda self: self[1])
    err = property(lambda self: self[2])

    def __repr__(self):
        return f"exit {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


def die_with_parent():
    """For a child between fork and exec."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Qmp:
    """QEMU's monitor, as far as freezing and restoring need it."""

    def __init__(self, path, alive):
        self.sock = connect(path, alive)
        self.sock.settimeout(60)
        self.file = self.sock.makefile("rwb")
        self.file.readline()
        self.ask("qmp_capabilities")

    def ask(self, command, **arguments):
        self.file.write(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        self.file.flush()
        while True:
            line = self.file.readline()
            if not line:
                raise LabError("QEMU ended during " + command)
            answer = json.loads(line)
            if "error" in answer:
                raise LabError(f"{command}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    def wait_migration(self, timeout=120):
        end = time.monotonic() + timeout
        while True:
            status = self.ask("query-migrate").get("status")
            if status == "completed":
                return
            if status in ("failed", "cancelled") or time.monotonic() > end:
                raise LabError(f"migration {status}")
            time.sleep(0.02)


def connect(path, alive, timeout=20):
    """A unix socket that appears soon."""
    end = time.monotonic() + timeout
    while True:
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.connect(str(path))
            return sock
        except OSError:
            sock.close()
            if not alive() or time.monotonic() > end:
                raise LabError(f"nobody listens at {path}") from None
            time.sleep(0.01)


class Machine:
    """One QEMU. state: a folder with disk.qcow2, ram and state; None boots the bare image."""

    def __init__(self, image, state=None, keep=None, shell=False):
        """keep: a folder whose disk.qcow2 and ram are written, for the next stage."""
        self.image, self.state, self.keep, self.shell = image, state, keep, shell
        self.dir = Path(tempfile.mkdtemp(prefix="cordon-lab-", dir="/var/tmp"))
        self.console = self.dir / "console.log"
        self.proc = self.qmp = self.sock = None
        self.answers, self.changed = {}, threading.Condition()
        self.next_id = 0
        self.up = False     # the agent has answered once
        self.send_lock = threading.Lock()

    # its life
    def start(self):
        """Restore or boot; returns when the agent has answered. From a thread that lives as long as
        the machine shall: it ends with it."""
        command = qemu_command(self.image, self.keep or self.state, self.dir,
                                          private=self.keep is None, shell=self.shell)
        if self.state:
            command += ["-incoming", "defer"]
        with open(self.dir / "qemu.log", "wb") as log:
            # pylint: disable-next=subprocess-popen-preexec-fn
            self.proc = subprocess.Popen(
                command, stdin=None if self.shell else subprocess.DEVNULL,
                stdout=None if self.shell else log, stderr=log, preexec_fn=die_with_parent,
                env={**os.environ, "TMPDIR": str(self.dir)})
        try:
            self.qmp = Qmp(self.dir / "qmp", self.alive)
            self.qmp.ask("migrate-set-capabilities",
                         capabilities=[{"capability": "x-ignore-shared", "state": True}])
            self.sock = connect(self.dir / "agent", self.alive)
            threading.Thread(target=self._read, daemon=True).start()
            if self.state:
                self.qmp.ask("migrate-incoming", uri=f"exec:cat '{self.state}/state'")
                self.qmp.wait_migration()
                self.qmp.ask("cont")
                # Its clock stood still, and its random numbers would be those of all its sisters.
                self.run(f"date -s @{time.time():.3f} >/dev/null; cat >/dev/urandom",
                         input=os.urandom(64), timeout=START_TIMEOUT)
            else:
                self.run("systemctl is-system-running --wait", timeout=240)
        except BaseException:
            self.stop()
            raise
        return self

    def alive(self):
        return self.proc is not None and self.proc.poll() is None

    def freeze(self, folder):
        """Write the machine's state into folder, beside its disk and memory, and end it."""
        self.run("sync")
        self.qmp.ask("stop")
        self.qmp.ask("migrate", uri=f"exec:cat >'{folder}/state'")
        self.qmp.wait_migration()
        self.qmp.ask("quit")
        self.proc.wait(60)
        self.stop()

    def stop(self):
        """End it, whatever it does; its folder goes."""
        if self.alive():
            self.proc.kill()
        if self.proc:
            self.proc.wait()
        if self.sock:
            self.sock.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def log(self, lines=60):
        """The end of the console and of QEMU's own messages, for a failure."""
        text = ""
        for path in (self.console, self.dir / "qemu.log"):
            if path.exists():
                tail = path.read_text(errors="replace").splitlines()[-lines:]
                text += f"== {path.name}\n" + "\n".join(tail) + "\n"
        return text

    # talking to it
    def _read(self):
        """Answers, as they come."""
        file = self.sock.makefile("rb")
        try:
            for line in file:
                answer = json.loads(line)
                if "size" in answer:
                    answer["data"] = file.read(answer["size"])
                with self.changed:
                    self.answers[answer["id"]] = answer
                    self.changed.notify_all()
        except (OSError, ValueError):
            pass
        with self.changed:
            self.answers["end"] = True
            self.changed.notify_all()

    def _send(self, data=b"", **request):
        with self.send_lock:
            self.next_id += 1
            request["id"] = self.next_id
            self.sock.sendall(json.dumps(request).encode() + b"\n" + data)
        return request["id"]

    def _answered(self, number, patience):
        with self.changed:
            return self.changed.wait_for(
                lambda: number in self.answers or "end" in self.answers, patience)

    def _wait(self, number, patience):
        """For the answer with this number; as long as the machine shows that it lives."""
        end = time.monotonic() + patience
        while not self._answered(number, min(LIFE_SIGN, max(0, end - time.monotonic()))):
            if time.monotonic() >= end or \
                    (self.up and not self._answered(self._send(ping=True), LIFE_SIGN)):
                raise LabError(f"no answer within {patience} s\n{self._hangs()}{self.log()}")

    def _ask(self, patience, data=b"", **request):
        number = self._send(data, **request)
        self._wait(number, patience)
        with self.changed:
            if number not in self.answers:
                raise LabError("the machine ended\n" + self.log())
            answer = self.answers.pop(number)
        self.up = True
        if "error" in answer:
            raise LabError(answer["error"])
        return answer

    def _hangs(self):
        """Ends a machine that does not answer; the kernel says on the console what it was doing."""
        try:
            status = self.qmp.ask("query-status")["status"]
            self.qmp.ask("inject-nmi")
            self.proc.wait(10)
        except (LabError, OSError, subprocess.TimeoutExpired) as error:
            return f"and its QEMU does not obey: {error}\n"
        return f"QEMU says: {status}\n"

    def run(self, script, timeout=60, check=False, input=b""):  # pylint: disable=redefined-builtin
        """Run a bash script as root (unconfined_t), in /var/lab; its Result. Late is code 124."""
        answer = self._ask(timeout + GRACE, run=script, timeout=timeout,
                           input=base64.b64encode(input).decode())
        out, err = (base64.b64decode(answer[k]).decode(errors="replace") for k in ("out", "err"))
        if answer["late"]:
            err += f"\nkilled after {timeout} s"
        result = Result((answer["code"], out, err))
        if check and result.code != 0:
            raise AssertionError(f"{script}\n{result}")
        return result

    def put(self, source, path, mode=None, timeout=120):
        """A file of ours, or bytes, into the machine; its label is what the folder gives."""
        if not isinstance(source, bytes):
            mode = mode or os.stat(source).st_mode & 0o7777
            source = Path(source).read_bytes()
        self._ask(timeout, data=source, put=str(path), size=len(source), mode=mode or 0o644)

    def get(self, path, timeout=120):
        """A file of the machine, as bytes."""
        return self._ask(timeout, get=str(path))["data"]

    # what the kernel recorded
    def _log(self, script):
        """A script's output once the audit log has all that had happened when this was called."""
        self.next_id += 1
        word = f"lab-mark-{self.next_id}"
        return self.run(f"""auditctl -m {word}
            for i in $(seq 200); do tail -c 4096 {AUDIT_LOG} | grep -q {word} && break
            sleep 0.02; done; {script}""", check=True).out

    def mark(self):
        """A point in the audit log."""
        return int(self._log(f"stat -c %s {AUDIT_LOG}"))

    def audit(self, mark=0):
        """The audit log from a point on."""
        return self._log(f"tail -c +{mark + 1} {AUDIT_LOG}")

    def denials(self, mark=0):
        """What SELinux refused since a point, except to programs started by the test's scripts."""
        return [line for line in self.audit(mark).splitlines()
                if re.match(r"type=(AVC|USER_AVC|SELINUX_ERR) ", line)
                and "scontext=unconfined_u:unconfined_r:" not in line]

    def own_denials(self, mark=0):
        """Of these: what Cordon or a guest was refused, and what others were with Cordon."""
        return [line for line in self.denials(mark)
                if re.search(r"context=\S*:(cordon\w*|svirt\w*|virt_image_t|virt_content_t)(:| )", line)]
