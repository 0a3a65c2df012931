"""Plays what a scenario does, expects nothing, and hears what a target says to it (`conform diff`).

The same director does the same things in the same order, each when everybody has become idle after
the one before; what the talk expects is passed over, but for the time that it takes.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import trio

from conformance.playing.beats import EVENTS, Beat, Event, Expect, Score
from conformance.playing.director import Director
from conformance.playing.runner import STARTING_SECONDS
from conformance.playing.stage import Stage
from conformance.playing.staging import Limits, Spinning, on_stage, opening_of
from conformance.playing.stream import Flooded
from conformance.playing.verdicts import Moment
from conformance.targets import TargetConfig
from conformance.varying.variations import BASE
from fakes.machine import Stuck

HEARD: Final = ("S", "ST", "fd3", "c")
STREAMS: Final = (*HEARD, "programs", "end")
LIMITS: Final = Limits(wall=60.0)
"""Of one dialogue: most of them take a second or two, and five more for each refused login."""
LONGEST_SPIN: Final = 2.5
"""Seconds of CPU of a program that spins: then its dialogue is over."""
LOOKING: Final = 0.25
"""Seconds between two looks at whether there is anything to wait for."""
_VOLATILE: Final = re.compile(rb"<[0-9]+\.[0-9]{9,11}@")


@dataclass(frozen=True)
class Heard:
    """What came of it. `streams` are to be compared: PIDs and times are left out of them."""

    record: tuple[Moment, ...]
    streams: Mapping[str, bytes]
    end: str
    """How the chain's first process ended: `exit N`, `signal N`, alive, HANG, SPIN or FLOOD."""
    ended_at: float | None = None
    closed_at: float | None = None
    """When the client's connection was closed."""


Listener = Callable[[Score], Heard]


def listener(config: TargetConfig) -> Listener:
    """Return what plays scenarios on a target and listens."""

    def hear(score: Score) -> Heard:
        record: list[Moment] = []
        opening = opening_of(score, BASE)

        async def listen(stage: Stage) -> Heard:
            await Improviser(score, score.beats, stage, record).play()
            return _heard(stage, record)

        try:
            return on_stage(opening, config, record, listen, LIMITS)[0]
        except (Stuck, Spinning, Flooded, trio.TooSlowError) as trouble:
            ends = {Spinning: "SPIN", Flooded: "FLOOD"}
            end = ends.get(type(trouble), "HANG")
            return Heard(tuple(record), {**_streams(record), "end": end.encode()}, end)

    return hear


class Improviser(Director):
    """A director who takes what comes."""

    async def act(self) -> None:
        """See Director."""
        scene = self.scene
        for beat in scene.beats:
            await self.settle()
            scene.line, scene.now = beat.line, trio.current_time()
            if isinstance(beat, Expect) or (
                isinstance(beat, Event) and beat.words[0] in EVENTS[beat.lane].theirs
            ):
                await self._pass_over(beat)
            elif isinstance(beat, Event) and beat.words[0] == "wait":
                await self._wait(_seconds(beat.words[1]))
            elif self._somebody_does(beat):
                await self.play_beat(beat)
        await scene.stage.settle()

    async def settle(self) -> None:
        """Wait until everybody is idle. Raises Spinning when one has burned much instead.

        A short spin is passed over: often it ends with the next packet, and more differs behind it.
        """
        await super().settle()
        if _burned(self.scene.stage) > LONGEST_SPIN:
            raise Spinning

    async def _pass_over(self, beat: Expect | Event) -> None:
        """Let the time of an expectation pass, and see which call of checkpassword is meant from now on."""
        if isinstance(beat, Expect) and beat.lane == "fd3":
            self.cast.calls.next()
        if isinstance(beat, Event) and beat.words[0] == "silent":
            await self._wait(_seconds(beat.words[1]))
        await self._wait(beat.after or 0.0)

    async def _wait(self, seconds: float) -> None:
        """Let time pass, unless all is over, somebody spins, or nobody would do anything in that time."""
        stage, until = self.scene.stage, trio.current_time() + seconds
        while (left := until - trio.current_time()) > 0:
            with trio.move_on_after(min(left, LOOKING)):
                await stage.ended()
                return
            await stage.settle()
            if _burned(stage) or not stage.may_wake(until - trio.current_time()):
                return

    def _somebody_does(self, beat: Beat) -> bool:
        """Say whether there is anybody who could do what we are to do."""
        cast = self.cast
        if beat.lane == "s":
            cast.current = len(cast.servers) - 1
            return bool(cast.servers) and cast.servers[-1].process.ended is None
        if isinstance(beat, Event) and beat.lane == "K":
            calls = cast.calls
            return calls.coming + (beat.words[0] == "unread") in range(1, len(calls.puppets) + 1)
        return True


def _seconds(text: str) -> float:
    return float(text.removesuffix("s"))


def _burned(stage: Stage) -> float:
    """Return the CPU seconds of the program that spins; 0 if none does, or if it may be starting."""
    spinning = stage.spinning()
    return spinning[1] if spinning is not None and spinning[1] > STARTING_SECONDS else 0.0


def _heard(stage: Stage, record: list[Moment]) -> Heard:
    first = stage.processes[0] if stage.processes else None
    end = "alive"
    if _burned(stage):
        end = "SPIN"
    elif first is not None and first.ended is not None:
        end = f"exit {first.ended.code}" if first.ended.signal is None else f"signal {first.ended.signal}"
    elif first is not None and not first.observed_end:
        end = "not observed"
    programs = [f"{puppet.program.name} uid={puppet.program.uid}\n".encode() for puppet in stage.puppets]
    return Heard(
        record=tuple(record),
        streams={**_streams(record), "programs": b"".join(programs), "end": end.encode()},
        end=end,
        ended_at=None if first is None else first.ended_at,
        closed_at=stage.plain.ended_at,
    )


def _streams(record: list[Moment]) -> dict[str, bytes]:
    """Return what was heard from each end, without what can never be equal."""
    said = {lane: b"".join(moment.data for moment in record if moment.lane == lane) for lane in HEARD}
    return {lane: _VOLATILE.sub(b"<PID.UNIX@", data) for lane, data in said.items()}
