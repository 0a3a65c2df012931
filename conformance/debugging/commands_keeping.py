"""Commands that change a control file, and that keep what was seen: as a scenario, as a recording."""

import os
import re
import shlex
import subprocess
import sys
import tempfile
from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from typing import Final

import trio

from conformance import targets
from conformance.cli import NOTHING, UNUSABLE, USAGE
from conformance.debugging.debugger import Debugger
from conformance.debugging.session import CannotError, Session
from conformance.debugging.steps import Anew
from conformance.debugging.table import Command, Outcome, Quit, needs
from conformance.editor import edit
from conformance.format import octets
from conformance.playing.verdicts import Moment
from conformance.recording import drafts
from conformance.recording.as_talk import talk_text
from conformance.recording.recording import Recording
from conformance.targets import TargetConfig


async def control(debugger: Debugger, text: str) -> Outcome:
    """`:control [NAME [CHANGE]]`: show, change; after a change all that was done is done again."""
    name, _, change = text.partition(" ")
    files = debugger.setting.score.files
    if not name:
        debugger.screen.words(*(f"{key}  ({len(data)} bytes)" for key, data in sorted(files.items())))
        return None
    path = name if "/" in name else f"control/{name}"
    if ".." in path.split("/") or path.startswith("/") or "//" in path or path.endswith("/"):
        raise CannotError("expected a file below the qmail home, such as smtpgreeting")
    old = files.get(path)
    if not change:
        _show(debugger, path, old)
        return None
    new = None
    if change != "remove":
        new = await _edited(old or b"") if change == "edit" else changed(old or b"", change)
    if new == old:
        debugger.screen.comment(f"{path} is as it was")
        return None
    debugger.setting = debugger.setting.with_file(path, new)
    steps = tuple(debugger.session.steps)
    return Anew(steps, words=f"{path} has changed: started anew, {len(steps)} steps done again")


def _show(debugger: Debugger, path: str, data: bytes | None) -> None:
    if data is None:
        raise CannotError(f"{path} is not there; :control {path} + LINE makes it")
    lines = data.splitlines()
    debugger.screen.words(*(f"{number:4}  {octets.write(line)}" for number, line in enumerate(lines, 1)))


def changed(data: bytes, change: str) -> bytes:
    """Return a file with `+ LINE`, `N LINE`, `N -` done to it. Raises CannotError."""
    what, _, text = change.partition(" ")
    lines = data.splitlines()
    line = octets.literal(octets.parse(text))
    if what == "+":
        return b"".join(one + b"\n" for one in [*lines, line])
    if not re.fullmatch("[0-9]{1,9}", what) or not 1 <= int(what) <= len(lines):
        raise CannotError(f"expected edit, remove, + LINE, N LINE or N - (N from 1 to {len(lines)})")
    lines[int(what) - 1 : int(what)] = [] if text == "-" else [line]
    return b"".join(one + b"\n" for one in lines)


async def _edited(data: bytes) -> bytes:
    """Have a person edit a file. Raises CannotError."""
    if not sys.stdin.isatty():
        raise CannotError("expected + LINE, N LINE or N -: there is no terminal to edit at")
    with tempfile.TemporaryDirectory(prefix="conform-") as directory:
        path = Path(directory) / "control"
        path.write_bytes(data)
        try:
            await trio.to_thread.run_sync(edit, path)
        except ValueError as error:
            raise CannotError(f"{error}: nothing is changed") from None
        return path.read_bytes()


def recording(debugger: Debugger, other: TargetConfig | None = None) -> Recording:
    """Return what was seen in this life, as far as it can be the same on another target."""
    session, score = debugger.session, debugger.setting.score
    logs = all(target is None or target.log for target in (debugger.setting.target, other))
    return Recording(
        chain=score.chain,
        moments=tuple(moment for moment in _kept(session) if logs or moment.lane != "E"),
        processes=tuple(session.processes),
        uid=debugger.setting.opening.uid,
        users=tuple(session.users),
        env=tuple(score.talk.all("env")),
        inherit=tuple(score.talk.all("inherit")),
        files=score.files,
        origin=f"a session of conform debug, target {debugger.setting.target.name}",
        exact=debugger.setting.is_simulated,
    )


def _kept(session: Session) -> list[Moment]:
    """Return the record, with times since the start of this life; a front end let go holds nothing."""
    record, began = session.record, session.began
    held = session.by_hand["tls"] or any(
        moment.lane == "T" and moment.what.startswith(("block", "refuse", "hangup")) for moment in record
    )
    return [
        replace(moment, time=moment.time - began)
        for moment in record
        if moment.lane != "proc" and (held or (moment.lane, moment.what) != ("T", "hold"))
    ]


async def save(debugger: Debugger, text: str) -> Outcome:
    """`:save FILE`: a scenario, linted and played once more."""
    path = keep(debugger, Path(needs(text, ":save FILE.talk")))
    lint = await _conform("lint", "--", str(path))
    debugger.screen.comment("lint: ok" if lint.returncode == 0 else f"lint: {_first_line(lint)}")
    await _play(debugger, path, debugger.setting.target.name)
    return None


def keep(debugger: Debugger, path: Path) -> Path:
    """Write the session as a scenario; return the name that the file has. Raises CannotError."""
    title = f"{path.stem.replace('-', ' ')}: recorded"
    written = talk_text(recording(debugger), title=title)
    try:
        path = drafts.write(path, written)
    except OSError as error:
        raise CannotError(f"{error.filename or path}: {error.strerror}") from None
    debugger.screen.comment(f"{path}: {len(written.splitlines())} lines")
    return path


async def diff(debugger: Debugger, text: str) -> Outcome:
    """`:diff TARGET`: the same session there; the first difference."""
    target = needs(text, ":diff TARGET; `conform targets` has them")
    try:
        other = targets.find(target, targets.known())
    except targets.TargetError as error:
        raise CannotError(str(error)) from None
    heard = "ST" if debugger.session.client_lane == "CT" else "S"
    seen = replace(recording(debugger, other), still=heard if debugger.is_connected else "")
    written = talk_text(seen, title="session")
    with tempfile.TemporaryDirectory(prefix="conform-") as directory:
        path = Path(directory) / "session.talk"
        path.write_text(written, encoding="utf-8")
        await _play(debugger, path, target)
    return None


async def _play(debugger: Debugger, path: Path, target: str) -> None:
    """Play a file on a target, in a process of its own, and show what comes of it."""
    with tempfile.TemporaryDirectory(prefix="conform-") as directory:
        stream = Path(directory) / "played.jsonl"
        options = ["--vary", "none", "--slow", "--level", "info", "--color", "never", "--jsonl", str(stream)]
        result = await _conform("run", "--aside", f"--target={target}", *options, "--", str(path))
    if result.returncode == 0:
        debugger.screen.comment(f"the same dialogue on {target}: identical")
        return
    if result.returncode in (USAGE, UNUSABLE):
        raise CannotError(_first_line(result).removeprefix("conform: "))
    lines = (result.stdout + result.stderr).decode(errors="replace").splitlines()
    if result.returncode == NOTHING:
        raise CannotError(f"{target} cannot play this: {lines[0].rpartition('skip: ')[2]}")
    debugger.screen.comment(f"not the same on {target}; expected: this session, got: what {target} does")
    block = takewhile(lambda line: not line.startswith((" rules ", "   again:")), lines[2:])
    shown = (line.replace(str(path), path.name) for line in block if line.strip())
    debugger.screen.words(*(line for line in shown if not line.startswith("   rules of this")))


async def _conform(*args: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "conformance", *args]
    return await trio.run_process(command, capture_stdout=True, capture_stderr=True, check=False, stdin=b"")


def _first_line(result: subprocess.CompletedProcess[bytes]) -> str:
    lines = (result.stdout + result.stderr).decode(errors="replace").strip().splitlines()
    return lines[0] if lines else f"exit {result.returncode}"


async def cast(debugger: Debugger, text: str) -> Outcome:
    """`:cast FILE`: what the screen has shown, for asciinema."""
    path = Path(needs(text, ":cast FILE.cast"))
    try:
        count = debugger.screen.cast.write(path, os.environ)
    except OSError as error:
        raise CannotError(f"{error.filename or path}: {error.strerror}") from None
    debugger.screen.comment(f"{path}: {count} events; asciinema play {shlex.quote(str(path))}")
    return None


async def leave(_debugger: Debugger, _: str) -> Outcome:
    """`:quit`."""
    return Quit()


def _files(debugger: Debugger) -> list[str]:
    return [name.removeprefix("control/") for name in debugger.setting.score.files] + ["edit", "remove"]


COMMANDS: Final = (
    Command(
        "control",
        "[NAME [edit|remove|+ LINE|N LINE|N -]]",
        "show or change a control file; then all is done again",
        control,
        _files,
        lives=False,
    ),
    Command("save", "FILE", "write the session as a scenario, lint it and play it", save, lives=False),
    Command(
        "diff",
        "TARGET",
        "the same session on another target: the first difference",
        diff,
        lambda _: ("sim", "ours"),
        lives=False,
    ),
    Command("cast", "FILE", "write what the screen has shown, for asciinema", cast, lives=False),
    Command("quit", "", "leave; Ctrl-D at the end does it too", leave, lives=False),
)
