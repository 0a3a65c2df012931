"""A scenario as it stands in its .talk file: header, sections and the lines of the talk.

Only what was written, nothing interpreted: the writer gives the file back from it. What the lines
mean is beats.py's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, NamedTuple

HEADER_KEYS: Final = (
    "title",
    "rules",
    "level",
    "why",
    "run",
    "as",
    "users",
    "env",
    "inherit",
    "fault",
    "needs",
    "vary",
    "each",
    "slow",
    "draft",
)
REPEATED: Final = frozenset({"users", "env", "inherit", "fault", "each", "why"})
LEVELS: Final = ("must", "should", "info")
VARIATIONS: Final = ("cuts", "merge", "schedule", "slow", "eintr", "faults")

CLIENT: Final = ("C", "S", "CT", "ST")
INNER: Final = ("c", "s")
SENDING: Final = ("C", "CT", "s")
EXPECTING: Final = ("S", "ST", "c", "fd3", "E")
GUTTERS: Final = ("C", "S", "CT", "ST", "c", "s", "fd3", "E")
DECISIONS: Final = frozenset({"exit", "signal", "hang", "exec"})
"""What K! lines say of the end of a call of checkpassword."""
EVENT_GUTTERS: Final = ("C", "S", "CT", "ST", "c", "s", "K", "T", "A")


class Entry(NamedTuple):
    """A header line: `key: value`; a comment has the key "#", an empty line the key "".

    The value of a comment is the line with its indentation.
    """

    key: str
    value: str
    line: int


class Alternative(NamedTuple):
    """` |: text` (kind "non-strict") or ` |info: text` (kind "info") for the line above."""

    kind: str
    text: str
    line: int


class Say(NamedTuple):
    """`gutter: text`, bytes; `text` is octets.py's notation."""

    gutter: str
    text: str
    line: int
    alternatives: tuple[Alternative, ...] = ()


class Happen(NamedTuple):
    """`gutter! words`, not bytes."""

    gutter: str
    words: str
    line: int


class Mark(NamedTuple):
    """`+5s`: silence on the next line's stream, then that line at once.

    `column` is the column of the table that the number comes from; with it `seconds` is not known yet.
    """

    seconds: float
    line: int
    column: str = ""


def in_full(seconds: float) -> str:
    """Return a number of seconds as the format has it: 1200 or 0.1, never 1e-07."""
    exact = Decimal(int(seconds)) if seconds.is_integer() else Decimal(repr(seconds))
    return f"{exact:f}"


class Note(NamedTuple):
    """`# [RULE ...] words`: the rules of the lines up to the next empty line; `ordered` as in 1.5.

    A rule may be the {column} of a table until its row is filled in.
    """

    text: str
    rules: tuple[str, ...]
    ordered: bool
    line: int


class Gap(NamedTuple):
    """An empty line."""

    line: int


Step = Say | Happen | Mark | Note | Gap


class Section(NamedTuple):
    """`-- name --` and the lines below it, without their line feeds."""

    name: str
    lines: tuple[str, ...]
    line: int

    @property
    def is_received(self) -> bool:
        """Whether it tells all that somebody got (received.py)."""
        return self.name.endswith(" received")


@dataclass(frozen=True)
class Talk:
    """One .talk file. `file` is the path that messages name, `name` the scenario's name."""

    name: str
    file: str
    header: tuple[Entry, ...]
    sections: tuple[Section, ...]
    steps: tuple[Step, ...]
    row: Mapping[str, str] = field(default_factory=dict)
    """The columns of the row that this is, when the scenario has a table (`cases.py`)."""

    def all(self, key: str) -> list[str]:
        """Return the values of a header key, in order."""
        return [entry.value for entry in self.header if entry.key == key]

    def one(self, key: str, default: str = "") -> str:
        """Return the value of a header key that may stand once."""
        return next((entry.value for entry in self.header if entry.key == key), default)

    def words(self, key: str) -> list[str]:
        """Return the words of all values of a header key."""
        return [word for value in self.all(key) for word in value.split()]

    def section(self, name: str) -> Section | None:
        """Return a section by its name, an "octets" section too."""
        return next((s for s in self.sections if s.name in (name, f"{name} octets")), None)

    @property
    def rules(self) -> tuple[str, ...]:
        """The rule ids of the header."""
        return tuple(self.words("rules"))

    @property
    def level(self) -> str:
        """must, should or info."""
        return self.one("level", "must")

    @property
    def needs(self) -> dict[str, str]:
        """What a target must have: `root`, `generation=reup` as {"root": "", "generation": "reup"}."""
        pairs = (word.partition("=") for word in " ".join(self.all("needs")).replace(",", " ").split())
        return {key: value for key, _, value in pairs}

    @property
    def vary(self) -> tuple[str, ...]:
        """The kinds of variation that must not change the transcript."""
        written = self.all("vary")
        kinds = tuple(" ".join(written).replace(",", " ").split())
        return tuple(kind for kind in kinds if kind != "none") if written else VARIATIONS
