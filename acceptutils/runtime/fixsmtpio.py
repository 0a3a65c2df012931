"""The driver of fixsmtpio: carries bytes between client, filter and server.

One task for each direction of each peer. Readers stop while too much waits for a writer, so memory
stays bounded and a peer that does not read slows the other one down, but never blocks the other
direction (FIX-EXIT-5).
"""

import os
import signal
from collections.abc import Callable
from enum import Enum, auto

import trio

from acceptutils import fixsmtpio as core
from acceptutils import rules, ucspitls
from acceptutils.actions import (
    Action,
    CloseServerInput,
    EndServer,
    Log,
    RestartServer,
    Send,
    StartTls,
    ToServer,
)
from acceptutils.options import BadUsageError
from acceptutils.runtime import faults
from acceptutils.runtime.bypass import without_filter
from acceptutils.runtime.controls import DEFAULT_TIMEOUT, read_greeting, read_seconds
from acceptutils.runtime.last_words import last_words
from acceptutils.runtime.world import (
    CannotReadControl,
    CannotRun,
    Child,
    SendStream,
    TlsFailed,
    TlsUnavailable,
    World,
)

MOST_AT_ONCE = 65536
MOST_WAITING = 65536  # bytes that wait for a writer before the readers stop
GRACE = 5  # seconds, each step of FIX-EXIT-1


async def fixsmtpio(world: World) -> int:
    """Filter a server's requests, replies and exit code (part 5); return the exit code."""
    if b"NOFIXSMTPIO" in world.env:
        return await without_filter(world)
    try:
        return await _run(world)
    except BadUsageError as bad:
        return last_words(world, core.usage(world.env, bad.complaint))
    except CannotReadControl as trouble:
        world.log(b"fixsmtpio: %b: %b" % (os.fsencode(trouble.file), trouble.reason.encode()))
        world.log(b"fixsmtpio: unable to read controls")
        return core.BAD_CONTROLS
    except rules.BadRuleError as bad_rule:
        world.log(b"fixsmtpio: unable to parse control/fixsmtpio: %b" % str(bad_rule).encode())
        return core.BAD_CONTROLS
    except Exception as fault:
        world.log(b"fixsmtpio: " + faults.describe(fault))
    return core.TROUBLE


async def _run(world: World) -> int:
    prog = core.command_line(world.args)
    world.enter_qmail_home()
    greeting = read_greeting(world, "smtp")
    parsed = rules.parse(world.read_control("fixsmtpio"))
    tls = ucspitls.tls(world.env, usable=world.tls_is_usable())
    label = b"%d %b" % (world.pid, os.path.basename(prog[0]))
    filter_ = core.Filter(parsed, greeting, world.env, tls=tls, label=label)
    session = _Session(world, filter_, list(prog), _patience(world))
    try:
        return await session.run()
    except CannotRun as trouble:
        return last_words(world, core.cannot_run(trouble.step))


def _patience(world: World) -> int:
    """Return how many seconds a peer may take nothing (FIX-EXIT-5), or owe a reply (FIX-EV-2)."""
    try:
        return read_seconds(world, "timeoutsmtpd", DEFAULT_TIMEOUT) or DEFAULT_TIMEOUT
    except CannotReadControl:
        return DEFAULT_TIMEOUT


class Taken(Enum):
    """What became of a write."""

    SOME = auto()
    NOTHING = auto()  # within the patience
    NEVER_AGAIN = auto()  # the peer has closed its side


class _Session:
    """One session. Its tasks wait for conditions; whoever changes something wakes them."""

    def __init__(self, world: World, filter_: core.Filter, prog: list[bytes], patience: int) -> None:
        self._world = world
        self._filter = filter_
        self._prog = prog
        self._patience = patience
        self._server: Child
        self._to_client = bytearray()
        self._to_server = bytearray()
        self._client_deaf = False
        self._server_deaf = False
        self._close_server_input = False
        self._had_grace = False  # the first step of the ladder is over
        self._ending = False
        self._signalled = False
        self._cannot_run: CannotRun | None = None
        self._changed = trio.Event()
        self._receiving = trio.CancelScope()

    async def run(self) -> int:
        """Serve until the filter or a signal ends it; return the exit code. Raises CannotRun."""
        await self._start_server()
        killed = False
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._watch_signals)
                await self._serve()
                if not self._cannot_run:
                    killed = await self._end_server(at_once=self._signalled or self._had_grace)
                nursery.cancel_scope.cancel()
        finally:
            with trio.CancelScope(shield=True):  # whatever went wrong, no server is left behind
                self._server.kill(signal.SIGKILL)
                ended = await self._server.wait()
        if self._cannot_run:
            raise self._cannot_run
        if self._signalled:
            return core.TROUBLE
        return last_words(self._world, self._filter.server_ended(ended.code, killed=killed))

    async def _serve(self) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._read_client)
            nursery.start_soon(self._read_server)
            nursery.start_soon(self._write_client)
            nursery.start_soon(self._write_server)
            nursery.start_soon(self._await_replies)
            await self._until(lambda: self._ending)
            await self._until(lambda: self._signalled or not self._to_client)  # FIX-RESP-7
            nursery.cancel_scope.cancel()

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self._changed.wait()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    # Tasks

    async def _watch_signals(self) -> None:
        await self._world.signalled()
        self._signalled = self._ending = True
        self._server.kill(signal.SIGTERM)
        self._wake()

    async def _read_client(self) -> None:
        while True:
            await self._until(self._is_client_wanted)
            data = None
            with trio.CancelScope() as self._receiving:
                data = await self._world.client.receive(MOST_AT_ONCE)
            if data is not None:
                await self._perform(self._filter.client_data(data) if data else self._filter.client_eof())

    def _is_client_wanted(self) -> bool:
        full = max(len(self._to_server), len(self._to_client)) > MOST_WAITING
        return self._filter.wants_client and not full

    async def _read_server(self) -> None:
        while True:
            await self._until(lambda: not self._ending and len(self._to_client) <= MOST_WAITING)
            data = await self._server.stdout.receive(MOST_AT_ONCE)
            await self._perform(self._filter.server_data(data) if data else self._filter.server_eof())

    async def _write_client(self) -> None:
        while not self._client_deaf:
            await self._until(lambda: bool(self._to_client))
            self._client_deaf = await self._write(self._to_client, self._world.client) is not Taken.SOME
        await self._perform(self._filter.client_gone())

    async def _write_server(self) -> None:
        taken = Taken.SOME
        while taken is Taken.SOME:
            await self._until(lambda: bool(self._to_server) or self._close_server_input)
            if not self._to_server:
                break
            taken = await self._write(self._to_server, self._server.stdin)
        self._server_deaf = taken is not Taken.SOME
        self._server.stdin.close()
        if taken is Taken.NEVER_AGAIN:
            with trio.move_on_after(GRACE) as grace:  # it may have something to say before it goes
                await self._until(lambda: self._ending)
            self._had_grace = grace.cancelled_caught
        if self._server_deaf:
            await self._perform(self._filter.server_eof())

    async def _write(self, waiting: bytearray, peer: SendStream) -> Taken:
        """Write some of what waits, or drop it all if the peer does not take it; say what became of it."""
        taken, count = Taken.NOTHING, 0
        with trio.move_on_after(self._patience):
            try:
                count = await peer.send_some(bytes(waiting[:MOST_AT_ONCE]))
                taken = Taken.SOME
            except BrokenPipeError:
                taken = Taken.NEVER_AGAIN
        del waiting[: count or None]
        self._wake()
        return taken

    async def _await_replies(self) -> None:
        """End a server that owes replies and gives none, when only they can bring the session on."""
        needed = True
        while needed:
            await self._until(lambda: self._filter.needs_replies)
            needed = await self._is_owed_less()
        await self._perform(self._filter.reply_overdue())

    async def _is_owed_less(self) -> bool:
        """Wait for the next reply that the server owes; False if none comes in time."""
        heard = self._filter.replies_heard
        with trio.move_on_after(self._patience):
            await self._until(lambda: self._filter.replies_heard != heard)
            return True
        return False

    # Actions

    async def _perform(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Send(data) if not self._client_deaf:
                    self._to_client += data
                case ToServer(data) if not self._server_deaf:
                    self._to_server += data
                case Log(line):
                    self._world.log(line)
                case CloseServerInput():
                    self._close_server_input = True
                case EndServer():
                    self._ending = True
                case StartTls(ready):
                    await self._start_tls(ready)
                case RestartServer():
                    await self._restart_server()
                case _:
                    pass  # a peer that is gone
        self._wake()

    async def _start_tls(self, ready: bytes) -> None:
        self._receiving.cancel()  # what the client says from now on is not for us to read in plaintext
        self._wake()
        await self._until(lambda: not self._to_client and not self._to_server)
        try:
            block = await self._world.start_tls(ready, self._patience)
        except TlsUnavailable:
            answer = self._filter.tls_unavailable()
        except TlsFailed:
            answer = self._filter.tls_failed()
        else:
            answer = self._filter.tls_started(block)
        await self._perform(answer)

    # The server

    async def _start_server(self) -> None:
        self._server = await self._world.spawn(self._prog, self._filter.server_env, pipes=True)
        await self._perform(self._filter.server_started(self._server.pid))

    async def _restart_server(self) -> None:
        await self._end_server(at_once=True)
        try:
            await self._start_server()
        except CannotRun as trouble:
            self._cannot_run = trouble
            self._ending = True

    async def _end_server(self, *, at_once: bool) -> bool:
        """End the server by the ladder of FIX-EXIT-1, or without its first step; say if it was killed."""
        self._server.stdin.close()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._drop_output)  # or the server could wait for us
            killed = await self._await_end(at_once=at_once)
            nursery.cancel_scope.cancel()
        self._server.stdout.close()
        return killed

    async def _drop_output(self) -> None:
        while await self._server.stdout.receive(MOST_AT_ONCE):
            pass

    async def _await_end(self, *, at_once: bool) -> bool:
        for step in (None, signal.SIGTERM, signal.SIGKILL)[at_once:]:
            if step is not None:
                self._server.kill(step)
            with trio.move_on_after(GRACE):
                await self._server.wait()
                return step is not None
        await self._server.wait()
        return True
