"""Which rules stand behind a line: looked up among the scenarios."""

import time
from collections.abc import Sequence

import pytest

from conformance.explaining.quoting import WHOLE, Quotes
from conformance.explaining.specification import Around, Index, Reason
from conformance.explaining.wording import Wording, kind, wordings
from conformance.format.talk import Talk
from conformance.format.talk_parser import parse
from conformance.rules import read
from conformance.selection import select

TALK = """\
title: x
rules: AUTHUP-SMTP-4 AUTHUP-GEN-6 AUTHUP-LOG-1
run:   {authup} smtp {checkpassword} {ofmipd}
-- control/me --
mail.example.org
-- talk --
S: 220 mail.example.org ESMTP

C: HELO x
# [AUTHUP-SMTP-4] the name
S: 250 mail.example.org

C: NOOP
# [AUTHUP-SMTP-4 AUTHUP-GEN-6] two at once
S: 250 ok

# [AUTHUP-LOG-1] said before
E: authup {pid:authup} protocol smtp

C: QUIT
S: 221 mail.example.org
# [AUTHUP-GEN-6] it ends
S! exit 0
"""
CHAIN = ("{authup}", "smtp", "{checkpassword}", "{ofmipd}")


def index(*texts: str) -> Index:
    return Index.of([parse(text, name=f"case-{n}", file=f"{n}.talk") for n, text in enumerate(texts, 1)])


def found(
    those: Index, lane: str, line: bytes, cause: bytes | None, around: Around | None = None
) -> list[tuple[str, str, int, bool]]:
    reasons = those.reasons(lane, line, cause=cause, chain=CHAIN, around=around)
    return [(reason.rule, reason.case, reason.line, reason.sure) for reason in reasons]


def test_a_line_under_a_note() -> None:
    assert found(index(TALK), "S", b"250 mail.example.org\r\n", b"HELO x\r\n") == [
        ("AUTHUP-SMTP-4", "case-1", 11, True)
    ]


def test_the_text_is_that_of_the_catalogue() -> None:
    [reason] = index(TALK).reasons("S", b"250 mail.example.org\r\n", cause=b"HELO y\r\n", chain=CHAIN)
    assert reason == Reason("AUTHUP-SMTP-4", read()["AUTHUP-SMTP-4"].text, "case-1", 11, sure=True)


def test_the_same_line_in_answer_to_another_command_is_not_sure() -> None:
    assert found(index(TALK), "S", b"250 mail.example.org\r\n", b"MAIL x\r\n") == [
        ("AUTHUP-SMTP-4", "case-1", 11, False)
    ]


def test_a_line_of_the_same_kind_is_not_sure() -> None:
    reasons = found(index(TALK), "S", b"250 welcome\r\n", b"HELO x\r\n")
    assert ("AUTHUP-SMTP-4", "case-1", 11, False) in reasons
    assert not any(sure for *_, sure in reasons)


def test_nothing_of_the_kind() -> None:
    assert found(index(TALK), "S", b"354 go\r\n", b"DATA\r\n") == []
    assert found(index(TALK), "c", b"250 ok\r\n", b"NOOP\r\n") == []


def test_the_header_is_worth_less_than_a_note_and_never_sure() -> None:
    reasons = found(index(TALK), "S", b"221 mail.example.org\r\n", b"QUIT\r\n")
    assert {rule for rule, *_ in reasons} == {"AUTHUP-SMTP-4", "AUTHUP-GEN-6", "AUTHUP-LOG-1"}
    assert not any(sure for *_, sure in reasons)


def test_captures_are_any_number() -> None:
    assert found(index(TALK), "E", b"authup 4711 protocol smtp\n", None)[0][0] == "AUTHUP-LOG-1"
    assert found(index(TALK), "E", b"authup x protocol smtp\n", None)[0][3] is False


def test_an_event() -> None:
    assert found(index(TALK), "S!", b"exit 0", b"QUIT\r\n") == [("AUTHUP-GEN-6", "case-1", 23, True)]


@pytest.mark.parametrize(
    ("cause", "first"), [(b"HELO x\r\n", "AUTHUP-SMTP-4"), (b"NOOP\r\n", "AUTHUP-SMTP-5")]
)
def test_the_same_cause_counts(cause: bytes, first: str) -> None:
    other = TALK.replace("AUTHUP-SMTP-4", "AUTHUP-SMTP-5").replace("HELO x", "NOOP")
    assert found(index(TALK, other), "S", b"250 mail.example.org\r\n", cause)[0][0] == first


@pytest.mark.parametrize(("words", "first"), [("A=", "CTL-2"), ("B=", "CTL-1")])
def test_the_same_setting_counts(words: str, first: str) -> None:
    other = TALK.replace("AUTHUP-SMTP-4", "CTL-2").replace("run: ", "env:   A=x\nrun: ")
    this = TALK.replace("AUTHUP-SMTP-4", "CTL-1").replace("run: ", "env:   B=x\nrun: ")
    setting = frozenset({words, "control/me", *CHAIN})
    line = b"250 mail.example.org\r\n"
    assert found(index(this, other), "S", line, b"HELO x\r\n", Around(setting=setting))[0][0] == first


def test_a_scenario_with_a_variable_that_is_not_here_is_not_sure() -> None:
    those = index(TALK.replace("run: ", "env:   UCSPITLS=!\nrun: "))
    line = b"250 mail.example.org\r\n"
    for setting, sure in ((frozenset[str](), False), (frozenset({"UCSPITLS="}), True)):
        around = Around(setting=setting)
        assert found(those, "S", line, b"HELO x\r\n", around)[0][3] is sure


def test_our_own_name_is_any_scenarios_name() -> None:
    around = Around(greeting=b"mx.example.net")
    reasons = found(index(TALK), "S", b"250 mx.example.net\r\n", b"HELO x\r\n", around)
    assert reasons == [("AUTHUP-SMTP-4", "case-1", 11, True)]


def test_a_note_of_one_rule_before_one_of_two() -> None:
    two = TALK.replace("[AUTHUP-SMTP-4 AUTHUP-GEN-6]", "[CTL-1 CTL-2]")
    one = TALK.replace("[AUTHUP-SMTP-4 AUTHUP-GEN-6]", "[CTL-2]")
    reasons = found(index(two, one), "S", b"250 ok\r\n", b"NOOP\r\n")
    assert [rule for rule, *_ in reasons] == ["CTL-2", "CTL-1"]


def test_what_is_left_out() -> None:
    reasons = index(TALK).reasons("S", b"250 ok\r\n", cause=b"NOOP\r\n", chain=CHAIN, without={"case-1"})
    assert reasons == []


def test_a_draft_tells_nothing() -> None:
    draft = parse(TALK.replace("title: x", "title: x\ndraft: yes"), name="d", file="d.talk")
    assert list(wordings(draft)) == []


@pytest.mark.parametrize(
    ("lane", "line", "expected"),
    [
        ("C", b"ehlo x\r\n", b"EHLO"),
        ("C", b"EHLO\r\n", b"EHLO"),
        ("C", b"AGFsaWNl\r\n", b"AGFSAWNL"),
        ("C", b"AGFsaWNlAHNlY3JldA==\r\n", b"?"),
        ("S", b"250-x\r\n", b"250"),
        ("S", b"-ERR x\r\n", b"-ER"),
        ("S!", b"exit 12", b"exit"),
        ("C", b"C! eof", b"C! eof"),
        ("E", b"authup 1 x\n", b"AUTHUP"),
    ],
)
def test_the_kind_of_a_line(lane: str, line: bytes, expected: bytes) -> None:
    assert kind(lane, line) == expected


@pytest.mark.parametrize(
    ("rule", "line", "verb", "whole"),
    [
        ("AUTHUP-SMTP-1", b"220 mail.example.org ESMTP\r\n", b"", True),
        ("AUTHUP-SMTP-4", b"250 ok\r\n", b"NOOP", True),
        ("AUTHUP-ERR-2", b"535 authup authorization failed (#5.7.0)\r\n", b"AUTH", True),
        ("AUTHUP-SMTP-13", b"501 authup auth exchange cancelled (#5.0.0)\r\n", b"", False),
        ("AUTHUP-SMTP-4", b"535 authup authorization failed (#5.7.0)\r\n", b"AUTH", False),
        ("BASE-7", b"250 ok\r\n", b"NOOP", False),
        ("NO-1", b"250 ok\r\n", b"NOOP", False),
    ],
)
def test_what_a_rule_quotes(rule: str, line: bytes, verb: bytes, whole: bool) -> None:
    assert (Quotes(read()).points(rule, line, verb) >= WHOLE) is whole


@pytest.fixture(scope="module")
def corpus() -> Sequence[Talk]:
    return select([])


def test_the_whole_corpus_is_indexed_in_time(corpus: Sequence[Talk]) -> None:
    """It takes 0.8 s; whoever asks :why for the first time waits for it."""
    began = time.process_time()
    Index.of(corpus)
    assert time.process_time() - began < 5.0


def test_scenarios_that_were_left_out_are_found_by_the_others(corpus: Sequence[Talk]) -> None:
    """The honest figure: each noted line, looked up without its own scenario. Every tenth one is tried."""
    those = Index.of(corpus)
    lines = {(w.scenario, w.line, w.lane): w for case in corpus for w in wordings(case)}
    noted = [w for w in lines.values() if w.noted and w.literal is not None][::10]
    assert _hits(those, noted, without=False) > 0.95
    assert _hits(those, noted, without=True) > 0.48


def _hits(those: Index, lines: Sequence[Wording], *, without: bool) -> float:
    hits = 0
    for line in lines:
        assert line.literal is not None
        request = line.requests[-1] if line.requests and line.requests != line.causes else None
        around = Around(request=request, after=line.after, setting=line.setting, story=line.story)
        reasons = those.reasons(
            line.lane,
            line.literal,
            cause=line.causes[-1] if line.causes else None,
            chain=(),
            around=around,
            without={line.scenario} if without else (),
        )
        hits += any(reason.rule in line.rules for reason in reasons)
    return hits / len(lines)
