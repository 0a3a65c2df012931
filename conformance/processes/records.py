"""How puppets and the house write to the stage: `key=value` records that end in NUL, in one frame.

Imported by programs that start before every login and run as any user: no imports here.
"""

LENGTH_DIGITS = 8


class RecordsError(ValueError):
    """Bytes that are no frame of records."""


def pack(records: list[tuple[str, bytes]]) -> bytes:
    """Return a frame. Neither keys nor values have a NUL in them."""
    body = b"".join(key.encode() + b"=" + value + b"\0" for key, value in records)
    return b"%0*x" % (LENGTH_DIGITS, len(body)) + body


def length(head: bytes) -> int:
    """Return how many bytes follow the first LENGTH_DIGITS of a frame. Raises RecordsError."""
    try:
        return int(head, 16)
    except ValueError:
        raise RecordsError(f"{head!r}: expected {LENGTH_DIGITS} hexadecimal digits") from None


def unpack(body: bytes) -> list[tuple[str, bytes]]:
    """Return the records of a frame, without its length, in order. Raises RecordsError."""
    *records, rest = body.split(b"\0")
    if rest or any(b"=" not in record for record in records):
        raise RecordsError("expected key=value records that end in NUL")
    pairs = (record.split(b"=", 1) for record in records)
    return [(key.decode(), value) for key, value in pairs]


def every(records: list[tuple[str, bytes]], key: str) -> list[bytes]:
    """Return all values of a key."""
    return [value for name, value in records if name == key]


def first(records: list[tuple[str, bytes]], key: str, default: bytes = b"") -> bytes:
    """Return the first value of a key."""
    return next((value for name, value in records if name == key), default)
