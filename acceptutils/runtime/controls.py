"""Control files that both drivers read."""

from acceptutils import control
from acceptutils.runtime.world import CannotReadControl, World

DEFAULT_TIMEOUT = 1200


def read_greeting(world: World, protocol: str) -> bytes:
    """Return the name to greet with (CTL-4). Raises CannotReadControl."""
    own = world.read_control(f"{protocol}greeting")
    greeting = control.greeting(own, world.read_control("me") if own is None else None)
    if greeting is None:
        raise CannotReadControl("control/me", "No such file or directory")
    return greeting


def read_seconds(world: World, name: str, default: int) -> int:
    """Return the number in a control file (CTL-5). Raises CannotReadControl."""
    return control.seconds(world.read_control(name), default)
