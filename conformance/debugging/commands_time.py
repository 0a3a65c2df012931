"""Commands that let time pass, and wait for what comes."""

import re
from typing import Final

import trio

from conformance.debugging.debugger import LANES, Debugger
from conformance.debugging.interrupts import at_once
from conformance.debugging.lanes import BadPatternError, expression
from conformance.debugging.session import CannotError
from conformance.debugging.steps import Wait
from conformance.debugging.table import Command, Outcome, needs, seconds
from conformance.format import octets

PATIENCE: Final = 60.0
"""Seconds that :wait waits without a number, and :expect without `within`."""
_WITHIN: Final = re.compile(r"(.*?)(?: within (\S+))?")


async def wait(debugger: Debugger, text: str) -> Outcome:
    """`:wait [5s]`: so long, or until something comes."""
    before, began = len(debugger.session.record), trio.current_time()
    await debugger.do(Wait(seconds(text, PATIENCE), until_something=not text))
    passed = trio.current_time() - began
    if not text and len(debugger.session.record) == before:
        debugger.screen.comment(f"nothing in {PATIENCE:g} s; :skip 1200s lets more time pass")
    elif passed > 0:
        debugger.screen.comment(
            f"{passed:g} s passed" if debugger.setting.is_simulated else f"{passed:.3f} s passed"
        )
    return None


async def skip(debugger: Debugger, text: str) -> Outcome:
    """`:skip 1200s`: in virtual time at once."""
    duration = seconds(needs(text, ":skip and a time such as 1200s"), 0)
    if not debugger.setting.is_simulated:
        debugger.screen.comment("real processes: this takes its time (Ctrl-C gives up)")
    await debugger.do(Wait(duration))
    return None


async def expect(debugger: Debugger, text: str) -> Outcome:
    """`:expect [LANE] PATTERN [within 5s]`: let time pass until a pattern has come (pexpect's search)."""
    found = _WITHIN.fullmatch(needs(text, ":expect [LANE] REGULAR-EXPRESSION [within 5s]"))
    assert found is not None  # noqa: S101 - it matches everything
    name, _, rest = found[1].partition(" ")
    name, pattern = (name, rest) if name in LANES and rest else (_heard(debugger), found[1])
    try:
        wanted = [expression(pattern)]
    except BadPatternError as error:
        raise CannotError(str(error)) from None
    lane = debugger.lanes[name]
    end = trio.current_time() + seconds(found[2] or "", PATIENCE)
    while True:
        with at_once("this pattern takes too long"):
            if lane.find(wanted) is not None:
                break
        left = end - trio.current_time()
        if left <= 0:
            raise CannotError(
                f"{name}: {pattern} did not come; what came was {octets.visible(lane.unmatched) or 'nothing'}"
            )
        await debugger.do(Wait(left, until_something=True))
    debugger.screen.comment(f"{name}: found {octets.visible(lane.matched)}")
    return None


def _heard(debugger: Debugger) -> str:
    return "c" if debugger.who == "inner" else ("ST" if debugger.session.client_lane == "CT" else "S")


COMMANDS: Final = (
    Command("wait", "[5s]", "let time pass; without a time until something comes", wait),
    Command("skip", "1200s", "let time pass, in virtual time at once", skip),
    Command(
        "expect",
        "[LANE] REGEX [within 5s]",
        "wait until it has come on S (or ST, c, fd3, E)",
        expect,
        lambda _: LANES,
    ),
)
