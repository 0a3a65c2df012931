"""conform run, conform replay."""

import argparse
import os
import platform
import shlex
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from acceptutils import __version__
from conformance import known, rules, selection, suite
from conformance.cli import FAILURES, INTERRUPTED, NOTHING, UNUSABLE, VANISHED
from conformance.commands import asked
from conformance.format import playable
from conformance.format.talk import LEVELS, Talk
from conformance.playing.beats import understand
from conformance.playing.verdicts import BAD, Result, Verdict
from conformance.processes import premises
from conformance.reports import console, html, jsonl, junit, tap
from conformance.reports.facts import Case, Fixed, Outcome, Report, Rule, Session
from conformance.suite import Plan
from conformance.targets import TargetConfig
from conformance.varying import tokens

MOST_KEPT = 10
MOST_FAULTS = 60  # planned for each case, for the progress bar: how many there are shows when it runs


def run(args: argparse.Namespace) -> int:
    """Run scenarios on targets."""
    wanted = [asked.target(name, args) for name in asked.targets_named(args)]
    sanity = {target.name: asked.sanity(target) for target in wanted}
    cases, named = asked.cases(args)
    if not cases:
        return NOTHING
    with ExitStack() as stack:
        ready, unusable = asked.ready(wanted, stack, keep=args.keep)
        plan = Plan(
            cases=cases,
            targets=ready,
            level=args.vary,
            seed=args.seed if args.seed is not None else int(datetime.now(UTC).strftime("%Y%m%d")),
            jobs=args.jobs or 0,
            deadline=time.monotonic() + args.budget if args.budget else float("inf"),
            confirm=args.confirm,
            maxfail=args.maxfail or 0,
            slow=args.slow,
            sanity=sanity,
            named=named,
        )
        return _Run(args, plan, sys.argv[1:], unusable).run()


def replay(args: argparse.Namespace) -> int:
    """Run one variation of one case again."""
    token = tokens.parse_token(args.token)
    args.verbose = max(args.verbose, 1)
    args.level, args.known, args.strict_known, args.draft_known = "must", None, False, None
    cases = selection.select([token.case])
    with premises.prepared(asked.target(token.target, args), keep=args.keep) as target:
        plan = Plan(cases, [target], "none", 0, jobs=1, confirm=0, only=token.variation, slow=True)
        return _Run(args, plan, sys.argv[1:]).run()


class _Run:
    """One run: the stream, the console, the known deviations, the reports."""

    def __init__(
        self,
        args: argparse.Namespace,
        plan: Plan,
        command: Sequence[str],
        unusable: Mapping[str, str] | None = None,
    ) -> None:
        """Raises TalkError, KnownError before a file is touched."""
        self._args = args
        self._plan = plan
        for case in plan.cases:
            playable.demand(case)
        self._cases = {case.name: Case.of(case) for case in plan.cases}
        self._levels = {case.name: case.level for case in plan.cases}
        self._unusable = unusable or {}
        self._known = {target.name: _known(args, target) for target in plan.targets}
        self._console = console.Console(options(args))
        self._path = asked.stream(args.jsonl) if plan.only is None else args.jsonl or asked.REPLAYED
        self._writer = jsonl.Writer(self._path)
        self._seen: set[known.Deviation] = set()
        self._results: list[Result] = []
        self._command = ("conform", *command)

    def run(self) -> int:
        """Run it all and write the reports, also when it is interrupted."""
        began = time.monotonic()
        plan = self._plan
        if plan.only is None:
            print(f"seed {plan.seed}", file=sys.stderr)
        with self._writer:
            self._writer.start(_session(plan, self._command, self._args.clock))
            self._writer.rules(catalogue())
            for case in plan.cases:
                self._writer.case(case)
            for name, why in self._unusable.items():
                self._tell_unusable(Result(plan.cases[0].name, name, "base", Verdict.UNUSABLE, reason=why))
            self._console.begin(_counts(plan))
            left_out: Counter[str] = Counter()
            interrupted = False
            try:
                left_out = suite.play(plan, self._take, self._console.case_is_over)
            except KeyboardInterrupt:
                interrupted = True
            code = INTERRUPTED if interrupted else self._code()
            for gone in self._vanished():
                self._writer.fixed(gone)
            self._writer.end(Outcome(code, time.monotonic() - began, left_out))
            report = jsonl.read([self._writer.path])
        if plan.only is None and not self._args.aside:
            asked.make_last(self._path)
        self._console.finish(report, where=str(self._args.html / "index.html") if self._args.html else "")
        if self._args.draft_known:
            self._args.draft_known.write_text(known.draft(self._results, self._cases), encoding="utf-8")
        for line in _told_kept(self._results):
            print(line)
        write_reports(report, self._args)
        return code

    def _take(self, result: Result) -> None:
        if result.verdict is Verdict.UNUSABLE:
            self._tell_unusable(result)
            return
        deviation = known.apply(result, self._known[result.target], self._cases[result.case])
        if deviation is not None:
            self._seen.add(deviation)
        self._results.append(result)
        self._writer.result(result)
        self._console.result(result)

    def _tell_unusable(self, result: Result) -> None:
        """Note it under the case that showed it, which need not be one of those that were asked for."""
        if result.case not in self._cases:
            talk = selection.select([result.case])[0]
            self._cases[talk.name], self._levels[talk.name] = Case.of(talk), talk.level
            self._writer.case(talk)
        self._results.append(result)
        self._writer.result(result)
        print(f"conform: target {result.target} is unusable: {result.reason}", file=sys.stderr)

    def _code(self) -> int:
        if any(result.verdict is Verdict.UNUSABLE for result in self._results):
            return UNUSABLE
        bad = [result for result in self._results if result.verdict in BAD | {Verdict.HARNESS}]
        threshold = LEVELS.index(self._args.level)
        if any(LEVELS.index(self._levels[result.case]) <= threshold for result in bad):
            return FAILURES
        if all(result.verdict is Verdict.SKIP for result in self._results):
            return NOTHING
        if self._args.strict_known and self._vanished():
            return VANISHED
        return 0

    def _vanished(self) -> list[Fixed]:
        return [
            Fixed(target, gone.scenario, gone.rule, gone.where, gone.why)
            for target, found in self._known.items()
            for gone in known.vanished(found, self._seen, [r for r in self._results if r.target == target])
        ]


def _told_kept(results: Sequence[Result]) -> Iterator[str]:
    """Say where the runs are that were kept: those that failed, else the first ones."""
    kept = [result for result in results if result.kept]
    for result in [result for result in kept if result.verdict in BAD] or kept[:MOST_KEPT]:
        yield f" {result.token}: cd {shlex.quote(result.kept)}; ./again.sh"
    for where in {str(Path(result.kept).parent) for result in kept}:
        yield f" kept until somebody removes it: {where}"


def catalogue() -> Iterator[Rule]:
    """Yield the rules of the specification, as reports want them."""
    for rule in rules.read().values():
        yield Rule(rule.id, rule.title, rule.level, rule.text, rule.section, rule.scope)


def write_reports(report: Report, args: argparse.Namespace, baseline: Report | None = None) -> None:
    """Write the files that were asked for."""
    if args.junit:
        junit.write(report, args.junit)
    if args.tap:
        tap.write(report, args.tap)
    if args.html:
        html.write(report, args.html, baseline)


def options(args: argparse.Namespace) -> console.Options:
    """Return how to print."""
    return console.Options(args.color, args.ascii, args.width, args.verbose, args.hex)


def _known(args: argparse.Namespace, target: TargetConfig) -> list[known.Deviation]:
    return known.read(args.known or known.DIRECTORY / f"{target.name.replace('/', '_')}.toml")


def _counts(plan: Plan) -> dict[tuple[str, str], int]:
    """Return how many runs each case has on each target, faults estimated."""
    return {
        (case.name, target.name): _count(plan, case, target) for target in plan.targets for case in plan.cases
    }


def _count(plan: Plan, case: Talk, target: TargetConfig) -> int:
    count = 0
    for variation in suite.variations(understand(case), target, plan):
        if variation.kind == "fault" and variation.number > MOST_FAULTS:
            break
        count += 1
    return count


def _session(plan: Plan, command: Sequence[str], clock: str | None) -> Session:
    about: dict[str, dict[str, Any]] = {
        target.name: {
            "kind": target.kind,
            "clock": target.clock,
            "generation": target.generation,
            "directory": target.dir,
            "patience": target.patience,
            "observes": sorted(premises.observes(target)),
            **({"clock_asked": clock} if clock else {}),
        }
        for target in plan.targets
    }
    host = {
        "kernel": platform.release(),
        "python": platform.python_version(),
        "uid": os.getuid(),
        "cores": os.cpu_count(),
    }
    when = datetime.now(UTC).isoformat(timespec="seconds")
    words = tuple(shlex.quote(word) for word in command)
    return Session(plan.seed, about, words, host, when, __version__)
