"""Clients that people use against servers that people run, through the chains of the seed page.

The result is printed as a table at the end of a run; see conftest.py. Inside TLS all verify a certificate.
"""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest

from tests.real.conftest import Serve
from tests.real.fetchers import FETCHERS, Fetcher
from tests.real.senders import SENDERS, Encryption, Sender, small
from tests.real.servers import POP3_SERVERS, SMTP_SERVERS, Pop3Server, SmtpServer
from tests.real.service import needs_tcpserver
from tests.real.stunnel import behind_stunnel, needs_stunnel
from tests.runtime.running import needs_root, wait_for

pytestmark = [needs_tcpserver, needs_root]

SUBMISSION = 'reup -t 5 authup smtp checkpassword checknotroot fixsmtpio env RELAYCLIENT="" '
POP3 = "reup -t 5 authup pop3 checkpassword checknotroot "
WAYS = [
    Encryption.NONE,
    Encryption.STARTTLS,
    pytest.param(Encryption.TLS, marks=needs_stunnel),
]
Record = Callable[[str, object], None]


def front(encryption: Encryption) -> str:
    """With TLS required nobody gets anywhere without it (AUTHUP-TLS-3)."""
    return "ucspitlsd --ucspitls ! " if encryption is Encryption.STARTTLS else ""


@pytest.mark.parametrize("server", SMTP_SERVERS)
@pytest.mark.parametrize("sender", SENDERS)
@pytest.mark.parametrize("encryption", WAYS, ids=lambda way: way.value)
def test_submission(
    *,
    serving: Serve,
    place: Path,
    record_property: Record,
    encryption: Encryption,
    sender: Sender,
    server: SmtpServer,
) -> None:
    """AUTHUP-TLS-3, AUTHUP-TLS-8: one connection, one attempt, and the server has the mail to the byte."""
    record_property("cell", ("SMTP", encryption.value, sender.__name__, server.name))
    mail = small(sender.__name__)
    with serving(lambda site: front(encryption) + SUBMISSION + server.command(site)) as service:
        tls = encryption is Encryption.TLS
        with behind_stunnel(service, service.files) if tls else nullcontext(service) as reached:
            code, said = sender(reached, place, encryption, mail)
        assert code == 0, said
        assert service.ends() == [0]
        wait_for(lambda: server.mail(service.site))
        (received,) = server.mail(service.site)
        assert received.decode().rstrip("\n") + "\n" == mail.text  # swaks adds empty lines
        assert service.log().count(" attempt for alice ") == 1
        assert ("negotiated TLS" in service.log()) is (encryption is Encryption.STARTTLS)


@pytest.mark.parametrize("server", POP3_SERVERS)
@pytest.mark.parametrize("fetcher", FETCHERS)
@pytest.mark.parametrize("encryption", WAYS, ids=lambda way: way.value)
def test_pop3(
    *,
    serving: Serve,
    place: Path,
    record_property: Record,
    encryption: Encryption,
    fetcher: Fetcher,
    server: Pop3Server,
) -> None:
    record_property("cell", ("POP3", encryption.value, fetcher.__name__, server.name))
    mail = small("waiting").text
    with serving(front(encryption) + POP3 + server.command) as service:
        service.site.deliver(mail.encode())
        tls = encryption is Encryption.TLS
        with behind_stunnel(service, service.files) if tls else nullcontext(service) as reached:
            code, said = fetcher(reached, place, encryption)
        # Both servers add an empty line, and curl leaves the line ends as they are.
        assert (code, said.replace("\r", "").rstrip("\n") + "\n") == (0, mail)
        assert service.ends() == [0]
        assert service.log().count(" attempt for alice ") == 1
        assert ("negotiated TLS" in service.log()) is (encryption is Encryption.STARTTLS)
