"""How a program ends that never had a session."""

from acceptutils.actions import Action, Exit, Log
from acceptutils.runtime.world import Launcher


def last_words(world: Launcher, actions: list[Action]) -> int:
    """Write the log lines among the actions; return the exit code that one of them names."""
    for action in actions:
        if isinstance(action, Log):
            world.log(action.line)
    return next(action.code for action in actions if isinstance(action, Exit))
