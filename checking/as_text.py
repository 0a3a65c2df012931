"""What was found, for people."""

import textwrap
from collections.abc import Iterator

from checking.checkup import Checkup
from checking.remarks import Remark, Severity
from conformance.reports.notation import clean

WIDTH = 100


def text(checkup: Checkup) -> str:
    """Return all of it, in sections that are left out where there is nothing."""
    sections = [_programs(checkup), _rules(checkup), _remarks(checkup), _transcript(checkup), [_sum(checkup)]]
    return "\n\n".join("\n".join(section) for section in sections if section) + "\n"


def _programs(checkup: Checkup) -> list[str]:
    lines: list[str] = []
    before = None
    for words, does, user in checkup.programs:
        runs = (
            "" if user == before else f"; it runs as {user}" + ("" if before else ", and so do the next ones")
        )
        lines += [f"  {clean(words)}", *_wrapped("      ", f"{does}{runs}")]
        before = user
    return ["What the command line does:", "", *lines] if lines else []


def _rules(checkup: Checkup) -> list[str]:
    lines = [line for number, does in checkup.rules for line in _wrapped(f"{number:6}  ", does)]
    return (
        [f"What {clean(str(checkup.home))}/control/fixsmtpio does, line by line:", "", *lines]
        if lines
        else []
    )


def _remarks(checkup: Checkup) -> list[str]:
    return [line for found in checkup.remarks for line in _remark(found)]


def _remark(found: Remark) -> Iterator[str]:
    place = found.place.file if found.place.line is None else f"{found.place.file}:{found.place.line}"
    rules = f" ({', '.join(found.rules)})" if found.rules else ""
    yield clean(f"{place}: {found.severity.name.lower()}: {found.code}{rules}")
    yield from _wrapped("    ", found.text)
    if found.advice:
        yield from _wrapped("    -> ", found.advice)


def _transcript(checkup: Checkup) -> list[str]:
    if checkup.transcript is None:
        return []
    return [
        "What a client would see (a simulated session):",
        "",
        *(clean(line) for line in checkup.transcript),
    ]


def _sum(checkup: Checkup) -> str:
    counts = [_counted(checkup.count(severity), severity.name.lower()) for severity in reversed(Severity)]
    return f"{', '.join(counts)}."


def _counted(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"


def _wrapped(start: str, words: str) -> list[str]:
    """Break words into lines; what stands in `...` may be broken too, but keeps its blanks."""
    return textwrap.wrap(
        clean(words),
        WIDTH,
        initial_indent=start,
        subsequent_indent=" " * len(start),
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
        replace_whitespace=False,
    )
