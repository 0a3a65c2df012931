"""Commands that send: packet edges, bursts, raw bytes, slowly; what a client does to its connection."""

import re
from typing import Final

from conformance.debugging.debugger import Debugger
from conformance.debugging.session import CannotError
from conformance.debugging.steps import Act
from conformance.debugging.table import Command, Outcome, Run, needs, seconds
from conformance.debugging.typing_lines import packet, sent, split
from conformance.format import octets
from conformance.playing.beats import ENDINGS, Event

MOST_PACKETS: Final = 10_000
"""Of one line that is typed slowly."""


async def split_line(debugger: Debugger, text: str) -> Outcome:
    """`:split 4,9 TEXT`."""
    found = re.fullmatch(r"([0-9]{1,6}(?:,[0-9]{1,6})*) (.*)", text)
    if found is None:
        raise CannotError(r"expected :split N[,N...] TEXT; in any line \| is a packet edge too")
    lane = debugger.typing_lane
    what = octets.parse(found[2], ENDINGS.get(lane, b"\r\n"), debugger.setting.score.files)
    await debugger.do(packet(lane, split(what, [int(place) for place in found[1].split(",")])))
    return None


async def burst(debugger: Debugger, _: str) -> Outcome:
    """`:burst`: what follows is kept until `:end`."""
    debugger.typing_lane  # noqa: B018 - raises CannotError
    debugger.burst = []
    return None


async def end(debugger: Debugger, _: str) -> Outcome:
    """`:end`: send the burst."""
    lines, debugger.burst = debugger.burst, None
    if lines is None:
        raise CannotError(":burst comes first")
    if lines:
        await debugger.do(sent(debugger.typing_lane, lines, debugger.setting.score.files))
    return None


async def raw(debugger: Debugger, text: str) -> Outcome:
    """`:raw 45 48 4c 4f 0d 0a`."""
    try:
        data = bytes.fromhex(text)
    except ValueError:
        data = b""
    if not data:
        raise CannotError("expected :raw and bytes in hexadecimal, such as 4e 4f 4f 50 0d 0a")
    await debugger.do(packet(debugger.typing_lane, (data,)))
    return None


async def slow(debugger: Debugger, text: str) -> Outcome:
    """`:slow 1s TEXT`: one byte in that time."""
    first, _, rest = text.partition(" ")
    pause = seconds(needs(first, ":slow SECONDS TEXT"), 1.0)
    lane = debugger.typing_lane
    what = octets.parse(rest, ENDINGS.get(lane, b"\r\n"), debugger.setting.score.files)
    data, _edges = octets.resolve(what, {})
    if len(data) > MOST_PACKETS:
        raise CannotError(f"expected at most {MOST_PACKETS} bytes")
    await debugger.do(packet(lane, split(what, range(1, len(data))), pause))
    return None


def _event(word: str) -> Run:
    async def happen(debugger: Debugger, _: str) -> Outcome:
        lane = "C" if debugger.who != "client" else debugger.typing_lane
        if debugger.who == "inner" and word in ("eof", "stall", "resume"):
            lane = "s"
        await debugger.do(Act(Event(lane, (word,), 0, ())))
        return None

    return happen


async def tls(debugger: Debugger, text: str) -> Outcome:
    """`:tls`: ask for TLS, or choose whether what is typed goes inside it."""
    if text in ("on", "off"):
        debugger.lane = "CT" if text == "on" else "C"
        return None
    if text:
        raise CannotError("expected :tls, or :tls on|off to type inside it or outside")
    if debugger.session.client_lane == "CT":
        raise CannotError("TLS was begun before")
    debugger.who = "client"
    verb = "STLS" if debugger.setting.protocol == "pop3" else "STARTTLS"
    await debugger.do(sent(debugger.typing_lane, [verb], {}))
    return None


COMMANDS: Final = (
    Command(
        "split",
        "N,M TEXT",
        r"send a line in packets, cut behind so many bytes (or write \| into a line)",
        split_line,
    ),
    Command("burst", "", "keep the following lines ...", burst),
    Command("end", "", "... and send them as one packet", end),
    Command("raw", "HEX", "send bytes", raw),
    Command("slow", "1s TEXT", "send a line, one byte in that time", slow),
    Command("eof", "", "half-close: the end of what the client (or the inner program) sends", _event("eof")),
    Command("hangup", "", "close the client's connection", _event("hangup")),
    Command("reset", "", "break it: what is under way is lost", _event("reset")),
    Command("stall", "", "stop reading ...", _event("stall")),
    Command("resume", "", "... and read again", _event("resume")),
    Command(
        "tls",
        "[on|off]",
        "STARTTLS or STLS; on, off: type inside TLS, or in plaintext",
        tls,
        lambda _: ("on", "off"),
    ),
)
