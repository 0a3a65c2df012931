"""A chain in the machine as a stage: the client's connection, the log, the processes."""

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import groupby
from typing import Final

import trio
from trio.testing import wait_all_tasks_blocked

from conformance.machine.sim_front_end import SimFrontEnd
from conformance.machine.sim_puppet import SimPuppet
from conformance.playing.stage import Ended, Process, Program
from conformance.playing.stream import Stream
from fakes.connection import Connection
from fakes.kernel_process import KernelProcess
from fakes.machine import LogLine, Machine
from fakes.pipes import End, LogFile, MemoryFile
from fakes.ucspitlsd import CIPHER

OBSERVES: Final = frozenset(
    {"exit", "uid", "env", "fds", "argv", "cwd", "processes", "leftovers", "exact-time"}
)


class SimStage:
    """`Stage` over a machine and one connection to it."""

    def __init__(self, machine: Machine, record: Callable[[str, bytes], None]) -> None:
        self.plain = Stream("S", record)
        self.tls = Stream("ST", record)
        self.log = Stream("E", record)
        self.puppets: list[SimPuppet] = []
        self.processes: list[Process] = []
        self.front_end: SimFrontEnd | None = None
        self.observes = OBSERVES
        self.early = self.late = 0.0
        self.record = record
        self.connection: Connection
        self.nursery: trio.Nursery
        self.tls_fds = (-1, -1)
        """The client's descriptors inside TLS: where it reads, where it writes."""
        self.is_masked = False
        """Whether TLS is the pretended one of ucspitlsd, on the client's plain connection."""
        self._machine = machine
        self._programs = 0
        self._started = trio.lowlevel.ParkingLot()
        self._flowing = {False: trio.Event(), True: trio.Event()}
        for event in self._flowing.values():
            event.set()
        machine.on_log = self._hear_log

    # Stage

    async def send(self, data: bytes, *, tls: bool = False) -> None:
        """See Stage."""
        if tls and self.is_masked:
            data = data.translate(CIPHER)
        await self.connection.send_to(self.tls_fds[1] if tls else 1, data)

    def end_input(self, *, tls: bool = False) -> None:
        """See Stage."""
        with suppress(OSError):  # it has hung up before
            if not tls:
                self.connection.half_close()
            elif (end := self.connection.end_of(self.tls_fds[1])).is_socket:
                end.shut_down()
            else:
                self.connection.close_descriptor(self.tls_fds[1])

    def hang_up(self, *, tls: bool = False) -> None:
        """See Stage."""
        for fd in self.tls_fds if tls else (0, 1):
            self.connection.close_descriptor(fd)
        (self.tls if tls else self.plain).end()

    def reset(self, *, tls: bool = False) -> None:
        """See Stage."""
        for fd in self.tls_fds if tls else (0, 1):
            with suppress(OSError):  # it has hung up before
                self.connection.end_of(fd).reset()

    def stall(self, *, tls: bool = False) -> None:
        """See Stage."""
        self._flowing[tls] = trio.Event()

    def resume(self, *, tls: bool = False) -> None:
        """See Stage."""
        self._flowing[tls].set()

    def signal(self, program: str, signal: int) -> bool:
        """See Stage."""
        found = [process for process in self.living() if process.name == program]
        if found:
            self._machine.kill(found[-1].pid, signal)
        return bool(found)

    async def puppet(self, index: int) -> SimPuppet:
        """See Stage."""
        while len(self.puppets) <= index:
            await self._started.park()
        return self.puppets[index]

    async def ended(self) -> Ended:
        """See Stage."""
        first = self.connection.first
        await first.over.wait()
        await wait_all_tasks_blocked()
        return _ended(first) or Ended(None, None)

    async def settle(self) -> None:
        """See Stage."""
        await wait_all_tasks_blocked()

    def spinning(self) -> tuple[str, float] | None:
        """See Stage: a program that spins here stops the clock, which the runner's alarm finds out."""
        return None

    def may_wake(self, seconds: float) -> bool:  # noqa: ARG002 - see Stage
        """See Stage: to wait costs nothing here."""
        return True

    def living(self) -> list[Process]:
        """See Stage."""
        return [self._process(p) for p in self._machine.processes if p.alive]

    def descriptors(self, process: Process) -> dict[int, str]:
        """See Stage."""
        own = self.kernel_process(process.pid)
        return {fd: _kind(end) for fd, end in own.descriptors.items() if fd not in own.private}

    def unix_time(self) -> float:
        """See Stage."""
        return self._machine.epoch + trio.current_time()

    # The machine's side

    def front_end_on(self, control: int) -> SimFrontEnd:
        """Put a front end at the other end of the chain's control socket."""

        def hang_up() -> None:
            self.hang_up(tls=True)
            self.hang_up()

        self.front_end = SimFrontEnd(self.connection, control, self.record, hang_up)
        return self.front_end

    def kernel_process(self, pid: int) -> KernelProcess:
        """Return the machine's record of a process."""
        return next(process for process in self._machine.processes if process.pid == pid)

    def note_program(self, name: str, pid: int, env: Mapping[bytes, bytes]) -> Process:
        """Write down that a process has become a program."""
        kernel_process = self.kernel_process(pid)
        process = next((p for p in self.processes if p.pid == pid), None)
        if process is None:
            process = Process(pid, kernel_process.parent)
            self.processes.append(process)
            self.nursery.start_soon(self._bury, process, kernel_process)
        self._programs += 1
        shared = set(kernel_process.descriptors) - kernel_process.private
        process.programs.append(
            Program(
                name=name,
                argv=kernel_process.argv,
                uid=kernel_process.uid,
                euid=kernel_process.euid,
                gid=kernel_process.gid,
                env=dict(env),
                fds=frozenset(shared),
                cwd=kernel_process.cwd,
                started=trio.current_time(),
                order=self._programs,
            )
        )
        return process

    def take_up(self, puppet: SimPuppet) -> None:
        """Show a puppet to the director."""
        self.puppets.append(puppet)
        self._started.unpark_all()

    async def pump(self, *, tls: bool) -> None:
        """Fill the stream of what the client receives, as long as it does not stall."""
        stream = self.tls if tls else self.plain
        while not stream.ended:
            await self._flowing[tls].wait()
            try:
                data = await self.connection.receive_some(self.tls_fds[0] if tls else 0)
            except OSError:
                data = b""
            await self._flowing[tls].wait()
            if self.is_masked:
                self._unmask(data)
            else:
                stream.feed(data)
            if not data:
                stream.end()
                if self.is_masked:
                    self.tls.end()

    def _unmask(self, data: bytes) -> None:
        """Tell plaintext from what was said inside the pretended TLS, where each byte has its high bit."""
        for masked, some in groupby(data, lambda byte: byte > 0x7F):
            if masked:
                self.tls.feed(bytes(some).translate(CIPHER))
            else:
                self.plain.feed(bytes(some))

    def _hear_log(self, line: LogLine) -> None:
        self.log.feed(line.line + b"\n")

    def _process(self, kernel_process: KernelProcess) -> Process:
        known = next((p for p in self.processes if p.pid == kernel_process.pid), None)
        if known is not None:
            return known
        name = os.fsdecode(kernel_process.program)
        return Process(kernel_process.pid, kernel_process.parent, [Program(name, kernel_process.argv)])

    async def _bury(self, process: Process, kernel_process: KernelProcess) -> None:
        await kernel_process.over.wait()
        process.ended = _ended(kernel_process)
        process.ended_at = kernel_process.ended_at


def _kind(end: End) -> str:
    if isinstance(end, LogFile):
        return "log"
    if isinstance(end, MemoryFile):
        return "file"
    return "socket" if end.is_socket else "pipe"


def _ended(process: KernelProcess) -> Ended | None:
    return None if process.ended is None else Ended(process.ended.code, process.ended.signal)
