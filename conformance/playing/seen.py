"""What the invariants read: the record of a run that is over."""

from collections.abc import Sequence
from typing import NamedTuple

from conformance.playing.beats import Beat, Event, Score
from conformance.playing.stage import Opening, Process, Program
from conformance.playing.verdicts import Finding, Kind, Moment

_BEFORE_LOGIN = ("reup", "authup", "checkpassword", "checknotroot")
_LEAVING = frozenset({"reset", "hangup", "stall", "close"})


class Seen(NamedTuple):
    """All that is known of a run when it is over."""

    score: Score
    beats: Sequence[Beat]
    record: Sequence[Moment]
    processes: Sequence[Process]
    observes: frozenset[str]
    opening: Opening
    whole: bool = True
    """Whether it was played to its end."""


def finding(number: int, words: str, rule: str) -> Finding:
    """Return that an invariant, by its number, is broken, in words."""
    return Finding(0, Kind.INVARIANT, (rule,), got=words, note=f"invariant {number}: {words}")


def carried(seen: Seen, lane: str) -> bytes:
    """Return all the bytes of a lane."""
    return b"".join(moment.data for moment in seen.record if moment.lane == lane)


def programs(seen: Seen) -> list[Program]:
    """Return all programs that were seen to start."""
    return [program for process in seen.processes for program in process.programs]


def protocol(seen: Seen) -> str | None:
    """Return authup's protocol, lower case; None when the chain has no authup."""
    chain = seen.opening.chain
    if "{authup}" not in chain:
        return None
    words = [word.lower() for word in chain[chain.index("{authup}") :]]
    return next((word for word in words if word in ("smtp", "pop3")), None)


def moments_before_login(seen: Seen) -> Sequence[Moment]:
    """Return the record until checkpassword's successor, fixsmtpio or an inner program, came to speak."""
    for number, moment in enumerate(seen.record):
        if moment.lane == "proc" and moment.what.split()[-1] not in _BEFORE_LOGIN:
            return seen.record[:number]
    return seen.record


def before_login(seen: Seen, lane: str) -> bytes:
    """Return what was said before somebody else than authup came to speak."""
    moments = moments_before_login(seen)
    data = b"".join(moment.data for moment in moments if moment.lane == lane)
    if len(moments) < len(seen.record):
        return data[: data.rfind(b"\n") + 1]  # the rest of a line may still be on its way
    return data


def heard_by_servers(seen: Seen) -> list[bytes]:
    """Return what the inner programs heard, one by one."""
    heard: list[list[bytes]] = [[]]
    for moment in seen.record:
        if moment.lane == "c":
            heard[-1].append(moment.data)
        elif moment.lane == "proc" and moment.what.split()[-1] not in (*_BEFORE_LOGIN, "fixsmtpio"):
            heard.append([])
    return [b"".join(pieces) for pieces in heard]


def is_cut_off(seen: Seen) -> bool:
    """Say whether what authup said may end in the middle, through no fault of its own.

    Somebody else came to speak, the playing stopped at something wrong, or somebody left, did not
    read, or sent a signal.
    """
    if not seen.whole or len(moments_before_login(seen)) < len(seen.record):
        return True
    events = [beat for beat in seen.beats if isinstance(beat, Event)]
    return any(
        (beat.lane in ("C", "CT", "T") and beat.words[0] in _LEAVING)
        or (beat.lane == "A" and beat.words[0] == "signal")
        for beat in events
    )
