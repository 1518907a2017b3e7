# SPDX-License-Identifier: GPL-2.0-or-later
"""The read-only socket: every write is refused by the table, reads are answered."""
import grp
import pwd
import subprocess

import libvirt
import pytest

WRITES = [
    ("defineXML", lambda c, d: c.defineXML("<domain/>")),
    ("createXML", lambda c, d: c.createXML("<domain/>")),
    ("create", lambda c, d: d.create()),
    ("createWithFlags", lambda c, d: d.createWithFlags(1)),
    ("destroy", lambda c, d: d.destroy()),
    ("destroyFlags", lambda c, d: d.destroyFlags(1)),
    ("undefine", lambda c, d: d.undefine()),
    ("undefineFlags", lambda c, d: d.undefineFlags(4)),
    ("shutdown", lambda c, d: d.shutdown()),
    ("shutdownFlags", lambda c, d: d.shutdownFlags(1)),
    ("reboot", lambda c, d: d.reboot()),
    ("reset", lambda c, d: d.reset()),
    ("suspend", lambda c, d: d.suspend()),
    ("resume", lambda c, d: d.resume()),
    ("setMemory", lambda c, d: d.setMemory(65536)),
    ("setMemoryFlags", lambda c, d: d.setMemoryFlags(65536, 2)),
    ("setAutostart", lambda c, d: d.setAutostart(1)),
    ("setMetadata", lambda c, d: d.setMetadata(0, "x", None, None, 2)),
    ("setMemoryStatsPeriod", lambda c, d: d.setMemoryStatsPeriod(1)),
    ("openConsole", lambda c, d: d.openConsole(None, c.newStream())),
    ("openChannel", lambda c, d: d.openChannel("x", c.newStream())),
    ("screenshot", lambda c, d: d.screenshot(c.newStream(), 0)),
    ("openGraphicsFD", lambda c, d: d.openGraphicsFD(0)),
    ("managedSave", lambda c, d: d.managedSave()),
    ("attachDevice", lambda c, d: d.attachDevice("<disk/>")),
    ("sendKey", lambda c, d: d.sendKey(0, 0, [28], 1, 0)),
    ("XMLDesc secure", lambda c, d: d.XMLDesc(libvirt.VIR_DOMAIN_XML_SECURE)),
    ("getDomainCapabilities", lambda c, d: c.getDomainCapabilities()),
]


@pytest.fixture
def reader(server, define):
    name = define(devices='<graphics type="vnc" port="-1" autoport="yes" passwd="sesame"/>')
    libvirt.registerErrorHandler(lambda *_: None, None)
    conn = server.connect(ro=True)
    yield conn, conn.lookupByName(name)
    conn.close()


@pytest.mark.parametrize("call", [w[1] for w in WRITES], ids=[w[0] for w in WRITES])
def test_write_is_refused(reader, call):
    conn, dom = reader
    with pytest.raises(libvirt.libvirtError) as caught:
        call(conn, dom)
    # The client library stops most of these itself; tests/clients/raw_*.py sends them past it.
    assert caught.value.get_error_code() in (libvirt.VIR_ERR_OPERATION_DENIED,
                                             libvirt.VIR_ERR_ACCESS_DENIED)


def test_reads_are_answered(reader):
    conn, dom = reader
    assert dom.state()[0] == libvirt.VIR_DOMAIN_SHUTOFF
    assert dom.info()[1] == 128 * 1024
    assert "sesame" not in dom.XMLDesc()
    assert dom.name() in [d.name() for d in conn.listAllDomains()]
    assert conn.getCapabilities()
    assert dom.autostart() == 0


def test_virsh_shows_and_refuses(server, define):
    name = define()
    assert name in server.virsh("list", "--all", "--name", ro=True).out
    result = server.virsh("start", name, ro=True, check=False)
    assert result.code != 0
    assert "read only access" in result.err


@pytest.mark.cordon
def test_default_is_closed_to_others(own_server):
    """Another user than root may not even connect, unless the configuration says so."""
    one = own_server().start()
    probe = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "virsh", "-r", "-c",
             one.uri_ro, "list", "--all"]
    done = subprocess.run(probe, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode != 0, done


@pytest.mark.cordon
def test_listed_may_look_on(own_server):
    """unix_ro_users and unix_ro_groups: these, by the read-only socket, and nobody else."""
    one = own_server('unix_ro_users = [ "daemon" ]\nunix_ro_groups = [ "games" ]\n').start()
    daemon, games = pwd.getpwnam("daemon").pw_uid, grp.getgrnam("games").gr_gid

    def listed(uid, gid, groups="--clear-groups", ro=True):
        who = ["setpriv", f"--reuid={uid}", f"--regid={gid}", groups, "virsh"]
        words = ["-r", "-c", one.uri_ro] if ro else ["-c", one.uri]
        return subprocess.run([*who, *words, "list", "--all"], capture_output=True, text=True, check=False,
                              timeout=30).returncode == 0
    assert listed(daemon, 65534) and listed(65534, games) and listed(65534, 65534, f"--groups={games}")
    assert not listed(65534, 65534) and not listed(65533, daemon)
    assert not listed(daemon, games, ro=False)


@pytest.mark.cordon
def test_named_key_opens_it(own_server):
    one = own_server('unix_ro_access = "all"\n').start()
    probe = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "virsh", "-c"]
    done = subprocess.run([*probe, one.uri_ro, "-r", "list", "--all"], capture_output=True,
                          text=True, check=False, timeout=30)
    assert done.returncode == 0, done
    done = subprocess.run([*probe, one.uri, "list"], capture_output=True, text=True, check=False,
                          timeout=30)
    assert done.returncode != 0, done
