"""Which lines globs match, decided for all lines at once instead of tried on some.

A glob is a small automaton: its state is the set of places in the pattern that have been reached, kept as
the bits of a number. Questions such as "does this one match whatever that one matches?" are a search
through the states of several globs side by side, over well-formed reply lines, for a line that proves the
contrary. The shortest one is the answer, so people can be shown an example.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from acceptutils.glob import elements

# What an example is made of, if possible: of equal bytes the first one of these is taken.
_NICE: Final = b"xkotan0123456789 -" + bytes(range(0x21, 0x7F)) + bytes(range(256))
_DIGITS: Final = frozenset(b"0123456789")
_MARKS: Final = frozenset(b" -")
_ANY: Final = frozenset(range(256)) - frozenset(b"\r\n")
# A reply line without its CR LF: what may come next, and the state that it leads to; 3 and 4 may end it.
_FORM: Final = {0: (_DIGITS, 1), 1: (_DIGITS, 2), 2: (_DIGITS, 3), 3: (_MARKS, 4), 4: (_ANY, 4)}
_FORM_ENDS: Final = {3, 4}
_State = tuple[int, tuple[int, ...]]


class Match(NamedTuple):
    """Whether a glob matches a line without its CR LF, and with it (FIX-RESP-3)."""

    bare: bool
    whole: bool

    @property
    def either(self) -> bool:
        """Whether a rule with this glob is for the line."""
        return self.bare or self.whole


class TooComplicated(Exception):
    """The search has taken more steps than it may."""


class Budget:
    """How many steps searches may take together: a file by somebody hostile must not keep us busy."""

    def __init__(self, steps: int) -> None:
        self._left = steps

    def spend(self, steps: int) -> None:
        """Take note of so many steps. Raises TooComplicated."""
        self._left -= steps
        if self._left < 0:
            raise TooComplicated


class Automaton:
    """A glob that takes one byte after the other; bit N of a state: the first N elements have matched."""

    def __init__(self, pattern: bytes) -> None:
        found = elements(pattern)
        parts = [
            part for place, part in enumerate(found) if part is not None or found[place - 1 : place] != [None]
        ]
        self._stars = sum(1 << place for place, part in enumerate(parts) if part is None)
        self._takes = [0] * 256
        for place, part in enumerate(parts):
            for byte in part or ():
                self._takes[byte] |= 1 << place
        self._end = 1 << len(parts)
        self.start = self._with_stars(1)
        self.size = len(parts) // 64 + 1
        """How expensive a step is, roughly."""

    def after(self, state: int, byte: int) -> int:
        """Return the state behind one more byte."""
        return self._with_stars((state & self._takes[byte]) << 1 | state & self._stars)

    def match(self, state: int) -> Match:
        """Say whether a line that ends in this state matches."""
        with_ending = self.after(self.after(state, 0x0D), 0x0A)
        return Match(bool(state & self._end), bool(with_ending & self._end))

    def kind(self, byte: int) -> int:
        """Return a number that is the same for bytes that make no difference."""
        return self._takes[byte]

    def _with_stars(self, state: int) -> int:
        return state | (state & self._stars) << 1  # no two stars stand side by side


def find(
    patterns: Sequence[bytes], wanted: Callable[[Sequence[Match]], bool], budget: Budget
) -> bytes | None:
    """Return the shortest well-formed reply line, without CR LF, whose matches are as `wanted`.

    None if there is no such line. `wanted` gets what each pattern makes of a line. Raises TooComplicated.
    """
    automata = [Automaton(pattern) for pattern in patterns]
    cost = sum(automaton.size for automaton in automata)
    alphabet = _alphabet(automata)
    start = (0, tuple(automaton.start for automaton in automata))
    came_from: dict[_State, tuple[_State, int] | None] = {start: None}
    waiting = deque([start])
    while waiting:
        here = waiting.popleft()
        form, states = here
        if form in _FORM_ENDS:
            matches = [automaton.match(state) for automaton, state in zip(automata, states, strict=True)]
            if wanted(matches):
                return _spelled(here, came_from)
        allowed, form = _FORM[form]
        bytes_here = [byte for byte in alphabet if byte in allowed]
        budget.spend(cost * len(bytes_here))
        for byte in bytes_here:
            states_there = (a.after(state, byte) for a, state in zip(automata, states, strict=True))
            there = (form, tuple(states_there))
            if there not in came_from:
                came_from[there] = (here, byte)
                waiting.append(there)
    return None


def _alphabet(automata: Sequence[Automaton]) -> list[int]:
    """Return one byte, the nicest, of each sort that somebody tells from others."""
    sorts: dict[tuple[object, ...], int] = {}
    for byte in _NICE:
        sort = (
            byte in _DIGITS,
            byte in _MARKS,
            byte in _ANY,
            *(automaton.kind(byte) for automaton in automata),
        )
        sorts.setdefault(sort, byte)
    return list(sorts.values())


def _spelled(end: _State, came_from: dict[_State, tuple[_State, int] | None]) -> bytes:
    line = bytearray()
    while (step := came_from[end]) is not None:
        end, byte = step
        line.append(byte)
    return bytes(reversed(line))


def example(pattern: bytes, budget: Budget, *, among: bytes = b"*") -> bytes | None:
    """Return a line that a rule with this glob is for, and that also fits `among` without its CR LF."""
    return find([pattern, among], lambda m: m[0].either and m[1].bare, budget)


def common(one: bytes, other: bytes, budget: Budget, *, among: bytes = b"*") -> bytes | None:
    """Return a line that both globs match, and that fits `among`; None if there is none."""
    return find([one, other, among], lambda m: m[0].either and m[1].either and m[2].bare, budget)


def outside(one: bytes, other: bytes, budget: Budget) -> bytes | None:
    """Return a line that `one` matches and `other` does not; None if `other` matches whatever `one` does."""
    return find([one, other], lambda m: m[0].either and not m[1].either, budget)


def only_by_its_ending(pattern: bytes, budget: Budget) -> bytes | None:
    """Return a line that the glob matches only because of its CR LF; None if there is none."""
    return find([pattern], lambda m: m[0].whole and not m[0].bare, budget)
