"""Variations of a case that must not change what its streams carry, as text and as beats.

    base                   as written
    bytes                  every byte its own packet
    cuts=24:3+25:1         a packet edge behind so many bytes of these lines of the .talk file
    multi=SEED             several packet edges in every packet
    merge=LINE merge=all   the client's packet at LINE goes out ahead of its turn, with the one before
    slow=SECONDS           one byte of the client in so many seconds
    schedule=SEED          the machine's scheduling, partial reads and writes
    eintr=EVERY fault=K    every so many operations are interrupted; the K-th operation fails
    stop=SEED              real processes: the tested programs are stopped and continued all the time

`variation_plan.py` says which of them a case gets. Packets whose bytes are known only when they are sent
(captures) are left alone, and the edges of the talk itself stay.
"""

import random
import re
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, TypedDict

from conformance.playing.beats import Beat, Score, Send
from conformance.varying.cutting import MOST_PACKETS, Cut, both_ends, cut, places
from conformance.varying.merging import CLIENT, mergeable, merged
from conformance.varying.slowing import slowed

__all__ = [
    "BASE",
    "CLIENT",
    "EVERY_BYTE",
    "MERGE_ALL",
    "WORDS",
    "Cut",
    "OpeningChanges",
    "Variation",
    "VariationError",
    "apply",
    "cuts_at",
    "explicit_cuts",
    "impossible",
    "opening_changes",
    "parse",
]

WORDS: Final = {
    "base": "",
    "bytes": "cuts",
    "cuts": "cuts",
    "multi": "cuts",
    "merge": "merge",
    "slow": "slow",
    "schedule": "schedule",
    "eintr": "eintr",
    "stop": "eintr",
    "fault": "faults",
}
"""The kinds of variation, and the word of `vary:` and --vary for each."""

MACHINE: Final = frozenset({"schedule", "eintr", "fault"})
"""The kinds that only the simulated machine can do."""

_TEXT: Final = re.compile(r"([a-z]+)(?:=(.+))?")


class VariationError(ValueError):
    """A text that is no variation, or a variation that this case does not have."""


class Variation(NamedTuple):
    """One variation; `cuts` for the kind cuts, `number` (a line, seed, ...) for the others that have one.

    merge=all has the number 0.
    """

    kind: str
    cuts: tuple[Cut, ...] = ()
    number: int = 0

    def __str__(self) -> str:
        if self.kind in ("base", "bytes"):
            return self.kind
        if self.kind == "cuts":
            return "cuts=" + "+".join(f"{line}:{offset}" for line, offset in self.cuts)
        if self.kind == "merge" and self.number == 0:
            return "merge=all"
        return f"{self.kind}={self.number}"


BASE: Final = Variation("base")
EVERY_BYTE: Final = Variation("bytes")
MERGE_ALL: Final = Variation("merge")


class OpeningChanges(TypedDict, total=False):
    """What a variation changes in the stage's Opening."""

    seed: int
    schedule: Literal["plain", "random"]
    interrupt: int
    stop: int
    fail: int


def cuts_at(cuts: Sequence[Cut]) -> Variation:
    """Return the variation with these packet edges, in any order; without any it is the base."""
    return Variation("cuts", tuple(sorted(set(cuts)))) if cuts else BASE


def parse(text: str) -> Variation:
    """Understand the text of a variation; str() gives it back. Raises VariationError."""
    found = _TEXT.fullmatch(text)
    kind, argument = (found[1], found[2]) if found else ("", None)
    if kind not in WORDS:
        raise VariationError(f"{text!r}: expected one of {' '.join(WORDS)}, most with =...")
    if kind in ("base", "bytes"):
        if argument is not None:
            raise VariationError(f"{text!r}: expected {kind} alone")
        return Variation(kind)
    if kind == "cuts":
        pairs = [re.fullmatch("([0-9]+):([0-9]+)", pair) for pair in (argument or "").split("+")]
        if not all(pairs):
            raise VariationError(f"{text!r}: expected cuts=LINE:OFFSET, several joined by +")
        return cuts_at([Cut(int(pair[1]), int(pair[2])) for pair in pairs if pair])
    if kind == "merge" and argument == "all":
        return MERGE_ALL
    if argument is None or not re.fullmatch("[0-9]+", argument):
        raise VariationError(
            f"{text!r}: expected {kind}=NUMBER" + (" or merge=all" if kind == "merge" else "")
        )
    return Variation(kind, number=int(argument))


def opening_changes(variation: Variation) -> OpeningChanges:
    """Return what Opening._replace() takes for this variation: see `impossible`."""
    if variation.kind == "schedule":
        return {"seed": variation.number, "schedule": "random"}
    if variation.kind == "eintr":
        return {"interrupt": variation.number}
    if variation.kind == "stop":
        return {"stop": variation.number}
    if variation.kind == "fault":
        return {"fail": variation.number}
    return {}


def impossible(variation: Variation, target_kind: str) -> str:
    """Return why a kind of target cannot play a variation; "" if it can."""
    if target_kind == "simulation":
        return "the machine stops nobody: eintr is its variation" if variation.kind == "stop" else ""
    return f"needs the simulated machine for {variation.kind}" if variation.kind in MACHINE else ""


def apply(variation: Variation, score: Score) -> tuple[Beat, ...]:
    """Return the beats of a case under a variation. Raises VariationError when it has no such place."""
    if variation.kind == "merge":
        return merged(score.beats, _lines(variation, score))
    if variation.kind == "slow":
        return slowed(score.beats, variation.number)
    cuts = explicit_cuts(variation, score)
    sends = [beat for beat in score.beats if isinstance(beat, Send)]
    lengths = {line: length for send in sends for line, length in send.lines if not send.dynamic}
    ends = {Cut(*send.lines[-1]) for send in sends}
    for line, offset in cuts:
        if not 0 < offset <= lengths.get(line, 0) or (line, offset) in ends:
            there = " ".join(map(str, sorted(lengths))) or "none"
            raise VariationError(
                f"{variation}: no bytes on both sides of {line}:{offset}: expected a place in one "
                f"of the lines that we send: {there}"
            )
    return tuple(cut(beat, cuts) if isinstance(beat, Send) else beat for beat in score.beats)


def explicit_cuts(variation: Variation, score: Score) -> tuple[Cut, ...]:
    """Return the packet edges that a variation adds; bytes and multi as if they had been written out."""
    if variation.kind == "cuts":
        return variation.cuts
    sends = [beat for beat in score.beats if isinstance(beat, Send)]
    if variation.kind == "bytes":
        return tuple(place for send in sends for place in both_ends(list(places(send)), MOST_PACKETS))
    if variation.kind == "multi":
        chance = random.Random(variation.number)
        return tuple(place for send in sends for place in _some(list(places(send)), chance))
    return ()


def _lines(variation: Variation, score: Score) -> set[int]:
    """Return the lines whose packets are sent ahead."""
    lines = set(mergeable(score))
    if variation.number == 0:
        return lines
    if variation.number not in lines:
        raise VariationError(f"{variation}: expected one of the lines {sorted(lines)}")
    return {variation.number}


def _some(cuts: Sequence[Cut], chance: random.Random) -> list[Cut]:
    count = min(chance.choice((1, 2, 3, 5, 8)), len(cuts))
    return sorted(chance.sample(cuts, count))
