"""A UCSPI-TLS front end (UTLS-1 to UTLS-5) that only pretends to encrypt.

    ucspitlsd [ options ] prog [ arg ... ]

Its cipher is XOR 0x80 on every byte, both ways, without a handshake: what leaves in plaintext, or
is taken for plaintext, is seen at once. It offers prog a control socket and two descriptors, and
when ordered to ("Y", or "y" for no environment block) it carries the bytes between these and the
network, its own descriptors 0 and 1. Options, each a thing that some front end does:

    --fds R,W,C        numbers of SSLREADFD, SSLWRITEFD, SSLCTLFD; R equal to W means one socket
    --ucspitls VALUE   value of UCSPITLS, empty if not given
    --env NAME=VALUE   one more record in the environment block
    --no-values        the block's records are names only
    --empty-block      the block has no records
    --no-block         sends no block, whatever the order
    --keep-control     leaves the control socket open after the block (as if not given)
    --close-control    closes the control socket after the block
    --sigterm          sends prog SIGTERM when the peer has sent end of file
    --refuse           the handshake fails: it closes all
    --fork             it serves as a child of prog instead of being its parent
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from signal import SIGTERM
from typing import NamedTuple, Protocol

import trio

from acceptutils.runtime.world import Ended
from fakes.misbehaviour import Given, Usage, UsageError, last, number, start
from fakes.process import Process

CIPHER = bytes(byte ^ 0x80 for byte in range(256))
_RECORDS = [b"SSL_PROTOCOL=TLSv1.3", b"SSL_CIPHER=PRETENDED_XOR_80", b"SSL_SERVER_NAME="]

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
        b"serve": b"PID",
    },
    b"prog [arg ...]",
)


class FrontEndProcess(Process, Protocol):
    """The process of a front end, which handles descriptors and children as no other fake does."""

    itself: Sequence[bytes]
    """The argv that runs this program again."""

    def pipe(self) -> tuple[int, int]:
        """pipe(2): the reading and the writing descriptor, close-on-exec."""
        ...

    def socket_pair(self) -> tuple[int, int]:
        """socketpair(2): two connected descriptors, close-on-exec."""
        ...

    def end_output(self, fd: int) -> None:
        """Let the other side see end of file: shutdown(2) of a socket, close(2) of a pipe."""
        ...

    async def spawn(
        self, argv: Sequence[bytes], env: Mapping[bytes, bytes], descriptors: Mapping[int, int]
    ) -> int:
        """Start a child with exactly these descriptors, its numbers to ours; its pid. Raises OSError."""
        ...

    async def exec_with(
        self, argv: Sequence[bytes], env: Mapping[bytes, bytes], descriptors: Mapping[int, int]
    ) -> int:
        """execvp(3) with exactly these descriptors. Raises OSError; only the machine returns."""
        ...

    async def wait(self, pid: int) -> Ended:
        """Wait for a child's end."""
        ...

    def kill(self, pid: int, signal: int) -> None:
        """kill(2); no error when it has ended."""
        ...


class Numbers(NamedTuple):
    """Three descriptors: where to read, where to write, the control socket."""

    reading: int
    writing: int
    control: int


_SERVED = Numbers(4, 5, 3)
"""The --fork variant's own child finds its ends there."""


class Options(NamedTuple):
    """The command line; `serve` is that of the --fork variant's own child: the program's pid."""

    fds: Numbers
    ucspitls: bytes
    block: bytes | None
    close_control: bool
    sigterm: bool
    refuse: bool
    fork: bool
    serve: int | None
    program: Sequence[bytes]


async def ucspitlsd(process: FrontEndProcess) -> int:
    """Be the front end; its exit code is prog's, 111 if prog cannot be run."""

    async def main(_process: Process, given: Given, operands: list[bytes]) -> int:
        options = _options(given, operands)
        if options.serve is not None:
            await _Server(process, options, _SERVED, options.serve).serve()
            return 0
        return await (_run_below if options.fork else _run_above)(process, options)

    try:
        return await start(process, USAGE, main)
    except OSError as error:
        process.log(b"ucspitlsd: " + str(error.strerror).encode())
        return 111


async def _run_above(process: FrontEndProcess, options: Options) -> int:
    """Run prog as a child; when it has ended, and all that it said is out, end alike."""
    inner, own = _open(process, options)
    pid = await process.spawn(options.program, _environment(process, options), _given(inner, options.fds))
    for fd in set(inner):
        process.close(fd)
    server = _Server(process, options, own, pid)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.serve)
        ended = await process.wait(pid)
        if server.carrying:
            await server.all_said.wait()
        nursery.cancel_scope.cancel()
    if ended.signal is not None:
        await process.crash(ended.signal)
    return ended.code or 0


async def _run_below(process: FrontEndProcess, options: Options) -> int:
    """Start ourselves as a child that serves, and become prog."""
    inner, own = _open(process, options)
    server = [*process.itself, b"--serve", b"%d" % process.pid, *process.args]
    await process.spawn(server, process.env, _given(own, _SERVED))
    given = _given(inner, options.fds)
    return await process.exec_with(options.program, _environment(process, options), given)


class _Server:
    """The front end proper: waits for the order and carries bytes."""

    def __init__(self, process: FrontEndProcess, options: Options, own: Numbers, program: int) -> None:
        self.carrying = False
        self.all_said = trio.Event()
        self._process = process
        self._options = options
        self._own = own
        self._program = program

    async def serve(self) -> None:
        """Do as the control socket says; return when TLS was declined or prog has said all."""
        order = await self._process.read(self._own.control, 1)
        if order in {b"Y", b"y"}:
            self.carrying = True
            try:
                await self._start(with_block=order == b"Y")
            finally:
                self.all_said.set()

    async def _start(self, *, with_block: bool) -> None:
        if self._options.refuse:
            self._close(0, 1, *self._own)
            return
        if with_block and self._options.block is not None:
            with suppress(BrokenPipeError):  # prog may have died right after its order
                await self._process.write(self._own.control, self._options.block)
        if self._options.close_control:
            self._close(self._own.control)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._carry_inward)
            await self._carry_outward()
            if self._options.serve is not None:  # as prog's child we cannot see its end otherwise
                nursery.cancel_scope.cancel()
                return
            self.all_said.set()

    async def _carry_inward(self) -> None:
        if await self._carry(0, self._own.writing) and self._options.sigterm:
            self._process.kill(self._program, SIGTERM)

    async def _carry_outward(self) -> None:
        """When the peer takes nothing more, prog gets EPIPE and end of file."""
        if not await self._carry(self._own.reading, 1):
            self._close(self._own.reading)

    async def _carry(self, source: int, target: int) -> bool:
        """Carry to the end of file, pass that on, return True; False if the target takes no more."""
        try:
            while data := await self._process.read(source):
                await self._process.write(target, data.translate(CIPHER))
        except (OSError, trio.ClosedResourceError):  # the latter: closed by the other direction
            return False
        self._process.end_output(target)
        return True

    def _close(self, *fds: int) -> None:
        for fd in fds:
            self._process.close(fd)


def _open(process: FrontEndProcess, options: Options) -> tuple[Numbers, Numbers]:
    """Open the three connections: prog's ends and ours."""
    theirs, ours = process.socket_pair()
    if options.fds.reading == options.fds.writing:
        inner, own = process.socket_pair()
        return Numbers(inner, inner, theirs), Numbers(own, own, ours)
    (inner_in, own_out), (own_in, inner_out) = process.pipe(), process.pipe()
    return Numbers(inner_in, inner_out, theirs), Numbers(own_in, own_out, ours)


def _given(own: Numbers, numbers: Numbers) -> dict[int, int]:
    return {0: 0, 1: 1, 2: 2, **dict(zip(numbers, own, strict=True))}


def _environment(process: FrontEndProcess, options: Options) -> dict[bytes, bytes]:
    """Return prog's environment (UTLS-1)."""
    reading, writing, control = (b"%d" % number for number in options.fds)
    tls = {b"SSLREADFD": reading, b"SSLWRITEFD": writing, b"SSLCTLFD": control}
    return {**process.env, **tls, b"UCSPITLS": options.ucspitls}


def _options(given: Given, operands: list[bytes]) -> Options:
    """Understand the command line. Raises UsageError."""
    serve = last(given, b"serve")
    if not operands:
        raise UsageError
    return Options(
        fds=_fds(last(given, b"fds") or b"4,5,3"),
        ucspitls=last(given, b"ucspitls") or b"",
        block=_block(given),
        close_control=b"close-control" in given,
        sigterm=b"sigterm" in given,
        refuse=b"refuse" in given,
        fork=b"fork" in given,
        serve=None if serve is None else number(serve, 2**31),
        program=operands,
    )


def _fds(text: bytes) -> Numbers:
    parts = [number(part, 1023) for part in text.split(b",")]
    if len(parts) != 3 or min(parts) < 3 or parts[2] in parts[:2]:
        raise UsageError
    return Numbers(*parts)


def _block(given: Given) -> bytes | None:
    """Return the environment block, None for none; an empty one is NUL NUL too (AUTHUP-TLS-3)."""
    if b"no-block" in given:
        return None
    if b"empty-block" in given:
        return b"\0\0"
    records = [*_RECORDS, *given.get(b"env", [])]
    if b"no-values" in given:
        records = [record.partition(b"=")[0] for record in records]
    return b"".join(record + b"\0" for record in records) + b"\0"
