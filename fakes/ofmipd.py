"""The fake ofmipd (mess822): an SMTP server that takes everything, for the session behind a login.

`ofmipd [options] [cdb]`: what it says is spec part 7, "ofmipd". An accepted message goes to the
Maildir of `--maildir`, else to $HOME/Maildir; without either it is accepted and forgotten.
`--queue 31|53|111|exec` is qmail-queue's trouble: every message is refused so. The cdb must exist
and is not looked into. On top of spec part 7 there are limits, because a client may be hostile:
64 MiB a message (552), 10000 recipients (452), 64 KiB a command line (the rest is dropped).

qmail_smtpd.py has its session and its way with messages from here, and changes what differs.
"""

import errno

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
from fakes.process import Process

NAME = b"ofmipd.local"
PATIENCE = 1200.0
ADDRESS_MAX = 900
RECIPIENTS_MAX = 10_000
MESSAGE_MAX = 64 * 1024 * 1024

USAGE = Usage(b"ofmipd", {b"maildir": b"DIR", b"queue": b"31|53|111|exec"} | SERVER_OPTIONS, b"[cdb]")

OK = b"250 ok"
WANT_MAIL = b"503 MAIL first (#5.5.1)"
WANT_RCPT = b"503 RCPT first (#5.5.1)"
SYNTAX = b"555 syntax error (#5.5.4)"
TOO_BIG = b"552 sorry, message exceeds fixed maximum message size (#5.3.4)"
TOO_MANY = b"452 sorry, too many recipients (#4.5.3)"
UNIMPLEMENTED = b"502 unimplemented (#5.5.1)"
NO_CONFIGURATION = b"451 unable to read configuration (#4.3.0)"

QUEUE_TROUBLE = {
    b"31": b"554 mail server permanently rejected message (#5.3.0)",
    b"53": b"451 qq write error or disk full (#4.3.0)",
    b"111": b"451 qq temporary problem (#4.3.0)",
    b"exec": b"451 unable to exec qq (#4.3.0)",
}

FIXED = {
    b"help": b"214 qmail home page: http://pobox.com/~djb/qmail.html",
    b"noop": OK,
    b"vrfy": b"252 send some mail, i'll try my best",
}


async def ofmipd(process: Process) -> int:
    """Be ofmipd: serve one client on descriptors 0 and 1 (spec part 7, OFM-1 to OFM-4).

    Exit code 0 after QUIT; 1 when the client is gone or silent for 1200 s, or the cdb is missing;
    2 for a bad command line.
    """
    return await start(process, USAGE, _run)


async def _run(process: Process, given: Given, operands: list[bytes]) -> int:
    queue = last(given, b"queue")
    if len(operands) > 1 or queue not in {None, *QUEUE_TROUBLE}:
        raise UsageError
    talk = Conversation(process, Misbehaviour.of(given), patience=PATIENCE, lost=1)
    if operands and not _is_readable(process, operands[0]):
        await talk.say(b"greeting", NO_CONFIGURATION)
        await talk.end(1)
    trouble = None if queue is None else QUEUE_TROUBLE[queue]
    path, home = last(given, b"maildir"), process.env.get(b"HOME")
    if path is None and home:
        path = home + b"/Maildir"
    await Session(talk, NAME, Maildir(process, path) if path else None, trouble).serve()
    return 0


def _is_readable(process: Process, path: bytes) -> bool:
    try:
        process.files.read(path)
    except OSError:
        return False
    return True


class Session:
    """One client's session: the envelope so far, and a method for each verb that touches it.

    `name` is what the server calls itself, `trouble` its reply to every message.
    """

    def __init__(self, talk: Conversation, name: bytes, inbox: Maildir | None, trouble: bytes | None) -> None:
        self._talk = talk
        self._name = name
        self._inbox = inbox
        self._trouble = trouble
        self._sender: bytes | None = None
        self._recipients: list[bytes] = []

    async def serve(self) -> None:
        """Talk until somebody ends it: raises Over."""
        await self._talk.say(b"greeting", b"220 " + self._name + b" ESMTP")
        while True:
            verb, argument = await self._talk.command()
            if verb in _VERBS:
                await _VERBS[verb](self, argument)
            else:
                await self._talk.say(verb, FIXED.get(verb, UNIMPLEMENTED))

    def refusal(self, _recipient: bytes) -> bytes:
        """Return why this recipient gets no messages through here; b"" if it does."""
        return b""

    def accepted(self) -> bytes:
        """Return the reply to a message that was taken."""
        return OK

    async def _helo(self, _: bytes) -> None:
        self._sender = None
        await self._talk.say(b"helo", b"250 " + self._name)

    async def _ehlo(self, _: bytes) -> None:
        self._sender = None
        await self._talk.say(b"ehlo", b"250-" + self._name, (b"250-PIPELINING", b"250 8BITMIME"))

    async def _rset(self, _: bytes) -> None:
        self._sender = None
        await self._talk.say(b"rset", b"250 flushed")

    async def _quit(self, _: bytes) -> None:
        await self._talk.say(b"quit", b"221 " + self._name)
        await self._talk.end(0)

    async def _mail(self, argument: bytes) -> None:
        await self._talk.say(b"mail", self._begin(_address(argument)))

    async def _rcpt(self, argument: bytes) -> None:
        await self._talk.say(b"rcpt", self._add(_address(argument)))

    async def _data(self, _: bytes) -> None:
        refusal = WANT_MAIL if self._sender is None else b"" if self._recipients else WANT_RCPT
        said = await self._talk.say(b"data", refusal or b"354 go ahead")
        if refusal or said != b"354":  # a message follows only where the client was told so
            return
        message = await self.receive(self._head())
        self._sender = None
        await self._talk.say(b"in_data", self._deliver(message))

    def _begin(self, sender: bytes) -> bytes:
        if len(sender) > ADDRESS_MAX:
            return SYNTAX
        self._sender = sender
        self._recipients = []
        return OK

    def _add(self, recipient: bytes) -> bytes:
        if self._sender is None:
            return WANT_MAIL
        if len(recipient) > ADDRESS_MAX:
            return SYNTAX
        if refusal := self.refusal(recipient):
            return refusal
        if len(self._recipients) >= RECIPIENTS_MAX:
            return TOO_MANY
        self._recipients.append(recipient)
        return OK

    def _head(self) -> bytes:
        lines = [b"Return-Path: <%s>\n" % (self._sender or b"")]
        lines += [b"Delivered-To: <%s>\n" % recipient for recipient in self._recipients]
        return b"".join(lines)

    async def receive(self, head: bytes) -> "Message":
        """Return the message that now comes in, below this head."""
        return await self.fill(Message(head))

    async def fill(self, message: "Message") -> "Message":
        """Take the whole message in; return it."""
        rest = message.add(await self._talk.piece())
        await self._talk.interrupt(b"body")
        while rest is None:
            rest = message.add(await self._talk.piece())
        self._talk.unread(rest)
        return message

    def _deliver(self, message: "Message") -> bytes:
        if self._trouble is not None:
            return self._trouble
        if message.is_too_big:
            return TOO_BIG
        if self._inbox is not None:
            try:
                self._inbox.make()
                self._inbox.deliver(bytes(message.text))
            except OSError as trouble:
                is_full = trouble.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
                return QUEUE_TROUBLE[b"53" if is_full else b"111"]
        return self.accepted()


_VERBS = {
    b"helo": Session._helo,
    b"ehlo": Session._ehlo,
    b"mail": Session._mail,
    b"rcpt": Session._rcpt,
    b"data": Session._data,
    b"rset": Session._rset,
    b"quit": Session._quit,
}


def _address(argument: bytes) -> bytes:
    _, angle, inside = argument.partition(b"<")
    if angle:
        return inside.partition(b">")[0]
    return argument.partition(b":")[2].lstrip(b" ").partition(b" ")[0]


class Message:
    """A message on its way in: dots unstuffed, line ends LF, its end found (OFM-2).

    At most the two bytes that may still become an end are held back between two pieces.
    """

    def __init__(self, head: bytes) -> None:
        self.text = bytearray(head)
        self.is_too_big = False
        self._held = b""
        self._at_line_start = True

    def add(self, piece: bytes) -> bytes | None:
        """Take the next piece; when the message ends in it, return what follows, else None."""
        data, begin = self._held + piece, 0
        while (end := data.find(b"\n", begin)) >= 0:
            line = self.bare(data[begin:end])
            begin = end + 1
            if self._at_line_start and line == b".":
                return data[begin:]
            self._store(line + b"\n")
            self._at_line_start = True
        self._hold(data[begin:])
        return None

    def bare(self, line: bytes) -> bytes:
        """Return the line without what is left of its end when the LF is off."""
        return line.removesuffix(b"\r")

    def _hold(self, rest: bytes) -> None:
        keep = 1 if rest.endswith(b"\r") else 0
        if self._at_line_start and rest in (b".", b".\r"):
            keep = len(rest)
        self._held = rest[len(rest) - keep :]
        if rest[: len(rest) - keep]:
            self._store(rest[: len(rest) - keep])
            self._at_line_start = False

    def _store(self, data: bytes) -> None:
        if self._at_line_start:
            data = data.removeprefix(b".")
        self.is_too_big = self.is_too_big or len(self.text) + len(data) > MESSAGE_MAX
        if self.is_too_big:
            self.text.clear()
        else:
            self.text += data
