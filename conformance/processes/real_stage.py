"""A running chain of real processes as the director sees it."""

import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import trio

from conformance.playing.stage import Ended, Process, Program
from conformance.playing.stream import Stream
from conformance.processes import observing, premises
from conformance.processes.ends import Ends, Lane
from conformance.processes.injecting import Injection, NeedsRealTime
from conformance.processes.observing import Look, Processes
from conformance.processes.puppetry import Cast
from conformance.processes.real_puppet import RealPuppet
from conformance.processes.stopping import Stops
from conformance.processes.wires import Inlet
from conformance.targets import TargetConfig

EARLY: Final = 0.1
BETWEEN_LOOKS: Final = 0.005
LONGEST_SETTLING: Final = 10.0
BUSY: Final = 1.0
"""CPU seconds: who uses more while we wait for everybody to be idle spins."""
STILL_BUSY: Final = 0.1
"""The same for one that has spun already."""


class RealFrontEnd:
    """`FrontEnd` with a real control socket."""

    def __init__(self, stage: "RealStage", control: Inlet) -> None:
        self.orders = control.stream
        self.control = control
        self._stage = stage

    async def block(self, data: bytes) -> None:
        """See FrontEnd."""
        self._stage.acting()
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
        self,
        target: TargetConfig,
        cast: Cast,
        ends: Ends,
        processes: Processes,
        first: Process,
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
        self.injection: Injection | None = None
        self.stops: Stops | None = None
        self._spun: set[int] = set()
        cast.at_end = self.drain
        cast.acting = self.acting

    @property
    def puppets(self) -> list[RealPuppet]:
        """See Stage."""
        return self._cast.puppets

    @property
    def processes(self) -> list[Process]:
        """See Stage."""
        return self._cast.processes

    def acting(self) -> None:
        """We do something ourselves: not while somebody would sleep. Raises NeedsRealTime."""
        if self.injection is None:
            return
        streams = [inlet.stream for inlet in self._ends.inlets] + [puppet.input for puppet in self.puppets]
        since = self.injection.jumped_at
        if since > 0 and not any(s.taken and s.arrival(s.taken - 1) >= since for s in streams):
            raise NeedsRealTime("something happens while a program sleeps")

    async def send(self, data: bytes, *, tls: bool = False) -> None:
        """See Stage."""
        self.acting()
        await self._lane(tls).output.send(data)

    def end_input(self, *, tls: bool = False) -> None:
        """See Stage."""
        self.acting()
        self._lane(tls).output.end()

    def hang_up(self, *, tls: bool = False) -> None:
        """See Stage."""
        self.acting()
        self._lane(tls).close()

    def reset(self, *, tls: bool = False) -> None:
        """See Stage. The kernel calls a socket reset that is closed with something unread in it."""
        self.acting()
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
        self.acting()
        self._lane(tls).inlet.pause()

    def resume(self, *, tls: bool = False) -> None:
        """See Stage."""
        self.acting()
        self._lane(tls).inlet.listen()

    def signal(self, program: str, signal: int) -> bool:
        """See Stage."""
        self.acting()
        living = [p for p in self.processes if p.name == program and self._cast.living(p.pid) is p]
        if living:
            self._cast.signal(living[-1], signal)
        return bool(living)

    async def puppet(self, index: int) -> RealPuppet:
        """See Stage."""
        return await self._cast.puppet(index)

    def descriptors(self, process: Process) -> dict[int, str]:
        """See Stage."""
        return self._looking.descriptors(process.pid)

    def unix_time(self) -> float:
        """See Stage."""
        return time.time()

    async def ended(self) -> Ended:
        """See Stage."""
        return await self._cast.end_of(self._first)

    async def settle(self) -> None:
        """See Stage. Gives up on who spins, and after ten seconds."""
        deadline = time.monotonic() + LONGEST_SETTLING
        first = before = self._looking.look()
        while time.monotonic() < deadline:
            await trio.sleep(BETWEEN_LOOKS)
            now = self._looking.look()
            if now == before and all(look.idle for look in now.values()) and not self._pending():
                return
            for look in now.values():
                if look.cpu - _cpu(first, look) > (STILL_BUSY if look.pid in self._spun else BUSY):
                    self._spun.add(look.pid)
                    return
            before = now

    def spinning(self) -> tuple[str, float] | None:
        """See Stage."""
        return self._looking.spinning()

    def may_wake(self, seconds: float) -> bool:
        """See Stage."""
        return self._looking.may_wake(seconds)

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
            (self.stops is not None and self.stops.held)
            or self._cast.busy
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


def _cpu(looks: Mapping[int, Look], look: Look) -> float:
    return looks[look.pid].cpu if look.pid in looks else 0.0
