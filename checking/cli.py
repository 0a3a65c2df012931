"""`acceptutils check [QMAILHOME] [-- CHAIN...]`.

Exit codes: 0 nothing is wrong, though there may be warnings and notes; 1 errors, with --strict warnings
too; 2 the command line is wrong; 111 the qmail home cannot be read.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from acceptutils import __version__
from checking import as_json, as_text, chain, checkup, files, trying
from checking.remarks import CODES, Severity
from conformance.reports.notation import clean

FINE, WRONG, USAGE, UNREADABLE = 0, 1, 2, 111
HOME: Final = "/var/qmail"


def main(args: Sequence[str]) -> int:
    """Run `acceptutils`; return its exit code."""
    ours, words = _divided(args)
    parsed = parser().parse_args(ours)
    if parsed.codes:
        print(
            "\n".join(f"{code:24}{kind.severity.name.lower():9}{kind.words}" for code, kind in CODES.items())
        )
        return FINE
    if words == []:
        parser().error("expected a command line behind --")
    if parsed.reply and not parsed.attempt:
        parser().error("--reply is for --try")
    for reply in parsed.reply:
        event, equals, _ = reply.partition("=")
        if not equals or event.lower() not in trying.ANSWERED:
            events = ", ".join(sorted(trying.ANSWERED))
            parser().error(f"--reply {reply}: expected EVENT=TEXT, and one of these events: {events}")
    return _check(parsed, [os.fsencode(word) for word in words or ()])


def _divided(args: Sequence[str]) -> tuple[list[str], list[str] | None]:
    """Return what is ours, and the command line of the run script if there is one."""
    if "--" not in args:
        return list(args), None
    place = list(args).index("--")
    return list(args[:place]), list(args[place + 1 :])


def parser() -> argparse.ArgumentParser:
    """Return our command line, without the chain."""
    whole = argparse.ArgumentParser(
        prog="acceptutils",
        description="Look after reup, authup, checknotroot and fixsmtpio.",
        epilog="See acceptutils-check(8).",
        allow_abbrev=False,
    )
    whole.add_argument("--version", action="version", version=f"acceptutils {__version__}")
    commands = whole.add_subparsers(metavar="COMMAND", required=True)
    words = "say what control files and a run script will do, and what is wrong with them"
    check = commands.add_parser(
        "check",
        help=words,
        description=f"{words[0].upper()}{words[1:]}.",
        usage="acceptutils check [ options ] [ QMAILHOME ] [ -- prog [ arg ... ] ]",
        epilog=(__doc__ or "").partition("\n\n")[2] + "See acceptutils-check(8).",
        allow_abbrev=False,
    )
    check.add_argument(
        "home", nargs="?", type=Path, metavar="QMAILHOME", help=f"default: $QMAILHOME, else {HOME}"
    )
    check.add_argument("--codes", action="store_true", help="only list the codes of remarks")
    check.add_argument("--json", action="store_true", help="one JSON object")
    check.add_argument("--strict", action="store_true", help="exit 1 for warnings too")
    check.add_argument(
        "--try", dest="attempt", action="store_true", help="play a session in a simulated computer"
    )
    check.add_argument(
        "--reply",
        action="append",
        default=[],
        metavar="EVENT=TEXT",
        help="with --try: what the simulated server says, a line end in it written as a backslash and n",
    )
    return whole


def _meant(path: Path) -> str:
    """Say what the qmail home may be, for who gives what is in it."""
    above = Path(os.path.abspath(path if path.is_dir() else path.parent)).parent
    return f" (is {above} the qmail home?)" if path.exists() and (above / "control").is_dir() else ""


def _check(parsed: argparse.Namespace, words: list[bytes]) -> int:
    path = parsed.home or Path(os.environ.get("QMAILHOME") or HOME)
    try:
        home = files.read(path)
        taken = chain.parse(words) if words else None
        found = checkup.check(home, taken, os.environb)
    except (OSError, ValueError) as error:
        where = path / "control" if path.is_dir() else path
        reason = f"{where}: {error.strerror}" if isinstance(error, OSError) else f"{path}: {error}"
        print(clean(f"acceptutils: {reason}{_meant(path)}"), file=sys.stderr)
        return UNREADABLE
    if parsed.attempt:
        replies = [os.fsencode(reply).replace(b"\\n", b"\n") for reply in parsed.reply]
        lines = trying.session(home, taken or chain.parse(trying.USUAL), os.environb, replies)
        found = found._replace(transcript=lines)
    worst = max((remark.severity for remark in found.remarks), default=Severity.NOTE)
    code = WRONG if worst >= (Severity.WARNING if parsed.strict else Severity.ERROR) else FINE
    try:
        sys.stdout.write(as_json.text(found, code) if parsed.json else as_text.text(found))
        sys.stdout.flush()
    except BrokenPipeError:  # `acceptutils check | head`
        sys.stderr.close()
    return code
