"""Which cases notice that something is wrong with our programs, and on which line."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from conformance.format.talk import Talk
from conformance.playing.beats import understand
from conformance.playing.confirming import confirmed
from conformance.playing.staging import Limits
from conformance.playing.verdicts import BAD, GOOD, Kind, Result, Verdict
from conformance.targets import TargetConfig
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


class Notice(NamedTuple):
    """A case that failed for the rule, on which line first, and under which variation."""

    case: str
    line: int
    verdict: str
    variation: str


def notices(rule: str, cases: Sequence[Talk], target: TargetConfig) -> Iterator[Notice]:
    """Yield the cases that fail for this rule.

    As written first; when nobody notices so in the machine, under the quick variations, for as long as
    somebody listens.
    """
    sound, noticed = [], False
    for case in cases:
        score = understand(case)
        result = confirmed(score, target, BASE, limits=LIMITS)
        if _blames(result, rule):
            noticed = True
            yield _notice(result)
        elif result.verdict in GOOD:
            sound.append(score)
    if noticed or target.kind != "simulation":
        return
    for score in sound:
        for variation in enumerate_variations(score, "quick", SEED, target.kind):
            result = confirmed(score, target, variation, limits=LIMITS)
            if _blames(result, rule):
                yield _notice(result)


def _notice(result: Result) -> Notice:
    line = result.finding.line if result.finding else 0
    return Notice(result.case, line, result.verdict.value, result.variation)


def _blames(result: Result, rule: str) -> bool:
    if result.verdict not in BAD or result.verdict is Verdict.FLAKY:
        return False
    finding = result.finding
    return finding is None or rule in finding.rules or (finding.kind in BY_NAME and rule in result.rules)
