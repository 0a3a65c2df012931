"""What control/fixsmtpio means and what rules make of a reply, line by line: FIX-RULE-1 to -7,
FIX-RESP-3, -5 and -6, the routines of 5.6, FIX-REQ-2; fed without a filter.
"""

import re

import pytest

from acceptutils.rules import BadRuleError, Response, Rewriter, Rewriting, parse
from tests.core.conftest import Cases
from tests.core.exchange import GREETING, Scenario, scenarios


def rewriter(*rules: bytes) -> Rewriter:
    return Rewriter(parse(b"\n".join(rules)), GREETING, authenticated=False)


MEANINGS = [
    pytest.param(b"E:helo:NOOP :2*:14:250 hi", 14, b"250 hi", id="FIX-RULE-1 six fields"),
    pytest.param(b"E:helo:NOOP :2*:14", 14, Response.KEEP, id="FIX-RULE-2 five fields keep"),
    pytest.param(b"E:helo:NOOP :2*:", None, Response.KEEP, id="FIX-RULE-2 five fields, no exit code"),
    pytest.param(b"E:helo:NOOP :2*::", None, b"", id="FIX-RULE-2 empty removes"),
    pytest.param(b"E:helo:NOOP :2*::250 a:b::c:", None, b"250 a:b::c:", id="FIX-RULE-1 more colons"),
    pytest.param(b"E:helo:NOOP :2*::&fixsmtpio_fixup", None, Response.FIXUP, id="FIX-RULE-3 fixup"),
    pytest.param(b"E:helo:NOOP :2*::&fixsmtpio_noop", None, Response.KEEP, id="FIX-RULE-3 noop"),
    pytest.param(b"E:helo:NOOP :2*:3:&nofixsmtpio", 3, Response.KEEP, id="FIX-RULE-3 the seed's noop"),
    pytest.param(b"E:helo:NOOP :2*::&fixsmtpio", None, Response.SEED_FIXUP, id="FIX-RULE-4"),
    pytest.param(b"E:helo:NOOP :2*::& co", None, b"& co", id="FIX-RULE-5 other ampersands"),
    pytest.param(b"E:helo:NOOP :2*:: &fixsmtpio", None, b" &fixsmtpio", id="FIX-RULE-6 a blank before it"),
    pytest.param(b"E:helo:NOOP :2*::250", None, b"250", id="FIX-RULE-5 three bytes"),
    pytest.param(b"E:helo:NOOP :2*:0:", 0, b"", id="FIX-RULE-5 exit code 0"),
    pytest.param(b"E:helo:NOOP :2*:255:", 255, b"", id="FIX-RULE-5 exit code 255"),
    pytest.param(b"E:helo:NOOP :2*:010:", 10, b"", id="FIX-RULE-5 decimal, not octal"),
    pytest.param(b"E:helo:NOOP :2*:: \t\r", None, b"", id="CTL-2 trailing blanks"),
]


@pytest.mark.parametrize(("line", "exit_code", "response"), MEANINGS)
def test_a_line_means(line: bytes, exit_code: int | None, response: bytes | Response, cases: Cases) -> None:
    cases.count += 1
    [rule] = parse(line)
    assert (rule.env, rule.event, rule.prepend, rule.glob.pattern) == (b"E", b"helo", b"NOOP ", b"2*")
    assert rule.exit_code == exit_code
    assert rule.response == response


def test_fields_are_literal(cases: Cases) -> None:
    """FIX-RULE-6: blanks count, unknown events are allowed; FIX-RULE-5: an empty clienteof too."""
    cases.count += 2
    [rule, eof] = parse(b" A : FroB : X : 2 ::  250 b\n:clienteof::*:0:\n")
    assert (rule.env, rule.event, rule.prepend, rule.glob.pattern) == (b" A ", b" frob ", b" X ", b" 2 ")
    assert rule.response == b"  250 b"
    assert (eof.event, eof.exit_code) == (b"clienteof", 0)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"::prepend:*::", id="no event"),
        pytest.param(b":helo::::", id="no glob"),
        pytest.param(b":helo::*", id="four fields"),
        pytest.param(b"helo", id="one field"),
        pytest.param(b" # a blank before makes it no comment", id="no comment"),
        pytest.param(b":helo::*:256:", id="exit code 256"),
        pytest.param(b":helo::*:-1:", id="exit code negative"),
        pytest.param(b":helo::*:+1:", id="exit code with a sign"),
        pytest.param(b":helo::*: 1:", id="exit code after a blank"),
        pytest.param(b":helo::*:5abc:", id="exit code with junk"),
        pytest.param(b":helo::*:0x1:", id="exit code hexadecimal"),
        pytest.param(b":helo::*:4294967296:", id="exit code that wraps in C"),
        pytest.param(b":helo::*:" + b"9" * 5000, id="exit code of many digits"),
        pytest.param(b":clienteof::*:0:250 bye", id="clienteof with a text"),
        pytest.param(b":CLIENTEOF::*:0:&fixsmtpio_noop", id="clienteof with noop"),
        pytest.param(b":clienteof::*:0:&nofixsmtpio", id="clienteof with the seed's noop"),
        pytest.param(b":mail::*::&fixsmtpio_fixup", id="fixup without a routine"),
        pytest.param(b":timeout::*::&fixsmtpio", id="the seed's fixup without a routine"),
        pytest.param(b":in_data::*::&fixsmtpio", id="in_data has no routine"),
        pytest.param(b":helo::*::x", id="response of one byte"),
        pytest.param(b":helo::*::25", id="response of two bytes"),
        pytest.param(b":helo::*::25  ", id="response of two bytes after CTL-2"),
        pytest.param(b":helo::*::&fixsmtpio_", id="&fixsmtpio_"),
        pytest.param(b":helo::*::&fixsmtpiofixup", id="&fixsmtpio and more"),
        pytest.param(b":helo::*::&fixsmtpio_fixup now", id="&fixsmtpio_fixup and more"),
        pytest.param(b":helo::*::&nofixsmtpio_noop", id="&nofixsmtpio and more"),
        pytest.param(b":helo::*::&fixsmtpio:", id="a colon more"),
    ],
)
def test_one_bad_line_rejects_the_file(line: bytes, cases: Cases) -> None:
    """FIX-RULE-5, with the line's number for FIX-GEN-4, wherever the line stands."""
    for before, after, number in ((b"", b"", 1), (b"# one\r\n\n:quit::*::\n", b"\n:quit::*::\n", 4)):
        cases.count += 1
        with pytest.raises(BadRuleError) as caught:
            parse(before + line + after)
        assert caught.value.number == number
        assert caught.value.reason
        assert str(caught.value) == f"line {number}: {caught.value.reason}"


def test_the_first_bad_line_is_named(cases: Cases) -> None:
    cases.count += 1
    with pytest.raises(BadRuleError) as caught:
        parse(b":helo::*::\nbad\nworse\n")
    assert caught.value.number == 2


def test_lines_that_are_no_rules(cases: Cases) -> None:
    """CTL-2: comments, empty lines; FIX-GEN-3: no file."""
    cases.count += 2
    assert parse(None) == []
    assert [rule.event for rule in parse(b"#:a::*:\n\n \t\r\n:b::*:\n#\n:c::*:")] == [b"b", b"c"]


@pytest.mark.parametrize(
    ("rule", "event", "env", "applies"),
    [
        pytest.param(b":HeLo::*:1:", b"helo", (), True, id="event in any case"),
        pytest.param(b":helo::*:1:", b"ehlo", (), False, id="another event"),
        pytest.param(b":helo::*:1:", None, (), False, id="no event"),
        pytest.param(b"HAS:helo::*:1:", b"helo", (b"HAS",), True, id="variable exists"),
        pytest.param(b"HAS:helo::*:1:", b"helo", (b"has", b"HASH"), False, id="variable does not exist"),
    ],
)
def test_a_rule_applies(
    rule: bytes, event: bytes | None, env: tuple[bytes, ...], applies: bool, cases: Cases
) -> None:
    """FIX-RULE-7; an exit code and a prepend tell."""
    cases.count += 2
    result = rewriter(rule).rewrite(event, env, [b"250 ok\r\n"], only=True, offers_tls=False)
    assert result == (Rewriting(b"", 1) if applies else Rewriting(b"250 ok\r\n", None))
    prepended = rewriter(rule.replace(b"::*", b":NOOP :*")).prepended(event, env, b"x\r\n")
    assert prepended == (b"NOOP x\r\n" if applies else b"x\r\n")


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        pytest.param(
            [b":a:X:*::", b":a:Y :*:1:", b":a::*::", b":b:Z:*::"], b"Y Xreq\r\n", id="last one first"
        ),
        pytest.param([b":a:X:nothing:9:250 hi"], b"Xreq\r\n", id="glob, exit code and response play no part"),
        pytest.param([], b"req\r\n", id="no rule"),
    ],
)
def test_request_prepends(rules: list[bytes], expected: bytes, cases: Cases) -> None:
    """FIX-REQ-2."""
    cases.count += 1
    assert rewriter(*rules).prepended(b"a", {}, b"req\r\n") == expected


@pytest.mark.parametrize(
    ("glob", "line", "matches"),
    [
        pytest.param(b"250 ok", b"250 ok\r\n", True, id="without CRLF"),
        pytest.param(b"250 ok", b"250 ok\n", True, id="without LF"),
        pytest.param(b"250 ok??", b"250 ok\r\n", True, id="with CRLF"),
        pytest.param(b"250 ok?", b"250 ok\n", True, id="with LF"),
        pytest.param(b"250 ok?", b"250 ok\r\n", False, id="no third form without the LF only"),
        pytest.param(b"250 ok\r\r", b"250 ok\r\r\n", False, id="no form with all CRs"),
        pytest.param(b"250 ok\r", b"250 ok\r\r\n", True, id="one CR removed"),
        pytest.param(b"250 ok", b"250 ok\r\r\n", False, id="only one CR removed"),
        pytest.param(b"250?STARTTLS", b"250-STARTTLS\r\n", True, id="the seed page's glob"),
        pytest.param(b"250?STARTTLS", b"250 STARTTLS\r\n", True, id="the seed page's glob, last line"),
        pytest.param(b"250?STARTTLS", b"250-STARTTLS now\r\n", False, id="whole lines only"),
        pytest.param(b"250?starttls", b"250-STARTTLS\r\n", False, id="case matters"),
        pytest.param(b"*", b"\r\n", True, id="star and the empty line"),
        pytest.param(b"??", b"\r\n", True, id="CR and LF are bytes"),
    ],
)
def test_a_glob_sees_two_forms(glob: bytes, line: bytes, matches: bool, cases: Cases) -> None:
    """FIX-RESP-3."""
    cases.count += 1
    made = rewriter(b":a::" + glob + b":1:").rewrite(b"a", {}, [line], only=True, offers_tls=False)
    assert made.exit_code == (1 if matches else None)


def made_of(block: str) -> tuple[Rewriting, Rewriting]:
    """Return what the rules of a block make of its reply, and what the block expects."""
    scenario = Scenario(block)
    rules = parse(b"".join(scenario.rules))
    made = Rewriter(rules, GREETING, authenticated=b"AUTHUP_USER" in scenario.env).rewrite(
        rules[0].event if rules else b"any",
        scenario.env,
        re.findall(rb"[^\n]*\n", scenario.server),
        only=scenario.server.count(b"\n") == 1,
        offers_tls=scenario.tls.offered,
    )
    [phase] = scenario.phases
    return made, Rewriting(phase.to_client, phase.exit_code)


REPLIES = r"""
FIX-RULE-2 replaced
    R: :a::2*::250 new
    s: 250 ok
    S: 250 new
FIX-RESP-6 nothing left
    R: :a::2*::
    s: 250-a
    s: 250 b
FIX-RULE-2 left
    R: :a::2*:
    s: 250-a
    s: 250 b
    S: 250-a
    S: 250 b
FIX-RESP-5 text after removal
    R: :a::*::
    R: :a::*::250 x
    s: 250 ok
    S: 250 x
FIX-RESP-5 removal after text
    R: :a::*::250 x
    R: :a::*::
    s: 250 ok
FIX-RESP-5 noop keeps earlier text
    R: :a::*::250 x
    R: :a::*::&fixsmtpio_noop
    s: 250 ok
    S: 250 x
FIX-RESP-5 noop keeps removal
    R: :a::*::
    R: :a::*::&nofixsmtpio
    s: 250 ok
FIX-RESP-5 the original line is matched
    R: :a::*ok::500 x
    R: :a::5*::550 y
    s: 250 ok
    S: 500 x
FIX-RESP-5 in file order
    R: :a::*ok::500 x
    R: :a::2*::550 y
    s: 250 ok
    S: 550 y
FIX-RESP-5 routine after removal
    R: :helo::*::
    R: :helo::*::&fixsmtpio_fixup
    s: 250 ok
    S: 250 mail.example.org
FIX-RESP-5 text after routine
    R: :helo::*::&fixsmtpio_fixup
    R: :helo::*::250 me
    s: 250 ok
    S: 250 me
FIX-RESP-5 last exit code
    R: :a::*:3
    R: :a::*:4
    R: :a::*:
    s: 250 ok
    S: 250 ok
    S! exit 4
FIX-RESP-5 last exit code by line
    R: :a::*b*:3
    R: :a::*a*:4
    s: 250-a
    s: 250 b
    S: 250-a
    S: 250 b
    S! exit 3
FIX-RESP-5 exit code 0
    R: :a::*:0
    s: 250 ok
    S: 250 ok
    S! exit 0
FIX-RESP-5 no match, no exit code
    R: :a::4*:3
    s: 250 ok
    S: 250 ok
FIX-RESP-6 middle removed
    R: :a::250-b*::
    s: 250-a
    s: 250-b
    s: 250 c
    S: 250-a
    S: 250 c
FIX-RESP-6 last removed
    R: :a::250 c*::
    s: 250-a
    s: 250-b
    s: 250 c
    S: 250-a
    S: 250 b
FIX-RESP-6 all but the last removed
    R: :a::250-*::
    s: 250-a
    s: 250-b
    s: 250 c
    S: 250 c
FIX-RESP-6 blank made a dash
    R: :a::250-a*::250 x
    s: 250-a
    s: 250 c
    S: 250-x
    S: 250 c
FIX-RESP-6 dash made a blank
    R: :a::*c*::250-x
    s: 250-a
    s: 250 c
    S: 250-a
    S: 250 x
FIX-RESP-6 texts of three bytes
    R: :a::*::250
    s: 250-a
    s: 250 c
    S: 250-
    S: 250\x20
FIX-RESP-6 the fourth byte is ours
    R: :a::*::250/x
    s: 250-a
    s: 250 c
    S: 250-x
    S: 250 x
FIX-RESP-6 good
    s: 250 ok
    S: 250 ok
FIX-RESP-6 LF only
    s: 250-a\n\
    s: 250 b\n\
    S: 250-a
    S: 250 b
FIX-RESP-6 three bytes
    s: 250
    S: 250\x20
FIX-RESP-6 three bytes, LF only
    s: 250\n\
    S: 250\x20
FIX-RESP-6 three bytes, dash
    s: abc
    s: 250
    S: abc-
    S: 250\x20
FIX-RESP-6 four bytes
    s: 250-
    s: 250\x20
    S: 250-
    S: 250\x20
FIX-RESP-6 one, two bytes
    s: a
    s: bc
    s: 250 ok
    S: a  -
    S: bc -
    S: 250 ok
FIX-RESP-6 empty lines
    s:
    s: \n\
    s: 250-a
    s:
    s: 250 b
    S: 250-a
    S: 250 b
FIX-RESP-6 no code
    s: text
    s: 250 ok
    S: tex-
    S: 250 ok
FIX-RESP-6 one byte left
    R: :a::250 ok::
    s: a
    s: 250 ok
    S: a  \x20
FIX-RESP-6 an empty line is nothing
    R: :a::250 ok::
    s:
    s: 250 ok
FIX-RESP-6 odd bytes pass
    s: 250 a\rb\x00\xff
    S: 250 a\rb\x00\xff
"""


@pytest.mark.parametrize("block", scenarios(REPLIES))
def test_a_reply_becomes(block: str, cases: Cases) -> None:
    """The order of the rules and the form of what is left."""
    cases.count += 1
    made, expected = made_of(block)
    assert made == expected


ROUTINES = r"""
greeting
    R: :greeting::2*::&fixsmtpio
    s: 220 x
    S: 220 mail.example.org ESMTP
FIX-RULE-4 greeting without AUTHUP_USER
    R: :greeting::2*::&fixsmtpio
    s: 220 x
    S: 220 mail.example.org ESMTP
greeting of two lines
    R: :greeting::2*::&fixsmtpio
    s: 220-x
    s: 220 y
    S: 220-mail.example.org ESMTP
    S: 220 mail.example.org ESMTP
FIX-FIXUP-1 the glob decides
    R: :greeting::2*::&fixsmtpio
    s: 421 x
    S: 421 x
FIX-FIXUP-1 the routine does not look at the code
    R: :greeting::*::&fixsmtpio
    s: 421 x
    S: 220 mail.example.org ESMTP
helo
    R: :helo::2*::&fixsmtpio
    s: 250 x
    S: 250 mail.example.org
FIX-FIXUP-1 helo 502
    R: :helo::*::&fixsmtpio
    s: 502 x
    S: 250 mail.example.org
quit
    R: :quit::2*::&fixsmtpio
    s: 221 x
    S: 221 mail.example.org
help
    R: :help::*::&fixsmtpio
    s: 214 x
    S: 214-fixsmtpio home page: https://schmonz.com/qmail/acceptutils
    S: 214 x
help: the line's own code
    R: :help::*::&fixsmtpio
    s: 502 no
    S: 502-fixsmtpio home page: https://schmonz.com/qmail/acceptutils
    S: 502 no
help: once per reply
    R: :help::*::&fixsmtpio
    s: 214-x
    s: 214 y
    S: 214-fixsmtpio home page: https://schmonz.com/qmail/acceptutils
    S: 214-x
    S: 214 y
help: at the line that matches
    R: :help::*y*::&fixsmtpio
    s: 214-x
    s: 214 y
    S: 214-x
    S: 214-fixsmtpio home page: https://schmonz.com/qmail/acceptutils
    S: 214 y
help: once per reply, two rules
    R: :help::*::&fixsmtpio
    R: :help::*::&fixsmtpio
    s: 214 x
    S: 214-fixsmtpio home page: https://schmonz.com/qmail/acceptutils
    S: 214 x
help: three bytes
    R: :help::*::&fixsmtpio
    s: 214\n\
    S: 214-fixsmtpio home page: https://schmonz.com/qmail/acceptutils
    S: 214\x20
help: behind a removal
    R: :help::*::
    R: :help::*::&fixsmtpio
    s: 214 x
    S: 214 fixsmtpio home page: https://schmonz.com/qmail/acceptutils
FIX-RESP-5 help: the code of the line as earlier rules left it
    R: :help::*::250 x
    R: :help::*::&fixsmtpio
    s: 214 y
    S: 250-fixsmtpio home page: https://schmonz.com/qmail/acceptutils
    S: 250 x
ehlo of one line
    R: :ehlo::2*::&fixsmtpio
    s: 250 x
    S: 250 mail.example.org
ehlo
    R: :ehlo::2*::&fixsmtpio
    s: 250-x
    s: 250-PIPELINING
    s: 250 8BITMIME
    S: 250-mail.example.org
    S: 250-PIPELINING
    S: 250 8BITMIME
ehlo: STARTTLS dropped
    R: :ehlo::2*::&fixsmtpio
    s: 250-x
    s: 250-STARTTLS
    s: 250 8BITMIME
    S: 250-mail.example.org
    S: 250 8BITMIME
ehlo: starttls dropped as the last line
    R: :ehlo::2*::&fixsmtpio
    s: 250-x
    s: 250-8BITMIME
    s: 250 starttls
    S: 250-mail.example.org
    S: 250 8BITMIME
ehlo: StartTLS with a parameter dropped
    R: :ehlo::2*::&fixsmtpio
    s: 250-x
    s: 250-StartTLS now
    s: 250 8BITMIME
    S: 250-mail.example.org
    S: 250 8BITMIME
ehlo: whole words
    R: :ehlo::2*::&fixsmtpio
    s: 250-x
    s: 250-STARTTLSX
    s: 250 8BITMIME
    S: 250-mail.example.org
    S: 250-STARTTLSX
    S: 250 8BITMIME
ehlo: first words
    R: :ehlo::2*::&fixsmtpio
    s: 250-x
    s: 250-X STARTTLS
    s: 250 8BITMIME
    S: 250-mail.example.org
    S: 250-X STARTTLS
    S: 250 8BITMIME
ehlo: the first line is the name
    R: :ehlo::2*::&fixsmtpio
    s: 250-STARTTLS
    s: 250 8BITMIME
    S: 250-mail.example.org
    S: 250 8BITMIME
FIX-REQ-8 CHUNKING and BINARYMIME
    R: :ehlo::2*::&fixsmtpio
    s: 250-x
    s: 250-CHUNKING
    s: 250-binarymime
    s: 250 SIZE 5
    S: 250-mail.example.org
    S: 250 SIZE 5
FIX-REQ-8 CHUNKING as the last line
    R: :ehlo::2*::&fixsmtpio
    s: 250-x
    s: 250 CHUNKING
    S: 250 mail.example.org
FIX-FIXUP-1 ehlo 502
    R: :ehlo::*::&fixsmtpio
    s: 502 no
    S: 250 mail.example.org
FIX-RESP-5 what was removed stays away
    R: :ehlo::250-B::
    R: :ehlo::2*::&fixsmtpio
    s: 250-x
    s: 250-A
    s: 250-B
    s: 250 C
    S: 250-mail.example.org
    S: 250-A
    S: 250 C
ehlo offers TLS: one line
    T: available
    R: :ehlo::2*::&fixsmtpio
    s: 250 x
    S: 250-mail.example.org
    S: 250 STARTTLS
ehlo offers TLS: one line of three bytes
    T: available
    R: :ehlo::2*::&fixsmtpio
    s: 250
    S: 250-mail.example.org
    S: 250 STARTTLS
ehlo offers TLS: two lines
    T: available
    R: :ehlo::2*::&fixsmtpio
    s: 250-x
    s: 250 A
    S: 250-mail.example.org
    S: 250-STARTTLS
    S: 250 A
ehlo offers TLS: three lines
    T: available
    R: :ehlo::2*::&fixsmtpio
    s: 250-x
    s: 250-A
    s: 250 B
    S: 250-mail.example.org
    S: 250-STARTTLS
    S: 250-A
    S: 250 B
ehlo offers TLS: the server's is dropped
    T: available
    R: :ehlo::2*::&fixsmtpio
    s: 250-x
    s: 250 starttls
    S: 250-mail.example.org
    S: 250 STARTTLS
ehlo offers TLS: and in a later line
    T: available
    R: :ehlo::2*::&fixsmtpio
    s: 250-x
    s: 250-A
    s: 250 STARTTLS
    S: 250-mail.example.org
    S: 250-STARTTLS
    S: 250 A
ehlo offers TLS: second line removed before
    T: available
    R: :ehlo::250?A::
    R: :ehlo::2*::&fixsmtpio
    s: 250-x
    s: 250 A
    S: 250-mail.example.org
    S: 250 STARTTLS
ehlo offers TLS: per line that matches
    T: available
    R: :ehlo::250-x::&fixsmtpio
    s: 250-x
    s: 250 A
    S: 250-mail.example.org
    S: 250 A
"""


@pytest.mark.parametrize("spelling", ["&fixsmtpio", "&fixsmtpio_fixup"])
@pytest.mark.parametrize("block", scenarios(ROUTINES))
def test_a_routine_makes(block: str, spelling: str, cases: Cases) -> None:
    """5.6, without AUTHUP_USER; both spellings of the routine."""
    cases.count += 1
    made, expected = made_of(block.replace("&fixsmtpio", spelling))
    assert made == expected


ANSWERS_TO_AUTH = r"""
235
    V: AUTHUP_USER=alice
    R: :greeting::2*::&fixsmtpio
    s: 220 x
    S: 235 ok, go ahead (#2.0.0)
per line
    V: AUTHUP_USER=alice
    R: :greeting::2*::&fixsmtpio
    s: 220-x
    s: 220 y
    S: 235-ok, go ahead (#2.0.0)
    S: 235 ok, go ahead (#2.0.0)
only &fixsmtpio
    V: AUTHUP_USER=alice
    R: :greeting::2*::&fixsmtpio_fixup
    s: 220 x
    S: 220 mail.example.org ESMTP
later rule
    V: AUTHUP_USER=alice
    R: :greeting::2*::&fixsmtpio
    R: :greeting::2*::220 z
    s: 220 x
    S: 220 z
no 2 at its start
    V: AUTHUP_USER=alice
    R: :greeting::*::&fixsmtpio
    s: 421 x
    S: 220 mail.example.org ESMTP
only the greeting
    V: AUTHUP_USER=alice
    R: :helo::2*::&fixsmtpio
    s: 250 x
    S: 250 mail.example.org
"""


@pytest.mark.parametrize("block", scenarios(ANSWERS_TO_AUTH))
def test_the_greeting_that_answers_auth(block: str, cases: Cases) -> None:
    """FIX-RULE-4 with AUTHUP_USER."""
    cases.count += 1
    made, expected = made_of(block)
    assert made == expected


@pytest.mark.parametrize(
    ("rule", "env", "expected"),
    [
        pytest.param(b":ehlo::2*::&fixsmtpio", (), True, id="the seed's"),
        pytest.param(b":EHLO::2*::&fixsmtpio_fixup", (), True, id="today's"),
        pytest.param(b":helo::2*::&fixsmtpio", (), False, id="another event"),
        pytest.param(b":ehlo::2*::", (), False, id="no routine"),
        pytest.param(b"HAS:ehlo::2*::&fixsmtpio", (b"HAS",), True, id="variable exists"),
        pytest.param(b"HAS:ehlo::2*::&fixsmtpio", (), False, id="variable does not exist"),
    ],
)
def test_whether_the_ehlo_routine_is_in_use(
    rule: bytes, env: tuple[bytes, ...], expected: bool, cases: Cases
) -> None:
    """FIX-REQ-8 asks."""
    cases.count += 1
    assert rewriter(rule).has_routine(b"ehlo", env) is expected


def test_the_empty_string_of_clienteof(cases: Cases) -> None:
    """FIX-EV-2: the empty string in one form, only the exit code counts."""
    for glob, code in ((b"*", 7), (b"?", None), (b"??", None)):
        cases.count += 1
        made = rewriter(b":clienteof::" + glob + b":7:").rewrite(
            b"clienteof", {}, [b""], only=True, offers_tls=False
        )
        assert made == Rewriting(b"", code)
