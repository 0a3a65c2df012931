"""What was done in a life of a chain, step by step, so that it can be done again."""

from typing import Literal, NamedTuple

from conformance.playing.beats import Beat, Event, Send

Player = Literal["inner", "checkpassword", "tls"]
PLAYERS: tuple[Player, ...] = ("inner", "checkpassword", "tls")


class Act(NamedTuple):
    """Something typed: bytes that we send, or an event of ours."""

    beat: Send | Event


class Play(NamedTuple):
    """The next beat of the loaded scenario."""

    beat: Beat


class Wait(NamedTuple):
    """Time passes: so many seconds, or less if `until_something` happens before."""

    seconds: float
    until_something: bool = False


class Hands(NamedTuple):
    """Who plays somebody from now on: we, by hand, or the debugger."""

    who: Player
    by_hand: bool


Step = Act | Play | Wait | Hands


class Anew(NamedTuple):
    """What a command says that wants a new life: these steps are done first.

    `seen` has what each of them led to before, as Record.lanes() has it, to be held against; None if the
    outcome may differ.
    """

    steps: tuple[Step, ...] = ()
    seen: tuple[dict[str, bytes], ...] | None = None
    words: str = ""
