"""Mail that is big, has many recipients or comes all at once, behind real servers and in plaintext."""

import base64
import socket
from pathlib import Path

import pytest

from tests.real.conftest import Serve
from tests.real.senders import (
    HEADERS,
    SENDER,
    SENDERS,
    Encryption,
    Mail,
    Sender,
    connected,
    curl,
    has,
    python_smtp,
)
from tests.real.servers import SMTP_SERVERS, SmtpServer, exim4, fake_ofmipd
from tests.real.service import needs_tcpserver
from tests.real.test_table import SUBMISSION
from tests.runtime.running import needs_root, wait_for
from tests.sessions.real_chain import PATIENCE, processes_with

pytestmark = [needs_tcpserver, needs_root]

MEBIBYTE = 1024 * 1024
LOGIN = b"AUTH PLAIN " + base64.b64encode(b"\0alice\0secret") + b"\r\n"


def long_mail(size: int, recipients: tuple[str, ...] = ("bob@example.org",)) -> Mail:
    """Return a mail of about that size; every 10th line is one with which SMTP has to be careful."""
    lines = [*(["x" * 70] * 8), ".", "..x" + "y" * 900]
    block = "\n".join(lines) + "\n"
    return Mail(HEADERS.format("long") + "\n" + block * (size // len(block)), recipients)


@pytest.mark.parametrize("sender", SENDERS)
def test_200_kilobytes(serving: Serve, place: Path, sender: Sender) -> None:
    mail = long_mail(200_000)
    with serving(SUBMISSION + "ofmipd") as service:
        code, said = sender(service, place, Encryption.NONE, mail)
        assert code == 0, said
        assert service.ends() == [0]
        (received,) = fake_ofmipd.mail(service.site)
        assert received.decode().rstrip("\n") + "\n" == mail.text


@has("/usr/sbin/exim4")
def test_50_megabytes(serving: Serve) -> None:
    """It goes through, and none of our programs ever held a noticeable part of it."""
    mail = long_mail(50_000_000)
    with serving(lambda site: SUBMISSION + exim4.command(site)) as service:
        with connected(service, Encryption.NONE) as client:
            client.login("alice", "secret")
            client.noop()
            before = peaks(service.site.home)
            client.sendmail(SENDER, mail.recipients, mail.text)
            after = peaks(service.site.home)
        assert before.keys() == after.keys() == {"reup", "authup", "fixsmtpio"}
        assert max(after.values()) < 48 * MEBIBYTE
        assert max(after[name] - before[name] for name in after) < 4 * MEBIBYTE
        assert service.ends() == [0]
        wait_for(lambda: exim4.mail(service.site))
        assert exim4.mail(service.site) == [mail.text.encode()]


def peaks(home: Path) -> dict[str, int]:
    """Return the most memory in bytes that each of our programs ever had, of those with this qmail home."""
    found = {}
    for pid in processes_with(f"QMAILHOME={home}"):
        process = Path("/proc", str(pid))
        name = Path((process / "cmdline").read_text().split("\0")[2]).name
        if name in {"reup", "authup", "fixsmtpio"}:
            lines = (process / "status").read_text().splitlines()
            (peak,) = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
            found[name] = int(peak) * 1024
    return found


@pytest.mark.parametrize("server", SMTP_SERVERS)
@pytest.mark.parametrize("sender", [pytest.param(curl, marks=has("curl")), python_smtp])
def test_1000_recipients(serving: Serve, place: Path, sender: Sender, server: SmtpServer) -> None:
    mail = long_mail(2_000, tuple(f"bob-{number}@example.org" for number in range(1000)))
    with serving(lambda site: SUBMISSION + server.command(site)) as service:
        code, said = sender(service, place, Encryption.NONE, mail)
        assert code == 0, said
        assert service.ends() == [0]
        wait_for(lambda: server.mail(service.site))
        assert server.mail(service.site) == [mail.text.encode()]
        assert sorted(server.recipients(service.site)) == sorted(to.encode() for to in mail.recipients)


@pytest.mark.parametrize("server", SMTP_SERVERS)
def test_everything_in_one_write(serving: Serve, server: SmtpServer) -> None:
    """Three mails and QUIT, without waiting for any reply (that is more than PIPELINING allows).

    What looks like commands inside a mail is mail.
    """
    mails = [long_mail(70_000).text + f"RSET\nQUIT\n{number}\n" for number in range(3)]
    commands = b"EHLO client.example\r\n"
    for mail in mails:
        text = mail.replace("\n.", "\n..").replace("\n", "\r\n").encode()
        commands += b"MAIL FROM:<alice@example.org>\r\n"
        commands += b"RCPT TO:<bob@example.org>\r\nRCPT TO:<eve@example.org>\r\nDATA\r\n" + text + b".\r\n"
    commands += b"QUIT\r\n"
    with serving(lambda site: SUBMISSION + server.command(site)) as service:
        with socket.create_connection(("127.0.0.1", service.port), timeout=PATIENCE) as client:
            replies = client.makefile("rb")
            assert replies.readline().startswith(b"220 ")
            client.sendall(LOGIN)
            assert replies.readline().startswith(b"235 ")
            client.sendall(commands)
            codes = [line[:3] for line in replies if line[3:4] == b" "]
        assert codes == [b"250", *([b"250", b"250", b"250", b"354", b"250"] * 3), b"221"]
        assert service.ends() == [0]
        wait_for(lambda: len(server.mail(service.site)) == 3)
        assert sorted(server.mail(service.site)) == [mail.encode() for mail in mails]
        assert len(server.recipients(service.site)) == 6
