"""Ctrl-C ends the command that runs; SIGTERM and a hangup everything, and the terminal is then as it was."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import trio

from conformance.debugging.session import CannotError


class Interrupts:
    """`at_prompt` is called on SIGINT while no command runs; a terminal gives Ctrl-C to its prompt itself."""

    def __init__(self, at_prompt: Callable[[], None]) -> None:
        self._at_prompt = at_prompt
        self._scope: trio.CancelScope | None = None

    async def hear(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Take signals, for as long as this lasts. Raises SystemExit, and what `at_prompt` raises."""
        with trio.open_signal_receiver(signal.SIGINT, *_deadly()) as signals:
            task_status.started()
            async for number in signals:
                if number != signal.SIGINT:
                    raise SystemExit(128 + number)
                if self._scope is not None:
                    self._scope.cancel()
                else:
                    self._at_prompt()

    @contextmanager
    def stopping(self) -> Iterator[trio.CancelScope]:
        """Have SIGINT end what is done in this context."""
        with trio.CancelScope() as scope:
            self._scope = scope
            try:
                yield scope
            finally:
                self._scope = None


@contextmanager
def at_once(what: str) -> Iterator[None]:
    """Have a signal end what waits for nothing, and so hears of none. Raises CannotError, SystemExit."""

    def give_up(number: int, _: FrameType | None) -> None:
        if number != signal.SIGINT:
            raise SystemExit(128 + number)
        raise CannotError(f"interrupted: {what}")

    before = {number: signal.signal(number, give_up) for number in (signal.SIGINT, *_deadly())}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _deadly() -> list[signal.Signals]:
    """Return the signals that end everything; nohup(1) has one of them ignored."""
    wanted = (signal.SIGTERM, signal.SIGHUP)
    return [number for number in wanted if signal.getsignal(number) != signal.SIG_IGN]
