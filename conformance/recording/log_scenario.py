"""A session of a log as the text of a scenario."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from conformance.playing.stage import SUBJECTS
from conformance.recording import log_recording
from conformance.recording.as_talk import talk_text
from conformance.recording.filling import filled
from conformance.recording.log_sessions import LogError, Session
from fakes.programs import PROGRAMS

RECORDER: Final = "recordio"
PLAYED: Final = {*SUBJECTS, *(name.decode() for name in PROGRAMS)}
"""The programs that a command line without braces means to have in them."""


def scenario(session: Session, log: str, *, run: str | None, home: Path | None, env: Sequence[str]) -> str:
    """Return the scenario of a session.

    `log` is the log's name, `run` the chain as words, `home` the qmail home whose control files are taken,
    `env` has NAME=VALUE. Raises LogError, OSError.
    """
    origin = f"{session.kind} log {Path(log).name}, session {session.id}"
    files = log_recording.control_files(home)
    if session.kind == RECORDER:
        recording = filled(log_recording.of_client(session, origin, files, env, chain(run)))
    else:
        recording = log_recording.of_filter(session, origin, files, env)
        if run:
            recording = replace(recording, chain=chain(run))
    return talk_text(recording, title=f"session {session.id} of a log, as it was")


def chain(run: str | None) -> tuple[str, ...]:
    """Understand --run: words as in `run:`, or those of a run script, whose programs get braces.

    Raises LogError.
    """
    if not run:
        raise LogError(
            "expected --run CHAIN for what recordio saw, such as --run 'authup smtp checkpassword ofmipd'"
        )
    words = run.split()
    if RECORDER in words and any(
        Path(w).name.strip("{}") == "fixsmtpio" for w in words[: words.index(RECORDER)]
    ):
        raise LogError(
            "recordio behind fixsmtpio: its log does not have what the client said; use FIXSMTPIODEBUG"
        )
    words = [word for word in words if word != RECORDER]
    if "{" not in run:
        words = [f"{{{Path(word).name}}}" if Path(word).name in PLAYED else word for word in words]
    return tuple(words)
