"""What the machine's processes do with their descriptors, when, and in what pieces.

Everything that a process does to its surroundings goes through an operation() here; a process that
was killed gets Killed from its next one, whatever shields it holds, so that no dead program's
`finally` reaches the living. All waiting is trio's, so that virtual time can jump. Chance (how long
a process dawdles before an operation, how many bytes one read or write moves) comes from one
random.Random: the same seed gives the same run.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal

import trio

from fakes.kernel_process import Event, KernelProcess
from fakes.pipes import End, Flow, LogFile

Cuts = Literal["whole", "random"]


class Traffic:
    """Reading, writing and dawdling; `events` is the machine's diary."""

    def __init__(self, *, seed: int, cuts: Cuts) -> None:
        self.cuts = cuts
        self.interrupt = 0
        """Every so many reads and writes a signal comes in between (EINTR); 0 for never."""
        self._transfers = 0
        self.events: list[Event] = []
        self._random = random.Random(seed)

    @contextmanager
    def operation(self, process: KernelProcess, what: str) -> Iterator[None]:
        """Surround whatever waits on behalf of a process; a kill ends it, even inside a shield."""
        process.check_alive()
        with trio.CancelScope() as scope:
            process.operations[scope] = process.last_operation = what
            try:
                yield
            finally:
                del process.operations[scope]
        process.check_alive()

    async def dawdle(self) -> None:
        """Let others go first, more or less often: one to three checkpoints."""
        for _ in range(1 + self._random.randrange(3)):
            await trio.lowlevel.checkpoint()

    async def read(self, process: KernelProcess, fd: int, most: int, until: bytes = b"") -> bytes:
        """read(2), never past the first `until`, which a peek or single bytes would make sure of.

        Bytes are taken at the very end, without a checkpoint behind: a cancelled read loses none.
        """
        flow = process.end(fd).incoming
        with self.operation(process, f"read {fd}"), self._only_reader(process, flow):
            await self.dawdle()
            while not flow.readable or self._interrupted():  # an interrupted read is begun again
                if flow.readable:
                    await trio.lowlevel.checkpoint()
                    continue
                await flow.changed.park()
                process.check_alive()
            data = flow.take(self._cut(flow.available(most, until)))
        self.note(process, f"read {fd}", data)
        return data

    async def write_some(self, process: KernelProcess, fd: int, data: bytes) -> int:
        """write(2) of at least one byte; how many. Raises BrokenPipeError."""
        end = process.end(fd)
        if isinstance(end, LogFile):
            self.log(process, data, fd)
            return len(data)
        with self.operation(process, f"write {fd}"):
            await self.dawdle()
            while not end.outgoing.writable:
                await end.outgoing.changed.park()
                process.check_alive()
            count = self._cut(end.outgoing.room(len(data)))
            if self._interrupted():  # an interrupted write has taken a part
                count = min(count, 1)
            end.outgoing.put(data[:count])
        self.note(process, f"write {fd}", data[:count])
        return count

    async def write(self, process: KernelProcess, fd: int, data: bytes) -> None:
        """write(2), repeated until all is taken. Raises BrokenPipeError."""
        while data:
            data = data[await self.write_some(process, fd, data) :]

    def log(self, process: KernelProcess, data: bytes, fd: int = 2) -> None:
        """Write without waiting; what does not fit, or has nowhere to go, is lost (AUTHUP-LOG-3)."""
        process.check_alive()
        self.note(process, f"log {fd}", data)
        end = process.descriptors.get(fd)
        if isinstance(end, LogFile):
            end.append(process.pid, data)
        elif end is not None:
            with suppress(OSError):
                _put_if_it_fits(end, data)

    def note(self, process: KernelProcess, what: str, data: bytes = b"") -> None:
        """Write a line into the machine's diary."""
        self.events.append(Event(trio.current_time(), process.pid, process.program, what, data))

    @contextmanager
    def _only_reader(self, process: KernelProcess, flow: Flow) -> Iterator[None]:
        """Reserve a flow; a conflict ends the whole run, or a driver's `except` would hide it."""
        try:
            with flow.reading(lambda: process.alive):
                yield
        except trio.BusyResourceError as error:
            process.nursery.start_soon(_raise, error)
            raise

    def _interrupted(self) -> bool:
        self._transfers += 1
        return self.interrupt > 0 and self._transfers % self.interrupt == 0

    def _cut(self, most: int) -> int:
        if self.cuts == "whole" or most <= 1:
            return most
        return self._random.choice((1, self._random.randint(1, most), most, most))


async def _raise(error: Exception) -> None:
    raise error


def _put_if_it_fits(end: End, data: bytes) -> None:
    if end.outgoing.room(len(data)) == len(data):
        end.outgoing.put(data)
