"""The driver of checknotroot.

It must not import trio: that would take four times as long as all that it does.
"""

from acceptutils import checknotroot as core
from acceptutils.actions import Become
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
