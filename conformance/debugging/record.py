"""All that was seen in one life of a chain, in order; whoever looks is told at once."""

from collections.abc import Callable

from conformance.playing.beats import EVENTS
from conformance.playing.verdicts import Moment

OURS = frozenset({"C", "CT", "s", "K", "T", "A"})
"""The lanes on which most of what happens is our own doing."""


class Record(list[Moment]):
    """The moments of a life; `told` is called with each.

    What a scenario expects stands in it when it happens (line 0, from watching.py), and not when the
    director begins to wait for it.
    """

    def __init__(self, told: Callable[[Moment], None]) -> None:
        super().__init__()
        self._told = told

    def append(self, moment: Moment) -> None:
        """Add a moment."""
        if moment.what and moment.line and _is_awaited(moment):
            return
        super().append(moment)
        self._told(moment)

    def lanes(self, start: int = 0, end: int | None = None) -> dict[str, bytes]:
        """Return what came on each lane, and happened there, between two places of the record."""
        found: dict[str, bytes] = {}
        for moment in self[start:end]:
            if not is_ours(moment):
                words = f"\n! {moment.what}\n".encode() if moment.what else b""
                found[moment.lane] = found.get(moment.lane, b"") + moment.data + words
        return found


def is_ours(moment: Moment) -> bool:
    """Say whether this is our own doing."""
    if moment.data or not moment.what:
        return moment.lane in ("C", "CT", "s")
    word = moment.what.split()[0]
    return moment.lane in EVENTS and word in EVENTS[moment.lane].ours


def _is_awaited(moment: Moment) -> bool:
    return moment.lane in EVENTS and moment.what.split()[0] in EVENTS[moment.lane].theirs
