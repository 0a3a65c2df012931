"""TAP 14: a subtest for each target, in it a test point for each case, with YAML where it is not ok."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from conformance.playing.verdicts import Verdict
from conformance.reports.blocks import headline, known_word, shell_word
from conformance.reports.causes import Cause, spans
from conformance.reports.facts import Report
from conformance.reports.notation import ascii_only, clean, pictures
from conformance.reports.summary import Cell, cells, groups

INDENT = "    "


def write(report: Report, path: Path) -> None:
    """Write the report."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(_document(report)) + "\n", encoding="ascii")


def _document(report: Report) -> Iterator[str]:
    matrix = cells(report)
    names = [case.name for cases in groups(report).values() for case in cases]
    yield "TAP version 14"
    yield f"1..{len(report.targets)}"
    for number, target in enumerate(report.targets, 1):
        row = [matrix[name, target] for name in names if (name, target) in matrix]
        yield f"# Subtest: {_escaped(target)}"
        yield f"{INDENT}1..{len(row)}"
        for place, cell in enumerate(row, 1):
            for line in _point(report, place, cell):
                yield INDENT + line
        for gone in report.fixed:
            if gone.target == target:
                yield f"{INDENT}# {_escaped(gone.words)}"
        ok = "ok" if all(_is_ok(cell) for cell in row) else "not ok"
        yield f"{ok} {number} - {_escaped(target)}"


def _point(report: Report, number: int, cell: Cell) -> Iterator[str]:
    verdict, run = cell.verdict, cell.speaking
    directive = ""
    if verdict is Verdict.SKIP:
        directive = f" # SKIP {_escaped(run.reason)}"
    elif verdict is Verdict.KNOWN:
        directive = f" # TODO {known_word(run)}: {_escaped(run.known or '')}"
    ok = "ok" if _is_ok(cell) and verdict is not Verdict.KNOWN else "not ok"
    yield f"{ok} {number} - {_escaped(cell.case)}{directive}".rstrip()
    if verdict not in (Verdict.PASS, Verdict.SKIP):
        yield "  ---"
        for key, value in _diagnostic(report, cell):
            yield f"  {key}: {json.dumps(value)}"  # JSON is YAML
        yield "  ..."


def _diagnostic(report: Report, cell: Cell) -> Iterator[tuple[str, object]]:
    run, case = cell.speaking, report.case(cell.case)
    finding = run.finding or next(iter(run.findings), None)
    cause = Cause(cell.verdict, cell.target, tuple(r for r in cell.runs if r.verdict is cell.verdict))
    yield "verdict", cell.verdict.value
    yield "message", _plain(headline(Cause(cell.verdict, cell.target, (run,))))
    yield "at", {"file": case.file, "line": finding.line if finding else 0}
    if finding is not None:
        yield "rule", list(finding.rules)
        yield "expected", _plain(pictures(finding.expected))
        yield "got", _plain(pictures(finding.got))
    yield "replay", f"conform replay {shell_word(run.token)}{report.replay_options(run.target)}"
    if len(cause.runs) > 1:
        yield "variations", _plain(spans([r.variation for r in cause.runs]))


def _is_ok(cell: Cell) -> bool:
    return not (cell.verdict.bad or cell.verdict in (Verdict.HARNESS, Verdict.UNUSABLE))


def _escaped(words: str) -> str:
    """Return a description: # begins a directive."""
    return re.sub(r"([\\#])", r"\\\1", _plain(words))


def _plain(words: str) -> str:
    return ascii_only(clean(words))
