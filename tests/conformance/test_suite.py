"""Many runs: what comes of sanity cases, limits, repetitions and workers that are killed."""

import os
import signal
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest

from conformance import suite
from conformance.format import talk_parser
from conformance.format.talk import Talk
from conformance.playing import runner
from conformance.playing.beats import Score, understand
from conformance.playing.staging import Limits
from conformance.playing.verdicts import Finding, Kind, Moment, Result, Verdict
from conformance.suite import Plan, play, play_case
from conformance.targets import TargetConfig
from conformance.varying.variations import BASE, Variation, parse

SIM = TargetConfig("sim", "simulation", clock="virtual")
REAL = TargetConfig("real", "exec")
TEXT = """\
title: one
rules: REUP-4
run:   {reup} {prog}

-- talk --
    c! start
C: abc
    c: abc
    s! exit 0
S! eof
S! exit 0
"""


def talk(name: str, text: str = TEXT) -> Talk:
    return talk_parser.parse(text, name=name)


class Runner:
    """In place of runner.run: verdicts by case, the last one for ever."""

    def __init__(self, verdicts: dict[str, Sequence[Verdict]], operations: int = 0) -> None:
        self.verdicts = {case: list(found) for case, found in verdicts.items()}
        self.operations = operations
        self.runs: list[tuple[str, str]] = []

    def __call__(
        self, score: Score, config: TargetConfig, variation: Variation, *, slow: bool, limits: Limits
    ) -> Result:
        del limits
        name = score.talk.name
        self.runs.append((name, str(variation)))
        left = self.verdicts.get(name, [Verdict.PASS])
        verdict = left.pop(0) if len(left) > 1 else left[0]
        finding = (Finding(7, Kind.WRONG, ()),) if verdict.bad else ()
        moments = (Moment(0.0, "S", b"x"),)
        return Result(
            name, config.name, str(variation), verdict, findings=finding, operations=self.operations,
            reason="slow" if slow else "", record=moments, control={"control/me": b"x"},
        )  # fmt: skip


def use(monkeypatch: pytest.MonkeyPatch, *args: object, **kinds: object) -> Runner:
    made = Runner(*args, **kinds)  # type: ignore[arg-type]
    monkeypatch.setattr(runner, "run", made)
    return made


def plan(*cases: str, **given: object) -> Plan:
    chosen = [talk(name) for name in cases]
    return replace(Plan(chosen, [SIM], "none", 1, jobs=1), **given)  # type: ignore[arg-type]


def played(wanted: Plan) -> list[Result]:
    results: list[Result] = []
    play(wanted, results.append)
    return results


# Sanity


def test_sanity_cases_are_played_first_and_last_and_are_no_results(monkeypatch: pytest.MonkeyPatch) -> None:
    used = use(monkeypatch, {})
    (result,) = played(plan("a", sanity={"sim": [talk("s1"), talk("s2")]}))
    assert (result.case, result.verdict) == ("a", Verdict.PASS)
    assert [case for case, _ in used.runs] == ["s1", "s2", "a", "s1", "s2"]


def test_a_target_that_is_not_sane_is_not_played(monkeypatch: pytest.MonkeyPatch) -> None:
    used = use(monkeypatch, {"s": [Verdict.FAIL]})
    sane = TargetConfig("other", "simulation", clock="virtual")
    bad, good = played(plan("a", targets=[SIM, sane], sanity={"sim": [talk("s")]}))
    assert (bad.case, bad.target, bad.verdict) == ("s", "sim", Verdict.UNUSABLE)
    assert bad.reason == "before the run its sanity case s came out as FAIL: line 7: wrong"
    assert (good.case, good.target) == ("a", "other")
    assert [case for case, _ in used.runs] == ["s", "a"]


def test_a_target_may_become_unusable(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, {"s": [Verdict.PASS, Verdict.HARNESS]})
    good, bad = played(plan("a", sanity={"sim": [talk("s")]}))
    assert good.verdict is Verdict.PASS
    assert bad.verdict is Verdict.UNUSABLE
    assert bad.reason.startswith("after the run its sanity case s came out as harness-error")


@pytest.mark.parametrize("verdict", [Verdict.SKIP, Verdict.NON_STRICT])
def test_what_cannot_be_played_says_nothing_of_sanity(
    monkeypatch: pytest.MonkeyPatch, verdict: Verdict
) -> None:
    use(monkeypatch, {"s": [verdict]})
    assert [result.case for result in played(plan("a", sanity={"sim": [talk("s")]}))] == ["a"]


# How far a run goes


def test_it_stops_after_so_many_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, {"b": [Verdict.FAIL], "c": [Verdict.FAIL], "d": [Verdict.FAIL]})
    assert [result.case for result in played(plan("a", "b", "c", "d", maxfail=2))] == ["a", "b", "c"]


def test_each_case_is_told_to_be_over_once_behind_its_results(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, {"a": [Verdict.FAIL]})
    told: list[str] = []
    play(
        plan("a", "b", level=frozenset({"schedule"})),
        lambda result: told.append(f"{result.case}:{result.variation}"),
        lambda case, target: told.append(f"{case}@{target}"),
    )
    assert told[:3] == ["a:base", "a@sim", "b:base"]
    assert told[-1] == "b@sim"
    assert told.count("b@sim") == 1


def test_no_variation_of_what_fails_as_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, {"a": [Verdict.FAIL]})
    assert [result.variation for result in played(plan("a", level="full"))] == ["base"]


def test_no_variation_is_begun_when_the_time_is_used_up(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, {})
    late = plan("a", level="quick", deadline=time.monotonic() - 1)
    results: list[Result] = []
    assert play(late, results.append) == Counter({"no time left": 1})
    assert [result.variation for result in results] == ["base"]


def test_faults_end_where_no_operation_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, {}, operations=2)
    found = [result.variation for result in played(plan("a", level=frozenset({"faults"})))]
    assert found == ["base", "fault=1", "fault=2"]


def test_one_variation_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, {})
    only = plan("a", level="full", only=parse("cuts=7:2"))
    assert [result.variation for result in played(only)] == ["cuts=7:2"]


# What is run again


def test_real_time_is_given_a_second_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, {"a": [Verdict.FAIL, Verdict.PASS], "b": [Verdict.FAIL]})
    mixed, same = played(plan("a", "b", targets=[REAL]))
    assert (mixed.verdict, mixed.reason) == (Verdict.FLAKY, "flaky: 1 of 2 runs passed, this one was FAIL")
    assert same.verdict is Verdict.FAIL


@pytest.mark.parametrize("second", [Verdict.SKIP, Verdict.HARNESS])
def test_a_second_run_that_says_nothing_excuses_nothing(
    monkeypatch: pytest.MonkeyPatch, second: Verdict
) -> None:
    use(monkeypatch, {"a": [Verdict.FAIL, second]})
    (result,) = played(plan("a", targets=[REAL]))
    assert (result.verdict, result.reason) == (Verdict.FAIL, "")


def test_virtual_time_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    used = use(monkeypatch, {"a": [Verdict.FAIL]})
    assert [result.verdict for result in played(plan("a"))] == [Verdict.FAIL]
    assert len(used.runs) == 1


def test_records_of_a_few_failures_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, {"a": [Verdict.PASS, Verdict.FAIL]})
    monkeypatch.setattr(suite, "RECORDS_KEPT", 1)
    share = play_case(understand(talk("a")), SIM, plan(level=frozenset({"cuts"})))
    assert {result.verdict for result in share.results[1:]} == {Verdict.FAIL}
    kept = [bool(result.record and result.control) for result in share.results]
    assert kept == [True, True, *[False] * (len(kept) - 2)]
    assert len(kept) > 2


# Several processes


def test_a_worker_that_is_killed_is_our_fault_and_nobody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    used = Runner({})

    def run(score: Score, *args: object, **options: object) -> Result:
        if score.talk.name == "b":
            os.kill(os.getpid(), signal.SIGKILL)
        return used(score, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(runner, "run", run)
    names = [f"{letter}{number}" for letter in "ac" for number in range(5)]
    found = {result.case: result for result in played(plan("b", *names, jobs=2))}
    assert set(found) == {"b", *names}
    assert found["b"].verdict is Verdict.HARNESS
    assert "a worker process was killed" in found["b"].reason
    lost = [result for result in found.values() if result.verdict is Verdict.HARNESS]
    assert len(lost) <= 2  # itself, and what was played beside it
    assert BASE.kind == found["b"].variation
