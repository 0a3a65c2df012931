"""All that came from one end of a chain, with the times, for whoever expects something there."""

from bisect import bisect_right
from collections.abc import Callable
from typing import Final

import trio

MOST_BYTES: Final = 32 * 1024 * 1024
MOST_PIECES: Final = 300_000
"""What is kept of one stream."""


class Flooded(Exception):
    """More has come from one end than anybody asked for, or than we want to keep."""


class Stream:
    """All that came from one end, with its arrival times. Readers take from it, nobody pushes back.

    `record` is told of each piece: the lane's name, the data. It is bounded, for a hostile program.
    """

    def __init__(self, name: str, record: Callable[[str, bytes], None] = lambda _lane, _data: None) -> None:
        self.name = name
        self.data = bytearray()
        self.taken = 0
        self.ended_at: float | None = None
        self._arrivals: list[tuple[int, float]] = []
        self._changed = trio.lowlevel.ParkingLot()
        self._record = record

    def feed(self, data: bytes) -> None:
        """Add what has come just now. Raises Flooded."""
        if data:
            if len(self.data) + len(data) > MOST_BYTES or len(self._arrivals) >= MOST_PIECES:
                raise Flooded(f"{self.name}: more than {MOST_BYTES} bytes, or {MOST_PIECES} pieces")
            self.data += data
            self._arrivals.append((len(self.data), trio.current_time()))
            self._record(self.name, data)
            self._changed.unpark_all()

    def end(self) -> None:
        """Nothing more will come."""
        if self.ended_at is None:
            self.ended_at = trio.current_time()
            self._changed.unpark_all()

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self.ended_at is not None

    @property
    def untaken(self) -> bytes:
        """What has come and was not taken yet."""
        return bytes(self.data[self.taken :])

    def take(self, count: int) -> bytes:
        """Take that many bytes, which are there."""
        taken = bytes(self.data[self.taken : self.taken + count])
        self.taken += count
        return taken

    def arrival(self, offset: int) -> float:
        """Return when the byte at this offset came."""
        return self._arrivals[bisect_right(self._arrivals, offset, key=lambda arrival: arrival[0])][1]

    async def more(self) -> None:
        """Wait until anything changes here: bytes, or the end."""
        await self._changed.park()
