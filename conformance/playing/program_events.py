"""The events of the programs that we play: the inner program (c! s!) and checkpassword (K!)."""

import trio

from conformance.playing.arriving import Arriving
from conformance.playing.beats import Event
from conformance.playing.cast import Cast, obey
from conformance.playing.event_words import describe_end, duration, order, signal_number
from conformance.playing.scene import Scene
from conformance.playing.sending import Sending, later
from conformance.playing.stage import Ended, Puppet
from conformance.playing.verdicts import Kind


class ProgramEvents:
    """Plays c! s! and K! lines. All raise Wrong."""

    def __init__(self, scene: Scene, cast: Cast, sending: Sending, arriving: Arriving) -> None:
        self._scene = scene
        self._cast = cast
        self._sending = sending
        self._arriving = arriving

    async def server_happens(self, beat: Event) -> None:
        """Wait for what a c! line says."""
        due = self._scene.due(beat)
        match beat.words[0]:
            case "start":
                self._started(beat, await self._cast.next_server(), due)
            case "eof":
                await self._arriving.ends(beat, (await self._cast.server()).input, due)
            case "silent":
                streams = [(await self._cast.server()).input]
                await self._arriving.silent(beat, streams, duration(beat.words[1]))
            case _:
                await self._is_killed(beat, await self._cast.server(), due)

    async def server_does(self, beat: Event) -> None:
        """Do what an s! line says."""
        puppet = await self._cast.server()
        self._scene.act(beat.lane)
        match beat.words:
            case ("exit" | "signal", _):
                end = order(beat)
                await self._sending.enqueue("s", lambda: obey(puppet, end))
            case ("eof",):
                await self._sending.enqueue("s", later(puppet.close_output))
            case ("stall",):
                puppet.pause()
            case ("resume",):
                puppet.listen()
            case _:
                puppet.ignore(signal_number(beat.words[1]))

    async def checkpassword(self, beat: Event) -> None:
        """Play a K! line: a call of checkpassword, or its end."""
        cast, calls = self._cast, self._cast.calls
        due = self._scene.due(beat)
        match beat.words[0]:
            case "start":
                self._started(beat, await cast.call(calls.coming), due)
            case "unread":
                await cast.call(calls.next())
            case "killed":
                await self._is_killed(beat, await cast.call(calls.current), due)
            case "ignore":
                (await cast.call(calls.current)).ignore(signal_number(beat.words[1]))
            case "hang":
                await cast.call(calls.current)
            case "exec":
                puppet = await cast.call(calls.current)
                await obey(puppet, calls.verdict(puppet))
            case _:
                puppet = await cast.call(calls.current)
                self._scene.act(beat.lane)
                await obey(puppet, order(beat))

    def _started(self, beat: Event, puppet: Puppet, due: float) -> None:
        self._cast.check(beat, puppet)
        self._scene.on_time(beat, due, puppet.program.started, puppet.program.started)

    async def _is_killed(self, beat: Event, puppet: Puppet, due: float) -> None:
        scene = self._scene
        ended = None
        with trio.move_on_at(scene.patience(due)):
            ended = await puppet.over()
        if ended is None:
            scene.fail(beat, Kind.MISSING, note=f"{puppet.process.name} lives")
        if not puppet.process.observed_end:
            scene.unobserved.add("exit")
        elif ended != Ended(None, signal_number(beat.words[1])):
            scene.fail(beat, Kind.WRONG, words=describe_end(ended))
        when = puppet.process.ended_at
        when = trio.current_time() if when is None else when
        scene.on_time(beat, due, when, when)
