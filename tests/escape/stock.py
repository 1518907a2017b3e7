# SPDX-License-Identifier: GPL-2.0-or-later
"""The same scene under the distribution's libvirtd with the distribution's settings."""
import filecmp
import subprocess
from pathlib import Path

from lib import guest, server
from scene import BUILD, ESCAPE, NETWORK, Hostile, Scene


EMULATOR = "/mnt/escape-qemu"        # in libvirtd's mount namespace, where its user may execute it


def keep():
    """What libvirtd finds out about an emulator costs it half a minute, and holds while the file is
    the same one: so both are kept from run to run."""
    folder = BUILD / "escape-libvirtd"
    (folder / "cache").mkdir(parents=True, exist_ok=True)
    path = folder / "emulator"
    if not path.exists() or not filecmp.cmp(path, ESCAPE, shallow=False):
        path.unlink(missing_ok=True)
        path.write_bytes(ESCAPE.read_bytes())
        path.chmod(0o755)
    return folder


class Libvirtd(server.Stock):
    """libvirtd with qemu.conf as its package leaves it: guests as user libvirt-qemu, own /dev, seccomp."""

    decoys = None

    def command(self):
        line = super().command()
        # no log daemon beside it; everything else is the default
        (self.dir / "etc/qemu.conf").write_text('stdio_handler = "file"\n')
        kept = keep()
        line[-1] = line[-1].replace("exec libvirtd", f"""
            mkdir -p /root/.ssh; mount --bind {self.decoys}/ssh /root/.ssh
            mount --bind {self.decoys}/home /home
            mount --bind {kept}/cache /var/cache/libvirt
            mount -t tmpfs none /mnt; touch {EMULATOR}; mount --bind {kept}/emulator {EMULATOR}
            # as udev leaves it; libvirtd asks QEMU everything again while its user may not use it
            if [ -e /dev/kvm ]; then
                mknod /mnt/kvm c 10 232; chown root:kvm /mnt/kvm; chmod 660 /mnt/kvm
                mount --bind /mnt/kvm /dev/kvm
            fi
            exec libvirtd""")
        return line

    def inside(self, *command, **more):
        return subprocess.run(["nsenter", "-t", str(self.pid), "-m", *map(str, command)], check=True,
                              text=True, capture_output=True, **more).stdout


class StockHostile(Hostile):
    """Its emulator is the hostile program, which is QEMU for all other guests."""

    emulator = EMULATOR

    def define(self, devices):
        text = guest.xml("hostile", uuid=self.uuid, devices=guest.disk(self.disk) + devices)
        return text.replace(server.QEMU, str(self.emulator))

    def verdict(self, name):
        raise AssertionError(f"{name}: ended the whole program, though it has a process of its own")


class StockScene(Scene):
    """Runs the victim and the attacks under libvirtd."""

    hostile = StockHostile
    tpm = ""

    def make_server(self, _config):
        one = Libvirtd()
        one.decoys = self.folder
        return one

    def victim_xml(self, devices):
        return guest.xml("victim", uuid=self.victim_uuid, devices=devices.replace(
            NETWORK, ""))

    def exchange(self):
        """The emulator of the definition does it."""

    def victim_pids(self):
        return {"qemu": self.server.qemu("victim")}

    def rooms(self):
        return {"libvirtd": self.server.pid}

    def own_targets(self, pids):
        one = self.server
        runtime = next((one.dir / "lib/qemu").glob("domain-*-victim"))
        inside = Path("/var/lib/libvirt/qemu") / runtime.name
        return {
            "victim_record": "/etc/libvirt/qemu/victim.xml", "victim_log": "/var/log/libvirt/qemu/victim.log",
            "victim_folder": inside, "victim_monitor": inside / "monitor.sock",
            "rpc": "/run/libvirt/libvirt-sock", "rpc_ro": "/run/libvirt/libvirt-sock-ro",
            "conf": "/etc/libvirt/qemu.conf", "cordond": one.pid, "core": one.pid, "launch": one.pid,
        }
