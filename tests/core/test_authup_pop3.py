"""POP3 before login, as transcripts: AUTHUP-POP3-1 to -8, AUTHUP-CP-3, AUTHUP-GEN-5, -6, AUTHUP-TLS-2, -7.

What POP3 shares with SMTP (tries, child's end, limits, log, moments) is in test_authup_session.py.
"""

import pytest

from acceptutils.authup import Settings
from acceptutils.authup_pop3 import Pop3Session
from acceptutils.ucspitls import Level, Tls
from tests.core.conftest import Cases
from tests.core.dialogue import SETTINGS as SMTP_SETTINGS
from tests.core.dialogue import converse

SETTINGS = SMTP_SETTINGS._replace(capabilities=[b"TOP", b"UIDL"])
TLS_OFFERED = SETTINGS._replace(tls=Tls(Level.AVAILABLE, usable=True))
TLS_REQUIRED = SETTINGS._replace(tls=Tls(Level.REQUIRED, usable=True))
TLS_IMPOSSIBLE = SETTINGS._replace(tls=Tls(Level.REQUIRED, usable=False))
TLS_ACTIVE = SETTINGS._replace(tls=Tls(Level.REQUIRED, usable=True, active=True))

STAMP = "<77.1538352000@mail.example.org>"
OK = "S: +OK "
AUTH_FIRST = "S: -ERR authup authorization first"
USER_FIRST = "S: -ERR authup USER first"
SYNTAX = "S: -ERR authup syntax error"
REFUSED = "S: -ERR authup authorization failed"
TEMPORARY = "S: -ERR [SYS/TEMP] authup temporary authentication failure"
NEED_TLS = "S: -ERR authup Must start TLS first"
NO_TLS = "S: -ERR STLS not available"
ALICE = f"P: alice\0secret\0{STAMP}\0"
USER = ["C: USER alice", OK]


def hold(lines: list[str], cases: Cases, about: Settings = SETTINGS, show: str = "SPX") -> None:
    converse(Pop3Session, about, lines, cases, show=show)


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(["E: start", f"S: +OK {STAMP}"], id="AUTHUP-POP3-1 connect"),
        pytest.param(["C: NOOP", OK, "C: noop x", OK], id="AUTHUP-POP3-5 NOOP"),
        pytest.param(
            ["C: QUIT", OK, "X: 0", "C: NOOP", "c: USER"], id="AUTHUP-POP3-5 QUIT; the rest is ignored"
        ),
        pytest.param(["C: STAT", AUTH_FIRST, "C: APOP alice x", AUTH_FIRST], id="AUTHUP-POP3-7 STAT, APOP"),
        pytest.param(["C: AUTH PLAIN", AUTH_FIRST, "C: RETR 1", AUTH_FIRST], id="AUTHUP-POP3-7 AUTH, RETR"),
        pytest.param(["C: ", AUTH_FIRST, "c: \n", AUTH_FIRST], id="AUTHUP-POP3-7 the empty line"),
        pytest.param(
            ["C:  NOOP", AUTH_FIRST, "C: NOOP\tx", AUTH_FIRST], id="AUTHUP-GEN-5 leading space, TAB"
        ),
        pytest.param(["c: NOOP\r\r\n", AUTH_FIRST, "c: NOOP\n", OK], id="AUTHUP-GEN-5 NOOP CR CR LF"),
        pytest.param(["C: NO\0OP", AUTH_FIRST, "C: NOOP\0", AUTH_FIRST], id="AUTHUP-GEN-5 NUL"),
        pytest.param(
            ["C: USER\0alice", AUTH_FIRST, "C: PASS x", USER_FIRST], id="AUTHUP-GEN-5 NUL behind USER"
        ),
        pytest.param(
            ["C: USER al\0ice", AUTH_FIRST, "C: PASS x", USER_FIRST], id="AUTHUP-GEN-5 NUL in the name"
        ),
        pytest.param(
            [*USER, "C: PASS se\0cret", AUTH_FIRST, "C: NOOP", OK], id="AUTHUP-GEN-5 NUL in the password"
        ),
    ],
)
def test_commands(lines: list[str], cases: Cases) -> None:
    hold(lines, cases)


@pytest.mark.parametrize(
    ("about", "lines"),
    [
        pytest.param(SETTINGS, ["S: USER", "S: TOP", "S: UIDL"], id="AUTHUP-POP3-6 TLS off"),
        pytest.param(
            TLS_OFFERED, ["S: STLS", "S: USER", "S: TOP", "S: UIDL"], id="AUTHUP-POP3-6 TLS available"
        ),
        pytest.param(TLS_REQUIRED, ["S: STLS", "S: TOP", "S: UIDL"], id="AUTHUP-POP3-6 TLS required"),
        pytest.param(TLS_IMPOSSIBLE, ["S: TOP", "S: UIDL"], id="AUTHUP-TLS-1 required, unusable"),
        pytest.param(TLS_ACTIVE, ["S: USER", "S: TOP", "S: UIDL"], id="AUTHUP-POP3-6 TLS active"),
        pytest.param(SETTINGS._replace(capabilities=[]), ["S: USER"], id="AUTHUP-POP3-6 no capabilities"),
        pytest.param(TLS_IMPOSSIBLE._replace(capabilities=[]), [], id="AUTHUP-POP3-6 nothing at all"),
        pytest.param(
            SETTINGS._replace(capabilities=[b" x \xff"]),
            ["S: USER", "S:  x \xff"],
            id="AUTHUP-POP3-6 as they are",
        ),
    ],
)
def test_capa(about: Settings, lines: list[str], cases: Cases) -> None:
    reply = ["S: +OK capability list follows", *lines, "S: ."]
    hold(["C: CAPA", *reply, "C: capa x", *reply], cases, about)


LOGGED_IN = ["K: 0", "X: 0"]
REFUSED_LOGIN = [*USER, "C: PASS secret", ALICE, "K: 1", REFUSED]


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([*USER, "C: PASS secret", ALICE, *LOGGED_IN], id="AUTHUP-POP3-2 USER, PASS"),
        pytest.param(
            ["c: user alice\n", OK, "c: pass secret\n", ALICE, *LOGGED_IN], id="AUTHUP-GEN-5 case, bare LF"
        ),
        pytest.param(
            ["C: USER   alice", OK, "C: PASS secret", ALICE, *LOGGED_IN], id="AUTHUP-GEN-5 spaces after USER"
        ),
        pytest.param(
            ["C: USER al ice ", OK, "C: PASS x", f"P: al ice \0x\0{STAMP}\0", *LOGGED_IN],
            id="AUTHUP-GEN-5 trailing spaces belong to the argument",
        ),
        pytest.param(
            ["C: USER bob", OK, *USER, "C: PASS secret", ALICE, *LOGGED_IN],
            id="AUTHUP-POP3-2 the last USER wins",
        ),
        pytest.param(
            [*USER, "C: NOOP", OK, "C: PASS secret", ALICE, *LOGGED_IN], id="AUTHUP-POP3-2 NOOP between"
        ),
        pytest.param(
            [*USER, "C: XYZZY", AUTH_FIRST, "C: PASS secret", ALICE, *LOGGED_IN], id="AUTHUP-POP3-7 between"
        ),
        pytest.param(["C: USER", SYNTAX, "C: PASS x", USER_FIRST], id="AUTHUP-POP3-2 USER without a name"),
        pytest.param(["C: USER ", SYNTAX, "C: USER   ", SYNTAX], id="AUTHUP-POP3-2 USER and spaces"),
        pytest.param([*USER, "C: USER", SYNTAX, "C: PASS x", USER_FIRST], id="AUTHUP-POP3-8 leaves no USER"),
        pytest.param(
            ["C: USER al\tice", SYNTAX, "C: PASS x", USER_FIRST], id="AUTHUP-POP3-8 TAB in the name"
        ),
        pytest.param(
            [*USER, "C: USER \x7f", SYNTAX, "C: PASS x", USER_FIRST], id="AUTHUP-POP3-8 0x7f, leaves no USER"
        ),
        pytest.param(
            ["c: USER alice\r\r\n", SYNTAX, "C: PASS x", USER_FIRST], id="AUTHUP-POP3-8 CR in the name"
        ),
        pytest.param(["C: USER\talice", AUTH_FIRST], id="AUTHUP-GEN-5 TAB is no separator"),
        pytest.param(
            ["C: USER \xe9\xff", OK, "C: PASS \xe8", f"P: \xe9\xff\0\xe8\0{STAMP}\0", *LOGGED_IN],
            id="AUTHUP-POP3-8 bytes above 127",
        ),
        pytest.param(["C: PASS secret", USER_FIRST, "C: PASS", USER_FIRST], id="AUTHUP-POP3-3 before USER"),
        pytest.param(
            [*USER, "C: PASS", SYNTAX, "C: PASS x", USER_FIRST], id="AUTHUP-POP3-8 PASS without argument"
        ),
        pytest.param(
            [*USER, "C: PASS ", SYNTAX, "C: PASS x", USER_FIRST], id="AUTHUP-POP3-8 PASS and one space"
        ),
        pytest.param(
            [*USER, "c: PASS\r\r\n", AUTH_FIRST, "C: PASS secret", ALICE, *LOGGED_IN],
            id="AUTHUP-GEN-5 CR CR LF",
        ),
        pytest.param(
            [*REFUSED_LOGIN, "C: PASS secret", USER_FIRST, *USER, "C: PASS secret", ALICE, *LOGGED_IN],
            id="AUTHUP-POP3-4 a new USER is needed",
        ),
        pytest.param(
            [*USER, "C: PASS secret", ALICE, "K: 111", TEMPORARY, "C: PASS secret", USER_FIRST],
            id="AUTHUP-POP3-4 also after tempauth",
        ),
        pytest.param(
            [*USER, "C: PASS secret", ALICE, *LOGGED_IN, "C: STAT", "C: QUIT"], id="AUTHUP-SMTP-18 not ours"
        ),
    ],
)
def test_user_and_pass(lines: list[str], cases: Cases) -> None:
    hold(lines, cases)


@pytest.mark.parametrize(
    ("argument", "password"),
    [
        pytest.param("secret", "secret", id="AUTHUP-POP3-3 a word"),
        pytest.param(" secret", " secret", id="AUTHUP-POP3-3 leading blank"),
        pytest.param("  se  cret  ", "  se  cret  ", id="AUTHUP-POP3-3 leading, inner, trailing blanks"),
        pytest.param(" ", " ", id="AUTHUP-POP3-3 a blank"),
        pytest.param("\tsecret\t", "\tsecret\t", id="AUTHUP-POP3-3 tabs"),
        pytest.param("secret\r", "secret\r", id="AUTHUP-GEN-5 one CR is dropped, not two"),
        pytest.param("\x01\x7f\xff", "\x01\x7f\xff", id="AUTHUP-SMTP-15 control characters"),
    ],
)
def test_the_password_is_everything_after_one_space(argument: str, password: str, cases: Cases) -> None:
    hold([*USER, f"C: PASS {argument}", f"P: alice\0{password}\0{STAMP}\0", *LOGGED_IN, "C: more"], cases)


@pytest.mark.parametrize(
    ("length", "asked"),
    [
        pytest.param(472, True, id="AUTHUP-SMTP-17 512 bytes with the timestamp"),
        pytest.param(473, False, id="AUTHUP-SMTP-17 513 bytes with the timestamp"),
    ],
)
def test_length_of_the_record(length: int, cases: Cases, *, asked: bool) -> None:
    password = "p" * length
    record = f"P: alice\0{password}\0{STAMP}\0"
    assert (len(record) - 3 <= 512) == asked
    lines = [*USER, f"C: PASS {password}", *([record, "K: 1"] if asked else []), "M: next", REFUSED]
    hold([*lines, "C: PASS x", USER_FIRST], cases, show="SPMX")


@pytest.mark.parametrize(
    ("attempt", "greeting", "stamp"),
    [
        pytest.param(0, [f"S: +OK {STAMP}"], STAMP, id="AUTHUP-CP-3 without REUP"),
        pytest.param(1, [f"S: +OK {STAMP}"], STAMP, id="AUTHUP-CP-3 the first attempt"),
        pytest.param(2, [], "<mail.example.org>", id="AUTHUP-CP-3 after a silent start"),
        pytest.param(30, [], "<mail.example.org>", id="AUTHUP-CP-3 long after it"),
    ],
)
def test_the_timestamp_is_that_of_the_greeting(
    attempt: int, greeting: list[str], stamp: str, cases: Cases
) -> None:
    login = [*USER, "C: PASS secret", f"P: alice\0secret\0{stamp}\0"]
    lines = ["E: start", *greeting, *login, "K: 1", REFUSED, *login, "K: 111"]
    lines += [TEMPORARY, *login, "K: 0", "X: 0"]
    hold(lines, cases, SETTINGS._replace(attempt=attempt))


def test_the_whole_greeting_is_in_the_timestamp(cases: Cases) -> None:
    about = SETTINGS._replace(greeting=b"mail.example.org at your service", pid=5, unix_time=0)
    stamp = "<5.0@mail.example.org at your service>"
    login = [*USER, "C: PASS secret", f"P: alice\0secret\0{stamp}\0", *LOGGED_IN]
    hold(["E: start", f"S: +OK {stamp}", *login], cases, about)


@pytest.mark.parametrize(
    ("about", "answer"),
    [
        pytest.param(SETTINGS, NO_TLS, id="AUTHUP-TLS-2 off"),
        pytest.param(TLS_ACTIVE, NO_TLS, id="AUTHUP-TLS-2 active"),
        pytest.param(
            TLS_IMPOSSIBLE,
            "S: -ERR authup TLS temporarily not available",
            id="AUTHUP-TLS-1 required, unusable",
        ),
    ],
)
def test_stls_that_cannot_be(about: Settings, answer: str, cases: Cases) -> None:
    hold(["C: STLS", answer, "C: stls x", answer, "C: STARTTLS", AUTH_FIRST, "C: NOOP", OK], cases, about)


@pytest.mark.parametrize("about", [TLS_REQUIRED, TLS_IMPOSSIBLE])
@pytest.mark.parametrize("command", ["USER alice", "USER", "user  bob ", "USER \x01"])
def test_user_needs_tls_first(about: Settings, command: str, cases: Cases) -> None:
    hold([f"C: {command}", NEED_TLS, "C: PASS secret", USER_FIRST, "C: NOOP", OK], cases, about)


@pytest.mark.parametrize("about", [TLS_OFFERED, TLS_ACTIVE])
def test_user_where_tls_is_not_needed(about: Settings, cases: Cases) -> None:
    hold([*USER, "C: PASS secret", ALICE, *LOGGED_IN], cases, about)
