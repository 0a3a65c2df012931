"""Commands that go back, start again, or play a scenario and stop on the way."""

import re
from fnmatch import fnmatchcase
from typing import Final

from conformance.debugging.debugger import Debugger, upcoming
from conformance.debugging.interrupts import at_once
from conformance.debugging.lanes import BadPatternError, Lane, line_pattern
from conformance.debugging.session import CannotError
from conformance.debugging.steps import Anew, Play
from conformance.debugging.table import Command, Outcome, needs, number
from conformance.format.talk_parser import TalkError
from conformance.playing.beats import is_expected
from conformance.reports.blocks import Span
from conformance.reports.notation import clean
from conformance.selection import NothingMatchedError

_UNTIL: Final = re.compile(r"(\S+)(?: until ([0-9]{1,6}))?")
_LINE: Final = re.compile("[0-9]{1,9}")
_RULE: Final = re.compile(r"[A-Z][A-Z0-9]*-[A-Z0-9*-]+")
_PATTERN: Final = re.compile(r"(S|ST|c|fd3|E): ?(.+)")
NO_SCENARIO: Final = "no scenario was loaded; :run FILE"
AROUND: Final = 4
"""Lines of a scenario that :list shows on either side."""


async def back(debugger: Debugger, text: str) -> Outcome:
    """`:back [n]`: all but the last n steps, once more."""
    steps = debugger.session.steps
    count = number(text, 1, "how many steps to go back")
    if not 0 < count <= len(steps):
        raise CannotError(
            f"expected a number from 1 to {len(steps)}: so many steps were done"
            if steps
            else "nothing was done yet"
        )
    kept = len(steps) - count
    seen = tuple(debugger.session.outcome(n) for n in range(kept))
    return Anew(tuple(steps[:kept]), seen, f"{count} back: {kept} steps done again, with the same outcome")


async def restart(debugger: Debugger, text: str) -> Outcome:
    """`:restart [again]`: from the start; `again`: with all that was done."""
    if text not in ("", "again"):
        raise CannotError("expected :restart, or :restart again to do all steps once more")
    steps = tuple(debugger.session.steps) if text else ()
    return Anew(steps, words=f"{len(steps)} steps done again" if text else "")


async def run(debugger: Debugger, text: str) -> Outcome:
    """`:run FILE [until LINE]`: a new life with this scenario."""
    found = _UNTIL.fullmatch(needs(text, ":run FILE, or CASE, and perhaps `until LINE`"))
    if found is None:
        raise CannotError("expected :run FILE [until LINE]")
    try:
        debugger.setting = debugger.setting.with_scenario(found[1])
    except (TalkError, OSError) as error:
        raise CannotError(str(error)) from None
    except NothingMatchedError:
        raise CannotError(f"{found[1]}: no file or case of that name") from None
    debugger.remark_skip()
    last = int(found[2]) if found[2] else None
    beats = debugger.setting.score.beats
    steps = tuple(Play(beat) for beat in beats if last is None or beat.line < last)
    words = "the scenario was played to its end" if last is None else f"stands before line {last}"
    return Anew(steps, words=words)


async def step(debugger: Debugger, text: str) -> Outcome:
    """`:step [n]`: the next lines of the scenario."""
    for _ in range(number(text, 1, "how many lines to play")):
        play = upcoming(debugger.session)
        if not await _next(debugger):
            break
        _show_step(debugger, play)
    return None


async def go_on(debugger: Debugger, _: str) -> Outcome:
    """`:continue`: play until a break, a difference or the end."""
    watched = _Breaks(debugger)
    try:
        while True:
            upcoming_step = upcoming(debugger.session)
            if not await _next(debugger):
                return None
            reason = watched.reached(upcoming_step, upcoming(debugger.session))
            if reason:
                debugger.screen.comment(f"break: {reason}")
                return None
    finally:
        watched.close()


async def _next(debugger: Debugger) -> bool:
    """Play one beat; at the end look at what is left. False when that is over."""
    play = upcoming(debugger.session)
    if not debugger.setting.own:
        raise CannotError(NO_SCENARIO)
    if play is None:
        await debugger.finish()
        debugger.screen.comment("the end of the scenario: all is as written")
        return False
    await debugger.do(play)
    return True


def _show_step(debugger: Debugger, play: Play | None) -> None:
    """Say of a beat that something arrives that it did: it was on the screen before."""
    if play is not None and is_expected(play.beat):
        debugger.screen.settled()
        debugger.screen.comment(f"line {play.beat.line}: as written")


class _Breaks:
    """The breaks that were set, while a scenario is played."""

    def __init__(self, debugger: Debugger) -> None:
        self._debugger = debugger
        self._lines = {int(word) for word in debugger.breaks if _LINE.fullmatch(word)}
        self._rules = [word for word in debugger.breaks if _RULE.fullmatch(word)]
        self._place = len(debugger.session.record)
        self._lanes: dict[str, tuple[Lane, list[str]]] = {}
        for word in debugger.breaks:
            found = _PATTERN.fullmatch(word)
            if found is not None:
                self._lanes.setdefault(found[1], (Lane(found[1]), []))[1].append(found[2])

    def reached(self, played: Play | None, coming: Play | None) -> str:
        """Return the break that a beat has led to, or that stands in front of the next; "" if none."""
        if coming is not None and coming.beat.line in self._lines:
            return f"line {coming.beat.line}"
        rules = getattr(played.beat, "rules", ()) if played else ()
        for pattern in self._rules:
            if any(fnmatchcase(rule, pattern) for rule in rules):
                return f"{pattern}, line {played.beat.line if played else 0}"
        record = self._debugger.session.record
        for moment in record[self._place :]:
            if moment.lane in self._lanes:
                self._lanes[moment.lane][0].feed(moment.data)
        self._place = len(record)
        for name, (lane, globs) in self._lanes.items():
            with at_once("these breaks take too long"):
                found = lane.find([line_pattern(glob) for glob in globs])
            if found is not None:
                return f"{name}: {globs[found]}"
        return ""

    def close(self) -> None:
        """Let go of the lanes."""
        for lane, _ in self._lanes.values():
            lane.close()


async def set_break(debugger: Debugger, text: str) -> Outcome:
    """`:break [LINE|'S: 5*'|RULE]`: without one list them, `off` forgets them."""
    word = text.strip("'\"")
    if word == "off":
        debugger.breaks.clear()
    elif not word:
        debugger.screen.words(*(debugger.breaks or ["no breaks; :break LINE, :break 'S: 5*', :break RULE"]))
    elif _LINE.fullmatch(word) or _RULE.fullmatch(word):
        debugger.breaks.append(word)
    elif found := _PATTERN.fullmatch(word):
        try:
            line_pattern(found[2])
        except BadPatternError as error:
            raise CannotError(str(error)) from None
        debugger.breaks.append(word)
    else:
        raise CannotError(
            "expected a line number, a reply such as 'S: 5*', a rule such as AUTHUP-ERR-4, or off"
        )
    return None


async def listing(debugger: Debugger, _: str) -> Outcome:
    """`:list`: the scenario around the next line."""
    talk = debugger.setting.score.talk
    section = talk.section("talk")
    if section is None or not debugger.setting.own:
        raise CannotError(NO_SCENARIO)
    play = upcoming(debugger.session)
    here = play.beat.line if play else section.line + len(section.lines)
    for line, text in enumerate(section.lines, section.line + 1):
        if abs(line - here) <= AROUND:
            mark = ">" if line == here else " "
            debugger.screen.say(
                (Span(f"{mark}{line:5}  ", "dim"), Span(clean(text), "strong" if line == here else "plain"))
            )
    return None


COMMANDS: Final = (
    Command(
        "back", "[N]", "undo the last steps: a new start, and all before them once more", back, lives=False
    ),
    Command(
        "restart",
        "[again]",
        "start the chain anew; again: and do all steps once more",
        restart,
        lambda _: ("again",),
        lives=False,
    ),
    Command(
        "run",
        "FILE [until LINE]",
        "a new start with a scenario, played to its end or to a line",
        run,
        lives=False,
    ),
    Command("step", "[N]", "play the next line of the scenario", step),
    Command("continue", "", "play on until a break, a difference or the end", go_on),
    Command(
        "break", "[LINE|'S: 5*'|RULE|off]", "stop :continue there", set_break, lambda _: ("off",), lives=False
    ),
    Command("list", "", "the scenario around the next line", listing, lives=False),
)
