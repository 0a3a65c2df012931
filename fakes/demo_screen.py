"""What the demo prints, without ever waiting for the terminal.

Lines wait in a bounded queue for a thread that writes them. A terminal that is stopped (Ctrl-S) or a
pipe that nobody reads loses lines, which is said when it goes on; nothing else of the demo notices.
"""

import os
import time
from contextlib import suppress

import trio

from fakes.demo_log import Entry, render

MOST_WAITING = 5000  # lines
LAST_WORDS = 2  # seconds that what is left may take at the end


class Screen:
    """One descriptor that lines are written to."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._in, self._out = trio.open_memory_channel[str](MOST_WAITING)
        self._lost = 0
        self._is_terminal = os.isatty(fd)
        self._colour = (
            self._is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        )

    def show(self, *lines: str) -> None:
        """Have lines printed, if there is room for them; never wait."""
        for line in lines:
            if self._lost:
                self._send(f"({self._lost} lines were not shown: the terminal was too slow)")
            self._send(line)

    def show_entry(self, entry: Entry) -> None:
        """Have a log entry printed, with the time."""
        clock = time.strftime("%H:%M:%S")
        self.show(render(entry, clock, width=self._width(), colour=self._colour))

    async def run(self) -> None:
        """Print until close() is called. Returns early when there is nobody any more to read it."""
        async for line in self._out:
            lines = [line]
            with suppress(trio.WouldBlock, trio.EndOfChannel):
                while len(lines) < MOST_WAITING:
                    lines.append(self._out.receive_nowait())
            text = "".join(line + "\n" for line in lines).encode(errors="backslashreplace")
            try:
                await trio.to_thread.run_sync(self._write, text, abandon_on_cancel=True)
            except OSError:
                return

    def close(self) -> None:
        """Nothing more will come; run() ends when all is printed."""
        self._in.close()

    def _send(self, line: str) -> None:
        try:
            self._in.send_nowait(line)
        except trio.WouldBlock:
            self._lost += 1
        except trio.BrokenResourceError:
            pass  # run() has ended
        else:
            self._lost = 0

    def _write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._fd, data) :]

    def _width(self) -> int | None:
        try:
            return os.get_terminal_size(self._fd).columns or None if self._is_terminal else None
        except OSError:
            return None
