"""Generated dialogues for `conform diff --generate`: client and inner server speak, nothing is expected.

A dialogue is a scenario without expectations, so that whatever plays, varies, shrinks and writes
scenarios takes it. The words are phrases.py's. The same seed and number give the same dialogue.
"""

import random
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from conformance.differing.phrases import GRAMMAR, WELL_FORMED
from conformance.format import octets
from conformance.format.talk import Talk
from conformance.format.talk_parser import parse

ENDINGS: Final = ("",) * 24 + ("\\n\\", "\\r\\r\\n\\", "\\r\\", "\\0\\r\\n\\", "\\")
FIXUPS: Final = ("greeting", "ehlo", "helo", "help", "quit")
VARIABLES: Final = ("", "", "", "AUTHUP_USER", "HERE", "NOWHERE")
USERS: Final = ("users: alice secret uid=1001", "users: root toor uid=0", "users: bob \\ssecret uid=1002")
REFUSAL: Final = "A! wait 6s"
_NAME: Final = re.compile(r"\$([a-z]+)")


def generate(seed: int, number: int, *, decent: bool = False) -> Talk:
    """Return a dialogue; a decent one has whole and well-formed lines only."""
    chance = _chance(seed, number)
    text = KINDS[_kind(chance)](_Author(chance, decent))
    return parse(text, name=f"generated-{seed}-{number}", file=f"<generated {seed} {number}>")


def kind_of(seed: int, number: int) -> str:
    """Return which kind a dialogue is, one of KINDS."""
    return _kind(_chance(seed, number))


def _chance(seed: int, number: int) -> random.Random:
    return random.Random(f"{seed} {number}")


def _kind(chance: random.Random) -> str:
    return chance.choice(tuple(KINDS))


class _Author:
    """Writes one dialogue, line by line."""

    def __init__(self, chance: random.Random, decent: bool) -> None:
        self.chance = chance
        self.decent = decent
        self._grammar = WELL_FORMED if decent else GRAMMAR
        self.header: list[str] = []
        self.files: list[str] = []
        self.lines: list[str] = []
        self.lane = "C"

    def likely(self, probability: float) -> bool:
        return self.chance.random() < probability

    def phrase(self, text: str) -> str:
        """Fill in the names."""
        while found := _NAME.search(text):
            chosen = self.chance.choice(self._grammar[found[1]])
            text = text[: found.start()] + chosen + text[found.end() :]
        return text

    def packet(self, texts: Sequence[str]) -> None:
        """Have the client send these lines, as one packet or in several."""
        self.lines.append("")
        for text in texts:
            words = self._cut(self.phrase(text)) + ("" if self.decent else self.chance.choice(ENDINGS))
            self.lines.append(f"{self.lane}: {_no_blank_at_the_end(words)}".rstrip(" "))

    def _cut(self, text: str) -> str:
        if self.decent or not self.likely(0.3):
            return text
        atoms = octets.atoms(text)
        for _ in range(self.chance.randint(1, 3)):
            atoms.insert(self.chance.randint(0, len(atoms)), "\\|")
        return "".join(atoms)

    def reply(self, text: str = "$reply") -> None:
        """Have the inner server say something."""
        self.lines.append("")
        self.lines += [
            f"    s: {_no_blank_at_the_end(line)}".rstrip(" ") for line in self.phrase(text).split("\n")
        ]

    def leave(self) -> None:
        """Have the client leave, in one way or another, and the inner program end."""
        way = self.chance.choice(("QUIT", "eof", "eof", "hangup", "QUIT"))
        if way == "QUIT":
            self.packet(["QUIT"])
            self.reply("221 inner.example")
        else:
            self.lines += ["", f"{self.lane}! {way}"]
        self.lines += ["A! wait 1s", f"    s! exit {self.chance.choice((0, 0, 0, 1, 111))}", "A! wait 12s"]

    def control(self, name: str, *lines: str) -> None:
        self.files += [f"-- control/{name} --", *lines]

    def text(self) -> str:
        return "\n".join(["title: generated", *self.header, *self.files, "-- talk --", *self.lines, ""])


def _no_blank_at_the_end(text: str) -> str:
    return text[:-1] + "\\s" if text.endswith(" ") else text


def _chain(author: _Author, protocol: str, session: str) -> None:
    reup = f"{{reup}} -t {author.chance.randint(1, 3)} " if author.likely(0.3) else ""
    author.header += [
        f"run: {reup}{{authup}} {protocol} {{checkpassword}} {{checknotroot}} {session}",
        "as: root",
    ]
    author.header += [*USERS, *(["needs: reup"] if reup else [])]
    if author.likely(0.2):
        author.header.append("env: UCSPITLS=" + author.chance.choice(("", "1", "!")))
    author.control(author.chance.choice(("me", f"{protocol}greeting")), "mail.example.org")
    author.control(
        f"{protocol}capabilities", *author.chance.sample(["PIPELINING", "8BITMIME", "TOP", "# no"], 2)
    )


def _logins(author: _Author, name: str, answers: str, verb: str) -> None:
    """Write what comes before a login, and perhaps one."""
    for _ in range(author.chance.randint(2, 8)):
        begin = len(author.lines)
        author.packet([f"${name}" for _ in range(author.chance.choice((1, 1, 1, 2, 3)))])
        if "AUTH" in author.lines[-1].upper() and answers:
            for _ in range(author.chance.choice((0, 1, 1, 2, 2))):
                author.packet([answers])
        if any(word in line.upper() for line in author.lines[begin:] for word in ("AUTH", "PASS", "B64")):
            author.lines.append(REFUSAL)
        if author.lane == "C" and author.likely(0.1):
            author.packet([verb, f"${name}"] if author.likely(0.3) else [verb])
            author.lane = "CT" if any("UCSPITLS" in line for line in author.header) else "C"


def _before_smtp(author: _Author) -> str:
    _chain(author, "smtp", "{prog}")
    _logins(author, "smtp", "$answer", "STARTTLS")
    author.reply("220 inner.example")
    author.packet(["$request"])
    author.leave()
    return author.text()


def _before_pop3(author: _Author) -> str:
    _chain(author, "pop3", "{prog}")
    _logins(author, "pop", "", "STLS")
    author.reply("+OK\\s")
    author.packet(["$pop"])
    author.leave()
    return author.text()


def _session(author: _Author) -> str:
    _chain(author, "smtp", "{fixsmtpio} {ofmipd}")
    author.header = [line for line in author.header if not line.startswith("env: UCSPITLS")]
    _rules(author)
    author.packet(["AUTH PLAIN {b64:\\0alice\\0secret}"])
    author.lines[-1] = "C: AUTH PLAIN {b64:\\0alice\\0secret}"
    _requests(author)
    return author.text()


def _filter(author: _Author) -> str:
    author.header += ["run: {fixsmtpio} {ofmipd}", "env: HERE="]
    author.control("smtpgreeting", "mail.example.org")
    _rules(author)
    _requests(author)
    return author.text()


def _rules(author: _Author) -> None:
    lines = []
    for _ in range(author.chance.randint(0, 8)):
        event = author.phrase("$event")
        prepend = author.chance.choice(("", "", "", "NOOP ", "X-"))
        code = author.chance.choice(("", "", "", "", "0", "14", "255"))
        response = author.phrase("$response")
        if event in FIXUPS and author.likely(0.4):
            response = "&fixsmtpio_fixup"
        ending = "" if event == "clienteof" else f":{response}" if author.likely(0.8) else ":"
        variable = author.chance.choice(VARIABLES)
        lines.append(f"{variable}:{event}:{prepend}:{author.phrase('$glob')}:{code}{ending or ':'}")
    author.control("fixsmtpio", *lines)


def _requests(author: _Author) -> None:
    """Write a session with the inner server: as many replies as requests, for the most part."""
    author.reply(
        author.chance.choice(("220 inner.example ESMTP",) * 6 + ("421 no", "554-no\n554 really", "$reply"))
    )
    for _ in range(author.chance.randint(1, 8)):
        count = author.chance.choice((1, 1, 1, 2, 3))
        requests = ["$request" for _ in range(count - 1)]
        requests.append("DATA" if author.likely(0.25) else "$request")
        author.packet(requests)
        for _ in requests[:-1]:
            author.reply()
        if requests[-1] == "DATA" and author.likely(0.8):
            author.reply("354 go ahead")
            _message(author)
        author.reply()
        if not author.decent and author.likely(0.05):
            author.reply("421 nobody asked")
    author.leave()


def _message(author: _Author) -> None:
    for _ in range(author.chance.randint(0, 3)):
        author.packet(["$body" for _ in range(author.chance.randint(1, 5))])
    if author.likely(0.9):
        behind = ["$request"] if author.likely(0.2) else []
        author.packet([".", *behind])


def _attempts(author: _Author) -> str:
    """Write a program under reup, ended in all ways."""
    author.header += [
        f"run: {{reup}} -t {author.chance.randint(0, 4)} {{prog}} arg",
        "as: 1001",
        "needs: reup",
    ]
    for _ in range(author.chance.randint(1, 5)):
        if author.likely(0.5):
            author.packet(["$smtp"])
        author.reply("250 attempt")
        ending = author.chance.choice(
            ("exit 1", "exit 1", "exit 1", "exit 111", "exit 12", "exit 0", "signal TERM")
        )
        author.lines.append(f"    s! {ending}")
    author.lines += ["C! eof", "A! wait 1s", "    s! exit 0", "A! wait 1s"]
    return author.text()


KINDS: Final[Mapping[str, Callable[[_Author], str]]] = {
    "smtp": _before_smtp,
    "pop3": _before_pop3,
    "session": _session,
    "filter": _filter,
    "reup": _attempts,
}
