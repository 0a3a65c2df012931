"""What we send: one queue for each lane, so that nobody waits for a slow reader."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import trio

from conformance.format import octets
from conformance.playing.beats import Send
from conformance.playing.cast import Cast
from conformance.playing.scene import Scene

TLS_LANES: Final = ("CT", "ST")
MOST_WAITING: Final = 10_000


class Sending:
    """Sends as the client, plain and inside TLS, and as the inner program."""

    def __init__(self, scene: Scene, cast: Cast, settle: Callable[[], Awaitable[None]]) -> None:
        self._scene = scene
        self._cast = cast
        self._settle = settle
        self._queues: dict[str, trio.MemorySendChannel[Callable[[], Awaitable[None]]]] = {}

    async def send(self, beat: Send) -> None:
        """Send the packets of a beat, everybody being idle between them."""
        data, edges = octets.resolve(beat.what, self._scene.captured)
        self._scene.act(beat.lane)
        pieces = [data[a:b] for a, b in zip([0, *edges], [*edges, len(data)], strict=True)]
        pieces = [piece for piece in pieces if piece]
        for number, piece in enumerate(pieces):
            if number:
                await self._between(beat)
                self._scene.act(beat.lane)
            self._scene.note(beat.lane, piece)
            await self.enqueue(beat.lane, lambda piece=piece: self._deliver(beat.lane, piece))  # type: ignore[misc]

    async def enqueue(self, lane: str, action: Callable[[], Awaitable[None]]) -> None:
        """Do it when all that was enqueued for this lane before is done."""
        if lane == "s":
            lane = f"s{self._cast.current}"
            await self._cast.server()
        if lane not in self._queues:
            self._queues[lane], receive = trio.open_memory_channel[Callable[[], Awaitable[None]]](
                MOST_WAITING
            )
            self._scene.nursery.start_soon(_work, receive)
        self._queues[lane].send_nowait(action)
        await trio.lowlevel.checkpoint()

    async def _between(self, beat: Send) -> None:
        await self._settle()
        if beat.pause:
            await trio.sleep(beat.pause)

    async def _deliver(self, lane: str, data: bytes) -> None:
        """Send, and let what happens to the connection be seen by what the talk expects next."""
        with suppress(OSError, trio.BrokenResourceError, trio.ClosedResourceError):
            if lane == "s":
                await (await self._cast.server()).send(data)
            else:
                await self._scene.stage.send(data, tls=lane in TLS_LANES)


async def _work(actions: trio.MemoryReceiveChannel[Callable[[], Awaitable[None]]]) -> None:
    async for action in actions:
        await action()


def later(action: Callable[[], None]) -> Callable[[], Awaitable[None]]:
    """Return what a queue can wait for."""

    async def act() -> None:
        await trio.lowlevel.checkpoint()
        action()

    return act
