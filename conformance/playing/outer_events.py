"""The events of the outer wire: what the client does, what becomes of its connection; and of outside."""

import trio

from conformance.playing.arriving import Arriving
from conformance.playing.beats import Event
from conformance.playing.cast import Cast
from conformance.playing.event_words import describe_end, duration, signal_number
from conformance.playing.front_end import FrontEndPart
from conformance.playing.scene import Scene
from conformance.playing.sending import Sending, later
from conformance.playing.stage import Ended
from conformance.playing.verdicts import Kind


class OuterEvents:
    """Plays C! CT! S! ST! and A! lines. All raise Wrong."""

    def __init__(
        self, scene: Scene, cast: Cast, sending: Sending, arriving: Arriving, front_end: FrontEndPart
    ) -> None:
        self._scene = scene
        self._cast = cast
        self._sending = sending
        self._arriving = arriving
        self._front_end = front_end

    async def client(self, beat: Event) -> None:
        """Do what a C! or CT! line says."""
        tls, stage = beat.lane == "CT", self._scene.stage
        self._scene.act(beat.lane)
        match beat.words[0]:
            case "eof":
                await stage.settle()
                await self._sending.enqueue(beat.lane, later(lambda: stage.end_input(tls=tls)))
            case "reset":
                await stage.settle()
                stage.reset(tls=tls)
            case "hangup":
                await stage.settle()
                stage.hang_up(tls=tls)
            case "stall":
                stage.stall(tls=tls)
            case _:
                stage.resume(tls=tls)

    async def outcome(self, beat: Event) -> None:
        """Wait for what an S! or ST! line says."""
        stream = self._scene.stage.plain if beat.lane == "S" else self._scene.stage.tls
        due = self._scene.due(beat)
        match beat.words:
            case ("eof",):
                await self._arriving.ends(beat, stream, due)
            case ("silent", seconds):
                await self._arriving.silent(beat, [stream], duration(seconds))
            case ("tls",):
                await self._front_end.ordered(beat, due)
            case ("exit", code):
                await self._first_ends(beat, due, Ended(int(code), None))
            case _:
                await self._first_ends(beat, due, Ended(None, signal_number(beat.words[1])))

    async def outside(self, beat: Event) -> None:
        """Do what an A! line says."""
        scene, stage = self._scene, self._scene.stage
        if beat.words[0] == "wait":
            server = [puppet.input for puppet in self._cast.servers[self._cast.current :][:1]]
            streams = [stage.plain, stage.tls, *server]
            await self._arriving.silent(beat, streams, duration(beat.words[1]))
            return
        await stage.settle()
        number, program = signal_number(beat.words[1]), beat.words[2]
        scene.act(beat.lane)
        scene.killed |= {(p.pid, number) for p in stage.living() if p.name == program}
        if not stage.signal(program, number):
            scene.fail(beat, Kind.MISSING, note=f"no {program} lives")

    async def _first_ends(self, beat: Event, due: float, expected: Ended) -> None:
        scene = self._scene
        ended = None
        with trio.move_on_at(scene.patience(due)):
            ended = await scene.stage.ended()
        if ended is None:
            scene.fail(beat, Kind.MISSING, note="the chain's first process lives")
        if ended != expected:
            scene.fail(beat, Kind.WRONG, words=describe_end(ended))
        when = scene.stage.processes[0].ended_at if scene.stage.processes else None
        when = trio.current_time() if when is None else when
        scene.on_time(beat, due, when, when)
