"""One session as it was seen, whoever has seen it: the debugger, a log, the suite itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from conformance.playing.stage import Process
from conformance.playing.verdicts import Moment


@dataclass(frozen=True)
class Recording:
    """One session as it was seen.

    `moments` are in the order of time: a packet that we sent (lanes C CT s), a piece that came (S ST c fd3 E
    T), or, with `what`, an event in the words of a talk. A "proc" moment `start PID NAME` tells that a
    program that we play was started.
    """

    chain: tuple[str, ...]
    """The words of `run`, replaceable programs in braces."""
    moments: tuple[Moment, ...]
    processes: tuple[Process, ...] = ()
    """For -- processes --; empty when it is not known who ran."""
    uid: int = 0
    users: tuple[str, ...] = ()
    """`users:` lines of the header."""
    env: tuple[str, ...] = ()
    """`env:` lines of the header."""
    inherit: tuple[str, ...] = ()
    fault: tuple[str, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Paths below the qmail home to bytes."""
    origin: str = ""
    """Where it comes from, for the `why:` line."""
    exact: bool = True
    """Whether times are those of a virtual clock."""
    still: str = ""
    """Where nothing may follow at once, S or ST: the client was there and waited; "" if not known."""
    comments: tuple[str, ...] = ()
    """What a reader of the header should know, one line each."""
