"""fixsmtpio's own filter, watched: which request each reply answers, and what the rules did to it."""

from collections.abc import Mapping
from typing import NamedTuple

from acceptutils.actions import StartTls
from acceptutils.fixsmtpio import Awaits, Filter, Pending
from acceptutils.ucspitls import Tls
from conformance.explaining.answer import Answer
from conformance.explaining.filtering import NotingRewriter, Numbered

_WORDS = {
    Awaits.GREETING_IN_TLS: ("inside TLS a 2xx greeting is not sent: the client speaks first", "FIX-TLS-4"),
    Awaits.BLOCKED: ("a fixed reply in place of the server's to a NOOP; rules do not see it", "FIX-TLS-2"),
    Awaits.TLS_FIRST: ("a fixed reply in place of the server's: TLS is required first", "FIX-TLS-6"),
    Awaits.TOO_LONG: ("the line is too long: the server and the rules do not see it", "LIM-4"),
    Awaits.TLS_READY: ("fixsmtpio starts TLS itself, the server was asked a NOOP", "FIX-TLS-3"),
    Awaits.AUTH: ("after a 334 the client's next line continues the AUTH", "FIX-REQ-7"),
    Awaits.MESSAGE: ("the first reply behind the 354", "FIX-EV-3"),
}


class Forwarded(NamedTuple):
    """A request that the server heard, perhaps with something in front.

    `event`: whose rules put it there, None if no rule could. `rule`: that of the specification, if it went on
    as a NOOP or as it is.
    """

    request: bytes
    event: bytes | None
    rule: str


def _told(awaits: Awaits, request: bytes) -> tuple[str, str]:
    """Return what there is to say of a request that is not simply answered, and the rule for it."""
    words, rule = _WORDS.get(awaits, ("", ""))
    is_chunk = awaits is Awaits.BLOCKED and request[:4].lower() == b"bdat"
    return words, "FIX-REQ-8" if is_chunk else rule


class WatchedFilter(Filter):
    """A Filter that keeps its answers, and which request was forwarded as what."""

    def __init__(self, rules: Numbered, greeting: bytes, env: Mapping[bytes, bytes], tls: Tls) -> None:
        quiet = {name: value for name, value in env.items() if name != b"FIXSMTPIODEBUG"}
        super().__init__(list(rules.rules), greeting, quiet, tls=tls, label=b"")
        self._rewriter = self._notes = NotingRewriter(rules, greeting, authenticated=b"AUTHUP_USER" in env)
        self.lane = "S"
        self.answers: list[Answer] = []
        self.forwarded: list[Forwarded] = []
        self._current: Pending | None = None
        self._heard = b""
        self._settling = False  # what is sent then answers lines that were too long

    @property
    def env(self) -> Mapping[bytes, bytes]:
        """The environment that the rules see now."""
        return self._env

    def started_tls(self, question: StartTls) -> None:
        """Keep the answer to STARTTLS, which the driver sends."""
        self._keep(question.ready)

    def _forward(self, line: bytes, pending: Pending, blocked: bytes = b"") -> None:
        super()._forward(line, pending._replace(request=line), blocked)
        _, rule = _told(pending.awaits, line)
        self.forwarded.append(Forwarded(line, pending.event, rule if blocked else ""))

    def _continuation(self, line: bytes) -> None:
        super()._continuation(line)
        self._pending[-1] = self._pending[-1]._replace(request=line)
        self.forwarded.append(Forwarded(line, None, "FIX-REQ-7"))

    def _server_reply(self, code: bytes) -> None:
        self._current = self._pending[0] if self._pending else Pending(b"timeout")
        self._heard = bytes(self._reply)
        super()._server_reply(code)
        self._finish()

    def _settle(self) -> None:
        self._finish()
        self._settling = True
        super()._settle()
        self._settling = False

    def _send(self, reply: bytes) -> None:
        if reply and self._settling:
            words, rule = _WORDS[Awaits.TOO_LONG]
            self.answers.append(Answer(self.lane, "fixsmtpio", reply, words=words, rule=rule))
        elif reply:
            self._keep(reply)
        super()._send(reply)

    def _client_is_over(self) -> None:
        super()._client_is_over()
        applied = self._notes.take()
        if applied:
            self.answers.append(Answer(self.lane, "fixsmtpio", b"", None, b"clienteof", b"", applied))

    def _finish(self) -> None:
        """Keep what the current reply has come to, if nothing of it was sent."""
        if not self._asking:
            self._keep(b"")

    def _keep(self, reply: bytes) -> None:
        current, self._current = self._current, None
        if current is None:
            return
        applied = self._notes.take()
        words, rule = _told(current.awaits, current.request)
        self.answers.append(
            Answer(
                self.lane,
                "fixsmtpio",
                reply,
                current.request or None,
                current.event,
                self._heard,
                applied,
                words,
                rule,
            )
        )
