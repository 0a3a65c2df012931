"""All ends of a chain that are ours: the client's connection, the log, the TLS front end's descriptors."""

import os
import socket
from collections.abc import Callable
from contextlib import suppress

from conformance.playing.stage import TLS_NUMBERS, Opening, tls_number
from conformance.playing.stream import Stream
from conformance.processes.messages import close_all
from conformance.processes.wires import Inlet, Wire

Record = Callable[[str, bytes], None]


class Lane:
    """The client's connection, in plaintext or inside TLS: one socket, or a pipe each way."""

    def __init__(self, inlet: Inlet, output: Wire, theirs: int) -> None:
        self.inlet = inlet
        self.output = output
        self.theirs = theirs
        """The inode of the chain's end."""

    def close(self) -> None:
        """Close both directions."""
        self.inlet.wire.close()
        self.inlet.stream.end()
        self.output.close()


class Ends:
    """All our ends of a chain's descriptors; `theirs` are the chain's, by number."""

    def __init__(self, opening: Opening, record: Record) -> None:
        self.theirs: dict[int, int] = {}
        self.inlets: list[Inlet] = []
        self._record = record
        self._wires: list[Wire] = []
        pipes = opening.inherit.get("transport") == "pipes"
        self.plain = self._lane("S", 0, 1, pipes=pipes)
        self.log = self._log(opening.inherit.get("stderr", ""))
        self.control: Inlet | None = None
        self.tls: Lane | None = None
        if opening.tls:
            control, reading, writing = (tls_number(opening.env, name) for name in TLS_NUMBERS)
            self.control = self._control(control)
            together = opening.inherit.get("tlsfds") == "socket"
            self.tls = self._lane("ST", reading, reading if together else writing, pipes=not together)
        for word, value in opening.inherit.items():
            if word.startswith("fd") and word[2:].isdigit() and value == "open":
                self.theirs[int(word[2:])] = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)

    def given(self) -> None:
        """The chain has its descriptors: close our copies."""
        close_all(self.theirs.values())
        self.theirs = {}

    def close(self) -> None:
        """Close everything."""
        self.given()
        for wire in self._wires:
            wire.close()

    def _inlet(self, fd: int, lane: str) -> Inlet:
        inlet = Inlet(self._wire(Wire(fd, "read")), Stream(lane, self._record))
        inlet.listen()
        self.inlets.append(inlet)
        return inlet

    def _wire(self, wire: Wire) -> Wire:
        self._wires.append(wire)
        return wire

    def _lane(self, name: str, reading: int, writing: int, *, pipes: bool) -> Lane:
        """Make a connection; the chain reads and writes it on these numbers."""
        if pipes:
            self.theirs[reading], out = os.pipe()
            into, self.theirs[writing] = os.pipe()
            return Lane(self._inlet(into, name), self._wire(Wire(out, "write")), 0)
        ours, its = (end.detach() for end in socket.socketpair())
        self.theirs[reading] = its
        if writing != reading:
            self.theirs[writing] = os.dup(its)
        inlet = self._inlet(ours, name)
        return Lane(inlet, inlet.wire, os.fstat(its).st_ino)

    def _control(self, number: int) -> Inlet:
        ours, its = (end.detach() for end in socket.socketpair())
        self.theirs[number] = its
        return self._inlet(ours, "T")

    def _log(self, how: str) -> Inlet:
        """Make descriptor 2: a pipe; on request a full one that nobody reads, or none."""
        reading, writing = os.pipe()
        inlet = self._inlet(reading, "E")
        if how == "closed":
            os.close(writing)
            return inlet
        if how == "full":
            inlet.pause()
            own = os.open(f"/proc/self/fd/{writing}", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            with suppress(BlockingIOError):
                while True:
                    os.write(own, b"\n" * 4096)
            os.close(own)
        self.theirs[2] = writing
        return inlet
