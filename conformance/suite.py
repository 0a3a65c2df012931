"""Runs many cases on many targets under many variations, in several processes, and reports each result."""

import os
import random
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain

from conformance import workers
from conformance.format.talk import Talk
from conformance.playing.beats import Score, understand
from conformance.playing.confirming import confirmed
from conformance.playing.verdicts import BAD, Result, Verdict
from conformance.targets import TargetConfig
from conformance.varying.variation_plan import Asked, LeftOut, Level, enumerate_variations
from conformance.varying.variations import BASE, Variation

RECORDS_KEPT = 3  # of the failures of one case; the others keep their findings


@dataclass(frozen=True)
class Plan:
    """What is to be run. `jobs` 0: as many as the cores allow.

    `deadline` is a time.monotonic() after which no variation is begun.
    """

    cases: Sequence[Talk]
    targets: Sequence[TargetConfig]
    level: Level
    seed: int
    jobs: int
    deadline: float = float("inf")
    confirm: int = 1
    maxfail: int = 0
    only: Variation | None = None
    """One variation instead of those of the level."""
    named: Mapping[str, Asked] = field(default_factory=dict)
    """Case to what is played in place of the level, where some cases were asked for with a variation."""
    slow: bool = False
    """Whether real waits above 10 s are allowed."""
    sanity: Mapping[str, Sequence[Talk]] = field(default_factory=dict)
    """The cases that show, first and last, whether a target can be tested at all, by its name."""


@dataclass
class Share:
    """The results of one case on one target."""

    results: list[Result]
    left_out: Counter[str]


def play(
    plan: Plan,
    on_result: Callable[[Result], None],
    on_case: Callable[[str, str], None] = lambda _case, _target: None,
) -> Counter[str]:
    """Run everything; return what was left out, and why.

    `on_result` is told of each result, `on_case` of each case and target that have no more of them.

    Targets are played one after the other, so that a busy machine does not make real time late. One whose
    sanity cases fail before is not played; when they fail afterwards its last result says so.
    """
    left_out: Counter[str] = Counter()
    failures = 0
    for target in plan.targets:
        if unusable := _insane(plan, target, "before"):
            on_result(unusable)
            continue
        with closing(_shares(plan, target)) as shares:
            for share in shares:
                left_out += share.left_out
                for result in share.results:
                    failures += result.verdict in BAD
                    on_result(result)
                on_case(share.results[0].case, target.name)
                if plan.maxfail and failures >= plan.maxfail:
                    return left_out
        if unusable := _insane(plan, target, "after"):
            on_result(unusable)
    return left_out


def _insane(plan: Plan, target: TargetConfig, when: str) -> Result | None:
    """Play a target's sanity cases as they are written; return the first that fails, as unusable."""
    for case in plan.sanity.get(target.name, ()):
        result = _confirmed(understand(case), target, BASE, plan)
        if result.verdict in BAD | {Verdict.HARNESS}:
            why = result.finding or result.reason.strip().rpartition("\n")[2]
            said = why if isinstance(why, str) else why.note or f"line {why.line}: {why.kind}"
            result.reason = f"{when} the run its sanity case {case.name} came out as {result.verdict}: {said}"
            result.verdict = Verdict.UNUSABLE
            return result
    return None


def _shares(plan: Plan, target: TargetConfig) -> Generator[Share, None, None]:
    scores = [understand(case) for case in plan.cases]
    jobs = plan.jobs or (os.cpu_count() or 1) * (1 if target.kind == "simulation" else 4)
    if jobs == 1:
        for score in scores:
            yield play_case(score, target, plan)
        return
    if target.kind != "simulation":  # so that those that wait for a clock run beside those that work
        random.Random(plan.seed).shuffle(scores)

    def work(number: int) -> Share:
        return play_case(scores[number], target, plan)

    with closing(workers.each(work, len(scores), jobs)) as done:
        for number, share in done:
            yield share if share is not None else Share([_lost(scores[number], target)], Counter())


def _lost(score: Score, target: TargetConfig) -> Result:
    """Return the result of a case whose worker process was killed."""
    reason = "a worker process was killed from outside, perhaps for lack of memory, while this was played"
    return Result(score.talk.name, target.name, str(BASE), Verdict.HARNESS, score.talk.rules, reason=reason)


def play_case(score: Score, target: TargetConfig, plan: Plan) -> Share:
    """Run one case on one target, under all its variations while there is time."""
    out = LeftOut()
    results: list[Result] = []
    base: Result | None = None
    failures = 0
    for variation in variations(score, target, plan, out):
        if variation != BASE and time.monotonic() > plan.deadline:
            out["no time left"] += 1
            break
        if variation.kind == "fault" and base is not None and variation.number > base.operations:
            break
        result = _confirmed(score, target, variation, plan)
        if base is None and variation == BASE:
            base = result
        elif result.verdict in BAD:
            failures += 1
        if variation != BASE and (result.verdict not in BAD or failures > RECORDS_KEPT):
            result.record, result.processes, result.control = (), (), {}
        results.append(result)
        if base is result and base.verdict in _NO_VARIATIONS:
            break
    return Share(results, Counter({why: count for why, count in out.items() if count}))


_NO_VARIATIONS = BAD | {Verdict.SKIP, Verdict.UNUSABLE, Verdict.HARNESS}
"""When the base run came out so, its variations say nothing."""


def variations(
    score: Score, target: TargetConfig, plan: Plan, out: LeftOut | None = None
) -> Iterator[Variation]:
    """Yield what is played of a case, each variation once; faults have no end: see enumerate_variations."""
    if plan.only is not None:
        yield plan.only
        return
    asked = plan.named.get(score.talk.name, Asked((plan.level,)))
    planned = (enumerate_variations(score, level, plan.seed, target.kind, out) for level in asked.levels)
    done: set[Variation] = set()
    for variation in chain(asked.variations, chain.from_iterable(planned)):
        if variation not in done:
            done.add(variation)
            yield variation


def _confirmed(score: Score, target: TargetConfig, variation: Variation, plan: Plan) -> Result:
    return confirmed(score, target, variation, again=plan.confirm, slow=plan.slow)
