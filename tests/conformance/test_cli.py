"""The command line: exit codes of 2.1, tokens that replay, shrinking, reports from recorded runs."""

import re
from pathlib import Path

import pytest

from conformance import changes, cli
from conformance.commands import run
from conformance.playing.verdicts import Result, Verdict
from conformance.reports import jsonl

GOOD = """\
title: HELO is answered with the greeting
rules: AUTHUP-SMTP-4
run:   {authup} smtp {checkpassword} {ofmipd}

-- control/smtpgreeting --
mail.example.org
-- talk --
S: 220 mail.example.org ESMTP

C: HELO x
# [AUTHUP-SMTP-4]
S: 250 mail.example.org

C: QUIT
S: 221 mail.example.org
S! eof
S! exit 0
"""
BAD = GOOD.replace("S: 250 mail.example.org", "S: 250 mail.example.net")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.talk").write_text(GOOD)
    (tmp_path / "bad.talk").write_text(BAD)
    return tmp_path


def conform(*args: str) -> int:
    return cli.main([*args])


def test_what_passes_exits_0_with_all_its_variations(capsys: pytest.CaptureFixture[str]) -> None:
    assert conform("run", "good.talk", "--vary", "full", "-j", "1", "--seed", "5") == 0
    results = jsonl.read([Path(".conform/last.jsonl")]).results
    assert {result.verdict for result in results} == {Verdict.PASS}
    assert {result.variation.partition("=")[0] for result in results} >= {
        "base", "bytes", "cuts", "multi", "schedule", "slow", "eintr", "fault"
    }  # fmt: skip
    assert "seed 5" in capsys.readouterr().out


def test_a_failure_exits_1_and_its_token_replays_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert conform("run", "bad.talk", "-j", "1") == 1
    (result,) = jsonl.read([Path(".conform/last.jsonl")]).results
    assert result.token == "bad.talk@sim:base"
    printed = capsys.readouterr().out
    assert "expected  250 mail.example.net" in printed
    assert "got       250 mail.example.org" in printed
    assert "AUTHUP-SMTP-4" in printed
    assert conform("replay", result.token) == 1


def test_what_failed_is_played_again_where_it_failed(
    elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert conform("run", "failed") == 4
    assert "nothing failed in the last run" in capsys.readouterr().err
    assert conform("run", "good.talk", "bad.talk", "-j", "1", "--jsonl", "mine.jsonl") == 1
    assert (elsewhere / "mine.jsonl").is_file()
    assert conform("replay", "good.talk@sim:base") == 0  # is no run: what failed before is still known
    assert conform("run", "failed", "-j", "1") == 1
    results = jsonl.read([Path(".conform/last.jsonl")]).results
    assert {result.token for result in results} == {"bad.talk@sim:base"}
    assert len(jsonl.read([Path("mine.jsonl")]).results) > 1, "the next run wrote over a named stream"


def test_levels_decide_what_fails_a_run(elsewhere: Path) -> None:
    (elsewhere / "bad.talk").write_text(BAD.replace("rules: ", "level: should\nrules: "))
    assert conform("run", "bad.talk", "-j", "1") == 0
    assert conform("run", "bad.talk", "-j", "1", "--level", "should") == 1


def test_a_cut_replays_exactly() -> None:
    assert conform("replay", "reup/exit-code-decides#1@sim:schedule=17") == 0
    (result,) = jsonl.read([Path(".conform/replay.jsonl")]).results
    assert (result.case, result.variation) == ("reup/exit-code-decides#1", "schedule=17")


def test_usage_and_malformed_files_exit_2(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (elsewhere / "broken.talk").write_text("title: x\n\n-- talk --\nS 220\n")
    assert conform("run", "broken.talk") == 2
    assert "broken.talk:4: expected" in capsys.readouterr().err
    assert conform("run", "good.talk", "-t", "nobody") == 2
    assert conform("replay", "nonsense") == 2
    with pytest.raises(SystemExit) as usage:
        conform("run", "--vary", "nonsense")
    assert usage.value.code == 2


def test_an_unusable_target_exits_3(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (elsewhere / "targets.toml").write_text('[gone]\nkind = "exec"\ndir = "/nonexistent"\n')
    assert conform("run", "good.talk", "-t", "gone") == 3
    assert "target gone is unusable: /nonexistent is missing" in capsys.readouterr().err
    assert conform("run", "good.talk", "-t", "sim", "-t", "gone", "-j", "1", "--vary", "none") == 3
    assert "target gone is unusable: /nonexistent is missing" in capsys.readouterr().err
    results = jsonl.read([Path(".conform/last.jsonl")]).results
    assert {(r.target, r.verdict) for r in results} == {("sim", Verdict.PASS), ("gone", Verdict.UNUSABLE)}


def test_a_target_whose_sanity_case_fails_is_unusable(
    elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (elsewhere / "targets.toml").write_text(
        '[odd]\nkind = "simulation"\nsanity = ["good.talk", "bad.talk"]\n'
    )
    assert conform("run", "good.talk", "-t", "odd", "-j", "1") == 3
    told = capsys.readouterr().err.splitlines()
    why = "before the run its sanity case bad.talk came out as FAIL: line 12: wrong"
    assert told[1:] == [f"conform: target odd is unusable: {why}"]
    (result,) = jsonl.read([Path(".conform/last.jsonl")]).results
    assert (result.case, result.verdict) == ("bad.talk", Verdict.UNUSABLE)
    (elsewhere / "targets.toml").write_text('[odd]\nkind = "simulation"\nsanity = ["nonsense"]\n')
    assert conform("run", "good.talk", "-t", "odd", "-j", "1") == 2
    assert "target odd: sanity: nonsense: no case of that name" in capsys.readouterr().err


def test_a_clock_or_a_directory_that_a_target_cannot_have(capsys: pytest.CaptureFixture[str]) -> None:
    assert conform("run", "good.talk", "--clock", "inject") == 2
    assert 'target sim: clock inject: expected "virtual"' in capsys.readouterr().err
    assert conform("run", "good.talk", "-t", "ours", "--clock", "virtual") == 2
    assert 'target ours: clock virtual: expected "real" or "inject"' in capsys.readouterr().err
    assert conform("run", "good.talk", "--keep") == 2
    assert "target sim: --keep: only runs on real processes have a directory" in capsys.readouterr().err


def test_only_what_failed(elsewhere: Path) -> None:
    def cases(*words: str) -> tuple[int, set[str]]:
        code = conform("run", *words, "-j", "1", "--vary", "none")
        return code, {result.case for result in jsonl.read([Path(".conform/last.jsonl")]).results}

    assert cases("good.talk", "bad.talk") == (1, {"good.talk", "bad.talk"})
    assert cases("good.talk", "bad.talk", "--failed") == (1, {"bad.talk"})
    assert cases("failed") == (1, {"bad.talk"})
    assert conform("run", "good.talk", "--failed") == 4
    (elsewhere / "bad.talk").write_text(GOOD)
    assert cases("failed") == (0, {"bad.talk"})
    assert conform("run", "bad.talk", "--failed") == 4


def test_only_what_is_new(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "_changed", lambda _directory: {elsewhere.resolve() / "bad.talk"})
    assert conform("run", "good.talk", "bad.talk", "--new", "-j", "1") == 1
    assert {r.case for r in jsonl.read([Path(".conform/last.jsonl")]).results} == {"bad.talk"}
    assert conform("run", "good.talk", "--new") == 4


def test_new_without_git_is_a_usage_error(
    monkeypatch: pytest.MonkeyPatch, elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes._changed.cache_clear()
    monkeypatch.setenv("PATH", str(elsewhere))
    assert conform("run", "good.talk", "--new") == 2
    assert capsys.readouterr().err == "conform: --new needs git, which is not installed\n"


def test_what_a_target_cannot_vary_is_skipped() -> None:
    assert conform("replay", "good.talk@sim:stop=1") == 4
    (result,) = jsonl.read([Path(".conform/replay.jsonl")]).results
    assert (result.verdict, result.reason) == (
        Verdict.SKIP,
        "the machine stops nobody: eintr is its variation",
    )


def test_twice_verbose_has_microseconds_and_processes(capsys: pytest.CaptureFixture[str]) -> None:
    assert conform("run", "good.talk", "-vv", "-j", "1", "--vary", "none") == 0
    printed = capsys.readouterr().out
    assert re.search(r"\d\.\d{6}  S: 220 mail\.example\.org", printed)
    assert re.search(r"proc [0-9]+, child of [0-9]+: authup\(0\)  exit 0", printed)


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_an_interrupted_run_is_reported_and_exits_130(
    jobs: str, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        (elsewhere / f"{number}.talk").write_text(GOOD)
    files = [f"{number}.talk" for number in range(4)]
    take = run._Run._take

    def interrupted(self: run._Run, result: Result) -> None:
        take(self, result)
        raise KeyboardInterrupt

    monkeypatch.setattr(run._Run, "_take", interrupted)
    assert conform("run", *files, "-j", jobs, "--vary", "none", "--junit", "j.xml") == 130
    report = jsonl.read([Path(".conform/last.jsonl")])
    assert report.exit == 130
    assert len(report.results) == 1
    assert "<testsuite" in (elsewhere / "j.xml").read_text()
    assert [path.name for path in (elsewhere / ".conform").iterdir()] == ["last.jsonl"]


def test_nothing_to_run_exits_4(elsewhere: Path) -> None:
    assert conform("run", "nonsense") == 4
    (elsewhere / "real.talk").write_text(GOOD.replace("rules: ", "needs: real\nrules: "))
    assert conform("run", "real.talk", "-j", "1") == 4


def test_known_deviations_are_expected_and_missed(
    elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draft = elsewhere / "draft.toml"
    assert conform("run", "bad.talk", "-j", "1", "--draft-known", str(draft)) == 1
    draft.write_text(draft.read_text().replace("why = ''", "why = 'another host'"))
    assert conform("run", "bad.talk", "-j", "1", "--known", str(draft)) == 0
    (elsewhere / "bad.talk").write_text(GOOD)
    capsys.readouterr()
    assert conform("run", "bad.talk", "-j", "1", "--known", str(draft)) == 0
    told = " ★ fixed on sim, no longer as known: bad.talk (AUTHUP-SMTP-4): S: 250 mail.example.net\n"
    assert told in capsys.readouterr().out
    assert conform("report", ".conform/last.jsonl") == 0
    assert told in capsys.readouterr().out
    assert conform("run", "bad.talk", "-j", "1", "--known", str(draft), "--strict-known") == 5


def test_reports_come_from_the_recorded_run(elsewhere: Path) -> None:
    conform("run", "bad.talk", "good.talk", "-j", "1", "--jsonl", "run.jsonl")
    assert conform("report", "run.jsonl", "--junit", "j.xml", "--tap", "t.tap", "--html", "html") == 1
    assert "<testsuite" in (elsewhere / "j.xml").read_text()
    assert "not ok" in (elsewhere / "t.tap").read_text()
    assert "AUTHUP-SMTP-4" in (elsewhere / "html" / "index.html").read_text()


def test_a_report_has_its_directory_by_o_too(elsewhere: Path) -> None:
    conform("run", "good.talk", "-j", "1", "--vary", "none")
    assert conform("report", ".conform/last.jsonl", "-o", "html") == 0
    assert "AUTHUP-SMTP-4" in (elsewhere / "html" / "index.html").read_text()


def test_the_help_has_all_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        conform("--help")
    told = capsys.readouterr().out.partition("Exit codes: ")[2]
    codes = (
        0,
        cli.FAILURES,
        cli.USAGE,
        cli.UNUSABLE,
        cli.NOTHING,
        cli.VANISHED,
        cli.INTERRUPTED,
        cli.TERMINATED,
    )
    assert tuple(int(code) for code in re.findall(r"(?:^|; ?\s?)(\d+) ", told)) == codes


def test_a_failure_shrinks_to_what_it_takes(elsewhere: Path) -> None:
    assert conform("shrink", "bad.talk@sim:base", "-o", "small.talk") == 0
    small = (elsewhere / "small.talk").read_text()
    assert "S: 250 mail.example.net" in small
    assert "QUIT" not in small


def test_several_processes_give_the_same_results() -> None:
    conform("run", "bad.talk", "good.talk", "-j", "2", "--seed", "1")
    two = jsonl.read([Path(".conform/last.jsonl")]).results
    conform("run", "bad.talk", "good.talk", "-j", "1", "--seed", "1")
    one = jsonl.read([Path(".conform/last.jsonl")]).results
    assert {(r.token, r.verdict) for r in one} == {(r.token, r.verdict) for r in two}


def test_looking_around(capsys: pytest.CaptureFixture[str]) -> None:
    assert conform("list", "reup/*") == 0
    assert "reup/exit-code-decides#1" in capsys.readouterr().out
    assert conform("show", "exit-code-decides#1") == 0
    assert "-- talk --" in capsys.readouterr().out
    assert conform("rules", "CNR-*") == 0
    assert re.search(r"(?s)CNR-5 .*chain/root-password  line \d.*proved by ", capsys.readouterr().out)
    assert conform("rules") == 0
    assert re.search(r"AUTHUP-SMTP-4 +must .* \d+ ", capsys.readouterr().out)
    assert conform("targets") == 0
    assert "ours" in capsys.readouterr().out


def test_lint_and_fmt(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert conform("fmt", "--check", "good.talk") == 0
    (elsewhere / "good.talk").write_text(GOOD.replace("title: HELO", "title:    HELO"))
    assert conform("fmt", "--check", "good.talk") == 1
    assert conform("fmt", "good.talk") == 0
    assert (elsewhere / "good.talk").read_text() == GOOD
    assert conform("lint", "good.talk") == 0
    (elsewhere / "good.talk").write_text(GOOD.replace("rules: AUTHUP-SMTP-4", "rules: AUTHUP-SMTP-99"))
    capsys.readouterr()
    assert conform("lint", "good.talk") == 1
    assert "AUTHUP-SMTP-99" in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        conform(option)
    assert left.value.code == 0
    assert "conform" in capsys.readouterr().out


@pytest.fixture
def silent_program(elsewhere: Path) -> str:
    """Return a case, too slow for a run without --slow, on a real target that says nothing."""
    (elsewhere / "bin").mkdir()
    (elsewhere / "bin/authup").write_text("#!/bin/sh\nexit 0\n")
    (elsewhere / "bin/authup").chmod(0o755)
    (elsewhere / "targets.toml").write_text('[mine]\nkind = "exec"\ndir = "./bin"\npatience = 0.1\n')
    (elsewhere / "late.talk").write_text(BAD.replace("rules: ", "slow: 40\nrules: "))
    return "late.talk"


def test_who_names_a_run_waits_for_it(silent_program: str, elsewhere: Path) -> None:
    assert conform("run", silent_program, "-t", "mine", "-j", "1", "--vary", "none") == 4
    assert conform("replay", f"{silent_program}@mine:base") == 1
    assert conform("shrink", f"{silent_program}@mine:base", "-o", "small.talk", "--tries", "1") == 0
    assert "S: 220" in (elsewhere / "small.talk").read_text()


def test_a_failure_says_which_clock_repeats_it(
    silent_program: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = (silent_program, "-t", "mine", "-j", "1", "--vary", "none", "--slow", "--confirm", "0")
    assert conform("run", *words) == 1
    assert "replay late.talk@mine:base\n" in capsys.readouterr().out
    assert conform("run", *words, "--clock", "real", "--tap", "t.tap", "--html", "html") == 1
    told = capsys.readouterr().out
    assert "conform replay late.talk@mine:base --clock real\n" in told
    assert "conform shrink late.talk@mine:base --clock real\n" in told
    assert '"conform replay late.talk@mine:base --clock real"' in Path("t.tap").read_text()
    assert '"again":" --clock real"' in Path("html/index.html").read_text()
    assert conform("replay", "late.talk@mine:base", "--clock", "real") == 1
    assert conform("shrink", "late.talk@mine:base", "--clock", "virtual") == 2
