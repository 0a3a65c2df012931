"""The processes behind a connection to tcpserver: which they are, and how they ended."""

import os
import re
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock

from tests.real.service import Service
from tests.runtime.running import wait_for

# Programs by their command lines, once sh and the launcher are through.
RUNNING: dict[str, Callable[[list[bytes]], bool]] = {
    "reup": lambda argv: argv[1:2] == [b"-I"] and argv[2].endswith(b"/reup"),
    "authup": lambda argv: argv[1:2] == [b"-I"] and argv[2].endswith(b"/authup"),
    "checkpassword": lambda argv: argv[1:5] == [b"-I", b"-m", b"fakes", b"checkpassword"],
    "checknotroot": lambda argv: bool(argv) and not any(word.endswith(b"checkpassword") for word in argv),
}


class Connections:
    """What tcpserver tells about the connections to a service; another one may log into the same file."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._file = service.site.log.open("rb")
        self._lock = Lock()
        self._unread = b""
        self._first: dict[int, int] = {}
        self._codes: dict[int, int] = {}

    def first(self, port: int) -> int | None:
        """Return the first process of the connection from a port; None if it was not begun yet."""
        self._read()
        return self._first.get(port)

    def forget(self, port: int) -> None:
        """Forget a connection; another one may come from the same port."""
        self._first.pop(port, None)

    def code(self, pid: int) -> int | None:
        """Return how a first process ended; None if it did not yet."""
        self._read()
        return self._codes.get(pid)

    def close(self) -> None:
        """Read no more."""
        self._file.close()

    def _read(self) -> None:
        with self._lock:
            *lines, self._unread = (self._unread + self._file.read()).split(b"\n")
            for words in (line.split() for line in lines):
                if words[:2] == [b"tcpserver:", b"ok"] and words[3].endswith(b":%d" % self.service.port):
                    self._first[int(words[4].rpartition(b":")[2])] = int(words[2])
                    self._codes.pop(int(words[2]), None)  # of another one that had this number
                elif words[:2] == [b"tcpserver:", b"end"]:
                    self._codes[int(words[2])] = os.waitstatus_to_exitcode(int(words[4]))


class Chain:
    """The processes of one connection, by the names of their programs from the first one on."""

    def __init__(self, processes: Sequence[str], connections: Connections, port: int) -> None:
        self._processes = processes
        self._connections = connections
        self._port = port
        self._login = processes.index("authup") + 1  # checkpassword, and what it becomes
        self._marks = [b"TCPREMOTEPORT=%d\0" % port, b"TCPLOCALPORT=%d\0" % connections.service.port]
        wait_for(lambda: connections.first(port))
        self._first = connections.first(port) or 0

    def wait_for(self, name: str) -> int:
        """Wait for a program of the chain to run; return its process."""
        depth = self._processes.index(name) if name in self._processes else self._login
        pid = self._first
        for _ in range(depth):
            pid = self._wait_for_child(pid)
        if name in RUNNING:
            wait_for_soon(lambda: RUNNING[name](command_line(pid)))
        return pid

    def kill(self, name: str, how: str) -> None:
        """Send a program KILL or TERM; with KILL it is dead afterwards."""
        victim = self.wait_for(name)
        os.kill(victim, signal.Signals[f"SIG{how}"])
        if how == "KILL":
            wait_for(lambda: is_over(victim))

    def ended(self) -> int:
        """Wait until the first process has ended, and then until none is left; return its exit code."""
        wait_for(lambda: self._connections.code(self._first) is not None)
        code = self._connections.code(self._first)
        wait_for(lambda: not self._left())
        self._connections.forget(self._port)
        return code or 0

    def _wait_for_child(self, parent: int) -> int:
        wait_for_soon(lambda: bool(children(parent)))
        (pid,) = children(parent)
        return pid

    def _left(self) -> list[int]:
        return [pid for pid in all_processes() if all(mark in environment(pid) for mark in self._marks)]


def wait_for_soon(condition: Callable[[], bool]) -> None:
    """Wait like wait_for(), for something that may be over soon."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "this never came true"
        time.sleep(0.001)


# /proc


def all_processes() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def environment(pid: int) -> bytes:
    return read(pid, "environ")


def command_line(pid: int) -> list[bytes]:
    return read(pid, "cmdline").split(b"\0")[:-1]


def children(pid: int) -> list[int]:
    return [int(child) for child in read(pid, f"task/{pid}/children").split()]


def is_over(pid: int) -> bool:
    status = read(pid, "stat")
    return not status or status.rpartition(b")")[2].split()[0] in {b"Z", b"X"}


def has_pending(pid: int, number: int) -> bool:
    found = re.search(rb"^ShdPnd:\s*(\w+)$", read(pid, "status"), re.MULTILINE)
    return bool(found and int(found[1], 16) >> (number - 1) & 1)


def read(pid: int, name: str) -> bytes:
    """Return a file of a process; b"" if there is no such process any more."""
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""
