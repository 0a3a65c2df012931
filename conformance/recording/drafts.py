"""Recorded scenarios as files: one takes the place of another, and of nothing that a person wrote."""

import errno
from pathlib import Path
from typing import Final

MARK: Final = "\ndraft:"


def write(path: Path, text: str) -> Path:
    """Write a recorded scenario; return its path, which ends in .talk where the file is new.

    Raises OSError, also where a file stands that is no draft.
    """
    if path.suffix != ".talk" and not path.exists():
        path = path.with_name(path.name + ".talk")
    if path.is_file() and MARK not in path.read_text(encoding="utf-8", errors="replace"):
        raise FileExistsError(errno.EEXIST, "is there, and no draft: choose another name", str(path))
    path.write_text(text, encoding="utf-8")
    return path
