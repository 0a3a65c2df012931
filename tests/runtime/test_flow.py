"""Bytes sent ahead reach whom they are for, over whatever carries them; nobody blocks anybody.

AUTHUP-SMTP-18, REUP-9, FIX-EXIT-5.
"""

import contextlib
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
import trio

from tests.runtime.running import environment, needs_root, new_site, run, wait_for
from tests.sessions.real_chain import PATIENCE, Site, connect, processes_with
from tests.sessions.transcript import plain

CHAIN = "reup -t 5 authup smtp checkpassword checknotroot fixsmtpio ofmipd"
MAIL = b"Subject: all at once\r\n\r\n" + b"0123456789abcdef\r\n" * 500
ALL = (
    f"EHLO x\r\nAUTH PLAIN {plain('alice', 'x')}\r\n".encode()
    + f"NOOP\r\nAUTH PLAIN {plain('alice', 'secret')}\r\n".encode()
    + b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"
    + MAIL
    + b".\r\nQUIT\r\nNOOP\r\n"
)
ANSWERS = (
    b"220 mail.example.org ESMTP\r\n"
    b"250-mail.example.org\r\n250-AUTH LOGIN PLAIN\r\n250-PIPELINING\r\n250 8BITMIME\r\n"
    b"535 authup authorization failed (#5.7.0)\r\n250 ok\r\n"
    b"220 ofmipd.local ESMTP\r\n250 ok\r\n250 ok\r\n354 go ahead\r\n250 ok\r\n221 ofmipd.local\r\n"
)
POP3 = "authup -t 2 pop3 checkpassword checknotroot pop3d Maildir"
POP3_ALL = b"USER alice\r\nPASS x\r\nUSER alice\r\nPASS secret\r\nSTAT\r\nQUIT\r\nSTAT\r\n"


@needs_root
@pytest.mark.parametrize("carrier", ["pipe", "file to file", "socket", "socket in pieces"])
def test_everything_at_once(site: Site, tmp_path: Path, carrier: str) -> None:
    code, out = converse(site, CHAIN, ALL, carrier, tmp_path)
    assert (code, out) == (0, ANSWERS)
    stored = site.mail()
    assert len(stored) == 1
    assert MAIL.replace(b"\r\n", b"\n") in stored[0].replace(b"\r\n", b"\n")


@needs_root
@pytest.mark.parametrize("carrier", ["pipe", "file to file", "socket"])
def test_everything_at_once_by_pop3(site: Site, tmp_path: Path, carrier: str) -> None:
    code, out = converse(site, POP3, POP3_ALL, carrier, tmp_path)
    said = [b"+OK ", b"-ERR authup authorization failed", b"+OK ", b"+OK ", b"+OK 0 0", b"+OK "]
    assert (code, out.split(b"\r\n")[1:-1]) == (0, said)


def converse(site: Site, chain: str, sent: bytes, carrier: str, tmp_path: Path) -> tuple[int | None, bytes]:
    """Send all at once over this carrier; return the exit code and what was received."""
    if carrier == "pipe":
        done = run(site, chain, sent=sent)
        return done.code, done.out
    if carrier.startswith("socket"):
        return trio.run(converse_by_socket, site, chain, sent, 7 if carrier.endswith("pieces") else len(sent))
    (tmp_path / "in").write_bytes(sent)
    with (tmp_path / "in").open("rb") as stdin, (tmp_path / "out").open("w+b") as stdout:
        done = run(site, chain, stdin=stdin, stdout=stdout if carrier == "file to file" else None)
        return done.code, done.out or (tmp_path / "out").read_bytes()


async def converse_by_socket(site: Site, chain: str, sent: bytes, size: int) -> tuple[int | None, bytes]:
    async with connect(site, chain) as client:
        for start in range(0, 1000, size):
            await client.send(sent[start : start + size])
        await client.send(sent[start + size :])
        return await client.exit_code(), await client.receive_all()


def test_reup_leaves_what_follows_to_the_next_attempt(site: Site) -> None:
    """REUP-9 for a program that reads a line at a time itself."""
    done = run(site, "reup -t 3 sh -c 'read line; echo got $line; exit 1'", sent=b"one\ntwo\nthree\nfour\n")
    assert done.out == b"got one\ngot two\ngot three\n"


def test_what_follows_reaches_the_session_program(site: Site) -> None:
    """AUTHUP-SMTP-18: byte for byte, also what is no line."""
    sent = f"AUTH PLAIN {plain('a', 'b')}\r\n".encode() + b"\0\xff no line\r\r\n." * 3000
    done = run(site, "authup smtp cat", sent=sent)
    assert done.out == b"220 mail.example.org ESMTP\r\n" + sent.partition(b"\n")[2]


# FIX-EXIT-5


class Flood:
    """fixsmtpio on a socket, with threads that push and pull; its CPU time is watched."""

    def __init__(self, site: Site, server: str) -> None:
        self.mark = f"flood-{time.monotonic()}"
        self.client, theirs = socket.socketpair()
        self.client.settimeout(20)
        with theirs, site.log.open("ab") as log:
            self.process = subprocess.Popen(
                ["fixsmtpio", *server.split()],
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=log,
                env={**environment(site), "MARK": self.mark},
            )
        self.sent = self.received = 0

    def push(self, data: bytes) -> None:
        """Send this until nobody takes it."""
        try:
            while data:
                self.sent += self.client.send(data)
        except OSError:
            pass

    def pull(self) -> None:
        """Receive until the end."""
        try:
            while data := self.client.recv(65536):
                self.received += len(data)
        except OSError:
            pass

    def cpu(self) -> float:
        """Return the CPU seconds of fixsmtpio so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def flood(site: Site, server: str) -> Iterator[Flood]:
    flood = Flood(site, server)
    try:
        with flood.client:
            yield flood
    finally:
        for pid in processes_with(f"MARK={flood.mark}"):
            os.kill(pid, 9)
        flood.process.wait(PATIENCE)


class Deaf(NamedTuple):
    """A session in which somebody takes nothing, and how it must end."""

    name: str
    server: str
    request: bytes
    code: int | None
    log: str = ""


FLOODS = "echo 220 x; exec yes '250 flood'"
READS_NOT = "trap 'exit 0' TERM; echo 220 x; while :; do sleep 0.1; done"
KILLED = "fixsmtpio: server did not end, killed\n"

DEAF = [
    Deaf("a client that sends and never reads", "exec ofmipd", b"NOOP\r\n", 1),  # what ofmipd says at EOF
    Deaf(
        "a server that never reads, its pipe gets full", READS_NOT, b"NOOP %b\r\n" % (b"x" * 500), 0, KILLED
    ),
    Deaf("a server that never reads, too many requests wait", READS_NOT, b"NOOP\r\n", 0, KILLED),
    Deaf("a server that floods a client that never reads", FLOODS, b"", 0, KILLED),
    Deaf("both flood and nobody reads", FLOODS, b"NOOP\r\n", 0, KILLED),
]


@pytest.fixture(scope="module")
def ends(programs: Path) -> dict[str, tuple[int | None, str, int]]:
    """Play all of these at once, since they mostly wait: exit code, log, bytes taken."""

    def play(one: Deaf) -> tuple[int | None, str, int]:
        with new_site(programs) as site:
            site.control({"timeoutsmtpd": "1\n"})
            site.script("server", one.server)
            with flood(site, "server") as session:
                session.push(one.request * 1000)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    session.process.wait(0.5 if one.request else PATIENCE)
                return session.process.poll(), site.log.read_text(), session.sent

    with ThreadPoolExecutor(len(DEAF)) as pool:
        return dict(zip((one.name for one in DEAF), pool.map(play, DEAF), strict=True))


@pytest.mark.parametrize("deaf", DEAF, ids=lambda deaf: deaf.name)
def test_who_takes_nothing_ends_the_session(deaf: Deaf, ends: dict[str, tuple[int | None, str, int]]) -> None:
    code, log, taken = ends[deaf.name]
    assert (code, log) == (deaf.code, deaf.log)
    assert taken < 10_000_000


def test_the_other_direction_goes_on(site: Site) -> None:
    """A server that does not read for a while must still be heard."""
    script = (
        "echo 220 x; n=0; while [ $n -lt 20000 ]; do echo 250 chatter; n=$((n+1)); done; exec cat >/dev/null"
    )
    site.script("server", script)
    with flood(site, "server") as one:
        puller = threading.Thread(target=one.pull)
        puller.start()
        pusher = threading.Thread(target=one.push, args=(b"NOOP\r\n" * 1000,))
        pusher.start()
        wait_for(lambda: one.received >= len("220 x\r\n") + 20000 * len("250 chatter\r\n"))
        one.process.terminate()
        one.process.wait(PATIENCE)
        puller.join(PATIENCE)
        pusher.join(PATIENCE)


def assert_becomes_quiet(session: Flood) -> None:
    """Wait for half a second in which it uses nearly no CPU time; whoever spins has none."""

    def is_quiet() -> bool:
        before = session.cpu()
        time.sleep(0.5)
        return session.cpu() - before <= 0.05

    wait_for(is_quiet, 10)


def test_an_incomplete_line_costs_nothing(site: Site) -> None:
    """FIX-REQ-4."""
    with flood(site, "ofmipd") as one:
        one.client.sendall(b"NOOP\r\n")
        wait_for(lambda: b"250 ok" in one.client.recv(65536, socket.MSG_PEEK))
        one.client.sendall(b"MAIL FROM:<incomplete")
        assert_becomes_quiet(one)


@pytest.mark.parametrize("who", ["client", "server"])
def test_a_peer_that_takes_nothing_costs_nothing(site: Site, who: str) -> None:
    site.script("server", FLOODS if who == "client" else "echo 220 x; exec sleep 60")
    with flood(site, "server") as one:
        wait_for(lambda: b"220 x" in one.client.recv(65536, socket.MSG_PEEK))
        one.client.settimeout(0.3)
        one.push(b"NOOP\r\n" * 1000 if who == "server" else b"")
        assert_becomes_quiet(one)


def test_a_large_message_goes_through_quickly(site: Site) -> None:
    """FIX-DATA-2 on pipes and sockets, with a reader as slow as it likes."""
    with flood(site, "ofmipd") as one:
        puller = threading.Thread(target=one.pull)
        puller.start()
        one.client.sendall(b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n")
        for _ in range(100):
            one.client.sendall(b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd\r\n" * 1000)
        one.client.sendall(b".\r\nQUIT\r\n")
        assert one.process.wait(PATIENCE) == 0
        puller.join(PATIENCE)
