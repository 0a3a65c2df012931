"""Command lines: BASE-3, BASE-4, BASE-5."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acceptutils.options import BadUsageError, Options, parse


@pytest.mark.parametrize(
    ("args", "tries", "operands"),
    [
        pytest.param([], None, [], id="BASE-3 nothing"),
        pytest.param([b"prog", b"arg"], None, [b"prog", b"arg"], id="BASE-3 no option"),
        pytest.param([b"-t", b"5", b"prog"], 5, [b"prog"], id="BASE-3 -t 5"),
        pytest.param([b"-t5", b"prog"], 5, [b"prog"], id="BASE-3 -t5"),
        pytest.param([b"-t5", b"-t", b"7", b"prog"], 7, [b"prog"], id="BASE-3 the last one wins"),
        pytest.param([b"-t7", b"-t5"], 5, [], id="BASE-3 the last one wins, smaller"),
        pytest.param([b"prog", b"-t", b"5"], None, [b"prog", b"-t", b"5"], id="BASE-3 stops at non-option"),
        pytest.param([b"-t5", b"prog", b"-x"], 5, [b"prog", b"-x"], id="BASE-3 -x of prog"),
        pytest.param([b"--", b"-t", b"5"], None, [b"-t", b"5"], id="BASE-3 stops at --"),
        pytest.param([b"-t5", b"--", b"--", b"x"], 5, [b"--", b"x"], id="BASE-3 only the first --"),
        pytest.param([b"-", b"-t5"], None, [b"-", b"-t5"], id="BASE-3 a lone - is no option"),
        pytest.param([b"", b"-t5"], None, [b"", b"-t5"], id="BASE-3 an empty argument is no option"),
        pytest.param([b"-t", b"0"], 0, [], id="BASE-4 zero"),
        pytest.param([b"-t", b"2147483647"], 2147483647, [], id="BASE-4 the largest"),
        pytest.param([b"-t", b"005"], 5, [], id="BASE-4 leading zeros"),
    ],
)
def test_good_command_lines(args: list[bytes], tries: int | None, operands: list[bytes]) -> None:
    assert parse(args, tries=True) == Options(tries, None, operands)


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        pytest.param([b"-x", b"prog"], b"illegal option -- x", id="BASE-3 unknown option"),
        pytest.param([b"-xt5"], b"illegal option -- x", id="BASE-3 unknown option in front of a known one"),
        pytest.param([b"-t5", b"-T"], b"illegal option -- T", id="BASE-3 letters have a case"),
        pytest.param([b"--tries"], b"illegal option -- -", id="BASE-3 no long options but BASE-5's"),
        pytest.param([b"-t"], b"option requires an argument -- t", id="BASE-3 missing argument"),
        pytest.param(
            [b"-t5", b"-t"], b"option requires an argument -- t", id="BASE-3 missing second argument"
        ),
        pytest.param([b"-t", b"5x", b"prog"], None, id="BASE-4 trailing junk"),
        pytest.param([b"-t5x", b"prog"], None, id="BASE-4 trailing junk, attached"),
        pytest.param([b"-t", b"", b"prog"], None, id="BASE-4 empty"),
        pytest.param([b"-t", b"-1", b"prog"], None, id="BASE-4 negative"),
        pytest.param([b"-t", b"+1", b"prog"], None, id="BASE-4 sign"),
        pytest.param([b"-t", b" 1", b"prog"], None, id="BASE-4 blank"),
        pytest.param([b"-t", b"--", b"prog"], None, id="BASE-4 -- as the argument"),
        pytest.param([b"-t", b"2147483648", b"prog"], None, id="BASE-4 too large"),
        pytest.param([b"-t", b"9" * 40, b"prog"], None, id="BASE-4 far too large"),
        pytest.param([b"-tx", b"-t", b"5", b"prog"], None, id="BASE-4 a bad one before a good one"),
    ],
)
def test_bad_command_lines(args: list[bytes], complaint: bytes | None) -> None:
    with pytest.raises(BadUsageError) as bad:
        parse(args, tries=True)
    assert bad.value.complaint == complaint


@pytest.mark.parametrize("option", [b"-t", b"-t5", b"-x", b"-v"])
def test_programs_without_options_know_none(option: bytes) -> None:
    with pytest.raises(BadUsageError) as bad:
        parse([option, b"5", b"prog"], tries=False)
    assert bad.value.complaint == b"illegal option -- " + option[1:2]


@pytest.mark.parametrize("tries", [True, False])
@pytest.mark.parametrize("question", [b"--help", b"--version"])
def test_help_and_version(question: bytes, *, tries: bool) -> None:
    assert parse([question], tries=tries).asks_for == question
    assert parse([b"prog", question], tries=tries) == Options(None, None, [b"prog", question])
    assert parse([b"--", question], tries=tries) == Options(None, None, [question])


def test_the_arguments_of_the_caller_stay_as_they_are() -> None:
    args = [b"-t", b"5", b"prog"]
    parse(args, tries=True)
    assert args == [b"-t", b"5", b"prog"]


@settings(deadline=None, max_examples=300)
@given(
    args=st.lists(
        st.sampled_from([b"-t", b"-t3", b"3", b"-", b"--", b"", b"-x", b"prog", b"--help"]) | st.binary()
    ),
    tries=st.booleans(),
)
def test_any_command_line_is_good_or_bad_usage(args: list[bytes], *, tries: bool) -> None:
    try:
        options = parse(args, tries=tries)
    except BadUsageError:
        return
    assert list(options.operands) == args[len(args) - len(options.operands) :]
    assert options.tries is None or (tries and 0 <= options.tries <= 2147483647)
