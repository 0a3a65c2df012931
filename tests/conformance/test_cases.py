"""Tables: one case a row, with its columns filled in everywhere."""

import pytest

from conformance.format.cases import cases
from conformance.format.talk import Mark, Note, Say
from conformance.format.talk_parser import TalkError, parse

TALK = "-- talk --\nS: {a} and {b}\n"


def rows() -> list[dict[str, object]]:
    """Return rows, for `each: python:...`."""
    return [{"a": 1, "b": "one"}, {"a": 2, "b": "two"}]


def no_rows() -> list[dict[str, str]]:
    return []


def no_columns() -> list[dict[str, str]]:
    return [{}]


def texts(text: str) -> list[str]:
    return [step.text for case in cases(parse(text)) for step in case.steps if isinstance(step, Say)]


def test_without_a_table_a_scenario_is_its_only_case() -> None:
    talk = parse("-- talk --\nS: {b64:x}\n")
    assert cases(talk) == [talk]


def test_each_lines_are_parallel_columns() -> None:
    assert texts(f"each: a = 1 | 2\neach: b = x | \\s\n{TALK}") == ["1 and x", r"2 and \s"]


def test_a_section_has_a_row_a_line() -> None:
    assert texts(f"-- each --\na | b\n1 | x\n# no row\n\n2 | y z\n{TALK}") == ["1 and x", "2 and y z"]


def test_a_value_may_be_empty() -> None:
    assert texts("each: a = | x\n-- talk --\nC: {a}\nC: <{a}>\n") == ["", "<>", "x", "<x>"]
    with pytest.raises(TalkError, match="a raw blank"):
        texts("each: a = | x\n-- talk --\nC: HELO {a}\n")


def test_a_packet_edge_separates_no_columns() -> None:
    assert texts("each: a = x\\|y | z\n-- talk --\nC: {a}\n") == [r"x\|y", "z"]
    assert texts("-- each --\na\nx\\|y\n-- talk --\nC: {a}\n") == [r"x\|y"]


def test_rows_can_be_computed() -> None:
    assert texts(f"each: python:{__name__}.rows\n{TALK}") == ["1 and one", "2 and two"]


def test_a_case_knows_its_row() -> None:
    first, second = cases(parse(f"each: a = 1 | 2\neach: b = x | y\n{TALK}", name="t"))
    assert (first.name, first.row) == ("t#1", {"a": "1", "b": "x"})
    assert (second.name, second.row) == ("t#2", {"a": "2", "b": "y"})
    assert not first.all("each")


def test_columns_are_filled_in_everywhere() -> None:
    text = (
        "title: {a}\nrun: {authup} {b}\neach: a = 7\neach: b = CTL-1\n"
        "-- control/{a} --\nline {a}\n-- talk --\n# [{b}] why\n+{a}s\nS: {a}{pid:a}\n |: {a}\nS! exit {a}\n"
    )
    (case,) = cases(parse(text))
    assert case.one("title") == "7"
    assert case.one("run") == "{authup} CTL-1"
    assert case.sections[0].name == "control/7"
    assert case.sections[0].lines == ("line 7",)
    note, mark, say, _ = case.steps
    assert isinstance(note, Note)
    assert note.rules == ("CTL-1",)
    assert mark == Mark(7.0, 9)
    assert isinstance(say, Say)
    assert (say.text, say.alternatives[0].text, say.line) == ("7{pid:a}", "7", 10)


def test_a_value_is_not_filled_in_itself() -> None:
    assert texts(f"each: a = {{b}}\neach: b = x\n{TALK}") == ["{b} and x"]


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("each: a = 1\n-- each --\na\n1\n", 2, "not both"),
        ("each: 1 | 2\n", 1, "expected `each: column"),
        ("each: Any = 1\n", 1, "expected `each: column"),
        ("each: any = 1\n", 1, "expected `each: column"),
        ("each: a = 1\neach: a = 2\n", 2, "expected one column a"),
        ("each: a = 1 | 2\neach: b = 1\n", 2, "expected as many values"),
        ("-- each --\n", 1, "expected a line of column names"),
        ("-- each --\na b\n1\n", 1, "expected a line of column names"),
        ("-- each --\na | a\n1 | 2\n", 1, "expected each column name once"),
        ("-- each --\na | b\n1 | 2\n1\n", 4, "expected 2 values"),
        ("-- each --\na\n", 1, "expected a row"),
        (f"each: python:{__name__}.no_rows\n", 1, "expected a row"),
        (f"each: python:{__name__}.no_columns\n", 1, "expected a row"),
        (f"each: python:{__name__}.nothing\n", 1, "expected python:module.function"),
        ("each: python:no_such_module.rows\n", 1, "expected python:module.function"),
        ("each: python:rows\n", 1, "expected python:module.function"),
        (f"each: python:{__name__}.rows\neach: c = 1\n", 2, "expected one `each:` line"),
    ],
)
def test_errors(text: str, line: int, reason: str) -> None:
    with pytest.raises(TalkError, match=reason) as caught:
        cases(parse(text + TALK, file="bad.talk"))
    assert str(caught.value).startswith(f"bad.talk:{line}: ")


def test_a_column_can_break_a_line() -> None:
    with pytest.raises(TalkError, match=r"bad\.talk:4: .*expected one of"):
        cases(parse("each: a = 1 | \\q\neach: b = 1 | 2\n" + TALK, file="bad.talk"))
