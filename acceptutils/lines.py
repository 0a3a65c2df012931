"""Where a line ends, and where a message ends, however the bytes arrive.

Both classes are fed pieces of any size and give the same results for the same bytes. Neither keeps
more than it must: a line cutter one unfinished line up to its limit, a message its last four bytes.
"""

import re
from enum import Enum
from typing import Final


class Overlong(Enum):
    """What a line cutter gives in place of a line that passed its limit."""

    LINE = "a line above the limit"


class LineCutter:
    """Cut bytes into lines, each with its ending LF, of at most `limit` bytes.

    A longer line is reported once, as soon as its first byte over the limit is there, and skipped
    to its end (LIM-1, LIM-4).
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._searched = 0  # no LF before this place: a line in many pieces is searched once
        self._skipping = False

    def feed(self, data: bytes) -> None:
        """Add the next bytes of the stream."""
        self._buffer += data

    def take(self) -> bytes | Overlong | None:
        """Return the next line, with its LF; None if it is not complete yet."""
        if self._skipping and not self._skip():
            return None
        end = self._buffer.find(b"\n", self._searched) + 1
        size = end or len(self._buffer)
        if size > self._limit:
            self._skipping = not end
            self._drop(size)
            return Overlong.LINE
        if not end:
            self._searched = size
            return None
        with memoryview(self._buffer) as buffer:  # a slice of a bytearray would be one more copy
            line = bytes(buffer[:end])
        self._drop(end)
        return line

    @property
    def waiting(self) -> int:
        """How many bytes were fed and not taken yet."""
        return len(self._buffer)

    def take_rest(self) -> bytes:
        """Return what was fed and not taken yet, and forget it."""
        rest = bytes(self._buffer)
        self._drop(len(rest))
        return rest

    def _skip(self) -> bool:
        end = self._buffer.find(b"\n") + 1
        self._skipping = not end
        self._drop(end or len(self._buffer))
        return bool(end)

    def _drop(self, count: int) -> None:
        del self._buffer[:count]
        self._searched = 0


def without_ending(line: bytes) -> bytes:
    """Return a line without its LF and without one CR before it (AUTHUP-GEN-5, FIX-REQ-1)."""
    return line.removesuffix(b"\n").removesuffix(b"\r")


class Message:
    """A message on its way through DATA: find its end, and let nothing else look like an end.

    It ends at CRLF.CRLF only (FIX-DATA-3). Servers also end it at LF.LF and its mixed forms, so a bare
    LF goes on as CRLF, and a dot that only a bare LF made the first or the only one of its line is
    doubled (FIX-DATA-5).
    """

    _END: Final = b"\r\n.\r\n"
    # Looking back is safe across pieces: the last bytes of the piece before stand in front.
    _UNSAFE: Final = re.compile(
        rb"(?P<dot_line>(?<=\r\n\.)\n)"  # CRLF . | LF
        rb"|(?P<bare_lf>(?<!\r)\n)"
        rb"|(?P<dot>(?<=[^\r]\n)\.)",  # bare LF | .
    )
    _SAFE: Final = {"dot_line": b".\r\n", "bare_lf": b"\r\n", "dot": b".."}

    def __init__(self) -> None:
        self._before = b"\r\n"  # DATA's own line end: a dot may be the first byte

    def feed(self, data: bytes) -> tuple[bytes, bytes | None]:
        """Take the next piece; return what the server gets, and what follows the end.

        The second is None while the message has not ended.
        """
        window = self._before + data
        start = len(self._before)
        end = window.find(self._END)
        if end >= 0:
            end += len(self._END)
            return self._made_safe(window[:end], start), window[end:]
        self._before = window[-4:]
        return self._made_safe(window, start), None

    def _made_safe(self, window: bytes, start: int) -> bytes:
        if window.count(b"\n") == window.count(b"\r\n"):  # two fast scans instead of a slow one
            return window[start:]
        pieces = []
        for unsafe in self._UNSAFE.finditer(window, start):
            pieces += [window[start : unsafe.start()], self._SAFE[unsafe.lastgroup or ""]]
            start = unsafe.end()
        return b"".join([*pieces, window[start:]])
