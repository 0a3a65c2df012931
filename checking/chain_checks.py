"""What is odd about a command line: who checks the password, who runs as whom, who serves."""

from collections.abc import Iterator, Mapping
from itertools import chain as joined
from typing import Final

from checking.chain import Chain, Program
from checking.programs import ALWAYS_FALSE, ALWAYS_TRUE, LOGINS, OURS, POP3_SERVERS, SMTP_SERVERS, Role
from checking.remarks import COMMAND_LINE, NOTE, WARNING, Remark, quoted, remark, shown

LEAST_MEMORY: Final = 40_000_000  # below it Python and trio do not start (measured: authup, 32 to 40 MB)
ENOUGH_MEMORY: Final = 64_000_000
LOCAL: Final = {b"127.0.0.1", b"::1", b"localhost"}


def check(chain: Chain, env: Mapping[bytes, bytes]) -> Iterator[Remark]:
    """Yield what is odd about a command line; `env` is what it inherits."""
    for program in chain.programs:
        if program.trouble:
            yield _said(
                "bad-usage",
                f"{program.name} refuses its command line: {program.trouble}. Nothing is served.",
                f"See {program.name}(8).",
            )
        elif program.role in {Role.UNKNOWN, Role.SHELL}:
            yield _said("unknown-program", f"{quoted(program.words[0])} {program.role.value}.")
        elif program.role is Role.LOGIN and not _is_known_login(program):
            yield _said(
                "unknown-program",
                f"{quoted(program.words[0])} is not known to this check. It stands where passwords are "
                "checked.",
                "It must read them from descriptor 3, and exit 1 for a wrong one.",
            )
    if not any(program.name in OURS for program in chain.programs):
        yield _said("unknown-program", "None of reup, authup, checknotroot and fixsmtpio is in it.")
    if chain.first(Role.AUTHUP) and not chain.is_broken:
        yield from joined(_login(chain), _tries(chain), _root(chain), _recorders(chain), _tls(chain, env))
    elif not chain.is_broken:
        yield from _without_login(chain, env)
    yield from joined(_memory(chain), _surroundings(chain, env))


def _said(code: str, text: str, advice: str = "") -> Remark:
    return remark(code, COMMAND_LINE, text, advice)


def _is_known_login(program: Program) -> bool:
    return program.name in {*LOGINS, *ALWAYS_TRUE, *ALWAYS_FALSE}


def _login(chain: Chain) -> Iterator[Remark]:
    login = chain.first(Role.LOGIN)
    behind = [program for program in chain.after(Role.AUTHUP) if program.role is not Role.WRAPPER]
    if login is None or (behind and behind[0] is not login):
        yield from _no_login_program(behind)
    elif login.name in ALWAYS_TRUE:
        yield _said(
            "open-relay",
            f"{login.name} stands where the password is checked, and is content with every password: to a "
            "server "
            "that trusts its exit code this is an open relay. Here clients are left without an answer, for "
            f"{login.name} does not run what stands behind it.",
            "Put checkpassword in its place.",
        )
    elif login.name in ALWAYS_FALSE:
        yield _said("no-login", f"{login.name} refuses every password.", "Put checkpassword in its place.")
    else:
        yield from _checknotroot(chain)
        yield from _session(chain)


def _no_login_program(behind: list[Program]) -> Iterator[Remark]:
    first = behind[0] if behind else None
    if first is not None and first.role is Role.CHECKNOTROOT:
        yield _said(
            "checknotroot-place",
            "checknotroot stands where the password is checked. It runs as root there and refuses everybody.",
            "Put it directly behind checkpassword.",
        )
    elif first is not None and first.role in {Role.FIXSMTPIO, Role.SERVER}:
        yield _said(
            "open-relay",
            f"Nothing checks passwords: whatever a client sends, authup runs {first.name}, as root, for him.",
            "Put checkpassword and checknotroot between authup and it.",
        )
    else:
        yield _said("no-login", "Nothing stands where the password is checked.", "Put checkpassword there.")


def _checknotroot(chain: Chain) -> Iterator[Remark]:
    behind = [program for program in chain.after(Role.LOGIN) if program.role is not Role.WRAPPER]
    names = [program.role for program in behind]
    if Role.CHECKNOTROOT not in names:
        early = Role.CHECKNOTROOT in [program.role for program in chain.before(Role.LOGIN)]
        where = (
            " checknotroot stands in front of it, where it only keeps the service from running."
            if early
            else ""
        )
        yield _said(
            "checknotroot-place" if early else "no-checknotroot",
            f"Who guesses root's password gets a session as root.{where}",
            "Put checknotroot directly behind the program that checks passwords.",
        )
    elif names[0] is not Role.CHECKNOTROOT:
        yield _said(
            "checknotroot-place",
            f"{behind[0].name} stands between the program that checks passwords and checknotroot: it would "
            "run "
            "as root for who knows root's password, and by the reply or its moment that is told from a wrong "
            "one.",
            "Put checknotroot directly behind the program that checks passwords.",
        )


def _session(chain: Chain) -> Iterator[Remark]:
    behind = [program for program in chain.after(Role.LOGIN) if program.role is not Role.CHECKNOTROOT]
    last = behind[-1] if behind else None
    if last is None or last.role in {Role.WRAPPER, Role.FIXSMTPIO, Role.RECORDER}:
        yield _said("no-server", "There is no server at the end.", "Name it: ofmipd, for instance.")
        return
    if last.name in ALWAYS_TRUE | ALWAYS_FALSE:
        yield _said(
            "no-server",
            f"Who has logged in gets {last.name}, which says nothing and ends: clients hear no answer to "
            "their "
            "password. It was a habit of SMTP AUTH patches to write that here.",
            "Put checknotroot, fixsmtpio and the server in its place.",
        )
        return
    has_filter = chain.first(Role.FIXSMTPIO) is not None
    if chain.protocol == "pop3":
        if has_filter:
            yield _said(
                "fixsmtpio-with-pop3",
                "fixsmtpio speaks SMTP, and authup was asked for POP3: replies of a POP3 server have no "
                "codes, "
                "and clients would get none of them.",
                "Leave fixsmtpio away, or write `authup smtp`.",
            )
        elif last.name in SMTP_SERVERS:
            yield _wrong_server(last, "POP3")
    elif last.name in POP3_SERVERS:
        yield _wrong_server(last, "SMTP")
    elif not has_filter:
        yield _said(
            "no-fixsmtpio",
            "Without fixsmtpio the server's `220` is the answer to AUTH, and clients need 235: nobody seems "
            "to "
            "be logged in.",
            "Put fixsmtpio directly behind checknotroot, and a rule for the greeting into control/fixsmtpio.",
        )
    yield from _server(chain, last)


def _wrong_server(server: Program, protocol: str) -> Remark:
    return _said(
        "wrong-server", f"authup speaks {protocol}, and {server.name} does not.", "Change one of them."
    )


def _server(chain: Chain, server: Program) -> Iterator[Remark]:
    if server.name == "qmail-pop3d" and not server.operands:
        yield _said("no-maildir", "qmail-pop3d wants to know which Maildir.", "`qmail-pop3d Maildir`")
    may_relay = any(b"RELAYCLIENT" in program.sets or program.opens for program in chain.programs)
    if server.name == "qmail-smtpd" and not may_relay:
        yield _said(
            "no-relayclient",
            "RELAYCLIENT is not set, so that qmail-smtpd takes mail for control/rcpthosts only, from users "
            "who have logged in too.",
            '`env RELAYCLIENT="" qmail-smtpd`',
        )


def _tries(chain: Chain) -> Iterator[Remark]:
    reup, authup = chain.first(Role.REUP), chain.first(Role.AUTHUP)
    if reup is None or authup is None:
        return
    most = reup.options.get("t", b"0")
    if most == b"0":
        yield _said(
            "endless-tries",
            "reup without -t starts over without end: a client may go on guessing, one password in 5 "
            "seconds, as "
            "long as it stays connected.",
            "`reup -t 5`",
        )
    elif "t" in authup.options:
        yield _said(
            "tries-multiply",
            f"Each of the {shown(most)} attempts of reup allows {shown(authup.options['t'])} logins.",
            "Leave one of the two -t away.",
        )


def _root(chain: Chain) -> Iterator[Remark]:
    for program in chain.before(Role.AUTHUP):
        if program.user not in {None, b"0", b"root"}:
            yield _said(
                "not-root",
                f"By {quoted(b' '.join(program.words[:1]))} authup runs as {shown(program.user or b'')}, not "
                "as "
                "root: checkpassword cannot become anybody then, and authup cannot tell refused logins from "
                "sessions that end badly.",
                "Take that away. What stands behind checkpassword runs as the user anyway.",
            )
            return


def _recorders(chain: Chain) -> Iterator[Remark]:
    place = chain.place(Role.REUP)
    before = chain.before(Role.AUTHUP)
    for at, program in enumerate(before):
        if program.role is not Role.RECORDER:
            continue
        yield _said(
            "passwords-in-log",
            f"{program.name} stands in front of authup, so that passwords are written to the log.",
            "Put it between fixsmtpio and the server.",
        )
        if place is not None and at > place:
            yield _said(
                "input-lost",
                f"{program.name} stands between reup and authup: that of a failed attempt swallows what the "
                "client says next.",
                "Put it in front of reup, or between fixsmtpio and the server.",
            )


def _tls(chain: Chain, env: Mapping[bytes, bytes]) -> Iterator[Remark]:
    reup, front_end = chain.place(Role.REUP), chain.place(Role.TLS)
    if reup is not None and front_end is not None and front_end > reup:
        yield _said(
            "tls-inside-reup",
            f"{chain.programs[front_end].name} stands behind reup and is started again for each attempt. Its "
            "TLS "
            "ends with the attempt, and a client that mistyped the password is lost.",
            "Put it in front of reup.",
        )
    listener = chain.first(Role.LISTENER)
    if listener is None or not listener.operands or listener.operands[0] in LOCAL:
        return
    level = _variable(chain, env, b"UCSPITLS")
    encrypts = listener.name in {"sslserver", "sslsvd", "s6-tlsserver"} and "n" not in listener.options
    if not encrypts and level != b"!":
        offered = "TLS is offered, but not required, so" if chain.speaks_tls else "Nothing encrypts, and"
        yield _said(
            "plaintext",
            f"{offered} passwords can cross the network in plaintext: it listens on "
            f"{quoted(listener.operands[0])}.",
            "Set UCSPITLS=! in front of a UCSPI-TLS front end; or listen on 127.0.0.1, behind stunnel.",
        )


def _variable(chain: Chain, env: Mapping[bytes, bytes], name: bytes) -> bytes | None:
    found = [program.sets[name] for program in chain.programs if program.sets.get(name)]
    return found[-1] if found else env.get(name)


def _without_login(chain: Chain, env: Mapping[bytes, bytes]) -> Iterator[Remark]:
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
        yield _said(
            "runs-as-root",
            f"Nobody logs in, and nothing changes the user, so that {server.name} runs as who starts it: "
            "root.",
            "`tcpserver -u UID -g GID`, or setuidgid.",
        )


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
        yield _said(
            "filter-off",
            "NOFIXSMTPIO is set, so that fixsmtpio does nothing: no rule applies.",
            "Unset it.",
        )
