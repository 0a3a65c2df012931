"""The sessions in docs/debugging.md are what the debugger says: each is played again.

In front of a block stands, in an HTML comment, the command line and what is typed.
"""

import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import NamedTuple

import pytest

from conformance.debugging.table import Command
from conformance.debugging.words import COMMANDS

ROOT = Path(__file__).parents[3]
DOCUMENT = ROOT / "docs" / "debugging.md"
_SESSION = re.compile(r"<!-- (conform .*)\n((?:.*\n)*?)-->\n((?:\n|    .*\n)+)")


LOG = """\
> 220 mail.example.org ESMTP\r\40
< EHLO phone.example\r\40
> 250-mail.example.org\r\40
> 250-AUTH LOGIN PLAIN\r\40
> 250-PIPELINING\r\40
> 250 8BITMIME\r\40
< AUTH PLAIN AGFsaWNlAGh1bnRlcjI=\r\40
> 535 authup authorization failed (#5.7.0)\r\40
> [EOF]
"""


class Session(NamedTuple):
    """A command line, what is typed, and what the document says that it says."""

    command: str
    typed: str
    said: str


def sessions() -> list[Session]:
    """Return the sessions of the document."""
    found = _SESSION.findall(DOCUMENT.read_text())
    return [Session(command, typed, textwrap.dedent(block).strip("\n")) for command, typed, block in found]


def furnished(directory: Path) -> Path:
    """Put there what the stories tell of: control files with one rule too many, a log."""
    control = directory / "qmail" / "control"
    control.mkdir(parents=True)
    for path in (ROOT / "examples" / "control").iterdir():
        shutil.copy(path, control)
    (control / "smtpgreeting").write_text("mail.example.org\n")
    (control / "smtpcapabilities").write_text("PIPELINING\n8BITMIME\n")
    with (control / "fixsmtpio").open("a") as file:
        file.write(":ehlo::250?8*::\n")
    (directory / "smtp.log").write_text("".join(f"4711 {line}\n" for line in LOG.split("\n")[:-1]))
    return directory


def play(session: Session, directory: Path) -> str:
    """Return what the command says, with its command line as the document shows it."""
    words = shlex.split(session.command)
    result = subprocess.run(
        [sys.executable, "-m", "conformance", *words[1:]],
        input=session.typed.encode(),
        capture_output=True,
        cwd=directory,
        check=False,
        timeout=100,
    )
    assert not result.stderr
    assert result.returncode == ("--replay" in words)  # the story's log is that of other programs
    return f"$ {session.command}\n{result.stdout.decode()}".strip("\n")


@pytest.mark.parametrize("number", range(len(sessions())))
def test_the_session_is_as_in_the_document(number: int, tmp_path: Path) -> None:
    session = sessions()[number]
    assert play(session, furnished(tmp_path)) == session.said


def test_there_is_a_session_for_each_story() -> None:
    text = DOCUMENT.read_text()
    stories = [story for story in re.split(r"^## ", text, flags=re.MULTILINE)[1:] if story.split("\n")[0]]
    told = [story.split("\n")[0] for story in stories if _SESSION.search(story)]
    assert told == [
        "Why does my client say 535?",
        "Which rule ate my EHLO line?",
        "From a bug report to a scenario",
    ]


def test_every_command_is_in_the_table() -> None:
    def row(command: Command) -> str:
        words = command.words.replace("\\", "\\\\")  # outside of `...` a backslash quotes
        cells = (f"`{f':{command.name} {command.usage}'.strip()}`", words)
        return "| {} | {} |".format(*(cell.replace("|", r"\|") for cell in cells))

    text = DOCUMENT.read_text()
    assert [row(command) for command in COMMANDS.values() if row(command) not in text] == []
