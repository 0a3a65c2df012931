"""The sessions, in the simulated machine: every seed, every timing, milliseconds each."""

import shlex

import pytest
import trio

from acceptutils.runtime.authup import authup
from acceptutils.runtime.checknotroot import checknotroot
from acceptutils.runtime.fixsmtpio import fixsmtpio
from acceptutils.runtime.reup import reup
from fakes.checkpassword import hash_password
from fakes.machine import Machine, run
from fakes.programs import PROGRAMS
from fakes.ucspitlsd import ucspitlsd
from tests.sessions.sessions import MAIL, SESSIONS, control_files
from tests.sessions.transcript import Session, plain, play

DRIVERS = {b"reup": reup, b"authup": authup, b"checknotroot": checknotroot, b"fixsmtpio": fixsmtpio}

FILES = {
    b"/var/qmail/users": b"".join(
        b"%b:%b:%d:%d:%b:/bin/sh\n" % (name, hash_password(password, b"salt"), uid, uid, home)
        for name, password, uid, home in [
            (b"alice", b"secret", 1001, b"/home/alice"),
            (b"root", b"toor", 0, b"/root"),
        ]
    ),
    b"/home/alice/Maildir/tmp/": b"",
    b"/home/alice/Maildir/cur/": b"",
    b"/home/alice/Maildir/new/1.mail": MAIL,
}


def machine_for(session: Session, seed: int) -> Machine:
    control = {
        f"/var/qmail/control/{name}".encode(): text.encode() for name, text in control_files(session).items()
    }
    fakes = {**PROGRAMS, b"ucspitlsd": ucspitlsd}
    return Machine(DRIVERS, fakes, files={**FILES, **control}, seed=seed)


def play_in_machine(session: Session, seed: int) -> tuple[bytes, Machine]:
    """Play a session in a machine with this seed; return what the client received."""
    machine = machine_for(session, seed)

    async def script(machine: Machine) -> bytes:
        env = {b"PATH": b"/bin", b"FAKE_USERS": b"/var/qmail/users"}
        async with machine.connect([word.encode() for word in shlex.split(session.chain)], env=env) as client:

            async def exit_code() -> int | None:
                return (await client.ended()).code

            return await play(session, client, exit_code)

    return run(machine, script), machine


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("session", SESSIONS, ids=lambda session: session.name)
def test_session(session: Session, seed: int) -> None:
    _, machine = play_in_machine(session, seed)
    assert not [line for line in machine.log_lines if b"internal error" in line.line]


def test_a_seed_reproduces_a_run_exactly() -> None:
    runs = {seed: [play_in_machine(SESSIONS[2], seed)[1].events for _ in range(2)] for seed in range(3)}
    assert all(first == second for first, second in runs.values())
    assert runs[0] != runs[1], "the seed changes nothing"


def test_twenty_minutes_of_silence_are_exact() -> None:
    """AUTHUP-GEN-7, CTL-5: the default timeout, to the tick."""
    machine = machine_for(SESSIONS[0], seed=1)

    async def script(machine: Machine) -> float:
        async with machine.connect([b"authup", b"smtp", b"true"]) as client:
            await client.receive_until(b"\n")
            start = trio.current_time()
            assert await client.receive_all() == b"451 authup timeout (#4.4.2)\r\n"
            return trio.current_time() - start

    assert run(machine, script) == pytest.approx(1200, abs=1e-6)


@pytest.mark.parametrize("guess", [plain("alice", "guess"), plain("nobody", "x"), plain("root", "toor")])
def test_every_refusal_leaves_at_the_same_moment(guess: str) -> None:
    """AUTHUP-ERR-4, CNR-5: five seconds after AUTH, whatever the reason."""
    machine = machine_for(SESSIONS[0], seed=1)
    del machine.disk.files[b"/var/qmail/control/authdelay"]

    async def script(machine: Machine) -> float:
        env = {b"FAKE_USERS": b"/var/qmail/users"}
        chain = b"authup -t 1 smtp checkpassword checknotroot fixsmtpio ofmipd".split()
        async with machine.connect(chain, env=env) as client:
            await client.receive_until(b"\n")
            start = trio.current_time()
            await client.send(f"AUTH PLAIN {guess}\r\n".encode())
            assert await client.receive_all() == b"535 authup authorization failed (#5.7.0)\r\n"
            assert (await client.ended()).code == 1
            return trio.current_time() - start

    assert run(machine, script) == pytest.approx(5, abs=1e-6)
