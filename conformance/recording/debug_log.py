"""Lines of fixsmtpio with FIXSMTPIODEBUG: `fixsmtpio PID NAME CHILDPID T: BYTES` (FIX-DBG-1).

Both sides of the filter are in them: requests as they come (1) and go on (2), replies as they come (3) and go
on (4), pieces of messages (D). Secrets of AUTH are `***` there (FIX-DBG-2).
"""

import re
from typing import Final

from conformance.recording.log_lines import Line
from conformance.recording.log_sessions import Piece
from conformance.recording.passwords import HIDDEN

_LINE: Final = re.compile(rb"fixsmtpio ([0-9]{1,10}) ([!-~]+) ([0-9]{1,10}) ([1234D]): ?(.*)", re.DOTALL)
LANES: Final = {b"1": "C", b"2": "c", b"3": "s", b"4": "S", b"D": "C"}


def piece(line: Line) -> Piece | None:
    """Return what a line tells; None for a line of somebody else.

    What has no CR at its end had a bare LF, but for what was hidden, and for a piece of a message, which may
    end anywhere: that is taken for one that goes on.
    """
    found = _LINE.fullmatch(line.said)
    if found is None:
        return None
    kind, data = found[4], found[5]
    if kind in b"12" and data.endswith(HIDDEN):
        data += b"\r\n"
    elif kind != b"D" or data.endswith(b"\r"):
        data += b"\n"
    return Piece(
        "fixsmtpio",
        found[1].decode(),
        line,
        LANES[kind],
        data,
        server=found[2].decode(),
        child=found[3].decode(),
        message=kind == b"D",
    )
