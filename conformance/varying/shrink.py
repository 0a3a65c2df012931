r"""Makes a failing scenario smaller, as long as it fails in the same way.

Delta debugging over the cuts of the variation, the talk's lines (whole exchanges first), packet edges, header
entries, control files and their lines. What is left of the cuts stands in the text as `\|`. The same
scenario, variation and answers give the same result.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeVar

from conformance.format.talk import Talk
from conformance.format.talk_parser import TalkError, parse
from conformance.playing.beats import understand
from conformance.varying.document import Document, Lines, Part, exchanges, single_lines
from conformance.varying.merging import mergeable
from conformance.varying.variations import BASE, Variation, cuts_at, explicit_cuts
from conformance.varying.written import without_edges, write_in

Fails = Callable[[Talk, Variation], bool]
"""Says whether this scenario, under this variation, fails in the same way: rule and kind of verdict."""
T = TypeVar("T")

MOST_TRIES: Final = 2000
_KEPT: Final = ("title:", "rules:", "level:", "run:", "needs:", "draft:")


class Shrunk(NamedTuple):
    """The result; `variation` is what the text has no words for (a schedule ...), otherwise the base."""

    talk: Talk
    variation: Variation
    tries: int


class CannotReproduce(Exception):
    """The scenario does not fail under this variation, or not when the variation stands in its text."""


def shrink(talk: Talk, variation: Variation, fails: Fails, most_tries: int = MOST_TRIES) -> Shrunk:
    """Return the smallest scenario found that still fails. Raises CannotReproduce, VariationError."""
    shrinker = _Shrinker(talk, fails, most_tries)
    if not shrinker.attempt(talk, variation):
        raise CannotReproduce(f"{talk.name}: it does not fail under {variation}")
    written, rest = shrinker.without_variation(talk, variation)
    document = shrinker.smallest(Document.of(written), rest)
    return Shrunk(shrinker.parsed(document), rest, shrinker.tries)


def minimise(items: Sequence[T], fails: Callable[[Sequence[T]], bool]) -> list[T]:
    """Return items of which no single one can be left out (ddmin, complements only, order kept)."""
    kept = list(items)
    size = len(kept)
    while size >= 1 and kept:
        start, smaller = 0, False
        while start < len(kept):
            without = kept[:start] + kept[start + size :]
            if fails(without):
                kept, smaller = without, True
            else:
                start += size
        if size == 1 and not smaller:
            break
        size = size if smaller and size == 1 else max(size // 2, 1)
    return kept


class _Shrinker:
    """Counts the tries, and never asks the same question twice."""

    def __init__(self, talk: Talk, fails: Fails, most_tries: int) -> None:
        self.tries = 0
        self._talk = talk
        self._fails = fails
        self._most_tries = most_tries
        self._answers: dict[tuple[str, Variation], bool] = {}

    def parsed(self, document: Document) -> Talk:
        """Raises TalkError when the text is no scenario."""
        return parse(document.text, name=self._talk.name, file=self._talk.file)

    def attempt(self, talk: Talk, variation: Variation) -> bool:
        """Say whether it fails; without a try left nothing does."""
        if self.tries >= self._most_tries:
            return False
        self.tries += 1
        return self._fails(talk, variation)

    def fails(self, document: Document, variation: Variation) -> bool:
        """Say whether this document is a scenario, and fails."""
        question = document.text, variation
        if question not in self._answers:
            try:
                talk = self.parsed(document)
                understand(talk)
            except TalkError:
                self._answers[question] = False
            else:
                self._answers[question] = self.attempt(talk, variation)
        return self._answers[question]

    def without_variation(self, talk: Talk, variation: Variation) -> tuple[Talk, Variation]:
        """Return the scenario with as little of the variation as will do, written into its text."""
        if variation == BASE or self.attempt(talk, BASE):
            return talk, BASE
        if variation.kind in ("bytes", "cuts", "multi"):
            cuts = minimise(
                explicit_cuts(variation, understand(talk)),
                lambda some: bool(some) and self.attempt(talk, cuts_at(some)),
            )
            variation = cuts_at(cuts)
        elif variation.kind == "merge" and variation.number == 0:
            lines = (Variation("merge", number=line) for line in mergeable(understand(talk)))
            variation = next((one for one in lines if self.attempt(talk, one)), variation)
        elif variation.kind != "merge":
            return talk, variation
        written = write_in(talk, variation)
        if not self.attempt(written, BASE):
            if variation.kind == "merge":
                return talk, variation  # in the text, what comes of the merged packet comes too early
            raise CannotReproduce(f"{talk.name}: it does not fail with {variation} written into it")
        return written, BASE

    def smallest(self, document: Document, variation: Variation) -> Document:
        """Leave out what can be left out until nothing can, or the tries are used up."""
        before = None
        while before != document:
            before = document
            for group in (exchanges, single_lines):
                document = self._fewer_lines(document, "talk", group(document.lines("talk")), variation)
            document = self._fewer_received(document, variation)
            document = self._fewer_edges(document, variation)
            document = self._smaller_header(document, variation)
            document = self._smaller_files(document, variation)
        return document

    def _fewer_received(self, document: Document, variation: Variation) -> Document:
        """Leave out together what one side says and the other one must have received."""
        for group in (exchanges, single_lines):
            number = 0
            while number < len(groups := group(document.lines("talk"))):
                smaller = document.without_group(groups, number)
                if smaller is not None and self.fails(smaller, variation):
                    document = smaller
                else:
                    number += 1
        return document

    def _fewer_edges(self, document: Document, variation: Variation) -> Document:
        for number in range(len(document.lines("talk"))):
            while smaller := self._one_edge_less(document, number, variation):
                document = smaller
        return document

    def _one_edge_less(self, document: Document, number: int, variation: Variation) -> Document | None:
        lines = document.lines("talk")
        candidates = (
            document.with_lines("talk", [*lines[:number], line, *lines[number + 1 :]])
            for line in without_edges(lines[number])
        )
        return next((candidate for candidate in candidates if self.fails(candidate, variation)), None)

    def _smaller_header(self, document: Document, variation: Variation) -> Document:
        def with_entries(some: Sequence[str]) -> Document:
            left = list(some)
            header = []
            for line in document.header:
                if line in left:
                    left.remove(line)
                    header.append(line)
                elif line.startswith(_KEPT):
                    header.append(line)
            return Document(tuple(header), document.parts)

        entries = [line for line in document.header if not line.startswith(_KEPT)]
        return with_entries(minimise(entries, lambda some: self.fails(with_entries(some), variation)))

    def _smaller_files(self, document: Document, variation: Variation) -> Document:
        def with_parts(some: Sequence[Part]) -> Document:
            parts = tuple(part for part in document.parts if part.name == "talk" or part in some)
            return Document(document.header, parts)

        others = [part for part in document.parts if part.name != "talk"]
        document = with_parts(minimise(others, lambda some: self.fails(with_parts(some), variation)))
        for name in [part.name for part in document.parts if part.name != "talk"]:
            document = self._fewer_lines(
                document, name, [(line,) for line in document.lines(name)], variation
            )
        return document

    def _fewer_lines(
        self, document: Document, name: str, groups: Sequence[Lines], variation: Variation
    ) -> Document:
        def with_groups(some: Sequence[Lines]) -> Document:
            return document.with_lines(name, [line for group in some for line in group])

        return with_groups(minimise(groups, lambda some: self.fails(with_groups(some), variation)))
