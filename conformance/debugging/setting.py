"""What is debugged: the chain, users, environment and control files of a scenario, and a target."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from conformance import selection
from conformance.debugging import usual
from conformance.format import talk_parser
from conformance.format.cases import cases
from conformance.format.talk import Talk
from conformance.playing.beats import Score, understand
from conformance.playing.runner import skip_reason
from conformance.playing.stage import SUBJECTS, Opening
from conformance.playing.staging import opening_of
from conformance.recording import control_files, log_reading
from conformance.recording.log_scenario import scenario
from conformance.recording.log_sessions import chosen
from conformance.targets import TargetConfig
from conformance.varying.document import Document, Part
from conformance.varying.variations import BASE


@dataclass(frozen=True)
class Setting:
    """What a life of a chain begins with. `own` says that a scenario was given: then it plays everybody."""

    score: Score
    target: TargetConfig
    seed: int = 0
    own: bool = False

    @property
    def opening(self) -> Opening:
        """What the stage is opened with."""
        return opening_of(self.score, BASE)._replace(seed=self.seed)

    @property
    def protocol(self) -> str:
        """smtp or pop3, as authup is told; smtp without one."""
        return "pop3" if "pop3" in self.score.chain else "smtp"

    @property
    def is_simulated(self) -> bool:
        """Whether it runs in the machine, where time is ours."""
        return self.target.kind == "simulation"

    @property
    def skipped(self) -> str:
        """Why `conform run` would not play this on the target; "" if it would."""
        return skip_reason(self.score, self.target, slow=True)

    def with_file(self, name: str, data: bytes | None) -> "Setting":
        """Return it with another file; None: without that file."""
        files = {key: value for key, value in self.score.files.items() if key != name}
        return replace(self, score=replace(self.score, files=files if data is None else files | {name: data}))

    def with_scenario(self, word: str) -> "Setting":
        """Return it with a case of the suite, or a file. Raises TalkError, NothingMatchedError."""
        return replace(self, score=understand(case_of(word)), own=True)


def case_of(word: str) -> Talk:
    """Return the case that a word selects, of several the first. Raises NothingMatchedError, TalkError."""
    path = Path(word)
    if path.is_file():  # whatever it is called
        return next(iter(cases(replace(talk_parser.read(path), name=str(path), file=str(path)))))
    if path.is_dir():
        raise selection.NothingMatchedError(word)
    return selection.select([word])[0]


def of_arguments(args: argparse.Namespace, target: TargetConfig) -> Setting:
    """Understand the command line. Raises TalkError, NothingMatchedError, LogError, OSError."""
    if args.attach:
        return _of_log(args, target)
    talk = case_of(args.file) if args.file else None
    if talk and not (args.run or args.users or args.user or args.env or args.tls or args.home):
        return Setting(understand(talk), target, args.seed, own=True)
    chain = args.run or usual.chain(pop3=args.pop3, without=_missing(target))
    files = {} if talk else usual.files(chain, target.generation)
    if args.home:
        files = control_files.read(Path(args.home))
    parts = Document.of(talk).parts if talk else (Part("talk", ()),)
    lines = [
        *_header(args, talk, chain),
        *(line for part in parts for line in (f"-- {part.name} --", *part.lines)),
    ]
    text = "".join(f"{line}\n" for line in lines)
    parsed = talk_parser.parse(
        text, name=talk.name if talk else "session", file=talk.file if talk else "session"
    )
    score = understand(replace(parsed, row=talk.row) if talk else parsed)
    score = replace(score, files={**score.files, **files})
    return Setting(score, target, args.seed, own=talk is not None)


def _of_log(args: argparse.Namespace, target: TargetConfig) -> Setting:
    """Return a session of a log, as a scenario to play. Raises LogError, OSError."""
    session = chosen(log_reading.read(args.attach), args.attach, args.session)
    text = scenario(session, args.attach, run=args.run, home=args.home and Path(args.home), env=args.env)
    talk = talk_parser.parse(text, name=f"{Path(args.attach).name}/{session.id}", file=args.attach)
    return Setting(understand(talk), target, args.seed, own=True)


def _missing(target: TargetConfig) -> set[str]:
    """Return which of the four programs a target does not have; the machine has them all."""
    return set() if target.kind == "simulation" else set(SUBJECTS - target.installed.keys())


def _header(args: argparse.Namespace, talk: Talk | None, chain: str) -> list[str]:
    """Return the header: the scenario's, with what the command line has in its place."""
    given: dict[str, Sequence[str]] = {}
    if args.run or talk is None:
        given["run"] = [chain]
    if args.users or talk is None:
        given["users"] = args.users or [usual.USER]
    if args.user:
        given["as"] = [args.user]
    env = [*args.env, *(["UCSPITLS="] if args.tls else [])]
    kept = [
        (entry.key, entry.value)
        for entry in (talk.header if talk else ())
        if entry.key not in ("", "#", *given)
    ]
    if talk is None:
        kept = [("title", "a session")]
    return [
        f"{key}: {value}"
        for key, value in [
            *kept,
            *((k, v) for k, values in given.items() for v in values),
            *(("env", v) for v in env),
        ]
    ]
