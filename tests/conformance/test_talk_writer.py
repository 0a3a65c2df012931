"""One form for all scenarios: what it is, and that nothing is lost on the way to it."""

from pathlib import Path

import pytest
from hypothesis import given

from conformance.format.talk import Mark, Talk
from conformance.format.talk_parser import parse, read
from conformance.format.talk_writer import formatted, write
from tests.conformance.generated_talks import talks, without_lines

SCENARIOS = sorted((Path(__file__).parents[2] / "conformance" / "scenarios").rglob("*.talk"))
UNTIDY = """\


# on top
title:   one   sentence
rules: CTL-1   CTL-2
run:{authup} smtp  {checkpassword}
inherit:  sigchld=ignored   fd7=open
env:   A=two  blanks
each:  seq  = a | b
vary:cuts
  # not merge: CTL-1
draft:


-- control/me --

two  blanks  \x20
-- talk --


S: 220  ready
   c:   three blanks in front

# [CTL-1]   words


    # indented
+5.0s
    S!  exit 1
fd3: a
|info: b
  |:
K! exit 1
T! refuse
+{delay}s
    E:

-- processes --
 authup  exit=1

"""
TIDY = """\
# on top
title:   one sentence
rules:   CTL-1 CTL-2
run:     {authup} smtp {checkpassword}
inherit: sigchld=ignored fd7=open
env:     A=two  blanks
each:    seq  = a | b
vary:    cuts
         # not merge: CTL-1
draft:

-- control/me --

two  blanks  \x20
-- talk --
S: 220  ready
    c:   three blanks in front

# [CTL-1]   words

# indented
+5s
S! exit 1
    fd3: a
 |info: b
 |:
    K! exit 1
    T! refuse
+{delay}s
E:
-- processes --
 authup  exit=1

"""


def test_the_form() -> None:
    untidy = UNTIDY.replace("S!  exit", "S! exit")
    assert formatted(untidy) == TIDY
    assert formatted(TIDY) == TIDY


def test_values_begin_in_one_column_as_far_as_short_keys_need() -> None:
    assert formatted("as: root\nrules: CTL-1\n# x\n  # y\n-- talk --").startswith(
        "as:    root\nrules: CTL-1\n# x\n       # y\n\n"
    )


def test_a_file_without_header_begins_with_a_section() -> None:
    assert formatted("\n\n-- talk --\nS: x") == "-- talk --\nS: x\n"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(5.0, "+5s"), (1200.0, "+1200s"), (0.1, "+0.1s"), (1e-7, "+0.0000001s"), (1e16, f"+1{'0' * 16}s")],
)
def test_seconds_are_written_in_full(seconds: float, text: str) -> None:
    written = write(Talk("t", "t", (), parse("-- talk --").sections, (Mark(seconds, 1),)))
    assert written == f"-- talk --\n{text}\n"
    assert parse(written).steps == (Mark(seconds, 2),)


@given(talks())
def test_what_is_written_is_read_back(talk: Talk) -> None:
    text = write(talk)
    assert without_lines(parse(text)) == without_lines(talk)
    assert formatted(text) == text


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_scenarios_survive_and_are_in_form(path: Path) -> None:
    assert without_lines(read(path)) == without_lines(
        parse(write(read(path)), name=path.stem, file=str(path))
    )
    assert path.read_text() == formatted(path.read_text())
