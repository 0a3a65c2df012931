"""What each program of a command line does, and as whom it runs."""

from collections.abc import Iterator
from typing import NamedTuple

from acceptutils.authup import DEFAULT_TRIES
from checking.chain import Chain, Program
from checking.programs import ALWAYS_FALSE, ALWAYS_TRUE, Role
from checking.remarks import shown

STARTER = "whoever starts it, which should be root"
USER = "the user who has logged in"


class Sentence(NamedTuple):
    """The words of a program, what it does, and as whom."""

    words: str
    does: str
    user: str


def sentences(chain: Chain) -> Iterator[Sentence]:
    """Yield what is to be said of each program."""
    who = STARTER
    under_reup = chain.first(Role.REUP) is not None
    for program in chain.programs:
        does = _does(program, under_reup=under_reup)
        yield Sentence(shown(b" ".join(program.words)), does, who)
        if program.user is not None:
            who = shown(program.user)
        elif program.role is Role.LOGIN and program.name not in ALWAYS_TRUE | ALWAYS_FALSE:
            who = USER


def _does(program: Program, *, under_reup: bool) -> str:
    if program.trouble:
        return "refuses this command line"
    if program.role is Role.LISTENER and len(program.operands) == 2:
        host, port = map(shown, program.operands)
        return f"accepts connections to {host}, port {port}"
    if program.role is Role.REUP:
        most = program.options.get("t", b"0")
        often = "without end" if most == b"0" else f"up to {shown(most)} times"
        return f"runs what follows {often}, until a login succeeds"
    if program.role is Role.AUTHUP:
        protocol = program.operands[0]
        tries = int(program.options.get("t", b"%d" % (1 if under_reup else DEFAULT_TRIES[protocol])))
        each = " before reup repeats" if under_reup else ""
        return f"asks for user name and password by {shown(protocol.upper())}, {_times(tries)}{each}"
    if program.role is Role.LOGIN and program.name in ALWAYS_TRUE:
        return "is content with every password, and runs nothing"
    if program.role is Role.WRAPPER and program.sets:
        names = ", ".join(shown(name) for name in program.sets)
        return f"sets {names}, and becomes what follows"
    return str(program.role.value)


def _times(tries: int) -> str:
    return "once" if tries == 1 else f"{tries} times"
