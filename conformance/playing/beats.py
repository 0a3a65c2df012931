"""What a case asks for, beat by beat: the talk's lines understood, ready to be varied and played.

Lines of one sender that stand next to each other, comments aside, are one packet. A variation
(varying/variations.py) is a function from beats to beats; the director knows nothing of variations.
"""

import re
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from conformance.format import header, octets
from conformance.format.octets import Capture, Edge, NotationError, Octets, Pattern
from conformance.format.talk import SENDING, Gap, Happen, Mark, Note, Say, Section, Talk, in_full
from conformance.format.talk_parser import TalkError
from conformance.playing import attributes, received
from conformance.playing.received import Received

ENDINGS: Final[Mapping[str, bytes]] = {"E": b"\n", "fd3": b""}


class Send(NamedTuple):
    """Bytes that we send as one packet, but for the edges in them. `lane` is C, CT or s.

    `lines` has the number of each line and how many bytes it contributes; dynamic when a capture
    is in it, then variations leave it alone. `pause` is a silence, in seconds, before each packet
    but the first, instead of waiting until everybody is idle. `ahead`: the client has sent more by then
    than stands above (merging.py).
    """

    lane: str
    what: Octets
    line: int
    lines: tuple[tuple[int, int], ...]
    pause: float = 0.0
    ahead: bool = False

    @property
    def dynamic(self) -> bool:
        """Whether the bytes are known only when it is played."""
        return not all(isinstance(part, bytes | Edge) for part in self.what)


class Expect(NamedTuple):
    """One line that must arrive. `lane` is S, ST, c, fd3 or E; `after` the time mark, in seconds.

    `ordered`: the order between the streams is checked here too, in virtual time.
    """

    lane: str
    what: Octets
    line: int
    rules: tuple[str, ...]
    after: float | None = None
    alternatives: tuple[tuple[str, Octets], ...] = ()
    ordered: bool = False


class Event(NamedTuple):
    """A thing that happens, or is expected: the gutter (C, S, CT, ST, c, s, K, T, A) and its words."""

    lane: str
    words: tuple[str, ...]
    line: int
    rules: tuple[str, ...]
    after: float | None = None


Beat = Send | Expect | Event


class Grammar(NamedTuple):
    """The words an event may start with, and whether we do it (or expect it)."""

    ours: frozenset[str]
    theirs: frozenset[str]


EVENTS: Final[Mapping[str, Grammar]] = {
    "C": Grammar(frozenset({"eof", "reset", "hangup", "stall", "resume"}), frozenset()),
    "CT": Grammar(frozenset({"eof", "reset", "hangup", "stall", "resume"}), frozenset()),
    "S": Grammar(frozenset(), frozenset({"eof", "exit", "signal", "silent", "tls"})),
    "ST": Grammar(frozenset(), frozenset({"eof", "silent"})),
    "c": Grammar(frozenset(), frozenset({"start", "eof", "killed", "silent"})),
    "s": Grammar(frozenset({"exit", "signal", "eof", "stall", "resume", "ignore"}), frozenset()),
    "K": Grammar(
        frozenset({"exit", "signal", "hang", "exec", "unread", "ignore"}), frozenset({"start", "killed"})
    ),
    "T": Grammar(
        frozenset({"refuse", "env", "block", "hold", "hangup", "close"}), frozenset({"silent", "eof"})
    ),
    "A": Grammar(frozenset({"signal", "wait"}), frozenset()),
}
_NOTICED: Final = frozenset({"eof", "reset", "hangup", "exit", "signal", "exec", "block"})
_SIGNALS: Final = {name.removeprefix("SIG") for name in signal.Signals.__members__}
_NUMBERS: Final = "|".join(str(int(number)) for number in signal.valid_signals())
_SIGNAL: Final = ("NAME of a signal", re.compile(f"(?:SIG)?(?:{'|'.join(sorted(_SIGNALS))})|{_NUMBERS}"))
_DURATION: Final = ("3s", re.compile(r"[0-9]+(?:\.[0-9]+)?s"))
_ARGUMENTS: Final = {
    "exit": ("N below 256", re.compile("[0-9]{1,2}|1[0-9]{2}|2[0-4][0-9]|25[0-5]")),
    "signal": _SIGNAL,
    "killed": _SIGNAL,
    "ignore": _SIGNAL,
    "silent": _DURATION,
    "wait": _DURATION,
    "env": ("NAME=VALUE or NAME", re.compile(".+")),
    "block": ("nothing, or the octets of the block", re.compile(".*")),
}
"""What has to follow the word of an event: for people, and as a pattern; otherwise nothing."""


@dataclass(frozen=True)
class Score:
    """A case, understood: who runs what with which files, and the beats."""

    talk: Talk
    chain: tuple[str, ...]
    """The words of `run`; replaceable programs keep their braces."""
    beats: tuple[Beat, ...]
    files: Mapping[str, bytes]
    """Paths below the qmail home (a name that ends in / is a directory) to bytes."""
    processes: Section | None = None
    received: tuple[Received, ...] = ()
    """What somebody must have got, where the talk has no lines for it."""


def is_expected(beat: Beat) -> bool:
    """Say whether a beat holds the tested programs to something; all others are our own doing."""
    if isinstance(beat, Event):
        return beat.words[0] in EVENTS[beat.lane].theirs
    return isinstance(beat, Expect)


def is_noticed(beat: Beat) -> bool:
    """Say whether a beat is something of ours that the tested programs may react to at once."""
    if isinstance(beat, Event):
        return not is_expected(beat) and beat.words[0] in _NOTICED
    return isinstance(beat, Send)


def understand(talk: Talk) -> Score:
    """Understand a case. Raises TalkError."""
    for remark in header.check(talk):
        raise TalkError(talk.file, remark.line, remark.text)
    files, processes = _files(talk), talk.section("processes")
    beats = tuple(_beats(talk, files))
    _check_captures(talk, beats)
    got = tuple(received.understand(talk, files, ENDINGS))
    return Score(talk, tuple(talk.one("run").split()), beats, files, processes, got)


def _check_captures(talk: Talk, beats: Sequence[Beat]) -> None:
    """What we send is known beforehand, or captured above."""
    captured: set[str] = set()
    for beat in beats:
        parts = () if isinstance(beat, Event) else beat.what
        if isinstance(beat, Expect):
            captured |= {part.name for part in parts if isinstance(part, Capture)}
        for part in parts if isinstance(beat, Send) else ():
            if isinstance(part, Pattern) or (isinstance(part, Capture) and part.name not in captured):
                raise TalkError(talk.file, beat.line, "expected bytes, or what was captured above")


def _files(talk: Talk) -> dict[str, bytes]:
    """Return the files; a section NAME octets is in octets.py's notation, each line ends in LF."""
    files = {}
    for section in talk.sections:
        name, _, how = section.name.partition(" ")
        if "/" not in name or section.is_received:
            continue
        if ".." in name.split("/"):
            raise TalkError(talk.file, section.line, f"-- {section.name} --: expected a path without ..")
        if how == "octets":
            lines = enumerate(section.lines, section.line + 1)
            files[name] = b"".join(_literal(talk, line, number) for number, line in lines)
        else:
            files[name] = "".join(line + "\n" for line in section.lines).encode()
    return files


def _literal(talk: Talk, text: str, line: int) -> bytes:
    try:
        return octets.literal(octets.parse(text, b"\n"))
    except NotationError as error:
        raise TalkError(talk.file, line, str(error)) from None


def _beats(talk: Talk, files: Mapping[str, bytes]) -> list[Beat]:
    """Understand the lines of the talk, in order."""
    beats: list[Beat] = []
    rules: tuple[str, ...] = ()
    ordered = False
    after: float | None = None
    joinable = False
    packets: dict[int, list[Send]] = {}  # put together at the end: a message may have a million lines
    for step in talk.steps:
        match step:
            case Gap():
                rules, ordered, joinable = (), False, False  # an empty line parts two packets of one sender
                continue
            case Note():
                rules, ordered = (*rules, *step.rules), ordered or step.ordered
                continue
            case Mark():
                after = (after or 0.0) + step.seconds
                joinable = False
                continue
            case Say() if step.gutter in SENDING:
                beat = _send(talk, step, files)
                if joinable and isinstance(beats[-1], Send) and beats[-1].lane == beat.lane:
                    packets.setdefault(len(beats) - 1, [beats[-1]]).append(beat)
                else:
                    beats += _pause(after, step.line)
                    beats.append(beat)
                after, joinable = None, True
                continue
            case Say():
                alternatives = tuple(
                    (a.kind, _parsed(talk, step._replace(text=a.text, line=a.line), files))
                    for a in step.alternatives
                )
                what = _parsed(talk, step, files)
                beats.append(Expect(step.gutter, what, step.line, rules, after, alternatives, ordered))
            case Happen():
                event = _event(talk, step, rules, after)
                if not is_expected(event):
                    beats += _pause(after, step.line)
                    event = event._replace(after=None)
                beats.append(event)
        after, joinable = None, False
    if after is not None:
        raise TalkError(talk.file, talk.steps[-1].line, "expected a line after the time mark")
    for place, sends in packets.items():
        beats[place] = _joined(sends)
    return beats


def _pause(after: float | None, line: int) -> list[Beat]:
    """Return the beat that lets time pass before we send, with nothing heard meanwhile."""
    return [] if after is None else [Event("A", ("wait", f"{in_full(after)}s"), line, ())]


def _send(talk: Talk, step: Say, files: Mapping[str, bytes]) -> Send:
    what = _parsed(talk, step, files)
    try:
        length = len(octets.literal(what))
    except NotationError:
        length = 0
    return Send(step.gutter, what, step.line, ((step.line, length),))


def _joined(sends: Sequence[Send]) -> Send:
    what = octets.join([send.what for send in sends])
    return sends[0]._replace(what=what, lines=tuple(line for send in sends for line in send.lines))


def _parsed(talk: Talk, step: Say, files: Mapping[str, bytes]) -> Octets:
    try:
        return octets.parse(step.text, ENDINGS.get(step.gutter, b"\r\n"), files)
    except NotationError as error:
        raise TalkError(talk.file, step.line, str(error)) from None


def _event(talk: Talk, step: Happen, rules: tuple[str, ...], after: float | None) -> Event:
    words = tuple(step.words.split())
    grammar = EVENTS[step.gutter]
    known = grammar.ours | grammar.theirs
    if words[0] not in known:
        expected = " ".join(sorted(known))
        raise TalkError(talk.file, step.line, f"{step.gutter}! {words[0]}: expected one of {expected}")
    expected = _missing_argument(step.gutter, words)
    if expected:
        raise TalkError(talk.file, step.line, f"{step.gutter}! {words[0]}: expected {expected} behind it")
    if words[0] == "silent" and after is not None:
        raise TalkError(talk.file, step.line, "expected the seconds of a silence in one place")
    return Event(step.gutter, words, step.line, rules, after)


def _missing_argument(gutter: str, words: Sequence[str]) -> str:
    """Return what should stand behind the word of an event; "" if it does."""
    arguments = list(words[1:])
    if words[0] == "start":
        return "" if all(map(attributes.shape, arguments)) else "attributes (k=v, NAME, !NAME)"
    if gutter == "A" and words[0] == "signal":
        if len(arguments) != 2:
            return "NAME PROGRAM"
        arguments.pop()
    expected, pattern = _ARGUMENTS.get(words[0], ("nothing", re.compile("")))
    if not pattern.fullmatch(" ".join(arguments)):
        return expected
    try:
        octets.literal(octets.parse(" ".join(arguments)) if gutter == "T" else ())
    except NotationError as error:
        return f"octets ({error})"
    return ""
