"""`conform debug < script`: what people put into bug reports, and what nobody should."""

import subprocess
from pathlib import Path

import pytest

from tests.conformance.debugging.driving import LOGIN
from tests.conformance.debugging.person import CONFORM
from tests.conformance.test_real import needs_root


def debug(place: Path, script: bytes, *args: str) -> str:
    """Return what a script leads to; no traceback, exit 0."""
    command = [*CONFORM, "debug", *args]
    result = subprocess.run(command, input=script, capture_output=True, cwd=place, check=False, timeout=60)
    screen = result.stdout.decode()
    assert (result.returncode, result.stderr) == (0, b""), screen[-2000:]
    assert not [char for char in screen if char < " " and char != "\n"]
    return screen


HOSTILE = [
    (b"NOOP\0x", r"C: NOOP\0x"),
    (b"NOOP \xff\xfe\xe2\x82", r"C: NOOP \xff\xfe\xe2\x82"),
    (b"NOOP \x1b[2J\x9b\xc2\x9b", r"C: NOOP \x1b[2J\x9b"),
    ("NOOP €\u202e".encode(), r"C: NOOP \xe2\x82\xac\xe2\x80\xae"),
    (b":nonsense \x1b[2J", "? a control character in a command"),
    (b":save \0", "? a control character in a command"),
    (b":\xff", "no such command"),
    (b":slow 1s " + b"x" * 1_000_000, "? expected at most 10000 bytes"),
    (b":back 99", "? expected a number from 1 to"),
    (b":raw " + b"ff" * 100_000, "    … 199998 bytes …"[:6]),
    (b"HELO " + b"y" * 1_000_000, " bytes …"),
    (b":control smtpgreeting 1 \\x1b[2J", "# control/smtpgreeting has changed"),
    (b":control smtpgreeting", r"   1  \x1b[2J"),
    (b":restart\r", "C> :restart\n"),
]  # fmt: skip


def test_hostile_scripts(tmp_path: Path) -> None:
    screen = debug(tmp_path, b"".join(line + b"\n" for line, _ in HOSTILE) + b"NOOP without its end")
    for _, seen in HOSTILE:
        assert seen in screen
        screen = screen.partition(seen)[2]
    assert "C: NOOP without its end\n" in screen


def test_what_is_saved_is_not_the_last_run(tmp_path: Path) -> None:
    last = tmp_path / ".conform" / "last.jsonl"
    last.parent.mkdir()
    last.write_text("a run that somebody wants to review")
    assert "identical" in debug(tmp_path, b"NOOP\n:save it\n:diff sim\n")
    assert last.read_text() == "a run that somebody wants to review"


def test_a_session_is_saved_and_played_elsewhere(tmp_path: Path) -> None:
    screen = debug(
        tmp_path, f"{LOGIN}\nMAIL FROM:<a@b>\n:save try\n:diff sim\n:diff nosuch\n:diff -h\n".encode()
    )
    assert "# lint: ok\n# the same dialogue on sim: identical\n" in screen
    assert screen.count("# the same dialogue on sim: identical\n") == 2
    assert "target 'nosuch'" in screen
    assert r"AUTH PLAIN {b64:\0alice\0secret}" in (tmp_path / "try.talk").read_text()


@needs_root
def test_programs_that_log_in_words_of_their_own(tmp_path: Path) -> None:
    """What they log is no difference; that they hang up is one."""
    table = "[theirs]\nkind = 'exec'\ndir = 'bin'\nlog = false\n"
    (tmp_path / "targets.toml").write_text(table)
    tmp_path.chmod(0o755)
    (tmp_path / "bin").mkdir(mode=0o755)
    script = r"echo Hello. >&2; printf '220 mail.example.org ESMTP\r\n'; read x; printf '250 ok\r\n'"
    (tmp_path / "bin/authup").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "bin/authup").chmod(0o755)
    chain = "{authup} smtp {checkpassword} {ofmipd}"
    screen = debug(tmp_path, b"NOOP\n:diff theirs\n", "--run", chain)
    assert "# not the same on theirs; expected: this session, got: what theirs does\n" in screen
    assert " session.talk " in screen
    assert "S! silent 0.1s\n         the stream ended\n" in screen
    screen = debug(
        tmp_path, b":expect 220\nNOOP\n:wait 10ms\n:save it\n:diff theirs\n", "--run", chain, "-t", "theirs"
    )
    assert "E: Hello.\n" in screen
    assert screen.count("# the same dialogue on theirs: identical\n") == 2


def test_what_a_person_wrote_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "mine.talk").write_text("title: mine\n")
    screen = debug(tmp_path, b"QUIT\n:save mine\n:save draft\n:save draft\n")
    assert "? mine.talk: is there, and no draft: choose another name\n" in screen
    assert screen.count("# the same dialogue on sim: identical\n") == 2
    assert (tmp_path / "mine.talk").read_text() == "title: mine\n"


@pytest.mark.parametrize("script", [b"NOOP\n", b"NOOP\nQUIT\n", b"NOOP\n:hangup\n"])
def test_a_record_is_what_was_seen_and_not_how_it_was_ended(tmp_path: Path, script: bytes) -> None:
    command = [*CONFORM, "record", "it"]
    done = subprocess.run(command, input=script, capture_output=True, cwd=tmp_path, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.endswith(b"# lint: ok\n# the same dialogue on sim: identical\n")


def test_a_record_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "mine.talk").write_text("title: mine\n")
    command = [*CONFORM, "record", "mine"]
    done = subprocess.run(command, input=b"NOOP\n", capture_output=True, cwd=tmp_path, check=False)
    assert done.returncode == 1
    assert done.stdout.endswith(b"? mine.talk: is there, and no draft: choose another name\n")


def test_a_signal_while_it_waits_for_a_command(tmp_path: Path) -> None:
    command = [*CONFORM, "record", "it"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(b"NOOP\n")
        process.stdin.flush()
        while b"250 ok" not in process.stdout.readline():
            pass
        process.terminate()
        assert process.wait() == 143
        assert process.stderr.read() == b""
    assert "C: NOOP\n" in (tmp_path / "it.talk").read_text()


@pytest.mark.parametrize("script", [b"", b"\n", b":quit\nNOOP\n", b"QUIT\n", b":hangup\n:quit\n"])
def test_short_scripts(tmp_path: Path, script: bytes) -> None:
    assert debug(tmp_path, script).startswith("E: authup 100 protocol smtp\nS: 220 mail.example.org ESMTP\n")


@needs_root
def test_real_processes(tmp_path: Path) -> None:
    script = [LOGIN, ":ps", ":fds fixsmtpio", ":env ofmipd", "MAIL FROM:<a@b>", ":back", ":wait 10ms"]
    script += [":control /etc/conform-x + x", f":control {'x' * 300} + x", f":control {'x' * 300} remove"]
    script += [
        "QUIT",
        "NOOP",
        ":ps",
        ":restart",
        ":stall",
        ":resume",
        ":reset",
        ":restart",
        ":expect 220",
        "NOOP",
    ]
    screen = debug(tmp_path, "\n".join(script).encode(), "-t", "ours")
    expected = [
        "S: 235 ok",
        "uid 1001",
        "C: MAIL FROM:<a@b>",
        "# 1 back: 1 steps done again, with the same outcome",
    ]
    expected += ["? expected a file below the qmail home", "File name too long", "started anew", "S! exit 0"]
    expected += [
        "? nobody is there any more (exit 0)",
        "exit 0",
        "C! stall",
        "C! reset",
        "# S: found 220",
        "S: 250 ok",
    ]
    for seen in expected:
        assert seen in screen
        screen = screen.partition(seen)[2]
    assert not Path("/etc/conform-x").exists()
