"""Cases that are asked for with a variation: which runs that makes, and what is told of a wrong one."""

from pathlib import Path

import pytest

from conformance import cli
from conformance.commands import named
from conformance.reports import jsonl
from conformance.varying.variation_plan import Asked
from conformance.varying.variations import BASE, Cut, Variation, cuts_at
from tests.conformance.test_cli import BAD, GOOD

CUT = cuts_at([Cut(10, 3)])


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.talk").write_text(GOOD)
    (tmp_path / "bad.talk").write_text(BAD)
    return tmp_path


def played(*words: str) -> list[str]:
    """Run them; return the variations of all cases in the order in which they were played."""
    assert cli.main(["run", *words, "-j", "1", "--seed", "1"]) in (0, 1)
    return [result.variation for result in jsonl.read([Path(".conform/last.jsonl")]).results]


def test_one_variation_is_played_and_nothing_else() -> None:
    assert played("good.talk~cuts=10:3") == ["cuts=10:3"]
    assert played("bad.talk~cuts=10:3", "bad.talk~schedule=7", "bad.talk~base") == [
        "cuts=10:3", "schedule=7", "base"
    ]  # fmt: skip


def test_a_kind_has_the_base_and_all_of_it() -> None:
    found = played("good.talk~cuts", "--vary", "none")
    assert found[0] == "base"
    assert {text.partition("=")[0] for text in found[1:]} == {"bytes", "cuts", "multi"}
    assert {text.partition("=")[0] for text in played("good.talk~faults")} == {"base", "fault"}


def test_the_others_have_the_level() -> None:
    assert played("good.talk", "bad.talk~cuts=10:3", "--vary", "none") == ["base", "cuts=10:3"]
    assert played("good.talk", "good.talk~cuts=10:3", "--vary", "none") == ["cuts=10:3", "base"]


def test_what_failed_can_be_varied() -> None:
    played("good.talk", "bad.talk", "--vary", "none")
    assert played("failed~cuts=10:3") == ["cuts=10:3"]


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (["good.talk~cuts", "good.talk"], Asked(("quick", frozenset({"cuts"})))),
        (["good.talk~cuts", "good.talk~slow"], Asked((frozenset({"cuts", "slow"}),))),
        (["good.talk~cuts=10:3", "good.talk~cuts=10:3"], Asked((), (CUT,))),
        (["good.talk~base", "good.talk~fault=3"], Asked((), (Variation("fault", number=3), BASE))),
    ],
)
def test_several_words_for_one_case(words: list[str], asked: Asked) -> None:
    assert named.variations([named.split(word) for word in words], "quick") == {"good.talk": asked}


def test_full_has_all() -> None:
    words = [("good.talk", None), ("good.talk", "cuts")]
    assert named.variations(words, "full") == {"good.talk": Asked(("full",))}


def test_a_file_may_have_a_tilde_in_its_name(elsewhere: Path) -> None:
    (elsewhere / "a~base.talk").write_text(GOOD)
    assert named.split("a~base.talk") == ("a~base.talk", None)
    assert named.split("a~base.talk~cuts") == ("a~base.talk", "cuts")


@pytest.mark.parametrize(
    ("word", "told"),
    [
        (
            "good.talk~nonsense=3",
            "expected a variation such as base, bytes, cuts=LINE:OFFSET, or a kind: cuts ",
        ),
        ("good.talk~", "good.talk~: expected a variation such as"),
        ("good.talk~cuts=3", "expected cuts=LINE:OFFSET"),
        ("good.talk~cuts=99:3", "good.talk~cuts=99:3: no bytes on both sides of 99:3: expected"),
        ("good.talk~cuts=9:3", "a place in one of the lines that we send: 10 14\n"),
        ("good.talk~multi", "expected multi=NUMBER"),
    ],
)
def test_what_is_no_variation_of_it_is_said(word: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", word]) == 2
    assert told in capsys.readouterr().err
    assert not Path(".conform").exists()
