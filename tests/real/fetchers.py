"""Programs that people fetch mail with; like senders.py, but what they say is the mail."""

import poplib
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.real.senders import Encryption, has, secret_file
from tests.real.service import Service, run
from tests.sessions.real_chain import PATIENCE

Fetcher = Callable[[Service, Path, Encryption], tuple[int, str]]


def curl_pop3(service: Service, _: Path, encryption: Encryption) -> tuple[int, str]:
    """One connection: given a user curl would take the greeting for an invitation to APOP."""
    scheme = "pop3s" if encryption is Encryption.TLS else "pop3"
    common = f'fail-early\nsilent\nshow-error\ncacert = "{service.trusted}"\n'
    if encryption is not Encryption.NONE:
        common += "ssl-reqd\n"
    url = f'url = "{scheme}://localhost:{service.port}'
    steps = [
        f'{url}"\nhead\nrequest = "USER alice"\n',
        f'{url}"\nhead\nrequest = "PASS secret"\n',
        f'{url}/1"\n',
    ]
    return run(["curl", "--config", "-"], sent="next\n".join(common + step for step in steps))


def mpop(service: Service, place: Path, encryption: Encryption) -> tuple[int, str]:
    """Its own choice of a login would be APOP, again."""
    for part in ("new", "cur", "tmp"):
        (place / "fetched" / part).mkdir(parents=True)
    settings = f"""
account default
host localhost
port {service.port}
auth user
user alice
password secret
delivery maildir {place}/fetched
uidls_file {place}/uidls
received_header off
tls {"off" if encryption is Encryption.NONE else "on"}
tls_starttls {"on" if encryption is Encryption.STARTTLS else "off"}
tls_trust_file {service.trusted}
"""
    code, said = run(["mpop", f"--file={secret_file(place, 'mpoprc', settings)}", "--quiet"], home=place)
    return code, said + "".join(file.read_text() for file in (place / "fetched" / "new").iterdir())


def python_pop3(service: Service, _: Path, encryption: Encryption) -> tuple[int, str]:
    """Speak through poplib; what it raises is what it says."""
    try:
        server = _connected(service, encryption)
        try:
            if encryption is Encryption.STARTTLS:
                server.stls(service.context())
            server.user("alice")
            server.pass_("secret")
            mail = b"\n".join(server.retr(1)[1]).decode()
            server.quit()
        finally:
            server.close()
    except (poplib.error_proto, ssl.SSLError, OSError) as trouble:
        return 1, str(trouble)
    return 0, mail


def _connected(service: Service, encryption: Encryption) -> poplib.POP3:
    if encryption is Encryption.TLS:
        return poplib.POP3_SSL("localhost", service.port, timeout=PATIENCE, context=service.context())
    return poplib.POP3("localhost", service.port, timeout=PATIENCE)


FETCHERS = [
    pytest.param(curl_pop3, marks=has("curl")),
    pytest.param(mpop, marks=has("mpop")),
    python_pop3,
]
