# SPDX-License-Identifier: GPL-2.0-or-later
"""Labels on a host without SELinux: the guest's own uid, and that what cannot be had is refused.
With SELinux: tests/lab/test_svirt.py."""
import os
import re

import pytest

from lib import guest

pytestmark = [
    pytest.mark.cordon,
    pytest.mark.skipif(os.path.exists("/sys/fs/selinux/enforce"), reason="this host has SELinux"),
]
STATIC = ("<seclabel type='static' model='selinux'><label>system_u:system_r:svirt_t:s0:c1,c2</label>"
          "</seclabel>")


def test_what_is_missing_is_said_once(own_server):
    one = own_server()
    one.start()
    one.virsh("capabilities")
    one.virsh("capabilities")
    text = one.log.read_text()
    assert text.count("no SELinux policy is loaded") == 1, text


def test_shown(server, define, conn):
    name = define()
    assert "<seclabel" not in server.virsh("dumpxml", name).out
    assert "Security label" not in server.virsh("dominfo", name).out
    assert conn.lookupByName(name).securityLabelList() == []
    server.virsh("start", name)
    uid = os.stat(f"/proc/{server.qemu(name)}").st_uid
    text = server.virsh("dumpxml", name).out
    assert (f"  <seclabel type='dynamic' model='dac' relabel='yes'>\n    <label>+{uid}:+{uid}</label>\n"
            f"    <imagelabel>+{uid}:+{uid}</imagelabel>\n  </seclabel>\n") in text
    assert text.count("<seclabel") == 1
    assert "<seclabel" not in server.virsh("dumpxml", name, "--inactive").out
    info = server.virsh("dominfo", name).out
    assert re.search(r"Security model: +dac\n", info)
    assert re.search(rf"Security label: +\+{uid}:\+{uid} \(permissive\)\n", info)
    assert conn.lookupByName(name).securityLabelList() == [[f"+{uid}:+{uid}", False]]
    assert conn.getSecurityModel() == ["dac", "0"]
    # what is shown can be given back
    other = define(_name=name + "b", raw=re.sub(r"<uuid>.*?</uuid>|<devices>.*?</devices>", "", text,
                                                flags=re.S).replace(f">{name}<", f">{name}b<"))
    assert "<seclabel type='dynamic' model='dac' relabel='yes'/>" in \
        server.virsh("dumpxml", other).out


@pytest.mark.parametrize("label", [
    STATIC, "<seclabel type='dynamic' model='selinux' relabel='yes'/>"], ids=["static", "dynamic"])
def test_selinux_is_not_there(server, define, label):
    name = define(tail=label)
    assert "model='selinux'" in server.virsh("dumpxml", name).out
    result = server.virsh("start", name, check=False)
    assert result.code != 0 and "no SELinux policy loaded" in result.err
    assert server.virsh("domstate", name).out.strip() == "shut off"


@pytest.mark.parametrize("label", [
    "<seclabel type='none' model='selinux'/>", "<seclabel type='none'/>",
    "<seclabel type='none' model='dac'/>", "<seclabel type='dynamic' relabel='yes'/>"])
def test_nothing_is_asked_of_selinux(server, define, label):
    name = define(tail=label)
    server.virsh("start", name)
    assert server.qemu(name)


def test_words_about_one_disk(server, define, folder):
    image = guest.image(folder / "a.img", fmt="raw")
    text = guest.disk(image).replace("/><target", "><seclabel model='selinux' relabel='no'/></source>"
                                                  "<target")
    name = define(devices=text)
    shown = "<seclabel model='selinux' relabel='no'/>\n      </source>"
    assert shown in server.virsh("dumpxml", name).out
    server.virsh("start", name)
    assert shown in server.virsh("dumpxml", name).out
    server.virsh("destroy", name)
    server.virsh("undefine", name)
    label = "<label>system_u:object_r:svirt_image_t:s0</label>"
    name = define(devices=text.replace("relabel='no'/>", f">{label}</seclabel>"))
    result = server.virsh("start", name, check=False)
    assert result.code != 0 and "no SELinux policy loaded" in result.err and str(image) in result.err
