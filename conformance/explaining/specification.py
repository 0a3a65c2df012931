"""Which rules of the specification stand behind a line that was seen: the scenarios tell.

A scenario line with a note says which rules it holds the programs to. A line that was seen is looked up
among these: the same bytes on the same lane, best in answer to the same thing and in the same surroundings.
Nothing is derived from the rules' own words, so a line that no scenario has gets no rule, or one of
which the reason says that it is not sure.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple, TypeVar

from conformance import rules
from conformance.explaining.quoting import WHOLE, Quotes
from conformance.explaining.wording import Wording, kind, plain, wordings
from conformance.format.octets import expression
from conformance.format.talk import Talk

T = TypeVar("T")
# Tried out by leaving each scenario out and looking for the rules of its own notes.
_SURROUNDINGS = frozenset({"BASE-6", "BASE-7", "BASE-8"})  # they hold whatever is said
_WIRES = ("S", "ST", "c", "fd3")
_SETTING = 6.0  # points if all of the setting is the same
_STORY = 12.0  # and all that was said before
_SHARP = 4  # how much more the nearest scenarios count
_HEADER = 0.1  # what a rule counts that only the header names


class Reason(NamedTuple):
    """A rule, its text, and the scenario line that holds the same against it.

    `sure`: the line is the same, byte for byte but for captures and the greeting, it came in answer to the
    same command, and no variable of the scenario's environment is missing here. Otherwise it is the nearest
    there is.
    """

    rule: str
    text: str
    case: str
    line: int
    sure: bool


class Around(NamedTuple):
    """What is known around a line that was seen.

    `cause`: what was sent last before it, a line or an event in the words of a talk (`C! eof`), None at the
    start. `request`: the client's command, where `cause` is the inner server's reply. `after`: seconds of
    silence before it. `setting`: see wording.setting(); `story`: see wording.told(). `greeting`: the name of
    control/*greeting.
    `speaker`: authup or fixsmtpio, where it is known.
    """

    cause: bytes | None = None
    request: bytes | None = None
    after: float = 0.0
    setting: frozenset[str] = frozenset()
    story: frozenset[bytes] = frozenset()
    greeting: bytes = b""
    speaker: str = ""


class Index:
    """The expected lines and events of a corpus, ready to be looked up."""

    def __init__(self, found: Iterable[Wording]) -> None:
        self._literal: dict[tuple[str, bytes], list[Wording]] = defaultdict(list)
        self._patterns: dict[str, list[Wording]] = defaultdict(list)
        self._alike: dict[tuple[str, bytes], list[Wording]] = defaultdict(list)
        self._holding: dict[str, list[Wording]] = defaultdict(list)
        for wording in found:
            for rule in wording.rules if wording.noted else ():
                self._holding[rule].append(wording)
            self._alike[wording.lane, kind(wording.lane, plain(wording.what))].append(wording)
            if wording.literal is None:
                self._patterns[wording.lane].append(wording)
            else:
                self._literal[wording.lane, wording.literal].append(wording)

    @classmethod
    def of(cls, cases: Sequence[Talk]) -> "Index":
        """Understand the cases and index what they expect. Raises TalkError."""
        return cls(wording for case in cases for wording in wordings(case))

    @cached_property
    def _catalogue(self) -> Mapping[str, rules.Rule]:
        return rules.read()

    def reasons(
        self,
        lane: str,
        line: bytes,
        *,
        cause: bytes | None,
        chain: Sequence[str],
        most: int = 3,
        around: Around | None = None,
        without: Collection[str] = (),
    ) -> list[Reason]:
        """Return the rules behind a line, the best first.

        `lane`: S ST c fd3 E, with the line and its ending; or S! ST! c! K! T!, with the words of an event.
        `without`: scenarios that do not count.
        """
        around = around or Around()
        around = around._replace(cause=cause, setting=around.setting | frozenset(programs(chain)))
        same = [found for found in self._same(lane, line, around.greeting) if found.scenario not in without]
        found = same or [
            wording
            for wording in self._alike.get((lane, kind(lane, line)), ())
            if wording.scenario not in without
        ]
        return self._ranked(found, (lane, named(line, around.greeting)), around, most, exact=bool(same))

    def _same(self, lane: str, line: bytes, greeting: bytes) -> list[Wording]:
        """Return the wordings that these bytes are."""
        found = list(self._literal.get((lane, line), ()))
        plain = named(line, greeting)
        if plain != line:
            found += self._literal.get((lane, plain), ())
        for what, those in self._compiled(lane):
            if what.fullmatch(line) or (plain != line and what.fullmatch(plain)):
                found += those
        return found

    def _compiled(self, lane: str) -> list[tuple[re.Pattern[bytes], list[Wording]]]:
        if lane not in self._expressions:
            alike: dict[object, list[Wording]] = defaultdict(list)
            for wording in self._patterns.get(lane, ()):
                alike[wording.what].append(wording)
            self._expressions[lane] = [(expression(those[0].what, {}), those) for those in alike.values()]
        return self._expressions[lane]

    @cached_property
    def _expressions(self) -> dict[str, list[tuple[re.Pattern[bytes], list[Wording]]]]:
        return {}

    @cached_property
    def _quotes(self) -> Quotes:
        return Quotes(self._catalogue)

    def _ranked(
        self, found: Iterable[Wording], seen: tuple[str, bytes], around: Around, most: int, *, exact: bool
    ) -> list[Reason]:
        """Return the rules with most points; each scenario counts once for a rule, with its best line."""
        lane, line = seen
        best: dict[str, dict[str, _Found]] = defaultdict(dict)
        for wording in found:
            alike = likeness(wording, around)
            for rule in wording.rules:
                points = alike**_SHARP * (1.0 if wording.noted else _HEADER) / len(wording.rules) ** 0.5
                known = best[rule].get(wording.scenario)
                if known is None or points > known.points:
                    best[rule][wording.scenario] = _Found(points, wording)
        asked = around.request or around.cause
        verb = kind("C", asked) if asked else b""
        points = {
            rule: _together(one.points for one in those.values())
            * (1.0 + self._quotes.points(rule, line, verb) / 2)
            * self._likely(rule, lane, around.speaker)
            for rule, those in best.items()
        }
        reasons = []
        for rule in sorted(points, key=lambda rule: (-points[rule], rule))[:most]:
            wording = max(best[rule].values(), key=lambda one: one.points).wording
            alike = exact and wording.noted and _variables(wording.setting) <= around.setting
            alike = alike and _same_cause(wording.causes, around.cause, wording.cause_kinds) > 0
            reasons.append(self._reason(rule, wording, sure=alike))
        return reasons

    def _likely(self, rule: str, lane: str, speaker: str) -> float:
        """Return how likely a rule is one about what a program says to the client or to the server."""
        other = {"authup": "FIX-", "fixsmtpio": "AUTHUP-"}.get(speaker)
        known = self._catalogue.get(rule)
        unlikely = (other and rule.startswith(other)) or (known and known.scope) or rule in _SURROUNDINGS
        unlikely = unlikely or (lane in _WIRES and "-LOG-" in rule)
        return 0.2 if unlikely else 1.0

    def quoted(self, line: bytes, asked: bytes | None, prefixes: tuple[str, ...]) -> list[str]:
        """Return the rules, of those with these prefixes, that quote a line whole or name its error.

        Of a rule that only names the error the verb that was `asked` must be there too.
        """
        verb = kind("C", asked) if asked else b""
        points = {
            rule: self._quotes.points(rule, line, verb)
            for rule in self._catalogue
            if rule.startswith(prefixes)
        }
        found = [rule for rule, point in points.items() if point >= WHOLE]
        return sorted(found, key=lambda rule: -points[rule])

    def example(self, rule: str, lane: str, around: Around, without: Collection[str] = ()) -> Reason | None:
        """Return the line that holds a rule in the most similar circumstances, on this lane if any."""
        held = [found for found in self._holding.get(rule, ()) if found.scenario not in without]
        if not held:
            return None
        nearest = max(held, key=lambda found: (found.lane == lane, likeness(found, around)))
        return self._reason(rule, nearest, sure=True)

    def _reason(self, rule: str, wording: Wording, *, sure: bool) -> Reason:
        text = self._catalogue[rule].text if rule in self._catalogue else ""
        return Reason(rule, text, wording.scenario, wording.line, sure)


def _variables(setting: frozenset[str]) -> frozenset[str]:
    """Return what a setting has of the environment: TLS, say, without which its rules say nothing here."""
    return frozenset(word for word in setting if word.endswith("="))


class _Found(NamedTuple):
    points: float
    wording: Wording


def _together(points: Iterable[float]) -> float:
    """Return what several scenarios say together: each further one counts less."""
    return sum(point / (number + 1) ** 2 for number, point in enumerate(sorted(points, reverse=True)))


def programs(chain: Sequence[str]) -> list[str]:
    """Return the words of a chain that a setting has."""
    return [word.lower() for word in chain if word.startswith("{") or word.lower() in ("smtp", "pop3")]


def named(line: bytes, greeting: bytes) -> bytes:
    """Return a line with the name that the scenarios use in place of our greeting."""
    return line.replace(greeting, b"mail.example.org") if greeting else line


def likeness(wording: Wording, around: Around) -> float:
    """Return how much of what is around a line is also around a scenario's line."""
    points = 1.0
    points += _same_cause(wording.causes, around.cause, wording.cause_kinds)
    if around.request is not None:
        points += _same_cause(wording.requests, around.request, wording.request_kinds)
    points += _SETTING * _shared(wording.setting, around.setting)
    points += _STORY * _shared(wording.story, around.story)
    return points + (0.5 if (wording.after > 0) == (around.after > 0) else -0.5)


def _shared(there: frozenset[T], here: frozenset[T]) -> float:
    return len(there & here) / (len(there | here) or 1)


def _same_cause(there: tuple[bytes, ...], here: bytes | None, kinds: frozenset[bytes]) -> float:
    if here is None:
        return 0.0 if there else 3.0
    if here in there:
        return 3.0
    return 1.5 if kind("C", here) in kinds else 0.0
