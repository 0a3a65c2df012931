"""What a manual says: its mdoc(7) source taken apart into sections, list items and literal texts.

Only as much of mdoc as our manuals use. In a text that was taken apart each argument (`.Ar`) is HOLE,
which stands for anything.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

MANUALS = Path(__file__).parents[2] / "man"
HOLE = "\N{WHITE SQUARE}"

_MACROS = {"Ar", "Cm", "Ev", "Fl", "Li", "Nm", "Op", "Pa", "Ql", "Xr", "Dv", "Em", "Pq", "Sx", "Nd"}
_NEUTRAL = {"No", "Ns"}
_DELIMITERS = {",", ".", ";", ":"}


class Item(NamedTuple):
    """The head of a list item, or a literal in running text: the macro and the words after it."""

    section: str
    subsection: str
    macro: str
    words: list[str]

    @property
    def text(self) -> str:
        """The words as they are printed, with HOLE for arguments."""
        return printed([self.macro, *self.words])

    @property
    def names(self) -> list[str]:
        """The words of a list of names: `.It Ev A , B`."""
        return [plain(word) for word in self.words if word != ","]


class Page:
    """One manual."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = text.splitlines()

    @classmethod
    def read(cls, name: str) -> "Page":
        """Read man/NAME."""
        return cls((MANUALS / name).read_text())

    @property
    def sections(self) -> list[str]:
        """The headings, in order."""
        return [line.removeprefix(".Sh ") for line in self.lines if line.startswith(".Sh ")]

    def section(self, name: str) -> list[str]:
        """Return the lines of a section."""
        start = self.lines.index(f".Sh {name}") + 1
        rest = self.lines[start:]
        return rest[: next((n for n, line in enumerate(rest) if line.startswith(".Sh ")), len(rest))]

    def heads(self, section: str, macro: str | None = None) -> list[Item]:
        """Return the heads of a section's list items, those that begin with `macro`."""
        found = [item for item in self._items() if item.section == section]
        return [item for item in found if macro in {None, item.macro}]

    def named(self, section: str, macro: str) -> set[str]:
        """Return the names that head a section's list items."""
        return {name for item in self.heads(section, macro) for name in item.names}

    def marked(self, macro: str) -> set[str]:
        """Return the words that `macro` marks anywhere."""
        lines = [line.split() for line in self.lines if line.startswith(".")]
        return {
            plain(word)
            for words in lines
            for place, mark in enumerate(words)
            if mark in {macro, f".{macro}"}
            for word in _until_macro(words[place + 1 :])
            if word not in _DELIMITERS
        }

    def literals_in(self, section: str, but: str = "") -> list[str]:
        """Return what `.Ql` quotes in a section, `but` of one of its subsections."""
        found, subsection = [], ""
        for line in self.section(section):
            if line.startswith(".Ss "):
                subsection = line.removeprefix(".Ss ")
            elif line.startswith(".Ql ") and (not but or subsection != but):
                found.append(_quoted(line))
        return found

    def _items(self) -> Iterator[Item]:
        section = subsection = ""
        for line in self.lines:
            if line.startswith(".Sh "):
                section, subsection = line.removeprefix(".Sh "), ""
            elif line.startswith(".Ss "):
                subsection = line.removeprefix(".Ss ")
            elif line.startswith(".It "):
                head, *words = line.removeprefix(".It ").split()
                yield Item(
                    section, subsection, *((head, words) if head in _MACROS else ("No", [head, *words]))
                )


def plain(word: str) -> str:
    """Return a word without its escapes."""
    return word.replace("\\&", "").replace("\\-", "-").replace("\\e", "\\")


def printed(words: list[str]) -> str:
    """Return a macro line as it is printed: no macros, HOLE for each argument."""
    shown = ""
    joined, is_argument = True, False
    for word in words:
        if word in _MACROS | _NEUTRAL:
            is_argument = word == "Ar"
            joined = joined or word == "Ns"
        elif word in _DELIMITERS:
            shown += word
        else:
            shown += ("" if joined else " ") + (HOLE if is_argument else plain(word))
            joined = False
    return shown


def _quoted(line: str) -> str:
    """Return what `.Ql` quotes; a delimiter at the end of the line stands outside."""
    words = line.split()[1:]
    return printed(words[:-1] if words[-1] in _DELIMITERS else words)


def _until_macro(words: list[str]) -> list[str]:
    end = next((n for n, word in enumerate(words) if word in _MACROS | _NEUTRAL | {"Ta"}), len(words))
    return words[:end]
