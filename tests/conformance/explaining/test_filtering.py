"""What the lines of control/fixsmtpio did to a reply: the same as Rewriter, and each step of it."""

import re
from collections.abc import Container

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acceptutils.glob import Glob
from acceptutils.rules import BadRuleError, ReplyWriter, Rewriter, Rewriting, parse
from conformance.explaining import filtering
from conformance.explaining.filtering import Applied, Missed, NotingRewriter, numbered, request_steps
from conformance.explaining.globbing import why_not

GREETING = b"mail.example.org"
EHLO = b"250-ofmipd.local\r\n250-AUTH LOGIN\r\n250-SIZE 9\r\n250 STARTTLS\r\n"


def steps(
    rules: bytes, reply: bytes, *, env: tuple[bytes, ...] = (), event: bytes = b"ehlo"
) -> list[Applied]:
    return list(rewritten(rules, env, event, reply, offers_tls=False)[0])


def rewritten(
    rules: bytes, env: Container[bytes], event: bytes, reply: bytes, *, offers_tls: bool
) -> tuple[tuple[Applied, ...], Rewriting]:
    rewriter = NotingRewriter(numbered(rules), GREETING, authenticated=b"AUTHUP_USER" in env)
    lines = re.findall(rb"[^\n]*\n", reply)
    made = rewriter.rewrite(event, env, lines, only=len(lines) == 1, offers_tls=offers_tls)
    return rewriter.take(), made


def missed(rules: bytes, reply: bytes, *, env: tuple[bytes, ...] = ()) -> list[Missed]:
    return list(filtering.missed(numbered(rules), env, b"ehlo", reply.splitlines(keepends=True)))


def test_each_step_has_its_line_of_the_file() -> None:
    rules = b"# ours\n\n:ehlo::250?AUTH*::\n:EHLO::250?A*:7:250-X\n"
    rule = b":ehlo::250?AUTH*::"
    line = b"250-AUTH LOGIN\r\n"
    assert steps(rules, EHLO) == [
        Applied(3, rule, line, line, b"", "removes the line"),
        Applied(
            4,
            b":EHLO::250?A*:7:250-X",
            line,
            b"",
            b"250-X",
            "puts a line in place of the removed one; exit code 7",
            7,
        ),
    ]


@pytest.mark.parametrize(
    ("rules", "env", "words"),
    [
        (b":ehlo::250?AUTH*:\n", (), ["leaves it alone (no response given)"]),
        (b":ehlo::250?AUTH*::&nofixsmtpio\n", (), ["leaves it alone (&nofixsmtpio)"]),
        (b":ehlo::250?AUTH*::250-new\n", (), ["replaces the line"]),
        (
            b":ehlo::250?AUTH*::\n:ehlo::250?AUTH*::\n",
            (),
            ["removes the line", "removes the line, which was removed before"],
        ),
        (b":ehlo::250?o*::&fixsmtpio\n", (), ["the built-in routine of ehlo replaces the line"]),
        (b":ehlo::250?SIZE*::&fixsmtpio\n", (), ["the built-in routine of ehlo leaves it alone"]),
        (b":ehlo::250?START*::&fixsmtpio\n", (), ["the built-in routine of ehlo removes the line"]),
        (b"A:ehlo::250?AUTH*::\n", (b"A",), ["removes the line"]),
    ],
)
def test_the_words_of_a_step(rules: bytes, env: tuple[bytes, ...], words: list[str]) -> None:
    assert [step.words for step in steps(rules, EHLO, env=env)] == words


def test_what_a_routine_puts_in_front() -> None:
    [step] = steps(b":help::*::&fixsmtpio\n", b"214 x\r\n", event=b"help")
    assert step.words.startswith('the built-in routine of help puts "214 fixsmtpio home page: ')
    assert step.after.endswith(b"\r\n214 x\r\n")


def test_two_rules_that_are_alike_have_a_line_each() -> None:
    assert [step.number for step in steps(b":ehlo::250?AUTH*:\n" * 2, EHLO)] == [1, 2]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (b"NOPE:ehlo::250*::", "NOPE is not set"),
        (b"\x1b[31m:ehlo::250*::", r"\x1b[31m is not set"),
        (b":ehlo::250 AUTH*::", '"250 STARTTLS" has "S" as byte 5, where the glob has "AUTH*"'),
        (b":ehlo::250?SIZE 9 *::", '"250-SIZE 9" ends where the glob has " *"'),
        (b":ehlo::250?SIZE::", 'the glob ends, and "250-SIZE 9" goes on with " 9"'),
        (b":ehlo::250*LOGIN PLAIN::", 'behind "250*LOGIN" no " PLAIN" comes in "250-AUTH LOGIN"'),
        (b":ehlo::[3-5]*::", '"250-ofmipd.local" has "2" as byte 1, where the glob has "[3-5]*"'),
        (rb":ehlo::250\*::", r'"250-ofmipd.local" has "-" as byte 4, where the glob has "\\*"'),
    ],
)
def test_why_a_rule_of_the_event_does_nothing(rule: bytes, words: str) -> None:
    assert missed(rule, EHLO) == [Missed(1, rule, words)]


def test_rules_of_other_events_are_not_missed() -> None:
    assert missed(b":helo::5*::\n:ehlo::250*:\n", EHLO) == []


@given(st.binary(max_size=12), st.lists(st.binary(max_size=12), max_size=3))
def test_any_glob_that_does_not_match_has_a_reason(pattern: bytes, lines: list[bytes]) -> None:
    """Malformed brackets included; nothing of it reaches a terminal raw."""
    glob = Glob(pattern)
    words = why_not(glob, [line for line in lines if not glob.matches(line)])
    assert words
    assert words.isprintable()


def test_what_rules_put_in_front_of_a_request() -> None:
    rules = b":noop:A :x:5:\n:noop::*::\nHAS:noop:B :*::\n:NOOP:C :*::\n:rset:D :*::\n"
    first, second = request_steps(rules, (), b"NoOp", b"noop\r\n")
    assert (first.number, first.before, first.after) == (1, b"noop\r\n", b"A noop\r\n")
    assert (second.number, second.after, second.words) == (4, b"C A noop\r\n", 'puts "C\\s" in front')


def test_a_bad_file_is_no_explanation() -> None:
    with pytest.raises(BadRuleError):
        steps(b":ehlo:\n", EHLO)


EVENTS = st.sampled_from([b"ehlo", b"help", b"greeting", b"noop", b"quit"])
GLOBS = st.sampled_from([b"2*", b"250?AUTH*", b"*", b"250 x", b"[25]*", b"5*"])
RESPONSES = st.sampled_from([b"", b":", b":250 new", b":&fixsmtpio", b":&fixsmtpio_noop", b":555-a"])
CODES = st.sampled_from([b"", b"0", b"16"])
TEXTS = st.sampled_from([b"x", b"AUTH LOGIN", b"STARTTLS", b"", b"ofmipd.local", b"\x00\xff"])


@st.composite
def rule_files(draw: st.DrawFn) -> bytes:
    lines = []
    for _ in range(draw(st.integers(0, 6))):
        event, response = draw(EVENTS), draw(RESPONSES)
        if event == b"noop" and response[1:] == b"&fixsmtpio":
            response = b""
        env = draw(st.sampled_from([b"", b"AUTHUP_USER", b"NOPE"]))
        prepend = draw(st.sampled_from([b"", b"NOOP "]))
        lines.append(b":".join([env, event, prepend, draw(GLOBS), draw(CODES)]) + response)
    return b"\n".join(lines)


@st.composite
def replies(draw: st.DrawFn) -> bytes:
    code = draw(st.sampled_from([b"250", b"214", b"554", b"220"]))
    texts = draw(st.lists(TEXTS, min_size=1, max_size=4))
    ending = draw(st.sampled_from([b"\r\n", b"\n"]))
    return b"".join(code + (b" " if n == len(texts) - 1 else b"-") + t + ending for n, t in enumerate(texts))


@given(rule_files(), replies(), EVENTS, st.booleans(), st.booleans())
def test_the_last_texts_are_what_the_rewriter_makes(
    rules: bytes, reply: bytes, event: bytes, logged_in: bool, offers_tls: bool
) -> None:
    env = {b"AUTHUP_USER": b"alice"} if logged_in else {}
    lines = re.findall(rb"[^\n]*\n", reply)
    rewriter = Rewriter(parse(rules), GREETING, authenticated=logged_in)
    made = rewriter.rewrite(event, env, lines, only=len(lines) == 1, offers_tls=offers_tls)
    told, noted = rewritten(rules, env, event, reply, offers_tls=offers_tls)
    assert noted == made

    # Line by line: where a step begins with the untouched line, the next line's steps begin.
    left, applied = ReplyWriter(), list(told)
    for line in lines:
        text = line
        for _ in [rule for rule in parse(rules) if rule.applies(event, env) and rule.matches(line)]:
            step = applied.pop(0)
            assert (step.line, step.before) == (line, text)
            text = step.after
        left.add(text)
    assert not applied
    assert left.finish() == made.reply


@given(rule_files(), EVENTS, st.booleans())
def test_what_is_put_in_front_is_what_the_rewriter_puts(rules: bytes, event: bytes, logged_in: bool) -> None:
    env = {b"AUTHUP_USER": b"alice"} if logged_in else {}
    rewriter = Rewriter(parse(rules), GREETING, authenticated=logged_in)
    told = request_steps(rules, env, event, b"x\r\n")
    assert (told[-1].after if told else b"x\r\n") == rewriter.prepended(event, env, b"x\r\n")
