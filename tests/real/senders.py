"""Programs that people send mail with, each in plaintext, with STARTTLS and with TLS from the first byte.

Each takes a service, a directory of its own, how to encrypt, and a mail; it returns an exit code and what it
said. Passwords reach them through files that only we can read or through a pipe, never in an argument.
"""

import shutil
import smtplib
import ssl
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.real.service import Service, run
from tests.sessions.real_chain import PATIENCE

SENDER = "alice@example.org"
HEADERS = (
    f"From: {SENDER}\nTo: bob@example.org\nDate: Mon, 1 Jan 2024 00:00:00 +0000\n"
    "Message-ID: <1@example.org>\nSubject: {}\n"
)  # complete, so that no server adds any in the middle


class Encryption(Enum):
    """What a client is told to do about TLS."""

    NONE = "plaintext"
    STARTTLS = "STARTTLS"
    TLS = "stunnel"


class Mail(NamedTuple):
    """What to send, to whom; lines end with a newline alone."""

    text: str
    recipients: tuple[str, ...] = ("bob@example.org",)


Sender = Callable[[Service, Path, Encryption, Mail], tuple[int, str]]


def small(subject: str) -> Mail:
    """Return a mail with a line that SMTP has to treat with care."""
    return Mail(HEADERS.format(subject) + "\n.one dot\nlast line\n")


def has(program: str) -> pytest.MarkDecorator:
    """Skip where it is not installed, and say so."""
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"NOT TESTED: {program} is not installed")


def secret_file(directory: Path, name: str, content: str) -> Path:
    """Write a file that only we can read."""
    file = directory / name
    file.touch(mode=0o600)
    file.write_text(content)
    return file


def curl(service: Service, place: Path, encryption: Encryption, mail: Mail) -> tuple[int, str]:
    """It wants the line ends of SMTP in the file."""
    file = secret_file(place, "mail", "")
    file.write_bytes(mail.text.replace("\n", "\r\n").encode())
    recipients = "".join(f'mail-rcpt = "{recipient}"\n' for recipient in mail.recipients)
    scheme = "smtps" if encryption is Encryption.TLS else "smtp"
    settings = f"""
        url = "{scheme}://localhost:{service.port}"
        silent
        show-error
        {"" if encryption is Encryption.NONE else "ssl-reqd"}
        cacert = "{service.trusted}"
        user = "alice:secret"
        mail-from = "{SENDER}"
        upload-file = "{file}"
    """
    return run(["curl", "--config", "-"], sent=settings + recipients)


def swaks(service: Service, place: Path, encryption: Encryption, mail: Mail) -> tuple[int, str]:
    """It adds empty lines to the mail."""
    file = secret_file(place, "mail", mail.text)
    tls = f"--tls-verify\n--tls-ca-path {service.trusted}\n"
    settings = f"""\
--server localhost
--port {service.port}
--auth LOGIN
--auth-user alice
--auth-password secret
--from {SENDER}
--to {",".join(mail.recipients)}
--helo client.example
--data @{file}
--silent 2
"""
    settings += {
        Encryption.NONE: "",
        Encryption.STARTTLS: f"--tls\n{tls}",
        Encryption.TLS: f"--tlsc\n{tls}",
    }[encryption]
    return run(["swaks", "--config", str(secret_file(place, "swaksrc", settings))], home=place)


def msmtp(service: Service, place: Path, encryption: Encryption, mail: Mail) -> tuple[int, str]:
    """Without TLS it gives a password away only if the mechanism is named."""
    settings = f"""
account default
host localhost
port {service.port}
from {SENDER}
auth plain
user alice
password secret
tls {"off" if encryption is Encryption.NONE else "on"}
tls_starttls {"on" if encryption is Encryption.STARTTLS else "off"}
tls_trust_file {service.trusted}
"""
    file = secret_file(place, "msmtprc", settings)
    return run(["msmtp", f"--file={file}", *mail.recipients], sent=mail.text, home=place)


def python_smtp(service: Service, _: Path, encryption: Encryption, mail: Mail) -> tuple[int, str]:
    """Speak through smtplib; what it raises is what it says."""
    try:
        with connected(service, encryption) as server:
            server.login("alice", "secret")
            server.sendmail(SENDER, mail.recipients, mail.text)
    except (smtplib.SMTPException, OSError) as trouble:
        return 1, str(trouble)
    return 0, ""


def connected(service: Service, encryption: Encryption) -> smtplib.SMTP:
    """Return a client of smtplib's, inside TLS if so wanted, not logged in."""
    if encryption is Encryption.TLS:
        return smtplib.SMTP_SSL("localhost", service.port, timeout=PATIENCE, context=service.context())
    server = smtplib.SMTP("localhost", service.port, timeout=PATIENCE)
    if encryption is Encryption.STARTTLS:
        try:
            server.starttls(context=service.context())
        except (ssl.SSLError, smtplib.SMTPException):
            server.close()
            raise
    return server


SENDERS = [
    pytest.param(curl, marks=has("curl")),
    pytest.param(swaks, marks=has("swaks")),
    pytest.param(msmtp, marks=has("msmtp")),
    python_smtp,
]
