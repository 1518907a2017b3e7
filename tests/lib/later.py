# SPDX-License-Identifier: GPL-2.0-or-later
"""One client's verb in the background, and what came of it."""
import threading
import time

from .server import SLOW


class Later:
    """`virsh WORDS` as a process of its own; .done is set, .result and .seconds are there at its end."""

    def __init__(self, server, *words):
        self.begin = time.monotonic()
        self.seconds = self.result = None
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(server, words))
        self.thread.start()

    def _run(self, server, words):
        try:
            self.result = server.virsh(*words, check=False, timeout=90)
        finally:
            self.seconds = time.monotonic() - self.begin
            self.done.set()

    def join(self, timeout=90):
        """Its result; no answer in time is a failure."""
        self.thread.join(timeout * SLOW)
        assert not self.thread.is_alive(), f"no answer after {timeout * SLOW} s"
        return self.result
