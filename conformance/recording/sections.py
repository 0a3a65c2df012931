"""The sections of a recorded scenario beside its talk: control files, the process tree."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from conformance.format import octets
from conformance.format.lint import READERS
from conformance.format.talk import Section
from conformance.playing import attributes
from conformance.playing.stage import BRACED, Process

_NAME: Final = re.compile(r"[!-~]+")
_HEADING: Final = re.compile(r"-- .* --")
_CLOSE: Final = 2
"""Blanks between the longest name of a tree and its attributes, at least."""


def files(given: Mapping[str, bytes], chain: Sequence[str], header: str, *, fakes: bool) -> Iterator[Section]:
    """Yield a section for each file that a program of the chain reads, or that the header names.

    `fakes`: the chain has fakes of ours, which are told things by files.
    """
    braced = set(BRACED.findall(" ".join(chain)))
    for name, data in sorted(given.items()):
        path = name.rstrip("/")
        readers = READERS.get(path.removeprefix("control/"), frozenset()) if "/" in name else frozenset()
        if "/" not in name or not _NAME.fullmatch(name) or ".." in path.split("/"):
            continue
        named = name in header or (not name.startswith("control/") and path.rpartition("/")[2] in header)
        if readers & braced or fakes or named:
            yield file_section(name, data)


def file_section(name: str, data: bytes) -> Section:
    """Return the section of one file: as it is where it can be read so, else in octets."""
    if name.endswith("/"):
        return Section(name, (), 0)
    lines = data.split(b"\n")
    try:
        text = data.decode().split("\n")
    except UnicodeDecodeError:
        text = []
    plain = bool(text) and text[-1] == "" and not any(map(_is_odd, text))
    if plain:
        return Section(name, tuple(text[:-1]), 0)
    ended = [line + b"\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
    return Section(f"{name} octets", tuple(map(_octets, ended)), 0)


def _is_odd(line: str) -> bool:
    return line.endswith((" ", "\t")) or "\r" in line or "\0" in line or _HEADING.fullmatch(line) is not None


def _octets(line: bytes) -> str:
    text = octets.write(line, ending=b"\n")
    return r"\x2d" + text[1:] if _HEADING.fullmatch(text) else text


def process_tree(processes: Sequence[Process]) -> Section:
    """Return -- processes --: who ran, as whom, and how it ended."""
    rows = []
    for depth, program, process, becomes in attributes.flatten(processes):
        words = [] if program.uid is None else [f"uid={program.uid}"]
        if program is process.programs[-1] and process.ended is not None and process.observed_end:
            words.append(attributes.end_word(process.ended))
        rows.append((f"{'  ' * depth}{program.name}{' =' if becomes else ''}", " ".join(words)))
    width = max((len(name) for name, _ in rows), default=0) + _CLOSE
    return Section("processes", tuple(f"{name:<{width}}{words}".rstrip() for name, words in rows), 0)
