"""Each cause once: runs that came out badly, or as known, for one reason; and few words for many of them."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from conformance.playing.verdicts import Finding, Kind, Result, Verdict
from conformance.reports.facts import Report
from conformance.varying.variations import Cut, VariationError, parse

SERIOUS: Final = (
    Verdict.HARNESS,
    Verdict.UNUSABLE,
    Verdict.CRASH,
    Verdict.SPIN,
    Verdict.HANG,
    Verdict.FAIL,
    Verdict.FLAKY,
    Verdict.KNOWN,
    Verdict.NON_STRICT,
    Verdict.INFO,
    Verdict.PASS,
    Verdict.SKIP,
)
"""Of several verdicts the first of these is the one to show."""
WANTS_ATTENTION: Final = frozenset(SERIOUS[: SERIOUS.index(Verdict.KNOWN)])
_ANYWHERE: Final = frozenset({Kind.SPIN, Kind.CRASH, Kind.LEFTOVERS})
"""Kinds of which the line does not make another cause."""
_ONE_LINE: Final = frozenset({Kind.WRONG, Kind.MISSING, Kind.HANG})
_IN_WORDS: Final = _ANYWHERE | {Kind.HANG, Kind.INVARIANT}


@dataclass(frozen=True)
class Cause:
    """Runs that came out badly, or as known, for one reason."""

    verdict: Verdict
    target: str
    runs: tuple[Result, ...]

    @property
    def first(self) -> Result:
        """The run that is shown."""
        return self.runs[0]

    @property
    def finding(self) -> Finding | None:
        """What was wrong."""
        return self.first.finding

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that were broken, as far as that is known."""
        return self.finding.rules if self.finding else ()


def causes(report: Report, verdicts: frozenset[Verdict] = WANTS_ATTENTION) -> list[Cause]:
    """Return each cause of these verdicts once, base runs first among its runs.

    In the order of the targets; for each one what is most serious, then what explains most cases.
    """
    runs: dict[tuple[object, ...], list[Result]] = {}
    for result in report.results:
        if result.verdict in verdicts:
            runs.setdefault(_cause(result), []).append(result)
    merged: dict[tuple[object, ...], list[Result]] = {}
    for key, found in runs.items():
        merged.setdefault(_elsewhere(report, found[0]) or key, []).extend(found)
    sets = [tuple(sorted(found, key=_base_first)) for found in merged.values()]
    return sorted((Cause(found[0].verdict, found[0].target, found) for found in sets), key=_rank(report))


def spans(variations: Sequence[str]) -> str:
    """Name many variations in few words: `cuts 19:1…19:20 and 30:1…30:11, multi=7`."""
    single: dict[int, list[int]] = {}
    others = []
    for text in variations:
        cut = single_cut(text)
        if cut is None:
            others.append(text)
        else:
            single.setdefault(cut.line, []).append(cut.offset)
    words = []
    for line, offsets in sorted(single.items()):
        words += [f"{line}:{a}" if a == b else f"{line}:{a}…{line}:{b}" for a, b in _runs(sorted(offsets))]
    named = ["cuts " + _and(words)] if words else []
    return ", ".join([*named, *others[:12], *([f"{len(others) - 12} more"] if len(others) > 12 else [])])


def single_cut(variation: str) -> Cut | None:
    """Return the packet edge of a variation that is nothing but one."""
    try:
        cuts = parse(variation).cuts
    except VariationError:
        return None
    return cuts[0] if len(cuts) == 1 else None


def _cause(result: Result) -> tuple[object, ...]:
    """Return what is equal for two runs that came out badly for one reason."""
    finding = result.finding
    scenario = result.case.partition("#")[0]
    if finding is None:
        return result.target, scenario, result.verdict, result.reason
    line = 0 if finding.kind in _ANYWHERE else finding.line
    if finding.kind in _IN_WORDS:
        words = re.sub(r"[0-9]+(?:\.[0-9]+)?", "#", finding.note or finding.got)
    else:
        words = re.sub("[0-9]{4,}", "#", finding.got)  # pids and times, no reply codes
    return result.target, scenario, result.verdict, line, finding.kind, words


def _elsewhere(report: Report, result: Result) -> tuple[object, ...] | None:
    """Return what is equal for one fault that shows in several scenarios: the same for the same, by one rule.

    None where nobody could tell that from chance. A checkpassword that reads nothing is one fault, whatever
    it should have read.
    """
    finding = result.finding
    if finding is None or not finding.expected or finding.kind not in _ONE_LINE or result.variation != "base":
        return None
    got = re.sub("[0-9]{4,}", "#", finding.got)
    lines = report.case(result.case).lines
    if not got and 0 < finding.line <= len(lines) and lines[finding.line - 1].lstrip().startswith("fd3:"):
        return result.target, result.verdict, finding.kind, "fd3", finding.note
    return result.target, result.verdict, finding.kind, finding.rules, finding.expected, got, finding.note


def _rank(report: Report) -> Callable[[Cause], tuple[int, int, int]]:
    targets = report.targets

    def rank(cause: Cause) -> tuple[int, int, int]:
        cases = {run.case for run in cause.runs}
        return targets.index(cause.target), SERIOUS.index(cause.verdict), -len(cases)

    return rank


def _base_first(result: Result) -> bool:
    return result.variation != "base"


def rows_named(cases: Iterable[str]) -> list[str]:
    """Name many cases in few words: the rows of one table together, such as `capa#1…#4 #7`."""
    rows: dict[str, list[int]] = {}
    for name in cases:
        scenario, _, row = name.partition("#")
        rows.setdefault(scenario, []).extend([int(row)] if row else [])
    return [
        scenario + " ".join(f"#{a}" if a == b else f"#{a}…#{b}" for a, b in _runs(sorted(found)))
        for scenario, found in rows.items()
    ]


def _runs(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Return the first and last of each run of consecutive numbers."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and number <= found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def _and(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
