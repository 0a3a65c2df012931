"""Clients verify the certificate of STARTTLS and STLS; test_table.py has how they get on with a good one."""

import smtplib
import ssl
from pathlib import Path

import pytest

from fakes import certificate
from tests.real.conftest import Serve
from tests.real.fetchers import FETCHERS, Fetcher
from tests.real.senders import SENDERS, Encryption, Sender, small
from tests.real.service import POP3, SUBMISSION, needs_tcpserver
from tests.runtime.running import needs_root
from tests.sessions.real_chain import PATIENCE

pytestmark = [needs_tcpserver, needs_root]


@pytest.mark.parametrize("sender", SENDERS)
def test_a_certificate_of_somebody_else(serving: Serve, place: Path, sender: Sender) -> None:
    """Then they are gone: so they do verify. Nothing was said that somebody else could use."""
    with serving(SUBMISSION) as service:
        service.trusted = certificate.make(place).authority
        code, _ = sender(service, place, Encryption.STARTTLS, small("stolen"))
        assert code != 0
        assert service.ends() == [12]
        assert " attempt for " not in service.log()


@pytest.mark.parametrize("fetcher", FETCHERS)
def test_a_certificate_of_somebody_else_by_pop3(serving: Serve, place: Path, fetcher: Fetcher) -> None:
    with serving(POP3) as service:
        service.trusted = certificate.make(place).authority
        code, _ = fetcher(service, place, Encryption.STARTTLS)
        assert code != 0
        assert service.ends() == [12]
        assert " attempt for " not in service.log()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda v: v.name)
def test_the_filter_alone(serving: Serve, version: ssl.TLSVersion) -> None:
    """FIX-TLS-3, FIX-TLS-6: the server behind fixsmtpio starts anew, and knows."""
    with serving("ucspitlsd --ucspitls ! fixsmtpio sh -c 'env >&2; exec ofmipd'") as service:
        with smtplib.SMTP("localhost", service.port, timeout=PATIENCE) as server:
            assert server.mail("alice@example.org") == (530, b"Must start TLS first (#5.7.0)")
            assert server.starttls(context=service.context(version))[0] == 220
            assert isinstance(server.sock, ssl.SSLSocket)
            assert server.sock.version() == version.name.replace("_", ".")
            server.ehlo()
            assert not server.has_extn("starttls")
            server.sendmail("alice@example.org", ["bob@example.org"], small("filter").text)
        assert service.ends() == [0]
        assert f"SSL_PROTOCOL={version.name.replace('_', '.')}\n" in service.log()
        assert service.log().count("FIXSMTPIOTLS=1\n") == 1
        assert "SSLCTLFD" not in service.log()
