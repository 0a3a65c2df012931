"""Recorded scenarios as files: one takes the place of another, and of nothing that a person wrote."""

import errno
from pathlib import Path
from typing import Final

MARK: Final = "\ndraft:"


def write(path: Path, text: str) -> None:
    """Write a recorded scenario. Raises OSError, also where a file stands that is no draft."""
    if path.is_file() and MARK not in path.read_text(encoding="utf-8", errors="replace"):
        raise FileExistsError(errno.EEXIST, "is there, and no draft: choose another name", str(path))
    path.write_text(text, encoding="utf-8")
