"""A zoo of bad programs: each is told apart by verdict, kind and line."""

from collections.abc import Awaitable, Callable

import pytest
import trio

from acceptutils.runtime.sending import send_all
from acceptutils.runtime.world import World
from conformance import targets
from conformance.format.talk_parser import parse
from conformance.machine import sim
from conformance.playing import judging, runner, stage, stream
from conformance.playing.beats import understand
from conformance.playing.judging import crashed
from conformance.playing.stage import Ended, Process, Program
from conformance.playing.staging import Limits
from conformance.playing.verdicts import Kind, Result, Verdict
from conformance.varying.variations import BASE, Variation

SIM = targets.read(targets.DEFAULTS)["sim"]
TALK = """\
title: a stand-in greets, refuses after five seconds, says goodbye
rules: AUTHUP-SMTP-1 AUTHUP-ERR-4
run:   {authup} smtp {checkpassword} {ofmipd}
users: alice secret

-- talk --
# [AUTHUP-SMTP-1]
S: 220 mail.example.org ESMTP
C: AUTH PLAIN {b64:\\0alice\\0guess1}
# [AUTHUP-ERR-4]
+5s
S: 535 no
C: QUIT
S: 221 bye
S! eof
S! exit 0
"""
Step = tuple[float, bytes]


def stand_in(*steps: Step | None, code: int = 0, log: bytes = b"") -> Callable[[World], Awaitable[int]]:
    """Make a program that says each of these so many seconds after a line of the client's; None: nothing."""

    async def run(world: World) -> int:
        if log:
            world.log(log)
        for number, step in enumerate(steps):
            if number:
                await world.client.receive_line(4096)
            if step is not None:
                await trio.sleep(step[0])
                await send_all(world.client, step[1], 60)
        return code

    return run


async def spins(_world: World) -> int:
    while True:
        pass


async def spins_politely(_world: World) -> int:
    while True:
        await trio.lowlevel.checkpoint()


async def floods(world: World) -> int:
    while True:
        await send_all(world.client, bytes(65536), 60)


async def answers_before_it_is_asked(world: World) -> int:
    await send_all(world.client, GREETING[1], 60)
    await world.client.receive_line(4096)
    await trio.sleep(5)
    await send_all(world.client, REFUSAL[1], 60)
    await send_all(world.client, GOODBYE[1], 60)
    await world.client.receive_line(4096)
    return 0


async def logs_at_once(world: World) -> int:
    await send_all(world.client, GREETING[1], 60)
    await world.client.receive_line(4096)
    world.log(b"hello")
    await trio.sleep(5)
    await send_all(world.client, REFUSAL[1], 60)
    await world.client.receive_line(4096)
    await send_all(world.client, GOODBYE[1], 60)
    return 0


async def hangs(_world: World) -> int:
    await trio.sleep_forever()
    raise AssertionError("it woke up")


async def leaves_a_child(world: World) -> int:
    await world.spawn([b"ofmipd"], {}, pipes=True)
    return await good(world)


async def waits_for_its_child(world: World) -> int:
    child = await world.spawn([b"ofmipd"], {}, pipes=True)
    await good(world)
    await child.wait()
    return 0


GREETING = (0.0, b"220 mail.example.org ESMTP\r\n")
REFUSAL = (5.0, b"535 no\r\n")
GOODBYE = (0.0, b"221 bye\r\n")
good = stand_in(GREETING, REFUSAL, GOODBYE)

ZOO = {
    "never-answers": (hangs, Verdict.HANG, Kind.HANG, 8),
    "spins": (spins, Verdict.SPIN, Kind.SPIN, 0),
    "spins-politely": (spins_politely, Verdict.SPIN, Kind.SPIN, 0),
    "closes-early": (stand_in(GREETING), Verdict.FAIL, Kind.MISSING, 12),
    "wrong-bytes": (stand_in(GREETING, (5.0, b"535 NO\r\n")), Verdict.FAIL, Kind.WRONG, 12),
    "early": (stand_in(GREETING, (4.9, b"535 no\r\n"), GOODBYE), Verdict.FAIL, Kind.EARLY, 12),
    "late": (stand_in(GREETING, (5.1, b"535 no\r\n"), GOODBYE), Verdict.FAIL, Kind.LATE, 12),
    "much-too-late": (stand_in(GREETING, (60, b"535 no\r\n"), GOODBYE), Verdict.HANG, Kind.HANG, 12),
    "answers-twice": (
        stand_in(GREETING, REFUSAL, (0, b"221 bye\r\n221 bye\r\n")),
        Verdict.FAIL,
        Kind.EXTRA,
        15,
    ),
    "answers-ahead": (
        stand_in(GREETING, (5.0, b"535 no\r\n221 bye\r\n"), (0, b"")),
        Verdict.FAIL,
        Kind.EARLY,
        14,
    ),
    "answers-ahead-in-two-writes": (answers_before_it_is_asked, Verdict.FAIL, Kind.EARLY, 14),
    "wrong-code": (stand_in(GREETING, REFUSAL, GOODBYE, code=1), Verdict.FAIL, Kind.WRONG, 16),
    "logs-the-password": (
        stand_in(GREETING, REFUSAL, GOODBYE, log=b"alice said guess1, not secret"),
        Verdict.FAIL,
        Kind.INVARIANT,
        0,
    ),
    "says-no-reply-line": (stand_in((0.0, b"hello\n"), None), Verdict.FAIL, Kind.WRONG, 8),
    "leaves-a-child": (leaves_a_child, Verdict.FAIL, Kind.EXTRA, 0),
}


def play(
    driver: Callable[[World], Awaitable[int]], monkeypatch: pytest.MonkeyPatch, talk: str = TALK
) -> Result:
    monkeypatch.setattr(sim, "DRIVERS", {**sim.DRIVERS, "authup": driver})
    return runner.run(understand(parse(talk, file="zoo.talk")), SIM, BASE, limits=Limits(cpu=0.5))


def test_a_good_program_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    result = play(good, monkeypatch, TALK)
    assert (result.verdict, result.findings, result.reason) == (Verdict.PASS, (), "")


@pytest.mark.parametrize("name", ZOO)
def test_zoo(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    driver, verdict, kind, line = ZOO[name]
    result = play(driver, monkeypatch)
    assert result.finding is not None, result.reason
    assert (result.verdict, result.finding.kind, result.finding.line) == (verdict, kind, line)


def test_a_fault_of_the_harness_is_no_fault_of_the_target(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the harness itself")

    monkeypatch.setattr(runner, "Director", broken)
    result = play(good, monkeypatch)
    assert result.verdict is Verdict.HARNESS
    assert "the harness itself" in result.reason


async def shares_the_client(world: World) -> int:
    await world.spawn([b"ofmipd"], {})
    return await good(world)


def test_two_readers_of_one_descriptor_are_a_fault_of_the_target(monkeypatch: pytest.MonkeyPatch) -> None:
    result = play(shares_the_client, monkeypatch)
    assert (result.verdict, result.reason) == (Verdict.FAIL, "")


def test_left_processes_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    talk = TALK.replace("-- talk --\n", "-- talk --\n    c! start\n")
    result = play(leaves_a_child, monkeypatch, talk)
    assert result.finding is not None
    assert (result.verdict, result.finding.kind) == (Verdict.FAIL, Kind.LEFTOVERS)
    assert "ofmipd" in result.finding.got


def test_left_processes_are_told_where_the_talk_has_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    talk = TALK.replace("-- talk --\n", "-- talk --\n    c! start\n").replace("S! exit 0\n", "")
    assert talk.count("exit") == 0
    result = play(leaves_a_child, monkeypatch, talk)
    assert result.finding is not None
    assert (result.verdict, result.finding.kind) == (Verdict.FAIL, Kind.LEFTOVERS)


@pytest.mark.parametrize("end", ["", "    s! exit 0\n", "A! signal KILL authup\n"])
def test_what_is_waited_for_is_no_leftover(monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    """Nor is what somebody leaves whom the talk has killed."""
    talk = TALK.replace("-- talk --\n", "-- talk --\n    c! start\n")
    result = play(waits_for_its_child, monkeypatch, talk.replace("S! eof\nS! exit 0\n", end))
    assert (result.verdict, result.findings) == (Verdict.PASS, ())


def test_alternatives_are_no_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    for mark, verdict in (("|", Verdict.NON_STRICT), ("|info", Verdict.INFO)):
        talk = TALK.replace("S: 535 no\n", f"S: 535 yes\n {mark}: 535 no\n")
        result = play(good, monkeypatch, talk)
        assert (result.verdict, result.findings[0].line) == (verdict, 12)


@pytest.mark.parametrize(
    ("find", "put", "good_passes"),
    [
        ("S! eof\n", "S! silent 3s\nS! eof\n", False),
        ("+5s\nS: 535 no\n", "S! silent 5s\nS: 535 no\n", True),
        ("C: QUIT\n", "A! wait 3s\nC: QUIT\n", True),
        ("S! exit 0\n", "S! exit 0\n-- processes --\nauthup exit=0 uid=0\n", True),
        ("S! exit 0\n", "S! exit 0\n-- processes --\nauthup exit=1\n", False),
        ("S! exit 0\n", "S! exit 0\n-- processes --\nauthup\nauthup\n", False),
        ("S! exit 0\n", "E: bye\nS! exit 0\n", False),
        ("-- talk --\n", "-- talk --\n    fd3: x\n", False),
        ("-- talk --\n", "-- talk --\n    c! start\n", False),
        ("S: 221 bye\n", "S: 221 by{re:.}\n", True),
        ("S: 221 bye\n", "S: 221 {num:n}\n", False),
    ],
)
def test_what_is_written_is_held_against_it(
    find: str, put: str, good_passes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert TALK.count(find) == 1
    result = play(good, monkeypatch, TALK.replace(find, put))
    assert (result.verdict is Verdict.PASS, result.reason) == (good_passes, "")


def test_the_order_between_streams_counts_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The log line comes five seconds before the refusal above it."""
    end = "S: 535 no\n{}E: hello\n"
    talk = TALK.replace("S: 535 no\n", end.format(""))
    assert play(logs_at_once, monkeypatch, talk).verdict is Verdict.PASS
    result = play(logs_at_once, monkeypatch, TALK.replace("S: 535 no\n", end.format("# [ordered]\n")))
    assert result.finding is not None
    assert (result.verdict, result.finding.kind, result.finding.line) == (Verdict.FAIL, Kind.EARLY, 14)


def test_a_flood_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "MOST_BYTES", 1024 * 1024)
    result = play(floods, monkeypatch, TALK.replace("S: 220 mail.example.org ESMTP\n", "A! wait 9s\n"))
    assert (result.verdict, result.reason) == (Verdict.FAIL, "")
    assert sum(len(moment.data) for moment in result.record) <= stream.MOST_BYTES


def test_signals_without_a_name_have_a_number() -> None:
    assert [stage.signal_name(number) for number in (15, 40)] == ["SIGTERM", "40"]
    realtime = Process(1, 0, [Program("authup", ())], Ended(None, 40))
    verdict, (finding,) = judging.judge([], crash=crashed([realtime], []), spinning=None, idle=False)
    assert (verdict, finding.note) == (Verdict.CRASH, "authup was killed by 40")


def test_only_tested_programs_crash() -> None:
    def process(name: str, signal: int, pid: int) -> Process:
        return Process(pid, 0, [Program(name, ())], Ended(None, signal))

    segv, puppet, terminated = process("authup", 11, 1), process("ofmipd", 11, 2), process("fixsmtpio", 15, 3)
    assert crashed([puppet, terminated, segv], killed=[]) is segv
    assert crashed([segv], killed=[(1, 11)]) is None
    assert crashed([segv], killed=[(1, 15)]) is segv


def test_the_same_seed_gives_the_same_record() -> None:
    score = understand(
        parse(TALK.replace("535 no", "535 authup authorization failed (#5.7.0)"), file="zoo.talk")
    )
    records = [runner.run(score, SIM, Variation("schedule", number=7)).record for _ in range(2)]
    assert records[0] == records[1]
    assert records[0]
