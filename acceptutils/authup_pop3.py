"""What authup answers to POP3 verbs before login (section 3.4 of the specification; RFC 1939, 2449)."""

from collections.abc import Callable
from typing import ClassVar

from acceptutils import checkpassword
from acceptutils.actions import Action
from acceptutils.authup import Session, Settings, verb_of

DEFAULT_CAPABILITIES = [b"TOP", b"UIDL"]


class Pop3Session(Session):
    """A POP3 session up to the login."""

    PROTOCOL = b"pop3"
    ERROR_COLUMN = 1
    READY_FOR_TLS = b"+OK starting TLS negotiation"
    NO_TLS = b"-ERR STLS not available"

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._name: bytes | None = None  # what USER said
        unique = b"" if settings.attempt > 1 else b"%d.%d@" % (settings.pid, settings.unix_time)
        self.timestamp = b"<%b%b>" % (unique, settings.greeting)

    def greet(self) -> bytes:
        """AUTHUP-POP3-1; checkpassword gets the same timestamp (AUTHUP-CP-3)."""
        return b"+OK " + self.timestamp

    def command(self, line: bytes) -> list[Action]:
        """Act on a command."""
        verb, argument = verb_of(line)
        answer = self.VERBS.get(verb)
        if answer is None:
            return self.refuse_with(b"-ERR authup authorization first")
        return answer(self, argument)

    def forget(self) -> None:
        """Forget USER."""
        self._name = None

    def _noop(self, _: bytes) -> list[Action]:
        return [self.say(b"+OK ")]

    def _quit(self, _: bytes) -> list[Action]:
        return self.quit(b"+OK ")

    def _stls(self, _: bytes) -> list[Action]:
        return self.start_tls()

    def _capa(self, _: bytes) -> list[Action]:
        stls = [b"STLS"] if self.tls.offered else []
        user = [] if self.tls.needed else [b"USER"]
        listed = [*stls, *user, *self.settings.capabilities]
        return [self.say(b"+OK capability list follows", *listed, b".")]

    def _user_verb(self, argument: bytes) -> list[Action]:
        if self.tls.needed:
            return self.refuse("needtls")
        name = argument.lstrip(b" ")
        if not checkpassword.is_user(name):
            self.forget()
            return self.refuse("input")
        self._name = name
        return [self.say(b"+OK ")]

    def _pass(self, password: bytes) -> list[Action]:
        name, self._name = self._name, None  # a refused PASS needs a new USER (AUTHUP-POP3-4)
        if name is None:
            return self.refuse_with(b"-ERR authup USER first")
        if not checkpassword.is_password(password):
            return self.refuse("input")
        return self.log_in(name, password)

    VERBS: ClassVar[dict[bytes, Callable[["Pop3Session", bytes], list[Action]]]] = {
        b"NOOP": _noop,
        b"QUIT": _quit,
        b"STLS": _stls,
        b"CAPA": _capa,
        b"USER": _user_verb,
        b"PASS": _pass,
    }
