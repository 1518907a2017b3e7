# SPDX-License-Identifier: GPL-2.0-or-later
"""SIGTERM ends cordond also while it has no supervisor that it could end."""
import os
import signal
import subprocess
from pathlib import Path

import pytest
from lib import house
from lib.server import BUILD, SLOW, wait_for

pytestmark = pytest.mark.cordon
SOON = 5     # seconds until it has ended


def children(pid):
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_while_the_configuration_is_read(tmp_path):
    with subprocess.Popen([BUILD / "cordond", "--instance", tmp_path / "i"], stderr=subprocess.DEVNULL) as cordond:
        try:
            conf = wait_for(lambda: children(cordond.pid), step=0, text="cordon-conf")[0]
            os.kill(conf, signal.SIGSTOP)
            cordond.terminate()
            os.kill(conf, signal.SIGCONT)
            assert cordond.wait(SOON * SLOW) == 0
        finally:
            cordond.kill()


def test_while_it_waits_to_start_a_supervisor_again(own_server):
    """The pause grows with each death in a row."""
    server = own_server()
    server.start()
    for _ in range(6):
        victim = house.pid(server, "supervisor")
        house.kill(signal.SIGKILL, victim)
        wait_for(lambda v=victim: house.state(v) == "gone", text="the supervisor reaped")
    wait_for(lambda: not children(server.pid), step=0.001, text="all rooms ended")
    assert server.alive()
    os.kill(server.pid, signal.SIGTERM)
    wait_for(lambda: not server.alive(), SOON, text="cordond ending")
