"""What a program may ask of its surroundings, and nothing else.

The drivers are written against these protocols. `posix.py` and `launcher.py` answer them with
real descriptors and processes, `fakes/machine.py` with an in-memory computer on a virtual clock.
Only types live here: the fakes may import this module and no other part of the runtime.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol


class Ended(NamedTuple):
    """How a process ended: `code`, or `signal` when a signal killed it; the other one is None.

    `uid` is the real UID that it had at its end; None where that cannot be seen (AUTHUP-EXIT-2).
    """

    code: int | None
    signal: int | None
    uid: int | None = None


class Attempt(NamedTuple):
    """One finished run of reup's program; `signalled` when reup passed a signal on meanwhile."""

    pid: int
    ended: Ended
    signalled: bool


class CannotRun(Exception):
    """A program could not be started.

    `step` is what failed ("pipe", "fork", "exec" or "wait"), `reason` the system's words for it.
    """

    def __init__(self, step: str, reason: str) -> None:
        super().__init__(f"{step}: {reason}")
        self.step = step
        self.reason = reason


class CannotReadControl(Exception):
    """A control file or the qmail home is of no use (CTL-3).

    `file` is "control/NAME" or the path of the home, `reason` one phrase.
    """

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(f"{file}: {reason}")
        self.file = file
        self.reason = reason


class TlsUnavailable(Exception):
    """The front end is gone, and nothing was said to the client yet."""


class TlsFailed(Exception):
    """The front end failed after the client was told to go ahead; nothing more can be said."""


class SendStream(Protocol):
    """Bytes to a peer."""

    async def send_some(self, data: bytes) -> int:
        """Wait until the peer takes at least one byte of `data` (not empty); return how many it took.

        Raises BrokenPipeError when the peer will never take another one.
        """
        ...


class ReceiveStream(Protocol):
    """Bytes from a peer."""

    async def receive(self, most: int) -> bytes:
        """Wait for 1 to `most` bytes; b"" at end of file or when the connection is broken."""
        ...


class Pipe(Protocol):
    """Our end of a pipe to a child."""

    def close(self) -> None:
        """Close it; the child sees end of file, or EPIPE. Closing twice is fine."""
        ...


class WritePipe(SendStream, Pipe, Protocol):
    """Our end of a child's standard input."""


class ReadPipe(ReceiveStream, Pipe, Protocol):
    """Our end of a child's standard output."""


class Client(SendStream, ReceiveStream, Protocol):
    """The client, on descriptors 0 and 1, or inside TLS on the front end's descriptors."""

    async def receive_line(self, most: int) -> bytes:
        """Like receive(), but never take a byte behind the first LF: it may be the next program's."""
        ...

    def has_left(self) -> bool:
        """Say whether the connection broke (hang-up or reset); a half-close is not leaving."""
        ...


class Child(Protocol):
    """A process that we started."""

    pid: int

    @property
    def stdin(self) -> WritePipe:
        """Its standard input, when it was spawned with pipes."""
        ...

    @property
    def stdout(self) -> ReadPipe:
        """Its standard output, when it was spawned with pipes."""
        ...

    async def wait(self) -> Ended:
        """Wait for its end. May be called again, also after a cancelled wait."""
        ...

    def real_uid(self) -> int | None:
        """Return its real UID now; None where that cannot be seen."""
        ...

    def kill(self, signal: int, *, group: bool = False) -> None:
        """Send it (or its process group) a signal; no error when it has ended."""
        ...


class Launcher(Protocol):
    """The surroundings of reup and checknotroot, which do no I/O of their own."""

    @property
    def args(self) -> Sequence[bytes]:
        """The command line behind the program's name."""
        ...

    @property
    def env(self) -> Mapping[bytes, bytes]:
        """The environment at the start."""
        ...

    @property
    def pid(self) -> int:
        """Our process ID."""
        ...

    @property
    def uid(self) -> int:
        """Our real user ID."""
        ...

    @property
    def euid(self) -> int:
        """Our effective user ID."""
        ...

    def log(self, line: bytes) -> None:
        """Write one line (its LF is added) to standard error; never blocks, never fails."""
        ...

    async def exec(self, argv: Sequence[bytes]) -> int:
        """Become another program, which inherits everything (BASE-7).

        Real worlds do not return; the machine returns that program's exit code. Raises CannotRun.
        """
        ...

    async def attempt(self, argv: Sequence[bytes], env: Mapping[bytes, bytes]) -> Attempt:
        """Run a program that inherits everything, REUPSTATE added (REUP-12), and wait for its end.

        SIGTERM, SIGINT and SIGHUP that arrive meanwhile are passed on to it. Raises CannotRun.
        """
        ...


class World(Launcher, Protocol):
    """The surroundings of authup and fixsmtpio."""

    @property
    def client(self) -> Client:
        """The client; after start_tls() or resume_tls() the same client inside TLS."""
        ...

    def enter_qmail_home(self) -> None:
        """Make the qmail home the working directory (BASE-2). Raises CannotReadControl."""
        ...

    def read_control(self, name: str) -> bytes | None:
        """Return the bytes of control/NAME below the working directory; None if there is no such file.

        enter_qmail_home() comes first. Raises CannotReadControl.
        """
        ...

    def now(self) -> float:
        """Return seconds on a clock that all processes of this computer share and nobody sets."""
        ...

    def unix_time(self) -> int:
        """Return whole seconds since 1970."""
        ...

    async def spawn(
        self,
        argv: Sequence[bytes],
        env: Mapping[bytes, bytes],
        *,
        record: bytes | None = None,
        pipes: bool = False,
        own_group: bool = False,
    ) -> Child:
        """Start a program with descriptors 0, 1, 2 and nothing else (BASE-7).

        0 and 1 are the client, or with `pipes` pipes of ours; with a `record` (at most 512 bytes)
        descriptor 3 is a pipe that holds it and then ends. Raises CannotRun.
        """
        ...

    def tls_is_usable(self) -> bool:
        """Say whether the environment names three open descriptors of a front end (AUTHUP-TLS-1)."""
        ...

    async def start_tls(self, ready: bytes, patience: float) -> bytes:
        """Do AUTHUP-TLS-3: drop what the client sent ahead, say `ready`, order `Y`, read the block.

        `patience` bounds each write and read, in seconds. Returns the raw environment block.
        Raises TlsUnavailable when the front end is gone before `ready` was said, TlsFailed for all
        that must end the session: trouble after it, or more than 64 KiB sent ahead.
        """
        ...

    def resume_tls(self) -> None:
        """Go on inside the TLS that an earlier attempt started (REUP-12). Raises TlsUnavailable."""
        ...

    def recall(self) -> bytes | None:
        """Return what earlier attempts left in reup's memory file; None if there is no such file."""
        ...

    def remember(self, state: bytes) -> None:
        """Leave `state` (never a password) for the next attempt, in place of what was there."""
        ...

    async def signalled(self) -> int:
        """Wait for SIGTERM, SIGINT or SIGHUP to this process; return which."""
        ...
