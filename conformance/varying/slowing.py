"""A client that sends one byte in a long time."""

from collections.abc import Sequence
from typing import Final

from conformance.format import octets
from conformance.playing.beats import EVENTS, Beat, Event, Expect, Send
from conformance.varying.cutting import cut, places
from conformance.varying.merging import CLIENT

SLOW_BYTES: Final = 400
"""How many bytes are sent slowly; twenty minutes for each of them is less than the machine's week."""


def slowed(beats: Sequence[Beat], seconds: int) -> tuple[Beat, ...]:
    """Send the client's first SLOW_BYTES bytes one by one, wherever time is no matter.

    Where a time mark follows, what stands behind a packet's first line ending is not slowed: the mark
    counts from the end of the packet, the program from that line.
    """
    left = SLOW_BYTES
    changed: list[Beat] = []
    for number, beat in enumerate(beats):
        changed.append(beat)
        if not isinstance(beat, Send) or beat.lane not in CLIENT or beat.dynamic:
            continue
        following = _until_the_next_packet(beats[number + 1 :])
        marked = _marked(following)
        if _checkpassword_runs(beats[:number]) or (marked and _harness_acts(following[:marked])):
            continue
        data = octets.literal(beat.what)
        most = min(data.find(b"\n") + 1 if marked and b"\n" in data else len(data), left)
        left -= most
        if most > 1:
            slow = cut(beat, [place for place, position in places(beat).items() if position < most])
            changed[-1] = slow._replace(pause=float(seconds))
    return tuple(changed)


def _until_the_next_packet(beats: Sequence[Beat]) -> Sequence[Beat]:
    ends = (number for number, beat in enumerate(beats) if isinstance(beat, Send) and beat.lane in CLIENT)
    return beats[: next(ends, len(beats))]


def _marked(beats: Sequence[Beat]) -> int:
    """Return the place, from 1, of the first time mark; 0 if there is none."""
    return next(
        (n for n, beat in enumerate(beats, 1) if not isinstance(beat, Send) and beat.after is not None), 0
    )


def _harness_acts(beats: Sequence[Beat]) -> bool:
    return any(isinstance(beat, Event) and beat.words[0] in EVENTS[beat.lane].ours for beat in beats)


def _checkpassword_runs(beats: Sequence[Beat]) -> bool:
    """Say whether it is undecided: then there is a time by which it must have ended (AUTHUP-CP-6)."""
    for beat in reversed(beats):
        match beat:
            case Expect(lane="fd3") | Event(lane="K"):
                return True
            case Expect(lane="S" | "ST") | Event(lane="c", words=("start", *_)):
                return False
    return False
