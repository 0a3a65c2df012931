"""What is decided about globs, against trying out all short lines."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acceptutils.glob import Glob
from checking import globs
from checking.globs import Budget, TooComplicated

ALPHABET = b"2 -ab"
PIECES = [b"2", b" ", b"-", b"a", b"b", b"*", b"?", b"[ab]", b"[!a]", b"[ -]", b"\\", b"[", b"\r"]
GLOBS = st.lists(st.sampled_from(PIECES), max_size=7).map(b"".join)
LINES = [
    b"222" + rest
    for length in range(5)
    for rest in map(bytes, product(ALPHABET, repeat=length))
    if rest[:1] in {b"", b" ", b"-"}
]


def matches(glob: bytes, line: bytes) -> bool:
    return Glob(glob).matches(line) or Glob(glob).matches(line + b"\r\n")


def budget() -> Budget:
    return Budget(10**6)


@given(GLOBS, GLOBS)
def test_a_line_outside_is_a_proof_and_none_means_there_is_none(one: bytes, other: bytes) -> None:
    found = globs.outside(one, other, budget())
    if found is None:
        assert not [line for line in LINES if matches(one, line) and not matches(other, line)]
    else:
        assert matches(one, found)
        assert not matches(other, found)
        assert found[:3].isdigit()
        assert found[3:4] in {b"", b" ", b"-"}


@given(GLOBS, GLOBS)
def test_a_common_line(one: bytes, other: bytes) -> None:
    found = globs.common(one, other, budget())
    if found is None:
        assert not [line for line in LINES if matches(one, line) and matches(other, line)]
    else:
        assert matches(one, found)
        assert matches(other, found)


@given(GLOBS, GLOBS)
def test_an_example(one: bytes, among: bytes) -> None:
    found = globs.example(one, budget(), among=among)
    if found is None:
        assert not [line for line in LINES if matches(one, line) and Glob(among).matches(line)]
    else:
        assert matches(one, found)
        assert Glob(among).matches(found)


@given(GLOBS)
def test_only_by_the_ending(glob: bytes) -> None:
    found = globs.only_by_its_ending(glob, budget())
    if found is None:
        assert not [ln for ln in LINES if Glob(glob).matches(ln + b"\r\n") and not Glob(glob).matches(ln)]
    else:
        assert Glob(glob).matches(found + b"\r\n")
        assert not Glob(glob).matches(found)


@given(st.binary(max_size=12), st.binary(max_size=12))
def test_a_glob_is_inside_itself_and_inside_a_star(one: bytes, other: bytes) -> None:
    assert globs.outside(one, one, budget()) is None
    assert globs.outside(one, b"*", budget()) is None
    assert globs.outside(one, one + b"*", budget()) is None or one.endswith((b"\\", b"[")) or b"[" in one
    assert globs.common(one, other, budget()) == globs.common(one, other, budget())


@pytest.mark.parametrize(
    ("one", "other", "line"),
    [
        (b"250?AUTH*", b"2*", None),
        (b"2*", b"250?AUTH*", b"200"),
        (b"250 ok??", b"250 ok", b"250 okxx"),
        (b"[45]*", b"4*", b"500"),
        (b"4*", b"[45]*", None),
        (b"**2**", b"*2*", None),
    ],
)
def test_examples_are_short_and_nice(one: bytes, other: bytes, line: bytes | None) -> None:
    assert globs.outside(one, other, budget()) == line


def test_what_would_take_too_long_is_given_up() -> None:
    many = b"*a" + b"?" * 40 + b"b*"
    with pytest.raises(TooComplicated):
        globs.outside(many, b"*a" + b"?" * 39 + b"c*", Budget(20_000))
