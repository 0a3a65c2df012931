"""The drivers of what only becomes another program: checknotroot, and fixsmtpio with NOFIXSMTPIO.

They must not import trio: after a tenth of a second of it nothing would be left to do.
"""

from acceptutils import checknotroot as core
from acceptutils import fixsmtpio
from acceptutils.actions import Action, Become, Exit, Log
from acceptutils.options import BadUsageError
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
    return perform(world, actions)


async def without_filter(world: Launcher) -> int:
    """Become the server at once (FIX-GEN-2); return the exit code."""
    try:
        return await world.exec(fixsmtpio.command_line(world.args))
    except BadUsageError as bad:
        return perform(world, fixsmtpio.usage(world.env, bad.complaint))
    except CannotRun:
        return perform(world, fixsmtpio.cannot_run("exec"))


def perform(world: Launcher, actions: list[Action]) -> int:
    """Write log lines; return the exit code that the last action names."""
    code = fixsmtpio.TROUBLE
    for action in actions:
        if isinstance(action, Log):
            world.log(action.line)
        elif isinstance(action, Exit):
            code = action.code
    return code
