"""What is odd about a command line: its programs, what is around a login, and services without one."""

import os
import re
import stat
from collections.abc import Iterator, Mapping
from itertools import chain as joined
from typing import Final

from checking import login_checks
from checking.chain import Chain, Program
from checking.programs import ALWAYS_FALSE, ALWAYS_TRUE, LOGINS, OURS, SMTP_SERVERS, Role
from checking.remarks import COMMAND_LINE, NOTE, WARNING, Remark, odd, quoted, remark, shown

LEAST_MEMORY: Final = 40_000_000  # below it Python and trio do not start (measured: authup, 32 to 40 MB)
ENOUGH_MEMORY: Final = 64_000_000
LOCAL: Final = {b"127.0.0.1", b"::1", b"localhost"}


def check(chain: Chain, env: Mapping[bytes, bytes]) -> Iterator[Remark]:
    """Yield what is odd about a command line; `env` is what it inherits."""
    for program in chain.programs:
        if program.trouble:
            yield odd(
                "bad-usage",
                f"{program.name} refuses its command line: {program.trouble}. Nothing is served.",
                f"See {program.name}(8).",
            )
        elif program.role in {Role.UNKNOWN, Role.SHELL}:
            word = program.words[0]
            yield odd("unknown-program", f"{quoted(word)} {program.role.value}.", _instead(word))
        elif program.role is Role.LOGIN and not _is_known_login(program):
            yield odd(
                "unknown-program",
                f"{quoted(program.words[0])} is not known to this check. It stands where passwords are "
                "checked.",
                "It must read them from descriptor 3, and exit 1 for a wrong one.",
            )
    if not any(program.name in OURS for program in chain.programs):
        yield odd("unknown-program", "None of reup, authup, checknotroot and fixsmtpio is in it.")
    if chain.first(Role.AUTHUP) and not chain.is_broken:
        yield from joined(login_checks.check(chain), _recorders(chain), _tls(chain, env))
    elif not chain.is_broken:
        yield from _without_login(chain, env)
    yield from joined(_listeners(chain), _memory(chain), _surroundings(chain, env))


def _instead(word: bytes) -> str:
    """Say what somebody may have meant by a word that stands where a program should."""
    if not word.strip(b"\\ \t\r\n"):
        return "A backslash goes on with the next line only if it is the last byte of its own."
    if b" " in word:
        return "Give the command line word by word, not as one."
    if re.match(rb"\w+=", word):
        return "Put `env` in front of it."
    if _is_script(word):
        return "It is a script, which this check does not read: give the words behind its `exec`."
    return ""


def _is_script(word: bytes) -> bool:
    try:
        if not stat.S_ISREG(os.stat(word).st_mode):  # what may hang is not opened
            return False
        with open(word, "rb") as file:
            return file.read(2) == b"#!"
    except (OSError, ValueError):  # ValueError: a NUL in the word
        return False


def _is_known_login(program: Program) -> bool:
    return program.name in {*LOGINS, *ALWAYS_TRUE, *ALWAYS_FALSE} or "checkpassword" in program.name


def _recorders(chain: Chain) -> Iterator[Remark]:
    place = chain.place(Role.REUP)
    before = chain.before(Role.AUTHUP)
    for at, program in enumerate(before):
        if program.role is not Role.RECORDER:
            continue
        yield odd(
            "passwords-in-log",
            f"{program.name} stands in front of authup, so that passwords are written to the log.",
            "Put it between fixsmtpio and the server.",
        )
        if place is not None and at > place:
            yield odd(
                "input-lost",
                f"{program.name} stands between reup and authup: that of a failed attempt swallows what the "
                "client says next.",
                "Put it in front of reup, or between fixsmtpio and the server.",
            )


def _tls(chain: Chain, env: Mapping[bytes, bytes]) -> Iterator[Remark]:
    reup, front_end = chain.place(Role.REUP), chain.place(Role.TLS)
    if reup is not None and front_end is not None and front_end > reup:
        yield odd(
            "tls-inside-reup",
            f"{chain.programs[front_end].name} stands behind reup and is started again for each attempt. "
            "Its TLS ends with the attempt, and a client that mistyped the password is lost.",
            "Put it in front of reup.",
        )
    level = _variable(chain, env, b"UCSPITLS")
    if level == b"!" and not chain.speaks_tls:
        yield odd(
            "tls-missing",
            "UCSPITLS=! demands TLS, and no UCSPI-TLS front end is in the command line that could start "
            "it: nobody can log in.",
            "Put one in front of reup, such as s6-ucspitlsd; or `sslserver -n` in the place of tcpserver.",
        )
    listener = chain.first(Role.LISTENER)
    if listener is None or not listener.operands or listener.operands[0] in LOCAL:
        return
    encrypts = listener.name in {"sslserver", "sslsvd", "s6-tlsserver"} and "n" not in listener.options
    if not encrypts and level != b"!":
        offered = "TLS is offered, but not required, so" if chain.speaks_tls else "Nothing encrypts, and"
        is_open = any(program.opens for program in chain.before(Role.AUTHUP))
        unless = ", unless what this check cannot see sets UCSPITLS=!" if is_open else ""
        yield remark(
            "plaintext",
            COMMAND_LINE,
            f"{offered} passwords can cross the network in plaintext{unless}: it listens on "
            f"{quoted(listener.operands[0])}.",
            "Set UCSPITLS=! in front of a UCSPI-TLS front end; or listen on 127.0.0.1, behind stunnel.",
            severity=NOTE if is_open else None,
        )


def _variable(chain: Chain, env: Mapping[bytes, bytes], name: bytes) -> bytes | None:
    found = [program.sets[name] for program in chain.programs if program.sets.get(name)]
    return found[-1] if found else env.get(name)


def _without_login(chain: Chain, env: Mapping[bytes, bytes]) -> Iterator[Remark]:
    if chain.first(Role.LOGIN, Role.UNKNOWN, Role.SHELL):  # somebody else may ask for passwords
        return
    server = chain.programs[-1]
    relays = b"RELAYCLIENT" in env or any(b"RELAYCLIENT" in program.sets for program in chain.programs)
    listener = chain.first(Role.LISTENER)
    if server.name in SMTP_SERVERS and (relays or server.name.startswith("ofmipd")):
        because = "RELAYCLIENT is set" if relays else f"{server.name} sends whatever it is given"
        is_local = listener is not None and listener.operands[:1] and listener.operands[0] in LOCAL
        yield remark(
            "open-relay",
            COMMAND_LINE,
            f"There is no authup, and {because}: whoever can connect sends mail to anywhere.",
            "`reup -t 5 authup smtp checkpassword checknotroot` in front of fixsmtpio.",
            severity=WARNING if is_local else None,
        )
    if server.role is Role.SERVER and not any(program.user for program in chain.programs):
        yield odd(
            "runs-as-root",
            f"Nobody logs in, and nothing changes the user, so that {server.name} runs as who starts it: "
            "root.",
            "`tcpserver -u UID -g GID`, or setuidgid.",
        )


def _listeners(chain: Chain) -> Iterator[Remark]:
    """A listener serves nobody by itself: only what surrounds it may stand in front."""
    first = None
    for program in chain.programs:
        if program.role is Role.LISTENER and first is not None:
            yield odd(
                "listener-place",
                f"{program.name} stands behind {first.name}, and waits for connections of its own instead of "
                "serving the one that is there.",
                "Put one program that accepts connections in front of all others.",
            )
        if first is None and program.role not in {Role.WRAPPER, Role.SHELL, Role.UNKNOWN}:
            first = program


def _memory(chain: Chain) -> Iterator[Remark]:
    for program in chain.programs:
        if program.name not in {"softlimit", "s6-softlimit", "chpst"}:
            continue
        for letter in "mad":
            digits = program.options.get(letter, b"")
            if digits.isdigit() and len(digits) < 20 and int(digits) < ENOUGH_MEMORY:
                below = int(digits) < LEAST_MEMORY
                yield remark(
                    "memory",
                    COMMAND_LINE,
                    f"{program.name} -{letter} allows {shown(digits)} bytes. These programs are Python and "
                    "take "
                    "about 40 MB" + (": they cannot start." if below else ", so that little is left."),
                    f"{ENOUGH_MEMORY} or more.",
                    severity=None if below else NOTE,
                )


def _surroundings(chain: Chain, env: Mapping[bytes, bytes]) -> Iterator[Remark]:
    if b"NOFIXSMTPIO" in env or any(b"NOFIXSMTPIO" in program.sets for program in chain.programs):
        yield odd(
            "filter-off",
            "NOFIXSMTPIO is set, so that fixsmtpio does nothing: no rule applies.",
            "Unset it.",
        )
