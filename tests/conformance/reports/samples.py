"""Sample runs for the tests of the reports: four targets, and everything that can come out."""

import base64
from collections.abc import Iterator
from pathlib import Path

from conformance.format.cases import cases
from conformance.format.talk import Talk
from conformance.format.talk_parser import parse
from conformance.playing.verdicts import Finding, Kind, Moment, Result, Verdict
from conformance.reports import jsonl
from conformance.reports.facts import Fixed, Killer, Outcome, Report, Rule, SeededBug, Session

TARGETS = ("sim", "ours", "c-reup", "c-head")

PLAIN = r"""title: AUTH PLAIN with the right password hands the connection to ofmipd as alice
rules: AUTHUP-SMTP-1 AUTHUP-SMTP-12 AUTHUP-CP-3 FIX-5
level: must
run:   {authup} smtp {checkpassword} {checknotroot} {fixsmtpio} {ofmipd}
as:    root
users: alice secret uid=1001

-- control/smtpgreeting --
mail.example.org
-- talk --
# [AUTHUP-SMTP-1] the greeting
S: 220 mail.example.org ESMTP

C: EHLO client.example
S: 250-mail.example.org
S: 250-AUTH LOGIN PLAIN
S: 250 8BITMIME

C: AUTH PLAIN {b64:\0alice\0secret}
# [AUTHUP-CP-3] user, password and an empty timestamp
    fd3: alice\0secret\0\0
    c! start uid=1001 AUTHUP_USER=alice
    s: 220 ofmipd.local ESMTP
# [FIX-5] the inner greeting becomes the answer to AUTH
S: 235 ok, go ahead (#2.0.0)
C: QUIT
    c: QUIT
    s: 221 ofmipd.local
S: 221 ofmipd.local
    s! exit 0
S! eof
S! exit 0
"""

REFUSED = r"""title: a wrong password is refused after five seconds
rules: AUTHUP-ERR-4
level: must
run:   {authup} smtp {checkpassword} {checknotroot} {fixsmtpio} {ofmipd}
as:    root
users: root toor uid=0

-- control/smtpgreeting --
mail.example.org
-- talk --
S: 220 mail.example.org ESMTP
C: AUTH PLAIN {b64:\0root\0toor}
    fd3: root\0toor\0\0
# [AUTHUP-ERR-4] to the tick
+5s
S: 535 authup authorization failed (#5.7.0)
S! eof
S! exit 1
E: checknotroot: WAS RUNNING AS ROOT, TERMINATING
"""

STLS = r"""title: POP3: plaintext sent ahead of the TLS handshake is thrown away
rules: AUTHUP-TLS-6 AUTHUP-POP3-1
level: must
why:   CVE-2011-0411; RFC 3207 section 4.2
run:   {authup} pop3 {checkpassword} {checknotroot} {qmail-pop3d}
env:   UCSPITLS=

-- control/pop3greeting --
mail.example.org
-- talk --
S: +OK <{pid:authup}.{unix:now}@mail.example.org>
C: STLS
C: USER mallory
S: +OK starting TLS negotiation
S! tls
S! eof
# [AUTHUP-TLS-6] the first thing said over TLS answers the first thing heard over TLS
CT: PASS secret
ST: -ERR authup USER first
CT: QUIT
ST: +OK\s
ST! eof
S! exit 0
"""

EHLO = r"""title: fixsmtpio rules put our own name in front
rules: FIX-3 FIX-10
level: must
run:   {fixsmtpio} {ofmipd}
env:   AUTHUP_USER=alice

-- control/fixsmtpio --
:greeting::2*::&fixsmtpio_fixup
-- talk --
    s: 220 ofmipd.local ESMTP
S: 220 mail.example.org ESMTP

C: EHLO client.example
    c: EHLO client.example
    s: 250-ofmipd.local
    s: 250 AUTH LOGIN PLAIN
# [FIX-10] the name
S: 250-mail.example.org
S: 250 AUTH LOGIN PLAIN

C! eof
    c! eof
    s! exit 0
S! eof
S! exit 0
"""

DATA = r"""title: the dot that ends DATA may arrive in pieces
rules: FIX-30
level: must
run:   {fixsmtpio} {ofmipd}
vary:  cuts merge

-- control/fixsmtpio --
:quit::221*::221 filtered goodbye
-- talk --
    s: 220 ofmipd.local
S: 220 ofmipd.local
C: DATA
    c: DATA
    s: 354 go ahead
S: 354 go ahead
C: .\|\r\|\n\
    c: .
    s: 250 queued
S: 250 queued
# [FIX-30] only out of data mode does the quit rule apply
C: QUIT
    c: QUIT
    s: 221 bye
S: 221 filtered goodbye
"""

LOOKALIKES = r"""title: end-of-data look-alikes end nothing
rules: FIX-32
level: should
run:   {fixsmtpio} {ofmipd}
each:  seq = \n.\n | \r.\r | \n.\r\n

-- talk --
    s: 220 ofmipd.local
S: 220 ofmipd.local
C: before{seq}\
    c: before{seq}\
"""

RULES = [
    Rule("AUTHUP-SMTP-1", "Connect", "must", "The first line is 220, the greeting, ESMTP.", "3.2"),
    Rule(
        "AUTHUP-SMTP-12", "AUTH PLAIN", "must", "The response may come with the command or after it.", "3.2"
    ),
    Rule("AUTHUP-CP-3", "The record", "must", "User, password and timestamp, each ended by NUL.", "3.5"),
    Rule("AUTHUP-ERR-4", "The delay", "must", "A refusal leaves five seconds after the last line.", "3.3"),
    Rule("AUTHUP-TLS-6", "Injection", "must", "Input received before the handshake is discarded.", "3.6"),
    Rule("AUTHUP-POP3-1", "Connect", "must", "+OK, then pid and time in angle brackets.", "3.4"),
    Rule("AUTHUP-POP3-2", "USER", "must", "The last USER wins.", "3.4"),
    Rule("FIX-3", "Lines", "must", "A command that has not ended is waited for.", "4"),
    Rule("FIX-5", "Greeting", "must", "The inner greeting is the answer to AUTH.", "4"),
    Rule("FIX-10", "EHLO", "must", "Our own name stands in the first line.", "4"),
    Rule("FIX-30", "End of data", "must", "CR LF . CR LF ends it wherever the packets break.", "4"),
    Rule("FIX-32", "Look-alikes", "should", "Nothing else ends it.", "4"),
]

SESSION = Session(
    seed=20260118,
    targets={
        "sim": {
            "kind": "simulation",
            "clock": "virtual",
            "observes": ["exit", "uid", "cpu", "fds", "leftovers"],
        },
        "ours": {"kind": "exec", "clock": "real", "late": 1.0, "early": 0.1},
        "c-reup": {"kind": "exec", "clock": "real", "generation": "reup", "late": 1.0, "early": 0.1},
        "c-head": {"kind": "exec", "clock": "real", "generation": "head", "late": 1.0, "early": 0.1},
    },
    command=(
        "conform",
        "run",
        "-t",
        "sim",
        "-t",
        "ours",
        "-t",
        "c-reup",
        "-t",
        "c-head",
        "--seed",
        "20260118",
    ),
    host={"kernel": "6.18.0", "python": "3.11.9", "machine": "x86_64"},
    when="2026-01-18T14:02:00+01:00",
    version="0.1.0",
    spec="r7",
)

FIXED = Fixed("c-head", "data-end-split", "FIX-30", "C: <x>", "the dot # was looked for in each packet")

BUGS = [
    SeededBug(
        "dot-per-packet",
        "FIX-30",
        "acceptutils/fixsmtpio.py",
        "if line.endswith(b'\\n'): → if True:",
        (Killer("data-end-split", 18, "FAIL"),),
        ("data-end-split", "ehlo-without-auth"),
    ),
    SeededBug(
        "tls-keep-buffer",
        "AUTHUP-TLS-6",
        "acceptutils/authup.py",
        "self.buffer = b'' → pass",
        (Killer("stls-injection", 18), Killer("auth-plain-success", 4)),
        ("stls-injection", "auth-plain-success"),
    ),
    SeededBug(
        "user-first-wins",
        "AUTHUP-POP3-2",
        "acceptutils/authup_pop3.py",
        "last → first",
        (),
        ("stls-injection",),
    ),
]


def talks() -> list[Talk]:
    """Return the cases."""
    found = []
    for name, text in {
        "auth-plain-success": PLAIN,
        "root-password-guessed": REFUSED,
        "stls-injection": STLS,
        "ehlo-without-auth": EHLO,
        "data-end-split": DATA,
        "look-alikes": LOOKALIKES,
    }.items():
        found += cases(parse(text, name=name, file=f"conformance/scenarios/{name}.talk"))
    return found


def process(
    pid: int, parent: int, *names: str, code: int | None = 0, signal: int | None = None
) -> dict[str, object]:
    """Return a process as tree.py describes it."""
    programs = [
        {
            "name": name,
            "argv": [name, "smtp"],
            "uid": 0 if name == "authup" else 1001,
            "env": ["AUTHUP_USER", "PATH"],
            "fds": [0, 1, 2],
            "started": 0.001 * pid,
        }
        for name in names
    ]
    ended = {"code": code, "signal": signal, "ended": 5.2, "observed_end": True}
    return {"pid": pid, "parent": parent, "programs": programs, **ended}


TREE = (
    process(2, 1, "authup"),
    process(3, 2, "checkpassword", "checknotroot", "fixsmtpio"),
    process(4, 3, "ofmipd"),
)


def record(case: str, late: float = 0.0) -> tuple[Moment, ...]:
    """Return what happens in a case, roughly."""
    match case.partition("#")[0]:
        case "auth-plain-success":
            token = base64.b64encode(b"\0alice\0secret")
            return (
                Moment(0.0, "proc", what="start 2 authup"),
                Moment(0.01, "S", b"220 mail.example.org ESMTP\r\n", line=12),
                Moment(0.011, "C", b"EHLO client.example\r\n", line=14),
                Moment(
                    0.012, "S", b"250-mail.example.org\r\n250-AUTH LOGIN PLAIN\r\n250 8BITMIME\r\n", line=15
                ),
                Moment(0.013, "C", b"AUTH PLAIN " + token + b"\r\n", line=19),
                Moment(0.014, "fd3", b"alice\0secret\0\0", line=21),
                Moment(0.02, "proc", what="start 4 ofmipd"),
                Moment(0.021, "c", what="start uid=1001 AUTHUP_USER=alice", line=22),
                Moment(0.022, "s", b"220 ofmipd.local ESMTP\r\n", line=23),
                Moment(0.023, "S", b"235 ok, go ahead (#2.0.0)\r\n", line=25),
                Moment(0.024, "E", b"authup: login attempt by alice\n"),
                Moment(0.03, "S", what="eof", line=31),
            )
        case "root-password-guessed":
            return (
                Moment(0.0, "S", b"220 mail.example.org ESMTP\r\n", line=11),
                Moment(0.001, "C", b"AUTH PLAIN AHJvb3QAdG9vcg==\r\n", line=12),
                Moment(0.002, "fd3", b"root\0toor\0\0", line=13),
                Moment(0.003, "E", b"checknotroot: WAS RUNNING AS ROOT, TERMINATING\n", line=19),
                Moment(round(5.002 + late, 6), "S", b"535 authup authorization failed (#5.7.0)\r\n", line=16),
                Moment(round(5.003 + late, 6), "S", what="eof", line=17),
            )
        case "stls-injection":
            return (
                Moment(0.036, "S", b"+OK <2.1795443437@mail.example.org>\r\n", line=11),
                Moment(0.0364, "C", b"STLS\r\nUSER mallory\r\n", line=12),
                Moment(0.0369, "S", b"+OK starting TLS negotiation\r\n", line=14),
                Moment(0.037, "T", what="Y"),
                Moment(0.0371, "S", what="eof", line=16),
                Moment(0.0372, "ST", b"+OK \r\n" if late else b"-ERR authup USER first\r\n", line=19),
                Moment(0.0373, "CT", b"PASS secret\r\n", line=18),
            )
        case "ehlo-without-auth":
            return (
                Moment(0.0, "s", b"220 ofmipd.local ESMTP\r\n", line=10),
                Moment(0.001, "S", b"220 mail.example.org ESMTP\r\n", line=11),
                Moment(0.002, "C", b"EHLO client.example\r\n", line=13),
                Moment(0.003, "c", b"EHLO client.example\r\n", line=14),
            )
        case _:
            return (Moment(0.0, "C", b"before\n.\n\x07\x1b[31m</script><b>\xff", line=11),)


def finding(case: str, offset: int = 0) -> Finding:
    """Return what is wrong where a target fails a case."""
    match case.partition("#")[0]:
        case "stls-injection":
            return Finding(
                19, Kind.WRONG, ("AUTHUP-TLS-6",), r"-ERR authup USER first\r\n", r"+OK \r\n", "too early"
            )
        case "ehlo-without-auth":
            words = f"fixsmtpio used {2 + offset / 100:.2f} s CPU instead of waiting"
            return Finding(14, Kind.SPIN, ("FIX-3",), r"EHLO client.example\r\n", "", words)
        case "data-end-split":
            return Finding(0, Kind.CRASH, ("FIX-30",), note="fixsmtpio was killed by SIGSEGV")
        case "root-password-guessed":
            return Finding(
                16, Kind.EARLY, ("AUTHUP-ERR-4",), note="came 0.03 s after the line before, expected 5 s"
            )
        case _:
            return Finding(9, Kind.WRONG, ("FIX-32",), r"before{any}", r"<script>alert(1)</script>\xff\r\n")


def results() -> Iterator[Result]:
    """Return the results of all targets."""
    for talk in talks():
        for target in TARGETS:
            yield from _results(talk, target)


def _results(talk: Talk, target: str) -> Iterator[Result]:
    case, old = talk.name, target.startswith("c-")
    control = {"control/smtpgreeting": b"mail.example.org\n"}

    def run(variation: str, verdict: Verdict, *findings: Finding, **more: object) -> Result:
        result = Result(case, target, variation, verdict, talk.rules, findings, record(case), TREE)
        result.seconds, result.wall, result.cpu, result.control = (
            5.2 if "root" in case else 0.047,
            0.05,
            0.004,
            control,
        )
        for name, value in more.items():
            setattr(result, name, value)
        return result

    if case == "root-password-guessed" and target == "c-reup":
        yield run("base", Verdict.SKIP, reason="takes 5 s of real time", record=(), processes=())
    elif case == "root-password-guessed" and target == "c-head":
        yield run("base", Verdict.FAIL, finding(case), record=record(case, -4.9))
    elif case == "stls-injection" and target == "c-reup":
        yield run("base", Verdict.FAIL, finding(case), record=record(case, 1.0), unobserved=("exit",))
    elif case == "stls-injection" and target == "c-head":
        yield run(
            "base",
            Verdict.KNOWN,
            finding(case),
            known="POP3 keeps bytes buffered before the handshake",
            severity="security",
        )
    elif case == "ehlo-without-auth":
        yield run("base", Verdict.PASS)
        for offset in range(1, 21):
            bad = (finding(case, offset),) if old else ()
            yield run(f"cuts=13:{offset}", Verdict.SPIN if old else Verdict.PASS, *bad)
        yield run("bytes", Verdict.PASS)
        yield run("multi=7", Verdict.PASS)
    elif case == "data-end-split" and target == "c-reup":
        crashed = process(4, 3, "fixsmtpio", code=None, signal=11)
        yield run("base", Verdict.CRASH, finding(case), processes=(*TREE[:2], crashed))
    elif case == "look-alikes#2" and target == "ours":
        yield run("base", Verdict.FAIL, finding(case))
    elif case == "look-alikes#3" and target == "ours":
        yield run("base", Verdict.HARNESS, reason="Traceback (most recent call last):\nOSError: \x1b[31mno")
    elif case == "look-alikes#1" and target == "ours":
        accepted = Finding(9, Kind.ALTERNATIVE, ("FIX-32",), "before", "behind", "non-strict")
        yield run("base", Verdict.NON_STRICT, accepted)
    else:
        yield run("base", Verdict.PASS)


def write(path: Path) -> Path:
    """Write the sample as a run would."""
    with jsonl.Writer(path) as writer:
        writer.start(SESSION)
        writer.rules(RULES)
        for talk in talks():
            writer.case(talk)
        for result in results():
            writer.result(result)
        writer.fixed(FIXED)
        for bug in BUGS:
            writer.bug(bug)
        writer.end(Outcome(1, 38.4, {"cuts: the budget of 60 s was used up": 412}))
    return path


def report(path: Path) -> Report:
    """Return the sample as the reports see it."""
    return jsonl.read([write(path)])
