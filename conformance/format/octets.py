r"""The notation of bytes in a .talk file: escapes, computed bytes, packet edges, captures.

    \r \n \t \0 \xHH \\ \{ \} \s (blank)       one byte each
    \|                                         a packet edge
    {b64:TEXT} {repeat:N:TEXT} {file:NAME}     computed bytes; TEXT is notation again
    {pid:a} {unix:t} {port:p} {num:n}          digits; the same name again must be the same digits
    {any} {re:PATTERN}                         the rest of the line; a regular expression over bytes

A text that ends in a single backslash ends in nothing more, otherwise a line ending follows.
"""

import base64
import re
from collections.abc import Mapping, Sequence
from itertools import chain, groupby
from typing import Final, NamedTuple


class NotationError(ValueError):
    """A text that is not in this notation; the message says what was expected."""


class Capture(NamedTuple):
    """Decimal digits with a name; `kind` is pid, unix, port or num."""

    kind: str
    name: str


class Pattern(NamedTuple):
    """A regular expression over bytes; `rest` when it was written {any}."""

    source: str
    rest: bool = False


class Edge(NamedTuple):
    """A packet edge."""

    mark: str = r"\|"


Part = bytes | Capture | Pattern | Edge
Octets = tuple[Part, ...]
CAPTURES: Final = ("pid", "unix", "port", "num")
_ESCAPES: Final = {
    "r": b"\r",
    "n": b"\n",
    "t": b"\t",
    "0": b"\0",
    "s": b" ",
    "\\": b"\\",
    "{": b"{",
    "}": b"}",
}
_REVERSE: Final = {b[0]: "\\" + name for name, b in _ESCAPES.items() if name not in "s}"}
_PLAIN: Final = re.compile(r"[^\\{]+")
MOST_REPEATED: Final = 64 * 1024 * 1024


def parse(text: str, ending: bytes = b"", files: Mapping[str, bytes] | None = None) -> Octets:
    r"""Return the parts of a text, `ending` added unless it ends in a single backslash.

    `files` answers {file:NAME}. Adjacent bytes are one part. Raises NotationError.
    """
    parts: list[Part] = []
    position = 0
    while position < len(text):
        part, position = _next(text, position, files or {})
        if part is None:
            ending = b""
        else:
            parts.append(part)
    return join([(*parts, ending)])


def check(text: str) -> None:
    """Raise NotationError for bad escapes and braces; {names} and files are not looked up."""
    position = 0
    while position < len(text):
        if text[position] == "\\":
            _, position = _escape(text, position + 1)
        elif text[position] == "{":
            position = _closing(text, position + 1) + 1
        else:
            position += 1


def atoms(text: str) -> list[str]:
    """Return the smallest pieces that are notation by themselves. Raises NotationError."""
    found, position = [], 0
    while position < len(text):
        start = position
        if text[position] == "\\":
            _, position = _escape(text, position + 1)
        else:
            position = _closing(text, position + 1) + 1 if text[position] == "{" else position + 1
        found.append(text[start:position])
    return found


def literal(octets: Octets) -> bytes:
    """Return the bytes of octets without captures and patterns, edges left out. Raises NotationError."""
    if any(isinstance(part, Capture | Pattern) for part in octets):
        raise NotationError("a capture or a pattern where the bytes must be known")
    return b"".join(part for part in octets if isinstance(part, bytes))


def resolve(octets: Octets, captured: Mapping[str, bytes]) -> tuple[bytes, tuple[int, ...]]:
    """Return the bytes to send and the offsets of the packet edges in them. Raises NotationError."""
    data, edges = b"", []
    for part in octets:
        if isinstance(part, Edge):
            edges.append(len(data))
        elif isinstance(part, Capture):
            if part.name not in captured:
                raise NotationError(f"{{{part.kind}:{part.name}}} is sent before anything was captured")
            data += captured[part.name]
        elif isinstance(part, Pattern):
            raise NotationError("a pattern cannot be sent")
        else:
            data += part
    return data, tuple(edges)


def expression(octets: Octets, captured: Mapping[str, bytes]) -> re.Pattern[bytes]:
    """Return what matches exactly these octets; new captures are named groups."""
    source, seen = b"", set()
    for part in octets:
        if isinstance(part, bytes):
            source += re.escape(part)
        elif isinstance(part, Pattern):
            source += b"[^\r\n]*" if part.rest else b"(?:" + part.source.encode("latin-1") + b")"
        elif isinstance(part, Capture):
            if part.name in captured:
                source += re.escape(captured[part.name])
            elif part.name in seen:
                source += b"(?P=%b)" % part.name.encode()
            else:
                source += b"(?P<%b>[0-9]+)" % part.name.encode()
                seen.add(part.name)
    return re.compile(source, re.DOTALL)


def matches(octets: Octets, data: bytes, captured: dict[str, bytes]) -> bool:
    """Say whether `data` is these octets, whole; then the new captures are added to `captured`."""
    found = expression(octets, captured).fullmatch(data)
    if found is None:
        return False
    captured |= found.groupdict()
    return True


def write(data: bytes, *, ending: bytes = b"") -> str:
    r"""Return the notation of these bytes, which parse() reads back.

    With an `ending` it is left out where it is there, and a backslash put where it is not.
    """
    stripped = ending and data.endswith(ending)
    body = data[: len(data) - len(ending)] if stripped else data
    text = "".join(
        _REVERSE.get(byte) or (chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}") for byte in body
    )
    if text.endswith(" "):
        text = text[:-1] + "\\s"
    return text if stripped or not ending else text + "\\"


def visible(data: bytes) -> str:
    r"""Return the bytes for people to look at: control characters as symbols, the rest of 8 bits as \xHH."""
    symbols = {13: "␍", 10: "␊", 9: "␉", 0: "␀", 127: "␡"}
    return "".join(
        symbols.get(byte) or (chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}") for byte in data
    )


def notation(octets: Octets) -> str:
    """Return the text of octets, for messages: captures and patterns as they were written."""
    words = []
    for part in octets:
        if isinstance(part, bytes):
            words.append(write(part))
        elif isinstance(part, Capture):
            words.append(f"{{{part.kind}:{part.name}}}")
        elif isinstance(part, Pattern):
            words.append("{any}" if part.rest else f"{{re:{part.source}}}")
        else:
            words.append(part.mark)
    return "".join(words)


def _next(text: str, position: int, files: Mapping[str, bytes]) -> tuple[Part | None, int]:
    """Return the part that begins at the position and where it ends; None for the last backslash."""
    character = text[position]
    if character == "\\":
        return _escape(text, position + 1)
    if character == "{":
        end = _closing(text, position + 1)
        return _computed(text[position + 1 : end], files), end + 1
    found = _PLAIN.match(text, position)
    assert found is not None  # noqa: S101 - it is no other character
    return found[0].encode(), found.end()


def _escape(text: str, position: int) -> tuple[Part | None, int]:
    if position == len(text):
        return None, position
    character = text[position]
    if character == "|":
        return Edge(), position + 1
    if character == "x":
        digits = text[position + 1 : position + 3]
        if not re.fullmatch("[0-9a-fA-F]{2}", digits):
            raise NotationError(f"\\x{digits}: expected two hexadecimal digits")
        return bytes([int(digits, 16)]), position + 3
    if character not in _ESCAPES:
        raise NotationError(rf"\{character}: expected one of \r \n \t \0 \s \\ \{{ \}} \xHH \|")
    return _ESCAPES[character], position + 1


def _closing(text: str, position: int) -> int:
    """Return where the brace that was opened before the position closes; braces inside may nest."""
    depth = 1
    while position < len(text):
        character = text[position]
        if character == "\\":
            position += 1
        elif character in "{}":
            depth += 1 if character == "{" else -1
            if depth == 0:
                return position
        position += 1
    raise NotationError("expected } after {")


def _computed(inside: str, files: Mapping[str, bytes]) -> Part:
    kind, colon, rest = inside.partition(":")
    if inside == "any":
        return Pattern("[^\r\n]*", rest=True)
    if colon and kind in CAPTURES and rest.isidentifier() and rest.isascii():
        return Capture(kind, rest)
    if colon and kind == "re":
        return _pattern(rest)
    if colon and kind == "b64":
        return base64.b64encode(literal(parse(rest, files=files)))
    if colon and kind == "repeat":
        return _repeated(rest, files)
    if colon and kind == "file":
        if rest not in files:
            raise NotationError(f"{{file:{rest}}}: expected a section of that name")
        return files[rest]
    raise NotationError(
        f"{{{inside}}}: expected a column of `each`, b64: repeat: file: pid: unix: port: num: re: or any"
    )


def _pattern(source: str) -> Pattern:
    try:
        compiled = re.compile(source.encode("latin-1"))
    except (re.error, UnicodeError) as error:
        raise NotationError(f"{{re:{source}}}: {error}") from None
    if compiled.groupindex:  # they would be taken for captures
        raise NotationError(f"{{re:{source}}}: expected no named groups")
    return Pattern(source)


def _repeated(rest: str, files: Mapping[str, bytes]) -> bytes:
    count, _, text = rest.partition(":")
    if not re.fullmatch("[0-9]{1,9}", count):
        raise NotationError(f"{{repeat:{rest}}}: expected {{repeat:COUNT:TEXT}}")
    once = literal(parse(text, files=files))
    if int(count) * len(once) > MOST_REPEATED:
        raise NotationError(f"{{repeat:{count}:...}}: expected at most {MOST_REPEATED} bytes")
    return once * int(count)


def join(pieces: Sequence[Octets]) -> Octets:
    """Return octets one after the other."""
    parts: list[Part] = []
    for are_bytes, group in groupby(chain.from_iterable(pieces), lambda part: isinstance(part, bytes)):
        if are_bytes:
            data = b"".join(part for part in group if isinstance(part, bytes))
            parts += [data] if data else []
        else:
            parts += group
    return tuple(parts)
