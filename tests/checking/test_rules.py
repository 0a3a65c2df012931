"""Each code for control/fixsmtpio: a file that has it, and its nearest neighbour that has not."""

from pathlib import Path

import pytest

from checking.remarks import Severity
from tests.checking.house import RULES, SMTP, codes, look, make

CLEAN = RULES.decode()
HIDE_ALL = "AUTHUP_USER:greeting::2*::235 ok, go ahead (#2.0.0)\n"
READONLY = "READONLY:mail:NOOP :*::550 no\n"
# code, rules that have it, rules that have not; both behind the clean ones
TABLE = [
    ("bad-rule", ":ehlo::250*\n", ":noop::5*:\n"),
    ("bad-rule", ":noop::5*:256:\n", ":noop::5*:255:\n"),
    ("never-applies", "A=1:noop::5*::500 x\n", "A:noop::5*::500 x\n"),
    ("never-applies", ":no op::5*::500 x\n", ":noop::5*::500 x\n"),
    ("never-applies", ":noop::ok*::500 x\n", ":noop::5*::500 x\n"),
    ("never-applies", ":noop::5 *::500 x\n", ":noop::5?? *::500 x\n"),
    ("never-applies", ":clienteof::2*:0\n", ":clienteof::*:0\n"),
    ("never-applies", ":clienteof::*:\n", ":clienteof::*:0:\n"),
    ("unknown-event", ":mial::5*::500 x\n", ":mail::5*::500 x\n"),
    ("unknown-event", ":client_eof::*:0:\n", ":clienteof::*:0:\n"),
    ("env-not-set", READONLY, READONLY.replace("READONLY", "TCPREMOTEIP")),
    ("glob-case", ":ehlo::250?size*::\n", ":ehlo::250?SIZE*::\n"),
    ("glob-escape", ":noop::250 ok\\r\\n::250 x\n", ":noop::250 ok\\*::250 x\n"),
    ("regular-expression", ":noop::250[- ](ok|OK).*::250 x\n", ":noop::250[- ][oO][kK]*::250 x\n"),
    ("regular-expression", ":noop::250 ok.*::250 x\n", ":noop::250 ok. *::250 x\n"),
    ("only-bare-codes", ":rcpt::5??::450 x\n", ":rcpt::5??*::450 x\n"),
    ("line-ending", ":noop::250 ok??::250 x\n", ":noop::250 ok::250 x\n"),
    ("line-ending", ":noop::250 *[!k]::250 x\n", ":noop::250 *k::250 x\n"),
    ("fourth-byte", ":ehlo::250 SIZE*::\n", ":ehlo::250?SIZE*::\n"),
    ("fourth-byte", ":ehlo::250-SIZE*::\n", ":ehlo::250-SIZE*::\n:ehlo::250 SIZE*::\n"),
    ("hides", ":noop::250 ok::250 a\n:noop::2*::250 b\n", ":noop::2*::250 b\n:noop::550 ok::250 a\n"),
    ("hides", "A:noop::250 a::250 b\n:noop::250?a*::\n", ":noop::550 a::250 b\nA:noop::250?a*::\n"),
    ("order-matters", ":noop::2*::250 b\n:noop::250 ok::250 a\n", ":noop::2*::250 b\n:noop::5*::250 a\n"),
    ("twice", READONLY * 2, READONLY + READONLY.replace("READONLY", "OTHER")),
    ("starttls-fixed", ":starttls::5*::454 x\n", ":starttls::5*::502 unimplemented (#5.5.1)\n"),
    ("data-reply", ":data::354*::550 no\n", ":data:NOOP :*::550 no\n"),
    ("not-a-reply", ":noop::5*::hello\n", ":noop::5*::500 hello\n"),
    ("not-a-reply", ":noop::5*::  # hide it\n", ":noop::5*::500 # hide it\n"),
    ("not-a-reply", ":noop::5*::\u2018500 x\u2019\n", ":noop::5*::500-x\n"),
    ("not-a-reply", ":help::2*::&amp;fixsmtpio\n", ":help::2*::&fixsmtpio_fixup\n"),
    ("not-a-reply", ":noop::5*:: 500 x\n", ":noop::5*::500\n"),
    ("not-a-reply", ":noop::5*::5000 x\n", ":noop::5*::\n"),
    ("odd-bytes", ":noop::5*::500 f\u00fcr\n", ":noop::5*::500 fuer\n# f\u00fcr\n"),
    ("odd-bytes", ":noop::5*::500 \x1b[2J\n", ":noop::5*::500 \tx\n"),
    ("ends-at-once", ":mail::2*:17:\n", ":mail::4*:17:\n"),
    ("exit-code", "AUTHUP_USER:noop::5*:1:\n", "AUTHUP_USER:noop::5*:3:\n"),
    ("mixed-spellings", ":helo::2*::&fixsmtpio\n", ":helo::2*::&fixsmtpio_fixup\n"),
]
# code, a whole file, its neighbour
WHOLE = [
    ("auth-220", CLEAN.replace(HIDE_ALL, ""), CLEAN),
    ("auth-220", CLEAN.replace(HIDE_ALL, ":greeting::2*::&fixsmtpio_fixup\n"), CLEAN),
    ("auth-220", CLEAN.replace(HIDE_ALL, ":greeting::2*::\n"), CLEAN),
    ("auth-advertised", CLEAN.replace("AUTHUP_USER:ehlo::250?AUTH*::\n", ""), CLEAN),
    ("auth-advertised", CLEAN.replace("250?AUTH*", "250?AUTH *"), CLEAN),
    ("starttls-advertised", CLEAN.replace(":ehlo::2*::&fixsmtpio_fixup\n", ""), CLEAN),
    ("old-spelling", CLEAN.replace("_fixup", "").replace(":&fixsmtpio_noop", ""), CLEAN),
    ("too-complicated", CLEAN + "".join(f":noop::*a{'?' * 30}{n}*::250 x\n" for n in range(20)), CLEAN),
]


def found(tmp_path: Path, name: str, rules: str) -> list[str]:
    (tmp_path / name).mkdir()
    return codes(look(make(tmp_path / name, {"fixsmtpio": rules.encode()})))


def test_the_clean_ones_are_clean(tmp_path: Path) -> None:
    assert found(tmp_path, "q", CLEAN) == []


@pytest.mark.parametrize(("code", "bad", "good"), TABLE)
def test_each_code(tmp_path: Path, code: str, bad: str, good: str) -> None:
    assert code in found(tmp_path, "bad", CLEAN + bad)
    assert code not in found(tmp_path, "good", CLEAN + good)


@pytest.mark.parametrize(("code", "bad", "good"), WHOLE)
def test_each_code_of_whole_files(tmp_path: Path, code: str, bad: str, good: str) -> None:
    assert code in found(tmp_path, "bad", bad)
    assert code not in found(tmp_path, "good", good)


def test_all_bad_lines_are_told_with_their_numbers(tmp_path: Path) -> None:
    home = make(tmp_path, {"fixsmtpio": b"# x\n:ehlo::250*\n\n:::2*::\n"})
    bad = [remark for remark in look(home).remarks if remark.code == "bad-rule"]
    assert [remark.place for remark in bad] == [("control/fixsmtpio", 2), ("control/fixsmtpio", 4)]
    assert "expected an event in the second field" in bad[1].text
    assert "`:::2*::`" in bad[1].text


@pytest.mark.parametrize(
    ("line", "guess"),
    [
        (b":helo:2*::&fixsmtpio_fixup", "It looks as if a colon is missing in front of `2*`. Correct it"),
        (b":ehlo::250*", "Correct it"),
    ],
)
def test_a_missing_colon_is_guessed(tmp_path: Path, line: bytes, guess: str) -> None:
    (bad,) = [
        remark for remark in look(make(tmp_path, {"fixsmtpio": line})).remarks if remark.code == "bad-rule"
    ]
    assert bad.advice.startswith(guess)


@pytest.mark.parametrize(
    ("words", "rule", "code"),
    [
        ("fixsmtpio qmail-smtpd", "AUTHUP_USER:noop::5*::500 x", "never-applies"),
        (SMTP, "AUTHUP_USER:noop::5*::500 x", None),
        (SMTP, "FIXSMTPIOTLS:noop::5*::500 x", "never-applies"),
        ("ucspitlsd fixsmtpio qmail-smtpd", "FIXSMTPIOTLS:noop::5*::500 x", None),
        (SMTP, "SSL_CIPHER:noop::5*::500 x", "never-applies"),
        (SMTP.replace("reup", "s6-ucspitlsd reup"), "SSL_CIPHER:noop::5*::500 x", None),
        (SMTP, "READONLY:noop::5*::500 x", "env-not-set"),
        (SMTP.replace("reup", "env READONLY=1 reup"), "READONLY:noop::5*::500 x", None),
        (SMTP.replace("-vRl0", "-vRl0 -x rules.cdb"), "READONLY:noop::5*::500 x", None),
        (SMTP, "USER:noop::5*::500 x", None),
    ],
)
def test_who_sets_a_variable(tmp_path: Path, words: str, rule: str, code: str | None) -> None:
    home = make(tmp_path, {"fixsmtpio": RULES + rule.encode()})
    lines = [remark.code for remark in look(home, words).remarks if remark.place.line == 7]
    assert lines == ([code] if code else [])


def test_a_login_that_gets_220_is_an_error_where_there_is_one(tmp_path: Path) -> None:
    home = make(tmp_path, {"fixsmtpio": b":greeting::2*::&fixsmtpio_fixup"})
    severities = []
    for words in (None, SMTP, "fixsmtpio qmail-smtpd"):
        severities += [r.severity for r in look(home, words).remarks if r.code == "auth-220"]
    assert severities == [Severity.WARNING, Severity.ERROR]


def test_the_rule_that_makes_it_220_is_named(tmp_path: Path) -> None:
    rules = b"AUTHUP_USER:greeting::2*::235 ok\n:greeting::2*::&fixsmtpio_fixup\n:greeting::5*:15:\n"
    home = make(tmp_path, {"fixsmtpio": rules})
    assert [r.place.line for r in look(home, SMTP).remarks if r.code == "auth-220"] == [2]


def test_no_rules_at_all_are_no_answer_to_auth(tmp_path: Path) -> None:
    home = make(tmp_path, {})
    assert "auth-220" not in codes(look(home))
    assert "auth-220" in codes(look(home, SMTP))


def test_an_order_is_told_with_both_outcomes(tmp_path: Path) -> None:
    home = make(tmp_path, {"fixsmtpio": b":noop::2*::250 b\n:noop::250 ok::250 a\n"})
    (remark,) = [remark for remark in look(home).remarks if remark.code == "order-matters"]
    assert "`250 ok`" in remark.text
    assert remark.text.endswith("the client gets `250 a`. The other way round: the client gets `250 b`.")


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        (
            "AUTHUP_USER:greeting::4*:14",
            (
                "After a login, when the server greets: each line that begins with `4` stays as it is; the "
                "session ends with exit code 14."
            ),
        ),
        (
            ":ehlo::250?SIZE*::",
            "In every session, when the client says EHLO: each line like `250?SIZE*` is removed.",
        ),
        (
            "X:vrfy:NOOP :*::502 no",
            (
                "In sessions with X in their environment, when the client says VRFY: the server gets `NOOP "
                "VRFY ...`, so that it does nothing; each line of the reply becomes `502 no`."
            ),
        ),
        (
            "AUTHUP_USER:timeout::451 x:16:",
            (
                "After a login, when the server says something that nobody asked for, as at a timeout: the "
                "line `451 x` is removed; the session ends with exit code 16 (authup tells the client of a "
                "timeout)."
            ),
        ),
        (
            "FIXSMTPIOTLS:in_data::2*:",
            (
                "Inside TLS that fixsmtpio started, when the server answers a message: each line that "
                "begins with `2` stays as it is, and nothing else happens."
            ),
        ),
        (
            "AUTHUP_USER:greeting::*::&fixsmtpio",
            (
                "After a login, when the server greets: each line of the reply becomes `235 ok, go ahead "
                "(#2.0.0)`, which answers AUTH, if it begins with 2."
            ),
        ),
        (
            ":quit::2*::&fixsmtpio_fixup",
            (
                "In every session, when the client says QUIT: each line that begins with `2` becomes `221 "
                "mail.example.org`."
            ),
        ),
        (
            ":mail:X :*:",
            (
                "In every session, when the client says MAIL: the server gets `X\\s` in front of what the "
                "client said."
            ),
        ),
    ],
)
def test_sentences(tmp_path: Path, rule: str, sentence: str) -> None:
    home = make(tmp_path, {"fixsmtpio": rule.encode()})
    assert look(home).rules == [(1, sentence)]


@pytest.mark.parametrize(
    ("rules", "advice"),
    [
        (b"\xef\xbb\xbf# rules\n", "byte order mark"),
        ("# rules\n:noop::5*::500 x\n".encode("utf-16"), "UTF-16"),
        (b"  # rules\n", "first byte"),
        (b":ehlo::2*::&fixsmtpio # names us\n", "line of its own"),
        (b":noop::5*::  # hide it\n", "line of its own"),
        (b":ehlo::2*::&amp;fixsmtpio_fixup\n", "`&fixsmtpio_fixup`"),
        (b":noop::5*:: 500 x\n", "behind the colon"),
        (b":noop::5*::hello\n", "`250 `"),
        (b":noop::^5.*::500 x\n", "regular expressions"),
    ],
)
def test_what_was_meant(tmp_path: Path, rules: bytes, advice: str) -> None:
    remarks = look(make(tmp_path, {"fixsmtpio": rules})).remarks
    odd = [r for r in remarks if r.code in {"bad-rule", "not-a-reply"} or "changes a reply" in r.text]
    assert [advice in remark.advice for remark in odd] == [True]


@pytest.mark.parametrize(
    ("event", "guess"), [("elho", "Is helo or ehlo meant?"), ("rctp", "Is rcpt meant?"), ("x", "first word")]
)
def test_which_event_was_meant(tmp_path: Path, event: str, guess: str) -> None:
    remarks = look(make(tmp_path, {"fixsmtpio": f":{event}::5*::500 x\n".encode()})).remarks
    (advice,) = (remark.advice for remark in remarks if remark.code == "unknown-event")
    assert guess in advice


def test_without_the_file_there_are_no_rules_to_speak_of(tmp_path: Path) -> None:
    (found,) = (r for r in look(make(tmp_path, {}), SMTP).remarks if r.code == "auth-220")
    assert "Without this file" in found.text
    assert found.advice.startswith("Write one")
