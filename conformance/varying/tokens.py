"""Replay tokens: `case@target:variation`, all that is needed to run the same thing again."""

from typing import NamedTuple

from conformance.varying.variations import Variation, VariationError, parse


class TokenError(ValueError):
    """A text that is no replay token; the message says what was expected."""


class Token(NamedTuple):
    """One run: str() gives what `conform replay` takes."""

    case: str
    target: str
    variation: Variation

    def __str__(self) -> str:
        return f"{self.case}@{self.target}:{self.variation}"


def parse_token(text: str) -> Token:
    """Understand a token. Raises TokenError."""
    case, _, rest = text.rpartition("@")
    target, colon, variation = rest.partition(":")
    if not case or not target or not colon:
        raise TokenError(f"{text!r}: expected CASE@TARGET:VARIATION")
    try:
        return Token(case, target, parse(variation))
    except VariationError as error:
        raise TokenError(f"{text!r}: {error}") from None
