"""SMTP before login, as transcripts: AUTHUP-SMTP-1 to -18, AUTHUP-GEN-5, -6, AUTHUP-TLS-2, -7.

What SMTP shares with POP3 (tries, child's end, limits, log, moments) is in test_authup_session.py.
"""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acceptutils.authup import Settings
from acceptutils.authup_smtp import SmtpSession, strict_base64
from acceptutils.ucspitls import Level, Tls
from tests.core.conftest import Cases
from tests.core.dialogue import SETTINGS, b64, converse, plain

TLS_OFFERED = SETTINGS._replace(tls=Tls(Level.AVAILABLE, usable=True))
TLS_REQUIRED = SETTINGS._replace(tls=Tls(Level.REQUIRED, usable=True))
TLS_IMPOSSIBLE = SETTINGS._replace(tls=Tls(Level.REQUIRED, usable=False))
TLS_ACTIVE = SETTINGS._replace(tls=Tls(Level.REQUIRED, usable=True, active=True))
BROKEN_CLIENTS = SETTINGS._replace(sasl_broken_clients=True)

AUTH_FIRST = "S: 530 authup authentication required (#5.7.1)"
MALFORMED = "S: 501 authup malformed auth input (#5.5.4)"
CANCELLED = "S: 501 authup auth exchange cancelled (#5.0.0)"
UNIMPLEMENTED_TYPE = "S: 504 authup auth type unimplemented (#5.5.1)"
REFUSED = "S: 535 authup authorization failed (#5.7.0)"
NEED_TLS = "S: 530 authup Must start TLS first (#5.7.0)"
NO_TLS = "S: 502 unimplemented (#5.5.1)"
USERNAME = "S: 334 VXNlcm5hbWU6"
PASSWORD = "S: 334 UGFzc3dvcmQ6"
ALICE = "P: alice\0secret\0\0"
OK = "S: 250 ok"


def hold(lines: list[str], cases: Cases, about: Settings = SETTINGS, show: str = "SPX") -> None:
    converse(SmtpSession, about, lines, cases, show=show)


# Commands


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(["E: start", "S: 220 mail.example.org ESMTP"], id="AUTHUP-SMTP-1 connect"),
        pytest.param(
            ["C: HELO x", "S: 250 mail.example.org", "C: HELO", "S: 250 mail.example.org"],
            id="AUTHUP-SMTP-4 HELO",
        ),
        pytest.param(["C: NOOP", OK, "C: NOOP x y", OK], id="AUTHUP-SMTP-4 NOOP"),
        pytest.param(["C: QUIT", "S: 221 mail.example.org", "X: 0"], id="AUTHUP-SMTP-4 QUIT"),
        pytest.param(
            ["C: HELP", "S: 214 authup home page: https://schmonz.com/qmail/acceptutils"],
            id="AUTHUP-SMTP-4 HELP",
        ),
        pytest.param(
            ["C: QUIT now", "S: 221 mail.example.org", "X: 0", "C: NOOP", "C: QUIT", "c: trailing"],
            id="AUTHUP-GEN-6 after QUIT the rest is ignored",
        ),
        pytest.param(
            ["C: HELO x", "S: 250 mail.example.org", "C: NOOP", OK, "C: NOOP", OK], id="AUTHUP-GEN-6 in order"
        ),
        pytest.param(
            ["c: NOOP\nNOOP\r\n", OK, OK, "c: NOOP"], id="AUTHUP-GEN-5 bare LF; an unfinished line waits"
        ),
        pytest.param(["C: noop", OK, "C: nOoP x", OK, "C: NOOP  ", OK], id="AUTHUP-GEN-5 any case, spaces"),
        pytest.param(
            ["C: NOOP\tx", AUTH_FIRST, "C: NOOP\t", AUTH_FIRST], id="AUTHUP-GEN-5 TAB is no separator"
        ),
        pytest.param(
            ["C:  NOOP", AUTH_FIRST, "C:  ", AUTH_FIRST], id="AUTHUP-GEN-5 a leading space: empty verb"
        ),
        pytest.param(["c: NOOP\r\r\n", AUTH_FIRST, "C: NOOP", OK], id="AUTHUP-GEN-5 NOOP CR CR LF"),
        pytest.param(["c: NOOP \r\r\n", OK], id="AUTHUP-GEN-5 CR CR LF behind the space is argument"),
        pytest.param(
            ["C: NOOP\0", AUTH_FIRST, "C: \0NOOP", AUTH_FIRST, "C: NOOP \0", AUTH_FIRST, "C: NOOP", OK],
            id="AUTHUP-GEN-5 a line with a NUL is unknown",
        ),
        pytest.param(
            ["C: QUIT\0x", AUTH_FIRST, "C: AUTH PLAIN\0", AUTH_FIRST], id="AUTHUP-GEN-5 NUL ends no verb"
        ),
        pytest.param(["C: ", AUTH_FIRST, "c: \n", AUTH_FIRST], id="AUTHUP-SMTP-5 the empty line"),
        pytest.param(
            ["C: MAIL FROM:<a@b>", AUTH_FIRST, "C: RCPT TO:<a@b>", AUTH_FIRST], id="AUTHUP-SMTP-5 MAIL RCPT"
        ),
        pytest.param(
            ["C: DATA", AUTH_FIRST, "C: .", AUTH_FIRST, "C: RSET", AUTH_FIRST], id="AUTHUP-SMTP-5 DATA RSET"
        ),
        pytest.param(
            ["C: XYZZY", AUTH_FIRST, "C: NOOPX", AUTH_FIRST, "C: NOO", AUTH_FIRST], id="AUTHUP-SMTP-5 unknown"
        ),
        pytest.param(["C: \xffNOOP", AUTH_FIRST, "C: VRFY x", AUTH_FIRST], id="AUTHUP-SMTP-5 any byte"),
    ],
)
def test_commands(lines: list[str], cases: Cases) -> None:
    hold(lines, cases)


HOST = "S: 250-mail.example.org"


@pytest.mark.parametrize(
    ("about", "lines"),
    [
        pytest.param(SETTINGS, ["S: 250-AUTH LOGIN PLAIN"], id="AUTHUP-SMTP-2 TLS off"),
        pytest.param(
            TLS_OFFERED, ["S: 250-STARTTLS", "S: 250-AUTH LOGIN PLAIN"], id="AUTHUP-SMTP-2 TLS available"
        ),
        pytest.param(TLS_REQUIRED, ["S: 250-STARTTLS"], id="AUTHUP-SMTP-3 TLS required"),
        pytest.param(TLS_IMPOSSIBLE, [], id="AUTHUP-TLS-1 required, unusable: not offered"),
        pytest.param(TLS_ACTIVE, ["S: 250-AUTH LOGIN PLAIN"], id="AUTHUP-SMTP-2 TLS active"),
        pytest.param(
            BROKEN_CLIENTS,
            ["S: 250-AUTH LOGIN PLAIN", "S: 250-AUTH=LOGIN PLAIN"],
            id="AUTHUP-SMTP-2 AUTHUP_SASL_BROKEN_CLIENTS",
        ),
        pytest.param(
            TLS_REQUIRED._replace(sasl_broken_clients=True),
            ["S: 250-STARTTLS"],
            id="AUTHUP-SMTP-3 neither AUTH line",
        ),
    ],
)
def test_ehlo(about: Settings, lines: list[str], cases: Cases) -> None:
    hold(["C: EHLO x", HOST, *lines, "S: 250-PIPELINING", "S: 250 8BITMIME"], cases, about)


@pytest.mark.parametrize(
    ("about", "capabilities", "lines"),
    [
        pytest.param(SETTINGS, [], [HOST, "S: 250 AUTH LOGIN PLAIN"], id="AUTHUP-SMTP-2 AUTH is last"),
        pytest.param(
            BROKEN_CLIENTS,
            [],
            [HOST, "S: 250-AUTH LOGIN PLAIN", "S: 250 AUTH=LOGIN PLAIN"],
            id="AUTHUP-SMTP-2 AUTH= is last",
        ),
        pytest.param(TLS_REQUIRED, [], [HOST, "S: 250 STARTTLS"], id="AUTHUP-SMTP-2 STARTTLS is last"),
        pytest.param(TLS_IMPOSSIBLE, [], ["S: 250 mail.example.org"], id="AUTHUP-SMTP-2 one line only"),
        pytest.param(
            SETTINGS,
            [b" size 5", b"x-\xff"],
            [HOST, "S: 250-AUTH LOGIN PLAIN", "S: 250- size 5", "S: 250 x-\xff"],
            id="AUTHUP-SMTP-2 copied as they are",
        ),
    ],
)
def test_ehlo_with_other_capabilities(
    about: Settings, capabilities: list[bytes], lines: list[str], cases: Cases
) -> None:
    hold(["C: EHLO x", *lines], cases, about._replace(capabilities=capabilities))


@pytest.mark.parametrize("command", ["EHLO", "ehlo x", "EHLO  x y ", "Ehlo [127.0.0.1]"])
def test_ehlo_takes_any_argument(command: str, cases: Cases) -> None:
    hold([f"C: {command}", HOST, "S: 250 AUTH LOGIN PLAIN"], cases, SETTINGS._replace(capabilities=[]))


@pytest.mark.parametrize(
    ("about", "answer"),
    [
        pytest.param(SETTINGS, NO_TLS, id="AUTHUP-TLS-2 off"),
        pytest.param(TLS_ACTIVE, NO_TLS, id="AUTHUP-TLS-2 active"),
        pytest.param(
            TLS_IMPOSSIBLE,
            "S: 454 authup TLS temporarily not available (#5.7.3)",
            id="AUTHUP-TLS-1 required, no usable descriptors",
        ),
    ],
)
def test_starttls_that_cannot_be(about: Settings, answer: str, cases: Cases) -> None:
    hold(["C: STARTTLS", answer, "C: starttls x", answer, "C: NOOP", OK], cases, about)


@pytest.mark.parametrize("about", [TLS_REQUIRED, TLS_IMPOSSIBLE])
@pytest.mark.parametrize(
    "command", ["AUTH PLAIN", "AUTH", "auth login", "AUTH CRAM-MD5", "AUTH PLAIN " + plain("alice", "secret")]
)
def test_auth_in_any_form_needs_tls_first(about: Settings, command: str, cases: Cases) -> None:
    hold([f"C: {command}", NEED_TLS, "C: NOOP", OK], cases, about)


@pytest.mark.parametrize("about", [TLS_OFFERED, TLS_ACTIVE])
def test_auth_where_tls_is_not_needed(about: Settings, cases: Cases) -> None:
    hold(["C: AUTH PLAIN " + plain("alice", "secret"), ALICE, "K: 0", "X: 0"], cases, about)


# AUTH


SECRET = plain("alice", "secret")
LOGGED_IN = [ALICE, "K: 0", "X: 0"]


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([f"C: AUTH PLAIN {SECRET}", *LOGGED_IN], id="AUTHUP-SMTP-6 no EHLO first"),
        pytest.param(["C: AUTH PLAIN", "S: 334 ", f"C: {SECRET}", *LOGGED_IN], id="AUTHUP-SMTP-12 one line"),
        pytest.param(
            ["C: AUTH PLAIN ", "S: 334 ", f"C: {SECRET}", *LOGGED_IN], id="AUTHUP-SMTP-10 nothing behind it"
        ),
        pytest.param(
            ["C: AUTH  PLAIN  ", "S: 334 ", f"C: {SECRET}", *LOGGED_IN], id="AUTHUP-SMTP-10 spaces around"
        ),
        pytest.param([f"C: auth   plain   {SECRET}", *LOGGED_IN], id="AUTHUP-SMTP-10 spaces and case"),
        pytest.param([f"c: AUTH PLAIN {SECRET}\n", *LOGGED_IN], id="AUTHUP-GEN-5 LF in AUTH"),
        pytest.param(
            ["c: AUTH PLAIN\n", "S: 334 ", f"c: {SECRET}\n", *LOGGED_IN], id="AUTHUP-GEN-5 LF in a response"
        ),
        pytest.param(
            ["C: AUTH LOGIN", USERNAME, f"C: {b64('alice')}", PASSWORD, f"C: {b64('secret')}", *LOGGED_IN],
            id="AUTHUP-SMTP-11 LOGIN",
        ),
        pytest.param(
            [f"C: aUTH lOGIN {b64('alice')}", PASSWORD, f"C: {b64('secret')}", *LOGGED_IN],
            id="AUTHUP-SMTP-11 LOGIN with the user",
        ),
        pytest.param(
            ["C: AUTH", UNIMPLEMENTED_TYPE, "C: AUTH ", UNIMPLEMENTED_TYPE], id="AUTHUP-SMTP-10 no mechanism"
        ),
        pytest.param(["C: AUTH CRAM-MD5", UNIMPLEMENTED_TYPE, "C: NOOP", OK], id="AUTHUP-SMTP-10 CRAM-MD5"),
        pytest.param(
            ["C: AUTH PLAINX", UNIMPLEMENTED_TYPE, "C: AUTH PLAI", UNIMPLEMENTED_TYPE],
            id="AUTHUP-SMTP-10 whole word",
        ),
        pytest.param(
            [f"C: AUTH PLAIN\t{SECRET}", UNIMPLEMENTED_TYPE], id="AUTHUP-SMTP-10 TAB is no separator"
        ),
        pytest.param(["c: AUTH PLAIN\r\r\n", UNIMPLEMENTED_TYPE], id="AUTHUP-SMTP-10 PLAIN CR CR LF"),
    ],
)
def test_auth(lines: list[str], cases: Cases) -> None:
    hold(lines, cases)


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(["C: AUTH PLAIN", "S: 334 ", "C: *", CANCELLED], id="AUTHUP-SMTP-13 in PLAIN"),
        pytest.param(["C: AUTH LOGIN", USERNAME, "C: *", CANCELLED], id="AUTHUP-SMTP-13 for the user"),
        pytest.param(
            ["C: AUTH LOGIN", USERNAME, f"C: {b64('alice')}", PASSWORD, "c: *\n", CANCELLED],
            id="AUTHUP-SMTP-13 for the password",
        ),
        pytest.param(
            [f"C: AUTH LOGIN {b64('alice')}", PASSWORD, "C: *", CANCELLED],
            id="AUTHUP-SMTP-13 after an initial",
        ),
        pytest.param(["C: *", AUTH_FIRST], id="AUTHUP-SMTP-13 outside it is a command"),
        pytest.param(
            ["C: AUTH PLAIN *", MALFORMED], id="AUTHUP-SMTP-13 an initial response is no response line"
        ),
        pytest.param(["C: AUTH PLAIN", "S: 334 ", "C: * ", MALFORMED], id="AUTHUP-SMTP-13 * and a blank"),
        pytest.param(["C: AUTH PLAIN", "S: 334 ", "C: **", MALFORMED], id="AUTHUP-SMTP-13 two of them"),
        pytest.param(["C: AUTH PLAIN", "S: 334 ", "c: *\r\r\n", MALFORMED], id="AUTHUP-SMTP-13 * CR CR LF"),
    ],
)
def test_a_cancelled_exchange(lines: list[str], cases: Cases) -> None:
    hold([*lines, "C: NOOP", OK, f"C: AUTH PLAIN {SECRET}", *LOGGED_IN], cases)


# AGEAYg== is NUL a NUL b; AGEAYmI= is NUL a NUL bb; AGEAYmJi is NUL a NUL bbb.
ODD_BASE64 = [
    pytest.param("AGEAYg", id="AUTHUP-SMTP-14 padding missing"),
    pytest.param("AGEAYg=", id="AUTHUP-SMTP-14 half of the padding missing"),
    pytest.param("AGEAYmI", id="AUTHUP-SMTP-14 one = missing"),
    pytest.param("AGEAYg===", id="AUTHUP-SMTP-14 too much padding"),
    pytest.param("AGEAYmI==", id="AUTHUP-SMTP-14 too much padding, one"),
    pytest.param("AGEAYmJi=", id="AUTHUP-SMTP-14 padding where none belongs"),
    pytest.param("AGEAYmJi====", id="AUTHUP-SMTP-14 a quantum of padding"),
    pytest.param("AGEAYh==", id="AUTHUP-SMTP-14 padding bits"),
    pytest.param("AGEAYmJ=", id="AUTHUP-SMTP-14 padding bits, one ="),
    pytest.param("AGEAYmJiY", id="AUTHUP-SMTP-14 a lone character"),
    pytest.param("AGEAYg==AGEAYg==", id="AUTHUP-SMTP-14 padding inside"),
    pytest.param("AGEAYg==x", id="AUTHUP-SMTP-14 text behind the padding"),
    pytest.param("AGE=AYg=", id="AUTHUP-SMTP-14 padding moved"),
    pytest.param("AGEAYg= =", id="AUTHUP-SMTP-14 a blank in the padding"),
    pytest.param("AGEA Yg==", id="AUTHUP-SMTP-14 a blank inside"),
    pytest.param("AGEAYg== ", id="AUTHUP-SMTP-14 a blank behind"),
    pytest.param("AGEAYg==\t", id="AUTHUP-SMTP-14 a TAB behind"),
    pytest.param("AGEAYg==\r", id="AUTHUP-SMTP-14 a CR behind"),
    pytest.param("AGEA\rYg==", id="AUTHUP-SMTP-14 a CR inside"),
    pytest.param("AGEA-mI=", id="AUTHUP-SMTP-14 the URL alphabet's -"),
    pytest.param("AGEA_mI=", id="AUTHUP-SMTP-14 the URL alphabet's _"),
    pytest.param("AGEAYg!=", id="AUTHUP-SMTP-14 a foreign character"),
    pytest.param("AGEAYg\xff=", id="AUTHUP-SMTP-14 a byte above 127"),
    pytest.param("====", id="AUTHUP-SMTP-14 padding only"),
    pytest.param("==", id="AUTHUP-SMTP-14 two ="),
    pytest.param("a\0b", id="AUTHUP-SMTP-15 not base64 at all"),
]


@pytest.mark.parametrize(
    "odd", [*ODD_BASE64, pytest.param(" AGEAYg==", id="AUTHUP-SMTP-14 a blank in front")]
)
def test_odd_base64_in_each_response(odd: str, cases: Cases) -> None:
    lines = ["C: AUTH PLAIN", "S: 334 ", f"C: {odd}", MALFORMED]
    lines += ["C: AUTH LOGIN", USERNAME, f"C: {odd}", MALFORMED]
    lines += [f"C: AUTH LOGIN {b64('alice')}", PASSWORD, f"C: {odd}", MALFORMED]
    hold([*lines, "C: NOOP", OK], cases)


@pytest.mark.parametrize("odd", [p for p in ODD_BASE64 if "\0" not in str(p.values[0])])
def test_odd_base64_as_initial_response(odd: str, cases: Cases) -> None:
    hold([f"C: AUTH PLAIN {odd}", MALFORMED, f"C: AUTH LOGIN {odd}", MALFORMED, "C: NOOP", OK], cases)


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(
            ["C: AUTH PLAIN", "S: 334 ", f"C: {SECRET}\0", MALFORMED], id="AUTHUP-SMTP-14 NUL behind"
        ),
        pytest.param(
            ["C: AUTH PLAIN", "S: 334 ", f"C: \0{SECRET}", MALFORMED], id="AUTHUP-SMTP-14 NUL in front"
        ),
        pytest.param([f"C: AUTH PLAIN {SECRET}\0", AUTH_FIRST], id="AUTHUP-GEN-5 NUL in the command"),
        pytest.param(
            ["C: AUTH PLAIN =", MALFORMED, "C: AUTH LOGIN =", MALFORMED], id="AUTHUP-SMTP-14 = is empty"
        ),
        pytest.param(
            ["C: AUTH PLAIN", "S: 334 ", "C: =", MALFORMED], id="AUTHUP-SMTP-14 = as a response line"
        ),
        pytest.param(["C: AUTH LOGIN", USERNAME, "C: =", MALFORMED], id="AUTHUP-SMTP-14 = for the user"),
        pytest.param(["C: AUTH PLAIN", "S: 334 ", "C: ", MALFORMED], id="AUTHUP-SMTP-15 an empty response"),
        pytest.param(["C: AUTH LOGIN", USERNAME, "C: ", MALFORMED], id="AUTHUP-SMTP-15 an empty user"),
        pytest.param(
            [f"C: AUTH LOGIN {b64('alice')}", PASSWORD, "C: ", MALFORMED],
            id="AUTHUP-SMTP-15 an empty password",
        ),
        pytest.param(
            [f"C: AUTH LOGIN {b64('alice')}", PASSWORD, "C: =", MALFORMED],
            id="AUTHUP-SMTP-14 = for the password",
        ),
    ],
)
def test_nul_and_nothing(lines: list[str], cases: Cases) -> None:
    hold([*lines, "C: NOOP", OK], cases)


@pytest.mark.parametrize(
    "message",
    [
        pytest.param("alice", id="AUTHUP-SMTP-15 no NUL"),
        pytest.param("alice\0secret", id="AUTHUP-SMTP-15 one NUL"),
        pytest.param("\0alice\0secret\0", id="AUTHUP-SMTP-15 three NULs"),
        pytest.param("\0alice\0sec\0ret", id="AUTHUP-SMTP-15 a NUL in the password"),
        pytest.param("\0\0secret", id="AUTHUP-SMTP-15 an empty user"),
        pytest.param("\0alice\0", id="AUTHUP-SMTP-15 an empty password"),
        pytest.param("\0\0", id="AUTHUP-SMTP-15 both empty"),
        pytest.param("alice\0\0secret", id="AUTHUP-SMTP-15 authzid does not stand in for the user"),
        pytest.param("\0al\nice\0secret", id="AUTHUP-SMTP-15 LF in the user"),
        pytest.param("\0al\x01ice\0secret", id="AUTHUP-SMTP-15 0x01 in the user"),
        pytest.param("\0al\x1fice\0secret", id="AUTHUP-SMTP-15 0x1f in the user"),
        pytest.param("\0alice\x7f\0secret", id="AUTHUP-SMTP-15 0x7f in the user"),
        pytest.param("\0\talice\0secret", id="AUTHUP-SMTP-15 TAB in the user"),
    ],
)
def test_plain_that_is_no_login(message: str, cases: Cases) -> None:
    lines = [
        f"C: AUTH PLAIN {b64(message)}",
        MALFORMED,
        "C: AUTH PLAIN",
        "S: 334 ",
        f"C: {b64(message)}",
        MALFORMED,
    ]
    hold([*lines, "C: NOOP", OK], cases)


@pytest.mark.parametrize(
    "user",
    [
        pytest.param("alice\0secret", id="AUTHUP-SMTP-15 NUL in LOGIN's user"),
        pytest.param("\0", id="AUTHUP-SMTP-15 NUL alone"),
        pytest.param("al\rice", id="AUTHUP-SMTP-15 CR in the user"),
        pytest.param("alice\x7f", id="AUTHUP-SMTP-15 0x7f in the user"),
    ],
)
def test_login_with_a_user_that_is_none_is_refused_at_that_line(user: str, cases: Cases) -> None:
    lines = [f"C: AUTH LOGIN {b64(user)}", MALFORMED, "C: AUTH LOGIN", USERNAME, f"C: {b64(user)}", MALFORMED]
    hold([*lines, f"C: {b64('secret')}", AUTH_FIRST], cases)


@pytest.mark.parametrize("password", ["secret\0", "\0", "\0secret", "a\0b"])
def test_login_with_a_nul_in_the_password(password: str, cases: Cases) -> None:
    hold([f"C: AUTH LOGIN {b64('alice')}", PASSWORD, f"C: {b64(password)}", MALFORMED, "C: NOOP", OK], cases)


@pytest.mark.parametrize(
    ("user", "password"),
    [
        pytest.param("alice smith ", " secret ", id="AUTHUP-SMTP-15 blanks are allowed"),
        pytest.param("alic\xe9\x80\xff", "secr\xe8t", id="AUTHUP-SMTP-15 bytes above 127"),
        pytest.param("alice", "\x01\t\r\n\x7f", id="AUTHUP-SMTP-15 control characters in the password"),
        pytest.param("~ !", "*", id="AUTHUP-SMTP-13 * as a password"),
        pytest.param("a", "b", id="AUTHUP-SMTP-15 one byte each"),
    ],
)
def test_users_and_passwords_arrive_as_they_are(user: str, password: str, cases: Cases) -> None:
    end = [f"P: {user}\0{password}\0\0", "K: 0", "X: 0"]
    hold([f"C: AUTH PLAIN {plain(user, password)}", *end], cases)
    hold([f"C: AUTH LOGIN {b64(user)}", PASSWORD, f"C: {b64(password)}", *end], cases)


@pytest.mark.parametrize(
    ("authzid", "lines"),
    [
        pytest.param("", LOGGED_IN, id="AUTHUP-SMTP-16 empty"),
        pytest.param("alice", LOGGED_IN, id="AUTHUP-SMTP-16 the user"),
        pytest.param("bob", ["M: next", REFUSED], id="AUTHUP-SMTP-16 another"),
        pytest.param("Alice", ["M: next", REFUSED], id="AUTHUP-SMTP-16 another case"),
        pytest.param("alice ", ["M: next", REFUSED], id="AUTHUP-SMTP-16 a blank more"),
        pytest.param("root\n", ["M: next", REFUSED], id="AUTHUP-SMTP-16 control characters"),
    ],
)
def test_authzid(authzid: str, lines: list[str], cases: Cases) -> None:
    hold([f"C: AUTH PLAIN {plain('alice', 'secret', authzid)}", *lines], cases, show="SPMX")


@pytest.mark.parametrize(
    ("user", "password", "asked"),
    [
        pytest.param("u" * 4, "p" * 505, True, id="AUTHUP-SMTP-17 512 bytes"),
        pytest.param("u" * 4, "p" * 506, False, id="AUTHUP-SMTP-17 513 bytes"),
        pytest.param("u" * 508, "p", True, id="AUTHUP-SMTP-17 512 bytes, most of it user"),
        pytest.param("u" * 509, "p", False, id="AUTHUP-SMTP-17 513 bytes, most of it user"),
        pytest.param("u" * 300, "p" * 300, False, id="AUTHUP-SMTP-17 far above"),
    ],
)
def test_length_of_the_record(user: str, password: str, cases: Cases, *, asked: bool) -> None:
    record = [f"P: {user}\0{password}\0\0", "K: 1"] if asked else []
    hold([f"C: AUTH PLAIN {plain(user, password)}", *record, "M: next", REFUSED], cases, show="SPMX")


# What follows the exchange


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(
            [f"C: AUTH PLAIN {SECRET}", ALICE, "K: 0", "X: 0", "C: EHLO x", "C: MAIL FROM:<a@b>", "c: DA"],
            id="AUTHUP-SMTP-18 after a login it is not ours",
        ),
        pytest.param(
            [
                "C: AUTH LOGIN",
                USERNAME,
                f"C: {b64('alice')}",
                PASSWORD,
                f"C: {b64('secret')}",
                *LOGGED_IN,
                "C: NOOP",
            ],
            id="AUTHUP-SMTP-18 after LOGIN too",
        ),
        pytest.param(
            [
                f"C: AUTH PLAIN {SECRET}",
                ALICE,
                "K: 1",
                REFUSED,
                "C: NOOP",
                OK,
                "C: QUIT",
                "S: 221 mail.example.org",
                "X: 0",
            ],
            id="AUTHUP-SMTP-18 after a refusal it is commands",
        ),
        pytest.param(
            [
                f"C: AUTH PLAIN {SECRET}",
                ALICE,
                "K: 1",
                REFUSED,
                f"C: AUTH PLAIN {SECRET}",
                ALICE,
                "K: 7",
                "X: 7",
                "C: NOOP",
            ],
            id="AUTHUP-SMTP-18 a second login in the same packet",
        ),
        pytest.param(
            [f"C: AUTH PLAIN {plain('a', 'b', 'c')}", REFUSED, "C: NOOP", OK],
            id="AUTHUP-SMTP-18 after a refusal without running",
        ),
        pytest.param(
            ["C: AUTH PLAIN AGE=", MALFORMED, "C: NOOP", OK], id="AUTHUP-SMTP-14 input ends the exchange"
        ),
        pytest.param(
            ["C: AUTH LOGIN", USERNAME, "C: !", MALFORMED, f"C: {b64('secret')}", AUTH_FIRST],
            id="AUTHUP-SMTP-14 no second half after input",
        ),
        pytest.param(
            [
                "C: AUTH PLAIN",
                "S: 334 ",
                "C: QUIT",
                MALFORMED,
                "C: AUTH LOGIN",
                USERNAME,
                "C: RSET",
                MALFORMED,
            ],
            id="AUTHUP-SMTP-11 no commands inside an exchange",
        ),
    ],
)
def test_what_follows_an_exchange(lines: list[str], cases: Cases) -> None:
    hold(lines, cases)


# Base64


def quanta(data: bytes) -> bytes:
    """RFC 4648 section 4 with a table and shifts, independent of any library."""
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    text = b""
    for place in range(0, len(data), 3):
        part = data[place : place + 3]
        bits = int.from_bytes(part.ljust(3, b"\0"), "big")
        letters = bytes(alphabet[bits >> shift & 63] for shift in (18, 12, 6, 0))
        text += letters[: len(part) + 1].ljust(4, b"=")
    return text


@settings(deadline=None, max_examples=200)
@given(data=st.binary(max_size=40))
def test_base64_is_read_as_it_is_written(data: bytes) -> None:
    assert strict_base64(quanta(data)) == data


@settings(deadline=None, max_examples=400)
@given(
    text=st.text("AQgw+/=aZ9 -_\r\n\0", max_size=9).map(str.encode) | st.binary(max_size=9),
)
def test_there_is_one_spelling_of_each_string(text: bytes) -> None:
    decoded = strict_base64(text)
    assert decoded is None or quanta(decoded) == text


@settings(deadline=None, max_examples=200)
@given(data=st.binary(max_size=12), place=st.integers(0), byte=st.integers(0, 255))
def test_one_wrong_byte_is_another_string_or_none(data: bytes, place: int, byte: int) -> None:
    text = bytearray(base64.b64encode(data) or b"AA==")
    text[place % len(text)] = byte
    decoded = strict_base64(bytes(text))
    assert decoded is None or quanta(decoded) == text
