"""A fault of our own: one log line that helps us and tells nobody's secret (LIM-6)."""

import traceback

OUT_OF_MEMORY = b"out of memory"


def describe(fault: BaseException) -> bytes:
    """Return the kind and the place of an exception, in one line.

    Not its message: that may quote what a client sent, a password for example.
    """
    while isinstance(fault, BaseExceptionGroup):  # a nursery wraps what was raised in groups
        fault = fault.exceptions[0]
    if isinstance(fault, MemoryError):
        return OUT_OF_MEMORY
    frames = traceback.extract_tb(fault.__traceback__)
    place = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return f"internal error: {type(fault).__name__}{place}".encode()
