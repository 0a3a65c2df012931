"""conform review: what each answer does to files, and what it says."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from conformance import known

TALK = """\
title: a wrong farewell
rules: AUTHUP-SMTP-2 AUTHUP-SMTP-4
run:   {authup} smtp {checkpassword} {fixsmtpio} {ofmipd}

-- control/smtpgreeting --
mail.example.org
-- talk --
# [AUTHUP-SMTP-2]
S: 220 mail.example.org ESMTP

C: QUIT
# [AUTHUP-SMTP-4]
S: 221 farewell
S! eof
S! exit 0
"""


def conform(directory: Path, *args: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "conformance", *args],
        input=typed,
        capture_output=True,
        text=True,
        cwd=directory,
        check=False,
        timeout=60,
        env=os.environ | {"EDITOR": "echo edits", "VISUAL": ""},
    )


@pytest.fixture
def failed(tmp_path: Path) -> Path:
    """Return a directory in which one scenario has failed."""
    (tmp_path / "farewell.talk").write_text(TALK)
    assert conform(tmp_path, "run", "farewell.talk", "--vary", "none").returncode == 1
    return tmp_path


def test_a_known_deviation_is_known_in_the_next_run(failed: Path) -> None:
    result = conform(failed, "review", typed="k\nit says so\n")
    assert result.returncode == 0
    assert "# 1 in sim.toml" in result.stdout
    assert [deviation.why for deviation in known.read(failed / "sim.toml")] == ["it says so"]
    again = conform(failed, "run", "farewell.talk", "--vary", "none", "--known", "sim.toml")
    assert (again.returncode, "1 known" in again.stdout) == (0, True)


def test_without_a_reason_nothing_is_known(failed: Path) -> None:
    result = conform(failed, "review", typed="k\n\nq\n")
    assert result.returncode == 1
    assert "? a known deviation has a reason" in result.stdout
    assert not (failed / "sim.toml").exists()


def test_what_was_accepted_is_an_alternative(failed: Path) -> None:
    result = conform(failed, "review", typed="a\n")
    assert result.returncode == 0
    assert "S: 221 farewell\n |: 221 mail.example.org\nS! eof\n" in (failed / "farewell.talk").read_text()
    assert conform(failed, "run", "farewell.talk", "--vary", "none").returncode == 0


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("E: reup {pid:authup} exited", "different every time"),
        ("E: hello", "|: authup 100 protocol smtp\nS:"),
        ("    c: NOOP", "|: QUIT\n"),
    ],
)
def test_a_line_of_another_lane_is_accepted_as_it_ends_there(tmp_path: Path, line: str, said: str) -> None:
    talk = """\
title: a line of another lane
rules: AUTHUP-LOG-1 FIX-REQ-3
run:   {authup} smtp {checkpassword} {fixsmtpio} {ofmipd}
users: alice secret uid=1001

-- control/smtpgreeting --
mail.example.org
-- talk --
# [AUTHUP-LOG-1]
E: authup {pid:authup} protocol smtp
S: 220 mail.example.org ESMTP

C: AUTH PLAIN {b64:\\0alice\\0secret}
    s: 235 x
S: 235 x
C: QUIT
# [FIX-REQ-3]
    c: QUIT
"""
    old = "E: authup {pid:authup} protocol smtp" if line.startswith("E") else "    c: QUIT"
    (tmp_path / "lane.talk").write_text(talk.replace(old, line))
    assert conform(tmp_path, "run", "lane.talk", "--vary", "none").returncode == 1
    result = conform(tmp_path, "review", typed="a\nq\n")
    assert said in result.stdout + (tmp_path / "lane.talk").read_text(), result.stdout


def test_a_row_of_a_table_cannot_be_accepted(tmp_path: Path) -> None:
    text = TALK.replace("\n\n-- control", "\neach:  verb = QUIT | quit\n\n-- control", 1)
    (tmp_path / "table.talk").write_text(text.replace("C: QUIT", "C: {verb}"))
    conform(tmp_path, "run", "table.talk", "--vary", "none")
    before = (tmp_path / "table.talk").read_text()
    assert "? a row of a table" in conform(tmp_path, "review", typed="a\n").stdout
    assert (tmp_path / "table.talk").read_text() == before


def test_looking_decides_nothing(failed: Path) -> None:
    result = conform(failed, "review", typed="e\nr\nnonsense\ns\n")
    assert result.returncode == 1
    assert "edits +13 farewell.talk" in result.stdout
    assert "0 of 1 causes decided" in result.stdout


def test_nothing_failed(tmp_path: Path) -> None:
    (tmp_path / "farewell.talk").write_text(TALK.replace("farewell", "mail.example.org"))
    conform(tmp_path, "run", "farewell.talk", "--vary", "none")
    result = conform(tmp_path, "review")
    assert (result.returncode, result.stdout) == (0, "0 of 0 causes decided\n")


def test_no_run_yet(tmp_path: Path) -> None:
    result = conform(tmp_path, "review")
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1
