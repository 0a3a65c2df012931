"""The drivers of what only becomes another program: checknotroot, and fixsmtpio with NOFIXSMTPIO.

They must not import trio: that would take four times as long as all that they do.
"""

from acceptutils import checknotroot as core
from acceptutils import fixsmtpio
from acceptutils.actions import Become
from acceptutils.options import BadUsageError
from acceptutils.runtime.last_words import last_words
from acceptutils.runtime.world import CannotRun, Launcher


async def checknotroot(world: Launcher) -> int:
    """Become a program unless we are root (part 4); return the exit code."""
    actions = core.start(world.args, world.env, world.uid, world.euid)
    for action in actions:
        if isinstance(action, Become):
            try:
                return await world.exec(action.argv)
            except CannotRun as trouble:
                actions = core.cannot_run(action.argv[0], trouble.reason.encode())
    return last_words(world, actions)


async def without_filter(world: Launcher) -> int:
    """Become the server at once (FIX-GEN-2); return the exit code."""
    try:
        return await world.exec(fixsmtpio.command_line(world.args))
    except BadUsageError as bad:
        return last_words(world, fixsmtpio.usage(world.env, bad.complaint))
    except CannotRun:
        return last_words(world, fixsmtpio.cannot_run("exec"))
