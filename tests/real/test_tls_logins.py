"""Logins inside real TLS, tried again and again: by authup itself and under reup."""

import pytest

from tests.real.conftest import Serve
from tests.real.service import LOGGED_IN, POP3, needs_tcpserver
from tests.real.talker import Talker
from tests.runtime.running import needs_root
from tests.sessions.transcript import plain

pytestmark = [needs_tcpserver, needs_root]

RIGHT = b"AUTH PLAIN " + plain("alice", "secret").encode()
WRONG = b"AUTH PLAIN " + plain("alice", "guess").encode()
ROOTS = b"AUTH PLAIN " + plain("root", "toor").encode()
READY = b"220 Ready to start TLS (#5.7.0)\r\n"
REFUSED = b"535 authup authorization failed (#5.7.0)\r\n"
ACCEPTED = b"235 ok, go ahead (#2.0.0)\r\n"
POP3_REFUSED = b"-ERR authup authorization failed\r\n"

CHAINS = {
    "under reup": f"ucspitlsd reup -t 4 authup smtp {LOGGED_IN}",
    "by itself": f"ucspitlsd authup -t 4 smtp {LOGGED_IN}",
    "front end below": f"ucspitlsd --fork --fds 7,7,3 --close-control reup authup smtp {LOGGED_IN}",
}


def start_tls(client: Talker) -> None:
    client.hear(b" ESMTP\r\n")
    assert client.ask(b"STARTTLS") == READY
    client.start_tls()


@pytest.mark.parametrize("chain", CHAINS.values(), ids=CHAINS)
def test_smtp(serving: Serve, chain: str) -> None:
    """AUTHUP-TLS-5, AUTHUP-TLS-8, REUP-10: one greeting, one handshake, and nothing else outside."""
    with serving(chain) as service, Talker(service) as client:
        start_tls(client)
        client.send(b"EHLO client.example\r\n")
        assert b"STARTTLS" not in client.hear(b"250 8BITMIME\r\n")
        assert client.ask(WRONG) == REFUSED
        assert client.ask(ROOTS) == REFUSED
        assert client.ask(b"STARTTLS") == b"502 unimplemented (#5.5.1)\r\n"
        assert client.ask(WRONG) == REFUSED
        assert client.ask(RIGHT) == ACCEPTED
        assert client.ask(b"STARTTLS") == b"502 unimplemented (#5.5.1)\r\n"
        assert client.ask(b"QUIT") == b"221 mail.example.org\r\n"
        assert client.hear_all() == b""
        assert service.ends() == [0]
        assert service.log().count("negotiated TLS") == 1
        assert client.outside.startswith(b"220 mail.example.org ESMTP\r\n" + READY + b"\x16\x03\x03")
        assert service.log().count("): exit 1\n") == (3 if "reup" in chain else 0)


@pytest.mark.parametrize("chain", CHAINS.values(), ids=CHAINS)
def test_all_at_once(serving: Serve, chain: str) -> None:
    """REUP-9: what the client sent ahead inside TLS is there for the next attempt, and for the server."""
    commands = [
        WRONG,
        WRONG,
        RIGHT,
        b"MAIL FROM:<>",
        b"RCPT TO:<a@b>",
        b"DATA",
        b"Subject: x",
        b".",
        b"QUIT",
        b"",
    ]
    with serving(chain) as service, Talker(service) as client:
        start_tls(client)
        client.send(b"\r\n".join(commands))
        said = client.hear_all().splitlines(keepends=True)
        assert said[:3] == [REFUSED, REFUSED, ACCEPTED]
        assert [line[:3] for line in said[3:]] == [b"250", b"250", b"354", b"250", b"221"]
        assert service.ends() == [0]
        assert len(service.site.mail()) == 1


def test_no_more_tries(serving: Serve) -> None:
    with serving(f"ucspitlsd reup -t 2 authup smtp {LOGGED_IN}") as service, Talker(service) as client:
        start_tls(client)
        assert client.ask(WRONG) == REFUSED
        assert client.ask(WRONG) == REFUSED
        assert client.hear_all() == b""
        assert service.ends() == [1]


@pytest.mark.parametrize(
    "numbers",
    [
        "10,11,12",
        "4,5,3",  # SSLCTLFD has the number that REUPSTATE names
    ],
)
def test_reup_goes_behind_the_front_end(serving: Serve, numbers: str) -> None:
    """REUP-12: in front of it each attempt would have a new front end, while the client is in the old one's
    TLS. authup sees that nobody remembers for it, and makes an end.
    """
    with (
        serving(f"reup -t 5 ucspitlsd --fds {numbers} authup smtp {LOGGED_IN}") as service,
        Talker(service) as client,
    ):
        start_tls(client)
        assert client.ask(WRONG) == REFUSED
        assert client.hear_all() == b""
        assert service.ends() == [12]
        assert " (1/5): exit 12\n" in service.log()


@pytest.mark.parametrize("chain", [POP3, POP3.replace("reup -t 5 authup", "authup -t 5")])
def test_pop3(serving: Serve, chain: str) -> None:
    with serving(chain) as service, Talker(service) as client:
        client.hear(b">\r\n")
        assert client.ask(b"USER alice") == b"+OK \r\n"
        assert client.ask(b"STLS") == b"+OK starting TLS negotiation\r\n"
        client.start_tls()
        assert client.ask(b"PASS secret") == b"-ERR authup USER first\r\n"  # that was outside
        for user, password in (b"alice", b"guess"), (b"root", b"toor"):
            client.send(b"USER %b\r\nPASS %b\r\n" % (user, password))
            assert client.hear(b"\r\n") + client.hear(b"\r\n") == b"+OK \r\n" + POP3_REFUSED
        assert client.ask(b"STLS") == b"-ERR STLS not available\r\n"
        client.send(b"USER alice\r\nPASS secret\r\nSTAT\r\nQUIT\r\n")
        assert client.hear_all() == b"+OK \r\n+OK \r\n+OK 0 0\r\n+OK \r\n"
        assert service.ends() == [0]
        assert service.log().count("negotiated TLS") == 1
