"""Ctrl-C ends the command that runs, SIGTERM everything; the terminal is then as it was."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import trio

from conformance.cli import TERMINATED


class Interrupts:
    """`at_prompt` is called on SIGINT while no command runs; a terminal gives Ctrl-C to its prompt itself."""

    def __init__(self, at_prompt: Callable[[], None]) -> None:
        self._at_prompt = at_prompt
        self._scope: trio.CancelScope | None = None

    async def hear(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Take signals, for as long as this lasts. Raises SystemExit, and what `at_prompt` raises."""
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            task_status.started()
            async for number in signals:
                if number == signal.SIGTERM:
                    raise SystemExit(TERMINATED)
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
