"""Troubles that no client can cause: in the simulated machine, where they can be caused at will."""

import errno
from collections.abc import Sequence
from typing import NoReturn

import pytest
import trio

from acceptutils.authup_smtp import SmtpSession
from acceptutils.runtime.fixsmtpio import GRACE
from acceptutils.runtime.world import CannotRun
from fakes.connection import Connection
from fakes.machine import Machine, run
from fakes.process import Process
from tests.sessions.sessions import SESSIONS, SUBMISSION
from tests.sessions.test_machine_sessions import DRIVERS, FILES, machine_for
from tests.sessions.transcript import plain

ENV = {b"PATH": b"/bin", b"FAKE_USERS": b"/var/qmail/users"}
GREETING = b"220 mail.example.org ESMTP\r\n"


def words(chain: str) -> Sequence[bytes]:
    return [word.encode() for word in chain.split()]


async def say(client: Connection, line: str) -> bytes:
    await client.send(line.encode() + b"\r\n")
    return await client.receive_until(b"\n")


def test_a_later_attempt_never_speaks_outside_of_tls() -> None:
    """REUP-10, AUTHUP-TLS-6: what the second attempt cannot do, it says inside TLS."""
    machine = machine_for(SESSIONS[0], seed=1)

    async def script(machine: Machine) -> None:
        async with machine.connect(words(f"ucspitlsd {SUBMISSION}"), env=ENV) as client:
            await client.receive_until(b"\n")
            assert (await say(client, "STARTTLS")).startswith(b"220 ")
            client.encrypt()
            machine.disk.files[b"/var/qmail/control/me"] = PermissionError(errno.EACCES, "")
            assert (await say(client, f"AUTH PLAIN {plain('alice', 'guess')}")).startswith(b"535 ")
            rest = await client.receive_all()
        assert rest == b"421 authup unable to read controls (#4.3.0)\r\n"

    run(machine, script)


def test_a_fault_of_ours_leaves_no_child_and_says_nothing_into_its_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """LIM-6: machine.connect() fails if a process is left."""

    def broken(_: SmtpSession, pid: int) -> None:
        raise KeyError(pid)

    monkeypatch.setattr(SmtpSession, "child_started", broken)
    machine = machine_for(SESSIONS[0], seed=1)

    async def script(machine: Machine) -> None:
        async with machine.connect(words("authup smtp checkpassword --hang record x"), env=ENV) as client:
            await client.send(f"AUTH PLAIN {plain('alice', 'secret')}\r\n".encode())
            assert await client.receive_all() == GREETING
            assert (await client.ended()).code == 12

    run(machine, script)
    assert [line for line in machine.log_lines if b"internal error: KeyError" in line.line]


def test_a_server_that_is_gone_when_tls_has_started() -> None:
    """FIX-GEN-6 after FIX-TLS-3: one line, 111."""
    machine = machine_for(SESSIONS[0], seed=1)

    async def script(machine: Machine) -> None:
        async with machine.connect(words("ucspitlsd fixsmtpio ofmipd"), env=ENV) as client:
            await client.receive_until(b"\n")
            machine.unrunnable[b"ofmipd"] = CannotRun("exec", "No such file or directory")
            assert (await say(client, "STARTTLS")).startswith(b"220 ")
            client.encrypt()
            assert await client.receive_all() == b""
            assert (await client.ended()).code == 111

    run(machine, script)
    assert [line.line for line in machine.log_lines] == [b"fixsmtpio: unable to exec"]


def test_a_server_that_closes_its_input_and_lives_on() -> None:
    """FIX-EXIT-1: five seconds to say what it has to say, then SIGTERM; they do not begin again."""

    async def ofmipd(process: Process) -> NoReturn:
        await process.write(1, b"220 x\r\n")
        process.close(0)
        await trio.sleep(4)
        await process.write(1, b"421 x\r\n")
        await trio.sleep_forever()

    machine = Machine(DRIVERS, {b"ofmipd": ofmipd}, files=FILES | {b"/var/qmail/control/me": b"x\n"})

    async def script(machine: Machine) -> None:
        async with machine.connect(words("fixsmtpio ofmipd"), env=ENV) as client:
            await client.receive_until(b"\n")
            assert await say(client, "NOOP") == b"421 x\r\n"
            assert await client.receive_all() == b""
            assert trio.current_time() == GRACE
            assert (await client.ended()).code == 0

    run(machine, script)
