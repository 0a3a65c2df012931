r"""A scenario as text again, with a variation written into it: `\|` for its cuts, merged packets merged.

Nothing but the lines concerned changes, so what stands in a report's file looks like the scenario.
"""

import itertools
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from conformance.format import octets
from conformance.format.talk import SENDING, Happen, Say, Talk
from conformance.format.talk_parser import parse
from conformance.playing.beats import ENDINGS, Score, Send, understand
from conformance.varying.variations import Variation, VariationError, apply, explicit_cuts

EDGE: Final = r"\|"
_SAID: Final = re.compile(r"(?P<gutter>\s*(?P<lane>\w+):)(?: (?P<text>.*))?")
_REPEATED: Final = re.compile(r"\{repeat:([0-9]+):(.*)\}", re.DOTALL)


def source(talk: Talk) -> str:
    """Return the text of a scenario; a row of a table with its columns filled in."""
    return "".join(f"{line}\n" for line in [*header_lines(talk), *section_lines(talk)])


def header_lines(talk: Talk) -> list[str]:
    """Return the lines of the header."""
    return [entry.value if entry.key in ("", "#") else f"{entry.key}: {entry.value}" for entry in talk.header]


def section_lines(talk: Talk) -> list[str]:
    """Return the lines of all sections, with those that name them."""
    return [line for section in talk.sections for line in (f"-- {section.name} --", *section.lines)]


def write_in(talk: Talk, variation: Variation) -> Talk:
    """Return the scenario whose base is this one under this variation.

    Kinds that the text has no words for raise VariationError, as do places that are not there.
    """
    if variation.kind not in ("base", "bytes", "cuts", "multi", "merge"):
        raise VariationError(f"{variation}: a .talk file has no words for that")
    score = understand(talk)
    beats = apply(variation, score)
    section = talk.section("talk")
    assert section is not None  # noqa: S101 - a Talk has one
    lines: dict[int, str] = dict(enumerate(section.lines, section.line + 1))
    order = list(lines)
    if variation.kind == "merge":
        _move(order, talk, [beat for beat in beats if isinstance(beat, Send)])
    for line, offsets in _offsets(score, variation).items():
        lines[line] = _with_edges(lines[line], offsets, score.files)
    changed = section._replace(lines=tuple(lines.get(number, "") for number in order))
    sections = tuple(changed if other is section else other for other in talk.sections)
    return parse(source(replace(talk, sections=sections)), name=talk.name, file=talk.file)


def without_edges(line: str) -> list[str]:
    """Return the line of a talk with each of its packet edges left out in turn."""
    found = _SAID.fullmatch(line)
    if found is None:
        return []
    atoms = octets.atoms(found["text"] or "")
    edges = [number for number, atom in enumerate(atoms) if atom == EDGE]
    return [_said(found["gutter"], atoms[:number] + atoms[number + 1 :]) for number in edges]


def _said(gutter: str, atoms: Sequence[str]) -> str:
    text = "".join(atoms)
    if text.endswith(r"\r\n" + "\\"):
        text = text[: -len(r"\r\n") - 1]
    return f"{gutter} {text}" if text else gutter


def _offsets(score: Score, variation: Variation) -> dict[int, list[int]]:
    """Return where each line gets edges; one behind a line stands at the beginning of the next."""
    following = {}
    for beat in score.beats:
        if isinstance(beat, Send):
            for (line, length), (after, _) in zip(beat.lines, beat.lines[1:], strict=False):
                following[line, length] = after
    offsets: dict[int, list[int]] = defaultdict(list)
    for line, offset in explicit_cuts(variation, score):
        if (line, offset) in following:
            offsets[following[line, offset]].append(0)
        else:
            offsets[line].append(offset)
    return offsets


def _move(order: list[int], talk: Talk, merged: Sequence[Send]) -> None:
    """Put the lines of each packet next to each other; what a moved line parted stays parted."""
    gutters = {step.line: step.gutter for step in talk.steps if isinstance(step, Say | Happen)}
    for send in merged:
        for (before, _), (number, _) in itertools.pairwise(send.lines):
            place = order.index(number)
            if order[place - 1] == before:
                continue
            above = next((gutters[n] for n in reversed(order[:place]) if n in gutters), "")
            below = next((gutters[n] for n in order[place + 1 :] if n in gutters), "")
            order[place : place + 1] = [0] if above == below and above in SENDING else []
            order.insert(order.index(before) + 1, number)


def _with_edges(line: str, offsets: Sequence[int], files: Mapping[str, bytes]) -> str:
    """Return a line with packet edges at these offsets of its bytes."""
    found = _SAID.fullmatch(line)
    assert found is not None  # noqa: S101 - it is one that we send
    atoms = octets.atoms(found["text"] or "")
    ending = ENDINGS.get(found["lane"], b"\r\n")
    size = len(octets.literal(octets.parse(found["text"] or "", files=files)))
    if any(size < offset < size + len(ending) for offset in offsets):
        atoms += [*octets.atoms(octets.write(ending)), "\\"]
    written: list[str] = []
    position = 0
    for atom in atoms:
        data = octets.literal(octets.parse(atom, files=files))
        inside = [offset - position for offset in offsets if position <= offset < position + len(data)]
        written += _split(atom, data, inside)
        position += len(data)
    if position in offsets:
        written.append(EDGE)
    return _said(found["gutter"], written)


def _split(atom: str, data: bytes, offsets: Sequence[int]) -> list[str]:
    """Return an atom with edges at these offsets below its length."""
    bounds = sorted(offset for offset in offsets if offset)
    edges = [EDGE] if 0 in offsets else []
    if not bounds:
        return [*edges, atom]
    repeated = _REPEATED.fullmatch(atom)
    for start, end in zip([0, *bounds], [*bounds, len(data)], strict=True):
        if repeated and len(data) == int(repeated[1]):
            edges.append(f"{{repeat:{end - start}:{repeated[2]}}}")
        else:
            edges += octets.atoms(octets.write(data[start:end]))
        edges.append(EDGE)
    return edges[:-1]
