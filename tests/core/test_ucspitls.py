"""UCSPI-TLS from the program's side: the levels of AUTHUP-TLS-1, the block of -3 and -4, AUTHUP-CP-2."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acceptutils import ucspitls
from acceptutils.ucspitls import Level, Tls
from tests.core.conftest import Cases
from tests.core.cuts import cuts

quick = settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])

OFF = (Level.OFF, False, False)  # level, offered, needed
OPEN = (Level.AVAILABLE, True, False)
MUST = (Level.REQUIRED, True, True)
MUST_BUT_CANNOT = (Level.REQUIRED, False, True)


@pytest.mark.parametrize(
    ("env", "usable", "state"),
    [
        pytest.param({}, True, OFF, id="AUTHUP-TLS-1 unset: off"),
        pytest.param({}, False, OFF, id="AUTHUP-TLS-1 unset, no descriptors: off"),
        pytest.param({b"UCSPITLS": b"-"}, True, OFF, id="AUTHUP-TLS-1 -: off"),
        pytest.param({b"UCSPITLS": b"-"}, False, OFF, id="AUTHUP-TLS-1 -, no descriptors: off"),
        pytest.param({b"UCSPITLS": b""}, True, OPEN, id="AUTHUP-TLS-1 empty: available"),
        pytest.param({b"UCSPITLS": b""}, False, OFF, id="AUTHUP-TLS-1 empty, no descriptors: off"),
        pytest.param({b"UCSPITLS": b"+"}, True, OPEN, id="AUTHUP-TLS-1 +: available"),
        pytest.param({b"UCSPITLS": b"1"}, True, OPEN, id="AUTHUP-TLS-1 1: available"),
        pytest.param({b"UCSPITLS": b"!!"}, True, OPEN, id="AUTHUP-TLS-1 !!: anything else: available"),
        pytest.param({b"UCSPITLS": b"--"}, True, OPEN, id="AUTHUP-TLS-1 --: anything else: available"),
        pytest.param({b"UCSPITLS": b"1"}, False, OFF, id="AUTHUP-TLS-1 1, no descriptors: off"),
        pytest.param({b"UCSPITLS": b"!"}, True, MUST, id="AUTHUP-TLS-1 !: required"),
        pytest.param(
            {b"UCSPITLS": b"!"}, False, MUST_BUT_CANNOT, id="AUTHUP-TLS-1 !, no descriptors: required"
        ),
        pytest.param(
            {b"UCSPITLS": b"!", b"DISABLETLS": b""}, True, OFF, id="AUTHUP-TLS-1 DISABLETLS wins over !"
        ),
        pytest.param({b"UCSPITLS": b"!", b"DISABLETLS": b"1"}, False, OFF, id="AUTHUP-TLS-1 DISABLETLS wins"),
        pytest.param(
            {b"UCSPITLS": b"1", b"DISABLETLS": b"0"}, True, OFF, id="AUTHUP-TLS-1 DISABLETLS=0 is set"
        ),
        pytest.param({b"DISABLETLS": b""}, True, OFF, id="AUTHUP-TLS-1 DISABLETLS alone"),
    ],
)
def test_level(env: dict[bytes, bytes], usable: bool, state: tuple[Level, bool, bool]) -> None:
    tls = ucspitls.tls(env, usable=usable)
    assert (tls.level, tls.offered, tls.needed) == state
    assert not tls.active


@pytest.mark.parametrize("level", [Level.AVAILABLE, Level.REQUIRED])
def test_once_active_tls_is_neither_offered_nor_needed(level: Level) -> None:
    tls = Tls(level, usable=True, active=True)
    assert (tls.offered, tls.needed) == (False, False)


BEHIND = b"behind"


@pytest.mark.parametrize(
    "block",
    [
        pytest.param(b"\0\0", id="AUTHUP-TLS-3 an empty block is NUL NUL"),
        pytest.param(b"SSL_A=b\0\0", id="AUTHUP-TLS-3 NAME=value"),
        pytest.param(b"SSL_A\0\0", id="AUTHUP-TLS-3 NAME"),
        pytest.param(b"SSL_A=\0\0", id="AUTHUP-TLS-3 empty value"),
        pytest.param(b"SSL_A=b\0C\0D=e=f\0\0", id="AUTHUP-TLS-3 several"),
        pytest.param(b"SSL_A=\n \xff\0\0", id="AUTHUP-TLS-3 any bytes"),
    ],
)
@pytest.mark.parametrize("behind", [b"", b"\0", BEHIND, b"A=b\0\0"])
def test_a_block_ends_at_its_empty_record(block: bytes, behind: bytes, cases: Cases) -> None:
    for pieces in cuts(block + behind):
        received = b""
        for piece in pieces:
            received += piece
            assert ucspitls.block_end(received) == (len(block) if len(received) >= len(block) else None)
        cases.count += 1


@pytest.mark.parametrize(
    ("block", "variables"),
    [
        pytest.param(b"\0\0", {}, id="AUTHUP-TLS-4 empty block"),
        pytest.param(b"SSL_A=b\0\0", {b"SSL_A": b"b"}, id="AUTHUP-TLS-4 a value"),
        pytest.param(b"SSL_A=\0\0", {b"SSL_A": b""}, id="AUTHUP-TLS-4 an empty value"),
        pytest.param(b"SSL_A\0\0", {b"SSL_A": None}, id="AUTHUP-TLS-3 NAME means unset"),
        pytest.param(b"SSL_A=b=c=\0\0", {b"SSL_A": b"b=c="}, id="AUTHUP-TLS-3 the first = separates"),
        pytest.param(
            b"SSL_A=1\0SSL_B2=2\0SSL__=3\0\0",
            {b"SSL_A": b"1", b"SSL_B2": b"2", b"SSL__": b"3"},
            id="AUTHUP-TLS-4 all of them",
        ),
        pytest.param(b"SSL_A=1\0SSL_A=2\0\0", {b"SSL_A": b"2"}, id="AUTHUP-TLS-3 a later record counts"),
        pytest.param(b"SSL_A=1\0SSL_A\0\0", {b"SSL_A": None}, id="AUTHUP-TLS-3 set, then unset"),
        pytest.param(
            b"SSL_" + b"A" * 60 + b"=1\0\0", {b"SSL_" + b"A" * 60: b"1"}, id="AUTHUP-TLS-4 60 letters"
        ),
        pytest.param(b"SSL_" + b"A" * 61 + b"=1\0\0", {}, id="AUTHUP-TLS-4 61 letters"),
        pytest.param(b"SSL_=1\0\0", {}, id="AUTHUP-TLS-4 no letter"),
        pytest.param(b"LD_PRELOAD=/evil.so\0PATH=/evil\0\0", {}, id="AUTHUP-TLS-4 no LD_PRELOAD"),
        pytest.param(b"SSL_a=1\0ssl_A=1\0SSLA=1\0\0", {}, id="AUTHUP-TLS-4 capitals only"),
        pytest.param(b"XSSL_A=1\0SSL_A-B=1\0SSL_A B=1\0\0", {}, id="AUTHUP-TLS-4 the whole name"),
        pytest.param(b"SSL_A\n=1\0\nSSL_A=1\0\0", {}, id="AUTHUP-TLS-4 the whole name, line ends too"),
        pytest.param(b"=1\0\0", {}, id="AUTHUP-TLS-4 no name"),
        pytest.param(b"LD_PRELOAD\0PATH\0\0", {}, id="AUTHUP-TLS-4 nor does it unset other names"),
    ],
)
def test_variables_of_a_block(block: bytes, variables: dict[bytes, bytes | None]) -> None:
    assert ucspitls.variables(block) == variables


FRONT_END = {
    b"UCSPITLS": b"!",
    b"DISABLETLS": b"",
    b"SSLCTLFD": b"3",
    b"SSLREADFD": b"4",
    b"SSLWRITEFD": b"5",
}


@pytest.mark.parametrize(
    ("env", "block", "inner"),
    [
        pytest.param(FRONT_END, None, {}, id="AUTHUP-CP-2 without the front end's variables"),
        pytest.param(
            {b"PATH": b"/bin", **FRONT_END, b"SSL_X": b"y"},
            None,
            {b"PATH": b"/bin", b"SSL_X": b"y"},
            id="AUTHUP-CP-2 with all others",
        ),
        pytest.param({b"PATH": b"/bin"}, b"\0\0", {b"PATH": b"/bin"}, id="AUTHUP-TLS-4 empty block"),
        pytest.param({b"A": b"b"}, b"SSL_X=y\0\0", {b"A": b"b", b"SSL_X": b"y"}, id="AUTHUP-TLS-4 added"),
        pytest.param({b"SSL_X": b"old"}, b"SSL_X=new\0\0", {b"SSL_X": b"new"}, id="AUTHUP-TLS-4 replaced"),
        pytest.param({b"SSL_X": b"old"}, b"SSL_X\0\0", {}, id="AUTHUP-TLS-3 unset"),
        pytest.param({}, b"SSL_X\0\0", {}, id="AUTHUP-TLS-3 unset what was not set"),
        pytest.param(
            {b"PATH": b"/bin"},
            b"PATH=/evil\0UCSPITLS=1\0SSLCTLFD=9\0\0",
            {b"PATH": b"/bin"},
            id="AUTHUP-TLS-4 only SSL_ names",
        ),
    ],
)
def test_environment_of_a_child(
    env: dict[bytes, bytes], block: bytes | None, inner: dict[bytes, bytes]
) -> None:
    before = dict(env)
    assert ucspitls.inner_environment(env, block) == inner
    assert env == before


RECORDS = st.lists(
    st.tuples(
        st.sampled_from([b"SSL_A", b"SSL_B", b"LD_PRELOAD", b"SSL_", b"ssl_a", b"X"]),
        st.none() | st.binary(max_size=4).map(lambda value: value.replace(b"\0", b"")),
    ),
    max_size=6,
)


@quick
@given(records=RECORDS, behind=st.binary(max_size=6))
def test_a_block_is_read_as_it_was_written(
    records: list[tuple[bytes, bytes | None]], behind: bytes, cases: Cases
) -> None:
    block = b"".join(name + (b"" if value is None else b"=" + value) + b"\0" for name, value in records)
    block = (block or b"\0") + b"\0"
    assert ucspitls.block_end(block + behind) == len(block)
    assert all(ucspitls.block_end(block[:size]) is None for size in range(len(block)))
    kept = {name: value for name, value in records if name in {b"SSL_A", b"SSL_B"}}
    assert ucspitls.variables(block) == kept
    cases.count += 1


@quick
@given(
    data=st.lists(st.sampled_from([b"\0", b"=", b"SSL_A", b"\xff", b"x"])).map(b"".join), cut=st.integers(0)
)
def test_any_bytes_for_a_block(data: bytes, cut: int, cases: Cases) -> None:
    end = ucspitls.block_end(data)
    shorter = ucspitls.block_end(data[: cut % (len(data) + 1)])
    assert shorter in {end, None}
    assert all(re.fullmatch(rb"SSL_[A-Z0-9_]{1,60}", name) for name in ucspitls.variables(data))
    cases.count += 1
