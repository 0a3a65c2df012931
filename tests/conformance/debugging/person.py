"""Somebody at a real terminal, with `conform debug` on it."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pexpect

UP, LEFT, HOME, CUT = "\x1b[A", "\x1b[D", "\x01", "\x0b"
CTRL_C, CTRL_D, TAB = "\x03", "\x04", "\t"
CONFORM = (sys.executable, "-m", "conformance")
PATIENCE = 6


class Person:
    """Types and looks; `place` is where it all happens, also for temporary files."""

    def __init__(
        self, place: Path, *args: str, command: Sequence[str] = (), env: Mapping[str, str] | None = None
    ) -> None:
        self.temporary = place / "temporary"
        self.temporary.mkdir(exist_ok=True)
        self.temporary.chmod(0o755)
        place.chmod(0o755)
        given = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | {
            "TERM": "xterm",
            "TMPDIR": str(self.temporary),
            "PROMPT_TOOLKIT_NO_CPR": "1",  # nobody here answers where the cursor is
        }
        first, *rest = command or (*CONFORM, "debug", "--color", "never", *args)
        self.child = pexpect.spawn(
            first, rest, env=given | dict(env or {}), cwd=str(place), timeout=PATIENCE, dimensions=(24, 100)
        )
        self.child.delaybeforesend = None
        self.pid: int = self.child.pid or 0

    def types(self, text: str) -> None:
        self.child.send(text)

    def says(self, line: str) -> None:
        self.types(line + "\r")

    def sees(self, *texts: str) -> None:
        """See these, one after the other."""
        for text in texts:
            self.child.expect_exact(text.encode())

    def leaves(self) -> int:
        """See it end; return the exit code."""
        self.child.expect(pexpect.EOF)
        self.child.close()
        status = self.child.exitstatus
        assert status is not None, f"killed by signal {self.child.signalstatus}"
        return status
