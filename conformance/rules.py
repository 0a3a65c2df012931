"""The catalogue of rules, read from rules.md, and how far scenarios and seeded bugs reach it.

    ## 3.3 authup: errors                         a section
    ### AUTHUP-ERR-1 (must) - What it is about    a rule: its id, level and title
    The rule in one sentence, on any number of lines.

    Source: spec 3.3; RFC 4954 4, 6
    For: fakes                                    only where it binds a program around ours and has a part
    Proved by: tests/fakes/test_pop3d.py          that no transcript shows, with the tests of our fake that do

Level and text are the project's own words; the ids are those of its specification.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, NamedTuple

from conformance.format import received
from conformance.format.cases import cases
from conformance.format.talk import LEVELS, Talk
from conformance.format.talk_parser import FileError
from conformance.playing import attributes
from conformance.playing.beats import Send, is_expected, understand

RULES_FILE: Final = Path(__file__).with_name("rules.md")
_SECTION: Final = re.compile(r"## (\S.*)")
_RULE: Final = re.compile(r"### ([A-Z][A-Z0-9]*(?:-[A-Z0-9]+)*-[0-9]+) \((\w+)\) - (\S.*)")
_FIELD: Final = re.compile(r"(Source|For|Proved by): (\S.*)")
_SCOPES: Final = ("", "fakes")


class RulesError(FileError):
    """A file that is no catalogue."""


class Rule(NamedTuple):
    """One rule.

    `scope` is "fakes" when it binds a program around ours, and scenarios cannot show all of it; `tests` is
    the file whose tests do, if there is one.
    """

    id: str
    level: str
    title: str
    text: str
    source: str
    section: str
    scope: str
    tests: str
    line: int


class Citation(NamedTuple):
    """A line of a scenario that holds the tested programs to a rule."""

    scenario: str
    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.scenario}:{self.line}"


class Coverage(NamedTuple):
    """How far one rule is reached.

    `lines` hold something against it, `mentions` are the scenarios that have it in the header only,
    `bugs` the seeded bugs that break it and are noticed.
    """

    rule: Rule
    lines: tuple[Citation, ...]
    mentions: tuple[str, ...]
    bugs: tuple[str, ...]

    @property
    def covered(self) -> bool:
        """Whether anything would notice if the rule were broken."""
        return bool(self.lines or self.rule.tests)

    @property
    def proof(self) -> str:
        """What proves it: seeded bugs by name, the tests of a fake, or nothing."""
        return " ".join(self.bugs) or self.rule.tests


class Catalogue(Mapping[str, Rule]):
    """The rules by their ids, in the order of the file."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = {rule.id: rule for rule in rules}

    def __getitem__(self, rule: str) -> Rule:
        return self._rules[rule]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rules)

    def __len__(self) -> int:
        return len(self._rules)

    def matching(self, pattern: str) -> list[Rule]:
        """Return the rules that a pattern such as AUTHUP-ERR-* or CTL-[12] selects, in any case."""
        return [rule for rule in self.values() if fnmatchcase(rule.id, pattern.upper())]


def read(path: Path = RULES_FILE) -> Catalogue:
    """Read the catalogue. Raises RulesError, OSError."""
    return parse(path.read_text(encoding="utf-8"), str(path))


def parse(text: str, file: str = "<text>") -> Catalogue:
    """Understand the text of a catalogue. Raises RulesError."""
    found: dict[str, Rule] = {}
    section = ""
    lines = text.split("\n")
    headings = [number for number, line in enumerate(lines, 1) if line.startswith("#")]
    for number, following in zip(headings, [*headings[1:], len(lines) + 1], strict=True):
        heading = lines[number - 1]
        if (start := _SECTION.fullmatch(heading)) is not None:
            section = start[1]
        elif heading.startswith("##"):
            rule = _rule(lines[number - 1 : following - 1], section, number, file)
            if rule.id in found:
                raise RulesError(
                    file, number, f"expected {rule.id} once, it stands in line {found[rule.id].line}"
                )
            found[rule.id] = rule
    if not found:
        raise RulesError(file, 1, "expected a rule, `### ID (level) - Title`")
    return Catalogue(found.values())


def _rule(lines: Sequence[str], section: str, number: int, file: str) -> Rule:
    heading = _RULE.fullmatch(lines[0])
    if heading is None:
        raise RulesError(file, number, "expected `### ID (level) - Title`, such as CTL-1, or `## Section`")
    if heading[2] not in LEVELS:
        raise RulesError(file, number, f"{heading[2]!r}: expected one of {' '.join(LEVELS)}")
    if not section:
        raise RulesError(file, number, "expected a section, `## ...`, above the first rule")
    words: list[str] = []
    fields: dict[str, str] = {}
    for line_number, line in enumerate(lines[1:], number + 1):
        field = _FIELD.fullmatch(line)
        if field is not None and field[1] in fields:
            raise RulesError(file, line_number, f"expected {field[1]}: once")
        if field is not None:
            fields[field[1]] = field[2]
        elif line and fields:
            raise RulesError(file, line_number, "expected the sentence above `Source:`")
        elif line:
            words.append(line)
    if not words:
        raise RulesError(file, number, "expected a sentence below the heading")
    if "Source" not in fields:
        raise RulesError(file, number, "expected `Source: ...` below the sentence")
    scope = fields.get("For", "")
    if scope not in _SCOPES:
        raise RulesError(file, number, f"For: {scope}: expected fakes")
    tests = fields.get("Proved by", "")
    if tests and not scope:
        raise RulesError(file, number, "expected `For: fakes` with `Proved by:`, other rules need scenarios")
    return Rule(
        heading[1], heading[2], heading[3], " ".join(words), fields["Source"], section, scope, tests, number
    )


def citations(talk: Talk) -> dict[str, tuple[Citation, ...]]:
    """Return, rule by rule, what is expected (lines, events, processes) below a `# [RULE]` note.

    Rows of a table share the lines of the file; a draft covers nothing. Raises TalkError.
    """
    found: dict[str, set[int]] = {}
    for case in [] if talk.all("draft") else cases(talk):
        for beat in understand(case).beats:
            if isinstance(beat, Send) or not is_expected(beat):
                continue
            for rule in beat.rules:
                found.setdefault(rule, set()).add(beat.line)
        for section in received.sections(case):
            for line in section.lines:
                for rule in line.rules:
                    found.setdefault(rule, set()).add(line.line)
        processes = case.section("processes")
        for row in attributes.parse_tree(processes) if processes else ():
            for rule in row.rules:
                found.setdefault(rule, set()).add(row.line)
    return {
        rule: tuple(Citation(talk.name, talk.file, line) for line in sorted(lines))
        for rule, lines in found.items()
    }


def coverage(
    catalogue: Catalogue, talks: Iterable[Talk], bugs: Mapping[str, Sequence[str]] | None = None
) -> list[Coverage]:
    """Return how far each rule is reached, in the order of the catalogue. Raises TalkError.

    `bugs` are the seeded bugs that count: id to the rules that it breaks.
    """
    lines: dict[str, tuple[Citation, ...]] = {}
    mentions: dict[str, tuple[str, ...]] = {}
    for talk in talks:
        cited = citations(talk)
        for rule, found in cited.items():
            lines[rule] = (*lines.get(rule, ()), *found)
        for rule in talk.rules:
            if rule not in cited:
                mentions[rule] = (*mentions.get(rule, ()), talk.name)
    return [
        Coverage(
            rule,
            lines.get(rule.id, ()),
            mentions.get(rule.id, ()),
            tuple(bug for bug, broken in (bugs or {}).items() if rule.id in broken),
        )
        for rule in catalogue.values()
    ]
