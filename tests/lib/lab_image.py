# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab machine's packages, and the disk image made of them."""
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from .lab_cache import cache, call, digest, stage

ROOT = Path(__file__).resolve().parent.parent.parent
MACHINE = ROOT / "tests/lab/machine"
DISK = "4G"


def words(name):
    """The lines of a list in MACHINE without comments, split."""
    lines = (MACHINE / name).read_text(encoding="utf-8").splitlines()
    return [line.split() for line in lines if line.strip() and not line.startswith("#")]


# ---- base: packages ----
SUITE = "bookworm"
DOWNLOAD_KERNEL = """set -e
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
kernel=$(apt-cache depends linux-image-amd64 | sed -n 's/^ *Depends: \\(linux-image-[0-9].*\\)/\\1/p')
mkdir "$1/kernel"
cd "$1/kernel"
apt-get -o APT::Sandbox::User=root download $kernel
"""


def sources():
    """What this machine's apt has for Debian itself, mirrors included."""
    line = "deb $(REPO_URI) $(RELEASE) $(COMPONENT)"
    ask = ["apt-get", "indextargets", "--format", line, "Created-By: Packages", "Origin: Debian"]
    found = call(*ask)
    if not found:
        call("apt-get", "update", "-qq")
        found = call(*ask)
    keep = [x for x in dict.fromkeys(found.splitlines()) if x.split()[2].startswith(SUITE)]
    return "\n".join(keep or [f"deb http://deb.debian.org/debian {SUITE} main"]) + "\n"


def make_base(folder):
    (folder / "sources.list").write_text(sources(), encoding="utf-8")
    (folder / "download").write_text(DOWNLOAD_KERNEL, encoding="utf-8")
    # How this machine's apt reaches its mirror; a snapshot's lists may be past their date.
    ways = [line.rstrip(";") for line in call("apt-config", "dump").splitlines()
            if line.startswith(("Acquire::http", "Acquire::https")) and '""' not in line]
    ways += ['APT::Install-Recommends "false"', 'Acquire::Check-Valid-Until "false"']
    call("mmdebstrap", "--mode=root", "--variant=essential",
         "--include=" + ",".join(p for line in words("packages") for p in line),
         *(f"--aptopt={way}" for way in ways),
         *(f"--dpkgopt=path-exclude=/usr/share/{d}/*" for d in ("doc", "man", "locale", "info")),
         f'--customize-hook=sh {folder}/download "$1"', SUITE, folder / "root",
         folder / "sources.list", env={**os.environ, "TMPDIR": "/var/tmp"})
    (folder / "root/kernel").rename(folder / "kernel")


# ---- image: a file system to boot ----
def insert_modules(kernel, root, initrd):
    """The modules of MACHINE/modules into the tree and the initial memory disk."""
    version = next((kernel / "lib/modules").iterdir()).name
    call("depmod", "-b", kernel, version)
    rows = {kind: [m for line in words("modules") if line[0] == kind for m in line[1:]]
            for kind in ("boot", "load", "keep")}

    def files(names):
        # "insmod PATH" in the order of loading
        lines = call("modprobe", "-C", "/dev/null", "-d", kernel, "-S", version, "-a", "-D",
                     *names).splitlines()
        return list(dict.fromkeys(Path(x.split()[1]) for x in lines if x.startswith("insmod ")))

    for file in files([m for names in rows.values() for m in names]):
        target = root / "usr" / file.relative_to(kernel)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    for file in (kernel / "lib/modules" / version).glob("modules.builtin*"):
        shutil.copy(file, root / "usr/lib/modules" / version)
    shutil.copy(kernel / "lib/modules" / version / "modules.order",
                root / "usr/lib/modules" / version)
    call("depmod", "-b", root, version)
    (root / "etc/modules-load.d").mkdir(exist_ok=True)
    (root / "etc/modules-load.d/lab.conf").write_text("\n".join(rows["load"]) + "\n")
    (initrd / "lib").mkdir(parents=True)
    order = files(rows["boot"])
    for file in order:
        shutil.copy(file, initrd / "lib")
    (initrd / "lib/order").write_text("".join(f.name + "\n" for f in order), encoding="ascii")


def make_initrd(tree, target, busybox):
    for name in ("bin", "dev", "root"):
        (tree / name).mkdir()
    shutil.copy(busybox, tree / "bin/busybox")
    shutil.copy(MACHINE / "initrd", tree / "init")
    with open(target, "wb") as out:
        subprocess.run("find . | LC_ALL=C sort | cpio -o -H newc --quiet --owner=0:0", shell=True,
                       cwd=tree, stdout=out, check=True)


def make_image(base, folder):
    with tempfile.TemporaryDirectory(prefix="cordon-lab-", dir="/var/tmp") as scratch:
        root, kernel, initrd = (Path(scratch, n) for n in ("root", "kernel", "initrd"))
        call("cp", "-a", base / "root", root)
        call("dpkg", "-x", next((base / "kernel").glob("*.deb")), kernel)
        shutil.copy(next((kernel / "boot").glob("vmlinuz-*")), folder / "vmlinuz")
        insert_modules(kernel, root, initrd)
        make_initrd(initrd, folder / "initrd.img", root / "usr/bin/busybox")
        call("cp", "-r", "--no-preserve=ownership", f"{MACHINE}/root/.", root)
        call(MACHINE / "customize", root)
        call("setfiles", "-F", "-r", root, root / "etc/selinux/default/contexts/files/file_contexts",
             root)
        call("mke2fs", "-q", "-t", "ext4", "-E", "lazy_itable_init=0", "-O", "^has_journal",
             "-L", "lab", "-d", root, folder / "root.img", DISK)
        # for adding a module without booting
        (folder / "selinux").mkdir()
        call("cp", "-a", "--parents", "etc/selinux", "var/lib/selinux", folder / "selinux", cwd=root)


def image():
    """The folder of the image: root.img, vmlinuz, initrd.img, selinux (the policy's store)."""
    key = digest(words("packages"), SUITE, DOWNLOAD_KERNEL)
    base = stage(cache(), "base", key, make_base)
    key = digest(key, MACHINE, Path(__file__))
    return stage(cache(), "image", key, lambda folder: make_image(base, folder))
