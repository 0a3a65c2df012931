"""The lines of a log, without what loggers put in front: timestamps, syslog's host and tag."""

import re
from datetime import UTC, datetime
from typing import Final, NamedTuple

LONGEST: Final = 8 * 1024 * 1024
"""Bytes: a longer line of a log is no line of ours."""
_TAI: Final = 2**62 + 10
_FRONT: Final = re.compile(
    rb"(?:<[0-9]{1,3}>)?"
    rb"(?:@(?P<tai>[0-9a-f]{24}) "
    rb"|(?P<iso>[0-9]{4}-[0-9]{2}-[0-9]{2}[T _][0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,9})?)"
    rb"(?:Z|[+-][0-9]{2}:?[0-9]{2})? (?P<host>\S+ [\w./@-]+(?:\[[0-9]+\])?: )?"
    rb"|(?P<day>[A-Z][a-z]{2} [ 0-9][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2}) \S+ [\w./@-]+(?:\[[0-9]+\])?: )?"
)
_ESCAPED: Final = re.compile(rb"#([0-3][0-7]{2})")
_LEAP: Final = "2000 "  # syslog's dates have no year; this one has all days


class Line(NamedTuple):
    """One line: its number, its time in seconds where it has one, and what the program said."""

    number: int
    time: float | None
    said: bytes


def understand(raw: bytes, number: int) -> Line:
    """Take what is in front of a line off it; `raw` has no LF."""
    found = _FRONT.match(raw)
    assert found is not None  # noqa: S101 - it matches nothing, too
    said = raw[found.end() :]
    if found["day"] or found["host"]:
        said = _ESCAPED.sub(lambda code: bytes([int(code[1], 8)]), said)
    return Line(number, _time(found), said)


def _time(found: re.Match[bytes]) -> float | None:
    if found["tai"]:
        return int(found["tai"][:16], 16) - _TAI + int(found["tai"][16:], 16) / 1e9
    try:
        if found["iso"]:
            day, _, part = re.sub(rb"[T_]", b" ", found["iso"]).replace(b",", b".").decode().partition(".")
            seconds = datetime.strptime(day, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).timestamp()
            return seconds + float(f"0.{part or 0}")
        if found["day"]:
            day = _LEAP + found["day"].decode()
            return datetime.strptime(day, "%Y %b %d %H:%M:%S").replace(tzinfo=UTC).timestamp()
    except ValueError:
        pass
    return None
