"""Processes killed while the session is inside of TLS: nothing hangs, is left, or is lost or doubled."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from tests.real.chains import Chain, Connections
from tests.real.conftest import Serve
from tests.real.killing import words
from tests.real.service import LOGGED_IN, needs_tcpserver
from tests.real.talker import Talker
from tests.runtime.running import needs_root
from tests.sessions.transcript import plain

pytestmark = [needs_tcpserver, needs_root]

CHAIN = f"ucspitlsd reup -t 5 authup smtp {LOGGED_IN}"
PROCESSES = ("ucspitlsd", "reup", "authup", "fixsmtpio", "ofmipd")
LOGIN = f"AUTH PLAIN {plain('alice', 'secret')}".encode()

# In a message: (victim, signal), what the client then hears of the dot and QUIT, the front end's exit code.
KILLS = {
    ("ucspitlsd", "KILL"): ((), -9),
    ("reup", "TERM"): ((), 12),
    ("reup", "KILL"): (("250", "221"), -9),
    ("authup", "TERM"): ((), 12),
    ("authup", "KILL"): (("250", "221"), 1),
    ("fixsmtpio", "TERM"): (("454",), 0),
    ("fixsmtpio", "KILL"): (("454",), 12),
    ("ofmipd", "KILL"): (("454",), 0),
}
Outcome = tuple[tuple[str, ...], int, int]


def test_kills_in_a_message(serving: Serve) -> None:
    """As without TLS: what stays of a session goes on, through the front end."""
    with serving(CHAIN) as service, ThreadPoolExecutor(4) as pool:
        connections = Connections(service)

        def kill(who: tuple[str, str]) -> Outcome:
            subject = f"Subject: {'-'.join(who)}\r\n".encode()
            with Talker(service) as client:
                chain = Chain(PROCESSES, connections, client.port)
                client.hear(b"\r\n")
                client.ask(b"STARTTLS")
                client.start_tls()
                assert client.ask(LOGIN).startswith(b"235 ")
                client.send(b"MAIL FROM:<>\r\nRCPT TO:<a@b>\r\nDATA\r\n" + subject)
                client.hear(b"354 go ahead\r\n")
                chain.kill(*who)
                if who[1] == "KILL":
                    with suppress(ConnectionError):
                        client.send(b".\r\nQUIT\r\n")
                heard = words(client.hear_all())
            code = chain.ended()
            stored = sum(subject.strip() in mail for mail in service.site.mail())
            return heard, code, stored

        outcomes = dict(zip(KILLS, pool.map(kill, KILLS), strict=True))
        connections.close()
    assert outcomes == {who: (heard, code, int("250" in heard)) for who, (heard, code) in KILLS.items()}
