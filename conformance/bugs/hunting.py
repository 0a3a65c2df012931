"""Which cases notice that something is wrong with our programs, and on which line."""

from collections.abc import Iterator, Sequence

from conformance import targets
from conformance.format.talk import Talk
from conformance.playing import runner
from conformance.playing.beats import understand
from conformance.playing.staging import Limits
from conformance.playing.verdicts import BAD, Kind, Result, Verdict
from conformance.reports.facts import Killer
from conformance.varying.variation_plan import enumerate_variations
from conformance.varying.variations import BASE

SEED = 1
LIMITS = Limits(cpu=4.0)  # what spins shall not cost much
BY_NAME = (
    Kind.HANG,
    Kind.SPIN,
    Kind.CRASH,
    Kind.LEFTOVERS,
    Kind.EXTRA,
    Kind.INVARIANT,
    Kind.LATE,
    Kind.EARLY,
)
"""What no line stands for, or any line may be the first to show: the scenario's header names the rule."""


def killers(rule: str, cases: Sequence[Talk]) -> Iterator[Killer]:
    """Yield the cases that fail for this rule, each with its first line.

    As written first; when nobody notices so, under the quick variations until somebody does.
    """
    sim = targets.read(targets.DEFAULTS)["sim"]
    sound, noticed = [], False
    for case in cases:
        score = understand(case)
        result = runner.run(score, sim, BASE, limits=LIMITS)
        if _blames(result, rule):
            noticed = True
            yield _killer(result)
        elif result.verdict in (Verdict.PASS, Verdict.NON_STRICT, Verdict.INFO):
            sound.append(score)
    if noticed:
        return
    for score in sound:
        for variation in enumerate_variations(score, "quick", SEED, "simulation"):
            if variation is BASE:
                continue
            result = runner.run(score, sim, variation, limits=LIMITS)
            if _blames(result, rule):
                yield _killer(result)
                return


def _killer(result: Result) -> Killer:
    return Killer(result.case, result.finding.line if result.finding else 0, result.verdict.value)


def _blames(result: Result, rule: str) -> bool:
    if result.verdict not in BAD:
        return False
    finding = result.finding
    return finding is None or rule in finding.rules or (finding.kind in BY_NAME and rule in result.rules)
