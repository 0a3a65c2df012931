"""Differences: none of a target from itself, and small drafts that pass where they were heard."""

from dataclasses import replace

import pytest

from conformance.differing.diff import Disagreement, compare, disagree, draft, smallest
from conformance.differing.grammar import generate
from conformance.differing.listening import Heard, listener
from conformance.format.talk import Talk
from conformance.format.talk_parser import parse
from conformance.playing import runner
from conformance.playing.beats import Score, understand
from conformance.playing.verdicts import Verdict
from conformance.targets import TargetConfig
from conformance.varying.shrink import CannotReproduce
from conformance.varying.variations import BASE
from conformance.varying.written import source

SIM = TargetConfig("sim", "simulation", clock="virtual")
HEAR = listener(SIM)
NEVER = float("inf")
SESSION = """\
title: a session
run: {authup} smtp {checkpassword} {checknotroot} {prog} x
as: root
users: alice secret uid=1001
-- control/me --
mail.example.org
-- control/smtpcapabilities --
8BITMIME
-- talk --
C: NO\\|OP

C: EHLO x
C: HELP
S: what nobody says

C: AUTH PLAIN {b64:\\0alice\\0wrong}
A! wait 6s
C: AUTH PLAIN {b64:\\0alice\\0secret}
C: more
    s: hello
    s! exit 7
"""
TALK = parse(SESSION, name="session")


def with_other_capabilities(score: Score) -> Heard:
    """Hear a target that takes SIZE for 8BITMIME."""
    files = {name: data.replace(b"8BITMIME", b"SIZE") for name, data in score.files.items()}
    return HEAR(replace(score, files=files))


def passes(talk: Talk) -> bool:
    result = runner.run(understand(talk), SIM, BASE)
    assert result.verdict is not Verdict.HARNESS, result.reason
    return result.verdict in (Verdict.PASS, Verdict.INFO)


def test_a_draft_expects_what_was_heard_in_time() -> None:
    talk = draft(TALK, HEAR(understand(TALK)))
    assert (
        source(talk).partition("-- talk --\n")[2]
        == r"""S: 220 mail.example.org ESMTP

C: NO\|OP
S: 250 ok

C: EHLO x
C: HELP
S: 250-mail.example.org
S: 250-AUTH LOGIN PLAIN
S: 250 8BITMIME
S: 214 authup home page: https://schmonz.com/qmail/acceptutils

C: AUTH PLAIN {b64:\0alice\0wrong}
    fd3: alice\0wrong\0\0
+5s
S: 535 authup authorization failed (#5.7.0)

A! wait 1s
C: AUTH PLAIN {b64:\0alice\0secret}
C: more
    fd3: alice\0secret\0\0
    c! start
    c: more

    s: hello
S: hello

    s! exit 7
S! eof
S! exit 7
"""
    )
    assert "draft: from conform diff" in source(talk)
    assert passes(talk)


@pytest.mark.parametrize("number", range(25))
def test_a_target_agrees_with_itself_and_passes_its_own_draft(number: int) -> None:
    talk = generate(11, number)
    heard = HEAR(understand(talk))
    assert disagree(heard, HEAR(understand(talk))) is None
    assert passes(draft(talk, heard))


def test_pop3_greetings_agree_and_are_captured() -> None:
    talk = parse(
        "run: {authup} pop3 {checkpassword} {prog}\nas: root\n-- control/me --\nx\n-- talk --\n"
        "C: USER a\n\nC: PASS b\nA! wait 6s\n",
        name="pop3",
    )
    heard = HEAR(understand(talk))
    text = source(draft(talk, heard))
    assert "S: +OK <{pid:pid}.{unix:unix1}@x>" in text
    assert "fd3: a\\0b\\0<{pid:pid}.{unix:unix1}@x>\\0" in text
    assert heard.streams["S"].startswith(b"+OK <PID.UNIX@x>")


def test_a_difference_becomes_the_smallest_scenario_that_shows_it() -> None:
    found, heard = compare(HEAR, with_other_capabilities, TALK)
    assert found is not None
    assert found == ("S", "250 8BITMIME\\r\\n", "250 SIZE\\r\\n")
    assert heard.streams == HEAR(understand(TALK)).streams
    small = smallest(HEAR, with_other_capabilities, TALK, found, (300, NEVER))
    assert small is not None
    assert (
        source(small)
        == r"""title: two targets disagree about S
level: info
draft: from conform diff
why: one says 250 8BITMIME\r\n
why: the other one says 250 SIZE\r\n
run: {authup} smtp {checkpassword} {checknotroot} {prog} x
-- control/me --
-- control/smtpcapabilities --
8BITMIME
-- talk --
S: 220  ESMTP

C: EHLO x
S: 250-
S: 250-AUTH LOGIN PLAIN
S: 250 8BITMIME
"""
    )
    assert passes(small)


def test_making_small_ends_when_its_tries_or_its_time_are_used_up() -> None:
    asked = []

    def count(score: Score) -> Heard:
        asked.append(score)
        return with_other_capabilities(score)

    found, _ = compare(HEAR, with_other_capabilities, TALK)
    assert found is not None
    five = smallest(HEAR, count, TALK, found, (5, NEVER))
    assert len(asked) == 5
    assert five is not None
    assert passes(five)
    assert smallest(HEAR, count, TALK, found, (5, 0.0)) is None
    assert len(asked) == 5


def test_b_is_not_asked_where_a_does_not_say_its_part() -> None:
    asked = []

    def count(score: Score) -> Heard:
        asked.append(score)
        return with_other_capabilities(score)

    absent = Disagreement("S", "nobody says this", "250 SIZE\\r\\n")
    assert smallest(HEAR, count, TALK, absent, (300, NEVER)) is None
    assert not asked


@pytest.mark.parametrize("trouble", ["SPIN", "HANG", "signal 11"])
def test_who_crashes_or_spins_disagrees_about_the_end(trouble: str) -> None:
    def heard(said: bytes, end: str) -> Heard:
        return Heard((), {"S": said, "end": end.encode()}, end)

    well = heard(b"220 a\r\n250 b\r\n", "exit 0")
    assert disagree(well, heard(b"220 a\r\n", trouble)) == ("end", "exit 0", trouble)
    assert disagree(heard(b"220 a\r\n", trouble), well) == ("end", trouble, "exit 0")
    assert disagree(well, heard(b"220 a\r\n251 b\r\n", trouble)) == ("S", "250 b\\r\\n", "251 b\\r\\n")
    assert disagree(well, heard(b"220 a\r\n", "exit 0")) == ("S", "250 b\\r\\n", "nothing more")


def test_how_it_ends_counts() -> None:
    talk = parse("run: {reup} -t 1 {prog}\n-- talk --\n    s! exit 3\n", name="reup")
    assert compare(HEAR, HEAR, talk)[0] is None

    def exits_otherwise(score: Score) -> Heard:
        heard = HEAR(score)
        end = heard.streams["end"].replace(b"3", b"4")
        return replace(heard, streams={**heard.streams, "end": end})

    assert compare(HEAR, exits_otherwise, talk)[0] == ("end", "exit 3", "exit 4")


def test_a_disagreement_that_does_not_come_again_is_none() -> None:
    times = []

    def flaky(score: Score) -> Heard:
        heard = HEAR(score)
        times.append(heard)
        return replace(heard, streams={**heard.streams, "S": b"?"}) if len(times) == 1 else heard

    found, _ = compare(HEAR, flaky, TALK)
    assert found is not None
    with pytest.raises(CannotReproduce):
        smallest(HEAR, flaky, TALK, found, (300, NEVER))
    assert len(times) == 2
