"""What the debugger shows: every lane as it happens, in the notation of a talk, and answers to commands."""

import os
import shutil
import sys
from collections.abc import Iterable
from typing import IO, Final, Literal

import trio
from rich.console import Console as Terminal
from rich.text import Text

from conformance.debugging.cast import Cast
from conformance.debugging.record import is_ours
from conformance.format import octets
from conformance.playing.beats import ENDINGS
from conformance.playing.verdicts import Moment
from conformance.reports.blocks import Line, Role, Span
from conformance.reports.console import STYLES, prints_symbols
from conformance.reports.notation import ascii_only, clean, decoded
from conformance.reports.transcript import INDENTED, ends, pieces

HEX_ROW: Final = 16
SILENT_WORDS: Final = frozenset({"hold"})
NARROW: Final = 20
READABLE: Final = 100


class Screen:
    """Prints. `hex`, `times` and `quiet` (lanes that are not shown) may be changed at any time."""

    def __init__(
        self, file: IO[str], color: Literal["auto", "always", "never"], *, in_ascii: bool = False
    ) -> None:
        self.hex = False
        self.times = False
        self.quiet: set[str] = set()
        self.muted = False
        """Whether nothing of the lanes is shown, while steps are done again."""
        size = shutil.get_terminal_size()
        self.cast = Cast(max(size.columns, NARROW), size.lines)
        self._out = _Tee(file, self.cast)
        self._ascii = in_ascii or not prints_symbols(file)
        self._terminal = Terminal(
            file=self._out,  # type: ignore[arg-type]
            force_terminal=True if color == "always" else (file.isatty() if color == "auto" else False),
            no_color=color == "never" or "NO_COLOR" in os.environ,
            highlight=False,
            soft_wrap=True,
            legacy_windows=False,
        )
        self._rest: dict[str, list[bytes]] = {}
        self._began = 0.0

    @property
    def width(self) -> int:
        """How many columns there are for text; where it is no terminal, what reads well."""
        return shutil.get_terminal_size().columns if self._out.isatty() else READABLE

    def begin(self) -> None:
        """A new life begins now."""
        self._began = trio.current_time()
        self._rest.clear()

    def moment(self, moment: Moment) -> None:
        """Show something that came, or happened, or that we did."""
        if self.muted or moment.lane in self.quiet:
            return
        if moment.what and moment.lane == "proc":
            return
        for lane in [lane for lane in self._rest if lane != moment.lane]:
            self._flush(lane)
        if not moment.data:
            if moment.what not in SILENT_WORDS:
                self._flush(moment.lane)
                self._line(moment, "!", clean(moment.what))
            return
        if moment.lane == "T":
            return
        ours = is_ours(moment)
        first, last = ends(moment.data)
        for start, end in ((0, first), (last, len(moment.data))):
            if start > first:
                self._flush(moment.lane)
                self.say((Span(f"    … {start - first} bytes …", "dim"),))
            for piece in pieces(moment.data[start:end]):
                packets = self._rest.setdefault(moment.lane, [])
                if ours or not packets:
                    packets.append(piece)
                else:
                    packets[-1] += piece
                if piece.endswith(b"\n") or moment.lane == "fd3":
                    self._flush(moment.lane)

    def settled(self) -> None:
        """Show what is not a whole line yet: nothing more comes for now."""
        for lane in list(self._rest):
            self._flush(lane)

    def say(self, *lines: Line) -> None:
        """Print lines of spans."""
        for line in lines:
            whole = Text()
            for span in line:
                text = ascii_only(span.text) if self._ascii else span.text
                whole.append(text, STYLES[span.role])
            self._terminal.print(whole)

    def words(self, *texts: str, role: Role = "plain") -> None:
        """Print lines of words, cleaned of what a terminal would obey."""
        self.say(*((Span(clean(text), role),) for text in texts))

    def comment(self, text: str) -> None:
        """Print a remark, as a talk has it."""
        self.words(f"# {text}", role="dim")

    def error(self, text: str) -> None:
        """Print what is wrong with a command."""
        self.words(f"? {text}", role="bad")

    def typed(self, prompt: str, text: str) -> None:
        """Show a command that was typed: the terminal has taken it away, and a pipe shows nothing."""
        self.say((Span(prompt, "dim"), Span(clean(text))))

    def resized(self) -> None:
        """Take note of the terminal's size."""
        size = shutil.get_terminal_size()
        self.cast.resized(size.columns, size.lines)

    def _flush(self, lane: str) -> None:
        """Show what there is of a line; where we have sent it in packets, their edges."""
        packets = self._rest.pop(lane, [])
        if not packets:
            return
        moment = Moment(trio.current_time(), lane, b"".join(packets))
        if self.hex:
            for start in range(0, len(moment.data), HEX_ROW):
                row = moment.data[start : start + HEX_ROW]
                shown = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
                self._line(moment, ":", f"{row.hex(' '):<{HEX_ROW * 3}} {shown}")
            return
        inside = decoded(moment.data)
        texts = [octets.write(packet) for packet in packets[:-1]]
        texts.append(octets.write(packets[-1], ending=ENDINGS.get(lane, b"\r\n")))
        self._line(moment, ":", r"\|".join(texts), f'   "{inside}"' if inside else "")

    def _line(self, moment: Moment, mark: str, text: str, note: str = "") -> None:
        lane = moment.lane
        stamp = f"{moment.time - self._began:9.3f}  " if self.times else ""
        indent = "    " if lane in INDENTED else ""
        role: Role = "rule" if mark == "!" else ("plain" if is_ours(moment) else "strong")
        gutter = f"{indent}{lane}{mark}"
        self.say(
            (
                Span(stamp, "dim"),
                Span(gutter, "dim"),
                Span(f" {text}" if text else "", role),
                Span(note, "dim"),
            )
        )


class _Tee:
    """A file that writes to the terminal and to the recording."""

    def __init__(self, file: IO[str], cast: Cast) -> None:
        self._file = file
        self._cast = cast

    def write(self, text: str) -> int:
        # By way of sys.stdout if that is the file: while a prompt is shown it prints above it.
        file = sys.stdout if self._file is sys.__stdout__ else self._file
        file.write(text)
        self._cast.output(text)
        return len(text)

    def flush(self) -> None:
        file = sys.stdout if self._file is sys.__stdout__ else self._file
        file.flush()

    def isatty(self) -> bool:
        return self._file.isatty()

    @property
    def encoding(self) -> str | None:
        return getattr(self._file, "encoding", None)


def plain(texts: Iterable[str]) -> list[Line]:
    """Return lines of plain words."""
    return [(Span(clean(text)),) for text in texts]
