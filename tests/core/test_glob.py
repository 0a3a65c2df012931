"""Globs do what FIX-RESP-4 says (the table) and what glibc's own fnmatch(3) does (the oracle)."""

import ctypes
import locale
import os
import platform
from collections.abc import Callable, Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from acceptutils.glob import Glob

EVERY_BYTE = bytes(range(256))

# pattern, data that it matches, data that it does not match
TABLE: list[tuple[bytes, list[bytes], list[bytes]]] = [
    # the seed page and FIX-RESP-3
    (b"*", [b"", b"\r\n", b"250 ok\r\n", EVERY_BYTE], []),
    (b"4*", [b"4", b"450 later\r\n"], [b"", b"250 4", b"\n4"]),
    (b"250?AUTH*", [b"250-AUTH LOGIN\r\n", b"250 AUTH"], [b"250AUTH", b"250-auth LOGIN"]),
    (b"250?STARTTLS", [b"250-STARTTLS", b"250 STARTTLS"], [b"250-STARTTLS\r\n", b"250-STARTTLSX"]),
    (b"250 ok??", [b"250 ok\r\n"], [b"250 ok\n", b"250 ok"]),
    # literals, ?, *
    (b"", [b""], [b"x", b"\n"]),
    (b"a.c^$+{(|", [b"a.c^$+{(|"], [b"abc^$+{(|"]),
    (b"a", [b"a"], [b"A", b"a\n", b"\na", b"aa", b""]),
    (b"a b", [b"a b"], [b"ab", b"a  b"]),
    (b"?", [b"\n", b"\r", b"/", b".", b"\0", b"\xff"], [b"", b"ab"]),
    (b"*x", [b".x", b"/x", b"a/b\r\n\0x", b"xx"], [b"", b"x\n", b"xy"]),
    (b"a*b*c", [b"abc", b"abcbc", b"a\nb\nc"], [b"ac", b"acb", b"abcd"]),
    (b"*ab*ab*", [b"abab", b"xabxabx"], [b"ab", b"aba", b"axbab"]),
    (b"**?*", [b"a", b"abc"], [b""]),
    (b"ab*b", [b"abb", b"abab"], [b"ab"]),  # head and tail must not share a byte
    # brackets
    (b"[abc]", [b"a", b"c"], [b"d", b"", b"ab", b"A"]),
    (b"[0-9a-f]", [b"0", b"5", b"f"], [b"g", b"-", b"F"]),
    (b"[!a-c]", [b"d", b"!", b"\n", b"\0", b"\xff"], [b"a", b"c", b""]),
    (b"[^a-c]", [b"d", b"^", b"\n", b"\0", b"\xff"], [b"a", b"c", b""]),
    (b"[a!^]", [b"a", b"!", b"^"], [b"b"]),
    (b"[]a]", [b"]", b"a"], [b"]a]", b"b"]),
    (b"[!]a]", [b"b"], [b"]", b"a"]),
    (b"[a-]", [b"a", b"-"], [b"b"]),
    (b"[-a]", [b"a", b"-"], [b"b"]),
    (b"[--/]", [b"-", b".", b"/"], [b",", b"0"]),
    (b"[z-a]", [], [b"z", b"a", b"-", b"m"]),
    (b"[!z-a]", [b"z", b"m"], []),
    (b"[*?]", [b"*", b"?"], [b"a"]),
    (b"[\x80-\xff]", [b"\x80", b"\xc3", b"\xff"], [b"\x7f"]),
    (b"[[:digit:]x]", [b"0", b"x"], [b":", b"a"]),
    (b"[![:space:]]", [b"x", b"\0"], [b" ", b"\t", b"\n", b"\r", b"\v"]),
    (b"[[:foo:]]", [], [b"f", b":", b"o", b"[", b"f]"]),
    (b"[a[:foo:]]", [b"a"], [b"f"]),
    (b"[[=a=]b]", [b"a", b"b"], [b"=", b"a]"]),
    (b"[[.-.]a]", [b"-", b"a"], [b".", b"["]),
    (b"[[.a.]-c]", [b"a", b"b", b"c"], [b"-", b"d"]),
    (b"[a-[.c.]]", [b"a", b"b", b"c"], [b"-", b"d"]),
    (b"[a[.hyphen.]]", [b"a"], [b"-", b"h"]),
    # backslash
    (b"\\*\\?\\[\\\\\\a", [b"*?[\\a"], [b"x?[\\a", b"\\*\\?\\[\\\\\\a"]),
    (b"[\\]\\-\\\\]", [b"]", b"-", b"\\"], [b"a"]),
    (b"[\\a-\\c]", [b"a", b"b", b"c"], [b"\\", b"-"]),
    (b"a\\", [], [b"a", b"a\\", b"a\\\\"]),
    (b"*\\", [], [b"", b"\\"]),
    # [ without ]
    (b"[", [b"["], [b"", b"a"]),
    (b"a[b", [b"a[b"], [b"ab", b"a["]),
    (b"[[", [b"[["], [b"["]),
    (b"[!", [b"[!"], [b"a"]),
    (b"[]", [b"[]"], [b"]", b""]),
    (b"[!]", [b"[!]"], [b"a", b"]"]),
    (b"[[:digit:]", [b"[:", b"[d"], [b"0", b":", b"[[:digit:]"]),  # [ and then the members :digt[
    (b"[*]x[*", [b"*x[", b"*x[abc"], [b"ax[", b"*x"]),
    # malformed: matches nothing in glibc
    (b"[\\", [], [b"[", b"[\\"]),
    (b"[a-", [], [b"a", b"[a-"]),
    (b"[!a-", [], [b"b", b"[!a-"]),
    (b"[a[.x", [], [b"a", b"[a[.x"]),
    (b"[a-[.xy.]]", [], [b"a", b"b", b"x"]),
    # NUL, which C cannot ask for
    (b"a?b*c", [b"a\0bc", b"axb\0\0c"], [b"a\0b", b"abc\0"]),
    (b"a\0b", [b"a\0b"], [b"a", b"ab", b"a\0c"]),
    (b"[\0-\x02]", [b"\0", b"\1", b"\2"], [b"\3"]),
    (b"[[:cntrl:]]", [b"\0", b"\x7f"], [b" ", b"\x80"]),
]

# What the docstring of Glob owns up to.
NOT_AS_GLIBC: list[tuple[bytes, list[bytes], list[bytes]]] = [
    (b"[x+-[:alpha:]]", [b"x]", b"+]", b"5]", b":]", b"p]"], [b"x", b"z]"]),  # glibc: not x] but x
    (b"[a" + b"[:" + b"b" * 3000 + b"]", [b"a", b"["], [b"c"]),  # glibc: nothing
]


@pytest.mark.parametrize(("pattern", "matching", "other"), TABLE + NOT_AS_GLIBC)
def test_examples(pattern: bytes, matching: list[bytes], other: list[bytes]) -> None:
    glob = Glob(pattern)
    assert [data for data in matching if not glob.matches(data)] == []
    assert [data for data in other if glob.matches(data)] == []


def test_a_glob_is_its_pattern() -> None:
    assert Glob(b"a*") == Glob(b"a*")
    assert Glob(b"a*") != Glob(b"*a")
    assert hash(Glob(b"a*")) == hash(Glob(b"a*"))
    assert Glob(b"a*").pattern == b"a*"
    assert repr(Glob(b"a*")) == "Glob(pattern=b'a*')"


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (b"*a*a*a*a*b", False),
        (b"*a" * 300 + b"*b", False),
        (b"*" * 10_000 + b"b", False),
        (b"*aaaaaaaa[ab]aaaaaaab*", False),
        (b"*?a?*a" * 100 + b"*", True),
    ],
)
def test_a_hostile_line_does_not_take_for_ever(pattern: bytes, expected: bool) -> None:
    # Trying all combinations of places would take longer than the universe has; so no clock here.
    assert Glob(pattern).matches(b"a" * (1 << 20)) is expected


# --- the oracle -------------------------------------------------------------------------------

_LIBC, _VERSION = platform.libc_ver()
# Older ones read unclosed brackets differently.
_IS_GLIBC = _LIBC == "glibc" and tuple(map(int, _VERSION.split("."))) >= (2, 36)
oracle_only = pytest.mark.skipif(
    not _IS_GLIBC or "POSIXLY_CORRECT" in os.environ,
    reason=f"ORACLE NOT ASKED: needs glibc 2.36 or later and no POSIXLY_CORRECT; found {_LIBC} {_VERSION}",
)

Oracle = Callable[[bytes, bytes], bool]


@pytest.fixture(scope="module")
def oracle() -> Iterator[Oracle]:
    """Give glibc's fnmatch(3) in the C locale, which Python leaves at its start (PEP 538)."""
    libc = ctypes.CDLL(None)
    libc.newlocale.restype = libc.uselocale.restype = ctypes.c_void_p
    libc.newlocale.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p]
    libc.uselocale.argtypes = libc.freelocale.argtypes = [ctypes.c_void_p]
    libc.fnmatch.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int]
    mask = 1 << locale.LC_CTYPE | 1 << locale.LC_COLLATE
    c_locale = libc.newlocale(mask, b"C", None)
    assert c_locale
    before = libc.uselocale(c_locale)
    yield lambda pattern, data: libc.fnmatch(pattern, data, 0) == 0
    libc.uselocale(before)
    libc.freelocale(c_locale)


def comparable(pattern: bytes) -> bool:
    """Leave out ranges that end in a class: where glibc ends such a bracket depends on the data."""
    return b"-[:" not in pattern and b"-[=" not in pattern


ALPHABET = b"ab]![^-\\*?.:=/\r\n\x80\xffAZ09z"
one_byte = st.sampled_from([ALPHABET[i : i + 1] for i in range(len(ALPHABET))])

# Pieces of patterns, each with data that it might take: so matches happen, and near misses.
PIECES: list[tuple[bytes, bytes]] = [
    (b"*", b""),
    (b"*", b"a\r\nb"),
    (b"?", b"\xff"),
    (b"\\", b""),
    (b"\\*", b"*"),
    (b"[", b"["),
    (b"[!", b"[!"),
    (b"[ab]", b"b"),
    (b"[!ab]", b"z"),
    (b"[^]-]", b"^"),
    (b"[]-a]", b"]"),
    (b"[a-z]", b"m"),
    (b"[\x80-\xff]", b"\xc3"),
    (b"[[:alpha:]", b"a"),
    (b"[[:foo:]]", b"f"),
    (b"[9[=a=]]", b"a"),
    (b"[[.-.]-9]", b"/"),
    (b"[\\]]", b"]"),
    (b"]", b"]"),
    (b"-", b"-"),
    (b"[a-", b"[a-"),
    (b"[:", b"[:"),
    (b"[.", b"[."),
    (b"[=", b"[="),
    (b":]", b":]"),
    (b".]", b".]"),
    (b"=]", b"=]"),
    (b"250", b"250"),
]


@st.composite
def questions(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """Draw a pattern, and data of which most was made for it."""
    literal = one_byte.map(lambda byte: (byte, byte))
    pieces = draw(st.lists(st.sampled_from(PIECES) | literal, max_size=6))
    pattern = b"".join(piece for piece, _ in pieces)
    data = [draw(st.sampled_from([made, made, made, made, piece, b"a"])) for piece, made in pieces]
    return pattern, b"".join(data)


bracket_members = [
    b"[:alnum:]",
    b"[:punct:]",
    b"[:zoo:]",
    b"[::]",
    b"[=b=]",
    b"[=]",
    b"[.a.]",
    b"[.].]",
    b"[..]",
]
bracket_members += [b"[.bc.]", b"a-z", b"]-a", b"A-[.Z.]", b"!-", b"-[", b"-\\", b"--"]
brackets = st.lists(st.sampled_from(bracket_members) | one_byte, max_size=5).map(b"".join)


@oracle_only
@settings(max_examples=1200, deadline=None)
@given(question=questions().filter(lambda question: comparable(question[0])))
def test_made_to_match(oracle: Oracle, question: tuple[bytes, bytes]) -> None:
    pattern, data = question
    assert Glob(pattern).matches(data) == oracle(pattern, data)


@oracle_only
@settings(max_examples=500, deadline=None)
@given(
    pattern=st.lists(one_byte, max_size=10).map(b"".join).filter(comparable),
    data=st.lists(one_byte, max_size=8).map(b"".join),
)
def test_any_bytes(oracle: Oracle, pattern: bytes, data: bytes) -> None:
    for asked in (data, pattern, pattern.replace(b"\\", b"")):
        assert Glob(pattern).matches(asked) == oracle(pattern, asked)


@oracle_only
@settings(max_examples=500, deadline=None)
@given(members=brackets, negation=st.sampled_from([b"", b"!", b"^"]), end=st.sampled_from([b"]", b"]", b""]))
@example(members=b"a[=bc", negation=b"", end=b"]")
@example(members=b"[[=bc", negation=b"", end=b"]")
@example(members=b"[-", negation=b"", end=b"")
@example(members=b"[.a.]-", negation=b"", end=b"]")
@example(members=b"[x[=", negation=b"", end=b"")
def test_a_bracket_and_every_byte(oracle: Oracle, members: bytes, negation: bytes, end: bytes) -> None:
    pattern = b"[" + negation + members + end
    if comparable(pattern):
        asked = [bytes([byte]) + tail for byte in range(1, 256) for tail in (b"", b"]", pattern[1:])]
        glob = Glob(pattern)
        assert [data for data in asked if glob.matches(data)] == [
            data for data in asked if oracle(pattern, data)
        ]


CLASSES = ["alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper"]
CLASSES += ["xdigit"]


@oracle_only
@pytest.mark.parametrize("name", CLASSES)
def test_character_classes(oracle: Oracle, name: str) -> None:
    pattern = b"[[:%b:]]" % name.encode()
    asked = [bytes([byte]) for byte in range(1, 256)]
    matched = [data for data in asked if Glob(pattern).matches(data)]
    assert matched
    assert matched == [data for data in asked if oracle(pattern, data)]


@oracle_only
@pytest.mark.parametrize(("pattern", "matching", "other"), TABLE)
def test_the_table_is_right(
    oracle: Oracle, pattern: bytes, matching: list[bytes], other: list[bytes]
) -> None:
    if b"\0" not in pattern:
        assert [data for data in matching if b"\0" not in data and not oracle(pattern, data)] == []
        assert [data for data in other if b"\0" not in data and oracle(pattern, data)] == []
