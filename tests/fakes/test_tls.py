"""Real TLS in the front end: the cipher between two buffers, and the program on a real socket."""

import os
import socket
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fakes import certificate
from fakes.certificate import Files, NoCertificate
from fakes.cipher import CipherError
from fakes.tls import Tls, server_context

PATIENCE = 30
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
FRONT_END = [sys.executable, "-m", "fakes", "ucspitlsd"]


@pytest.fixture(scope="module")
def files() -> Iterator[Files]:
    with tempfile.TemporaryDirectory(prefix="acceptutils-tls-") as directory:  # pytest would keep its own
        yield certificate.make(Path(directory))


def new_server(files: Files) -> Tls:
    context = server_context()
    certificate.load(context, bytes(files.certificate), bytes(files.key))
    return Tls(context)


class Peer:
    """A TLS client between two buffers; `size` is that of the pieces in which all travels."""

    def __init__(
        self, server: Tls, files: Files, size: int, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
    ) -> None:
        context = ssl.create_default_context(cafile=files.authority)
        context.minimum_version = context.maximum_version = version
        self.server = server
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")
        self._size = size

    def shake_hands(self) -> None:
        done = False
        while not done or self.outgoing.pending:
            try:
                self.tls.do_handshake()
                done = True
            except ssl.SSLWantReadError:
                done = False
            self.carry(self.handshake)
        assert self.server.shake_hands()

    def has_said_all(self) -> bool:
        """Whether close_notify came; OpenSSL tells it in one way or the other."""
        try:
            return self.tls.read(1) == b""
        except ssl.SSLZeroReturnError:
            return True

    def handshake(self) -> bytes:
        self.server.shake_hands()
        return b""

    def carry(self, after_each: Callable[[], bytes]) -> bytes:
        """Bring what there is to the server in pieces, and its answers back."""
        got = b""
        while piece := self.outgoing.read(self._size):
            self.server.receive(piece)
            got += after_each()
        while piece := self.server.to_send():
            self.incoming.write(piece)
        return got


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_both_ways_however_it_is_cut(files: Files, size: int, version: ssl.TLSVersion) -> None:
    server = new_server(files)
    peer = Peer(server, files, size, version)
    peer.shake_hands()
    assert peer.tls.version() == version.name.replace("_", ".")
    told = dict(record.split(b"=", 1) for record in server.records())
    assert told[b"SSL_PROTOCOL"].decode() == peer.tls.version()
    assert told[b"SSL_CIPHER"].decode() == (peer.tls.cipher() or "")[0]
    assert told[b"SSL_SERVER_NAME"] == b"localhost"
    message = bytes(range(256)) * 300
    peer.tls.write(message)
    assert peer.carry(server.decrypt) == message
    server.encrypt(message)
    peer.carry(server.decrypt)
    back = b""
    while len(back) < len(message):
        back += peer.tls.read(len(message))
    assert back == message
    assert not server.ended


def test_what_comes_with_the_end_of_the_handshake(files: Files) -> None:
    """TLS 1.3: a client may speak right behind its last handshake message."""
    server = new_server(files)
    peer = Peer(server, files, 100_000)
    with pytest.raises(ssl.SSLWantReadError):
        peer.tls.do_handshake()
    peer.carry(peer.handshake)
    peer.tls.do_handshake()
    peer.tls.write(b"QUIT\r\n")
    server.receive(peer.outgoing.read())
    assert server.shake_hands()
    assert server.decrypt() == b"QUIT\r\n"


@pytest.mark.parametrize("good_bye", [True, False])
@pytest.mark.parametrize("version", VERSIONS)
def test_who_says_no_more_may_still_listen(files: Files, version: ssl.TLSVersion, *, good_bye: bool) -> None:
    server = new_server(files)
    peer = Peer(server, files, 100_000, version)
    peer.shake_hands()
    peer.tls.write(b"QUIT\r\n")
    if good_bye:
        with pytest.raises(ssl.SSLWantReadError):
            peer.tls.unwrap()
    server.receive(peer.outgoing.read())
    assert server.ended is False
    if not good_bye:
        server.receive(b"")
    assert (server.decrypt(), server.ended, server.decrypt()) == (b"QUIT\r\n", True, b"")
    server.encrypt(b"221 bye\r\n")
    server.end()
    peer.carry(server.decrypt)
    assert peer.tls.read(100) == b"221 bye\r\n"
    assert peer.has_said_all()


def test_nonsense_is_the_end(files: Files) -> None:
    server = new_server(files)
    peer = Peer(server, files, 100_000)
    peer.shake_hands()
    peer.tls.write(b"NOOP\r\n")
    server.receive(peer.outgoing.read() + b"\x17\x03\x03\x00\x20" + bytes(32))
    assert (server.decrypt(), server.ended) == (b"NOOP\r\n", True)
    with pytest.raises(CipherError):
        server.encrypt(b"250 ok\r\n")
    server.end()
    peer.incoming.write(server.to_send())
    with pytest.raises(ssl.SSLError, match="BAD_RECORD_MAC"):
        peer.tls.read(100)


def test_a_handshake_that_fails(files: Files) -> None:
    for hello, reason in [
        (b"AUTH PLAIN AGEAYg==\r\n", "wrong version number"),
        (b"GET / HTTP/1.0\r\n", "http request"),
    ]:
        server = new_server(files)
        server.receive(hello)
        with pytest.raises(CipherError, match=reason):
            server.shake_hands()
    server = new_server(files)
    assert server.shake_hands() is False
    server.receive(b"")
    with pytest.raises(CipherError):
        server.shake_hands()


def test_certificates(files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    monkeypatch.setitem(sys.modules, "trustme", None)
    with pytest.raises(NoCertificate, match="trustme"):
        certificate.make(tmp_path)
    for one, other in [(Path("/nowhere"), files.key), (files.certificate, files.authority)]:
        with pytest.raises(NoCertificate, match="unable to use the certificate"):
            certificate.load(server_context(), bytes(one), bytes(other))


# The program

ECHO = """
import os, sys
control, reading, writing = (int(os.environ[name]) for name in ("SSLCTLFD", "SSLREADFD", "SSLWRITEFD"))
if sys.argv[1] == "x":
    os.write(control, b"Y")
    sys.exit(0)
os.write(control, sys.argv[1].encode())
if sys.argv[1] == "Y":
    block = b""
    while not block.endswith(b"\\0\\0") and (byte := os.read(control, 1)):
        block += byte
    if not block:
        sys.exit(12)
    os.write(writing, block)
while data := os.read(reading, 65536):
    os.write(writing, data)
sys.exit(5)
"""
Start = Callable[..., tuple[socket.socket, "subprocess.Popen[bytes]"]]


@pytest.fixture
def start(files: Files) -> Iterator[Start]:
    started: list[subprocess.Popen[bytes]] = []
    ours, theirs = socket.socketpair()
    ours.settimeout(PATIENCE)

    def start_one(
        *options: str, order: str = "Y", own: bool = True
    ) -> tuple[socket.socket, subprocess.Popen[bytes]]:
        shown = ("--certificate", str(files.certificate), "--key", str(files.key)) if own else ()
        argv = [*FRONT_END, *shown, *options, sys.executable, "-c", ECHO, order]
        process = subprocess.Popen(
            argv, stdin=theirs.fileno(), stdout=theirs.fileno(), stderr=subprocess.PIPE
        )
        theirs.close()
        started.append(process)
        return ours, process

    yield start_one
    ours.close()
    theirs.close()
    for process in started:
        process.kill()
        process.communicate()


def client_context(files: Files) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=files.authority)


VARIANTS = [
    "",
    "--close-control",
    "--fork",
    "--fds 9,9,3",
    "--fork --fds 30,4,5 --close-control",
    "--no-values",
]


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_real_one(files: Files, start: Start, variant: str) -> None:
    """UTLS-1, UTLS-3, UTLS-5."""
    ours, process = start(*variant.split())
    with (
        client_context(files).wrap_socket(ours, server_hostname="localhost") as tls,
        tls.makefile("rb") as said,
    ):
        block = b""
        while not block.endswith(b"\0\0"):
            block += said.read(1)
        names = [b"SSL_PROTOCOL", b"SSL_CIPHER", b"SSL_CIPHER_USEKEYSIZE", b"SSL_SERVER_NAME"]
        assert [record.partition(b"=")[0] for record in block.split(b"\0")[:-2]] == names
        assert (b"=" in block) == (variant != "--no-values")
        tls.sendall(b"secret" * 5_000)
        assert said.read(30_000) == b"secret" * 5_000
        with socket.socket(fileno=os.dup(tls.fileno())) as tcp:
            tcp.shutdown(socket.SHUT_WR)
        assert said.read() == b""
    assert process.wait(PATIENCE) == 5


def test_no_block_is_sent_where_none_was_ordered(files: Files, start: Start) -> None:
    ours, process = start(order="y")
    with client_context(files).wrap_socket(ours, server_hostname="localhost") as tls:
        tls.sendall(b"secret")
        assert tls.recv(100) == b"secret"
        tls.unwrap().close()
    assert process.wait(PATIENCE) == 5


def test_a_certificate_is_made_where_none_is_given(start: Start) -> None:
    ours, process = start(own=False)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with context.wrap_socket(ours) as tls:
        assert tls.recv(12).startswith(b"SSL_PROTOCOL")
    assert process.wait(PATIENCE) == 5


@pytest.mark.parametrize("variant", ["", "--fork"])
@pytest.mark.parametrize(
    ("nonsense", "answer", "reason"),
    [
        (b"MAIL FROM:<>\r\n", b"", b"wrong version number"),
        (b"\x16\x03\x01\x00\x05hello", b"\x15\x03\x03\x00\x02\x02\x0a", b"unexpected message"),
    ],
)
def test_a_handshake_in_vain_closes_all(
    start: Start, variant: str, nonsense: bytes, answer: bytes, reason: bytes
) -> None:
    """UTLS-4."""
    ours, process = start(*variant.split())
    ours.sendall(nonsense)
    with ours.makefile("rb") as said:
        assert said.read() == answer
    assert process.wait(PATIENCE) == 12
    assert process.stderr
    assert process.stderr.read() == b"ucspitlsd: handshake failed: " + reason + b"\n"


@pytest.mark.parametrize("variant", ["", "--fork"])
def test_a_handshake_that_takes_too_long(start: Start, variant: str) -> None:
    ours, process = start("--handshake-timeout", "0", *variant.split())
    assert ours.recv(100) == b""
    assert process.wait(PATIENCE) == 12
    assert process.stderr
    assert process.stderr.read() == b"ucspitlsd: handshake failed: timeout\n"


@pytest.mark.parametrize("variant", ["", "--fork"])
def test_a_program_that_has_ended_waits_for_no_handshake(start: Start, variant: str) -> None:
    ours, process = start(*variant.split(), order="x")
    ours.sendall(b"\x16\x03\x01\x02")
    assert process.wait(PATIENCE) == 0
    assert ours.recv(100) == b""


@pytest.mark.parametrize("args", [["--key", "x", "true"], ["--handshake-timeout", "-1", "true"]])
def test_usage(args: list[str]) -> None:
    done = subprocess.run([*FRONT_END, *args], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert (done.returncode, done.stderr[:18]) == (2, b"ucspitlsd: usage: ")


def test_without_its_certificate_nothing_is_run() -> None:
    args = ["--certificate", "/nowhere", "echo", "run"]
    done = subprocess.run([*FRONT_END, *args], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    reason = b"ucspitlsd: unable to use the certificate and its key: No such file or directory\n"
    assert (done.returncode, done.stdout, done.stderr) == (111, b"", reason)
