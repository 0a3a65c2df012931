"""What a core may ask its driver to do.

A core's methods return lists of these, to be performed in order. They are plain tuples, so a test
compares lists with ==. Those that the driver answers by calling a method are questions: always the
last action of a list, and the core consumes no further line until it has the answer.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar

T = TypeVar("T")


def distinct(action: type[T]) -> type[T]:
    """Let only actions of the same kind be equal: to plain tuples, Send(b"x") == ToServer(b"x")."""

    def equal(self: tuple[object, ...], other: object) -> bool:
        return type(self) is type(other) and tuple.__eq__(self, other)

    def unequal(self: tuple[object, ...], other: object) -> bool:
        return not equal(self, other)

    action.__eq__ = equal  # type: ignore[assignment, method-assign]
    action.__ne__ = unequal  # type: ignore[assignment, method-assign]
    return action


@distinct
class Send(NamedTuple):
    """Write these bytes to the client."""

    data: bytes


@distinct
class ToServer(NamedTuple):
    """Write these bytes to the standard input of the inner server."""

    data: bytes


@distinct
class Log(NamedTuple):
    """Write this line (no line end) to standard error."""

    line: bytes


@distinct
class AwaitMoment(NamedTuple):
    """Wait for the moment of AUTHUP-ERR-4. A question, answered by moment_came().

    It lies a whole number of `control/authdelay` periods after the line that completed the
    credentials was taken up: the first such moment that has not passed, or, when `once`, the very
    first one, which may be past already.
    """

    once: bool = False


@distinct
class CheckPassword(NamedTuple):
    """Run checkpassword with this record on descriptor 3 and this AUTHUP_USER. A question.

    child_started() tells that it runs; answered by child_ended(), child_given_up(), client_left(), or
    cannot_run().
    """

    record: bytes
    user: bytes

    def __repr__(self) -> str:
        """Never show the password, not even in a failing test or a traceback."""
        return f"CheckPassword(record=<{len(self.record)} bytes>, user={self.user!r})"


@distinct
class StartTls(NamedTuple):
    """Drop what the client sent ahead, say `ready`, and have the front end start TLS. A question.

    Answered by tls_started(), tls_unavailable() (nothing was said yet) or tls_failed().
    """

    ready: bytes


@distinct
class CloseServerInput(NamedTuple):
    """Close the standard input of the inner server once all that was written to it is out."""


@distinct
class RestartServer(NamedTuple):
    """End the inner server (close, SIGTERM, wait), start a new one. A question: server_started()."""


@distinct
class RunAttempt(NamedTuple):
    """Run reup's program. A question, answered by attempt_ended() or cannot_run()."""

    argv: Sequence[bytes]
    env: Mapping[bytes, bytes]


@distinct
class Become(NamedTuple):
    """Become this program by exec. A question, answered (if at all) by cannot_run()."""

    argv: Sequence[bytes]


@distinct
class EndServer(NamedTuple):
    """Stop serving; end the inner server by the ladder of FIX-EXIT-1. A question: server_ended()."""


@distinct
class Exit(NamedTuple):
    """End the program with this exit code."""

    code: int


Action = (
    Send
    | ToServer
    | Log
    | AwaitMoment
    | CheckPassword
    | StartTls
    | CloseServerInput
    | RestartServer
    | EndServer
    | RunAttempt
    | Become
    | Exit
)
