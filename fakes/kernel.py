"""The machine's kernel: how processes come to be, become other programs, hear signals and end.

A process is one trio task in its connection's nursery. What it does in between is traffic.py's.
"""

import errno
import os
import posixpath
from collections.abc import Awaitable, Callable, Mapping, Sequence
from signal import SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGKILL, SIGTERM, SIGURG, SIGWINCH
from typing import NamedTuple

import trio

from acceptutils.runtime.world import CannotRun, Ended
from fakes.disk import Disk
from fakes.kernel_process import KernelProcess, Killed
from fakes.pipes import End
from fakes.traffic import Cuts, Traffic

INIT = 1
CAUGHT = (SIGTERM, SIGINT, SIGHUP)
_IGNORED = (0, SIGCHLD, SIGCONT, SIGURG, SIGWINCH)


class Program(NamedTuple):
    """What a name in the machine's table stands for; `catches` as in KernelProcess."""

    main: Callable[[KernelProcess], Awaitable[int]]
    catches: bool


class Kernel(Traffic):
    """The processes of one machine and what they may do."""

    def __init__(self, programs: Mapping[bytes, Program], disk: Disk, *, seed: int, cuts: Cuts) -> None:
        super().__init__(seed=seed, cuts=cuts)
        self.programs = programs
        self.disk = disk
        self.processes: list[KernelProcess] = []
        self.unrunnable: dict[bytes, CannotRun] = {}
        self.next_pid = 100

    async def wait(self, process: KernelProcess, child: KernelProcess) -> Ended:
        """waitpid(2)."""
        with self.operation(process, f"wait {child.pid}"):
            await self.dawdle()
            await child.over.wait()
        child.reaped = True
        assert child.ended is not None  # noqa: S101 - `over` says so
        return child.ended

    def find(self, argv: Sequence[bytes]) -> Program:
        """Return the program of that base name. Raises CannotRun."""
        name = posixpath.basename(argv[0]) if argv else b""
        if name in self.unrunnable:
            raise CannotRun(self.unrunnable[name].step, self.unrunnable[name].reason)
        if name not in self.programs:
            raise CannotRun("exec", os.strerror(errno.ENOENT))
        return self.programs[name]

    def start(
        self,
        parent: KernelProcess,
        argv: Sequence[bytes],
        env: Mapping[bytes, bytes],
        numbers: Mapping[int, int],
        *,
        own_group: bool = False,
    ) -> KernelProcess:
        """Start a program in a new process; `numbers`: its descriptors to ours. Raises CannotRun."""
        program = self.find(argv)
        process = self._fork(parent, parent.share(numbers), own_group=own_group)
        process.argvs.append(tuple(argv))
        process.catches = program.catches
        self.note(parent, f"start {process.pid}", b" ".join(argv))
        parent.nursery.start_soon(self._live, process, program, env)
        return process

    async def execute(self, process: KernelProcess, argv: Sequence[bytes], env: Mapping[bytes, bytes]) -> int:
        """execve(2), and then the program's whole life; returns its exit code. Raises CannotRun.

        When it returns the process has ended, so what stands behind it in the old program cannot act.
        """
        program = self.find(argv)
        with self.operation(process, "exec"):
            await self.dawdle()
        process.argvs.append(tuple(argv))
        for fd in sorted(process.private):
            process.close(fd)
        return await self._run(process, program, env)

    def kill(self, pid: int, signal: int) -> None:
        """kill(2); no error when there is no such process."""
        for process in self.processes:
            if process.pid == pid and process.alive:
                self._signal(process, signal)

    def kill_group(self, group: int, signal: int) -> None:
        """kill(2) of a process group; no error when it is empty."""
        for process in self.processes:
            if process.group == group and process.alive:
                self._signal(process, signal)

    def finish(self, process: KernelProcess, *, code: int | None = None, signal: int | None = None) -> None:
        """End a process: nothing of it runs any more, its descriptors close; nothing if it has ended."""
        if process.ended is not None:
            return
        self.note(process, "end", f"code {code} signal {signal}".encode())
        process.ended = Ended(code, signal, process.uid)
        process.ended_at = trio.current_time()
        for fd in sorted(process.descriptors):
            process.close(fd)
        for scope in (process.scope, *process.operations):
            scope.cancel()
        for child in self.processes:
            if child.alive and child.parent == process.pid:
                child.parent = INIT
        process.over.set()

    def _fork(self, parent: KernelProcess, descriptors: dict[int, End], *, own_group: bool) -> KernelProcess:
        pid, self.next_pid = self.next_pid, self.next_pid + 1
        process = KernelProcess(
            pid=pid,
            parent=parent.pid,
            nursery=parent.nursery,
            uid=parent.uid,
            euid=parent.euid,
            gid=parent.gid,
            cwd=parent.cwd,
            group=pid if own_group else parent.group,
            descriptors=descriptors,
            uid_at_start=parent.uid,
        )
        self.processes.append(process)
        return process

    async def _live(self, process: KernelProcess, program: Program, env: Mapping[bytes, bytes]) -> None:
        """Be a process. A program's unexpected exception goes on, through the nursery into the test."""
        try:
            with process.scope:
                await self.dawdle()
                await self._run(process, program, env)
        except BaseException as error:
            others = _without_killed(error)
            if others is not None:
                raise others from None
        finally:
            self.finish(process, signal=SIGKILL)

    async def _run(self, process: KernelProcess, program: Program, env: Mapping[bytes, bytes]) -> int:
        process.env = dict(env)
        process.catches = program.catches
        for signal in () if program.catches else process.pending:
            self._signal(process, signal)
        process.check_alive()
        self.note(process, "run", b" ".join(process.argv))
        code = await program.main(process)
        self.finish(process, code=code & 255)
        return code

    def _signal(self, process: KernelProcess, signal: int) -> None:
        self.note(process, f"signal {signal}")
        if process.catches and signal in CAUGHT:
            process.pending.append(signal)
            process.signalled.unpark_all()
        elif signal not in _IGNORED:
            self.finish(process, signal=signal)


def _without_killed(error: BaseException) -> BaseException | None:
    if isinstance(error, Killed):
        return None
    return error.split(Killed)[1] if isinstance(error, BaseExceptionGroup) else error
