"""Hostile input, bad control files and faults of our own, with real processes (part 6, CTL-3, CTL-7)."""

import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.runtime.running import environment, needs_root, run, wait_for
from tests.sessions.real_chain import PATIENCE, UID, Site, processes_with
from tests.sessions.transcript import plain

GREETING = b"220 mail.example.org ESMTP\r\n"
LOGIN = f"AUTH PLAIN {plain('alice', 'secret')}\r\n".encode()

# LIM-5


class Session:
    """A program on a socket that somebody always reads, and its peak memory."""

    def __init__(self, site: Site, command: list[str]) -> None:
        self.mark = f"limit-{os.urandom(8).hex()}"
        self.client, theirs = socket.socketpair()
        with theirs, site.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=log,
                env={**environment(site), "MARK": self.mark},
            )
        self.received = bytearray()
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self) -> None:
        try:
            while data := self.client.recv(65536):
                self.received += data[: max(0, 4096 - len(self.received))]
        except OSError:
            pass

    def send(self, data: bytes, times: int = 1) -> bool:
        """Send this so many times; return whether all was taken."""
        try:
            for _ in range(times):
                self.client.sendall(data)
        except OSError:
            return False
        return True

    def peak(self) -> int:
        """Return the most memory that the program ever had, in KiB; 0 when it has ended."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int((re.findall(r"VmHWM:\s+([0-9]+)", status) or ["0"])[0])


@contextmanager
def session(site: Site, command: str) -> Iterator[Session]:
    one = Session(site, command.split())
    try:
        wait_for(lambda: b"\n" in one.received)
        yield one
    finally:
        for pid in processes_with(f"MARK={one.mark}"):
            os.kill(pid, signal.SIGKILL)
        one.process.wait(PATIENCE)
        one.client.shutdown(socket.SHUT_RDWR)
        one.reader.join(PATIENCE)
        one.client.close()


FLOODS = [
    ("authup smtp true", b"", b"x" * 65536, 300),
    ("authup pop3 true", b"USER ", b"x" * 65536, 300),
    ("authup smtp true", b"", b"NOOP\r\n" * 10_000, 2),
    ("fixsmtpio ofmipd", b"", b"x" * 65536, 300),
    ("fixsmtpio ofmipd", b"", b"NOOP\r\n" * 10_000, 5),
    ("fixsmtpio ofmipd", b"", b"\n" * 65536, 1),
    ("fixsmtpio ofmipd", b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n", b"0123456789abcd\r\n" * 4096, 480),
    ("fixsmtpio ofmipd", b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n", b"x" * 65536, 480),
    ("fixsmtpio chatter", b"EHLO x\r\n", b"", 0),
]


@pytest.mark.parametrize(
    ("command", "first", "flood", "times"),
    FLOODS,
    ids=[f"{command.split()[0]} {first[:4]!r} {flood[:6]!r}" for command, first, flood, _ in FLOODS],
)
def test_memory_stays_bounded(site: Site, command: str, first: bytes, flood: bytes, times: int) -> None:
    """LIM-5."""
    site.script("chatter", "echo 220 x; read q; yes 250-x | head -c 8000000")
    with session(site, command) as one:
        before = one.peak()
        assert one.send(first)
        one.send(flood, times)
        for _ in range(50 if times == 0 else 1):  # what the server does on its own needs some time
            assert one.peak() - before < 4096
            time.sleep(0.01 if times == 0 else 0)


# LIM-1 to LIM-4, once each with real processes


def test_lines_and_errors_without_end(site: Site) -> None:
    long = b"x" * 12287 + b"\r\n"
    done = run(
        site, "reup authup -t 1 smtp sh -c 'exit 1'", sent=long + LOGIN + long + LOGIN + long + b"NOOP\r\n"
    )
    codes = [line[:3] for line in done.out.splitlines()]
    assert (done.code, codes) == (12, [b"220", b"500", b"535", b"500", b"535", b"421"])
    done = run(site, "reup authup smtp sh -c 'exit 1'", sent=(b"WHAT\r\n" * 7 + LOGIN) * 3 + b"NOOP\r\n")
    codes = [line[:3] for line in done.out.splitlines()]
    seven = [b"530"] * 7
    assert (done.code, codes) == (12, [b"220", *seven, b"535", *seven, b"535", *seven[:6], b"421"])


def test_the_longest_line_is_one(site: Site) -> None:
    done = run(site, "authup smtp true", sent=b"NOOP" + b" " * (12288 - 6) + b"\r\nQUIT\r\n")
    assert done.out == GREETING + b"250 ok\r\n221 mail.example.org\r\n"


@pytest.mark.parametrize("chain", ["authup smtp true", "reup authup smtp sh -c 'exit 1'"])
def test_a_login_may_not_take_for_ever(site: Site, chain: str) -> None:
    """LIM-3: whatever trickles in, and over all attempts of reup."""
    site.control({"logintimeout": "1\n"})
    with session(site, "sh " + str(site.script("chain", f"exec {chain}"))) as one:
        while one.send(LOGIN if "reup" in chain else b"N"):
            if one.process.poll() is not None:
                break
            threading.Event().wait(0.05)
        assert one.process.wait(PATIENCE) == 12
        one.reader.join(PATIENCE)
        assert one.received.endswith(b"451 authup timeout (#4.4.2)\r\n")


def test_fixsmtpio_answers_long_requests_in_their_turn(site: Site) -> None:
    """LIM-4."""
    longest = b"NOOP" + b" " * (65536 - 6) + b"\r\n"
    done = run(site, "fixsmtpio ofmipd", sent=longest + b"NOOP" + longest + b"HELO x\r\nQUIT\r\n")
    said = b"250 ok\r\n500 line too long (#5.5.6)\r\n250 ofmipd.local\r\n221 ofmipd.local\r\n"
    assert done.out == b"220 ofmipd.local ESMTP\r\n" + said


@pytest.mark.parametrize("reply", ["yes 250-x | head -c 2000000", "head -c 1100000 /dev/zero"])
def test_fixsmtpio_gives_up_on_endless_replies(site: Site, reply: str) -> None:
    site.script("server", f"echo 220 x; {reply}; exec cat >/dev/null")
    with session(site, "fixsmtpio server") as one:
        assert one.process.wait(PATIENCE) == 111
    assert len(site.log.read_bytes().splitlines()) == 1


# Control files

AUTHUP_FILES = [
    "me",
    "smtpgreeting",
    "timeoutsmtpd",
    "smtpcapabilities",
    "authdelay",
    "checkpasswordtimeout",
    "logintimeout",
]
CONTROL_ERROR = b"421 authup unable to read controls (#4.3.0)\r\n"


def spoil(site: Site, name: str, how: str) -> str:
    """Make this control file unreadable; return the reason."""
    file = site.home / "control" / name
    file.unlink(missing_ok=True)
    if how == "directory":
        file.mkdir()
        return "Is a directory"
    if how == "loop":
        file.symlink_to(name)
        return "Too many levels of symbolic links"
    file.write_text("x\n")
    file.chmod(0)
    return "Permission denied"


MODE = pytest.param("mode", marks=needs_root)


@pytest.mark.parametrize(
    ("name", "how"),
    [
        *[(name, "directory") for name in AUTHUP_FILES],
        ("smtpgreeting", "loop"),
        pytest.param("smtpgreeting", "mode", marks=needs_root),
        pytest.param("smtpcapabilities", "mode", marks=needs_root),
    ],
)
def test_authup_with_a_bad_control_file(site: Site, name: str, how: str) -> None:
    """AUTHUP-GEN-3, CTL-3, CTL-7."""
    reason = spoil(site, name, how)
    done = run(site, "authup smtp true", sent=LOGIN, as_user=UID if how == "mode" else None)
    log = f"authup: control/{name}: {reason}\n".encode()
    assert (done.code, done.out, done.log) == (12, CONTROL_ERROR, log)


@pytest.mark.parametrize(
    ("name", "code"), [("me", 18), ("smtpgreeting", 18), ("fixsmtpio", 18), ("timeoutsmtpd", 0)]
)
@pytest.mark.parametrize("how", ["directory", MODE])
def test_fixsmtpio_with_a_bad_control_file(site: Site, name: str, code: int, how: str) -> None:
    """FIX-GEN-3; the timeout alone has a default that does (FIX-EXIT-5)."""
    reason = spoil(site, name, how)
    done = run(site, "fixsmtpio ofmipd", sent=b"QUIT\r\n", as_user=UID if how == "mode" else None)
    said = f"fixsmtpio: control/{name}: {reason}\n" if code else ""
    both = said + "fixsmtpio: unable to read controls\n" if code else ""
    assert (done.code, bool(done.out), done.log.decode()) == (code, not code, both)


def test_no_greeting_and_no_qmail_home(site: Site) -> None:
    """CTL-4, AUTHUP-GEN-3."""
    (site.home / "control" / "me").unlink()
    for env in ({}, {"QMAILHOME": "/no/such/home"}):
        done = run(site, "authup smtp true", env=env)
        assert (done.code, done.out, len(done.log.splitlines())) == (12, CONTROL_ERROR, 1)
        done = run(site, "authup pop3 true", env=env)
        assert (done.code, done.out) == (12, b"-ERR authup unable to read controls\r\n")
        done = run(site, "fixsmtpio touch started", env=env)
        assert (done.code, done.out) == (18, b"")
        assert done.log.endswith(b"fixsmtpio: unable to read controls\n")


@pytest.mark.parametrize(
    "line", ["no rule", "::x", "a:b:c:d:256:x", ":clienteof::*:0:text", ":rcpt::*::&fixsmtpio"]
)
def test_a_rule_that_does_not_parse(site: Site, line: str) -> None:
    """FIX-GEN-4."""
    site.control({"fixsmtpio": f"# comment\n\n{line}\n"})
    started = site.directory / "started"
    done = run(site, ["fixsmtpio", "touch", str(started)])
    assert (done.code, done.out, started.exists()) == (18, b"", False)
    assert re.fullmatch(rb"fixsmtpio: unable to parse control/fixsmtpio: line 3: [^\n]+\n", done.log), (
        done.log
    )


# LIM-6: a driver in a real world whose parts break

BROKEN = """
import sys
import acceptutils.authup, acceptutils.authup_smtp, acceptutils.authup_pop3
import acceptutils.fixsmtpio, acceptutils.checknotroot, acceptutils.reup
def broken(*args, **kwargs):
    raise {fault}("{secret}")
{where} = broken
from acceptutils.runtime import cli
cli.main(sys.argv[1], sys.argv[2:])
"""
NOMEM = b"451 authup out of memory (#4.3.0)\r\n"
SECRET = "s3cret-in-a-message"
INTERNAL = b"421 authup internal error (#4.3.0)\r\n"
POP3_INTERNAL = b"-ERR [SYS/TEMP] authup internal error\r\n"
SMTP, POP3, FILTER = "authup smtp true", "authup pop3 true", "fixsmtpio ofmipd"
FAULTS = [
    (SMTP, "acceptutils.authup_smtp.SmtpSession.command", "KeyError", 12, GREETING + INTERNAL),
    (SMTP, "acceptutils.authup_smtp.SmtpSession.greet", "ValueError", 12, INTERNAL),
    (SMTP, "acceptutils.authup.Session.child_ended", "OSError", 12, GREETING + INTERNAL),
    (SMTP, "acceptutils.authup.Session.__init__", "KeyError", 12, INTERNAL),
    (POP3, "acceptutils.authup_pop3.Pop3Session.command", "KeyError", 12, POP3_INTERNAL),
    (SMTP, "acceptutils.authup_smtp.SmtpSession.command", "MemoryError", 12, GREETING + NOMEM),
    (FILTER, "acceptutils.fixsmtpio.Filter.client_data", "KeyError", 111, b""),
    (FILTER, "acceptutils.fixsmtpio.Filter.server_ended", "KeyError", 111, b""),
    (FILTER, "acceptutils.fixsmtpio.Filter.__init__", "KeyError", 111, b""),
    (FILTER, "acceptutils.fixsmtpio.Filter.client_data", "MemoryError", 111, b""),
    ("checknotroot true", "acceptutils.checknotroot.start", "KeyError", 111, b""),
    ("reup true", "acceptutils.reup.Reup.start", "KeyError", 111, b""),
    ("reup true", "acceptutils.reup.Reup.attempt_ended", "MemoryError", 111, b""),
]


@pytest.mark.parametrize(
    ("command", "where", "fault", "code", "said"),
    FAULTS,
    ids=[f"{w.rpartition('.')[2]} {f}" for _, w, f, *_ in FAULTS],
)
def test_a_fault_of_our_own(
    site: Site, programs: Path, *, command: str, where: str, fault: str, code: int, said: bytes
) -> None:
    """LIM-6: one log line, a reply, no traceback, no secret; and no child is left."""
    driver = site.directory / "broken.py"
    driver.write_text(BROKEN.format(fault=fault, secret=SECRET, where=where))
    sent = b"QUIT\r\n" if command == FILTER else b"USER x\r\n" if command == POP3 else LOGIN
    done = run(site, [f"{programs}/python3", "-I", str(driver), *command.split()], sent=sent)
    assert done.code == code
    assert SECRET.encode() not in done.out + done.log
    faults = [line for line in done.log.splitlines() if b"internal error" in line or b"out of memory" in line]
    if fault == "MemoryError" and command in {SMTP, FILTER}:  # that has words of its own (3.3, FIX-GEN-8)
        [only] = faults
        assert re.fullmatch(rb"(authup [0-9]+|fixsmtpio:) out of memory", only), done.log
    else:
        assert len(faults) == 1, done.log
    if command == FILTER:
        assert done.out in {
            b"",
            b"220 ofmipd.local ESMTP\r\n",
            b"220 ofmipd.local ESMTP\r\n221 ofmipd.local\r\n",
        }
    else:
        assert done.out.endswith(said) if command == POP3 else done.out == said


@pytest.mark.parametrize(
    ("command", "code", "said", "logged"),
    [
        ("authup smtp sleep 1000", 12, b"454 authup unable to wait for child (#4.3.0)\r\n", b""),
        ("fixsmtpio sleep 1000", 111, b"", b"fixsmtpio: unable to wait for child\n"),
    ],
)
def test_a_child_that_cannot_be_waited_for(
    site: Site, programs: Path, *, command: str, code: int, said: bytes, logged: bytes
) -> None:
    """AUTHUP-ERR-3 and FIX-GEN-8, *wait*: no descriptor is left to watch it with; it is not left running."""
    driver = site.directory / "broken.py"
    driver.write_text(BROKEN.format(fault="OSError", secret=SECRET, where="import os; os.pidfd_open"))
    done = run(site, [f"{programs}/python3", "-I", str(driver), *command.split()], sent=LOGIN)
    assert done.code == code
    assert done.out.endswith(said)
    assert done.log.endswith(logged)
    assert SECRET.encode() not in done.log
