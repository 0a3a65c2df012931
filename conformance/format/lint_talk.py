"""What lint says about the lines of a case that can be played: lines that nothing can reach, idle rules."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from conformance.format import octets
from conformance.format.complaint import Remark, Weight
from conformance.format.octets import NotationError, Pattern
from conformance.format.playable import has_our_front_end, name_of
from conformance.format.talk import EXPECTING, Gap, Happen, Mark, Note, Say, Section, Talk
from conformance.format.talk_parser import note
from conformance.playing.beats import EVENTS

_MISPLACED_RULE: Final = re.compile(r"#\[|.*\[[A-Z][A-Z0-9]*(?:-[A-Z0-9]+)*-[0-9]+")
_WORDS_OF_NOTE: Final = re.compile(r"#(?: \[[^\]]*\])?(.*)")
_PLANNED: Final = frozenset({"env", "hold", "refuse"})
_CLOSES: Final = {
    ("C", "eof"): ("C",),
    ("C", "reset"): ("C", "C!", "S"),
    ("C", "hangup"): ("C", "C!", "S"),
    ("CT", "eof"): ("CT",),
    ("CT", "reset"): ("CT", "CT!", "ST"),
    ("CT", "hangup"): ("CT", "CT!", "ST"),
    ("S", "eof"): ("S",),
    ("ST", "eof"): ("ST",),
    ("s", "eof"): ("s",),
    ("s", "exit"): ("s", "s!"),
    ("s", "signal"): ("s", "s!"),
    ("c", "eof"): ("c",),
    ("c", "killed"): ("c", "s", "s!"),
    ("S", "exit"): ("C", "C!", "CT", "CT!", "S", "S!", "ST", "ST!", "c", "s", "s!", "fd3", "T!", "A!"),
    ("S", "signal"): ("C", "C!", "CT", "CT!", "S", "S!", "ST", "ST!", "c", "s", "s!", "fd3", "T!", "A!"),
}
"""What cannot come any more after an event, by gutter; with ! events. E: lines and c! K! may always come."""
_INNER: Final = ("c", "s", "s!")


def check(case: Talk) -> Iterator[Remark]:
    """Look at the talk of a case."""
    yield from _check_order(case)
    yield from _check_notes(case)
    yield from _check_patterns(case)


def _check_order(case: Talk) -> Iterator[Remark]:
    """Complain of lines that come too late, or too early, to be reached."""
    closed: dict[str, int] = {}
    tls = has_our_front_end(case)
    for step in case.steps:
        if not isinstance(step, Say | Happen):
            continue
        kind = step.gutter + ("!" if isinstance(step, Happen) else "")
        word = step.words.split()[0] if isinstance(step, Happen) else ""
        if word == "start" and step.gutter == "c":
            closed = {lane: line for lane, line in closed.items() if lane not in _INNER}
        if kind in closed:
            yield Remark(step.line, f"{name_of(step)} cannot be reached behind line {closed[kind]}")
        if kind in ("CT", "ST") and not tls:
            yield Remark(step.line, f"{name_of(step)} cannot be reached before `S! tls`")
        if kind == "T!" and word in _PLANNED and tls:
            yield Remark(step.line, f"{name_of(step)} must stand above `S! tls`")
        tls = tls or (kind == "S!" and word == "tls")
        for lane in _CLOSES.get((step.gutter, word), ()):
            closed.setdefault(lane, step.line)


def _check_notes(case: Talk) -> Iterator[Remark]:
    """Complain of rules in comments that hold nothing against anybody."""
    waiting: list[Note] = []
    for step in case.steps:
        if isinstance(step, Note):
            if step.rules:
                waiting.append(step)
            elif _MISPLACED_RULE.match(step.text):
                yield _misplaced(step.line)
        elif isinstance(step, Gap):
            yield from map(_idle, waiting)
            waiting = []
        elif not isinstance(step, Mark) and _is_expected(step):
            waiting = []
    yield from map(_idle, waiting)
    for section in case.sections:
        if section.is_received:
            yield from _check_notes_of(section)


def _check_notes_of(section: Section) -> Iterator[Remark]:
    """Complain of rules above nothing in what was received, where a note counts up to the next one."""
    lines = [*enumerate(section.lines, section.line + 1), (0, "#")]
    for (number, line), (_, below) in pairwise(lines):
        found = note(line, number) if line.startswith("#") else None
        if found is None:
            continue
        if found.rules and below.startswith("#"):
            yield _idle(found)
        if not found.rules and _MISPLACED_RULE.match(line):
            yield _misplaced(number)


def _misplaced(line: int) -> Remark:
    return Remark(line, "expected `# [RULE]` if this rule is to count: a blank, and the rule first")


def _idle(idle: Note) -> Remark:
    return Remark(idle.line, f"[{' '.join(idle.rules)}] stands above no expected line")


def _is_expected(step: Say | Happen) -> bool:
    if isinstance(step, Say):
        return step.gutter in EXPECTING
    return step.words.split()[0] in EVENTS[step.gutter].theirs


def _check_patterns(case: Talk) -> Iterator[Remark]:
    """Complain of {any} and {re:} without a comment that says why."""
    explained = False
    for step in case.steps:
        if isinstance(step, Gap):
            explained = False
        elif isinstance(step, Note):
            found = _WORDS_OF_NOTE.fullmatch(step.text)
            explained = explained or bool(found and found[1].strip())
        elif isinstance(step, Say) and not explained:
            for line, text in [(step.line, step.text), *((a.line, a.text) for a in step.alternatives)]:
                if _has_pattern(text):
                    words = "{any} and {re:} are a last resort: expected a comment that says why"
                    yield Remark(line, words, Weight.WARNING)


def _has_pattern(text: str) -> bool:
    try:
        return any(isinstance(part, Pattern) for part in octets.parse(text))
    except NotationError:
        return False  # {file:}, which is no pattern, or an error that understand() tells
