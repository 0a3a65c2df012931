"""`:why` and `:rules`: what conformance.explaining says of the session."""

from functools import cache
from typing import Final

import trio

from conformance import selection
from conformance.debugging.debugger import Debugger
from conformance.debugging.session import CannotError
from conformance.explaining.session import explain, rules_touched
from conformance.explaining.specification import Index

NOTHING: Final = "nothing was said there yet"


async def why(debugger: Debugger, lane: str) -> list[str]:
    """Return what is behind the last line on a lane. Raises CannotError."""
    session, setting = debugger.session, debugger.setting
    index = await trio.to_thread.run_sync(_index)
    found = explain(
        session.record, setting.score.chain, setting.score.files, setting.opening.env, index, lane=lane
    )
    if found is None:
        raise CannotError(NOTHING)
    return found.lines(debugger.screen.width)


async def touched(debugger: Debugger) -> list[str]:
    """Return the rules behind all lines so far, each with how often."""
    session, setting = debugger.session, debugger.setting
    index = await trio.to_thread.run_sync(_index)
    found = rules_touched(
        session.record, setting.score.chain, setting.score.files, setting.opening.env, index
    )
    return [f"{rule:18} {count}" for rule, count in sorted(found.items())] or [NOTHING]


@cache
def _index() -> Index:
    return Index.of(selection.select([]))
