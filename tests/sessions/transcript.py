"""A session as a transcript that one player holds against any chain, simulated or real.

C: line     the client sends this line (lines next to each other go as one packet)
S: line     the next line that arrives; {n} stands for a number
C! eof      the client closes its sending side        C! gone    it hangs up
C! tls      from here on inside (pretended) TLS
+2s         so much silence before the next line
S! eof      nothing more arrives                      S! exit 1  the chain's exit code
"""

import base64
import re
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple, Protocol

import trio


class Client(Protocol):
    """The client's end of a connection to a chain."""

    async def send(self, data: bytes) -> None: ...

    async def receive_until(self, end: bytes | int) -> bytes: ...

    async def receive_all(self) -> bytes: ...

    def half_close(self) -> None: ...

    def close(self) -> None: ...

    def encrypt(self) -> None: ...


class Session(NamedTuple):
    """One session: what runs, with which files below the qmail home, and what is said."""

    name: str
    chain: str
    talk: str
    control: Mapping[str, str | None] = MappingProxyType({})
    needs_root: bool = False


async def play(session: Session, client: Client, exit_code: Callable[[], Awaitable[int | None]]) -> bytes:
    """Play the client's side and hold each line against the transcript; return what was received."""
    received = b""
    silent_until = trio.current_time()
    packet = b""
    for step in session.talk.strip().splitlines():
        mark, _, text = step.lstrip().partition(" ")  # a blank at the end is part of the line
        if packet and mark != "C:":
            await client.send(packet)
            packet = b""
        match mark, text:
            case "C:", _:
                packet += text.encode() + b"\r\n"
            case "C!", "eof":
                client.half_close()
            case "C!", "gone":
                client.close()
            case "C!", "tls":
                client.encrypt()
            case "S:", _:
                line = await client.receive_until(b"\n")
                assert re.fullmatch(as_pattern(text), line), f"expected {text!r}, got {line!r}"
                assert trio.current_time() >= silent_until, f"{text!r} came too early"
                received += line
            case "S!", "eof":
                rest = await client.receive_all()
                assert rest == b"", f"expected the end, got {rest!r}"
            case "S!", _:
                code = await exit_code()
                assert code == int(text.removeprefix("exit ")), f"expected {text}, got {code}"
            case _, "" if mark.startswith("+"):
                silent_until = trio.current_time() + float(mark[1:-1]) - 0.05
            case _:
                raise AssertionError(f"no step: {step}")
    return received


def as_pattern(line: str) -> bytes:
    return b"[0-9]+".join(re.escape(part.encode()) for part in line.split("{n}")) + b"\r\n"


def plain(user: str, password: str) -> str:
    return base64.b64encode(f"\0{user}\0{password}".encode()).decode()


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
