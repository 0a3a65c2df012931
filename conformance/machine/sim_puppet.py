"""A program of the machine that the harness plays."""

from collections.abc import Callable

import trio
from trio.testing import wait_all_tasks_blocked

from conformance.playing.stage import Ended, Order, Process
from conformance.playing.stream import Stream
from fakes.kernel_process import KernelProcess, Killed
from fakes.process import Process as FakeProcess


class SimPuppet:
    """`Puppet` over one process of the machine."""

    def __init__(
        self,
        process: Process,
        kernel_process: KernelProcess,
        fake: FakeProcess,
        record: Callable[[str, bytes], None],
    ) -> None:
        self.process = process
        self.program = process.programs[-1]
        self.input = Stream("fd3" if self.program.name == "checkpassword" else "c", record)
        self._kernel_process = kernel_process
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
        self._kernel_process.catches = True

    async def obey(self, order: Order) -> None:
        """See Puppet."""
        self._order = order
        self._ordered.set()
        await trio.lowlevel.checkpoint()

    async def over(self) -> Ended:
        """See Puppet."""
        await self._kernel_process.over.wait()
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
