"""The editor of whoever sits at the terminal."""

import os
import shlex
import subprocess
from pathlib import Path


def edit(path: Path, line: int = 0) -> None:
    """Open a file in $VISUAL, $EDITOR or vi, at a line if one is given, until it is left.

    Raises ValueError if that is no command line or does not end well.
    """
    chosen = os.environ.get("VISUAL") or os.environ.get("EDITOR") or ""
    try:
        words = shlex.split(chosen) or ["vi"]
        place = [f"+{line}"] if line else []
        code = subprocess.run([*words, *place, str(path)], check=False).returncode  # noqa: S603 - the user's own
    except (OSError, ValueError) as error:
        raise ValueError(f"{chosen or 'vi'}: {getattr(error, 'strerror', None) or error}") from None
    if code:
        raise ValueError(f"{words[0]} has said {code}")
