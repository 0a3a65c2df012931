"""qmail control files: what their bytes mean (CTL-1 to CTL-6).

Reading them is the driver's work; these functions get a file's whole content, None if there is no
such file.
"""

import re
from typing import NamedTuple

from acceptutils import decimal

_TRAILING = b" \t\r\n"


class ListedLine(NamedTuple):
    """One line of a list and its number in the file, counting from 1."""

    number: int
    text: bytes


def first_line(content: bytes) -> bytes:
    """Return the line that counts in a one-line file (CTL-1)."""
    return content.split(b"\n", 1)[0].rstrip(_TRAILING)


def listed(content: bytes) -> list[ListedLine]:
    """Return the lines of a list that are neither empty nor comments (CTL-2)."""
    lines = (ListedLine(n, line.rstrip(_TRAILING)) for n, line in enumerate(content.split(b"\n"), start=1))
    return [line for line in lines if line.text and not line.text.startswith(b"#")]


def greeting(own: bytes | None, me: bytes | None) -> bytes | None:
    """Return the name to greet with, from PROTOgreeting or else me; None if neither exists (CTL-4)."""
    content = me if own is None else own
    return None if content is None else first_line(content).split(b"\0", 1)[0]


def seconds(content: bytes | None, default: int) -> int:
    """Return the leading number of the file; the default if there is none (CTL-5)."""
    digits = re.match(rb"[0-9]+", first_line(content or b""))
    if not digits:
        return default
    return min(decimal.number(digits[0]) or 0, decimal.LARGEST)


def capabilities(content: bytes | None, default: list[bytes]) -> list[bytes]:
    """Return the capability lines; the default if there is no file (CTL-6)."""
    return default if content is None else [line.text for line in listed(content)]
