"""The surroundings that the machine gives to our drivers: `World`, answered by the kernel in memory.

Descriptors 0 and 1 are the client, in plaintext and, after start_tls() or resume_tls() have put the
front end's descriptors there, inside TLS.
"""

import os
import posixpath
from collections.abc import Mapping, Sequence

import trio

from acceptutils.runtime.world import Attempt, CannotReadControl, TlsFailed, TlsUnavailable
from fakes.kernel import Kernel
from fakes.kernel_process import KernelProcess
from fakes.memory_streams import DescriptorStream, MemoryChild, MemoryClient
from fakes.pipes import MemoryFile, filled_pipe, pipe

QMAIL_HOME = b"/var/qmail"
_STATE = b"REUPSTATE"
_MOST_PLAINTEXT = 65536
_MOST_BLOCK = 65536


class MemoryWorld:
    """`World` (and so `Launcher`) over one process of the machine; `epoch` is its Unix time at 0."""

    def __init__(self, kernel: Kernel, process: KernelProcess, epoch: int) -> None:
        self.args: Sequence[bytes] = process.argv[1:]
        self.env: Mapping[bytes, bytes] = process.env
        self.pid = process.pid
        self.client = MemoryClient(kernel, process)
        self._kernel = kernel
        self._process = process
        self._epoch = epoch
        self._attempts_file: int | None = None

    @property
    def uid(self) -> int:
        """See Launcher."""
        return self._process.uid

    @property
    def euid(self) -> int:
        """See Launcher."""
        return self._process.euid

    def log(self, line: bytes) -> None:
        """See Launcher."""
        self._kernel.log(self._process, line + b"\n")

    async def exec(self, argv: Sequence[bytes]) -> int:
        """See Launcher."""
        return await self._kernel.execute(self._process, argv, self.env)

    async def attempt(self, argv: Sequence[bytes], env: Mapping[bytes, bytes]) -> Attempt:
        """See Launcher."""
        await self._pause("attempt")
        state = {_STATE: b"%d" % self._state_descriptor()}
        everything = {fd: fd for fd in self._process.descriptors}
        child = self._kernel.start(self._process, argv, {**env, **state}, everything)
        passed: list[int] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._pass_on, child.pid, passed)
            ended = await self._kernel.wait(self._process, child)
            nursery.cancel_scope.cancel()
        return Attempt(child.pid, ended, signalled=bool(passed or self._process.pending))

    def enter_qmail_home(self) -> None:
        """See World."""
        self._process.check_alive()
        try:
            self._kernel.disk.enter(self._qmail_home)
        except OSError as error:
            raise CannotReadControl(os.fsdecode(self._qmail_home), error.strerror or "") from error
        self._process.cwd = self._qmail_home

    def read_control(self, name: str) -> bytes | None:
        """See World; below the working directory, so enter_qmail_home() comes first."""
        self._process.check_alive()
        path = posixpath.join(self._process.cwd, b"control", name.encode())
        try:
            return self._kernel.disk.read(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise CannotReadControl(f"control/{name}", error.strerror or "") from error

    def now(self) -> float:
        """Return virtual seconds since the machine's start."""
        return trio.current_time()

    def unix_time(self) -> int:
        """See World."""
        return self._epoch + int(trio.current_time())

    async def spawn(
        self,
        argv: Sequence[bytes],
        env: Mapping[bytes, bytes],
        *,
        record: bytes | None = None,
        pipes: bool = False,
        own_group: bool = False,
    ) -> MemoryChild:
        """See World."""
        await self._pause("spawn")
        self._kernel.find(argv)  # before anything is opened that a failure would have to close
        numbers, streams = {0: 0, 1: 1, 2: 2}, None
        process, to_close = self._process, []
        if pipes:
            (child_in, our_out), (our_in, child_out) = pipe(), pipe()
            to_close += [process.open(child_in), process.open(child_out)]
            numbers |= {0: to_close[0], 1: to_close[1]}
            streams = (self._stream(process.open(our_out)), self._stream(process.open(our_in)))
        if record is not None:
            to_close.append(process.open(filled_pipe(record)))
            numbers[3] = to_close[-1]
        child = self._kernel.start(process, argv, env, numbers, own_group=own_group)
        for fd in to_close:
            process.close(fd)
        return MemoryChild(self._kernel, process, child, streams)

    def tls_is_usable(self) -> bool:
        """See World."""
        self._process.check_alive()
        return self._tls_descriptors() is not None

    async def start_tls(self, ready: bytes, patience: float) -> bytes:
        """See World."""
        await self._pause("start_tls")
        numbers = self._tls_descriptors()
        if numbers is None or self._process.end(numbers[0]).hung_up:
            raise TlsUnavailable
        control, reading, writing = numbers
        self._drop_plaintext()
        try:
            await self._send(1, ready, patience)
            await self._send(control, b"Y", patience)
            block = await self._read_block(control, patience)
        except (BrokenPipeError, trio.TooSlowError) as error:
            raise TlsFailed from error
        self._become_client(reading, writing)
        return block

    def resume_tls(self) -> None:
        """See World."""
        self._process.check_alive()
        numbers = self._tls_descriptors()
        if numbers is None:
            raise TlsUnavailable
        self._become_client(numbers[1], numbers[2])

    def recall(self) -> bytes | None:
        """See World."""
        file = self._state_file()
        return None if file is None else file.content

    def remember(self, state: bytes) -> None:
        """See World."""
        file = self._state_file()
        if file is not None:
            file.content = state

    async def signalled(self) -> int:
        """See World."""
        with self._kernel.operation(self._process, "signalled"):
            while not self._process.pending:
                await self._process.signalled.park()
        return self._process.pending.pop(0)

    # Helpers

    @property
    def _qmail_home(self) -> bytes:
        return self.env.get(b"QMAILHOME", QMAIL_HOME)

    def _stream(self, fd: int) -> DescriptorStream:
        return DescriptorStream(self._kernel, self._process, fd)

    async def _pause(self, what: str) -> None:
        with self._kernel.operation(self._process, what):
            await self._kernel.dawdle()

    async def _pass_on(self, pid: int, passed: list[int]) -> None:
        while True:
            passed.append(await self.signalled())
            self._kernel.kill(pid, passed[-1])

    def _descriptor_in(self, variable: bytes) -> int | None:
        """Return the number in that variable if it is an open descriptor, 3 or more."""
        text = self.env.get(variable, b"")
        number = int(text) if text.isdigit() else 0
        return number if number >= 3 and number in self._process.descriptors else None

    def _tls_descriptors(self) -> tuple[int, int, int] | None:
        """Return the numbers of the control socket, the reading and the writing descriptor."""
        control = self._descriptor_in(b"SSLCTLFD")
        reading = self._descriptor_in(b"SSLREADFD")
        writing = self._descriptor_in(b"SSLWRITEFD")
        if control is None or reading is None or writing is None:
            return None
        if any(isinstance(self._process.end(fd), MemoryFile) for fd in (control, reading, writing)):
            return None
        return control, reading, writing

    def _drop_plaintext(self) -> None:
        """Forget what the client sent ahead of the handshake (AUTHUP-TLS-3)."""
        flow = self._process.end(0).incoming
        if len(flow.buffer) > _MOST_PLAINTEXT:
            raise TlsFailed
        self._kernel.note(self._process, "drop 0", flow.take(len(flow.buffer)))

    async def _send(self, fd: int, data: bytes, patience: float) -> None:
        while data:
            with trio.fail_after(patience):
                data = data[await self._kernel.write_some(self._process, fd, data) :]

    async def _read_block(self, control: int, patience: float) -> bytes:
        """Read to the first NUL NUL and not a byte further; it may have been cut between the two."""
        block = b""
        while not block.endswith(b"\0\0"):
            with trio.fail_after(patience):
                piece = await self._kernel.read(self._process, control, _MOST_BLOCK, until=b"\0")
            block += piece
            if not piece or len(block) > _MOST_BLOCK:
                raise TlsFailed
        return block

    def _become_client(self, reading: int, writing: int) -> None:
        """Put the front end's descriptors where the client is; the control socket stays open."""
        process = self._process
        ends = [process.end(fd).share() for fd in (reading, writing)]
        for fd in (0, 1, reading, writing):
            process.close(fd)
        process.descriptors |= {0: ends[0], 1: ends[1]}

    def _state_file(self) -> MemoryFile | None:
        self._process.check_alive()
        number = self._descriptor_in(_STATE)
        end = None if number is None else self._process.end(number)
        return end if isinstance(end, MemoryFile) else None

    def _state_descriptor(self) -> int:
        """Return the number of our memory file, not of one inherited; the first attempt makes it."""
        if self._attempts_file is None:
            self._attempts_file = self._process.open(MemoryFile())
        return self._attempts_file
