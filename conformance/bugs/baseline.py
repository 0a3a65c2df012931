"""What cases come out as without any bug: who is red already notices nothing.

Each run is made once, in a process of its own, whoever asks for it.
"""

from collections.abc import Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from typing import Self

from conformance import known, targets
from conformance.bugs import hunting
from conformance.format.talk import Talk
from conformance.playing.beats import understand
from conformance.playing.confirming import confirmed
from conformance.playing.verdicts import BAD, GOOD, Verdict
from conformance.processes import premises
from conformance.reports.facts import Case
from conformance.targets import TargetConfig
from conformance.varying.variations import parse

Outcome = tuple[Verdict, str]


class Baseline:
    """The runs without a bug. A context manager: its processes last as long as that."""

    def __init__(self, jobs: int, names: Iterable[str]) -> None:
        self._stack = ExitStack()
        self._names = frozenset(names)
        # Not forked: threads wait for its answers.
        self._pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"))
        self._targets: dict[str, TargetConfig] = {}
        self._runs: dict[tuple[str, str, str], Future[Outcome]] = {}

    def __enter__(self) -> Self:
        """Make the targets ready. Raises targets.Unusable."""
        with ExitStack() as stack:
            stack.callback(lambda: self._pool.shutdown(cancel_futures=True))
            defaults = targets.read(targets.DEFAULTS)
            for name in sorted(self._names):
                self._targets[name] = stack.enter_context(premises.prepared(defaults[name]))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def begin(self, case: Talk, target: str, variation: str = "base") -> Future[Outcome]:
        """Have a case run, unless it was before."""
        key = (case.name, target, variation)
        if key not in self._runs:
            self._runs[key] = self._pool.submit(play, case, self._targets[target], variation)
        return self._runs[key]

    def is_green(self, case: Talk, target: str, variation: str = "base") -> bool:
        """Wait for a case's run, and say whether it passed."""
        return self.begin(case, target, variation).result()[0] in GOOD

    def red(self) -> list[str]:
        """Return what failed so far, one line each: the token and what was wrong."""
        return [
            f"{case}@{target}:{variation} {verdict}: {words}"
            for (case, target, variation), run in self._runs.items()
            for verdict, words in [run.result()]
            if verdict in BAD or verdict is Verdict.HARNESS
        ]


def play(case: Talk, target: TargetConfig, variation: str) -> Outcome:
    """Play a case; return the verdict and, of a failure, the words. A known deviation is none."""
    result = confirmed(understand(case), target, parse(variation), limits=hunting.LIMITS)
    known.apply(result, known.read(known.DIRECTORY / f"{target.name}.toml"), Case.of(case))
    finding = result.finding
    if finding is None:
        return result.verdict, result.reason.strip().rpartition("\n")[2]
    return result.verdict, f"line {finding.line}, {finding.note or f'{finding.kind} {finding.expected}'}"
