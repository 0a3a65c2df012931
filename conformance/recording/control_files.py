"""The control files of a qmail home, copied for a session: those that the programs read, and no others.

What else is there, a key for TLS perhaps, is nobody's business: copies are for everybody to read.
"""

from pathlib import Path
from typing import Final

from conformance.format.lint import READERS
from conformance.recording.log_sessions import LogError

LARGEST: Final = 1024 * 1024


def read(home: Path) -> dict[str, bytes]:
    """Return the files by their paths below the home. Raises LogError, OSError."""
    (home / "control").stat()
    found = {}
    for name in READERS:
        path = home / "control" / name
        if path.is_file():
            if path.stat().st_size > LARGEST:
                raise LogError(f"{path}: expected a control file below {LARGEST} bytes")
            found[f"control/{name}"] = path.read_bytes()
    return found
