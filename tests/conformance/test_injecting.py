"""Sleeps that cost no time: what strace tells, the clock that jumps, and real programs that sleep."""

import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import trio

from conformance.format import talk_parser
from conformance.playing import runner
from conformance.playing.beats import understand
from conformance.playing.stage import Opening
from conformance.playing.staging import Limits, on_stage
from conformance.playing.verdicts import Result, Verdict
from conformance.processes import injecting
from conformance.processes.injecting import HOLD, JumpingClock, NeedsRealTime, Trace
from conformance.processes.premises import prepared
from conformance.targets import TargetConfig, Unusable
from conformance.varying.variations import BASE

needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
HERE = os.getpid()
DEAD = 2**22 + 1  # no process can have that number
CALL = "clock_nanosleep(CLOCK_REALTIME, 0, {tv_sec=5, tv_nsec=500000000},"

SLEEPER = """\
#!/bin/sh
echo greeting
while read line; do /bin/sleep 20; echo $line; done
"""
TALK = """\
title: an answer after a long time
rules: AUTHUP-ERR-4
run:   {authup}
slow:  40

-- talk --
S: greeting\\n\\

C: a\\n\\
+20s
S: a\\n\\

C: b\\n\\
+20s
S: b\\n\\
"""


def line(call: str, pid: int = DEAD, when: float = 100.0) -> bytes:
    return f"{pid}  {when:.6f} {call}\n".encode()


def test_what_was_asked_for_is_read_from_the_trace() -> None:
    trace = Trace()
    assert trace.read(line(f"{CALL} 0x7ffe) = 0 (INJECTED) (DELAYED)"), 100.0) == [5.5]
    assert trace.read(line("nanosleep({tv_sec=0, tv_nsec=1000000}, NULL) = 0 (INJECTED)"), 100.0) == [0.001]
    assert trace.read(line("+++ exited with 0 +++") + line("--- stopped by SIGSTOP ---"), 100.0) == []
    assert trace.slept == [5.5, 0.001]


def test_a_line_may_come_in_pieces_and_in_two_parts() -> None:
    trace = Trace()
    begun = line(f"{CALL}  <unfinished ...>")
    assert trace.read(begun[:20], 100.0) == []
    assert trace.read(begun[20:], 100.0) == []
    assert trace.read(line("<... clock_nanosleep resumed>0x7ffe) = 0 (INJECTED)", pid=DEAD + 1), 100.0) == []
    assert trace.read(line("<... clock_nanosleep resumed>0x7ffe) = 0 (INJECTED)"), 100.0) == [5.5]


def test_who_comes_late_cannot_say_what_came_before_the_sleep() -> None:
    with pytest.raises(NeedsRealTime, match="too busy"):
        Trace().read(line(f"{CALL} NULL) = 0"), 100.0 + HOLD)


def test_two_that_sleep_side_by_side_cannot_be_added_up() -> None:
    trace = Trace()
    trace.read(line(f"{CALL} NULL) = 0", pid=HERE), 100.0)
    trace.read(line(f"{CALL} NULL) = 0", pid=HERE), 100.0)  # twice the same one is fine
    with pytest.raises(NeedsRealTime, match="two programs sleep"):
        trace.read(line(f"{CALL} NULL) = 0"), 100.0)


def test_one_after_the_other_can_be_added_up() -> None:
    trace = Trace()
    assert trace.read(line(f"{CALL} NULL) = 0") + line(f"{CALL} NULL) = 0", pid=HERE), 100.0) == [5.5, 5.5]


def test_a_time_of_day_is_no_duration() -> None:
    call = "clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, {tv_sec=5, tv_nsec=0}, NULL) = 0"
    with pytest.raises(NeedsRealTime, match="time of day"):
        Trace().read(line(call), 100.0)


def test_the_clock_jumps_and_takes_its_guards_along() -> None:
    clock = JumpingClock()
    before = clock.current_time()
    guard = trio.CancelScope(deadline=before + 10)
    clock.guards.append(guard)
    clock.jump(100.0)
    assert 100.0 <= clock.current_time() - before < 101.0
    assert guard.deadline == before + 110
    assert clock.deadline_to_sleep_time(before + 200) == pytest.approx(100.0, abs=1.0)


def test_without_strace_the_target_is_unusable(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    target = TargetConfig("zoo", "exec", dir=str(programs), home="QMAILHOME", clock="inject")
    with pytest.raises(Unusable, match="needs strace"), prepared(target):
        pass


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("programs")
    (directory / "authup").write_text(SLEEPER)
    (directory / "authup").chmod(0o755)
    return directory


@pytest.fixture(scope="module")
def sleeper(programs: Path) -> Iterator[TargetConfig]:
    if shutil.which("strace") is None:
        pytest.skip("needs strace")
    target = TargetConfig("zoo", "exec", dir=str(programs), home="QMAILHOME", clock="inject", patience=5.0)
    with prepared(target) as made:
        yield made


def play(target: TargetConfig, text: str) -> Result:
    return runner.run(understand(talk_parser.parse(text, name="sleeper")), target, BASE)


def test_sleeps_are_verified_and_cost_nothing(sleeper: TargetConfig) -> None:
    result = play(sleeper, TALK)
    if result.reason:
        pytest.skip(result.reason)  # this computer is too busy just now
    assert result.verdict is Verdict.PASS
    assert result.seconds > 40
    assert result.wall < 20


def test_another_sleep_than_the_one_expected_fails(sleeper: TargetConfig) -> None:
    result = play(sleeper, TALK.replace("+20s\nS: b", "+27s\nS: b"))
    if result.reason:
        pytest.skip(result.reason)
    assert result.verdict is Verdict.FAIL
    assert result.finding is not None
    assert (result.finding.line, result.finding.kind) == (15, "early")


def test_what_happens_during_a_sleep_needs_real_time(sleeper: TargetConfig) -> None:
    during = TALK.replace("C: b", "C: x\\n\\\n\nA! signal TERM authup\nC: b")
    result = play(sleeper, during)
    assert result.verdict is Verdict.SKIP
    assert "takes 40 s of real time" in result.reason
    assert "while a program sleeps" in result.reason or "too busy" in result.reason


def test_where_we_wait_ourselves_nothing_is_skipped(sleeper: TargetConfig) -> None:
    result = play(sleeper, TALK.replace("C: a", "S! silent 1s\nC: a"))
    assert result.verdict is Verdict.SKIP
    assert result.reason == "takes 40 s of real time: needs --slow, or virtual time"


@needs_strace
def test_what_may_be_played_in_real_time_is(sleeper: TargetConfig) -> None:
    clocks = []

    async def act(_stage: object) -> None:
        await trio.lowlevel.checkpoint()
        clocks.append(type(trio.lowlevel.current_clock()))
        if clocks == [JumpingClock]:
            raise NeedsRealTime("for the test")

    opening = Opening(("{authup}",), {}, {})
    on_stage(opening, sleeper, [], act, Limits())
    assert len(clocks) == 2
    assert clocks[1] is not JumpingClock
    clocks.clear()
    with pytest.raises(NeedsRealTime, match="for the test"):
        on_stage(opening, sleeper, [], act, Limits(real=False))
    clocks.clear()
    on_stage(opening, replace(sleeper, clock="real"), [], act, Limits())
    assert len(clocks) == 1


def test_who_waits_otherwise_is_given_up(sleeper: TargetConfig) -> None:
    async def act(_stage: object) -> None:
        await trio.sleep_forever()

    began = time.monotonic()
    with pytest.raises(NeedsRealTime, match="otherwise than by sleeping"):
        on_stage(Opening(("{authup}",), {}, {}), sleeper, [], act, Limits(wall=0.5, real=False))
    assert time.monotonic() - began < 30


def test_a_process_that_cannot_be_followed(sleeper: TargetConfig) -> None:  # noqa: ARG001 - where strace is
    async def attach() -> None:
        async with injecting.attached(DEAD):
            pass

    with pytest.raises(Unusable, match="strace does not attach"):
        trio.run(attach)
