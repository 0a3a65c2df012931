"""What control files mean: CTL-1, CTL-2, CTL-4, CTL-5, CTL-6 (and the line numbers of CTL-7)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acceptutils import authup_pop3, authup_smtp, control


@pytest.mark.parametrize(
    ("content", "line"),
    [
        pytest.param(b"mail.example.org\n", b"mail.example.org", id="CTL-1 one line"),
        pytest.param(b"mail.example.org", b"mail.example.org", id="CTL-1 final newline optional"),
        pytest.param(b"mail.example.org\nsecond\n", b"mail.example.org", id="CTL-1 the first line counts"),
        pytest.param(b"\nsecond\n", b"", id="CTL-1 the first line counts, even empty"),
        pytest.param(b"mail \t \n", b"mail", id="CTL-1 trailing blanks and tabs"),
        pytest.param(b"mail\r\n", b"mail", id="CTL-1 trailing CR"),
        pytest.param(b"mail \r\n", b"mail", id="CTL-1 trailing blank and CR"),
        pytest.param(b"mail\t", b"mail", id="CTL-1 trailing tab without newline"),
        pytest.param(b" \tmail two words\n", b" \tmail two words", id="CTL-1 leading blanks stay"),
        pytest.param(b"#mail\n", b"#mail", id="CTL-1 # is not special"),
        pytest.param(b"a\rb\n", b"a\rb", id="CTL-1 inner CR stays"),
        pytest.param(b"mail\v\f\n", b"mail\v\f", id="CTL-1 nothing else is removed"),
        pytest.param(b"", b"", id="CTL-1 empty"),
    ],
)
def test_one_line_file(content: bytes, line: bytes) -> None:
    assert control.first_line(content) == line


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        pytest.param(b"", [], id="CTL-2 empty file"),
        pytest.param(b"A\nB\n", [(1, b"A"), (2, b"B")], id="CTL-2 lines"),
        pytest.param(b"A\nB", [(1, b"A"), (2, b"B")], id="CTL-2 final newline optional"),
        pytest.param(b"A \t\nB\r\n", [(1, b"A"), (2, b"B")], id="CTL-2 trailing blanks, tabs, CR"),
        pytest.param(b"\nA\n\n \t\n\r\nB\n", [(2, b"A"), (6, b"B")], id="CTL-2 empty lines are skipped"),
        pytest.param(b"#A\nB\n#C\n", [(2, b"B")], id="CTL-2 comments are skipped"),
        pytest.param(b" A\n #B\n", [(1, b" A"), (2, b" #B")], id="CTL-2 leading blanks stay, also before #"),
        pytest.param(b"A#B\n", [(1, b"A#B")], id="CTL-2 # elsewhere is not special"),
    ],
)
def test_list_file(content: bytes, lines: list[tuple[int, bytes]]) -> None:
    assert [tuple(line) for line in control.listed(content)] == lines


@pytest.mark.parametrize(
    ("own", "me", "greeting"),
    [
        pytest.param(b"own hi\n", b"me\n", b"own hi", id="CTL-4 PROTOgreeting first"),
        pytest.param(None, b"me\n", b"me", id="CTL-4 else me"),
        pytest.param(b"own\n", None, b"own", id="CTL-4 me is not needed"),
        pytest.param(b"", b"me\n", b"", id="CTL-4 if it exists, even empty"),
        pytest.param(None, None, None, id="CTL-4 neither: unable to read controls"),
        pytest.param(b"own\0hidden\n", None, b"own", id="CTL-4 NULs end it"),
        pytest.param(None, b"me\0hidden\0x\n", b"me", id="CTL-4 NULs end me too"),
        pytest.param(b"own \r\nmore\n", None, b"own", id="CTL-4 is a one-line file"),
    ],
)
def test_greeting(own: bytes | None, me: bytes | None, greeting: bytes | None) -> None:
    assert control.greeting(own, me) == greeting


@pytest.mark.parametrize(
    ("content", "seconds"),
    [
        pytest.param(b"300\n", 300, id="CTL-5 a number"),
        pytest.param(b"300", 300, id="CTL-5 final newline optional"),
        pytest.param(b"12 seconds\n", 12, id="CTL-5 leading digits"),
        pytest.param(b"1.5\n", 1, id="CTL-5 leading digits, fraction"),
        pytest.param(b"0\n", 0, id="CTL-5 zero"),
        pytest.param(b"000\n", 0, id="CTL-5 zeros"),
        pytest.param(None, 1200, id="CTL-5 absent"),
        pytest.param(b"", 1200, id="CTL-5 empty"),
        pytest.param(b"\n300\n", 1200, id="CTL-5 empty first line"),
        pytest.param(b"soon\n", 1200, id="CTL-5 not a number"),
        pytest.param(b"-5\n", 1200, id="CTL-5 no sign"),
        pytest.param(b" 5\n", 1200, id="CTL-5 leading blanks stay"),
        pytest.param(b"2147483647\n", 2147483647, id="CTL-5 largest"),
        pytest.param(b"2147483648\n", 2147483647, id="CTL-5 above counts as the largest"),
        pytest.param(b"9" * 5000, 2147483647, id="CTL-5 far above counts as the largest"),
        pytest.param("٣\n".encode(), 1200, id="CTL-5 ASCII digits only"),
    ],
)
def test_seconds(content: bytes | None, seconds: int) -> None:
    assert control.seconds(content, 1200) == seconds


def test_each_file_has_its_own_default() -> None:
    assert [control.seconds(content, default) for content in (None, b"x") for default in (5, 60)] == [
        5,
        60,
    ] * 2


@pytest.mark.parametrize(
    ("content", "capabilities"),
    [
        pytest.param(b"SIZE 5\n# no\n X\n", [b"SIZE 5", b" X"], id="CTL-6 as listed"),
        pytest.param(b"", [], id="CTL-6 an empty file lists none"),
        pytest.param(None, [b"DEFAULT"], id="CTL-6 absent"),
    ],
)
def test_capabilities(content: bytes | None, capabilities: list[bytes]) -> None:
    assert control.capabilities(content, [b"DEFAULT"]) == capabilities


def test_default_capabilities() -> None:
    assert authup_smtp.DEFAULT_CAPABILITIES == [b"PIPELINING", b"8BITMIME"]
    assert authup_pop3.DEFAULT_CAPABILITIES == [b"TOP", b"UIDL"]


@settings(deadline=None, max_examples=200)
@given(
    content=st.lists(st.sampled_from([b"\n", b"\r", b" ", b"\t", b"#", b"a", b"1", b"\0", b"\xff"])).map(
        b"".join
    )
)
def test_any_file_means_something(content: bytes) -> None:
    assert b"\n" not in control.first_line(content)
    assert b"\0" not in (control.greeting(content, None) or b"")
    assert 0 <= control.seconds(content, 7) <= 2147483647
    lines = content.split(b"\n")
    for number, text in control.listed(content):
        assert text
        assert text[:1] != b"#"
        assert lines[number - 1].startswith(text)
        assert lines[number - 1].removeprefix(text).strip(b" \t\r") == b""
