"""Commands that look: processes, descriptors, environment; rules and reasons; what is displayed."""

from collections.abc import Iterable, Sequence
from typing import Final

import trio

from conformance.debugging import reasons
from conformance.debugging.debugger import LANES, Debugger, upcoming
from conformance.debugging.session import CannotError
from conformance.debugging.table import Command, Outcome, needs
from conformance.format import octets
from conformance.playing.event_words import describe_end
from conformance.playing.stage import Process
from conformance.reports.blocks import Line, Span
from conformance.reports.notation import clean


async def processes(debugger: Debugger, _: str) -> Outcome:
    """`:ps`: the tree of processes, what each of them was, and what became of it."""
    known = debugger.session.processes
    if not known:
        raise CannotError("no process was seen")
    pids = {process.pid for process in known}
    for process in known:
        if process.parent not in pids:
            debugger.screen.say(*_tree(debugger, process, known, ""))
    return None


def _tree(debugger: Debugger, process: Process, known: Sequence[Process], indent: str) -> Iterable[Line]:
    names = " → ".join(program.name for program in process.programs)
    uid = process.programs[-1].uid if process.programs else None
    user = "" if uid is None else (" root" if uid == 0 else f" uid {uid}")
    if process.ended is not None:
        state = f"  {describe_end(process.ended)}"
    elif any(puppet.process is process for puppet in debugger.session.stage.puppets):
        hands = {"checkpassword": "checkpassword"}.get(process.name, "inner")
        played = debugger.session.by_hand.get(hands)  # type: ignore[call-overload]
        state = "  (waiting for you)" if played else "  (played)"
    else:
        state = ""
    yield (Span(f"{indent}{process.pid} ", "dim"), Span(clean(names), "strong"), Span(f"{user}{state}"))
    for child in known:
        if child.parent == process.pid and child is not process:
            yield from _tree(debugger, child, known, indent + "  ")


async def descriptors(debugger: Debugger, text: str) -> Outcome:
    """`:fds WHO`: of a living process now, of another one those that it was given."""
    process = _process(debugger, text)
    now = debugger.session.stage.descriptors(process) if debugger.alive and process.ended is None else {}
    if now:
        debugger.screen.words(*(f"{fd:5}  {what}" for fd, what in sorted(now.items())))
        return None
    given = process.programs[-1].fds
    words = "cannot be seen here" if given is None else " ".join(map(str, sorted(given))) or "none"
    debugger.screen.words(f"at its start: {words}")
    return None


async def environment(debugger: Debugger, text: str) -> Outcome:
    """`:env WHO`: what its program was started with."""
    env = _process(debugger, text).programs[-1].env
    if env is None:
        raise CannotError("its environment cannot be seen here")
    debugger.screen.words(*(octets.write(name + b"=" + value) for name, value in sorted(env.items())))
    return None


def _process(debugger: Debugger, text: str) -> Process:
    known = debugger.session.processes
    names = needs(text, f"a process: {' '.join(_processes(debugger))}")
    found = [p for p in known if str(p.pid) == names or any(program.name == names for program in p.programs)]
    if not found:
        raise CannotError(f"{names}: expected one of {' '.join(_processes(debugger))}")
    return found[-1]


def _processes(debugger: Debugger) -> list[str]:
    found = [word for p in debugger.session.processes for word in (str(p.pid), p.name)]
    return list(dict.fromkeys(found))


async def why(debugger: Debugger, text: str) -> Outcome:
    """`:why [LANE]`: the rules, and the lines of control/fixsmtpio, behind the last reply."""
    said = [m.lane for m in debugger.session.record if m.lane in ("S", "ST") and m.data]
    default = said[-1] if said else "S"
    if text and text.removesuffix("!") not in LANES:
        raise CannotError(f"expected one of {' '.join(LANES)}, or S! for its last event")
    debugger.screen.words(*await reasons.why(debugger, text or default))
    return None


async def rules(debugger: Debugger, _: str) -> Outcome:
    """`:rules`: all rules that what was said so far comes from."""
    debugger.screen.words(*await reasons.touched(debugger))
    return None


async def as_hex(debugger: Debugger, text: str) -> Outcome:
    """`:hex [on|off]`."""
    debugger.screen.hex = _switched(debugger.screen.hex, text)
    return None


async def times(debugger: Debugger, text: str) -> Outcome:
    """`:time [on|off]`: the seconds in front of each line, and now the clock."""
    debugger.screen.times = _switched(debugger.screen.times, text)
    if debugger.alive:
        words = f"{trio.current_time() - debugger.session.began:.3f} s since the start"
        left = debugger.time.next_deadline
        if debugger.setting.is_simulated and left < float("inf"):
            words += f"; the next clock rings in {left:g} s"
        debugger.screen.comment(words)
    return None


async def quiet(debugger: Debugger, text: str) -> Outcome:
    """`:quiet [inner|LANE|off]`: do not show it."""
    shown = debugger.screen.quiet
    lanes = {"inner": {"c", "s"}}.get(text, {text})
    if text == "off":
        shown.clear()
    elif text:
        if not lanes <= {*LANES, "C", "CT", "s", "K"}:
            raise CannotError(f"expected inner, off or one of {' '.join(LANES)}")
        shown |= lanes
    debugger.screen.comment(f"not shown: {' '.join(sorted(shown)) or 'nothing, all is shown'}")
    return None


def _switched(now: bool, text: str) -> bool:
    if text not in ("", "on", "off"):
        raise CannotError("expected on or off")
    return not now if not text else text == "on"


async def state(debugger: Debugger, text: str) -> Outcome:
    """`:help [COMMAND]`."""
    chosen = [
        command for name, command in debugger.commands.items() if not text or name == text.removeprefix(":")
    ]
    if not chosen:
        raise CannotError(f"{text}: no such command")
    width = max(len(command.name) + len(command.usage) for command in chosen) + 3
    for command in chosen:
        usage = f":{command.name} {command.usage}".rstrip()
        debugger.screen.say((Span(f"{usage:<{width}} ", "strong"), Span(command.words)))
    if not text:
        debugger.screen.comment(
            r"any other line is sent, with CRLF: \| packet edge, {b64:\0alice\0secret}, \x00; :: sends a :"
        )
        if upcoming(debugger.session) and debugger.setting.own:
            debugger.screen.comment("a scenario is loaded: :list :step :continue")
    return None


_SWITCH: Final = ("on", "off")
COMMANDS: Final = (
    Command("ps", "", "the processes: what they are, whose they are, how they ended", processes, lives=False),
    Command("fds", "WHO", "the open descriptors of a program or PID", descriptors, _processes, lives=False),
    Command("env", "WHO", "the environment that it was started with", environment, _processes, lives=False),
    Command(
        "why",
        "[LANE]",
        "the rule, and the line of control/fixsmtpio, that made the last reply",
        why,
        lambda _: LANES,
        lives=False,
    ),
    Command("rules", "", "all rules behind the replies so far", rules, lives=False),
    Command("hex", "[on|off]", "bytes in hexadecimal", as_hex, lambda _: _SWITCH, lives=False),
    Command(
        "time",
        "[on|off]",
        "times in front of lines, and what time it is",
        times,
        lambda _: _SWITCH,
        lives=False,
    ),
    Command(
        "quiet",
        "[inner|LANE|off]",
        "do not show what is said there",
        quiet,
        lambda _: ("inner", "off", *LANES),
        lives=False,
    ),
    Command("help", "[COMMAND]", "this", state, lambda debugger: debugger.commands, lives=False),
)
