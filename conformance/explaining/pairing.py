"""The replies that were seen, cut apart and paired with those that our programs' logic has."""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from conformance.explaining.answer import Answer
from conformance.playing.verdicts import Moment

_LAST_LINE = re.compile(rb"[0-9]{3}(?: |\r?\n|\Z)")
_AHEAD = 3  # replies that are looked through for one that fits


class Located(NamedTuple):
    """A reply as it was seen, which moment of the record had its first bytes, and where it comes from."""

    lane: str
    data: bytes
    number: int
    answer: Answer


def paired(
    moments: Sequence[Moment],
    lane: str,
    expected: Sequence[Answer],
    unasked: Callable[[str, bytes], Answer],
) -> list[Located]:
    """Return the replies on a lane, each with its answer.

    What was not expected is what `unasked` says, if that is sure, or else if the next expected one comes
    right behind it; otherwise it is taken for that one, but not surely.
    """
    seen, found, left = _Seen(moments, lane), [], list(expected)
    while not seen.over:
        fits = next((n for n, one in enumerate(left[: _AHEAD + 1]) if seen.starts_with(one.sent)), None)
        if fits is not None:
            answer, left = left[fits], left[fits + 1 :]
            data, number = seen.take(len(answer.sent))
            answer = answer._replace(sure=answer.sure and fits == 0)
        else:
            data, number = seen.take_reply()
            answer = unasked(lane, data)
            if left and not answer.sure and not seen.starts_with(left[0].sent):
                answer, left = left[0]._replace(sure=False), left[1:]
        found.append(Located(lane, data, number, answer))
    return found


class _Seen:
    """The bytes of a lane, taken reply by reply."""

    def __init__(self, moments: Sequence[Moment], lane: str) -> None:
        pieces = [(n, m.data) for n, m in enumerate(moments) if m.lane == lane and m.data]
        self._data = b"".join(data for _, data in pieces)
        self._at = 0
        self._begins: list[tuple[int, int]] = []
        begin = 0
        for number, data in pieces:
            self._begins.append((begin, number))
            begin += len(data)

    @property
    def over(self) -> bool:
        return self._at >= len(self._data)

    def starts_with(self, data: bytes) -> bool:
        return self._data.startswith(data, self._at)

    def take(self, length: int) -> tuple[bytes, int]:
        """Return the next bytes, and the number of the moment that had the first of them."""
        start, self._at = self._at, self._at + length
        return self._data[start : self._at], next(n for begin, n in reversed(self._begins) if begin <= start)

    def take_reply(self) -> tuple[bytes, int]:
        """Return what looks like one reply."""
        end = self._at
        while end < len(self._data):
            line = self._data[end : self._data.find(b"\n", end) + 1 or len(self._data)]
            end += len(line)
            if _LAST_LINE.match(line) or not line[:3].isdigit():
                break
        return self.take(end - self._at)
