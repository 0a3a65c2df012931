"""When to run the program again: REUP-1, -3 to -8, -11; what an attempt leaves for the next: REUP-12."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acceptutils.actions import Action, Exit, Log, RunAttempt
from acceptutils.reup import Carried, Reup, attempt_number

USAGE = Log(b"reup: usage: reup [ -t tries ] prog")
PROG = [b"prog", b"arg"]


def run(number: int, prog: list[bytes] | None = None) -> RunAttempt:
    return RunAttempt(prog or PROG, {b"REUP": b"%d" % number})


@pytest.mark.parametrize(
    ("args", "actions"),
    [
        pytest.param([b"prog", b"arg"], [run(1)], id="REUP-1 prog"),
        pytest.param([b"-t", b"3", b"prog", b"arg"], [run(1)], id="REUP-1 -t"),
        pytest.param([b"--", b"-x"], [run(1, [b"-x"])], id="BASE-3 --"),
        pytest.param([], [USAGE, Exit(1)], id="REUP-1 no program"),
        pytest.param([b"-t", b"3"], [USAGE, Exit(1)], id="REUP-1 no program behind -t"),
        pytest.param([b"--"], [USAGE, Exit(1)], id="REUP-1 no program behind --"),
        pytest.param([b"-t", b"x", b"prog"], [USAGE, Exit(1)], id="REUP-1 bad -t"),
        pytest.param([b"-t", b"2147483648", b"prog"], [USAGE, Exit(1)], id="BASE-4 too large"),
        pytest.param(
            [b"-x", b"prog"], [Log(b"reup: illegal option -- x"), USAGE, Exit(1)], id="REUP-1 unknown option"
        ),
        pytest.param(
            [b"-t"], [Log(b"reup: option requires an argument -- t"), USAGE, Exit(1)], id="BASE-3 no argument"
        ),
    ],
)
def test_start(args: list[bytes], actions: list[Action]) -> None:
    assert Reup(args, {}, 77).start() == actions


def test_an_inherited_reup_is_replaced_and_the_rest_passed_on() -> None:
    env = {b"REUP": b"9", b"PATH": b"/bin"}
    reup = Reup(PROG, env, 77)
    for number in range(1, 12):
        attempt = reup.start()[-1] if number == 1 else reup.attempt_ended(800, 1, None, signalled=False)[-1]
        assert attempt == RunAttempt(PROG, {b"REUP": b"%d" % number, b"PATH": b"/bin"})
    assert env == {b"REUP": b"9", b"PATH": b"/bin"}


AGAIN = "again"


@pytest.mark.parametrize(
    ("most", "code", "signal", "signalled", "then"),
    [
        pytest.param(0, 0, None, False, 0, id="REUP-4 success"),
        pytest.param(0, 12, None, False, 12, id="REUP-4 permanent failure"),
        pytest.param(5, 0, None, False, 0, id="REUP-4 success with tries left"),
        pytest.param(5, 12, None, False, 12, id="REUP-4 permanent failure with tries left"),
        pytest.param(1, 0, None, False, 0, id="REUP-4 success at the last try"),
        pytest.param(0, 1, None, False, AGAIN, id="REUP-2 repeats after 1"),
        pytest.param(0, 111, None, False, AGAIN, id="REUP-2 repeats after 111"),
        pytest.param(0, 255, None, False, AGAIN, id="REUP-2 repeats after 255"),
        pytest.param(2, 1, None, False, AGAIN, id="REUP-5 one of two"),
        pytest.param(1, 1, None, False, 1, id="REUP-5 one of one"),
        pytest.param(1, 111, None, False, 111, id="REUP-5 the last one's code"),
        pytest.param(0, None, 9, False, 1, id="REUP-6 killed"),
        pytest.param(5, None, 11, False, 1, id="REUP-6 killed with tries left"),
        pytest.param(0, 1, None, True, 1, id="REUP-11 no retry after a signal to reup"),
        pytest.param(5, 111, None, True, 111, id="REUP-11 its code"),
        pytest.param(0, 0, None, True, 0, id="REUP-11 its code 0"),
        pytest.param(0, 12, None, True, 12, id="REUP-11 its code 12"),
        pytest.param(0, None, 15, True, 1, id="REUP-11 killed by the signal: REUP-6"),
    ],
)
def test_after_an_attempt(
    most: int,
    code: int | None,
    signal: int | None,
    signalled: bool,
    then: int | str,
) -> None:
    reup = Reup([b"-t%d" % most, *PROG], {}, 77)
    assert reup.start() == [run(1)]
    how = b"exit %d" % code if code is not None else b"signal %d" % (signal or 0)
    assert reup.attempt_ended(801, code, signal, signalled=signalled) == [
        Log(b"reup 77 prog 801 (1/%d): " % most + how),
        run(2) if then == AGAIN else Exit(int(then)),
    ]


@pytest.mark.parametrize("code", range(256))
def test_only_0_and_12_stop_it(code: int) -> None:
    reup = Reup(PROG, {}, 77)
    reup.start()
    last = reup.attempt_ended(801, code, None, signalled=False)[-1]
    assert last == (Exit(code) if code in {0, 12} else run(2))


@pytest.mark.parametrize(("tries", "codes"), list(product([1, 2, 3, 5], [(1,), (111, 1), (5, 6, 7)])))
def test_at_most_n_attempts(tries: int, codes: tuple[int, ...]) -> None:
    reup = Reup([b"-t", b"%d" % tries, b"/bin/prog", b"x"], {}, 77)
    actions = reup.start()
    for number in range(1, tries + 1):
        assert actions[-1] == run(number, [b"/bin/prog", b"x"])
        code = codes[number % len(codes)]
        actions = reup.attempt_ended(800 + number, code, None, signalled=False)
        assert actions[0] == Log(
            b"reup 77 /bin/prog %d (%d/%d): exit %d" % (800 + number, number, tries, code)
        )
    assert actions[1:] == [Exit(code)]


@pytest.mark.parametrize("args", [PROG, [b"-t0", *PROG]])
def test_without_a_limit_it_never_ends(args: list[bytes]) -> None:
    reup = Reup(args, {}, 77)
    reup.start()
    for number in range(1, 1000):
        assert reup.attempt_ended(5, 1, None, signalled=False) == [
            Log(b"reup 77 prog 5 (%d/0): exit 1" % number),
            run(number + 1),
        ]


@pytest.mark.parametrize("earlier", [0, 2])
def test_prog_that_cannot_be_run_is_not_tried_again(earlier: int) -> None:
    reup = Reup(PROG, {}, 77)
    reup.start()
    for _ in range(earlier):
        reup.attempt_ended(5, 1, None, signalled=False)
    assert reup.cannot_run(b"Permission denied") == [
        Log(b"reup: unable to run prog: Permission denied"),
        Exit(1),
    ]


@pytest.mark.parametrize(
    ("value", "number"),
    [
        pytest.param(None, 0, id="AUTHUP-GEN-2 no reup"),
        pytest.param(b"1", 1, id="AUTHUP-GEN-2 first"),
        pytest.param(b"12", 12, id="AUTHUP-GEN-4 later"),
        pytest.param(b"0", 0, id="AUTHUP-GEN-2 not 1 or more"),
        pytest.param(b"", 0, id="AUTHUP-GEN-2 empty"),
        pytest.param(b"-1", 0, id="AUTHUP-GEN-2 negative"),
        pytest.param(b"yes", 0, id="AUTHUP-GEN-2 no number"),
        pytest.param(b"2x", 0, id="AUTHUP-GEN-2 trailing junk"),
    ],
)
def test_number_of_the_attempt(value: bytes | None, number: int) -> None:
    assert attempt_number({} if value is None else {b"REUP": value}) == number


def test_a_huge_attempt_is_still_a_later_one() -> None:
    assert attempt_number({b"REUP": b"9" * 30}) > 1


@pytest.mark.parametrize(
    "carried",
    [
        pytest.param(Carried(0.0), id="REUP-12 nothing happened"),
        pytest.param(Carried(12345.678901234567, 2, 20, None), id="REUP-12 counts, no TLS"),
        pytest.param(Carried(1e9 / 3, 0, 1, b"\0\0"), id="REUP-12 TLS, empty block"),
        pytest.param(Carried(1.0, 0, 0, b""), id="REUP-12 TLS, no block at all"),
        pytest.param(Carried(1e-7, 1, 0, b"SSL_A=x\n1 2\r\0B\0\0"), id="REUP-12 line ends in the block"),
    ],
)
def test_what_is_carried_arrives(carried: Carried) -> None:
    assert Carried.decode(carried.encode()) == carried


@settings(deadline=None, max_examples=200)
@given(
    started=st.floats(0, 1e12),
    counts=st.tuples(st.integers(0, 100), st.integers(0, 100)),
    tls=st.none() | st.binary(max_size=40),
)
def test_anything_carried_arrives(started: float, counts: tuple[int, int], tls: bytes | None) -> None:
    carried = Carried(started, *counts, tls)
    assert Carried.decode(carried.encode()) == carried


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"1.0 0 0 0",
        b"1.0 0 0\n",
        b"1.0 0 0 0 0\n",
        b"soon 0 0 0\n",
        b"1.0 0 x 0\n",
        b"1.0 0 0 \n",
    ],
)
def test_anything_else_in_the_memory_file_is_a_value_error(content: bytes) -> None:
    with pytest.raises(ValueError):
        Carried.decode(content)


@settings(deadline=None, max_examples=300)
@given(content=st.binary(max_size=20) | st.text("01. \nx-", max_size=12).map(str.encode))
def test_any_memory_file_is_read_or_a_value_error(content: bytes) -> None:
    try:
        carried = Carried.decode(content)
    except ValueError:
        return
    assert Carried.decode(carried.encode()).encode() == carried.encode()
    assert carried.tls is None or content.endswith(b"\n" + carried.tls)
