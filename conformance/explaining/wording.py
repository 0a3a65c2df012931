"""What scenarios expect, line by line, with the rules behind each and what stands around it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from conformance.format import octets
from conformance.format.octets import Edge, Octets
from conformance.format.talk import Talk
from conformance.playing.beats import Beat, Event, Expect, Score, Send, is_expected, understand

_VERB = re.compile(rb" *([A-Za-z]{4,8})(?= |\r?\n|\r|\Z)")
_CODE = re.compile(rb"[2-5][0-9]{2}[ -]|\+OK|-ERR")
_NUMBER = re.compile(rb"\b[0-9]+\b")
_STAMP = re.compile(rb"<[0-9]+\.[0-9]+@")
_MOST_LINES = 50  # of one packet
_EVENT = re.compile(rb"[A-Za-z]+! \S+")


class Wording(NamedTuple):
    """One line or event that a scenario expects.

    `lane` has a ! for events. `literal`: the bytes, None where there are captures or patterns in `what`.
    `noted`: the rules are those of a note above it, otherwise those of the header. `causes`: the lines that
    were sent last before it, `requests`: the client's last; the kinds of both.
    """

    lane: str
    what: Octets
    literal: bytes | None
    rules: tuple[str, ...]
    noted: bool
    scenario: str
    line: int
    after: float
    causes: tuple[bytes, ...]
    cause_kinds: frozenset[bytes]
    requests: tuple[bytes, ...]
    request_kinds: frozenset[bytes]
    setting: frozenset[str]
    story: frozenset[bytes]


def kind(lane: str, line: bytes) -> bytes:
    """Return what lines of one kind have in common: the verb, the reply code, the word of an event."""
    if lane.endswith("!"):
        return line.split(b" ", 1)[0]
    if found := _EVENT.match(line):
        return found[0]
    if found := _CODE.match(line):
        return found[0][:3]
    if found := _VERB.match(line):
        return found[1].upper()
    return b"?" if lane in ("C", "CT", "c", "s") else line.split(b" ", 1)[0]


def setting(chain: Iterable[str], files: Iterable[str], env: Mapping[bytes, bytes]) -> frozenset[str]:
    """Return the words that tell sessions apart: programs, protocol, control files, the environment."""
    words = {word.lower() for word in chain}
    words |= {name for name in files if name.startswith("control/")}
    words |= {f"{name.decode('latin-1')}=" for name in env}
    if b"UCSPITLS" in env:
        words.add(f"UCSPITLS={env[b'UCSPITLS'].decode('latin-1')}")
    return frozenset(words)


def wordings(case: Talk) -> Iterator[Wording]:
    """Yield all that a case expects. A draft tells nothing. Raises TalkError."""
    if case.all("draft"):
        return
    score = understand(case)
    around = setting(score.chain, score.files, _environment(score))
    causes: tuple[bytes, ...] = ()
    requests: tuple[bytes, ...] = ()
    scenario = case.name.partition("#")[0]
    sending = False
    story: frozenset[bytes] = frozenset()
    for beat in score.beats:
        if not is_expected(beat):
            sent = _sent(beat)
            causes = (*causes, *sent) if sending else sent
            if beat.lane in ("C", "CT"):
                requests = causes
            story |= told(beat.lane, sent) if isinstance(beat, Send) else _happened(beat)
            sending = True
            continue
        sending = False
        assert not isinstance(beat, Send)  # noqa: S101 - is_expected() says so
        what, lane = _what(beat)
        yield Wording(
            lane,
            what,
            _literal(what),
            beat.rules or case.rules,
            bool(beat.rules),
            scenario,
            beat.line,
            beat.after or 0.0,
            causes,
            frozenset(kind("C", line) for line in causes),
            requests,
            frozenset(kind("C", line) for line in requests),
            around,
            story,
        )
        story |= told(lane, [plain(what)]) if isinstance(beat, Expect) else _happened(beat)


def told(lane: str, lines: Iterable[bytes]) -> frozenset[bytes]:
    """Return what lines add to the story of a session; numbers that differ every time are 0."""
    found = set()
    for line in lines:
        alike = _NUMBER.sub(b"0", line) if lane == "E" else _STAMP.sub(b"<0.0@", line)
        found |= {lane.encode() + b" " + kind(lane, line), lane.encode() + b": " + alike}
    return frozenset(found)


def happened(lane: str, words: str) -> frozenset[bytes]:
    """Return what an event adds to the story."""
    return frozenset({f"{lane}! {words.partition(' ')[0]}".encode(), f"{lane}! {words}".encode()})


def _environment(score: Score) -> dict[bytes, bytes]:
    pairs = (text.encode("latin-1", "replace").partition(b"=") for text in score.talk.all("env"))
    return {name: value for name, _, value in pairs}


def _what(beat: Expect | Event) -> tuple[Octets, str]:
    if isinstance(beat, Expect):
        return beat.what, beat.lane
    return (" ".join(beat.words).encode(),), f"{beat.lane}!"


def _happened(beat: Beat) -> frozenset[bytes]:
    return happened(beat.lane, " ".join(beat.words)) if isinstance(beat, Event) else frozenset()


def plain(what: Octets) -> bytes:
    """Return octets with a digit in place of each capture and pattern."""
    return b"".join(part if isinstance(part, bytes) else b"0" for part in what if not isinstance(part, Edge))


def _literal(what: Octets) -> bytes | None:
    return octets.literal(what) if all(isinstance(part, bytes) for part in what) else None


def _sent(beat: Beat) -> tuple[bytes, ...]:
    """Return the lines of what we do; an event in its own words."""
    if isinstance(beat, Send):
        return tuple(plain(beat.what).splitlines(keepends=True)[-_MOST_LINES:])
    if isinstance(beat, Event) and beat.words[0] != "wait":
        return (f"{beat.lane}! {beat.words[0]}".encode(),)
    return ()
