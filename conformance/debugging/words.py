"""All commands of the debugger, by name."""

from collections.abc import Mapping
from typing import Final

from conformance.debugging import (
    commands_keeping,
    commands_looking,
    commands_moving,
    commands_playing,
    commands_sending,
    commands_time,
)
from conformance.debugging.table import Command

COMMANDS: Final[Mapping[str, Command]] = {
    command.name: command
    for module in (
        commands_sending,
        commands_time,
        commands_playing,
        commands_looking,
        commands_moving,
        commands_keeping,
    )
    for command in module.COMMANDS
}
