"""The parts of the debugger that need no session."""

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance import cli
from conformance.debugging import usual
from conformance.debugging.cast import Cast
from conformance.debugging.commands_keeping import changed
from conformance.debugging.inner_server import MOST_WAITING, InnerServer
from conformance.debugging.lanes import BadPatternError, Lane, expression, line_pattern
from conformance.debugging.session import CannotError
from conformance.debugging.table import seconds
from conformance.debugging.typing_lines import split
from conformance.format import octets

EVERY = bytes(range(256))


@pytest.fixture
def lane() -> Iterator[Lane]:
    made = Lane("S")
    yield made
    made.close()


def test_a_lane_keeps_every_byte_as_it_came(lane: Lane) -> None:
    lane.feed(EVERY)
    assert lane.unmatched == EVERY
    assert lane.find([expression(r"\x0d\x0e")]) == 0
    assert (lane.before, lane.matched, lane.unmatched) == (EVERY[:13], b"\r\x0e", EVERY[15:])
    assert lane.find([expression("x$"), expression(r"\xff")]) == 1
    assert lane.unmatched == b""
    assert lane.find([expression("x")]) is None


@settings(deadline=None, max_examples=30)
@given(st.binary(max_size=60), st.lists(st.integers(0, 60)))
def test_cuts_do_not_matter_to_a_lane(data: bytes, places: list[int]) -> None:
    lane = Lane("S")
    edges = [0, *sorted(places), len(data)]
    for start, end in pairwise(edges):
        lane.feed(data[start:end])
    assert lane.unmatched == data
    lane.close()


def test_megabytes_on_a_lane(lane: Lane) -> None:
    data = EVERY * 8192
    lane.feed(data + b"\r\nend")
    assert lane.find([expression(r"\r\nend\Z")]) == 0
    assert lane.before == data


@pytest.mark.parametrize(
    ("glob", "data", "found"),
    [
        ("5*", b"220 x\r\n550 no\r\n", b"550 no\r"),
        ("250?*", b"250-a\r\n250 b\r\n", b"250-a\r"),
        ("a.b", b"axb\r\n", None),
        ("[23]??", b"250\n", b"250"),
        ("+OK*", b"+OK \r\n", b"+OK \r"),
    ],
)
def test_breaks_are_shell_patterns_of_whole_lines(
    lane: Lane, glob: str, data: bytes, found: bytes | None
) -> None:
    lane.feed(data)
    assert lane.find([line_pattern(glob)]) == (None if found is None else 0)
    assert found is None or lane.matched == found


@pytest.mark.parametrize("text", ["(", "[", "*", "\udcff"])
def test_what_is_no_pattern(text: str) -> None:
    with pytest.raises(BadPatternError):
        expression(text)


def test_what_is_typed_in_utf_8_is_found_as_it_is_sent(lane: Lane) -> None:
    lane.feed("250 café\r\n".encode())
    assert lane.find([expression("é")]) == 0


SAID = b"EHLO x\r\nMAIL FROM:<a@b>\r\nnonsense\nDATA\r\nQUIT\r\n..\r\n.\r\nRSET\r\nQUIT\r\nNOOP\r\n"


@given(st.lists(st.integers(0, len(SAID))))
def test_the_inner_server_however_its_input_is_cut(places: list[int]) -> None:
    server = InnerServer("smtp")
    edges = [0, *sorted(places), len(SAID)]
    replies = b"".join(server.hear(SAID[start:end]) for start, end in pairwise(edges))
    codes = [line[:3] for line in replies.splitlines() if line[3:4] == b" "]
    assert codes == [b"250", b"250", b"502", b"354", b"250", b"250", b"221"]
    assert server.over == 0


def test_the_inner_server_of_pop3() -> None:
    server = InnerServer("pop3")
    assert server.greeting() == b"+OK \r\n"
    assert server.hear(b"STAT\r\nRETR 1\r\n") == b"+OK 0 0\r\n-ERR no such message\r\n"
    server.end_of_input()
    assert server.over == 0


@given(st.binary())
def test_the_inner_server_takes_anything(data: bytes) -> None:
    for protocol in ("smtp", "pop3"):
        server = InnerServer(protocol)
        server.hear(data * 3)
        server.hear(b"x" * (MOST_WAITING + 1))


def test_a_recording_is_an_asciicast_of_version_3(tmp_path: Path) -> None:
    cast = Cast(80, 24, title="x")
    cast.output("one\ntwo\r\n\x1b[1m€")
    cast.resized(80, 24)
    cast.resized(100, 30)
    cast.output("\n")
    assert cast.write(tmp_path / "it", {"TERM": "xterm", "SHELL": "/bin/sh", "SECRET": "x"}) == 3
    header, *events = map(json.loads, (tmp_path / "it").read_text().splitlines())
    assert header.pop("timestamp") > 0
    assert header == {
        "version": 3,
        "term": {"cols": 80, "rows": 24, "type": "xterm"},
        "title": "x",
        "env": {"SHELL": "/bin/sh"},
    }
    assert [event[1:] for event in events] == [
        ["o", "one\r\ntwo\r\n\x1b[1m€"],
        ["r", "100x30"],
        ["o", "\r\n"],
    ]
    assert all(0 <= event[0] < 60 for event in events)  # since the one before


@given(st.binary(min_size=1, max_size=30), st.lists(st.integers(0, 29)))
def test_a_split_loses_nothing(data: bytes, places: list[int]) -> None:
    places = [place for place in places if place < len(data)]
    assert octets.resolve(split((data,), places), {}) == (data, tuple(sorted({*places} - {0})))


def test_a_split_keeps_the_edges_that_were_typed() -> None:
    assert octets.resolve(split(octets.parse(r"ab\|cd"), [1]), {}) == (b"abcd", (1, 2))
    with pytest.raises(CannotError):
        split((b"abc",), [3])


@pytest.mark.parametrize(
    ("change", "after"),
    [
        ("+ c", b"a\nb\nc\n"),
        (r"+ \xff\0", b"a\nb\n\xff\0\n"),
        ("2 c", b"a\nc\n"),
        ("1 -", b"b\n"),
        (r"1 \x2d", b"-\nb\n"),
        ("1", b"\nb\n"),
    ],
)
def test_changes_of_a_control_file(change: str, after: bytes) -> None:
    assert changed(b"a\nb", change) == after


@pytest.mark.parametrize("change", ["0 x", "3 x", "-1 x", "x", "² x", "9" * 5000 + " x", "edit2"])
def test_what_is_no_change(change: str) -> None:
    with pytest.raises(CannotError):
        changed(b"a\nb\n", change)


@pytest.mark.parametrize(
    ("text", "found"), [("5", 5), ("5s", 5), ("200ms", 0.2), ("20m", 1200), ("1.5h", 5400), ("", 7), ("0", 0)]
)
def test_times(text: str, found: float) -> None:
    assert seconds(text, 7) == found


@pytest.mark.parametrize(
    "text", ["s", ".", ".5", "5.", "1e3", "inf", "nan", "-1", "5 s", "５s", "25h", "9" * 400]
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(CannotError):
        seconds(text, 7)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["debug", "--run", "ls"], cli.UNUSABLE, "ls: No such file or directory; what is tested stands in"),
        (["debug", "--run", " "], cli.UNUSABLE, "expected a chain with a program in it"),
        (["debug", "--attach", "\x1b[2J"], cli.USAGE, r"\x1b[2J: No such file"),
        (["record", "nosuch/x.talk"], cli.USAGE, "nosuch: No such file"),
    ],
)
def test_what_cannot_be_begun_is_one_line(
    words: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"conform: {said}")


@pytest.mark.parametrize(
    ("without", "expected"),
    [
        ((), usual.SMTP),
        (("reup", "checknotroot"), "{authup} smtp {checkpassword} {fixsmtpio} {ofmipd}"),
        (("fixsmtpio", "checknotroot"), "{authup} smtp {checkpassword} {ofmipd}"),
        (("authup", "checknotroot", "reup"), "{fixsmtpio} {ofmipd}"),
    ],
)
def test_the_usual_chain_has_what_is_there(without: tuple[str, ...], expected: str) -> None:
    assert usual.chain(without=without) == expected
    assert ("control/fixsmtpio" in usual.files(expected, "")) == ("fixsmtpio" in expected)
    assert "control/smtpgreeting" in usual.files(expected, "")
