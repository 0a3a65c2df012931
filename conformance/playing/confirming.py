"""What failed in real time is run again: a busy computer is late now and then, a wrong program always."""

from conformance.playing import runner
from conformance.playing.beats import Score
from conformance.playing.staging import Limits
from conformance.playing.verdicts import BAD, GOOD, Result, Verdict
from conformance.targets import TargetConfig
from conformance.varying.variations import Variation


def confirmed(
    score: Score,
    target: TargetConfig,
    variation: Variation,
    *,
    again: int = 1,
    slow: bool = False,
    limits: Limits = Limits(),  # noqa: B008 - immutable
) -> Result:
    """Run a case; in real time repeat what failed `again` times: mixed results are flaky, never a pass.

    A second run that says nothing, for it was skipped or is our fault, excuses nothing.
    """
    result = runner.run(score, target, variation, slow=slow, limits=limits)
    if target.kind == "simulation" or result.verdict not in BAD:
        return result
    others = [runner.run(score, target, variation, slow=slow, limits=limits).verdict for _ in range(again)]
    passed = sum(verdict in GOOD for verdict in others)
    if passed:
        result.reason = f"flaky: {passed} of {again + 1} runs passed, this one was {result.verdict}"
        result.verdict = Verdict.FLAKY
    return result
