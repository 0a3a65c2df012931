"""Cases that are asked for with a variation.

CASE~cuts=24:3   this variation, nothing else
CASE~cuts        as with `--vary cuts`: the base run and all of that kind (a word of `vary:`)
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from conformance import selection
from conformance.format.talk import VARIATIONS, Talk
from conformance.playing.beats import understand
from conformance.varying import variations as varying
from conformance.varying.variation_plan import Asked, Level
from conformance.varying.variations import WORDS, VariationError


def split(word: str) -> tuple[str, str | None]:
    """Part an argument into the cases and the variation, if there is one; a file of that name is a file."""
    cases, tilde, variation = word.rpartition("~")
    if not tilde or not cases or Path(word.partition("#")[0]).exists():
        return word, None
    return cases, variation


def variations(
    words: Sequence[tuple[str, str | None]], level: Level, failed: Iterable[str] = ()
) -> dict[str, Asked]:
    """Return what is played of each case in these words, parted by split(); {}: all have the level.

    A case that stands there with a variation and without one has both.
    Raises VariationError, also for a place that a case does not have; NothingMatchedError, TalkError.
    """
    if all(text is None for _, text in words):
        return {}
    found: dict[str, list[Level | varying.Variation]] = {}
    for word, text in words:
        wanted = level if text is None else _understood(word, text)
        for case in selection.select([word], failed):
            if isinstance(wanted, varying.Variation):
                _demand(wanted, case)
            found.setdefault(case.name, []).append(wanted)
    return {name: _asked(wanted) for name, wanted in found.items()}


def _demand(variation: varying.Variation, case: Talk) -> None:
    """Raise VariationError if a case does not have a variation."""
    try:
        varying.apply(variation, understand(case))
    except VariationError as error:
        raise VariationError(f"{case.name}~{error}") from None


def _understood(word: str, text: str) -> Level | varying.Variation:
    """Return the variation that a text names, or those of a kind as a level. Raises VariationError."""
    if text in VARIATIONS:
        return frozenset({text})
    if text.partition("=")[0] not in WORDS:
        some, kinds = "base, bytes, cuts=LINE:OFFSET", " ".join(VARIATIONS)
        raise VariationError(f"{word}~{text}: expected a variation such as {some}, or a kind: {kinds}")
    return varying.parse(text)


def _asked(wanted: Sequence[Level | varying.Variation]) -> Asked:
    """Put together what was asked for of one case; the base comes last: its failure ends the case."""
    alone = {one for one in wanted if isinstance(one, varying.Variation)}
    levels = [one for one in wanted if not isinstance(one, varying.Variation)]
    words = frozenset(word for level in levels if not isinstance(level, str) for word in level)
    if "full" in levels:
        merged: tuple[Level, ...] = ("full",)
    else:
        merged = (*(("quick",) if "quick" in levels else ()), *((words,) if words else ()))
    if levels and not merged:
        merged = ("none",)
    return Asked(merged, tuple(sorted(alone, key=lambda one: (one == varying.BASE, one))))
