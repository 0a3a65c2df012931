"""What is written of processes, held against what was observed; what nobody could see is told apart."""

import pytest

from conformance.format.talk import Section
from conformance.playing.attributes import check, compare_tree, shape
from conformance.playing.stage import Ended, Process, Program

ALL = frozenset({"exit", "uid", "env", "fds", "argv", "cwd", "signals", "processes"})
PROGRAM = Program(
    "prog",
    (b"prog", b"a b"),
    uid=1001,
    euid=0,
    gid=100,
    env={b"A": b"1", b"EMPTY": b""},
    fds=frozenset({0, 1, 2}),
    cwd=b"/home",
    ignored=frozenset({13}),
    blocked=frozenset(),
)
PROCESS = Process(7, 1, [PROGRAM], Ended(3, None))


@pytest.mark.parametrize(
    ("word", "got"),
    [
        ("uid=1001", ""),
        ("uid=0", "uid=1001"),
        ("euid=0", ""),
        ("gid=100", ""),
        ("gid=0", "gid=100"),
        ("A=1", ""),
        ("A=2", "A=1"),
        ("A", ""),
        ("!A", r"A=1"),
        ("EMPTY=", ""),
        ("B", "!B"),
        ("B=", "!B"),
        ("!B", ""),
        ("fds=0,1,2", ""),
        ("fds=0,1", "fds=0,1,2"),
        ("argv=prog,a b", ""),
        ("argv=prog", "argv=prog,a b"),
        ("cwd=/home", ""),
        ("cwd=/", "cwd=/home"),
        ("ignored=SIGPIPE", ""),
        ("ignored=none", "ignored=SIGPIPE"),
        ("blocked=none", ""),
        ("exit=3", ""),
        ("exit=0", "exit=3"),
        ("signal=TERM", "exit=3"),
    ],
)
def test_attributes(word: str, got: str) -> None:
    assert shape(word)
    assert check([word], PROGRAM, PROCESS, ALL) == (got, set())


@pytest.mark.parametrize(
    ("word", "need"),
    [
        ("uid=0", "uid"),
        ("A=2", "env"),
        ("fds=9", "fds"),
        ("cwd=/", "cwd"),
        ("ignored=none", "signals"),
        ("exit=0", "exit"),
    ],
)
def test_what_nobody_can_see_is_told(word: str, need: str) -> None:
    assert check([word], PROGRAM, PROCESS, ALL - {need}) == ("", {need})
    assert check([word], Program("prog", ()), Process(7, 1, observed_end=False), ALL) == ("", {need})


def test_an_end_that_has_not_come_is_wrong() -> None:
    assert check(["exit=0"], PROGRAM, Process(7, 1, [PROGRAM]), ALL) == ("alive", set())


def processes() -> list[Process]:
    """A runs B, which becomes C, which runs D."""
    names = {"a": 1, "b": 2, "c": 3, "d": 4}
    a, b, c, d = (Program(name, (name.encode(),), uid=0, order=order) for name, order in names.items())
    return [Process(1, 0, [a]), Process(2, 1, [b, c]), Process(3, 2, [d])]


TREE = ("a uid=0", "  b", "    c =", "# [REUP-1]", "      d uid=0")


def tree(*lines: str) -> Section:
    return Section("processes", lines, 10)


def test_a_tree_as_it_is() -> None:
    assert compare_tree(tree(*TREE), processes(), ALL) == (None, set())
    assert compare_tree(tree(*TREE), processes(), ALL - {"processes"}) == (None, {"processes"})
    assert compare_tree(tree(*TREE), processes(), ALL - {"uid"}) == (None, {"uid"})


@pytest.mark.parametrize(
    ("find", "put", "line", "rules"),
    [
        ("  b", "b", 12, ()),
        ("    c =", "    c", 13, ()),
        ("      d uid=0", "      x", 15, ("REUP-1",)),
        ("      d uid=0", "    d", 15, ("REUP-1",)),
        ("      d uid=0", "      d uid=1", 15, ("REUP-1",)),
        ("a uid=0", "a uid=1", 11, ()),
        ("      d uid=0", "", 10, ()),
        ("a uid=0", "a uid=0\n      e", 12, ()),
    ],
)
def test_a_tree_that_is_not(find: str, put: str, line: int, rules: tuple[str, ...]) -> None:
    lines = "\n".join(TREE).replace(find, put, 1).split("\n")
    wrong, _ = compare_tree(tree(*lines), processes(), ALL)
    assert wrong is not None
    assert (wrong.line, wrong.rules) == (line, rules)
