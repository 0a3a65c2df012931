"""The driver of fixsmtpio with NOFIXSMTPIO. Like that of checknotroot it must not import trio."""

from acceptutils import fixsmtpio
from acceptutils.options import BadUsageError
from acceptutils.runtime.last_words import last_words
from acceptutils.runtime.world import CannotRun, Launcher


async def without_filter(world: Launcher) -> int:
    """Become the server at once (FIX-GEN-2); return the exit code."""
    try:
        return await world.exec(fixsmtpio.command_line(world.args))
    except BadUsageError as bad:
        return last_words(world, fixsmtpio.usage(world.env, bad.complaint))
    except CannotRun:
        return last_words(world, fixsmtpio.cannot_run("exec"))
