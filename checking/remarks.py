"""What a check has to say: one remark for each thing, with a code that scripts may rely on."""

from enum import IntEnum
from typing import Final, NamedTuple

from conformance.format import octets


class Severity(IntEnum):
    """How bad it is."""

    NOTE = 0  # good to know
    WARNING = 1  # hardly what was meant
    ERROR = 2  # nobody is served, or nobody is safe


NOTE, WARNING, ERROR = Severity


class Kind(NamedTuple):
    """What a code stands for: its usual severity, the rules of the specification, a few words."""

    severity: Severity
    rules: tuple[str, ...]
    words: str


class Place(NamedTuple):
    """Where it is: a file as people know it, or the command line; a line of it, if it is about one."""

    file: str
    line: int | None = None


COMMAND_LINE: Final = Place("command line")


class Remark(NamedTuple):
    """One thing that is to be said: what is seen and what it means, and what to do about it."""

    code: str
    severity: Severity
    place: Place
    text: str
    advice: str

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules of the specification behind it."""
        return CODES[self.code].rules


def remark(code: str, place: Place, text: str, advice: str = "", severity: Severity | None = None) -> Remark:
    """Make a remark; its severity is the usual one of its code if none is given."""
    return Remark(code, CODES[code].severity if severity is None else severity, place, text, advice)


def odd(code: str, text: str, advice: str = "") -> Remark:
    """Make a remark on the command line."""
    return remark(code, COMMAND_LINE, text, advice)


def shown(data: bytes) -> str:
    """Return bytes as they may be shown to anybody: no control characters, in the notation of a talk."""
    return octets.write(data)


def quoted(data: bytes) -> str:
    """Return bytes to stand in a sentence."""
    return f"`{shown(data)}`"


CODES: Final[dict[str, Kind]] = {
    # control/fixsmtpio
    "bad-rule": Kind(ERROR, ("FIX-RULE-5", "FIX-GEN-4"), "a line is no rule, which rejects the file"),
    "never-applies": Kind(WARNING, ("FIX-RULE-6", "FIX-RULE-7"), "a rule that no session will ever use"),
    "unknown-event": Kind(WARNING, ("FIX-RULE-6",), "an event that is neither ours nor a verb of SMTP"),
    "env-not-set": Kind(NOTE, ("FIX-RULE-7",), "a rule for a variable that none of these programs sets"),
    "glob-case": Kind(WARNING, ("FIX-RESP-4",), "a glob in small letters for what servers write in capitals"),
    "glob-escape": Kind(WARNING, ("FIX-RESP-4",), "a backslash that does not mean what it looks like"),
    "regular-expression": Kind(NOTE, ("FIX-RESP-4",), "a glob that looks like a regular expression"),
    "only-bare-codes": Kind(
        WARNING, ("FIX-RESP-4",), "a glob that fits a code without words, and nothing else"
    ),
    "line-ending": Kind(WARNING, ("FIX-RESP-3",), "a glob that fits some lines only because of their CR LF"),
    "fourth-byte": Kind(
        WARNING, ("FIX-RESP-1", "FIX-RESP-6"), "a glob that fits last lines only, or all but them"
    ),
    "hides": Kind(WARNING, ("FIX-RESP-5",), "what a rule makes of a line is always undone by a later one"),
    "order-matters": Kind(
        NOTE, ("FIX-RESP-5",), "two rules for the same line: the lower one has the last word"
    ),
    "twice": Kind(WARNING, ("FIX-RESP-5",), "the same line again"),
    "auth-220": Kind(ERROR, ("FIX-RULE-4", "FIX-RULE-8"), "a login is not answered 235"),
    "auth-advertised": Kind(NOTE, ("FIX-RULE-8",), "AUTH of the server is advertised after the login"),
    "starttls-advertised": Kind(
        NOTE, ("FIX-RULE-8",), "STARTTLS of the server is advertised after the login"
    ),
    "starttls-fixed": Kind(WARNING, ("FIX-TLS-2",), "rules cannot change the reply to STARTTLS"),
    "not-a-reply": Kind(WARNING, ("FIX-RULE-2", "FIX-RESP-6"), "a response that is no reply of SMTP"),
    "data-reply": Kind(WARNING, ("FIX-DATA-1",), "changing the 354 does not keep a message from being sent"),
    "ends-at-once": Kind(WARNING, ("FIX-RESP-5", "FIX-EXIT-2"), "an exit code for something quite normal"),
    "exit-code": Kind(
        WARNING, ("AUTHUP-EXIT-2", "AUTHUP-CP-6"), "an exit code that authup may take for a refused login"
    ),
    "mixed-spellings": Kind(NOTE, ("FIX-RULE-3", "FIX-RULE-4"), "both ways of writing rules in one file"),
    "old-spelling": Kind(NOTE, ("FIX-RULE-1", "FIX-RULE-4"), "the seed page's way of writing rules"),
    "too-complicated": Kind(NOTE, (), "more or larger globs than are compared"),
    # other control files
    "unreadable": Kind(ERROR, ("CTL-3", "CTL-7"), "a control file cannot be read"),
    "no-greeting": Kind(ERROR, ("CTL-4",), "there is no name to greet with"),
    "empty-greeting": Kind(WARNING, ("CTL-4",), "the name to greet with is empty"),
    "not-a-host": Kind(NOTE, ("CTL-4",), "a greeting does not begin with a host name"),
    "esmtp-twice": Kind(NOTE, ("AUTHUP-SMTP-1", "FIX-FIXUP-1"), "a greeting that says ESMTP by itself"),
    "one-line": Kind(NOTE, ("CTL-1",), "more than one line where only the first one counts"),
    "no-comments": Kind(WARNING, ("CTL-1",), "a comment where there are none"),
    "leading-blanks": Kind(WARNING, ("CTL-1", "CTL-2"), "blanks at the start of a line, which stay"),
    "odd-bytes": Kind(WARNING, ("CTL-1", "CTL-2"), "control characters, or bytes that are not ASCII"),
    "not-a-number": Kind(WARNING, ("CTL-5",), "seconds that are no number"),
    "zero-timeout": Kind(ERROR, ("CTL-5",), "a timeout of 0, which ends every session at its greeting"),
    "zero-delay": Kind(WARNING, ("AUTHUP-ERR-4", "CNR-5"), "refusals without a delay"),
    "no-login-limit": Kind(NOTE, ("LIM-3",), "no limit for the login as a whole"),
    "default-capabilities": Kind(NOTE, ("CTL-6",), "no list of capabilities"),
    "no-capabilities": Kind(WARNING, ("CTL-2", "CTL-6"), "an empty list of capabilities"),
    "capability-ours": Kind(
        ERROR, ("AUTHUP-SMTP-2", "AUTHUP-POP3-6"), "a capability that authup adds by itself"
    ),
    "capability-code": Kind(ERROR, ("AUTHUP-SMTP-2",), "a capability with a reply code in front"),
    "capability-impossible": Kind(WARNING, ("FIX-REQ-8",), "a capability that does not pass the filter"),
    "dangling-link": Kind(WARNING, ("CTL-3",), "a symbolic link to nothing"),
    # permissions
    "not-for-users": Kind(
        ERROR, ("CTL-3", "FIX-GEN-3"), "users who have logged in cannot read what they need"
    ),
    "writable": Kind(WARNING, ("BASE-8",), "others than the owner can change what decides about everything"),
    "foreign-owner": Kind(WARNING, ("BASE-8",), "it belongs to somebody who is not root"),
    # command line
    "bad-usage": Kind(
        ERROR, ("AUTHUP-GEN-1", "REUP-1", "CNR-2", "FIX-GEN-1"), "one of our programs refuses its arguments"
    ),
    "open-relay": Kind(
        ERROR, ("AUTHUP-CP-1",), "somebody without a password can send mail, or seems to log in"
    ),
    "no-login": Kind(ERROR, ("AUTHUP-CP-1",), "nobody can log in"),
    "no-checknotroot": Kind(ERROR, ("CNR-1", "CNR-5"), "who guesses root's password is root"),
    "checknotroot-place": Kind(
        ERROR, ("CNR-1", "CNR-5"), "checknotroot is not directly behind checkpassword"
    ),
    "no-fixsmtpio": Kind(
        ERROR, ("FIX-RULE-8",), "nothing turns the server's greeting into an answer to AUTH"
    ),
    "fixsmtpio-place": Kind(ERROR, ("FIX-RULE-4", "FIX-RULE-7"), "fixsmtpio is in front of authup"),
    "fixsmtpio-with-pop3": Kind(ERROR, ("FIX-GEN-5",), "fixsmtpio in front of something that speaks POP3"),
    "wrong-server": Kind(ERROR, ("AUTHUP-GEN-1",), "a server of the other protocol"),
    "listener-place": Kind(ERROR, (), "what accepts connections is not in front of all others"),
    "no-server": Kind(ERROR, ("AUTHUP-EXIT-1",), "nothing serves who has logged in"),
    "no-maildir": Kind(WARNING, (), "qmail-pop3d is not told which Maildir"),
    "no-relayclient": Kind(WARNING, (), "the server is not told that it may relay"),
    "endless-tries": Kind(NOTE, ("REUP-5", "AUTHUP-ERR-4"), "a client may guess passwords without end"),
    "tries-multiply": Kind(NOTE, ("AUTHUP-GEN-2", "REUP-5"), "tries of reup and of authup multiply"),
    "input-lost": Kind(ERROR, ("REUP-9",), "a program between reup and authup swallows what clients send"),
    "passwords-in-log": Kind(ERROR, ("AUTHUP-CP-2",), "passwords are written to the log"),
    "tls-inside-reup": Kind(
        ERROR, ("REUP-10", "REUP-12"), "the TLS front end is started again for each attempt"
    ),
    "tls-missing": Kind(ERROR, ("AUTHUP-TLS-1",), "TLS is demanded, and nothing can start it"),
    "plaintext": Kind(WARNING, ("AUTHUP-TLS-1",), "passwords can be sent in plaintext over the network"),
    "not-root": Kind(ERROR, ("AUTHUP-EXIT-2", "AUTHUP-CP-6"), "authup does not run as root"),
    "runs-as-root": Kind(WARNING, (), "a server without login runs as root"),
    "memory": Kind(ERROR, (), "a limit of memory in which these programs cannot start"),
    "filter-off": Kind(WARNING, ("FIX-GEN-2",), "fixsmtpio is told to do nothing"),
    "other-home": Kind(WARNING, ("BASE-2",), "the service reads other control files than these"),
    "not-found": Kind(WARNING, ("BASE-1", "REUP-7", "AUTHUP-CP-5"), "a program is not along the PATH"),
    "not-executable": Kind(ERROR, ("BASE-1", "CNR-3"), "a program cannot be run, or not by those who must"),
    "setuid": Kind(WARNING, ("AUTHUP-EXIT-2",), "checkpassword is setuid, which it need not be here"),
    "unknown-program": Kind(NOTE, (), "a program that this check does not know"),
}
