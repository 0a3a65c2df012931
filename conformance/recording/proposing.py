"""The rules of a recorded scenario, until a person has put the right ones above its lines."""

from collections.abc import Sequence
from functools import cache
from typing import Final

from conformance import rules
from conformance.format.talk import EXPECTING, Happen, Say, Step
from conformance.playing.beats import EVENTS
from conformance.playing.stage import BRACED

_OF_PROGRAM: Final = {
    "authup": "AUTHUP-GEN-3",
    "reup": "REUP-2",
    "fixsmtpio": "FIX-RESP-2",
    "checknotroot": "CNR-1",
}
_OF_GREETING: Final = {"220 ": "AUTHUP-SMTP-1", "+OK <": "AUTHUP-POP3-1"}


def is_expected(step: Step) -> bool:
    """Say whether a step holds the programs to something."""
    if isinstance(step, Say):
        return step.gutter in EXPECTING
    return isinstance(step, Happen) and step.words.split()[0] in EVENTS[step.gutter].theirs


def proposed(given: Sequence[str], chain: Sequence[str], steps: Sequence[Step], *, fakes: bool) -> list[str]:
    """Return the rules that were given, of those that there are; else one that such a session shows."""
    known = _known(fakes=fakes)
    found = [rule for rule in dict.fromkeys(given) if rule in known]
    if found:
        return found
    first = next((step for step in steps if isinstance(step, Say) and step.gutter == "S"), None)
    greeting = first.text[:5] if first else ""
    if "{authup}" in chain:
        for begin, rule in _OF_GREETING.items():
            if greeting.startswith(begin):
                return [rule]
    programs = BRACED.findall(" ".join(chain))
    return [next((_OF_PROGRAM[name] for name in programs if name in _OF_PROGRAM), "FIX-RESP-2")]


@cache
def _known(*, fakes: bool) -> frozenset[str]:
    return frozenset(rule.id for rule in rules.read().values() if fakes or rule.scope != "fakes")
