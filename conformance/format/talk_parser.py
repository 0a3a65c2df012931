"""Reads .talk files. An error names the file, the line and what was expected."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from conformance.format import octets
from conformance.format.talk import (
    EVENT_GUTTERS,
    EXPECTING,
    GUTTERS,
    HEADER_KEYS,
    REPEATED,
    Alternative,
    Entry,
    Gap,
    Happen,
    Mark,
    Note,
    Say,
    Section,
    Step,
    Talk,
)

_SECTION = re.compile(r"-- (\S+(?: \S+)*) --")
_SAY = re.compile(r"(\w+):(?: (.*))?")
_HAPPEN = re.compile(r"(\w+)! (\S.*)")
_MARK = re.compile(r"\+(?:([0-9]+(?:\.[0-9]+)?)|\{([a-z][a-z0-9_]*)\})s")
_NOTE = re.compile(r"#(?: \[([^\]]*)\])?(?: ?(.*))?")
_ALTERNATIVE = re.compile(r"\|(info)?:(?: (.*))?")
_RULE = re.compile(r"[A-Z][A-Z0-9]*(?:-[A-Z0-9]+)*-[0-9]+|\{[a-z][a-z0-9_]*\}")
STEP_EXPECTED = (
    "expected `GUTTER: text` with one of "
    + " ".join(GUTTERS)
    + ", `GUTTER! event` with one of "
    + " ".join(EVENT_GUTTERS)
    + ", `+5s`, `|: text`, `# comment` or an empty line"
)


class FileError(ValueError):
    """A file that cannot be understood; the message is `FILE:LINE: what was expected`."""

    def __init__(self, file: str, line: int, reason: str) -> None:
        super().__init__(f"{file}:{line}: {reason}")
        self.file = file
        self.line = line
        self.reason = reason


class TalkError(FileError):
    """A file that is no scenario."""


def read(path: Path, root: Path | None = None) -> Talk:
    """Read a scenario; its name is its path below `root` without the suffix. Raises TalkError, OSError."""
    below = path.relative_to(root) if root and path.is_relative_to(root) else Path(path.name)
    try:
        text = path.read_bytes().decode("utf-8")  # read_text() would turn CR LF into LF
    except UnicodeDecodeError as error:
        raise TalkError(str(path), 1, f"expected UTF-8 ({error.reason})") from None
    return parse(text, name=str(below.with_suffix("")), file=str(path))


def parse(text: str, *, name: str = "talk", file: str = "<text>") -> Talk:
    """Understand the text of a scenario. Raises TalkError."""
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    for number, line in enumerate(lines, 1):
        if "\r" in line:
            raise TalkError(file, number, r"expected no CR in the file; write \r in a section NAME octets")
    starts = [number for number, line in enumerate(lines) if _SECTION.fullmatch(line)]
    header = tuple(_header(lines[: starts[0] if starts else len(lines)], file))
    sections: list[Section] = []
    for start, end in pairwise([*starts, len(lines)]):
        found = _SECTION.fullmatch(lines[start])
        assert found  # noqa: S101 - `starts` says so
        section = Section(found[1], tuple(lines[start + 1 : end]), start + 1)
        plain_name = section.name.removesuffix(" octets")
        if any(plain_name == other.name.removesuffix(" octets") for other in sections):
            raise TalkError(file, section.line, f"expected one section {plain_name}")
        sections.append(section)
    talk = next((section for section in sections if section.name == "talk"), None)
    if talk is None:
        raise TalkError(file, max(1, len(lines)), "expected a section `-- talk --`")
    for section in sections:
        if section.name == "processes":
            _check_notes(section, file)
        elif section.is_received:
            _check_received(section, file)
    return Talk(name, file, header, tuple(sections), tuple(steps(talk, file)))


def steps(section: Section, file: str) -> list[Step]:
    """Understand the lines of the talk. Raises TalkError."""
    found: list[Step] = []
    for number, line in enumerate(section.lines, section.line + 1):
        step = _step(line, number, file)
        if not isinstance(step, Alternative):
            found.append(step)
        elif found and isinstance(found[-1], Say) and found[-1].gutter in EXPECTING:
            found[-1] = found[-1]._replace(alternatives=(*found[-1].alternatives, step))
        else:
            raise TalkError(file, number, "expected an alternative below the expected line that it replaces")
    return found


def _check_notes(section: Section, file: str) -> None:
    for number, line in enumerate(section.lines, section.line + 1):
        if line.lstrip().startswith("#"):
            note(line.strip(), number, file)


def _check_received(section: Section, file: str) -> None:
    for number, line in enumerate(section.lines, section.line + 1):
        if line.startswith("#"):
            note(line, number, file)
        else:
            _without_raw_blank(line, number, file)
            _checked(line, number, file)


def _header(lines: list[str], file: str) -> Iterator[Entry]:
    seen = set()
    for number, line in enumerate(lines, 1):
        key, colon, value = line.partition(":")
        if line.strip() == "":
            yield Entry("", "", number)
        elif line.lstrip().startswith("#"):
            yield Entry("#", line.rstrip(), number)
        elif not colon or key.strip() != key:
            raise TalkError(file, number, "expected `key: value`, a comment, or `-- section --`")
        elif key not in HEADER_KEYS:
            raise TalkError(file, number, f"unknown key {key!r}: expected one of {' '.join(HEADER_KEYS)}")
        elif key in seen and key not in REPEATED:
            raise TalkError(file, number, f"expected {key!r} once")
        else:
            seen.add(key)
            yield Entry(key, value.strip(), number)


def _step(line: str, number: int, file: str) -> Step | Alternative:
    text = line.strip(" ")
    if text == "":
        return Gap(number)
    _without_raw_blank(line, number, file)
    if (found := _MARK.fullmatch(text)) is not None:
        return Mark(float(found[1] or 0), number, found[2] or "")
    if text.startswith("#"):
        return note(text, number, file)
    if (found := _ALTERNATIVE.fullmatch(text)) is not None:
        return Alternative("info" if found[1] else "non-strict", _checked(found[2], number, file), number)
    if (found := _HAPPEN.fullmatch(text)) is not None and found[1] in EVENT_GUTTERS:
        return Happen(found[1], found[2], number)
    if (found := _SAY.fullmatch(text)) is not None and found[1] in GUTTERS:
        return Say(found[1], _checked(found[2], number, file), number)
    raise TalkError(file, number, STEP_EXPECTED)


def _without_raw_blank(line: str, number: int, file: str) -> None:
    if line.endswith((" ", "\t")):
        raise TalkError(file, number, "a raw blank at the end of the line; expected \\s or \\t")


def note(text: str, number: int, file: str = "") -> Note:
    """Understand a comment, which begins with #. Raises TalkError."""
    found = _NOTE.fullmatch(text)
    words = (found[1] or "").split() if found else []
    rules = tuple(word for word in words if word != "ordered")
    for rule in rules:
        if not _RULE.fullmatch(rule):
            raise TalkError(file, number, f"{rule!r}: expected a rule id such as AUTHUP-GEN-5")
    return Note(text, rules, "ordered" in words, number)


def _checked(text: str | None, number: int, file: str) -> str:
    """Return the notation when it can be read; columns and sections are known only later."""
    text = text or ""
    try:
        octets.check(text)
    except octets.NotationError as error:
        raise TalkError(file, number, str(error)) from None
    return text
