"""The time of a chain under the debugger: in the machine it passes only when somebody says so."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

LOOKING: Final = 0.02
"""Seconds between two looks, in real time."""


class MachineTime:
    """Virtual time: it stands still, jumps from deadline to deadline, or runs by itself inside running()."""

    def __init__(self) -> None:
        self.clock = MockClock(rate=0)

    @property
    def next_deadline(self) -> float:
        """In how many seconds somebody wants to be woken up; inf if nobody does."""
        return trio.lowlevel.current_statistics().seconds_to_next_deadline

    async def align(self) -> int:
        """Move to a whole second and return it, so that the Unix time of a life is exact."""
        self.clock.jump(-trio.current_time() % 1.0)
        await trio.lowlevel.checkpoint()
        return round(trio.current_time())

    async def wait(self, seconds: float, until: Callable[[], bool]) -> None:
        """Jump from deadline to deadline; at each all that it leads to is done first."""
        end = trio.current_time() + seconds
        while True:
            await wait_all_tasks_blocked()
            await wait_all_tasks_blocked()  # whoever notes an end has waited for the same, and woke with us
            left = end - trio.current_time()
            if until() or left <= 0:
                return
            self.clock.jump(min(left, max(self.next_deadline, 0.0)))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Have time jump by itself whenever everybody waits for it."""
        self.clock.autojump_threshold = 0
        try:
            yield
        finally:
            self.clock.autojump_threshold = float("inf")


class RealTime:
    """The time of day."""

    next_deadline = float("inf")

    async def wait(self, seconds: float, until: Callable[[], bool]) -> None:
        """Let time pass, and look every now and then."""
        with trio.move_on_after(seconds):
            while not until():  # noqa: ASYNC110 - several things may have happened, on streams of all kinds
                await trio.sleep(LOOKING)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """It does anyway."""
        yield


Time = MachineTime | RealTime
