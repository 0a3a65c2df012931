"""Bytes for people to look at, in the notation of a talk (`octets.py`), only by the look of the text.

What was expected may hold captures and patterns, so nothing is parsed into bytes here: a text is units,
each of them one byte, one escape or one {...}.
"""

import base64
import binascii
import re
from difflib import SequenceMatcher
from typing import Final, NamedTuple

_UNIT: Final = re.compile(r"\\x[0-9a-fA-F]{2}|\\.|\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}|.", re.DOTALL)
PICTURES: Final = {
    r"\r": "␍",
    r"\n": "␊",
    r"\t": "␉",
    r"\0": "␀",
    r"\x7f": "␡",
    r"\s": " ",
    r"\|": "│",
    r"\\": "\\",
    r"\{": "{",
    r"\}": "}",
}
_ASCII: Final = str.maketrans(
    {
        "␍": r"\r",
        "␊": r"\n",
        "␉": r"\t",
        "␀": r"\0",
        "␡": r"\x7f",
        "│": "|",
        "·": "-",
        "…": "...",
        "×": "x",
        "→": "->",
        "←": "<-",
        "─": "-",
        "█": "#",
        "±": "+-",
        "✔": "+",
        "≈": "=",
        "✖": "X",
        "◌": "o",
        "⚑": "k",
        "★": "*",
        "○": "-",
        "‼": "!",
    }
)
_BASE64: Final = re.compile(
    rb"^(?:334 |AUTH +(?:PLAIN|LOGIN) +)?([A-Za-z0-9+/]{4,}={0,2})\r?\n?$", re.IGNORECASE | re.MULTILINE
)


_CONTROLS: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class Piece(NamedTuple):
    """Units that stand at one place of two texts; `same` when they are equal."""

    same: bool
    expected: str
    got: str


def units(text: str) -> list[str]:
    """Split a text into its units."""
    return _UNIT.findall(text)


def pictures(text: str) -> str:
    """Return a text with symbols for its control characters: `USER mallory␍␊`."""
    return "".join(PICTURES.get(unit, unit) for unit in units(text))


def clean(text: str) -> str:
    """Return words that others wrote without what a terminal or a parser would obey."""
    return _CONTROLS.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def ascii_only(text: str, *, pictures: bool = False) -> str:
    """Return a text in ASCII; with `pictures` the symbols of control characters stay."""
    if pictures:
        kept = {ord(symbol): symbol for symbol in "␍␊␉␀␡"}
        found = text.translate({**_ASCII, **kept})
        return "".join(c if c in "␍␊␉␀␡" or c.isascii() else "?" for c in found)
    return text.translate(_ASCII).encode("ascii", "replace").decode()


def difference(expected: str, got: str) -> list[Piece]:
    """Return two texts piece by piece."""
    ours, theirs = units(expected), units(got)
    matcher = SequenceMatcher(None, ours, theirs, autojunk=False)
    return [
        Piece(what == "equal", "".join(ours[a:b]), "".join(theirs[c:d]))
        for what, a, b, c, d in matcher.get_opcodes()
    ]


def decoded(data: bytes) -> str:
    """Return what base64 there is on the lines of a packet, decoded, in the notation; "" if there is none."""
    found = []
    for match in _BASE64.finditer(data):
        try:
            inside = base64.b64decode(match[1], validate=True)
        except binascii.Error:
            continue
        if re.fullmatch(rb"[\x00\x20-\x7e]+", inside):
            found.append("".join(r"\0" if byte == 0 else chr(byte) for byte in inside))
    return ", ".join(found)
