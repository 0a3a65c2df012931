"""What authup logs, and that a log that cannot be written disturbs nobody (AUTHUP-LOG-1 to -4)."""

import os
import re
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.runtime.running import AS_ALICE, environment, needs_root, run
from tests.sessions.real_chain import PATIENCE, Site
from tests.sessions.transcript import plain

FAILED = rb"""authup N protocol smtp
authup N checkpassword C attempt for alice
authup N checkpassword C failed, 1 remaining
authup N checkpassword C attempt for alice
authup N checkpassword C failed, 0 remaining
"""
REFUSED_UNASKED = rb"""authup N protocol smtp
authup N checkpassword - attempt for alice
authup N checkpassword - failed, 1 remaining
authup N checkpassword - attempt for alice
authup N checkpassword - failed, 0 remaining
"""
SUCCEEDED = rb"""authup N protocol smtp
authup N checkpassword C attempt for alice
authup N checkpassword C succeeded, child completed
"""
NOTHING_MORE = rb"""authup N protocol smtp
authup N checkpassword C attempt for alice
"""

LOGS = [
    ("sh -c 'exit 1'", FAILED),
    ("sh -c 'exit 2'", FAILED),
    ("sh -c 'exit 111'", FAILED),
    ("sh -c 'exit 0'", SUCCEEDED),
    ("sh -c 'exit 77'", SUCCEEDED),
    ("sh -c 'exit 16'", NOTHING_MORE),
    ("sh -c 'exit 18'", NOTHING_MORE),
    ("sh -c 'kill -9 $$'", NOTHING_MORE),
    pytest.param(f"{AS_ALICE} sh -c 'exit 1'", SUCCEEDED, marks=needs_root),
    pytest.param(f"{AS_ALICE} sh -c 'exit 111'", SUCCEEDED, marks=needs_root),
]


def login(user: str = "alice") -> bytes:
    return f"AUTH PLAIN {plain(user, 'x')}\r\n".encode()


AUTHZID = b"AUTH PLAIN Ym9iAGFsaWNlAHg=\r\n"  # bob NUL alice NUL x


def pattern(log: bytes) -> bytes:
    """One process ID for N throughout; any for C."""
    lines = re.escape(log).replace(b"\\ N\\ ", b"\\ (?P<pid>[0-9]+)\\ ", 1)
    return lines.replace(b"\\ N\\ ", b"\\ (?P=pid)\\ ").replace(b"\\ C\\ ", b"\\ [0-9]+\\ ")


@pytest.mark.parametrize(("checkpassword", "log"), LOGS)
def test_the_lines_of_a_login(site: Site, checkpassword: str, log: bytes) -> None:
    """AUTHUP-LOG-1."""
    done = run(site, f"authup -t 2 smtp {checkpassword}", sent=login() * 2)
    assert re.fullmatch(pattern(log), done.log), done.log


def test_nothing_was_run(site: Site) -> None:
    done = run(site, "authup -t 2 smtp true", sent=AUTHZID * 2)
    assert re.fullmatch(pattern(REFUSED_UNASKED), done.log), done.log


def test_user_names_forge_no_lines(site: Site) -> None:
    """AUTHUP-LOG-2."""
    name = "a b\\ü"
    done = run(site, "authup -t 1 smtp sh -c 'exit 1'", sent=login(name))
    assert done.log.splitlines()[1].endswith(rb" attempt for a\x20b\\xc3\xbc"), done.log
    done = run(site, "authup -t 1 smtp sh -c 'exit 1'", sent=login("ü" * 200))
    shown = done.log.splitlines()[1].partition(b" attempt for ")[2]
    assert len(shown) <= 255
    assert shown.startswith(rb"\xc3\xbc\xc3\xbc")


def test_the_remote_address(site: Site) -> None:
    """AUTHUP-LOG-4."""
    done = run(site, "authup -t 1 smtp sh -c 'exit 1'", sent=login(), env={"TCPREMOTEIP": "192.0.2.7"})
    ends = [line.endswith(b" from 192.0.2.7") for line in done.log.splitlines()]
    assert ends == [False, True, True]


# AUTHUP-LOG-3

SENT = login() * 3 + b"NOOP\r\nQUIT\r\n"
REPLIES = (
    b"220 mail.example.org ESMTP\r\n"
    + b"535 authup authorization failed (#5.7.0)\r\n" * 3
    + b"250 ok\r\n221 mail.example.org\r\n"
)
REFUSE = ["authup", "smtp", "sh", "-c", "exit 1"]


def full_pipe() -> tuple[int, int]:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(writing, True)
    return reading, writing


def full_socket() -> tuple[int, int]:
    reading, writing = socket.socketpair()
    writing.setblocking(False)
    try:
        while True:
            writing.send(b"x" * 512)
    except BlockingIOError:
        writing.setblocking(True)
    return reading.detach(), writing.detach()


def broken_pipe() -> tuple[int, int]:
    reading, writing = os.pipe()
    os.close(reading)
    return os.open("/dev/null", os.O_RDONLY), writing


def full_disk() -> tuple[int, int]:
    return os.open("/dev/null", os.O_RDONLY), os.open("/dev/full", os.O_WRONLY)


@pytest.mark.parametrize(
    ("log", "command"),
    [
        (full_pipe, REFUSE),
        (full_pipe, ["reup", *REFUSE]),
        (full_pipe, ["fixsmtpio", *REFUSE]),
        (full_socket, REFUSE),
        (broken_pipe, ["reup", *REFUSE]),
        (full_disk, ["fixsmtpio", *REFUSE]),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else value.__name__,
)
def test_a_log_that_takes_nothing(site: Site, log: Callable[[], tuple[int, int]], command: list[str]) -> None:
    reading, writing = log()
    try:
        done = subprocess.run(
            command,
            input=SENT,
            stdout=subprocess.PIPE,
            stderr=writing,
            env={**environment(site), "FIXSMTPIODEBUG": "1"},
            timeout=PATIENCE,
            check=False,
        )
    finally:
        os.close(reading)
        os.close(writing)
    assert (done.returncode, done.stdout) == (0, REPLIES)


def test_no_log_at_all(site: Site) -> None:
    done = run(site, f"sh -c '{' '.join(REFUSE[:4])} \"exit 1\" 2>&-'", sent=SENT)
    assert (done.code, done.out, done.log) == (0, REPLIES, b"")


def test_a_log_file(site: Site, tmp_path: Path) -> None:
    with (tmp_path / "log").open("ab") as log:
        log.write(b"before\n")
        log.flush()
        subprocess.run(
            REFUSE, input=SENT, stdout=subprocess.DEVNULL, stderr=log, env=environment(site), check=True
        )
    assert len((tmp_path / "log").read_bytes().splitlines()) == 8
