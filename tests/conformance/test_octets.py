"""The notation of bytes: what is read, what is written, what is refused."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.format import octets
from conformance.format.octets import Capture, Edge, NotationError, Pattern


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("", b"\r\n"),
        ("250 ok", b"250 ok\r\n"),
        (r"+OK\s", b"+OK \r\n"),
        ("foo\\", b"foo"),
        ("\\", b""),
        (r"\r\n\t\0\\\{\}", b"\r\n\t\0\\{}\r\n"),
        (r"\x00\xfF", b"\0\xff\r\n"),
        ("a}b", b"a}b\r\n"),
        ("é", "é".encode() + b"\r\n"),
        ("ends in \\\\", b"ends in \\\r\n"),
        (r"{b64:\0alice\0secret}", base64.b64encode(b"\0alice\0secret") + b"\r\n"),
        ("{repeat:3:ab}", b"ababab\r\n"),
        ("{repeat:0:ab}", b"\r\n"),
        (r"{repeat:2:\x41\}}", b"A}A}\r\n"),
        ("{b64:{repeat:3:a}}", b"YWFh\r\n"),
        ("<{file:x/y}>", b"<content\n>\r\n"),
    ],
)
def test_known_bytes(text: str, data: bytes) -> None:
    assert octets.literal(octets.parse(text, b"\r\n", {"x/y": b"content\n"})) == data


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (r"\q", "expected one of"),
        (r"\x4", "two hexadecimal digits"),
        (r"\xgg", "two hexadecimal digits"),
        ("{b64:a", "expected } after {"),
        ("{b64:a\\}", "expected } after {"),
        ("{", "expected } after {"),
    ],
)
def test_what_the_first_look_refuses(text: str, message: str) -> None:
    with pytest.raises(NotationError, match=message):
        octets.check(text)
    with pytest.raises(NotationError, match=message):
        octets.parse(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{column}", "expected a column"),
        ("{pid:}", "expected a column"),
        ("{pid:é}", "expected a column"),
        ("{pid:a b}", "expected a column"),
        ("{repeat:x:a}", "COUNT:TEXT"),
        ("{repeat:3}", None),
        ("{repeat:999999999:abc}", "at most"),
        ("{repeat:2:{pid:a}}", "the bytes must be known"),
        ("{b64:{any}}", "the bytes must be known"),
        (r"{b64:\q}", "expected one of"),
        ("{file:other}", "expected a section"),
        ("{re:(}", "re:"),
        ("{re:(?P<a>x)}", "named groups"),
        ("{re:\N{SNOWMAN}}", "re:"),
    ],
)
def test_what_only_the_whole_file_can_refuse(text: str, message: str | None) -> None:
    octets.check(text)
    if message is None:
        assert octets.parse(text) == ()
    else:
        with pytest.raises(NotationError, match=message):
            octets.parse(text)


def test_edges_captures_and_patterns_are_parts() -> None:
    assert octets.parse(r"a\|b{pid:p}c{any}{re:[0-9]{3}}", b"\n") == (
        b"a",
        Edge(),
        b"b",
        Capture("pid", "p"),
        b"c",
        Pattern("[^\r\n]*", rest=True),
        Pattern("[0-9]{3}"),
        b"\n",
    )


def test_bytes_next_to_each_other_are_one_part() -> None:
    assert octets.parse(r"a\0{b64:x}b", b"\r\n") == (b"a\0eA==b\r\n",)
    assert octets.join([(b"a", Edge()), (b"b",), (b"c",)]) == (b"a", Edge(), b"bc")


def test_edges_are_offsets_of_what_is_sent() -> None:
    assert octets.resolve(octets.parse(r".\|\r\|\n"), {}) == (b".\r\n", (1, 2))


def test_a_capture_is_sent_as_it_came() -> None:
    what = octets.parse("<{pid:p}>")
    assert octets.resolve(what, {"p": b"4711"}) == (b"<4711>", ())
    with pytest.raises(NotationError, match="before anything was captured"):
        octets.resolve(what, {})


def test_a_pattern_is_never_sent() -> None:
    with pytest.raises(NotationError, match="cannot be sent"):
        octets.resolve(octets.parse("{any}"), {})


def test_captures_are_the_same_digits_wherever_they_stand() -> None:
    captured: dict[str, bytes] = {}
    twice = octets.parse("{pid:a}.{num:b}.{pid:a}")
    assert not octets.matches(twice, b"1.2.3", captured)
    assert captured == {}
    assert octets.matches(twice, b"1.2.1", captured)
    assert captured == {"a": b"1", "b": b"2"}
    assert octets.matches(octets.parse("{pid:a}"), b"1", captured)
    assert not octets.matches(octets.parse("{pid:a}"), b"2", captured)
    assert not octets.matches(octets.parse("{pid:new}"), b"x", captured)


def test_patterns_match_bytes() -> None:
    assert octets.matches(octets.parse("{re:\xff|[.]}{any}", b"\n"), b"\xffrest\n", {})
    assert not octets.matches(octets.parse("{any}", b"\n"), b"two\nlines\n", {})


@given(st.binary(), st.sampled_from([b"", b"\n", b"\r\n"]))
def test_what_is_written_is_read_back(data: bytes, ending: bytes) -> None:
    text = octets.write(data, ending=ending)
    assert octets.literal(octets.parse(text, ending)) == data
    assert text.isascii()
    assert text.isprintable()
    assert not text.endswith(" ")


PARTS = st.lists(
    st.one_of(
        st.binary(min_size=1),
        st.builds(Capture, st.sampled_from(octets.CAPTURES), st.sampled_from(["a", "b1"])),
        st.just(Pattern("[^\r\n]*", rest=True)),
        st.sampled_from([Pattern("[0-9]{3}"), Pattern("a|b")]),
        st.just(Edge()),
    )
)


@given(PARTS)
def test_notation_is_read_back(parts: list[octets.Part]) -> None:
    what = octets.join([(part,) for part in parts])
    assert octets.parse(octets.notation(what)) == what


def test_people_see_control_characters() -> None:
    assert octets.visible(b"a\r\n\t\0\x7f\xff\\") == "a␍␊␉␀␡\\xff\\"
