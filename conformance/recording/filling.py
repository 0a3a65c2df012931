"""What a log of the client's side does not have, filled in by the simulated machine.

The machine hears the client of the log. Where nobody says what the client then heard, the inner program does.
What the inner program and checkpassword hear, and when they start, is the machine's; what the client hears
stays the log's, so that playing the scenario shows whether the chain says the same.
"""

import re
import signal
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import trio

from conformance import targets
from conformance.format.talk import Talk
from conformance.format.talk_parser import parse
from conformance.playing.beats import Event, Score, Send, understand
from conformance.playing.calls import Calls
from conformance.playing.director import Director
from conformance.playing.event_words import describe_end
from conformance.playing.stage import Ended, Order, Puppet, Stage
from conformance.playing.staging import Limits, Spinning, found, on_stage, opening_of
from conformance.playing.stream import Flooded
from conformance.playing.verdicts import Moment
from conformance.recording.as_talk import talk_text
from conformance.recording.passwords import Login
from conformance.recording.recording import Recording
from conformance.varying.variations import BASE
from fakes.machine import Stuck

PATIENCE: Final = 1300.0
"""Seconds for something that authup has to say, if the log has no times."""
_OUR_OWN: Final = re.compile(rb"^[0-9]{3}-fixsmtpio home page: [^\n]*\n", re.MULTILINE)
"""What fixsmtpio puts in front of a reply; all else that rules make of one they make of it again."""
LATE: Final = 1.5
"""Seconds for what comes a little later than in the log."""
_KILLED: Final = Ended(None, signal.SIGKILL)
_ENDS: Final = {
    b"authup temporary authentication failure": Order("exit", 111),
    b"authup aack, child crashed": Order("signal", signal.SIGKILL),
}
"""What authup says of an end of checkpassword's that is no refusal, and such an end."""
KEPT: Final = frozenset({"K", "C", "s", "c", "fd3", "T", "proc"})
"""The lanes of the machine's record that are told."""


class _LoggedCalls(Calls):
    """Calls of checkpassword that come out as in the log; `note` is told what the users table cannot say."""

    def __init__(self, talk: Talk, logins: Sequence[Login], note: Callable[[str], None]) -> None:
        super().__init__(talk, ())
        self._logins = list(logins)
        self._note = note

    def verdict(self, puppet: Puppet) -> Order:
        """See Calls."""
        who = tuple(bytes(puppet.input.data).split(b"\0")[:2])
        login = next((one for one in self._logins if (one.user, one.password) == who), None)
        if login is not None:
            self._logins.remove(login)
            for words, order in _ENDS.items():
                if words in login.answer:
                    self._note(describe_end(Ended(order.number, None) if order.what == "exit" else _KILLED))
                    return order
        return super().verdict(puppet)


def filled(recording: Recording, logins: Sequence[Login] = ()) -> Recording:
    """Return a recording with all lanes; where the machine cannot go on, as much as it got."""
    empty = replace(recording, moments=())
    score = understand(parse(talk_text(empty, title="a session of a log")))
    record: list[Moment] = []
    told: list[Moment] = []

    async def act(stage: Stage) -> None:
        listener = _Listener(recording, score, stage, record, told)
        listener.cast.calls = _LoggedCalls(
            score.talk, logins, lambda words: listener.scene.note("K", b"", words)
        )
        await listener.play()

    config = targets.find("sim", targets.read(targets.DEFAULTS))
    try:
        on_stage(opening_of(score, BASE), config, record, act, Limits())
    except BaseException as error:
        if not any(found(error, kind) for kind in (Stuck, Spinning, Flooded, trio.TooSlowError)):
            raise
    return replace(recording, moments=tuple(told))


class _Listener(Director):
    """A director who has the client of the log for a script."""

    def __init__(
        self, recording: Recording, score: Score, stage: Stage, record: list[Moment], told: list[Moment]
    ) -> None:
        super().__init__(score, (), stage, record)
        self._moments = recording.moments
        self._timed = any(moment.time for moment in recording.moments)
        self._record = record
        self._seen = 0  # how much of the record was told
        self._told = told
        self._credit = b""  # what the chain has said that the log has not said yet

    async def act(self) -> None:
        """See Director."""
        began = trio.current_time() - (self._moments[0].time if self._moments else 0.0)
        for moment in self._moments:
            await self.settle()
            if self._timed:
                await trio.sleep_until(began + moment.time)
                await self.settle()
            time = trio.current_time()
            self.cast.current = max(0, len(self.cast.servers) - 1)
            if moment.lane == "C":
                await self._client(moment)
            elif moment.data:
                time = await self._hear(moment.data)
            elif moment.what == "eof":
                await self._close()
            await self.settle()
            self._tell()
            if moment.lane == "S":
                self._told.append(replace(moment, time=time))
        self._tell()

    def _tell(self) -> None:
        new, self._seen = self._record[self._seen :], len(self._record)
        self._told += [moment for moment in new if moment.lane in KEPT]

    async def _client(self, moment: Moment) -> None:
        if moment.data:
            await self.play_beat(Send("C", (moment.data,), 0, ()))
        else:
            await self.play_beat(Event("C", tuple(moment.what.split()), 0, ()))

    def _server_lives(self) -> bool:
        return bool(self.cast.servers) and self.cast.servers[-1].process.ended is None

    async def _hear(self, data: bytes) -> float:
        """Have somebody say what the client heard; return when.

        Of about the same moment the machine knows better than a log, whose clock may tick once a second.
        """
        plain = self.scene.stage.plain
        if not self._server_lives():
            with trio.move_on_after(LATE if self._timed else PATIENCE):
                while not plain.untaken and not self._credit and not plain.ended and not self._server_lives():
                    await plain.more()
        said = self._credit + plain.take(len(plain.untaken))
        self._credit = said[len(data) :] if said.startswith(data) else b""
        if self._server_lives() and data != said and data.startswith(said):
            await self.play_beat(Send("s", (_OUR_OWN.sub(b"", data[len(said) :]),), 0, ()))
            await self.settle()
            plain.take(len(plain.untaken))
            return trio.current_time()
        now = trio.current_time()
        came = plain.arrival(plain.taken - 1) if plain.taken else now
        return came if now - came <= LATE else now

    async def _close(self) -> None:
        """Have the connection end: the inner program does that, if there is one."""
        if self._server_lives():
            ends = [moment.what for moment in self._moments if moment.what.startswith("exit ")]
            await self.play_beat(Event("s", tuple((ends or ["exit 0"])[-1].split()), 0, ()))
