"""What can be seen of processes that are not ours: how they ended, whether they wait, what they burn."""

import ctypes
import fcntl
import os
import struct
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from typing import Final, NamedTuple

import trio

from conformance.playing.stage import Ended
from conformance.processes.waiting import waits

PIDFD_GET_INFO: Final = 0xC040FF0B
"""_IOWR(0xFF, 11, 64 bytes), of linux/pidfd.h."""
PIDFD_INFO_EXIT: Final = 8
"""Since Linux 6.15: how a process ended, also when its parent has waited for it."""
_MASK, _EXIT_CODE = "=Q", 60
SO_PEERPIDFD: Final = 77
SYS_PIDFD_GETFD: Final = 438
LEAST_WAIT = 0.5
BURNING = 0.5
LEAST_USED = 0.05  # of ten that want the CPU each gets little
SAMPLES = 8
TICKS = os.sysconf("SC_CLK_TCK")
SAMPLING = 0.25
LONG = 300.0
"""Seconds: a wait of that length may end soon if it began long ago; none of our runs takes so long."""


class Look(NamedTuple):
    """One process at one moment; seconds of all its threads together."""

    pid: int
    parent: int
    name: str
    state: str
    cpu: float
    queued: float
    """Seconds in which it would have used a CPU, and others did."""
    children: float
    """CPU seconds of its children that it has waited for."""

    @property
    def used(self) -> float:
        """CPU seconds of itself and of those: who starts programs without end burns them too."""
        return self.cpu + self.children

    @property
    def idle(self) -> bool:
        """Whether it waits for something, or has ended."""
        return self.state in "SZXTI"


def exit_of(pidfd: int) -> Ended | None:
    """Return how a process ended; None if it lives or the kernel does not tell (yet, or any more).

    It tells when the parent has waited; before that a zombie's entry in /proc tells root.
    """
    return _exit_of_buried(pidfd) or _exit_of_zombie(pidfd) or _exit_of_buried(pidfd)


def _exit_of_buried(pidfd: int) -> Ended | None:
    answer = bytearray(64)
    struct.pack_into(_MASK, answer, 0, PIDFD_INFO_EXIT)
    with suppress(OSError):
        fcntl.ioctl(pidfd, PIDFD_GET_INFO, answer)
        if struct.unpack_from(_MASK, answer)[0] & PIDFD_INFO_EXIT:
            return ended(struct.unpack_from("=i", answer, _EXIT_CODE)[0])
    return None


def _exit_of_zombie(pidfd: int) -> Ended | None:
    if os.geteuid() != 0:
        return None  # for others that field is 0, whatever the truth is
    with suppress(OSError, ValueError, IndexError):
        with open(f"/proc/{pid_of(pidfd)}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        if fields[0] == b"Z":
            return ended(int(fields[49]))
    return None


def ended(status: int) -> Ended:
    """Return what a wait status means."""
    code = os.waitstatus_to_exitcode(status)
    return Ended(code, None) if code >= 0 else Ended(None, -code)


def pid_of(pidfd: int) -> int:
    """Return the process ID as our own surroundings know it; -1 when it is over, 0 when unknown."""
    with open(f"/proc/self/fdinfo/{pidfd}") as file:
        return next((int(line.split()[1]) for line in file if line.startswith("Pid:")), 0)


@cache
def tells_exits() -> bool:
    """Say whether this kernel tells how processes ended that are not our children."""
    pid = os.posix_spawn("/bin/sh", ["sh", "-c", "exit 7"], {})
    pidfd = os.pidfd_open(pid)
    try:
        os.waitpid(pid, 0)
        return exit_of(pidfd) == Ended(7, None)
    finally:
        os.close(pidfd)


class Processes:
    """All processes of a run. `proc` is a descriptor of the run's /proc, which closing is up to others.

    In a namespace that shows them and no others, `root` is 1; elsewhere they are root's descendants.
    """

    def __init__(self, proc: int, root: int) -> None:
        self._proc = proc
        self._root = root
        self._samples: list[tuple[float, Mapping[int, Look]]] = []

    def look(self) -> dict[int, Look]:
        """Return all that there are now, without the root."""
        found = {}
        with suppress(OSError):
            for name in os.listdir(self._proc):
                if name.isdigit():
                    with suppress(OSError, ValueError, IndexError):
                        found[int(name)] = self._look_at(name)
        if self._root == 1:
            found.pop(1, None)
            return found
        return {pid: look for pid, look in found.items() if self._is_descendant(look, found)}

    def argv(self, pid: int) -> tuple[bytes, ...]:
        """Return the command line of a process; empty if it is gone."""
        with suppress(OSError):
            return tuple(self._read(f"{pid}/cmdline").split(b"\0")[:-1])
        return ()

    def descriptors(self, pid: int) -> dict[int, str]:
        """Return what the descriptors of a process are; empty if it is gone or not ours to see."""
        found = {}
        with suppress(OSError):
            directory = os.open(f"{pid}/fd", os.O_RDONLY | os.O_DIRECTORY, dir_fd=self._proc)
            try:
                for name in os.listdir(directory):
                    with suppress(OSError):
                        found[int(name)] = os.readlink(name, dir_fd=directory)
            finally:
                os.close(directory)
        return found

    def may_wake(self, seconds: float) -> bool:
        """Say whether one of them may do something within this time by itself, as far as is known."""
        looks = self.look().values()
        return any(look.state not in "ZX" and waits(self._proc, look.pid) < LONG + seconds for look in looks)

    async def sample(self) -> None:
        """Keep looking, so that spinning() has something to compare with."""
        while True:
            self._samples = [*self._samples[1 - SAMPLES :], (trio.current_time(), self.look())]
            await trio.sleep(SAMPLING)

    def spinning(self) -> tuple[str, float] | None:
        """Return the program that burned CPU in the last half second or two, and its CPU seconds.

        On a busy computer it may have got little, but it will never have waited for anything else.
        """
        now, looks = trio.current_time(), self.look()
        earlier = next((sample for sample in self._samples if now - sample[0] >= LEAST_WAIT), None)
        if earlier is None:
            return None
        time, before = earlier
        for look in looks.values():
            used, queued = look.used, look.queued
            if look.pid in before:
                used, queued = used - before[look.pid].used, queued - before[look.pid].queued
            if used > LEAST_USED and used + queued > BURNING * (now - time):
                return look.name, look.used
        return None

    def _look_at(self, pid: str) -> Look:
        head, _, rest = self._read(f"{pid}/stat").rpartition(b")")
        name = head.partition(b"(")[2].decode(errors="replace")
        fields = rest.split()
        children = (int(fields[13]) + int(fields[14])) / TICKS
        return Look(int(pid), int(fields[1]), name, fields[0].decode(), *self._seconds(pid, fields), children)

    def _seconds(self, pid: str, fields: list[bytes]) -> tuple[float, float]:
        """Return CPU seconds, and those in the queue for it, to the nanosecond where the kernel counts."""
        try:
            threads = os.listdir(f"/proc/self/fd/{self._proc}/{pid}/task")
            counts = [self._read(f"{pid}/task/{thread}/schedstat").split() for thread in threads]
            return sum(int(count[0]) for count in counts) / 1e9, sum(int(count[1]) for count in counts) / 1e9
        except (OSError, IndexError):
            return (int(fields[11]) + int(fields[12])) / TICKS, 0.0

    def _read(self, path: str) -> bytes:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._proc)
        try:
            return os.read(fd, 65536)
        finally:
            os.close(fd)

    def _is_descendant(self, look: Look, all_looks: Mapping[int, Look]) -> bool:
        while look.parent in all_looks:
            if look.parent == self._root:
                return True
            look = all_looks[look.parent]
        return False


def steal(pidfd: int, fd: int) -> int:
    """Return a copy of a descriptor of another process (pidfd_getfd(2)). Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    copy = libc.syscall(SYS_PIDFD_GETFD, pidfd, fd, 0)
    if copy < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return int(copy)
