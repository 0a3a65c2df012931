"""What of a recording is told in a talk: ours or theirs, each start and each record as one thing."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from conformance.format.talk import SENDING
from conformance.playing.beats import EVENTS
from conformance.playing.event_words import describe_end
from conformance.playing.stage import CHECKPASSWORD, Process
from conformance.playing.verdicts import Moment
from conformance.recording.recording import Recording

PLANNED: Final = frozenset({"refuse", "env", "hold", "close"})
"""What the TLS front end has to know before it gets its order."""
_OVER: Final = frozenset({"exit", "signal"})
_PASSED_OVER: Final = frozenset({"silent", "wait"})
"""That time passes is seen by the times."""
_FIELDS: Final = 3  # of such a record, each ended by a NUL
_SAME: Final = 0.2
"""Seconds of real time in which the pieces of one record for checkpassword come."""


class Item(NamedTuple):
    """A moment as the talk will have it."""

    moment: Moment
    ours: bool


def items(recording: Recording) -> Iterator[Item]:
    """Yield what the talk tells, in its order, but for the end of the chain."""
    moments = [moment for moment in recording.moments if not _is_end(moment)]
    planned = [moment for moment in moments if moment.lane == "T" and _word(moment) in PLANNED]
    began = min((moment.time for moment in moments), default=0.0)
    for moment in planned:  # above all else: the front end may get its order at any time
        yield Item(Moment(began, "T", what=moment.what), ours=True)
    ordered = any(moment.lane == "T" and moment.data for moment in moments)
    seen: set[tuple[str, str]] = set()
    for moment in _with_records(_with_starts(moments, recording.processes), exact=recording.exact):
        if moment in planned or _word(moment) in _PASSED_OVER or (ordered and moment.what == "tls"):
            continue
        if _word(moment) == "start":
            seen.discard(("c", "eof"))
        elif moment.what == "eof" and moment.lane in EVENTS and not _is_ours(moment):
            if (moment.lane, moment.what) in seen:
                continue
            seen.add((moment.lane, moment.what))
        yield Item(moment, ours=_is_ours(moment))


def ends(recording: Recording) -> list[Moment]:
    """Return how the chain's first process ended, if it did: told last, since others may still speak."""
    found = [moment for moment in recording.moments if _is_end(moment)]
    first = recording.processes[0] if recording.processes else None
    if not found and first is not None and first.ended is not None and first.ended_at is not None:
        return [Moment(first.ended_at, "S", what=describe_end(first.ended))]
    return found[-1:]


def _word(moment: Moment) -> str:
    return moment.what.split(" ")[0]


def _is_end(moment: Moment) -> bool:
    return moment.lane == "S" and _word(moment) in _OVER


def _is_ours(moment: Moment) -> bool:
    if not moment.what:
        return moment.lane in SENDING
    return moment.lane in EVENTS and _word(moment) in EVENTS[moment.lane].ours


def _with_starts(moments: Sequence[Moment], processes: Sequence[Process]) -> Iterator[Moment]:
    """Yield the moments with one start for each inner program, where it was seen, in the talk's words."""
    noted = [moment for moment in moments if moment.lane == "c" and _word(moment) == "start"]
    starts = [moment for moment in moments if moment.lane == "proc" and not _is_call(moment)]
    early: list[Moment] | None = [] if starts else None  # what is to be said when it has started
    for moment in moments:
        if moment.lane == "proc" and not _is_call(moment):
            same = len(noted) == len(starts)
            words = noted[starts.index(moment)].what if same else _attributes(moment, processes)
            yield Moment(moment.time, "c", what=words)
            yield from early or ()
            early = None
        elif moment.lane == "s" and early is not None:
            early.append(moment)
        elif not starts or moment not in noted:
            yield moment


def _is_call(moment: Moment) -> bool:
    return moment.what.split(" ")[-1] in CHECKPASSWORD


def _attributes(moment: Moment, processes: Sequence[Process]) -> str:
    """Return the words of the start of a program: as whom, if that is known."""
    words = moment.what.split(" ")
    pid = next((word for word in words if word.isdigit()), "")
    program = next(
        (p for process in processes if str(process.pid) == pid for p in process.programs[-1:]), None
    )
    return "start" if program is None or program.uid is None else f"start uid={program.uid}"


def _with_records(moments: Iterator[Moment], *, exact: bool) -> Iterator[Moment]:
    """Yield the moments with each record for checkpassword as one piece, an empty one too."""
    data, time, called = b"", 0.0, False
    early: list[Moment] = []  # a decision not to read that was made before there was anything to read
    seen = list(moments)
    left = sum(moment.lane == "proc" for moment in seen)
    has_calls = left > 0
    for moment in seen:
        call = moment.lane == "proc"
        left -= call
        if moment.what == "unread" and not called and left:
            early.append(moment)
            continue
        acts = _is_ours(moment) if not call else False
        late = moment.time - time > (0 if exact else _SAME) or data.count(b"\0") >= _FIELDS
        if moment.lane == "fd3":
            data, time, called = data + moment.data, moment.time, False
            continue
        if data and (call or acts or late):
            yield Moment(time, "fd3", data)
            data = b""
        if called and (call or acts) and moment.what != "unread":
            yield Moment(time, "fd3")
        if call:
            called, time = not early, moment.time
            yield from early
            early = []
            continue
        if acts:
            called = False
        elif not has_calls and (moment.lane, _word(moment)) == ("K", "start"):
            called, time = True, moment.time
        yield moment
    if data or called:
        yield Moment(time, "fd3", data)
