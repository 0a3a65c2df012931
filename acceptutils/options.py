"""Command lines, as getopt(3) reads them (BASE-3, BASE-4, BASE-5).

The only option that any of the programs has is `-t tries`.
"""

from collections.abc import Sequence
from typing import NamedTuple

from acceptutils import decimal
from acceptutils.actions import Action, Exit, Log


class BadUsageError(Exception):
    """The command line is wrong; `complaint` is said before the usage line, if there is one."""

    def __init__(self, complaint: bytes | None = None) -> None:
        super().__init__(complaint)
        self.complaint = complaint


class Options(NamedTuple):
    """A command line taken apart: the value of -t, what --help or --version asks for, the operands."""

    tries: int | None
    asks_for: bytes | None
    operands: Sequence[bytes]


def parse(args: Sequence[bytes], *, tries: bool) -> Options:
    """Take the options off the front of `args`; with `tries` there is a -t.

    Raises BadUsageError for an unknown option, a missing argument or a bad number.
    """
    rest = list(args)
    found: int | None = None
    while rest and rest[0].startswith(b"-") and rest[0] != b"-":
        option = rest.pop(0)
        if option == b"--":
            break
        if option in {b"--help", b"--version"}:
            return Options(found, option, rest)
        letter, value = option[1:2], option[2:]
        if not tries or letter != b"t":
            raise BadUsageError(b"illegal option -- " + letter)
        if not value and not rest:
            raise BadUsageError(b"option requires an argument -- t")
        found = _number(value or rest.pop(0))
    return Options(found, None, rest)


def refusal(program: bytes, complaint: bytes | None, usage: bytes, code: int) -> list[Action]:
    """Return what a program does about a bad command line: its complaint, its usage line, the end."""
    lines = [b"%b: %b" % (program, line) for line in (complaint, usage) if line]
    return [*map(Log, lines), Exit(code)]


def _number(digits: bytes) -> int:
    number = decimal.number(digits)
    if number is None or number > decimal.LARGEST:
        raise BadUsageError
    return number
