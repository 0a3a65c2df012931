"""Runs one case on one target under one variation; what a target does wrong is in the Result, not raised."""

import re
import time
import traceback
from pathlib import Path
from typing import NamedTuple

import trio

from conformance import targets
from conformance.machine import sim
from conformance.playing import fault_judging, judging, tree
from conformance.playing.beats import Beat, Score
from conformance.playing.director import Director
from conformance.playing.invariants import broken
from conformance.playing.seen import Seen
from conformance.playing.stage import SUBJECTS, Opening, Stage
from conformance.playing.staging import Limits, Spinning, found, inherited, on_stage, opening_of
from conformance.playing.stream import Flooded
from conformance.playing.verdicts import Finding, Kind, Moment, Result, Verdict
from conformance.processes.injecting import NeedsRealTime
from conformance.targets import TargetConfig
from conformance.varying.variations import BASE, Variation, apply, impossible
from fakes.machine import Stuck

STARTING_SECONDS = 1.0  # of CPU that a program may take to start, when all it says is right
REAL_SECONDS = 10.0  # that a case may cost without --slow
TRIED_SECONDS = 20.0  # of real time for a case whose sleeps should take none, when more is not allowed


class Played(NamedTuple):
    """What is left of a playing when the stage is gone."""

    findings: list[Finding]
    verdict: Verdict
    unobserved: set[str]
    processes: tuple[dict[str, object], ...]
    seconds: float


def run(
    score: Score,
    config: TargetConfig,
    variation: Variation,
    *,
    slow: bool = False,
    limits: Limits = Limits(),  # noqa: B008 - immutable
) -> Result:
    """Play a case, real waits above REAL_SECONDS only if `slow`.

    Faults of the harness come back as Verdict.HARNESS, with the traceback as reason.
    """
    result = Result(score.talk.name, config.name, str(variation), Verdict.HARNESS, score.talk.rules)
    result.control = score.files
    reason = skip_reason(score, config, slow=slow) or impossible(variation, config.kind)
    if reason:
        result.verdict, result.reason = Verdict.SKIP, reason
        return result
    record: list[Moment] = []
    began, cpu = time.monotonic(), time.process_time()
    try:
        beats, opening = apply(variation, score), opening_of(score, variation)
        if config.kept:
            result.kept = str(Path(config.kept) / re.sub(r"[^\w.=+-]", "_", result.token))
            opening = opening._replace(keep=result.kept)
        limits = _limits(limits, score, config, slow=slow)

        async def act(stage: Stage) -> Played:
            return await _direct(score, beats, stage, record, opening)

        played, result.operations = on_stage(opening, config, record, act, limits)
        result.verdict, result.findings = played.verdict, tuple(played.findings)
        result.unobserved = tuple(sorted(played.unobserved))
        result.processes, result.seconds = played.processes, played.seconds
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        if needs := found(error, NeedsRealTime):
            result.verdict, result.reason = Verdict.SKIP, f"{_too_slow(score)} ({needs})"
        else:
            result.verdict, finding = explain(error)
            result.findings = (finding,) if finding else ()
            result.reason = "" if finding else traceback.format_exc()
    result.record = tuple(record)
    result.wall, result.cpu = time.monotonic() - began, time.process_time() - cpu
    return result


def skip_reason(score: Score, config: TargetConfig, *, slow: bool) -> str:
    """Return why this case cannot be played on this target; "" if it can."""
    talk, simulated = score.talk, config.kind == "simulation"
    needs = {need: value for need, value in talk.needs.items() if need != "real"}
    if "real" in talk.needs and simulated:
        return "needs real processes"
    if reason := targets.unmet(config, needs):
        return reason
    missing = [name for name in SUBJECTS if f"{{{name}}}" in score.chain and name not in config.installed]
    if missing and not simulated:
        return f"the target has no {missing[0]}"
    unmodelled = [word for word in inherited(score) if word.startswith(sim.UNMODELLED)]
    if simulated and unmodelled:
        return f"the machine has no {unmodelled[0]}: needs real processes"
    if not simulated and any(name.startswith("/") for name in score.files):
        return "files outside of the qmail home: only the simulated machine has its own"
    if not simulated and talk.all("fault"):
        return "needs faults: only the simulated machine has them"
    if not simulated and not slow and _slow(score) > REAL_SECONDS and not _can_be_skipped(score, config):
        return _too_slow(score)
    return ""


def _can_be_skipped(score: Score, config: TargetConfig) -> bool:
    """Say whether the time that a case takes may be one of sleeps, which a target has skipped."""
    return config.clock == "inject" and not opening_of(score, BASE).paced


def _limits(limits: Limits, score: Score, config: TargetConfig, *, slow: bool) -> Limits:
    if not slow and _slow(score) > REAL_SECONDS and _can_be_skipped(score, config):
        return limits._replace(real=False, wall=TRIED_SECONDS)
    return limits._replace(wall=limits.wall + _slow(score))


def _too_slow(score: Score) -> str:
    return f"takes {_slow(score):g} s of real time: needs --slow, or virtual time"


def _slow(score: Score) -> float:
    return float(score.talk.one("slow", "0"))


async def _direct(
    score: Score, beats: tuple[Beat, ...], stage: Stage, record: list[Moment], opening: Opening
) -> Played:
    began = trio.current_time()
    director = Director(score, beats, stage, record)
    await director.play()
    scene = director.scene
    findings = scene.findings
    whole = bool(opening.fail) or all(finding.kind is Kind.ALTERNATIVE for finding in findings)
    if opening.fail:
        findings = [finding for finding in findings if not _is_excused(finding, beats)]
        findings += await fault_judging.wind_down(stage)
        findings += fault_judging.undocumented(stage, score)
    spinning, idle, crash = stage.spinning(), False, judging.crashed(stage.processes, scene.killed)
    if not any(finding.kind is not Kind.ALTERNATIVE for finding in findings):
        spinning = spinning if spinning and spinning[1] > STARTING_SECONDS else None
    else:
        idle = any(process.name in SUBJECTS for process in stage.living())
    seen = Seen(score, beats, tuple(record), tuple(stage.processes), stage.observes, opening, whole)
    findings += broken(seen)
    verdict, findings = judging.judge(findings, crash=crash, spinning=spinning, idle=idle)
    described = tuple(tree.describe(process) for process in stage.processes)
    return Played(findings, verdict, scene.unobserved, described, trio.current_time() - began)


def _is_excused(finding: Finding, beats: tuple[Beat, ...]) -> bool:
    beat = next((beat for beat in beats if beat.line == finding.line), None)
    return fault_judging.excused(finding, beat)


def explain(error: BaseException) -> tuple[Verdict, Finding | None]:
    """Return what an exception says of the target; a fault of the harness itself has no finding."""
    if found(error, Spinning):
        words = "the clock stands still while the CPU burns"
        return Verdict.SPIN, Finding(0, Kind.SPIN, (), note=words)
    if found(error, Flooded):
        words = "says more than can be kept"
        return Verdict.FAIL, Finding(0, Kind.EXTRA, (), got=words, note=words)
    if found(error, Stuck) or found(error, trio.TooSlowError):
        return Verdict.HANG, Finding(0, Kind.HANG, (), note="everybody waits for ever")
    if found(error, trio.BusyResourceError):
        words = "two processes read from one descriptor, and share its bytes at random"
        return Verdict.FAIL, Finding(0, Kind.INVARIANT, ("AUTHUP-CP-4",), got=words, note=words)
    return Verdict.HARNESS, None
