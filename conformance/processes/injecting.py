"""Sleeps of real processes that cost no time: strace has them return at once and tells how long
they were asked for, and the clock of the run jumps by that.

A program that has "slept" is held for HOLD. In that time all that came before is taken in, then the clock
jumps, so whatever is heard is dated as if the sleep had been one. Where that cannot be said with certainty
NeedsRealTime is raised, and the case is played again as it is: when we came late to the trace, when
another one who sleeps is alive, when the end of the sleep was given as a time of day, and when we do
something ourselves before anything that followed the sleep was seen (RealStage looks after that).

Only sleeping is covered. That poll(2), select(2) or epoll_wait(2) would find nothing until their timeout
cannot be known ahead.
"""

import os
import re
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

import trio

from conformance.targets import Unusable

HOLD: Final = 0.1
TAKING_IN: Final = 0.02
LATE: Final = 0.08
"""Seconds after a sleep was entered in which we must have noticed it."""
ATTACHING: Final = 10.0
CALLS: Final = "clock_nanosleep,nanosleep"
_LINE: Final = re.compile(r"([0-9]+) +([0-9]+\.[0-9]+) (clock_nanosleep|nanosleep)\((.*)")
_RESUMED: Final = re.compile(r"([0-9]+) +[0-9]+\.[0-9]+ <\.\.\. (?:clock_)?nanosleep resumed>.*")
_REQUEST: Final = re.compile(r"\{tv_sec=([0-9]+), tv_nsec=([0-9]+)\}")


class NeedsRealTime(Exception):
    """This run cannot be played with its sleeps skipped; the message says why."""


class JumpingClock(trio.abc.Clock):
    """Real time and what was skipped of it. `guards` are scopes whose deadlines mean real time."""

    def __init__(self) -> None:
        self.skipped = 0.0
        self.guards: list[trio.CancelScope] = []

    def start_clock(self) -> None:
        """See trio.abc.Clock."""

    def current_time(self) -> float:
        """See trio.abc.Clock."""
        return time.perf_counter() + self.skipped

    def deadline_to_sleep_time(self, deadline: float) -> float:
        """See trio.abc.Clock."""
        return deadline - self.current_time()

    def jump(self, seconds: float) -> None:
        """Skip so much."""
        self.skipped += seconds
        for scope in self.guards:
            scope.deadline += seconds


class Trace:
    """What strace tells of sleeps. `slept` has all that were asked for, in seconds."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self._rest = b""
        self._entered: dict[int, tuple[float, float]] = {}
        self._sleepers: set[int] = set()

    def read(self, data: bytes, now: float) -> list[float]:
        """Return the seconds of each sleep that is over. Raises NeedsRealTime."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        found = [sleep for line in lines if (sleep := self._sleep(line.decode(errors="replace")))]
        for pid, when, seconds in found:
            if now - when > LATE:
                raise NeedsRealTime("this computer is too busy to skip sleeps in time")
            self._sleepers = {other for other in self._sleepers if other != pid and _lives(other)}
            if self._sleepers:
                raise NeedsRealTime("two programs sleep")
            self._sleepers.add(pid)
            self.slept.append(seconds)
        return [seconds for _, _, seconds in found]

    def _sleep(self, line: str) -> tuple[int, float, float] | None:
        if resumed := _RESUMED.fullmatch(line):
            pid = int(resumed[1])
            return (pid, *self._entered.pop(pid)) if pid in self._entered else None
        called = _LINE.fullmatch(line)
        if called is None:
            return None
        request = _REQUEST.search(called[4])
        if request is None or "TIMER_ABSTIME" in called[4]:
            raise NeedsRealTime("a program sleeps until a time of day")
        pid, when = int(called[1]), float(called[2])
        seconds = int(request[1]) + int(request[2]) / 1e9
        if called[4].endswith("<unfinished ...>"):
            self._entered[pid] = when, seconds
            return None
        return pid, when, seconds


class Injection:
    """The skipped sleeps of one run; `told` is the descriptor that attached() yields."""

    def __init__(self, clock: JumpingClock, told: int) -> None:
        self.trace = Trace()
        self.jumped_at = float("-inf")
        self._clock = clock
        self._told = told

    async def follow(self, take_in: Callable[[], None]) -> None:
        """Have the clock jump over each sleep; `take_in` dates all that has come before it.

        Raises NeedsRealTime.
        """
        while True:
            await trio.lowlevel.wait_readable(self._told)
            data = os.read(self._told, 65536)
            if not data:
                return
            await trio.sleep(TAKING_IN)  # starts and ends of processes are told to tasks of their own
            take_in()
            for seconds in self.trace.read(data, time.time()):
                self._clock.jump(max(seconds - HOLD, 0.0))
                self.jumped_at = trio.current_time()


def strace() -> str:
    """Return where strace is. Raises Unusable."""
    found = shutil.which("strace")
    if found is None:
        raise Unusable('clock = "inject" needs strace (Debian: strace)')
    return found


@asynccontextmanager
async def attached(pid: int) -> AsyncIterator[int]:
    """Have strace follow a process and all its children; yield what it writes. Raises Unusable."""
    reading, writing = os.pipe()
    try:
        process = subprocess.Popen(  # noqa: ASYNC220, S603 - it forks at once
            [
                strace(),
                *("-f", "-ttt", "-e", f"trace={CALLS}", "-e", "signal=none"),
                *("-e", f"inject={CALLS}:retval=0:delay_exit={int(HOLD * 1e6)}"),
                *("-o", f"/dev/fd/{writing}", "-p", str(pid)),
            ],
            pass_fds=(writing,),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            process_group=0,  # Ctrl-C is for us, and for it when all is over
        )
    finally:
        os.close(writing)
    assert process.stderr is not None  # noqa: S101 - a pipe
    try:
        said = b""
        with trio.move_on_after(ATTACHING):
            while b" attached" not in said:
                await trio.lowlevel.wait_readable(process.stderr)
                piece = os.read(process.stderr.fileno(), 4096)
                said += piece
                if not piece:
                    break
        if b" attached" not in said:
            raise Unusable(f"strace does not attach: {said.decode(errors='replace').strip() or 'no answer'}")
        yield reading
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        process.wait()
        process.stderr.close()
        os.close(reading)


def _lives(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except OSError:
        return False
