"""The fake qmail-smtpd: an SMTP server that calls itself what the control files say, and hates bare LFs.

`qmail-smtpd [options]`: what it says is spec part 7, "qmail-smtpd". It reads `smtpgreeting` (else
`me`), `timeoutsmtpd` and `rcpthosts` in control/ below $QMAILHOME, else /var/qmail. An accepted
message goes to the Maildir of `--maildir`; without that it is forgotten. `--queue` and the limits
are ofmipd's. Unlike with the real one, recipients are not open to everybody where `rcpthosts` is
missing: without RELAYCLIENT in the environment only its domains get messages.
"""

from fakes.maildir import Maildir
from fakes.misbehaviour import (
    SERVER_OPTIONS,
    Conversation,
    Given,
    Misbehaviour,
    Usage,
    UsageError,
    last,
    start,
)
from fakes.ofmipd import QUEUE_TROUBLE, Message, Session
from fakes.process import Process

PATIENCE = 1200
HOME = b"/var/qmail"

USAGE = Usage(b"qmail-smtpd", {b"maildir": b"DIR", b"queue": b"31|53|111|exec"} | SERVER_OPTIONS, b"")

NO_CONTROLS = b"421 unable to read controls (#4.3.0)"
NOT_ALLOWED = b"553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)"
BARE_LF = b"451 See https://cr.yp.to/docs/smtplf.html."
TOO_LATE = b"451 timeout (#4.4.2)"


async def qmail_smtpd(process: Process) -> int:
    """Be qmail-smtpd: serve one client on descriptors 0 and 1 (spec part 7, QSM-1 to QSM-3).

    Exit code 0 after QUIT; 1 when the client is gone, silent for too long or sends a bare LF in a
    message, or when a control file cannot be read; 2 for a bad command line.
    """
    return await start(process, USAGE, _run)


async def _run(process: Process, given: Given, operands: list[bytes]) -> int:
    if operands or last(given, b"queue") not in {None, *QUEUE_TROUBLE}:
        raise UsageError
    wrong = Misbehaviour.of(given)
    try:
        controls = _Controls(process)
    except OSError:
        talk = Conversation(process, wrong, patience=PATIENCE, lost=1)
        await talk.say(b"greeting", NO_CONTROLS)
        await talk.end(1)
    talk = Conversation(process, wrong, patience=controls.patience, lost=1, too_late=TOO_LATE)
    await _Session(process, talk, controls, given).serve()
    return 0


class _Controls:
    """What the control files say. Raises OSError for one in trouble, and if it has no name."""

    def __init__(self, process: Process) -> None:
        self._files = process.files
        self._directory = (process.env.get(b"QMAILHOME") or HOME) + b"/control/"
        names = self._lines(b"smtpgreeting") or self._lines(b"me")
        if not names:
            raise FileNotFoundError
        self.name = names[0]
        seconds = (self._lines(b"timeoutsmtpd") or [b""])[0]
        self.patience = PATIENCE
        if seconds.isdigit() and len(seconds) < 10:
            self.patience = max(1, int(seconds))  # as qmail has it
        self.hosts = [host.lower() for host in self._lines(b"rcpthosts")]

    def _lines(self, name: bytes) -> list[bytes]:
        """Return the lines of a file, none if it is missing."""
        try:
            text = self._files.read(self._directory + name)
        except FileNotFoundError:
            return []
        lines = [line.rstrip(b" \t\r") for line in text.split(b"\n")]
        return [line for line in lines if line and not line.startswith(b"#")]


class _Session(Session):
    """A session of ofmipd's kind that asks where messages go, and how their lines end."""

    def __init__(self, process: Process, talk: Conversation, controls: _Controls, given: Given) -> None:
        queue, path = last(given, b"queue"), last(given, b"maildir")
        inbox = Maildir(process, path) if path else None
        super().__init__(talk, controls.name, inbox, None if queue is None else QUEUE_TROUBLE[queue])
        self._process = process
        self._hosts = controls.hosts

    def refusal(self, recipient: bytes) -> bytes:
        domain = recipient.rpartition(b"@")[2].lower()
        is_known = any(domain == host or (host[:1] == b"." and domain.endswith(host)) for host in self._hosts)
        return b"" if is_known or b"RELAYCLIENT" in self._process.env else NOT_ALLOWED

    def accepted(self) -> bytes:
        return b"250 ok %d qp %d" % (int(self._process.time()), self._process.pid)

    async def receive(self, head: bytes) -> Message:
        try:
            return await self.fill(_StrictMessage(head))
        except _BareLf:
            await self._talk.say(b"in_data", BARE_LF)
            await self._talk.end(1)


class _BareLf(Exception):
    """A line of a message ends without a CR."""


class _StrictMessage(Message):
    """A message in which each LF has a CR before it, up to its end (QSM-1)."""

    def bare(self, line: bytes) -> bytes:
        if not line.endswith(b"\r"):
            raise _BareLf
        return line[:-1]
