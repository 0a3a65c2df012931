"""Why a reply is what it is, asked of real records: sessions played in the machine."""

import time
from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

import pytest

from conformance.explaining.explanation import Explanation
from conformance.explaining.session import explain, rules_touched
from conformance.explaining.specification import Index
from conformance.format.talk_parser import parse
from conformance.playing.beats import Expect, Score, understand
from conformance.playing.runner import run
from conformance.playing.staging import opening_of
from conformance.playing.verdicts import GOOD, Moment
from conformance.selection import select
from conformance.targets import known
from conformance.varying.variations import BASE


class Played(NamedTuple):
    """A session that was played, and what it was started with."""

    score: Score
    record: Sequence[Moment]
    env: Mapping[bytes, bytes]

    def why(self, which: int = -1, lane: str = "S") -> Explanation:
        files = self.score.files
        told = explain(self.record, self.score.chain, files, self.env, index(), lane=lane, which=which)
        assert told is not None
        return told


@cache
def index() -> Index:
    return Index.of(select([]))


@cache
def played(name: str) -> Played:
    return _played(understand(select([name])[0]))


def _played(score: Score) -> Played:
    result = run(score, known()["sim"], BASE)
    assert result.verdict in GOOD, result.findings
    return Played(score, result.record, opening_of(score, BASE).env)


def typed(talk: str, rules: str = "", chain: str = "{fixsmtpio} {ofmipd}", env: str = "A=x") -> Played:
    text = f"""\
title: x
rules: FIX-GEN-7
level: info
run:   {chain}
as:    root
users: alice secret uid=1001
env:   {env}
-- control/me --
mail.example.org
-- control/fixsmtpio --
{rules}
-- talk --
{talk}"""
    return _played(understand(parse(text)))


SCENARIOS = [
    "authup-smtp/auth-plain#1",
    "authup-smtp/ehlo",
    "authup-smtp/all-else-needs-a-login#1",
    "authup-smtp/auth-cancelled#1",
    "authup-pop3/login",
    "authup-pop3/noop-and-quit",
    "authup-tls/starttls#1",
    "authup-tls/required",
    "authup-tls/stls",
    "chain/login-and-message",
    "chain/login-with-head-rules",
    "chain/reup-login",
    "chain/server-times-out",
    "chain/tls-then-login#1",
    "chain/pipelined-behind-auth",
    "fixsmtpio/seed-session-logged-in",
    "fixsmtpio/bdat-does-not-pass#1",
    "fixsmtpio/auth-continuation",
    "fixsmtpio/replies-have-one-form",
    "fixsmtpio-data/end-and-what-follows#1",
    "fixsmtpio-tls/earlier-replies-first#1",
    "fixsmtpio-tls/required",
    "fixsmtpio-tls/off",
]


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_rules_of_the_notes_are_among_the_reasons(name: str) -> None:
    """All replies are those of our programs, so all are paired for certain."""
    session = played(name)
    noted = found = 0
    for lane in ("S", "ST"):
        expected = [beat for beat in session.score.beats if isinstance(beat, Expect) and beat.lane == lane]
        number = 0
        while expected:
            told = session.why(number, lane)
            assert told.sure, told
            number += 1
            for _ in told.said.splitlines():
                beat = expected.pop(0)
                noted += bool(beat.rules)
                found += bool({reason.rule for reason in told.reasons} & set(beat.rules))
    assert found >= noted * 0.7, (found, noted)


def test_the_rules_of_a_whole_session() -> None:
    session = played("chain/login-and-message")
    touched = rules_touched(session.record, session.score.chain, session.score.files, session.env, index())
    assert {"AUTHUP-SMTP-1", "AUTHUP-SMTP-2", "FIX-RULE-4", "FIX-EV-3", "FIX-FIXUP-1"} <= set(touched)
    assert list(touched.values()) == sorted(touched.values(), reverse=True)


def test_nothing_was_said() -> None:
    assert explain([], ("{authup}",), {}, {}, index()) is None
    assert explain([Moment(0.0, "S", b"220 x\r\n")], ("{x}",), {}, {}, index(), which=1) is None


GREETED = "s: 220 x\nS: 220 x\n"


def test_who_eats_a_line() -> None:
    talk = f"""{GREETED}
C: EHLO a
c: EHLO a
s: 250-x
s: 250-AUTH LOGIN
s: 250 SIZE
S: 250-x
S: 250 SIZE
"""
    told = typed(talk, ":ehlo::250?AUTH*::\nNOT:ehlo::*::\n").why()
    assert told.lines()[:7] == [
        "S: 250-x",
        "S: 250 SIZE",
        '   fixsmtpio, answering "EHLO a" (event ehlo); the server said 3 lines, the client gets 2 lines',
        "   line 1  :ehlo::250?AUTH*::   removes the line",
        "   line 2  NOT:ehlo::*::   does nothing: NOT is not set",
        "   scenarios hold such a line to",
        "   FIX-RULE-2  (fixsmtpio/response-given-or-not:29)",
    ]


def test_a_pipeline() -> None:
    talk = f"""{GREETED}
C: NOOP
C: RSET
C: NOOP again
c: NOOP
c: RSET
c: NOOP again
s: 250 1
s: 250 2
s: 250 3
S: 250 1
S: 555 no
S: 250 3
"""
    session = typed(talk, ":rset::*::555 no\n")
    assert "RSET" in session.why(2).who
    assert session.why(2).applied[0].number == 1
    assert '"NOOP again"' in session.why(3).who
    assert session.why(3).applied == ()
    assert session.why(1, "c").who == 'fixsmtpio passes on "RSET"'


def test_what_stands_in_front_of_a_request() -> None:
    talk = f"{GREETED}\nC: RSET\nc: NOOP RSET\ns: 250 ok\nS: 250 ok\n"
    told = typed(talk, ":rset:NOOP :none::\n").why(lane="c")
    assert told.lines()[:3] == [
        "c: NOOP RSET",
        '   fixsmtpio, for the request "RSET"',
        '   line 1  :rset:NOOP :none::   puts "NOOP\\s" in front',
    ]
    assert told.reasons[0].rule == "FIX-REQ-2"


def test_a_request_that_was_not_answered_yet() -> None:
    record = [Moment(0.0, "s", b"220 x\r\n"), Moment(0.0, "S", b"220 x\r\n")]
    record += [Moment(0.0, "C", b"RSET\r\n"), Moment(0.0, "c", b"NOOP RSET\r\n")]
    files = {"control/fixsmtpio": b":rset:NOOP :*::\n"}
    told = explain(record, ("{fixsmtpio}", "{ofmipd}"), files, {}, index(), lane="c")
    assert told is not None
    assert [step.number for step in told.applied] == [1]


def test_a_long_session_takes_no_minutes() -> None:
    """A message of many lines, and a maildrop without a filter: it takes 3 s."""
    began = time.process_time()
    message = b"x\r\n" * 20000
    record = [Moment(0.0, "s", b"220 x\r\n"), Moment(0.0, "S", b"220 x\r\n"), Moment(0.0, "C", b"DATA\r\n")]
    record += [Moment(0.0, "s", b"354 x\r\n"), Moment(0.0, "S", b"354 x\r\n"), Moment(0.0, "C", message)]
    record += [Moment(0.0, "c", message), Moment(0.0, "S", message)]
    for chain in (("{fixsmtpio}", "{ofmipd}"), ("{qmail-pop3d}",)):
        told = explain(record, chain, {}, {}, index())
        assert told is not None
        assert len(told.lines()) < 60
        rules_touched(record, chain, {}, {}, index())
    assert time.process_time() - began < 20.0


def test_a_message_and_an_authentication() -> None:
    talk = f"""{GREETED}
C: DATA
c: DATA
s: 354 go
S: 354 go

C: QUIT
C: .
c: QUIT
c: .
s: 250 taken
S: 250 taken

C: AUTH X
c: AUTH X
s: 334 more
S: 334 more

C: QUIT
c: QUIT
s: 535 no
S: 555 auth
"""
    session = typed(talk, ":quit::*::221 never\n:auth::535*::555 auth\n")
    assert "(event in_data)" in session.why(2).who
    assert session.why(4).who.startswith('fixsmtpio, answering "QUIT" (event auth)')
    assert session.why(4).applied[0].number == 2


def test_a_reply_that_nobody_asked_for() -> None:
    told = typed(f"{GREETED}\ns: 421 bye\nS: 499 x\n", ":timeout::*::499 x\n").why()
    assert "(event timeout)" in told.who
    assert told.applied[0].number == 1


def test_starttls_that_is_blocked() -> None:
    talk = f"{GREETED}\nC: STARTTLS\nc: NOOP fixsmtpio STARTTLS BLOCK STARTTLS\ns: 250 ok\n"
    told = typed(talk + "S: 502 unimplemented (#5.5.1)\n").why()
    assert told.reasons[0].rule == "FIX-TLS-2"
    assert "in place of the server's" in told.who


def test_a_line_that_is_too_long() -> None:
    talk = f"{GREETED}\nC: {{repeat:65537:x}}\nS: 500 line too long (#5.5.6)\n"
    told = typed(talk).why()
    assert told.reasons[0].rule == "LIM-4"


def test_an_exit_code_that_authup_tells() -> None:
    told = played("chain/server-times-out").why()
    assert told.who == "authup; fixsmtpio ended with exit code 16, which a rule set"
    assert [(step.number, step.exit_code) for step in told.applied] == [(7, 16)]
    assert told.sure


def test_the_exit_of_a_filter_by_a_rule() -> None:
    told = typed(f"{GREETED}\ns: 421 bye\nc! eof\ns! exit 0\nS! eof\nS! exit 16\n", ":timeout::4*:16:\n").why(
        lane="S!"
    )
    assert told.lines()[0] == "S! exit 16"
    assert [step.number for step in told.applied] == [1]


def test_a_rule_file_that_is_rejected() -> None:
    told = played("chain/bad-rule-file").why()
    assert "control/fixsmtpio is rejected: line 1: " in told.who
    assert told.sure


def test_a_program_that_nothing_filters() -> None:
    told = played("chain/pop3-through-nothing").why(2)
    assert told.who == 'qmail-pop3d, answering "PASS secret"; nothing stands between it and the client'


def test_another_implementation_is_not_certain() -> None:
    """It says 503, where ours says 530; what follows is paired again."""
    record = [
        Moment(0.0, "S", b"220 mail.example.org ESMTP\r\n"),
        Moment(0.0, "C", b"RSET\r\nNOOP\r\n"),
        Moment(0.0, "S", b"503 login first\r\n250 ok\r\n"),
    ]
    chain, files = ("{authup}", "smtp", "{checkpassword}"), {"control/me": b"mail.example.org\n"}
    strange = explain(record, chain, files, {}, index(), which=1)
    usual = explain(record, chain, files, {}, index())
    assert strange is not None
    assert usual is not None
    assert (strange.sure, usual.sure) == (False, True)
    assert '"RSET"' in strange.who
    assert any("not certain" in line for line in strange.lines())
    assert not any(reason.sure for reason in strange.reasons)


def test_a_timeout_answers_nothing() -> None:
    record = [
        Moment(0.0, "S", b"220 mail.example.org ESMTP\r\n"),
        Moment(0.0, "C", b"NOO"),
        Moment(1200.0, "S", b"451 authup timeout (#4.4.2)\r\n"),
    ]
    chain, files = ("{authup}", "smtp", "{checkpassword}"), {"control/me": b"mail.example.org\n"}
    told = explain(record, chain, files, {}, index())
    assert told is not None
    assert told.who == "authup; the client was silent for too long, or took too long to log in"
    assert told.reasons[0].rule == "AUTHUP-GEN-7"


def test_nothing_reaches_the_terminal_raw() -> None:
    evil = b"\x1b[31m\x07\xc2\x9b"
    record = [
        Moment(0.0, "s", b"220 " + evil + b"\r\n"),
        Moment(0.0, "S", b"220 " + evil + b"\r\n"),
        Moment(0.0, "C", evil + b"\r\n"),
        Moment(0.0, "c", evil + b"\r\n"),
        Moment(0.0, "E", evil + b"\n"),
        Moment(0.0, "fd3", evil),
        Moment(0.0, "s", b"250 " + evil + b"\r\n"),
        Moment(0.0, "S", b"250 " + evil + b"\r\n"),
        Moment(0.0, "S", what="eof \x1b[31m"),
    ]
    files = {"control/fixsmtpio": b":" + evil + b"::3" + evil + b"::" + evil + b"\n", "control/me": evil}
    for lane in ("S", "c", "E", "fd3", "S!"):
        told = explain(record, ("{fixsmtpio}", "{ofmipd}"), files, {}, index(), lane=lane)
        assert told is not None
        assert all(line.isascii() and line.isprintable() for line in told.lines())
