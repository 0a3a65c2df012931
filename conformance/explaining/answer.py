"""A reply, and where it comes from."""

from typing import NamedTuple

from conformance.explaining.filtering import Applied


class Answer(NamedTuple):
    """One reply, or what stands in place of one (then `sent` is empty).

    `lane`: S or ST. `speaker`: authup, fixsmtpio, or the program behind. `cause`: the client's line that it
    answers, None where nobody asked. `event`: fixsmtpio's, None where no rule has one. `heard`: what the
    server said. `applied`: what the rules did. `words`: what else there is to say, and `rule`, that of the
    specification behind it. `sure`: the session was replayed with our programs and this came out.
    """

    lane: str
    speaker: str
    sent: bytes
    cause: bytes | None = None
    event: bytes | None = None
    heard: bytes = b""
    applied: tuple[Applied, ...] = ()
    words: str = ""
    rule: str = ""
    sure: bool = True
