"""Decimal numbers as people write them into options, variables and control files.

C's atoi() wraps and int() refuses numbers of many digits; here a number that is too large counts as
just too large.
"""

LARGEST = 2147483647


def number(digits: bytes) -> int | None:
    """Return what the ASCII digits say, at most LARGEST + 1; None if there is anything but digits."""
    if not digits.isdigit():
        return None
    significant = digits.lstrip(b"0") or b"0"
    return LARGEST + 1 if len(significant) > 10 else min(int(significant), LARGEST + 1)
