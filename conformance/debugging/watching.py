"""What happens in a life besides bytes, put on the record: ends, starts, the order to begin TLS."""

import re
from collections.abc import Callable
from typing import Final

import trio

from conformance.debugging.record import Record
from conformance.playing.event_words import describe_end
from conformance.playing.stage import CHECKPASSWORD, Puppet, Stage
from conformance.playing.stream import Stream
from conformance.playing.verdicts import Moment

_WORD: Final = re.compile(rb"[A-Za-z0-9@._+-]+")
TOLD: Final = (b"AUTHUP_USER",)
"""Variables of the inner program that its start is told with, if it has them."""


class Watch:
    """Watches one stage. `arrived` is called with each puppet, after its start is on the record."""

    def __init__(self, stage: Stage, record: Record, arrived: Callable[[Puppet], None]) -> None:
        self.closed: set[str] = set()
        """The lanes that we have closed ourselves: their end is no news."""
        self.ordered: set[int] = set()
        """The processes that we told how to end."""
        self._stage = stage
        self._record = record
        self._arrived = arrived

    async def watch(self, nursery: trio.Nursery) -> None:
        """Watch all; for as long as the nursery lasts."""
        stage = self._stage
        nursery.start_soon(self._end_of, "S", stage.plain)
        nursery.start_soon(self._end_of, "ST", stage.tls)
        nursery.start_soon(self._end_of_chain)
        if stage.front_end is not None:
            nursery.start_soon(self._orders, stage.front_end.orders)
        number = 0
        while True:
            puppet = await stage.puppet(number)
            number += 1
            self._note_start(puppet)
            self._arrived(puppet)
            nursery.start_soon(self._end_of_puppet, puppet)

    def _note(self, lane: str, words: str) -> None:
        self._record.append(Moment(trio.current_time(), lane, b"", words))

    def _note_start(self, puppet: Puppet) -> None:
        program = puppet.program
        if program.name in CHECKPASSWORD:
            self._note("K", "start")
            return
        words = ["start", *([f"uid={program.uid}"] if program.uid is not None else [])]
        for name in TOLD:
            value = (program.env or {}).get(name)
            if value is not None and _WORD.fullmatch(value):
                words.append(f"{name.decode()}={value.decode()}")
        self._note("c", " ".join(words))

    async def _end_of(self, lane: str, stream: Stream) -> None:
        while not stream.ended:
            await stream.more()
        if lane not in self.closed:
            self._note(lane, "eof")

    async def _end_of_chain(self) -> None:
        self._note("S", describe_end(await self._stage.ended()))

    async def _end_of_puppet(self, puppet: Puppet) -> None:
        if puppet.program.name not in CHECKPASSWORD:
            while not puppet.input.ended:
                await puppet.input.more()
            if puppet.process.pid not in self.ordered:
                self._note("c", "eof")
        ended = await puppet.over()
        if ended.signal is not None and puppet.process.pid not in self.ordered:
            lane = "K" if puppet.process.programs[-1].name in CHECKPASSWORD else "c"
            self._note(lane, describe_end(ended).replace("signal", "killed"))

    async def _orders(self, orders: Stream) -> None:
        while not orders.data and not orders.ended:
            await orders.more()
        if orders.data:
            self._note("S", "tls")
        while not orders.ended:
            await orders.more()
        self._note("T", "eof")
