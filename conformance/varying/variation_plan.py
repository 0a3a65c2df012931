"""Which variations a case gets: none, the quick ones, or all, what is left out being counted."""

import itertools
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from typing import Final, Literal, NamedTuple

from conformance.format import octets
from conformance.playing.beats import Score, Send
from conformance.varying.cutting import MOST_PACKETS, NEAR_BUFFER_SIZES, Cut, both_ends, places
from conformance.varying.merging import CLIENT, mergeable
from conformance.varying.variations import BASE, EVERY_BYTE, MERGE_ALL, WORDS, Variation, cuts_at

Level = Literal["none", "quick", "full"] | Set[str]
TargetKind = Literal["simulation", "exec"]
LeftOut = Counter[str]
"""How many variations of a kind (of `bytes`: how many edges) a case is too large for."""


class Asked(NamedTuple):
    """What is to be played of one case: these variations, then those of the levels."""

    levels: tuple[Level, ...]
    variations: tuple[Variation, ...] = ()


MULTI_CUTS: Final = 8
QUICK_SCHEDULES: Final = 4
SCHEDULES: Final = 20
INTERRUPTIONS: Final = (2, 3, 7)
STOPS: Final = 3
MOST_QUICK_CUTS: Final = 256
MOST_CUTS: Final = 1024
MOST_PAIRS: Final = 256
"""Of each packet."""
DEFAULT_TIMEOUT: Final = 1200
_EDGY: Final = frozenset(b"\r\n .")


def enumerate_variations(
    score: Score,
    level: Level,
    seed: int,
    target_kind: TargetKind,
    left_out: LeftOut | None = None,
) -> Iterator[Variation]:
    """Yield the variations of a case, the base first; `left_out` is added to.

    A set as `level` names words of `vary:` (all that "full" has of them). The faults come last and
    have no end: stop where operation K did not happen any more.
    """
    yield BASE
    words = set(score.talk.vary) & (level if isinstance(level, Set) else set(WORDS.values()))
    if level == "none":
        return
    if level == "quick" and (target_kind == "exec" or _is_later_row(score)):
        yield from _brief(score, words, seed, target_kind)
        return
    full = level != "quick"
    left_out = LeftOut() if left_out is None else left_out
    if "cuts" in words:
        yield from _cuts(score, seed, left_out, full=full)
    if "merge" in words and full:
        lines = mergeable(score)
        yield from (Variation("merge", number=line) for line in lines)
        if len(lines) > 1:
            yield MERGE_ALL
    if target_kind == "simulation":
        yield from _machine(score, words, seed, full=full)
    elif "eintr" in words:
        yield from _seeded("stop", STOPS, seed)


def _is_later_row(score: Score) -> bool:
    """Say whether it is a row of a table, but not the first: the rows of one talk resemble each other."""
    return re.search(r"#(?!1$)[0-9]+$", score.talk.name) is not None


def _brief(score: Score, words: Set[str], seed: int, target_kind: TargetKind) -> Iterator[Variation]:
    """Yield the few that find most, for what is one of many alike, or is played in real time."""
    if "cuts" in words and any(isinstance(beat, Send) and places(beat) for beat in score.beats):
        yield EVERY_BYTE
        yield from _seeded("multi", 1, seed)
    if "schedule" in words and target_kind == "simulation":
        yield from _seeded("schedule", 1, seed)
    if "eintr" in words and target_kind == "exec" and not _is_later_row(score):
        yield from _seeded("stop", 1, seed)


def _machine(score: Score, words: Set[str], seed: int, *, full: bool) -> Iterator[Variation]:
    """Yield what needs the machine: its clock, its scheduling, its faults."""
    if "slow" in words and full and (seconds := _slow(score)):
        yield Variation("slow", number=seconds)
    if "schedule" in words:
        yield from _seeded("schedule", SCHEDULES if full else QUICK_SCHEDULES, seed)
    if "eintr" in words and full:
        yield from (Variation("eintr", number=every) for every in INTERRUPTIONS)
    if "faults" in words and full:
        yield from (Variation("fault", number=number) for number in itertools.count(1))


def _cuts(score: Score, seed: int, left_out: LeftOut, *, full: bool) -> Iterator[Variation]:
    sends = [beat for beat in score.beats if isinstance(beat, Send) and places(beat)]
    if not sends:
        return
    yield EVERY_BYTE
    for send in sends:
        all_of_them = len(octets.literal(send.what)) - 1
        left_out["bytes"] += max(all_of_them - MOST_PACKETS, 0)
        wanted = list(places(send)) if full else _near_edges(send)
        kept = both_ends(wanted, MOST_CUTS if full else MOST_QUICK_CUTS)
        if full:
            kept = sorted({*kept, *_near_buffer_sizes(send)})
        possible = all_of_them if full and len(wanted) > MOST_CUTS else len(wanted)
        left_out["cuts"] += possible - len(kept)
        yield from (cuts_at([cut]) for cut in kept)
        if full:
            yield from _pairs(send, left_out)
    yield from _seeded("multi", MULTI_CUTS, seed)


def _pairs(send: Send, left_out: LeftOut) -> Iterator[Variation]:
    """Yield two cuts at a time, those first that stand closest together."""
    there = places(send)
    near = sorted(
        {*both_ends(_near_edges(send), MOST_PAIRS), *_near_buffer_sizes(send)}, key=there.__getitem__
    )
    pairs = sorted(itertools.combinations(near, 2), key=lambda pair: there[pair[1]] - there[pair[0]])
    left_out["cuts"] += max(len(pairs) - MOST_PAIRS, 0)
    yield from (cuts_at(pair) for pair in pairs[:MOST_PAIRS])


def _near_edges(send: Send) -> Sequence[Cut]:
    """Return the cuts next to CR, LF, blank and dot."""
    there = places(send)
    data = octets.literal(send.what) if there else b""
    return [cut for cut, position in there.items() if _EDGY & {data[position - 1], data[position]}]


def _near_buffer_sizes(send: Send) -> Sequence[Cut]:
    return [cut for cut, position in places(send).items() if position in NEAR_BUFFER_SIZES]


def _seeded(kind: str, count: int, seed: int) -> Iterator[Variation]:
    chance = random.Random(f"{kind} {seed}")
    yield from (Variation(kind, number=number) for number in chance.sample(range(1, 1_000_000), count))


def _slow(score: Score) -> int | None:
    """Return the longest pause that no timeout forbids; None if it must not be slow at all."""
    if _seconds(score.files.get("control/logintimeout")) or not any(
        isinstance(beat, Send) and beat.lane in CLIENT and not beat.dynamic for beat in score.beats
    ):
        return None
    written = [_seconds(score.files.get(f"control/timeout{name}")) for name in ("smtpd", "pop3d")]
    shortest = min([DEFAULT_TIMEOUT, *(seconds for seconds in written if seconds is not None)])
    return shortest - 1 if shortest > 1 else None


def _seconds(written: bytes | None) -> int | None:
    found = re.match(rb"0*([0-9]{1,10})", written or b"")
    return int(found[1]) if found else None
