"""Puts disagreements together that look alike: the same stream, and the same words on both sides.

Those are one cause, or a few that nobody can tell apart without reading; two groups may still be one cause.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from conformance.differing.diff import TROUBLE, Disagreement

NUMBERS_SHOWN: Final = 5
_RUN: Final = re.compile(r"((?:\\x[0-9a-f]{2}|\\.|[^\\]))\1{15,}")
_DIGITS: Final = re.compile(r"[0-9]{6,}")
_PASSED_ON: Final = "a line of the server's as it is"
_CLIENTS: Final = ("S", "ST")
_OURS: Final = ("c", "fd3")
"""Streams whose words are the dialogue's own: what counts there is where the two part."""


@dataclass
class Group:
    """Disagreements of one shape. `file` has the first one, made small if `small`."""

    shape: Disagreement
    numbers: list[int] = field(default_factory=list)
    kinds: set[str] = field(default_factory=set)
    file: str = ""
    small: bool = False
    unsure: bool = False
    """It did not come again when the first dialogue was played once more."""


class Groups:
    """All groups, by shape."""

    def __init__(self) -> None:
        self._groups: dict[Disagreement, Group] = {}

    def add(
        self, number: int, kind: str, found: Disagreement, server: frozenset[str] = frozenset()
    ) -> tuple[Group, bool]:
        """Put a disagreement into its group; return that, and whether it is new."""
        shape = shape_of(found, server)
        new = shape not in self._groups
        group = self._groups.setdefault(shape, Group(shape))
        group.numbers.append(number)
        group.kinds.add(kind)
        return group, new

    def __len__(self) -> int:
        return len(self._groups)

    def table(self, one: str, other: str) -> list[str]:
        """Return a summary, the most frequent first."""
        lines = []
        for group in sorted(self._groups.values(), key=lambda group: (-len(group.numbers), group.numbers)):
            numbers = " ".join(map(str, sorted(group.numbers)[:NUMBERS_SHOWN]))
            more = " ..." if len(group.numbers) > NUMBERS_SHOWN else ""
            doubt = ", did not come again" if group.unsure else "" if group.small else ", as it was found"
            lines += [
                f"{len(group.numbers):4} x {group.shape.stream} ({', '.join(sorted(group.kinds))})",
                f"       {one}: {group.shape.a}",
                f"       {other}: {group.shape.b}",
                f"       dialogues {numbers}{more}; {group.file}{doubt}",
            ]
        return lines


def shape_of(found: Disagreement, server: frozenset[str] = frozenset()) -> Disagreement:
    """Return a disagreement without what differs from dialogue to dialogue by chance.

    Where B only passes on a line of the inner server's (`server`) it does not count which one; so for A,
    if B says something of its own.
    """
    if found.stream in _CLIENTS:
        if found.b in server:
            found = found._replace(b=_PASSED_ON)
        elif found.a in server:
            found = found._replace(a=_PASSED_ON)
    a, b = _plain(found.a), _plain(found.b)
    if found.stream == "end" and (a.startswith(TROUBLE) or b.startswith(TROUBLE)):
        a, b = (end if end.startswith(TROUBLE) else "an end" for end in (a, b))
    if found.stream in _OURS:
        a, b = _parting(a, b)
    return Disagreement(found.stream, a, b)


def _plain(words: str) -> str:
    """Shorten runs of one byte, and hide times and PIDs."""
    return _DIGITS.sub("N", _RUN.sub(r"\1...", words))


def _parting(a: str, b: str) -> tuple[str, str]:
    """Leave out what both begin or end with; one that is only longer keeps what it has more."""
    begin = 0
    while begin < min(len(a), len(b)) and a[begin] == b[begin]:
        begin += 1
    end = 0
    while end < min(len(a), len(b)) - begin and a[-1 - end] == b[-1 - end]:
        end += 1
    if not begin and not end:
        return a, b
    return _between_dots(a[begin : len(a) - end]), _between_dots(b[begin : len(b) - end])


def _between_dots(words: str) -> str:
    return f"...{words}..." if words else "..."
