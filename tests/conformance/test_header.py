"""Malformed values stop a run before anything is played: one line, FILE:LINE, exit 2."""

from pathlib import Path

import pytest

from conformance import cli

GOOD = """\
title: t
rules: AUTHUP-SMTP-1
run:   {authup} smtp {checkpassword} {ofmipd}
HEADER

-- control/smtpgreeting --
x
-- talk --
S: 220 x ESMTP
"""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def complaint(capsys: pytest.CaptureFixture[str], text: str) -> str:
    Path("bad.talk").write_text(text)
    assert cli.main(["run", "bad.talk", "-j", "1", "--vary", "none"]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("seed ")]
    assert len(lines) == 1, lines
    return lines[0].removeprefix("conform: ")


@pytest.mark.parametrize(
    "header",
    [
        "users: alice secret uid=x",
        "users: alice",
        r"users: al\q secret",
        "users: alice secret uid=99999999999",
        "users: alice secret\nusers: alice other",
        "env: FOO",
        r"env: FOO=\q",
        "as: nobody",
        "as: uid=1 gid=x",
        "as: uid=1euid=2",
        "slow: x",
        "fault: nonsense",
        "fault: fork@0",
        "fault: read:control/me=EFOO",
        "inherit: fdx=open",
        "inherit: fd7=/absent",
        "inherit: bogus",
        "inherit: nofile=x",
        "inherit: blocked=FOO",
        "level: foo",
        "needs: foo",
        "vary: foo",
        "each: python:os.getcwd",
    ],
)
def test_headers(header: str, capsys: pytest.CaptureFixture[str]) -> None:
    line = 4 + header.count("\n")
    assert complaint(capsys, GOOD.replace("HEADER", header)).startswith(f"bad.talk:{line}: ")


@pytest.mark.parametrize(
    "lines",
    [
        "C: {pid:x}\n",
        "C: {any}\n",
        "    fd3: x\n    K! exit 999\n",
        "A! signal 99 authup\n",
        "    K! exec\n",
        "    fd3: x\n    K! exit 0\n    K! exit 0\n",
        "CT: x\n",
        "ST: x\n",
        "S! tls\n",
        "T! hangup\n",
    ],
)
def test_talks(lines: str, capsys: pytest.CaptureFixture[str]) -> None:
    line = 9 + lines.count("\n")
    found = complaint(capsys, GOOD.replace("HEADER", "why: not") + lines)
    assert found.startswith(f"bad.talk:{line}: ")


def test_a_block_that_cannot_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    text = GOOD.replace("HEADER", "env: UCSPITLS=") + "T! block \\q\n"
    assert complaint(capsys, text).startswith("bad.talk:10: T! block: expected octets")


def test_sections(capsys: pytest.CaptureFixture[str]) -> None:
    plain = GOOD.replace("HEADER", "why: not")
    assert complaint(capsys, plain.replace("control/smtpgreeting", "../etc/x")).startswith("bad.talk:6: ")
    assert complaint(capsys, plain.replace("run:", "why:")).startswith("bad.talk:1: expected `run: ...`")


def test_a_program_in_braces_is_a_base_name(capsys: pytest.CaptureFixture[str]) -> None:
    text = GOOD.replace("{ofmipd}", "{../../bin/sh}").replace("HEADER", "level: must")
    assert complaint(capsys, text).endswith(
        ":3: run: {../../bin/sh}: expected words, and in braces base names"
    )
