"""`conform diff`: many dialogues in several processes, one small file for each shape, and nothing lost."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from conformance.cli import main
from conformance.differing import comparing
from conformance.differing.comparing import Comparison, Outcome, Small
from conformance.differing.diff import Disagreement
from conformance.differing.listening import Heard, Listener, listener
from conformance.format.talk_parser import parse
from conformance.playing import runner
from conformance.playing.beats import Score, understand
from conformance.playing.verdicts import Verdict
from conformance.targets import TargetConfig
from conformance.varying.variations import BASE
from conformance.varying.written import source

SIM = TargetConfig("sim", "simulation", clock="virtual")
OTHER = replace(SIM, name="other")
POP3 = frozenset({"pop3"})


@pytest.fixture
def greets_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every other target say +YES for +OK."""

    def yes(config: TargetConfig) -> Listener:
        hear = listener(config)

        def changed(score: Score) -> Heard:
            heard = hear(score)
            said = heard.streams["S"].replace(b"+OK ", b"+YES ") if config.name == "other" else None
            return heard if said is None else replace(heard, streams={**heard.streams, "S": said})

        return changed

    monkeypatch.setattr(comparing, "listener", yes)


class Notes:
    """Remembers what it was told; only the first is worth being made small."""

    def __init__(self) -> None:
        self.outcomes: dict[int, Outcome] = {}
        self.smalls: list[Small] = []

    def outcome(self, outcome: Outcome) -> bool:
        self.outcomes[outcome.number] = outcome
        return len(self.outcomes) == 1 and outcome.found is not None

    def small(self, small: Small) -> None:
        self.smalls.append(small)


@pytest.mark.usefixtures("greets_otherwise")
def test_all_are_played_and_those_that_are_worth_it_made_small() -> None:
    notes = Notes()
    numbers = list(comparing.numbers(4, 5, POP3))
    comparing.run(Comparison(SIM, OTHER, 4, jobs=2), numbers, notes)
    assert sorted(notes.outcomes) == numbers
    for outcome in notes.outcomes.values():
        assert outcome.found is not None
        assert outcome.found.stream == "S"
        assert (outcome.skipped, outcome.trouble) == ("", "")
        assert outcome.talk is not None
        assert not outcome.server
    (small,) = notes.smalls
    assert small.number in numbers
    assert small.talk is not None
    assert len(source(small.talk).splitlines()) < 20
    assert runner.run(understand(small.talk), SIM, BASE).verdict in (Verdict.PASS, Verdict.INFO)


@pytest.mark.usefixtures("greets_otherwise")
def test_the_lines_of_a_filtered_server_are_told() -> None:
    (number,) = comparing.numbers(4, 1, frozenset({"filter"}))
    outcome = comparing.play(Comparison(SIM, SIM, 4, jobs=1), number)
    assert any(re.fullmatch(r"2.*\\r\\n", line) for line in outcome.server)
    assert outcome.found is None


def test_what_cannot_be_played_on_both_is_skipped() -> None:
    notes = Notes()
    without = TargetConfig("without", "exec", dir="/nowhere")
    (number,) = comparing.numbers(4, 1, POP3)
    comparing.run(Comparison(SIM, without, 4, jobs=1), [number], notes)
    assert "the target has no" in notes.outcomes[number].skipped


def test_a_dialogue_that_the_suite_cannot_play_is_told_and_the_others_are_played(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(_config: TargetConfig) -> Callable[[Score], Heard]:
        def hear(_score: Score) -> Heard:
            raise ValueError("mine")

        return hear

    monkeypatch.setattr(comparing, "listener", broken)
    notes = Notes()
    comparing.run(Comparison(SIM, OTHER, 4, jobs=1), [0, 1], notes)
    assert [notes.outcomes[number].trouble for number in (0, 1)] == ["ValueError('mine')"] * 2


def diff(tmp_path: Path, *words: str) -> int:
    return main(["diff", "sim", "sim", "--seed", "4", "-j", "2", "-o", str(tmp_path / "found"), *words])


def test_a_target_and_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert diff(tmp_path, "--generate", "4", "--kind", "pop3", "--decent") == 0
    assert capsys.readouterr().out == (
        "seed 4\n4 dialogues, 0 of them not for both, 0 disagreements of 0 shapes\n"
    )
    assert not (tmp_path / "found").exists()


def test_nothing_is_begun_when_the_time_is_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert diff(tmp_path, "--generate", "4", "--budget", "0s") == 0
    assert "0 dialogues, 0 of them not for both, 0 disagreements of 0 shapes; 4 dialogues not played" in (
        capsys.readouterr().out
    )


def test_ctrl_c_keeps_what_was_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Disagreement("S", "250 a", "250 b")
    as_found = parse("title: as found\nrun: {prog}\n-- talk --\nC: long\n", name="x")
    small = parse("title: small\nrun: {prog}\n-- talk --\nC: s\n", name="x")

    def interrupted(_comparison: Comparison, _numbers: object, told: comparing.Told) -> None:
        assert told.outcome(Outcome(3, found=found, talk=as_found))
        assert "as found" in (tmp_path / "found/4-3.talk").read_text()
        assert not told.outcome(Outcome(5, found=found, talk=as_found))
        told.small(Small(3, small))
        raise KeyboardInterrupt

    monkeypatch.setattr(comparing, "run", interrupted)
    assert diff(tmp_path) == 130
    assert [path.name for path in (tmp_path / "found").iterdir()] == ["4-3.talk"]
    assert "title: small" in (tmp_path / "found/4-3.talk").read_text()
    out = capsys.readouterr().out
    assert "   2 x S (" in out
    assert "2 disagreements of 1 shapes; 98 dialogues not played" in out
