"""What somebody puts behind STARTTLS in plaintext is never executed, however it is cut (CVE-2011-0411).

Real TLS always comes afterwards. What came before the go-ahead was drained; what came later is no
ClientHello, so that the handshake fails. Either way nobody saw a command.
"""

import ssl
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pytest

from tests.real.conftest import Serve
from tests.real.service import Service, needs_tcpserver, wait_a_moment
from tests.real.talker import Talker

pytestmark = needs_tcpserver

AT_ONCE = 6


class Victim(NamedTuple):
    """A chain; what starts TLS there and the answer to that; what is put behind it; exit codes.

    Inside TLS `question` gets `answer`.
    """

    chain: str
    command: bytes
    ready: bytes
    injected: bytes
    question: bytes
    answer: bytes
    code: int


VICTIMS = {
    "smtp": Victim(
        chain="ucspitlsd authup smtp sh -c 'echo EXECUTED >&2'",
        command=b"STARTTLS\r\n",
        ready=b"220 Ready to start TLS (#5.7.0)\r\n",
        injected=b"AUTH PLAIN AGEAYg==\r\n",
        question=b"NOOP",
        answer=b"250 ok\r\n",
        code=12,
    ),
    "pop3": Victim(
        chain="ucspitlsd authup pop3 sh -c 'echo EXECUTED >&2'",
        command=b"STLS\r\n",
        ready=b"+OK starting TLS negotiation\r\n",
        injected=b"USER a\r\nPASS b\r\n",
        question=b"PASS b",
        answer=b"-ERR authup USER first\r\n",
        code=12,
    ),
    "filter": Victim(
        chain="ucspitlsd fixsmtpio ofmipd --reply vrfy=EXECUTED",
        command=b"STARTTLS\r\n",
        ready=b"220 Ready to start TLS (#5.7.0)\r\n",
        injected=b"VRFY\r\n",
        question=b"NOOP",
        answer=b"250 ok\r\n",
        code=111,
    ),
}


@pytest.mark.parametrize("victim", VICTIMS.values(), ids=VICTIMS)
def test_cuts(serving: Serve, victim: Victim) -> None:
    """AUTHUP-TLS-3, AUTHUP-TLS-5, FIX-TLS-5: every cut by SMTP, and where it matters elsewhere."""
    edge, end = len(victim.command), len(victim.command + victim.injected)
    cuts = range(end) if victim is VICTIMS["smtp"] else [0, edge - 1, edge, edge + 1, end - 1]
    with serving(victim.chain, {"FIXSMTPIODEBUG": "1"}) as service, ThreadPoolExecutor(AT_ONCE) as pool:
        encrypted = list(pool.map(lambda cut: attack(service, victim, cut), cuts))
        before = [good for cut, good in zip(cuts, encrypted, strict=True) if cut < edge]
        assert all(before), "it was all there before the go-ahead, and was drained"
        codes = service.ends(len(cuts))
        assert sorted(codes) == sorted(0 if good else victim.code for good in encrypted)
        check_nothing_was_executed(service, victim)


@pytest.mark.parametrize("victim", VICTIMS.values(), ids=VICTIMS)
def test_behind_the_go_ahead(serving: Serve, victim: Victim) -> None:
    """Then it is no ClientHello; nor does the program see it."""
    with serving(victim.chain, {"FIXSMTPIODEBUG": "1"}) as service, Talker(service) as client:
        client.hear(b"\r\n")
        client.send(victim.command)
        client.hear(victim.ready)
        client.send(victim.injected)
        with pytest.raises(ssl.SSLError):
            client.start_tls()
        assert client.outside.endswith(victim.ready)
        assert service.ends() == [victim.code]
        assert "handshake failed: " in service.log()
        check_nothing_was_executed(service, victim)


def attack(service: Service, victim: Victim, cut: int) -> bool:
    """Send it in two pieces; say whether TLS came about."""
    both = victim.command + victim.injected
    with Talker(service) as client:
        client.hear(b"\r\n")
        client.send(both[:cut])
        wait_a_moment()
        client.send(both[cut:])
        assert client.hear(victim.ready) == victim.ready
        heard = len(client.outside)
        try:
            client.start_tls()
        except ssl.SSLError:
            client.half_close()
            client.hear_all()
            assert client.outside[heard:][:1] in {b"", b"\x15"}, "nothing, or an alert"
            return False
        assert client.ask(victim.question) == victim.answer
        client.send(b"QUIT\r\n")
        assert client.hear_all().count(b"\r\n") == 1
    return True


def check_nothing_was_executed(service: Service, victim: Victim) -> None:
    log = service.log()
    assert "EXECUTED" not in log
    assert " attempt for " not in log
    assert victim.injected.decode().rstrip() not in log
