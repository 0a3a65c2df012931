"""The command line of a run script, taken apart into the programs that run one another."""

import os
import posixpath
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from acceptutils import authup, fixsmtpio, options
from checking.environment import Environment
from checking.programs import (
    ALWAYS_FALSE,
    ALWAYS_TRUE,
    KNOWN,
    LOGINS,
    OURS,
    POP3_SERVERS,
    RUNS_ANOTHER,
    SHELLS,
    SMTP_SERVERS,
    Known,
    Role,
)
from checking.service import Service


class Program(NamedTuple):
    """One program: its own words, what it is, its options (the last value of each letter) and operands.

    `sets` are variables for what it runs; `opens`: there may be others. `user`: whom it becomes. `trouble`:
    why it refuses its command line.
    """

    words: tuple[bytes, ...]
    role: Role
    options: Mapping[str, bytes] = {}
    operands: tuple[bytes, ...] = ()
    sets: Mapping[bytes, bytes] = {}
    opens: bool = False
    user: bytes | None = None
    trouble: str | None = None

    @property
    def name(self) -> str:
        """Its base name."""
        return os.fsdecode(posixpath.basename(self.words[0]))


class Chain(NamedTuple):
    """All programs of a command line, in order."""

    programs: Sequence[Program]

    def first(self, *roles: Role) -> Program | None:
        """Return the first program that is one of these; None if there is none."""
        return next((program for program in self.programs if program.role in roles), None)

    def place(self, role: Role) -> int | None:
        """Return the place of the first program that is this."""
        return next((n for n, program in enumerate(self.programs) if program.role is role), None)

    def before(self, role: Role) -> Sequence[Program]:
        """Return what stands in front of the first one that is this; nothing if there is none."""
        return self.programs[: self.place(role) or 0]

    def after(self, role: Role) -> Sequence[Program]:
        """Return what stands behind it; nothing if there is none."""
        place = self.place(role)
        return [] if place is None else self.programs[place + 1 :]

    @property
    def protocol(self) -> str | None:
        """What authup speaks; None without authup."""
        found = self.first(Role.AUTHUP)
        return found.operands[0].decode().lower() if found and found.operands else None

    @property
    def speaks_tls(self) -> bool:
        """Whether a UCSPI-TLS front end is there."""
        listener = self.first(Role.LISTENER)
        return self.first(Role.TLS) is not None or bool(
            listener and listener.name == "sslserver" and "n" in listener.options
        )

    @property
    def is_broken(self) -> bool:
        """Whether it could not be read to its end."""
        return any(program.trouble for program in self.programs)

    def service(self) -> Service:
        """Return what is known of the service that this starts."""
        protocol = self.protocol
        if protocol is None:
            server = self.programs[-1].name
            protocol = "pop3" if server in POP3_SERVERS and self.first(Role.FIXSMTPIO) is None else "smtp"
        logs_in = self.first(Role.AUTHUP) is not None
        filters = self.first(Role.FIXSMTPIO) is not None
        seen = self.before(Role.FIXSMTPIO) if filters else self.programs
        environment = Environment(
            logs_in=logs_in,
            has_tls=self.speaks_tls or any(b"UCSPITLS" in program.sets for program in seen),
            sets=frozenset(name for program in seen for name in program.sets),
            is_open=any(program.opens for program in seen),
        )
        return Service((protocol,), logs_in, filters, environment)


def parse(words: Sequence[bytes]) -> Chain:
    """Take a command line apart. What cannot be read is the last program, with its trouble."""
    programs: list[Program] = []
    rest = list(words)
    asks = False  # authup has asked for a password, and nothing has checked it yet
    while rest:
        program = _next(rest, asks=asks)
        rest = rest[len(program.words) :]
        if program.name == "argv0":  # its second operand is what the first one shall see as its name
            rest = [*rest[:1], *rest[2:]]
        programs.append(program)
        asks = program.role is Role.AUTHUP or (asks and program.role in {Role.WRAPPER, Role.RECORDER})
        if program.trouble:
            break
    return Chain(programs)


def _next(words: list[bytes], *, asks: bool) -> Program:
    name = os.fsdecode(posixpath.basename(words[0]))
    if name in OURS:
        return _ours(name, words)
    if name == "env":
        return _env(words)
    if name in RUNS_ANOTHER:
        return _wrapper(words, RUNS_ANOTHER[name])
    if name in SHELLS and not asks:
        return Program(tuple(words), Role.SHELL, opens=True)
    if name in SMTP_SERVERS | POP3_SERVERS:
        return Program(tuple(words), Role.SERVER, operands=tuple(words[1:]))
    if asks or name in LOGINS:
        return _login(name, words)
    return _unknown(words)


def _ours(name: str, words: list[bytes]) -> Program:
    role = Role[name.upper()]
    try:
        given, operands, rest = _arguments(name, words[1:])
    except options.BadUsageError as error:
        complaint = (error.complaint or b"its arguments are wrong").decode("latin-1")
        return Program(tuple(words), role, trouble=complaint)
    tries = {} if given is None else {"t": b"%d" % given}
    return Program(tuple(words[: len(words) - rest]), role, tries, operands)


def _arguments(name: str, args: list[bytes]) -> tuple[int | None, tuple[bytes, ...], int]:
    """Return -t, the operands, and how many words are the next program's. Raises options.BadUsageError."""
    if name == "authup":
        found = authup.command_line(args, 0)
        return options.parse(args, tries=True).tries, (found.protocol,), len(found.prog)
    if name == "fixsmtpio":
        return None, (), len(fixsmtpio.command_line(args))
    parsed = options.parse(args, tries=True) if name == "reup" else options.Options(None, None, args)
    if not parsed.operands or parsed.asks_for:
        raise options.BadUsageError
    return parsed.tries, (), len(parsed.operands)


def _env(words: list[bytes]) -> Program:
    at, sets = 1, {}
    while at < len(words):
        word = words[at]
        if word in {b"-u", b"-C", b"--unset", b"--chdir"}:
            at += 1
        elif b"=" in word and not word.startswith(b"-"):
            name, _, sets[name] = word.partition(b"=")
        elif not word.startswith(b"-"):
            break
        at += 1
    return Program(tuple(words[:at]), Role.WRAPPER, sets=sets)


def _wrapper(words: list[bytes], known: Known) -> Program:
    given, at = _options(words, known.valued)
    operands = tuple(words[at : at + known.operands])
    at = min(at + known.operands, len(words))
    user = (operands[:1] or (None,))[0] if known.user == "*" else given.get(known.user)
    sets = dict.fromkeys(known.sets, b"")
    opens = (
        known.opens
        or ("x" in given and known.role is Role.LISTENER)
        or ("e" in given and "e" in known.valued)
    )
    if user is None and "U" in given and known.role is Role.LISTENER:
        user = b"$UID"
    return Program(tuple(words[:at]), known.role, given, operands, sets, opens, user)


def _options(words: list[bytes], valued: str) -> tuple[dict[str, bytes], int]:
    """Read options as getopt(3) does; return them and where they end."""
    given: dict[str, bytes] = {}
    at = 1
    while at < len(words) and words[at].startswith(b"-") and words[at] != b"-":
        word = words[at]
        at += 1
        if word == b"--":
            break
        if word.startswith(b"--"):
            continue
        letters = word[1:].decode("latin-1")
        for place, letter in enumerate(letters):
            if letter in valued:
                value = letters[place + 1 :].encode("latin-1")
                if not value and at < len(words):
                    value, at = words[at], at + 1
                given[letter] = value
                break
            given[letter] = b""
    return given, at


def _login(name: str, words: list[bytes]) -> Program:
    if name in ALWAYS_TRUE | ALWAYS_FALSE | SHELLS:
        return _until_known(words, Role.LOGIN)
    if name in LOGINS:
        _, at = _options(words, LOGINS[name].valued)
        return Program(tuple(words[: at + LOGINS[name].operands]), Role.LOGIN)
    return _until_known(words, Role.LOGIN)


def _unknown(words: list[bytes]) -> Program:
    return _until_known(words, Role.UNKNOWN)


def _until_known(words: list[bytes], role: Role) -> Program:
    """Take the words up to one that is a program that we know: it may be what this one runs."""
    names = [os.fsdecode(posixpath.basename(word)) for word in words]
    known = (at for at, name in enumerate(names) if at and name in KNOWN)
    return Program(tuple(words[: next(known, len(words))]), role, opens=role is Role.UNKNOWN)
