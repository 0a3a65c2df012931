"""Whether the programs of a command line are there, and whether those who must can run them."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from checking.chain import Chain, Program
from checking.programs import Role
from checking.remarks import COMMAND_LINE, NOTE, Remark, odd, quoted, remark

USUAL_PATH = "/bin:/usr/bin"


def check(chain: Chain, path: str | None, home: Path) -> Iterator[Remark]:
    """Yield which programs cannot be run, along the PATH, or along that which the command line sets."""
    is_user = False
    missing: dict[str, list[bytes]] = {}
    for program in chain.programs:
        word, searched = os.fsdecode(program.words[0]), path or USUAL_PATH
        files = [place for place in _places(word, searched) if _is_file(place)]
        if "\0" in word:
            yield odd("not-executable", f"{quoted(program.words[0])} is no name of a program.")
        elif files:
            yield from _one(program, files, is_user=is_user)
        elif "/" in word:
            yield odd("not-found", f"There is no {quoted(program.words[0])}.")
        elif word != "exec":  # a word of the shell
            missing.setdefault(searched, []).append(program.words[0])
        is_user = is_user or program.role is Role.LOGIN
        path = os.fsdecode(program.sets.get(b"PATH", b"")) or path
    for searched, words in missing.items():
        yield _missing(searched, words, home)


def _missing(path: str, words: list[bytes], home: Path) -> Remark:
    names = ", ".join(map(quoted, words))
    elsewhere = all(_is_file(home / "bin" / os.fsdecode(word)) for word in words)
    return remark(
        "not-found",
        COMMAND_LINE,
        f"Not found along the PATH of this check, {quoted(os.fsencode(path))}: {names}.",
        f"They are in {home}/bin: let the run script have that in its PATH."
        if elsewhere
        else "The service may have another PATH than this check: look into the run script.",
        severity=NOTE if elsewhere else None,
    )


def _places(word: str, path: str) -> list[Path]:
    if "/" in word:
        return [Path(word)]
    return [Path(place or ".") / word for place in path.split(":")]


def _one(program: Program, files: list[Path], *, is_user: bool) -> Iterator[Remark]:
    runnable = next((file for file in files if os.access(file, os.X_OK)), None)
    if runnable is None:
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
            "root anyway, and who can run it can guess passwords with it.",
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
