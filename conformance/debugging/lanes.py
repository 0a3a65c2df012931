r"""Lanes as pexpect spawns: what arrives is searched by pattern, byte for byte as it came.

A lane is one end of a socket pair, and never a terminal, which would rewrite the bytes (`\n` to `\r\n`).
"""

import re
import socket
from collections.abc import Sequence
from fnmatch import translate
from typing import Final

import pexpect
from pexpect.fdpexpect import fdspawn

PIECE: Final = 16 * 1024


class BadPatternError(ValueError):
    """A pattern that is none; the message says what is wrong with it."""


class Lane:
    """The bytes of one lane since it was opened, or since the last match. `matched` is that match."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.matched = b""
        self.before = b""
        """What stood in front of it."""
        self._ours, theirs = socket.socketpair()
        self._theirs = theirs
        self._spawn: fdspawn[bytes] = fdspawn(theirs.fileno(), timeout=0, maxread=PIECE)

    def feed(self, data: bytes) -> None:
        """Add what has arrived."""
        for start in range(0, len(data), PIECE):
            self._ours.sendall(data[start : start + PIECE])
            self._spawn.expect_list([pexpect.TIMEOUT], timeout=0)  # takes it in

    def find(self, patterns: Sequence[re.Pattern[bytes]]) -> int | None:
        """Take everything up to the first match of a pattern; return which it was, None if there is none."""
        found = self._spawn.expect_list([*patterns, pexpect.TIMEOUT], timeout=0)
        if not isinstance(self._spawn.after, bytes):
            return None
        self.before, self.matched = self._spawn.before or b"", self._spawn.after
        return found

    @property
    def unmatched(self) -> bytes:
        """What has arrived since the last match."""
        return self._spawn.buffer

    def close(self) -> None:
        """Let go of the descriptors."""
        self._ours.close()
        self._theirs.close()


def expression(text: str) -> re.Pattern[bytes]:
    """Return a pattern that was typed: a regular expression over bytes. Raises BadPatternError."""
    try:
        return re.compile(text.encode(), re.MULTILINE)
    except (re.error, OverflowError, RecursionError, UnicodeError) as error:
        raise BadPatternError(f"{text}: {error}") from None


def line_pattern(glob: str) -> re.Pattern[bytes]:
    """Return a pattern for whole lines that a shell pattern matches. Raises BadPatternError."""
    body = translate(glob).removeprefix("(?s:")[: -len(r")\Z")].replace(".*", "[^\\r\\n]*")
    return expression(f"^(?:{body})\\r?$")
