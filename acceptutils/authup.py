"""The session before login: tries, limits, the wait for checkpassword, what its end means.

SMTP and POP3 share all of this; their verbs are in authup_smtp.py and authup_pop3.py. Whoever
connects gets a reply or a clean end for whatever he sends. What a refusal says and when it is said
never depends on why the login was refused (AUTHUP-ERR-4).
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

from acceptutils import checkpassword, options, ucspitls
from acceptutils.actions import Action, AwaitMoment, CheckPassword, Exit, Log, Send, StartTls
from acceptutils.authup_errors import ERRORS
from acceptutils.lines import LineCutter, Overlong, without_ending
from acceptutils.ucspitls import Tls

USAGE = b"usage: authup [ -t tries ] <smtp|pop3> prog"

DEFAULT_TRIES = {b"smtp": 5, b"pop3": 1}

SUCCESS = 0
FAILED_LOGIN = 1  # reup repeats
PERMANENT = 12  # reup stops

MOST_LINE_BYTES = 12288  # LIM-1
MOST_LONG_LINES = 2
MOST_ERRORS = 20  # LIM-2
MOST_LOGGED_USER_BYTES = 255

_COUNTED = (b"500 ", b"501 ", b"502 ", b"504 ", b"530 ", b"-ERR ")  # LIM-2

# How a child's exit code ends a session that did not log in (section 3.6).
_REFUSALS = {1: "badauth", 2: "badauth", 111: "tempauth"}
_FATAL = {16: "alarm", 18: "control"}


class CommandLine(NamedTuple):
    """What authup was asked to do: protocol in lower case, tries, checkpassword and its arguments."""

    protocol: bytes
    tries: int
    prog: Sequence[bytes]


def command_line(args: Sequence[bytes], attempt: int) -> CommandLine:
    """Read the command line (AUTHUP-GEN-1, AUTHUP-GEN-2). Raises options.BadUsageError."""
    parsed = options.parse(args, tries=True)
    if parsed.tries == 0 or len(parsed.operands) < 2 or parsed.operands[0].lower() not in DEFAULT_TRIES:
        raise options.BadUsageError
    protocol, *prog = parsed.operands
    default = 1 if attempt else DEFAULT_TRIES[protocol.lower()]
    return CommandLine(protocol.lower(), parsed.tries or default, prog)


def usage(attempt: int, complaint: bytes | None) -> list[Action]:
    """Return what to do about a bad command line; under reup another attempt would not help."""
    return options.refusal(b"authup", complaint, USAGE, PERMANENT if attempt else 1)


class Settings(NamedTuple):
    """What a session knows of its surroundings; all of it is known before the greeting.

    `attempt` counts reup's attempts from 1, 0 without reup. `tries` are the logins that may fail.
    `resumable`: a next attempt can go on inside TLS. `long_lines` and `errors` are the counts that
    earlier attempts leave, `tls_block` the environment block if one of them started TLS.
    """

    greeting: bytes
    capabilities: list[bytes]
    tries: int
    pid: int
    uid: int
    unix_time: int
    attempt: int = 0
    tls: Tls = Tls()
    tls_block: bytes | None = None
    resumable: bool = True
    long_lines: int = 0
    errors: int = 0
    sasl_broken_clients: bool = False
    remote_ip: bytes | None = None


class Session(ABC):
    """One session up to the login, for either protocol.

    The driver feeds it by start(), client_data(), client_eof(), timed_out() and terminated(), answers
    its questions, and does what the returned actions say.
    """

    PROTOCOL: ClassVar[bytes]
    ERROR_COLUMN: ClassVar[int]
    READY_FOR_TLS: ClassVar[bytes]
    NO_TLS: ClassVar[bytes]

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.tls = settings.tls
        self.tls_block = settings.tls_block
        self.long_lines = settings.long_lines
        self.errors = settings.errors
        self.timestamp = b""
        self._tries_left = settings.tries
        self._lines = LineCutter(MOST_LINE_BYTES)
        self._waiting = False  # for the answer to a question
        self._over = False
        self._user = b""
        self._child = b"-"
        self._after_moment: Callable[[], list[Action]] = list

    # What each protocol decides

    @abstractmethod
    def greet(self) -> bytes:
        """Return the greeting line."""

    @abstractmethod
    def command(self, line: bytes) -> list[Action]:
        """Act on one line, without its ending, that may be a command or part of an AUTH exchange."""

    @abstractmethod
    def forget(self) -> None:
        """Forget a half-finished login."""

    # What the driver tells

    def start(self) -> list[Action]:
        """Log and greet; a later attempt of reup does not greet again (AUTHUP-GEN-4)."""
        log = Log(b"authup %d protocol %b" % (self.settings.pid, self.PROTOCOL))
        return [log] if self.settings.attempt > 1 else [log, self.say(self.greet())]

    def client_data(self, data: bytes) -> list[Action]:
        """Take what the client sent, in pieces of any size."""
        self._lines.feed(data)
        return self._proceed()

    def client_eof(self) -> list[Action]:
        """The client will send nothing more (AUTHUP-GEN-8)."""
        return self.trouble("read")

    def timed_out(self) -> list[Action]:
        """The client was silent for too long, or the login took too long (AUTHUP-GEN-7, LIM-3)."""
        return self.trouble("alarm")

    def terminated(self) -> list[Action]:
        """A signal asks for the end, and no child runs (AUTHUP-GEN-9)."""
        return self.trouble("shutdown")

    def trouble(self, error: str) -> list[Action]:
        """Something fatal happened: say this error of the table and end (AUTHUP-ERR-3)."""
        return [self.say_error(error), self.exit(PERMANENT)]

    def child_started(self, pid: int) -> list[Action]:
        """checkpassword runs (AUTHUP-LOG-1)."""
        self._child = b"%d" % pid
        return [self._log_attempt()]

    def cannot_run(self, step: str) -> list[Action]:
        """Answer to CheckPassword: "pipe", "fork", "exec" or "wait" failed (AUTHUP-CP-5)."""
        return [self._log_attempt(), *self.trouble("fork" if step == "exec" else step)]

    def child_ended(self, code: int | None, uid: int | None) -> list[Action]:
        """Answer to CheckPassword: it, or what it became, ended with this code, as this real UID.

        The code is None after a signal, the UID where it cannot be seen. The table of section 3.6,
        and AUTHUP-EXIT-2: one that died under another UID than ours had logged in.
        """
        self._waiting = False
        if code is None:
            return self.trouble("crash")
        if code in _FATAL:
            return self.trouble(_FATAL[code])
        logged_in = uid is not None and uid != self.settings.uid
        if code in _REFUSALS and not logged_in:
            return self._failed(_REFUSALS[code])
        end = self.exit(SUCCESS if self.settings.attempt else code)
        done = self._log(b"succeeded, child completed")
        if code != 111:
            return [done, end]
        return [done, *self._at_moment(lambda: [self.say_error("tempauth"), end], once=True)]

    def child_given_up(self) -> list[Action]:
        """Answer to CheckPassword: it took too long and was ended (AUTHUP-CP-6)."""
        return self._failed("tempauth")

    def client_left(self) -> list[Action]:
        """Answer to CheckPassword: the connection broke, and it was ended (AUTHUP-CP-7)."""
        return [self.exit(PERMANENT)]

    def moment_came(self) -> list[Action]:
        """Answer to AwaitMoment."""
        self._waiting = False
        return [*self._after_moment(), *self._proceed()]

    def tls_started(self, block: bytes) -> list[Action]:
        """Answer to StartTls: all that was received before is forgotten (AUTHUP-TLS-5)."""
        self.tls = self.tls._replace(active=True)
        self.tls_block = block
        self._lines = LineCutter(MOST_LINE_BYTES)
        self._waiting = False
        self.forget()
        return [Log(b"authup %d negotiated TLS" % self.settings.pid)]

    def tls_unavailable(self) -> list[Action]:
        """Answer to StartTls: trouble, and nothing was said yet; the session goes on (AUTHUP-TLS-6)."""
        self._waiting = False
        return [*self.refuse("starttls"), *self._proceed()]

    def tls_failed(self) -> list[Action]:
        """Answer to StartTls: trouble after the client was told to go ahead (AUTHUP-TLS-6)."""
        return [Log(no_tls(self.settings.pid)), self.exit(PERMANENT)]

    # What the protocols call

    def say(self, *lines: bytes) -> Send:
        """Return the reply that consists of these lines."""
        return Send(b"".join(line + b"\r\n" for line in lines))

    def say_error(self, error: str) -> Send:
        """Return the reply for an error of the table."""
        return self.say(ERRORS[error][self.ERROR_COLUMN])

    def refuse(self, error: str) -> list[Action]:
        """Say an error that leaves the session going (AUTHUP-ERR-1), and count it."""
        return self.refuse_with(ERRORS[error][self.ERROR_COLUMN])

    def refuse_with(self, reply: bytes) -> list[Action]:
        """Say this line, and count it; one too many ends the session (LIM-2)."""
        self.errors += reply.startswith(_COUNTED)
        if self.errors > MOST_ERRORS:
            return self.trouble("nonsense")
        return [self.say(reply)]

    def quit(self, reply: bytes) -> list[Action]:
        """Say good-bye and ignore the rest (AUTHUP-GEN-6)."""
        return [self.say(reply), self.exit(SUCCESS)]

    def start_tls(self) -> list[Action]:
        """Act on STARTTLS or STLS (AUTHUP-TLS-1 to -3)."""
        if self.tls.active or self.tls.level is ucspitls.Level.OFF:
            return self.refuse_with(self.NO_TLS)
        if not self.tls.usable:
            return self.refuse("starttls")
        self._waiting = True
        return [StartTls(self.READY_FOR_TLS + b"\r\n")]

    def log_in(self, user: bytes, password: bytes, *, allowed: bool = True) -> list[Action]:
        """Have checkpassword decide, or refuse like it when it must not even be asked."""
        self._user, self._child, self._waiting = user, b"-", True
        record = checkpassword.record(user, password, self.timestamp)
        if allowed and len(record) <= checkpassword.MOST_BYTES:
            return [CheckPassword(record, user)]
        return [self._log_attempt(), *self._failed("badauth")]

    def exit(self, code: int) -> Exit:
        """Return the end of the session; nothing is consumed from here on."""
        self._over = True
        return Exit(code)

    # Inside

    def _proceed(self) -> list[Action]:
        actions: list[Action] = []
        while not self._waiting and not self._over and (line := self._lines.take()) is not None:
            actions += self._too_long() if line is Overlong.LINE else self.command(without_ending(line))
        return actions

    def _too_long(self) -> list[Action]:
        self.forget()
        self.long_lines += 1
        return self.trouble("nonsense") if self.long_lines > MOST_LONG_LINES else self.refuse("toolong")

    def _failed(self, error: str) -> list[Action]:
        self._tries_left -= 1
        log = self._log(b"failed, %d remaining" % self._tries_left, origin=True)
        return [log, *self._at_moment(lambda: self._refuse_login(error))]

    def _refuse_login(self, error: str) -> list[Action]:
        if self._tries_left:
            return [self.say_error(error)]
        stuck = self.tls.active and self.settings.attempt and not self.settings.resumable  # REUP-12
        return [self.say_error(error), self.exit(PERMANENT if stuck else FAILED_LOGIN)]

    def _at_moment(self, then: Callable[[], list[Action]], *, once: bool = False) -> list[Action]:
        self._waiting = True
        self._after_moment = then
        return [AwaitMoment(once)]

    def _log_attempt(self) -> Log:
        return self._log(b"attempt for " + loggable(self._user), origin=True)

    def _log(self, what: bytes, *, origin: bool = False) -> Log:
        ip = self.settings.remote_ip if origin else None
        suffix = b"" if ip is None else b" from " + loggable(ip)
        return Log(b"authup %d checkpassword %b %b%b" % (self.settings.pid, self._child, what, suffix))


def no_tls(pid: int) -> bytes:
    """Return the log line for TLS that failed when nothing more can be said (AUTHUP-TLS-6)."""
    return b"authup %d TLS temporarily not available" % pid


def verb_of(line: bytes) -> tuple[bytes, bytes]:
    """Take a command line apart: upper-case verb, and all that follows its first space.

    A line with a NUL has no verb (AUTHUP-GEN-5).
    """
    if b"\0" in line:
        return b"", b""
    verb, _, rest = line.partition(b" ")
    return verb.upper(), rest


def loggable(text: bytes) -> bytes:
    """Return `text` as it may stand in a log line, so that nobody forges one (AUTHUP-LOG-2)."""
    shown = re.sub(rb"[^\x21-\x7e]", lambda byte: b"\\x%02x" % byte[0][0], text)
    return shown[:MOST_LOGGED_USER_BYTES]
