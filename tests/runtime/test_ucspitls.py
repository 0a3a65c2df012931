"""TLS through UCSPI-TLS, against the pretended front end and against a hand-made one (3.8, 5.8)."""

import fcntl
import json
import os
import shlex
import socket
import struct
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest
import trio

from tests.runtime.running import Probe, environment, wait_for
from tests.sessions.real_chain import PATIENCE, Site, connect, processes_with
from tests.sessions.transcript import plain

LOGIN = f"AUTH PLAIN {plain('alice', 'secret')}\r\n".encode()
GREETING = b"220 mail.example.org ESMTP\r\n"
READY = b"220 Ready to start TLS (#5.7.0)\r\n"
INJECTED = b"EHLO injected\r\n" + LOGIN
SSL = {"SSL_PROTOCOL": "TLSv1.3", "SSL_CIPHER": "PRETENDED_XOR_80", "SSL_SERVER_NAME": ""}

OPTIONS = {
    "plain": ("", SSL),
    "one socket": ("--fds 3,3,4", SSL),
    "in the way": ("--fds 10,11,12", SSL),
    "high": ("--fds 90,91,3", SSL),
    "control kept": ("--keep-control", SSL),
    "control closed": ("--close-control", SSL),
    "names only": ("--no-values", {}),
    "empty block": ("--empty-block", {}),
    "front end below": ("--fork", SSL),
    "required": ("--ucspitls '!'", SSL),
    "evil records": (
        "--env LD_PRELOAD=/evil --env ssl_low=x --env PATH=/evil --env SSL_=x --env SSL_a=x --env SSL_MINE=y",
        {**SSL, "SSL_MINE": "y"},
    ),
}


@pytest.mark.parametrize("option", OPTIONS)
async def test_smtp(site: Site, option: str) -> None:
    """AUTHUP-TLS-3 to -5, AUTHUP-CP-2."""
    options, variables = OPTIONS[option]
    probe = Probe(site)
    chain = f"ucspitlsd {options} authup smtp {probe.command}"
    async with connect(site, chain, env={"SSL_PROTOCOL": "old", "PWD": "/", "LC_ALL": "C"}) as client:
        await client.send(b"STARTTLS\r\n" + INJECTED)
        assert await client.receive_until(READY) == GREETING + READY
        client.encrypt()
        await client.send(b"EHLO x\r\n")
        assert b"STARTTLS" not in await client.receive_until(b"250 8BITMIME\r\n")
        await client.send(b"STARTTLS\r\n" + LOGIN)
        assert await client.receive_all() == b"502 unimplemented (#5.5.1)\r\n"
        assert await client.exit_code() == 0
    assert set(probe.descriptors) == {0, 1, 2, 3}
    assert probe.read("record") == b"alice\0secret\0\0"
    given = probe.environment
    expected = {} if option == "names only" else {"SSL_PROTOCOL": "old", **variables}
    assert {name: value for name, value in given.items() if name.upper().startswith("SSL")} == expected
    assert given["PATH"] == site.path
    assert not given.keys() & {"LD_PRELOAD", "UCSPITLS", "SSLCTLFD", "SSLREADFD", "SSLWRITEFD"}
    assert b"negotiated TLS\n" in site.log.read_bytes()
    assert site.log.read_bytes().count(b" attempt for ") == 1


@pytest.mark.parametrize("option", ["one socket", "required"])
async def test_pop3(site: Site, option: str) -> None:
    probe = Probe(site)
    async with connect(site, f"ucspitlsd {OPTIONS[option][0]} authup pop3 {probe.command}") as client:
        await client.send(b"STLS\r\nUSER mallory\r\nPASS evil\r\n")
        greeting = await client.receive_until(b"+OK starting TLS negotiation\r\n")
        assert greeting.count(b"\r\n") == 2
        client.encrypt()
        await client.send(b"PASS x\r\nUSER alice\r\nPASS secret\r\n")  # the USER outside does not count
        assert await client.receive_all() == b"-ERR authup USER first\r\n+OK \r\n"
        assert await client.exit_code() == 0
    assert probe.read("record").startswith(b"alice\0secret\0<")
    assert set(probe.descriptors) == {0, 1, 2, 3}


@pytest.mark.parametrize("option", ["plain", "one socket", "control closed", "evil records"])
async def test_fixsmtpio(site: Site, option: str) -> None:
    """FIX-TLS-3 to -5: a new server, which knows; nothing of what was sent outside is executed."""
    out = site.directory / "out"
    out.mkdir()
    site.script("server", f"cat /proc/$$/environ >{out}/$$; ls -l /proc/self/fd >{out}/fd.$$; exec ofmipd")
    async with connect(site, f"ucspitlsd {OPTIONS[option][0]} fixsmtpio server") as client:
        await client.send(b"NOOP\r\nSTARTTLS\r\nMAIL FROM:<mallory@evil>\r\n")
        assert (await client.receive_until(READY)).endswith(b"250 ok\r\n" + READY)
        client.encrypt()
        await client.send(b"RCPT TO:<a@b>\r\nSTARTTLS\r\nQUIT\r\n")
        said = await client.receive_all()
        assert said == b"503 MAIL first (#5.5.1)\r\n502 unimplemented (#5.5.1)\r\n221 ofmipd.local\r\n"
        assert await client.exit_code() == 0
    seen = [dict(r.split("=", 1) for r in f.read_text().split("\0")[:-1]) for f in out.glob("[0-9]*")]
    (after,) = [env for env in seen if "FIXSMTPIOTLS" in env]
    assert len(seen) == 2
    assert after["FIXSMTPIOTLS"] == "1"
    assert {name: after[name] for name in after if name.startswith("SSL_")} == OPTIONS[option][1]
    assert all(not env.keys() & {"LD_PRELOAD", "UCSPITLS", "SSLCTLFD"} for env in seen)


@pytest.mark.parametrize(
    ("program", "code", "log"),
    [
        ("authup smtp true", 12, b"TLS temporarily not available\n"),
        ("authup pop3 true", 12, b"TLS temporarily not available\n"),
        ("fixsmtpio ofmipd", 111, b""),
    ],
)
@pytest.mark.parametrize("option", ["--refuse", "--no-block"])
async def test_trouble_after_the_go_ahead(
    site: Site, program: str, code: int, log: bytes, option: str
) -> None:
    """AUTHUP-TLS-6, FIX-TLS-3: not a byte more."""
    site.control({"timeoutsmtpd": "1\n", "timeoutpop3d": "1\n"})
    command, ready = (b"STLS\r\n", b"negotiation\r\n") if "pop3" in program else (b"STARTTLS\r\n", READY)
    async with connect(site, f"ucspitlsd {option} {program}") as client:
        await client.send(command)
        await client.receive_until(ready)
        assert await client.receive_all() == b""
        assert await client.exit_code() == code
    assert site.log.read_bytes().endswith(log)


async def test_a_signal_within_the_start_of_tls(site: Site) -> None:
    """AUTHUP-GEN-9 meets AUTHUP-TLS-6: no good-bye in plaintext."""
    async with connect(site, "ucspitlsd --no-block sh -c 'echo $$; exec authup smtp true'") as client:
        pid = int(await client.receive_until(b"\n"))
        await client.send(b"STARTTLS\r\n")
        await client.receive_until(READY)
        await trio.sleep(0.1)
        os.kill(pid, 15)
        assert await client.receive_all() == b""
        assert await client.exit_code() == 12


async def test_a_peer_that_leaves_while_it_is_served(site: Site) -> None:
    """UTLS-5: SIGTERM to the program when the peer has left."""
    async with connect(site, "ucspitlsd --sigterm authup smtp true") as client:
        await client.send(b"STARTTLS\r\n")
        await client.receive_until(READY)
        client.encrypt()
        await client.send(b"NOOP\r\n")
        await client.receive_until(b"250 ok\r\n")
        client.half_close()
        assert await client.exit_code() == 12  # not -15: AUTHUP-GEN-9, until the end


# Levels (AUTHUP-TLS-1, AUTHUP-TLS-2, AUTHUP-TLS-7, FIX-TLS-2, FIX-TLS-6)

OFF, AVAILABLE, REQUIRED, STUCK = "off", "available", "required", "required, of no use"
NUMBERS = {"SSLCTLFD": "25", "SSLREADFD": "26", "SSLWRITEFD": "27"}
LEVELS: list[tuple[str, dict[str, str]]] = [
    (OFF, NUMBERS),
    (AVAILABLE, {"UCSPITLS": "", **NUMBERS}),
    (AVAILABLE, {"UCSPITLS": "anything", **NUMBERS}),
    (AVAILABLE, {"UCSPITLS": "", **NUMBERS, "SSLREADFD": "25", "SSLWRITEFD": "25"}),
    (REQUIRED, {"UCSPITLS": "!", **NUMBERS}),
    (OFF, {"UCSPITLS": "!", **NUMBERS, "DISABLETLS": ""}),
    (OFF, {"UCSPITLS": ""}),
    (STUCK, {"UCSPITLS": "!"}),
    (OFF, {"UCSPITLS": "", **NUMBERS, "SSLCTLFD": "99"}),
    (OFF, {"UCSPITLS": "", **NUMBERS, "SSLREADFD": "0"}),
    (OFF, {"UCSPITLS": "", **NUMBERS, "SSLWRITEFD": "1"}),
    (OFF, {"UCSPITLS": "", **NUMBERS, "SSLWRITEFD": "27x"}),
    (STUCK, {"UCSPITLS": "!", **NUMBERS, "SSLCTLFD": "99999999999999999999"}),
]
SAYS = {
    OFF: b"250-AUTH LOGIN PLAIN\r\n502 unimplemented (#5.5.1)\r\n"
    b"504 authup auth type unimplemented (#5.5.1)\r\n",
    AVAILABLE: b"250-STARTTLS\r\n250-AUTH LOGIN PLAIN\r\n220 Ready to start TLS (#5.7.0)\r\n",
    REQUIRED: b"250-STARTTLS\r\n220 Ready to start TLS (#5.7.0)\r\n",
    STUCK: b"454 authup TLS temporarily not available (#5.7.3)\r\n"
    b"530 authup Must start TLS first (#5.7.0)\r\n",
}


@pytest.mark.parametrize(
    ("level", "env"),
    [
        pytest.param(level, env, id=f"{level}: {shlex.join(map('='.join, env.items()))}")
        for level, env in LEVELS
    ],
)
def test_levels(site: Site, level: str, env: Mapping[str, str]) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.shutdown(socket.SHUT_WR)  # no block comes
        odd = {"copy": [(theirs.fileno(), fd) for fd in (25, 26, 27)], "close": [theirs.fileno()]}
        done = subprocess.run(
            ["odd", json.dumps(odd), "authup", "smtp", "true"],
            input=b"EHLO x\r\nSTARTTLS\r\nAUTH X\r\n",
            capture_output=True,
            env={**environment(site), **env},
            pass_fds=[theirs.fileno()],
            timeout=PATIENCE,
            check=False,
        )
    kept = [
        line
        for line in done.stdout.splitlines(keepends=True)
        if not line.startswith(
            (b"220 mail", b"250-mail", b"250-PIPE", b"250 8BIT", b"454 authup unable to read")
        )
    ]
    assert b"".join(kept) == SAYS[level]


# A front end made by hand, to see the single bytes


class FrontEnd:
    """Our ends of everything that a program under a front end has."""

    def __init__(self, site: Site, program: str, sent: bytes, env: Mapping[str, str]) -> None:
        self.mark = f"front-end-{os.urandom(8).hex()}"
        self.network, network = socket.socketpair()
        self.control, control = socket.socketpair()
        self.inside, inside = socket.socketpair()
        for end in (self.network, self.control, self.inside):
            end.settimeout(PATIENCE)
        numbers = {"SSLCTLFD": control, "SSLREADFD": inside, "SSLWRITEFD": inside}
        with network, control, inside:
            self.network.sendall(sent)
            self.process = subprocess.Popen(
                shlex.split(program),
                stdin=network.fileno(),
                stdout=network.fileno(),
                stderr=subprocess.PIPE,
                pass_fds=[control.fileno(), inside.fileno()],
                env={
                    **environment(site, env),
                    "MARK": self.mark,
                    "UCSPITLS": "",
                    **{name: str(end.fileno()) for name, end in numbers.items()},
                },
            )

    def receive(self, size: int) -> bytes:
        """Receive so many bytes from the network."""
        return self.network.recv(size, socket.MSG_WAITALL)

    def end(self) -> tuple[int, bytes]:
        """Wait for the end; return the exit code and the log."""
        _, log = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, log

    def unread(self, end: socket.socket) -> int:
        """Return whether something that we sent here was not read (in the kernel's measure)."""
        return int(struct.unpack("i", fcntl.ioctl(end, 0x5411, b"\0" * 4))[0])  # SIOCOUTQ


@contextmanager
def front_end(site: Site, program: str, sent: bytes, **env: str) -> Iterator[FrontEnd]:
    one = FrontEnd(site, program, sent, env)
    try:
        with one.network, one.control, one.inside:
            yield one
    finally:
        for pid in processes_with(f"MARK={one.mark}"):
            os.kill(pid, 9)
        one.process.wait(PATIENCE)
        if one.process.stderr:
            one.process.stderr.close()


@pytest.mark.parametrize("program", ["authup smtp cat", "fixsmtpio ofmipd"])
@pytest.mark.parametrize("size", [1, 1000])
def test_the_block_may_come_in_pieces_and_nothing_behind_it_is_read(
    site: Site, program: str, size: int
) -> None:
    block = b"SSL_A=1\0SSL_B\0SSL_C=\0\0"
    with front_end(site, program, b"STARTTLS\r\n") as one:
        wait_for(lambda: one.network.recv(4096, socket.MSG_PEEK).endswith(READY))
        assert one.control.recv(10) == b"Y"
        for start in range(0, len(block), size):
            one.control.sendall(block[start : start + size])
        one.inside.sendall(b"NOOP\r\n")
        assert one.inside.recv(100) == b"250 ok\r\n"
        assert one.unread(one.control) == 0
        one.control.sendall(b"behind the block")
        with pytest.raises(BrokenPipeError):  # nobody reads there ever again
            one.network.sendall(b"QUIT\r\n")
        one.inside.sendall(b"NOOP\r\n")
        assert one.inside.recv(100) == b"250 ok\r\n"
        assert one.unread(one.control) > 0
        one.inside.sendall(b"QUIT\r\n")
        one.end()
        assert one.network.recv(4096).endswith(READY)


def test_a_block_with_bytes_behind_it_in_one_piece(site: Site) -> None:
    with front_end(site, "authup smtp cat", b"STARTTLS\r\n") as one:
        one.control.sendall(b"SSL_A=1\0\0more")
        one.inside.sendall(b"NOOP\r\n")
        assert one.inside.recv(100) == b"250 ok\r\n"
        one.inside.sendall(b"QUIT\r\n")
        one.end()
        assert one.control.recv(10) == b"Y"
        with pytest.raises(ConnectionResetError):  # that is what unread bytes make of a close
            one.control.recv(10)


def test_the_control_socket_stays_open_until_the_end(site: Site) -> None:
    """AUTHUP-TLS-3: some servers end the program when it closes; children do not have it."""
    for ucspitls in ("", "-"):
        with front_end(site, f"env UCSPITLS={ucspitls} authup smtp cat", LOGIN + b"x\r\n") as one:
            wait_for(lambda: one.network.recv(4096, socket.MSG_PEEK).endswith(b"x\r\n"))
            one.control.setblocking(False)
            with pytest.raises(BlockingIOError):
                one.control.recv(1)
            one.network.shutdown(socket.SHUT_WR)
            assert one.end()[0] == 0


@pytest.mark.parametrize(
    ("program", "said", "code"),
    [
        ("authup smtp cat", b"454 authup TLS temporarily not available (#5.7.3)\r\n", 0),
        ("fixsmtpio ofmipd", b"454 TLS temporarily not available (#5.7.3)\r\n", 0),
    ],
)
def test_a_front_end_that_is_gone(site: Site, program: str, said: bytes, code: int) -> None:
    """AUTHUP-TLS-6: seen before anything is said, so the session goes on."""
    with front_end(site, program, b"") as one:
        wait_for(lambda: one.network.recv(4096, socket.MSG_PEEK).endswith(b"ESMTP\r\n"))
        one.control.close()
        one.network.sendall(b"STARTTLS\r\nQUIT\r\n")
        assert one.end()[0] == code
        lines = one.network.recv(4096).splitlines(keepends=True)
        assert (lines[1], len(lines)) == (said, 3)


@pytest.mark.parametrize(
    ("program", "amount", "code"),
    [
        ("authup smtp cat", 60_000, None),
        ("authup smtp cat", 70_000, 12),
        ("authup pop3 cat", 70_000, 12),
        ("fixsmtpio ofmipd", 150_000, 111),
    ],
)
def test_plaintext_sent_ahead_is_dropped_up_to_64_kib(
    site: Site, program: str, amount: int, code: int | None
) -> None:
    """AUTHUP-TLS-3, FIX-TLS-5."""
    command = b"STLS\r\n" if "pop3" in program else b"STARTTLS\r\n"
    with front_end(site, program, command + b"NOOP\r\n" * (amount // 6)) as one:
        if code is None:
            assert one.control.recv(10) == b"Y"
            assert one.unread(one.network) == 0
            one.control.sendall(b"\0\0")
            one.inside.sendall(b"QUIT\r\n")
            assert one.inside.recv(1000) == b"221 mail.example.org\r\n"
        else:
            assert one.end()[0] == code
            said = one.network.recv(1_000_000)
            assert (said.count(b"\r\n"), b"Ready" in said, b"250 ok" in said) == (1, False, False)


def test_a_block_without_end(site: Site) -> None:
    with front_end(site, "authup smtp cat", b"STARTTLS\r\n") as one:
        try:
            while True:
                one.control.sendall(b"SSL_A=" + b"x" * 1000)
        except OSError:
            pass
        code, log = one.end()
    assert (code, log.endswith(b"TLS temporarily not available\n")) == (12, True)


def test_tls_is_off_for_a_filter_behind_a_login(site: Site) -> None:
    """FIX-TLS-7."""
    with front_end(site, "fixsmtpio ofmipd", b"STARTTLS\r\nQUIT\r\n", AUTHUP_USER="alice") as one:
        assert one.end()[0] == 0
        assert one.network.recv(4096).splitlines()[1] == b"502 unimplemented (#5.5.1)"


def test_under_a_foreign_reup(site: Site) -> None:
    """REUP-12: without REUPSTATE a failed login inside TLS is the end."""
    with front_end(site, "authup smtp sh -c 'exit 1'", b"STARTTLS\r\n", REUP="1") as one:
        one.control.sendall(b"\0\0")
        one.inside.sendall(LOGIN)
        assert one.inside.recv(1000).startswith(b"535 ")
        assert one.end()[0] == 12


def test_reup_keeps_the_front_end_for_the_next_attempt(site: Site) -> None:
    """REUP-10."""
    probe = Probe(site, "exit", "1")
    with front_end(site, f"reup -t 3 authup smtp {probe.command}", b"STARTTLS\r\n") as one:
        one.control.sendall(b"SSL_A=1\0\0")
        for _ in range(3):
            one.inside.sendall(LOGIN)
            assert one.inside.recv(1000) == b"535 authup authorization failed (#5.7.0)\r\n"
            assert probe.environment["SSL_A"] == "1"
            assert set(probe.descriptors) == {0, 1, 2, 3}
        assert one.end()[0] == 1
        assert one.network.recv(4096) == GREETING + READY
