"""Work shared among processes: one is killed, all are interrupted."""

import os
import signal
from contextlib import closing

import pytest

from conformance import workers


def _double(number: int) -> tuple[int, int]:
    return number * 2, os.getpid()


def test_all_is_done_by_several_processes() -> None:
    found = {number: result for number, result in workers.each(_double, 20, 3) if result is not None}
    assert {number: double for number, (double, _) in found.items()} == {n: n * 2 for n in range(20)}
    assert os.getpid() not in {pid for _, pid in found.values()}


def test_what_a_killed_worker_did_is_lost_and_the_rest_is_done(capfd: pytest.CaptureFixture[str]) -> None:
    def work(number: int) -> str:
        if number == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return "done"

    found = dict(workers.each(work, 12, 1))
    assert {number for number, result in found.items() if result is None} == {3}
    assert len(found) == 12
    told = capfd.readouterr().err
    assert told == "conform: a worker process was killed; cases lost: 1\n"


def test_workers_that_cannot_even_begin_are_not_started_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_at_start", lambda: os.kill(os.getpid(), signal.SIGKILL))
    assert dict(workers.each(lambda number: number, 3, 2)) == {0: None, 1: None, 2: None}


def test_an_error_of_the_work_is_raised() -> None:
    def work(number: int) -> int:
        raise ValueError(f"number {number}")

    with pytest.raises(ValueError, match="number 0"), closing(workers.each(work, 1, 1)) as results:
        next(results)


def test_who_wants_no_more_interrupts_who_works(capfd: pytest.CaptureFixture[str]) -> None:
    (begun, begins), (told, tells) = os.pipe(), os.pipe()

    def work(number: int) -> int:
        if number == 0:
            return len(os.read(begun, 1))  # when the other worker has begun
        try:
            signal.alarm(30)  # one that nobody interrupts is killed, and says nothing
            os.write(begins, b"x")
            signal.pause()
        finally:
            os.write(tells, b"interrupted ")
        return 1

    with closing(workers.each(work, 50, 2)) as results:
        assert next(results) == (0, 1)
    os.close(tells)
    words = os.read(told, 1000).split()
    assert words
    assert set(words) == {b"interrupted"}
    for fd in (begun, begins, told):
        os.close(fd)
    assert capfd.readouterr().err == ""


def test_a_signal_to_all_from_the_terminal_does_not_reach_workers() -> None:
    (found,) = [result for _, result in workers.each(lambda _number: os.getpgid(0), 1, 1)]
    assert found != os.getpgid(0)
