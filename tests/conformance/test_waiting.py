"""How long a process waits shows in its system call; whatever cannot be seen counts as waking at once."""

import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from conformance.processes.observing import Processes
from conformance.processes.waiting import FOR_EVER, waits

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="knows one computer's system calls")
PATIENCE = 30.0


@pytest.fixture
def proc() -> Iterator[int]:
    fd = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY)
    yield fd
    os.close(fd)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import time; time.sleep(500)", 500),
        ("import select; select.select([], [], [], 500)", 500),
        ("import select; select.select([0], [], [])", FOR_EVER),
        ("import select; select.poll().poll(500_000)", 500),
        ("import select; p = select.poll(); p.register(0); p.poll()", FOR_EVER),
        ("import select; select.epoll().poll(500)", 500),
        ("import select; select.epoll().poll()", FOR_EVER),
        ("import threading; threading.Event().wait()", FOR_EVER),
        ("import sys; sys.stdin.read()", FOR_EVER),
        ("import os; os.fork() and os.wait(); os.read(0, 1)", FOR_EVER),
        ("import signal; signal.pause()", FOR_EVER),
        ("import threading; threading.Event().wait(500)", 500),
        ("import threading as t, time; t.Thread(target=time.sleep, args=[500]).start(); input()", 500),
    ],
)
def test_the_wait_of_a_process(code: str, expected: float, proc: int) -> None:
    with subprocess.Popen([sys.executable, "-IS", "-c", code], stdin=subprocess.PIPE) as process:
        try:
            processes = Processes(proc, os.getpid())
            deadline = time.monotonic() + PATIENCE
            while waits(proc, process.pid) < 0.8 * expected or processes.may_wake(100.0):  # it, or its child
                assert time.monotonic() < deadline
                os.sched_yield()
            assert waits(proc, process.pid) <= expected
            assert processes.may_wake(300.0) == (expected == 500)
        finally:
            process.kill()


def test_who_works_may_do_anything(proc: int) -> None:
    assert waits(proc, os.getpid()) == 0.0


def test_who_is_gone_is_unknown(proc: int) -> None:
    with subprocess.Popen(["/bin/true"]) as process:
        process.wait()
    assert waits(proc, process.pid) == 0.0
