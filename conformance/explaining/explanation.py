"""What there is to say of a reply, and how it is said."""

import re
import textwrap
from collections.abc import Iterator
from typing import NamedTuple

from conformance.explaining.filtering import Applied, Missed
from conformance.explaining.specification import Reason
from conformance.format.octets import write
from conformance.reports.notation import clean

_EVENT = re.compile(rb"[A-Za-z]+! [a-z]+")
_ENDING = b"\r\n"
_MOST_LINES = 20  # of what was said
_MOST_SAID = 1000  # characters of each of them
_MOST_WORDS = 110  # of a rule's line, in characters
_WIDTH = 100  # of the lines of a rule's text
_NARROW = 40


class Explanation(NamedTuple):
    """What there is to say of one reply (or line, or event).

    `who`: one sentence: who said it, in answer to what. `applied`: what the rules of control/fixsmtpio did;
    `missed`: those of the same event that did nothing. `sure`: False where it is not certain which request
    it answers.
    """

    lane: str
    said: bytes
    who: str
    reasons: tuple[Reason, ...]
    applied: tuple[Applied, ...] = ()
    missed: tuple[Missed, ...] = ()
    sure: bool = True

    def lines(self, width: int = _WIDTH) -> list[str]:
        """Return it for people: ASCII, in the notation of a talk, nothing that a terminal would obey.

        The texts of rules are at most so many columns wide, if these are a few words.
        """
        return list(self._lines(max(width, _NARROW)))

    def _lines(self, width: int) -> Iterator[str]:
        if self.lane.endswith("!"):
            yield f"{self.lane} {clean(self.said.decode('latin-1'))}"
        else:
            ending = {"E": b"\n", "fd3": b""}.get(self.lane, _ENDING)
            lines = [self.said] if self.lane == "fd3" else self.said.splitlines(keepends=True)
            for line in lines[:_MOST_LINES]:
                yield f"{self.lane}: {_cut(write(line, ending=ending), _MOST_SAID)}"
            if len(lines) > _MOST_LINES:
                yield f"   ... {len(lines) - _MOST_LINES} more lines"
        yield f"   {self.who}"
        if not self.sure:
            yield "   not certain: our own programs would have said something else here"
        targets = {step.line for step in self.applied}
        alike: dict[tuple[int, bytes, str], list[bytes]] = {}
        for step in self.applied:
            alike.setdefault((step.number, step.rule, step.words), []).append(step.line)
        for (number, rule, words), those in alike.items():
            which = ": " + ", ".join(quoted(line) for line in those) if len(targets) > 1 else ""
            yield f"   line {number}  {_cut(write(rule))}   {words}{_cut(which)}"
        for miss in self.missed:
            yield f"   line {miss.number}  {_cut(write(miss.rule))}   does nothing: {_cut(miss.words)}"
        yield from self._specification(width)

    def _specification(self, width: int) -> Iterator[str]:
        """Yield the rules, each with a scenario that holds such a line to it."""
        if not self.reasons:
            yield "   no scenario of the suite has such a line"
        else:
            yield "   scenarios hold such a line to"
        for reason in self.reasons:
            near = "" if reason.sure else "perhaps "
            yield f"   {near}{reason.rule}  ({reason.case}:{reason.line})"
            yield from textwrap.wrap(
                reason.text,
                width,
                initial_indent=" " * 6,
                subsequent_indent=" " * 6,
                max_lines=3,
                placeholder=" ...",
            )


def _cut(text: str, most: int = _MOST_WORDS) -> str:
    return text if len(text) <= most else text[: most - 3].rstrip() + "..."


def quoted(line: bytes) -> str:
    """Return a line of the wire in quotes, in the notation of a talk; an event (`C! eof`) as it is."""
    return write(line) if _EVENT.fullmatch(line) else f'"{write(line, ending=_ENDING)}"'
