"""conform diff: generated dialogues held against two targets, without expectations."""

import argparse
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from multiprocessing import get_context

from conformance import targets
from conformance.cli import FAILURES
from conformance.differing import grammar
from conformance.differing.diff import Difference, differences
from conformance.differing.listening import listener
from conformance.format.talk_writer import write
from conformance.playing.beats import understand
from conformance.playing.runner import skip_reason
from conformance.processes import premises
from conformance.targets import TargetConfig

TRIES_IN_REAL_TIME = 60
TRIES = 300


def diff(args: argparse.Namespace) -> int:
    """Play generated dialogues to two targets; write each disagreement as a small scenario."""
    seed = args.seed if args.seed is not None else int(datetime.now(UTC).strftime("%Y%m%d"))
    print(f"seed {seed}")
    numbers = [args.only] if args.only is not None else list(range(args.generate))
    with ExitStack() as stack:
        one, other = (
            stack.enter_context(premises.prepared(targets.find(name, targets.known())))
            for name in (args.one, args.other)
        )
        jobs = args.jobs or os.cpu_count() or 1
        pool = stack.enter_context(ProcessPoolExecutor(jobs, mp_context=get_context("fork")))
        found = 0
        skipped = 0
        for number, difference in zip(
            numbers, pool.map(partial(compare, one, other, seed), numbers), strict=True
        ):
            if difference is None:
                continue
            if isinstance(difference, str):
                skipped += 1
                continue
            found += 1
            args.output.mkdir(parents=True, exist_ok=True)
            file = args.output / f"{seed}-{number}.talk"
            file.write_text(write(difference.talk), encoding="utf-8")
            where = difference.disagreement
            print(
                f"{file}: {where.stream}: {one.name} says {where.a}, {other.name} says {where.b}", flush=True
            )
    print(f"{len(numbers)} dialogues, {skipped} of them not for both, {found} disagreements")
    return FAILURES if found else 0


def compare(one: TargetConfig, other: TargetConfig, seed: int, number: int) -> Difference | str | None:
    """Play one dialogue; return where the two disagree, or why it cannot be played."""
    talk = grammar.generate(seed, number)
    score = understand(talk)
    for target in (one, other):
        reason = skip_reason(score, target, slow=False)
        if reason:
            return reason
    simulated = one.kind == other.kind == "simulation"
    found: Iterator[Difference] = differences(
        listener(one), listener(other), [talk], TRIES if simulated else TRIES_IN_REAL_TIME
    )
    return next(found, None)
