# SPDX-License-Identifier: GPL-2.0-or-later
"""domstats, dommemstat, setmem and the balloon."""
import re
import time

import libvirt
import pytest

from lib import guest
from lib.server import wait_for


@pytest.fixture(scope="module")
def busy(server):
    """One running guest with everything to count."""
    path = guest.image(server.dir / "stats.raw", "4M", "raw")
    text = guest.xml("busy", memory=192, boot="linux", devices=guest.disk(path)
                     + '<interface type="user"><model type="virtio"/></interface>'
                     + '<memballoon model="virtio"><stats period="1"/></memballoon>')
    (server.dir / "busy.xml").write_text(text)
    server.virsh("define", server.dir / "busy.xml")
    server.virsh("start", "busy")
    guest.booted(server, "busy")
    yield "busy"
    server.virsh("destroy", "busy", check=False)
    server.virsh("undefine", "busy")


def stats(server, *arguments):
    text = server.virsh("domstats", *arguments).out
    return dict(re.findall(r"^ +(\S+?)=(.*)$", text, re.M))


GROUPS = {
    "--state": {"state.state": "1", "state.reason": r"\d+"},
    "--cpu-total": {"cpu.time": r"[1-9]\d*", "cpu.user": r"\d+", "cpu.system": r"\d+"},
    "--balloon": {"balloon.current": "196608", "balloon.maximum": "196608"},
    "--vcpu": {"vcpu.current": "1", "vcpu.maximum": "1", "vcpu.0.state": "1",
               "vcpu.0.time": r"\d+"},
    "--interface": {"net.count": "1"},
    "--block": {"block.count": "1", "block.0.name": "vda", "block.0.path": r"/.*stats\.raw",
                "block.0.rd.reqs": r"\d+", "block.0.rd.bytes": r"\d+", "block.0.wr.reqs": r"\d+",
                "block.0.fl.reqs": r"\d+", "block.0.allocation": r"\d+",
                "block.0.capacity": str(4 << 20), "block.0.physical": r"\d+"},
}


@pytest.mark.parametrize("group", GROUPS)
def test_group(server, busy, group):
    found = stats(server, group, busy)
    for key, pattern in GROUPS[group].items():
        assert re.fullmatch(pattern, found.get(key, "missing")), (key, found)
    prefix = next(iter(GROUPS[group])).split(".")[0]
    assert all(key.startswith(prefix + ".") for key in found), found


def test_all_groups(server, busy):
    found = stats(server, busy)
    for group in GROUPS.values():
        for key, pattern in group.items():
            assert re.fullmatch(pattern, found.get(key, "missing")), key


def test_of_what_is_off(server, busy, define):
    name = define()
    found = stats(server, name)
    assert found["state.state"] == "5"
    assert found["balloon.maximum"] == str(128 * 1024)
    assert not any(key.startswith("block.0.rd") for key in found)


def test_list_filters(server, busy, define):
    name = define()
    everyone = server.virsh("domstats", "--state").out
    assert f"'{name}'" in everyone and f"'{busy}'" in everyone
    active = server.virsh("domstats", "--state", "--list-active").out
    assert f"'{name}'" not in active and f"'{busy}'" in active
    inactive = server.virsh("domstats", "--state", "--list-inactive").out
    assert f"'{name}'" in inactive and f"'{busy}'" not in inactive
    raw = server.virsh("domstats", "--raw", "--enforce", "--state", busy).out
    assert "state.state=1" in raw


def test_of_named_guests(busy, define, server, conn):
    """One that is gone meanwhile does not spoil the others' figures, and filters are for them, too."""
    gone = define()
    doms = [conn.lookupByName(n) for n in (gone, busy)]
    inactive = libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_INACTIVE
    kind = libvirt.VIR_DOMAIN_STATS_STATE
    assert [d.name() for d, _ in conn.domainListGetStats(doms, kind)] == [gone, busy]
    assert [d.name() for d, _ in conn.domainListGetStats(doms, kind, inactive)] == [gone]
    server.virsh("undefine", gone)
    assert [d.name() for d, _ in conn.domainListGetStats(doms, kind)] == [busy]


def test_memory_statistics(server, busy):
    def fields():
        return {k: int(v) for k, v in re.findall(r"(\S+) (\d+)",
                                                 server.virsh("dommemstat", busy).out)}
    found = wait_for(lambda: "unused" in fields() and fields(), 20, 0.5)
    assert found["actual"] == 192 * 1024
    assert 0 < found["unused"] < 192 * 1024
    assert 0 < found["available"] < 192 * 1024
    assert found["rss"] > 10 * 1024
    assert abs(found["last_update"] - time.time()) < 60


def test_period_can_be_set(server, busy):
    server.virsh("dommemstat", busy, "--period", "2", "--live")
    assert "period='2'" in server.virsh("dumpxml", busy).out
    server.virsh("dommemstat", busy, "--period", "1", "--live")


def test_balloon_moves(server, busy):
    server.virsh("setmem", busy, "160M", "--live")

    def current():
        return int(re.search(r"^actual (\d+)", server.virsh("dommemstat", busy).out, re.M)[1])
    wait_for(lambda: current() == 160 * 1024, 20, 0.2)
    wait_for(lambda: "<currentMemory unit='KiB'>163840<" in server.virsh("dumpxml", busy).out, 10)
    assert re.search(r"Used memory: +163840 KiB", server.virsh("dominfo", busy).out)
    # the definition is as it was
    assert "<currentMemory unit='KiB'>196608<" in server.virsh("dumpxml", "--inactive", busy).out
    server.virsh("setmem", busy, "192M", "--live")
    wait_for(lambda: current() == 192 * 1024, 20, 0.2)


def test_setmem_refuses(server, busy, define):
    too_much = server.virsh("setmem", busy, "1G", check=False)
    assert too_much.code != 0 and "higher" in too_much.err
    name = define()
    assert server.virsh("setmem", name, "64M", "--live", check=False).code != 0


def test_setmem_config(server, define):
    name = define()
    server.virsh("setmem", name, "64M", "--config")
    assert "<currentMemory unit='KiB'>65536<" in server.virsh("dumpxml", name).out
    server.virsh("start", name)
    assert "<currentMemory unit='KiB'>65536<" in server.virsh("dumpxml", "--inactive", name).out


def current_memory(server, name, *options):
    return re.search(r"<currentMemory unit='KiB'>(\d+)<", server.virsh("dumpxml", name, *options).out)[1]


def test_setmem_of_both(server, busy):
    server.virsh("setmem", busy, "176M", "--live", "--config")
    assert current_memory(server, busy, "--inactive") == str(176 << 10)
    wait_for(lambda: current_memory(server, busy) == str(176 << 10), 20, 0.2)
    server.virsh("setmem", busy, "192M", "--live", "--config")
    wait_for(lambda: current_memory(server, busy) == str(192 << 10), 20, 0.2)


def test_setmem_without_a_balloon(server, define):
    """What the running guest can't have is not in its definition afterwards either."""
    name = define(devices='<memballoon model="none"/>')
    server.virsh("start", name)
    refused = server.virsh("setmem", name, "64M", "--live", "--config", check=False)
    assert refused.code != 0 and "without the balloon device" in refused.err, refused
    assert current_memory(server, name, "--inactive") == str(128 << 10)
    refused = server.virsh("dommemstat", name, "--period", "3", "--live", "--config", check=False)
    assert refused.code != 0 and "balloon" in refused.err, refused


def test_setmaxmem(server, busy, define, conn):
    refused = server.virsh("setmaxmem", busy, "256M", check=False)
    assert refused.code != 0
    assert "cannot resize the maximum memory on an active domain" in refused.err, refused
    with pytest.raises(libvirt.libvirtError) as error:      # what old clients call
        conn.lookupByName(busy).setMaxMemory(256 << 10)
    assert error.value.get_error_code() == libvirt.VIR_ERR_OPERATION_INVALID, error.value
    assert "<memory unit='KiB'>196608<" in server.virsh("dumpxml", "--inactive", busy).out
    server.virsh("setmaxmem", busy, "256M", "--config")
    assert "<memory unit='KiB'>262144<" in server.virsh("dumpxml", "--inactive", busy).out
    server.virsh("setmaxmem", busy, "192M", "--config")
    name = define()
    server.virsh("setmaxmem", name, "64M")
    text = server.virsh("dumpxml", name).out
    assert "<memory unit='KiB'>65536<" in text and "<currentMemory unit='KiB'>65536<" in text


def test_stats_api(busy, conn):
    dom = conn.lookupByName(busy)
    rows = conn.domainListGetStats([dom])
    assert rows[0][0].name() == busy
    assert rows[0][1]["balloon.maximum"] == 192 * 1024
    assert dom.blockStats("vda")[0] >= 0
    assert dom.blockInfo("vda")[0] == 4 << 20
