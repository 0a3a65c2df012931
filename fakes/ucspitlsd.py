"""A UCSPI-TLS front end (UTLS-1 to UTLS-5).

    ucspitlsd [ options ] prog [ arg ... ]

It offers prog a control socket and two descriptors, and when ordered to ("Y", or "y" for no
environment block) it shakes hands with the peer and carries the bytes between these descriptors and
the network, its own descriptors 0 and 1.

As a real program it speaks TLS (tls.py). In the machine it only pretends to: XOR 0x80 on every byte, both
ways, without a handshake. What leaves in plaintext, or is taken for plaintext, is seen at once.

    --certificate FILE --key FILE     PEM files; without them a certificate is made at the start
    --handshake-timeout SECONDS       the handshake fails after this time (as if not given: prog's patience)
    --pretend                         XOR in the real program too

The other options are each a thing that some front end does:

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

from collections.abc import Callable
from contextlib import suppress
from signal import SIGTERM

import trio

from fakes.certificate import NoCertificate
from fakes.cipher import CIPHER, Cipher, CipherError, Xor
from fakes.front_end_process import FrontEndProcess
from fakes.misbehaviour import Given, start
from fakes.process import Process
from fakes.ucspitlsd_options import USAGE, Numbers, Options, parse

__all__ = ["CIPHER", "FrontEndProcess", "front_end", "ucspitlsd"]

_SERVED = Numbers(4, 5, 3)
"""The --fork variant's own child finds its ends there."""


async def ucspitlsd(process: FrontEndProcess) -> int:
    """Be the machine's front end."""
    return await front_end(process, lambda _: Xor())


async def front_end(process: FrontEndProcess, new_cipher: Callable[[Options], Cipher]) -> int:
    """Be the front end; its exit code is prog's, 111 if prog cannot be run or there is no certificate."""

    async def main(_process: Process, given: Given, operands: list[bytes]) -> int:
        options = parse(given, operands)
        if options.fork and options.serve is None:
            return await _run_below(process, options)
        cipher = new_cipher(options)
        if options.serve is None:
            return await _run_above(process, options, cipher)
        await _Server(process, options, cipher, _SERVED, options.serve).serve()
        return 0

    try:
        return await start(process, USAGE, main)
    except OSError as error:
        process.log(b"ucspitlsd: " + str(error.strerror).encode())
    except NoCertificate as trouble:
        process.log(b"ucspitlsd: " + str(trouble).encode())
    return 111


async def _run_above(process: FrontEndProcess, options: Options, cipher: Cipher) -> int:
    """Run prog as a child; when it has ended, and all that it said is out, end alike."""
    inner, own = _open(process, options)
    pid = await process.spawn(options.program, _environment(process, options), _given(inner, options.fds))
    for fd in set(inner):
        process.close(fd)
    server = _Server(process, options, cipher, own, pid)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.serve)
        ended = await process.wait(pid)
        if server.will_end:
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
    """The front end proper: waits for the order, shakes hands and carries bytes."""

    def __init__(
        self, process: FrontEndProcess, options: Options, cipher: Cipher, own: Numbers, program: int
    ) -> None:
        self.will_end = False
        """The handshake is over, well or badly: from here on serve() returns when all is said."""
        self.all_said = trio.Event()
        self._process = process
        self._options = options
        self._cipher = cipher
        self._own = own
        self._program = program
        self._sending = trio.Lock()

    async def serve(self) -> None:
        """Do as the control socket says; return when TLS was declined or prog has said all."""
        order = await self._process.read(self._own.control, 1)
        if order in {b"Y", b"y"}:
            try:
                await self._start(with_block=order == b"Y")
            finally:
                self.all_said.set()

    async def _start(self, *, with_block: bool) -> None:
        is_safe = not self._options.refuse and await self._shake_hands()
        self.will_end = True
        if not is_safe:
            self._close(0, 1, *self._own)
            return
        if with_block and self._options.block is not None:
            with suppress(BrokenPipeError):  # prog may have died right after its order
                await self._process.write(self._own.control, self._options.block(self._cipher.records()))
        if self._options.close_control:
            self._close(self._own.control)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._carry_inward)
            await self._carry_outward()
            if self._options.serve is not None:  # as prog's child we cannot see its end otherwise
                nursery.cancel_scope.cancel()
                return
            self.all_said.set()

    async def _shake_hands(self) -> bool:
        """Say whether it succeeded, before the time was over and before prog ended."""
        reason = "the program has ended"
        with trio.move_on_after(self._options.handshake_timeout) as patience:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._await_end, nursery.cancel_scope)
                try:
                    while not self._cipher.shake_hands():
                        await self._send()
                        self._cipher.receive(await self._process.read(0))
                except (CipherError, BrokenPipeError) as trouble:
                    reason = str(trouble)
                else:
                    reason = ""
                nursery.cancel_scope.cancel()
        with suppress(BrokenPipeError):
            await self._send()  # the last of the handshake, or an alert
        if patience.cancelled_caught:
            reason = "timeout"
        if reason:
            self._process.log(b"ucspitlsd: handshake failed: " + reason.encode())
        return not reason

    async def _await_end(self, scope: trio.CancelScope) -> None:
        """Cancel when prog has ended: it will never say anything more here."""
        await self._process.read(self._own.control, 1)
        scope.cancel()

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
            await (self._encrypt(source) if target == 1 else self._decrypt(target))
        except (OSError, CipherError, trio.ClosedResourceError):  # the latter: by the other direction
            return False
        self._process.end_output(target)
        return True

    async def _decrypt(self, target: int) -> None:
        """Something may have come behind the handshake already."""
        while True:
            plaintext = self._cipher.decrypt()
            if not self._sending.locked():  # else whoever sends will send ours too; we must not wait
                with suppress(BrokenPipeError):  # the other direction's affair
                    await self._send()
            if plaintext:
                await self._process.write(target, plaintext)
            if self._cipher.ended:
                return
            self._cipher.receive(await self._process.read(0))

    async def _encrypt(self, source: int) -> None:
        while plaintext := await self._process.read(source):
            self._cipher.encrypt(plaintext)
            await self._send()
        self._cipher.end()
        await self._send()

    async def _send(self) -> None:
        """Write what the cipher wants written, by whomever, in its order."""
        async with self._sending:
            while data := self._cipher.to_send():
                await self._process.write(1, data)

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
