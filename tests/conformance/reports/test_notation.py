import base64

from hypothesis import given
from hypothesis import strategies as st

from conformance.format import octets
from conformance.reports.notation import ascii_only, clean, decoded, difference, pictures, units


@given(st.binary())
def test_one_unit_is_one_byte_and_pictures_are_what_octets_shows(data: bytes) -> None:
    written = octets.write(data)
    assert len(units(written)) == len(data)
    assert pictures(written) == octets.visible(data)


@given(st.binary(), st.binary())
def test_a_difference_has_both_texts(a: bytes, b: bytes) -> None:
    expected, got = octets.write(a), octets.write(b)
    pieces = difference(expected, got)
    assert "".join(piece.expected for piece in pieces) == expected
    assert "".join(piece.got for piece in pieces) == got
    assert all(piece.expected == piece.got for piece in pieces if piece.same)


def test_computed_bytes_are_one_unit() -> None:
    assert units(r"{b64:\0a{b}}x\r") == [r"{b64:\0a{b}}", "x", r"\r"]


@given(st.text())
def test_ascii_only_is_ascii(text: str) -> None:
    assert ascii_only(text).isascii()


def test_ascii_only_may_keep_the_pictures() -> None:
    assert ascii_only("a␍␊…é", pictures=True) == "a␍␊...?"
    assert ascii_only("a␍␊ ✔") == r"a\r\n +"


def test_clean_leaves_nothing_that_a_terminal_obeys() -> None:
    assert clean("\x1b[31m\x9b\u202e\ud800") == r"\x1b[31m\x9b\x202e\xd800"


def test_base64_is_shown_decoded_where_it_is_text() -> None:
    token = base64.b64encode(b"\0alice\0secret")
    assert decoded(b"AUTH PLAIN " + token + b"\r\n") == r"\0alice\0secret"
    assert decoded(b"334 VXNlcm5hbWU6\r\n") == "Username:"
    assert decoded(b"QUIT\r\nNOOP\r\nEHLO x\r\n") == ""
