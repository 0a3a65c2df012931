"""What the parts of a director share: the stage, how far the talk has come, what was noticed."""

from collections.abc import Sequence
from typing import NoReturn

import trio

from conformance.format import octets
from conformance.playing.beats import Beat, Event, Expect, Score, Send
from conformance.playing.stage import Stage
from conformance.playing.verdicts import Finding, Kind, Moment

AFTERWARDS = 10.0  # seconds in which something that is missing may still come, to be called late


PROGRAMS = frozenset({"s", "K"})
"""The lanes on which we act as a program."""


class Wrong(Exception):
    """The first finding that speaks against the target."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.kind.value)
        self.finding = finding


class Scene:
    """One playing of one score. `findings` are the accepted alternatives, then what was wrong."""

    def __init__(self, score: Score, beats: Sequence[Beat], stage: Stage, record: list[Moment]) -> None:
        self.score = score
        self.beats = beats
        self.stage = stage
        self.findings: list[Finding] = []
        self.unobserved: set[str] = set()
        self.captured: dict[str, bytes] = {}
        self.killed: set[tuple[int, int]] = set()
        """Who was sent which signal from outside, by PID."""
        self.over: set[str] = set()
        """The streams whose end the talk has seen."""
        self.told = frozenset(section.lane for section in score.received)
        """The streams of which a section tells everything, and the talk nothing."""
        self.line = 0
        """Of the beat that is being played; 0 at the end."""
        self.now = self.acted = trio.current_time()
        """When the beat before was done, and when the client last did something, or a time mark was kept."""
        self.nursery: trio.Nursery
        """Of the tasks that live as long as the playing."""
        self._record = record

    @property
    def is_exact(self) -> bool:
        """Whether time is virtual: then waiting until all is done costs none."""
        return self.stage.early == self.stage.late == 0.0

    @property
    def beat(self) -> Beat:
        """The beat that is being played."""
        return next(beat for beat in self.beats if beat.line == self.line)

    def act(self, lane: str) -> None:
        """We do something now, as the client or as a program."""
        self.now = trio.current_time()
        if lane not in PROGRAMS:
            self.acted = self.now

    def due(self, beat: Expect | Event) -> float:
        """Return when this beat has to come."""
        return self.now + (beat.after or 0.0)

    def patience(self, due: float) -> float:
        """Return until when to wait for what has to come at `due`: it may be late, to be called so."""
        return due + self.stage.late + AFTERWARDS

    def on_time(self, beat: Expect | Event, due: float, first: float, last: float) -> None:
        """Hold the times of a beat's first and last byte against the talk; it is done then. Raises Wrong."""
        # In real time what is expected is seen late, and programs that we play do late what takes no time in
        # the talk, so that the next thing may seem to come early: 5 s count from the password.
        soonest = due - (self.now - self.acted if self.stage.early else 0.0)
        timed = beat.after is not None or (isinstance(beat, Expect) and beat.ordered)
        early = timed and first < soonest - self.stage.early - 1e-9
        if early or last > due + self.stage.late + 1e-9:
            came = f"{(first if early else last) - self.now:.3f} s"
            note = f"came {came} after the line before, expected {beat.after or 0:g} s"
            self.fail(beat, Kind.EARLY if early else Kind.LATE, note=note)
        if beat.after is None:
            self.now = max(self.now, last)
        else:
            self.now = self.acted = max(self.now + beat.after, last)

    def note(self, lane: str, data: bytes, what: str = "") -> None:
        """Put something that we did, or expect, on the record."""
        self._record.append(Moment(trio.current_time(), lane, data, what, self.line))

    def finding(self, beat: Beat, kind: Kind, got: bytes = b"", words: str = "", note: str = "") -> Finding:
        """Return what there is to say of a beat: `got`, or the words in its place."""
        rules = () if isinstance(beat, Send) else beat.rules
        return Finding(beat.line, kind, rules, _expected(beat), words or octets.write(got[:2000]), note)

    def fail(self, beat: Beat, kind: Kind, got: bytes = b"", *, words: str = "", note: str = "") -> NoReturn:
        """Raise Wrong, for a beat."""
        raise Wrong(self.finding(beat, kind, got, words, note))

    def too_much(self, words: str) -> NoReturn:
        """Raise Wrong: something is there that the talk does not have."""
        raise Wrong(Finding(0, Kind.EXTRA, self.score.talk.rules, "nothing more", words))


def _expected(beat: Beat) -> str:
    if isinstance(beat, Expect):
        return octets.notation(beat.what)
    if isinstance(beat, Event):
        return f"{beat.lane}! {' '.join(beat.words)}"
    return ""
