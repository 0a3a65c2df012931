"""Reads the stream that `jsonl.py` writes, of one or several runs."""

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from conformance.playing.verdicts import Finding, Kind, Moment, Result, Verdict
from conformance.reports.facts import Case, Fixed, Killer, Outcome, Report, Rule, SeededBug, Session

VERSION: Final = 1


class ReadError(ValueError):
    """A file that is not such a stream; the message is `FILE:LINE: what was expected`."""


def read(paths: Sequence[Path]) -> Report:
    """Read the streams of one or several runs; of a run that is in two of them the later one counts.

    Raises ReadError, OSError.
    """
    report = Report()
    found: dict[str, Result] = {}
    bugs: dict[str, SeededBug] = {}
    for path in paths:
        _Reader(path, report, found, bugs).read()
    report.results, report.bugs = list(found.values()), list(bugs.values())
    return report


class _Reader:
    """Reads one file into the report."""

    def __init__(
        self, path: Path, report: Report, results: dict[str, Result], bugs: dict[str, SeededBug]
    ) -> None:
        self._path = path
        self._report = report
        self._results = results
        self._bugs = bugs
        self._open: dict[str, _Open] = {}

    def read(self) -> None:
        lines = self._path.read_bytes().split(b"\n")
        for number, line in enumerate(lines, 1):
            if not line:
                continue
            try:
                record = json.loads(line)
            except ValueError:
                if number == len(lines):
                    return  # the harness was killed in the middle of it
                raise ReadError(f"{self._path}:{number}: expected a JSON object") from None
            if not isinstance(record, dict) or record.get("v") != VERSION:
                raise ReadError(f"{self._path}:{number}: expected an object of format version {VERSION}")
            try:
                self._take(record)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise ReadError(f"{self._path}:{number}: {record.get('ev')}: {error!r}") from None

    def _take(self, record: dict[str, Any]) -> None:
        match record["ev"]:
            case "start":
                self._report.sessions.append(_session(record))
            case "rule":
                rule = Rule(**{name: record[name] for name in Rule._fields if name in record})
                self._report.rules[rule.id] = rule
            case "case":
                case = _case(record)
                self._report.cases[case.name] = case
            case "run":
                self._open[record["id"]] = _Open(record)
            case "bytes" | "event" | "proc" | "file" | "line" as event:
                self._open[record["id"]].take(event, record)
            case "verdict":
                opened = self._open.pop(record["id"])
                result = opened.close(record, self._report.cases.get(opened.case))
                self._results.pop(result.token, None)
                self._results[result.token] = result
            case "fixed":
                gone = Fixed(*(record[name] for name in Fixed._fields))
                if gone not in self._report.fixed:
                    self._report.fixed.append(gone)
            case "bug":
                bug = _bug(record)
                self._bugs[bug.id] = bug
            case "end":
                outcome = Outcome(record["exit"], record["wall"], record["left_out"])
                self._report.outcomes.append(outcome)
            case _:
                pass  # a newer suite may have more to tell


class _Open:
    """A run of which the verdict has not come yet."""

    def __init__(self, record: dict[str, Any]) -> None:
        self._about = record
        self.case: str = record["scenario"]
        self._moments: list[Moment] = []
        self._processes: list[Mapping[str, Any]] = []
        self._files: dict[str, bytes] = {}
        self._findings: list[Finding] = []

    def take(self, event: str, record: dict[str, Any]) -> None:
        """Add one line of it."""
        match event:
            case "bytes" | "event":
                data, what = base64.b64decode(record.get("b64", "")), record.get("what", "")
                line = record.get("line", 0)
                self._moments.append(Moment(record["t"], record["lane"], data, what, line))
            case "proc":
                self._processes.append(record["about"])
            case "file":
                self._files[record["name"]] = base64.b64decode(record["b64"])
            case _:
                self._findings.append(
                    Finding(
                        record["line"],
                        Kind(record["verdict"]),
                        tuple(record["rules"]),
                        record["expected"],
                        record["got"],
                        record["note"],
                    )
                )

    def close(self, record: dict[str, Any], case: Case | None) -> Result:
        """Return the run; a fact that is not there says nothing, of rules: that they are the case's."""
        return Result(
            case=self.case,
            target=self._about["target"],
            variation=self._about["variation"] or "base",
            verdict=Verdict(record["verdict"]),
            rules=tuple(record.get("rules", case.rules if case else ())),
            findings=tuple(self._findings),
            record=tuple(self._moments),
            processes=tuple(self._processes),
            unobserved=tuple(record.get("unobserved", ())),
            seconds=record["secs"],
            wall=record.get("wall", 0.0),
            cpu=record.get("cpu"),
            operations=record.get("operations", 0),
            reason=record.get("reason", ""),
            known=record.get("known"),
            severity=record.get("severity", ""),
            control=self._files,
        )


def _session(record: dict[str, Any]) -> Session:
    return Session(
        seed=record["seed"],
        targets={name: record["about"].get(name, {}) for name in record["targets"]},
        command=tuple(record["command"]),
        host=record["host"],
        when=record["when"],
        version=record["version"],
        spec=record["spec"],
    )


def _case(record: dict[str, Any]) -> Case:
    return Case(
        name=record["name"],
        file=record["file"],
        text=record["text"],
        title=record["title"],
        level=record["level"],
        group=record["group"],
        rules=tuple(record["rules"]),
        why=tuple(record["why"]),
        asserted={rule: tuple(lines) for rule, lines in record["asserted"].items()},
        sent={int(line): base64.b64decode(data) for line, data in record["sent"].items()},
    )


def _bug(record: dict[str, Any]) -> SeededBug:
    return SeededBug(
        id=record["id"],
        rule=record["rule"],
        file=record["file"],
        change=record["change"],
        killers=tuple(Killer(k["case"], k["line"], k["verdict"]) for k in record["killers"]),
        asked=tuple(record["asked"]),
        why=record["why"],
    )
