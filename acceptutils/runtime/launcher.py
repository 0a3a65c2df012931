"""The real surroundings of programs that only exec or wait: reup and checknotroot.

Nothing here imports trio, which would cost a tenth of a second before every login. The methods that
the drivers await block instead of yielding, so a driver runs to its end in one step.
"""

import contextlib
import os
import signal
from collections.abc import Callable, Coroutine, Mapping, Sequence
from types import FrameType
from typing import Any, NoReturn

from acceptutils.runtime import descriptors, programs
from acceptutils.runtime.world import Attempt, CannotRun, Ended, Launcher

PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
# Python ignores these two from its start on, and nobody can tell whether they were ignored before.
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)


class PosixLauncher:
    """One process that launches another. Implements `world.Launcher`."""

    def __init__(self, args: Sequence[bytes]) -> None:
        descriptors.fill_standard(inheritable=False)
        self.args = args
        self.env = _inherited_environment()
        self.pid = os.getpid()
        self.uid = os.getuid()
        self.euid = os.geteuid()
        self.log = descriptors.log
        self._child: int | None = None
        self._signalled: int | None = None
        self._memory: int | None = None
        self._inherited_mask = signal.pthread_sigmask(signal.SIG_BLOCK, [])
        self._inherited = {number: signal.getsignal(number) for number in (*PASSED_ON, signal.SIGCHLD)}

    async def exec(self, argv: Sequence[bytes]) -> NoReturn:
        """Become another program; nothing but what Python itself had changed is put back."""
        self._become(argv, self.env)

    async def attempt(self, argv: Sequence[bytes], env: Mapping[bytes, bytes]) -> Attempt:
        """Run a program as a child that inherits everything, and wait for it."""
        self._listen()
        memory = self._memory_file()
        failure, tell_failure = os.pipe()
        try:
            pid = self._fork()
        except OSError as error:
            raise CannotRun("fork", error.strerror or "") from None
        if pid == 0:
            self._be_child(argv, {**env, b"REUPSTATE": b"%d" % memory}, tell_failure)
        os.close(tell_failure)
        reason = os.read(failure, 1000)  # ends when the child has become the program
        os.close(failure)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        self._child = None  # before its ID can be somebody else's
        _, status = os.waitpid(pid, 0)
        if reason:
            raise CannotRun("exec", reason.decode())
        code = os.waitstatus_to_exitcode(status)
        ended = Ended(code, None) if code >= 0 else Ended(None, -code)
        return Attempt(pid, ended, signalled=self._signalled is not None)

    def _become(self, argv: Sequence[bytes], env: Mapping[bytes, bytes]) -> NoReturn:
        for number in _IGNORED_BY_PYTHON:
            signal.signal(number, signal.SIG_DFL)
        programs.run(argv, self.env, lambda path, args: os.execve(path, args, env))
        raise AssertionError("exec returned")

    def _listen(self) -> None:
        """Wait for children and take signals, whatever we inherited (BASE-6)."""
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for number in PASSED_ON:
            signal.signal(number, self._pass_on)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)

    def _pass_on(self, number: int, _: FrameType | None) -> None:
        self._signalled = number
        if self._child is not None:
            os.kill(self._child, number)

    def _fork(self) -> int:
        """Fork so that a signal finds either no child or one whose ID is known."""
        signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)
        pid = os.fork()
        if pid:
            self._child = pid
            if self._signalled is not None:
                os.kill(pid, self._signalled)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
        return pid

    def _be_child(self, argv: Sequence[bytes], env: Mapping[bytes, bytes], tell_failure: int) -> NoReturn:
        try:
            for number, handler in self._inherited.items():
                signal.signal(number, handler)
            signal.pthread_sigmask(signal.SIG_SETMASK, self._inherited_mask)
            self._become(argv, env)
        except CannotRun as error:
            os.write(tell_failure, error.reason.encode())
        finally:
            os._exit(111)  # never return into the parent's code

    def _memory_file(self) -> int:
        if self._memory is None:
            self._memory = os.memfd_create("reup", 0)  # 0: inherited by each attempt
        return self._memory


def _inherited_environment() -> Mapping[bytes, bytes]:
    """Return the environment without what Python does to LC_CTYPE in the C locale (PEP 538)."""
    env = dict(os.environb)
    with contextlib.suppress(OSError), open("/proc/self/environ", "rb") as inherited:
        variables = dict(record.split(b"=", 1) for record in inherited.read().split(b"\0") if b"=" in record)
        env.pop(b"LC_CTYPE", None)
        env |= {name: value for name, value in variables.items() if name == b"LC_CTYPE"}
    return env


def run(driver: Callable[[Launcher], Coroutine[Any, Any, int]], args: Sequence[bytes]) -> int:
    """Run a driver that never really waits; return its exit code."""
    try:
        driver(PosixLauncher(args)).send(None)
    except StopIteration as end:
        return int(end.value)
    raise AssertionError("a launcher's driver yielded")
