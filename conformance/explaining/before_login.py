"""authup's own session, replayed: which line each of its replies answers."""

import re
from collections.abc import Mapping, Sequence

from acceptutils import authup, control, decimal, options, ucspitls
from acceptutils.actions import Action, AwaitMoment, CheckPassword, Exit, Send, StartTls
from acceptutils.authup import Session, Settings
from acceptutils.authup_pop3 import DEFAULT_CAPABILITIES as POP3_CAPABILITIES
from acceptutils.authup_pop3 import Pop3Session
from acceptutils.authup_smtp import DEFAULT_CAPABILITIES as SMTP_CAPABILITIES
from acceptutils.authup_smtp import SmtpSession
from acceptutils.ucspitls import Tls
from conformance.explaining.answer import Answer
from conformance.explaining.unasked import child_end

_STAMP = re.compile(rb"\+OK <([0-9]+)\.([0-9]+)@")


def names_descriptors(env: Mapping[bytes, bytes]) -> bool:
    """Say whether the environment names all descriptors of a TLS front end."""
    return all(env.get(name, b"").isdigit() for name in ucspitls.VARIABLES[2:])


class BeforeLogin:
    """authup (and reup, where the chain has it) until somebody else speaks."""

    def __init__(
        self,
        chain: Sequence[str],
        files: Mapping[str, bytes],
        env: Mapping[bytes, bytes],
        said: bytes,
        *,
        usable: bool,
    ) -> None:
        """`said` is the beginning of what the client got: POP3's greeting has our PID and the time.

        `usable`: the descriptors of the TLS front end, if there are any, are open.
        """
        self._reup = "{reup}" in chain
        self._usable = usable and names_descriptors(env)
        self._files, self._env, self._said = files, env, said
        args = [word.encode() for word in chain[chain.index("{authup}") + 1 :]]
        self._attempt = 1 if self._reup else decimal.number(env.get(b"REUP", b"")) or 0
        try:
            self._command = authup.command_line(args, self._attempt)
        except options.BadUsageError:
            self._command = authup.CommandLine(b"smtp", 1, [])
        self.lane = "S"
        self.answers: list[Answer] = []
        self.user: bytes | None = None
        """Who wants to log in; None before the first attempt."""
        self._waiting = False
        self._cause: bytes | None = None
        self._unread = b""
        self._session = self._new_session(None)
        self._do(self._session.start())

    @property
    def unread(self) -> bytes:
        """What the client sent and authup did not take: the next program reads it."""
        return self._unread

    def client_data(self, data: bytes) -> None:
        """Take what the client sent."""
        self._unread += data
        self._go_on()

    def client_eof(self) -> None:
        """The client ends before a login."""
        if not self._waiting:
            self._cause = b"C! eof"
            self._do(self._session.client_eof())

    def refused(self, said: bytes) -> None:
        """The client was told something while checkpassword ran: it has ended, and not with a login."""
        if self._waiting:
            self._waiting = False
            self._do(self._session.child_ended(child_end(said), self._session.settings.uid))
            self._go_on()

    def _new_session(self, before: Session | None) -> Session:
        name = "smtp" if self._command.protocol == b"smtp" else "pop3"
        usual = SMTP_CAPABILITIES if name == "smtp" else POP3_CAPABILITIES
        stamp = _STAMP.match(self._said)
        numbers = (int(stamp[1][:9]), int(stamp[2][:12])) if stamp else (0, 0)
        settings = Settings(
            greeting=control.greeting(
                self._files.get(f"control/{name}greeting"), self._files.get("control/me")
            )
            or b"",
            capabilities=control.capabilities(self._files.get(f"control/{name}capabilities"), usual),
            tries=self._command.tries,
            pid=numbers[0],
            uid=0,
            unix_time=numbers[1],
            attempt=self._attempt,
            tls=before.tls if before else ucspitls.tls(self._env, usable=self._usable),
            long_lines=before.long_lines if before else 0,
            errors=before.errors if before else 0,
            sasl_broken_clients=b"AUTHUP_SASL_BROKEN_CLIENTS" in self._env,
        )
        return SmtpSession(settings) if name == "smtp" else Pop3Session(settings)

    @property
    def tls(self) -> Tls:
        """The state of TLS."""
        return self._session.tls

    def _go_on(self) -> None:
        while not self._waiting and b"\n" in self._unread:
            line, _, self._unread = self._unread.partition(b"\n")
            self._cause = line + b"\n"
            self._do(self._session.client_data(self._cause))

    def _do(self, actions: list[Action]) -> None:
        for action in actions:
            if isinstance(action, Send):
                self._keep(action.data)
            elif isinstance(action, CheckPassword):
                self._waiting, self.user = True, action.user
            elif isinstance(action, AwaitMoment):
                self._do(self._session.moment_came())
            elif isinstance(action, StartTls):
                self._keep(action.ready)
                self._unread = b""
                self._do(self._session.tls_started(b""))
                self.lane = "ST"
            elif isinstance(action, Exit):
                self._ended(action.code)

    def _keep(self, reply: bytes) -> None:
        self.answers.append(Answer(self.lane, "authup", reply, self._cause))

    def _ended(self, code: int) -> None:
        """Begin reup's next attempt; otherwise nobody reads on."""
        if self._reup and code not in (authup.SUCCESS, authup.PERMANENT):
            self._attempt += 1
            self._session = self._new_session(self._session)
            self._do(self._session.start())
        else:
            self._waiting = True
