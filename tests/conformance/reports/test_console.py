import io
import re
from collections import Counter

import pytest

from conformance.playing.verdicts import Finding, Kind, Moment, Result, Verdict
from conformance.reports.blocks import block, headline, text
from conformance.reports.causes import causes
from conformance.reports.console import Console, Options
from conformance.reports.facts import Case, Report
from conformance.reports.transcript import transcript
from tests.conformance.reports import samples

PLAN = Counter((result.case, result.target) for result in samples.results())


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


def printed(report: Report, options: Options, file: io.StringIO | None = None) -> str:
    out = file or io.StringIO()
    console = Console(options, out)
    console.begin(PLAN)
    for result in samples.results():
        console.result(result)
    for case, target in PLAN:
        console.case_is_over(case, target)
    console.finish(report, where="here/index.html")
    return out.getvalue()


def test_a_line_for_each_finished_case(report: Report) -> None:
    lines = printed(report, Options(width=120)).splitlines()
    assert " ✔ stls-injection  sim  pass" in lines
    assert " ✖ stls-injection  c-reup  FAIL  AUTHUP-TLS-6  line 19" in lines
    assert " ◌ ehlo-without-auth  c-reup  SPIN  base passes, 20 of 22 variations  FIX-3" in lines
    assert " ○ root-password-guessed  c-reup  skip: takes 5 s of real time" in lines
    assert sum(line.startswith(" ✔ ehlo-without-auth  ours") for line in lines) == 1


def test_the_cases_by_program_when_nothing_was_told_before(report: Report) -> None:
    out = io.StringIO()
    Console(Options(width=200), out).finish(report)
    lines = out.getvalue().splitlines()
    assert lines[0] == "  authup · POP3"
    row = next(line for line in lines if "✖ stls-injection" in line)
    assert re.search(
        r"sim ✔ pass +ours ✔ pass +c-reup ✖ FAIL  AUTHUP-TLS-6  line 19 +c-head ⚑ known \(security\)  AUTHUP",
        row,
    )


def test_rows_that_came_out_alike_are_one_line(report: Report) -> None:
    report.results = [r for r in report.results if r.target in ("sim", "c-reup")]
    out = io.StringIO()
    Console(Options(width=200), out).finish(report)
    assert re.search(r"✔ look-alikes#1…#3 +sim ✔ pass +c-reup ✔ pass", out.getvalue())


def test_a_block_tells_rule_lines_expected_got_and_how_to_repeat(report: Report) -> None:
    cause = next(c for c in causes(report) if c.first.case == "stls-injection")
    lines = text(block(report, cause, 100)).splitlines()
    assert lines[0].split() == [
        "✖",
        "stls-injection",
        "(c-reup)",
        "FAIL",
        "conformance/scenarios/stls-injection.talk:19",
    ]
    assert "AUTHUP-TLS-6  Input received before the handshake is discarded." in lines[1]
    assert lines[1].endswith("MUST")
    assert "     18  CT: PASS secret␍␊" in lines
    assert "     19  ST: expected  -ERR authup USER first␍␊" in lines
    assert "             got       +OK ␍␊" in lines
    assert "   nearest: this is what line 21 expects, later" in lines
    assert lines[-2].endswith("conform replay stls-injection@c-reup:base")


def test_a_block_shows_the_packet_edge_and_names_the_variations(report: Report) -> None:
    cause = next(c for c in causes(report) if c.first.case == "ehlo-without-auth")
    shown = text(block(report, cause, 100))
    assert "     13  C: E│HLO client.example␍␊   │ = packet edge" in shown
    assert "the same for cuts 13:1…13:20 (20 runs, one cause)" in shown


def test_only_a_broken_harness_shows_a_traceback(report: Report) -> None:
    shown = {c.first.case: text(block(report, c)) for c in causes(report)}
    assert [case for case, words in shown.items() if "Traceback" in words] == ["look-alikes#3"]


def test_a_block_shows_how_the_log_and_the_programs_ended() -> None:
    talk = "title: x\n\n-- talk --\nS: 220 x\nE: authup 1 ended\n    fd3: alice"
    said = Moment(0.0, "E", b"Traceback:\none\ntwo\n\x1b[31mbinascii.Error\n")
    ended = {"pid": 2, "parent": 1, "programs": [{"name": "authup"}], "code": 1}
    fake = {"pid": 3, "parent": 2, "programs": [{"name": "checkpassword", "fds": [0, 1, 2]}], "code": 7}

    def lines(line: int) -> list[str]:
        finding = Finding(line, Kind.MISSING, (), "a", "")
        found = Result("x", "t", "base", Verdict.FAIL, (), (finding,), (said,), (ended, fake))
        report = Report(cases={"x": Case("x", "x.talk", talk)}, results=[found])
        return text(block(report, causes(report)[0])).splitlines()

    assert [line.strip() for line in lines(4)[-6:-2]] == [
        "log:     one", "two", r"\x1b[31mbinascii.Error", "ended:   authup exit 1"
    ]  # fmt: skip
    assert not [line for line in lines(5) if "log:" in line], "it is what the finding shows"
    assert lines(6)[-3] == "   hint:    checkpassword was started without a descriptor 3"


def test_the_headline_is_one_line(report: Report) -> None:
    found = {(c.first.case, c.target): headline(c) for c in causes(report)}
    assert found["stls-injection", "c-reup"] == (
        "AUTHUP-TLS-6 line 19: wrong: expected -ERR authup USER first␍␊, got +OK ␍␊"
    )
    assert found["data-end-split", "c-reup"] == "FIX-30 crash: fixsmtpio was killed by SIGSEGV"
    assert all("\n" not in words for words in found.values())


def test_the_footer(report: Report) -> None:
    shown = printed(report, Options(width=120))
    assert "rules 11 of 12 covered, 2 proved by a seeded bug · uncovered: AUTHUP-POP3-2" in shown
    assert "seeded bugs 2 of 3 noticed · survivors: user-first-wins" in shown
    assert " c-reup: 4 pass, 1 FAIL, 1 SPIN, 1 CRASH, 1 skip\n" in shown
    assert "left out: 412 runs, cuts: the budget of 60 s was used up" in shown
    assert "not observed on c-reup: exit in 1 runs" in shown
    assert shown.endswith(" seed 20260118 · report here/index.html · exit 1\n")


def test_nothing_hostile_reaches_the_terminal(report: Report) -> None:
    for verbose in (0, 1, 2):
        shown = printed(report, Options(width=120, verbose=verbose))
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", shown)


def test_ascii(report: Report) -> None:
    for verbose in (0, 2):
        assert printed(report, Options(ascii=True, verbose=verbose)).isascii()
    assert printed(report, Options(ascii=True, width=120), Tty()).isascii()


def test_a_terminal_that_knows_no_symbols_gets_ascii(report: Report) -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="latin-1", write_through=True)
    Console(Options(), out).finish(report)
    assert raw.getvalue().isascii()


@pytest.mark.parametrize("no_color", ["", "1"])
def test_colour(report: Report, monkeypatch: pytest.MonkeyPatch, no_color: str) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", no_color)
    assert "\x1b[" not in printed(report, Options())
    assert "\x1b[" in printed(report, Options(color="always"))
    out = Tty()
    Console(Options(color="never"), out).finish(report)
    assert "\x1b[" not in out.getvalue()
    out = Tty()
    Console(Options(), out).finish(report)
    assert ("\x1b[" in out.getvalue()) is not bool(no_color)


def test_progress_on_a_terminal_is_redrawn_and_the_cases_come_at_the_end(
    report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", printed(report, Options(width=150), Tty()))
    assert "30/30" in shown
    assert "  authup · POP3\n" in shown


@pytest.mark.parametrize("planned", [1, 5])
def test_a_case_is_over_whatever_was_planned(planned: int) -> None:
    out = io.StringIO()
    console = Console(Options(width=100), out)
    result = next(samples.results())
    console.begin({(result.case, result.target): planned})
    console.result(result)
    assert out.getvalue() == ""
    console.case_is_over(result.case, result.target)
    assert out.getvalue() == " ✔ auth-plain-success  sim  pass\n"


def test_progress_counts_what_ran_not_what_was_planned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    out = Tty()
    console = Console(Options(width=150), out)
    result = next(samples.results())
    console.begin({(result.case, result.target): 5})
    console.result(result)
    console.case_is_over(result.case, result.target)
    console.stop()
    assert "1/1" in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", out.getvalue())


def test_transcripts(report: Report) -> None:
    result = report.results[0]
    lines = text(transcript(result)).splitlines()
    assert lines[0] == " ✔ auth-plain-success@sim:base  pass"
    assert r'    0.013  C: AUTH PLAIN AGFsaWNlAHNlY3JldA==␍␊   "\0alice\0secret"' in lines
    assert "    0.014      fd3: alice␀secret␀␀" in lines
    exact = text(transcript(result, timing=True, as_hex=True))
    assert "0000  61 6c 69 63 65 00 73 65 63 72 65 74 00 00        alice.secret.." in exact
    assert "proc 3, child of 2: checkpassword(1001) = checknotroot(1001) = fixsmtpio(1001)  exit 0" in exact


def test_of_many_cases_only_the_bad_are_listed_and_skipped_ones_do_not_pass() -> None:
    verdicts = [Verdict.PASS] * 50 + [Verdict.SKIP] * 3 + [Verdict.FAIL]
    results = [Result(f"group/{n}", "t", "base", verdict) for n, verdict in enumerate(verdicts)]
    out = io.StringIO()
    Console(Options(width=100), out).finish(Report(results=results))
    assert out.getvalue().splitlines()[:4] == [
        "  group",
        "    ✖ group/53       t ✖ FAIL",
        "    ✔ 50 others pass",
        "    ○ 3 others pass or are skipped",
    ]


def _heard(*packets: bytes, timing: bool = False, as_hex: bool = False) -> list[str]:
    record = tuple(Moment(0.0, "c", data, line=3) for data in packets)
    result = Result("x", "sim", "base", Verdict.PASS, record=record)
    lines = text(transcript(result, timing=timing, as_hex=as_hex)).splitlines()
    return [re.sub(r"^ *(0\.0+)? *", "", line) for line in lines[1:]]


def test_huge_packets_are_cut_between_lines() -> None:
    lines = [b"%d\r\n" % number for number in range(1000)]
    assert _heard(b"".join(lines)) == [
        "c: 0␍␊", "c: 1␍␊", "c: 2␍␊", "c: … 4866 bytes …", "c: 997␍␊", "c: 998␍␊", "c: 999␍␊"
    ]  # fmt: skip
    cut = len(b"".join(lines)) - len(b"".join(lines[:3] + lines[-3:]))
    assert cut == 4866


@pytest.mark.parametrize("timing", [False, True])
def test_huge_lines_are_cut_anywhere(timing: bool) -> None:
    heard = _heard(b"x" * 5000 + b"\r\n", timing=timing)
    assert [len(line) for line in heard] == [3 + 512, len("c: … 3978 bytes …"), 3 + 512]
    assert "… 3978 bytes …" in heard[1]


def test_many_packets_at_once_are_cut_like_one_unless_each_is_asked_for() -> None:
    packets = [b"x\n"] * 3000
    assert _heard(*packets) == ["c: x␊"] * 3 + ["c: … 5988 bytes …"] + ["c: x␊"] * 3
    assert len(_heard(*packets, timing=True)) == 3000
    assert _heard(b"a", b"b\n") == ["c: a", "c: b␊"]


def test_what_is_not_huge_is_shown_whole() -> None:
    assert _heard(b"x" * 4096) == ["c: " + "x" * 4096]
    assert len(_heard(b"x\n" * 2048)) == 2048


def test_hex_dumps_of_huge_packets_keep_their_offsets() -> None:
    heard = _heard(bytes(5000), as_hex=True)
    assert heard[0].startswith("c: 0000  00 00")
    assert heard[32] == "c: … 3976 bytes …"
    assert heard[33].startswith("c: 1188  00 00")
    assert len(heard) == 32 + 1 + 32
