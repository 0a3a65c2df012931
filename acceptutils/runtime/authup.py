"""The driver of authup: reads, waits, times and runs checkpassword as the session decides."""

import os
import signal

import trio

from acceptutils import authup as core
from acceptutils import control, ucspitls
from acceptutils.actions import Action, AwaitMoment, CheckPassword, Exit, Log, Send, StartTls
from acceptutils.authup_errors import ERRORS
from acceptutils.authup_pop3 import DEFAULT_CAPABILITIES as POP3_CAPABILITIES
from acceptutils.authup_pop3 import Pop3Session
from acceptutils.authup_smtp import DEFAULT_CAPABILITIES as SMTP_CAPABILITIES
from acceptutils.authup_smtp import SmtpSession
from acceptutils.options import BadUsageError
from acceptutils.reup import Carried, attempt_number
from acceptutils.runtime import faults
from acceptutils.runtime.controls import DEFAULT_TIMEOUT, read_greeting, read_seconds
from acceptutils.runtime.last_words import last_words
from acceptutils.runtime.sending import send_all
from acceptutils.runtime.world import (
    CannotReadControl,
    CannotRun,
    Child,
    Ended,
    TlsFailed,
    TlsUnavailable,
    World,
)

SESSIONS: dict[bytes, tuple[type[core.Session], list[bytes]]] = {
    b"smtp": (SmtpSession, SMTP_CAPABILITIES),
    b"pop3": (Pop3Session, POP3_CAPABILITIES),
}
DEFAULT_AUTHDELAY = 5
DEFAULT_CHECKPASSWORDTIMEOUT = 60
MOST_AT_ONCE = 4096
GRACE = 5  # seconds from SIGTERM to SIGKILL
WATCH_PERIOD = 0.5  # seconds between two looks at checkpassword (AUTHUP-CP-6, -7)


async def authup(world: World) -> int:
    """Offer authentication and have checkpassword run the rest (part 3); return the exit code."""
    attempt = attempt_number(world.env)
    try:
        command_line = core.command_line(world.args, attempt)
    except BadUsageError as bad:
        return last_words(world, core.usage(attempt, bad.complaint))
    error = None
    running = None
    try:
        running = _Authup(world, command_line, attempt)
        return await running.run()
    except CannotReadControl as trouble:
        world.log(b"authup: %b: %b" % (os.fsencode(trouble.file), trouble.reason.encode()))
        error = "control"
    except TlsUnavailable:  # the TLS that an earlier attempt started is gone (AUTHUP-TLS-6)
        world.log(core.no_tls(world.pid))
    except Exception as fault:  # LIM-6: whatever it is, the client gets a reply
        words = faults.describe(fault)
        world.log(b"authup %d %b" % (world.pid, words))
        error = "nomem" if words == faults.OUT_OF_MEMORY else "internal"
    if error and not (running and running.inarticulate):
        kind, _ = SESSIONS[command_line.protocol]
        await send_all(world.client, ERRORS[error][kind.ERROR_COLUMN] + b"\r\n", GRACE)
    return core.PERMANENT


class _Authup:
    """One run. Raises CannotReadControl or TlsUnavailable before anything was said (AUTHUP-GEN-3)."""

    def __init__(self, world: World, command_line: core.CommandLine, attempt: int) -> None:
        self._world = world
        self._prog = command_line.prog
        self._carried = _recalled(world, attempt)
        if self._carried.tls is not None:
            world.resume_tls()  # before anything can be said: never a word outside of TLS
        kind, capabilities = SESSIONS[command_line.protocol]
        world.enter_qmail_home()
        protocol = command_line.protocol.decode()
        greeting = read_greeting(world, protocol)
        self._read_limits(protocol)
        self._session = kind(self._settings(command_line, attempt, greeting, capabilities))
        self._taken_up = trio.current_time()  # when the last line was
        self._code = core.PERMANENT
        self.inarticulate = False  # in mid-reply, or the client is somebody else's: a word would garble
        self._signalled = False

    def _read_limits(self, protocol: str) -> None:
        world = self._world
        timeout = "timeoutsmtpd" if protocol == "smtp" else "timeoutpop3d"
        self._timeout = read_seconds(world, timeout, DEFAULT_TIMEOUT)
        self._authdelay = read_seconds(world, "authdelay", DEFAULT_AUTHDELAY)
        self._checkpassword_timeout = read_seconds(
            world, "checkpasswordtimeout", DEFAULT_CHECKPASSWORDTIMEOUT
        )
        login = read_seconds(world, "logintimeout", 0)
        left = self._carried.started + login - self._world.now()
        self._login_deadline = trio.current_time() + left if login else float("inf")
        self._write_timeout = self._timeout or DEFAULT_TIMEOUT

    def _settings(
        self, command_line: core.CommandLine, attempt: int, greeting: bytes, capabilities: list[bytes]
    ) -> core.Settings:
        world, carried = self._world, self._carried
        protocol = command_line.protocol.decode()
        tls = ucspitls.tls(world.env, usable=world.tls_is_usable())
        return core.Settings(
            greeting=greeting,
            capabilities=control.capabilities(world.read_control(f"{protocol}capabilities"), capabilities),
            tries=command_line.tries,
            pid=world.pid,
            uid=world.uid,
            unix_time=world.unix_time(),
            attempt=attempt,
            tls=tls._replace(active=carried.tls is not None),
            tls_block=carried.tls,
            resumable=world.recall() is not None,
            long_lines=carried.long_lines,
            errors=carried.errors,
            sasl_broken_clients=b"AUTHUP_SASL_BROKEN_CLIENTS" in world.env,
            remote_ip=world.env.get(b"TCPREMOTEIP"),
        )

    async def run(self) -> int:
        """Converse until the end, or until a signal asks for it (AUTHUP-GEN-9)."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._watch_signals, nursery.cancel_scope)
            self._code = await self._converse()
            self.inarticulate = True  # all is said, whatever signal comes now
            nursery.cancel_scope.cancel()
        if self._signalled and not self.inarticulate:
            with trio.move_on_after(GRACE):
                await self._perform(self._session.terminated())
        session = self._session
        left = Carried(self._carried.started, session.long_lines, session.errors, session.tls_block)
        self._world.remember(left.encode())
        return self._code

    async def _watch_signals(self, scope: trio.CancelScope) -> None:
        await self._world.signalled()
        self._signalled = True
        scope.cancel()

    async def _converse(self) -> int:
        actions = self._session.start()
        while True:
            match await self._perform(actions):
                case Exit(code):
                    return code
                case AwaitMoment(once):
                    await self._await_moment(once=once)
                    actions = self._session.moment_came()
                case CheckPassword() as question:
                    actions = await self._check_password(question)
                case StartTls(ready):
                    actions = await self._start_tls(ready)
                case _:
                    actions = await self._hear()

    async def _perform(self, actions: list[Action]) -> Action | None:
        """Do what needs no answer; return the question or the end, if there is one."""
        for action in actions:
            if isinstance(action, Log):
                self._world.log(action.line)
            elif isinstance(action, Send):
                if not await self._send(action.data):
                    return Exit(core.PERMANENT)
            else:
                return action
        return None

    async def _send(self, data: bytes) -> bool:
        self.inarticulate = True
        sent = await send_all(self._world.client, data, self._write_timeout)
        self.inarticulate = False
        return sent

    async def _hear(self) -> list[Action]:
        data = None
        with trio.move_on_at(min(trio.current_time() + self._timeout, self._login_deadline)):
            data = await self._world.client.receive_line(MOST_AT_ONCE)
        if data is None:
            return self._session.timed_out()
        self._taken_up = trio.current_time()
        return self._session.client_data(data) if data else self._session.client_eof()

    async def _await_moment(self, *, once: bool) -> None:
        if self._authdelay:
            passed = trio.current_time() - self._taken_up
            periods = 1 if once else max(1, -(-passed // self._authdelay))
            await trio.sleep_until(self._taken_up + periods * self._authdelay)

    async def _start_tls(self, ready: bytes) -> list[Action]:
        self.inarticulate = True
        # The client may never finish the handshake.
        left = max(0.0, self._login_deadline - trio.current_time())
        try:
            block = await self._world.start_tls(ready, min(self._write_timeout, left))
            answer = self._session.tls_started(block)
        except TlsUnavailable:
            answer = self._session.tls_unavailable()
        except TlsFailed:
            answer = self._session.tls_failed()
        self.inarticulate = False
        return answer

    # checkpassword, and what it becomes

    async def _check_password(self, question: CheckPassword) -> list[Action]:
        world = self._world
        env = ucspitls.inner_environment(world.env, self._session.tls_block)
        env.pop(b"REUPSTATE", None)
        env[b"AUTHUP_USER"] = question.user
        self.inarticulate = True
        try:
            child = await world.spawn(self._prog, env, record=question.record, own_group=world.uid == 0)
        except CannotRun as trouble:
            world.log(b"authup %d unable to run %b: %b" % (world.pid, self._prog[0], trouble.reason.encode()))
            self.inarticulate = False
            return self._session.cannot_run(trouble.step)
        try:
            await self._perform(self._session.child_started(child.pid))
            answer = await self._await_child(child)
        except BaseException:  # cancelled by a signal, or a fault of ours: no child is left alone
            with trio.CancelScope(shield=True):
                await _end(child, group=False, grace=GRACE)
            raise
        self.inarticulate = False
        return answer

    async def _await_child(self, child: Child) -> list[Action]:
        """Wait for the end; bound the time in which the login is not decided yet."""
        deadline = trio.current_time() + (self._checkpassword_timeout or float("inf"))
        while self._world.uid == 0 and child.real_uid() == 0:  # looked at before each of the steps below
            if self._world.client.has_left():
                await _end(child, group=True, grace=1)
                return self._session.client_left()
            if trio.current_time() >= deadline:
                await _end(child, group=True, grace=GRACE)
                return self._session.child_given_up()
            with trio.move_on_after(WATCH_PERIOD):
                return self._child_ended(await child.wait())
        return self._child_ended(await child.wait())

    def _child_ended(self, ended: Ended) -> list[Action]:
        self.inarticulate = False
        return self._session.child_ended(ended.code, ended.uid)


async def _end(child: Child, *, group: bool, grace: float) -> None:
    child.kill(signal.SIGTERM, group=group)
    with trio.move_on_after(grace):
        await child.wait()
        return
    child.kill(signal.SIGKILL, group=group)
    await child.wait()


def _recalled(world: World, attempt: int) -> Carried:
    """Return what the attempts before this one left; a new session if this is the first."""
    try:
        return Carried.decode(world.recall() or b"") if attempt > 1 else Carried(world.now())
    except ValueError:
        return Carried(world.now())
