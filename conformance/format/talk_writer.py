"""Writes scenarios, in the one form that `conform fmt` gives them all.

Only header and talk have a form. What stands in other sections is bytes, and stays as it is.
"""

from itertools import groupby
from typing import Final

from conformance.format.talk import Alternative, Entry, Gap, Happen, Mark, Note, Say, Step, Talk, in_full
from conformance.format.talk_parser import parse

SHORT_KEY: Final = 5
"""Values begin behind the longest key, as if it had at least so many letters: inherit moves them."""
INDENTED: Final = frozenset({"c", "s", "fd3", "K", "T"})
WORDS: Final = frozenset(
    {"title", "rules", "level", "run", "as", "users", "inherit", "fault", "needs", "vary"}
)
"""The keys whose values are words; blanks between them mean nothing."""


def write(talk: Talk) -> str:
    """Return the text of a scenario; parse() gives the same scenario back, with other line numbers."""
    column = max([SHORT_KEY, *(len(entry.key) for entry in talk.header)]) + len(": ")
    lines = _without_loose_gaps([_entry(entry, column) for entry in talk.header])
    if lines:
        lines.append("")
    for section in talk.sections:
        lines.append(f"-- {section.name} --")
        if section.name == "talk":
            lines += _without_loose_gaps([line for step in talk.steps for line in _step(step)])
        else:
            lines += section.lines
    return "".join(line + "\n" for line in lines)


def formatted(text: str, file: str = "<text>") -> str:
    """Return the text of a scenario in the form of write(). Raises TalkError."""
    return write(parse(text, file=file))


def _without_loose_gaps(lines: list[str]) -> list[str]:
    """Return the lines without empty ones at the ends, and with one where there were several."""
    kept = []
    for empty, group in groupby(lines, key=lambda line: line == ""):
        kept += [""] if empty else list(group)
    return kept[kept[:1] == [""] : len(kept) - (kept[-1:] == [""])]


def _entry(entry: Entry, column: int) -> str:
    if entry.key == "":
        return ""
    if entry.key == "#":
        indented = entry.value.startswith((" ", "\t"))
        return " " * column * indented + entry.value.strip()
    value = " ".join(entry.value.split()) if entry.key in WORDS else entry.value
    return f"{entry.key + ':':<{column}}{value}".rstrip()


def _step(step: Step) -> list[str]:
    match step:
        case Gap():
            return [""]
        case Note():
            return [step.text]
        case Mark():
            return [f"+{{{step.column}}}s" if step.column else f"+{in_full(step.seconds)}s"]
        case Happen():
            return [f"{_gutter(step.gutter)}! {step.words}"]
        case Say():
            line = _with_text(f"{_gutter(step.gutter)}:", step.text)
            return [line, *(_alternative(alternative) for alternative in step.alternatives)]


def _gutter(name: str) -> str:
    return " " * 4 + name if name in INDENTED else name


def _alternative(alternative: Alternative) -> str:
    return _with_text(" |info:" if alternative.kind == "info" else " |:", alternative.text)


def _with_text(gutter: str, text: str) -> str:
    return f"{gutter} {text}" if text else gutter
