"""Known deviations: exact evidence is needed, other evidence is news, and so is a deviation that is gone."""

from pathlib import Path

import pytest

from conformance import known
from conformance.known import Deviation, KnownError
from conformance.playing.verdicts import Finding, Kind, Result, Verdict
from conformance.reports.facts import Case

CASE = Case("pop3/injection", "f.talk", "title: x\n-- talk --\nST: -ERR authup USER first")
KNOWN = Deviation(
    "pop3/injection", "AUTHUP-TLS-5", "FAIL", "ST: -ERR authup USER first", "buffered", seen=r"+OK\s\r\n"
)


def result(got: str = r"+OK\s\r\n", variation: str = "base", verdict: Verdict = Verdict.FAIL) -> Result:
    finding = Finding(3, Kind.WRONG, ("AUTHUP-TLS-5",), r"-ERR authup USER first\r\n", got)
    return Result("pop3/injection", "c", variation, verdict, findings=(finding,))


def test_the_same_evidence_is_known() -> None:
    seen = result()
    assert known.apply(seen, [KNOWN], CASE) is KNOWN
    assert (seen.verdict, seen.known, seen.severity) == (Verdict.KNOWN, "buffered", "")


def test_its_severity_goes_with_it() -> None:
    seen = result()
    known.apply(seen, [KNOWN._replace(severity="security")], CASE)
    assert seen.severity == "security"


@pytest.mark.parametrize(
    "other", [result("+OK\\r\\n"), result(variation="cuts=3:1"), result(verdict=Verdict.HANG)], ids=repr
)
def test_other_evidence_is_news(other: Result) -> None:
    verdict = other.verdict
    assert known.apply(other, [KNOWN], CASE) is None
    assert other.verdict is verdict


def test_variations_are_a_pattern() -> None:
    deviation = KNOWN._replace(variations="cuts=*", seen=None)
    assert known.apply(result("anything", "cuts=3:1"), [deviation], CASE) is deviation


def test_a_place_may_be_left_out() -> None:
    deviation = KNOWN._replace(at=None)
    assert known.apply(result(), [deviation], CASE) is deviation
    assert known.apply(result("other"), [deviation], CASE) is None


def test_what_is_gone_is_news_when_it_was_looked_for() -> None:
    passed = Result("pop3/injection", "c", "base", Verdict.PASS)
    skipped = Result("pop3/injection", "c", "base", Verdict.SKIP)
    assert known.vanished([KNOWN], set(), [passed]) == [KNOWN]
    assert known.vanished([KNOWN], set(), [skipped]) == []
    assert known.vanished([KNOWN], {KNOWN}, [passed]) == []


def test_a_draft_is_read_back_when_the_reason_is_filled_in(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    draft = known.draft([result()], {CASE.name: CASE})
    file.write_text(draft)
    with pytest.raises(KnownError, match="a reason why"):
        known.read(file)
    file.write_text(draft.replace("why = ''", "why = 'buffered'"))
    assert known.read(file) == [KNOWN]


@pytest.mark.parametrize("text", ['it\'s "both" \\ways', "plain", "tab\tbed\x7f"])
def test_quoted_strings_are_read_back(text: str) -> None:
    import tomllib  # noqa: PLC0415

    assert tomllib.loads(f"x = {known.quoted(text)}") == {"x": text}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[deviation]\n", "Expected"),
        ("[[deviation]]\nscenario = 'x'\n", "expected"),
        ("[[deviation]]\nscenario='x'\nrule='r'\nverdict='FAIL'\nat=''\nwhy='w'\nextra='y'\n", "unknown"),
        ("[[deviation]]\nscenario='x'\nrule='r'\nverdict='pass'\nat=''\nwhy='w'\n", "bad verdict"),
    ],
)
def test_bad_files_name_themselves(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "c.toml"
    file.write_text(text)
    with pytest.raises(KnownError, match=complaint) as error:
        known.read(file)
    assert str(file) in str(error.value)


@pytest.mark.parametrize("file", sorted(known.DIRECTORY.glob("*.toml")), ids=lambda path: path.stem)
def test_every_file_of_ours_can_be_read(file: Path) -> None:
    assert known.read(file)
