# SPDX-License-Identifier: GPL-2.0-or-later
"""desc, title, metadata, autostart: what people write beside a guest."""
import libvirt
import pytest

from lib import guest


def test_description(server, define):
    name = define()
    assert server.virsh("desc", name).out == ""
    server.virsh("desc", name, "the first line", "and more <&> \u00e4")
    assert server.virsh("desc", name).out.strip() == "the first line and more <&> \u00e4"
    assert "<description>the first line and more &lt;&amp;&gt; \u00e4</description>" in \
        server.virsh("dumpxml", name).out
    server.virsh("desc", name, "")
    assert server.virsh("desc", name).out == ""


def test_title(server, define):
    name = define()
    assert server.virsh("desc", "--title", name).out == ""
    server.virsh("desc", "--title", name, "Queen of the cordon")
    assert server.virsh("desc", "--title", name).out.strip() == "Queen of the cordon"
    assert "Queen of the cordon" in server.virsh("list", "--all", "--title").out


def test_title_has_one_line(server, conn, define):
    dom = conn.lookupByName(define())
    with pytest.raises(libvirt.libvirtError):
        dom.setMetadata(libvirt.VIR_DOMAIN_METADATA_TITLE, "two\nlines", None, None, 0)


def test_live_and_config(server, define):
    name = define()
    server.virsh("start", name)
    server.virsh("desc", name, "--live", "only now")
    assert server.virsh("desc", name, "--live").out.strip() == "only now"
    assert server.virsh("desc", name, "--config").out == ""
    server.virsh("desc", name, "--config", "from the next start")
    server.virsh("destroy", name)
    assert server.virsh("desc", name).out.strip() == "from the next start"


def test_of_a_transient_guest(server, conn, name):
    """It has no stored copy to be read or changed, and what cannot be done to both is done to none."""
    path = server.dir / f"{name}.xml"
    path.write_text(guest.xml(name))
    server.virsh("create", path)
    dom, kind = conn.lookupByName(name), libvirt.VIR_DOMAIN_METADATA_DESCRIPTION
    live, config = libvirt.VIR_DOMAIN_AFFECT_LIVE, libvirt.VIR_DOMAIN_AFFECT_CONFIG
    dom.setMetadata(kind, "old", None, None, live)
    for flags in (config, live | config):
        with pytest.raises(libvirt.libvirtError, match="transient domains do not have any persistent config"):
            dom.setMetadata(kind, "new", None, None, flags)
    with pytest.raises(libvirt.libvirtError, match="transient domains do not have any persistent config"):
        dom.metadata(kind, None, config)
    assert dom.metadata(kind, None, live) == dom.metadata(kind, None, 0) == "old"
    server.virsh("destroy", name)


def test_both_of_a_guest_that_is_off(server, conn, define):
    dom, kind = conn.lookupByName(define()), libvirt.VIR_DOMAIN_METADATA_DESCRIPTION
    with pytest.raises(libvirt.libvirtError, match="domain is not running"):
        dom.setMetadata(kind, "new", None, None, libvirt.VIR_DOMAIN_AFFECT_LIVE | libvirt.VIR_DOMAIN_AFFECT_CONFIG)
    assert server.virsh("desc", dom.name()).out == ""


def test_live_any_number_of_times(server, conn, define):
    """Short and long by turns: what a text took before is used again, and the guest can still be ended."""
    name = define()
    server.virsh("start", name)
    dom = conn.lookupByName(name)
    live = libvirt.VIR_DOMAIN_AFFECT_LIVE
    for i in range(200):
        for text in ("x" * (60000 + i), "y"):
            dom.setMetadata(libvirt.VIR_DOMAIN_METADATA_DESCRIPTION, text, None, None, live)
            dom.setMetadata(libvirt.VIR_DOMAIN_METADATA_TITLE, text[::-1], None, None, live)
    assert dom.metadata(libvirt.VIR_DOMAIN_METADATA_DESCRIPTION, None, live) == "y"
    dom.setMetadata(libvirt.VIR_DOMAIN_METADATA_DESCRIPTION, None, None, None, live)
    assert server.virsh("desc", name, "--live").out == ""
    server.virsh("destroy", name)


def test_elements(server, define):
    name = define()
    assert server.virsh("metadata", name, "urn:app", check=False).code != 0
    server.virsh("metadata", name, "urn:app", "--key", "app", "--set", "<owner level='3'>me</owner>")
    text = server.virsh("metadata", name, "urn:app").out
    assert "<owner level=\"3\">me</owner>" in text.replace("'", '"')
    server.virsh("metadata", name, "urn:other", "--key", "o", "--set", "<x/>")
    assert "urn:app" in server.virsh("dumpxml", name).out
    assert "urn:other" in server.virsh("dumpxml", name).out
    server.virsh("metadata", name, "urn:app", "--remove")
    assert "urn:app" not in server.virsh("dumpxml", name).out
    assert "urn:other" in server.virsh("dumpxml", name).out


def test_kept_to_the_byte(server, define):
    inner = '<a:one xmlns:a="urn:a" k="v"><a:two>t &lt; u</a:two><!-- why --><a:three/></a:one>'
    name = define(head=f"<metadata>{inner}</metadata>")
    text = server.virsh("dumpxml", name).out.replace("'", '"')
    for part in ('xmlns:a="urn:a"', 'k="v"', "<a:two>t &lt; u</a:two>", "<a:three/>"):
        assert part in text


def test_autostart(server, define):
    name = define()
    server.virsh("autostart", name)
    assert "Autostart:      enable" in server.virsh("dominfo", name).out
    server.virsh("autostart", name)
    server.virsh("autostart", "--disable", name)
    assert "Autostart:      disable" in server.virsh("dominfo", name).out


def test_autostart_of_a_transient_guest(server, name):
    path = server.dir / f"{name}.xml"
    path.write_text(guest.xml(name))
    server.virsh("create", path)
    assert "transient" in server.virsh("autostart", name, check=False).err
    server.virsh("destroy", name)


def test_autostart_starts(own_server):
    one = own_server().start()
    for name in ("auto", "manual"):
        path = one.dir / f"{name}.xml"
        path.write_text(guest.xml(name))
        one.virsh("define", path)
    one.virsh("autostart", "auto")
    one.terminate()
    # as if the host had booted since: libvirtd's note, and the record that holds our boot_id
    (one.dir / "run/qemu/autostarted").unlink(missing_ok=True)
    one.place("state/host.rec").unlink(missing_ok=True)
    one.respawn()
    from lib.server import wait_for
    wait_for(lambda: one.virsh("list", "--name").out.split() == ["auto"], 10, 0.2)
