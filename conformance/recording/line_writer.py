r"""The bytes of a session in the notation of a talk, as a person would write them.

What is another number in every run becomes a capture, AUTH's base64 is shown decoded, and what repeats is
counted. Read back, the text gives the same bytes, captures aside.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from conformance.format import octets

EDGE: Final = r"\|"
SHORTEST_RUN: Final = 40
"""Bytes: what repeats over fewer stands as it is."""
MANY: Final = 20
FEWEST: Final = 5
LONGEST_GROUP: Final = 4
"""So many lines that repeat, by themselves or in groups of some, at least so often, are counted."""
_GREETING: Final = re.compile(rb"<([0-9]+)\.([0-9]{9,11})@")
_LOGGED: Final = (
    re.compile(rb"(authup|fixsmtpio|reup) ([0-9]+)(?: checkpassword ([0-9]+))?(?= )"),
    re.compile(rb"(reup|fixsmtpio) ([0-9]+) [^ ]+ ([0-9]+)(?= )"),
)
_RUN: Final = re.compile(rb"(.{1,8}?)\1{4,}", re.DOTALL)
_BASE64: Final = re.compile(rb"(AUTH +(?:PLAIN|LOGIN) +|334 )?([A-Za-z0-9+/]{4,}={0,2})", re.IGNORECASE)


class LineWriter:
    """Writes the lines of one session. `captures`: whether authup's POP3 greeting is to be expected."""

    def __init__(self, *, greets: bool) -> None:
        self._greets = greets
        self._names: dict[tuple[str, bytes], str] = {}
        self._is_asked = False  # whether the line before was a 334, so that base64 answers it

    def sent(self, packets: Sequence[bytes], ending: bytes = b"\r\n") -> list[str]:
        """Return the lines of packets of ours, the edges between them written in."""
        edges, position = set(), 0
        for packet in packets[:-1]:
            position += len(packet)
            edges.add(position)
        lines = split_lines(b"".join(packets))
        if not edges:
            return self._counted(lines, ending)
        written, start = [], 0
        for line in lines:
            inside = sorted(edge - start for edge in edges if start < edge < start + len(line))
            written.append(self._with_edges(line, inside, ending) if inside else self._plain(line, ending))
            start += len(line)
        return written

    def came(self, lane: str, data: bytes) -> list[str]:
        """Return the lines of what came on a lane; one that has not ended ends in a backslash."""
        if lane == "fd3":
            return [self._captured(_GREETING, ("pid", "unix"), ("authup", "now"), data, b"")]
        if lane == "E":
            return [self._logged(line) for line in split_lines(data)]
        if self._greets and lane in ("S", "ST") and _GREETING.search(data):
            return [
                self._captured(_GREETING, ("pid", "unix"), ("authup", "now"), line, b"\r\n")
                for line in split_lines(data)
            ]
        return self._counted(split_lines(data), b"\r\n")

    def no_more_greeting(self) -> None:
        """Somebody else than authup speaks from here on."""
        self._greets = False

    def _counted(self, lines: Sequence[bytes], ending: bytes) -> list[str]:
        """Write lines; many equal ones in a row, or equal groups of some, are one."""
        written: list[str] = []
        place = 0
        while place < len(lines):
            several, times = _repeated(lines, place)
            if times:
                written.append(f"{{repeat:{times}:{_inside(b''.join(lines[place : place + several]))}}}\\")
                place += several * times
            else:
                written.append(self._plain(lines[place], ending))
                place += 1
        return written

    def _plain(self, line: bytes, ending: bytes) -> str:
        found = _BASE64.fullmatch(line.removesuffix(ending))
        asked, self._is_asked = self._is_asked, line.startswith(b"334 ")
        if found is not None and (found[1] or asked) and line.endswith(ending):
            decoded = _decoded(found[2])
            if decoded is not None:
                return _middle(found[1] or b"") + "{b64:" + _inside(decoded) + "}"
        return compact(line, ending)

    def _with_edges(self, line: bytes, edges: Sequence[int], ending: bytes) -> str:
        self._is_asked = False
        bounds = [0, *edges, len(line)]
        pieces = [line[a:b] for a, b in pairwise(bounds)]
        return EDGE.join([*(compact(piece, b"") for piece in pieces[:-1]), compact(pieces[-1], ending)])

    def _logged(self, line: bytes) -> str:
        for pattern in _LOGGED:
            found = pattern.match(line)
            if found is not None and line.endswith(b"\n"):
                name = found[1].decode()
                text = f"{name} {self._name('pid', found[2], name)}"
                if found[3] is not None:
                    middle = line[found.end(2) : found.start(3)]
                    text += _middle(middle) + self._name("pid", found[3], "child")
                return text + octets.write(line[found.end() :], ending=b"\n")
        return octets.write(line, ending=b"\n")

    def _captured(
        self,
        pattern: re.Pattern[bytes],
        kinds: tuple[str, str],
        names: tuple[str, str],
        data: bytes,
        ending: bytes,
    ) -> str:
        found = pattern.search(data) if self._greets else None
        if found is None:
            return self._plain(data, ending) if ending else octets.write(data)
        text = octets.write(data[: found.start(1)])
        text += self._name(kinds[0], found[1], names[0]) + "." + self._name(kinds[1], found[2], names[1])
        return text + octets.write(data[found.end(2) :], ending=ending)

    def _name(self, kind: str, digits: bytes, wish: str) -> str:
        if (kind, digits) not in self._names:
            used = set(self._names.values())
            number = next(n for n in range(1, len(used) + 2) if wish + (str(n) if n > 1 else "") not in used)
            self._names[kind, digits] = wish + (str(number) if number > 1 else "")
        return f"{{{kind}:{self._names[kind, digits]}}}"


def split_lines(data: bytes) -> list[bytes]:
    """Return the lines of bytes with their LF; the last one may have none."""
    return re.findall(rb"[^\n]*\n|[^\n]+", data)


def _repeated(lines: Sequence[bytes], place: int) -> tuple[int, int]:
    """Return how many lines repeat from a place on, and how often; (1, 0) for what is not worth it."""
    for several in range(1, LONGEST_GROUP + 1):
        last = place
        while last + several < len(lines) and lines[last] == lines[last + several]:
            last += 1
        times = (last - place) // several + 1
        if several * times >= MANY and times >= FEWEST:
            return several, times
    return 1, 0


def compact(line: bytes, ending: bytes) -> str:
    """Return the notation of a line, what repeats in it counted."""
    stripped = bool(ending) and line.endswith(ending)
    body = line[: len(line) - len(ending)] if stripped else line
    text, position = "", 0
    for found in _RUN.finditer(body) if len(body) >= SHORTEST_RUN else ():
        if found.end() - found.start() >= SHORTEST_RUN:
            count = (found.end() - found.start()) // len(found[1])
            text += _middle(body[position : found.start()])
            text += f"{{repeat:{count}:{_inside(found[1])}}}"
            position = found.end()
    text += octets.write(body[position:])
    return text if stripped or not ending else text + "\\"


def _decoded(text: bytes) -> bytes | None:
    """Return what is in canonical base64 of printable text and NULs; None for anything else."""
    try:
        decoded = base64.b64decode(text, validate=True)
    except binascii.Error:
        return None
    if base64.b64encode(decoded) != text or not re.fullmatch(rb"[\x00\x20-\x7e]+", decoded):
        return None
    return decoded


def _inside(data: bytes) -> str:
    """Return the notation of bytes that stand between braces."""
    return octets.write(data).replace("}", "\\}")


def _middle(data: bytes) -> str:
    """Return the notation of bytes behind which something else stands: a blank at the end is one."""
    return octets.write(data + b"|")[:-1]
