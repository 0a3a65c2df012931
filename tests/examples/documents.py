"""What the pages of docs/ hold that can be played: fenced blocks and tables."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

DOCS = Path(__file__).parents[2] / "docs"


class Fence(NamedTuple):
    """A fenced block: the heading that it stands under, its language, its text."""

    heading: str
    language: str
    text: str


def fences(page: str) -> Iterator[Fence]:
    """Yield the fenced blocks of a page."""
    heading = ""
    found = re.finditer(r"(?ms)^(#+) (?P<heading>[^\n]*)$|^```(?P<language>\w+)\n(?P<text>.*?)^```$", page)
    for part in found:
        if part["heading"] is not None:
            heading = part["heading"]
        else:
            yield Fence(heading, part["language"], part["text"])


def tables(page: str) -> Iterator[list[dict[str, str]]]:
    """Yield the tables of a page: rows by the names of their columns, code marks removed."""
    for block in re.findall(r"(?m)(?:^\|.*\n)+", page):
        head, _, *rows = [_cells(line) for line in block.splitlines()]
        yield [dict(zip(head, row, strict=True)) for row in rows]


def table(page: str, column: str) -> list[dict[str, str]]:
    """Return the table that has this column."""
    return next(rows for rows in tables(page) if column in rows[0])


def _cells(line: str) -> list[str]:
    return [_plain(cell.strip()) for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def _plain(cell: str) -> str:
    return cell[1:-1] if re.fullmatch(r"`[^`]*`", cell) else cell
