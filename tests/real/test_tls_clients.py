"""Programs that people use send and fetch mail through STARTTLS and STLS, verifying the certificate.

Passwords reach them through files that only we can read or through a pipe, never in an argument.
"""

import poplib
import shutil
import smtplib
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from fakes import certificate
from tests.real.conftest import Serve
from tests.real.service import POP3, SUBMISSION, Service, needs_tcpserver, run
from tests.runtime.running import needs_root
from tests.sessions.real_chain import PATIENCE

pytestmark = [needs_tcpserver, needs_root]

MESSAGE = "From: alice@example.org\nTo: bob@example.org\nSubject: {}\n\n.one dot\nlast line\n"
SENT = b"From: alice@example.org\nTo: bob@example.org\nSubject: %b\n\n.one dot\nlast line"


def has(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"NOT TESTED: {program} is not installed")


def secret_file(directory: Path, name: str, content: str) -> Path:
    file = directory / name
    file.touch(mode=0o600)
    file.write_text(content)
    return file


# Senders: (service, directory of their own) to exit code, and what they said


def curl(service: Service, place: Path) -> tuple[int, str]:
    mail = secret_file(place, "mail", MESSAGE.format("curl").replace("\n", "\r\n"))
    settings = f"""
        url = "smtp://localhost:{service.port}"
        silent
        show-error
        ssl-reqd
        cacert = "{service.trusted}"
        user = "alice:secret"
        mail-from = "alice@example.org"
        mail-rcpt = "bob@example.org"
        upload-file = "{mail}"
    """
    return run(["curl", "--config", "-"], sent=settings)


def swaks(service: Service, place: Path) -> tuple[int, str]:
    mail = secret_file(place, "mail", MESSAGE.format("swaks"))
    settings = f"""\
--server localhost
--port {service.port}
--tls
--tls-verify
--tls-ca-path {service.trusted}
--auth LOGIN
--auth-user alice
--auth-password secret
--from alice@example.org
--to bob@example.org
--helo client.example
--data @{mail}
--silent 2
"""
    return run(["swaks", "--config", str(secret_file(place, "swaksrc", settings))], home=place)


def msmtp(service: Service, place: Path) -> tuple[int, str]:
    settings = f"""
account default
host localhost
port {service.port}
from alice@example.org
auth plain
user alice
password secret
tls on
tls_starttls on
tls_trust_file {service.trusted}
"""
    file = secret_file(place, "msmtprc", settings)
    return run(["msmtp", f"--file={file}", "bob@example.org"], sent=MESSAGE.format("msmtp"), home=place)


def python_smtp(service: Service, _: Path) -> tuple[int, str]:
    try:
        with smtplib.SMTP("localhost", service.port, timeout=PATIENCE) as server:
            server.starttls(context=service.context())
            server.login("alice", "secret")
            server.sendmail("alice@example.org", ["bob@example.org"], MESSAGE.format("python_smtp"))
    except (smtplib.SMTPException, OSError) as trouble:
        return 1, str(trouble)
    return 0, ""


SENDERS = [
    pytest.param(curl, marks=has("curl")),
    pytest.param(swaks, marks=has("swaks")),
    pytest.param(msmtp, marks=has("msmtp")),
    python_smtp,
]
Client = Callable[[Service, Path], tuple[int, str]]


@pytest.mark.parametrize("sender", SENDERS)
def test_submission(serving: Serve, place: Path, sender: Client) -> None:
    """AUTHUP-TLS-3, AUTHUP-TLS-8: with TLS required nobody gets anywhere without it."""
    with serving(f"ucspitlsd --ucspitls ! {SUBMISSION.partition(' ')[2]}") as service:
        code, said = sender(service, place)
        assert code == 0, said
        assert service.ends() == [0]
        (mail,) = service.site.mail()
        assert mail.rstrip().endswith(b"\n" + SENT % sender.__name__.encode())  # swaks adds empty lines
        assert "negotiated TLS" in service.log()
        assert service.log().count(" attempt for alice ") == 1


@pytest.mark.parametrize("sender", SENDERS)
def test_a_certificate_of_somebody_else(serving: Serve, place: Path, sender: Client) -> None:
    """Then they are gone: so they do verify, above. Nothing was said that somebody else could use."""
    with serving(SUBMISSION) as service:
        service.trusted = certificate.make(place).authority
        code, _ = sender(service, place)
        assert code != 0
        assert service.ends() == [12]
        assert " attempt for " not in service.log()


# Fetchers: the same, and what they say is the mail


def curl_pop3(service: Service, _: Path) -> tuple[int, str]:
    """One connection: given a user curl would take the greeting for an invitation to APOP."""
    common = f'fail-early\nsilent\nshow-error\nssl-reqd\ncacert = "{service.trusted}"\n'
    url = f'url = "pop3://localhost:{service.port}'
    steps = [
        f'{url}"\nhead\nrequest = "USER alice"\n',
        f'{url}"\nhead\nrequest = "PASS secret"\n',
        f'{url}/1"\n',
    ]
    return run(["curl", "--config", "-"], sent="next\n".join(common + step for step in steps))


def mpop(service: Service, place: Path) -> tuple[int, str]:
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
tls on
tls_starttls on
tls_trust_file {service.trusted}
"""
    code, said = run(["mpop", f"--file={secret_file(place, 'mpoprc', settings)}", "--quiet"], home=place)
    return code, said + "".join(file.read_text() for file in (place / "fetched" / "new").iterdir())


def python_pop3(service: Service, _: Path) -> tuple[int, str]:
    try:
        server = poplib.POP3("localhost", service.port, timeout=PATIENCE)
        try:
            server.stls(service.context())
            server.user("alice")
            server.pass_("secret")
            mail = b"\n".join(server.retr(1)[1]).decode()
            server.quit()
        finally:
            server.close()
    except (poplib.error_proto, OSError) as trouble:
        return 1, str(trouble)
    return 0, mail


FETCHERS = [
    pytest.param(curl_pop3, marks=has("curl")),
    pytest.param(mpop, marks=has("mpop")),
    python_pop3,
]


@pytest.mark.parametrize("fetcher", FETCHERS)
def test_pop3(serving: Serve, place: Path, fetcher: Client) -> None:
    with serving(f"ucspitlsd --ucspitls ! {POP3.partition(' ')[2]}") as service:
        service.site.deliver(SENT % b"waiting")
        code, said = fetcher(service, place)
        assert (code, said.replace("\r", "").strip()) == (0, MESSAGE.format("waiting").strip())
        assert service.ends() == [0]
        assert "negotiated TLS" in service.log()


@pytest.mark.parametrize("fetcher", FETCHERS)
def test_a_certificate_of_somebody_else_by_pop3(serving: Serve, place: Path, fetcher: Client) -> None:
    with serving(POP3) as service:
        service.trusted = certificate.make(place).authority
        code, _ = fetcher(service, place)
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
            server.sendmail("alice@example.org", ["bob@example.org"], MESSAGE.format("filter"))
        assert service.ends() == [0]
        assert f"SSL_PROTOCOL={version.name.replace('_', '.')}\n" in service.log()
        assert service.log().count("FIXSMTPIOTLS=1\n") == 1
        assert "SSLCTLFD" not in service.log()
