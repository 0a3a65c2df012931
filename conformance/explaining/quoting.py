"""What a rule's own words have of a line: the replies that it quotes, the errors and verbs that it names."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from acceptutils.authup_errors import ERRORS
from acceptutils.lines import without_ending
from conformance import rules

_QUOTED = re.compile("`([^`]{3,})`")
_NAMED = re.compile(r"\*([a-z]+)\*")
_WORD = re.compile(r"\b[A-Z][A-Z0-9]{3,}\b")
_PLACES = re.compile(r"\\\.\\\.\\\.|\b(?:GREETING|USER|PID|TIME|CHILD|NAME|CODE|IP|REASON|REQUEST|N|n|max)\b")
WHOLE = 3.0
_PART = 1.0
_ERROR = 2.0
_VERB = 1.0


class _Words(NamedTuple):
    quotes: tuple[re.Pattern[bytes], ...]
    errors: frozenset[bytes]
    verbs: frozenset[bytes]


class Quotes:
    """The catalogue of rules, with what each one's text quotes and names."""

    def __init__(self, catalogue: Mapping[str, rules.Rule]) -> None:
        self._words = {rule.id: _understood(f"{rule.title} {rule.text}") for rule in catalogue.values()}
        self.points = lru_cache(maxsize=65536)(self._points)

    def _points(self, rule: str, line: bytes, verb: bytes) -> float:
        """Return how much of a line, and of the verb of what it answers, stands in a rule's text."""
        words = self._words.get(rule)
        if words is None:
            return 0.0
        bare = without_ending(line)
        points = _VERB if verb in words.verbs else 0.0
        if bare in words.errors:
            points += _ERROR
        return points + max((_part(quote, bare) for quote in words.quotes), default=0.0)


def _part(quote: re.Pattern[bytes], line: bytes) -> float:
    found = quote.search(line)
    if found is None:
        return 0.0
    share = len(found[0]) / (len(line) or 1)
    return WHOLE if share > 0.9 else _PART * (0.5 + share)


def _understood(text: str) -> _Words:
    return _Words(
        tuple(_expressions(_QUOTED.findall(text))),
        frozenset(line for name in _NAMED.findall(text) for line in ERRORS.get(name, ()) if line),
        frozenset(word.encode() for word in _WORD.findall(text)),
    )


def _expressions(quotes: Iterable[str]) -> Iterable[re.Pattern[bytes]]:
    for quote in quotes:
        source = _PLACES.sub(".*", re.escape(quote))
        if re.search("[A-Za-z0-9]{2}", source):
            yield re.compile(source.encode(), re.DOTALL)
