"""One puppet on real processes, as the director sees it: its descriptors are ours, its end is by order."""

import os
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final, Protocol

import trio

from conformance.playing.stage import CHECKPASSWORD, Ended, Order, Process
from conformance.playing.stream import Stream
from conformance.processes import records
from conformance.processes.messages import Records, receive
from conformance.processes.wires import Inlet, Wire

OBEDIENCE: Final = 5.0
"""Seconds that a living puppet may take to say that it has done something."""


class Company(Protocol):
    """What a puppet needs to know of all the others' keeper."""

    @property
    def knows_users(self) -> bool:
        """Whether user IDs mean what the scenario says."""
        ...

    @property
    def acting(self) -> Callable[[], None]:
        """To be called when a puppet does something."""
        ...

    def note_failure(self, report: Records) -> None:
        """Note what a puppet says about a program that it could not become."""
        ...

    async def end_of(self, process: Process) -> Ended:
        """Wait for the end of a process."""
        ...


class RealPuppet:
    """`Puppet` over a real process that runs puppet.py. `handed` are its descriptors, now ours."""

    def __init__(
        self,
        company: Company,
        connection: trio.socket.SocketType,
        process: Process,
        handed: Mapping[int, int],
        stream: Stream,
    ) -> None:
        self.process = process
        self.program = process.programs[-1]
        self.input = stream
        self._company = company
        self._connection = connection
        self._becoming = False
        input_fd = handed.get(3 if self.program.name in CHECKPASSWORD else 0)
        self._inlet = None if input_fd is None else Inlet(Wire(input_fd, "read"), stream)
        self._output = Wire(handed[1], "write") if 1 in handed else None

    @property
    def pending(self) -> bool:
        """Whether something has come for it that its stream does not have yet."""
        return self._inlet is not None and self._inlet.pending

    def listen(self) -> None:
        """See Puppet."""
        if self._inlet is not None:
            self._inlet.listen()

    def pause(self) -> None:
        """See Puppet."""
        if self._inlet is not None:
            self._inlet.pause()

    def drain(self) -> None:
        """Take what has come, without waiting."""
        if self._inlet is not None:
            self._inlet.drain()

    async def send(self, data: bytes) -> None:
        """See Puppet."""
        self._company.acting()
        if self._output is None:
            raise BrokenPipeError
        await self._output.send(data)

    def close_output(self) -> None:
        """See Puppet."""
        self._company.acting()
        if self._output is not None:
            self._output.close()

    def ignore(self, signal: int) -> None:
        """See Puppet; returns when it does."""
        self._company.acting()
        self.tell([("order", b"ignore"), ("number", b"%d" % signal)])
        with socket.socket(fileno=os.dup(self._connection.fileno())) as connection:
            connection.settimeout(OBEDIENCE)  # a puppet does nothing else: it answers at once, or is dead
            with suppress(OSError):
                connection.recv(4096)
            connection.setblocking(False)

    async def obey(self, order: Order) -> None:
        """See Puppet."""
        self._company.acting()
        await trio.lowlevel.checkpoint()
        if order.what != "exec":
            self.drain()
            self._close_wires()
            self.tell([("order", order.what.encode()), ("number", b"%d" % order.number)])
            return
        self._close_wires()
        message: Records = [("order", b"exec"), ("home", order.home)]
        if self._company.knows_users:
            ids = (("uid", order.uid), ("gid", order.gid))
            message += [(key, b"%d" % number) for key, number in ids if number is not None]
        message += [("argv", word) for word in order.argv]
        env = self.program.env if order.env is None else order.env
        message += [("env", name + b"=" + value) for name, value in (env or {}).items()]
        self.tell(message)
        self._becoming = True
        with self._connection:
            failed, _ = await receive(self._connection)  # it ends when the program has started
        self._company.note_failure(failed)

    async def over(self) -> Ended:
        """See Puppet."""
        return await self._company.end_of(self.process)

    def tell(self, order: Records) -> None:
        """Send an order; one who has ended does not hear it."""
        with socket.socket(fileno=os.dup(self._connection.fileno())) as connection:
            connection.settimeout(OBEDIENCE)
            with suppress(OSError):
                connection.sendall(records.pack(order))
            connection.setblocking(False)

    async def live(self) -> None:
        """Fill its input."""
        if self._inlet is None:
            self.input.end()
        else:
            await self._inlet.flow()

    def close(self) -> None:
        """It has ended: its descriptors close."""
        self.drain()
        self._close_wires()
        if not self._becoming:  # else its last words are still to be heard
            self._connection.close()

    def _close_wires(self) -> None:
        if self._inlet is not None:
            self._inlet.wire.close()
        self.input.end()
        if self._output is not None:
            self._output.close()
