"""control/fixsmtpio as a check sees it: each rule with its line, and each line that is none."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from acceptutils import control, rules
from acceptutils.rules import LOGGED_IN, Rule


class Line(NamedTuple):
    """One rule, where it stands, and its text."""

    number: int
    text: bytes
    rule: Rule

    @property
    def is_short(self) -> bool:
        """Whether it has five fields, as on the seed page."""
        return self.text.count(b":") == 4

    @property
    def response_text(self) -> bytes | None:
        """What stands behind the fifth colon, if there is one."""
        return None if self.is_short else self.text.split(b":", 5)[5]


class Bad(NamedTuple):
    """A line that is no rule: what was expected."""

    number: int
    text: bytes
    reason: str


class Ruleset(NamedTuple):
    """All lines of a file that are neither empty nor comments."""

    lines: Sequence[Line]
    bad: Sequence[Bad]

    def outcome(
        self, event: bytes, reply: Sequence[bytes], greeting: bytes, env: Collection[bytes] = (LOGGED_IN,)
    ) -> rules.Rewriting:
        """Return what all these rules make of a reply: its lines with their CR LF."""
        return outcome([line.rule for line in self.lines], event, reply, greeting, env)


def read(content: bytes | None) -> Ruleset:
    """Take a file apart. Unlike fixsmtpio it goes on behind a bad line, so that all are told."""
    good: list[Line] = []
    bad: list[Bad] = []
    for listed in control.listed(content or b""):
        try:
            (rule,) = rules.parse(listed.text)
        except rules.BadRuleError as error:
            bad.append(Bad(listed.number, listed.text, error.reason))
        else:
            good.append(Line(listed.number, listed.text, rule))
    return Ruleset(good, bad)


def outcome(
    some: Sequence[Rule], event: bytes, reply: Sequence[bytes], greeting: bytes, env: Collection[bytes]
) -> rules.Rewriting:
    """Return what rules make of a reply, as fixsmtpio would."""
    rewriter = rules.Rewriter(some, greeting, authenticated=LOGGED_IN in env)
    return rewriter.rewrite(event, set(env), reply, only=len(reply) == 1, offers_tls=False)
