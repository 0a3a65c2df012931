"""--try: what the simulated session shows, with good files and with bad ones."""

import itertools
from collections.abc import Mapping
from pathlib import Path

import pytest

from checking import chain, trying
from tests.checking.house import POP3, RULES, SMTP, make


def lines(
    place: Path,
    words: str,
    contents: Mapping[str, bytes | None] | None = None,
    env: Mapping[bytes, bytes] | None = None,
    replies: tuple[bytes, ...] = (),
) -> list[str]:
    """Return what is said, without the log."""
    home = make(place, {"fixsmtpio": RULES, **(contents or {})})
    said = trying.session(home, chain.parse(words.encode().split()), env or {}, replies)
    return [line for line in said if line and not line.startswith("E:")]


def answer(said: list[str], start: str) -> str:
    """Return the first line behind one that begins so."""
    return next(after for line, after in itertools.pairwise(said) if line.startswith(start))


def test_smtp_before_and_after_the_login(tmp_path: Path) -> None:
    assert lines(tmp_path, SMTP) == [
        "S: 220 mail.example.org ESMTP",
        "C: EHLO client.example",
        "S: 250-mail.example.org",
        "S: 250-AUTH LOGIN PLAIN",
        "S: 250-PIPELINING",
        "S: 250 8BITMIME",
        "C: AUTH PLAIN (alice, and her password)",
        "S: 235 ok, go ahead (#2.0.0)",
        "C: EHLO client.example",
        "S: 250-mail.example.org",
        "S: 250-PIPELINING",
        "S: 250 8BITMIME",
        "C: MAIL FROM:<alice@example.org>",
        "S: 250 ok",
        "C: RCPT TO:<bob@example.net>",
        "S: 250 ok",
        "C: DATA",
        "S: 354 go ahead",
        "C: Subject: hello",
        "C:",
        "C: .",
        "S: 250 ok",
        "C: QUIT",
        "S: 221 ofmipd.local",
    ]


def test_pop3(tmp_path: Path) -> None:
    said = lines(tmp_path, POP3)
    assert answer(said, "C: CAPA") == "S: +OK capability list follows"
    assert answer(said, "C: PASS") == r"S: +OK\s"
    assert answer(said, "C: STAT") == "S: +OK 1 23"
    assert answer(said, "C: QUIT") == r"S: +OK\s"


def test_the_password_is_not_shown(tmp_path: Path) -> None:
    said = lines(tmp_path, POP3)
    assert not [line for line in said if "secret" in line]


def test_the_log_comes_last(tmp_path: Path) -> None:
    home = make(tmp_path, {"fixsmtpio": RULES})
    said = trying.session(home, chain.parse(trying.USUAL), {})
    assert [line[:2] for line in said[-4:]] == ["E:"] * 4


def test_a_login_without_235(tmp_path: Path) -> None:
    said = lines(tmp_path, SMTP, {"fixsmtpio": None})
    assert answer(said, "C: AUTH") == "S: 220 ofmipd.local ESMTP"


def test_bad_rules(tmp_path: Path) -> None:
    said = lines(tmp_path, SMTP, {"fixsmtpio": b"nonsense\n"})
    assert said[-2:] == ["S: 421 authup unable to read controls (#4.3.0)", "S! eof"]


def test_no_controls(tmp_path: Path) -> None:
    assert lines(tmp_path, SMTP, {"me": None}) == ["S: 421 authup unable to read controls (#4.3.0)", "S! eof"]


def test_true_in_the_place_of_checkpassword(tmp_path: Path) -> None:
    said = lines(tmp_path, SMTP.replace("checkpassword", "/bin/true"))
    assert answer(said, "C: AUTH") == "S! eof"


def test_true_behind_checkpassword(tmp_path: Path) -> None:
    assert lines(tmp_path, "authup smtp checkpassword /bin/true")[-1] == "S! eof"


@pytest.mark.parametrize("words", ["reup false", "reup reup reup env A=b", "reup -t 99999 reup false"])
def test_attempts_without_end_have_one(tmp_path: Path, words: str) -> None:
    assert lines(tmp_path, words)[-1] == "S! eof"


def test_the_variables_of_the_command_line_count(tmp_path: Path) -> None:
    rules = RULES + b"READONLY:mail:NOOP :*::550 no\n"
    said = lines(
        tmp_path, SMTP.replace("fixsmtpio", "env READONLY=1 PATH=/x fixsmtpio"), {"fixsmtpio": rules}
    )
    assert answer(said, "C: MAIL") == "S: 550 no"


@pytest.mark.parametrize("relay", [True, False])
def test_qmail_smtpd_asks_for_relayclient(tmp_path: Path, relay: bool) -> None:
    words = SMTP.replace("ofmipd", "env RELAYCLIENT= qmail-smtpd" if relay else "qmail-smtpd")
    assert answer(lines(tmp_path, words), "C: RCPT").startswith("S: 250" if relay else "S: 553")


def test_what_the_server_says_can_be_chosen(tmp_path: Path) -> None:
    replies = (rb"ehlo=250-x\n250-AUTH=LOGIN\n250 STARTTLS", b"greeting=421 not now")
    assert lines(tmp_path, SMTP, replies=replies[1:])[-2:] == ["S: 421 not now", "S! eof"]
    other = tmp_path / "other"
    other.mkdir()
    said = lines(other, SMTP, replies=replies[:1])
    assert said[said.index("S: 235 ok, go ahead (#2.0.0)") + 2] == "S: 250 mail.example.org"


def test_a_server_without_login(tmp_path: Path) -> None:
    said = lines(
        tmp_path, "tcpserver -u 7 127.0.0.1 25 fixsmtpio qmail-smtpd", {"rcpthosts": b"example.net\n"}
    )
    assert "C: AUTH" not in " ".join(said)
    assert answer(said, "C: RCPT") == "S: 250 ok"


@pytest.mark.parametrize(
    ("words", "env"),
    [
        (SMTP.replace("reup", "s6-ucspitlsd reup"), {}),
        (SMTP, {b"UCSPITLS": b"!"}),
        (SMTP.replace("tcpserver", "env UCSPITLS=! sslserver -n"), {}),
    ],
)
def test_starttls(tmp_path: Path, words: str, env: Mapping[bytes, bytes]) -> None:
    said = lines(tmp_path, words, env=env)
    assert "S: 250-STARTTLS" in said
    assert answer(said, "C: STARTTLS").startswith("S: 220 ")
    assert answer(said, "C: AUTH") == "S: 235 ok, go ahead (#2.0.0)"
    required = "!" in words or bool(env)
    assert ("S: 250-AUTH LOGIN PLAIN" in said[: said.index("# inside TLS")]) != required


def test_stls(tmp_path: Path) -> None:
    said = lines(tmp_path, POP3.replace("authup", "s6-ucspitlsd authup"))
    assert answer(said, "C: STLS").startswith("S: +OK")
    assert answer(said, "C: STAT") == "S: +OK 1 23"


def test_a_server_that_says_nothing(tmp_path: Path) -> None:
    said = lines(tmp_path, SMTP, {"fixsmtpio": RULES + b":noop::*::\n:mail::*::\n"})
    assert answer(said, "C: MAIL") in {"# no reply", "S! eof"}
