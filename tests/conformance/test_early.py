"""What comes before the talk has its cause: filters that are ahead of their server or of their client."""

from collections.abc import Awaitable, Callable

import pytest

from acceptutils.runtime.sending import send_all
from acceptutils.runtime.world import Child, World
from conformance import targets
from conformance.format.talk_parser import parse
from conformance.machine import sim
from conformance.playing import runner
from conformance.playing.beats import Beat, Expect, Send, understand
from conformance.playing.staging import Limits
from conformance.playing.verdicts import Kind, Result, Verdict
from conformance.varying.merging import merged
from conformance.varying.variations import BASE, MERGE_ALL, Variation

SIM = targets.read(targets.DEFAULTS)["sim"]
TALK = """\
title: a filter passes on a request, and its reply
rules: FIX-REQ-3
run:   {fixsmtpio} {ofmipd}

-- talk --
    s: 220 hello
S: 220 hello
C: NOOP
    c: NOOP
# [FIX-REQ-3]
    s: 250 ok
S: 250 ok
C: QUIT
    c: QUIT
E: leaving
    s: 221 bye
    c! silent 1s
    s! exit 0
S: 221 bye
S! exit 0
"""
Filter = Callable[[World], Awaitable[int]]


async def _carry_request(world: World, server: Child) -> None:
    await send_all(server.stdin, await world.client.receive_line(4096), 60)


async def _carry_reply(world: World, server: Child) -> None:
    await send_all(world.client, await server.stdout.receive(4096), 60)


def _filter(talking: Callable[[World, Child], Awaitable[None]], *, logs_first: bool = False) -> Filter:
    """Make a filter that carries greeting and QUIT, and what is between as it likes."""

    async def run(world: World) -> int:
        if logs_first:
            world.log(b"leaving")
        server = await world.spawn([b"ofmipd"], {}, pipes=True)
        await _carry_reply(world, server)
        await talking(world, server)
        await _carry_request(world, server)
        if not logs_first:
            world.log(b"leaving")
        await server.wait()
        await _carry_reply(world, server)
        return 0

    return run


async def in_turn(world: World, server: Child) -> None:
    await _carry_request(world, server)
    await _carry_reply(world, server)


async def ahead_of_the_server(world: World, server: Child) -> None:
    await _carry_request(world, server)
    await send_all(world.client, b"250 ok\r\n", 60)
    await server.stdout.receive(4096)


async def ahead_of_the_client(world: World, server: Child) -> None:
    await send_all(server.stdin, b"NOOP\r\n", 60)
    await world.client.receive_line(4096)
    await _carry_reply(world, server)


async def quits_unasked(world: World, server: Child) -> None:
    await _carry_request(world, server)
    await _carry_reply(world, server)
    await send_all(server.stdin, b"QUIT\r\n", 60)
    await world.client.receive_line(4096)
    world.log(b"leaving")
    await server.wait()
    await _carry_reply(world, server)


async def says_goodbye_itself(world: World) -> int:
    """Reply to QUIT when the server has replied, but before it ends."""
    server = await world.spawn([b"ofmipd"], {}, pipes=True)
    await _carry_reply(world, server)
    await in_turn(world, server)
    await _carry_request(world, server)
    world.log(b"leaving")
    await _carry_reply(world, server)
    await server.wait()
    return 0


def play(driver: Filter, monkeypatch: pytest.MonkeyPatch, variation: Variation = BASE) -> Result:
    monkeypatch.setattr(sim, "DRIVERS", {**sim.DRIVERS, "fixsmtpio": driver})
    return runner.run(understand(parse(TALK, file="filter.talk")), SIM, variation, limits=Limits(cpu=0.5))


def test_a_filter_that_waits_its_turn_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    result = play(_filter(in_turn), monkeypatch)
    assert (result.verdict, result.findings, result.reason) == (Verdict.PASS, (), "")


@pytest.mark.parametrize(
    ("driver", "line"),
    [
        pytest.param(_filter(ahead_of_the_server), 12, id="answers before its server has answered"),
        pytest.param(_filter(ahead_of_the_client), 9, id="asks the server before the client has asked"),
        pytest.param(_filter(quits_unasked), 14, id="says QUIT before the client does"),
        pytest.param(_filter(in_turn, logs_first=True), 15, id="logs what has not happened yet"),
        pytest.param(says_goodbye_itself, 19, id="does not wait for the server's end"),
    ],
)
def test_what_comes_before_its_cause_is_early(
    driver: Filter, line: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = play(driver, monkeypatch)
    assert result.finding is not None, result.reason
    assert (result.verdict, result.finding.kind, result.finding.line) == (Verdict.FAIL, Kind.EARLY, line)
    assert result.finding.note == "came before we did what it answers"


def test_a_client_that_is_ahead_of_its_turn_makes_nothing_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """A filter that carries both requests at once is right when they come in one packet."""

    async def run(world: World) -> int:
        server = await world.spawn([b"ofmipd"], {}, pipes=True)
        await _carry_reply(world, server)
        await _carry_request(world, server)
        await _carry_request(world, server)
        world.log(b"leaving")
        await _carry_reply(world, server)
        await server.wait()
        await _carry_reply(world, server)
        return 0

    assert play(run, monkeypatch, MERGE_ALL).verdict is Verdict.PASS
    assert play(run, monkeypatch, BASE).verdict is not Verdict.PASS


def test_who_speaks_while_the_client_is_ahead_is_marked() -> None:
    beats: list[Beat] = [
        Send("C", (b"a\r\n",), 1, ((1, 3),)),
        Expect("c", (b"a\r\n",), 2, ()),
        Send("s", (b"b\r\n",), 3, ((3, 3),)),
        Send("C", (b"c\r\n",), 4, ((4, 3),)),
        Expect("c", (b"c\r\n",), 5, ()),
        Send("s", (b"d\r\n",), 6, ((6, 3),)),
    ]
    changed = merged(beats, {4})
    assert [(beat.line, beat.ahead) for beat in changed if isinstance(beat, Send)] == [
        (1, False), (3, True), (6, False)
    ]  # fmt: skip
