"""Seeded bugs against scenarios: every bug, and the cases that notice it."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from conformance.bugs.baseline import Baseline
from conformance.bugs.mutants import Mutant
from conformance.bugs.trial import Trial
from conformance.format.talk import Talk
from conformance.reports.facts import Case, Killer, SeededBug


class Hunted(NamedTuple):
    """What became of seeded bugs, and what was red without any."""

    bugs: list[SeededBug]
    red: list[str]


def hunt(
    mutants: Sequence[Mutant], cases: Sequence[Talk], jobs: int, on_bug: Callable[[SeededBug], None]
) -> Hunted:
    """Try every seeded bug against the cases that hold something against its rule. Raises Unusable.

    In the machine all of them are tried, as written; on real processes, and under variations, they are
    tried until one notices.
    """
    asserted = [(case, Case.of(case).asserted) for case in sorted(cases, key=_real_first)]
    chosen = [(m, [case for case, rules in asserted if m.rule in rules]) for m in mutants]
    with Baseline(jobs, {m.target for m in mutants}) as baseline, ThreadPoolExecutor(jobs) as pool:
        for mutant, those in chosen:
            for case in those if mutant.target == "sim" else ():
                baseline.begin(case, "sim")
        bugs = []
        for bug in pool.map(lambda choice: _try(choice[0], choice[1], baseline), chosen):
            on_bug(bug)
            bugs.append(bug)
        return Hunted(bugs, baseline.red())


def _real_first(case: Talk) -> tuple[bool, str]:
    return "real" not in case.needs, case.name


def _try(mutant: Mutant, cases: Sequence[Talk], baseline: Baseline) -> SeededBug:
    if mutant.target == "sim":
        cases = [case for case in cases if baseline.is_green(case, "sim")]
    by_name = {case.name: case for case in cases}
    killers = []
    with Trial(mutant.id, cases) as trial:
        for notice in trial:
            if baseline.is_green(by_name[notice.case], mutant.target, notice.variation):
                killers.append(Killer(notice.case, notice.line, notice.verdict))
                if mutant.target != "sim" or notice.variation != "base":
                    break
    why = mutant.why if not trial.trouble else f"{mutant.why} (could not be tried: {trial.trouble})"
    change = f"- {mutant.find}\n+ {mutant.put}"
    return SeededBug(mutant.id, mutant.rule, mutant.file, change, tuple(killers), tuple(by_name), why)
