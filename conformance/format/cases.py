r"""Cases: a scenario, or each row of a scenario with a table.

    each: seq = \n.\n | \r.\r              one column; several `each` lines make several columns
    each: python:module.function           it returns rows: a sequence of dict[str, str]
    -- each --                             the same as a section: names first, one row a line
    seq    | seen
    \n.\n | \r\n..\r\n

A {column} is replaced wherever it stands, before anything else is understood.
"""

import importlib
import re
from collections.abc import Mapping
from dataclasses import replace

from conformance.format.talk import Section, Talk
from conformance.format.talk_parser import TalkError, steps

Rows = list[dict[str, str]]
_NAME = re.compile(r"(?!any$)[a-z][a-z0-9_]*")
_EMPTY = re.compile(r"^( *[\w|]+:) $")  # what `C: {column}` becomes when the column is empty


def cases(talk: Talk) -> list[Talk]:
    """Return the cases of a scenario, in order; the names of rows end in #1, #2 ... Raises TalkError."""
    rows = _rows(talk)
    if rows is None:
        return [talk]
    if not rows or not rows[0]:
        raise TalkError(talk.file, _line_of_table(talk), "expected a row")
    return [_case(talk, number, row) for number, row in enumerate(rows, 1)]


def _rows(talk: Talk) -> Rows | None:
    entries = [entry for entry in talk.header if entry.key == "each"]
    section = talk.section("each")
    if section is not None:
        if entries:
            raise TalkError(talk.file, section.line, "expected `each:` lines or a section each, not both")
        return _table(talk, section)
    if not entries:
        return None
    if entries[0].value.startswith("python:"):
        if len(entries) > 1:
            raise TalkError(talk.file, entries[1].line, "expected one `each:` line if it is python:")
        return _computed(talk, entries[0].value.removeprefix("python:"), entries[0].line)
    columns = {}
    for entry in entries:
        name, equals, values = entry.value.partition("=")
        if not equals or not _NAME.fullmatch(name.strip()):
            raise TalkError(talk.file, entry.line, "expected `each: column = value | value`")
        if name.strip() in columns:
            raise TalkError(talk.file, entry.line, f"expected one column {name.strip()}")
        columns[name.strip()] = [value.strip() for value in re.split(r"(?<!\\)\|", values)]
        if len(columns[name.strip()]) != len(next(iter(columns.values()))):
            raise TalkError(talk.file, entry.line, "expected as many values as in the first `each:` line")
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _line_of_table(talk: Talk) -> int:
    section = talk.section("each")
    return section.line if section else next(e.line for e in talk.header if e.key == "each")


def _table(talk: Talk, section: Section) -> Rows:
    lines = [(n, line) for n, line in enumerate(section.lines, section.line + 1) if line.strip()]
    lines = [(n, line) for n, line in lines if not line.startswith("#")]
    names = [name.strip() for name in lines[0][1].split("|")] if lines else []
    if not names or not all(_NAME.fullmatch(name) for name in names):
        raise TalkError(talk.file, section.line, "expected a line of column names, separated by |")
    if len(set(names)) < len(names):
        raise TalkError(talk.file, section.line, "expected each column name once")
    rows = []
    for number, line in lines[1:]:
        values = [value.strip() for value in re.split(r"(?<!\\)\|", line)]
        if len(values) != len(names):
            raise TalkError(talk.file, number, f"expected {len(names)} values, separated by |")
        rows.append(dict(zip(names, values, strict=True)))
    return rows


def _computed(talk: Talk, name: str, line: int) -> Rows:
    module, _, function = name.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), function)()
        return [{str(key): str(value) for key, value in row.items()} for row in found]
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        raise TalkError(talk.file, line, f"expected python:module.function ({error})") from None


def _case(talk: Talk, number: int, row: Mapping[str, str]) -> Talk:
    """Return the scenario with the columns of one row filled in."""
    pattern = re.compile(r"\{(" + "|".join(map(re.escape, row)) + r")\}")

    def fill(text: str) -> str:
        return pattern.sub(lambda found: row[found[1]], text)

    header = tuple(entry._replace(value=fill(entry.value)) for entry in talk.header if entry.key != "each")
    sections = tuple(
        section._replace(name=fill(section.name), lines=tuple(fill(line) for line in section.lines))
        for section in talk.sections
        if section.name != "each"
    )
    talk_section = next(section for section in sections if section.name == "talk")
    talk_section = talk_section._replace(lines=tuple(_EMPTY.sub(r"\1", line) for line in talk_section.lines))
    return replace(
        talk,
        name=f"{talk.name}#{number}",
        header=header,
        sections=sections,
        steps=tuple(steps(talk_section, talk.file)),
        row=dict(row),
    )
