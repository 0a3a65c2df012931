"""The moments of a recording as the steps of a talk, in an order that plays.

Between two things that we do, what came is told stream by stream; a time mark stands where time has passed.
A director that plays the steps does the same at the same times, if the programs do.
"""

from typing import Final

from conformance.format.talk import Gap, Happen, Mark, Say, Step
from conformance.playing.verdicts import Moment
from conformance.recording.line_writer import LineWriter
from conformance.recording.recording import Recording
from conformance.recording.told import ends, items

SILENCE: Final = 0.9
"""Seconds of real time: a shorter silence is nobody's purpose."""
USUAL: Final = 5.0
"""Seconds: the delays of the specification are multiples of it."""
LATE: Final = 0.9
EARLY: Final = 0.2
"""How far from a usual delay one may be seen in real time."""


def steps(recording: Recording) -> list[Step]:
    """Return the steps of the talk."""
    return _Teller(recording).tell()


class _Teller:
    """Writes the steps; `_clock` is when the step before was done, as a director has it."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._exact = recording.exact
        self._steps: list[Step] = []
        self._clock = min((moment.time for moment in recording.moments), default=0.0)
        if recording.exact:
            self._clock = min(self._clock, 0.0)
        self._came: dict[str, bytearray] = {}
        self._since: dict[str, float] = {}
        self._last = self._clock  # when something came last
        self._packets: list[Moment] = []
        self._lines = LineWriter(greets="{authup}" in recording.chain)

    def tell(self) -> list[Step]:
        """Return the steps of the talk."""
        for item in items(self._recording):
            moment = item.moment
            if item.ours:
                self._flush()
                self._do(moment)
            elif moment.what:
                self._send()
                self._flush()
                if (moment.lane, moment.what.split()[0]) == ("c", "start"):
                    self._lines.no_more_greeting()
                self._expect(Happen(moment.lane, moment.what, 0), moment.time)
            else:
                self._hear(moment)
        self._send()
        self._flush()
        for moment in ends(self._recording):
            self._expect(Happen(moment.lane, moment.what, 0), moment.time)
        return self._steps

    def _do(self, moment: Moment) -> None:
        """Do something ourselves; packets wait for those that continue them."""
        if moment.data:
            mark = self._mark(moment.time) if self._packets else 0.0
            if self._packets and (self._packets[-1].lane != moment.lane or mark):
                self._send()
            if self._packets and self._packets[-1].data.endswith(b"\n"):
                self._send()
            self._packets.append(moment)
            return
        self._send()
        self._let_pass(moment.time)
        self._steps.append(Happen(moment.lane, moment.what, 0))

    def _send(self) -> None:
        """Write the packets of ours that wait."""
        if not self._packets:
            return
        first, lane = self._packets[0], self._packets[0].lane
        before = self._steps[-1] if self._steps else None
        if isinstance(before, Say | Happen) and (before.gutter == lane or lane in ("C", "CT")):
            self._steps.append(Gap(0))
        self._let_pass(first.time)
        for text in self._lines.sent([packet.data for packet in self._packets]):
            self._steps.append(Say(lane, text, 0))
        self._clock = max(self._clock, self._packets[-1].time)
        self._packets = []

    def _hear(self, moment: Moment) -> None:
        """Keep what came until it is known how much of it there is."""
        self._send()
        if self._came and self._passed(self._last, moment.time):
            self._flush()
        self._last = moment.time
        self._since.setdefault(moment.lane, moment.time)
        self._came.setdefault(moment.lane, bytearray()).extend(moment.data)

    def _flush(self) -> None:
        """Write what has come, stream by stream."""
        for lane, data in self._came.items():
            if lane == "T":
                self._expect(Happen("S", "tls", 0), self._since[lane])
                continue
            for text in self._lines.came(lane, bytes(data)):
                self._expect(Say(lane, text, 0), self._since[lane])
        if self._came:
            self._clock = max(self._clock, self._last)
        self._came, self._since = {}, {}

    def _expect(self, step: Say | Happen, time: float) -> None:
        mark = self._mark(time)
        if mark:
            self._steps.append(Mark(mark, 0))
        self._steps.append(step)
        self._clock = max(self._clock, time)

    def _let_pass(self, time: float) -> None:
        """Write the silence before something that we do."""
        mark = self._mark(time)
        if mark:
            self._steps.append(Mark(mark, 0))
        self._clock = max(self._clock, time)

    def _passed(self, before: float, now: float) -> bool:
        return now - before > (1e-9 if self._exact else SILENCE)

    def _mark(self, time: float) -> float:
        """Return the seconds of a time mark above what happens now; 0 for none."""
        passed = time - self._clock
        if not self._passed(self._clock, time):
            return 0.0
        if self._exact:
            return round(passed, 9)
        usual = USUAL * round(passed / USUAL)
        near = usual and -EARLY <= passed - usual <= LATE
        return usual if near else float(round(passed))
