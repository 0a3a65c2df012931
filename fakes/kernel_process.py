"""One process of the machine: who it is, what it has open, whether it lives.

The record stays in the machine's history when the process has ended, as a zombie's entry would.
How a process comes to do anything is kernel.py's.
"""

import errno
import os
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import trio

from acceptutils.runtime.world import Ended
from fakes.pipes import End


class Event(NamedTuple):
    """One line of the machine's diary: what a process did, `time` in virtual seconds."""

    time: float
    pid: int
    program: bytes
    what: str
    data: bytes


class Killed(BaseException):
    """Raised in the code of a process that is dead."""


@dataclass(eq=False, repr=False)
class KernelProcess:
    """One process, alive or ended; tests read the plain attributes."""

    pid: int
    parent: int
    nursery: trio.Nursery
    uid: int
    euid: int
    gid: int
    cwd: bytes
    group: int
    descriptors: dict[int, End]
    env: Mapping[bytes, bytes] = field(default_factory=dict)
    argvs: list[tuple[bytes, ...]] = field(default_factory=list)
    """One argv for each program that it was, in order."""
    private: set[int] = field(default_factory=set)
    """Descriptors that close on exec."""
    ended: Ended | None = None
    ended_at: float | None = None
    reaped: bool = False
    catches: bool = False
    """Whether SIGTERM, SIGINT and SIGHUP are queued in `pending` instead of killing it."""
    pending: list[int] = field(default_factory=list)
    signalled: trio.lowlevel.ParkingLot = field(default_factory=trio.lowlevel.ParkingLot)
    over: trio.Event = field(default_factory=trio.Event)
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    operations: dict[trio.CancelScope, str] = field(default_factory=dict)
    last_operation: str = "start"
    uid_at_start: int = 0

    @property
    def argv(self) -> tuple[bytes, ...]:
        """The argv of the program that it is, or was at its end."""
        return self.argvs[-1]

    @property
    def program(self) -> bytes:
        """The base name of argv[0]."""
        return posixpath.basename(self.argv[0])

    @property
    def programs(self) -> list[bytes]:
        """The base names of all programs that it was, in order."""
        return [posixpath.basename(argv[0]) for argv in self.argvs]

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return self.ended is None

    def __repr__(self) -> str:
        """Say in a few words who it is and what it waits for, or did last."""
        waits = ", ".join(self.operations.values()) or self.last_operation
        return f"{self.pid} {self.program.decode()}: {waits}"

    def check_alive(self) -> None:
        """Raise Killed in the code of a dead process."""
        if not self.alive:
            raise Killed

    def end(self, fd: int) -> End:
        """Return what a descriptor refers to. Raises OSError (EBADF)."""
        self.check_alive()
        if fd not in self.descriptors:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF), fd)
        return self.descriptors[fd]

    def open(self, end: End, lowest: int = 3) -> int:
        """Give an end the lowest free descriptor; it closes on exec and no child gets it unasked."""
        fd = next(n for n in range(lowest, 4096) if n not in self.descriptors)
        self.descriptors[fd] = end
        self.private.add(fd)
        return fd

    def close(self, fd: int) -> None:
        """close(2); no error if it is closed."""
        self.private.discard(fd)
        end = self.descriptors.pop(fd, None)
        if end is not None:
            end.release()

    def share(self, numbers: Mapping[int, int]) -> dict[int, End]:
        """Return a child's descriptors: its number to ours; those that are closed here are left out."""
        own = self.descriptors
        return {theirs: own[ours].share() for theirs, ours in numbers.items() if ours in own}
