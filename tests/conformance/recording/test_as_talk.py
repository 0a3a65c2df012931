"""Recordings written as scenarios: clean, in the one form, and playing them again passes."""

from dataclasses import replace

import pytest

from conformance import rules, selection
from conformance.format import lint, talk_writer
from conformance.format.talk import Talk
from conformance.format.talk_parser import parse
from conformance.playing.beats import understand
from conformance.playing.runner import skip_reason
from conformance.playing.verdicts import Moment, Verdict
from conformance.recording.as_talk import talk_text
from conformance.recording.recording import Recording
from tests.conformance.recording import watched

CATALOGUE = rules.read()
NAMED = [  # what is hard to tell: time, TLS, several servers, several calls, odd ends, odd bytes
    "authup-pop3/capa#1",
    "authup-smtp/base64-garbage-in-plain#24",
    "authup-smtp/huge-authdelay-is-not-short#1",
    "chain/another-qmail-home",
    "authup-tls/handshake-refused#1",
    "authup-tls/next-attempt-goes-on-inside-tls#1",
    "chain/broken-logs#2",
    "chain/reup-login",
    "chain/root-password#1",
    "checkpassword/hangs-with-its-record-unread#2",
    "fakes/ucspitlsd-carries#1",
    "fixsmtpio-data/look-alikes#1",
    "fixsmtpio-tls/earlier-replies-first#1",
    "fixsmtpio-tls/environment-block",
    "fixsmtpio/client-closes-behind-auth",
    "fixsmtpio/server-never-greets#1",
    "fixsmtpio-data/large-message",
    "fixsmtpio/trace",
]
OF_ALL = 80
"""Every so many of the suite's cases are played besides."""


def _spread() -> list[Talk]:
    cases = selection.select([])
    names = {case.name for case in cases}
    assert not [name for name in NAMED if name not in names]
    chosen = [case for case in cases if case.name in NAMED] + list(cases[7::OF_ALL])
    return [case for case in chosen if not skip_reason(understand(case), watched.SIM, slow=True)]


def written(recording: Recording, *, chosen: tuple[str, ...] = ()) -> str:
    """Return the talk of a recording, which is clean and in the one form."""
    text = talk_text(recording, title="what was seen", rules=chosen)
    assert not lint.lint(text, CATALOGUE)
    assert talk_writer.formatted(text) == text
    return text


@pytest.mark.parametrize("case", _spread(), ids=lambda case: case.name)
def test_what_was_seen_of_a_scenario_can_be_played(case: Talk) -> None:
    recording = watched.watch(case)
    text = written(recording)
    result = watched.play(parse(text, name=case.name))
    assert result.verdict is Verdict.PASS, f"{result.finding}\n{text}"


def _filter(*moments: Moment, **more: object) -> Recording:
    return replace(Recording(chain=("{fixsmtpio}", "{ofmipd}"), moments=moments, uid=1001), **more)  # type: ignore[arg-type]


def _talk(text: str) -> list[str]:
    lines = text.split("\n")
    return lines[lines.index("-- talk --") + 1 :]


def test_bytes_are_written_as_a_person_would() -> None:
    assert _talk(
        written(
            _filter(
                Moment(0, "s", b"220 hi\r\n"),
                Moment(0, "S", b"220 hi\r\n"),
                Moment(0, "C", b"HE"),
                Moment(0, "C", b"LO x\r"),
                Moment(0, "C", b"\nNOOP\n"),
                Moment(0, "C", b"\0{}\\ \r\n"),
                Moment(0, "c", b"HELO x\r\nNO"),
                Moment(0, "C", b"x" * 50 + b"\r\n"),
                Moment(0, "c", b"OP\n"),
                Moment(0, "C", b"AUTH PLAIN AGEAYg==\r\n"),
                Moment(0, "C", b"YWI=\r\n" + b"a\r\n" * 30),
            )
        )
    ) == [
        "    s: 220 hi",
        "# [FIX-RESP-2]",
        "S: 220 hi",
        "",
        r"C: HE\|LO x\r\|\n\\"[:-1],
        r"C: NOOP\n\\"[:-1],
        "",
        r"C: \0\{}\\\s",
        "    c: HELO x",
        r"    c: NO\\"[:-1],
        "",
        "C: {repeat:50:x}",
        r"    c: OP\n\\"[:-1],
        "",
        r"C: AUTH PLAIN {b64:\0a\0b}",
        "",
        "C: YWI=",
        r"C: {repeat:30:a\r\n}\\"[:-1],
        "",
    ]


@pytest.mark.parametrize(
    ("exact", "seen", "expected"),
    [
        (True, 0.25, "+0.25s"),
        (True, 1200.0, "+1200s"),
        (False, 0.8, ""),
        (False, 5.7, "+5s"),
        (False, 4.85, "+5s"),
        (False, 3.4, "+3s"),
        (False, 10.6, "+10s"),
    ],
)
def test_time_that_passed(exact: bool, seen: float, expected: str) -> None:
    moments = (Moment(0, "s", b"220 hi\r\n"), Moment(seen, "S", b"220 hi\r\n"))
    lines = _talk(written(_filter(*moments, exact=exact)))
    assert lines == ["    s: 220 hi", "# [FIX-RESP-2]", *([expected] if expected else []), "S: 220 hi", ""]


def test_own_rules_stand_above_the_first_line_that_must_arrive() -> None:
    moments = (Moment(0, "s", b"220 hi\r\n"), Moment(0, "S", b"220 hi\r\n"))
    text = written(_filter(*moments), chosen=("FIX-EV-1", "NO-SUCH-1", "POP-2", "FIX-RESP-1"))
    assert "rules: FIX-EV-1 FIX-RESP-1\n" in text
    assert "# [FIX-EV-1 FIX-RESP-1]\nS: 220 hi\n" in text


def test_a_session_in_which_nothing_came() -> None:
    assert _talk(written(_filter())) == ["# [FIX-RESP-2]", "S! silent 1s", ""]


def test_words_of_others_stay_words() -> None:
    text = written(_filter(origin="a\nrun: {reup}\x1b[2J", comments=("x\n-- talk --",)))
    assert "why:   a run: {reup} [2J\n" in text
    assert "# x -- talk --\n" in text


@pytest.mark.parametrize(
    "data", [b"", b"plain\n", b"no end", b"\xff\n", b"-- talk --\n", b"blank \n", b"cr\r\n", b"# c\n\n\n"]
)
def test_control_files_are_written_byte_for_byte(data: bytes) -> None:
    text = written(_filter(files={"control/fixsmtpio": data, "control/nobody-reads-it": b"x\n"}))
    assert understand(parse(text)).files == {"control/fixsmtpio": data}


def test_a_call_without_a_record_has_an_empty_one() -> None:
    moments = (
        Moment(0.0, "C", b"AUTH PLAIN x\r\n"),
        Moment(0.0, "K", what="start"),
        Moment(0.0, "S", b"535 no\r\n"),
    )
    text = written(Recording(("{authup}", "smtp", "{checkpassword}"), moments))
    assert "    K! start\n" in text
    assert "    fd3:\n" in text
