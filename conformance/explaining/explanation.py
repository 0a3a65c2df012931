"""What there is to say of a reply, and how it is said."""

from collections.abc import Iterator
from typing import NamedTuple

from conformance.explaining.filtering import Applied, Missed
from conformance.explaining.specification import Reason
from conformance.format.octets import write

_MOST_WORDS = 110  # of a rule's text and of a rule's line, in characters


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

    def lines(self) -> list[str]:
        """Return it for people: ASCII, in the notation of a talk, nothing that a terminal would obey."""
        return list(self._lines())

    def _lines(self) -> Iterator[str]:
        if self.lane.endswith("!"):
            yield f"{self.lane} {write(self.said)}"
        for line in [] if self.lane.endswith("!") else self.said.splitlines(keepends=True):
            yield f"{self.lane}: {shown(line)}"
        yield f"   {self.who}"
        if not self.sure:
            yield "   not certain: our own programs would have said something else here"
        for step in self.applied:
            target = f' "{shown(step.line)}"' if len({one.line for one in self.applied}) > 1 else ""
            yield f"   line {step.number}  {_cut(write(step.rule))}   {step.words}{target}"
        for rule in self.missed:
            yield f"   line {rule.number}  {_cut(write(rule.rule))}   does nothing: {rule.words}"
        for reason in self.reasons:
            place = f"{reason.case}:{reason.line}"
            near = "" if reason.sure else "perhaps "
            yield f"   {near}{reason.rule}  {_cut(reason.text)}  ({place})"
        if not self.reasons:
            yield "   no scenario of the suite has such a line"


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_WORDS else text[: _MOST_WORDS - 3].rstrip() + "..."


def shown(line: bytes) -> str:
    """Return a line of the wire in the notation of a talk."""
    return write(line, ending=b"\r\n")
