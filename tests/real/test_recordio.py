"""recordio of ucspi-tcp in the chain: everything that passes by is in the log, and nothing else changes."""

import shutil

import pytest

from tests.real.conftest import Serve
from tests.real.service import needs_tcpserver
from tests.real.talker import Talker
from tests.real.test_tls_logins import ACCEPTED, REFUSED, RIGHT, WRONG
from tests.runtime.running import needs_root

pytestmark = [
    needs_tcpserver,
    needs_root,
    pytest.mark.skipif(shutil.which("recordio") is None, reason="NOT TESTED: recordio is not installed"),
]

LOGGED_IN = 'checkpassword checknotroot fixsmtpio recordio env RELAYCLIENT="" ofmipd'


def test_around_reup_and_the_server(serving: Serve) -> None:
    """The client's side of the filter is in the log, and the server's; failed attempts make no difference."""
    chain = f"recordio reup -t 5 authup smtp {LOGGED_IN}"
    with serving(chain, recorded=True) as service, Talker(service) as client:
        client.hear(b" ESMTP\r\n")
        assert client.ask(WRONG) == REFUSED
        assert client.ask(WRONG) == REFUSED
        assert client.ask(RIGHT) == ACCEPTED
        client.send(b"HELP\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n")
        client.hear(b"354 go ahead\r\n")
        client.send(b"Subject: x\r\n\r\n..dot\r\n.\r\nQUIT\r\n")
        assert client.hear_all() == b"250 ok\r\n221 mail.example.org\r\n"
        assert service.ends() == [0]
        (mail,) = service.site.mail()
        assert mail.endswith(b"Subject: x\n\n.dot\n")
        log = service.log()
        assert log.count(" < HELP\n") == 2
        assert log.count(" > 214-fixsmtpio home page: ") == 1
        assert log.count(" > 214 qmail home page: ") == 2
        assert log.count(" > 221 mail.example.org\n") == log.count(" > 221 ofmipd.local\n") == 1


def test_below_reup(serving: Serve) -> None:
    """No place for it: the recordio of a failed attempt swallows what the client says next.

    A first attempt that is right gets on.
    """
    chain = f"reup -t 5 recordio authup smtp {LOGGED_IN}"
    with serving(chain, recorded=True) as service:
        with Talker(service) as client:
            client.hear(b" ESMTP\r\n")
            assert client.ask(RIGHT) == ACCEPTED
            assert client.ask(b"QUIT") == b"221 mail.example.org\r\n"
        assert service.ends() == [0]
