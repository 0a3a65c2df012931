"""The SigIgn and SigBlk lines of /proc/PID/status, without glibc's own signals 32 and 33.

A posix_spawn(3) of pytest's may have left these ignored, and nobody can change that with signal(2).
"""

GLIBC = 0b11 << 31


def without_glibcs(line: bytes) -> bytes:
    """Return such a line with those two left out; any other line as it is."""
    name, tab, digits = line.partition(b"\t")
    if name not in (b"SigIgn:", b"SigBlk:"):
        return line
    return b"%b%b%016x" % (name, tab, int(digits, 16) & ~GLIBC)
