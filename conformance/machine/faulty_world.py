"""The surroundings of our drivers with one operation that fails: the machine's answer to strace --inject.

Operations are counted over all tested programs of a run. Which way each one fails is what World
promises of it, so a driver that ends otherwise than documented is at fault.
"""

import os
import re
from collections.abc import Mapping, Sequence
from errno import errorcode

from acceptutils.runtime.world import (
    Attempt,
    CannotReadControl,
    CannotRun,
    Child,
    Client,
    Ended,
    ReadPipe,
    TlsFailed,
    TlsUnavailable,
    World,
    WritePipe,
)

_FAULT = re.compile(r"(fork|pipe|exec|wait|memory|read|write|tls|bug)@([0-9]+)(?:=([A-Z0-9]+))?")


class Faults:
    """Which operations fail: number `fail` of all (0: none), and those that `fault` words name."""

    def __init__(self, fail: int = 0, words: Sequence[str] = ()) -> None:
        self.count = 0
        self.failed = False
        self._fail = fail
        self._named: dict[tuple[str, int], str] = {}
        self._counts: dict[str, int] = {}
        for word in words:
            found = _FAULT.fullmatch(word)
            if found:
                self._named[found[1], int(found[2])] = found[3] or "EIO"

    def happens(self, kind: str) -> str | None:
        """Count one operation of this kind; return the words of the error if it is to fail."""
        self.count += 1
        self._counts[kind] = self._counts.get(kind, 0) + 1
        name = self._named.get((kind, self._counts[kind]))
        if self.count == self._fail:
            name = name or "EIO"
        if name is None:
            return None
        self.failed = True
        number = next((number for number, known in errorcode.items() if known == name), 5)
        return os.strerror(number)

    def is_bug(self) -> bool:
        """Count one read from the client; say whether a bug of the program's own shows at it (LIM-6).

        Only `fault: bug@K` asks for that; it is no operation that fails.
        """
        self._counts["bug"] = self._counts.get("bug", 0) + 1
        return ("bug", self._counts["bug"]) in self._named


class FaultyWorld:
    """`World` over another one."""

    def __init__(self, world: World, faults: Faults) -> None:
        self._world = world
        self._faults = faults
        self.args: Sequence[bytes] = world.args
        self.env: Mapping[bytes, bytes] = world.env
        self.pid = world.pid

    @property
    def uid(self) -> int:
        """See World."""
        return self._world.uid

    @property
    def euid(self) -> int:
        """See World."""
        return self._world.euid

    @property
    def client(self) -> Client:
        """See World."""
        return _FaultyClient(self._world.client, self._faults)

    def log(self, line: bytes) -> None:
        """See World."""
        self._world.log(line)

    async def exec(self, argv: Sequence[bytes]) -> int:
        """See World."""
        if reason := self._faults.happens("exec"):
            raise CannotRun("exec", reason)
        return await self._world.exec(argv)

    async def attempt(self, argv: Sequence[bytes], env: Mapping[bytes, bytes]) -> Attempt:
        """See World."""
        if reason := self._faults.happens("fork"):
            raise CannotRun("fork", reason)
        return await self._world.attempt(argv, env)

    def enter_qmail_home(self) -> None:
        """See World."""
        if reason := self._faults.happens("chdir"):
            raise CannotReadControl("/var/qmail", reason)
        self._world.enter_qmail_home()

    def read_control(self, name: str) -> bytes | None:
        """See World."""
        if self._faults.happens("memory"):
            raise MemoryError
        if reason := self._faults.happens("control"):
            raise CannotReadControl(f"control/{name}", reason)
        return self._world.read_control(name)

    def now(self) -> float:
        """See World."""
        return self._world.now()

    def unix_time(self) -> int:
        """See World."""
        return self._world.unix_time()

    async def spawn(
        self,
        argv: Sequence[bytes],
        env: Mapping[bytes, bytes],
        *,
        record: bytes | None = None,
        pipes: bool = False,
        own_group: bool = False,
    ) -> Child:
        """See World."""
        for step in ("pipe", "fork", "exec", "wait"):
            if reason := self._faults.happens(step):
                raise CannotRun(step, reason)
        child = await self._world.spawn(argv, env, record=record, pipes=pipes, own_group=own_group)
        return _FaultyChild(child, self._faults) if pipes else child

    def tls_is_usable(self) -> bool:
        """See World."""
        return self._world.tls_is_usable()

    async def start_tls(self, ready: bytes, patience: float) -> bytes:
        """See World."""
        if self._faults.happens("tls"):
            raise TlsUnavailable
        block = await self._world.start_tls(ready, patience)
        if self._faults.happens("tls"):
            raise TlsFailed
        return block

    def resume_tls(self) -> None:
        """See World."""
        if self._faults.happens("tls"):
            raise TlsUnavailable
        self._world.resume_tls()

    def recall(self) -> bytes | None:
        """See World."""
        return self._world.recall()

    def remember(self, state: bytes) -> None:
        """See World."""
        self._world.remember(state)

    async def signalled(self) -> int:
        """See World."""
        return await self._world.signalled()


class _FaultyClient:
    def __init__(self, client: Client, faults: Faults) -> None:
        self._client = client
        self._faults = faults

    async def send_some(self, data: bytes) -> int:
        if self._faults.happens("write"):
            raise BrokenPipeError
        return await self._client.send_some(data)

    async def receive(self, most: int) -> bytes:
        if self._faults.happens("read"):
            return b""
        return self._seen(await self._client.receive(most))

    async def receive_line(self, most: int) -> bytes:
        if self._faults.happens("read"):
            return b""
        return self._seen(await self._client.receive_line(most))

    def _seen(self, data: bytes) -> bytes:
        if self._faults.is_bug():
            raise RuntimeError(repr(data))  # what a traceback would tell everybody
        return data

    def has_left(self) -> bool:
        return self._client.has_left()


class _FaultyPipe:
    """Our end of a pipe to a child, either direction."""

    def __init__(self, pipe: WritePipe | ReadPipe, faults: Faults) -> None:
        self._pipe = pipe
        self._faults = faults

    async def send_some(self, data: bytes) -> int:
        if self._faults.happens("write"):
            raise BrokenPipeError
        return await self._pipe.send_some(data)  # type: ignore[union-attr]

    async def receive(self, most: int) -> bytes:
        if self._faults.happens("read"):
            return b""
        return await self._pipe.receive(most)  # type: ignore[union-attr]

    def close(self) -> None:
        self._pipe.close()


class _FaultyChild:
    """`Child` whose pipes may fail."""

    def __init__(self, child: Child, faults: Faults) -> None:
        self.pid = child.pid
        self.stdin: WritePipe = _FaultyPipe(child.stdin, faults)
        self.stdout: ReadPipe = _FaultyPipe(child.stdout, faults)
        self._child = child

    async def wait(self) -> Ended:
        return await self._child.wait()

    def real_uid(self) -> int | None:
        return self._child.real_uid()

    def kill(self, signal: int, *, group: bool = False) -> None:
        self._child.kill(signal, group=group)
