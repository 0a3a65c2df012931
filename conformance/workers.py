"""Work shared among processes, of which one may be killed, or all be interrupted, at any moment."""

import os
import signal
import sys
from collections.abc import Callable, Generator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, suppress
from multiprocessing import get_context
from multiprocessing.sharedctypes import RawArray
from typing import Any, Final, TypeVar

T = TypeVar("T")
Results = Generator[tuple[int, T], None, None]
_FORK: Final = get_context("fork")


class _Desk:
    """What the workers of one pool share with us; they inherit it when they are forked."""

    def __init__(self, work: Callable[[int], Any], count: int) -> None:
        self.work = work
        self.busy = RawArray("i", count)
        """Who works at what: process IDs, 0 for nobody; who was killed stays here."""
        self.closed = RawArray("b", 1)
        self.broken = False


_desk: _Desk


def each(work: Callable[[int], T], count: int, jobs: int) -> Results[T | None]:
    """Do work(0) ... work(count - 1) in so many processes; yield number and result as they are ready.

    The result is None for what was worked at when a process was killed; the rest is still done. When the
    caller is interrupted, or wants no more, whoever works is interrupted, and has ended on return.
    """
    global _desk  # noqa: PLW0603 - forked processes inherit it: no pickling of what may be large
    _desk = desk = _Desk(work, count)
    left = list(range(count))
    while left:
        before = len(left)
        with closing(_until_one_is_killed(desk, left, jobs)) as results:
            for number, result in results:
                left.remove(number)
                yield number, result
        lost = [number for number in left if desk.busy[number]]
        if len(left) == before and not lost:
            lost = list(left)  # they die before they begin: it would be so for ever
        if lost:
            print(f"conform: a worker process was killed; cases lost: {len(lost)}", file=sys.stderr)
        for number in lost:
            left.remove(number)
            desk.busy[number] = 0
            yield number, None


def _until_one_is_killed(desk: _Desk, numbers: list[int], jobs: int) -> Results[Any]:
    pool = ProcessPoolExecutor(min(jobs, len(numbers)), mp_context=_FORK, initializer=_at_start)
    try:
        futures: dict[Future[Any], int] = {}
        with suppress(BrokenProcessPool):
            futures = {pool.submit(_do, number): number for number in numbers}
        while futures:
            done, _ = wait(futures, return_when=FIRST_COMPLETED)
            for future in done:
                number = futures.pop(future)
                try:
                    result = future.result()
                except BrokenProcessPool:
                    desk.broken = True  # which has ended all workers
                    continue
                yield number, result
    finally:
        desk.closed[0] = 1
        for pid in () if desk.broken else filter(None, list(desk.busy)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGINT)
        pool.shutdown(cancel_futures=True)
        desk.closed[0], desk.broken = 0, False


def _at_start() -> None:
    """Be a worker: what interrupts us comes from our parent, not from the terminal."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.setpgid(0, 0)


def _do(number: int) -> Any:
    desk = _desk
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        desk.busy[number] = os.getpid()
        if desk.closed[0]:
            return None
        return desk.work(number)
    except KeyboardInterrupt:
        return None
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        desk.busy[number] = 0
