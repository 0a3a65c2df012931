"""The text of a scenario in parts that can be left out, and the lines that cannot do without each other."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from conformance.format.talk import Talk
from conformance.varying.written import header_lines

Lines = tuple[str, ...]
_CLIENT: Final = re.compile(r"\s*(?:C|CT)[:!]")
_SAID: Final = re.compile(r"\s*(?:C|CT|s):(?: (.*))?")
_BELOW: Final = re.compile(r"\s*\|(?:info)?:")
_MARK: Final = re.compile(r"\s*\+[0-9.]+s")


class Part(NamedTuple):
    """A section: its name and its lines."""

    name: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Document:
    """The text of a scenario, in parts that can be left out."""

    header: tuple[str, ...]
    parts: tuple[Part, ...]

    @classmethod
    def of(cls, talk: Talk) -> "Document":
        """Take a scenario apart."""
        return cls(tuple(header_lines(talk)), tuple(Part(s.name, s.lines) for s in talk.sections))

    @property
    def text(self) -> str:
        """The file."""
        lines = [*self.header, *(line for part in self.parts for line in (f"-- {part.name} --", *part.lines))]
        return "".join(f"{line}\n" for line in lines)

    def lines(self, name: str) -> tuple[str, ...]:
        """Return the lines of the section of this name."""
        return next(part.lines for part in self.parts if part.name == name)

    def with_lines(self, name: str, lines: Sequence[str]) -> "Document":
        """Return it with these lines in the section of this name."""
        parts = tuple(part._replace(lines=tuple(lines)) if part.name == name else part for part in self.parts)
        return Document(self.header, parts)

    def without_group(self, groups: Sequence[Lines], number: int) -> "Document | None":
        """Return it without a group of the talk's lines, and their like in what was received.

        None if nothing of the kind was received.
        """
        said = [found[1] or "" for line in groups[number] if (found := _SAID.fullmatch(line))]
        smaller = self
        for part in self.parts:
            lines = list(part.lines)
            for text in said if part.name.endswith(" received") else ():
                if text in lines:
                    lines.remove(text)
            smaller = smaller.with_lines(part.name, lines)
        kept = [line for place, group in enumerate(groups) if place != number for line in group]
        return smaller.with_lines("talk", kept) if smaller != self else None


def single_lines(lines: Sequence[str]) -> list[Lines]:
    """Group lines that cannot do without each other: time marks, a line, its alternatives."""
    groups: list[Lines] = []
    marked = False
    for line in lines:
        if groups and (marked or _BELOW.match(line)):
            groups[-1] = (*groups[-1], line)
        else:
            groups.append((line,))
        marked = _MARK.fullmatch(line) is not None
    return groups


def exchanges(lines: Sequence[str]) -> list[Lines]:
    """Group what the client does with all that follows from it."""
    groups: list[Lines] = []
    speaking = False
    for group in single_lines(lines):
        client = any(_CLIENT.match(line) for line in group)
        if groups and (speaking or not client):
            groups[-1] = (*groups[-1], *group)
        else:
            groups.append(group)
        speaking = client
    return groups
