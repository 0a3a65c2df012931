"""Line ends and message ends: LIM-1, AUTHUP-GEN-5, FIX-REQ-1, FIX-DATA-2 to -5, under every cut.

The oracles read the rules by the letter: one byte at a time, with all of the past in hand.
"""

import re
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acceptutils.lines import LineCutter, Message, Overlong, without_ending
from tests.core.conftest import Cases
from tests.core.cuts import cuts

LONG = Overlong.LINE
Lines = list[bytes | Overlong]
slow_enough = settings(
    deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

# Pieces as they may arrive: joined they are the input, so each example brings its own cuts.
TOKENS = st.sampled_from([b"\r", b"\n", b".", b"a", b"\0", b"\r\n", b"\r\n.", b"\n.", b".\r\n", b"\r\n.\r\n"])
PIECES = st.lists(st.lists(TOKENS, max_size=6).map(b"".join), max_size=8)


# Lines


def taken(cutter: LineCutter) -> Lines:
    lines: Lines = []
    while (line := cutter.take()) is not None:
        lines.append(line)
    return lines


def cut_into_lines(pieces: list[bytes], limit: int) -> tuple[Lines, bytes]:
    cutter = LineCutter(limit)
    lines: Lines = []
    for piece in pieces:
        cutter.feed(piece)
        lines += taken(cutter)
    return lines, cutter.take_rest()


@pytest.mark.parametrize(
    ("data", "lines", "rest"),
    [
        pytest.param(b"", [], b"", id="nothing"),
        pytest.param(b"NOOP\r\n", [b"NOOP\r\n"], b"", id="AUTHUP-GEN-5 CRLF"),
        pytest.param(b"NOOP\nQUIT\n", [b"NOOP\n", b"QUIT\n"], b"", id="AUTHUP-GEN-5 bare LF"),
        pytest.param(b"\n\r\nA", [b"\n", b"\r\n"], b"A", id="AUTHUP-GEN-5 empty lines"),
        pytest.param(b"A\rB\r\n", [b"A\rB\r\n"], b"", id="AUTHUP-GEN-5 bare CR ends nothing"),
        pytest.param(b"A\0B\nC", [b"A\0B\n"], b"C", id="AUTHUP-GEN-5 NUL ends nothing"),
        pytest.param(b"AB\nmore", [b"AB\n"], b"more", id="what follows stays"),
        pytest.param(b"123456\r\nA\n", [b"123456\r\n", b"A\n"], b"", id="LIM-1 as long as the limit"),
        pytest.param(b"1234567\r\nA\n", [LONG, b"A\n"], b"", id="LIM-1 one byte longer"),
        pytest.param(b"12345678", [], b"12345678", id="LIM-1 not passed yet"),
        pytest.param(b"123456789", [LONG], b"", id="LIM-1 passed without an end in sight"),
        pytest.param(b"1" * 30 + b"\nA\n", [LONG, b"A\n"], b"", id="LIM-1 reported once, the rest skipped"),
        pytest.param(b"1" * 9 + b"\n" + b"2" * 9 + b"\n\n", [LONG, LONG, b"\n"], b"", id="LIM-1 two of them"),
        pytest.param(b"A\n" + b"1" * 8 + b"\nB", [b"A\n", LONG], b"B", id="LIM-1 then an unfinished line"),
        pytest.param(b"1" * 8 + b"\r\n", [LONG], b"", id="LIM-1 the ending counts"),
    ],
)
def test_lines_are_the_same_under_every_cut(data: bytes, lines: Lines, rest: bytes, cases: Cases) -> None:
    for pieces in cuts(data):
        assert cut_into_lines(pieces, 8) == (lines, rest), pieces
        cases.count += 1


def test_a_long_line_is_reported_when_its_first_byte_over_the_limit_arrives(cases: Cases) -> None:
    cutter = LineCutter(8)
    for byte in b"12345678":
        cutter.feed(bytes([byte]))
        assert cutter.take() is None
    later: list[tuple[bytes, bytes | Overlong | None]]
    later = [(b"9", LONG), (b"0", None), (b"\n", None), (b"A", None), (b"\n", b"A\n")]
    for piece, reported in later:
        cutter.feed(piece)
        assert cutter.take() == reported
        cases.count += 1


def test_what_was_taken_as_rest_is_forgotten(cases: Cases) -> None:
    cutter = LineCutter(8)
    cutter.feed(b"AB\nCD\nE")
    assert cutter.take() == b"AB\n"
    assert cutter.take_rest() == b"CD\nE"
    assert cutter.take_rest() == b""
    cutter.feed(b"F\n")
    assert cutter.take() == b"F\n"
    cases.count += 1


def test_the_rest_may_begin_before_a_line_end_that_was_searched_for(cases: Cases) -> None:
    cutter = LineCutter(8)
    cutter.feed(b"ABC")
    assert cutter.take() is None
    assert cutter.take_rest() == b"ABC"
    cutter.feed(b"\n")
    assert cutter.take() == b"\n"
    cases.count += 1


@slow_enough
@given(pieces=PIECES, limit=st.integers(1, 12))
def test_lines_of_anything_under_random_cuts(pieces: list[bytes], limit: int, cases: Cases) -> None:
    *complete, last = re.split(rb"(?<=\n)", b"".join(pieces))
    lines: Lines = [line if len(line) <= limit else LONG for line in complete]
    rest = last
    if len(last) > limit:
        lines, rest = [*lines, LONG], b""
    assert cut_into_lines(pieces, limit) == (lines, rest)
    cases.count += 1


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(b"NOOP\r\n", b"NOOP", id="AUTHUP-GEN-5 CRLF"),
        pytest.param(b"NOOP\n", b"NOOP", id="AUTHUP-GEN-5 LF"),
        pytest.param(b"NOOP\r\r\n", b"NOOP\r", id="AUTHUP-GEN-5 one CR only"),
        pytest.param(b"\r\n", b"", id="AUTHUP-GEN-5 empty"),
        pytest.param(b"\n", b"", id="AUTHUP-GEN-5 empty, LF"),
        pytest.param(b"A\n\n", b"A\n", id="FIX-REQ-1 one LF only"),
        pytest.param(b"A \t\r\n", b"A \t", id="AUTHUP-GEN-5 blanks stay"),
    ],
)
def test_a_line_without_its_ending(line: bytes, expected: bytes) -> None:
    assert without_ending(line) == expected


# Messages


class ByTheLetter:
    """FIX-DATA-3 and FIX-DATA-5, one byte at a time, remembering all."""

    def __init__(self) -> None:
        self.seen = b"\r\n"  # the end of the DATA line
        self.output = b""

    @property
    def ended(self) -> bool:
        return len(self.seen) >= 5 and self.seen.endswith(b"\r\n.\r\n")

    def take(self, byte: bytes) -> None:
        if byte == b"\n" and not self.seen.endswith(b"\r"):  # a bare LF ...
            lone_dot = self.seen.endswith(b"\r\n.")  # ... that ends a line of one dot
            self.output += b".\r\n" if lone_dot else b"\r\n"
        elif byte == b"." and self.seen.endswith(b"\n") and not self.seen.endswith(b"\r\n"):
            self.output += b".."
        else:
            self.output += byte
        self.seen += byte


def by_the_letter(data: bytes) -> tuple[bytes, bytes | None]:
    model = ByTheLetter()
    for place in range(len(data)):
        model.take(data[place : place + 1])
        if model.ended:
            return model.output, data[place + 1 :]
    return model.output, None


def sent_on(pieces: list[bytes]) -> tuple[bytes, bytes | None]:
    message = Message()
    output = b""
    for number, piece in enumerate(pieces, start=1):
        more, behind = message.feed(piece)
        output += more
        if behind is not None:
            return output, behind + b"".join(pieces[number:])
    return output, None


def end_at_lenient_server(data: bytes) -> int | None:
    """Where ofmipd ends a message (OFM-2): at LF . LF and at LF . CRLF, also at the message's start."""
    end = re.search(rb"(?:\A|\n)\.\r?\n", data)
    return end.end() if end else None


def text_at_server(message: bytes) -> bytes:
    """What a server makes of a whole message: lines end at CRLF, a dot in front is taken off."""
    lines = message.removesuffix(b".\r\n").split(b"\r\n")
    return b"\r\n".join(line.removeprefix(b".") for line in lines)


def text_as_meant(message: bytes) -> bytes:
    """The same text when a bare LF counts as CRLF, and only the client's own CRLF makes dots special."""
    after_crlf = True
    text = b""
    for line in re.split(rb"(?<=\n)", message.removesuffix(b".\r\n")):
        content = without_line_end(line)
        stuffed = after_crlf and content.startswith(b".") and content != b"."
        text += content[1:] if stuffed else content
        text += b"\r\n" if line.endswith(b"\n") else b""
        after_crlf = line.endswith(b"\r\n")
    return text


def without_line_end(line: bytes) -> bytes:
    return line[:-2] if line.endswith(b"\r\n") else line.rstrip(b"\n")


def hold(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    output, behind = sent_on(pieces)
    assert (output, behind) == by_the_letter(data), pieces
    assert not re.search(rb"(?<!\r)\n", output), "no bare LF reaches the server"
    end = end_at_lenient_server(output)
    if behind is None:
        assert end is None, "the server sees an end where we see none"
    else:
        assert end == len(output), "the server sees the end where we see it"
        message = data[: len(data) - len(behind)]
        assert text_at_server(output) == text_as_meant(message)


@pytest.mark.parametrize(
    ("data", "output", "behind"),
    [
        pytest.param(b".\r\n", b".\r\n", b"", id="FIX-DATA-3 the empty message"),
        pytest.param(b"A\r\n.\r\n", b"A\r\n.\r\n", b"", id="FIX-DATA-3 CRLF.CRLF"),
        pytest.param(
            b"A\r\n.\r\nQUIT\n", b"A\r\n.\r\n", b"QUIT\n", id="FIX-DATA-4 what follows is a request"
        ),
        pytest.param(b".\r\n.\r\n", b".\r\n", b".\r\n", id="FIX-DATA-4 a dot that follows"),
        pytest.param(
            b"A\r\n.\r\n\n.\n", b"A\r\n.\r\n", b"\n.\n", id="FIX-DATA-4 what follows is not rewritten"
        ),
        pytest.param(b"A.\r\nB", b"A.\r\nB", None, id="FIX-DATA-3 a dot in mid-line"),
        pytest.param(b"A\r\n..\r\nB", b"A\r\n..\r\nB", None, id="FIX-DATA-3 a stuffed dot"),
        pytest.param(b"A\r\n.B\r\n", b"A\r\n.B\r\n", None, id="FIX-DATA-5 a dot after CRLF passes"),
        pytest.param(b".B\r\n", b".B\r\n", None, id="FIX-DATA-5 a dot at the start passes"),
        pytest.param(b"A\r\n.\r\r\n", b"A\r\n.\r\r\n", None, id="FIX-DATA-3 CRLF.CRCRLF ends nothing"),
        pytest.param(b"A\r\n.\r", b"A\r\n.\r", None, id="FIX-DATA-5 nothing is held back"),
        pytest.param(b"A\nB", b"A\r\nB", None, id="FIX-DATA-5 bare LF becomes CRLF"),
        pytest.param(b"\n", b"\r\n", None, id="FIX-DATA-5 bare LF at the start"),
        pytest.param(b"A\n\n\r\n\n", b"A\r\n\r\n\r\n\r\n", None, id="FIX-DATA-5 several bare LFs"),
        pytest.param(b"A\n.\nB", b"A\r\n..\r\nB", None, id="FIX-DATA-5 LF.LF"),
        pytest.param(b"A\n.\r\nB", b"A\r\n..\r\nB", None, id="FIX-DATA-5 LF.CRLF"),
        pytest.param(b"A\r\n.\nB", b"A\r\n..\r\nB", None, id="FIX-DATA-5 CRLF.LF"),
        pytest.param(b".\nB", b"..\r\nB", None, id="FIX-DATA-5 .LF at the start"),
        pytest.param(b"\n.\r\n", b"\r\n..\r\n", None, id="FIX-DATA-5 LF.CRLF at the start"),
        pytest.param(b"A\n..\n", b"A\r\n...\r\n", None, id="FIX-DATA-5 only the first dot is doubled"),
        pytest.param(b"A\r\n..\n", b"A\r\n..\r\n", None, id="FIX-DATA-5 two dots after CRLF pass"),
        pytest.param(b"A\r\n.\n.\n.\r\n", b"A\r\n..\r\n..\r\n..\r\n", None, id="FIX-DATA-5 dots in a row"),
        pytest.param(
            b"A\n.\r\n.\r\n", b"A\r\n..\r\n.\r\n", b"", id="FIX-DATA-3 LF.CRLF.CRLF ends at the second"
        ),
        pytest.param(
            b"A\r\n.\n.\r\n.\r\n", b"A\r\n..\r\n..\r\n.\r\n", b"", id="FIX-DATA-3 the last of three"
        ),
        pytest.param(b"\r\r\n.\r\n", b"\r\r\n.\r\n", b"", id="FIX-DATA-3 CRCRLF.CRLF"),
        pytest.param(
            b"A\r.\r\n\rB\0\r\n", b"A\r.\r\n\rB\0\r\n", None, id="FIX-DATA-5 bare CRs and NULs pass"
        ),
        pytest.param(b"A\n\0.\n", b"A\r\n\0.\r\n", None, id="FIX-DATA-5 a NUL is no line end"),
        pytest.param(b"\n.\0\n", b"\r\n..\0\r\n", None, id="FIX-DATA-5 a dot and a NUL after bare LF"),
    ],
)
def test_a_message(data: bytes, output: bytes, behind: bytes | None, cases: Cases) -> None:
    for pieces in cuts(data):
        assert sent_on(pieces) == (output, behind), pieces
        hold(pieces)
        cases.count += 1


def test_every_short_message_of_the_dangerous_bytes(cases: Cases) -> None:
    for length in range(7):
        for letters in product((b"\r", b"\n", b".", b"a"), repeat=length):
            data = b"".join(letters)
            expected = by_the_letter(data)
            hold([data])
            for place in range(1, length):
                assert sent_on([data[:place], data[place:]]) == expected, (data, place)
                cases.count += 1
            assert sent_on(list(letters)) == expected, data


@slow_enough
@given(pieces=PIECES)
def test_any_message_under_random_cuts(pieces: list[bytes], cases: Cases) -> None:
    hold(pieces)
    cases.count += 1


@slow_enough
@given(pieces=PIECES)
def test_a_message_is_passed_on_as_it_comes(pieces: list[bytes], cases: Cases) -> None:
    message = Message()
    output, so_far = b"", b""
    for piece in pieces:
        more, behind = message.feed(piece)
        output, so_far = output + more, so_far + piece
        assert (output, behind) == by_the_letter(so_far)  # FIX-DATA-5: nothing is held back
        if behind is not None:
            break
    cases.count += 1


@slow_enough
@given(body=st.lists(TOKENS, max_size=12).map(b"".join), edge=st.integers(0, 8))
def test_the_end_of_a_long_message_at_any_edge_of_a_piece(body: bytes, edge: int, cases: Cases) -> None:
    data = b"a" * 70 + body + b"\r\n.\r\nQUIT\r\n"
    for size in 64 + edge, 16 + edge, 1:
        hold([data[i : i + size] for i in range(0, len(data), size)])
        cases.count += 1
