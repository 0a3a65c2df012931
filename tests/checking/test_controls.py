"""Each code for control files and permissions, and its nearest neighbour that has not."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from checking import files
from fakes.installation import reachable_directory
from tests.checking.house import POP3, RULES, SMTP, codes, look, make
from tests.sessions.real_chain import UID

# code, control file, content that has it, content that has not; None: no such file
TABLE = [
    ("no-greeting", "me", None, b"mail.example.org"),
    ("empty-greeting", "me", b"\n", b"mail.example.org"),
    ("empty-greeting", "smtpgreeting", b"\0mail.example.org\n", None),
    ("not-a-host", "me", b"mail\n", b"mail.example.org hello\n"),
    ("esmtp-twice", "smtpgreeting", b"mail.example.org ESMTP hello\n", b"mail.example.org hello\n"),
    ("esmtp-twice", "me", b"mail.example.org esmtp\n", b"esmtp.example.org\n"),
    ("one-line", "me", b"mail.example.org\nmail.example.net\n", b"mail.example.org\n\n"),
    ("no-comments", "me", b"# name\nmail.example.org\n", b"mail.example.org\n# name\n"),
    ("no-comments", "timeoutsmtpd", b"# 5 minutes\n", b"300\n"),
    ("leading-blanks", "pop3greeting", b" mail.example.org\n", b"mail.example.org \n"),
    ("leading-blanks", "smtpcapabilities", b" PIPELINING\n", b"PIPELINING \n"),
    ("odd-bytes", "smtpgreeting", b"m\xe4il.example.org\n", b"mail.example.org\r\n"),
    ("odd-bytes", "smtpcapabilities", b"SIZE\x1b[31m\n", b"SIZE\n"),
    ("not-a-number", "timeoutpop3d", b"soon\n", b"60\n"),
    ("not-a-number", "timeoutpop3d", b"\n", None),
    ("not-a-number", "logintimeout", b"300s\n", b"300 \n"),
    ("not-a-number", "checkpasswordtimeout", b"2147483648\n", b"2147483647\n"),
    ("zero-timeout", "timeoutsmtpd", b"0\n", b"1\n"),
    ("zero-delay", "authdelay", b"0", b"5"),
    ("no-login-limit", "logintimeout", None, b"300"),
    ("no-login-limit", "logintimeout", b"0\n", b"1"),
    ("default-capabilities", "smtpcapabilities", None, b"8BITMIME"),
    ("no-capabilities", "smtpcapabilities", b"#8BITMIME", b"8BITMIME"),
    ("capability-ours", "smtpcapabilities", b"auth LOGIN\n", b"AUTHORS\n"),
    ("capability-ours", "smtpcapabilities", b"AUTH=LOGIN PLAIN\n", b"8BITMIME\n"),
    ("capability-ours", "smtpcapabilities", b"STARTTLS\n", b"8BITMIME\n"),
    ("capability-ours", "pop3capabilities", b"UIDL\nSTLS\n", b"UIDL\n"),
    ("capability-code", "smtpcapabilities", b"250-8BITMIME\n", b"8BITMIME\n"),
    ("capability-impossible", "smtpcapabilities", b"CHUNKING\n", b"SIZE\n"),
]


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that users can reach, in which only root and we can write."""
    with reachable_directory(UID, "acceptutils-check-") as directory:
        directory.chmod(0o755)
        (directory / "qmail").mkdir()
        (directory / "qmail").chmod(0o755)
        yield directory / "qmail"


@pytest.mark.parametrize(("code", "name", "bad", "good"), TABLE)
def test_each_code(tmp_path: Path, code: str, name: str, bad: bytes | None, good: bytes | None) -> None:
    for content, expected in ((bad, True), (good, False)):
        directory = tmp_path / str(expected)
        directory.mkdir()
        assert (code in codes(look(make(directory, {name: content})))) == expected


def test_a_file_that_is_none(tmp_path: Path) -> None:
    home = make(tmp_path, {})
    (tmp_path / "control/smtpgreeting").mkdir()
    os.mkfifo(tmp_path / "control/fixsmtpio")  # must not make us wait
    (tmp_path / "control/authdelay").write_bytes(b"5" * (files.MOST_BYTES + 1))
    assert codes(look(home)) == []
    assert codes(look(files.read(tmp_path))).count("unreadable") == 3


def test_only_what_the_service_reads_is_looked_at(tmp_path: Path) -> None:
    home = make(tmp_path, {"timeoutsmtpd": b"0", "pop3capabilities": b"STLS", "fixsmtpio": RULES})
    assert codes(look(home, SMTP)) == ["zero-timeout"]
    assert codes(look(home, POP3)) == ["capability-ours"]


# Permissions


def changed(place: Path, name: str, mode: int) -> list[str]:
    home = make(place, {"fixsmtpio": RULES, "authdelay": b"5"})
    for path in (place / "control", *(place / "control").iterdir()):
        path.chmod(0o755 if path.is_dir() else 0o644)
    assert [r.code for r in look(home).remarks] == []
    (place / name).chmod(mode)
    return [f"{remark.code} {remark.place.file}" for remark in look(files.read(place)).remarks]


@pytest.mark.parametrize(
    ("name", "mode", "found"),
    [
        ("control/fixsmtpio", 0o640, ["not-for-users control/fixsmtpio"]),
        ("control/me", 0o600, ["not-for-users control/me"]),
        ("control/authdelay", 0o600, []),
        ("control/fixsmtpio", 0o646, ["writable control/fixsmtpio"]),
        ("control/authdelay", 0o646, ["writable control/authdelay"]),
        ("control", 0o750, ["not-for-users {place}/control/"]),
        ("control", 0o757, ["writable {place}/control/"]),
        ("", 0o750, ["not-for-users {place}/"]),
    ],
)
def test_modes(place: Path, name: str, mode: int, found: list[str]) -> None:
    real = os.path.realpath(place)
    assert changed(place, name, mode) == [line.replace("{place}", real) for line in found]


@pytest.mark.skipif(os.geteuid() != 0, reason="NOT TESTED: only root can give files away")
def test_owners_and_groups(place: Path) -> None:
    assert changed(place, "control/me", 0o664) == []  # of group root
    os.chown(place / "control/me", UID, UID)
    found = [remark.code for remark in look(files.read(place)).remarks]
    assert sorted(found) == ["foreign-owner", "writable"]


def test_advice_can_be_pasted_from_anywhere(place: Path) -> None:
    make(place, {"fixsmtpio": RULES})
    place = place.resolve()
    (place / "control").chmod(0o757)
    (place / "control/fixsmtpio").chmod(0o646)
    said = {remark.advice for remark in look(files.read(place)).remarks if remark.code == "writable"}
    assert said == {f"chmod go-w {place}/control", f"chmod go-w {place}/control/fixsmtpio"}


def test_a_link_to_nothing(place: Path) -> None:
    make(place, {})
    (place / "control/fixsmtpio").symlink_to("rules")
    assert "dangling-link" in [remark.code for remark in look(files.read(place)).remarks]
    (place / "control/rules").write_bytes(RULES)
    assert "dangling-link" not in [remark.code for remark in look(files.read(place)).remarks]
    (place / "control/fixsmtpio").unlink()
    assert "dangling-link" not in [remark.code for remark in look(files.read(place)).remarks]


def test_pop3_wants_nothing_from_users(place: Path) -> None:
    home = make(place, {})
    (place / "control").chmod(0o700)
    assert "not-for-users" not in [remark.code for remark in look(home, POP3).remarks]
