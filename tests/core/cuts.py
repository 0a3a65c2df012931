"""Every way in which a test cuts its input; the result must never depend on it."""

from collections.abc import Iterator
from itertools import combinations, pairwise


def cuts(data: bytes, *, most_pairs: int = 400) -> Iterator[list[bytes]]:
    """Yield `data` whole, byte by byte, cut at every place, and cut at pairs of places.

    All pairs where there are at most `most_pairs`; otherwise the pairs next to CR, LF, blank and dot.
    """
    yield [data]
    yield [data[i : i + 1] for i in range(len(data))]
    for i in range(1, len(data)):
        yield [data[:i], data[i:]]
    places = range(1, len(data))
    pairs: list[tuple[int, int]]
    if len(places) * (len(places) - 1) // 2 > most_pairs:
        near = [i for i in places if data[i - 1 : i + 1].strip(b"\r\n .") != data[i - 1 : i + 1]]
        pairs = list(pairwise(near))
    else:
        pairs = list(combinations(places, 2))
    for i, j in pairs:
        yield [data[:i], data[i:j], data[j:]]
