"""The fake qmail-pop3d: serves one Maildir to one client that has logged in already.

`pop3d [options] Maildir`: what it says is spec part 7, "qmail-pop3d", with the habits of the real
one that the spec leaves open: STAT counts deleted messages but not their bytes, RETR is TOP (so it
takes a number of lines too), LAST is the highest message deleted, lines stay as long as they are.
Messages come in the order of the times in their names.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fakes.maildir import Maildir, identifier
from fakes.misbehaviour import SERVER_OPTIONS, Conversation, Given, Misbehaviour, Usage, UsageError, start
from fakes.process import Process

PATIENCE = 1200.0

USAGE = Usage(b"pop3d", SERVER_OPTIONS, b"Maildir")

OK = b"+OK "
NO_MAILDIR = b"-ERR this user has no $HOME/Maildir"
NO_SCAN = b"-ERR unable to scan $HOME/Maildir"
SYNTAX = b"-ERR syntax error"
FROM_ONE = b"-ERR messages are counted from 1"
TOO_HIGH = b"-ERR not that many messages"
DELETED = b"-ERR already deleted"
NO_OPEN = b"-ERR unable to open that message"
NO_UNLINK = b"-ERR unable to unlink all deleted messages"
UNIMPLEMENTED = b"-ERR unimplemented"


async def pop3d(process: Process) -> int:
    """Be qmail-pop3d: serve the Maildir on descriptors 0 and 1 (spec part 7, POP-1 to POP-3).

    Exit code 0; 1 as UID 0, with a log line and no word to the client; 2 for a bad command line.
    """
    return await start(process, USAGE, _run)


async def _run(process: Process, given: Given, operands: list[bytes]) -> int:
    if len(operands) > 1:
        raise UsageError
    talk = Conversation(process, Misbehaviour.of(given), patience=PATIENCE, lost=0)
    if process.uid == 0:
        process.log(b"qmail-pop3d invoked as uid 0, terminating")
        return 1
    maildir = Maildir(process, operands[0]) if operands else None
    if maildir is None or not maildir.exists():
        await talk.say(b"greeting", NO_MAILDIR)
        await talk.end(0)
    try:
        messages = [_Message(entry, _size(maildir, entry)) for entry in maildir.entries()]
    except OSError:
        await talk.say(b"greeting", NO_SCAN)
        await talk.end(0)
    await _Session(talk, maildir, messages).serve()
    return 0


def _size(maildir: Maildir, entry: bytes) -> int:
    try:
        return len(maildir.read(entry))
    except OSError:
        return 0


class _Refused(Exception):
    """This command gets this error reply."""

    def __init__(self, reply: bytes) -> None:
        super().__init__(reply)
        self.reply = reply


@dataclass
class _Message:
    entry: bytes
    size: int
    is_deleted: bool = False


class _Session:
    """One client's session; a method for each verb. A method that raises _Refused changed nothing."""

    def __init__(self, talk: Conversation, maildir: Maildir, messages: list[_Message]) -> None:
        self._talk = talk
        self._maildir = maildir
        self._messages = messages
        self._last = 0

    async def serve(self) -> None:
        """Talk until somebody ends it: raises Over."""
        await self._talk.say(b"greeting", OK)
        while True:
            verb, argument = await self._talk.command()
            try:
                await _VERBS.get(verb, _Session.unimplemented)(self, verb, argument)
            except _Refused as refused:
                await self._talk.say(verb, refused.reply)

    async def unimplemented(self, _verb: bytes, _: bytes) -> None:
        raise _Refused(UNIMPLEMENTED)

    async def noop(self, verb: bytes, _: bytes) -> None:
        await self._talk.say(verb, OK)

    async def stat(self, verb: bytes, _: bytes) -> None:
        size = sum(message.size for message in self._messages if not message.is_deleted)
        await self._talk.say(verb, b"+OK %d %d" % (len(self._messages), size))

    async def list(self, verb: bytes, argument: bytes) -> None:
        await self._show(verb, argument, lambda message: b"%d" % message.size)

    async def uidl(self, verb: bytes, argument: bytes) -> None:
        await self._show(verb, argument, lambda message: identifier(message.entry))

    async def dele(self, verb: bytes, argument: bytes) -> None:
        number = self._number(argument)
        self._messages[number - 1].is_deleted = True
        self._last = max(self._last, number)
        await self._talk.say(verb, OK)

    async def rset(self, verb: bytes, _: bytes) -> None:
        for message in self._messages:
            message.is_deleted = False
        self._last = 0
        await self._talk.say(verb, OK)

    async def last(self, verb: bytes, _: bytes) -> None:
        await self._talk.say(verb, b"+OK %d" % self._last)

    async def top(self, verb: bytes, argument: bytes) -> None:
        message = self._messages[self._number(argument) - 1]
        lines = _digits(argument.lstrip(b"0123456789").lstrip(b" "))
        try:
            text = self._maildir.read(message.entry)
        except OSError:
            raise _Refused(NO_OPEN) from None
        await self._talk.say(verb, OK, _stuffed(text, lines))

    async def quit(self, verb: bytes, _: bytes) -> None:
        failed = [message for message in self._messages if not self._settle(message)]
        replies = [NO_UNLINK] * len(failed) + [OK]  # one for each, like the real one
        await self._talk.say(verb, replies[0], replies[1:])
        await self._talk.end(0)

    def _settle(self, message: _Message) -> bool:
        try:
            if message.is_deleted:
                self._maildir.remove(message.entry)
            else:
                self._maildir.mark_seen(message.entry)
        except OSError:
            return not message.is_deleted
        return True

    async def _show(self, verb: bytes, argument: bytes, what: Callable[[_Message], bytes]) -> None:
        if argument:
            number = self._number(argument)
            await self._talk.say(verb, b"+OK %d %s" % (number, what(self._messages[number - 1])))
        else:
            await self._talk.say(verb, OK, self._listing(what))

    def _listing(self, what: Callable[[_Message], bytes]) -> Iterator[bytes]:
        for number, message in enumerate(self._messages, 1):
            if not message.is_deleted:
                yield b"%d %s" % (number, what(message))
        yield b"."

    def _number(self, argument: bytes) -> int:
        number = _digits(argument)
        if number is None:
            raise _Refused(SYNTAX)
        if number == 0:
            raise _Refused(FROM_ONE)
        if number > len(self._messages):
            raise _Refused(TOO_HIGH)
        if self._messages[number - 1].is_deleted:
            raise _Refused(DELETED)
        return number


_VERBS = {
    b"quit": _Session.quit,
    b"stat": _Session.stat,
    b"list": _Session.list,
    b"uidl": _Session.uidl,
    b"dele": _Session.dele,
    b"retr": _Session.top,
    b"rset": _Session.rset,
    b"last": _Session.last,
    b"top": _Session.top,
    b"noop": _Session.noop,
}


def _digits(text: bytes) -> int | None:
    """Return the number that `text` begins with; None if it begins with something else."""
    digits = text[: len(text) - len(text.lstrip(b"0123456789"))]
    if not digits:
        return None
    return int(digits.lstrip(b"0")[:20] or b"0")  # int() refuses a hostile client's thousands of digits


def _stuffed(text: bytes, lines: int | None) -> Iterator[bytes]:
    """Yield the lines of a message as POP3 sends them: all, or the head and `lines` of the body."""
    is_head, begin = True, 0
    while begin < len(text):
        end = text.find(b"\n", begin)
        end = len(text) if end < 0 else end
        if lines is not None and not is_head:
            if lines == 0:
                break
            lines -= 1
        is_head = is_head and end > begin
        yield (b"." if text[begin : begin + 1] == b"." else b"") + text[begin:end]
        begin = end + 1
    yield b""
    yield b"."
