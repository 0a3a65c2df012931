"""What the screen showed, as an asciinema recording (asciicast v3): one JSON header, one line per output."""

import json
import time
from collections.abc import Mapping
from pathlib import Path


class Cast:
    """Collects what is written, with the seconds of real time between."""

    def __init__(self, width: int, height: int, title: str = "conform debug") -> None:
        self.title = title
        self._first = self._size = (width, height)
        self._began = time.time()
        self._last = time.monotonic()
        self._events: list[tuple[float, str, str]] = []

    def output(self, text: str) -> None:
        """Note what was written to the terminal; a terminal takes CR LF."""
        self._note("o", text.replace("\r\n", "\n").replace("\n", "\r\n"))

    def resized(self, width: int, height: int) -> None:
        """Note that the terminal has another size now."""
        if (width, height) != self._size:
            self._size = (width, height)
            self._note("r", f"{width}x{height}")

    def write(self, path: Path, env: Mapping[str, str]) -> int:
        """Write the recording; return its number of events. Raises OSError."""
        columns, rows = self._first
        term = {"cols": columns, "rows": rows} | ({"type": env["TERM"]} if env.get("TERM") else {})
        header = {
            "version": 3,
            "term": term,
            "timestamp": int(self._began),
            "title": self.title,
            "env": {"SHELL": env["SHELL"]} if "SHELL" in env else {},
        }
        lines = [json.dumps(header)] + [
            json.dumps([round(t, 6), kind, data]) for t, kind, data in self._events
        ]
        path.write_text("".join(f"{line}\n" for line in lines))
        return len(self._events)

    def _note(self, kind: str, data: str) -> None:
        now = time.monotonic()
        self._events.append((now - self._last, kind, data))
        self._last = now
