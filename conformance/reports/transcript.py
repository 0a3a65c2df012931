"""The record of one run as lines: what was sent and heard, by whom, and when."""

from collections.abc import Iterator, Mapping
from typing import Any

from conformance.format import octets
from conformance.playing.verdicts import SYMBOLS, Moment, Result
from conformance.reports.blocks import Line, Role, Span, end_of
from conformance.reports.notation import clean, decoded
from conformance.reports.overview import role_of

INDENTED = frozenset({"c", "s", "fd3", "K"})
OURS = frozenset({"C", "CT", "s"})
HEX_ROW = 16


def transcript(result: Result, *, timing: bool = False, as_hex: bool = False) -> list[Line]:
    """Return the record of a run; with `timing` to the microsecond, packet by packet."""
    symbol = Span(f" {SYMBOLS[result.verdict]} ", role_of(result.verdict))
    head = (symbol, Span(result.token, "strong"), Span(f"  {result.verdict.value}", symbol.role))
    start = beginning(result)
    lines: list[Line] = [head]
    for moment in result.record:
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


def _moment(moment: Moment, *, as_hex: bool, whole: bool) -> Iterator[Line]:
    indent = "    " if moment.lane in INDENTED else ""
    role: Role = "plain" if moment.lane in OURS else "strong"
    if not moment.data:
        yield (Span(f"{indent}{moment.lane}! {clean(moment.what)}", "rule"),)
        return
    if as_hex:
        for start in range(0, len(moment.data), HEX_ROW):
            row = moment.data[start : start + HEX_ROW]
            yield (
                Span(f"{indent}{moment.lane}: ", "dim"),
                Span(f"{start:04x}  {row.hex(' '):<{HEX_ROW * 3}} "),
                Span("".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row), role),
            )
        return
    for piece in [moment.data] if whole else pieces(moment.data):
        inside = decoded(piece)
        note = (Span(f'   "{inside}"', "dim"),) if inside else ()
        yield (Span(f"{indent}{moment.lane}: ", "dim"), Span(octets.visible(piece), role), *note)
    if moment.what:
        yield (Span(f"{indent}... {clean(moment.what)}", "dim"),)


def _process(process: Mapping[str, Any]) -> Line:
    """Return one process: its pid, its parent's, what it became, how it ended."""
    programs = process.get("programs", [])
    names = " = ".join(f"{program['name']}({program.get('uid')})" for program in programs)
    who = f"{process.get('pid')}, child of {process.get('parent')}"
    return (Span(f"   proc {who}: {clean(names)}  {end_of(process)}", "dim"),)
