"""The stage's side of the puppets: takes their reports, keeps the list of processes, gives the orders."""

import os
import signal
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import trio

from conformance.playing.stage import CHECKPASSWORD, Ended, Process, Program
from conformance.playing.stream import Stream
from conformance.processes import observing, records
from conformance.processes.messages import Records, close_all, receive, send
from conformance.processes.puppet import SOCKET, variables
from conformance.processes.real_puppet import RealPuppet

BURIAL: Final = 1.0
"""Seconds in which a parent, or the house, may wait for one who has ended: then it can be told how."""
SHORTLY: Final = 0.005


class Cast:
    """All processes and puppets of a run. `real` has the paths of the programs that are not played."""

    def __init__(
        self, real: Mapping[str, bytes], record: Callable[[str, bytes], None], *, knows_users: bool
    ) -> None:
        self.puppets: list[RealPuppet] = []
        self.processes: list[Process] = []
        self.failures: list[str] = []
        """Programs that could not be run."""
        self.knows_users = knows_users
        """Whether user IDs mean what the scenario says."""
        self.at_end: Callable[[], None] = lambda: None
        """Called when an end was seen, before anybody is told."""
        self.acting: Callable[[], None] = lambda: None
        """Called when a puppet does something."""
        self._real = real
        self._record = record
        self._programs = 0
        self._pidfds: dict[int, int] = {}
        self._ends: dict[int, trio.Event] = {}
        self._started = trio.lowlevel.ParkingLot()
        self._burials: dict[int, Ended] = {}
        self._talking = 0
        self._nursery: trio.Nursery

    @property
    def busy(self) -> bool:
        """Whether somebody is reporting just now."""
        return self._talking > 0

    async def listen(self, directory: Path, nursery: trio.Nursery) -> None:
        """Take reports at the socket in this directory; returns when it can be connected to."""
        self._nursery = nursery
        listener = trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        path = directory / SOCKET
        await listener.bind(str(path))
        path.chmod(0o666)
        listener.listen(64)
        nursery.start_soon(self._accept, listener)

    def enter(self, pidfd: int, process: Process) -> None:
        """Take a process in, and its pidfd: its end will be noted."""
        self.processes.append(process)
        self._pidfds[process.pid] = pidfd
        self._ends[process.pid] = trio.Event()
        self._nursery.start_soon(self._watch, process, pidfd)

    def add_program(self, process: Process, program: Program) -> None:
        """Note that a process has become a program."""
        self._programs += 1
        program.order = self._programs
        program.started = trio.current_time()
        process.programs.append(program)

    def pidfd(self, process: Process) -> int:
        """Return the pidfd of a process that was taken in."""
        return self._pidfds[process.pid]

    def signal(self, process: Process, number: int) -> None:
        """Send a signal; no error when it has ended."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfds[process.pid], number)

    async def end_of(self, process: Process) -> Ended:
        """Wait for the end of a process that was taken in."""
        await self._ends[process.pid].wait()
        return process.ended or Ended(None, None)

    async def puppet(self, index: int) -> "RealPuppet":
        """Wait for the start of the puppet with this index."""
        while len(self.puppets) <= index:
            await self._started.park()
        return self.puppets[index]

    def note_failure(self, report: Records) -> None:
        """Note what a puppet says about a program that it could not become."""
        self.failures += [reason.decode(errors="replace") for reason in records.every(report, "failed")]

    def note_burial(self, pid: int, ended: Ended) -> None:
        """Note what the house says about a child of its."""
        self._burials[pid] = ended

    def close(self) -> None:
        """Let go of everything."""
        for puppet in self.puppets:
            puppet.close()
        for pidfd in self._pidfds.values():
            os.close(pidfd)
        self._pidfds.clear()

    async def _accept(self, listener: trio.socket.SocketType) -> None:
        with listener:
            while True:
                connection, _ = await listener.accept()
                self._talking += 1
                self._nursery.start_soon(self._hear, connection)

    async def _hear(self, connection: trio.socket.SocketType) -> None:
        """Take one report, and have the reporter become the real program or be played."""
        try:
            report, descriptors = await receive(connection)
            process = self._process(connection, report) if report else None
            if process is None:
                connection.close()
                close_all(descriptors)
                return
            program = self._program(report)
            self.add_program(process, program)
            path = self._real.get(program.name)
            if path is None:
                self._play(connection, process, program, _handed(report, descriptors))
                return
            close_all(descriptors)
            with suppress(OSError):
                await send(connection, [("order", b"become"), ("path", path)])
            self._nursery.start_soon(self._hear_failure, connection)
        finally:
            self._talking -= 1

    async def _hear_failure(self, connection: trio.socket.SocketType) -> None:
        with connection:
            report, _ = await receive(connection)
            self.note_failure(report)

    def living(self, pid: int) -> Process | None:
        """Return the process with this ID that has not ended."""
        found = (process for process in self.processes if process.pid == pid)
        return next((process for process in found if not self._ends[process.pid].is_set()), None)

    def _process(self, connection: trio.socket.SocketType, report: Records) -> Process | None:
        """Return the reporter: known when it has become another program, else new; None if it is gone."""
        pid = int(records.first(report, "pid"))
        known = self.living(pid)
        if known is not None:
            return known
        try:
            pidfd = _pidfd_of_peer(connection)
        except OSError:
            return None
        process = Process(pid, int(records.first(report, "parent")))
        self.enter(pidfd, process)
        return process

    def _program(self, report: Records) -> Program:
        argv = tuple(records.every(report, "argv"))
        knows_ignored = b"ignored" in records.every(report, "knows")

        def number(key: str) -> int | None:
            return int(records.first(report, key)) if self.knows_users else None

        return Program(
            name=os.fsdecode(records.first(report, "name")),
            argv=argv,
            uid=number("uid"),
            euid=number("euid"),
            gid=number("gid"),
            env=dict(variables(records.every(report, "env"))),
            fds=frozenset(map(int, records.every(report, "fd"))),
            cwd=records.first(report, "cwd"),
            ignored=frozenset(map(int, records.every(report, "ignored"))) if knows_ignored else None,
            blocked=frozenset(map(int, records.every(report, "blocked"))),
        )

    def _play(
        self,
        connection: trio.socket.SocketType,
        process: Process,
        program: Program,
        handed: Mapping[int, int],
    ) -> None:
        stream = Stream("fd3" if program.name in CHECKPASSWORD else "c", self._record)
        puppet = RealPuppet(self, connection, process, handed, stream)
        puppet.tell([("order", b"play")])
        self.puppets.append(puppet)
        self._nursery.start_soon(puppet.live)
        self._started.unpark_all()

    async def _watch(self, process: Process, pidfd: int) -> None:
        await trio.lowlevel.wait_readable(pidfd)
        now = trio.current_time()
        for puppet in self.puppets:
            if puppet.process is process:
                puppet.close()
        ended = observing.exit_of(pidfd) or await self._burial(process.pid, pidfd)
        process.ended, process.ended_at, process.observed_end = ended, now, ended is not None
        self.at_end()
        self._ends[process.pid].set()

    async def _burial(self, pid: int, pidfd: int) -> Ended | None:
        """Return how somebody ended, when the kernel tells, or the house, which buries orphans."""
        with trio.move_on_after(BURIAL):
            while True:
                found = observing.exit_of(pidfd) or self._burials.get(pid)
                if found is not None:
                    return found
                await trio.sleep(SHORTLY)
        return None


def _handed(report: Records, descriptors: list[int]) -> dict[int, int]:
    """Return the descriptors that came with a report, by the numbers that they had there."""
    return dict(zip(map(int, records.every(report, "handed")), descriptors, strict=True))


def _pidfd_of_peer(connection: trio.socket.SocketType) -> int:
    """Return a pidfd of the process at the other end."""
    try:
        return connection.getsockopt(socket.SOL_SOCKET, observing.SO_PEERPIDFD)
    except OSError:  # before Linux 6.5; it waits for our answer, so it lives
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        return os.pidfd_open(int.from_bytes(credentials[:4], "little"))
