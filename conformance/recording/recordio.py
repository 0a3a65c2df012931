"""Lines of ucspi-tcp's recordio(1): `PID < BYTES+`, what its program reads, `PID > BYTES+`, what it writes.

A line ends in a blank where the bytes had a line feed, in `+` where they had none; `[EOF]` is the end of the
input or output. Packets are not told apart, long ones come in several lines.
"""

import re
from typing import Final

from conformance.recording.log_lines import Line
from conformance.recording.log_sessions import Piece

_LINE: Final = re.compile(rb"([0-9]{1,10}) ([<>]) (.*)", re.DOTALL)
_END: Final = b"[EOF]"
LANES: Final = {b"<": "C", b">": "S"}


def piece(line: Line) -> Piece | None:
    """Return what a line tells, with the client's lanes; None for a line of somebody else.

    A line that was cut off ends where it ends: nobody knows whether a line feed was lost.
    """
    found = _LINE.fullmatch(line.said)
    if found is None:
        return None
    lane, data = LANES[found[2]], found[3]
    name = found[1].decode()
    if data == _END:
        return Piece("recordio", name, line, lane, b"", what="eof")
    if data.endswith(b"+"):
        return Piece("recordio", name, line, lane, data[:-1])
    if data.endswith(b" "):
        return Piece("recordio", name, line, lane, data[:-1] + b"\n")
    lost = not data.endswith(b"\r")  # a logger may take blanks at the end away: a CR stood before one
    return Piece("recordio", name, line, lane, data if lost else data + b"\n", cut=lost)
