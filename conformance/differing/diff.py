r"""Two targets, the same client, no expectations: where they disagree, as a small scenario (`conform diff`).

What a difference leaves behind is a draft: what target A said is what it expects, whoever is right.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from time import monotonic
from typing import Final, NamedTuple

from conformance.differing.listening import HEARD, STREAMS, Heard, Listener
from conformance.format import octets
from conformance.format.talk import EXPECTING, Entry, Talk
from conformance.format.talk_parser import parse
from conformance.playing.beats import Event, Score, Send, understand
from conformance.playing.verdicts import Moment
from conformance.varying.shrink import CannotReproduce, shrink
from conformance.varying.variations import BASE, Variation
from conformance.varying.written import source

NOTHING: Final = "nothing more"
NOTICEABLE: Final = 0.5
"""Seconds: a shorter pause is none."""
TROUBLE: Final = ("SPIN", "HANG", "FLOOD", "signal")
"""How the end of a target begins that did not come to a proper one."""
_GREETING: Final = re.compile(rb"<([0-9]+)\.([0-9]{9,11})@")
_OF_THE_DRAFT: Final = ("title", "rules", "level", "draft", "why", "vary", "", "#")


class Disagreement(NamedTuple):
    """The first stream in which two targets differ, and what stands there, in octets.py's notation."""

    stream: str
    a: str
    b: str


def compare(a: Listener, b: Listener, talk: Talk) -> tuple[Disagreement | None, Heard]:
    """Return where two targets disagree about a dialogue, and what A said."""
    score = understand(talk)
    said_by_a = a(score)
    return disagree(said_by_a, b(score)), said_by_a


def smallest(
    a: Listener, b: Listener, talk: Talk, found: Disagreement, limits: tuple[int, float]
) -> Talk | None:
    """Return the draft of the smallest dialogue found with this disagreement; None if B was not asked.

    Raises CannotReproduce when it does not come again.

    `limits`: B plays no more than so many dialogues, and none after a certain time.monotonic().
    """
    left, deadline = limits
    heard: dict[str, Heard] = {}

    def fails(smaller: Talk, _variation: Variation) -> bool:
        nonlocal left
        if left <= 0 or monotonic() > deadline:
            return False
        score = understand(smaller)
        said_by_a = a(score)
        if not _may_say(said_by_a, found):
            return False
        left -= 1
        if disagree(said_by_a, b(score)) != found:
            return False
        heard[source(smaller)] = said_by_a
        return True

    try:
        small = shrink(talk, BASE, fails).talk
    except CannotReproduce:
        if left < limits[0]:
            raise
        return None
    return draft(small, heard[source(small)], found)


def disagree(a: Heard, b: Heard) -> Disagreement | None:
    """Return the first difference of what two targets said.

    Who crashes or spins says nothing more: then its end is the difference.
    """
    for stream in STREAMS:
        said_by_a, said_by_b = a.streams.get(stream, b""), b.streams.get(stream, b"")
        if said_by_a != said_by_b:
            found = Disagreement(stream, *_first_difference(said_by_a, said_by_b))
            if a.end != b.end and any(
                said == NOTHING and heard.end.startswith(TROUBLE)
                for said, heard in ((found.a, a), (found.b, b))
            ):
                return Disagreement("end", a.end, b.end)
            return found
    return None


def draft(talk: Talk, heard: Heard, disagreement: Disagreement | None = None) -> Talk:
    """Return the scenario that does what this one does, and expects what was heard."""
    values = [("title", "what one target says"), ("level", "info"), ("draft", "from conform diff")]
    if disagreement is not None:
        values[0] = ("title", f"two targets disagree about {disagreement.stream}")
        values += [("why", f"one says {disagreement.a}"), ("why", f"the other one says {disagreement.b}")]
    kept = [entry for entry in talk.header if entry.key not in _OF_THE_DRAFT]
    header = (*(Entry(key, value, 0) for key, value in values), *kept)
    section = talk.section("talk")
    assert section is not None  # noqa: S101 - a Talk has one
    written = section._replace(lines=tuple(_Transcript(talk, heard).lines))
    sections = tuple(
        written if other is section else other
        for other in talk.sections
        if other.name not in ("processes", "each") and not other.is_received
    )
    return parse(source(replace(talk, header=header, sections=sections)), name=talk.name, file=talk.file)


def server_lines(score: Score) -> frozenset[str]:
    """Return the lines that the server behind fixsmtpio says in a dialogue, in octets.py's notation."""
    if "{fixsmtpio}" not in score.chain:
        return frozenset()
    said = b"".join(
        octets.resolve(b.what, {})[0] for b in score.beats if isinstance(b, Send) and b.lane == "s"
    )
    return frozenset(map(_shown, said.splitlines(keepends=True)))


def _may_say(a: Heard, found: Disagreement) -> bool:
    """Say whether A still says its part, so that B need not be asked in vain."""
    said = a.streams.get(found.stream, b"").splitlines(keepends=True)
    return found.a == NOTHING or found.a in map(_shown, said)


def _first_difference(a: bytes, b: bytes) -> tuple[str, str]:
    """Return the first lines that differ."""
    lines_a, lines_b = a.splitlines(keepends=True), b.splitlines(keepends=True)
    pairs = zip([*lines_a, b""], [*lines_b, b""], strict=False)
    line_a, line_b = next((pair for pair in pairs if pair[0] != pair[1]), (b"", b""))
    return _shown(line_a), _shown(line_b)


def _shown(line: bytes) -> str:
    return octets.write(line[:300]) or NOTHING


class _Transcript:
    """The lines of a talk: what was really done, and behind it what was heard."""

    def __init__(self, talk: Talk, heard: Heard) -> None:
        self.lines: list[str] = []
        self._clock = 0.0
        self._names: dict[bytes, str] = {}
        self._waiting: list[Moment] = []
        done = _what_is_done(talk)
        line = 0
        for moment in heard.record:
            ours = moment.lane not in EXPECTING and moment.lane != "proc"
            if ours and moment.line in done and moment.line != line:
                line = moment.line
                self._do(done[line], moment.time)
            elif not ours and moment.lane in (*HEARD, "proc"):
                self._hear(moment)
        self._tell()
        for time, words in ((heard.closed_at, "eof"), (heard.ended_at, heard.end)):
            if time is not None:
                self._expect(f"S! {words}", time)

    def _do(self, lines: Sequence[str], time: float) -> None:
        self._tell()
        if self.lines:
            self.lines.append("")
        if time - self._clock > NOTICEABLE:
            self.lines.append(f"A! wait {_seconds(time - self._clock)}")
        self.lines += lines
        self._clock = time

    def _hear(self, moment: Moment) -> None:
        """Keep it until it is known how much of it there is."""
        if self._waiting and moment.time - self._waiting[-1].time > NOTICEABLE:
            self._tell()
        self._waiting.append(moment)

    def _tell(self) -> None:
        """Write what was heard at one time, stream by stream."""
        data: dict[str, bytes] = {}
        for moment in self._waiting:
            if moment.lane == "proc":
                self._started(moment, data)
            else:
                data[moment.lane] = data.get(moment.lane, b"") + moment.data
        self._flush(data, self._waiting[-1].time if self._waiting else 0.0)
        self._waiting = []

    def _started(self, moment: Moment, data: dict[str, bytes]) -> None:
        """Write a program's start; what earlier ones heard stands above it."""
        self._flush(data, moment.time)
        name = moment.what.split()[-1]
        if name != "checkpassword":
            self._expect("    c! start", moment.time)

    def _flush(self, data: dict[str, bytes], time: float) -> None:
        for lane, said in data.items():
            ending = b"" if lane == "fd3" else b"\r\n"
            indented = "    " if lane in ("c", "fd3") else ""
            for piece in [said] if lane == "fd3" else said.splitlines(keepends=True):
                self._expect(f"{indented}{lane}: {self._notation(piece, ending)}".rstrip(" "), time)
        data.clear()

    def _expect(self, line: str, time: float) -> None:
        if time - self._clock > NOTICEABLE:
            self.lines.append(f"+{_seconds(time - self._clock)}")
        self.lines.append(line)
        self._clock = max(time, self._clock)

    def _notation(self, data: bytes, ending: bytes) -> str:
        """Write bytes; the PID and the time of POP3's greeting become captures."""
        parts = _GREETING.split(data)
        text = ""
        for number in range(0, len(parts) - 1, 3):
            before, pid, unix = parts[number : number + 3]
            text += octets.write(before + b"<") + f"{self._name('pid', pid)}.{self._name('unix', unix)}@"
        return text + octets.write(parts[-1], ending=ending)

    def _name(self, kind: str, digits: bytes) -> str:
        return self._names.setdefault(digits, f"{{{kind}:{kind}{len(self._names) or ''}}}")


def _what_is_done(talk: Talk) -> dict[int, list[str]]:
    """Return the source lines of what we do, by the number of the first."""
    section = talk.section("talk")
    assert section is not None  # noqa: S101 - a Talk has one
    text = dict(enumerate(section.lines, section.line + 1))
    beats = understand(talk).beats
    done = {
        beat.line: [text[beat.line]] for beat in beats if isinstance(beat, Event) and beat.words[0] != "wait"
    }
    return done | {b.line: [text[line] for line, _ in b.lines] for b in beats if isinstance(b, Send)}


def _seconds(seconds: float) -> str:
    return f"{round(seconds, 1):g}s"
