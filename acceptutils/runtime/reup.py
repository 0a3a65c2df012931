"""The driver of reup. It must not import trio: it only waits for one child at a time."""

from acceptutils.actions import Action, Exit, Log, RunAttempt
from acceptutils.reup import Reup
from acceptutils.runtime.world import CannotRun, Launcher


async def reup(world: Launcher) -> int:
    """Run a program again until it succeeds (part 2); return the exit code."""
    core = Reup(world.args, world.env, world.pid)
    actions = core.start()
    while True:
        for action in actions:
            if isinstance(action, Log):
                world.log(action.line)
            elif isinstance(action, Exit):
                return action.code
            elif isinstance(action, RunAttempt):
                actions = await _attempt(world, core, action)


async def _attempt(world: Launcher, core: Reup, wanted: RunAttempt) -> list[Action]:
    try:
        attempt = await world.attempt(wanted.argv, wanted.env)
    except CannotRun as trouble:
        return core.cannot_run(trouble.reason.encode())
    ended = attempt.ended
    return core.attempt_ended(attempt.pid, ended.code, ended.signal, signalled=attempt.signalled)
