"""The record of one run as lines: what was sent and heard, by whom, and when."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import groupby
from typing import Any

from conformance.format import octets
from conformance.playing.verdicts import SYMBOLS, Moment, Result
from conformance.reports.blocks import Line, Role, Span, end_of
from conformance.reports.notation import clean, decoded
from conformance.reports.overview import role_of

INDENTED = frozenset({"c", "s", "fd3", "K"})
OURS = frozenset({"C", "CT", "s"})
HEX_ROW = 16
MOST_SHOWN = 4096
"""Bytes of one packet; of a longer one the ends are shown, a few lines each, of at most so many bytes."""
MOST_OF_AN_END = 512
FEW_LINES = 3


def transcript(result: Result, *, timing: bool = False, as_hex: bool = False) -> list[Line]:
    """Return the record of a run, huge packets cut in the middle; `timing`: packet by packet, exactly."""
    symbol = Span(f" {SYMBOLS[result.verdict]} ", role_of(result.verdict))
    head = (symbol, Span(result.token, "strong"), Span(f"  {result.verdict.value}", symbol.role))
    start = beginning(result)
    lines: list[Line] = [head]
    for moment in result.record if timing else _joined(result.record):
        time = moment.time - start
        stamp = f"{time:12.6f}  " if timing else f"{time:9.3f}  "
        for number, line in enumerate(_moment(moment, as_hex=as_hex, whole=timing)):
            first = Span(stamp if number == 0 else " " * len(stamp), "dim")
            lines.append((first, *line))
    if timing:
        lines += [_process(process) for process in result.processes]
    if result.reason:
        lines += [(Span(f"   {clean(line)}", "dim"),) for line in result.reason.splitlines()]
    return lines


def beginning(result: Result) -> float:
    """Return the time of the first thing on the record; clocks do not start at 0."""
    programs = [program for process in result.processes for program in process.get("programs", [])]
    times = [program["started"] for program in programs if program.get("started") is not None]
    return min([moment.time for moment in result.record] + times, default=0.0)


def pieces(data: bytes) -> list[bytes]:
    """Split bytes behind each LF."""
    found = data.split(b"\n")
    return [piece + b"\n" for piece in found[:-1]] + ([found[-1]] if found[-1] else [])


def _joined(record: Iterable[Moment]) -> Iterator[Moment]:
    """Yield what came on one lane at one time as one packet if it is huge; all else as it is."""
    for _, group in groupby(record, key=lambda moment: (moment.lane, moment.time, moment.what)):
        moments = list(group)
        if sum(len(moment.data) for moment in moments) > MOST_SHOWN:
            yield replace(moments[0], data=b"".join(moment.data for moment in moments))
        else:
            yield from moments


def _moment(moment: Moment, *, as_hex: bool, whole: bool) -> Iterator[Line]:
    indent = "    " if moment.lane in INDENTED else ""
    role: Role = "plain" if moment.lane in OURS else "strong"
    if not moment.data:
        yield (Span(f"{indent}{moment.lane}! {clean(moment.what)}", "rule"),)
        return
    said = Span(f"{indent}{moment.lane}: ", "dim")
    first, last = ends(moment.data)
    for start, end in ((0, first), (last, len(moment.data))):
        if start > first:
            yield (said, Span(f"… {start - first} bytes …", "dim"))
        data = moment.data[start:end]
        if as_hex:
            yield from ((said, *row) for row in _rows(data, start, role))
            continue
        for piece in [data] if whole and data else pieces(data):
            inside = decoded(piece)
            note = (Span(f'   "{inside}"', "dim"),) if inside else ()
            yield (said, Span(octets.visible(piece), role), *note)
    if moment.what and not as_hex:
        yield (Span(f"{indent}... {clean(moment.what)}", "dim"),)


def ends(data: bytes) -> tuple[int, int]:
    """Return where the part of a packet that is shown first ends, and where the last part begins.

    It is cut between lines, if these are short enough; both are the packet's length if it is not cut.
    """
    if len(data) <= MOST_SHOWN:
        return len(data), len(data)
    head = pieces(data[:MOST_OF_AN_END])
    lines = [piece for piece in head if piece.endswith(b"\n")][:FEW_LINES] or head
    first = len(b"".join(lines))
    tail = pieces(data[-MOST_OF_AN_END:])
    last = len(data) - len(b"".join(tail[1:][-FEW_LINES:] or tail))
    return first, last


def _rows(data: bytes, start: int, role: Role) -> Iterator[Line]:
    """Yield rows of a hexadecimal dump; `start` is the offset of the first byte."""
    for offset in range(0, len(data), HEX_ROW):
        row = data[offset : offset + HEX_ROW]
        shown = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
        yield (Span(f"{start + offset:04x}  {row.hex(' '):<{HEX_ROW * 3}} "), Span(shown, role))


def _process(process: Mapping[str, Any]) -> Line:
    """Return one process: its pid, its parent's, what it became, how it ended."""
    programs = process.get("programs", [])
    names = " = ".join(f"{program['name']}({program.get('uid')})" for program in programs)
    who = f"{process.get('pid')}, child of {process.get('parent')}"
    return (Span(f"   proc {who}: {clean(names)}  {end_of(process)}", "dim"),)
