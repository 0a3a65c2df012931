"""A service of the demo: a listener and its chains, in a session of their own (setsid).

The session is what tells later who belongs to it, whatever process groups were made and whoever lost
his parent. Chains are ended before their listener, so that each process is waited for by its parent.
"""

import os
import signal
import subprocess
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import trio
from trio.abc import ReceiveStream

from fakes.demo_log import Entry, LiveLog

LINE_MAX = 8192
PATIENCE = 10  # seconds that a listener has to start
GRACE = 7  # seconds from SIGTERM to SIGKILL; authup itself gives its child 5
STEP = 0.02  # seconds between two looks at who is still there


class CannotStart(Exception):
    """A listener did not start; the message is for the user."""


class Service:
    """One listener and its chains."""

    def __init__(self, argv: Sequence[str], env: dict[str, str]) -> None:
        self._argv = argv
        self._env = env
        self._process: trio.Process | None = None

    async def start(self) -> int:
        """Start the listener; return the port that it is ready on. Raises CannotStart."""
        try:
            process = await trio.lowlevel.open_process(
                self._argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self._env,
                cwd="/",
                start_new_session=True,
            )
        except OSError as trouble:
            raise CannotStart(f"unable to run {self._argv[0]}: {trouble.strerror}") from None
        self._process = process
        assert process.stdout is not None  # noqa: S101 (for mypy)
        async with process.stdout as said:
            port = await _line(said, PATIENCE)
        if not port.isdigit():
            raise CannotStart(f"{self._argv[0]} does not start: {(await _line(self._log, 1)).decode()}")
        return int(port)

    async def show_log(self, log: LiveLog, show: Callable[[Entry], None]) -> None:
        """Show what all programs log, until the last one has ended."""
        rest = b""
        while piece := await self._log.receive_some(65536):
            *lines, rest = (rest + piece).split(b"\n")
            if len(rest) > LINE_MAX:
                lines, rest = [*lines, rest], b""
            for line in lines:
                for entry in log.line(line):
                    show(entry)

    async def wait(self) -> int:
        """Wait for the end of the listener; return its exit code."""
        assert self._process is not None  # noqa: S101
        return await self._process.wait()

    async def end(self) -> None:
        """End the chains, then the listener, then whoever came in between."""
        if self._process is None:
            return
        session = self._process.pid
        await _end(lambda: [pid for pid in members(session) if pid != session])
        self._process.terminate()  # does nothing if it has ended
        with trio.move_on_after(GRACE):
            await self._process.wait()
        await _end(lambda: members(session))
        await self._process.wait()

    @property
    def _log(self) -> ReceiveStream:
        assert self._process is not None  # noqa: S101
        assert self._process.stderr is not None  # noqa: S101
        return self._process.stderr


async def _line(stream: ReceiveStream, patience: float) -> bytes:
    """Return what is said within this time, up to the end of a line."""
    said = b""
    with trio.move_on_after(patience):
        while not said.endswith(b"\n") and (piece := await stream.receive_some()):
            said += piece
    return said.strip()


def members(session: int) -> list[int]:
    """Return the process IDs in a session, without those that have ended."""
    return [int(path.name) for path in Path("/proc").glob("[0-9]*") if _session(path) == session]


def _session(process: Path) -> int | None:
    try:
        state, _, _, session = (process / "stat").read_text().rpartition(")")[2].split()[:4]
    except (OSError, ValueError):
        return None
    return None if state in "ZX" else int(session)


async def _end(who: Callable[[], list[int]]) -> None:
    """Ask each process to end, once; those that have not ended in time are killed."""
    asked: set[int] = set()
    with trio.move_on_after(GRACE):
        while pids := who():
            _signal(set(pids) - asked, signal.SIGTERM)
            asked |= set(pids)
            await trio.sleep(STEP)
        return
    while pids := who():
        _signal(pids, signal.SIGKILL)
        await trio.sleep(STEP)


def _signal(pids: Iterable[int], number: int) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
