"""Sessions of the debugger in this process: what is typed comes from a list, time is the machine's."""

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import trio

from conformance import cli, targets
from conformance.debugging import lives, setting
from conformance.debugging.clocks import MachineTime
from conformance.debugging.debugger import Debugger
from conformance.debugging.prompts import Interrupted
from conformance.debugging.screen import Screen
from conformance.debugging.steps import Anew
from conformance.debugging.table import Command, Outcome
from conformance.debugging.words import COMMANDS

SIM = targets.find("sim", targets.read(targets.DEFAULTS))
LOGIN = r"AUTH PLAIN {b64:\0alice\0secret}"

INTERRUPT = "\x03"


class Typed:
    """Lines that are typed one after the other."""

    is_terminal = False

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)

    async def ask(self, prompt: str, status: str) -> str | None:  # noqa: ARG002 - nobody looks
        await trio.lowlevel.checkpoint()
        line = next(self._lines, None)
        if line == INTERRUPT:
            raise Interrupted
        return line


@dataclass
class Seen:
    code: int
    screen: str
    debugger: Debugger


def debug(
    lines: Sequence[str],
    args: Sequence[str] = (),
    *,
    looks: Mapping[str, Callable[[Debugger], None]] | None = None,
    seed: int = 0,
) -> Seen:
    """Type lines; `looks` are more commands. Raises what the session raises: it should be nothing."""
    parsed = cli.parser().parse_args(["debug", "--seed", str(seed), *args])
    chosen = setting.of_arguments(parsed, SIM)
    time, file = MachineTime(), io.StringIO()
    screen = Screen(file, "never")
    commands = {**COMMANDS, **{name: _command(name, look) for name, look in (looks or {}).items()}}
    debugger = Debugger(replace(chosen, target=SIM), time, screen, commands)
    debugger.lines = Typed(lines)
    with lives.surroundings(time, seed):
        code = trio.run(debugger.debug, Anew(), clock=time.clock)
    return Seen(code, file.getvalue(), debugger)


def _command(name: str, look: Callable[[Debugger], None]) -> Command:
    async def run(debugger: Debugger, _: str) -> Outcome:
        look(debugger)
        return None

    return Command(name, "", "", run, lives=False)
