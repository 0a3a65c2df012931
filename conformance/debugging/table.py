"""What a command is, and what it is given: the debugger as the commands see it."""

import re
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Final, NamedTuple

from conformance.debugging.session import CannotError
from conformance.debugging.steps import Anew

if TYPE_CHECKING:
    from conformance.debugging.debugger import Debugger


class Quit(NamedTuple):
    """What a command says that ends it all; the exit code."""

    code: int = 0


Outcome = Anew | Quit | None
Run = Callable[["Debugger", str], Awaitable[Outcome]]


class Command(NamedTuple):
    """A command: `usage` without its name, `words` for :help. Raises CannotError, Wrong."""

    name: str
    usage: str
    words: str
    run: Run
    complete: Callable[["Debugger"], Iterable[str]] = lambda _: ()
    lives: bool = True
    """Whether it needs a chain that runs."""


LONGEST: Final = 86400.0
"""Seconds that may pass in one step; in a week the machine takes everybody to be stuck."""
_UNITS: Final = {"": 1.0, "s": 1.0, "ms": 0.001, "m": 60.0, "h": 3600.0}
_TIME: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|h|)", re.ASCII)
LATER: Final = "the chain is gone: :restart, :back or :quit"


def needs(text: str, what: str) -> str:
    """Return an argument that must be there. Raises CannotError."""
    if not text:
        raise CannotError(f"expected {what}")
    return text


def number(text: str, default: int, what: str) -> int:
    """Return a number that was typed. Raises CannotError."""
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise CannotError(f"expected {what}")
    return int(text)


def seconds(text: str, default: float) -> float:
    """Return the seconds of 5s, 500ms, 20m or 5. Raises CannotError."""
    if not text:
        return default
    found = _TIME.fullmatch(text)
    if found is None:
        raise CannotError("expected a time such as 5s, 200ms or 20m")
    duration = float(found[1]) * _UNITS[found[2]]
    if duration > LONGEST:
        raise CannotError("expected at most a day: by then every clock has rung")
    return duration
