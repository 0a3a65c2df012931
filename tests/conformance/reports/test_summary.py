from dataclasses import replace

from conformance.playing.verdicts import Finding, Kind, Result, Verdict
from conformance.reports.causes import causes, rows_named, single_cut, spans
from conformance.reports.facts import Case, Report
from conformance.reports.summary import (
    Change,
    cells,
    changes,
    counts,
    groups,
    left_out_words,
    rule_states,
    sentence,
    skip_reasons,
    worst,
)


def test_one_cause_is_told_once(report: Report) -> None:
    found = {(cause.first.case, cause.target): cause for cause in causes(report)}
    assert len(found) == len(causes(report)) == 7
    assert len(found["ehlo-without-auth", "c-reup"].runs) == 20
    assert found["ehlo-without-auth", "c-reup"].rules == ("FIX-3",)


def test_rows_of_a_table_share_a_cause_and_reply_codes_tell_causes_apart() -> None:
    def run(case: str, got: str) -> Result:
        return Result(case, "t", "base", Verdict.FAIL, findings=(Finding(4, Kind.WRONG, (), "", got),))

    same = [run("x#1", "<123456.99@h>"), run("x#2", "<77777.99@h>")]
    other = [run("x#3", "250 ok"), run("x#4", "550 no"), run("y", "250 ok")]
    assert [len(cause.runs) for cause in causes(Report(results=same + other))] == [2, 1, 1, 1]


def test_one_fault_in_several_scenarios_is_one_cause_and_what_explains_most_comes_first() -> None:
    def run(case: str, expected: str, verdict: Verdict = Verdict.FAIL, rules: tuple[str, ...] = ()) -> Result:
        finding = Finding(4, Kind.WRONG, rules, expected, "-ERR not yet")
        return Result(case, "t", "base", verdict, findings=(finding,))

    alone = [run("c", "250 ok"), run("d", "+OK", rules=("A-1",)), run("e", "+OK", Verdict.CRASH)]
    found = causes(Report(results=[*alone, run("a#1", "+OK"), run("a#2", "+OK"), run("b", "+OK")]))
    assert [[one.case for one in cause.runs] for cause in found] == [["e"], ["a#1", "a#2", "b"], ["c"], ["d"]]


def test_a_checkpassword_that_reads_nothing_is_one_cause() -> None:
    def run(case: str, rule: str, expected: str) -> Result:
        finding = Finding(4, Kind.HANG, (rule,), expected, "")
        return Result(case, "t", "base", Verdict.HANG, findings=(finding,))

    def case(name: str, line: str) -> Case:
        return Case(name, "", f"title: x\n\n-- talk --\n{line}")

    cases = [case("a", "    fd3: x"), case("b", "    fd3: y"), case("c", "S: x"), case("d", "S: y")]
    runs = [run(one.name, f"A-{number}", one.name) for number, one in enumerate(cases)]
    found = causes(Report(cases={one.name: one for one in cases}, results=runs))
    assert [[one.case for one in cause.runs] for cause in found] == [["a", "b"], ["c"], ["d"]]


def test_why_cases_were_skipped() -> None:
    reasons = ["needs fakes", "takes 20 s of real time: x", "takes 1200 s of real time: x"]
    skipped = [Result(f"c{n}", "t", "base", Verdict.SKIP, reason=why) for n, why in enumerate(reasons)]
    assert skip_reasons(Report(results=skipped), "t") == {
        "takes more than 10 s of real time: x": 2,
        "needs fakes": 1,
    }
    assert skip_reasons(Report(results=skipped), "another") == {}


def test_what_was_left_out_in_words() -> None:
    assert left_out_words("bytes", 4097).startswith("4 097 of the packet edges")
    assert left_out_words("cuts", 2) == "2 of the cuts of long lines"
    assert left_out_words("no time left", 1).startswith("the variations of 1 case")
    assert left_out_words("something", 2) == "2 runs, something"


def test_rows_are_named_together() -> None:
    assert rows_named(["a/b#1", "c", "a/b#3", "a/b#2", "a/b#7"]) == ["a/b#1…#3 #7", "c"]


def test_a_cell_has_the_most_serious_verdict(report: Report) -> None:
    cell = cells(report)["ehlo-without-auth", "c-reup"]
    assert cell.verdict is Verdict.SPIN
    assert cell.base is not None
    assert cell.base.verdict is Verdict.PASS
    assert cell.speaking.variation == "cuts=13:1"
    assert worst([]) is Verdict.SKIP
    assert worst([Verdict.PASS, Verdict.KNOWN, Verdict.SKIP]) is Verdict.KNOWN


def test_counts_and_groups(report: Report) -> None:
    assert counts(report, "sim") == {Verdict.PASS: 8}
    assert counts(report, "c-reup")[Verdict.CRASH] == 1
    assert list(groups(report)) == ["authup · POP3", "authup · SMTP", "fixsmtpio"]


def test_a_failure_speaks_only_about_the_rules_that_it_breaks(report: Report) -> None:
    states = {state.rule.id: state for state in rule_states(report)}
    assert states["AUTHUP-TLS-6"].targets["c-reup"] is Verdict.FAIL
    assert states["AUTHUP-POP3-1"].targets["c-reup"] is Verdict.SKIP
    assert states["AUTHUP-TLS-6"].lamps == (True, True, True)
    assert states["AUTHUP-SMTP-12"].lamps == (True, False, False)
    assert states["AUTHUP-POP3-2"].lamps == (False, False, False)
    assert states["AUTHUP-TLS-6"].asserted == {"stls-injection": (19, 21, 22, 23)}
    assert states["FIX-32"].cases == ("look-alikes#1", "look-alikes#2", "look-alikes#3")


def test_a_failure_without_a_rule_counts_against_all_of_its_case(report: Report) -> None:
    bad = Result("auth-plain-success", "sim", "base", Verdict.FAIL, findings=(Finding(0, Kind.EXTRA, ()),))
    states = {state.rule.id: state for state in rule_states(replace(report, results=[bad]))}
    assert states["AUTHUP-CP-3"].targets["sim"] is Verdict.FAIL


def test_the_sentence_of_a_target(report: Report) -> None:
    assert sentence(report, "sim") == "sim: conforms to 11 of 11 rules"
    assert sentence(report, "c-head").endswith("; 2 problems; 1 known problem")


def test_what_changed_since_the_baseline(report: Report) -> None:
    before = [r for r in report.results if r.case != "stls-injection"]
    before.append(Result("stls-injection", "sim", "base", Verdict.FAIL))
    before.append(Result("gone", "sim", "base", Verdict.PASS))
    found = changes(report, Report(results=before))
    assert Change("stls-injection", "sim", Verdict.FAIL, Verdict.PASS) in found
    assert Change("gone", "sim", Verdict.PASS, None) in found
    assert not any(change.case == "data-end-split" for change in found)


def test_many_variations_in_few_words() -> None:
    cuts = [f"cuts={line}:{offset}" for line, last in ((19, 20), (30, 11)) for offset in range(1, last + 1)]
    assert spans(cuts) == "cuts 19:1…19:20 and 30:1…30:11"
    assert spans(["base"]) == "base"
    assert spans(["cuts=3:4", "cuts=3:9", "multi=7"]) == "cuts 3:4 and 3:9, multi=7"
    assert spans([f"multi={n}" for n in range(20)]).endswith("multi=11, 8 more")


def test_a_single_cut() -> None:
    assert single_cut("cuts=3:4") == (3, 4)
    assert single_cut("cuts=3:4+3:5") is None
    assert single_cut("not a variation") is None
