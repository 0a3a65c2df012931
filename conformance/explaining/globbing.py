"""Why a glob does not match: how far it gets."""

from collections.abc import Iterable

from acceptutils.glob import Glob
from acceptutils.lines import without_ending
from conformance.format.octets import write

_MOST = 512  # bytes of a line, and of a glob, that are looked at


def why_not(glob: Glob, lines: Iterable[bytes]) -> str:
    """Return why a glob matches none of the lines (FIX-RESP-3), by the line that it gets furthest in."""
    far = (_far(glob, line) for line in map(without_ending, lines))
    used, reached, line = max(far, key=lambda one: one[:2], default=(0, 0, b""))
    done, rest = glob.pattern[:used], glob.pattern[used:]
    if not rest:
        return f'the glob ends, and "{write(line)}" goes on with "{write(line[reached:])}"'
    if b"*" in done:
        return f'behind "{write(done)}" no "{write(rest)}" comes in "{write(line)}"'
    if reached == len(line):
        return f'"{write(line)}" ends where the glob has "{write(rest)}"'
    byte = write(line[reached : reached + 1])
    return f'"{write(line)}" has "{byte}" as byte {reached + 1}, where the glob has "{write(rest)}"'


def _far(glob: Glob, line: bytes) -> tuple[int, int, bytes]:
    """Return how many bytes of the glob find something in a line, and of the line they take at least."""
    line, pattern = line[:_MOST], glob.pattern[:_MOST]
    for used in range(len(pattern), 0, -1):
        start = pattern[:used]
        quoting = (len(start) - len(start.rstrip(b"\\"))) % 2
        if not quoting and Glob(start + b"*").matches(line):
            begun = Glob(start)
            reached = (length for length in range(len(line)) if begun.matches(line[:length]))
            return used, next(reached, len(line)), line
    return 0, 0, line
