"""When refusals leave, and what bounds the wait for checkpassword (AUTHUP-ERR-4, -EXIT-2, -CP-6, -CP-7).

All these sessions mostly wait, so they are played at once, and each test looks at its own.
"""

import os
import socket
import struct
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

import pytest
import trio

from tests.runtime.running import AS_ALICE, environment, needs_root, new_site, run, wait_for
from tests.sessions.real_chain import Site, connect, processes_with
from tests.sessions.transcript import plain

RIGHT, WRONG, UNKNOWN, ROOT = (
    f"AUTH PLAIN {plain(user, password)}\r\n".encode()
    for user, password in [("alice", "secret"), ("alice", "x"), ("bob", "x"), ("root", "toor")]
)
AUTHZID = b"AUTH PLAIN Ym9iAGFsaWNlAHNlY3JldA==\r\n"  # bob NUL alice NUL secret
TOO_LONG = f"AUTH PLAIN {plain('alice', 'x' * 600)}\r\n".encode()
LATE = 20  # seconds that a loaded machine may take for what should come at once

BADAUTH = b"535 authup authorization failed (#5.7.0)\r\n"
TEMPAUTH = b"454 authup temporary authentication failure (#4.7.0)\r\n"
CHECK = "checkpassword checknotroot true"


class Play(NamedTuple):
    """A login in a chain, and when its answer may come and must have come, in seconds."""

    name: str
    prog: str
    sent: bytes
    answer: bytes
    earliest: float
    latest: float = LATE
    code: int = 1
    delay: str | None = "1\n"
    needs_root: bool = False
    tries: int = 1
    protocol: str = "smtp"
    limit: str = "60\n"  # control/checkpasswordtimeout


PLAYS = [
    Play("wrong password", CHECK, WRONG, BADAUTH, 1),
    Play("unknown user", CHECK, UNKNOWN, BADAUTH, 1),
    Play("root's password", CHECK, ROOT, BADAUTH, 1, needs_root=True),
    Play("refused without running: authzid", CHECK, AUTHZID, BADAUTH, 1),
    Play("refused without running: too long a record", CHECK, TOO_LONG, BADAUTH, 1),
    Play("exit 111", "sh -c 'exit 111'", WRONG, TEMPAUTH, 1),
    Play("slower than the delay", "sh -c 'sleep 1.1; exit 1'", WRONG, BADAUTH, 2),
    Play("slower than two delays", "sh -c 'sleep 2.1; exit 111'", WRONG, TEMPAUTH, 3),
    Play(
        "pop3",
        CHECK,
        b"USER alice\r\nPASS x\r\n",
        b"-ERR authup authorization failed\r\n",
        1,
        protocol="pop3",
    ),
    Play("two tries in one packet", CHECK, WRONG + WRONG, BADAUTH + BADAUTH, 2, tries=2),
    Play("the default", "sh -c 'exit 1'", WRONG, BADAUTH, 5, delay=None),
    Play("authdelay 0", "sh -c 'exit 1'", WRONG, BADAUTH, 0, latest=4.5, delay="0\n"),
    Play(
        "errors come at once", "sh -c 'exit 16'", WRONG, b"451 authup timeout (#4.4.2)\r\n", 0, 8, 12, "9\n"
    ),
    Play(
        "a crash comes at once",
        "sh -c 'kill -9 $$'",
        WRONG,
        b"454 authup aack, child crashed (#4.3.0)\r\n",
        0,
        8,
        12,
        "9\n",
    ),
    Play(
        "111 after a login",
        f"{AS_ALICE} sh -c 'exit 111'",
        WRONG,
        TEMPAUTH,
        1,
        LATE,
        111,
        tries=5,
        needs_root=True,
    ),
    Play(
        "111 after a login that was longer than the delay",
        f"{AS_ALICE} sh -c 'sleep 3.1; exit 111'",
        WRONG,
        TEMPAUTH,
        3.1,
        5.9,
        111,
        "3\n",
        tries=5,
        needs_root=True,
    ),
    *[
        Play(
            f"{code} after a login", f"{AS_ALICE} sh -c 'exit {code}'", WRONG, b"", 0, 8, code, "9\n", True, 5
        )
        for code in (1, 2)
    ],
    Play(
        "16 after a login",
        f"{AS_ALICE} sh -c 'exit 16'",
        WRONG,
        b"451 authup timeout (#4.4.2)\r\n",
        0,
        8,
        12,
        "9\n",
        True,
    ),
    Play("checkpassword hangs", "sleep 60", WRONG, TEMPAUTH, 2, needs_root=True, limit="1\n"),
    Play(
        "checkpassword ignores SIGTERM",
        "sh -c 'trap \"\" TERM; sleep 60 & sleep 60'",
        WRONG,
        TEMPAUTH,
        6,
        needs_root=True,
        limit="1\n",
    ),
    Play(
        "a session may last",
        f"{AS_ALICE} sh -c 'sleep 2.5; exit 0'",
        WRONG,
        b"",
        2.5,
        code=0,
        needs_root=True,
        limit="1\n",
    ),
]


class Outcome(NamedTuple):
    """What came after the greeting, when the last of it came, and the exit code."""

    answer: bytes
    elapsed: float
    code: int | None


@pytest.fixture(scope="module")
def outcomes(programs: Path) -> dict[str, Outcome]:
    """Play all sessions at once."""
    return trio.run(play_all, programs)


async def play_all(programs: Path) -> dict[str, Outcome]:
    found: dict[str, Outcome] = {}
    most_at_once = trio.CapacityLimiter(12)

    async def play(one: Play) -> None:
        async with most_at_once:
            with new_site(programs) as site:
                (site.home / "control" / "authdelay").unlink()
                site.control({"checkpasswordtimeout": one.limit})
                site.control({"authdelay": one.delay} if one.delay else {})
                found[one.name] = await outcome_of(site, one)

    async with trio.open_nursery() as nursery:
        for one in sorted(PLAYS, key=lambda play: -play.earliest):
            if not one.needs_root or os.getuid() == 0:
                nursery.start_soon(play, one)
    return found


async def outcome_of(site: Site, one: Play) -> Outcome:
    async with connect(site, f"authup -t {one.tries} {one.protocol} {one.prog}") as client:
        await client.receive_until(b"\n")
        began = time.monotonic()
        await client.send(one.sent)
        answer = await client.receive_all()
        elapsed = time.monotonic() - began
        return Outcome(answer.removeprefix(b"+OK \r\n"), elapsed, await client.exit_code())


@pytest.mark.parametrize("play", PLAYS, ids=lambda play: play.name)
def test_the_moment(play: Play, outcomes: dict[str, Outcome]) -> None:
    """AUTHUP-ERR-4, AUTHUP-EXIT-2, AUTHUP-CP-6."""
    if play.needs_root and os.getuid() != 0:
        pytest.skip("LOUD: only root can see this")
    outcome = outcomes[play.name]
    assert (outcome.answer, outcome.code) == (play.answer, play.code)
    assert play.earliest <= outcome.elapsed <= play.latest


@needs_root
@pytest.mark.parametrize("code", [1, 2, 111, 77])
def test_after_a_login_the_client_is_not_read_again(site: Site, code: int) -> None:
    """AUTHUP-EXIT-2: the rest of the message is no commands; under REUP the code is 0."""
    chain = f"authup -t 5 smtp {AS_ALICE} sh -c 'exit {code}'"
    said = TEMPAUTH if code == 111 else b""
    sent = WRONG + b"NOOP\r\n" + WRONG + b"QUIT\r\n"
    done = run(site, chain, sent=sent)
    assert (done.code, done.out.partition(b"\n")[2]) == (code, said)
    assert done.log.count(b" attempt for ") == 1
    done = run(site, chain, sent=sent, env={"REUP": "1"})
    assert (done.code, done.out.partition(b"\n")[2]) == (0, said)


# AUTHUP-CP-7


def hanging(site: Site) -> list[str]:
    pid = site.directory / "pid"
    return ["authup", "smtp", "sh", "-c", f"echo $$ >{pid}; exec sleep 60"]


@needs_root
@pytest.mark.parametrize("how", ["reset", "hang up"])
def test_a_client_that_leaves_ends_a_hanging_checkpassword(site: Site, how: str) -> None:
    began, code = leave_while_it_hangs(site, how)
    assert time.monotonic() - began < LATE
    assert code == 12


@needs_root
def test_a_half_close_is_not_leaving(site: Site) -> None:
    site.control({"checkpasswordtimeout": "2\n"})
    began, code = leave_while_it_hangs(site, "half-close")
    assert time.monotonic() - began > 1.5
    assert code == 12


def leave_while_it_hangs(site: Site, how: str) -> tuple[float, int]:
    mark = f"test-{os.getpid()}-{time.monotonic()}"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
    with theirs, site.log.open("ab") as log:
        process = subprocess.Popen(
            hanging(site),
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=log,
            env={**environment(site), "MARK": mark},
        )
    with ours:
        ours.sendall(RIGHT)
        pid = site.directory / "pid"
        wait_for(lambda: pid.exists() and pid.read_bytes())
        began = time.monotonic()
        if how == "half-close":
            ours.shutdown(socket.SHUT_WR)
            process.wait(LATE)
        elif how == "reset":
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    code = process.wait(LATE)
    wait_for(lambda: not processes_with(f"MARK={mark}"))
    return began, code
