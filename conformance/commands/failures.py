"""What arguments and files may do to a command: one line and an exit code, no traceback."""

from conformance.bugs.mutants import MutantError
from conformance.changes import NoGitError
from conformance.cli import FAILURES, NOTHING, UNUSABLE, USAGE
from conformance.format.talk_parser import TalkError
from conformance.known import KnownError
from conformance.recording.log_sessions import LogError
from conformance.reports.jsonl import ReadError
from conformance.rules import RulesError
from conformance.selection import NothingMatchedError
from conformance.targets import TargetError, Unusable
from conformance.varying.shrink import CannotReproduce
from conformance.varying.tokens import TokenError
from conformance.varying.variations import VariationError

EXPECTED = (
    KnownError,
    LogError,
    MutantError,
    NoGitError,
    ReadError,
    RulesError,
    NothingMatchedError,
    CannotReproduce,
    TalkError,
    TargetError,
    Unusable,
    TokenError,
    VariationError,
    OSError,
)


def words(error: BaseException) -> str:
    """Return the line for it."""
    if isinstance(error, NothingMatchedError) and error.args[0] == "failed":
        return "nothing failed in the last run"
    if isinstance(error, NothingMatchedError):
        return f"{error.args[0]}: no case, file or rule of that name"
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename else str(error)
    return str(error)


def code(error: BaseException) -> int:
    """Return the exit code for it."""
    if isinstance(error, NothingMatchedError):
        return NOTHING
    if isinstance(error, Unusable):
        return UNUSABLE
    return FAILURES if isinstance(error, CannotReproduce) else USAGE
