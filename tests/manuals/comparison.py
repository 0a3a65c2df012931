"""What a program's manual and its source do not agree on, in both directions."""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import chain

from tests.manuals import surroundings
from tests.manuals.page import HOLE, Page, plain
from tests.manuals.source import Source

OVERVIEW = "acceptutils.7"
_REPLY = re.compile(r"[0-9]{3}[ -]|\+OK|-ERR")
_LETTERS = re.compile(r"[A-Za-z]{3}")


@cache
def source(program: str) -> Source:
    """Return what a program's source uses."""
    return Source(program)


known_options = cache(surroundings.options)
known_files = cache(surroundings.control_files)


def common_variables() -> set[str]:
    """Return the variables that the overview names for all programs."""
    return Page.read(OVERVIEW).named("ENVIRONMENT", "Ev")


def disagreements(program: str, page: Page) -> list[str]:
    """Return what either side has and the other has not; empty if they agree."""
    found = [comparison(program, page) for comparison in (_options, _environment, _files)]
    found += [comparison(program, page) for comparison in (_exit_codes, _logs, _replies)]
    return [*chain.from_iterable(found)]


def differ(what: str, manual: Iterable[object], source: Iterable[object]) -> Iterator[str]:
    """Yield what only one of the two has."""
    yield from (f"{what} {name}: not in the source" for name in sorted(map(str, {*manual} - {*source})))
    yield from (f"{what} {name}: not in the manual" for name in sorted(map(str, {*source} - {*manual})))


def _options(program: str, page: Page) -> Iterator[str]:
    listed = {
        "-" * item.words.count("Fl") + item.words[item.words.count("Fl")]
        for item in page.heads("OPTIONS", "Fl")
    }
    yield from differ("option", listed, known_options(program))


def _environment(program: str, page: Page) -> Iterator[str]:
    used, common = source(program), common_variables()
    listed = page.named("ENVIRONMENT", "Ev")
    yield from (f"variable {name}: not in ENVIRONMENT" for name in used.variables - listed - common)
    yield from (f"variable {name}: not in the source" for name in listed - used.words)
    yield from (
        f"variable {name}: marked, but not in ENVIRONMENT" for name in page.marked("Ev") - listed - common
    )
    mentioned = set(re.findall(r"\w+\*?", page.text))
    yield from (f"{name}: nowhere in the manual" for name in used.words - mentioned - common)


def _files(program: str, page: Page) -> Iterator[str]:
    listed = {name for name in page.named("FILES", "Pa") if name.startswith("control/")}
    yield from differ("file", listed, known_files(program))


def _exit_codes(program: str, page: Page) -> Iterator[str]:
    listed = {int(word) for item in page.heads("EXIT STATUS") for word in item.names if word.isdigit()}
    yield from differ("exit code", listed, source(program).exit_codes)


# Log lines and replies are compared piece by piece: what is filled in differs from run to run.


def _logs(program: str, page: Page) -> Iterator[str]:
    used = source(program)
    diagnostics = page.literals_in("DIAGNOSTICS", but="To the client")
    heads = [item.text for item in page.heads("DIAGNOSTICS", "Li") if item.subsection != "To the client"]
    has_tries = "t" in known_options(program)
    said = {text for text in used.logs if _LETTERS.search(text) and (has_tries or not text.endswith("-- t"))}
    shown = "\n".join([*heads, *diagnostics])
    for piece in {piece for text in said for piece in _pieces(text) if _LETTERS.search(piece)}:
        if piece not in shown:
            yield f"log {piece!r}: not in the manual"
    known = {piece for text in used.texts for piece in _pieces(text)} | {program}
    alternatives = "|".join(
        re.escape(piece) for piece in sorted(known, key=len, reverse=True) if len(piece) > 1
    )
    made_of_these = re.compile(rf"(?:{alternatives}|[\s:,()/])*")
    for text in heads:
        if not all(made_of_these.fullmatch(piece) for piece in _pieces(text)):
            yield f"log {text!r}: not in the source"


def _replies(program: str, page: Page) -> Iterator[str]:
    said = source(program).replies
    shown = {text for text in _said(page) if _REPLY.match(text)}
    open_ends = tuple(text.partition(HOLE)[0] for text in said if HOLE in text or text.endswith(" "))
    for text in shown - said:
        if HOLE not in text or not text.startswith(open_ends):
            yield f"reply {text!r}: not in the source"
    for text in said:
        words = text.partition(HOLE)[0]
        if re.search("[A-Za-z]{2}", words[4:]) and not any(line.startswith(words) for line in shown):
            yield f"reply {text!r}: not in the manual"


def _said(page: Page) -> list[str]:
    """Return all literals but those of examples."""
    literals = [text for name in page.sections if name != "EXAMPLES" for text in page.literals_in(name)]
    return [*literals, *(item.text for item in page.heads("DIAGNOSTICS", "Li"))]


def _pieces(text: str) -> list[str]:
    return [piece.strip() for piece in plain(text).split(HOLE) if piece.strip()]
