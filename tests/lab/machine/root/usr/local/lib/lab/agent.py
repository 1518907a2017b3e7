# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs commands for tests/lib/lab.py, which sits at the other end of a virtio-serial port.

A request is a line of JSON: {"id", "run": script, "timeout", "input"?} or {"id", "put": path,
"size", "mode"} followed by as many bytes or {"id", "get": path}; an answer is a line of JSON with
the same id, and for "get" the bytes after it. {"id", "ping"} shows that it lives. Commands run
beside each other.
"""
import base64
import fcntl
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time

KVM_CREATE_VM = 0xae01  # linux/kvm.h
OUTPUT_MAX = 16 << 20
LEFTOVER_WAIT = 0.3     # seconds for output of what the script has left running

send_lock = threading.Lock()


def keep_kvm():
    """A virtual machine that never runs. With the first one the kernel patches its scheduler
    (preempt_notifier_key), with the last one's end again, and where this kernel is itself emulated by
    several threads a processor may go on with the breakpoint of that moment for ever."""
    return fcntl.ioctl(os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC), KVM_CREATE_VM, 0)


def open_port(path):
    """The port; its device appears when the driver has been loaded."""
    while True:
        try:
            return os.open(path, os.O_RDWR)
        except OSError:
            time.sleep(0.1)


def send(port, answer, data=b""):
    """One answer, whole."""
    text = json.dumps(answer).encode() + b"\n" + data
    with send_lock:
        while text:
            text = text[os.write(port, text[:65536]):]


class Reader:
    """Lines and counted bytes from the port, which reads as ended while nobody is there."""

    def __init__(self, port):
        self.port, self.rest = port, b""

    def more(self):
        data = os.read(self.port, 1 << 18)
        if not data:
            time.sleep(0.02)
        self.rest += data

    def line(self):
        while b"\n" not in self.rest:
            self.more()
        line, self.rest = self.rest.split(b"\n", 1)
        return line

    def bytes_to(self, size, out):
        while size > 0:
            if not self.rest:
                self.more()
            piece, self.rest = self.rest[:size], self.rest[size:]
            out.write(piece)
            size -= len(piece)


def drain(pipe, into):
    """All that comes; ends with the last writer, or when the pipe is closed."""
    try:
        while data := os.read(pipe.fileno(), 65536):
            into += data[:max(0, OUTPUT_MAX - len(into))]
    except (OSError, ValueError):
        pass


def run(port, request):
    """A script in a session of its own. Pipes, because any domain may write to ours; what the script
    leaves running holds nothing up."""
    given = base64.b64decode(request.get("input", ""))
    late = False
    texts = bytearray(), bytearray()
    with subprocess.Popen(["/bin/bash", "-c", request["run"]],
                          stdin=subprocess.PIPE if given else subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          start_new_session=True, cwd="/var/lab") as proc:
        readers = [threading.Thread(target=drain, args=pair, daemon=True)
                   for pair in zip((proc.stdout, proc.stderr), texts)]
        for reader in readers:
            reader.start()
        try:
            if given:
                proc.stdin.write(given)
                proc.stdin.close()
        except BrokenPipeError:
            pass
        try:
            proc.wait(request.get("timeout", 60))
        except subprocess.TimeoutExpired:
            late = True
            os.killpg(proc.pid, signal.SIGKILL)
            proc.wait()
        for reader in readers:
            reader.join(LEFTOVER_WAIT)
        out, err = (base64.b64encode(bytes(text)).decode() for text in texts)
        send(port, {"id": request["id"], "code": 124 if late else proc.returncode,
                    "out": out, "err": err, "late": late})


def put(port, reader, request):
    """The bytes are read in any case, for the next request comes after them."""
    data = io.BytesIO()
    reader.bytes_to(request["size"], data)
    with open(request["put"], "wb") as f:
        f.write(data.getbuffer())
        os.fchmod(f.fileno(), request["mode"])
    send(port, {"id": request["id"]})


def serve(port, reader, request):
    """One request."""
    if "run" in request:
        threading.Thread(target=run, args=(port, request), daemon=True).start()
    elif "put" in request:
        put(port, reader, request)
    elif "get" in request:
        with open(request["get"], "rb") as f:
            data = f.read()
        send(port, {"id": request["id"], "size": len(data)}, data)
    elif "ping" in request:
        send(port, {"id": request["id"]})


def main():
    os.environ.update(PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                      HOME="/root", USER="root", LC_ALL="C.UTF-8", TERM="dumb")
    keep_kvm()
    port = open_port(sys.argv[1])
    reader = Reader(port)
    while True:
        request = json.loads(reader.line())
        try:
            serve(port, reader, request)
        except OSError as error:
            send(port, {"id": request["id"], "error": str(error)})


main()
