"""Byte streams on descriptors, for trio, without touching the O_NONBLOCK of those we inherited.

trio.lowlevel.FdStream would set that flag, which on inherited descriptors our parents and children
would share; so these streams wait until the kernel is ready and then do one call that cannot block.
"""

import os
import select
import socket
from collections.abc import Awaitable, Callable
from functools import partial

import trio

from acceptutils.runtime import descriptors

_MOST_AT_ONCE = 65536


class Descriptor:
    """One direction of a stream. Implements `world.WritePipe` and `world.ReadPipe`.

    It does not own an inherited descriptor: close() is for pipes that we made.
    """

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._socket = descriptors.as_socket(fd)

    def __del__(self) -> None:
        if self._socket:
            self._socket.detach()  # or it would close the descriptor, which is not its own

    async def receive(self, most: int) -> bytes:
        """Wait for 1 to `most` bytes; b"" at end of file or when the connection is broken."""
        return await self._read(partial(self._read_now, most))

    async def receive_line(self, most: int) -> bytes:
        """Like receive(), but never take a byte behind the first LF.

        On sockets by peeking; on anything else byte by byte, because nothing can be put back.
        """
        return await self._read(partial(self._read_line_now, most))

    async def receive_block(self, end: Callable[[bytes], int | None], most: int) -> bytes | None:
        """Receive until `end` finds the end, and not a byte more; None at end of file or above `most`."""
        block = b""
        while end(block) is None:
            piece = await self._read(partial(self._read_block_now, block, end))
            block += piece
            if not piece or len(block) > most:
                return None
        return block

    async def send_some(self, data: bytes) -> int:
        """Wait until at least one byte is taken. Raises BrokenPipeError."""
        while True:
            await _ready(trio.lowlevel.wait_writable, self.fd)
            try:
                written = descriptors.write_now(self.fd, self._socket, data[:_MOST_AT_ONCE])
            except OSError as error:
                raise BrokenPipeError(error.errno, error.strerror) from None
            if written:
                return written

    def close(self) -> None:
        """Close the descriptor."""
        if self.fd >= 0:
            trio.lowlevel.notify_closing(self.fd)
            os.close(self.fd)
            self.fd = -1

    def drain(self, most: int) -> bool:
        """Read and drop what is there, without waiting; False if it is more than `most` bytes."""
        dropped = 0
        while dropped <= most:
            try:
                if not self._socket and not descriptors.poll_now(self.fd, select.POLLIN):
                    return True
                data = self._read_now(_MOST_AT_ONCE)
            except OSError:
                return True
            if not data:
                return True
            dropped += len(data)
        return False

    async def _read(self, read_now: Callable[[], bytes]) -> bytes:
        while True:
            await _ready(trio.lowlevel.wait_readable, self.fd)
            try:
                return read_now()
            except BlockingIOError:
                continue  # somebody else who shares the descriptor was faster
            except OSError:
                return b""

    def _read_now(self, most: int) -> bytes:
        if self._socket:
            return self._socket.recv(most, socket.MSG_DONTWAIT)
        return os.read(self.fd, most)

    def _read_line_now(self, most: int) -> bytes:
        if not self._socket:
            return os.read(self.fd, 1)
        there = self._socket.recv(most, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        line = there.find(b"\n") + 1
        return self._read_now(line or len(there)) if there else b""

    def _read_block_now(self, block: bytes, end: Callable[[bytes], int | None]) -> bytes:
        if not self._socket:
            return os.read(self.fd, 1)
        there = self._socket.recv(_MOST_AT_ONCE, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        place = end(block + there)
        return self._read_now(len(there) if place is None else place - len(block)) if there else b""


class ClientStream:
    """The client, on one descriptor to read and one to write. Implements `world.Client`."""

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self._from = Descriptor(read_fd)
        self._to = Descriptor(write_fd)
        self.receive = self._from.receive
        self.receive_line = self._from.receive_line
        self.drain = self._from.drain
        self.send_some = self._to.send_some

    @property
    def descriptors(self) -> tuple[int, int]:
        """The descriptors to read and to write."""
        return self._from.fd, self._to.fd

    def has_left(self) -> bool:
        """Say whether the connection broke (AUTHUP-CP-7)."""
        return descriptors.is_hung_up(self._to.fd)


async def _ready(wait: Callable[[int], Awaitable[None]], fd: int) -> None:
    try:
        await wait(fd)
    except PermissionError:  # epoll's word for regular files and /dev/null: always ready
        await trio.lowlevel.checkpoint()
