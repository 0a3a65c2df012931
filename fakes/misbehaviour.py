"""What can be made to go wrong in a fake: the options in front of its operands, and where they bite.

All fakes share one syntax: `--word VALUE` or `--word=VALUE`, up to the first other argument or `--`;
`--help` prints the usage. An event is a verb in any case, or one of EVENTS, which no client can name.
Every fake that serves lines does its input and output through a Conversation, so misbehaviour is
built in once. Neither what is said nor what goes wrong depends on how the input is cut: before
something goes wrong, all earlier replies are out.
"""

import contextlib
import math
import signal
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, NoReturn

import trio

from fakes.process import Process

LINE_MAX = 65536
"""What lies behind this many bytes of a command line is dropped: memory is bounded."""

OUT_MAX = 65536
"""So many bytes of replies may wait for the moment when the fake waits for input."""

EVENTS = frozenset({b"greeting", b"in_data", b"body", b"start", b"record", b"login"})

LINE_ENDS = {b"crlf": b"\r\n", b"lf": b"\n", b"cr": b"\r", b"crcrlf": b"\r\r\n", b"none": b""}

OPTIONS = {
    b"slow": b"SECONDS",  # wait before each reply
    b"hang": b"EVENT",  # never answer this, and nothing after it
    b"crash": b"EVENT=SIGNAL",  # be killed instead of answering
    b"exit": b"CODE",  # end with this code, whatever ends it
}

SERVER_OPTIONS = OPTIONS | {
    b"reply": b"EVENT=TEXT",  # answer this; a \n in it begins another line
    b"close": b"EVENT",  # end (with code 0, or --exit's) instead of answering
    b"exit-at": b"EVENT=CODE",  # answer, then end with this code
    b"line-end": b"|".join(LINE_ENDS),  # end the lines of replies so
    b"cut": b"BYTES",  # write replies in pieces of this size, a millisecond apart
}

Given = Mapping[bytes, list[bytes]]
"""The options on the command line: each word with all its values, in their order."""


class UsageError(Exception):
    """The command line makes no sense."""


class HelpWanted(Exception):
    """Somebody asks for the usage."""


class Over(Exception):
    """The fake ends here, with this exit code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Usage(NamedTuple):
    """How a fake is called: its name, its options (word and value; b"" for a flag), its operands."""

    name: bytes
    options: Mapping[bytes, bytes]
    operands: bytes

    def line(self) -> bytes:
        """Return the usage line, without a line end."""
        options = [
            b"[--" + word + (b" " + value if value else b"") + b"]" for word, value in self.options.items()
        ]
        return b" ".join([b"usage:", self.name, *options, self.operands])

    def parse(self, args: Sequence[bytes]) -> tuple[Given, list[bytes]]:
        """Split a command line into options and operands. Raises UsageError, HelpWanted."""
        given: dict[bytes, list[bytes]] = {}
        rest = list(args)
        while rest and rest[0].startswith(b"--"):
            word, equals, value = rest.pop(0)[2:].partition(b"=")
            if not word and not equals:
                break
            if word == b"help":
                raise HelpWanted
            if word not in self.options or (equals and not self.options[word]):
                raise UsageError
            if self.options[word] and not equals:
                if not rest:
                    raise UsageError
                value = rest.pop(0)
            given.setdefault(word, []).append(value)
        return given, rest


async def start(
    process: Process, usage: Usage, main: Callable[[Process, Given, list[bytes]], Awaitable[int]]
) -> int:
    """Parse the command line, run `main(process, options, operands)` and return its exit code.

    `main` may raise UsageError (a usage line on descriptor 2, exit code 2) and Over.
    """
    try:
        return await main(process, *usage.parse(process.args))
    except Over as over:
        return over.code
    except UsageError:
        process.log(usage.name + b": " + usage.line())
        return 2
    except HelpWanted:
        with contextlib.suppress(BrokenPipeError):
            await process.write(1, usage.line() + b"\n")
        return 0


def number(text: bytes, most: int) -> int:
    """Return the decimal number `text`, 0 to `most`. Raises UsageError."""
    if not text.isdigit() or len(text) > 20 or int(text) > most:
        raise UsageError
    return int(text)


def last(given: Given, word: bytes) -> bytes | None:
    """Return the last value that an option was given; None if it was not."""
    return given[word][-1] if word in given else None


def _seconds(text: bytes) -> float:
    try:
        seconds = float(text)
    except ValueError:
        raise UsageError from None
    if not (math.isfinite(seconds) and seconds >= 0):
        raise UsageError
    return seconds


def _signal(text: bytes) -> int:
    name = b"SIG" + text.upper().removeprefix(b"SIG")
    try:
        return signal.Signals[name.decode("ascii", "replace")]
    except KeyError:
        raise UsageError from None


def _pairs(values: Iterable[bytes]) -> dict[bytes, bytes]:
    pairs = {}
    for text in values:
        event, equals, value = text.partition(b"=")
        if not equals:
            raise UsageError
        pairs[event.lower()] = value
    return pairs


@dataclass(frozen=True)
class Misbehaviour:
    """What is to go wrong, as OPTIONS and SERVER_OPTIONS tell."""

    slow: float = 0.0
    hang: frozenset[bytes] = frozenset()
    crash: Mapping[bytes, int] = field(default_factory=dict)
    exit: int | None = None
    reply: Mapping[bytes, list[bytes]] = field(default_factory=dict)
    close: frozenset[bytes] = frozenset()
    exit_at: Mapping[bytes, int] = field(default_factory=dict)
    line_end: bytes = b"\r\n"
    cut: int = 0

    @classmethod
    def of(cls, given: Given) -> "Misbehaviour":
        """Read the options. Raises UsageError."""
        line_end, code = last(given, b"line-end") or b"crlf", last(given, b"exit")
        if line_end not in LINE_ENDS:
            raise UsageError
        replies = _pairs(given.get(b"reply", []))
        return cls(
            slow=_seconds(last(given, b"slow") or b"0"),
            hang=frozenset(event.lower() for event in given.get(b"hang", [])),
            crash={event: _signal(name) for event, name in _pairs(given.get(b"crash", [])).items()},
            exit=None if code is None else number(code, 255),
            reply={event: text.replace(b"\\n", b"\n").split(b"\n") for event, text in replies.items()},
            close=frozenset(event.lower() for event in given.get(b"close", [])),
            exit_at={event: number(text, 255) for event, text in _pairs(given.get(b"exit-at", [])).items()},
            line_end=LINE_ENDS[line_end],
            cut=number(last(given, b"cut") or b"0", OUT_MAX),
        )

    def strikes(self, event: bytes) -> bool:
        """Say whether strike() does something at this event."""
        return event in self.hang or event in self.crash or event in self.close

    async def strike(self, process: Process, event: bytes) -> None:
        """Go wrong if that is wanted at this event: hang, crash, or end (Over)."""
        if event in self.hang:
            await trio.sleep_forever()
        if event in self.crash:
            await process.crash(self.crash[event])
        if event in self.close:
            raise Over(self.exit or 0)


class Conversation:
    """A line server's talk with its client: lines in on descriptor 0, replies out on descriptor 1.

    Replies are held until the server waits for input (OFM-4). A client that is gone, says nothing
    or takes nothing for `patience` seconds ends the fake: Over(`lost`). One that says nothing for so
    long is told `too_late` first, if that is given.
    """

    def __init__(
        self, process: Process, wrong: Misbehaviour, *, patience: float, lost: int, too_late: bytes = b""
    ) -> None:
        self._process = process
        self._wrong = wrong
        self._patience = patience
        self._lost = lost
        self._too_late = too_late
        self._in = bytearray()
        self._out = bytearray()

    async def command(self) -> tuple[bytes, bytes]:
        """Return the next line's verb in lower case, and its argument. As in C, a NUL ends the line.

        A verb that looks like one of EVENTS comes back as b"?", so that it cannot pass for one.
        """
        verb, _, argument = (await self._line()).partition(b"\0")[0].partition(b" ")
        verb = verb.lower()
        return b"?" if verb in EVENTS else verb, argument.lstrip(b" ")

    async def piece(self) -> bytes:
        """Return some input, at least one byte; in the middle of a message, say."""
        if not self._in:
            await self._more()
        piece = bytes(self._in)
        self._in.clear()
        return piece

    def unread(self, rest: bytes) -> None:
        """Put back what piece() returned too much of."""
        self._in[:0] = rest

    async def say(self, event: bytes, first: bytes, more: Iterable[bytes] = ()) -> bytes:
        """Answer an event with these lines (no line ends in them), or go wrong instead.

        Returns the first three bytes of what was really said. Raises Over.
        """
        if self._wrong.slow:
            await self.flush()
            await trio.sleep(self._wrong.slow)
        await self.interrupt(event)
        if event in self._wrong.reply:
            first, *more = self._wrong.reply[event]
        self._out += first + self._wrong.line_end
        for line in more:
            self._out += line + self._wrong.line_end
            if len(self._out) >= OUT_MAX:
                await self.flush()
        if event in self._wrong.exit_at:
            await self.flush()
            raise Over(self._wrong.exit_at[event])
        return first[:3]

    async def end(self, code: int) -> NoReturn:
        """Say what is still to be said, and end the fake. Raises Over, always."""
        await self.flush()
        raise Over(code if self._wrong.exit is None else self._wrong.exit)

    async def interrupt(self, event: bytes) -> None:
        """Go wrong at this event, if that is wanted. Raises Over."""
        if self._wrong.strikes(event):
            await self.flush()
            await self._wrong.strike(self._process, event)

    async def flush(self) -> None:
        """Write the replies that are held. Raises Over."""
        data = bytes(self._out)
        self._out.clear()
        size = self._wrong.cut or OUT_MAX
        for at in range(0, len(data), size):
            await self._write(data[at : at + size])
            if self._wrong.cut:
                await trio.sleep(0.001)  # or the reader might find several pieces at once

    async def _write(self, data: bytes) -> None:
        try:
            with trio.fail_after(self._patience):
                await self._process.write(1, data)
        except (BrokenPipeError, trio.TooSlowError):
            self._give_up()

    async def _line(self) -> bytes:
        searched = 0
        while (end := self._in.find(b"\n", searched)) < 0:
            del self._in[LINE_MAX:]
            searched = len(self._in)
            await self._more()
        line = bytes(self._in[: min(end, LINE_MAX)])
        del self._in[: end + 1]
        return line.removesuffix(b"\r")

    async def _more(self) -> None:
        await self.flush()
        data = b""
        with contextlib.suppress(OSError), trio.move_on_after(self._patience) as silence:
            data = await self._process.read(0)
        if silence.cancelled_caught and self._too_late:
            await self._write(self._too_late + self._wrong.line_end)
        if not data:
            self._give_up()
        self._in += data

    def _give_up(self) -> NoReturn:
        raise Over(self._lost if self._wrong.exit is None else self._wrong.exit)
