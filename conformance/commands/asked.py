"""What a command line asks for: the targets, made ready, and the cases."""

import argparse
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from conformance import changes, selection, targets
from conformance.commands import named
from conformance.format.talk import Talk
from conformance.playing.verdicts import BAD, Verdict
from conformance.processes import premises
from conformance.reports import jsonl
from conformance.targets import TargetConfig, TargetError, Unusable
from conformance.varying.variation_plan import Asked

LAST = Path(".conform/last.jsonl")
REPLAYED = Path(".conform/replay.jsonl")


def stream(wanted: Path | None) -> Path:
    """Return where a run is recorded."""
    if wanted is None and LAST.is_symlink():
        LAST.unlink()  # the stream of an earlier run, which has a name of its own, is not written over
    return wanted or LAST


def make_last(path: Path) -> None:
    """Let LAST lead to a stream that is complete."""
    if not path.is_file() or path.absolute() == LAST.absolute():
        return
    LAST.parent.mkdir(exist_ok=True)
    LAST.unlink(missing_ok=True)
    LAST.symlink_to(path.absolute())


def targets_named(args: argparse.Namespace) -> list[str]:
    """Return the names of the targets; what failed is played again where it failed."""
    if args.target:
        return list(args.target)
    failed = _failed() if args.failed or "failed" in (named.split(word)[0] for word in args.cases) else {}
    return list(dict.fromkeys(name for names in failed.values() for name in names)) or ["sim"]


def target(name: str, args: argparse.Namespace) -> TargetConfig:
    """Return a target as the command wants it. Raises TargetError."""
    found = targets.with_clock(targets.find(name, targets.known()), args.clock)
    if args.keep and found.kind == "simulation":
        raise TargetError(f"target {name}: --keep: only runs on real processes have a directory")
    return found


def ready(
    wanted: Sequence[TargetConfig], stack: ExitStack, *, keep: bool
) -> tuple[list[TargetConfig], dict[str, str]]:
    """Return the targets that can be tested, and why the others cannot. Raises Unusable if none can."""
    found: list[TargetConfig] = []
    unusable: dict[str, str] = {}
    for target in wanted:
        try:
            found.append(stack.enter_context(premises.prepared(target, keep=keep)))
        except Unusable as reason:
            unusable[target.name] = str(reason)
    if not found:
        raise Unusable("; ".join(f"target {name} is unusable: {why}" for name, why in unusable.items()))
    return found, unusable


def sanity(target: TargetConfig) -> list[Talk]:
    """Return the sanity cases of a target. Raises TargetError."""
    try:
        return selection.select(target.sanity) if target.sanity else []
    except selection.NothingMatchedError as nothing:
        raise TargetError(f"target {target.name}: sanity: {nothing}: no case of that name") from None


def cases(args: argparse.Namespace) -> tuple[list[Talk], dict[str, Asked]]:
    """Return what is to be played, and which variations of the cases that were asked for with one.

    Raises NothingMatchedError, TalkError, VariationError.
    """
    words = [named.split(word) for word in args.cases]
    failed = _failed() if args.failed or "failed" in (case for case, _ in words) else {}
    chosen = selection.select([case for case, _ in words], failed)
    variations = named.variations(words, args.vary, failed)
    if args.failed:
        chosen = [case for case in chosen if case.name in failed]
    return (changes.new(chosen) if args.new else chosen), variations


def _failed() -> dict[str, set[str]]:
    """Return the names of the cases that failed in the last run, each with the targets that it failed on."""
    if not LAST.exists():
        return {}
    failing = BAD | {Verdict.HARNESS}
    found: dict[str, set[str]] = {}
    for result in jsonl.read([LAST]).results:
        if result.verdict in failing:
            found.setdefault(result.case, set()).add(result.target)
    return found
