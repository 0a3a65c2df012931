"""Packets of the client that are sent ahead of their turn: which ones may be, and sending them."""

import re
from collections.abc import Sequence, Set
from typing import Final

from conformance.format import octets
from conformance.playing.beats import Beat, Event, Expect, Score, Send, is_noticed

CLIENT: Final = frozenset({"C", "CT"})
_STARTS_TLS: Final = re.compile(rb"^(?:STARTTLS|STLS)\b", re.IGNORECASE | re.MULTILINE)
_REPLY: Final = re.compile(rb"^(?:[0-9]{3}[ \r]|\+OK|-ERR)", re.MULTILINE)


def mergeable(score: Score) -> list[int]:
    """Return the lines whose packet may be sent ahead of its turn, with the client's previous packet.

    Replies between may be awaited later, as each stream has its own order. Between the two the harness
    itself must do nothing but answer as the inner server what it has been asked, and nothing may
    stand there that says that nothing comes, or that the session is over.
    """
    sends = [(n, b) for n, b in enumerate(score.beats) if isinstance(b, Send) and b.lane in CLIENT]
    tls = any(value.startswith("UCSPITLS=") for value in score.talk.all("env"))
    unasked = _unasked(score.beats)
    lines = []
    for number in range(1, len(sends)):
        (start, first), (end, second) = sends[number - 1], sends[number]
        following = sends[number + 1][0] if number + 1 < len(sends) else len(score.beats)
        if first.lane != second.lane or first.dynamic or second.dynamic:
            continue
        if any(isinstance(beat, Event) and is_noticed(beat) for beat in score.beats[end + 1 : end + 2]):
            continue  # what comes of the two is not told apart, and would seem to come too early
        if tls and first.lane == "C" and _STARTS_TLS.search(octets.literal(first.what)):
            continue  # what is sent ahead is discarded (AUTHUP-TLS-3)
        if any(isinstance(beat, Expect) and beat.ordered for beat in score.beats[start:following]):
            continue
        between = range(start + 1, end)
        if not unasked.intersection(between) and all(_is_no_matter(score.beats[place]) for place in between):
            lines.append(second.line)
    return lines


def _is_no_matter(beat: Beat) -> bool:
    """Say whether the client may speak before this."""
    match beat:
        case Expect() | Send(lane="s") | Event(lane="S", words=("tls",)) | Event(lane="K"):
            return True
        case Event(lane="c", words=("start", *_)):
            return True
    return False


def _unasked(beats: Sequence[Beat]) -> set[int]:
    """Return the places where the inner server says more than it was asked: no request may come before."""
    owed, in_message, started = 1, False, False  # the greeting
    places = set()
    for place, beat in enumerate(beats):
        if isinstance(beat, Event) and beat.lane == "c" and beat.words[0] == "start":
            owed, started, in_message = owed + started, True, False
        elif isinstance(beat, Expect) and beat.lane == "c" and _text(beat).endswith(b"\n"):
            owed += not in_message
            in_message = in_message and _text(beat) != b".\r\n"
        elif isinstance(beat, Send) and beat.lane == "s":
            replies = _REPLY.findall(_text(beat))
            if any(reply.startswith(b"354") for reply in replies):
                in_message, owed = True, owed + 1
            owed -= len(replies)
            if owed < 0:
                places.add(place)
                owed = 0
    return places


def _text(beat: Send | Expect) -> bytes:
    return b"".join(part for part in beat.what if isinstance(part, bytes))


def merged(beats: Sequence[Beat], lines: Set[int]) -> tuple[Beat, ...]:
    """Send the client's packets at these lines together with the one before."""
    changed: list[Beat] = []
    previous: dict[str, int] = {}
    in_a_row = False
    for beat in beats:
        if isinstance(beat, Send) and beat.lane in CLIENT:
            if beat.line in lines:
                place = previous[beat.lane]
                first = changed[place]
                assert isinstance(first, Send)  # noqa: S101 - it was put there two lines below
                what = octets.join([first.what, beat.what])
                changed[place] = first._replace(what=what, lines=(*first.lines, *beat.lines))
                changed[place + 1 :] = map(_behind_the_client, changed[place + 1 :])
                in_a_row = True
                continue
            previous[beat.lane] = len(changed)
        in_a_row = in_a_row and isinstance(beat, Send)
        changed.append(_behind_the_client(beat) if in_a_row else beat)
    return tuple(changed)


def _behind_the_client(beat: Beat) -> Beat:
    """Mark what the inner server says while the client is ahead of the talk."""
    return beat._replace(ahead=True) if isinstance(beat, Send) else beat
