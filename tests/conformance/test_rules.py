"""The catalogue of rules, and what reaches them."""

import re
from pathlib import Path

import pytest

from conformance.format.talk_parser import parse as parse_talk
from conformance.rules import (
    RULES_FILE,
    Citation,
    Coverage,
    RulesError,
    citations,
    coverage,
    parse,
    read,
)
from conformance.selection import SCENARIOS, scenarios

CATALOGUE = """\
# Rules

Words about them.

## 1. Ground
### CTL-1 (must) - One line
The first line counts
and no other.

Source: spec 1; RFC 5321 2.3.8

### CTL-2 (should) - Lists
All lines count.

Source: spec 1

## 2. Around
### POP-1 (info) - Silence
It is silent.

Source: spec 7
For: fakes
Proved by: tests/x.py

### QSM-1 (must) - EOF
It exits 1.

Source: spec 7
For: fakes
"""
TALK = """\
title: x
rules: CTL-1 CTL-2
run:   {authup} smtp {checkpassword} {prog}
-- talk --
# [CTL-1] about all of it
C: a
S: b
    K! exit 1
S! eof

# [CTL-2] about nothing
C! eof
"""


def test_a_rule_is_heading_sentence_and_source() -> None:
    catalogue = parse(CATALOGUE)
    assert list(catalogue) == ["CTL-1", "CTL-2", "POP-1", "QSM-1"]
    rule = catalogue["CTL-1"]
    assert rule == (
        "CTL-1",
        "must",
        "One line",
        "The first line counts and no other.",
        rule.source,
        "1. Ground",
        "",
        "",
        6,
    )
    assert rule.source == "spec 1; RFC 5321 2.3.8"
    assert catalogue["POP-1"].scope == "fakes"
    assert catalogue["POP-1"].section == "2. Around"


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("CTL-1", ["CTL-1"]),
        ("ctl-*", ["CTL-1", "CTL-2"]),
        ("*-[13]", ["CTL-1", "POP-1", "QSM-1"]),
        ("CTL", []),
        ("CTL-11", []),
    ],
)
def test_patterns_select_rules(pattern: str, found: list[str]) -> None:
    assert [rule.id for rule in parse(CATALOGUE).matching(pattern)] == found


@pytest.mark.parametrize(
    ("find", "put", "line", "reason"),
    [
        ("### CTL-2", "### CTL-1", 12, "expected CTL-1 once, it stands in line 6"),
        ("### CTL-2 (should) - Lists", "### CTL-2: Lists", 12, "expected `### ID"),
        ("### CTL-2", "#### CTL-2", 12, "expected `### ID"),
        ("(should)", "(perhaps)", 12, "'perhaps': expected one of must should info"),
        ("## 1. Ground\n", "", 5, "expected a section"),
        ("All lines count.\n", "", 12, "expected a sentence"),
        ("Source: spec 7\n", "", 18, "expected `Source: ...`"),
        ("For: fakes", "For: us", 18, "For: us: expected fakes"),
        ("For: fakes", "Source: spec 7", 22, "expected Source: once"),
        ("For: fakes\n", "", 18, "expected `For: fakes` with `Proved by:`"),
        ("For: fakes", "and more", 22, "expected the sentence above `Source:`"),
    ],
)
def test_errors_name_file_and_line(find: str, put: str, line: int, reason: str) -> None:
    with pytest.raises(RulesError, match=re.escape(reason)) as caught:
        parse(CATALOGUE.replace(find, put), "rules.md")
    assert str(caught.value).startswith(f"rules.md:{line}: ")


def test_a_file_without_rules_is_no_catalogue() -> None:
    with pytest.raises(RulesError, match=r"rules\.md:1: expected a rule"):
        parse("# Rules\n", "rules.md")


def test_only_expected_lines_below_a_note_count() -> None:
    talk = parse_talk(TALK, name="x", file="x.talk")
    assert citations(talk) == {"CTL-1": (Citation("x", "x.talk", 7), Citation("x", "x.talk", 9))}


def test_processes_count_like_lines() -> None:
    tree = "# [CTL-1]\nreup\n  authup\n\n  authup\n  # [CTL-2] why\n  authup\n"
    text = f"-- talk --\nS: x\n-- processes --\n{tree}"
    assert {rule: [line.line for line in lines] for rule, lines in citations(parse_talk(text)).items()} == {
        "CTL-1": [5, 6],
        "CTL-2": [10],
    }


def test_rows_share_the_lines_and_may_name_their_own_rules() -> None:
    text = "each: rule = CTL-1 | CTL-2 | CTL-1\n-- talk --\n# [{rule}]\nS: x\n\n# [CTL-1]\nS: y\n"
    found = citations(parse_talk(text, name="x"))
    assert {rule: [line.line for line in lines] for rule, lines in found.items()} == {
        "CTL-1": [4, 7],
        "CTL-2": [4],
    }


def test_a_draft_covers_nothing() -> None:
    assert citations(parse_talk("draft: yes\n" + TALK)) == {}


def test_coverage_tells_lines_mentions_and_bugs() -> None:
    talks = [parse_talk(TALK, name="x"), parse_talk(TALK.replace("CTL-2", "CTL-1"), name="y")]
    first, second, third, fourth = coverage(
        parse(CATALOGUE), talks, {"bug-a": ["CTL-1", "CTL-2"], "bug-b": ["CTL-1"]}
    )
    assert [str(line) for line in first.lines] == ["x:7", "x:9", "y:7", "y:9"]
    assert (first.covered, first.proof, first.mentions) == (True, "bug-a bug-b", ())
    assert (second.covered, second.proof, second.mentions) == (False, "bug-a", ("x",))
    assert third == Coverage(parse(CATALOGUE)["POP-1"], (), (), ())
    assert (third.covered, third.proof) == (True, "tests/x.py")
    assert (fourth.covered, fourth.proof) == (False, "")


def test_without_scenarios_nothing_is_covered() -> None:
    assert [row.rule.id for row in coverage(parse(CATALOGUE), []) if row.covered] == ["POP-1"]


def test_our_own_catalogue_is_complete() -> None:
    catalogue = read()
    families: dict[str, list[int]] = {}
    for rule in catalogue:
        family, _, number = rule.rpartition("-")
        families.setdefault(family, []).append(int(number))
    gaps = {
        family: sorted(set(range(1, max(numbers) + 1)) - set(numbers)) for family, numbers in families.items()
    }
    assert {family: missing for family, missing in gaps.items() if missing} == {"AUTHUP-SMTP": [7, 8, 9]}
    assert len(catalogue) == 176
    fakes = {rule.id.partition("-")[0] for rule in catalogue.values() if rule.scope == "fakes"}
    assert fakes == {"POP", "UTLS"}
    assert [r.id for r in catalogue.values() if r.level != "must"] == [
        "AUTHUP-CP-6",
        "AUTHUP-CP-7",
        "AUTHUP-LOG-4",
    ]


def test_scenarios_reach_every_rule_of_the_fakes() -> None:
    around = ("CPW", "OFM", "QSM", "POP", "UTLS")
    reached = {row.rule.id for row in coverage(read(), scenarios(SCENARIOS / "fakes")) if row.lines}
    assert {rule for rule in read() if rule.startswith(around)} == reached


def test_our_own_catalogue_refers_to_rules_that_exist() -> None:
    catalogue = read()
    named = re.findall(r"\b(?:[A-Z][A-Z0-9]*-)+[0-9]+\b", RULES_FILE.read_text())
    assert {rule for rule in named if rule not in catalogue} <= {"CVE-2011"}


def test_the_tests_that_prove_rules_of_fakes_are_there() -> None:
    root = Path(__file__).parents[2]
    named = {rule.id.partition("-")[0]: rule.tests for rule in read().values() if rule.tests}
    assert set(named) == {"POP", "UTLS"}
    for family, file in named.items():
        assert re.search(family, (root / file).read_text(), re.IGNORECASE), (
            f"{file} does not speak of {family}"
        )
