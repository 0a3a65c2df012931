"""What authup answers to SMTP verbs before login (section 3.2 of the specification).

Only AUTH leads anywhere; all else is answered as RFC 5321 and RFC 4954 want it, or with 530.
"""

import binascii
from collections.abc import Callable
from typing import ClassVar

from acceptutils import HOME_PAGE, checkpassword
from acceptutils.actions import Action
from acceptutils.authup import Session, Settings, verb_of

DEFAULT_CAPABILITIES = [b"PIPELINING", b"8BITMIME"]


class SmtpSession(Session):
    """An SMTP session up to the login."""

    PROTOCOL = b"smtp"
    ERROR_COLUMN = 0
    READY_FOR_TLS = b"220 Ready to start TLS (#5.7.0)"
    NO_TLS = b"502 unimplemented (#5.5.1)"

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._exchange: Callable[[bytes], list[Action]] | None = None  # takes the next AUTH response
        self._login_user = b""

    def greet(self) -> bytes:
        """AUTHUP-SMTP-1."""
        return b"220 %b ESMTP" % self.settings.greeting

    def command(self, line: bytes) -> list[Action]:
        """Act on a command, or on the next line of an AUTH exchange."""
        if self._exchange:
            return self._response(line)
        verb, argument = verb_of(line)
        answer = self.VERBS.get(verb)
        if answer is None:
            return self.refuse_with(b"530 authup authentication required (#5.7.1)")
        return answer(self, argument.lstrip(b" "))

    def forget(self) -> None:
        """Leave an AUTH exchange."""
        self._exchange = None

    # Verbs

    def _ehlo(self, _: bytes) -> list[Action]:
        lines = [self.settings.greeting]
        if self.tls.offered:
            lines.append(b"STARTTLS")
        if not self.tls.needed:
            lines.append(b"AUTH LOGIN PLAIN")
            if self.settings.sasl_broken_clients:
                lines.append(b"AUTH=LOGIN PLAIN")
        lines += self.settings.capabilities
        return [self.say(*(b"250-" + line for line in lines[:-1]), b"250 " + lines[-1])]

    def _helo(self, _: bytes) -> list[Action]:
        return [self.say(b"250 " + self.settings.greeting)]

    def _noop(self, _: bytes) -> list[Action]:
        return [self.say(b"250 ok")]

    def _help(self, _: bytes) -> list[Action]:
        return [self.say(b"214 authup home page: " + HOME_PAGE)]

    def _quit(self, _: bytes) -> list[Action]:
        return self.quit(b"221 " + self.settings.greeting)

    def _starttls(self, _: bytes) -> list[Action]:
        return self.start_tls()

    def _auth(self, argument: bytes) -> list[Action]:
        if self.tls.needed:
            return self.refuse("needtls")
        mechanism, _, initial_response = argument.partition(b" ")
        begin = self.MECHANISMS.get(mechanism.upper())
        return begin(self, initial_response.lstrip(b" ")) if begin else self.refuse("noauth")

    VERBS: ClassVar[dict[bytes, Callable[["SmtpSession", bytes], list[Action]]]] = {
        b"EHLO": _ehlo,
        b"HELO": _helo,
        b"NOOP": _noop,
        b"HELP": _help,
        b"QUIT": _quit,
        b"STARTTLS": _starttls,
        b"AUTH": _auth,
    }

    # AUTH: each step takes one decoded response

    def _login(self, initial_response: bytes) -> list[Action]:
        return self._begin(b"334 VXNlcm5hbWU6", self._take_user, initial_response)

    def _plain(self, initial_response: bytes) -> list[Action]:
        return self._begin(b"334 ", self._take_plain, initial_response)

    MECHANISMS: ClassVar[dict[bytes, Callable[["SmtpSession", bytes], list[Action]]]] = {
        b"LOGIN": _login,
        b"PLAIN": _plain,
    }

    def _begin(
        self, challenge: bytes, step: Callable[[bytes], list[Action]], initial_response: bytes
    ) -> list[Action]:
        self._exchange = step
        if not initial_response:
            return [self.say(challenge)]
        return self._decoded(b"" if initial_response == b"=" else initial_response)

    def _response(self, line: bytes) -> list[Action]:
        if line == b"*":
            self.forget()
            return self.refuse("authabrt")
        return self._decoded(line)

    def _decoded(self, encoded: bytes) -> list[Action]:
        step, self._exchange = self._exchange, None
        response = strict_base64(encoded)
        if step is None or response is None:
            return self.refuse("input")
        return step(response)

    def _take_user(self, user: bytes) -> list[Action]:
        if not checkpassword.is_user(user):
            return self.refuse("input")
        self._login_user = user
        self._exchange = self._take_password
        return [self.say(b"334 UGFzc3dvcmQ6")]

    def _take_password(self, password: bytes) -> list[Action]:
        if not checkpassword.is_password(password):
            return self.refuse("input")
        return self.log_in(self._login_user, password)

    def _take_plain(self, message: bytes) -> list[Action]:
        if message.count(b"\0") != 2:
            return self.refuse("input")
        authzid, user, password = message.split(b"\0")
        if not checkpassword.is_user(user) or not checkpassword.is_password(password):
            return self.refuse("input")
        return self.log_in(user, password, allowed=authzid in {b"", user})


def strict_base64(encoded: bytes) -> bytes | None:
    """Decode base64 as RFC 4648 section 4 writes it; None for any other spelling (AUTHUP-SMTP-14)."""
    try:
        decoded = binascii.a2b_base64(encoded)
    except binascii.Error:
        return None
    return decoded if binascii.b2a_base64(decoded, newline=False) == encoded else None
