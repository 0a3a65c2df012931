"""Signals to authup and fixsmtpio, and how servers are made to end (AUTHUP-GEN-9, FIX-EXIT-1, -2, -6).

The sessions of the second half mostly wait, so they are played at once.
"""

import contextlib
import os
import signal
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
import trio

from tests.runtime.running import AS_ALICE, needs_root, new_site, run
from tests.sessions.real_chain import RealClient, Site, connect
from tests.sessions.transcript import plain

LOGIN = f"AUTH PLAIN {plain('alice', 'secret')}\r\n".encode()
GREETING = b"220 mail.example.org ESMTP\r\n"
EACH_SIGNAL = pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name
)

# authup


@EACH_SIGNAL
async def test_without_a_child_smtp_says_good_bye(site: Site, number: signal.Signals) -> None:
    async with connect(site, "authup smtp true") as client:
        await client.receive_until(GREETING)
        os.kill(client.process.pid, number)
        assert await client.receive_all() == b"421 authup shutting down (#4.3.2)\r\n"
        assert await client.exit_code() == 12


async def test_without_a_child_pop3_says_good_bye(site: Site) -> None:
    async with connect(site, "authup pop3 true") as client:
        await client.receive_until(b"\n")
        os.kill(client.process.pid, signal.SIGTERM)
        assert await client.receive_all() == b"-ERR [SYS/TEMP] authup shutting down\r\n"
        assert await client.exit_code() == 12


async def test_while_a_refusal_waits_for_its_moment(site: Site) -> None:
    site.control({"authdelay": "60\n"})
    async with connect(site, "authup smtp sh -c 'exit 1'") as client:
        await client.send(LOGIN)
        while b"failed" not in site.log.read_bytes():  # noqa: ASYNC110
            await trio.sleep(0.01)
        os.kill(client.process.pid, signal.SIGTERM)
        assert await client.receive_all() == GREETING + b"421 authup shutting down (#4.3.2)\r\n"
        assert await client.exit_code() == 12


@pytest.mark.parametrize(
    "who", ["", pytest.param(f"{AS_ALICE} ", marks=needs_root)], ids=["same UID", "user"]
)
@EACH_SIGNAL
async def test_with_a_child_that_is_ended_first(site: Site, number: signal.Signals, who: str) -> None:
    script = "trap 'sleep 0.2; echo caught; exit 1' TERM; echo ready; while :; do sleep 0.05; done"
    async with connect(site, f'authup smtp {who}sh -c "{script}"') as client:
        await client.send(LOGIN)
        await client.receive_until(b"ready\n")
        os.kill(client.process.pid, number)
        assert await client.receive_all() == b"caught\n"
        assert await client.exit_code() == 12


async def test_a_signal_as_soon_as_something_is_heard(programs: Path) -> None:
    """AUTHUP-GEN-9 holds from the greeting on, and until the end: never killed by it, never exit -15."""
    codes: list[int | None] = []

    async def play(*, at_the_end: bool) -> None:
        with new_site(programs) as site:
            async with connect(site, "authup smtp true") as client:
                await client.receive_until(GREETING)
                if at_the_end:
                    client.half_close()
                    await client.receive_until(b"\r\n")
                os.kill(client.process.pid, signal.SIGTERM)
                codes.append(await client.exit_code())

    async with trio.open_nursery() as nursery:
        for number in range(16):
            nursery.start_soon(partial(play, at_the_end=number % 2 == 1))
    assert codes == [12] * 16


async def test_reup_and_all_below_end_by_one_signal(site: Site) -> None:
    """REUP-11 and AUTHUP-GEN-9: no retry."""
    async with connect(site, "reup authup smtp true") as client:
        await client.receive_until(GREETING)
        os.kill(client.process.pid, signal.SIGTERM)
        assert await client.receive_all() == b"421 authup shutting down (#4.3.2)\r\n"
        assert await client.exit_code() == 12


async def test_a_client_that_takes_nothing_ends_authup(site: Site) -> None:
    """AUTHUP-GEN-7, without words."""
    site.control({"timeoutsmtpd": "1\n"})
    async with connect(site, "authup smtp true") as client:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(send_until_it_breaks, client, b"NOOP\r\n" * 200_000)
            assert await client.exit_code() == 12
        received = await client.receive_all()
    assert received.startswith(GREETING)
    assert b"451" not in received


async def send_until_it_breaks(client: RealClient, data: bytes) -> None:
    with contextlib.suppress(trio.BrokenResourceError):
        await client.send(data)


# fixsmtpio: how it ends


async def quit_(client: RealClient) -> None:
    await client.receive_until(b"\n")
    await client.send(b"QUIT\r\n")


async def half_close(client: RealClient) -> None:
    await client.receive_until(b"\n")
    client.half_close()


async def terminate(client: RealClient) -> None:
    await client.receive_until(b"\n")
    os.kill(client.process.pid, signal.SIGTERM)


async def interrupt(client: RealClient) -> None:
    await client.receive_until(b"\n")
    os.kill(client.process.pid, signal.SIGINT)


async def wait(_: RealClient) -> None:
    await trio.lowlevel.checkpoint()


class Ending(NamedTuple):
    """A server, what the client does, and what fixsmtpio makes of it."""

    name: str
    server: str
    act: Callable[[RealClient], Awaitable[None]]
    code: int
    log: str = ""
    earliest: float = 0
    latest: float = 25
    rules: str = ""
    answer: bytes = b""


NO_GREETING = "fixsmtpio: server ended without a greeting\n"
CRASHED = "fixsmtpio: aack, child crashed\n"
KILLED = "fixsmtpio: server did not end, killed\n"
DEAF = 'trap "" TERM; echo 220 x; exec 1>&-; while :; do sleep 0.1; done'

ENDINGS = [
    Ending("the server's code", "echo 220 x; read q; exit 9", quit_, 9),
    Ending("the server's code, client left", "echo 220 x; cat; exit 9", half_close, 9),
    Ending("no greeting", "exit 0", wait, 111, NO_GREETING),
    Ending("half a greeting", "echo 220-x; printf 22", wait, 111, NO_GREETING),
    Ending("killed before its greeting", "kill -9 $$", wait, 111, NO_GREETING),
    Ending("killed by a signal", "echo 220 x; read q; kill -SEGV $$", quit_, 111, CRASHED),
    Ending(
        "a rule's code",
        "echo 220 x; read q; echo 221 x; exit 9",
        quit_,
        77,
        rules=":quit::*:77:221 bye\n",
        answer=b"221 bye\r\n",
    ),
    Ending(
        "a rule's code and a crash",
        "echo 220 x; read q; echo 221 x; kill -9 $$",
        quit_,
        77,
        rules=":quit::*:77\n",
        answer=b"221 x\r\n",
    ),
    Ending(
        "a rule's code for clienteof", "echo 220 x; cat; exit 9", half_close, 55, rules=":clienteof::*:55\n"
    ),
    Ending("an incomplete reply", "echo 220 x; read q; echo 221-x; exit 9", quit_, 9),
    Ending(
        "server without output, ends on EOF",
        "echo 220 x; exec 1>&-; while read q; do :; done; exit 9",
        wait,
        9,
        latest=4.9,
    ),
    Ending(
        "ends on SIGTERM",
        "trap 'exit 3' TERM; echo 220 x; exec 1>&-; while :; do sleep 0.1; done",
        wait,
        0,
        KILLED,
        5,
    ),
    Ending("ends on SIGKILL only", DEAF, wait, 0, KILLED, 10),
    Ending(
        "SIGTERM to us",
        "trap 'exit 3' TERM; echo 220 x; while :; do sleep 0.1; done",
        terminate,
        111,
        latest=4.9,
    ),
    Ending("SIGINT to us", "echo 220 x; exec sleep 60", interrupt, 111, latest=4.9),
    Ending("SIGTERM to us, server on EOF", "echo 220 x; cat; exit 9", terminate, 111, latest=4.9),
    Ending(
        "SIGTERM to us, server deaf",
        "trap '' TERM; echo 220 x; while :; do sleep 0.1; done",
        terminate,
        111,
        "",
        5,
    ),
    Ending(
        "client left, no reply comes",
        "echo 220 x; trap 'exit 3' TERM; while :; do sleep 0.1; done",
        half_close,
        0,
        KILLED,
        5,
    ),
]


class Outcome(NamedTuple):
    """How a session ended."""

    code: int | None
    log: str
    elapsed: float
    received: bytes


@pytest.fixture(scope="module")
def outcomes(programs: Path) -> dict[str, Outcome]:
    """Play all endings at once."""
    return trio.run(play_all, programs)


async def play_all(programs: Path) -> dict[str, Outcome]:
    found: dict[str, Outcome] = {}
    most_at_once = trio.CapacityLimiter(10)

    async def play(one: Ending) -> None:
        async with most_at_once:
            with new_site(programs) as site:
                site.control({"fixsmtpio": one.rules})
                site.script("server", one.server)
                async with connect(site, "fixsmtpio server") as client:
                    began = time.monotonic()
                    await one.act(client)
                    received = await client.receive_all()
                    code = await client.exit_code()
                    elapsed = time.monotonic() - began
                found[one.name] = Outcome(code, site.log.read_text(), elapsed, received)

    async with trio.open_nursery() as nursery:
        for one in sorted(ENDINGS, key=lambda ending: -ending.earliest):
            nursery.start_soon(play, one)
    return found


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.name)
def test_the_end(ending: Ending, outcomes: dict[str, Outcome]) -> None:
    """FIX-EXIT-1 to -4 and -6."""
    outcome = outcomes[ending.name]
    assert (outcome.code, outcome.log) == (ending.code, ending.log)
    assert ending.earliest <= outcome.elapsed <= ending.latest
    assert outcome.received.removeprefix(b"220 x\r\n") == ending.answer


def test_a_server_that_writes_and_is_gone(site: Site) -> None:
    """FIX-EXIT-4: nobody dies of SIGPIPE."""
    done = run(site, "fixsmtpio sh -c 'echo 220 x; exec 0<&-; sleep 0.3; exit 4'", sent=b"NOOP\r\n" * 30_000)
    assert (done.code, done.out) == (4, b"220 x\r\n")
