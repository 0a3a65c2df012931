"""A fault of our own: one log line that helps us and tells nobody's secret (LIM-6)."""

import traceback


def describe(fault: BaseException) -> bytes:
    """Return the kind and the place of an exception, in one line.

    Not its message: that may quote what a client sent, a password for example.
    """
    fault = cause(fault)
    frames = traceback.extract_tb(fault.__traceback__)
    place = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return f"internal error: {type(fault).__name__}{place}".encode()


def cause(fault: BaseException) -> BaseException:
    """Return what was raised first; a nursery wraps it in groups."""
    while isinstance(fault, BaseExceptionGroup):
        fault = fault.exceptions[0]
    return fault
