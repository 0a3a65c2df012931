"""The real surroundings of authup and fixsmtpio: descriptors, processes, signals, clocks."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

import trio

from acceptutils import ucspitls
from acceptutils.runtime import descriptors, programs
from acceptutils.runtime.launcher import PASSED_ON, PosixLauncher
from acceptutils.runtime.sending import send_all
from acceptutils.runtime.streams import ClientStream, Descriptor
from acceptutils.runtime.world import CannotReadControl, CannotRun, Ended, TlsFailed, TlsUnavailable, World

_QMAIL_HOME = b"/var/qmail"
_RECORD_FD = 3
_TLS_DESCRIPTORS = ("SSLCTLFD", "SSLREADFD", "SSLWRITEFD")
_MOST_SENT_AHEAD = 65536  # AUTHUP-TLS-3
_MOST_STATE_BYTES = 131072
_DEFAULT_SIGNALS = sorted(set(signal.valid_signals()) - {signal.SIGKILL, signal.SIGSTOP})


class PosixChild:
    """A process that we started. Implements `world.Child`."""

    def __init__(self, pid: int, pipes: Sequence[int], *, own_group: bool) -> None:
        self.pid = pid
        self._own_group = own_group
        self._pidfd = _watch(pid)
        self._ended: Ended | None = None
        self._pipes = tuple(map(Descriptor, pipes))

    @property
    def stdin(self) -> Descriptor:
        """Its standard input."""
        return self._pipes[0]

    @property
    def stdout(self) -> Descriptor:
        """Its standard output."""
        return self._pipes[1]

    async def wait(self) -> Ended:
        """Wait for its end; see its UID before the kernel forgets it (AUTHUP-EXIT-2)."""
        if self._ended is None:
            await trio.lowlevel.wait_readable(self._pidfd)
            uid = self.real_uid()
            _, status = os.waitpid(self.pid, 0)
            code = os.waitstatus_to_exitcode(status)
            self._ended = Ended(code, None, uid) if code >= 0 else Ended(None, -code, uid)
            os.close(self._pidfd)
        return self._ended

    def real_uid(self) -> int | None:
        """Return its real UID, also of a process that ended and was not waited for."""
        try:
            with open(f"/proc/{self.pid}/status", "rb") as status:
                return next((int(line.split()[1]) for line in status if line.startswith(b"Uid:")), None)
        except OSError:
            return None

    def kill(self, signal: int, *, group: bool = False) -> None:
        """Send it or its process group a signal."""
        if self._ended is None:
            with contextlib.suppress(ProcessLookupError):
                (os.killpg if group and self._own_group else os.kill)(self.pid, signal)


class PosixWorld(PosixLauncher):
    """One process of a tcpserver chain. Implements `world.World`."""

    def __init__(self, args: Sequence[bytes]) -> None:
        descriptors.fill_standard(inheritable=True)
        super().__init__(args)
        self._claim_descriptors()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        # Until signalled() listens they wait: not one moment in which they would just kill us.
        signal.pthread_sigmask(signal.SIG_SETMASK, PASSED_ON)
        self.client = ClientStream(0, 1)

    # Control files and clocks

    def enter_qmail_home(self) -> None:
        """Make the qmail home the working directory."""
        home = self.env.get(b"QMAILHOME", _QMAIL_HOME)
        try:
            os.chdir(home)
        except OSError as error:
            raise CannotReadControl(os.fsdecode(home), error.strerror or "") from None

    def read_control(self, name: str) -> bytes | None:
        """Return the content of control/NAME."""
        try:
            with open(f"control/{name}", "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise CannotReadControl(f"control/{name}", error.strerror or "") from None

    def now(self) -> float:
        """Return CLOCK_MONOTONIC, which all processes share."""
        return time.monotonic()

    def unix_time(self) -> int:
        """Return whole seconds since 1970."""
        return int(time.time())

    # Processes

    async def spawn(
        self,
        argv: Sequence[bytes],
        env: Mapping[bytes, bytes],
        *,
        record: bytes | None = None,
        pipes: bool = False,
        own_group: bool = False,
    ) -> PosixChild:
        """Start a program; posix_spawn(3) puts exactly these descriptors where they belong."""
        theirs: list[int] = []  # the child's ends of what we make; closed here once it runs
        ours: list[int] = []
        try:
            standard = _pipe_pair(ours, theirs) if pipes else self.client.descriptors
            wanted = dict(enumerate(standard))
            # On a terminal a group of its own would be a background job, stopped when it reads.
            own_group = own_group and not os.isatty(standard[0])
            if record is not None:
                wanted[_RECORD_FD] = _filled_pipe(record, theirs)
            pid = self._spawn(argv, env, wanted, own_group=own_group)
            return PosixChild(pid, ours, own_group=own_group)
        except BaseException:
            _close_all(ours)
            raise
        finally:
            _close_all(theirs)

    def _spawn(
        self, argv: Sequence[bytes], env: Mapping[bytes, bytes], wanted: Mapping[int, int], *, own_group: bool
    ) -> int:
        actions = [(os.POSIX_SPAWN_DUP2, fd, number) for number, fd in wanted.items() if fd != number]
        group: dict[str, Any] = {"setpgroup": 0} if own_group else {}

        def start(path: bytes, args: list[bytes]) -> int:
            return os.posix_spawn(
                path, args, env, file_actions=actions, setsigmask=[], setsigdef=_DEFAULT_SIGNALS, **group
            )

        return programs.run(argv, self.env, start)

    async def signalled(self) -> int:
        """Wait for a signal that asks for the end."""
        with trio.open_signal_receiver(*PASSED_ON) as signals:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
            try:
                async for number in signals:
                    return number
            finally:  # a later one must not change the exit code
                signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)
        raise AssertionError("the signal receiver ended")

    # TLS

    def tls_is_usable(self) -> bool:
        """Say whether the front end's descriptors were open at the start."""
        return self._tls is not None

    async def start_tls(self, ready: bytes, patience: float) -> bytes:
        """Do AUTHUP-TLS-3; from then on the client is on the front end's descriptors."""
        if self._tls is None or descriptors.is_hung_up(self._tls["SSLCTLFD"]):
            raise TlsUnavailable
        control = Descriptor(self._tls["SSLCTLFD"])
        ordered = (
            self.client.drain(_MOST_SENT_AHEAD)
            and await send_all(self.client, ready, patience)
            and await send_all(control, b"Y", patience)
        )
        block = None
        with trio.move_on_after(patience if ordered else 0):
            block = await control.receive_block(ucspitls.block_end, ucspitls.MOST_BLOCK_BYTES)
        if block is None:
            raise TlsFailed
        self.resume_tls()
        return block

    def resume_tls(self) -> None:
        """Put the front end's descriptors where the client is; the plaintext connection is closed by that."""
        if self._tls is None:
            raise TlsUnavailable
        for number, name in enumerate(("SSLREADFD", "SSLWRITEFD")):
            trio.lowlevel.notify_closing(number)
            os.dup2(self._tls[name], number)
        self.client = ClientStream(0, 1)

    # reup's memory file

    def recall(self) -> bytes | None:
        """Return what earlier attempts left."""
        return None if self._state is None else os.pread(self._state, _MOST_STATE_BYTES, 0)

    def remember(self, state: bytes) -> None:
        """Leave a state for the next attempt."""
        if self._state is not None:
            os.pwrite(self._state, state, 0)
            os.ftruncate(self._state, len(state))

    def _claim_descriptors(self) -> None:
        """Move the front end's and reup's descriptors out of the way; children get none of them."""
        named = {name: self._descriptor(name) for name in (*_TLS_DESCRIPTORS, "REUPSTATE")}
        moved = {fd: descriptors.out_of_the_way(fd) for fd in set(named.values()) if fd is not None}
        descriptors.keep_from_children()
        claimed = {name: None if fd is None else moved[fd] for name, fd in named.items()}
        state = claimed.pop("REUPSTATE")
        # Whatever else an inherited number names is not ours to write to.
        self._state = state if state is not None and descriptors.is_memory_file(state) else None
        # A front end's numbers that mean nothing here may be the number that reup's own file got.
        tls = {name: fd for name, fd in claimed.items() if fd is not None and fd != self._state}
        self._tls = tls if len(tls) == len(_TLS_DESCRIPTORS) else None

    def _descriptor(self, variable: str) -> int | None:
        digits = self.env.get(variable.encode(), b"")
        if not digits.isdigit() or len(digits) > 9 or int(digits) < 3:
            return None
        return int(digits) if descriptors.is_open(int(digits)) else None


def _pipe_pair(ours: list[int], theirs: list[int]) -> tuple[int, int]:
    """Make pipes to and from a child; return its descriptors 0 and 1."""
    stdin, to_child = _pipe()
    from_child, stdout = _pipe()
    os.set_blocking(to_child, False)  # ours alone, so that a write may take more than PIPE_BUF
    ours += [to_child, from_child]
    theirs += [stdin, stdout]
    return stdin, stdout


def _filled_pipe(record: bytes, theirs: list[int]) -> int:
    """Return the reading end of a pipe that holds `record` and then ends.

    It fits, so nothing waits, and a checkpassword that never reads it harms nobody.
    """
    reading, writing = _pipe()
    theirs.append(reading)
    try:
        os.write(writing, record)
    finally:
        os.close(writing)
    return reading


def _pipe() -> tuple[int, int]:
    ends: list[int] = []
    try:
        ends += os.pipe()
        for place in (0, 1):
            ends[place] = descriptors.out_of_the_way(ends[place])
    except OSError as error:
        _close_all(ends)
        raise CannotRun("pipe", error.strerror or "") from None
    return ends[0], ends[1]


def _watch(pid: int) -> int:
    """Return what tells of a child's end. A child that we could not wait for is not left running."""
    try:
        return os.pidfd_open(pid)
    except OSError as error:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise CannotRun("wait", error.strerror or "") from None


def _close_all(fds: Sequence[int]) -> None:
    for fd in fds:
        os.close(fd)


def run(driver: Callable[[World], Coroutine[Any, Any, int]], args: Sequence[bytes]) -> int:
    """Run a driver under trio; return its exit code."""
    return trio.run(driver, PosixWorld(args))
