"""conform diff: generated dialogues held against two targets, without expectations."""

import argparse
import os
import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from conformance import targets
from conformance.cli import FAILURES, INTERRUPTED
from conformance.differing import comparing, grammar
from conformance.differing.comparing import Comparison, Outcome, Small
from conformance.differing.grouping import Group, Groups
from conformance.format.talk import Talk
from conformance.format.talk_writer import write
from conformance.processes import premises

EVERY = 20
"""Dialogues after which a log gets a line of progress; a terminal gets it after each one."""


def diff(args: argparse.Namespace) -> int:
    """Play generated dialogues to two targets; write the first disagreement of each shape as a scenario."""
    seed = args.seed if args.seed is not None else int(datetime.now(UTC).strftime("%Y%m%d"))
    print(f"seed {seed}", flush=True)
    deadline = time.monotonic() + args.budget if args.budget is not None else float("inf")
    with ExitStack() as stack:
        one, other = (
            stack.enter_context(premises.prepared(targets.find(name, targets.known())))
            for name in (args.one, args.other)
        )
        comparison = Comparison(one, other, seed, args.jobs or os.cpu_count() or 1, args.decent, deadline)
        numbers = comparing.numbers(seed, args.generate, frozenset(args.kind or ()))
        report = _Report(comparison, args.output, 1 if args.only is not None else args.generate)
        interrupted = False
        try:
            comparing.run(comparison, numbers if args.only is None else [args.only], report)
        except KeyboardInterrupt:
            interrupted = True
        report.finish()
    return INTERRUPTED if interrupted else FAILURES if report.groups else 0


class _Report:
    """Writes and prints what is found as it is found, and a summary at the end."""

    def __init__(self, comparison: Comparison, output: Path, count: int) -> None:
        self.groups = Groups()
        self._comparison = comparison
        self._output = output
        self._count = count
        self._began = time.monotonic()
        self._played = self._skipped = self._found = 0
        self._first: dict[int, Group] = {}

    def outcome(self, outcome: Outcome) -> bool:
        """See comparing.Told."""
        self._played += 1
        self._skipped += bool(outcome.skipped)
        self._tell_trouble(outcome)
        new = False
        if outcome.found is not None and outcome.talk is not None:
            self._found += 1
            kind = grammar.kind_of(self._comparison.seed, outcome.number)
            group, new = self.groups.add(outcome.number, kind, outcome.found, outcome.server)
            if new:
                self._first[outcome.number] = group
                group.file = str(self._write(outcome.number, outcome.talk))
                shape = group.shape
                one, other = self._comparison.one.name, self._comparison.other.name
                self._clear()
                print(f"{group.file}: {shape.stream}: {one}: {shape.a}, {other}: {shape.b}", flush=True)
        self._progress()
        return new

    def small(self, small: Small) -> None:
        """See comparing.Told."""
        group = self._first[small.number]
        self._tell_trouble(small)
        group.unsure = not small.came_again
        if small.talk is not None:
            group.small = True
            self._write(small.number, small.talk)

    def finish(self) -> None:
        """Print the summary."""
        self._clear()
        for line in self.groups.table(self._comparison.one.name, self._comparison.other.name):
            print(line)
        left = self._count - self._played
        print(
            f"{self._played} dialogues, {self._skipped} of them not for both, {self._found} disagreements of "
            f"{len(self.groups)} shapes" + (f"; {left} dialogues not played" if left else "")
        )

    def _tell_trouble(self, came: Outcome | Small) -> None:
        if came.trouble:
            self._clear()
            print(f"dialogue {came.number}: the suite's own fault: {came.trouble}", flush=True)

    def _write(self, number: int, talk: Talk) -> Path:
        self._output.mkdir(parents=True, exist_ok=True)
        file = self._output / f"{self._comparison.seed}-{number}.talk"
        file.write_text(write(talk), encoding="utf-8")
        return file

    def _progress(self) -> None:
        minutes, seconds = divmod(int(time.monotonic() - self._began), 60)
        words = (
            f"{self._played} of {self._count} dialogues, {self._found} disagreements of "
            f"{len(self.groups)} shapes, {minutes}:{seconds:02}"
        )
        if sys.stderr.isatty():
            print(f"\r\x1b[K{words}", end="", file=sys.stderr, flush=True)
        elif self._played % EVERY == 0:
            print(words, file=sys.stderr, flush=True)

    def _clear(self) -> None:
        if sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
