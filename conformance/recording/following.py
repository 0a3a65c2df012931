"""The lines of a file that others write, as tail -F reads it: multilog renames it and begins a new one."""

import os
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Final

from conformance.recording.log_lines import LONGEST

PAUSE: Final = 0.2
"""Seconds between two looks at a file to which nothing was added."""


def lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a file without their LF; the last one may have had none."""
    while line := file.readline(LONGEST):
        yield line.removesuffix(b"\n")


def followed(path: Path, wait: Callable[[float], object] = time.sleep) -> Iterator[bytes | None]:
    """Yield the lines of a file as they are written, for ever; None whenever there is nothing more yet.

    A file that gets a new name, or is emptied, is read to its end, and then the new one of this name.
    Raises OSError if there is none at the start.
    """
    with ExitStack() as opened:
        while True:
            file = opened.enter_context(path.open("rb"))
            half = b""
            while not _is_old(file, path):
                half = yield from _whole(file, half)
                yield None
                wait(PAUSE)
            half = yield from _whole(file, half)  # what was written before it got another name
            if half:
                yield half
            opened.close()


def _whole(file: BinaryIO, half: bytes) -> Generator[bytes, None, bytes]:
    """Yield the lines that a file has by now, `half` in front; return the half line at its end."""
    while line := file.readline(LONGEST):
        half += line
        if half.endswith(b"\n") or len(half) >= LONGEST:
            yield half.removesuffix(b"\n")
            half = b""
    return half


def _is_old(file: BinaryIO, path: Path) -> bool:
    """Say whether the name leads to another file now, or this one has become shorter."""
    try:
        now = path.stat()
    except OSError:
        return False  # it is about to be made
    ours = os.fstat(file.fileno())
    return (now.st_dev, now.st_ino) != (ours.st_dev, ours.st_ino) or now.st_size < file.tell()
