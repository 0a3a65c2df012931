"""What a run says on the terminal: progress while it runs; at the end the cases, each cause once, a footer.

On a terminal progress is a line for each target, redrawn; elsewhere a line for each finished case.
"""

import os
import sys
from collections import Counter
from collections.abc import Mapping
from typing import IO, Literal, NamedTuple

from rich.console import Console as Terminal
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Column
from rich.text import Text

from conformance.playing.verdicts import Result, Verdict
from conformance.reports.blocks import Line, Span, block
from conformance.reports.causes import causes
from conformance.reports.facts import Report
from conformance.reports.notation import ascii_only, clean
from conformance.reports.overview import FEW, cell_words, footer, listing
from conformance.reports.summary import Cell
from conformance.reports.transcript import transcript

STYLES = {"plain": "", "bad": "bold red", "good": "green", "dim": "dim", "strong": "bold", "rule": "cyan"}
MOST_BLOCKS = 20
WIDE = 110  # columns from which the progress names cases


class Options(NamedTuple):
    """How to print."""

    color: Literal["auto", "always", "never"] = "auto"
    ascii: bool = False
    width: int | None = None
    verbose: int = 0
    hex: bool = False


class Console:
    """Prints one run: begin(), result() for each result, case_is_over() for each case, finish()."""

    def __init__(self, options: Options | None = None, file: IO[str] | None = None) -> None:
        self._options = options or Options()
        self._file = file or sys.stdout
        self._ascii = self._options.ascii or not prints_symbols(self._file)
        self._terminal = _terminal(self._options, self._file)
        self._progress: Progress | None = None
        self._listed = False  # each case has had its line while it ran
        self._tasks: dict[str, TaskID] = {}
        self._bad: dict[str, Counter[str]] = {}
        self._open: dict[tuple[str, str], int] = {}
        self._runs: dict[tuple[str, str], list[Result]] = {}

    @property
    def width(self) -> int:
        """How many columns there are."""
        return self._terminal.width

    def begin(self, plan: Mapping[tuple[str, str], int]) -> None:
        """Show what is going to run: (case, target) to the number of runs."""
        self._open = dict(plan)
        totals: Counter[str] = Counter()
        for (_, target), count in plan.items():
            totals[target] += count
        self._bad = {target: Counter() for target in totals}
        if self._file.isatty() and not self._options.verbose:
            self._progress = _progress(self._terminal, in_ascii=self._ascii)
            for target, total in totals.items():
                task = self._progress.add_task(target, total=total, case="", rate="", bad="")
                self._tasks[target] = task
            self._progress.start()

    def result(self, result: Result) -> None:
        """Show that a run is over."""
        key = (result.case, result.target)
        self._runs.setdefault(key, []).append(result)
        if result.verdict.bad or result.verdict is Verdict.HARNESS:
            self._bad.setdefault(result.target, Counter())[result.verdict.value] += 1
        if self._options.verbose and (result.variation == "base" or result.verdict.bad):
            lines = transcript(result, timing=self._options.verbose > 1, as_hex=self._options.hex)
            self._print([*lines, ()])
        self._advance(key, 1)

    def case_is_over(self, case: str, target: str) -> None:
        """Show that a case has no more results: what else was planned of it is taken back."""
        self._advance((case, target), self._open.get((case, target), 0), ran=False)
        if self._progress is None and not self._options.verbose:
            self._finished((case, target))

    def finish(self, report: Report, *, where: str = "") -> None:
        """Print what came out; `where` names the report's place."""
        more = f"see {where}" if where else "--html DIR makes a report of all, also with `conform report`"
        self.stop()
        found = causes(report)
        if not self._listed:
            self._print(listing(report, self.width, everything=bool(self._options.verbose)))
        for cause in found[:MOST_BLOCKS]:
            self._print([(), *block(report, cause, self.width)])
        if len(found) > MOST_BLOCKS:
            self._print([(), (Span(f" … and {len(found) - MOST_BLOCKS} more causes: ", "bad"), Span(more))])
        self._print([(), *footer(report, where=where)])

    def stop(self) -> None:
        """Stop redrawing; the terminal is as it was."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def _advance(self, key: tuple[str, str], count: int, *, ran: bool = True) -> None:
        self._open[key] = self._open.get(key, count) - count
        if self._progress is not None and key[1] in self._tasks:
            task = self._progress.tasks[self._tasks[key[1]]]
            speed = f"{task.speed:.0f}/s" if task.speed else ""
            bad = " ".join(f"{number} {word}" for word, number in self._bad[key[1]].items())
            advance, total = (count, task.total) if ran else (0, (task.total or count) - count)
            self._progress.update(
                task.id, advance=advance, total=total, case=clean(key[0]), rate=speed, bad=bad or "all passed"
            )

    def _finished(self, key: tuple[str, str]) -> None:
        """Print the one line of a finished case."""
        cell = Cell(*key, tuple(self._runs.get(key, ())))
        if cell.runs:
            self._listed = True
        if cell.runs and (cell.verdict is not Verdict.SKIP or len(self._open) <= FEW):
            symbol, words = cell_words(cell)
            role = symbol.role
            line = (
                Span(" "),
                symbol,
                Span(f" {cell.case}", "strong"),
                Span(f"  {cell.target}  "),
                Span(words, role),
            )
            self._print([line])

    def _print(self, lines: list[Line]) -> None:
        _print_lines(lines, self._terminal, in_ascii=self._ascii)


def show(lines: list[Line], options: Options, file: IO[str]) -> None:
    """Print lines of spans."""
    _print_lines(lines, _terminal(options, file), in_ascii=options.ascii or not prints_symbols(file))


def _print_lines(lines: list[Line], terminal: Terminal, *, in_ascii: bool) -> None:
    for line in lines:
        text = Text(no_wrap=True, overflow="ignore", end="\n")
        for span in line:
            text.append(ascii_only(span.text) if in_ascii else span.text, STYLES[span.role])
        text.rstrip()
        terminal.print(text, soft_wrap=True, highlight=False)


def _terminal(options: Options, file: IO[str]) -> Terminal:
    never = options.color == "never" or (options.color == "auto" and bool(os.environ.get("NO_COLOR")))
    always = options.color == "always"
    return Terminal(
        file=file,
        color_system=None if never else ("standard" if always else "auto"),
        force_terminal=True if always else None,
        no_color=never,
        width=options.width or (None if file.isatty() else 110),
        markup=False,
        emoji=False,
        highlight=False,
        legacy_windows=False,
    )


def _progress(terminal: Terminal, *, in_ascii: bool) -> Progress:
    # What may be long gives way: rich would take the room from the bars.
    wide = terminal.width >= WIDE
    long: Literal["crop", "ellipsis"] = "crop" if in_ascii else "ellipsis"
    bar = BarColumn(bar_width=24 if wide else 14, table_column=Column(no_wrap=True))
    name = Column(no_wrap=True, overflow=long, max_width=24 if wide else 12)
    case = Column(no_wrap=True, overflow=long, max_width=max(terminal.width - 96, 8))
    return Progress(
        TextColumn("{task.description}", markup=False, table_column=name),
        TextColumn("{task.percentage:>3.0f}%") if in_ascii else bar,
        MofNCompleteColumn(table_column=Column(no_wrap=True)),
        TextColumn("{task.fields[rate]}", markup=False, table_column=Column(no_wrap=True)),
        TextColumn("{task.fields[bad]}", style="bold", markup=False, table_column=Column(overflow=long)),
        TimeRemainingColumn(compact=True, table_column=Column(no_wrap=True)),
        *([TextColumn("{task.fields[case]}", style="dim", markup=False, table_column=case)] if wide else []),
        console=terminal,
        transient=True,
        refresh_per_second=8,
    )


def prints_symbols(file: IO[str]) -> bool:
    """Say whether symbols outside ASCII can be written to a file."""
    try:
        "✔␍█".encode(getattr(file, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
