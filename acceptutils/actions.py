"""What a core may ask its driver to do.

A core's methods return lists of these, to be performed in order. They are plain tuples, so a test
compares lists with ==. Those that the driver answers by calling a method are questions: always the
last action of a list, and the core consumes no further line until it has the answer.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Send(NamedTuple):
    """Write these bytes to the client."""

    data: bytes


class ToServer(NamedTuple):
    """Write these bytes to the standard input of the inner server."""

    data: bytes


class Log(NamedTuple):
    """Write this line (no line end) to standard error."""

    line: bytes


class AwaitMoment(NamedTuple):
    """Wait for the moment of AUTHUP-ERR-4. A question, answered by moment_came().

    It lies a whole number of `control/authdelay` periods after the line that completed the
    credentials was taken up: the first such moment that has not passed, or, when `once`, the very
    first one, which may be past already.
    """

    once: bool = False


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


class StartTls(NamedTuple):
    """Drop what the client sent ahead, say `ready`, and have the front end start TLS. A question.

    Answered by tls_started(), tls_unavailable() (nothing was said yet) or tls_failed().
    """

    ready: bytes


class CloseServerInput(NamedTuple):
    """Close the standard input of the inner server once all that was written to it is out."""


class RestartServer(NamedTuple):
    """End the inner server (close, SIGTERM, wait), start a new one. A question: server_started()."""


class RunAttempt(NamedTuple):
    """Run reup's program. A question, answered by attempt_ended() or cannot_run()."""

    argv: Sequence[bytes]
    env: Mapping[bytes, bytes]


class Become(NamedTuple):
    """Become this program by exec. A question, answered (if at all) by cannot_run()."""

    argv: Sequence[bytes]


class EndServer(NamedTuple):
    """Stop serving; end the inner server by the ladder of FIX-EXIT-1. A question: server_ended()."""


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
