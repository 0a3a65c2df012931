"""Checkpassword and the TLS front end as the talk wants them played: plans made before the start."""

from collections.abc import Sequence
from typing import NamedTuple

from conformance.format import octets
from conformance.format.talk import DECISIONS, Talk
from conformance.playing.beats import Beat, Event, Expect
from conformance.playing.stage import Order, Puppet

DEFAULT_BLOCK = (b"SSL_PROTOCOL=TLSv1.3",)
DEFAULT_UID = 1001


class CallPlan(NamedTuple):
    """One call of checkpassword: whether its record is read, whether the talk decides its end."""

    unread: bool
    decided: bool


class FrontEndPlan(NamedTuple):
    """What the TLS front end does when it gets its order."""

    block: bytes
    refuse: bool
    hold: bool
    close: bool


class User(NamedTuple):
    """A line of the users table."""

    name: bytes
    password: bytes
    uid: int
    gid: int
    home: bytes
    shell: bytes


def call_plans(beats: Sequence[Beat]) -> list[CallPlan]:
    """Return a plan for each call that the talk lists."""
    plans: list[CallPlan] = []
    for beat in beats:
        if isinstance(beat, Expect) and beat.lane == "fd3":
            plans.append(CallPlan(unread=False, decided=False))
        elif isinstance(beat, Event) and beat.lane == "K":
            if beat.words[0] == "unread":
                plans.append(CallPlan(unread=True, decided=True))
            elif beat.words[0] in DECISIONS and plans:
                plans[-1] = plans[-1]._replace(decided=True)
    return plans


def front_end_plan(beats: Sequence[Beat]) -> FrontEndPlan:
    """Return what the T! lines ask for."""
    events = [beat.words for beat in beats if isinstance(beat, Event) and beat.lane == "T"]
    records = [octets.literal(octets.parse(" ".join(words[1:]))) for words in events if words[0] == "env"]
    block = b"".join(record + b"\0" for record in records or DEFAULT_BLOCK) + b"\0"
    said = {words[0] for words in events}
    return FrontEndPlan(block, "refuse" in said, "hold" in said, "close" in said)


def users(talk: Talk) -> dict[bytes, User]:
    """Return the users table of the header. Raises ValueError."""
    found = {}
    for line in talk.all("users"):
        name, password, *rest = (octets.literal(octets.parse(word)) for word in line.split())
        given = {key: value for key, _, value in (word.partition(b"=") for word in rest)}
        uid = int(given.get(b"uid", DEFAULT_UID))
        found[name] = User(
            name,
            password,
            uid,
            int(given.get(b"gid", uid)),
            given.get(b"home", b"/"),
            given.get(b"shell", b"/bin/sh"),
        )
    return found


class Calls:
    """The calls of checkpassword in one run, and what the users table says to each."""

    def __init__(self, talk: Talk, plans: Sequence[CallPlan]) -> None:
        self.puppets: list[Puppet] = []
        self.current = -1
        """The call that the talk's last fd3: or K! unread line was about."""
        self.by_hand = False
        """Whether somebody else decides, and not the users table."""
        self._users = users(talk)
        self._plans = plans

    @property
    def coming(self) -> int:
        """The call that the talk's next fd3: or K! unread line is about."""
        return self.current + 1

    def next(self) -> int:
        """Move on to the next call; return its number."""
        self.current += 1
        return self.current

    def arrive(self, puppet: Puppet) -> bool:
        """Note a call; say whether its record is to be read."""
        self.puppets.append(puppet)
        number = len(self.puppets) - 1
        return number >= len(self._plans) or not self._plans[number].unread

    def is_automatic(self, puppet: Puppet) -> bool:
        """Say whether the users table decides."""
        number = self.puppets.index(puppet)
        return not self.by_hand and (number >= len(self._plans) or not self._plans[number].decided)

    def admit(self, user: User) -> None:
        """Put a user into the table."""
        self._users[user.name] = user

    def unlisted(self) -> list[Puppet]:
        """Return the calls that the talk does not list."""
        return self.puppets[len(self._plans) :]

    def verdict(self, puppet: Puppet) -> Order:
        """Do as checkpassword (CPW-2 to CPW-4): exit 2 or 1, or become the user and run the rest."""
        fields = bytes(puppet.input.data).split(b"\0")
        program = puppet.program
        if len(fields) < 3 or len(program.argv) < 2:
            return Order("exit", 2)
        user = self._users.get(fields[0])
        if user is None or not fields[1] or fields[1] != user.password:
            return Order("exit", 1)
        env = {**(program.env or {}), b"USER": user.name, b"HOME": user.home, b"SHELL": user.shell}
        own = program.uid in (None, user.uid)
        uid, gid = (None, None) if own and user.uid != 0 else (user.uid, user.gid)
        return Order("exec", 0, program.argv[1:], env, uid, gid, user.home)
