# SPDX-License-Identifier: GPL-2.0-or-later
"""Define, redefine, undefine, and the codes of what is refused."""
import re
import subprocess
import uuid as uuids

import libvirt
import pytest

from lib import guest

NO_DOMAIN = libvirt.VIR_ERR_NO_DOMAIN
FAILED = libvirt.VIR_ERR_OPERATION_FAILED
INVALID = libvirt.VIR_ERR_OPERATION_INVALID
XML_ERROR = libvirt.VIR_ERR_XML_ERROR
XML_DETAIL = libvirt.VIR_ERR_XML_DETAIL
UNSUPPORTED = libvirt.VIR_ERR_CONFIG_UNSUPPORTED
INTERNAL = libvirt.VIR_ERR_INTERNAL_ERROR


def code(call, *arguments):
    with pytest.raises(libvirt.libvirtError) as caught:
        call(*arguments)
    return caught.value.get_error_code()


def test_define_undefine(server, name):
    path = server.dir / "one.xml"
    path.write_text(guest.xml(name))
    server.virsh("define", path)
    assert server.virsh("domstate", name).out.strip() == "shut off"
    assert server.virsh("domid", name).out.strip() == "-"
    server.virsh("undefine", name)
    assert "failed to get domain" in server.virsh("domstate", name, check=False).err


def test_uuid_is_made_when_not_given(conn, name):
    text = re.sub("<uuid>.*</uuid>", "", guest.xml(name))
    first = conn.defineXML(text)
    try:
        assert uuids.UUID(first.UUIDString()).int
        # Without a uuid it is another guest, and the name is taken.
        assert code(conn.defineXML, text) == FAILED
    finally:
        first.undefine()


def test_redefine_changes(conn, name):
    uuid = str(uuids.uuid4())
    dom = conn.defineXML(guest.xml(name, uuid=uuid, memory=128))
    try:
        conn.defineXML(guest.xml(name, uuid=uuid, memory=256))
        assert dom.info()[1] == 256 * 1024
        assert [d.name() for d in conn.listAllDomains()].count(name) == 1
    finally:
        dom.undefine()


def test_same_name_other_uuid(conn, name):
    dom = conn.defineXML(guest.xml(name))
    try:
        assert code(conn.defineXML, guest.xml(name)) == FAILED
        assert code(conn.createXML, guest.xml(name)) == FAILED
    finally:
        dom.undefine()


def test_same_uuid_other_name(conn, name):
    uuid = str(uuids.uuid4())
    dom = conn.defineXML(guest.xml(name, uuid=uuid))
    try:
        assert code(conn.defineXML, guest.xml(name + "x", uuid=uuid)) == FAILED
    finally:
        dom.undefine()


def test_lookup(conn, name):
    uuid = str(uuids.uuid4())
    dom = conn.defineXML(guest.xml(name, uuid=uuid))
    assert conn.lookupByName(name).UUIDString() == uuid
    assert conn.lookupByUUIDString(uuid).name() == name
    dom.undefine()
    assert code(conn.lookupByName, name) == NO_DOMAIN
    assert code(conn.lookupByUUIDString, uuid) == NO_DOMAIN
    assert code(conn.lookupByID, 123456) == NO_DOMAIN
    assert code(dom.info) == NO_DOMAIN
    assert code(dom.create) == NO_DOMAIN
    assert code(dom.undefine) == NO_DOMAIN


def test_undefine_running_makes_transient(conn, name):
    dom = conn.defineXML(guest.xml(name))
    dom.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
    dom.undefine()
    assert not dom.isPersistent()
    assert dom.isActive()
    dom.destroy()
    assert code(conn.lookupByName, name) == NO_DOMAIN


def test_redefine_running_keeps_both(conn, name):
    uuid = str(uuids.uuid4())
    dom = conn.defineXML(guest.xml(name, uuid=uuid))
    dom.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
    try:
        conn.defineXML(guest.xml(name, uuid=uuid, memory=256))
        assert "'KiB'>131072<" in dom.XMLDesc()
        assert "'KiB'>262144<" in dom.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    finally:
        dom.destroy()
    assert "'KiB'>262144<" in dom.XMLDesc()
    dom.undefine()


def test_wrong_state(conn, name):
    dom = conn.defineXML(guest.xml(name))
    for call in (dom.destroy, dom.suspend, dom.resume, dom.shutdown, dom.reset,
                 lambda: dom.reboot(0)):
        assert code(call) == INVALID
    dom.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
    assert code(dom.create) == INVALID
    dom.destroy()
    dom.undefine()


GOOD = guest.xml("bad", uuid="00000000-0000-4000-8000-00000000bad0")
# Those marked "cordon" libvirtd accepts, or dies of.
BAD = {
    "empty": ("", None),
    "not xml": ("no xml at all", None),
    "open element": ("<domain type='qemu'><name>bad", None),
    "other root": ("<network><name>bad</name></network>", None),
    "no type": (GOOD.replace(f' type="{guest.TYPE}"', "", 1), None),
    "unknown type": (GOOD.replace(f'type="{guest.TYPE}"', 'type="vax"', 1), None),
    "no name": (GOOD.replace("<name>bad</name>", ""), None),
    "slash in name": (GOOD.replace("<name>bad", "<name>b/ad"), None),
    "newline in name": (GOOD.replace("<name>bad", "<name>b&#10;ad"), None),
    "empty name": (GOOD.replace("<name>bad</name>", "<name></name>"), None),
    "bad uuid": (re.sub("<uuid>.*</uuid>", "<uuid>xyz</uuid>", GOOD), None),
    "no memory": (re.sub("<memory.*</memory>", "", GOOD), None),
    "bad memory": (re.sub(">128<", ">many<", GOOD), None),
    "bad unit": (GOOD.replace('unit="MiB"', 'unit="parsec"'), None),
    "no os": (re.sub("<os>.*</os>", "", GOOD), None),
    "no cpus": (GOOD.replace("<vcpu>1<", "<vcpu>0<"), None),
    "negative cpus": (GOOD.replace("<vcpu>1<", "<vcpu>-1<"), "cordon"),
    "unknown machine": (GOOD.replace('machine="q35"', 'machine="pdp11"'), None),
    "unknown arch": (GOOD.replace('arch="x86_64"', 'arch="vax"'), None),
    "unknown bus": (GOOD.replace("</devices>", guest.disk("/x", bus="virtio").replace(
        'bus="virtio"', 'bus="omnibus"') + "</devices>"), None),
    "disk without target": (GOOD.replace("</devices>", '<disk type="file"><source file="/x"/></disk>'
                                         "</devices>"), None),
    "two disks, one target": (GOOD.replace("</devices>", 2 * guest.disk("/x") + "</devices>"), None),
    "bad mac": (GOOD.replace("</devices>", '<interface type="user"><mac address="1:2"/></interface>'
                             "</devices>"), None),
    "multicast mac": (GOOD.replace("</devices>", '<interface type="user">'
                                   '<mac address="ff:ff:ff:ff:ff:ff"/></interface></devices>'), None),
    "same pci address twice": (GOOD.replace("</devices>", 2 * (
        '<rng model="virtio"><backend model="random"/>'
        '<address type="pci" domain="0" bus="0" slot="0x10" function="0"/></rng>') + "</devices>"),
        None),
    "relative disk path": (GOOD.replace("</devices>", guest.disk("etc/x") + "</devices>"), "cordon"),
}


@pytest.mark.parametrize("case", BAD, ids=lambda c: c.replace(" ", "-"))
def test_bad_xml(server, conn, case):
    text, only = BAD[case]
    if only and server.name != only:
        return
    got = code(conn.defineXML, text)
    assert got in (XML_ERROR, XML_DETAIL, UNSUPPORTED, INTERNAL, libvirt.VIR_ERR_INVALID_ARG,
                   libvirt.VIR_ERR_NO_NAME, libvirt.VIR_ERR_INVALID_DOMAIN_CHECKPOINT,
                   libvirt.VIR_ERR_OS_TYPE, libvirt.VIR_ERR_NO_SOURCE, libvirt.VIR_ERR_NO_TARGET,
                   libvirt.VIR_ERR_INVALID_NETWORK, libvirt.VIR_ERR_UNKNOWN_HOST), got
    assert code(conn.lookupByName, "bad") == NO_DOMAIN


@pytest.mark.cordon
@pytest.mark.parametrize("what", [
    "<devices><flux capacitance='3'/></devices>", "<idmap/>", "<iothreads>3000000000</iothreads>",
    "<os><wormhole/></os>", "<launchSecurity type='none'/>"])
def test_unknown_is_refused_by_name(conn, what):
    """libvirt drops what it does not know; we name it."""
    element = re.match(r"<(\w+)", what).group(1)
    text = GOOD.replace(f"<{element}>", f"<{element}>" + what[len(element) + 2:].split(f"</{element}>")[0],
                        1) if f"<{element}>" in GOOD else GOOD.replace("<devices>", what + "<devices>", 1)
    with pytest.raises(libvirt.libvirtError) as caught:
        conn.defineXML(text)
    inner = re.search(r"flux|wormhole|idmap|iothreads|launchSecurity", what).group(0)
    assert inner in caught.value.get_error_message(), caught.value


def test_validate_flag(server, name):
    path = server.dir / "valid.xml"
    path.write_text(guest.xml(name))
    server.virsh("define", "--validate", path)
    server.virsh("undefine", name)


def test_create_is_transient(conn, name):
    dom = conn.createXML(guest.xml(name), libvirt.VIR_DOMAIN_START_PAUSED)
    assert dom.isActive() and not dom.isPersistent()
    assert dom.state() == [libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_USER]
    assert code(dom.setAutostart, 1) == INVALID
    assert code(dom.undefine) == INVALID
    dom.destroy()
    assert code(conn.lookupByName, name) == NO_DOMAIN


def test_define_while_transient_makes_it_persistent(conn, name):
    uuid = str(uuids.uuid4())
    dom = conn.createXML(guest.xml(name, uuid=uuid), libvirt.VIR_DOMAIN_START_PAUSED)
    conn.defineXML(guest.xml(name, uuid=uuid))
    assert dom.isPersistent()
    dom.destroy()
    assert not dom.isActive()
    dom.undefine()


def test_survives_a_restart(own_server):
    one = own_server().start()
    uuid = str(uuids.uuid4())
    conn = one.connect()
    conn.defineXML(guest.xml("stays", uuid=uuid))
    before = conn.lookupByName("stays").XMLDesc()
    conn.close()
    one.terminate()
    one.respawn()
    conn = one.connect()
    assert conn.lookupByUUIDString(uuid).XMLDesc() == before
    conn.lookupByName("stays").undefine()
    conn.close()


@pytest.mark.cordon
def test_max_guests_counts_all(own_server):
    """Defined or only running, as cordond.conf(5) has it."""
    one = own_server("max_guests = 1\n").start()
    path = one.dir / "one.xml"
    first, second = (guest.xml(n, uuid=str(uuids.uuid4())) for n in ("first", "second"))
    path.write_text(first)
    one.virsh("define", path)
    path.write_text(second)
    for verb in ("define", "create"):
        assert "max_guests (1)" in one.virsh(verb, path, check=False).err, verb
    path.write_text(first)
    one.virsh("create", path)
    one.virsh("undefine", "first")
    path.write_text(second)
    for verb in ("define", "create"):
        assert "max_guests (1)" in one.virsh(verb, path, check=False).err, verb
    one.virsh("destroy", "first")
    one.virsh("create", path)
    one.virsh("destroy", "second")


# ---- two administrators: who names a path, has it opened with his role ----

@pytest.fixture
def roles(own_server):
    """as_(who, verb, guest's XML or name); xml(folder) of one guest, whose disk `inside` both may use and
    `outside` only root."""
    one = own_server('unix_rw_users = [ "nobody" ]\n')
    one.config += f'image_roots = [ "{one.dir}/inside" ]\n'
    uuid = str(uuids.uuid4())
    for folder in ("inside", "outside"):
        (one.dir / folder).mkdir(mode=0o755)
        guest.image(one.dir / folder / "a.img", fmt="raw")
        path = one.dir / f"{folder}.xml"
        path.write_text(guest.xml("both", uuid=uuid, devices=guest.disk(one.dir / folder / "a.img")))
        path.chmod(0o644)
    one.start()

    def as_(who, verb, folder=None):
        drop = [] if who == "root" else ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        what = one.dir / f"{folder}.xml" if folder else "both"
        done = subprocess.run([*drop, "virsh", "-q", "-c", one.uri, verb, what], capture_output=True,
                              text=True, check=False, timeout=60, env={"LC_ALL": "C", "PATH": "/usr/bin"})
        if done.returncode == 0:
            return "done"
        advice = re.search("administrators other than root .*`cordon storage add-root FOLDER`", done.stderr)
        return "refused" if advice else done.stderr
    as_.server = one
    return as_


@pytest.mark.cordon
def test_create_over_a_definition_has_its_own_role(roles):
    assert roles("root", "define", "outside") == "done"
    assert roles("nobody", "create", "outside") == "refused"
    assert roles("nobody", "start") == "done", "root gave these paths"
    assert roles("root", "destroy") == "done"
    assert roles("nobody", "create", "inside") == "done"
    assert roles("root", "destroy") == "done"
    assert roles("nobody", "define", "outside") == "done"
    assert roles("root", "create", "outside") == "done"
    # core forgets all but its records
    roles.server.terminate()
    roles.server.respawn()
    assert roles("root", "destroy") == "done"
    assert roles("root", "start") == "refused", "the definition is still nobody's"


@pytest.mark.cordon
def test_redefined_by_another_administrator(roles):
    """A guest has no more than the role of who defined it last, whoever starts it."""
    assert roles("root", "define", "outside") == "done"
    assert roles("nobody", "define", "outside") == "done"
    for _ in range(2):
        assert roles("nobody", "start") == "refused"
        assert roles("root", "start") == "refused"
        roles.server.terminate()
        roles.server.respawn()
    assert roles("root", "define", "outside") == "done"
    assert roles("nobody", "start") == "done"
    # a running guest's definition is another matter than the guest
    assert roles("nobody", "define", "outside") == "done"
    assert roles("root", "destroy") == "done"
    assert roles("root", "start") == "refused"
