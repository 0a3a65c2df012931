"""Which of the bytes that have come are in the place of one expected line."""

from collections.abc import Sequence

from conformance.format import octets
from conformance.format.octets import Octets


def complete(accepted: Sequence[Octets], there: bytes, *, ended: bool) -> int | None:
    """Return how many of the bytes are in the place of a line; None if more may come.

    `accepted`: the line and its alternatives; `ended`: whether nothing more will come.
    """
    lengths = [_length(what, there) for what in accepted]
    for length, what in zip(lengths, accepted, strict=True):
        if length is not None and octets.expression(what, {}).fullmatch(there[:length]):
            return length
    if None in lengths and not ended:
        return None
    known = [n for n in lengths if n is not None]
    return known[0] if known else len(there)


def _length(what: Octets, there: bytes) -> int | None:
    """Return how long the bytes in this line's place are; None if they have not all come."""
    if all(isinstance(part, bytes) for part in what):
        data = octets.literal(what)
        if data.startswith(there[: len(data)]) and len(there) < len(data):
            return None
        return min(len(data), len(there))
    lines = sum(part.count(b"\n") for part in what if isinstance(part, bytes))
    position = 0
    for _ in range(lines):
        position = there.find(b"\n", position) + 1
        if position == 0:
            return None
    if lines == 0 and not octets.expression(what, {}).fullmatch(there):
        return None  # a pattern alone says nothing of where it ends
    return position if lines else len(there)


def one_line(data: bytes) -> bytes:
    """Return the first line, or all if there is none."""
    return data[: data.find(b"\n") + 1] if b"\n" in data else data
