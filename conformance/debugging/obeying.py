"""Carries out what was typed: a command, a line to send, the end of input."""

import re
from typing import TYPE_CHECKING, Final

from conformance.debugging.session import CannotError
from conformance.debugging.table import LATER, Outcome, Quit
from conformance.debugging.typing_lines import sent
from conformance.format import octets
from conformance.format.octets import NotationError
from conformance.playing.scene import Wrong

if TYPE_CHECKING:
    from conformance.debugging.debugger import Debugger

SHORTLY: Final = 60.0
"""Seconds to the next clock that are worth a remark: five after a refusal, not twenty minutes."""
_UNFIT: Final = re.compile("[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
"""What no argument of a command may have in it, a name of a file least of all."""


async def obey(debugger: "Debugger", line: str | None) -> Outcome:
    """Carry out one line."""
    if line is None:
        return await _end_of_input(debugger)
    if line.startswith(":"):
        debugger.screen.typed(debugger.prompt, line)
    said: Outcome = None
    with debugger.interrupts.stopping() as scope:
        try:
            if line.startswith(":") and not line.startswith("::"):
                said = await command(debugger, line)
            else:
                await _say(debugger, line.removeprefix(":"))
        except (CannotError, NotationError) as error:
            debugger.screen.error(str(error))
        except Wrong as wrong:
            debugger.show_wrong(wrong)
    if scope.cancelled_caught:
        debugger.screen.comment("interrupted")
    return said


async def command(debugger: "Debugger", line: str) -> Outcome:
    """Carry out a command. Raises CannotError, NotationError, Wrong."""
    if _UNFIT.search(line):
        raise CannotError(r"a control character in a command; \x00 stands for one")
    name, _, text = line[1:].partition(" ")
    known = debugger.commands.get(name)
    if known is None:
        close = [one for one in debugger.commands if one.startswith(name)]
        if name and len(close) == 1:
            known = debugger.commands[close[0]]
        elif close and name:
            raise CannotError(f":{name}: one of {' '.join(f':{one}' for one in close)}?")
        else:
            raise CannotError(f":{name}: no such command; :help has them all")
    if known.lives and not debugger.alive:
        raise CannotError(LATER)
    if debugger.burst is not None and known.name not in ("end", "quit", "help"):
        raise CannotError("a burst is being typed: :end sends it")
    return await known.run(debugger, text.strip() if known.name != "split" else text)


async def _say(debugger: "Debugger", line: str) -> None:
    """Send a line as whoever types."""
    if not debugger.alive:
        raise CannotError(LATER)
    if debugger.burst is not None:
        octets.parse(line)
        debugger.burst.append(line)
        return
    there = len(debugger.session.record)
    await debugger.do(sent(debugger.typing_lane, [line], debugger.setting.score.files))
    _hint(debugger, there)


def _hint(debugger: "Debugger", there: int) -> None:
    """Say what everybody waits for when nothing has answered, or who does not wait."""
    new = debugger.session.record[there:]
    spinning = debugger.session.stage.spinning()
    if spinning is not None:
        debugger.screen.settled()
        debugger.screen.error(f"{spinning[0]} burns the CPU: {spinning[1]:.1f} s so far")
    if not debugger.setting.is_simulated or any(moment.lane in ("S", "ST", "c") for moment in new):
        return
    left = debugger.time.next_deadline
    debugger.screen.settled()
    if debugger.session.call is not None and debugger.session.by_hand["checkpassword"]:
        debugger.screen.comment("checkpassword waits for you: :accept [uid=N] or :reject")
    elif debugger.who == "client" and left < SHORTLY:
        debugger.screen.comment(f"no answer yet; the next clock rings in {left:g} s (:wait)")


async def _end_of_input(debugger: "Debugger") -> Outcome:
    """Ctrl-D: the client's end of input, the second time the end of it all; the end of a script too."""
    if not debugger.lines.is_terminal or not debugger.is_connected:
        return Quit()
    return await obey(debugger, ":eof")
