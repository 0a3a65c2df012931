"""Descriptors of real processes as streams.

A descriptor that a puppet handed over may be shared with the tested programs, so O_NONBLOCK is never
set on one: sockets are asked not to wait call by call, pipes are opened once more for ourselves.
"""

import fcntl
import os
import socket
import stat
import termios
from collections.abc import Callable
from contextlib import suppress
from typing import Literal

import trio

from conformance.playing.stream import Stream

PIECE = 65536
NO_WAIT = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL


class Wire:
    """One descriptor of ours, which it owns; closing it twice is fine."""

    def __init__(self, fd: int, direction: Literal["read", "write", "both"]) -> None:
        kind = os.fstat(fd).st_mode
        self._socket = socket.socket(fileno=fd) if stat.S_ISSOCK(kind) else None
        self._fd = _opened_again(fd, direction) if stat.S_ISFIFO(kind) else fd

    @property
    def closed(self) -> bool:
        """Whether we have closed it."""
        return self._fd < 0

    @property
    def waiting(self) -> int:
        """The number of bytes that could be read at once."""
        if self._fd < 0:
            return 0
        answer = bytearray(4)
        try:
            fcntl.ioctl(self._fd, termios.FIONREAD, answer)
        except OSError:
            return 0
        return int.from_bytes(answer, "little")

    def read_now(self) -> bytes:
        """Return what is there; b"" at the end. Raises BlockingIOError when that is nothing yet."""
        if self._fd < 0:
            return b""
        try:
            return self._socket.recv(PIECE, NO_WAIT) if self._socket else os.read(self._fd, PIECE)
        except ConnectionError:
            return b""

    async def readable(self) -> None:
        """Wait until there may be something. Raises trio.ClosedResourceError when we close it."""
        await _ready(trio.lowlevel.wait_readable, self._fd)

    async def send(self, data: bytes) -> None:
        """Write all of it, however long that takes. Raises BrokenPipeError."""
        rest = memoryview(data)
        while rest:
            await trio.lowlevel.checkpoint_if_cancelled()
            try:
                rest = rest[self._put(rest) :]
            except BlockingIOError:
                try:
                    await _ready(trio.lowlevel.wait_writable, self._fd)
                except trio.ClosedResourceError:
                    raise BrokenPipeError from None
            except OSError as trouble:
                raise BrokenPipeError(*trouble.args) from trouble

    def end(self) -> None:
        """Let the other side see the end of what we send; what it sends still comes."""
        if self._socket is None:
            self.close()
        else:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close it; whoever waits here finds out."""
        if self._fd < 0:
            return
        fd, self._fd = self._fd, -1
        trio.lowlevel.notify_closing(fd)
        if self._socket is not None:
            self._socket.close()
        else:
            os.close(fd)

    def _put(self, data: memoryview) -> int:
        if self._fd < 0:
            raise BrokenPipeError
        return self._socket.send(data, NO_WAIT) if self._socket else os.write(self._fd, data)


class Inlet:
    """A wire that fills a stream, while it listens. It starts listening when told."""

    def __init__(self, wire: Wire, stream: Stream) -> None:
        self.wire = wire
        self.stream = stream
        self._listening = trio.Event()

    @property
    def pending(self) -> bool:
        """Whether something has come that the stream does not have yet."""
        return self._listening.is_set() and not self.stream.ended and self.wire.waiting > 0

    def listen(self) -> None:
        """Fill the stream from now on."""
        self._listening.set()

    def pause(self) -> None:
        """Take nothing more, for now."""
        if self._listening.is_set():
            self._listening = trio.Event()

    async def flow(self) -> None:
        """Fill the stream until its end, which our closing the wire is too."""
        while not self.stream.ended:
            await self._listening.wait()
            with suppress(trio.ClosedResourceError):
                await self.wire.readable()
            self.drain()

    def drain(self) -> None:
        """Take what is there, without waiting."""
        while self._listening.is_set() and not self.stream.ended:
            try:
                data = self.wire.read_now()
            except BlockingIOError:
                return
            except OSError:
                data = b""
            self.stream.feed(data)
            if not data:
                self.stream.end()


def _opened_again(fd: int, direction: Literal["read", "write", "both"]) -> int:
    """Return a pipe with an open file description of our own, which does not block."""
    flags = os.O_RDONLY if direction == "read" else os.O_WRONLY
    try:
        own = os.open(f"/proc/self/fd/{fd}", flags | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:  # ENXIO: nobody reads it any more, so nobody else can be hurt
        os.set_blocking(fd, False)
        return fd
    os.close(fd)
    return own


async def _ready(wait: Callable[[int], object], fd: int) -> None:
    """Wait until a descriptor is ready; a file always is. Raises trio.ClosedResourceError."""
    if fd < 0:
        raise trio.ClosedResourceError
    try:
        await wait(fd)  # type: ignore[misc]
    except PermissionError:  # epoll does not take files
        await trio.lowlevel.checkpoint()
