"""Sessions of a log in the notation of a talk, for people to look at: whole, or line by line as they come."""

from collections.abc import Iterator

from conformance.format.talk import Gap, Happen, Mark, Say, Section, Step, Talk
from conformance.format.talk_writer import write
from conformance.recording import log_recording
from conformance.recording.line_writer import LineWriter
from conformance.recording.log_sessions import Piece, Session
from conformance.recording.passwords import Passwords
from conformance.recording.recording import Recording
from conformance.recording.transcript import SILENCE, steps


def shown(session: Session) -> Iterator[str]:
    """Yield the lines of a session, without its passwords."""
    moments = tuple(log_recording.moments(session, Passwords()))
    return iter(_written(steps(Recording(chain=(), moments=moments, exact=False))))


class Live:
    """One session whose lines are shown as they come."""

    def __init__(self) -> None:
        self._passwords = Passwords()
        self._lines = LineWriter(greets=False)
        self._time: float | None = None
        self._lane = ""

    def show(self, piece: Piece) -> list[str]:
        """Return the lines to show for one line of the log."""
        told = list(self._steps(piece))
        passed = (piece.line.time or 0) - self._time if self._time is not None else 0.0
        self._time = piece.line.time
        if told and passed > SILENCE:
            told.insert(0, Mark(float(round(passed)), 0))
        if told and piece.lane == "C" != self._lane:
            told.insert(0, Gap(0))
        self._lane = piece.lane if told else self._lane
        return ([""] if isinstance(told[0], Gap) else []) + _written(told) if told else []

    def _steps(self, piece: Piece) -> Iterator[Step]:
        data = piece.data
        if piece.lane == "C":
            data = self._passwords.rest() if piece.what else self._passwords.from_client(data)
        elif piece.lane == "S":
            data = self._passwords.from_server(data)
        else:
            data = self._passwords.in_between(data)
        for text in self._lines.came(piece.lane, data):
            yield Say(piece.lane, text, 0)
        if piece.what:
            yield Happen(piece.lane, piece.what, 0)


def _written(told: list[Step]) -> list[str]:
    text = write(Talk("log", "log", (), (Section("talk", (), 0),), tuple(told)))
    return text.split("\n")[1:-1]
