"""Clients that leave in the middle, outside and inside of TLS: how the chain ends, and what nobody gets."""

import shutil
import ssl
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress

import pytest

from tests.real.conftest import Serve
from tests.real.service import LOGGED_IN, Service, needs_tcpserver
from tests.real.talker import Talker
from tests.runtime.running import needs_root
from tests.sessions.real_chain import PATIENCE
from tests.sessions.transcript import plain

pytestmark = needs_tcpserver

SMTP = "ucspitlsd authup smtp true"
POP3 = "ucspitlsd authup pop3 true"
FILTER = "ucspitlsd fixsmtpio ofmipd"
LOGIN = b"AUTH PLAIN " + plain("alice", "secret").encode() + b"\r\n"
MESSAGE = b"MAIL FROM:<>\r\nRCPT TO:<a@b>\r\nDATA\r\nSubject: x\r\n"
RECORD = b"\x17\x03\x03\x00\x20" + bytes(32)
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


# Handshakes that come to nothing: UTLS-4, AUTHUP-TLS-6, FIX-TLS-3


def garbage(client: Talker) -> None:
    client.send(b"EHLO x\r\n" * 3)


def half_a_hello(client: Talker) -> None:
    client.send(client.hello()[:100])
    client.half_close()


def nothing_at_all(client: Talker) -> None:
    client.half_close()


def broken_off(client: Talker) -> None:
    client.send(client.hello()[:100])
    client.reset()


def half_a_handshake(client: Talker) -> None:
    client.send(client.hello())
    client.hear(b"\x16\x03\x03")  # the server's hello
    client.half_close()


def silence(_: Talker) -> None:
    """Until the program's timeout."""


def a_slow_hello(client: Talker) -> None:
    client.send(client.hello()[:100])


ABORTS = [garbage, half_a_hello, nothing_at_all, broken_off, half_a_handshake, silence, a_slow_hello]


@pytest.mark.parametrize(("chain", "code"), [(SMTP, 12), (POP3, 12), (FILTER, 111)])
def test_handshakes_in_vain(serving: Serve, chain: str, code: int) -> None:
    """Not a byte in plaintext after the go-ahead, and an end, soon."""
    with serving(chain) as service, ThreadPoolExecutor(len(ABORTS)) as pool:
        service.site.control({"timeoutsmtpd": "2\n", "timeoutpop3d": "2\n"})
        list(pool.map(lambda abort: abort_handshake(service, abort, chain), ABORTS))
        assert service.ends(len(ABORTS)) == [code] * len(ABORTS)
        assert "negotiated TLS" not in service.log()


def test_the_front_ends_own_patience(serving: Serve) -> None:
    chain = SMTP.replace("ucspitlsd", "ucspitlsd --handshake-timeout 1")
    with serving(chain) as service:
        abort_handshake(service, a_slow_hello, chain)
        assert service.ends() == [12]
        assert "ucspitlsd: handshake failed: timeout\n" in service.log()


def abort_handshake(service: Service, abort: Callable[[Talker], None], chain: str) -> None:
    with Talker(service) as client:
        client.hear(b"\r\n")
        client.ask(b"STLS" if "pop3" in chain else b"STARTTLS")
        heard = len(client.outside)
        abort(client)
        if abort is not broken_off:
            client.hear_all()
            assert client.outside[heard:][:1] in {b"", b"\x15", b"\x16"}, "nothing, or TLS"


# Inside TLS


def close_notify(client: Talker) -> None:
    client.good_bye()


def tcp_only(client: Talker) -> None:
    client.half_close()


def both(client: Talker) -> None:
    client.good_bye()
    client.half_close()


def reset(client: Talker) -> None:
    client.reset()


def nonsense(client: Talker) -> None:
    client.send_raw(RECORD)
    client.half_close()


LEAVES = [close_notify, tcp_only, both, reset, nonsense]


def leave(service: Service, how: Callable[[Talker], None], chain: str, said_before: bytes) -> None:
    with Talker(service) as client:
        client.hear(b"\r\n")
        client.ask(b"STLS" if "pop3" in chain else b"STARTTLS")
        client.start_tls()
        client.send(said_before)
        if said_before.startswith(LOGIN):
            client.hear(b"354 go ahead\r\n")
        how(client)
        if how is not reset:
            with suppress(ssl.SSLError) if how is nonsense else nullcontext():
                client.hear_all()


@pytest.mark.parametrize(("chain", "code"), [(SMTP, 12), (FILTER, 1)])
def test_leaving_before_a_login(serving: Serve, chain: str, code: int) -> None:
    """AUTHUP-GEN-8; ofmipd ends with 1 when its client has gone, and fixsmtpio with it."""
    with serving(chain) as service, ThreadPoolExecutor(len(LEAVES)) as pool:
        list(pool.map(lambda how: leave(service, how, chain, b"NOOP\r\nNO"), LEAVES))
        assert service.ends(len(LEAVES)) == [code] * len(LEAVES)


@needs_root
def test_leaving_in_a_message(serving: Serve) -> None:
    """FIX-DATA-6: half a message is no message; control/fixsmtpio says that a client may leave."""
    chain = f"ucspitlsd reup authup smtp {LOGGED_IN}"
    with serving(chain) as service, ThreadPoolExecutor(len(LEAVES)) as pool:
        list(pool.map(lambda how: leave(service, how, chain, LOGIN + MESSAGE), LEAVES))
        assert service.ends(len(LEAVES)) == [0] * len(LEAVES)
        assert service.site.mail() == []


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
@pytest.mark.parametrize("how", [close_notify, tcp_only, both])
def test_who_says_no_more_still_gets_the_replies(
    serving: Serve, how: Callable[[Talker], None], version: ssl.TLSVersion
) -> None:
    """FIX-EV-2, through TLS."""
    with serving(FILTER) as service, Talker(service) as client:
        client.hear(b"\r\n")
        client.ask(b"STARTTLS")
        client.start_tls(version)
        client.send(MESSAGE + b".\r\nNOOP\r\n")
        how(client)
        codes = [line[:3] for line in client.hear_all().splitlines()]
        assert codes == [b"250", b"250", b"354", b"250", b"250"]
        assert service.ends() == [1]


# New keys, with OpenSSL's own client, which is asked for them by a letter


@pytest.mark.skipif(shutil.which("openssl") is None, reason="NOT TESTED: openssl is not installed")
@pytest.mark.parametrize(
    ("letter", "version", "goes_on"),
    [(b"K", "-tls1_3", True), (b"R", "-tls1_2", False)],
    ids=["update", "again"],
)
def test_new_keys(serving: Serve, letter: bytes, version: str, *, goes_on: bool) -> None:
    """TLS 1.3 updates keys, both sides'; TLS 1.2 would renegotiate, which the front end does not do."""
    with serving(FILTER) as service:
        argv = ["openssl", "s_client", "-connect", f"localhost:{service.port}", "-starttls", "smtp", version]
        with subprocess.Popen(
            [*argv, "-CAfile", str(service.trusted), "-verify_return_error", "-crlf", "-brief"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process:
            assert process.stdin
            assert process.stdout

            def ask(line: bytes, answer: bytes) -> bool:
                assert process.stdin
                assert process.stdout
                process.stdin.write(line + b"\n")
                process.stdin.flush()
                return any(answer in said for said in iter(process.stdout.readline, b""))

            assert ask(b"NOOP", b"250 ok")
            if goes_on:
                assert ask(letter, b"KEYUPDATE")
                assert ask(b"NOOP", b"250 ok")
                assert ask(b"quit", b"221 ")  # not QUIT: Q is a command too
            else:
                assert not ask(letter, b"250 ok")
            process.stdin.close()
            process.wait(PATIENCE)
        assert service.ends() == [0 if goes_on else 1]
