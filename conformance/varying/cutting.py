"""Where packets can be cut, and cutting them."""

import bisect
import itertools
from collections.abc import Sequence
from typing import Final, NamedTuple

from conformance.format import octets
from conformance.format.octets import Edge, Part
from conformance.playing.beats import Send

MOST_PACKETS: Final = 4096
"""How many packets one packet is cut into at most."""
NEAR_BUFFER_SIZES: Final = frozenset(
    size + difference for size in (1024, 8192, 65536) for difference in (-1, 0, 1)
)


class Cut(NamedTuple):
    """A packet edge behind the first `offset` bytes of a line of the .talk file."""

    line: int
    offset: int


def places(send: Send) -> dict[Cut, int]:
    """Return where a packet can be cut, and how many bytes stand before, in order; none if it is dynamic.

    Its own edges are left out, and of a huge packet all but its ends and what is near a buffer's size.
    """
    if send.dynamic:
        return {}
    data, edges = octets.resolve(send.what, {})
    positions = {*range(1, len(data))[:MOST_PACKETS], *range(1, len(data))[-MOST_PACKETS:]}
    positions |= NEAR_BUFFER_SIZES & set(range(1, min(len(data), max(NEAR_BUFFER_SIZES) + 1)))
    starts = list(itertools.accumulate((length for _, length in send.lines), initial=0))
    found = {}
    for position in sorted(positions.difference(edges)):
        number = bisect.bisect_left(starts, position) - 1
        found[Cut(send.lines[number][0], position - starts[number])] = position
    return found


def both_ends(cuts: Sequence[Cut], most: int) -> Sequence[Cut]:
    """Return at most so many: the first ones and the last ones."""
    if len(cuts) <= most:
        return cuts
    return [*cuts[: most - most // 2], *cuts[len(cuts) - most // 2 :]]


def cut(send: Send, cuts: Sequence[Cut]) -> Send:
    """Add packet edges to a packet; cuts in other lines do not matter."""
    if send.dynamic:
        return send
    data, edges = octets.resolve(send.what, {})
    starts = itertools.accumulate((length for _, length in send.lines), initial=0)
    begin = {line: start for (line, _), start in zip(send.lines, starts, strict=False)}
    added = {begin[line] + offset for line, offset in cuts if line in begin}
    parts: list[Part] = []
    position = 0
    for edge in sorted({*edges, *added}):
        parts += [data[position:edge], Edge()]
        position = edge
    return send._replace(what=tuple(part for part in (*parts, data[position:]) if part != b""))
