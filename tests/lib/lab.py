# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab: a machine with SELinux enforcing, restored from a frozen state in a second.

Stages in the cache, each made from the one before it when what it is made of has changed:
base (packages), image (a labelled disk), boot (frozen after its first boot), policy (with Cordon's
module, if it has one), installed (frozen with Cordon installed and started).
A frozen state is disk.qcow2 (over the image), ram (the guest's memory as a file, mapped privately
by those who restore it) and state (the devices, as QEMU's migration stream).
"""
import subprocess
from pathlib import Path

from . import lab_image, lab_install, lab_machine
from .lab_cache import call, digest, stage
from .lab_machine import LabError, Machine, Result  # noqa: F401


def boot():
    """(image, state) of the machine after its first boot."""
    image = lab_image.image()

    def make(folder):
        call("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", image / "root.img",
             folder / "disk.qcow2")
        (folder / "ram").touch()
        Machine(image, keep=folder).start().freeze(folder)

    qemu = subprocess.run(["qemu-system-x86_64", "--version"], capture_output=True, check=True)
    key = digest(image.name, qemu.stdout, *map(str, lab_machine.qemu_command(Path(), "", "", True, False)))
    return image, stage(image, "boot", key, make)


def state(build=None, modules=()):
    """(image, state) with the Cordon of a build folder installed; None: without. modules: policy
    modules to be tried in place of those that the build installs."""
    image, frozen = boot()
    if build:
        frozen = lab_install.installed(image, frozen, build, modules)
    return image, frozen


def restore(build=None, modules=(), shell=False):
    """A machine that is not started yet; a context manager."""
    image, frozen = state(build, modules)
    return Machine(image, frozen, shell=shell)
