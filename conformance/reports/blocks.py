"""The block that tells about one cause: rule, lines of the talk, expected over got, how to repeat it.

A line is spans of text with a role, which the console colours and JUnit drops.
"""

import re
import signal
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

from conformance.format import octets
from conformance.playing.stage import SUBJECTS
from conformance.playing.verdicts import SYMBOLS, Finding, Kind, Result, Verdict
from conformance.reports.causes import Cause, rows_named, single_cut, spans
from conformance.reports.facts import Case, Report
from conformance.reports.notation import clean, pictures

CONTEXT = 4
"""How many lines of the talk stand above the one that is wrong."""
LONGEST = 400
MOST_ALIKE = 12
MOST_LOG = 3
ALIVE = "alive"
Role = Literal["plain", "bad", "good", "dim", "strong", "rule"]
_LINE = re.compile(r"(\s*)(C|S|CT|ST|c|s|fd3|E)(: ?)(.*)")
_ENDINGS = {"E": "␊", "fd3": ""}


class Span(NamedTuple):
    """A piece of a line."""

    text: str
    role: Role = "plain"


Line = tuple[Span, ...]


def text(lines: list[Line]) -> str:
    """Return lines as text."""
    return "\n".join("".join(span.text for span in line).rstrip() for line in lines)


def block(report: Report, cause: Cause, width: int = 100) -> list[Line]:
    """Tell about one cause."""
    case, finding = report.case(cause.first.case), cause.finding
    lines = [_head(case, cause, width)]
    lines += _rules(report, cause, width)
    if finding is not None:
        lines += _context(case, cause, finding)
        lines += _judgement(case, finding)
        lines += _nearest(case, finding)
    if cause.first.reason:
        lines += [(Span("   " + line, "dim"),) for line in cause.first.reason.rstrip().split("\n")]
    if cause.first.known:
        lines.append((Span(f"   {known_word(cause.first)}: {cause.first.known}", "dim"),))
    lines += _alike(cause, width)
    lines += _log(case, cause)
    lines += _again(report, cause)
    return [tuple(span._replace(text=clean(span.text)) for span in line) for line in lines]


def known_word(run: Result) -> str:
    """Say of a known deviation that it is one, and how severe."""
    return f"known ({clean(run.severity)})" if run.severity else "known"


def headline(cause: Cause) -> str:
    """Say in one line what is wrong."""
    finding = cause.finding
    if finding is None:
        return clean(cause.first.reason.strip().split("\n")[-1]) or cause.verdict.value
    if finding.kind in (Kind.WRONG, Kind.EXTRA) and finding.got:
        words = f"{finding.kind}: expected {pictures(finding.expected)}, got {pictures(finding.got)}"
    elif finding.kind is Kind.MISSING:
        words = f"missing: {pictures(finding.expected) or finding.note}"
    else:
        words = f"{finding.kind}: {finding.note or pictures(finding.got)}"
    place = f"line {finding.line}: " if finding.line else ""
    return clean(_short(" ".join([*finding.rules, f"{place}{words}"]), 300))


def _head(case: Case, cause: Cause, width: int) -> Line:
    first = cause.first
    variation = "" if first.variation == "base" else f"~{first.variation}"
    line = cause.finding.line if cause.finding else 0
    where = f"{case.file}:{line}" if case.file and line else case.file
    name, word = f"{first.case}{variation}", f"  ({first.target})  {cause.verdict.value}"
    if len(name) + len(word) + len(where) + 5 > width:
        where = where.rpartition("/")[2]  # the directory is in the name, and `conform show` tells it
    gap = max(2, width - 3 - len(name) - len(word) - len(where))
    return (
        Span(f" {SYMBOLS[cause.verdict]} ", "bad"),
        Span(name, "strong"),
        Span(word, "bad"),
        Span(" " * gap + where, "dim"),
    )


def _rules(report: Report, cause: Cause, width: int) -> Iterator[Line]:
    for name in cause.rules:
        rule = report.rules.get(name)
        words = (rule.text or rule.title) if rule else "(not in the catalogue of rules)"
        level = rule.level.upper() if rule else ""
        room = max(20, width - 5 - len(name) - len(level) - 2)
        wrapped = textwrap.wrap(words, room) or [""]
        yield (
            Span("   "),
            Span(name, "rule"),
            Span(f"  {wrapped[0]:<{room}}"),
            Span(f"  {level}", "dim"),
        )
        for rest in wrapped[1:]:
            yield (Span(" " * (5 + len(name)) + rest),)
    if not cause.rules and cause.first.rules:
        yield (Span(f"   rules of this scenario: {' '.join(cause.first.rules)}", "dim"),)


def _context(case: Case, cause: Cause, finding: Finding) -> Iterator[Line]:
    """Show the lines that came before, and where a packet was cut."""
    lines = dict(enumerate(case.lines, 1))
    talk = next((number for number, line in lines.items() if line == "-- talk --"), 0)
    cut = single_cut(cause.first.variation)
    last = finding.line or (cut.line if cut else 0)
    before = [
        n for n in range(talk + 1, last) if lines.get(n, "").strip() and not lines[n].lstrip().startswith("#")
    ]
    shown = set(before[-CONTEXT:] if finding.line else ())
    if cut is not None:
        shown.add(cut.line)
    for number in sorted(shown - {finding.line}):
        if cut is not None and number == cut.line:
            yield _cut_line(case, lines.get(number, ""), *cut)
        else:
            yield (Span(f"   {number:4}  ", "dim"), Span(_short(_pictured(lines.get(number, "")))))


def _cut_line(case: Case, line: str, number: int, offset: int) -> Line:
    data = case.sent.get(number)
    found = _LINE.fullmatch(line)
    if data is None or found is None:
        return (Span(f"   {number:4}  ", "dim"), Span(f"{_pictured(line)}   (cut behind byte {offset})"))
    shown = f"{octets.visible(data[:offset])}│{octets.visible(data[offset:])}"
    return (
        Span(f"   {number:4}  ", "dim"),
        Span(f"{found[1]}{found[2]}{found[3]}{_short(shown)}"),
        Span("   │ = packet edge", "dim"),
    )


def _judgement(case: Case, finding: Finding) -> Iterator[Line]:
    """Show expected over got."""
    gutter = _LINE.fullmatch(case.lines[finding.line - 1]) if 0 < finding.line <= len(case.lines) else None
    place = f"{gutter[1]}{gutter[2]}: " if gutter else ""
    starts = iter((Span(f"   {finding.line:4}  {place}" if finding.line else " " * 9, "dim"),))
    blank = Span(" " * (9 + len(place)))
    if finding.expected:
        yield next(starts, blank), Span("expected  "), Span(_short(pictures(finding.expected)), "good")
    if finding.got or finding.kind in (Kind.WRONG, Kind.MISSING, Kind.HANG):
        yield next(starts, blank), Span("got       "), Span(_short(pictures(finding.got)) or "nothing", "bad")
    if finding.note:
        yield next(starts, blank), Span(finding.note)


def _nearest(case: Case, finding: Finding) -> Iterator[Line]:
    """Say which other line of the talk expects just what came."""
    if finding.kind is not Kind.WRONG or not finding.got:
        return
    got = pictures(finding.got)
    for number, line in enumerate(case.lines, 1):
        found = _LINE.fullmatch(line)
        if found and number != finding.line and found[2] in ("S", "ST", "c", "E") and _bytes_of(found) == got:
            when = "earlier" if number < finding.line else "later"
            yield (Span(f"   nearest: this is what line {number} expects, {when}"),)
            return


def _alike(cause: Cause, width: int) -> Iterator[Line]:
    others = cause.runs[1:]
    if not others:
        return
    by_case: dict[str, list[str]] = {}
    for run in cause.runs:
        by_case.setdefault(run.case, []).append(run.variation)
    whole = [case for case, variations in by_case.items() if variations == ["base"]]
    words = [f"{case}: {spans(found)}" for case, found in by_case.items() if case not in whole]
    if len(by_case) == 1 and words:
        words = [spans(next(iter(by_case.values())))]
    names = rows_named(case for case in whole if case != cause.first.case)
    if names:
        more = f" and {len(names) - MOST_ALIKE} more" if len(names) > MOST_ALIKE else ""
        words.insert(0, " ".join(names[:MOST_ALIKE]) + more)
    told = f"the same for {'; '.join(words)} ({len(cause.runs)} runs, one cause)"
    for line in textwrap.wrap(told, max(30, width - 3), break_on_hyphens=False):
        yield (Span("   " + line),)


def _log(case: Case, cause: Cause) -> Iterator[Line]:
    """Show the end of what the chain said on standard error, and of the tested programs that have ended.

    Where a line of the log is what is wrong it is there already.
    """
    finding, first = cause.finding, cause.first
    line = case.lines[finding.line - 1] if finding and 0 < finding.line <= len(case.lines) else ""
    said = b"".join(moment.data for moment in first.record if moment.lane == "E")
    if said and not line.startswith("E"):
        for number, text in enumerate(said.splitlines()[-MOST_LOG:]):
            head = "   log:     " if number == 0 else " " * 12
            yield Span(head, "dim"), Span(_short(octets.visible(text)))
    ends = [
        f"{process['programs'][-1]['name']} {end_of(process)}"
        for process in first.processes
        if process.get("programs")
        and process["programs"][-1]["name"] in SUBJECTS
        and end_of(process) != ALIVE
    ]
    if ends:
        yield Span("   ended:   ", "dim"), Span(", ".join(ends))
    if line.lstrip().startswith("fd3:") and _without_3(first.processes):
        yield Span("   hint:    ", "dim"), Span("checkpassword was started without a descriptor 3")


def _without_3(processes: Iterable[Mapping[str, Any]]) -> bool:
    programs = [program for process in processes for program in process.get("programs", [])]
    seen = [p["fds"] for p in programs if p["name"] == "checkpassword" and p.get("fds") is not None]
    return any(3 not in fds for fds in seen)


def end_of(process: Mapping[str, Any]) -> str:
    """Say how a process ended."""
    if process.get("signal") is not None:
        try:
            return signal.Signals(process["signal"]).name
        except ValueError:
            return f"signal {process['signal']}"
    if process.get("code") is not None:
        return f"exit {process['code']}"
    return ALIVE if process.get("observed_end", True) else "end not observed"


def _again(report: Report, cause: Cause) -> Iterator[Line]:
    token = shell_word(cause.first.token) + report.replay_options(cause.target)
    yield (Span(f"   again:   conform replay {token}", "dim"),)
    if cause.verdict not in (Verdict.HARNESS, Verdict.UNUSABLE):
        yield (Span(f"   shrink:  conform shrink {token}", "dim"),)


def shell_word(word: str) -> str:
    """Return a replay token as a shell takes it: # may start a comment only at a word's beginning."""
    return word if re.fullmatch(r"[A-Za-z0-9@:=+,./_~-][A-Za-z0-9@:=+,./_~#-]*", word) else f"'{word}'"


def _pictured(line: str) -> str:
    """Return a line of the talk with its bytes as symbols, its ending among them."""
    found = _LINE.fullmatch(line)
    if found is None:
        return line
    return f"{found[1]}{found[2]}{found[3]}{_bytes_of(found)}"


def _bytes_of(found: re.Match[str]) -> str:
    body = found[4]
    if (len(body) - len(body.rstrip("\\"))) % 2:
        return pictures(body[:-1])
    return pictures(body) + _ENDINGS.get(found[2], "␍␊")


def _short(words: str, longest: int = LONGEST) -> str:
    return words if len(words) <= longest else f"{words[:longest]}… ({len(words) - longest} more)"
