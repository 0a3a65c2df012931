"""Commands that play somebody else than the client: checkpassword, the inner program, the TLS front end."""

import re
from typing import Final

from conformance.debugging.debugger import Debugger
from conformance.debugging.session import CannotError
from conformance.debugging.steps import PLAYERS, Act
from conformance.debugging.table import Command, Outcome, needs, number
from conformance.format import octets
from conformance.playing.beats import Event
from conformance.playing.event_words import signal_number

_WAITS: Final = {
    "inner": "what the inner program says is typed now; :exit N ends it",
    "checkpassword": "checkpassword waits for :accept [uid=N], :reject, :exit N, :signal NAME or :hang",
    "tls": "the TLS front end waits for its order, then for :block [OCTETS], :refuse or :close",
}
_LANES: Final = {"inner": "s", "checkpassword": "K"}


async def as_whom(debugger: Debugger, text: str) -> Outcome:
    """`:as WHO`."""
    if text == "client":
        debugger.who = "client"
        return None
    who = next((player for player in PLAYERS if player == text), None)
    if who is None:
        raise CannotError("expected :as client, inner, checkpassword or tls")
    await debugger.hand_over(who, by_hand=True)
    debugger.who = who
    debugger.screen.comment(_WAITS[who])
    return None


async def auto(debugger: Debugger, _: str) -> Outcome:
    """`:auto`."""
    await debugger.all_by_themselves()
    return None


async def accept(debugger: Debugger, text: str) -> Outcome:
    """`:accept [uid=N]`: go on as that user."""
    words = text.split()
    if any(not re.fullmatch("uid=[0-9]{1,9}", word) for word in words):
        raise CannotError("expected :accept, or :accept uid=1002")
    await _happens(debugger, "K", "exec", *words)
    return None


async def reject(debugger: Debugger, _: str) -> Outcome:
    """`:reject`: the password is wrong."""
    await _happens(debugger, "K", "exit", "1")
    return None


async def hang(debugger: Debugger, _: str) -> Outcome:
    """`:hang`: checkpassword does nothing."""
    await _happens(debugger, "K", "hang")
    return None


async def leave(debugger: Debugger, text: str) -> Outcome:
    """`:exit N`."""
    code = number(needs(text, ":exit and a code from 0 to 255"), 0, "a code from 0 to 255")
    if code > 255:
        raise CannotError("expected a code from 0 to 255")
    await _happens(debugger, _whose(debugger), "exit", str(code))
    return None


async def signal(debugger: Debugger, text: str) -> Outcome:
    """`:signal NAME [PROGRAM]`: who is played dies of it; a tested program is sent it."""
    name, _, program = text.partition(" ")
    try:
        signal_number(needs(name, "the name of a signal, such as TERM"))
    except ValueError as error:
        raise CannotError(str(error)) from None
    if not program:
        await _happens(debugger, _whose(debugger), "signal", name)
        return None
    living = {process.name for process in debugger.session.stage.living()}
    if program not in living:
        raise CannotError(f"expected a program that lives: {' '.join(sorted(living)) or 'none does'}")
    await _happens(debugger, "A", "signal", name, program)
    return None


async def block(debugger: Debugger, text: str) -> Outcome:
    """`:block [OCTETS]`: the handshake succeeds; the environment of the connection goes to the chain."""
    octets.literal(octets.parse(text))
    await _happens(debugger, "T", "block", *text.split())
    return None


async def refuse(debugger: Debugger, _: str) -> Outcome:
    """`:refuse`: the handshake fails, everything is closed."""
    await _happens(debugger, "T", "refuse")
    return None


async def close(debugger: Debugger, _: str) -> Outcome:
    """`:close`: the front end closes its control socket."""
    await _happens(debugger, "T", "hangup")
    return None


async def _happens(debugger: Debugger, lane: str, *words: str) -> None:
    await debugger.do(Act(Event(lane, words, 0, ())))


def _whose(debugger: Debugger) -> str:
    """Return the lane of whoever is played by hand."""
    if debugger.who in _LANES:
        return _LANES[debugger.who]
    if debugger.session.call is not None:
        return "K"
    if debugger.session.inner is not None:
        return "s"
    raise CannotError("nobody is there to be played: neither checkpassword nor an inner program has started")


COMMANDS: Final = (
    Command(
        "as",
        "WHO",
        "type as client, inner, checkpassword or tls; who was typed as once stays in your hands",
        as_whom,
        lambda _: ("client", *PLAYERS),
    ),
    Command("auto", "", "everybody but the client plays by himself again", auto),
    Command(
        "accept", "[uid=N]", "checkpassword becomes that user and runs the rest", accept, lambda _: ("uid=",)
    ),
    Command("reject", "", "checkpassword says that the password is wrong (exit 1)", reject),
    Command("hang", "", "checkpassword does nothing at all", hang),
    Command("exit", "N", "checkpassword, or the inner program, ends", leave),
    Command(
        "signal",
        "NAME [PROGRAM]",
        "who is played dies of it; PROGRAM: it is sent to that tested program",
        signal,
    ),
    Command("block", "[OCTETS]", "the TLS handshake is done: the environment goes to the chain", block),
    Command("refuse", "", "the TLS handshake fails", refuse),
    Command("close", "", "the TLS front end closes its control socket", close),
)
