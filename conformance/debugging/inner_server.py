"""Plays the program behind the login while nobody does it by hand: says yes to everything."""

from typing import Final

import trio

from conformance.debugging.record import Record
from conformance.debugging.watching import Watch
from conformance.playing.cast import obey
from conformance.playing.stage import Order, Puppet, Stage
from conformance.playing.verdicts import Moment

MOST_WAITING: Final = 65536
"""Bytes of a line that is not complete: the rest of a longer one is a new line."""


class InnerServer:
    """An SMTP or POP3 server for one client. `over` is its exit code when it has ended."""

    def __init__(self, protocol: str) -> None:
        self.over: int | None = None
        self._pop3 = protocol == "pop3"
        self._rest = b""
        self._in_message = False

    def greeting(self) -> bytes:
        """Return what it says first."""
        return b"+OK \r\n" if self._pop3 else b"220 inner.example ESMTP\r\n"

    def hear(self, data: bytes) -> bytes:
        """Take what the client sent; return the replies."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MOST_WAITING:
            lines, self._rest = [*lines, self._rest], b""
        return b"".join(self._answer(line.removesuffix(b"\r")) for line in lines if self.over is None)

    def end_of_input(self) -> None:
        """The client is gone."""
        if self.over is None:
            self.over = 0 if self._pop3 else 1

    def _answer(self, line: bytes) -> bytes:
        if self._in_message:
            self._in_message = line != b"."
            return b"" if self._in_message else b"250 ok\r\n"
        verb = line.split(b" ")[0].lower()
        if verb == b"quit":
            self.over = 0
        return self._pop3_reply(verb) if self._pop3 else self._smtp_reply(verb)

    def _smtp_reply(self, verb: bytes) -> bytes:
        if verb == b"data":
            self._in_message = True
        replies = {
            b"ehlo": b"250-inner.example\r\n250-PIPELINING\r\n250-AUTH LOGIN PLAIN\r\n250 8BITMIME\r\n",
            b"helo": b"250 inner.example\r\n",
            b"data": b"354 go ahead\r\n",
            b"help": b"214 see RFC 5321\r\n",
            b"quit": b"221 inner.example\r\n",
        }
        known = {b"mail", b"rcpt", b"rset", b"noop", b"vrfy"}
        return replies.get(verb) or (b"250 ok\r\n" if verb in known else b"502 unimplemented (#5.5.1)\r\n")

    def _pop3_reply(self, verb: bytes) -> bytes:
        replies = {
            b"stat": b"+OK 0 0\r\n",
            b"list": b"+OK \r\n.\r\n",
            b"uidl": b"+OK \r\n.\r\n",
            b"capa": b"+OK \r\nUSER\r\nTOP\r\nUIDL\r\n.\r\n",
            b"last": b"+OK 0\r\n",
        }
        known = {b"quit", b"noop", b"rset"}
        return replies.get(verb) or (b"+OK \r\n" if verb in known else b"-ERR no such message\r\n")


class Servers:
    """Has an InnerServer speak through each puppet, unless `by_hand`.

    `speaking`: how many are about to say something; `said`: how often one has.
    """

    def __init__(self, stage: Stage, record: Record, watch: Watch, *, by_hand: bool) -> None:
        self.by_hand = by_hand
        self.speaking = 0
        self.said = 0
        self._stage = stage
        self._record = record
        self._watch = watch

    async def serve(self, puppet: Puppet) -> None:
        """Be one inner program until its end. What somebody answers by hand is not answered again."""
        server = InnerServer("pop3" if "pop3" in puppet.program.name else "smtp")
        if not self.by_hand:
            await self._say(puppet, server.greeting())
        heard = 0
        while server.over is None:
            while len(puppet.input.data) == heard and not puppet.input.ended:
                await puppet.input.more()
            data = bytes(puppet.input.data[heard:])
            heard += len(data)
            if not data and self.by_hand:
                return
            if not data:
                server.end_of_input()
            elif not self.by_hand:
                await self._say(puppet, server.hear(data))
        self._record.append(Moment(trio.current_time(), "s", b"", f"exit {server.over}"))
        self._watch.ordered.add(puppet.process.pid)
        await obey(puppet, Order("exit", server.over))

    async def _say(self, puppet: Puppet, data: bytes) -> None:
        """Say something when all that was on its way has come: in the order that always holds."""
        if not data:
            return
        self.speaking += 1
        await self._stage.settle()
        self.speaking -= 1
        self.said += 1
        self._record.append(Moment(trio.current_time(), "s", data))
        try:
            await puppet.send(data)
        except (OSError, trio.BrokenResourceError, trio.ClosedResourceError):
            return  # the filter is gone, which its end tells
