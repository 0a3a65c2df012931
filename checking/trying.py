"""A session as a client would see it: these control files, this command line, a simulated computer.

Our four programs are the real ones; the program that checks the password, the server and the TLS front end
are fakes. Programs that only change the surroundings are left out.
"""

import base64
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import trio

from acceptutils.runtime.authup import authup
from acceptutils.runtime.checknotroot import checknotroot
from acceptutils.runtime.fixsmtpio import fixsmtpio
from acceptutils.runtime.reup import reup
from checking.chain import Chain
from checking.files import Home
from checking.programs import ALWAYS_FALSE, ALWAYS_TRUE, POP3_SERVERS, Role
from conformance.format import octets
from fakes.builtins import BUILTINS
from fakes.checkpassword import hash_password
from fakes.connection import ClosedEarly, Connection
from fakes.machine import Machine, run
from fakes.programs import PROGRAMS
from fakes.ucspitlsd import ucspitlsd

DRIVERS: Final = {b"reup": reup, b"authup": authup, b"checknotroot": checknotroot, b"fixsmtpio": fixsmtpio}
PASSED_ON: Final = (b"AUTHUP_SASL_BROKEN_CLIENTS", b"NOFIXSMTPIO", b"RELAYCLIENT")
USER, PASSWORD, UID = b"alice", b"secret", 1001
PATIENCE: Final = 3600.0  # virtual seconds for a reply: more than any usual timeout
A_WHILE: Final = 30.0  # a server that does not end is killed after 10
MOST_ATTEMPTS: Final = 20  # of reup: without a bound, what always fails would keep us busy for ever
_MOST_LINES: Final = 1000
ANSWERED: Final = {
    *("greeting", "ehlo", "mail", "rcpt", "data", "in_data", "quit"),
    *("capa", "stat"),  # POP3
}
"""The events of a session that the server answers."""
USUAL: Final = b"reup -t 5 authup smtp checkpassword checknotroot fixsmtpio ofmipd".split()
"""What is played where no command line is given."""
Lines = list[str]


def session(home: Home, chain: Chain, env: Mapping[bytes, bytes], replies: Sequence[bytes] = ()) -> Lines:
    """Return the transcript of one session. `replies`: EVENT=TEXT for what the fake server shall say."""
    machine = Machine(
        drivers=DRIVERS,
        fakes={**PROGRAMS, b"ucspitlsd": ucspitlsd},
        files=_files(home),
        cuts="whole",
    )
    level = env.get(b"UCSPITLS")
    for program in chain.programs:
        level = program.sets.get(b"UCSPITLS") or level
    names = {*env, *(name for program in chain.programs for name in program.sets)}
    has_tls = (chain.speaks_tls or b"UCSPITLS" in names) and b"DISABLETLS" not in names
    argv = arguments(chain, replies)
    if has_tls:
        argv = [b"ucspitlsd", *([b"--ucspitls", level] if level else []), *argv]
    given = {name: env[name] for name in PASSED_ON if name in env}

    async def script(machine: Machine) -> Lines:
        lines: Lines = []
        async with machine.connect(
            argv,
            env={b"PATH": b"/bin", b"FAKE_USERS": b"/users", **given},
            uid=0,
            leftovers="kill",
        ) as client:
            dialogue = Dialogue(client, lines)
            with trio.move_on_after(PATIENCE * 10):
                await (_pop3 if chain.service().protocols == ("pop3",) else _smtp)(
                    dialogue, logs_in=chain.first(Role.AUTHUP) is not None, has_tls=has_tls
                )
        return lines + [f"E: {octets.write(line.line)}" for line in machine.log_lines[-_MOST_LINES:]]

    return run(machine, script)


def _files(home: Home) -> dict[bytes, bytes | OSError]:
    files: dict[bytes, bytes | OSError] = {
        f"/var/qmail/control/{name}".encode(): file.content
        if file.content is not None
        else OSError(5, "trouble")
        for name, file in home.files.items()
        if file.content is not None or file.trouble is not None
    }
    hashed = hash_password(PASSWORD, b"try")
    files[b"/users"] = b"%b:%b:%d:%d:/home/alice:/bin/sh\n" % (USER, hashed, UID, UID)
    for folder in (b"tmp", b"new", b"cur"):
        files[b"/home/alice/Maildir/%b/" % folder] = b""
    files[b"/home/alice/Maildir/new/1.try"] = b"Subject: hello\n\nHello.\n"
    return files


def arguments(chain: Chain, replies: Sequence[bytes]) -> list[bytes]:
    """Return the command line for the machine: fakes for what it has no programs for."""
    argv: list[bytes] = []
    for program in chain.programs:
        name = os.fsencode(program.name)
        if program.role is Role.REUP and not program.trouble:
            tries = int(program.options.get("t", b"0")) or MOST_ATTEMPTS
            argv += [name, b"-t", b"%d" % (1 if name in argv else min(tries, MOST_ATTEMPTS))]
        elif name in DRIVERS:
            argv += [name, *program.words[1:]]
        elif program.role is Role.LOGIN:
            argv.append(
                name if name in BUILTINS else b"true" if program.name in ALWAYS_TRUE else b"checkpassword"
            )
        elif program.sets and program.role is Role.WRAPPER:
            argv += [b"env", *(b"%b=%b" % pair for pair in program.sets.items() if pair[0] != b"PATH")]
        elif program is chain.programs[-1]:
            argv += _server(chain, replies)
    return argv


def _server(chain: Chain, replies: Sequence[bytes]) -> list[bytes]:
    name = chain.programs[-1].name
    if name in ALWAYS_TRUE | ALWAYS_FALSE:
        return [b"true" if name in ALWAYS_TRUE else b"false"]
    chosen = [word for reply in replies for word in (b"--reply", reply)]
    if name in POP3_SERVERS or (chain.protocol == "pop3" and chain.programs[-1].role is not Role.SERVER):
        return [b"qmail-pop3d", *chosen, b"Maildir"]
    return [b"qmail-smtpd" if name == "qmail-smtpd" else b"ofmipd", *chosen]


class Dialogue:
    """One client and what was said, in the notation of a talk; methods return the first line of a reply."""

    def __init__(self, client: Connection, lines: Lines) -> None:
        self._client = client
        self._lines = lines
        self.over = False

    async def say(
        self, line: bytes, ends: Callable[[bytes, int], bool], *, hidden: bytes | None = None
    ) -> bytes:
        """Say a line and hear the reply to it."""
        if self.over:
            return b""
        spoken = (hidden or line).split(b"\r\n")
        self._lines += ["", *(f"C: {octets.write(part)}".rstrip() for part in spoken)]
        try:
            await self._client.send(line + b"\r\n")
        except OSError:
            return self._ended()
        return await self.hear(ends)

    async def hear(self, ends: Callable[[bytes, int], bool]) -> bytes:
        """Hear one reply: lines until one that ends it."""
        first = b""
        for number in range(_MOST_LINES):
            line = None
            with trio.move_on_after(PATIENCE):
                try:
                    line = await self._client.receive_until(b"\n")
                except ClosedEarly as early:
                    if early.received:
                        self._heard(early.received)
                    return self._ended()
            if line is None:
                self._lines.append("# no reply")
                self.over = True
                return b""
            self._heard(line)
            first = first or line
            if ends(line, number):
                break
        if first.startswith((b"4", b"5", b"-ERR")):
            await self._look_for_the_end()
        return first

    async def _look_for_the_end(self) -> None:
        """Wait a little for the end of the connection, which often follows a refusal."""
        with trio.move_on_after(A_WHILE):
            try:
                self._heard(await self._client.receive_until(b"\n"))
            except ClosedEarly:
                self._ended()

    async def start_tls(self, verb: bytes) -> None:
        """Ask for TLS and go on inside it."""
        if (await self.say(verb, _smtp_end)).startswith((b"220", b"+OK")):
            self._client.encrypt()
            self._lines.append("# inside TLS")

    def _heard(self, line: bytes) -> None:
        self._lines.append("S: " + octets.write(line, ending=b"\r\n"))

    def _ended(self) -> bytes:
        self._lines.append("S! eof")
        self.over = True
        return b""


def _smtp_end(line: bytes, _: int) -> bool:
    return line[3:4] != b"-"


def _one_line(_: bytes, __: int) -> bool:
    return True


def _list_end(line: bytes, number: int) -> bool:
    return line == b".\r\n" or (number == 0 and not line.startswith(b"+OK"))


async def _smtp(talk: Dialogue, *, logs_in: bool, has_tls: bool) -> None:
    await talk.hear(_smtp_end)
    await talk.say(b"EHLO client.example", _smtp_end)
    if has_tls:
        await talk.start_tls(b"STARTTLS")
        await talk.say(b"EHLO client.example", _smtp_end)
    if logs_in:
        plain = base64.b64encode(b"\0%b\0%b" % (USER, PASSWORD))
        await talk.say(b"AUTH PLAIN " + plain, _smtp_end, hidden=b"AUTH PLAIN (alice, and her password)")
        await talk.say(b"EHLO client.example", _smtp_end)
    await talk.say(b"MAIL FROM:<alice@example.org>", _smtp_end)
    await talk.say(b"RCPT TO:<bob@example.net>", _smtp_end)
    if (await talk.say(b"DATA", _smtp_end)).startswith(b"354"):
        await talk.say(b"Subject: hello\r\n\r\n.", _smtp_end)
    await talk.say(b"QUIT", _smtp_end)


async def _pop3(talk: Dialogue, *, logs_in: bool, has_tls: bool) -> None:
    await talk.hear(_one_line)
    await talk.say(b"CAPA", _list_end)
    if has_tls:
        await talk.start_tls(b"STLS")
        await talk.say(b"CAPA", _list_end)
    if logs_in:
        await talk.say(b"USER " + USER, _one_line)
        await talk.say(b"PASS " + PASSWORD, _one_line, hidden=b"PASS (her password)")
    await talk.say(b"STAT", _one_line)
    await talk.say(b"QUIT", _one_line)
