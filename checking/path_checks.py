"""Whether the programs of a command line are there, and whether those who must can run them."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from checking.chain import Chain, Program
from checking.programs import Role
from checking.remarks import COMMAND_LINE, Remark, quoted, remark

USUAL_PATH = "/bin:/usr/bin"


def check(chain: Chain, path: str | None) -> Iterator[Remark]:
    """Yield which programs cannot be run, along the PATH, or along that which the command line sets."""
    is_user = False
    for program in chain.programs:
        yield from _one(program, path or USUAL_PATH, is_user=is_user)
        is_user = is_user or program.role is Role.LOGIN
        path = os.fsdecode(program.sets.get(b"PATH", b"")) or path


def _one(program: Program, path: str, *, is_user: bool) -> Iterator[Remark]:
    word = os.fsdecode(program.words[0])
    if word == "exec":  # a word of the shell
        return
    if "\0" in word:
        yield remark("not-executable", COMMAND_LINE, f"{quoted(program.words[0])} is no name of a program.")
        return
    places = [Path(word)] if "/" in word else [Path(place or ".") / word for place in path.split(":")]
    files = [place for place in places if _is_file(place)]
    runnable = next((file for file in files if os.access(file, os.X_OK)), None)
    if not files:
        yield remark(
            "not-found",
            COMMAND_LINE,
            f"There is no {quoted(program.words[0])}"
            + ("." if "/" in word else f" along the PATH {quoted(os.fsencode(path))}."),
            ""
            if "/" in word
            else "The service may have another PATH than this check: look into the run script.",
        )
    elif runnable is None:
        yield remark(
            "not-executable",
            COMMAND_LINE,
            f"{quoted(os.fsencode(files[0]))} cannot be executed.",
            f"chmod +x {files[0]}",
        )
    elif program.role is Role.LOGIN and runnable.stat().st_mode & stat.S_ISUID:
        yield remark(
            "setuid",
            COMMAND_LINE,
            f"{quoted(os.fsencode(runnable))} is setuid. SMTP AUTH patches wanted that; authup runs it as "
            "root "
            "anyway, and who can run it can guess passwords with it.",
            f"chmod -s {runnable}",
        )
    elif is_user and not _for_others(runnable):
        yield remark(
            "not-executable",
            COMMAND_LINE,
            f"{quoted(os.fsencode(runnable))} runs as the user who has logged in, and users cannot execute "
            "it.",
            f"chmod o+rx {runnable}, and o+x for the directories above it.",
        )


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


def _for_others(path: Path) -> bool:
    real = Path(os.path.realpath(path))
    return all(place.stat().st_mode & stat.S_IXOTH for place in (real, *real.parents))
