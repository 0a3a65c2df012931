"""Which scenarios are new, or changed since the last commit, as git says."""

import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from conformance.format.talk import Talk


class NoGitError(Exception):
    """Git is not there, or does not look after the scenarios; the message says so."""


def new(cases: Iterable[Talk]) -> list[Talk]:
    """Return the cases whose file is not as in HEAD. Raises NoGitError."""
    return [case for case in cases if Path(case.file).resolve() in _changed(Path(case.file).resolve().parent)]


@cache
def _changed(directory: Path) -> frozenset[Path]:
    """Return the files below a directory that git sees changed, or not at all yet. Raises NoGitError."""
    top = _git(directory, "rev-parse", "--show-toplevel").rstrip("\n")
    listed = _git(
        directory, "status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--", "."
    )
    return frozenset(Path(top).resolve() / entry[3:] for entry in listed.split("\0") if entry)


def _git(directory: Path, *words: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - words of our own
            ["git", "-C", directory, *words],  # noqa: S607 - whichever git there is
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
    except FileNotFoundError:
        raise NoGitError("--new needs git, which is not installed") from None
    if done.returncode != 0:
        said = done.stderr.strip().partition("\n")[0]
        raise NoGitError(f"--new needs git to know {directory}: {said}")
    return done.stdout
