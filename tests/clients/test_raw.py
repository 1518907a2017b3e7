# SPDX-License-Identifier: GPL-2.0-or-later
"""Packets by hand against the private instance: see raw_odd_input.py."""
import subprocess
import sys
from pathlib import Path

import pytest

from lib.server import SLOW

PROBE = Path(__file__).resolve().parent / "raw_odd_input.py"


@pytest.mark.cordon
@pytest.mark.parametrize("part", ["few", "floods"])
def test_odd_input(server, part):
    run = subprocess.run([sys.executable, PROBE, server.socket_path, server.socket_ro_path, part],
                         capture_output=True, text=True, timeout=300 * SLOW, check=False)
    assert run.returncode == 0, "\n".join(
        line for line in (run.stdout + run.stderr).splitlines() if not line.startswith("ok "))
