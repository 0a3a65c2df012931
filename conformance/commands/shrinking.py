"""conform shrink: the smallest scenario that fails in the same way."""

import argparse
import sys

from conformance import selection, targets
from conformance.format import talk_writer
from conformance.format.talk import Talk
from conformance.format.talk_parser import TalkError
from conformance.playing import runner
from conformance.playing.beats import understand
from conformance.playing.verdicts import Kind
from conformance.processes import premises
from conformance.targets import TargetConfig
from conformance.varying import shrink as shrinking
from conformance.varying import tokens
from conformance.varying.variations import BASE, Variation, VariationError


def shrink(args: argparse.Namespace) -> int:
    """Minimise one failure and write it as a scenario."""
    token = tokens.parse_token(args.token)
    case = selection.select([token.case])[0]
    wanted = targets.with_clock(targets.find(token.target, targets.known()), args.clock)
    with premises.prepared(wanted) as target:
        found = shrinking.shrink(
            case, token.variation, _same_failure(case, token.variation, target), args.tries
        )
    text = talk_writer.write(found.talk)
    if args.output:
        args.output.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
    rest = "" if found.variation == BASE else f"; it still needs the variation {found.variation}"
    print(f"{found.tries} tries{rest}", file=sys.stderr)
    return 0


def _same_failure(case: Talk, variation: Variation, target: TargetConfig) -> shrinking.Fails:
    """Return what says whether something fails as the case did under the variation."""

    def failure(talk: Talk, varied: Variation) -> tuple[str, Kind | None, tuple[str, ...]] | None:
        result = runner.run(understand(talk), target, varied, slow=True)
        finding = result.finding
        if not result.verdict.bad:
            return None
        return result.verdict.value, finding.kind if finding else None, finding.rules if finding else ()

    wanted = failure(case, variation)

    def fails(talk: Talk, varied: Variation) -> bool:
        try:
            return wanted is not None and failure(talk, varied) == wanted
        except (TalkError, VariationError, ValueError):
            return False

    return fails
