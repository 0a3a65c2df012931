"""What SMTP and POP3 share before login, as transcripts, each for both protocols.

The command line, errors (3.3), tries, moments (AUTHUP-ERR-4), the child's end (3.6), log (3.7), TLS (3.8),
limits (LIM-1, LIM-2).
"""

from collections.abc import Iterator
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acceptutils import checkpassword
from acceptutils.actions import CheckPassword, Exit, Log, Send
from acceptutils.authup import CommandLine, Session, Settings, command_line, loggable, usage
from acceptutils.authup_pop3 import Pop3Session
from acceptutils.authup_smtp import SmtpSession
from acceptutils.options import BadUsageError
from acceptutils.ucspitls import Level, Tls
from tests.core.conftest import Cases
from tests.core.dialogue import SETTINGS, Player, Stage, b64, converse, plain

# Section 3.3, copied from the specification.
ERRORS = {
    "control": ("421 authup unable to read controls (#4.3.0)", "-ERR authup unable to read controls"),
    "nomem": ("451 authup out of memory (#4.3.0)", "-ERR authup out of memory"),
    "alarm": ("451 authup timeout (#4.4.2)", "-ERR authup timeout"),
    "pipe": ("454 authup unable to open pipe (#4.3.0)", "-ERR authup unable to open pipe"),
    "read": ("454 authup unable to read pipe (#4.3.0)", "-ERR authup unable to read pipe"),
    "write": ("454 authup unable to write pipe (#4.3.0)", "-ERR authup unable to write pipe"),
    "fork": ("454 authup unable to fork (#4.3.0)", "-ERR authup unable to fork"),
    "wait": ("454 authup unable to wait for child (#4.3.0)", "-ERR authup unable to wait for child"),
    "crash": ("454 authup aack, child crashed (#4.3.0)", "-ERR authup aack, child crashed"),
    "badauth": ("535 authup authorization failed (#5.7.0)", "-ERR authup authorization failed"),
    "tempauth": (
        "454 authup temporary authentication failure (#4.7.0)",
        "-ERR [SYS/TEMP] authup temporary authentication failure",
    ),
    "toolong": ("500 authup line too long (#5.5.6)", "-ERR authup line too long"),
    "nonsense": ("421 authup too many errors (#4.7.0)", "-ERR authup too many errors"),
    "starttls": (
        "454 authup TLS temporarily not available (#5.7.3)",
        "-ERR authup TLS temporarily not available",
    ),
    "needtls": ("530 authup Must start TLS first (#5.7.0)", "-ERR authup Must start TLS first"),
    # AUTHUP-GEN-9 and LIM-6
    "shutdown": ("421 authup shutting down (#4.3.2)", "-ERR [SYS/TEMP] authup shutting down"),
    "internal": ("421 authup internal error (#4.3.0)", "-ERR [SYS/TEMP] authup internal error"),
}


class Spoken(NamedTuple):
    """How one protocol says what both can say."""

    name: str
    session: type[Session]
    column: int
    login: list[str]  # up to the record for checkpassword
    refused_unasked: list[str]  # a login that checkpassword is not asked about
    ok: list[str]
    unknown: list[str]  # one counted error
    starttls: str
    ready: str
    no_tls: str
    closing: list[str]

    def error(self, name: str) -> str:
        return "S: " + ERRORS[name][self.column]


SMTP = Spoken(
    name="smtp",
    session=SmtpSession,
    column=0,
    login=["C: AUTH PLAIN " + plain("alice", "secret"), "P: alice\0secret\0\0"],
    refused_unasked=["C: AUTH PLAIN " + plain("alice", "secret", "bob")],
    ok=["C: NOOP", "S: 250 ok"],
    unknown=["C: X", "S: 530 authup authentication required (#5.7.1)"],
    starttls="C: STARTTLS",
    ready="S: 220 Ready to start TLS (#5.7.0)",
    no_tls="S: 502 unimplemented (#5.5.1)",
    closing=["C: QUIT", "S: 221 mail.example.org", "X: 0"],
)
POP3 = Spoken(
    name="pop3",
    session=Pop3Session,
    column=1,
    login=[
        "C: USER alice",
        "S: +OK ",
        "C: PASS secret",
        "P: alice\0secret\0<77.1538352000@mail.example.org>\0",
    ],
    refused_unasked=["C: USER alice", "S: +OK ", "C: PASS " + "s" * 500],
    ok=["C: NOOP", "S: +OK "],
    unknown=["C: X", "S: -ERR authup authorization first"],
    starttls="C: STLS",
    ready="S: +OK starting TLS negotiation",
    no_tls="S: -ERR STLS not available",
    closing=["C: QUIT", "S: +OK ", "X: 0"],
)
both = pytest.mark.parametrize("spoken", [pytest.param(SMTP, id="smtp"), pytest.param(POP3, id="pop3")])

TLS_OFFERED = Tls(Level.AVAILABLE, usable=True)
TLS_REQUIRED = Tls(Level.REQUIRED, usable=True)
TLS_ACTIVE = TLS_REQUIRED._replace(active=True)


def hold(
    spoken: Spoken, lines: list[str], cases: Cases, about: Settings = SETTINGS, show: str = "SPLMX"
) -> None:
    converse(spoken.session, about, lines, cases, show=show)


def said(child: str, what: str) -> str:
    return f"L: authup 77 checkpassword {child} {what}"


ATTEMPT = said("9001", "attempt for alice")
SUCCEEDED = said("9001", "succeeded, child completed")


# The command line


@pytest.mark.parametrize(
    ("args", "attempt", "protocol", "tries", "prog"),
    [
        pytest.param([b"smtp", b"cp"], 0, b"smtp", 5, [b"cp"], id="AUTHUP-GEN-2 smtp: 5"),
        pytest.param([b"pop3", b"cp"], 0, b"pop3", 1, [b"cp"], id="AUTHUP-GEN-2 pop3: 1"),
        pytest.param([b"smtp", b"cp"], 1, b"smtp", 1, [b"cp"], id="AUTHUP-GEN-2 under reup 1"),
        pytest.param([b"smtp", b"cp"], 7, b"smtp", 1, [b"cp"], id="AUTHUP-GEN-2 later under reup 1"),
        pytest.param([b"-t3", b"smtp", b"cp"], 0, b"smtp", 3, [b"cp"], id="AUTHUP-GEN-2 -t"),
        pytest.param([b"-t", b"3", b"pop3", b"cp"], 2, b"pop3", 3, [b"cp"], id="AUTHUP-GEN-2 -t before reup"),
        pytest.param([b"-t0", b"-t2", b"smtp", b"cp"], 0, b"smtp", 2, [b"cp"], id="BASE-3 the last one wins"),
        pytest.param([b"SmTp", b"cp"], 0, b"smtp", 5, [b"cp"], id="AUTHUP-GEN-1 any case"),
        pytest.param([b"POP3", b"cp"], 1, b"pop3", 1, [b"cp"], id="AUTHUP-GEN-1 any case, POP3"),
        pytest.param(
            [b"smtp", b"cp", b"-t", b"9", b"Prog"],
            0,
            b"smtp",
            5,
            [b"cp", b"-t", b"9", b"Prog"],
            id="BASE-3 options of cp",
        ),
        pytest.param([b"--", b"smtp", b"-cp"], 0, b"smtp", 5, [b"-cp"], id="BASE-3 --"),
    ],
)
def test_command_line(
    args: list[bytes], *, attempt: int, protocol: bytes, tries: int, prog: list[bytes]
) -> None:
    assert command_line(args, attempt) == CommandLine(protocol, tries, prog)


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        pytest.param([], None, id="AUTHUP-GEN-1 nothing"),
        pytest.param([b"smtp"], None, id="AUTHUP-GEN-1 no prog"),
        pytest.param([b"imap", b"cp"], None, id="AUTHUP-GEN-1 no such protocol"),
        pytest.param([b"smtps", b"cp"], None, id="AUTHUP-GEN-1 the whole word"),
        pytest.param([b"", b"cp"], None, id="AUTHUP-GEN-1 empty protocol"),
        pytest.param([b"-t0", b"smtp", b"cp"], None, id="AUTHUP-GEN-2 -t 0"),
        pytest.param([b"-t5", b"-t", b"0", b"smtp", b"cp"], None, id="AUTHUP-GEN-2 -t 0 last"),
        pytest.param([b"-t", b"5x", b"smtp", b"cp"], None, id="BASE-4 trailing junk"),
        pytest.param([b"-t", b"2147483648", b"smtp", b"cp"], None, id="BASE-4 too large"),
        pytest.param([b"-x", b"smtp", b"cp"], b"illegal option -- x", id="BASE-3 unknown option"),
        pytest.param([b"-t"], b"option requires an argument -- t", id="BASE-3 missing argument"),
    ],
)
def test_bad_command_line(args: list[bytes], complaint: bytes | None) -> None:
    with pytest.raises(BadUsageError) as bad:
        command_line(args, 0)
    assert bad.value.complaint == complaint


@pytest.mark.parametrize(("attempt", "code"), [(0, 1), (1, 12), (3, 12)])
def test_usage(attempt: int, code: int) -> None:
    line = Log(b"authup: usage: authup [ -t tries ] <smtp|pop3> prog")
    assert usage(attempt, None) == [line, Exit(code)]  # AUTHUP-GEN-1
    assert usage(attempt, b"illegal option -- x") == [Log(b"authup: illegal option -- x"), line, Exit(code)]


# The start, and ends that have nothing to do with logins


@both
@pytest.mark.parametrize(
    ("attempt", "greets"),
    [
        pytest.param(0, True, id="AUTHUP-GEN-4 no reup"),
        pytest.param(1, True, id="AUTHUP-GEN-4 the first attempt"),
        pytest.param(2, False, id="AUTHUP-GEN-4 the second attempt"),
        pytest.param(99, False, id="AUTHUP-GEN-4 a late attempt"),
    ],
)
def test_start(spoken: Spoken, attempt: int, cases: Cases, *, greets: bool) -> None:
    greeting = {
        "smtp": "S: 220 mail.example.org ESMTP",
        "pop3": "S: +OK <77.1538352000@mail.example.org>",
    }[spoken.name]
    lines = ["E: start", f"L: authup 77 protocol {spoken.name}", *([greeting] if greets else []), *spoken.ok]
    hold(spoken, lines, cases, SETTINGS._replace(attempt=attempt))


@both
@pytest.mark.parametrize("attempt", [0, 1, 3])
@pytest.mark.parametrize("before", [[], ["c: NOO"], ["c: \r"]], ids=["at once", "in a line", "after a CR"])
@pytest.mark.parametrize(
    ("event", "error"),
    [
        pytest.param("EOF", "read", id="AUTHUP-GEN-8 client EOF"),
        pytest.param("timeout", "alarm", id="AUTHUP-GEN-7 timeout"),
        pytest.param("SIGTERM", "shutdown", id="AUTHUP-GEN-9 SIGTERM"),
        *[
            pytest.param(error, error, id=f"AUTHUP-ERR-3 {error}")
            for error in (
                "control",
                "nomem",
                "alarm",
                "pipe",
                "read",
                "write",
                "fork",
                "wait",
                "crash",
                "nonsense",
            )
        ],
        pytest.param("internal", "internal", id="LIM-6 a fault of our own"),
    ],
)
def test_fatal_errors(
    spoken: Spoken, *, event: str, error: str, before: list[str], attempt: int, cases: Cases
) -> None:
    lines = [*before, f"E: {event}", spoken.error(error), "X: 12"]
    hold(spoken, lines, cases, SETTINGS._replace(attempt=attempt))


def test_fatal_errors_inside_an_auth_exchange(cases: Cases) -> None:
    for event, error in ("EOF", "read"), ("timeout", "alarm"), ("SIGTERM", "shutdown"):
        exchange = ["C: AUTH LOGIN", "S: 334 VXNlcm5hbWU6", "c: YWxp"]
        hold(SMTP, [*exchange, f"E: {event}", SMTP.error(error), "X: 12"], cases)


@both
@pytest.mark.parametrize("attempt", [0, 1, 2])
def test_quit_is_success(spoken: Spoken, attempt: int, cases: Cases) -> None:
    hold(spoken, [*spoken.closing, *spoken.ok[:1], "c: trailing"], cases, SETTINGS._replace(attempt=attempt))


# The child's end: section 3.6


def refused(spoken: Spoken, error: str, *, left: int, child: str = "9001") -> list[str]:
    return [said(child, f"failed, {left} remaining"), "M: next", spoken.error(error)]


@both
@pytest.mark.parametrize("uid", ["", " as 0"], ids=["UID unseen", "own UID"])
@pytest.mark.parametrize("attempt", [0, 1, 2])
@pytest.mark.parametrize(
    ("code", "error"),
    [
        pytest.param("1", "badauth", id="3.6 code 1"),
        pytest.param("2", "badauth", id="3.6 code 2"),
        pytest.param("111", "tempauth", id="3.6 code 111"),
    ],
)
def test_refused_logins(
    spoken: Spoken, *, code: str, error: str, attempt: int, uid: str, cases: Cases
) -> None:
    if attempt > 1 and spoken is POP3:
        spoken = spoken._replace(login=[*spoken.login[:-1], "P: alice\0secret\0<mail.example.org>\0"])
    once = [*spoken.login, f"K: {code}{uid}", ATTEMPT]
    last = [*once, *refused(spoken, error, left=0), "X: 1", *spoken.ok[:1], "c: NO"]
    hold(spoken, last, cases, SETTINGS._replace(tries=1, attempt=attempt))
    goes_on = [*once, *refused(spoken, error, left=1), *spoken.ok, "c: NO"]
    hold(spoken, goes_on, cases, SETTINGS._replace(tries=2, attempt=attempt))


@both
@pytest.mark.parametrize("uid", ["", " as 0", " as 1000"], ids=["UID unseen", "own UID", "another UID"])
@pytest.mark.parametrize(("attempt", "tries"), [(0, 1), (0, 5), (1, 1), (1, 5)])
@pytest.mark.parametrize(
    ("how", "error"),
    [
        pytest.param("16", "alarm", id="3.6 code 16"),
        pytest.param("18", "control", id="3.6 code 18"),
        pytest.param("killed", "crash", id="3.6 killed by a signal"),
    ],
)
def test_ends_that_are_fatal(
    spoken: Spoken, *, how: str, error: str, attempt: int, tries: int, uid: str, cases: Cases
) -> None:
    lines = [*spoken.login, f"K: {how}{uid}", ATTEMPT, spoken.error(error), "X: 12", *spoken.ok[:1]]
    hold(spoken, lines, cases, SETTINGS._replace(tries=tries, attempt=attempt))


def whole(data: bytes) -> Iterator[list[bytes]]:
    yield [data]
    yield [data[:1], data[1:]]


@both
@pytest.mark.parametrize("uid", ["", " as 0", " as 1000"], ids=["UID unseen", "own UID", "another UID"])
@pytest.mark.parametrize("attempt", [0, 1])
def test_any_other_end_is_a_session_that_was(spoken: Spoken, attempt: int, uid: str, cases: Cases) -> None:
    about = SETTINGS._replace(attempt=attempt)
    for code in set(range(256)) - {1, 2, 111, 16, 18}:  # AUTHUP-EXIT-3: 14 and 15 among them
        end = f"X: {0 if attempt else code}"
        lines = [*spoken.login, f"K: {code}{uid}", ATTEMPT, SUCCEEDED, end, *spoken.ok[:1]]
        converse(spoken.session, about, lines, cases, cut=whole)


@both
@pytest.mark.parametrize("code", [0, 7, 14, 15, 255])
@pytest.mark.parametrize("attempt", [0, 1])
def test_nothing_is_said_after_a_login(spoken: Spoken, code: int, attempt: int, cases: Cases) -> None:
    end = f"X: {0 if attempt else code}"
    lines = [*spoken.login, f"K: {code}", ATTEMPT, SUCCEEDED, end, *spoken.ok[:1], "C: DATA", "c: Subj"]
    hold(spoken, lines, cases, SETTINGS._replace(attempt=attempt))


@both
@pytest.mark.parametrize(("own", "uid"), [(0, 1000), (0, 1), (500, 1000), (500, 0)])
@pytest.mark.parametrize(("attempt", "tries"), [(0, 1), (0, 5), (1, 1), (1, 5)])
@pytest.mark.parametrize(
    ("code", "words"),
    [
        pytest.param(1, "", id="AUTHUP-EXIT-2 code 1 without a word"),
        pytest.param(2, "", id="AUTHUP-EXIT-2 code 2 without a word"),
        pytest.param(111, "tempauth", id="AUTHUP-EXIT-2 code 111 with tempauth"),
    ],
)
def test_who_died_under_another_uid_had_logged_in(
    spoken: Spoken, *, code: int, words: str, attempt: int, tries: int, own: int, uid: int, cases: Cases
) -> None:
    answer = ["M: once", spoken.error(words)] if words else []
    end = f"X: {0 if attempt else code}"
    lines = [*spoken.login, f"K: {code} as {uid}", ATTEMPT, SUCCEEDED, *answer, end, *spoken.ok[:1]]
    hold(spoken, lines, cases, SETTINGS._replace(uid=own, tries=tries, attempt=attempt))


@both
def test_the_same_uid_is_no_login_whatever_it_is(spoken: Spoken, cases: Cases) -> None:
    lines = [*spoken.login, "K: 1 as 500", ATTEMPT, *refused(spoken, "badauth", left=4), *spoken.ok]
    hold(spoken, lines, cases, SETTINGS._replace(uid=500))


@both
@pytest.mark.parametrize(("step", "error"), [("fork", "fork"), ("exec", "fork"), ("pipe", "pipe")])
def test_checkpassword_that_cannot_be_run_is_answered_once(
    spoken: Spoken, step: str, error: str, cases: Cases
) -> None:
    attempt = said("-", "attempt for alice")  # AUTHUP-LOG-1
    lines = [*spoken.login, f"K: no {step}", attempt, spoken.error(error), "X: 12", *spoken.ok[:1]]  # CP-5
    hold(spoken, lines, cases)


@both
@pytest.mark.parametrize(("tries", "end"), [(1, ["X: 1"]), (5, [])])
def test_checkpassword_that_never_ends_is_tempauth(
    spoken: Spoken, tries: int, end: list[str], cases: Cases
) -> None:
    answer = refused(spoken, "tempauth", left=tries - 1)
    lines = [*spoken.login, "K: given up", ATTEMPT, *answer, *end, *([] if end else spoken.ok)]  # AUTHUP-CP-6
    hold(spoken, lines, cases, SETTINGS._replace(tries=tries))


@both
def test_a_client_that_left_hears_nothing(spoken: Spoken, cases: Cases) -> None:
    lines = [*spoken.login, "K: client left", ATTEMPT, "X: 12", *spoken.ok[:1]]  # AUTHUP-CP-7
    hold(spoken, lines, cases)


# Tries and moments


@both
@pytest.mark.parametrize("tries", [1, 2, 3, 5])
@pytest.mark.parametrize(
    "ends", [["1"], ["1", "111"], ["given up", "2"]], ids=["badauth", "mixed", "given up"]
)
def test_tries(spoken: Spoken, tries: int, ends: list[str], cases: Cases) -> None:
    lines: list[str] = []
    for number in range(tries):
        child, how = f"{9001 + number}", ends[number % len(ends)]
        error = "badauth" if how in {"1", "2"} else "tempauth"
        lines += [*spoken.login, f"K: {how}", said(child, "attempt for alice")]
        lines += refused(spoken, error, left=tries - number - 1, child=child)
    hold(spoken, [*lines, "X: 1", *spoken.ok[:1]], cases, SETTINGS._replace(tries=tries))


@both
def test_a_login_that_is_not_asked_about_is_a_try_too(spoken: Spoken, cases: Cases) -> None:
    lines = [
        *spoken.refused_unasked,
        said("-", "attempt for alice"),
        *refused(spoken, "badauth", left=1, child="-"),
    ]
    lines += [
        *spoken.refused_unasked,
        said("-", "attempt for alice"),
        *refused(spoken, "badauth", left=0, child="-"),
    ]
    hold(spoken, [*lines, "X: 1"], cases, SETTINGS._replace(tries=2))


@both
def test_the_log_names_no_child_where_none_was_run(spoken: Spoken, cases: Cases) -> None:
    lines = [*spoken.login, "K: 1", ATTEMPT, *refused(spoken, "badauth", left=4), *spoken.refused_unasked]
    lines += [said("-", "attempt for alice"), *refused(spoken, "badauth", left=3, child="-")]  # AUTHUP-LOG-1
    hold(spoken, lines, cases)


@both
@pytest.mark.parametrize("tries", [1, 3])
def test_every_refused_login_looks_alike(spoken: Spoken, tries: int, cases: Cases) -> None:
    end = [] if tries > 1 else ["X: 1"]
    seen = ["M: next", spoken.error("badauth"), *end]  # AUTHUP-ERR-4, CNR-5: root's right password is a 1
    for login in (
        [*spoken.login, "K: 1"],
        [*spoken.login, "K: 1 as 0"],
        [*spoken.login, "K: 2"],
        spoken.refused_unasked,
    ):
        shown = [line for line in login if line[0] != "P"]
        hold(spoken, [*shown, *seen], cases, SETTINGS._replace(tries=tries), show="SMX")


def test_errors_of_smtp_that_are_no_tries(cases: Cases) -> None:
    lines = ["C: AUTH X", "S: 504 authup auth type unimplemented (#5.5.1)"]
    lines += ["C: AUTH PLAIN =", "S: 501 authup malformed auth input (#5.5.4)"]
    lines += ["C: AUTH PLAIN", "S: 334 ", "C: *", "S: 501 authup auth exchange cancelled (#5.0.0)"]
    lines += ["C: STARTTLS", "K: no TLS", SMTP.error("starttls")]
    lines += [*SMTP.login, "K: 1", ATTEMPT, *refused(SMTP, "badauth", left=0), "X: 1"]  # AUTHUP-ERR-1
    hold(SMTP, lines, cases, SETTINGS._replace(tries=1, tls=TLS_OFFERED))


def test_errors_of_pop3_that_are_no_tries(cases: Cases) -> None:
    lines = ["C: PASS x", "S: -ERR authup USER first", "C: USER", "S: -ERR authup syntax error"]
    lines += ["C: STLS", "K: no TLS", POP3.error("starttls")]
    lines += [*POP3.login, "K: 1", ATTEMPT, *refused(POP3, "badauth", left=0), "X: 1"]  # AUTHUP-ERR-1
    hold(POP3, lines, cases, SETTINGS._replace(tries=1, tls=TLS_OFFERED))


@both
def test_needtls_is_no_try(spoken: Spoken, cases: Cases) -> None:
    needtls = [spoken.login[0], spoken.error("needtls")]
    lines = [*needtls, *needtls, spoken.starttls, spoken.ready, "K: TLS \0\0", "L: authup 77 negotiated TLS"]
    lines += [*spoken.login, "K: 0", ATTEMPT, SUCCEEDED, "X: 0"]
    hold(spoken, lines, cases, SETTINGS._replace(tries=1, tls=TLS_REQUIRED))


# TLS


@both
@pytest.mark.parametrize("level", [TLS_OFFERED, TLS_REQUIRED], ids=["available", "required"])
@pytest.mark.parametrize(
    "injected",
    [
        pytest.param([], id="AUTHUP-TLS-5 nothing injected"),
        pytest.param(["C: NOOP"], id="AUTHUP-TLS-5 a command"),
        pytest.param(["C: QUIT", "C: X"], id="AUTHUP-TLS-5 QUIT"),
        pytest.param(["c: NOO"], id="AUTHUP-TLS-5 half a command"),
        pytest.param(["C: STARTTLS", "C: STLS"], id="AUTHUP-TLS-5 TLS again"),
        pytest.param(["C: AUTH PLAIN " + plain("eve", "x")], id="AUTHUP-TLS-5 a login"),
        pytest.param(["C: AUTH PLAIN", "c: " + plain("eve", "x")], id="AUTHUP-TLS-5 a login without its end"),
        pytest.param(["C: USER eve", "c: PASS x"], id="AUTHUP-TLS-5 USER and PASS"),
    ],
)
def test_nothing_said_before_tls_survives(
    spoken: Spoken, level: Tls, injected: list[str], cases: Cases
) -> None:
    before = [spoken.starttls, spoken.ready, *injected, "K: TLS SSL_A=b\0\0", "L: authup 77 negotiated TLS"]
    inside = ["c: P\r\n", spoken.unknown[1], *spoken.ok, spoken.starttls, spoken.no_tls]
    login = [*spoken.login, "K: 0", ATTEMPT, SUCCEEDED, "X: 0"]
    hold(spoken, [*spoken.ok, *before, *inside, *login], cases, SETTINGS._replace(tls=level))


def test_what_is_announced_inside_tls(cases: Cases) -> None:
    about = SETTINGS._replace(tls=TLS_REQUIRED, capabilities=[b"X"])
    lines = ["C: STARTTLS", SMTP.ready, "K: TLS \0\0", "C: EHLO x", "S: 250-mail.example.org"]
    hold(SMTP, [*lines, "S: 250-AUTH LOGIN PLAIN", "S: 250 X"], cases, about, show="S")
    lines = ["C: STLS", POP3.ready, "K: TLS \0\0", "C: CAPA", "S: +OK capability list follows"]
    hold(POP3, [*lines, "S: USER", "S: X", "S: ."], cases, about, show="S")


def test_a_user_given_before_tls_does_not_count(cases: Cases) -> None:
    lines = ["C: USER alice", "S: +OK ", "C: STLS", POP3.ready, "C: PASS x", "K: TLS \0\0"]
    lines += ["C: PASS secret", "S: -ERR authup USER first", *POP3.login, "K: 0", "X: 0"]
    hold(POP3, lines, cases, SETTINGS._replace(tls=TLS_OFFERED), show="SPX")


@both
def test_trouble_before_tls_leaves_the_session_going(spoken: Spoken, cases: Cases) -> None:
    lines = [spoken.starttls, "K: no TLS", spoken.error("starttls"), *spoken.ok]  # AUTHUP-TLS-6
    lines += [spoken.starttls, "K: TLS \0\0", spoken.ready, "L: authup 77 negotiated TLS"]
    hold(spoken, lines, cases, SETTINGS._replace(tls=TLS_OFFERED))


def test_a_user_given_before_tls_that_did_not_start_counts(cases: Cases) -> None:
    lines = ["C: USER alice", "S: +OK ", "C: STLS", "K: no TLS", POP3.error("starttls")]
    lines += [*POP3.login[2:], "K: 0", "X: 0"]
    hold(POP3, lines, cases, SETTINGS._replace(tls=TLS_OFFERED), show="SPX")


@both
@pytest.mark.parametrize("attempt", [0, 1])
def test_trouble_in_tls_ends_it_without_a_word(spoken: Spoken, attempt: int, cases: Cases) -> None:
    gone = [spoken.ready, "L: authup 77 TLS temporarily not available", "X: 12"]
    lines = [spoken.starttls, "K: broken TLS", *gone, *spoken.ok[:1], "c: QU"]
    hold(spoken, lines, cases, SETTINGS._replace(tls=TLS_OFFERED, attempt=attempt))


@both
@pytest.mark.parametrize(
    ("tls", "attempt", "resumable", "code"),
    [
        pytest.param(TLS_ACTIVE, 1, False, 12, id="REUP-12 foreign reup, inside TLS"),
        pytest.param(TLS_ACTIVE, 1, True, 1, id="REUP-10 our reup, inside TLS"),
        pytest.param(TLS_ACTIVE, 0, True, 1, id="AUTHUP-TLS-8 no reup, inside TLS"),
        pytest.param(TLS_ACTIVE, 0, False, 1, id="REUP-12 no reup at all"),
        pytest.param(TLS_OFFERED, 1, False, 1, id="REUP-12 foreign reup, outside TLS"),
    ],
)
def test_a_failed_login_that_no_next_attempt_can_follow(
    spoken: Spoken, tls: Tls, attempt: int, code: int, cases: Cases, *, resumable: bool
) -> None:
    about = SETTINGS._replace(tls=tls, attempt=attempt, resumable=resumable, tries=2)
    lines = [*spoken.login, "K: 1", ATTEMPT, *refused(spoken, "badauth", left=1), *spoken.ok]
    lines += [*spoken.login, "K: 111", said("9002", "attempt for alice")]
    hold(spoken, [*lines, *refused(spoken, "tempauth", left=0, child="9002"), f"X: {code}"], cases, about)


@both
def test_tries_inside_tls(spoken: Spoken, cases: Cases) -> None:
    start = [spoken.starttls, spoken.ready, "K: TLS \0\0", "L: authup 77 negotiated TLS"]
    lines = [*spoken.login, "K: 1", ATTEMPT, *refused(spoken, "badauth", left=1), *start]
    lines += [*spoken.login, "K: 1", said("9002", "attempt for alice")]  # AUTHUP-TLS-8
    lines += [*refused(spoken, "badauth", left=0, child="9002"), "X: 1"]
    hold(spoken, lines, cases, SETTINGS._replace(tls=TLS_OFFERED, tries=2))


# Limits


def edges(data: bytes) -> Iterator[list[bytes]]:
    """Cut input of many thousand bytes: cuts() is for short ones."""
    for size in len(data), 1, 5, 4096, 12287, 12288, 12289, 12290:
        yield [data[i : i + size] for i in range(0, len(data), size)]
    ends = [i for i, byte in enumerate(data, start=1) if byte == 0x0A]
    near = {end + by for end in [0, *ends] for by in (-2, -1, 0, 1, 12287, 12288, 12289)}
    for place in sorted(place for place in near if 0 < place < len(data)):
        yield [data[:place], data[place:]]


def hold_long(spoken: Spoken, lines: list[str], cases: Cases, about: Settings = SETTINGS) -> None:
    converse(spoken.session, about, lines, cases, cut=edges, show="SPMX")


def long_line(size: int, ending: str = "\r\n", text: str = "NOOP ") -> str:
    """Return a client line of `size` bytes, its ending included."""
    return "c: " + text.ljust(size - len(ending), "a") + ending


@both
@pytest.mark.parametrize("ending", ["\r\n", "\n"])
def test_the_longest_line_is_a_command(spoken: Spoken, ending: str, cases: Cases) -> None:
    hold_long(spoken, [long_line(12288, ending), spoken.ok[1], *spoken.ok], cases)  # LIM-1


@both
@pytest.mark.parametrize("ending", ["\r\n", "\n"])
@pytest.mark.parametrize("size", [12289, 12290, 20000])
def test_a_line_one_byte_longer_is_too_long(spoken: Spoken, size: int, ending: str, cases: Cases) -> None:
    hold_long(
        spoken, [*spoken.ok, long_line(size, ending), spoken.error("toolong"), *spoken.ok], cases
    )  # LIM-1


@both
def test_a_long_line_is_refused_when_it_passes_the_limit(spoken: Spoken, cases: Cases) -> None:
    hold_long(spoken, [long_line(12288, "")], cases)
    hold_long(spoken, [long_line(12288, ""), "c: a", spoken.error("toolong")], cases)
    lines = [long_line(12288, ""), "c: a", spoken.error("toolong"), "c: aa", "c: \r\n", *spoken.ok]
    hold_long(spoken, lines, cases)


@both
def test_the_third_long_line_is_nonsense(spoken: Spoken, cases: Cases) -> None:
    long = long_line(12289, "\n")
    lines = [long, spoken.error("toolong"), *spoken.ok, long, spoken.error("toolong"), *spoken.ok]
    hold_long(spoken, [*lines, long, spoken.error("nonsense"), "X: 12", *spoken.ok[:1]], cases)


@both
def test_long_lines_count_over_all_attempts(spoken: Spoken, cases: Cases) -> None:
    long = long_line(12289, "\n")
    for earlier in 2, 3:
        lines = [*spoken.ok, long, spoken.error("nonsense"), "X: 12"]
        hold_long(spoken, lines, cases, SETTINGS._replace(long_lines=earlier))
    lines = [long, spoken.error("toolong"), long, spoken.error("nonsense"), "X: 12"]
    hold_long(spoken, lines, cases, SETTINGS._replace(long_lines=1))


@both
def test_a_long_line_is_an_error_as_well(spoken: Spoken, cases: Cases) -> None:
    long = long_line(12289, "\n")
    hold_long(spoken, [long, spoken.error("nonsense"), "X: 12"], cases, SETTINGS._replace(errors=20))
    lines = [long, spoken.error("toolong"), spoken.unknown[0], spoken.error("nonsense"), "X: 12"]
    hold_long(spoken, lines, cases, SETTINGS._replace(errors=19))  # LIM-2


@pytest.mark.parametrize("step", [0, 1])
def test_a_long_line_ends_an_auth_exchange(step: int, cases: Cases) -> None:
    exchange = ["C: AUTH LOGIN", "S: 334 VXNlcm5hbWU6", f"C: {b64('alice')}", "S: 334 UGFzc3dvcmQ6"]
    lines = [*exchange[: 2 + 2 * step], long_line(12289, text=""), SMTP.error("toolong")]
    lines += [f"C: {b64('secret')}", SMTP.unknown[1], *SMTP.ok]
    hold_long(SMTP, lines, cases)  # LIM-1


def test_a_long_response_that_is_not_too_long_is_no_line_error(cases: Cases) -> None:
    response = b64("\0alice\0" + "s" * 9202)
    lines = ["C: AUTH PLAIN", "S: 334 ", f"C: {response}", "M: next", SMTP.error("badauth"), *SMTP.ok]
    hold_long(SMTP, lines, cases)


@both
def test_the_21st_error_is_nonsense(spoken: Spoken, cases: Cases) -> None:
    lines = [*spoken.unknown * 20, *spoken.ok, spoken.unknown[0], spoken.error("nonsense"), "X: 12"]
    hold(spoken, [*lines, *spoken.ok[:1]], cases)  # LIM-2


@both
def test_errors_count_over_all_attempts(spoken: Spoken, cases: Cases) -> None:
    last = [spoken.unknown[0], spoken.error("nonsense"), "X: 12"]
    hold(spoken, [*spoken.ok, *last], cases, SETTINGS._replace(errors=20, attempt=2))
    hold(spoken, [*spoken.unknown, *last], cases, SETTINGS._replace(errors=19, attempt=2))


@both
def test_errors_count_across_tls(spoken: Spoken, cases: Cases) -> None:
    about = SETTINGS._replace(errors=19, tls=TLS_OFFERED)
    start = [spoken.starttls, spoken.ready, "K: TLS \0\0", "L: authup 77 negotiated TLS"]
    lines = [*spoken.unknown, *start, *spoken.ok, spoken.unknown[0], spoken.error("nonsense"), "X: 12"]
    hold(spoken, lines, cases, about)


EXCHANGE = ["C: AUTH PLAIN", "S: 334 "]


@pytest.mark.parametrize(
    ("spoken", "about", "lines"),
    [
        pytest.param(SMTP, SETTINGS, ["C: AUTH PLAIN ="], id="LIM-2 501 input"),
        pytest.param(SMTP, SETTINGS, [*EXCHANGE, "C: *"], id="LIM-2 501 authabrt"),
        pytest.param(SMTP, SETTINGS, ["C: STARTTLS"], id="LIM-2 502"),
        pytest.param(SMTP, SETTINGS, ["C: AUTH X"], id="LIM-2 504"),
        pytest.param(SMTP, SETTINGS, ["C: RSET"], id="LIM-2 530"),
        pytest.param(SMTP, SETTINGS._replace(tls=TLS_REQUIRED), ["C: AUTH PLAIN"], id="LIM-2 530 needtls"),
        pytest.param(POP3, SETTINGS, ["C: STLS"], id="LIM-2 -ERR STLS not available"),
        pytest.param(POP3, SETTINGS, ["C: PASS x"], id="LIM-2 -ERR USER first"),
        pytest.param(POP3, SETTINGS, ["C: USER"], id="LIM-2 -ERR syntax error"),
        pytest.param(POP3, SETTINGS._replace(tls=TLS_REQUIRED), ["C: USER x"], id="LIM-2 -ERR needtls"),
        pytest.param(
            POP3, SETTINGS._replace(tls=TLS_OFFERED), ["C: STLS", "K: no TLS"], id="LIM-2 -ERR starttls"
        ),
    ],
)
def test_errors_that_count(spoken: Spoken, about: Settings, lines: list[str], cases: Cases) -> None:
    end = [spoken.error("nonsense"), "X: 12", *spoken.ok[:1]]
    hold(spoken, [*spoken.ok, *lines, *end], cases, about._replace(errors=20))


@both
def test_refused_logins_are_no_errors(spoken: Spoken, cases: Cases) -> None:
    lines: list[str] = []
    for end, error in ("1", "badauth"), ("111", "tempauth"), ("given up", "tempauth"):
        lines += [*spoken.login, f"K: {end}", "M: next", spoken.error(error)]
    lines += [*spoken.refused_unasked, "M: next", spoken.error("badauth"), *spoken.unknown]
    lines += [spoken.unknown[0], spoken.error("nonsense"), "X: 12"]
    hold(spoken, lines, cases, SETTINGS._replace(errors=19, tries=9), show="SPMX")  # LIM-2


def test_starttls_of_smtp_is_no_error(cases: Cases) -> None:
    lines = ["C: STARTTLS", "K: no TLS", SMTP.error("starttls")] * 2 + SMTP.ok  # LIM-2 does not list 454
    hold(SMTP, lines, cases, SETTINGS._replace(errors=20, tls=TLS_OFFERED))


@both
def test_what_the_next_attempt_needs_to_know(spoken: Spoken, cases: Cases) -> None:
    about = SETTINGS._replace(errors=3, long_lines=1, tls=TLS_OFFERED)
    lines = [*spoken.unknown, long_line(12289, "\n"), spoken.error("toolong"), *spoken.unknown]
    stage = Stage(spoken.session, about, [*lines, spoken.starttls, spoken.ready, "K: TLS SSL_A=b\0\0"])
    for pieces in stage.ways(whole):
        session = stage.play(pieces).session
        assert (session.errors, session.long_lines) == (6, 2)  # REUP-12
        assert session.tls_block == b"SSL_A=b\0\0"
        cases.count += 1


@both
def test_a_resumed_session_still_knows_its_tls_block(spoken: Spoken) -> None:
    session = spoken.session(SETTINGS._replace(tls=TLS_ACTIVE, tls_block=b"SSL_A=b\0\0", attempt=2))
    session.start()
    assert session.tls_block == b"SSL_A=b\0\0"


# Log


@both
def test_where_the_client_came_from(spoken: Spoken, cases: Cases) -> None:
    ip = " from 192.0.2.1"
    lines = ["E: start", "L: authup 77 protocol " + spoken.name]
    lines += [*spoken.login, "K: 1", ATTEMPT + ip, said("9001", "failed, 1 remaining") + ip, *spoken.ok]
    lines += [*spoken.login, "K: 0", said("9002", "attempt for alice") + ip]
    lines += [said("9002", "succeeded, child completed"), "X: 0"]
    shown = [line for line in lines if line[0] in "ECKL"]
    hold(spoken, shown, cases, SETTINGS._replace(tries=2, remote_ip=b"192.0.2.1"), show="L")  # AUTHUP-LOG-4


@pytest.mark.parametrize(
    ("user", "shown"),
    [
        pytest.param(b"alice", b"alice", id="AUTHUP-LOG-2 letters"),
        pytest.param(b"!#~@", b"!#~@", id="AUTHUP-LOG-2 0x21 to 0x7e"),
        pytest.param(b"al ice", rb"al\x20ice", id="AUTHUP-LOG-2 a blank"),
        pytest.param(b"a\nauthup 1 x", rb"a\x0aauthup\x201\x20x", id="AUTHUP-LOG-2 nobody forges a line"),
        pytest.param(b"\0\x1f\x7f\x80\xff", rb"\x00\x1f\x7f\x80\xff", id="AUTHUP-LOG-2 other bytes"),
        pytest.param(b"a" * 255, b"a" * 255, id="AUTHUP-LOG-2 255 bytes"),
        pytest.param(b"a" * 256, b"a" * 255, id="AUTHUP-LOG-2 256 bytes"),
    ],
)
def test_user_names_in_the_log(user: bytes, shown: bytes) -> None:
    assert loggable(user) == shown


def test_a_logged_user_name_is_bounded_as_it_is_written() -> None:
    shown = loggable(b"\xff" * 300)
    assert len(shown) <= 255
    assert shown.startswith(rb"\xff" * 63)


def test_odd_user_names_of_both_protocols(cases: Cases) -> None:
    smtp = ["C: AUTH PLAIN " + plain("al ice\xff", "secret"), "K: 0"]
    hold(SMTP, [*smtp, said("9001", r"attempt for al\x20ice\xff"), SUCCEEDED], cases, show="L")
    pop3 = ["C: USER al ice\xff", "C: PASS secret", "K: 0"]
    hold(POP3, [*pop3, said("9001", r"attempt for al\x20ice\xff"), SUCCEEDED], cases, show="L")


# The record for checkpassword


def test_the_record() -> None:
    assert checkpassword.record(b"alice", b" p ", b"<1.2@h>") == b"alice\0 p \0<1.2@h>\0"  # AUTHUP-CP-3
    assert checkpassword.record(b"alice", b"p", b"") == b"alice\0p\0\0"
    assert checkpassword.MOST_BYTES == 512


@pytest.mark.parametrize("byte", range(256))
def test_bytes_in_users_and_passwords(byte: int) -> None:
    text = b"a%cb" % byte
    assert checkpassword.is_user(text) == (byte >= 0x20 and byte != 0x7F)  # AUTHUP-SMTP-15
    assert checkpassword.is_user(bytes([byte])) == (byte >= 0x20 and byte != 0x7F)
    assert checkpassword.is_password(text) == (byte != 0)


def test_users_and_passwords_are_not_empty() -> None:
    assert not checkpassword.is_user(b"")
    assert not checkpassword.is_password(b"")


def test_the_password_is_never_shown() -> None:
    question = CheckPassword(b"alice\0secret\0\0", b"alice")
    for shown in (
        repr(question),
        str(question),
        f"{question}",
        f"{question!r}",
        f"{[question]}",
        str([question]),
    ):
        assert "secret" not in shown
        assert "alice" in shown


@both
def test_the_password_is_in_the_record_and_nowhere_else(spoken: Spoken, cases: Cases) -> None:
    stage = Stage(spoken.session, SETTINGS, [*spoken.login, "K: 1", *spoken.login, "K: 0"])
    for pieces in stage.ways(whole):
        events = stage.play(pieces).events
        assert sum("secret" in event for event in events) == 2
        assert all(event[0] == "P" for event in events if "secret" in event)
        cases.count += 1


# Anything


TOKENS = st.sampled_from(
    [
        *(
            b"EHLO x",
            b"NOOP",
            b"AUTH PLAIN",
            b"AUTH LOGIN",
            b"AUTH PLAIN ",
            b"*",
            b"=",
            b"X",
            b"QUIT",
            b"STARTTLS",
        ),
        *(
            b"USER alice",
            b"PASS secret",
            b"PASS",
            b"CAPA",
            b"STLS",
            b"\0",
            b"\xff",
            b" ",
            b"\r",
            b"\n",
            b"\r\n",
        ),
        *(b"\r\n", b"\r\n", b"\r\n", b64("alice").encode(), plain("alice", "secret").encode() + b"\r\n"),
    ]
)
PIECES = st.lists(st.lists(TOKENS | st.binary(max_size=3), max_size=5).map(b"".join), max_size=12)
ENDS = st.lists(
    st.sampled_from(["0", "1", "2", "111", "16", "killed", "given up", "1 as 9", "111 as 9"]), max_size=4
)


def events_of(session: Session, pieces: list[bytes], answers: list[str]) -> list[str]:
    player = Player(session, answers)
    player.happen("start")
    for piece in pieces:
        if not player.in_tls:
            player.perform(session.client_data(piece))
    if not player.over:
        player.happen("EOF")
    return player.events


@both
@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pieces=PIECES,
    ends=ENDS,
    level=st.sampled_from([Tls(), TLS_OFFERED, TLS_REQUIRED, TLS_ACTIVE]),
    tls=st.sampled_from(["no TLS", "broken TLS", "TLS SSL_A=b\0\0"]),
    attempt=st.integers(0, 2),
)
def test_anything_a_client_says_is_answered_alike_under_every_cut(
    spoken: Spoken, *, pieces: list[bytes], ends: list[str], level: Tls, tls: str, attempt: int, cases: Cases
) -> None:
    about = SETTINGS._replace(tls=level, attempt=attempt, tries=3)
    answers = [*ends, *["1"] * 9, *[tls] * 60]
    data = b"".join(pieces)
    events = events_of(spoken.session(about), [data], answers)
    assert events_of(spoken.session(about), pieces, answers) == events
    assert events_of(spoken.session(about), [data[i : i + 1] for i in range(len(data))], answers) == events
    assert events[-1].startswith("X: ")
    counted = ("S: 500", "S: 501", "S: 502", "S: 504", "S: 530", "S: -ERR")
    uncounted = {
        spoken.error("badauth"),
        spoken.error("tempauth"),
        spoken.error("nonsense"),
        spoken.error("read"),
    }
    assert sum(event.startswith(counted) and event not in uncounted for event in events) <= 20
    cases.count += 3


@both
@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.lists(st.binary(max_size=30), max_size=10))
def test_random_bytes_are_answered_line_by_line(spoken: Spoken, pieces: list[bytes], cases: Cases) -> None:
    session = spoken.session(SETTINGS._replace(errors=-1000))
    lines = b"".join(pieces).count(b"\n")
    replies = [
        action for piece in pieces for action in session.client_data(piece) if isinstance(action, Send)
    ]
    assert len(replies) == lines
    cases.count += 1
