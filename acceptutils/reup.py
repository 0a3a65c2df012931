"""Whether to run the program once more, and what one attempt leaves for the next (part 2).

Exit codes 0 and 12, signals and the last permitted try end it; any other code asks for a retry.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from acceptutils import decimal, options
from acceptutils.actions import Action, Exit, Log, RunAttempt

USAGE = b"usage: reup [ -t tries ] prog"


class Reup:
    """One run of reup. Each method returns a log line and what to do next."""

    def __init__(self, args: Sequence[bytes], env: Mapping[bytes, bytes], pid: int) -> None:
        self._args = args
        self._env = env
        self._pid = pid
        self._prog: Sequence[bytes] = ()
        self._most = 0
        self._attempt = 0

    def start(self) -> list[Action]:
        """Read the command line (REUP-1) and ask for the first attempt."""
        try:
            parsed = options.parse(self._args, tries=True)
        except options.BadUsageError as bad:
            return options.refusal(b"reup", bad.complaint, USAGE, 1)
        if not parsed.operands:
            return options.refusal(b"reup", None, USAGE, 1)
        self._prog, self._most = parsed.operands, parsed.tries or 0
        return [self._again()]

    def attempt_ended(
        self, pid: int, code: int | None, signal: int | None, *, signalled: bool
    ) -> list[Action]:
        """Answer to RunAttempt: decide about another one (REUP-4 to REUP-8, REUP-11)."""
        how = b"signal %d" % signal if signal is not None else b"exit %d" % (code or 0)
        log = Log(
            b"reup %d %b %d (%d/%d): %b" % (self._pid, self._prog[0], pid, self._attempt, self._most, how)
        )
        if code is None:
            return [log, Exit(1)]
        if code in {0, 12} or signalled or self._attempt == self._most:
            return [log, Exit(code)]
        return [log, self._again()]

    def cannot_run(self, reason: bytes) -> list[Action]:
        """Answer to RunAttempt: the program could not be started (REUP-7)."""
        return [Log(b"reup: unable to run %b: %b" % (self._prog[0], reason)), Exit(1)]

    def _again(self) -> RunAttempt:
        self._attempt += 1
        return RunAttempt(self._prog, {**self._env, b"REUP": b"%d" % self._attempt})


def attempt_number(env: Mapping[bytes, bytes]) -> int:
    """Return which attempt of reup this is, counting from 1; 0 outside of reup (AUTHUP-GEN-2)."""
    return decimal.number(env.get(b"REUP", b"")) or 0


class Carried(NamedTuple):
    """What one attempt leaves for the next in reup's memory file (REUP-12).

    `started` is the session's start in seconds of World.now(); `tls` the front end's environment
    block, None without TLS; the counts are those of LIM-1 and LIM-2.
    """

    started: float
    long_lines: int = 0
    errors: int = 0
    tls: bytes | None = None

    def encode(self) -> bytes:
        """Return the memory file's content."""
        head = b"%r %d %d %d\n" % (self.started, self.long_lines, self.errors, self.tls is not None)
        return head + (self.tls or b"")

    @classmethod
    def decode(cls, content: bytes) -> "Carried":
        """Read what encode() wrote. Raises ValueError for anything else, also for an empty file."""
        head, block = content.split(b"\n", 1)
        started, long_lines, errors, has_tls = head.split(b" ")
        return cls(float(started), int(long_lines), int(errors), block if int(has_tls) else None)
