"""A log as it stands in its file: which programs' lines are understood, and the sessions in it."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from conformance.recording import debug_log, following, recordio
from conformance.recording.log_sessions import Log

READERS: Final = (recordio.piece, debug_log.piece)


def read(name: str) -> Log:
    """Read a log to its end; "-" is standard input. Raises OSError."""
    log = Log(READERS)
    for line in lines(name):
        log.feed(line)
    return log


def lines(name: str) -> Iterator[bytes]:
    """Yield the lines of a log as it is now. Raises OSError."""
    if name == "-":
        yield from following.lines(sys.stdin.buffer)
        return
    with Path(name).open("rb") as file:
        yield from following.lines(file)
