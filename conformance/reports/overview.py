"""All cases at a glance, and the footer: what the console prints above and below the causes."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final, NamedTuple

from conformance.playing.verdicts import SYMBOLS, Kind, Verdict
from conformance.reports.blocks import Line, Role, Span, known_word
from conformance.reports.facts import Report
from conformance.reports.notation import clean
from conformance.reports.summary import (
    Cell,
    cells,
    counts,
    groups,
    left_out_words,
    rule_states,
    skip_reasons,
    worst,
)

FEW: Final = 40
"""So many cases are all listed; of more, only those that are not simply good."""
MOST_NAMED: Final = 12
MOST_NAME: Final = 48
MOST_REASONS: Final = 6
_QUIET: Final = frozenset({Verdict.PASS, Verdict.SKIP})
_ROLES: Final[dict[Verdict, Role]] = {Verdict.PASS: "good", Verdict.SKIP: "dim", Verdict.KNOWN: "rule"}
_TOLD: Final = frozenset({Verdict.NON_STRICT, Verdict.INFO, Verdict.KNOWN})


def role_of(verdict: Verdict) -> Role:
    """Return the role that a verdict's words are shown in."""
    if verdict.bad or verdict in (Verdict.HARNESS, Verdict.UNUSABLE):
        return "bad"
    return _ROLES.get(verdict, "plain")


def cell_words(cell: Cell) -> tuple[Span, str]:
    """Return the symbol, and in a few words how a case came out on a target."""
    verdict, base, variations = cell.verdict, cell.base, cell.variations
    symbol = Span(SYMBOLS[verdict], role_of(verdict))
    if verdict is Verdict.SKIP:
        return symbol, f"skip: {clean(cell.speaking.reason)}"
    count = f"{len(cell.runs)} runs" if len(cell.runs) > 1 else ""
    time = f"{base.seconds:.2f}s" if base and base.seconds >= 0.5 else ""
    if verdict is Verdict.PASS:
        return symbol, "  ".join(word for word in ("pass", time, count) if word)
    finding = cell.speaking.finding
    rules = " ".join(finding.rules) if finding else ""
    line = finding.line if finding else 0
    if verdict in _TOLD and not line:
        line = next((f.line for f in cell.speaking.findings if f.kind is Kind.ALTERNATIVE), 0)
    place = f"line {line}" if line else ""
    word = known_word(cell.speaking) if verdict is Verdict.KNOWN else verdict.value
    failed = sum(run.verdict not in _QUIET for run in variations)
    if base is not None and base.verdict in _QUIET:
        some = f"base passes, {failed} of {len(variations)} variations"
        return symbol, "  ".join(part for part in (word, some, rules) if part)
    return symbol, "  ".join(part for part in (word, rules, place) if part)


class _Layout(NamedTuple):
    """How wide the columns are; `narrow`: each target has a line of its own."""

    name: int
    rooms: dict[str, int]
    narrow: bool


def listing(report: Report, width: int, *, everything: bool = False) -> list[Line]:
    """Return the cases by program, one a line, the targets side by side where there is room."""
    matrix, by_group, targets = cells(report), groups(report), report.targets
    names = [case.name for cases in by_group.values() for case in cases]
    everything = everything or len(names) <= FEW
    layout = _layout(matrix.values(), names, targets, width)
    lines: list[Line] = []
    for group, cases in by_group.items():
        rows = [[matrix[case.name, t] for t in targets if (case.name, t) in matrix] for case in cases]
        shown = [row for row in rows if everything or any(cell.verdict not in _QUIET for cell in row)]
        lines.append((Span(f"  {group}", "strong"),))
        for name, row in _merged(shown):
            lines += _row(name, row, layout)
        lines += _others([row for row in rows if row not in shown], bool(shown))
    return lines


def footer(report: Report, *, where: str = "") -> list[Line]:
    """Return the last lines: rules, runs by target, what was left out, seed and exit code."""
    lines = [*_rules(report), *_runs(report)]
    for target in report.targets:
        reasons = skip_reasons(report, target)
        for why, count in list(reasons.items())[:MOST_REASONS]:
            lines.append((Span(f" skipped on {target}: {_number(count)}, {clean(why)}", "dim"),))
        rest = sum(list(reasons.values())[MOST_REASONS:])
        if rest:
            lines.append((Span(f" skipped on {target}: {_number(rest)} for other reasons", "dim"),))
    gone = (clean(f" ★ fixed on {one.target}, {one.words}") for one in report.fixed)
    lines += [(Span(words, "good"),) for words in gone]
    for why, count in report.left_out.items():
        lines.append((Span(f" left out: {clean(left_out_words(why, count))}", "rule"),))
    for target in report.targets:
        missing = Counter(name for r in report.results if r.target == target for name in r.unobserved)
        if missing:
            seen = ", ".join(f"{name} in {count} runs" for name, count in missing.items())
            lines.append((Span(f" not observed on {target}: {seen}", "dim"),))
    seeds = " ".join(dict.fromkeys(str(session.seed) for session in report.sessions))
    interrupted = " · interrupted" if report.exit == 130 else ""
    place = f" · report {where}" if where else ""
    role: Role = "good" if report.exit == 0 else "bad"
    lines.append((Span(f" seed {seeds}{place}{interrupted} · "), Span(f"exit {report.exit}", role)))
    return lines


def _layout(found: Iterable[Cell], names: list[str], targets: list[str], width: int) -> _Layout:
    longest = dict.fromkeys(targets, 0)
    for cell in found:
        longest[cell.target] = max(longest[cell.target], len(cell_words(cell)[1]))
    name = min(max([len(name) for name in names] or [0]) + 5, MOST_NAME)
    total = 6 + name + sum(room + len(target) + 5 for target, room in longest.items())
    return _Layout(name, longest, total > width)


def _others(rows: list[list[Cell]], after_some: bool) -> Iterator[Line]:
    """Count the cases that are not listed; one that was skipped somewhere did not simply pass."""
    skipped = sum(any(cell.verdict is Verdict.SKIP for cell in row) for row in rows)
    what = "others" if after_some else "cases"
    if len(rows) > skipped:
        yield Span("    ✔ ", "good"), Span(f"{len(rows) - skipped} {what} pass", "dim")
    if skipped:
        yield Span("    ○ ", "dim"), Span(f"{skipped} {what} pass or are skipped", "dim")


def _merged(rows: list[list[Cell]]) -> Iterator[tuple[str, list[Cell]]]:
    """Return rows of one table that came out alike as one, with the name for it."""
    for _, found in groupby(rows, _told_alike):
        first, *others = found
        last = others[-1][0].case.partition("#")[2] if others else ""
        yield first[0].case + (f"…#{last}" if last else ""), first


def _told_alike(row: list[Cell]) -> tuple[object, ...]:
    """Return what is equal for rows of one table that need not be told apart."""
    told = [(c.target, c.verdict, cell_words(c)[1] if c.verdict is not Verdict.PASS else "") for c in row]
    return (row[0].case.partition("#")[0], *told)


def _row(name: str, row: list[Cell], layout: _Layout) -> list[Line]:
    """Return one line of the list."""
    verdict = worst(cell.verdict for cell in row)
    head = (Span("    "), Span(SYMBOLS[verdict], role_of(verdict)), Span(f" {name:<{layout.name}}"))
    blank = (Span(" " * (6 + layout.name)),)
    shown = {cell.target: _named(cell) for cell in row}
    if not layout.narrow:
        padded = [
            (*shown[cell.target], Span(" " * (layout.rooms[cell.target] - len(cell_words(cell)[1]))))
            for cell in row
        ]
        return [(*head, *(span for spans in padded for span in spans))]
    quiet = [span for cell in row if cell.verdict is Verdict.PASS for span in shown[cell.target]]
    lines = [shown[cell.target] for cell in row if cell.verdict is not Verdict.PASS]
    lines += [tuple(quiet)] if quiet else []
    return [(*head, *lines[0]), *((*blank, *line) for line in lines[1:])]


def _named(cell: Cell) -> Line:
    mark, words = cell_words(cell)
    return Span(f"  {cell.target} ", "dim"), mark, Span(f" {words}", mark.role)


def _rules(report: Report) -> Iterator[Line]:
    states = [state for state in rule_states(report) if not state.rule.scope]
    if not states:
        return
    covered = sum(state.lamps[0] for state in states)
    proved = sum(state.lamps[2] for state in states)
    missing = [state.rule.id for state in states if not state.lamps[0]]
    words = f" rules {covered} of {len(states)} covered"
    if report.bugs:
        words += f", {proved} proved by a seeded bug"
    if missing and covered > len(missing):  # else some cases were run, and nobody asked
        more = f" and {len(missing) - MOST_NAMED} more" if len(missing) > MOST_NAMED else ""
        words += f" · uncovered: {' '.join(missing[:MOST_NAMED])}{more}"
    yield (Span(words),)
    survivors = [bug.id for bug in report.bugs if bug.survived]
    if report.bugs:
        tail = f" · survivors: {' '.join(survivors)}" if survivors else ""
        yield (
            Span(f" seeded bugs {len(report.bugs) - len(survivors)} of {len(report.bugs)} noticed"),
            Span(tail, "bad"),
        )


def _runs(report: Report) -> Iterator[Line]:
    scenarios = len({result.case.partition("#")[0] for result in report.results})
    targets = report.targets
    yield (
        Span(
            f" {_many(scenarios, 'scenario')} × {_many(len(targets), 'target')}, "
            f"{_many(len(report.results), 'run')}{f' in {report.wall:.1f} s' if report.outcomes else ''}"
        ),
    )
    for target in targets:
        found = counts(report, target)
        spans = [Span(f" {target}: ")]
        for number, verdict in enumerate(v for v in Verdict if found[v]):
            comma = ", " if number else ""
            spans.append(Span(f"{comma}{found[verdict]} {verdict.value}", role_of(verdict)))
        yield tuple(spans) if found else (*spans, Span("nothing was run", "bad"))


def _many(count: int, what: str) -> str:
    return f"{_number(count)} {what}{'' if count == 1 else 's'}"


def _number(count: int) -> str:
    return f"{count:,}".replace(",", " ")
