import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.playing.verdicts import Finding, Kind, Moment, Result, Verdict
from conformance.reports import jsonl
from conformance.reports.facts import Case, Outcome, Report
from tests.conformance.reports import samples


def one(path: Path, *results: Result) -> list[Result]:
    with jsonl.Writer(path) as writer:
        for result in results:
            writer.result(result)
    return jsonl.read([path]).results


def test_what_is_written_is_read_back(report: Report) -> None:
    assert report.sessions == [samples.SESSION]
    assert list(report.rules.values()) == samples.RULES
    assert report.bugs == samples.BUGS
    assert report.fixed == [samples.FIXED]
    assert report.cases == {talk.name: Case.of(talk) for talk in samples.talks()}
    assert report.left_out == {"cuts: the budget of 60 s was used up": 412}
    assert (report.exit, report.targets) == (1, list(samples.TARGETS))
    written = {result.token: result for result in samples.results()}
    for result in report.results:
        if result.variation == "base":
            assert result == written[result.token]
        else:
            assert result.findings == written[result.token].findings
            assert result.rules == written[result.token].rules


def test_a_stream_has_its_name_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "new" / "last.jsonl"
    with jsonl.Writer(path) as writer:
        assert not path.exists()
        path.write_text("that of another run, which ended meanwhile")
        writer.result(Result("a", "sim", "base", Verdict.PASS))
        assert len(jsonl.read([writer.path]).results) == 1
        assert path.read_text().startswith("that of another")
    assert len(jsonl.read([path]).results) == 1
    assert list(path.parent.iterdir()) == [path]


def test_an_interrupted_stream_has_its_name_too(tmp_path: Path) -> None:
    path = tmp_path / "last.jsonl"

    def interrupted() -> None:
        with jsonl.Writer(path) as writer:
            writer.result(Result("a", "sim", "base", Verdict.PASS))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert len(jsonl.read([path]).results) == 1


def test_what_is_no_file_is_written_to(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "file").write_text("")
    with jsonl.Writer(tmp_path / "link"):
        pass
    assert (tmp_path / "link").is_symlink()
    with jsonl.Writer(Path("/dev/null")) as writer:
        assert writer.path == Path("/dev/null")
    assert Path("/dev/null").is_char_device()


def test_every_line_has_the_version_and_an_event(stream: Path) -> None:
    records = [json.loads(line) for line in stream.read_bytes().splitlines()]
    assert {record["v"] for record in records} == {1}
    assert [record["ev"] for record in records][:2] == ["start", "rule"]
    assert records[-1]["ev"] == "end"
    assert records[-1]["counts"]["pass"] == 72


def test_bytes_are_kept_only_for_base_runs_and_a_few_failures(report: Report) -> None:
    cuts = [r for r in report.results if r.variation.startswith("cuts")]
    assert not any(result.record for result in cuts if result.verdict is Verdict.PASS)
    for target in ("c-reup", "c-head"):
        kept = [r for r in cuts if r.record and r.target == target]
        assert 1 <= len(kept) <= 20


def test_one_cause_keeps_few_records(tmp_path: Path) -> None:
    finding = Finding(3, Kind.WRONG, (), "a", "b")
    moment = Moment(0.0, "S", b"b")
    runs = [Result("c", "t", f"cuts=3:{n}", Verdict.FAIL, (), (finding,), (moment,)) for n in range(1, 9)]
    found = one(tmp_path / "x", *runs)
    assert [bool(result.record) for result in found] == [True] * 3 + [False] * 5
    assert all(result.findings == (finding,) for result in found)


@given(st.binary(min_size=1), st.sampled_from(["C", "S", "fd3"]), st.text())
def test_any_bytes_and_any_words(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, lane: str, words: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    result = Result("c", "t", "base", Verdict.FAIL, reason=words, record=(Moment(0.5, lane, data),))
    assert one(path, result) == [result]


def test_a_long_packet_is_cut_and_says_so(tmp_path: Path) -> None:
    result = Result("c", "t", "base", Verdict.PASS, record=(Moment(0.0, "C", b"x" * 70_000),))
    (moment,) = one(tmp_path / "x", result)[0].record
    assert (len(moment.data), moment.what) == (65536, "4464 bytes more")


def test_an_interrupted_run_can_be_read(stream: Path) -> None:
    lines = stream.read_bytes().splitlines(keepends=True)
    stream.write_bytes(b"".join(lines[:-40]) + lines[-40][:20])
    report = jsonl.read([stream])
    assert report.exit == 130
    assert report.results


def test_a_run_without_its_verdict_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text('{"v":1,"ev":"run","id":"a","scenario":"a","target":"t","variation":null}\n')
    assert jsonl.read([path]).results == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense\n{}\n", ":1: expected a JSON object"),
        ('{"v":2,"ev":"start"}\n', ":1: expected an object of format version 1"),
        ('{"v":1,"ev":"end"}\n', ":1: end: KeyError"),
        ("[]\n", ":1: expected an object"),
        ('{"v":1,"ev":"line","id":"?"}\n', ":1: line: KeyError"),
    ],
)
def test_errors_name_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(text)
    with pytest.raises(jsonl.ReadError, match=r"bad\.jsonl" + message):
        jsonl.read([path])


def test_events_of_a_newer_suite_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text('{"v":1,"ev":"weather","sky":"blue"}\n')
    assert jsonl.read([path]) == Report()


def test_a_deviation_that_is_gone_in_two_runs_is_told_once(stream: Path) -> None:
    assert jsonl.read([stream, stream]).fixed == [samples.FIXED]


def test_of_a_run_in_two_files_the_later_one_counts(tmp_path: Path) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    result = Result("c", "t", "base", Verdict.FAIL)
    one(first, result)
    with jsonl.Writer(second) as writer:
        writer.start(replace(samples.SESSION, targets={"t": {}}))
        writer.result(Result("c", "t", "base", Verdict.PASS))
        writer.result(Result("d", "t", "base", Verdict.PASS))
        writer.end(Outcome(0, 1.5))
    report = jsonl.read([first, second])
    assert [(r.case, r.verdict) for r in report.results] == [("c", Verdict.PASS), ("d", Verdict.PASS)]
    assert (report.exit, report.wall) == (0, 1.5)


def test_plain_values() -> None:
    value = {b"\0": {2, 1}, "b": (b"\xff", None), "c": frozenset({"x"})}
    assert jsonl.plain(value) == {r"\0": [1, 2], "b": [r"\xff", None], "c": ["x"]}
