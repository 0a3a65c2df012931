"""Tested programs that are stopped and continued all the time: no program notices, whatever it is doing.

What waits in epoll_wait(2) is interrupted by that (EINTR), what waits for children is told of it
(SIGCHLD), and whatever somebody else does meanwhile comes between any two of its system calls.
"""

import random
import signal
from typing import Final

import trio

from conformance.playing.stage import SUBJECTS
from conformance.processes.puppetry import Cast

BETWEEN: Final = (0.0005, 0.03)
STOPPED: Final = (0.0002, 0.003)
"""Seconds, at least and at most: from one stop to the next, and of a stop."""


class Stops:
    """Stops one tested program after the other, with a seed."""

    def __init__(self, cast: Cast, seed: int) -> None:
        self.count = 0
        self.held = False
        """Whether somebody is stopped just now, who seems idle and is not."""
        self._cast = cast
        self._chance = random.Random(seed)

    async def go_on(self) -> None:
        """Stop and continue for ever; cancelled, nobody is left stopped."""
        while True:
            await trio.sleep(self._chance.uniform(*BETWEEN))
            living = [p for p in self._cast.processes if p.name in SUBJECTS and self._cast.living(p.pid) is p]
            if not living:
                continue
            chosen = self._chance.choice(living)
            self.held = True
            self.count += 1
            self._cast.signal(chosen, signal.SIGSTOP)
            try:
                await trio.sleep(self._chance.uniform(*STOPPED))
            finally:
                self._cast.signal(chosen, signal.SIGCONT)
                self.held = False
