"""Decimal numbers in options, variables and control files: BASE-4, CTL-5, AUTHUP-GEN-2."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acceptutils.decimal import LARGEST, number


@pytest.mark.parametrize(
    ("digits", "value"),
    [
        (b"0", 0),
        (b"5", 5),
        (b"1200", 1200),
        (b"007", 7),
        (b"0" * 50, 0),
        (b"0" * 50 + b"12", 12),
        (b"2147483646", 2147483646),
        (b"2147483647", 2147483647),
        (b"00002147483647", 2147483647),
        (b"2147483648", 2147483648),
        (b"2147483649", 2147483648),
        (b"9999999999", 2147483648),
        (b"10000000000", 2147483648),
        (b"4294967297", 2147483648),
        (b"9" * 6000, 2147483648),
    ],
)
def test_digits_say_their_number_up_to_just_too_large(digits: bytes, value: int) -> None:
    assert number(digits) == value


@pytest.mark.parametrize(
    "digits",
    [
        b"",
        b" ",
        b"-1",
        b"+1",
        b" 1",
        b"1 ",
        b"1\n",
        b"1_000",
        b"0x10",
        b"1.0",
        b"5abc",
        b"\xb2",
        b"1\0",
        "٣".encode(),
    ],
)
def test_anything_but_ascii_digits_is_no_number(digits: bytes) -> None:
    assert number(digits) is None


@settings(deadline=None, max_examples=200)
@given(value=st.integers(0, 10**12), zeros=st.integers(0, 20))
def test_leading_zeros_change_nothing(value: int, zeros: int) -> None:
    assert number(b"0" * zeros + b"%d" % value) == min(value, LARGEST + 1)


@settings(deadline=None, max_examples=200)
@given(digits=st.binary(max_size=12))
def test_any_bytes_are_a_number_or_none(digits: bytes) -> None:
    only_digits = digits != b"" and all(0x30 <= byte <= 0x39 for byte in digits)
    assert (number(digits) is not None) == only_digits
