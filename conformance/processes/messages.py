"""Frames of records over sockets, with descriptors: how the stage hears and tells puppets and the house."""

import array
import os
import socket
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

import trio

from conformance.processes import records

Records = list[tuple[str, bytes]]
MOST_DESCRIPTORS: Final = 64


async def receive(connection: trio.socket.SocketType) -> tuple[Records, list[int]]:
    """Return a message and the descriptors attached to it; no records when the other side is gone."""
    space = socket.CMSG_SPACE(4 * MOST_DESCRIPTORS)
    descriptors = array.array("i")
    data = b""
    with suppress(OSError, trio.ClosedResourceError):
        while not _is_whole(data):
            piece, attached, _, _ = await connection.recvmsg(_missing(data), space, socket.MSG_CMSG_CLOEXEC)
            for _, _, rights in attached:
                descriptors.frombytes(rights)
            if not piece:
                break
            data += piece
    body = data[records.LENGTH_DIGITS :] if _is_whole(data) else b""
    return records.unpack(body), list(descriptors)


def close_all(descriptors: Iterable[int]) -> None:
    """Close them."""
    for fd in descriptors:
        os.close(fd)


def _missing(data: bytes) -> int:
    """Return how many bytes a frame lacks, as far as its beginning tells."""
    if len(data) < records.LENGTH_DIGITS:
        return records.LENGTH_DIGITS - len(data)
    return records.LENGTH_DIGITS + records.length(data[: records.LENGTH_DIGITS]) - len(data)


def _is_whole(data: bytes) -> bool:
    return len(data) >= records.LENGTH_DIGITS and _missing(data) == 0


async def send(connection: trio.socket.SocketType, message: Records) -> None:
    """Send a message. Raises OSError."""
    data = records.pack(message)
    while data:
        data = data[await connection.send(data) :]
