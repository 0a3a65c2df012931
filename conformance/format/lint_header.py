"""What lint says about the header of a case that can be played: reasons that are missing, waits that cost."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from conformance.format.complaint import Remark
from conformance.format.talk import VARIATIONS, Happen, Mark, Talk, in_full
from conformance.playing.stage import BRACED, SUBJECTS
from fakes.programs import PROGRAMS

SLOW: Final = 10.0
"""From so many seconds of waiting on, a case needs `slow:` to be left out of real time."""
OUR_FAKES: Final = {"ucspitlsd", *(name.decode() for name in PROGRAMS)}


def check(case: Talk) -> Iterator[Remark]:
    """Look at the header of a case."""
    yield from _check_run(case)
    yield from _check_vary(case)
    if case.all("draft") and case.level == "must":
        yield Remark(_line(case, "draft"), "a draft cannot be level must: give every line a rule first")
    if _waits(case) > SLOW and not case.all("slow") and not {"virtual-time", "fakes"} & case.needs.keys():
        seconds = in_full(_waits(case))
        yield Remark(1, f"it waits for {seconds} s: expected `slow: {seconds}`")


def _check_run(case: Talk) -> Iterator[Remark]:
    if not case.all("run"):
        return
    line, run = _line(case, "run"), case.one("run")
    fakes = sorted(OUR_FAKES.intersection(run.split()))
    if fakes and "fakes" not in case.needs:
        yield Remark(line, f"run: expected {{{fakes[0]}}}, or `needs: fakes` for our own")
    if not fakes and not SUBJECTS.intersection(BRACED.findall(run)):
        yield Remark(line, "run: expected at least one of {reup} {authup} {checknotroot} {fixsmtpio}")


def _check_vary(case: Talk) -> Iterator[Remark]:
    """What is left out needs the rule that explains why, in a comment next to it."""
    left_out = [kind for kind in VARIATIONS if kind not in case.vary]
    explained = {line for a, b in pairwise(case.header) for line in (a.line, b.line) if "#" in (a.key, b.key)}
    for entry in case.header:
        if entry.key == "vary" and left_out and entry.line not in explained:
            yield Remark(entry.line, f"vary: expected a comment next to it: why not {' '.join(left_out)}")


def _waits(case: Talk) -> float:
    """Return how many seconds of silence the talk asks for."""
    events = [step.words.split() for step in case.steps if isinstance(step, Happen)]
    silences = [words[1] for words in events if words[0] in ("silent", "wait") and len(words) == 2]
    durations = [text.removesuffix("s") for text in silences]
    numbers = [float(text) for text in durations if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text)]
    return sum(numbers) + sum(step.seconds for step in case.steps if isinstance(step, Mark))


def _line(case: Talk, key: str) -> int:
    return next(entry.line for entry in case.header if entry.key == key)
