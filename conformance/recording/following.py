"""The lines of a file that others write, as tail -F reads it: multilog renames it and begins a new one."""

import os
import time
from collections.abc import Callable, Iterator
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
    file = path.open("rb")
    half = b""
    while True:
        while line := file.readline(LONGEST):
            half += line
            if half.endswith(b"\n") or len(half) >= LONGEST:
                yield half.removesuffix(b"\n")
                half = b""
        if _is_old(file, path):
            if rest := file.read():
                half += rest
                continue_from = half.split(b"\n")
                yield from continue_from[:-1]
                half = continue_from[-1]
            if half:
                yield half
            half = b""
            file.close()
            file = path.open("rb")
            continue
        yield None
        wait(PAUSE)


def _is_old(file: BinaryIO, path: Path) -> bool:
    """Say whether the name leads to another file now, or this one has become shorter."""
    try:
        now = path.stat()
    except OSError:
        return False  # it is about to be made
    ours = os.fstat(file.fileno())
    return (now.st_dev, now.st_ino) != (ours.st_dev, ours.st_ino) or now.st_size < file.tell()
