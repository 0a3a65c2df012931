"""Real processes as a stage: the chain in surroundings of its own, puppets in it, us at all its ends."""

import os
import socket
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

import trio

from conformance.playing.stage import Ended, Opening, Process, Program, Stream
from conformance.processes import observing, premises, records
from conformance.processes.ends import Ends, Lane, Record
from conformance.processes.first_program import chain_of, order_for, starting
from conformance.processes.messages import Records, close_all
from conformance.processes.observing import Look, Processes
from conformance.processes.premises import House
from conformance.processes.puppetry import Cast
from conformance.processes.real_puppet import RealPuppet
from conformance.processes.wires import Inlet
from conformance.targets import TargetConfig, Unusable

EARLY: Final = 0.1
BETWEEN_LOOKS: Final = 0.005
LONGEST_SETTLING: Final = 10.0
BUSY: Final = 1.0
"""CPU seconds: who uses more while we wait for everybody to be idle spins."""


class RealFrontEnd:
    """`FrontEnd` with a real control socket."""

    def __init__(self, stage: "RealStage", control: Inlet) -> None:
        self.orders = control.stream
        self.control = control
        self._stage = stage

    async def block(self, data: bytes) -> None:
        """See FrontEnd."""
        await self.control.wire.send(data)

    def close_control(self) -> None:
        """See FrontEnd."""
        self.control.wire.close()

    def close(self) -> None:
        """See FrontEnd."""
        self.close_control()
        self._stage.hang_up(tls=True)
        self._stage.hang_up()


class RealStage:
    """`Stage` over real processes."""

    def __init__(
        self, target: TargetConfig, cast: Cast, ends: Ends, processes: Processes, first: Process
    ) -> None:
        self.observes = premises.observes(target)
        self.early = EARLY
        self.late = target.patience
        self.plain = ends.plain.inlet.stream
        self.tls = ends.tls.inlet.stream if ends.tls else Stream("ST")
        self.log = ends.log.stream
        self.front_end = RealFrontEnd(self, ends.control) if ends.control else None
        self.failures = cast.failures
        self._cast = cast
        self._ends = ends
        self._looking = processes
        self._first = first
        cast.at_end = self.drain

    @property
    def puppets(self) -> list[RealPuppet]:
        """See Stage."""
        return self._cast.puppets

    @property
    def processes(self) -> list[Process]:
        """See Stage."""
        return self._cast.processes

    async def send(self, data: bytes, *, tls: bool = False) -> None:
        """See Stage."""
        await self._lane(tls).output.send(data)

    def end_input(self, *, tls: bool = False) -> None:
        """See Stage."""
        self._lane(tls).output.end()

    def hang_up(self, *, tls: bool = False) -> None:
        """See Stage."""
        self._lane(tls).close()

    def reset(self, *, tls: bool = False) -> None:
        """See Stage. The kernel calls a socket reset that is closed with something unread in it."""
        lane = self._lane(tls)
        for process in self.processes:
            fds = self._looking.descriptors(process.pid) if process.ended is None else {}
            fd = next((fd for fd, what in fds.items() if what == f"socket:[{lane.theirs}]"), None)
            if fd is not None:
                with (
                    suppress(OSError),
                    socket.socket(fileno=observing.steal(self._cast.pidfd(process), fd)) as end,
                ):
                    end.send(b"\n", socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
                break
        lane.close()

    def stall(self, *, tls: bool = False) -> None:
        """See Stage."""
        self._lane(tls).inlet.pause()

    def resume(self, *, tls: bool = False) -> None:
        """See Stage."""
        self._lane(tls).inlet.listen()

    def signal(self, program: str, signal: int) -> bool:
        """See Stage."""
        living = [p for p in self.processes if p.name == program and self._cast.living(p.pid) is p]
        if living:
            self._cast.signal(living[-1], signal)
        return bool(living)

    async def puppet(self, index: int) -> RealPuppet:
        """See Stage."""
        return await self._cast.puppet(index)

    def unix_time(self) -> float:
        """See Stage."""
        return time.time()

    async def ended(self) -> Ended:
        """See Stage."""
        return await self._cast.end_of(self._first)

    async def settle(self) -> None:
        """See Stage. Gives up on who spins, and after ten seconds."""
        deadline = trio.current_time() + LONGEST_SETTLING
        first = before = self._looking.look()
        while trio.current_time() < deadline:
            await trio.sleep(BETWEEN_LOOKS)
            now = self._looking.look()
            if now == before and all(look.idle for look in now.values()) and not self._pending():
                return
            if any(look.cpu - _cpu(first, look) > BUSY for look in now.values()):
                return
            before = now

    def spinning(self) -> tuple[str, float] | None:
        """See Stage."""
        return self._looking.spinning()

    def living(self) -> list[Process]:
        """See Stage."""
        looks = self._looking.look().values()
        return [self._process(look) for look in looks if look.state not in "ZX"]

    def drain(self) -> None:
        """Take all that has come, without waiting."""
        for inlet in self._ends.inlets:
            inlet.drain()
        for puppet in self.puppets:
            puppet.drain()

    def _pending(self) -> bool:
        return (
            self._cast.busy
            or any(inlet.pending for inlet in self._ends.inlets)
            or any(puppet.pending for puppet in self.puppets)
        )

    def _lane(self, tls: bool) -> Lane:
        if not tls:
            return self._ends.plain
        if self._ends.tls is None:
            raise BrokenPipeError("this chain has no TLS front end")
        return self._ends.tls

    def _process(self, look: Look) -> Process:
        known = self._cast.living(look.pid)
        argv = self._looking.argv(look.pid)
        return known or Process(look.pid, look.parent, [Program(look.name, argv)])


@asynccontextmanager
async def open_stage(opening: Opening, target: TargetConfig, record: Record) -> AsyncIterator[RealStage]:
    """Start a chain on a target from premises.prepared(). Raises Unusable.

    At the end all that is left of it is dead, and its directory is gone.
    """
    if not target.isolation:
        raise ValueError("expected a target from premises.prepared()")
    chain = chain_of(opening, target)
    with _one_error_plain(), ExitStack() as stack:
        directory = stack.enter_context(premises.run_directory(target, chain.names, opening.files))
        cast = Cast(chain.real, record, knows_users=os.geteuid() == 0)
        stack.callback(cast.close)
        ends = Ends(opening, record)
        stack.callback(ends.close)
        async with premises.house(Path(target.place)) as house, trio.open_nursery() as nursery:
            try:
                await cast.listen(directory, nursery)
                await house.enter(target.isolation, directory / "qmail")
                program = starting(opening, target, chain, directory, frozenset(ends.theirs))
                order = order_for(program, chain, opening.inherit)
                first = await _first_process(house, cast, ends, order)
                if program.name in chain.real:  # else a puppet reports
                    cast.add_program(first, _as_observed(program, cast))
                processes = Processes(house.proc, house.pid)
                for task in (processes.sample, *(inlet.flow for inlet in ends.inlets)):
                    nursery.start_soon(task)
                nursery.start_soon(_hear_house, house, cast)
                yield RealStage(target, cast, ends, processes, first)
            finally:
                nursery.cancel_scope.cancel()


def _as_observed(program: Program, cast: Cast) -> Program:
    return program if cast.knows_users else replace(program, uid=None, euid=None, gid=None)


async def _first_process(house: House, cast: Cast, ends: Ends, order: Records) -> Process:
    """Have the house start the first program. Raises Unusable."""
    numbers = [("fd", b"%d" % fd) for fd in ends.theirs]
    await house.tell([*order, *numbers], tuple(ends.theirs.values()))
    ends.given()
    report, descriptors = await house.hear()
    pid = int(records.first(report, "started", b"0"))
    if not pid:
        raise Unusable(f"the chain did not start: {records.first(report, 'failed').decode(errors='replace')}")
    first = cast.living(pid)
    if first is None:
        first = Process(pid, house.pid)
        cast.enter(descriptors.pop(), first)
    close_all(descriptors)
    return first


async def _hear_house(house: House, cast: Cast) -> None:
    """Take note of deaths, and of a first program that could not be run."""
    while True:
        report, descriptors = await house.hear()
        close_all(descriptors)
        if not report:
            return
        cast.note_failure(report)
        if pid := records.first(report, "ended"):
            cast.note_burial(int(pid), observing.ended(int(records.first(report, "status"))))


@contextmanager
def _one_error_plain() -> Iterator[None]:
    """Take a single exception out of the groups that nurseries put it into."""
    try:
        yield
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
            error = error.exceptions[0]
        if error is group or isinstance(error, BaseExceptionGroup):
            raise
        raise error from None


def _cpu(looks: Mapping[int, Look], look: Look) -> float:
    return looks[look.pid].cpu if look.pid in looks else 0.0
