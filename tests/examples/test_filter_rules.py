"""docs/filter-rules.md: every example is played, and would fail without any one of its rules."""

from collections.abc import Iterator, Sequence

import pytest

from acceptutils import rules
from acceptutils.glob import Glob
from conformance import targets
from conformance.format.cases import cases
from conformance.format.talk_parser import parse
from conformance.playing import runner
from conformance.playing.beats import understand
from conformance.playing.verdicts import Result, Verdict
from conformance.varying.variations import BASE
from tests.examples.documents import DOCS, fences, table

PAGE = (DOCS / "filter-rules.md").read_text()
SIM = targets.read(targets.DEFAULTS)["sim"]

SCENARIO = """\
title: {title}
run: {{fixsmtpio}} {{ofmipd}}
{header}
-- control/me --
mail.example.org
-- control/fixsmtpio --
{rules}
-- talk --
{talk}
"""


def examples() -> Iterator[tuple[str, list[str], str]]:
    """Yield heading, rules and transcript of each example."""
    blocks = [fence for fence in fences(PAGE) if fence.language in {"fixsmtpio", "talk"}]
    for written, played in zip(blocks[::2], blocks[1::2], strict=True):
        assert (written.language, played.language) == ("fixsmtpio", "talk")
        assert written.heading == played.heading
        yield written.heading, written.text.splitlines(), played.text


EXAMPLES = list(examples())
WITH_ONE_LESS = [
    (f"{title}, without {line}", [*lines[:number], *lines[number + 1 :]], talk)
    for title, lines, talk in EXAMPLES
    for number, line in enumerate(lines)
    if not line.startswith("#")
]


def play(title: str, lines: Sequence[str], talk: str) -> list[Result]:
    """Play an example; lines before its first empty one are a header if they look like one."""
    header, separator, rest = talk.partition("\n\n")
    if not separator or not header.startswith(("each:", "env:")):
        header, rest = "", talk
    text = SCENARIO.format(title=title, header=header, rules="\n".join(lines), talk=rest)
    return [runner.run(understand(case), SIM, BASE) for case in cases(parse(text, name="x"))]


def test_there_are_ten_recipes() -> None:
    assert [title.partition(".")[0] for title, _, _ in EXAMPLES[1:]] == [str(n + 1) for n in range(10)]


@pytest.mark.parametrize(("title", "lines", "talk"), EXAMPLES, ids=[title for title, _, _ in EXAMPLES])
def test_it_does_what_the_page_says(title: str, lines: list[str], talk: str) -> None:
    for result in play(title, lines, talk):
        assert (result.verdict, result.findings, result.reason) == (Verdict.PASS, (), "")


@pytest.mark.parametrize(
    ("title", "lines", "talk"), WITH_ONE_LESS, ids=[title for title, _, _ in WITH_ONE_LESS]
)
def test_each_of_its_rules_is_needed(title: str, lines: list[str], talk: str) -> None:
    verdicts = {result.verdict for result in play(title, lines, talk)}
    assert verdicts & {Verdict.FAIL, Verdict.HANG}
    assert verdicts <= {Verdict.PASS, Verdict.FAIL, Verdict.HANG}


@pytest.mark.parametrize("row", table(PAGE, "refused line"), ids=lambda row: row["refused line"])
def test_bad_lines_and_reasons(row: dict[str, str]) -> None:
    with pytest.raises(rules.BadRuleError) as refusal:
        rules.parse(row["refused line"].encode())
    assert refusal.value.reason == row["reason"]


@pytest.mark.parametrize("row", table(PAGE, "fits"), ids=lambda row: f"{row['glob']} {row['line']}")
def test_globs(row: dict[str, str]) -> None:
    assert Glob(row["glob"].encode()).matches(row["line"].encode()) == (row["fits"] == "yes")


def test_the_routines_are_all() -> None:
    named = {row["built-in routine"].encode() for row in table(PAGE, "built-in routine")}
    assert named == set(rules.ROUTINES)


SESSION = """\
title: x
run: {run}{{authup}} smtp {{checkpassword}} {{checknotroot}} {{fixsmtpio}} {{ofmipd}}
users: alice secret uid=1001
-- control/me --
mail.example.org
-- control/fixsmtpio --
:noop::*:{code}
-- talk --
S: 220 mail.example.org ESMTP

C: AUTH PLAIN {{b64:\\0alice\\0secret}}
fd3: alice\\0secret\\0\\0
s: 220 a
S: 220 a

C: NOOP
c: NOOP
s: 250 ok
S: 250 ok
c! eof
s! exit 0
{says}S! eof
S! exit {ends}
"""


@pytest.mark.parametrize("row", table(PAGE, "session's code"), ids=lambda row: row["session's code"])
@pytest.mark.parametrize(("column", "run"), [("authup's code", ""), ("under reup", "{reup} -t 5 ")])
def test_what_authup_makes_of_the_code(row: dict[str, str], column: str, run: str) -> None:
    words = row["authup says by SMTP"]
    says = "" if words == "nothing" else ("+5s\n" if "454" in words else "") + f"S: {words}\n"
    text = SESSION.format(run=run, code=row["session's code"], says=says, ends=row[column])
    result = runner.run(understand(parse(text, name="x")), SIM, BASE)
    assert (result.verdict, result.findings, result.reason) == (Verdict.PASS, (), "")
