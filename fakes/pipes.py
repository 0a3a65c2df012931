"""The machine's byte streams: pipes, sockets, and whatever else a descriptor can refer to.

An End is what Unix calls an open file description: the descriptors of several processes share it,
and it closes when the last of them is closed. That is how end of file and EPIPE arise, here as in
Unix, and the only way in which they arise. Nothing in this file waits: `Flow.changed` is where
others do (kernel.py).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from errno import EBADF
from os import strerror
from typing import Self

import trio

CAPACITY = 65536


class Flow:
    """Bytes under way in one direction, at most `capacity` of them."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self.capacity = capacity
        self.buffer = bytearray()
        self.ended = False
        self.refused = False
        self.changed = trio.lowlevel.ParkingLot()
        self._reader: Callable[[], bool] | None = None

    @property
    def readable(self) -> bool:
        """Whether a read would return at once."""
        return bool(self.buffer) or self.ended or self.refused

    @property
    def writable(self) -> bool:
        """Whether a write would take at least one byte or fail at once."""
        return len(self.buffer) < self.capacity or self.ended or self.refused

    def available(self, most: int, until: bytes = b"") -> int:
        """Return how many bytes, at most `most`, can be taken without passing the first `until`."""
        found = self.buffer.find(until) if until else -1
        return min(most, len(self.buffer) if found < 0 else found + len(until))

    def room(self, wanted: int) -> int:
        """Return how many of `wanted` bytes fit. Raises BrokenPipeError."""
        if self.ended or self.refused:
            raise BrokenPipeError("nobody reads there any more")
        return min(wanted, self.capacity - len(self.buffer))

    def take(self, count: int) -> bytes:
        """Take the first `count` bytes."""
        taken = bytes(self.buffer[:count])
        del self.buffer[:count]
        self.changed.unpark_all()
        return taken

    def put(self, data: bytes) -> None:
        """Add bytes; room() said that they fit."""
        self.buffer += data
        self.changed.unpark_all()

    def end(self) -> None:
        """Nobody will write any more: readers get what is left, then end of file."""
        self.ended = True
        self.changed.unpark_all()

    def refuse(self) -> None:
        """Nobody will read any more: what is under way is lost, writers get EPIPE."""
        self.refused = True
        self.buffer.clear()
        self.changed.unpark_all()

    @contextmanager
    def reading(self, alive: Callable[[], bool]) -> Iterator[None]:
        """Reserve the flow for one reader. Raises trio.BusyResourceError if a living one is at it.

        Two readers would share the bytes out at random; so a parent that reads while its child
        owns standard input is found out in every run and not in one of a thousand.
        """
        if self._reader is not None and self._reader():
            raise trio.BusyResourceError("another task is reading from this end")
        self._reader = alive
        try:
            yield
        finally:
            if self._reader is alive:
                self._reader = None


class End:
    """One end of a pipe or socket; counts the descriptors that refer to it."""

    def __init__(self, incoming: Flow | None = None, outgoing: Flow | None = None) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._references = 1

    @property
    def incoming(self) -> Flow:
        """Where reads take from. Raises OSError (EBADF) at the writing end of a pipe."""
        if self._incoming is None:
            raise OSError(EBADF, strerror(EBADF))
        return self._incoming

    @property
    def outgoing(self) -> Flow:
        """Where writes go. Raises OSError (EBADF) at the reading end of a pipe."""
        if self._outgoing is None:
            raise OSError(EBADF, strerror(EBADF))
        return self._outgoing

    @property
    def is_socket(self) -> bool:
        """Whether it goes both ways."""
        return self._incoming is not None and self._outgoing is not None

    @property
    def hung_up(self) -> bool:
        """Whether the other side is gone in every direction that there is; a half-close is not that."""
        no_more_in = self._incoming is None or self._incoming.ended
        return no_more_in and (self._outgoing is None or self._outgoing.refused)

    def share(self) -> Self:
        """Count one more descriptor."""
        self._references += 1
        return self

    def release(self) -> None:
        """Count one descriptor less; the last one closes the end."""
        self._references -= 1
        if self._references == 0:
            self._close()

    def shut_down(self) -> None:
        """shutdown(2) of the sending direction: the half-close."""
        self.outgoing.end()

    def reset(self) -> None:
        """Break the connection, both directions at once."""
        for flow in (self._incoming, self._outgoing):
            if flow is not None:
                flow.end()
                flow.refuse()

    def _close(self) -> None:
        if self._incoming is not None:
            self._incoming.refuse()
        if self._outgoing is not None:
            self._outgoing.end()


class MemoryFile(End):
    """The file that reup's attempts share (REUP-12)."""

    def __init__(self) -> None:
        super().__init__()
        self.content = b""


class LogFile(End):
    """Standard error: a file that takes everything at once; `append` gets the writer's pid too."""

    def __init__(self, append: Callable[[int, bytes], None]) -> None:
        super().__init__()
        self.append = append


def pipe(capacity: int = CAPACITY) -> tuple[End, End]:
    """Make a pipe: its reading and its writing end."""
    flow = Flow(capacity)
    return End(incoming=flow), End(outgoing=flow)


def socket_pair(capacity: int = CAPACITY) -> tuple[End, End]:
    """Make two connected sockets."""
    there, back = Flow(capacity), Flow(capacity)
    return End(incoming=back, outgoing=there), End(incoming=there, outgoing=back)


def filled_pipe(content: bytes) -> End:
    """Make the reading end of a pipe that holds `content` and then ends."""
    reading, writing = pipe(max(CAPACITY, len(content)))
    writing.outgoing.put(content)
    writing.release()
    return reading
