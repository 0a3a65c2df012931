"""conform attach: a session of a log in the notation of a talk, as a scenario, played in the machine."""

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path

from conformance import rules, targets
from conformance.cli import FAILURES
from conformance.format import lint
from conformance.format.talk_parser import parse
from conformance.playing.beats import understand
from conformance.playing.runner import run
from conformance.playing.verdicts import GOOD, Result
from conformance.recording import drafts, following, log_reading
from conformance.recording.log_scenario import scenario
from conformance.recording.log_sessions import Log, Session, chosen
from conformance.recording.log_showing import Live, shown
from conformance.reports.notation import clean
from conformance.varying.variations import BASE


def attach(args: argparse.Namespace) -> int:
    """Show, save or replay a session of a log; 1 if it was replayed and comes out otherwise."""
    if args.follow:
        return _follow(_followed(args.log), args.session)
    log = log_reading.read(args.log)
    if args.save is None and not args.replay:
        if len(log.sessions) > 1 and args.session is None:
            _print(session.summary for session in log.sessions)
        else:
            _print(shown(chosen(log, args.log, args.session)))
        return 0
    session = chosen(log, args.log, args.session)
    text = scenario(session, args.log, run=args.run, home=args.home, env=args.env)
    if args.save is not None:
        path = drafts.write(args.save, text)
        complaints = lint.lint(text, rules.read(), file=str(path))
        _print(map(str, complaints))
        _print([f"{path}: {text.count(chr(10))} lines, lint: {'see above' if complaints else 'ok'}"])
    return _replay(text, session, args.log) if args.replay else 0


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(clean(line), flush=True)


def _followed(name: str) -> Iterator[bytes | None]:
    return log_reading.lines(name) if name == "-" else following.followed(Path(name))


def _follow(lines: Iterable[bytes | None], wanted: str | None) -> int:
    """Show what is written into a log; lines of several sessions have the session in front."""
    log = Log(log_reading.READERS, keep=False)
    views: dict[tuple[str, str], tuple[Session, Live]] = {}  # of a PID the newest
    for line in lines:
        told = None if line is None else log.feed(line)
        if told is None or wanted not in (None, told[0].id):
            continue
        session, piece = told
        key = (piece.kind, piece.name)
        if key not in views or views[key][0] is not session:
            views[key] = (session, Live())
        found = views[key][1].show(piece)
        several = wanted is None and log.count > 1
        _print(f"{session.id:>8}  {text}" if several else text for text in found)
    return 0


def _replay(text: str, session: Session, log: str) -> int:
    """Play a scenario on the simulated machine; tell the verdict and the first difference."""
    sim = targets.find("sim", targets.read(targets.DEFAULTS))
    result = run(understand(parse(text, name=f"{Path(log).name}/{session.id}")), sim, BASE, slow=True)
    _print(difference(result, text))
    return 0 if result.verdict in GOOD else FAILURES


def difference(result: Result, text: str) -> Iterator[str]:
    """Yield the verdict of a replay, and where it first differs from the log."""
    yield f"{result.token}: {result.verdict.value}{' ' if result.reason else ''}{result.reason}"
    found = result.finding
    if found is None:
        return
    if found.line:
        yield f"  line {found.line}: {text.split(chr(10))[found.line - 1].strip()}"
    yield f"  expected  {found.expected}"
    yield f"  got       {found.got or '(nothing)'}{'  ' if found.note else ''}{found.note}"
