# SPDX-License-Identifier: GPL-2.0-or-later
"""Installs a build of Cordon in the lab machine and freezes it once more.

What `make install DESTDIR=` writes goes in as a tar, with the test guests for /var/lib/libvirt/images;
the rest is done inside by packaging/post-install, as `make install` does it. But a module in
/usr/share/selinux is added to a copy of the machine's policy store here, which takes seconds where
semodule inside takes a minute; inside, the policy is only loaded, and the script finds it there.
"""
import filecmp
import json
import os
import shutil
import tempfile
from pathlib import Path

from .lab_cache import call, digest, say, stage
from .lab_machine import LabError, Machine

ROOT = Path(__file__).resolve().parent.parent.parent
IMAGES = "var/lib/libvirt/images"
GUEST_FILES = ["vmlinuz", "initrd.img", "bios.raw", "bios.qcow2", "uefi.raw"]
PREFIXES = {"prefix": "/usr", "sysconfdir": "/etc", "localstatedir": "/var"}
BINARY = "etc/selinux/default/policy"
# for the libvirtd that tests compare with
PEER = ROOT / "tests/lab/libvirtd.cil"

POST_INSTALL = ROOT / "packaging/post-install"

# Meson labels what it installs, too.
INSTALL = """set -e
for part in policy payload; do
	tar -C / -xf $part.tar --no-same-owner
	tar -tf $part.tar | sed 's:^:/:' >>list
	rm $part.tar
done
load_policy
restorecon -F -f - <list
rm list
./post-install
"""
# A daemon that does not start is for the tests to tell; the machine is of use without it as well.
# From here on every refusal is recorded, those that the policy would keep quiet about included.
START = """lab-dontaudit off
systemctl start cordond && timeout 30 virsh -q -c qemu:///system version >/dev/null ||
	{ systemctl status cordond; ausearch -m avc,user_avc,selinux_err -ts boot; exit 1; }
"""


def check_prefixes(build):
    """A build for another place would look for its programs where they are not."""
    options = json.loads(call("meson", "introspect", build, "--buildoptions"))
    for option in options:
        if option["value"] != PREFIXES.get(option["name"], option["value"]):
            flags = " ".join(f"--{k}={v}" for k, v in PREFIXES.items())
            raise SystemExit(f"lab: {build} has {option['name']} {option['value']}; say: meson "
                             f"setup --reconfigure {build} {flags} && ninja -C {build}")


def collect(build, folder):
    """Everything that is to be in the machine, below folder."""
    check_prefixes(build)
    call("meson", "install", "-C", build, "--no-rebuild", "--destdir", folder)
    guest = Path(os.environ.get("CORDON_GUEST", f"{build}/guest"))
    call(ROOT / "tests/guest/build", guest)
    (folder / IMAGES).mkdir(parents=True)
    for name in GUEST_FILES:
        call("cp", "--sparse=always", guest / name, folder / IMAGES / name)


def pack(folder, target, files):
    """Files only, so that folders of the machine keep their modes."""
    call("tar", "-C", folder, "-cSf", target, "--owner=0", "--group=0", "--no-recursion",
         "-T", "-", input="".join(f"{f}\n" for f in files))


def semodule(store, *words):
    call("semodule", "-p", store, "-s", "default", "-n", *words)


def policy(image, modules):
    """The folder of policy.tar: what adding modules changes in the machine's policy store, and the
    same policy without dontaudit rules, which `lab-dontaudit off` loads."""
    def make(folder):
        store, old = folder / "store", image / "selinux"
        call("cp", "-a", old, store)
        if modules:
            semodule(store, *(w for m in modules for w in ("-i", m)))
        # Those of homedirs are made from this host's accounts, none of the machine's business.
        changed = [p.relative_to(store) for p in sorted(store.rglob("*"))
                   if p.is_file() and not p.name.startswith("file_contexts.homedirs")
                   and not ((old / p.relative_to(store)).exists()
                            and filecmp.cmp(p, old / p.relative_to(store), shallow=False))]
        lab = store / "usr/local/lib/lab"
        lab.mkdir(parents=True)
        loud = folder / "loud"
        call("cp", "-a", store, loud)
        semodule(loud, "-DB")
        for name, source in (("quiet", store), ("loud", loud)):
            shutil.copy(next((source / BINARY).iterdir()), lab / f"{name}.policy")
        changed += [p.relative_to(store) for p in lab.iterdir()]
        pack(store, folder / "policy.tar", changed)
        shutil.rmtree(store)
        shutil.rmtree(loud)

    return stage(image, "policy", digest(Path(__file__), *modules), make)


def installed(image, boot, build, modules=()):
    """The state with a build installed. modules: policy modules in place of the build's own."""
    with tempfile.TemporaryDirectory(prefix="cordon-lab-", dir="/var/tmp") as scratch:
        tree = Path(scratch, "tree")
        collect(Path(build).resolve(), tree)
        own = [p for p in sorted((tree / "usr/share/selinux").rglob("cordon*"))
               if p.name.endswith((".cil", ".pp"))]
        added = policy(image, [PEER, *([Path(m) for m in modules] or own)])
        for module in own if modules else []:
            module.unlink()

        def make(folder):
            payload = Path(scratch, "payload.tar")
            pack(tree, payload, [p.relative_to(tree) for p in sorted(tree.rglob("*"))
                                 if p.is_symlink() or p.is_file()])
            call("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2",
                 "-b", boot / "disk.qcow2", folder / "disk.qcow2")
            call("cp", "--sparse=always", boot / "ram", folder / "ram")
            with Machine(image, boot, keep=folder) as machine:
                machine.put(payload, "/var/lab/payload.tar")
                machine.put(added / "policy.tar", "/var/lab/policy.tar")
                machine.put(POST_INSTALL, "/var/lab/post-install")
                done = machine.run(INSTALL, timeout=300)
                if done.code != 0:
                    raise LabError(f"installing Cordon: {done}")
                done = machine.run(START, timeout=120)
                if done.code != 0:
                    say(f"cordond does not run: {done}")
                machine.freeze(folder)

        return stage(boot, "installed", digest(Path(__file__), POST_INSTALL, tree, added.name), make)
