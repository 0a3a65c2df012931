"""What runs behind the login: our fakes, mailfront, and exim, which is a whole mail server.

Nothing of the computer's own is used but the programs: exim has a configuration, a spool and a log in the
site's directory, runs as the user that has logged in, and no daemon is started.
"""

import os
import re
import shutil
from collections.abc import Callable
from typing import NamedTuple

import pytest

from tests.sessions.real_chain import UID, Site

ECHO = "/usr/sbin/smtpfront-echo"
EXIM = "/usr/sbin/exim4"
POP3FRONT = "/usr/sbin/pop3front-maildir"


class SmtpServer(NamedTuple):
    """An SMTP server: what stands in the chain for it (it may write files first), and what it has got.

    Mail is without what the server itself adds above a message; recipients are those of all mail.
    """

    name: str
    command: Callable[[Site], str]
    mail: Callable[[Site], list[bytes]]
    recipients: Callable[[Site], list[bytes]]


class Pop3Server(NamedTuple):
    """A POP3 server of ~/Maildir."""

    name: str
    command: str


# hosts_require_helo: few clients repeat EHLO after AUTH, and that before it was said to authup, not to exim.
_EXIM_CONFIGURATION = """
primary_hostname = exim.example.org
spool_directory = {directory}
log_file_path = {directory}/%slog
exim_user = {uid}
exim_group = {uid}
hosts_require_helo =
unknown_login = alice
unknown_username = Alice
keep_environment =
deliver_drop_privilege = true
message_size_limit = 100M
untrusted_set_sender = *
local_from_check = false
acl_smtp_rcpt = accept
acl_smtp_data = accept
received_header_text =

begin routers
everything:
  driver = accept
  transport = file

begin transports
file:
  driver = appendfile
  directory = {directory}/mail
  maildir_format
  envelope_to_add
  batch_max = 100000
"""

_ENVELOPE = re.compile(rb"\AEnvelope-to: (?:.*\n )*.*\n")  # a recipient on a line


def exim(site: Site) -> str:
    """Write its configuration; return how it speaks SMTP on descriptors 0 and 1."""
    directory = site.directory / "exim"
    for part in ("", "mail", "mail/new", "mail/cur", "mail/tmp"):
        (directory / part).mkdir()
        os.chown(directory / part, UID, UID)
    configuration = site.directory / "exim.conf"
    configuration.write_text(_EXIM_CONFIGURATION.format(directory=directory, uid=UID))
    configuration.chmod(0o644)  # exim takes none that others can write to
    return f"{EXIM} -C {configuration} -bs"


def _exim_files(site: Site) -> list[bytes]:
    return [file.read_bytes() for file in sorted((site.directory / "exim" / "mail" / "new").iterdir())]


def _exim_mail(site: Site) -> list[bytes]:
    return [_ENVELOPE.sub(b"", file) for file in _exim_files(site)]


def _exim_recipients(site: Site) -> list[bytes]:
    tops = [found[0] for file in _exim_files(site) if (found := _ENVELOPE.match(file))]
    return re.findall(rb"[^ \n,]+@[^ \n,]+", b"".join(tops))


def _fake_mail(site: Site) -> list[bytes]:
    return [re.sub(rb"\AReturn-Path: .*\n(?:Delivered-To: .*\n)*", b"", mail) for mail in site.mail()]


def _fake_recipients(site: Site) -> list[bytes]:
    return re.findall(rb"^Delivered-To: <(.*)>$", b"".join(site.mail()), re.MULTILINE)


def _echoed_mail(site: Site) -> list[bytes]:
    """Take from recordio's log what came after DATA; what the server says that it was must agree."""
    log = site.log.read_bytes()
    came = b"".join(
        text + {b" ": b"\n", b"+": b""}[end]  # a plus where the rest of a line came later
        for text, end in re.findall(rb"^\d+ < (.*)([ +])$", log, re.MULTILINE)
    ).replace(b"\r\n", b"\n")
    mails = [
        re.sub(rb"^\.", b"", mail, flags=re.MULTILINE)
        for mail in re.findall(rb"^DATA\n(.*?\n)\.\n", came, re.MULTILINE | re.DOTALL | re.IGNORECASE)
    ]
    assert [b"%d" % len(mail) for mail in mails] == re.findall(rb"> 250 Received (\d+) bytes\.", log)
    return mails


def _echoed_recipients(site: Site) -> list[bytes]:
    return re.findall(rb"> 250 Recipient='(.*)'", site.log.read_bytes())


def _installed(server: SmtpServer | Pop3Server, program: str, package: str) -> object:
    missing = shutil.which(program) is None
    reason = f"NOT TESTED: {program} is not installed (Debian: {package})"
    return pytest.param(server, id=server.name, marks=pytest.mark.skipif(missing, reason=reason))


# Without plugins smtpfront-echo refuses every sender, RELAYCLIENT or not.
SMTPFRONT = f"{ECHO} accept-sender relayclient"

fake_ofmipd = SmtpServer("ofmipd (fake)", lambda _: "ofmipd", _fake_mail, _fake_recipients)
smtpfront_echo = SmtpServer(
    "smtpfront-echo", lambda _: f"recordio {SMTPFRONT}", _echoed_mail, _echoed_recipients
)
exim4 = SmtpServer("exim4 -bs", exim, _exim_mail, _exim_recipients)

SMTP_SERVERS = [
    pytest.param(fake_ofmipd, id=fake_ofmipd.name),
    _installed(smtpfront_echo, ECHO, "mailfront"),
    _installed(exim4, EXIM, "exim4-daemon-light"),
]

fake_pop3d = Pop3Server("qmail-pop3d (fake)", "pop3d Maildir")
pop3front = Pop3Server("pop3front-maildir", f"{POP3FRONT} Maildir")

POP3_SERVERS = [pytest.param(fake_pop3d, id=fake_pop3d.name), _installed(pop3front, POP3FRONT, "mailfront")]
