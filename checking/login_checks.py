"""What is odd about the part of a command line behind which somebody has logged in."""

from collections.abc import Iterator

from checking.chain import Chain, Program
from checking.programs import ALWAYS_FALSE, ALWAYS_TRUE, POP3_SERVERS, SMTP_SERVERS, Role
from checking.remarks import Remark, odd, quoted, shown


def check(chain: Chain) -> Iterator[Remark]:
    """Yield what is odd about who checks passwords, what follows as whom, and how often one may try."""
    yield from _login(chain)
    yield from _tries(chain)
    yield from _root(chain)


def _login(chain: Chain) -> Iterator[Remark]:
    login = chain.first(Role.LOGIN)
    behind = [program for program in chain.after(Role.AUTHUP) if program.role is not Role.WRAPPER]
    if login is None or (behind and behind[0] is not login):
        yield from _no_login_program(behind)
    elif login.name in ALWAYS_FALSE:
        yield odd("no-login", f"{login.name} refuses every password.", "Put checkpassword in its place.")
    else:
        if login.name in ALWAYS_TRUE:
            yield _content_with_everything(login)
        yield from _checknotroot(chain)
        yield from _session(chain)


def _content_with_everything(login: Program) -> Remark:
    return odd(
        "open-relay",
        f"{login.name} stands where the password is checked, and is content with every password: to a "
        "server that trusts its exit code this is an open relay. Here clients are left without an answer, "
        f"for {login.name} does not run what stands behind it.",
        "Put checkpassword in its place.",
    )


def _no_login_program(behind: list[Program]) -> Iterator[Remark]:
    first = behind[0] if behind else None
    if first is not None and first.role is Role.CHECKNOTROOT:
        yield odd(
            "checknotroot-place",
            "checknotroot stands where the password is checked. It runs as root there and refuses everybody.",
            "Put it directly behind checkpassword.",
        )
    elif first is not None and first.role in {Role.FIXSMTPIO, Role.SERVER}:
        yield odd(
            "open-relay",
            f"Nothing checks passwords: whatever a client sends, authup runs {first.name}, as root, for him.",
            "Put checkpassword and checknotroot between authup and it.",
        )
    else:
        yield odd("no-login", "Nothing stands where the password is checked.", "Put checkpassword there.")


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
        yield odd(
            "checknotroot-place" if early else "no-checknotroot",
            f"Who guesses root's password gets a session as root.{where}",
            "Put checknotroot directly behind the program that checks passwords.",
        )
    elif names[0] is not Role.CHECKNOTROOT:
        yield odd(
            "checknotroot-place",
            f"{behind[0].name} stands between the program that checks passwords and checknotroot: it would "
            "run as root for who knows root's password, and by the reply or its moment that is told from a "
            "wrong one.",
            "Put checknotroot directly behind the program that checks passwords.",
        )


def _session(chain: Chain) -> Iterator[Remark]:
    behind = [program for program in chain.after(Role.LOGIN) if program.role is not Role.CHECKNOTROOT]
    last = behind[-1] if behind else None
    if last is None or last.role in {Role.WRAPPER, Role.FIXSMTPIO, Role.RECORDER}:
        yield odd("no-server", "There is no server at the end.", "Name it: ofmipd, for instance.")
        return
    if last.name in ALWAYS_TRUE | ALWAYS_FALSE:
        yield odd(
            "no-server",
            f"Who has logged in gets {last.name}, which says nothing and ends: clients hear no answer to "
            "their password. It was a habit of SMTP AUTH patches to write that here.",
            "Put checknotroot, fixsmtpio and the server in its place.",
        )
        return
    has_filter = chain.first(Role.FIXSMTPIO) is not None
    if chain.protocol == "pop3":
        if has_filter:
            yield odd(
                "fixsmtpio-with-pop3",
                "fixsmtpio speaks SMTP, and authup was asked for POP3: replies of a POP3 server have no "
                "codes, and clients would get none of them.",
                "Leave fixsmtpio away, or write `authup smtp`.",
            )
        elif last.name in SMTP_SERVERS:
            yield _wrong_server(last, "POP3")
    elif last.name in POP3_SERVERS:
        yield _wrong_server(last, "SMTP")
    elif any(program.role is Role.FIXSMTPIO for program in chain.before(Role.AUTHUP)):
        yield odd(
            "fixsmtpio-place",
            "fixsmtpio stands in front of authup, where it filters the login: it has no AUTHUP_USER, and "
            "cannot turn the server's greeting into the 235 that answers AUTH.",
            "Put it directly behind checknotroot.",
        )
    elif not has_filter:
        yield odd(
            "no-fixsmtpio",
            "Without fixsmtpio the server's `220` is the answer to AUTH, and clients need 235: nobody "
            "seems to be logged in.",
            "Put fixsmtpio directly behind checknotroot, and a rule for the greeting into control/fixsmtpio.",
        )
    yield from _server(chain, last)


def _wrong_server(server: Program, protocol: str) -> Remark:
    return odd(
        "wrong-server", f"authup speaks {protocol}, and {server.name} does not.", "Change one of them."
    )


def _server(chain: Chain, server: Program) -> Iterator[Remark]:
    if server.name == "qmail-pop3d" and not server.operands:
        yield odd("no-maildir", "qmail-pop3d wants to know which Maildir.", "`qmail-pop3d Maildir`")
    may_relay = any(b"RELAYCLIENT" in program.sets or program.opens for program in chain.programs)
    if server.name == "qmail-smtpd" and not may_relay:
        yield odd(
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
        yield odd(
            "endless-tries",
            "reup without -t starts over without end: a client may go on guessing, one password in 5 "
            "seconds, as long as it stays connected.",
            "`reup -t 5`",
        )
    elif "t" in authup.options:
        yield odd(
            "tries-multiply",
            f"Each of the {shown(most)} attempts of reup allows {shown(authup.options['t'])} logins.",
            "Leave one of the two -t away.",
        )


def _root(chain: Chain) -> Iterator[Remark]:
    for program in chain.before(Role.AUTHUP):
        if program.user not in {None, b"0", b"root"}:
            yield odd(
                "not-root",
                f"By {quoted(b' '.join(program.words[:1]))} authup runs as {shown(program.user or b'')}, "
                "not as root: checkpassword cannot become anybody then, and authup cannot tell refused "
                "logins from sessions that end badly.",
                "Take that away. What stands behind checkpassword runs as the user anyway.",
            )
            return
