"""What a director needs of a target: one running chain, the harness at all its ends.

`machine/sim_stage.py` answers with the simulated machine, `processes/real_stage.py` with real processes.
Everything is trio; times are trio.current_time(), virtual in the machine. Nothing here decides whether
anything is right.
"""

import re
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, Protocol

from conformance.playing.stream import Stream

CHECKPASSWORD: Final = frozenset({"checkpassword"})
SUBJECTS: Final = frozenset({"reup", "authup", "checknotroot", "fixsmtpio"})
"""The programs that are tested; whatever else stands in braces in `run` is played by a puppet."""
BRACED: Final = re.compile(r"\{([^{}]+)\}")
"""A program in `run` that is tested or played."""
TLS_NUMBERS: Final[Mapping[bytes, int]] = {b"SSLCTLFD": 3, b"SSLREADFD": 4, b"SSLWRITEFD": 5}
"""The descriptors that the TLS front end gives its program, unless the case says otherwise."""


class Ended(NamedTuple):
    """How a process ended: an exit code or a signal number; the other one is None."""

    code: int | None
    signal: int | None


def signal_name(number: int) -> str:
    """Return the name of a signal, SIGTERM; of one without a name its number."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


@dataclass
class Program:
    """One program that a process became: what could be seen when it started; None where it could not."""

    name: str
    argv: tuple[bytes, ...]
    uid: int | None = None
    euid: int | None = None
    gid: int | None = None
    env: Mapping[bytes, bytes] | None = None
    fds: frozenset[int] | None = None
    cwd: bytes | None = None
    ignored: frozenset[int] | None = None
    """The signals that it inherited as ignored."""
    blocked: frozenset[int] | None = None
    started: float = 0.0
    order: int = 0
    """Its place among all programs that were started, processes mixed."""


@dataclass
class Process:
    """One process of the chain; `programs` in the order in which it became them.

    `ended` is None while it lives, and afterwards where its end could not be observed
    (`observed_end` False).
    """

    pid: int
    parent: int
    programs: list[Program] = field(default_factory=list)
    ended: Ended | None = None
    ended_at: float | None = None
    observed_end: bool = True

    @property
    def name(self) -> str:
        """The program that it is, or was at its end."""
        return self.programs[-1].name if self.programs else "?"


class Order(NamedTuple):
    """What a puppet is told to do at its end: one of exit, signal, exec.

    exec: become `argv` with `env` in place of its own, before that (where it is not None) the user.
    """

    what: Literal["exit", "signal", "exec"]
    number: int = 0
    argv: tuple[bytes, ...] = ()
    env: Mapping[bytes, bytes] | None = None
    uid: int | None = None
    gid: int | None = None
    home: bytes = b"/"


class Puppet(Protocol):
    """A replaceable program that was started, and that the harness plays."""

    @property
    def process(self) -> Process:
        """Its process."""
        ...

    @property
    def program(self) -> Program:
        """The last of process.programs when it started."""
        ...

    @property
    def input(self) -> Stream:
        """Descriptor 3 of checkpassword, descriptor 0 of others; fed from listen() on."""
        ...

    def listen(self) -> None:
        """Start reading its input; again after pause()."""
        ...

    def pause(self) -> None:
        """Stop reading."""
        ...

    async def send(self, data: bytes) -> None:
        """Write to its descriptor 1. Raises BrokenPipeError."""
        ...

    def close_output(self) -> None:
        """Close its descriptor 1."""
        ...

    def ignore(self, signal: int) -> None:
        """Have it ignore this signal from now on."""
        ...

    async def obey(self, order: Order) -> None:
        """Carry out its end; returns when it was told, not when it is over."""
        ...

    async def over(self) -> Ended:
        """Wait for the end of its process, by order or not."""
        ...


class FrontEnd(Protocol):
    """The harness's end of the TLS front end (UTLS-1 ...); there when `env` has UCSPITLS."""

    @property
    def orders(self) -> Stream:
        """What came over the control socket."""
        ...

    async def block(self, data: bytes) -> None:
        """Write to the control socket. Raises BrokenPipeError."""
        ...

    def close_control(self) -> None:
        """Close our end of the control socket."""
        ...

    def close(self) -> None:
        """Close everything: the handshake failed, or the front end died."""
        ...


class Stage(Protocol):
    """A running chain. Its streams fill by themselves; at the end of the stage's context all is killed."""

    @property
    def plain(self) -> Stream:
        """S: what the chain writes to the client in plaintext."""
        ...

    @property
    def tls(self) -> Stream:
        """ST: what it writes inside TLS."""
        ...

    @property
    def log(self) -> Stream:
        """E: its standard error."""
        ...

    @property
    def puppets(self) -> Sequence[Puppet]:
        """All that were started, in order."""
        ...

    @property
    def processes(self) -> Sequence[Process]:
        """All that were observed, in the order of their start."""
        ...

    @property
    def front_end(self) -> FrontEnd | None:
        """The TLS front end's other end, where there is one."""
        ...

    @property
    def observes(self) -> frozenset[str]:
        """Of: exit uid env fds argv cwd signals processes cpu leftovers exact-time."""
        ...

    @property
    def early(self) -> float:
        """Seconds that a thing may come too early; 0 in virtual time, where all is exact."""
        ...

    @property
    def late(self) -> float:
        """Seconds that a thing may come too late."""
        ...

    async def send(self, data: bytes, *, tls: bool = False) -> None:
        """Send as the client. Raises BrokenPipeError."""
        ...

    def end_input(self, *, tls: bool = False) -> None:
        """The client half-closes."""
        ...

    def hang_up(self, *, tls: bool = False) -> None:
        """The client closes its socket."""
        ...

    def reset(self, *, tls: bool = False) -> None:
        """The client breaks the connection: what is under way is lost."""
        ...

    def stall(self, *, tls: bool = False) -> None:
        """The client stops reading."""
        ...

    def resume(self, *, tls: bool = False) -> None:
        """The client reads again."""
        ...

    def signal(self, program: str, signal: int) -> bool:
        """Send a signal to the newest living process that is this program; False if there is none."""
        ...

    async def puppet(self, index: int) -> Puppet:
        """Wait for the start of the puppet with this index."""
        ...

    def descriptors(self, process: Process) -> Mapping[int, str]:
        """Return the open descriptors of a living process, and what each of them is."""
        ...

    def unix_time(self) -> float:
        """Seconds since 1970, as the programs see them."""
        ...

    async def ended(self) -> Ended:
        """Wait for the end of the chain's first process."""
        ...

    async def settle(self) -> None:
        """Wait until everybody is idle: every process waits for us or for a clock."""
        ...

    def spinning(self) -> tuple[str, float] | None:
        """Return the program that burns CPU in place of waiting, and its CPU seconds, if one does."""
        ...

    def may_wake(self, seconds: float) -> bool:
        """Say whether somebody may do something within this time without being asked; True if unknown."""
        ...

    def living(self) -> list[Process]:
        """Return the processes that have not ended, leftovers outside our tree included."""
        ...


class Opening(NamedTuple):
    """What a stage is opened with.

    `chain` has program names in braces where they are replaceable. `env` does not contain PATH.
    """

    chain: tuple[str, ...]
    files: Mapping[str, bytes]
    env: Mapping[bytes, bytes]
    uid: int = 0
    euid: int | None = None
    inherit: Mapping[str, str] = {}
    tls: bool = False
    faults: Sequence[str] = ()
    seed: int = 0
    schedule: Literal["plain", "random"] = "plain"
    interrupt: int = 0
    """Every so many operations of the chain are interrupted (EINTR); 0 never."""
    stop: int = 0
    """With this seed tested programs are stopped and continued all the time; 0 never. Real processes only."""
    keep: str = ""
    """Where the directory of the run is made, and stays. Real processes only."""
    paced: bool = False
    """Whether the suite itself waits for times to pass: then those of the programs cannot be skipped."""
    fail: int = 0
    """The operation of the tested programs that fails, counted from 1; 0 none."""


def tls_number(env: Mapping[bytes, bytes], name: bytes) -> int:
    """Return the number of a descriptor: the usual one if the environment has none, or nonsense."""
    value = env.get(name, b"")
    return int(value) if value.isdigit() and int(value) > 2 else TLS_NUMBERS[name]
