r"""The sections -- NAME received --: all that somebody got, in place of the lines of the talk.

    -- client received --           in plaintext, where the talk has no S: lines
    -- ofmipd received --           on the standard input of the inner program: no c: lines
    -- ofmipd 2 received --         of the second one that is started
    -- checkpassword received --    on descriptor 3 of its first call: no fd3: and no K! lines

A line is what would stand behind the gutter in the talk, an empty one too. `# [RULE]` in the first column
names the rules of the lines below it, up to the next such note; a line that begins with # is written \x23.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from conformance.format.complaint import Remark
from conformance.format.talk import Happen, Say, Section, Talk
from conformance.format.talk_parser import note
from conformance.playing.stage import BRACED, CHECKPASSWORD, SUBJECTS

CLIENT: Final = "client"
_NAME: Final = re.compile(r"(\S+)(?: ([2-9]|[1-9][0-9]+))? received")


class Line(NamedTuple):
    """One line that must have arrived; `text` is octets.py's notation."""

    text: str
    line: int
    rules: tuple[str, ...]


class Received(NamedTuple):
    """One section. `actor` is client, checkpassword or an inner program, the `number`-th of that name."""

    actor: str
    number: int
    lines: tuple[Line, ...]
    line: int

    @property
    def lane(self) -> str:
        """The gutter of the lines that it stands for."""
        if self.actor in CHECKPASSWORD:
            return "fd3"
        return "S" if self.actor == CLIENT else "c"


def sections(case: Talk) -> list[Received]:
    """Return the sections of a case whose names can be understood."""
    found = []
    for section in case.sections:
        name = _NAME.fullmatch(section.name)
        if name is not None:
            found.append(Received(name[1], int(name[2] or 1), tuple(_lines(section)), section.line))
    return found


def _lines(section: Section) -> Iterator[Line]:
    rules: tuple[str, ...] = ()
    for number, text in enumerate(section.lines, section.line + 1):
        if text.startswith("#"):
            rules = note(text, number).rules
        else:
            yield Line(text, number, rules)


def check(case: Talk) -> Iterator[Remark]:
    """Tell what cannot be played, or is told twice."""
    for section in case.sections:
        if section.is_received and not _NAME.fullmatch(section.name):
            yield Remark(
                section.line, f"-- {section.name} --: expected NAME received, or NAME 2 received ..."
            )
    found = sections(case)
    yield from _check_actors(case, found)
    yield from _check_talk(case, found)


def _check_actors(case: Talk, found: Iterable[Received]) -> Iterator[Remark]:
    played = set(BRACED.findall(case.one("run"))) - SUBJECTS
    there = {(section.actor, section.number) for section in found}
    for section in found:
        if section.actor != CLIENT and section.actor not in played:
            words = f"{section.actor} received: expected client, or a program that stands in run in braces"
            yield Remark(section.line, words)
        elif section.actor == CLIENT and section.number > 1:
            yield Remark(section.line, "there is one client")
        elif section.number > 1 and (section.actor, section.number - 1) not in there:
            yield Remark(section.line, f"expected a section for the {section.actor} before this one, too")


def _check_talk(case: Talk, found: Iterable[Received]) -> Iterator[Remark]:
    """Complain of lines for a stream that has a section."""
    told = {section.lane: section.line for section in found}
    for step in case.steps:
        if isinstance(step, Say) and step.gutter in told:
            name = f"{step.gutter}:"
        elif isinstance(step, Happen) and step.gutter in told and step.words.startswith("silent"):
            name = f"{step.gutter}! silent"
        elif isinstance(step, Happen) and step.gutter == "K" and "fd3" in told:
            name = "K!"
        else:
            continue
        line = told["fd3" if name == "K!" else step.gutter]
        yield Remark(step.line, f"{name} cannot stand beside the section in line {line}, which tells it all")
