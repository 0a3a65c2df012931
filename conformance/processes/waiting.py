"""Says how long a waiting process will wait if nobody does anything, from the system call that it is in.

That is what saves `conform diff` from waiting for programs that wait for ever. Only the timeouts of system
calls count: a timer (alarm(2), timerfd) is not seen.
"""

import os
import platform
import struct
import time
from contextlib import suppress
from typing import Final, NamedTuple

FOR_EVER: Final = float("inf")
UNTIMED: Final = frozenset(
    {0, 1, 19, 20, 34, 43, 44, 45, 46, 47, 61, 72, 130, 247, 288}  # read, write, wait4, recvmsg, pause ...
)


class _Timed(NamedTuple):
    """Where a system call has its timeout: the argument, and how many units of it are a second.

    `units` 0: the number of milliseconds itself; otherwise a pointer to seconds and units.
    """

    argument: int
    units: float


CLOCK_NANOSLEEP: Final = 230
TIMER_ABSTIME: Final = 1
FUTEX: Final = 202
FUTEX_COMMAND: Final = 127
FUTEX_WAIT_BITSET: Final = 9
FUTEX_CLOCK_REALTIME: Final = 256
TIMED: Final = {
    7: _Timed(2, 0),  # poll
    232: _Timed(3, 0),  # epoll_wait
    281: _Timed(3, 0),  # epoll_pwait
    23: _Timed(4, 1e6),  # select
    270: _Timed(4, 1e9),  # pselect6
    271: _Timed(2, 1e9),  # ppoll
    441: _Timed(3, 1e9),  # epoll_pwait2
    35: _Timed(0, 1e9),  # nanosleep
    CLOCK_NANOSLEEP: _Timed(2, 1e9),
    FUTEX: _Timed(3, 1e9),
}


def waits(proc: int, pid: int) -> float:
    """Return the seconds that a process waits at most, counted from now or from when it began; 0 if unknown.

    `proc` is a descriptor of the /proc that shows it.
    """
    if platform.machine() != "x86_64":
        return 0.0
    try:
        threads = os.listdir(f"/proc/self/fd/{proc}/{pid}/task")
        return min(_thread_waits(proc, f"{pid}/task/{thread}") for thread in threads)
    except (OSError, ValueError):
        return 0.0


def _thread_waits(proc: int, thread: str) -> float:
    """Raises OSError, ValueError."""
    words = _read(proc, f"{thread}/syscall").split()
    if words[0] == b"running":
        return 0.0
    number, arguments = int(words[0]), [int(word, 16) for word in words[1:7]]
    if number in UNTIMED:
        return FOR_EVER
    if number not in TIMED:
        return 0.0
    where = TIMED[number]
    value = arguments[where.argument]
    if not where.units:
        milliseconds = struct.unpack("=i", struct.pack("=I", value & 0xFFFFFFFF))[0]
        return FOR_EVER if milliseconds < 0 else milliseconds / 1000
    if not value:
        return FOR_EVER
    seconds, parts = struct.unpack("=qq", _read(proc, f"{thread}/mem", value, 16))
    return float(seconds) + float(parts) / where.units - _zero(number, arguments)


def _zero(number: int, arguments: list[int]) -> float:
    """Return the time that a timeout counts from: 0, or now where it is a time of day or of the clock."""
    if number == CLOCK_NANOSLEEP and arguments[1] & TIMER_ABSTIME:
        return time.clock_gettime(arguments[0])
    if number == FUTEX and arguments[1] & FUTEX_COMMAND == FUTEX_WAIT_BITSET:
        by_day = arguments[1] & FUTEX_CLOCK_REALTIME
        return time.clock_gettime(time.CLOCK_REALTIME if by_day else time.CLOCK_MONOTONIC)
    return 0.0


def _read(proc: int, path: str, offset: int = 0, count: int = 4096) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC, dir_fd=proc)
    data = b""
    try:
        data = os.pread(fd, count, offset)
    finally:
        with suppress(OSError):
            os.close(fd)
    return data
