"""A session of a log as the text of a scenario."""

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from conformance.playing.stage import CHECKPASSWORD, SUBJECTS
from conformance.recording import control_files, log_recording
from conformance.recording.as_talk import talk_text
from conformance.recording.filling import filled
from conformance.recording.log_sessions import LogError, Session
from fakes.programs import PROGRAMS

RECORDER: Final = "recordio"
FILTER: Final = "{fixsmtpio}"
PLAYED: Final = {*SUBJECTS, *(name.decode() for name in PROGRAMS)}
"""The programs that a command line without braces means to have in them."""


def scenario(session: Session, log: str, *, run: str | None, home: Path | None, env: Sequence[str]) -> str:
    """Return the scenario of a session.

    `log` is the log's name, `run` the chain as words, `home` the qmail home whose control files are taken,
    `env` has NAME=VALUE. Raises LogError, OSError.
    """
    origin = f"{session.kind} log {Path(log).name}, session {session.id}"
    files = control_files.read(home) if home else {}
    if session.kind == RECORDER:
        recording = filled(*log_recording.of_client(session, origin, files, env, chain(run)))
    else:
        recording = log_recording.of_filter(session, origin, files, env)
        if run:
            recording = replace(recording, chain=_from_the_filter(chain(run)))
    return talk_text(recording, title=f"session {session.id} of a log, as it was")


def _from_the_filter(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return what of a chain the log of fixsmtpio is about. Raises LogError."""
    if FILTER not in words:
        raise LogError("--run: expected fixsmtpio in it, whose log this is")
    return words[words.index(FILTER) :]


def chain(run: str | None) -> tuple[str, ...]:
    """Understand --run: words as in `run:`, or those of a run script, whose programs get braces.

    Raises LogError.
    """
    if not run:
        raise LogError(
            "expected --run CHAIN for what recordio saw, such as --run 'authup smtp checkpassword ofmipd'"
        )
    try:
        words = shlex.split(run)
    except ValueError as error:
        raise LogError(f"--run: {error}") from None
    if any(len(word.split()) != 1 for word in words):
        raise LogError("--run: expected words without blanks in them")
    names = [Path(word).name.strip("{}") for word in words]
    first = next((place for place, name in enumerate(names) if name in SUBJECTS), None)
    if first is None:
        raise LogError(f"--run: expected one of {' '.join(sorted(SUBJECTS))}")
    if RECORDER in names and "fixsmtpio" in names[: names.index(RECORDER)]:
        raise LogError(
            "recordio behind fixsmtpio: its log does not have what the client said; use FIXSMTPIODEBUG"
        )
    words = [word for word, name in zip(words[first:], names[first:], strict=True) if name != RECORDER]
    return tuple(words if "{" in run else _braced(words))


def _braced(words: Sequence[str]) -> list[str]:
    """Put braces around the programs that are tested or played; what is behind them is the inner program."""
    names = [Path(word).name for word in words]
    found = [f"{{{name}}}" if name in PLAYED else word for word, name in zip(words, names, strict=True)]
    if not set(names) & PLAYED - SUBJECTS - CHECKPASSWORD:
        last = max(place for place, name in enumerate(names) if name in PLAYED)
        for place in range(last + 1, len(words)):
            if names[place] != "env" and "=" not in names[place]:
                found[place] = f"{{{names[place]}}}"
                break
    return found
