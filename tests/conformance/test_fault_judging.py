"""What a fault that was injected excuses, and what nothing excuses."""

import pytest
import trio

from acceptutils.runtime.sending import send_all
from acceptutils.runtime.world import CannotRun, World
from conformance import targets
from conformance.format.octets import write
from conformance.format.talk_parser import parse
from conformance.machine import sim
from conformance.machine.faulty_world import Faults
from conformance.playing import runner
from conformance.playing.beats import Beat, Event, Expect, understand
from conformance.playing.documented import DOCUMENTED, ORDINARY
from conformance.playing.fault_judging import excused
from conformance.playing.verdicts import Finding, Kind, Result, Verdict
from conformance.varying.variations import BASE, Variation

REPLY = Expect("S", (b"220 x\r\n",), 3, ())
INSIDE = Expect("ST", (b"250 x\r\n",), 3, ())
RECORD = Expect("fd3", (b"a\0b\0\0",), 3, ())
LOGGED = Expect("E", (b"trouble\n",), 3, ())
EXIT = Event("S", ("exit", "0"), 3, ())


@pytest.mark.parametrize(
    ("beat", "kind", "expected", "got", "is_excused"),
    [
        (REPLY, Kind.MISSING, "", "", True),
        (REPLY, Kind.LATE, "", "", True),
        (REPLY, Kind.EARLY, "", "", False),
        (REPLY, Kind.EARLY, "220 x", write(min(DOCUMENTED)), True),
        (REPLY, Kind.EARLY, "220 x", "220 x", False),
        (LOGGED, Kind.EARLY, "trouble", "trouble", False),
        (REPLY, Kind.WRONG, "220 x", write(min(DOCUMENTED)), True),
        (REPLY, Kind.WRONG, "220 x", r"451 something else\r\n", False),
        (REPLY, Kind.WRONG, "220 x", r"exit of nobody\r\n", False),
        (INSIDE, Kind.WRONG, "250 x", r"451 something else\r\n", False),
        (REPLY, Kind.WRONG, r"250-x\r\n250 y\r\n", r"250-x\r\n", True),
        (RECORD, Kind.WRONG, r"a\0b\0\0", r"a\0", True),
        (EXIT, Kind.WRONG, "S! exit 0", "exit 12", True),
        (None, Kind.EXTRA, "nothing more", "S: x", True),
    ],
)
def test_excuses(beat: Beat | None, kind: Kind, expected: str, got: str, is_excused: bool) -> None:
    assert excused(Finding(3, kind, (), expected, got), beat) is is_excused


TALK = """\
title: a child that cannot be run
rules: AUTHUP-CP-5
run:   {authup} smtp {checkpassword} {ofmipd}

-- talk --
S: 220 hello
C: AUTH PLAIN {b64:\\0alice\\0wrong}
    fd3: alice\\0wrong\\0\\0
    K! exit 1
S: 535 no
C: QUIT
S: {repeat:2:252-more\\r\\n}\\
S: 252 in\\
S: {num:n} parts
S! exit 0
"""
TROUBLE = b"454 authup unable to fork (#4.3.0)\r\n"
END = b"252-more\r\n252-more\r\n252 in2 parts\r\n"


def run_with_faults(after: bytes, monkeypatch: pytest.MonkeyPatch) -> list[Result]:
    """Play an authup that says this when checkpassword cannot be run, each operation failing in turn."""

    async def authup(world: World) -> int:
        await send_all(world.client, b"220 hello\r\n", 60)
        if not await world.client.receive_line(4096):
            return 0
        try:
            child = await world.spawn([b"checkpassword"], {}, record=b"alice\0wrong\0\0")
        except CannotRun:
            await send_all(world.client, TROUBLE, 60)
            await trio.sleep(1)
            await send_all(world.client, after, 60)
            return 12
        await child.wait()
        await send_all(world.client, b"535 no\r\n", 60)
        if await world.client.receive_line(4096):
            await send_all(world.client, END, 60)
        return 0

    monkeypatch.setattr(sim, "DRIVERS", {**sim.DRIVERS, "authup": authup})
    score, target = understand(parse(TALK)), targets.read(targets.DEFAULTS)["sim"]
    count = runner.run(score, target, BASE).operations
    return [runner.run(score, target, Variation("fault", number=k)) for k in range(1, count + 1)]


@pytest.mark.parametrize("after", [b"", b"421 authup internal error (#4.3.0)\r\n", END])
def test_after_a_fault_come_documented_replies_or_those_of_the_talk(
    after: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = run_with_faults(after, monkeypatch)
    assert any(TROUBLE in moment.data for result in results for moment in result.record)
    assert {(result.verdict, result.reason) for result in results} == {(Verdict.PASS, "")}


@pytest.mark.parametrize("after", [b"235 ok\r\n", TROUBLE + b"220 hello again\r\n", b"250 queued\r\n"])
def test_after_a_fault_comes_nothing_else(after: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    results = [r for r in run_with_faults(after, monkeypatch) if r.verdict is not Verdict.PASS]
    assert results
    for result in results:
        assert result.finding is not None, result.reason
        got = write(after.removeprefix(TROUBLE))
        assert (result.verdict, result.finding.kind, result.finding.got) == (Verdict.FAIL, Kind.EXTRA, got)


def test_ordinary_replies_admit_nobody() -> None:
    admitted = [
        b"235 ok, go ahead (#2.0.0)\r\n",
        b"250 queued\r\n",
        b"220 hello\r\n",
        b"354 go\r\n",
        b"+OK 2\r\n",
    ]
    assert not [reply for reply in admitted if ORDINARY.fullmatch(reply) or reply in DOCUMENTED]


def test_the_kth_operation_fails_and_no_other() -> None:
    faults = Faults(fail=2)
    assert [bool(faults.happens("fork")) for _ in range(4)] == [False, True, False, False]
    assert (faults.count, faults.failed) == (4, True)


def test_named_operations_are_counted_by_kind() -> None:
    faults = Faults(words=["fork@2=EAGAIN", "pipe@1"])
    assert [faults.happens(kind) for kind in ("fork", "pipe", "exec", "fork")] == [
        None, "Input/output error", None, "Resource temporarily unavailable"
    ]  # fmt: skip
