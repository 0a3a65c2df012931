"""The command line of ucspitlsd.py, which lists and explains the options."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from fakes.misbehaviour import Given, Usage, UsageError, last, number

LONGEST = 2**31 - 1

USAGE = Usage(
    b"ucspitlsd",
    {
        b"fds": b"R,W,C",
        b"ucspitls": b"VALUE",
        b"env": b"NAME=VALUE",
        b"no-values": b"",
        b"empty-block": b"",
        b"no-block": b"",
        b"keep-control": b"",
        b"close-control": b"",
        b"sigterm": b"",
        b"refuse": b"",
        b"fork": b"",
        b"certificate": b"FILE",
        b"key": b"FILE",
        b"pretend": b"",
        b"handshake-timeout": b"SECONDS",
        b"serve": b"PID",
    },
    b"prog [arg ...]",
)


class Numbers(NamedTuple):
    """Three descriptors: where to read, where to write, the control socket."""

    reading: int
    writing: int
    control: int


class Options(NamedTuple):
    """What the command line says.

    `block` makes the environment block from the cipher's records; None for no block. `serve` is that of
    the --fork variant's own child: the program's pid.
    """

    certificate: bytes | None
    key: bytes | None
    pretend: bool
    handshake_timeout: float
    fds: Numbers
    ucspitls: bytes
    block: Callable[[Sequence[bytes]], bytes] | None
    close_control: bool
    sigterm: bool
    refuse: bool
    fork: bool
    serve: int | None
    program: Sequence[bytes]


def parse(given: Given, operands: list[bytes]) -> Options:
    """Understand the command line. Raises UsageError."""
    serve = last(given, b"serve")
    timeout = last(given, b"handshake-timeout")
    if not operands or (b"key" in given and b"certificate" not in given):
        raise UsageError
    return Options(
        certificate=last(given, b"certificate"),
        key=last(given, b"key"),
        pretend=b"pretend" in given,
        handshake_timeout=float("inf") if timeout is None else number(timeout, LONGEST),
        fds=_fds(last(given, b"fds") or b"4,5,3"),
        ucspitls=last(given, b"ucspitls") or b"",
        block=None if b"no-block" in given else partial(_block, given),
        close_control=b"close-control" in given,
        sigterm=b"sigterm" in given,
        refuse=b"refuse" in given,
        fork=b"fork" in given,
        serve=None if serve is None else number(serve, LONGEST),
        program=operands,
    )


def _fds(text: bytes) -> Numbers:
    parts = [number(part, 1023) for part in text.split(b",")]
    if len(parts) != 3 or min(parts) < 3 or parts[2] in parts[:2]:
        raise UsageError
    return Numbers(*parts)


def _block(given: Given, told: Sequence[bytes]) -> bytes:
    """Return the environment block; an empty one is NUL NUL too (AUTHUP-TLS-3)."""
    if b"empty-block" in given:
        return b"\0\0"
    records = [*told, *given.get(b"env", [])]
    if b"no-values" in given:
        records = [record.partition(b"=")[0] for record in records]
    return b"".join(record + b"\0" for record in records) + b"\0"
