"""The harness as the TLS front end, where the chain has one: the lane T, and `S! tls`."""

from contextlib import suppress

import trio

from conformance.format import octets
from conformance.playing.arriving import Arriving
from conformance.playing.beats import Event
from conformance.playing.calls import front_end_plan
from conformance.playing.event_words import duration
from conformance.playing.scene import Scene
from conformance.playing.stage import FrontEnd
from conformance.playing.verdicts import Kind


class FrontEndPart:
    """Plays the front end as the talk planned it, and what the talk does with it later."""

    def __init__(self, scene: Scene, arriving: Arriving) -> None:
        self._scene = scene
        self._arriving = arriving
        self._plan = front_end_plan(scene.beats)
        self.by_hand = False
        """Whether somebody else obeys the order, whatever the talk has planned."""

    async def live(self) -> None:
        """Obey the first order, if one comes; for a chain that has a front end."""
        front_end, plan = self._scene.stage.front_end, self._plan
        assert front_end is not None  # noqa: S101 - else this task is not started
        while not front_end.orders.data:
            if front_end.orders.ended:
                return
            await front_end.orders.more()
        if self.by_hand:
            return
        if plan.refuse:
            await (
                self._scene.stage.settle()
            )  # closing tears the client's end too, which must have read the 220
            front_end.close()
        elif not plan.hold:
            with suppress(OSError, trio.BrokenResourceError):
                await front_end.block(plan.block)
            if plan.close:
                front_end.close_control()

    async def event(self, beat: Event) -> None:
        """Play a T! line. Raises Wrong."""
        front_end = self._there(beat)
        match beat.words[0]:
            case "block":
                await self._scene.stage.settle()
                text = " ".join(beat.words[1:])
                block = octets.literal(octets.parse(text)) if text else self._plan.block
                with suppress(OSError, trio.BrokenResourceError):
                    await front_end.block(block)
            case "hangup":
                await self._scene.stage.settle()
                front_end.close_control()
            case "silent":
                await self._arriving.silent(beat, [front_end.orders], duration(beat.words[1]))
            case "eof":
                await self._arriving.ends(beat, front_end.orders, self._scene.due(beat))
            case _:
                pass  # refuse, env, hold, close: part of the plan from the start

    async def ordered(self, beat: Event, due: float) -> None:
        """Wait for the order to start TLS. Raises Wrong."""
        orders, scene = self._there(beat).orders, self._scene
        with trio.move_on_at(scene.patience(due)):
            while not orders.untaken and not orders.ended:
                await orders.more()
        got = orders.take(len(orders.untaken))
        if got != b"Y":
            scene.fail(beat, Kind.WRONG if got else Kind.MISSING, got)
        when = orders.arrival(orders.taken - 1)
        scene.on_time(beat, due, when, when)

    def _there(self, beat: Event) -> FrontEnd:
        if self._scene.stage.front_end is None:
            self._scene.fail(beat, Kind.MISSING, note="this chain has no TLS front end")
        return self._scene.stage.front_end
