"""What is wrong with a scenario although it can be read: `conform lint`.

A file that cannot be read gives one complaint, the reader's own. The checks of lint_header.py and
lint_talk.py see each case, with the columns of its row filled in; what several rows have in common
is said once.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from conformance.format import header, lint_header, lint_talk, playable, received
from conformance.format.cases import cases
from conformance.format.complaint import Complaint, Remark, Weight
from conformance.format.talk import Note, Talk
from conformance.format.talk_parser import TalkError, parse
from conformance.playing import attributes
from conformance.playing.beats import understand
from conformance.playing.stage import BRACED
from conformance.rules import Catalogue

NEEDED: Final = ("title", "rules", "run")
OWN_SECTIONS: Final = ("talk", "processes", "each")
_AUTHUP: Final = frozenset({"authup"})
READERS: Final = {
    "me": frozenset({"authup", "fixsmtpio"}),
    "smtpgreeting": frozenset({"authup", "fixsmtpio"}),
    "timeoutsmtpd": frozenset({"authup", "fixsmtpio"}),
    "smtpcapabilities": _AUTHUP,
    "pop3greeting": _AUTHUP,
    "pop3capabilities": _AUTHUP,
    "timeoutpop3d": _AUTHUP,
    "authdelay": _AUTHUP,
    "checkpasswordtimeout": _AUTHUP,
    "logintimeout": _AUTHUP,
    "fixsmtpio": frozenset({"fixsmtpio"}),
}
"""The control files, and who reads them."""


def lint_file(path: Path, catalogue: Catalogue) -> list[Complaint]:
    """Look at one file. Raises OSError."""
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        return [Complaint(str(path), 1, Weight.ERROR, f"expected UTF-8 ({error.reason})")]
    return lint(text, catalogue, file=str(path))


def lint(text: str, catalogue: Catalogue, *, file: str = "<text>") -> list[Complaint]:
    """Return what is wrong with the text of a scenario, in the order of its lines."""
    try:
        talk = parse(text, file=file)
    except TalkError as error:
        remarks = [Remark(error.line, error.reason)]
    else:
        remarks = [*_check_header(text, talk), *_check_table(talk), *_check_cases(talk, catalogue)]
    unique = sorted(dict.fromkeys(remarks), key=lambda remark: remark.line)
    return [Complaint(file, remark.line, remark.weight, remark.text) for remark in unique]


def _check_header(text: str, talk: Talk) -> Iterator[Remark]:
    """Look at the header as it was written."""
    for key in NEEDED:
        if not talk.one(key):
            yield Remark(1, f"expected `{key}: ...`")
    for number, line in enumerate(text.split("\n")[: talk.sections[0].line - 1], 1):
        if line.endswith((" ", "\t")):
            yield Remark(number, "blanks at the end of the line")


def _check_sections(case: Talk) -> Iterator[Remark]:
    for section in case.sections:
        name, _, how = section.name.partition(" ")
        known = section.is_received or section.name in OWN_SECTIONS
        if not known and ("/" not in name or how not in ("", "octets")):
            yield Remark(
                section.line,
                f"-- {section.name} --: expected talk, processes, each, NAME received, or a path with a /",
            )
        if name.endswith("/") and any(section.lines):
            yield Remark(section.line, f"-- {section.name} --: a directory has no lines")
        for number, line in enumerate(section.lines, section.line + 1):
            if line.endswith((" ", "\t")):
                yield Remark(
                    number, r"blanks at the end of the line; \s and \t in -- NAME octets -- can be seen"
                )
    processes = case.section("processes")
    for row in attributes.parse_tree(processes) if processes else ():
        for word in row.words:
            if not attributes.shape(word):
                yield Remark(row.line, f"{word}: expected k=v, NAME or !NAME")


def _check_table(talk: Talk) -> Iterator[Remark]:
    """Complain of columns that are used nowhere."""
    try:
        row = cases(talk)[0].row
    except TalkError:
        return  # which _check_cases tells
    texts = [entry.value for entry in talk.header if entry.key != "each"]
    texts += [text for s in talk.sections if s.name != "each" for text in (s.name, *s.lines)]
    section = talk.section("each")
    line = section.line if section else next((e.line for e in talk.header if e.key == "each"), 1)
    for column in row:
        if not any(f"{{{column}}}" in text for text in texts):
            yield Remark(line, f"the column {column} is used nowhere", Weight.WARNING)


def _check_cases(talk: Talk, catalogue: Catalogue) -> Iterator[Remark]:
    try:
        found = cases(talk)
    except TalkError as error:
        yield Remark(error.line, error.reason)
        return
    checks: tuple[Callable[[Talk], Iterator[Remark]], ...]
    checks = (lint_header.check, lint_talk.check, _check_files)
    for case in found:
        for check in (_check_sections, header.check, playable.check):
            yield from check(case)
        try:
            understand(case)
        except TalkError as error:
            yield Remark(error.line, error.reason)
            continue  # the other checks trust in what it found
        for check in checks:
            yield from check(case)
    yield from _check_rules(found, catalogue)


def _check_rules(found: list[Talk], catalogue: Catalogue) -> Iterator[Remark]:
    """Hold the rules of the header and of the talk against the catalogue and each other."""
    headed = {
        rule: entry.line
        for c in found
        for entry in c.header
        if entry.key == "rules"
        for rule in entry.value.split()
    }
    noted: dict[str, int] = {}
    for case in found:
        for line, rules in _noted(case):
            for rule in rules:
                noted.setdefault(rule, line)
    for rule, line in [*headed.items(), *noted.items()]:
        if rule not in catalogue:
            yield Remark(line, f"{rule} is no rule of rules.md")
        elif catalogue[rule].scope == "fakes" and not any("fakes" in case.needs for case in found):
            yield Remark(line, f"{rule} binds the fakes: expected `needs: fakes`", Weight.WARNING)
    for rule, line in noted.items():
        if rule not in headed:
            yield Remark(line, f"{rule} does not stand in the header's rules")
    for rule, line in headed.items():
        if rule not in noted:
            yield Remark(line, f"{rule} stands above no line of the talk", Weight.WARNING)


def _noted(case: Talk) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield the lines that name rules: in the talk, in what was received, in the process tree."""
    for step in case.steps:
        if isinstance(step, Note):
            yield step.line, step.rules
    for section in received.sections(case):
        for line in section.lines:
            yield line.line, line.rules
    processes = case.section("processes")
    for row in attributes.parse_tree(processes) if processes else ():
        yield row.line, row.rules


def _check_files(case: Talk) -> Iterator[Remark]:
    """Complain of files that nobody reads; our fakes are told by other files too."""
    if "fakes" in case.needs:
        return
    programs = set(BRACED.findall(case.one("run")))
    words = [entry.value for entry in case.header]
    for section in case.sections:
        name = section.name.removesuffix(" octets")
        if "/" not in name or _is_named(name, words, case):
            continue
        readers = READERS.get(name.removesuffix("/").removeprefix("control/"))
        if readers is None:
            yield Remark(section.line, f"nobody reads {name}", Weight.WARNING)
        elif not readers & programs:
            yield Remark(section.line, f"nobody in this chain reads {name}", Weight.WARNING)


def _is_named(name: str, words: list[str], case: Talk) -> bool:
    """Say whether a file is spoken of: in the header, or as {file:NAME}."""
    last = name.rstrip("/").rpartition("/")[2]
    spoken = name in " ".join(words) or (not name.startswith("control/") and last in " ".join(words))
    speaking = [section for section in case.sections if section.name == "talk" or section.is_received]
    return spoken or any(f"{{file:{name}}}" in line for section in speaking for line in section.lines)
