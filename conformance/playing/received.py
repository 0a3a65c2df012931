"""Holds all that somebody got against a section -- NAME received --, when the talk is over."""

from collections.abc import Mapping
from typing import NamedTuple

from conformance.format import octets, received
from conformance.format.octets import NotationError, Octets
from conformance.format.talk import Talk
from conformance.format.talk_parser import TalkError
from conformance.playing.matching import complete, one_line
from conformance.playing.verdicts import Finding, Kind


class Line(NamedTuple):
    """One line that must have arrived."""

    what: Octets
    line: int
    rules: tuple[str, ...]


class Received(NamedTuple):
    """A section, understood: what the `number`-th `actor` of that name must have got, on which lane."""

    actor: str
    number: int
    lane: str
    lines: tuple[Line, ...]
    line: int

    @property
    def name(self) -> str:
        """Who it is, for messages."""
        return self.actor if self.number == 1 else f"{self.actor} {self.number}"


def understand(talk: Talk, files: Mapping[str, bytes], endings: Mapping[str, bytes]) -> list[Received]:
    """Understand the sections of a case; `endings` are those of the lanes. Raises TalkError."""
    return [
        Received(
            section.actor,
            section.number,
            section.lane,
            tuple(_line(talk, line, endings.get(section.lane, b"\r\n"), files) for line in section.lines),
            section.line,
        )
        for section in received.sections(talk)
    ]


def _line(talk: Talk, line: received.Line, ending: bytes, files: Mapping[str, bytes]) -> Line:
    try:
        return Line(octets.parse(line.text, ending, files), line.line, line.rules)
    except NotationError as error:
        raise TalkError(talk.file, line.line, str(error)) from None


def difference(section: Received, data: bytes, captured: dict[str, bytes]) -> Finding | None:
    """Return what is first wrong with the bytes, None if nothing; `captured` is added to."""
    position = 0
    for line in section.lines:
        length = _length(line.what, data, position, captured)
        if length is None:
            got = octets.write(one_line(data[position:])[:2000])
            kind = Kind.WRONG if got else Kind.MISSING
            return Finding(line.line, kind, line.rules, octets.notation(line.what), got)
        position += length
    if position == len(data):
        return None
    last = section.lines[-1] if section.lines else Line((), section.line, ())
    got = octets.write(one_line(data[position:])[:2000])
    return Finding(last.line, Kind.EXTRA, last.rules, "nothing more", got)


def _length(what: Octets, data: bytes, position: int, captured: dict[str, bytes]) -> int | None:
    """Return how many bytes at the position are this line; None if they are not."""
    if all(isinstance(part, bytes) for part in what):
        expected = octets.literal(what)
        return len(expected) if data.startswith(expected, position) else None
    there = data[position:]
    length = complete([what], there, ended=True)
    if length is None or not octets.matches(what, there[:length], captured):
        return None
    return length


def not_there(section: Received) -> Finding:
    """Return what there is to say when somebody was not started at all."""
    return Finding(section.line, Kind.MISSING, (), f"{section.name} received", note="it was not started")
