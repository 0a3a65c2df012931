"""What has to be there for a talk to be played at all: somebody at each lane, a call for each decision."""

from collections.abc import Iterator

from conformance.format import received
from conformance.format.complaint import Remark
from conformance.format.talk import DECISIONS, Happen, Say, Talk
from conformance.format.talk_parser import TalkError
from conformance.playing.stage import BRACED, CHECKPASSWORD, SUBJECTS


def demand(case: Talk) -> None:
    """Raise TalkError if a case cannot be played."""
    if not case.one("run"):
        raise TalkError(case.file, 1, "expected `run: ...`")
    for remark in check(case):
        raise TalkError(case.file, remark.line, remark.text)


def check(case: Talk) -> Iterator[Remark]:
    """Tell which lines nobody could play: lanes without anybody, ends of calls that were not made."""
    yield from _check_lanes(case)
    yield from _check_calls(case)
    yield from received.check(case)


def _check_lanes(case: Talk) -> Iterator[Remark]:
    """Complain of what happens where this chain has nobody."""
    absent = _absent(case)
    for step in case.steps:
        if not isinstance(step, Say | Happen):
            continue
        gutter = (
            "T" if step.gutter == "S" and isinstance(step, Happen) and step.words == "tls" else step.gutter
        )
        if gutter in absent:
            yield Remark(step.line, f"{name_of(step)} cannot come: {absent[gutter]}")


def _absent(case: Talk) -> dict[str, str]:
    programs = set(BRACED.findall(case.one("run")))
    inherit = case.words("inherit")
    absent: dict[str, str] = {}
    if not programs & CHECKPASSWORD:
        absent |= dict.fromkeys(("fd3", "K"), "{checkpassword} does not stand in run")
    if not programs - CHECKPASSWORD - SUBJECTS:
        absent |= dict.fromkeys(("c", "s"), "no inner program stands in run in braces")
    if not any(value.startswith("UCSPITLS=") for value in case.all("env")) or "tlsfds=none" in inherit:
        ours = ("T",) if has_our_front_end(case) else ("CT", "ST", "T")
        absent |= dict.fromkeys(ours, "there is no TLS front end without `env: UCSPITLS=`")
    if any(word.startswith("stderr=") for word in inherit):
        absent["E"] = "standard error is closed or full"
    return absent


def has_our_front_end(case: Talk) -> bool:
    """Say whether the front end is ucspitlsd, whose orders the harness does not see."""
    return "ucspitlsd" in case.words("run")


def _check_calls(case: Talk) -> Iterator[Remark]:
    """Complain of a K! line that no call of checkpassword is there for."""
    open_call = False
    for step in case.steps:
        if isinstance(step, Say) and step.gutter == "fd3":
            open_call = True
        elif isinstance(step, Happen) and step.gutter == "K":
            word = step.words.split()[0]
            if word == "unread":
                open_call = True
            elif word in DECISIONS:
                if not open_call:
                    yield Remark(
                        step.line, f"{name_of(step)}: expected fd3: or K! unread above, once for each end"
                    )
                open_call = False


def name_of(step: Say | Happen) -> str:
    """Return what a step is called in messages."""
    return f"{step.gutter}:" if isinstance(step, Say) else f"{step.gutter}! {step.words.split()[0]}"
