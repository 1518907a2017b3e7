# SPDX-License-Identifier: GPL-2.0-or-later
"""A hostile program in the place of QEMU: whole cage, cage without one layer, and under libvirtd.

Each attack also runs uncaged; what fails there as well shows nothing, and its cell is void. Void is
allowed only where this kernel lacks the thing.
"""
import re
import subprocess

import pytest

import scene
import stock
import table
from bombs import judge_alone
from lib import guest, house
from lib.server import wait_for
from scene import A_ALONE, A_GUEST, A_LAST

ROWS = scene.attacks()
LAYERS = {"seccomp": "filter", "namespaces": "namespaces", "uid": "uid"}
if scene.has_landlock():
    LAYERS["landlock"] = "Landlock"
# What uncaged root may find missing on a machine, and how it is told so.
MISSING = {"refused ENOSYS", "refused ENOENT", "refused EAFNOSUPPORT", "refused ENODEV", "refused ENXIO"}
# Without a layer that can be switched off: what else says this.
OTHERS = {"EPERM": "no capability", "EACCES": "mode", "EROFS": "read-only root", "EMFILE": "limit",
          "ENOMEM": "limit", "EAGAIN": "limit", "killed at its limit": "memory group",
          "contained": "memory, processor and log limits", "EBADF": "read-only descriptor", "ENOTDIR": "descriptors only", "ENODATA": "descriptors only"}
NET = ["net-loopback", "net-address", "net-viewer"]
BY = {**dict.fromkeys(NET, "program on the guests' groups"), "pipes": "limit of its uid", "limit-raise": "limit"}
# Errors by which the same wall says no, sooner or later
WEATHER = {"refused EAGAIN", "refused ETIMEDOUT", "refused EINTR", "refused ENOMEM"}


GUESTS = 1879048192      # uids of guests: from here on
# Killed by QEMU's filter; Cordon's alone says EPERM (qemu.policy).
QUIET = {"fork", "ns-clone"}


def devices(one):
    return guest.disk(one.backing, dev="vdb", extra="<readonly/>")


@scene.once
def cordon(without=None):
    """{attack: how it ended}, with all layers or without one."""
    with scene.Scene(without=without) as one:
        more = {"may_fork": 1} if without == "seccomp" else {"qemu_filter": scene.qemu_filter()}
        # bombs are the limits' business, and no layer here has a say in them
        names = [n for n, (flags, _, _) in ROWS.items()
                 if not flags & A_ALONE and not (without and flags & A_LAST)]
        hostile = one.hostile(one, devices(one) + scene.NETWORK, only=f" {' '.join(names)} ", **more)
        results = hostile.run()
        uncaged = {} if without else judge_alone(one, hostile, results, one.server.dir / "log/guests/hostile.log")
        after = one.fingerprint()
        if not without:
            uncaged |= one.control([n for n in ROWS if not ROWS[n][0] & A_ALONE])
    assert after == one.before, "the victim or Cordon changed"
    assert not one.left, f"processes left behind: {one.left}"
    return results, uncaged


@scene.once
def libvirtd():
    with stock.StockScene() as one:
        names = [n for n, (flags, _, _) in ROWS.items() if not flags & A_ALONE]
        hostile = one.hostile(one, devices(one), only=f" {' '.join(names)} ",
                              qemu_filter=scene.qemu_filter(), may_fork=1)
        results = hostile.run()
        uncaged = judge_alone(one, hostile, results, one.server.dir / "log/qemu/hostile.log")
        uncaged |= one.control(names)
    return results, uncaged


def void(name, uncaged):
    """Uncaged it does not work either."""
    return uncaged.get(name) != "reached"


def test_positive_control():
    """Every probe works where nothing stops it, or this machine lacks what it aims at."""
    _, uncaged = cordon()
    broken = {n: how for n, how in uncaged.items() if how != "reached" and how not in MISSING
              and not (how == "void" and ROWS[n][1] in scene.OPTIONAL) and not ROWS[n][0] & A_ALONE}
    assert not broken
    assert sum(how == "reached" for how in uncaged.values()) >= 60


def test_nothing_is_reached():
    results, uncaged = cordon()
    assert set(results) == set(ROWS)
    reached = {n for n, how in results.items() if how in ("reached", "done", "begin")}
    assert not reached
    # what has its target and works outside was really tried
    assert not {n for n, how in results.items() if how == "void" and not void(n, uncaged)}


def test_own_network_works():
    """The control of the attacks by one's own network: a neighbour of this host is reached, and without
    the wall that they meet they reach what they aim at."""
    with scene.Scene() as one:
        assert one.hostile(one, scene.NETWORK, only=" net-neighbour ").run()["net-neighbour"] == "reached"
    with scene.Scene(without="hostwall") as one:
        open_host = one.hostile(one, scene.NETWORK, only=f" {' '.join(NET)} ").run()
    assert {open_host[n] for n in NET} == {"reached"}, open_host


@pytest.mark.parametrize("layer", LAYERS)
def test_one_layer_off(layer):
    """No other guest's data without any single layer; and the layer was really off."""
    whole, _ = cordon()
    results, _ = cordon(layer)
    reached = {n for n, how in results.items() if how in ("reached", "done", "begin")}
    assert not {n for n in reached if ROWS[n][0] & A_GUEST}
    if layer in ("seccomp", "namespaces", "uid"):
        assert any(results[n] != whole[n] for n in results), f"{layer} is not off"


def test_cordons_filter_alone():
    """What is killed above is killed by Cordon's own filter: here QEMU's, which forbids some of it, too, is
    not loaded."""
    killed = [n for n, how in cordon()[0].items() if how == "killed SIGSYS"]
    assert len(killed) >= 50
    with scene.Scene() as one:
        found = one.hostile(one, only=f" {' '.join(killed)} ").run()
    assert found == {n: "refused EPERM" if n in QUIET else "killed SIGSYS" for n in killed}


def test_landlock_alone():
    """What it stops where nothing else would: files by path in the host's root, TCP without a filter. The
    control: in the host's root without it there is a file."""
    assert scene.has_landlock()
    assert cordon("namespaces")[0]["host-create"] == "refused EACCES"
    if scene.landlock_abi() >= 4:
        assert cordon("seccomp")[0]["victim-viewer"] == "refused EACCES"
    with scene.Scene(without="walls") as one:
        found = one.hostile(one, only=" host-create ", qemu_filter=scene.qemu_filter()).run()
        created = [p for d in ("/tmp", "/var/tmp", "/run", "/dev/shm") for p in scene.Path(d).glob("cordon-escape-*")
                   if p.is_file() and p.stat().st_uid >= GUESTS]
    for path in created:      # it may not unlink them either
        path.unlink(missing_ok=True)
    assert found["host-create"] == "reached" and created


def landlocked(without=None):
    """How many processes of one start come under Landlock's rules, as strace sees it: launch and all below it."""
    with scene.Scene(without=without) as one:
        launch, seen = house.pid(one.server, "launch"), one.folder / "seen"
        tracer = subprocess.Popen(["strace", "-qq", "-f", "-e", "trace=landlock_restrict_self", "-o", seen, "-p", str(launch)])
        try:
            wait_for(lambda: "TracerPid:\t0\n" not in scene.Path(f"/proc/{launch}/status").read_text(), 10)
            one.hostile(one, only=" image-read ").run()
        finally:
            tracer.terminate()
            tracer.wait()
        return len(re.findall(r"landlock_restrict_self\(.* = 0$", seen.read_text(), re.M))


def test_landlock_is_off():
    """In a whole cage nothing is stopped by it alone. So what shows that it is off in test_one_layer_off is that
    the call is not made for QEMU, but still by its cordon-vm, which has another program."""
    assert landlocked() > landlocked("landlock") == 1


def test_libvirtd_beside():
    """The comparison is worth something: there most probes run too, and many reach."""
    results, uncaged = libvirtd()
    assert sum(how == "reached" for how in results.values()) >= 20
    assert not void("image-read", uncaged)


def differs(there, here):
    return there not in (None, "void", here) and not {there, here} <= WEATHER


def stopped_by(name, how, others):
    """The layers without which it ends otherwise; else what its error says."""
    if name in BY:
        return BY[name]
    if table.cell(how) in ("-", "void", table.REACHED):
        return "-"
    found = [LAYERS[layer] for layer in LAYERS if differs(others[layer].get(name), how)]
    return ", ".join(found) or OTHERS.get(table.cell(how), "more than one")


def page(old):
    whole, uncaged = cordon()
    others = {layer: cordon(layer)[0] for layer in LAYERS}
    theirs, their_uncaged = libvirtd()
    rows, layers, voids = [], [], []
    for name, (_, _, what) in ROWS.items():
        ours = "void" if void(name, uncaged) else table.cell(whole[name])
        them = "void" if void(name, their_uncaged) else table.cell(theirs[name])
        if ours == "void":
            voids.append(name)
        by = stopped_by(name, "void" if ours == "void" else whole[name], others)
        rows.append([name, what, ours, None, them, None, by])
        if ROWS[name][0] & A_GUEST:
            layers.append([name, *("void" if ours == "void" and name not in NET else
                                   table.cell(others[layer][name]) for layer in LAYERS)])
    return PAGE.format(
        rows=table.table(HEAD, rows, old), voids=", ".join(voids),
        layers=table.table(["attack, one layer off", *(f"no {x}" for x in LAYERS.values())], layers, old))


HEAD = ["attack", "what", "Cordon", "Cordon, SELinux", "libvirtd", "libvirtd, SELinux", "stopped by"]
PAGE = """{rows}
Void, because this machine or this Cordon lacks what they aim at: {voids}.

### With one layer taken away

What another guest owns must stay out of reach in each column: the layer in its head was removed from
Cordon for the test (`tests/escape/without`), and the victim's files belong to everybody's uid when
the uid is the layer. SELinux is the fifth: it is off in all of this table, and in the column Cordon
above, which come from a machine without a policy. A passt does not run without the filter as it is, so
there is no network to attack by then (void). In "stopped by" the filter is Cordon's own: what is killed
is killed without QEMU's `-sandbox`, too (`fork` and `ns-clone` get EPERM then). Landlock alone stops a
file in the host's folders when the namespaces are gone, and TCP when the filter is; with both gone, the
file is made.

{layers}"""


def test_page():
    table.check("qemu", page)
