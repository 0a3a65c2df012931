"""`conform`, the command line of the suite.

Exit codes: 0 all as expected, known deviations included; 1 failures; 2 usage, or a file that is malformed;
3 a target is unusable; 4 nothing ran; 5 a known deviation vanished (--strict-known); 130 interrupted;
143 ended by SIGTERM.
"""

import argparse
import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from acceptutils import __version__

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

FAILURES, USAGE, UNUSABLE, NOTHING, VANISHED, INTERRUPTED, TERMINATED = 1, 2, 3, 4, 5, 130, 143
NEEDED = ("rich", "pexpect", "prompt_toolkit")
LEVELS = ("none", "quick", "full")


def main(args: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    parsed = parser().parse_args(args)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))  # so that no directory is left behind
    try:
        from conformance.commands import failures
        from conformance.reports.notation import clean

        code: int = parsed.command(parsed)
    except ModuleNotFoundError as error:
        if error.name not in NEEDED:
            raise
        print(f"conform: {error.name} is missing: pip install 'acceptutils[conformance]'", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # `conform list | head`
        sys.stderr.close()
        return 0
    except failures.EXPECTED as error:
        print(clean(f"conform: {failures.words(error)}"), file=sys.stderr)
        return failures.code(error)
    return code


def parser() -> argparse.ArgumentParser:
    """Return the whole command line."""
    whole = argparse.ArgumentParser(
        prog="conform",
        description="Hold reup, authup, checknotroot and fixsmtpio against their specification.",
        epilog=__doc__.partition("\n\n")[2],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    whole.add_argument("--version", action="version", version=f"conform {__version__}")
    commands = whole.add_subparsers(metavar="COMMAND", required=True, title="commands")
    _run(commands)
    _again(commands)
    _diff(commands)
    _debug(commands)
    _review(commands)
    _mutants(commands)
    _look(commands)
    _files(commands)
    _attach(commands)
    _report(commands)
    return whole


CASES = "a file, a case, a pattern, a rule such as AUTHUP-ERR-* or CTL-1, or `failed`; default: all"
VARIED = f"{CASES}; of a case one variation: CASE~cuts=24:3, or a kind: CASE~cuts"


def _command(commands: "Commands", name: str, function: str, words: str) -> argparse.ArgumentParser:
    """Add a command; `function` is module.name below conformance.commands, imported when it runs."""

    def call(args: argparse.Namespace) -> int:
        import importlib

        module, _, entry = function.partition(".")
        code: int = getattr(importlib.import_module(f"conformance.commands.{module}"), entry)(args)
        return code

    found: argparse.ArgumentParser = commands.add_parser(name, help=words, description=words)
    found.set_defaults(command=call)
    return found


def _run(commands: "Commands") -> None:
    run = _command(commands, "run", "run.run", "run scenarios on targets")
    run.add_argument("cases", nargs="*", metavar="CASE", help=VARIED)
    run.add_argument(
        "-t", "--target", action="append", metavar="NAME", help="a target, or a directory; default sim"
    )
    run.add_argument(
        "--vary",
        default="quick",
        type=level,
        metavar="LEVEL",
        help="none, quick (default; brief in real time and for later rows), full, or words of vary:",
    )
    run.add_argument("--budget", type=seconds, metavar="60s", help="begin no variation after this time")
    run.add_argument("--seed", type=int, help="default: from the date; always printed")
    run.add_argument(
        "--level",
        choices=("must", "should", "info"),
        default="must",
        help="from which level on a failure counts",
    )
    run.add_argument(
        "-j",
        "--jobs",
        type=int,
        metavar="N",
        help="processes at once; default: cores, for real targets four times",
    )
    run.add_argument("-x", dest="maxfail", action="store_const", const=1, help="stop at the first failure")
    run.add_argument("--maxfail", type=int, default=0, metavar="N", help="stop after so many failures")
    run.add_argument("--failed", action="store_true", help="of these cases those that failed last time")
    run.add_argument("--new", action="store_true", help="of these cases those that changed since HEAD")
    run.add_argument("--slow", action="store_true", help="allow real waits above 10 s")
    run.add_argument(
        "--known", type=Path, metavar="FILE", help="known deviations; default: known/TARGET.toml"
    )
    run.add_argument("--strict-known", action="store_true", help="exit 5 when a known deviation has vanished")
    run.add_argument(
        "--draft-known", type=Path, metavar="FILE", help="write what is not known yet, for review"
    )
    run.add_argument(
        "--confirm", type=int, default=1, metavar="N", help="run again what failed in real time (default 1)"
    )
    # what :save and :diff of the debugger play is nobody's last run
    run.add_argument("--aside", action="store_true", help=argparse.SUPPRESS)
    _real(run)
    _output(run)


def _real(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--keep", action="store_true", help="leave the directories of runs, each with a script: ./again.sh"
    )
    _clock(command)


def _clock(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--clock",
        choices=("virtual", "inject", "real"),
        help="in place of the targets' own; inject: sleeps of real programs are skipped (needs strace)",
    )


def _output(command: argparse.ArgumentParser, *html: str) -> None:
    command.add_argument(
        "-v", "--verbose", action="count", default=0, help="transcripts; twice: times in microseconds"
    )
    command.add_argument("--hex", action="store_true", help="bytes in hexadecimal")
    command.add_argument("--color", choices=("auto", "always", "never"), default="auto")
    command.add_argument("--ascii", action="store_true", help="no symbols outside ASCII")
    command.add_argument("--width", type=int, help="columns")
    command.add_argument(
        "--jsonl", type=Path, metavar="FILE", help="default .conform/last.jsonl, which leads there"
    )
    command.add_argument("--junit", type=Path, metavar="FILE")
    command.add_argument("--tap", type=Path, metavar="FILE")
    command.add_argument(*html, "--html", type=Path, metavar="DIR")


def _again(commands: "Commands") -> None:
    replay = _command(commands, "replay", "run.replay", "run exactly that variation again, verbosely")
    replay.add_argument("token", metavar="TOKEN", help="CASE@TARGET:VARIATION, as every failure prints it")
    _real(replay)
    _output(replay)
    shrink = _command(commands, "shrink", "shrinking.shrink", "make a failure as small as possible")
    shrink.add_argument("token", metavar="TOKEN")
    shrink.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: standard output")
    shrink.add_argument("--tries", type=int, default=2000, metavar="N")
    _clock(shrink)


def _diff(commands: "Commands") -> None:
    diff = _command(commands, "diff", "diffing.diff", "the same clients, two targets, no expectations")
    diff.add_argument("one", metavar="A")
    diff.add_argument("other", metavar="B")
    diff.add_argument(
        "--generate", type=int, default=100, metavar="N", help="so many dialogues (default 100)"
    )
    diff.add_argument("--seed", type=int, help="default: from the date; always printed")
    diff.add_argument("--only", type=int, metavar="NUMBER", help="one dialogue of them")
    diff.add_argument(
        "--kind",
        action="append",
        choices=("smtp", "pop3", "session", "filter", "reup"),
        help="only dialogues of this kind, several times for several (what plays: authup, authup, all, "
        "fixsmtpio, reup)",
    )
    diff.add_argument(
        "--decent", action="store_true", help="nothing malformed, and whole lines, so that more differs later"
    )
    diff.add_argument("--budget", type=seconds, metavar="10m", help="begin nothing after this time")
    diff.add_argument("-j", "--jobs", type=int, metavar="N", help="dialogues at a time (default: the cores)")
    diff.add_argument("-o", "--output", type=Path, default=Path(".conform/diff"), metavar="DIR")


def _review(commands: "Commands") -> None:
    review = _command(commands, "review", "reviewing.review", "walk through what failed, and decide")
    review.add_argument("files", nargs="*", type=Path, metavar="RUN.jsonl", help="default: the last run")
    review.add_argument(
        "--known", type=Path, metavar="FILE", help="where known deviations go; default: TARGET.toml here"
    )
    review.add_argument("--color", choices=("auto", "always", "never"), default="auto")
    review.add_argument("--ascii", action="store_true", help="no symbols outside ASCII")


def _debug(commands: "Commands") -> None:
    debug = _command(
        commands, "debug", "debugging.debug", "a prompt over a running chain: play, look, stop, keep"
    )
    debug.add_argument(
        "file", nargs="?", metavar="FILE", help="a scenario, or a case; :step and :continue play it"
    )
    debug.add_argument("--attach", metavar="LOG", help="play a session of a log (see `conform attach`)")
    debug.add_argument("--session", metavar="ID", help="of the log")
    debug.set_defaults(save=None)
    _chain(debug)
    record = _command(commands, "record", "debugging.debug", "the same, and at the end a scenario")
    record.add_argument("save", metavar="OUT.talk", help="written at the end, unless nothing was done")
    record.set_defaults(file=None, attach=None)
    _chain(record)


def _chain(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "-t", "--target", default="sim", metavar="NAME", help="a target, or a directory; default sim"
    )
    command.add_argument("--run", metavar="CHAIN", help="the command line, replaceable programs in braces")
    command.add_argument("--pop3", action="store_true", help="the usual chain of POP3, not that of SMTP")
    command.add_argument(
        "--users", action="append", metavar="LINE", help="whom checkpassword lets in: 'alice secret uid=1001'"
    )
    command.add_argument("--as", dest="user", metavar="WHO", help="who runs the chain: root, or a UID")
    command.add_argument("--env", action="append", default=[], metavar="NAME=VALUE")
    command.add_argument("--tls", action="store_true", help="a TLS front end: UCSPITLS in the environment")
    command.add_argument("--home", metavar="QMAILHOME", help="use the control files below this directory")
    command.add_argument("--seed", type=int, default=0, metavar="N", help="order of tasks in the machine")
    command.add_argument(
        "--by-hand",
        action="append",
        default=[],
        choices=("inner", "checkpassword", "tls"),
        help="play this one from the start",
    )
    command.add_argument("--cast", metavar="FILE", help="at the end what the screen has shown, for asciinema")
    command.add_argument("--color", choices=("auto", "always", "never"), default="auto")
    command.add_argument("--ascii", action="store_true", help="no symbols outside ASCII")


def _mutants(commands: "Commands") -> None:
    mutants = _command(commands, "mutants", "bugs.mutants", "try the seeded bugs; print who kills them")
    mutants.add_argument("ids", nargs="*", metavar="ID", help="ids or rules; default: all")
    mutants.add_argument("-j", "--jobs", type=int, metavar="N")
    mutants.add_argument("--jsonl", type=Path, metavar="FILE", help="default .conform/mutants.jsonl")
    mutants.add_argument("--list", action="store_true", help="only say what there is")


def _look(commands: "Commands") -> None:
    listing = _command(commands, "list", "look.listing", "the cases, one a line")
    listing.add_argument("cases", nargs="*", metavar="CASE", help=CASES)
    show = _command(commands, "show", "look.show", "a case as it is played")
    show.add_argument("cases", nargs="+", metavar="CASE", help=CASES)
    rules = _command(
        commands, "rules", "look.show_rules", "which rules are covered, and proved by a seeded bug"
    )
    rules.add_argument("rules", nargs="*", metavar="RULE")
    rules.add_argument("--uncovered", action="store_true", help="only those that no scenario line holds")
    rules.add_argument("--unproved", action="store_true", help="only those that no seeded bug proves")
    targets = _command(commands, "targets", "look.show_targets", "the targets, and what is installed")
    targets.add_argument("--check", action="store_true", help="start each one and see what can be observed")


def _files(commands: "Commands") -> None:
    lint = _command(commands, "lint", "files.lint", "look for mistakes in scenarios")
    lint.add_argument(
        "files", nargs="*", type=Path, metavar="FILE", help="default: all scenarios of the suite"
    )
    fmt = _command(commands, "fmt", "files.fmt", "write scenarios in the one format")
    fmt.add_argument(
        "files", nargs="*", type=Path, metavar="FILE", help="default: all scenarios of the suite"
    )
    fmt.add_argument("--check", action="store_true", help="only say which would change; exit 1 if any")


def _attach(commands: "Commands") -> None:
    attach = _command(
        commands, "attach", "attaching.attach", "sessions of a log of recordio or FIXSMTPIODEBUG, as talks"
    )
    attach.add_argument("log", metavar="LOG", help="a file, or - for standard input")
    attach.add_argument("--session", metavar="ID", help="one of those that are listed without this")
    attach.add_argument(
        "--follow", action="store_true", help="show what is written into the log, until Ctrl-C"
    )
    attach.add_argument("--save", type=Path, metavar="OUT.talk", help="write the session as a scenario")
    attach.add_argument(
        "--replay", action="store_true", help="play it on the simulated machine; 1 if it differs"
    )
    attach.add_argument(
        "--run", metavar="CHAIN", help="the chain as in the run script, or in `run:`; recordio needs it"
    )
    attach.add_argument(
        "--home", type=Path, metavar="QMAILHOME", help="take its control files (default: made from the log)"
    )
    attach.add_argument("--env", action="append", default=[], metavar="NAME=VALUE", help="of the chain")


def _report(commands: "Commands") -> None:
    report = _command(commands, "report", "reporting.report", "make reports from recorded runs")
    report.add_argument("files", nargs="+", type=Path, metavar="RUN.jsonl")
    report.add_argument("--baseline", type=Path, metavar="OLD.jsonl")
    _output(report, "-o")


def level(text: str) -> str | frozenset[str]:
    """Understand --vary: a level, or words of vary: separated by commas."""
    from conformance.format.talk import VARIATIONS

    if text in LEVELS:
        return text
    words = frozenset(text.split(","))
    if not words <= set(VARIATIONS):
        raise argparse.ArgumentTypeError(f"expected {', '.join(LEVELS)} or some of {','.join(VARIATIONS)}")
    return words


def seconds(text: str) -> float:
    """Understand 60s, 5m or 60."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([sm]?)", text)
    if found is None:
        raise argparse.ArgumentTypeError("expected a time such as 60s or 5m")
    return float(found[1]) * (60 if found[2] == "m" else 1)
