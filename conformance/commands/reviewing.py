"""conform review: walk through what failed, cause by cause, and decide."""

import argparse
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from prompt_toolkit import prompt

from conformance import known, rules
from conformance.commands import asked
from conformance.editor import edit
from conformance.format import lint, octets
from conformance.format.talk_writer import formatted
from conformance.playing.beats import ENDINGS
from conformance.playing.verdicts import Kind
from conformance.reports import jsonl
from conformance.reports.blocks import Line, Span, block
from conformance.reports.causes import Cause, causes
from conformance.reports.console import Options, show
from conformance.reports.facts import Report
from conformance.reports.notation import clean

QUESTION: Final = "[s]kip  [k]nown  [a]ccept  [e]dit  [d]ebug  [r]eplay  [q]uit > "
QUIT: Final = "q"


def review(args: argparse.Namespace) -> int:
    """Ask of each cause what to do about it; 1 if one was left as it is."""
    report = jsonl.read(args.files or [asked.LAST])
    found = causes(report)
    reviewer = _Reviewer(report, args)
    left = 0
    for number, cause in enumerate(found, 1):
        reviewer.say([(), (Span(f"{number} of {len(found)}", "dim"),), *block(report, cause)])
        answer = reviewer.decide(cause)
        if answer == QUIT:
            left += len(found) - number + 1
            break
        left += answer == "s"
    reviewer.say([(Span(f"{len(found) - left} of {len(found)} causes decided"),)])
    return 1 if left else 0


class Choice(NamedTuple):
    """What a letter does; `decides` whether the cause is done with, if it works."""

    act: Callable[[Cause], str]
    decides: bool


class _Reviewer:
    """Asks, and carries out. Each choice returns what there is to say, or raises ValueError."""

    def __init__(self, report: Report, args: argparse.Namespace) -> None:
        self._report = report
        self._args = args
        self._choices: Mapping[str, Choice] = {
            "k": Choice(self._note_as_known, decides=True),
            "a": Choice(self._accept, decides=True),
            "e": Choice(self._edit, decides=False),
            "d": Choice(
                lambda cause: self._conform("debug", cause.first.case, "-t", cause.target), decides=False
            ),
            "r": Choice(lambda cause: self._conform("replay", cause.first.token), decides=False),
        }

    def say(self, lines: list[Line]) -> None:
        """Print lines."""
        show(lines, Options(self._args.color, self._args.ascii, None, 0, False), sys.stdout)

    def decide(self, cause: Cause) -> str:
        """Ask until there is a decision; return its letter. The end of input is to leave."""
        while True:
            answer = _ask(QUESTION)
            letter = QUIT if answer is None else answer.strip()[:1].lower()
            if letter in ("s", QUIT):
                return letter
            choice = self._choices.get(letter)
            if choice is None:
                continue
            try:
                words = choice.act(cause)
            except (ValueError, OSError) as error:
                self.say([(Span(clean(f"? {error}"), "bad"),)])
                continue
            self.say([(Span(clean(f"# {words}"), "dim"),)] if words else [])
            if choice.decides:
                return letter

    def _note_as_known(self, cause: Cause) -> str:
        """Add the deviations of the base runs to a file of known ones."""
        why = (_ask("why is it like that? > ") or "").strip()
        if not why:
            raise ValueError("a known deviation has a reason")
        bases = [run for run in cause.runs if run.variation == "base"]
        if not bases:
            raise ValueError("only variations fail: write them into the file yourself (variations = ...)")
        cases = {case.name: case for case in (self._report.case(run.case) for run in bases)}
        text = known.draft(bases, cases).replace("why = ''", f"why = {known.quoted(why)}")
        path = self._args.known or Path(f"{cause.target.strip('./').replace('/', '_')}.toml")
        known.read(path)  # it must be one of ours before something is added to it
        with path.open("a", encoding="utf-8") as file:
            file.write(f"\n{text}")
        return f"{len(bases)} in {path}: conform run ... --known {path}"

    def _accept(self, cause: Cause) -> str:
        """Write what came below the line that it came for, as an accepted alternative (not strict)."""
        finding, case = cause.finding, self._report.case(cause.first.case)
        path = Path(case.file)
        if finding is None or finding.kind is not Kind.WRONG or not finding.line or not finding.got:
            raise ValueError("only another line in place of the one that was expected can be accepted")
        if "#" in case.name or not path.is_file():
            raise ValueError("a row of a table, or a file that is gone: [e]dit it")
        text = path.read_text(encoding="utf-8")
        lines = text.split("\n")
        lane, _, expected = lines[finding.line - 1].strip().partition(": ")
        if not all(isinstance(part, bytes) for part in octets.parse(expected)):
            raise ValueError("what came is different every time, as {pid:...} in the line says: [e]dit it")
        ending = ENDINGS.get(lane, b"\r\n")
        got = octets.write(octets.literal(octets.parse(finding.got)), ending=ending)
        lines.insert(finding.line, f" |: {got}")
        changed = formatted("\n".join(lines), str(path))
        before = {complaint.text for complaint in lint.lint(text, rules.read())}
        for complaint in lint.lint(changed, rules.read(), file=str(path)):
            if complaint.text not in before:
                raise ValueError(str(complaint))
        path.write_text(changed, encoding="utf-8")
        return f"{path}:{finding.line + 1}: |: {got}"

    def _edit(self, cause: Cause) -> str:
        """Open the scenario at the line."""
        finding, case = cause.finding, self._report.case(cause.first.case)
        edit(Path(case.file), max(finding.line if finding else 1, 1))
        return ""

    def _conform(self, *args: str) -> str:
        subprocess.run([sys.executable, "-m", "conformance", *args], check=False)  # noqa: S603
        return ""


def _ask(question: str) -> str | None:
    """Return an answer; None at the end of input."""
    if sys.stdin.isatty() and sys.stdout.isatty():
        try:
            return prompt(question)
        except EOFError:
            return None
    print(question, end="", flush=True)
    line = sys.stdin.readline()
    print(line.rstrip("\n"))
    return line or None
