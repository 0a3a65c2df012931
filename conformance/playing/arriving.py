"""What must arrive: one line of a stream, its end, or nothing for a while. All raise Wrong."""

from collections.abc import Mapping, Sequence
from typing import NoReturn

import trio

from conformance.format import octets
from conformance.playing.beats import Event, Expect
from conformance.playing.matching import complete, one_line
from conformance.playing.scene import Scene
from conformance.playing.stream import Stream
from conformance.playing.verdicts import Kind


class Arriving:
    """Takes from the streams what the talk expects, and looks at when it came."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._unasked: dict[int, int] = {}
        """How much of each stream had come when we did something, by the stream's identity."""

    def we_act(self, streams: Sequence[Stream]) -> None:
        """From here on the talk has what comes because of what we do now; nothing of it may be here."""
        for stream in streams:
            self._unasked[id(stream)] = len(stream.data)

    async def expect(self, beat: Expect, stream: Stream) -> None:
        """Wait for a line, and take it."""
        scene, due = self._scene, self._scene.due(beat)
        start = stream.taken
        data = await self._arrive(beat, stream, due)
        before, captured = scene.captured, dict(scene.captured)
        accepted = _accepted(beat, data, captured)
        if accepted is None:
            await scene.stage.settle()
            self._wrong_line(beat, stream, data)
        stream.take(len(data))
        scene.captured = captured
        self._check_clock(beat, before)
        if accepted:
            scene.findings.append(scene.finding(beat, Kind.ALTERNATIVE, data, note=accepted))
        if data and start < self._unasked.get(id(stream), 0):
            scene.fail(beat, Kind.EARLY, data, note="came before we did what it answers")
        last = stream.ended_at if beat.lane == "fd3" else None
        if data:
            last = last or stream.arrival(start + len(data) - 1)
            scene.on_time(beat, due, stream.arrival(start), last)
        elif last is not None:
            scene.on_time(beat, due, last, last)

    async def ends(self, beat: Event, stream: Stream, due: float) -> None:
        """Wait for the stream's end, with nothing more before it."""
        scene = self._scene
        with trio.move_on_at(scene.patience(due)):
            while not stream.ended and not self._untold(stream):
                await stream.more()
        if self._untold(stream):
            await scene.stage.settle()
            scene.fail(beat, Kind.EXTRA, one_line(stream.untaken))
        if stream.ended_at is None:
            scene.fail(beat, Kind.MISSING, note="the stream is still open")
        scene.over.add(stream.name)
        scene.on_time(beat, due, stream.ended_at, stream.ended_at)

    async def silent(self, beat: Event, streams: Sequence[Stream], seconds: float) -> None:
        """Let time pass in which nothing comes, nor ends."""
        scene = self._scene
        began = scene.now
        await trio.sleep_until(began + seconds)
        scene.now += seconds
        scene.acted += seconds
        for stream in streams:
            if self._untold(stream):
                scene.fail(beat, Kind.EXTRA, one_line(stream.untaken))
            if stream.name in scene.over or stream.ended_at is None:
                continue
            if beat.lane != "A" or stream.ended_at > began + scene.stage.late:
                scene.fail(beat, Kind.EXTRA, note="the stream ended")

    def _untold(self, stream: Stream) -> bytes:
        """Return what has come and was not expected; that of a section is looked at when all is over."""
        return b"" if stream.name in self._scene.told else stream.untaken

    async def _arrive(self, beat: Expect, stream: Stream, due: float) -> bytes:
        """Wait for as many bytes as the line has; return what is there in their place."""
        with trio.move_on_at(self._scene.patience(due)):
            while (count := _complete(beat, stream)) is None:
                await stream.more()
            return bytes(stream.data[stream.taken : stream.taken + count])
        return one_line(stream.untaken)

    def _wrong_line(self, beat: Expect, stream: Stream, data: bytes) -> NoReturn:
        got = one_line(stream.untaken) if stream.untaken else data
        note = "the stream had ended" if stream.ended and not got else ""
        self._scene.fail(beat, Kind.WRONG if got else Kind.MISSING, got, note=note)

    def _check_clock(self, beat: Expect, before: Mapping[str, bytes]) -> None:
        """A new {unix:t} is the time of now, give or take a moment."""
        scene = self._scene
        for part in beat.what:
            if isinstance(part, octets.Capture) and part.kind == "unix" and part.name not in before:
                difference = int(scene.captured[part.name]) - scene.stage.unix_time()
                if abs(difference) > 3 + scene.stage.late:
                    note = f"{difference} s from now"
                    scene.fail(beat, Kind.WRONG, scene.captured[part.name], note=note)


def _complete(beat: Expect, stream: Stream) -> int | None:
    """Return how many of the untaken bytes are in the place of this line; None if more may come."""
    if beat.lane == "fd3":
        return len(stream.data) - stream.taken if stream.ended else None
    accepted = (beat.what, *(what for _, what in beat.alternatives))
    return complete(accepted, stream.untaken, ended=stream.ended)


def _accepted(beat: Expect, data: bytes, captured: dict[str, bytes]) -> str | None:
    """Return "" for the line itself, the kind of an accepted alternative, None for neither."""
    if octets.matches(beat.what, data, captured):
        return ""
    for kind, what in beat.alternatives:
        if octets.matches(what, data, captured):
            return kind
    return None
