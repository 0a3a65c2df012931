"""What the HTML page knows: the report as JSON, small because equal things are said once.

Bytes are in the notation of a talk, so that everything is text; `pool` lists hold what occurs many times, and
the rest refers to it by index. What becomes of it on the screen is page.js's.
"""

from collections.abc import Hashable, Mapping
from itertools import groupby
from typing import Any, Final

from conformance.format import octets
from conformance.playing.verdicts import SYMBOLS, Finding, Result, Verdict
from conformance.reports import notation
from conformance.reports.blocks import block, end_of
from conformance.reports.causes import SERIOUS, WANTS_ATTENTION, Cause, causes, single_cut
from conformance.reports.facts import Case, Report
from conformance.reports.notation import clean, decoded, difference
from conformance.reports.overview import cell_words
from conformance.reports.summary import (
    Cell,
    cells,
    changes,
    counts,
    groups,
    left_out_words,
    rule_states,
    sentence,
)
from conformance.reports.transcript import beginning

WIDTH: Final = 96
MOST_BYTES: Final = 1200
"""So much of one packet is shown; the JSON lines have all of it."""
HEAT: Final = {
    Verdict.PASS: ".",
    Verdict.FAIL: "F",
    Verdict.HANG: "H",
    Verdict.SPIN: "S",
    Verdict.CRASH: "C",
    Verdict.KNOWN: "K",
    Verdict.FLAKY: "~",
    Verdict.NON_STRICT: "n",
    Verdict.INFO: "i",
    Verdict.SKIP: "o",
}


class _Pool:
    """Things that are equal, once."""

    def __init__(self) -> None:
        self.items: list[Any] = []
        self._places: dict[Hashable, int] = {}

    def place(self, key: Hashable, item: Any = None) -> int:
        """Return the index of a thing."""
        if key not in self._places:
            self._places[key] = len(self.items)
            self.items.append(key if item is None else item)
        return self._places[key]


class PageData:
    """Collects what the page knows."""

    def __init__(self, report: Report, baseline: Report | None = None) -> None:
        self._report = report
        self._targets = report.targets
        self._baseline = baseline
        self._moments = _Pool()
        self._programs = _Pool()
        self._files = _Pool()
        self._runs: list[dict[str, Any]] = []
        self._numbers: dict[str, int] = {}
        self._causes = [
            *causes(report, WANTS_ATTENTION),
            *causes(report, frozenset({Verdict.KNOWN, Verdict.NON_STRICT, Verdict.INFO})),
        ]
        self._cause_of = {run.token: n for n, cause in enumerate(self._causes) for run in cause.runs}

    def collect(self) -> dict[str, Any]:
        """Return everything, as JSON would have it."""
        report = self._report
        matrix = cells(report)
        cases = [case for found in groups(report).values() for case in found]
        self._numbers = {case.name: number for number, case in enumerate(cases)}
        rows = [
            {
                **self._case(case),
                "cells": [self._cell(matrix.get((case.name, name))) for name in self._targets],
            }
            for case in cases
        ]
        return {
            "sessions": [self._plain(vars(session)) for session in report.sessions],
            "exit": report.exit,
            "wall": report.wall,
            "total": len(report.results),
            "left_out": [left_out_words(why, count) for why, count in report.left_out.items()],
            "verdicts": {
                verdict.value: [SYMBOLS[verdict], HEAT.get(verdict, "?"), verdict in WANTS_ATTENTION]
                for verdict in SERIOUS
            },
            "pictures": notation.PICTURES,
            "targets": [self._target(target) for target in self._targets],
            "cases": _rows_alike(rows),
            "fixed": [{**gone._asdict(), "words": clean(gone.words)} for gone in report.fixed],
            "causes": [self._cause(cause) for cause in self._causes],
            "rules": self._rules(),
            "bugs": [
                {**bug._asdict(), "killers": [tuple(killer) for killer in bug.killers]} for bug in report.bugs
            ],
            "changes": None if self._baseline is None else changes(report, self._baseline),
            "runs": self._runs,
            "moments": self._moments.items,
            "programs": self._programs.items,
            "files": self._files.items,
        }

    def _target(self, name: str) -> dict[str, Any]:
        facts: dict[str, Any] = {}
        for session in self._report.sessions:
            facts |= session.targets.get(name, {})
        unobserved: dict[str, int] = {}
        found = counts(self._report, name)
        for result in self._report.results:
            for what in result.unobserved if result.target == name else ():
                unobserved[what] = unobserved.get(what, 0) + 1
        return {
            "name": name,
            "facts": self._plain(facts),
            "again": self._report.replay_options(name),
            "sentence": sentence(self._report, name),
            "counts": {verdict.value: found[verdict] for verdict in SERIOUS if found[verdict]},
            "runs": sum(result.target == name for result in self._report.results),
            "unobserved": unobserved,
        }

    @staticmethod
    def _case(case: Case) -> dict[str, Any]:
        return {
            "name": case.name,
            "group": case.group,
            "title": case.title,
            "level": case.level,
            "file": case.file,
            "why": case.why,
            "rules": case.rules,
            "text": case.lines,
            "sent": {line: octets.write(data[:400]) for line, data in case.sent.items()},
        }

    def _cell(self, cell: Cell | None) -> dict[str, Any] | None:
        if cell is None:
            return None
        heat: dict[int, dict[int, str]] = {}
        kinds: dict[str, list[int]] = {}
        bad: list[tuple[str, str, int]] = []
        for run in cell.runs:
            if run.variation == "base" or run.record:
                self._runs.append(_compact(self._run(run)))
            if run.variation == "base":
                continue
            kind = kinds.setdefault(run.variation.partition("=")[0], [0, 0])
            kind[0] += run.verdict in (Verdict.PASS, Verdict.INFO, Verdict.NON_STRICT)
            kind[1] += 1
            cut = single_cut(run.variation)
            if cut is not None:
                heat.setdefault(cut.line, {})[cut.offset] = HEAT.get(run.verdict, "?")
            if run.verdict is not Verdict.PASS:
                bad.append((run.variation, run.verdict.value, self._cause_of.get(run.token, -1)))
        found = {
            "v": cell.verdict.value,
            "w": cell_words(cell)[1],
            "base": cell.base.verdict.value if cell.base else None,
            "show": cell.speaking.variation,
            "s": round(cell.base.seconds, 3) if cell.base else 0,
            "n": len(cell.runs),
            "ok": sum(run.verdict is Verdict.PASS for run in cell.runs),
            "heat": {
                line: _run_lengths("".join(marks.get(offset, " ") for offset in range(1, max(marks) + 1)))
                for line, marks in sorted(heat.items())
            },
            "kinds": kinds,
            "bad": bad,
        }
        return _compact(found)

    def _run(self, run: Result) -> dict[str, Any]:
        """Return a run that has a page of its own."""
        start = beginning(run)
        record = []
        for moment in run.record:
            shown = octets.write(moment.data[:MOST_BYTES])
            rest = f"{len(moment.data) - MOST_BYTES} bytes more" if len(moment.data) > MOST_BYTES else ""
            what = ", ".join(words for words in (rest, clean(moment.what)) if words)
            key = (moment.lane, moment.line, shown, what, decoded(moment.data))
            record.append([round(moment.time - start, 6), self._moments.place(key)])
        return {
            "case": self._numbers[run.case],
            "target": self._targets.index(run.target),
            "var": run.variation,
            "v": run.verdict.value,
            "findings": [self._finding(finding) for finding in run.findings],
            "record": record,
            "procs": [self._process(process, start) for process in run.processes],
            "s": round(run.seconds, 6),
            "wall": round(run.wall, 3),
            "cpu": run.cpu and round(run.cpu, 3),
            "reason": run.reason,
            "known": run.known,
            "severity": run.severity,
            "unobserved": run.unobserved,
            "files": [
                self._files.place((name, octets.write(data[:MOST_BYTES])))
                for name, data in run.control.items()
            ],
        }

    @staticmethod
    def _finding(finding: Finding) -> dict[str, Any]:
        return {
            "line": finding.line,
            "kind": finding.kind.value,
            "rules": finding.rules,
            "expected": clean(finding.expected),
            "got": clean(finding.got),
            "note": clean(finding.note),
            "diff": difference(clean(finding.expected[:MOST_BYTES]), clean(finding.got[:MOST_BYTES])),
        }

    def _process(self, process: Mapping[str, Any], start: float) -> list[Any]:
        programs = []
        for program in process.get("programs", []):
            env, fds = program.get("env") or [], program.get("fds")
            argv = [str(word) for word in program.get("argv", [])]
            about = [program.get("name"), argv, program.get("uid"), env, fds]
            started = program.get("started")
            place = self._programs.place(repr(about), about)
            programs.append([place, None if started is None else round(started - start, 6)])
        ended = process.get("ended")
        when = None if ended is None else round(ended - start, 6)
        return [process.get("pid"), process.get("parent"), programs, end_of(process), when]

    def _cause(self, cause: Cause) -> dict[str, Any]:
        case = self._report.case(cause.first.case)
        line = cause.finding.line if cause.finding else 0
        lines = block(self._report, cause, WIDTH)[1:]  # the page has a heading of its own
        return {
            "v": cause.verdict.value,
            "target": cause.target,
            "case": cause.first.case,
            "var": cause.first.variation,
            "rules": cause.rules,
            "where": f"{case.file}:{line}" if line else case.file,
            "known": cause.first.known,
            "severity": cause.first.severity,
            "block": [[[span.role[0], span.text] for span in line if span.text] for line in lines],
        }

    def _rules(self) -> list[dict[str, Any]]:
        found = []
        for state in rule_states(self._report):
            places: dict[str, list[Any]] = {}  # of each scenario: its name, rows, lines
            for name in state.cases:
                place = places.setdefault(
                    name.partition("#")[0], [name, 0, list(state.asserted.get(name, ()))]
                )
                place[1] += 1
            found.append(
                {
                    **state.rule._asdict(),
                    "cases": list(places.values()),
                    "bugs": state.bugs,
                    "lamps": state.lamps,
                    "targets": {target: verdict.value for target, verdict in state.targets.items()},
                }
            )
        return found

    @staticmethod
    def _plain(facts: Mapping[str, Any]) -> dict[str, Any]:
        return {str(key): value for key, value in facts.items()}


def _compact(facts: dict[str, Any]) -> dict[str, Any]:
    """Leave out what says nothing; page.js knows what is meant. The places of things may be 0."""
    silent: tuple[object, ...] = (None, "", 0, [], (), {})
    return {name: fact for name, fact in facts.items() if fact not in silent or name in ("case", "target")}


def _run_lengths(marks: str) -> str:
    """Return equal marks with their count in front, such as 12.3F."""
    return "".join(f"{len(list(alike))}{mark}" for mark, alike in groupby(marks))


def _rows_alike(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Say of a row of a table only what differs from the scenario's first row; `like` is that one's place."""
    first: dict[str, int] = {}
    found = []
    for number, row in enumerate(rows):
        place = first.setdefault(row["name"].partition("#")[0], number)
        model = rows[place]
        if place == number or len(model["text"]) != len(row["text"]):
            found.append(row)
            continue
        differing = {
            key: value for key, value in row.items() if key in ("name", "cells") or value != model[key]
        }
        pairs = enumerate(zip(row["text"], model["text"], strict=True))
        lines = {line: ours for line, (ours, theirs) in pairs if ours != theirs}
        found.append({**differing, "like": place, "text": lines})
    return found


def collect(report: Report, baseline: Report | None = None) -> dict[str, Any]:
    """Return everything that the page knows."""
    return PageData(report, baseline).collect()
