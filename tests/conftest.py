# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixtures for every test that talks to a daemon, and the report that tests/run reads."""
import json
import os
import sys
import uuid
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from lib import guest as guests  # noqa: E402
from lib import server as servers  # noqa: E402

STOCK = os.environ.get("CORDON_TEST_SERVER") == "stock"


def pytest_configure(config):
    config.addinivalue_line("markers", "cordon: asserts what only Cordon promises")
    config.addinivalue_line("markers", "denials: provokes refusals by SELinux")
    config.addinivalue_line("markers", "stock: asserts how libvirtd differs")


def pytest_collection_modifyitems(config, items):
    other = "cordon" if STOCK else "stock"
    keep = [i for i in items if not any(i.iter_markers(other))]
    config.hook.pytest_deselected(items=[i for i in items if i not in keep])
    items[:] = keep


def pytest_runtest_logreport(report):
    path = os.environ.get("CORDON_REPORT")
    if not path:
        return
    failed = report.failed
    skipped = report.skipped
    if report.when == "call" or failed or skipped:
        text = ""
        if failed or skipped:
            text = str(report.longrepr[2] if isinstance(report.longrepr, tuple)
                       else report.longreprtext)
        row = {"test": report.nodeid, "when": report.when, "seconds": report.duration,
               "result": "skip" if skipped else "fail" if failed else "pass", "text": text}
        with open(path, "a", encoding="utf-8") as f:
            f.write(json.dumps(row) + "\n")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    have = getattr(item, "funcargs", {})
    if report.failed and "server" in have:
        report.sections.append(("daemon", have["server"].log_tail()))
    if report.failed and "lab" in have:
        report.sections.append(("lab", have["lab"].log()))


@pytest.fixture(scope="module")
def server(request):
    """A daemon for the whole file, with the file's CONFIG, and after its prepare(); what it leaves behind
    is a failure."""
    one = servers.make(getattr(request.module, "CONFIG", ""))
    try:
        getattr(request.module, "prepare", lambda _: None)(one)
        one.start()
        yield one
    finally:
        left = one.stop()
        one.remove()
    if one.name == "cordon":
        assert not left, f"processes left behind: {left}"


@pytest.fixture
def own_server():
    """Makes daemons for one test: own_server(config="..."), not started."""
    made = []

    def new(config=""):
        made.append(servers.make(config))
        return made[-1]
    yield new
    for one in made:
        one.stop()
        one.remove()


@pytest.fixture(scope="session")
def lab_state():
    """The frozen lab machine with this build of Cordon installed and running."""
    from lib import lab as labs
    return labs.state(servers.BUILD)


@pytest.fixture
def lab(lab_state, request):
    """A lab machine of the test's own: Debian with SELinux enforcing, see tests/lib/lab_machine.py.
    Whatever Cordon or a guest was refused meanwhile is a failure, unless the test provokes it."""
    from lib.lab_machine import Machine
    with Machine(*lab_state) as machine:
        mark = machine.mark()
        yield machine
        if not request.node.get_closest_marker("denials"):
            refused = machine.own_denials(mark)
            assert not refused, "\n".join(refused)


@pytest.fixture
def name():
    """A guest's name that no other test uses."""
    return "g" + uuid.uuid4().hex[:8]


@pytest.fixture
def folder(server, name):
    """A folder for a guest's images, where QEMU's uid may look."""
    path = server.dir / f"images-{name}"
    path.mkdir(mode=0o755)
    return path


@pytest.fixture
def define(server, name):
    """Defines guests and removes them afterwards: define(boot="none", ...) gives the name."""
    made = []

    def new(_name=None, raw=None, check=True, **arguments):
        one = _name or name
        text = raw or guests.xml(one, **arguments)
        path = server.dir / f"{one}.xml"
        path.write_text(text)
        result = server.virsh("define", path, check=check)
        made.append(one)
        return one if check else result
    yield new
    if server.alive():
        for one in made:
            server.virsh("destroy", one, check=False)
            result = server.virsh("undefine", one, "--nvram", check=False)
            assert result.code == 0 or "failed to get domain" in result.err, result


@pytest.fixture
def booted(server, define):
    """Linux guests whose user space answers: booted(...), as define(), gives the name."""
    def new(**arguments):
        one = define(boot="linux", **arguments)
        server.virsh("start", one)
        guests.booted(server, one)
        return one
    return new


@pytest.fixture
def conn(server):
    """A libvirt connection without error printing."""
    import libvirt
    libvirt.registerErrorHandler(lambda *_: None, None)
    one = server.connect()
    yield one
    try:
        one.close()
    except libvirt.libvirtError:
        pass


@pytest.fixture
def events(server):
    """Records events from another process: events(), then .wait(...) and .seen."""
    from lib.events import Recorder
    made = []

    def new(*arguments):
        made.append(Recorder(server, *arguments))
        return made[-1]
    yield new
    for one in made:
        one.stop()
