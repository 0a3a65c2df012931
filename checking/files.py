"""The files that a check looks at, read once and never through something that may hang."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from checking.remarks import Place

MOST_BYTES: Final = 1 << 20
GREETINGS: Final = ("me", "smtpgreeting", "pop3greeting")
SECONDS: Final = ("timeoutsmtpd", "timeoutpop3d", "authdelay", "logintimeout", "checkpasswordtimeout")
CAPABILITIES: Final = ("smtpcapabilities", "pop3capabilities")
RULES: Final = "fixsmtpio"
KNOWN: Final = (*GREETINGS, *SECONDS, *CAPABILITIES, RULES)
AFTER_LOGIN: Final = (RULES, "me", "smtpgreeting", "timeoutsmtpd")
"""What fixsmtpio reads, as the user who has logged in."""
OTHERS: Final = ("rcpthosts",)
"""What the fake qmail-smtpd reads; not looked at otherwise."""


class ControlFile(NamedTuple):
    """One control file: its bytes, or why they cannot be had; neither if there is no such file."""

    name: str
    content: bytes | None
    trouble: str | None
    status: os.stat_result | None

    def at(self, line: int | None = None) -> Place:
        """Return a place in it."""
        return Place(f"control/{self.name}", line)


class Home(NamedTuple):
    """A qmail home: the directory, its control files."""

    path: Path
    files: Mapping[str, ControlFile]

    @property
    def greeting_file(self) -> ControlFile:
        """The file that fixsmtpio and authup smtp have their name from."""
        own = self.files["smtpgreeting"]
        return self.files["me"] if own.content is None and own.trouble is None else own


def read(path: Path) -> Home:
    """Return a qmail home. Raises OSError if there is no directory of control files that can be entered."""
    os.listdir(path / "control")
    return Home(path, {name: _read(path / "control" / name) for name in (*KNOWN, *OTHERS)})


def _read(path: Path) -> ControlFile:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            return ControlFile(path.name, None, "it is no file", status)
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return ControlFile(path.name, None, None, None)
    except OSError as error:
        return ControlFile(path.name, None, (error.strerror or "unknown trouble").lower(), None)
    trouble = f"it has more than {MOST_BYTES} bytes" if len(content) > MOST_BYTES else None
    return ControlFile(path.name, None if trouble else content, trouble, status)
