"""The simulated machine as a stage: our drivers and the harness's puppets in one process, in virtual time.

Nothing is approximate here: times are exact, every process is seen, the same seed gives the same run.
"""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from errno import errorcode
from itertools import groupby
from typing import Final, Literal

import trio
from trio.testing import wait_all_tasks_blocked

from acceptutils.runtime import cli, faults
from acceptutils.runtime.authup import authup
from acceptutils.runtime.checknotroot import checknotroot
from acceptutils.runtime.fixsmtpio import fixsmtpio
from acceptutils.runtime.reup import reup
from acceptutils.runtime.sending import send_all
from acceptutils.runtime.world import World
from conformance.machine.faulty_world import Faults, FaultyWorld
from conformance.playing.stage import TLS_NUMBERS, Ended, Opening, Order, Process, Program, Stream, tls_number
from fakes.connection import Connection
from fakes.kernel_process import KernelProcess, Killed
from fakes.machine import EPOCH, LogLine, Machine
from fakes.pipes import End, filled_pipe, pipe, socket_pair
from fakes.process import Process as FakeProcess
from fakes.programs import PROGRAMS
from fakes.ucspitlsd import CIPHER, FrontEndProcess, ucspitlsd

Driver = Callable[[World], Awaitable[int]]
Fake = Callable[[FrontEndProcess], Awaitable[int]]
DRIVERS: Final[Mapping[str, Driver]] = {
    "reup": reup,
    "authup": authup,
    "checknotroot": checknotroot,
    "fixsmtpio": fixsmtpio,
}
FAKES: Final[Mapping[str, Fake]] = {
    **{name.decode(): fake for name, fake in PROGRAMS.items()},
    "ucspitlsd": ucspitlsd,
}
"""What a word of `run` without braces finds in the machine: programs that nobody plays."""
OBSERVES: Final = frozenset(
    {"exit", "uid", "env", "fds", "argv", "cwd", "processes", "leftovers", "exact-time"}
)
QMAIL_HOME: Final = "/var/qmail"
UNMODELLED: Final = ("sigchld", "sigpipe", "blocked", "nofile", "umask")
"""Words of `inherit` that mean nothing to the machine, which has no such things."""
HARNESS_DAYS: Final = 6 * 86400.0


class SimPuppet:
    """`Puppet` over one process of the machine."""

    def __init__(self, stage: "SimStage", fake: FakeProcess, process: Process) -> None:
        self.process = process
        self.program = process.programs[-1]
        self.input = Stream("fd3" if self.program.name == "checkpassword" else "c", stage.record)
        self._stage = stage
        self._fake = fake
        self._fd = 3 if self.program.name == "checkpassword" else 0
        self._listening = trio.Event()
        self._pauses: trio.CancelScope | None = None
        self._order: Order | None = None
        self._ordered = trio.Event()

    def listen(self) -> None:
        """See Puppet."""
        self._listening.set()

    def pause(self) -> None:
        """See Puppet."""
        self._listening = trio.Event()
        if self._pauses is not None:
            self._pauses.cancel()

    async def send(self, data: bytes) -> None:
        """See Puppet."""
        try:
            await self._fake.write(1, data)
        except Killed:  # it was ended meanwhile, and we are still speaking for it
            raise BrokenPipeError from None

    def close_output(self) -> None:
        """See Puppet."""
        self._fake.close(1)

    def ignore(self, signal: int) -> None:  # noqa: ARG002 - one flag for all three
        """See Puppet. In the machine: whatever of SIGTERM, SIGINT and SIGHUP it is, all three."""
        self._stage.kernel_process(self.process.pid).catches = True

    async def obey(self, order: Order) -> None:
        """See Puppet."""
        self._order = order
        self._ordered.set()
        await trio.lowlevel.checkpoint()

    async def over(self) -> Ended:
        """See Puppet."""
        await self._stage.kernel_process(self.process.pid).over.wait()
        await wait_all_tasks_blocked()
        return self.process.ended or Ended(None, None)

    async def live(self) -> int:
        """Be the program; return its exit code."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._read)
            await self._ordered.wait()
            nursery.cancel_scope.cancel()
        order = self._order
        assert order is not None  # noqa: S101 - it was set before the event
        if order.what == "exit":
            return order.number
        if order.what == "signal":
            await self._fake.crash(order.number)
        self._fake.close(3)
        try:
            if order.uid is not None and order.gid is not None:
                self._fake.become(order.uid, order.gid, order.home)
            return await self._fake.exec(order.argv, order.env or {})
        except OSError:
            return 111

    async def _read(self) -> None:
        while not self.input.ended:
            listening = self._listening
            await listening.wait()
            if listening is not self._listening:
                continue  # pause() came in between
            with trio.CancelScope() as self._pauses:
                data = await self._fake.read(self._fd)
                if data:
                    self.input.feed(data)
                else:
                    self.input.end()


class SimFrontEnd:
    """`FrontEnd` with the machine's sockets."""

    def __init__(self, stage: "SimStage", control: int) -> None:
        self.orders = Stream("T", stage.record)
        self._stage = stage
        self._control = control

    async def block(self, data: bytes) -> None:
        """See FrontEnd."""
        await self._stage.connection.send_to(self._control, data)

    def close_control(self) -> None:
        """See FrontEnd."""
        self._stage.connection.close_descriptor(self._control)

    def close(self) -> None:
        """See FrontEnd."""
        self.close_control()
        self._stage.hang_up(tls=True)
        self._stage.hang_up()

    async def hear(self) -> None:
        """Fill `orders`, for as long as it lasts."""
        while True:
            try:
                data = await self._stage.connection.receive_some(self._control)
            except OSError:
                data = b""
            if not data:
                self.orders.end()
                return
            self.orders.feed(data)


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

    def unix_time(self) -> float:
        """See Stage."""
        return EPOCH + trio.current_time()

    # The machine's side

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


def machine_for(opening: Opening, shared: Faults) -> tuple[Machine, Callable[[SimStage], None]]:
    """Make the machine that a stage runs on; call what comes with it with that stage."""
    stages: list[SimStage] = []
    names = {word[1:-1] for word in opening.chain if word.startswith("{")} - {""}

    def driver(name: str) -> Driver:
        async def run(world: World) -> int:
            stages[0].note_program(name, world.pid, world.env)
            wanted = cli.information(name, world.args)
            if wanted is not None:
                await send_all(world.client, wanted.encode(), 60)
                return 0
            try:
                return await DRIVERS[name](FaultyWorld(world, shared))
            except Exception as fault:  # as cli.py does
                world.log(name.encode() + b": " + faults.describe(fault))
                return cli.FAULT_OF_OURS.get(name, 111)

        return run

    def fake(name: str) -> Fake:
        async def run(process: FrontEndProcess) -> int:
            stages[0].note_program(name, process.pid, process.env)
            return await FAKES[name](process)

        return run

    def puppet(name: str) -> Fake:
        async def run(fake: FrontEndProcess) -> int:
            stage = stages[0]
            played = SimPuppet(stage, fake, stage.note_program(name, fake.pid, fake.env))
            stage.take_up(played)
            return await played.live()

        return run

    files: dict[bytes, bytes | OSError] = {
        os.fsencode(path if path.startswith("/") else f"{QMAIL_HOME}/{path}"): data
        for path, data in opening.files.items()
    }
    for fault in opening.faults:
        if fault.startswith("read:"):
            path, _, name = fault.removeprefix("read:").partition("=")
            number = next(number for number, known in errorcode.items() if known == name)
            files[os.fsencode(f"{QMAIL_HOME}/{path}")] = OSError(number, os.strerror(number))
    machine = Machine(
        drivers={name.encode(): driver(name) for name in DRIVERS},
        fakes={name.encode(): fake(name) for name in FAKES.keys() & set(opening.chain)}
        | {name.encode(): puppet(name) for name in names - set(DRIVERS)},
        files=files,
        seed=opening.seed,
        cuts="random" if opening.schedule == "random" else "whole",
        interrupt=opening.interrupt,
    )
    return machine, stages.append


@asynccontextmanager
async def open_stage(
    opening: Opening,
    machine: Machine,
    attach: Callable[[SimStage], None],
    record: Callable[[str, bytes], None],
) -> AsyncIterator[SimStage]:
    """Start a chain in a machine from machine_for(); inside fakes.machine.run()."""
    stage = SimStage(machine, record)
    attach(stage)
    inherited, client_ends = _inherited(opening)
    standard_error: Literal["log", "closed", "full"] = "log"
    if opening.inherit.get("stderr") in ("closed", "full"):
        standard_error = "closed" if opening.inherit["stderr"] == "closed" else "full"
    argv = [word.strip("{}").encode() for word in opening.chain]
    async with trio.open_nursery() as nursery:
        stage.nursery = nursery
        async with machine.connect(
            argv,
            env={b"PATH": b"/bin", **opening.env},
            uid=opening.uid,
            euid=opening.euid,
            transport="pipes" if opening.inherit.get("transport") == "pipes" else "socket",
            standard_error=standard_error,
            leftovers="kill",
            inherited=inherited,
        ) as stage.connection:
            numbers = [stage.connection.open(end) for end in client_ends]
            if numbers:
                stage.front_end = SimFrontEnd(stage, numbers[0])
                stage.tls_fds = (numbers[1], numbers[2])
                nursery.start_soon(stage.front_end.hear)
                nursery.start_soon(lambda: stage.pump(tls=True))
            elif "ucspitlsd" in opening.chain:
                stage.is_masked, stage.tls_fds = True, (0, 1)
            nursery.start_soon(lambda: stage.pump(tls=False))
            yield stage
        nursery.cancel_scope.cancel()


def _inherited(opening: Opening) -> tuple[dict[int, End], list[End]]:
    """Return the chain's further descriptors, and the client's ends: control, reading, writing."""
    given: dict[int, End] = {}
    for word, value in opening.inherit.items():
        if word.startswith("fd") and value == "open":
            given[int(word[2:])] = socket_pair()[0]
        elif word.startswith("fd"):
            given[int(word[2:])] = filled_pipe(opening.files[value])
    if not opening.tls:
        return given, []
    control, theirs = socket_pair()
    numbers = [tls_number(opening.env, name) for name in TLS_NUMBERS]
    if opening.inherit.get("tlsfds") == "socket":
        client, inner = socket_pair()
        given |= {numbers[0]: theirs, numbers[1]: inner}
        return given, [control, client, client.share()]
    (client_in, inner_out), (inner_in, client_out) = pipe(), pipe()
    given |= {numbers[0]: theirs, numbers[1]: inner_in, numbers[2]: inner_out}
    return given, [control, client_in, client_out]


def _ended(process: KernelProcess) -> Ended | None:
    return None if process.ended is None else Ended(process.ended.code, process.ended.signal)
