"""What there is to report: the facts of one or several runs, as the JSON lines carry them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Self

from conformance.format import octets, received
from conformance.format.octets import NotationError
from conformance.format.talk import Talk
from conformance.playing.beats import Send, is_expected, understand
from conformance.playing.verdicts import Result

PROTOCOLS = {"smtp": "SMTP", "pop3": "POP3", "tls": "TLS"}
MOST_BYTES = 2000
"""How many bytes of one sent line are kept for the heat map."""


class Rule(NamedTuple):
    """A rule of the specification."""

    id: str
    title: str = ""
    level: str = "must"
    text: str = ""
    section: str = ""
    scope: str = ""
    """Whom it binds, when that is not the tested programs; then no scenario can cover it."""


class Fixed(NamedTuple):
    """A known deviation that no run of its cases showed, though there was one: see `conformance.known`."""

    target: str
    scenario: str
    rule: str
    where: str
    why: str

    @property
    def words(self) -> str:
        """Say which one it was."""
        return f"no longer as known: {self.scenario} ({self.rule}): {self.where}"


class Killer(NamedTuple):
    """A case that noticed a seeded bug, and on which line of it."""

    case: str
    line: int
    verdict: str = "FAIL"


class SeededBug(NamedTuple):
    """A bug that was put into a target on purpose, and who noticed."""

    id: str
    rule: str
    file: str
    change: str
    killers: tuple[Killer, ...] = ()
    asked: tuple[str, ...] = ()
    """The cases that were run against it."""
    why: str = ""

    @property
    def survived(self) -> bool:
        """Whether nobody noticed."""
        return not self.killers


@dataclass(frozen=True)
class Session:
    """What is known when a run starts."""

    seed: int
    targets: Mapping[str, Mapping[str, Any]]
    """Name to facts worth printing: kind, clock, generation, versions, observes, early, late ..."""
    command: tuple[str, ...] = ()
    """What repeats this run, word by word as a shell takes it."""
    host: Mapping[str, Any] = field(default_factory=dict)
    when: str = ""
    """ISO 8601, with the offset from UTC."""
    version: str = ""
    """Of the suite."""
    spec: str = ""
    """Of the specification."""


@dataclass(frozen=True)
class Outcome:
    """What is known at the end of a run. `exit` is 130 for a run that was interrupted."""

    exit: int
    wall: float = 0.0
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Why to how many: what was not run."""


@dataclass(frozen=True)
class Case:
    """A case as the reports need it."""

    name: str
    file: str
    text: str
    """As it was played: the lines of its file, the columns of its table filled in."""
    title: str = ""
    level: str = "must"
    group: str = ""
    rules: tuple[str, ...] = ()
    why: tuple[str, ...] = ()
    asserted: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Rule to the lines that hold something against it."""
    sent: Mapping[int, bytes] = field(default_factory=dict)
    """Line to the bytes that we send for it, where they are known beforehand."""

    @property
    def scenario(self) -> str:
        """The scenario that it is a row of."""
        return self.name.partition("#")[0]

    @property
    def lines(self) -> list[str]:
        """The lines of its text; the first one is number 1."""
        return self.text.split("\n")

    @classmethod
    def of(cls, talk: Talk) -> Self:
        """Describe a case. Raises TalkError."""
        beats = understand(talk).beats
        asserted: dict[str, tuple[int, ...]] = {}
        sent: dict[int, bytes] = {}
        for beat in beats:
            if isinstance(beat, Send):
                sent |= _sent(beat)
            elif is_expected(beat):
                for rule in beat.rules:
                    asserted[rule] = (*asserted.get(rule, ()), beat.line)
        for section in received.sections(talk):
            for line in section.lines:
                for rule in line.rules:
                    asserted[rule] = (*asserted.get(rule, ()), line.line)
        return cls(
            name=talk.name,
            file=_near(talk.file),
            text=_text(talk),
            title=talk.one("title"),
            level=talk.level,
            group=_group(talk),
            rules=talk.rules,
            why=tuple(talk.all("why")),
            asserted=asserted,
            sent=sent,
        )


@dataclass
class Report:
    """Everything that is known of one or several runs."""

    sessions: list[Session] = field(default_factory=list)
    cases: dict[str, Case] = field(default_factory=dict)
    rules: dict[str, Rule] = field(default_factory=dict)
    results: list[Result] = field(default_factory=list)
    bugs: list[SeededBug] = field(default_factory=list)
    fixed: list[Fixed] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def targets(self) -> list[str]:
        """The names of all targets, in the order in which they were given."""
        named = [name for session in self.sessions for name in session.targets]
        return list(dict.fromkeys([*named, *(result.target for result in self.results)]))

    def replay_options(self, target: str) -> str:
        """Return what stands behind a token of a target for it to run as it ran: "" or " --clock X"."""
        facts = [session.targets[target] for session in self.sessions if target in session.targets]
        clock = facts[-1].get("clock_asked") if facts else None
        return f" --clock {clock}" if clock else ""

    @property
    def left_out(self) -> dict[str, int]:
        """Why to how many: what was not run."""
        total: dict[str, int] = {}
        for outcome in self.outcomes:
            for why, count in outcome.left_out.items():
                total[why] = total.get(why, 0) + count
        return total

    @property
    def exit(self) -> int:
        """The exit code: the most serious one of the runs; of a run without an end, 130."""
        codes = [outcome.exit for outcome in self.outcomes]
        codes += [130] * (len(self.sessions) - len(self.outcomes))
        return max(codes, key=lambda code: _SERIOUS.index(code) if code in _SERIOUS else 99, default=4)

    @property
    def wall(self) -> float:
        """The seconds that it all took."""
        return sum(outcome.wall for outcome in self.outcomes)

    def case(self, name: str) -> Case:
        """Return a case, an empty one where nothing is known but its name."""
        return self.cases.get(name) or Case(name, "", "", group=_directory(name))


_SERIOUS = (0, 5, 4, 1, 3, 2, 130)


def _text(talk: Talk) -> str:
    """Return the lines of a case where they stand in its file."""
    lines: dict[int, str] = {}
    for entry in talk.header:
        if entry.key:
            lines[entry.line] = entry.value if entry.key == "#" else f"{entry.key}: {entry.value}"
    for section in talk.sections:
        lines[section.line] = f"-- {section.name} --"
        lines |= dict(enumerate(section.lines, section.line + 1))
    return "\n".join(lines.get(number, "") for number in range(1, max(lines, default=0) + 1))


def _sent(beat: Send) -> dict[int, bytes]:
    try:
        data = octets.literal(beat.what)
    except NotationError:
        return {}
    sent, start = {}, 0
    for line, length in beat.lines:
        sent[line] = data[start : start + min(length, MOST_BYTES)]
        start += length
    return sent


def _group(talk: Talk) -> str:
    """Return the program that a case is about, with the protocol where it has one."""
    chain = talk.one("run").replace("{", " ").replace("}", " ").split()
    programs = [word for word in chain if word in ("authup", "fixsmtpio", "checknotroot", "reup")]
    if "/" in talk.name:
        return _directory(talk.name)
    if "authup" in chain:
        after = chain[chain.index("authup") + 1 :]
        protocol = next((PROTOCOLS[word.lower()] for word in after if word.lower() in PROTOCOLS), "")
        return f"authup · {protocol}" if protocol else "authup"
    return programs[0] if programs else "other"


def _directory(name: str) -> str:
    words = [word for part in name.split("/")[:-1] for word in part.split("-")]
    return " · ".join(PROTOCOLS.get(word, word) for word in words) or "other"


def _near(file: str) -> str:
    """Return a path as seen from here, where that is shorter."""
    path = Path(file)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else file
