"""The one stream of a run: JSON lines, one object a line, `v` the version of the format.

    start rule case                   what is run, with which seed, on which targets; the rules; the talks
    run bytes event proc file line    one run: what was sent and heard, who ran, what was noticed
    verdict                           its end; a run counts only with it
    fixed bug end                     known deviations that are gone; the seeded bugs; the end of all

What was sent and heard is kept for base runs and for failures, of one cause MOST_ALIKE times. A run that was
interrupted leaves a stream without `end`, perhaps with half a line: both can be read.
"""

import base64
import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

from conformance.format import octets
from conformance.format.talk import Talk
from conformance.playing.verdicts import Result, Verdict
from conformance.reports.facts import Case, Fixed, Outcome, Rule, SeededBug, Session
from conformance.reports.jsonl_reader import VERSION, ReadError, read

__all__ = ["ReadError", "Writer", "plain", "read"]

MOST_ALIKE: Final = 3
MOST_BYTES: Final = 65536
"""So much of one packet is kept."""
OURS: Final = frozenset({"C", "CT", "s"})
"""The lanes whose bytes we send."""
QUIET: Final = frozenset({Verdict.PASS, Verdict.SKIP, Verdict.INFO, Verdict.NON_STRICT})
"""Verdicts of variations whose record nobody asks for."""


class Writer:
    """Writes the stream, so that what is finished is on the disk when the harness dies.

    Until it is closed that is in a file of its own beside `path`, named after the process: two runs at once
    disturb nobody, and the one that ends last is what `path` has. What is no file is written to directly.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._final = path.resolve()
        temporary = self._final.with_name(f".{path.name}.{os.getpid()}")
        self.path = temporary if path.is_file() or not path.exists() else path
        """Where it is while it is open."""
        self._file: IO[str] = self.path.open("w", encoding="ascii")
        self._alike: Counter[tuple[object, ...]] = Counter()
        self._counts: Counter[str] = Counter()

    def start(self, session: Session) -> None:
        """Write what is known at the start."""
        self._put(
            "start",
            seed=session.seed,
            targets=list(session.targets),
            about={name: dict(facts) for name, facts in session.targets.items()},
            command=session.command,
            host=dict(session.host),
            when=session.when,
            version=session.version,
            spec=session.spec,
        )

    def rules(self, rules: Iterable[Rule]) -> None:
        """Write the rules of the specification."""
        for rule in rules:
            self._put("rule", **rule._asdict())

    def case(self, talk: Talk) -> None:
        """Write what a case says, before its results. Raises TalkError."""
        case = Case.of(talk)
        self._put(
            "case",
            **{**vars(case), "sent": {str(line): _encode(data) for line, data in case.sent.items()}},
        )

    def result(self, result: Result) -> None:
        """Write one run."""
        base = result.variation == "base"
        self._counts[result.verdict] += 1
        self._put(
            "run",
            id=result.token,
            scenario=result.case,
            target=result.target,
            variation=None if base else result.variation,
        )
        if base or (result.verdict not in QUIET and self._is_news(result)):
            self._record(result)
        for finding in result.findings:
            self._put(
                "line",
                id=result.token,
                line=finding.line,
                verdict=finding.kind,
                rules=finding.rules,
                expected=finding.expected,
                got=finding.got,
                note=finding.note,
            )
        facts = {
            "rules": result.rules,
            "wall": result.wall,
            "cpu": result.cpu,
            "operations": result.operations,
            "known": result.known,
            "severity": result.severity,
            "reason": result.reason,
            "unobserved": result.unobserved,
        }
        if result.verdict is Verdict.PASS and not base:
            del facts["rules"]  # those of the case
        told = {name: fact for name, fact in facts.items() if fact not in (None, "", 0, ())}
        self._put(
            "verdict",
            id=result.token,
            verdict=result.verdict,
            secs=result.seconds,
            replay=result.token,
            **told,
        )
        self._file.flush()

    def fixed(self, gone: Fixed) -> None:
        """Write that a known deviation is gone."""
        self._put("fixed", **gone._asdict())

    def bug(self, bug: SeededBug) -> None:
        """Write what became of a seeded bug."""
        self._put("bug", **{**bug._asdict(), "killers": [killer._asdict() for killer in bug.killers]})

    def end(self, outcome: Outcome) -> None:
        """Write what is known at the end."""
        left_out = dict(outcome.left_out)
        self._put("end", counts=self._counts, left_out=left_out, wall=outcome.wall, exit=outcome.exit)
        self._file.flush()

    def close(self) -> None:
        """Close the file; now it has its name."""
        if not self._file.closed:
            self._file.close()
            if self.path != self._final:
                self.path.replace(self._final)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _is_news(self, result: Result) -> bool:
        finding = result.finding
        cause = (
            result.case,
            result.target,
            result.verdict,
            finding and (finding.line, finding.kind, finding.got),
        )
        self._alike[cause] += 1
        return self._alike[cause] <= MOST_ALIKE

    def _record(self, result: Result) -> None:
        for moment in result.record:
            place: dict[str, object] = {"id": result.token, "t": round(moment.time, 6), "lane": moment.lane}
            if moment.line:
                place["line"] = moment.line
            if moment.data:
                way = "out" if moment.lane in OURS else "in"
                rest = len(moment.data) - MOST_BYTES
                more = {"what": f"{rest} bytes more"} if rest > 0 else {}
                self._put("bytes", **place, **more, dir=way, b64=_encode(moment.data[:MOST_BYTES]))
            else:
                self._put("event", **place, what=moment.what)
        for process in result.processes:
            self._put("proc", id=result.token, about=plain(process))
        for name, content in result.control.items():
            self._put("file", id=result.token, name=name, b64=_encode(content))

    def _put(self, event: str, **facts: object) -> None:
        record = {"v": VERSION, "ev": event, **facts}
        self._file.write(json.dumps(record, separators=(",", ":")) + "\n")


def plain(value: Any) -> Any:
    """Return what JSON can carry: bytes in the notation of a talk, sets sorted."""
    if isinstance(value, bytes):
        return octets.write(value)
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(plain(item) for item in value)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()
