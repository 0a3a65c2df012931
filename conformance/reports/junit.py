"""JUnit XML as Jenkins reads it: a testsuite for each target, a testcase for each case.

Variations are folded into their case and listed in its system-out. Wrong bytes are a failure; a crash, hang,
spin, unusable target or broken harness is an error; a known deviation is skipped and says so; a fixed one
stands in the suite's system-out. File and line of a case stand in its own: the schema of Jenkins refuses
attributes for them.
"""

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Final

from conformance.playing.verdicts import Result, Verdict
from conformance.reports.blocks import block, headline, known_word, shell_word, text
from conformance.reports.causes import Cause
from conformance.reports.facts import Report
from conformance.reports.notation import ascii_only, clean
from conformance.reports.summary import Cell, cells, groups

WIDTH: Final = 100
ERRORS: Final = frozenset(
    {Verdict.CRASH, Verdict.HANG, Verdict.SPIN, Verdict.UNUSABLE, Verdict.HARNESS},
)
FAILURES: Final = frozenset({Verdict.FAIL, Verdict.FLAKY})
MOST_LISTED: Final = 200


def write(report: Report, path: Path) -> None:
    """Write the report."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tree = ET.ElementTree(_suites(report))
    ET.indent(tree)
    tree.write(path, encoding="utf-8", xml_declaration=True)


def _suites(report: Report) -> ET.Element:
    matrix = cells(report)
    root = ET.Element("testsuites", name="acceptutils conformance")
    for target in report.targets:
        suite = _suite(report, target)
        for cases in groups(report).values():
            for case in cases:
                if (case.name, target) in matrix:
                    _case(suite, report, matrix[case.name, target])
        gone = [_words(one.words) for one in report.fixed if one.target == target]
        if gone:
            ET.SubElement(suite, "system-out").text = "\n".join(gone)
        _count(suite)
        root.append(suite)
    _count(root)
    return root


def _suite(report: Report, target: str) -> ET.Element:
    suite = ET.Element("testsuite", name=_words(target))
    when = next((session.when for session in report.sessions if session.when), "")
    if when:
        suite.set("timestamp", when[:19])
    properties = ET.SubElement(suite, "properties")
    for session in report.sessions:
        ET.SubElement(properties, "property", name="seed", value=str(session.seed))
        for name, value in session.targets.get(target, {}).items():
            ET.SubElement(properties, "property", name=_words(name), value=_words(str(value)))
    return suite


def _case(suite: ET.Element, report: Report, cell: Cell) -> None:
    case = report.case(cell.case)
    element = ET.SubElement(
        suite,
        "testcase",
        name=_words(cell.case),
        classname=_words(case.group.replace(" · ", ".").lower()),
        time=f"{sum(run.wall for run in cell.runs):.3f}",
    )
    verdict, run = cell.verdict, cell.speaking
    if verdict in ERRORS | FAILURES:
        name = "error" if verdict in ERRORS else "failure"
        cause = Cause(
            verdict, cell.target, (run, *(r for r in cell.runs if r is not run and r.verdict is verdict))
        )
        problem = ET.SubElement(element, name, message=_words(headline(cause)), type=verdict.value)
        problem.text = _words(text(block(report, cause, WIDTH)))
    elif verdict is Verdict.KNOWN:
        ET.SubElement(element, "skipped", message=_words(f"{known_word(run)}: {run.known or ''}"))
    elif verdict is Verdict.SKIP:
        ET.SubElement(element, "skipped", message=_words(run.reason))
    place = f"{case.file}:{_line(cell)}\n" if case.file else ""
    ET.SubElement(element, "system-out").text = _words(place + _output(report, cell))
    log = b"".join(moment.data for moment in run.record if moment.lane == "E")
    if log:
        lines = log.decode("latin-1").split("\n")
        ET.SubElement(element, "system-err").text = "\n".join(_words(line) for line in lines)


def _line(cell: Cell) -> int:
    finding = cell.speaking.finding
    return finding.line if finding and finding.line else 1


def _output(report: Report, cell: Cell) -> str:
    """Say how many variations there were, and name those that are not simply good."""
    variations = cell.variations
    passed = sum(run.verdict is Verdict.PASS for run in variations)
    others = [run for run in variations if run.verdict is not Verdict.PASS]
    lines = [f"{passed} of {len(variations)} variations pass"] if variations else []
    lines += [_told(report, run) for run in others[:MOST_LISTED]]
    if len(others) > MOST_LISTED:
        lines.append(f"and {len(others) - MOST_LISTED} more")
    lines += [
        f"{run.verdict.value} ({run.variation})" for run in cell.runs if run.verdict is Verdict.NON_STRICT
    ]
    return "\n".join(lines)


def _told(report: Report, run: Result) -> str:
    again = shell_word(run.token) + report.replay_options(run.target)
    return f"{run.verdict.value}: conform replay {again}"


def _count(element: ET.Element) -> None:
    """Fill in the sums that Jenkins shows."""
    cases = list(element.iter("testcase"))
    element.set("tests", str(len(cases)))
    element.set("failures", str(sum(case.find("failure") is not None for case in cases)))
    element.set("errors", str(sum(case.find("error") is not None for case in cases)))
    if element.tag == "testsuite":
        element.set("skipped", str(sum(case.find("skipped") is not None for case in cases)))
    element.set("time", f"{sum(float(case.get('time', 0)) for case in cases):.3f}")


def _words(words: str) -> str:
    """Return what XML can carry, in ASCII but for the symbols of control characters."""
    return "\n".join(ascii_only(clean(line), pictures=True) for line in words.split("\n"))
