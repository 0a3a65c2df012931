"""stunnel that runs the chain itself, under tcpserver ("inetd mode"): the log has the client's address.

It wants `foreground = yes`, as the last test shows.
"""

import re
import socket

from fakes.certificate import Files
from tests.real.conftest import Serve
from tests.real.senders import Encryption, connected
from tests.real.service import LOGGED_IN, needs_tcpserver
from tests.real.stunnel import configuration, needs_stunnel
from tests.real.test_tls_logins import WRONG
from tests.runtime.running import needs_root, wait_for
from tests.sessions.real_chain import PATIENCE, Site

pytestmark = [needs_tcpserver, needs_root, needs_stunnel]

CHAIN = f"env reup -t 5 authup smtp {LOGGED_IN}"


def by_stunnel(site: Site) -> str:
    """Write its configuration. execArgs are split at spaces, and nothing quotes one; argv[0] is the first."""
    files = Files(*(site.directory / "tls" / f"{name}.pem" for name in Files._fields))
    settings = f"exec = /usr/bin/env\nexecArgs = {CHAIN}\n"
    return f"stunnel4 {configuration(site, files, settings)}"


def test_submission(serving: Serve) -> None:
    with serving(by_stunnel) as service:
        with connected(service, Encryption.TLS) as client:
            assert client.docmd(WRONG.decode())[0] == 535
            client.login("alice", "secret")
            client.sendmail("alice@example.org", ["bob@example.org"], "Subject: x\n")
        assert service.ends() == [0]
        assert len(service.site.mail()) == 1
        assert " attempt for alice from 127.0.0.1\n" in service.log()
        wait_for(lambda: " (2/5): exit 0\n" in service.log())  # stunnel does not wait for it


def in_background(site: Site) -> str:
    command = by_stunnel(site)
    file = site.directory / "stunnel.conf"
    file.write_text(file.read_text().replace("foreground = yes", "foreground = no"))
    return command


def test_without_foreground(serving: Serve) -> None:
    """Then descriptor 2 of the chain is the client's connection, and so our log goes to the client."""
    with (
        serving(in_background) as service,
        socket.create_connection(("localhost", service.port), timeout=PATIENCE) as plain,
        service.context().wrap_socket(plain, server_hostname="localhost") as client,
    ):
        assert re.match(rb"authup \d+ protocol smtp\n", client.recv(1000))
