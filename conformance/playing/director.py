"""Plays beats on a stage: sends what is ours to send, and holds what arrives against what was written.

It stops at the first thing that is wrong; what that means for the run is judged in judging.py. Each
stream is a total order, between streams the order is causal.

    scene.py                              what the parts share: stage, time, findings
    cast.py                               who plays checkpassword and the inner programs
    sending.py  arriving.py               bytes, out and in
    outer_events.py  program_events.py  front_end.py    what is no bytes
    closing.py                            what may be left at the end
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import trio

from conformance.playing.arriving import Arriving
from conformance.playing.beats import Beat, Event, Expect, Score, Send, is_noticed
from conformance.playing.cast import Cast
from conformance.playing.closing import close
from conformance.playing.front_end import FrontEndPart
from conformance.playing.outer_events import OuterEvents
from conformance.playing.program_events import ProgramEvents
from conformance.playing.scene import Scene, Wrong
from conformance.playing.sending import Sending
from conformance.playing.stage import Stage
from conformance.playing.stream import Stream
from conformance.playing.verdicts import Finding, Moment


class Director:
    """One playing of one score. `scene` tells afterwards what was noticed."""

    def __init__(self, score: Score, beats: Sequence[Beat], stage: Stage, record: list[Moment]) -> None:
        self.scene = Scene(score, beats, stage, record)
        self.cast = Cast(self.scene)
        self._before: Beat | None = None
        self._sending = Sending(self.scene, self.cast, self.settle)
        self._arriving = Arriving(self.scene)
        self.front_end = FrontEndPart(self.scene, self._arriving)
        self._outer = OuterEvents(self.scene, self.cast, self._sending, self._arriving, self.front_end)
        self._programs = ProgramEvents(self.scene, self.cast, self._sending, self._arriving)

    async def play(self) -> None:
        """Play everything; afterwards scene.findings tells what was noticed."""
        try:
            async with self.performing():
                await self.act()
        except* Wrong as wrong:
            self.scene.findings.append(_first_wrong(wrong))

    @asynccontextmanager
    async def performing(self) -> AsyncIterator[None]:
        """Have those play who do it by themselves: checkpassword, the TLS front end, what we send."""
        async with trio.open_nursery() as self.scene.nursery:
            self.scene.nursery.start_soon(self.cast.usher)
            if self.scene.stage.front_end is not None:
                self.scene.nursery.start_soon(self.front_end.live)
            yield
            self.scene.nursery.cancel_scope.cancel()

    async def act(self) -> None:
        """Play beat after beat. Raises Wrong."""
        for beat in self.scene.beats:
            await self.next(beat)
        await self.finish()

    async def next(self, beat: Beat) -> None:
        """Play the beat that follows in the talk. Raises Wrong."""
        self.scene.line = beat.line
        if is_noticed(beat):
            await self._look_before(beat, self._before)
        await self.play_beat(beat)
        self._before = beat

    async def finish(self) -> None:
        """See, when the talk is over, that nothing is left. Raises Wrong."""
        await close(self.scene, self.cast)

    async def settle(self) -> None:
        """Wait until everybody is idle."""
        await self.scene.stage.settle()

    async def _look_before(self, beat: Beat, before: Beat | None) -> None:
        """See what has come before we do something: nothing of it can be due to that.

        What is due to the first and what to the last of several things in a row is not told apart.
        """
        in_a_row = before is not None and is_noticed(before)
        if self._has_to_settle(beat, before, in_a_row=in_a_row):
            await self.settle()
        if in_a_row:
            return
        streams = [self.scene.stage.plain, self.scene.stage.tls]
        if not isinstance(beat, Send) or not beat.ahead:
            streams += [self.scene.stage.log, *(puppet.input for puppet in self.cast.servers)]
        self._arriving.we_act(streams)

    def _has_to_settle(self, beat: Beat, before: Beat | None, *, in_a_row: bool) -> bool:
        """Say whether everybody has to be idle before we do something.

        In real time that takes milliseconds: there it is worth it before the inner program answers, where
        a filter could be ahead of it, and where nothing that we expect stands between two packets.
        Where the talk does not tell what arrives, nothing else tells when it has.
        """
        if before is not None and self.scene.told:
            return True
        if before is None or (in_a_row and not isinstance(beat, Send)):
            return False
        if self.scene.is_exact:
            return True
        return isinstance(beat, Send) and (beat.lane == "s" or not isinstance(before, Expect))

    async def play_beat(self, beat: Beat) -> None:
        """Play one beat. Raises Wrong."""
        if isinstance(beat, Send):
            await self._sending.send(beat)
        elif isinstance(beat, Expect):
            await self._arriving.expect(beat, await self._stream(beat.lane))
        else:
            await self._event(beat)

    async def _stream(self, lane: str) -> Stream:
        """Return where the lines of a lane arrive, when it is there."""
        match lane:
            case "S":
                return self.scene.stage.plain
            case "ST":
                return self.scene.stage.tls
            case "E":
                return self.scene.stage.log
            case "fd3":
                return (await self.cast.call(self.cast.calls.next())).input
            case _:
                return (await self.cast.server()).input

    async def _event(self, beat: Event) -> None:
        self.scene.note(beat.lane, b"", " ".join(beat.words))
        match beat.lane:
            case "C" | "CT":
                await self._outer.client(beat)
            case "S" | "ST":
                await self._outer.outcome(beat)
            case "c":
                await self._programs.server_happens(beat)
            case "s":
                await self._programs.server_does(beat)
            case "K":
                await self._programs.checkpassword(beat)
            case "T":
                await self.front_end.event(beat)
            case _:
                await self._outer.outside(beat)


def _first_wrong(error: BaseException) -> Finding:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, Wrong)  # noqa: S101 - it was caught as one
    return error.finding
