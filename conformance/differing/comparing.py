"""Compares two targets over many dialogues, in several processes, and makes the first of each shape small.

What is found is told at once; Ctrl-C loses nothing but what is being played.
"""

import signal
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Final, NamedTuple, Protocol

from conformance.differing import grammar
from conformance.differing.diff import Disagreement, compare, draft, server_lines, smallest
from conformance.differing.listening import listener
from conformance.format.talk import Talk
from conformance.playing.beats import understand
from conformance.playing.runner import skip_reason
from conformance.targets import TargetConfig
from conformance.varying.shrink import CannotReproduce

TRIES: Final = 300
TRIES_IN_REAL_TIME: Final = 25


@dataclass(frozen=True)
class Comparison:
    """What is compared. `deadline`, a time.monotonic(): nothing is begun after it."""

    one: TargetConfig
    other: TargetConfig
    seed: int
    jobs: int
    decent: bool = False
    deadline: float = float("inf")

    @property
    def tries(self) -> int:
        """How many dialogues may be played to make one small."""
        simulated = self.one.kind == self.other.kind == "simulation"
        return TRIES if simulated else TRIES_IN_REAL_TIME


class Outcome(NamedTuple):
    """What came of a dialogue.

    `skipped` says why it cannot be played on both, `trouble` what went wrong in the suite itself.
    """

    number: int
    skipped: str = ""
    trouble: str = ""
    found: Disagreement | None = None
    talk: Talk | None = None
    """The draft of what was found."""
    server: frozenset[str] = frozenset()
    """The lines that the server behind fixsmtpio says, in octets.py's notation."""


class Small(NamedTuple):
    """The same disagreement in a small dialogue; `talk` None: there was no time, or it did not come again."""

    number: int
    talk: Talk | None
    came_again: bool = True
    trouble: str = ""


class Told(Protocol):
    """Who is told of what is found."""

    def outcome(self, outcome: Outcome) -> bool:
        """Take note of it; say whether it is worth being made small."""
        ...

    def small(self, small: Small) -> None:
        """Take note of it."""
        ...


def run(comparison: Comparison, numbers: Iterable[int], told: Told) -> None:
    """Play dialogues until there are no more, or the time is over. Raises KeyboardInterrupt."""
    waiting = iter(numbers)
    context = get_context("fork")
    with ProcessPoolExecutor(comparison.jobs, mp_context=context, initializer=_deaf) as pool:
        running: set[Future[Outcome | Small]] = set()

        def submit(function: Callable[..., Outcome | Small], *args: object) -> None:
            running.add(pool.submit(_interruptible, function, comparison, *args))

        try:
            while True:
                while len(running) < 2 * comparison.jobs and time.monotonic() < comparison.deadline:
                    number = next(waiting, None)
                    if number is None:
                        break
                    submit(play, number)
                if not running:
                    return
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for result in [future.result() for future in done]:
                    if isinstance(result, Small):
                        told.small(result)
                    elif told.outcome(result):
                        submit(make_small, result.number, result.found)
        finally:
            pool.shutdown(cancel_futures=True)


def play(comparison: Comparison, number: int) -> Outcome:
    """Play one dialogue."""
    talk = grammar.generate(comparison.seed, number, decent=comparison.decent)
    score = understand(talk)
    for target in (comparison.one, comparison.other):
        if reason := skip_reason(score, target, slow=False):
            return Outcome(number, reason)
    try:
        found, heard = compare(listener(comparison.one), listener(comparison.other), talk)
        drafted = draft(talk, heard, found) if found else None
    except Exception as error:  # one dialogue that we cannot play is no reason to lose the others
        return Outcome(number, trouble=repr(error))
    return Outcome(number, found=found, talk=drafted, server=server_lines(score))


def make_small(comparison: Comparison, number: int, found: Disagreement) -> Small:
    """Look for the smallest dialogue with the same disagreement."""
    talk = grammar.generate(comparison.seed, number, decent=comparison.decent)
    hear = listener(comparison.one), listener(comparison.other)
    limits = comparison.tries, comparison.deadline
    try:
        return Small(number, smallest(*hear, talk, found, limits))
    except CannotReproduce:
        return Small(number, None, came_again=False)
    except Exception as error:
        return Small(number, None, trouble=repr(error))


def numbers(seed: int, count: int, kinds: frozenset[str]) -> Iterator[int]:
    """Yield the numbers of the first dialogues of these kinds; without kinds of any."""
    number = 0
    while count:
        if not kinds or grammar.kind_of(seed, number) in kinds:
            yield number
            count -= 1
        number += 1


def _deaf() -> None:
    """Leave Ctrl-C to the parent while a worker has nothing to do; SIGTERM ends it without ado.

    One that left with an exception might hold the lock of the queue that the others wait at.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _interruptible(function: Callable[..., Outcome | Small], *args: object) -> Outcome | Small:
    with _listening():
        return function(*args)


@contextmanager
def _listening() -> Iterator[None]:
    """Take Ctrl-C, so that a dialogue ends and tidies up."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
