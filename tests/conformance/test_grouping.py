"""Disagreements of one shape are one group: chance is left out, and nothing else."""

import pytest

from conformance.differing.diff import Disagreement
from conformance.differing.grouping import Groups, shape_of

ALIKE = [
    ("S", "250 " + "x" * 300, "nothing more", "S", "250 " + "x" * 500, "nothing more"),
    ("S", "250 ok 1795443437 qp 2", "250", "S", "250 ok 1795443999 qp 2", "250"),
    ("S", "\\xff" * 30, "a", "S", "\\xff" * 40, "a"),
    ("end", "exit 0", "SPIN", "end", "exit 111", "SPIN"),
    ("end", "signal 11", "exit 0", "end", "signal 11", "exit 4"),
    ("c", "NOOP fix\\r\\n", "X-NOOP fix\\r\\n", "c", "RSET\\r\\n", "X-RSET\\r\\n"),
    ("fd3", "alice\\0a\\0\\0", "alice\\0a\\0\\0\\0", "fd3", "bob\\0b\\0\\0", "bob\\0b\\0\\0\\0"),
]
UNLIKE = [
    ("S", "250 a", "nothing more", "S", "250 b", "nothing more"),
    ("S", "250 a", "nothing more", "ST", "250 a", "nothing more"),
    ("S", "250 a", "250 b", "S", "250 b", "250 a"),
    ("end", "exit 0", "exit 1", "end", "exit 0", "exit 2"),
    ("end", "exit 0", "SPIN", "end", "exit 0", "HANG"),
    ("end", "exit 0", "signal 11", "end", "exit 0", "signal 13"),
    ("S", "250 a\\r\\n", "X-250 a\\r\\n", "S", "250 b\\r\\n", "X-250 b\\r\\n"),
    ("c", "a\\r\\n", "b\\n", "c", "a\\r\\n", "nothing more"),
]


@pytest.mark.parametrize("words", ALIKE)
def test_what_differs_by_chance_is_one_shape(words: tuple[str, ...]) -> None:
    assert shape_of(Disagreement(*words[:3])) == shape_of(Disagreement(*words[3:]))


@pytest.mark.parametrize("words", UNLIKE)
def test_all_else_is_two(words: tuple[str, ...]) -> None:
    assert shape_of(Disagreement(*words[:3])) != shape_of(Disagreement(*words[3:]))


def test_which_line_of_the_server_is_passed_on_does_not_count() -> None:
    server = frozenset({"250 a", "250 b", "502 no"})
    passed = shape_of(Disagreement("S", "503 ours", "250 a"), server)
    assert passed == shape_of(Disagreement("S", "503 ours", "250 b"), server)
    assert passed != shape_of(Disagreement("S", "503 ours", "250 c"), server)
    assert passed != shape_of(Disagreement("S", "504 ours", "250 a"), server)
    assert passed != shape_of(Disagreement("S", "250 a", "503 ours"), server)
    assert passed != shape_of(Disagreement("c", "503 ours", "250 a"), server)
    assert shape_of(Disagreement("S", "502 no", "250 a"), server) == (
        shape_of(Disagreement("S", "502 no", "250 b"), server)
    )
    assert shape_of(Disagreement("S", "502 no", "250 a"), server) != (
        shape_of(Disagreement("S", "250 b", "250 a"), server)
    )


def test_the_table_has_the_most_frequent_first_with_its_dialogues() -> None:
    groups = Groups()
    once, new = groups.add(2, "smtp", Disagreement("S", "250 a", "250 b"))
    assert new
    once.file, once.small = "2.talk", True
    for number in range(9, 2, -1):
        often, new = groups.add(
            number, "pop3" if number % 2 else "reup", Disagreement("end", "exit 1", "SPIN")
        )
        assert new == (number == 9)
    often.file = "9.talk"
    doubtful, _ = groups.add(30, "smtp", Disagreement("c", "x", "y"))
    doubtful.unsure = True
    assert len(groups) == 3
    assert groups.table("mine", "theirs") == [
        "   7 x end (pop3, reup)",
        "       mine: an end",
        "       theirs: SPIN",
        "       dialogues 3 4 5 6 7 ...; 9.talk, as it was found",
        "   1 x S (smtp)",
        "       mine: 250 a",
        "       theirs: 250 b",
        "       dialogues 2; 2.talk",
        "   1 x c (smtp)",
        "       mine: x",
        "       theirs: y",
        "       dialogues 30; , did not come again",
    ]
