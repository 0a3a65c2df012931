"""All texts of the demo: its control files, the shims that announce programs, what it prints.

Lines are short enough for 100 columns. The printed commands stand at the margin, between a comment
and an empty line, so that they can be pasted as they are; tests/demo pastes each of them.
"""

import shlex
import sys
from pathlib import Path
from typing import NamedTuple

ALICE_PASSWORD = "secret"
ROOT_PASSWORD = "letmein"

SUBMISSION_CHAIN = [
    *("reup", "-t", "5", "authup", "smtp", "checkpassword", "checknotroot"),
    *("fixsmtpio", "env", "RELAYCLIENT=", "ofmipd"),
]
POP3_CHAIN = ["authup", "pop3", "checkpassword", "checknotroot", "pop3d", "Maildir"]

# The seed page's rules, to the letter, and what else we recommend.
EXAMPLES = Path(__file__).parents[1] / "examples" / "control"

CONTROL_FILES = {
    "me": "demo.example.org\n",
    "smtpgreeting": "demo.example.org acceptutils\n",
    "pop3greeting": "demo.example.org\n",
    **{file.name: file.read_text() for file in EXAMPLES.iterdir()},
}

# A program of the chain tells the log who it is, and becomes what it is: same process, same everything.
SHIM = """\
#!/bin/sh
echo "demo: $$ $PPID $(id -u) {name}" >&2
exec {command} "$@"
"""


def shim(name: str, command: list[str]) -> str:
    """Return the script that stands for program `name` in the demo's chains."""
    return SHIM.format(name=name, command=shlex.join(command))


class Ports(NamedTuple):
    """Where the services are, on 127.0.0.1."""

    submission: int
    pop3: int


class Situation(NamedTuple):
    """What the introduction tells about this run; `uid` is that of sessions."""

    ports: Ports
    directory: Path
    listener: str
    uid: int
    is_root: bool
    can_pretend: bool
    has_curl: bool
    python: str


# What to paste, in the order in which it makes sense. Given -u, curl would take the timestamp in the
# POP3 greeting for an invitation to APOP, and insist on it.
COMMANDS = {
    "Alice sends a message with curl": """\
printf 'Subject: hello\\n\\nSent with curl.\\n' |
curl -sS --crlf -u alice:{secret} --mail-from alice@example.org \\
     --mail-rcpt alice@example.org -T - smtp://127.0.0.1:{submission} && echo accepted""",
    "... and reads it (a plain -u would make curl use APOP, which authup refuses)": """\
curl -sS -I -X 'USER alice' pop3://127.0.0.1:{pop3} --next \\
     -sS -I -X 'PASS {secret}' pop3://127.0.0.1:{pop3} --next \\
     -sS pop3://127.0.0.1:{pop3}/1""",
    "A wrong password: refused after 5 seconds": """\
curl -sS -u alice:wrong smtp://127.0.0.1:{submission}""",
    "The right password of root, guessed: refused alike. Only the log knows why": """\
curl -sS -u root:{root} smtp://127.0.0.1:{submission}""",
    "Alice sends a message with Python": """\
{python} - <<'END'
import smtplib
with smtplib.SMTP("127.0.0.1", {submission}) as server:
    server.login("alice", "{secret}")
    server.sendmail("alice@example.org", "alice@example.org", "Subject: hi\\n\\nSent with Python.")
    print("accepted")
END""",
    "... and reads all messages": """\
{python} - <<'END'
import poplib
server = poplib.POP3("127.0.0.1", {pop3})
server.user("alice"), server.pass_("{secret}")
for number in range(server.stat()[0]):
    print(b"\\n".join(server.retr(number + 1)[1]).decode())
server.quit()
END""",
    "Both refusals once more, by POP3": """\
{python} - <<'END'
import poplib, time
for user, password in ("alice", "wrong"), ("root", "{root}"):
    server, start = poplib.POP3("127.0.0.1", {pop3}), time.monotonic()
    try:
        server.user(user), server.pass_(password)
    except poplib.error_proto as refusal:
        print(user, password, refusal, round(time.monotonic() - start, 1), "s")
END""",
}


def commands(situation: Situation) -> dict[str, str]:
    """Return what to paste by what it does; without curl what needs none."""
    values = situation.ports._asdict() | {
        "secret": ALICE_PASSWORD,
        "root": ROOT_PASSWORD,
        "python": situation.python,
    }
    wanted = {title: text for title, text in COMMANDS.items() if situation.has_curl or "curl" not in text}
    return {title: text.format(**values) for title, text in wanted.items()}


def introduction(situation: Situation) -> str:
    """Return what the demo prints when both services are ready."""
    head = _HEAD.format(
        submission=situation.ports.submission,
        pop3=situation.ports.pop3,
        listener=situation.listener,
        directory=situation.directory,
        root=ROOT_PASSWORD,
        secret=ALICE_PASSWORD,
        who=_who(situation),
        without_curl="" if situation.has_curl else "(With curl installed there would be more of them.)\n",
    )
    return head + "".join(f"# {title}\n{text}\n\n" for title, text in commands(situation).items()) + _TAIL


_HEAD = """\
Submission is on 127.0.0.1:{submission}, POP3 on 127.0.0.1:{pop3}.
For each connection {listener} runs one of these:

    reup -t 5 authup smtp checkpassword checknotroot fixsmtpio env RELAYCLIENT="" ofmipd
    authup pop3 checkpassword checknotroot pop3d Maildir

Ours: reup, authup, checknotroot, fixsmtpio. Pretended: checkpassword, ofmipd, pop3d.
Users: alice (password {secret}) and root (password {root}).
Files: {directory}, removed at the end.
{who}

Paste these into another terminal, and see below what happens inside. Ctrl-C ends the demo.
{without_curl}
"""

_TAIL = "Live log. Where control/fixsmtpio changes a line, 'rules' shows what became of it."

_AS_ROOT = """\
You are root: a session that has logged in runs as its user, alice's as UID {uid}."""

_AS_USER = """\
You are not root, so all of it runs as you, UID {uid}."""

_PRETENDING = """
Behind root's password a program finds itself UID 0, but only in a user namespace of its own, which
gives it no rights. checknotroot refuses that too. Run by root, the demo does all this in earnest."""

_NOT_PRETENDING = """
Root's right password is refused by the pretended checkpassword already, because there are no
user namespaces here to be UID 0 in. Run by root, the demo shows checknotroot's work."""


def _who(situation: Situation) -> str:
    if situation.is_root:
        return _AS_ROOT.format(uid=situation.uid)
    return _AS_USER.format(uid=situation.uid) + (_PRETENDING if situation.can_pretend else _NOT_PRETENDING)


def python_command(found: str | None) -> str:
    """Return how the printed commands call Python; `found` is the python3 of PATH."""
    return "python3" if found else shlex.quote(sys.executable)
