r"""An in-memory computer that runs the whole chain in one Python process, on a virtual clock.

The same drivers and fakes as on a real computer run here as trio tasks over kernel.py. With
run(), or under pytest-trio's autojump_clock, twenty minutes cost a millisecond; with run() the same
seed gives the same run, event by event. A run in which everything waits for ever ends with Stuck.

    machine = Machine(drivers={b"authup": authup}, fakes={b"checkpassword": checkpassword, ...})
    async def script(machine: Machine) -> None:
        async with machine.connect([b"authup", b"smtp", b"checkpassword", b"ofmipd"]) as client:
            assert (await client.receive_until(b"\n")).startswith(b"220 ")
    run(machine, script)
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from signal import SIGKILL
from typing import Literal, NamedTuple, TypeVar

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from acceptutils.runtime.world import World
from fakes.builtins import BUILTINS
from fakes.connection import Connection
from fakes.disk import Disk
from fakes.kernel import Kernel, Program
from fakes.kernel_process import Event, KernelProcess
from fakes.memory_process import MemoryProcess
from fakes.memory_world import MemoryWorld
from fakes.pipes import End, LogFile, pipe, socket_pair
from fakes.traffic import Cuts
from fakes.ucspitlsd import FrontEndProcess

Driver = Callable[[World], Awaitable[int]]
MachineFake = Callable[[FrontEndProcess], Awaitable[int]]
Result = TypeVar("Result")

EPOCH = 1_700_000_000
HORIZON = 7 * 86400.0
_LOG = 4  # where the client has the chain's standard error


class LogLine(NamedTuple):
    """One line of standard error, without its LF; `time` in virtual seconds."""

    time: float
    pid: int
    line: bytes


class Stuck(AssertionError):
    """Nothing happened any more, for HORIZON virtual seconds; the message says who waits for what."""


class Leftovers(AssertionError):
    """Processes outlived the connection; the message says which and what they waited for."""


class Machine:
    """One computer: its programs, files, log and history of processes.

    `drivers` and `fakes` are looked up by the base name of argv[0]; a driver catches SIGTERM, SIGINT
    and SIGHUP from its start. `files` maps absolute paths to bytes, to an OSError that whatever
    touches them raises, or, with a name that ends in /, to nothing: a directory. /var/qmail/control
    exists. `cuts` says whether one read or write moves all that it can or as the seed will have it.
    A signal interrupts every `interrupt`-th of them.
    """

    def __init__(
        self,
        drivers: Mapping[bytes, Driver] | None = None,
        fakes: Mapping[bytes, MachineFake] | None = None,
        *,
        files: Mapping[bytes, bytes | OSError] | None = None,
        seed: int = 0,
        cuts: Cuts = "random",
        interrupt: int = 0,
        epoch: int = EPOCH,
    ) -> None:
        self.seed = seed
        self.epoch = epoch
        """The Unix time at which the clock of the run stands at 0."""
        self.disk = Disk({b"/var/qmail/control/": b"", b"/root/": b"", **(files or {})})
        self.log_lines: list[LogLine] = []
        self.on_log: Callable[[LogLine], None] | None = None
        """Is told of each line as it is written."""
        self._partial_lines: dict[int, bytes] = {}
        programs = {name: self._fake(fake) for name, fake in {**BUILTINS, **(fakes or {})}.items()}
        programs |= {name: self._driver(driver) for name, driver in (drivers or {}).items()}
        self._kernel = Kernel(programs, self.disk, seed=seed, cuts=cuts)
        self._kernel.interrupt = interrupt
        self.unrunnable = self._kernel.unrunnable
        """Base names of programs that cannot be run now: the CannotRun that a driver gets."""

    @property
    def processes(self) -> list[KernelProcess]:
        """All processes that there ever were, in the order of their start."""
        return self._kernel.processes

    @property
    def events(self) -> list[Event]:
        """All that happened, in order."""
        return self._kernel.events

    def process(self, program: bytes) -> KernelProcess:
        """Return the one process that ever was this program (a base name). Raises LookupError."""
        found = [p for p in self.processes if program in p.programs]
        if len(found) != 1:
            raise LookupError(f"{len(found)} processes were {program!r}")
        return found[0]

    def kill(self, pid: int, signal: int) -> None:
        """Send a signal from outside; no error when that process has ended."""
        self._kernel.kill(pid, signal)

    @asynccontextmanager
    async def connect(
        self,
        argv: Sequence[bytes],
        *,
        env: Mapping[bytes, bytes] | None = None,
        uid: int = 0,
        gid: int | None = None,
        directory: bytes = b"/",
        transport: Literal["socket", "pipes"] = "socket",
        standard_error: Literal["log", "closed", "full"] = "log",
        leftovers: Literal["refuse", "kill"] = "refuse",
        inherited: Mapping[int, End] | None = None,
        euid: int | None = None,
    ) -> AsyncIterator[Connection]:
        """Be the client of a new chain, which starts with `argv`; at the end no process may be left.

        `inherited`: more descriptors of the first process, which takes these ends over. Raises
        Leftovers or Stuck at the end, and whatever exception a program did not handle.
        """
        left: list[KernelProcess] = []
        with _one_error_plain():
            async with trio.open_nursery() as nursery:
                client = _client(nursery, uid, uid if gid is None else gid, directory)
                nursery.start_soon(self._watch, client)
                if euid is not None:
                    client.euid = euid
                numbers = _connect(client, transport) | _hand_over(client, inherited or {})
                if standard_error != "closed":
                    client.descriptors[_LOG] = self._standard_error(standard_error)
                    numbers[2] = _LOG
                try:
                    yield self._begin(client, argv, env or {}, numbers)
                    await wait_all_tasks_blocked()
                finally:
                    left = self._end(nursery)
        if left and leftovers == "refuse":
            raise Leftovers(_describe(left))

    def _begin(
        self,
        client: KernelProcess,
        argv: Sequence[bytes],
        env: Mapping[bytes, bytes],
        numbers: Mapping[int, int],
    ) -> Connection:
        """Start the first process with these descriptors: its numbers to the client's, which close."""
        first = self._kernel.start(client, argv, env, numbers, own_group=True)
        for fd in numbers.values():
            if fd != _LOG:
                client.close(fd)
        return Connection(self._kernel, client, first)

    def _standard_error(self, kind: str) -> End:
        return LogFile(self._append_to_log) if kind == "log" else _full_pipe()

    def _end(self, nursery: trio.Nursery) -> list[KernelProcess]:
        """Kill what is left of this connection; return that."""
        left = self._living(nursery)
        for process in left:
            self._kernel.finish(process, signal=SIGKILL)
        nursery.cancel_scope.cancel()
        return left

    async def _watch(self, client: KernelProcess) -> None:
        """Be the one deadline that is always there: else a deadlock would hang the test for ever."""
        await trio.sleep(HORIZON)
        raise Stuck(_describe([client, *self._living(client.nursery)]))

    def _living(self, nursery: trio.Nursery) -> list[KernelProcess]:
        return [p for p in self.processes if p.nursery is nursery and p.alive]

    def _append_to_log(self, pid: int, data: bytes) -> None:
        """Cut what processes write into lines; two processes' halves are not mixed."""
        *lines, rest = (self._partial_lines.pop(pid, b"") + data).split(b"\n")
        for line in lines:
            self.log_lines.append(LogLine(trio.current_time(), pid, line))
            if self.on_log is not None:
                self.on_log(self.log_lines[-1])
        if rest:
            self._partial_lines[pid] = rest

    def _driver(self, driver: Driver) -> Program:
        return Program(lambda process: driver(MemoryWorld(self._kernel, process, self.epoch)), catches=True)

    def _fake(self, fake: MachineFake) -> Program:
        return Program(lambda process: fake(MemoryProcess(self._kernel, process, self.epoch)), catches=False)


def run(machine: Machine, script: Callable[[Machine], Awaitable[Result]]) -> Result:
    """Run a script on a machine, in virtual time and exactly as the machine's seed will have it."""
    with seeded_scheduler(machine.seed):
        return trio.run(script, machine, clock=MockClock(autojump_threshold=0))


def reseed(seed: int) -> None:
    """Have the order of tasks depend on this seed from now on, inside seeded_scheduler()."""
    vars(trio._core._run)["_r"].seed(seed)


@contextmanager
def seeded_scheduler(seed: int) -> Iterator[None]:
    """Make trio's order of tasks depend on the seed alone, as pytest-trio does under hypothesis.

    trio shuffles each batch of tasks, and has no public way to seed that: this is the one place
    where we reach into it (see its own test_scheduler_determinism.py).
    """
    inside = vars(trio._core._run)
    before = inside["_ALLOW_DETERMINISTIC_SCHEDULING"], inside["_r"].getstate()
    inside["_ALLOW_DETERMINISTIC_SCHEDULING"] = True
    reseed(seed)
    try:
        yield
    finally:
        inside["_ALLOW_DETERMINISTIC_SCHEDULING"] = before[0]
        inside["_r"].setstate(before[1])


@contextmanager
def _one_error_plain() -> Iterator[None]:
    """Take a single exception out of the groups that nurseries put it into, for the test to see."""
    try:
        yield
    except BaseExceptionGroup as group:
        errors = _leaves(group)
        if any(error is not errors[0] for error in errors):
            raise
        raise errors[0] from None


def _leaves(error: BaseException) -> list[BaseException]:
    if not isinstance(error, BaseExceptionGroup):
        return [error]
    return [leaf for part in error.exceptions for leaf in _leaves(part)]


def _client(nursery: trio.Nursery, uid: int, gid: int, directory: bytes) -> KernelProcess:
    """Make the process that the client is: parent of the chain's first, and of nobody's history."""
    return KernelProcess(
        pid=0,
        parent=0,
        nursery=nursery,
        uid=uid,
        euid=uid,
        gid=gid,
        cwd=directory,
        group=0,
        descriptors={},
        argvs=[(b"client",)],
    )


def _describe(processes: Sequence[KernelProcess]) -> str:
    return "; ".join(repr(process) for process in processes)


def _connect(client: KernelProcess, transport: str) -> dict[int, int]:
    """Open the connection: 0 and 1 stay with the client, 2 and 3 become the first process's 0 and 1."""
    client.descriptors |= dict(enumerate(_sockets() if transport == "socket" else _pipes()))
    return {0: 2, 1: 3}


def _hand_over(client: KernelProcess, inherited: Mapping[int, End]) -> dict[int, int]:
    return {number: client.open(end, lowest=10) for number, end in inherited.items()}


def _sockets() -> tuple[End, End, End, End]:
    """The client's descriptors 0 and 1, then the server's, over one socket each."""
    client, server = socket_pair()
    return client, client.share(), server, server.share()


def _pipes() -> tuple[End, End, End, End]:
    (client_in, server_out), (server_in, client_out) = pipe(), pipe()
    return client_in, client_out, server_in, server_out


def _full_pipe() -> End:
    _reading, writing = pipe(1)
    writing.outgoing.put(b"\n")
    return writing
