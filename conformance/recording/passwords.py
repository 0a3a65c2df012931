"""Passwords of a recorded session, replaced by made-up ones before anybody sees them.

The client's lines are understood as far as a login goes: AUTH PLAIN and LOGIN with and without an initial
response, POP3's PASS. Half a line waits for its end. Whatever answers a 334, or begins like AUTH or PASS,
and cannot be understood is replaced as a whole.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final

from conformance.recording.line_writer import split_lines

MADE_UP: Final = b"made-up-%d"
HIDDEN: Final = b"***"
"""What fixsmtpio's log has in place of a secret."""
NOT_UNDERSTOOD: Final = b"not-understood"
SHORTEST: Final = 4
"""Bytes of a password that is looked for elsewhere too: a shorter one stands in many a word."""
_AUTH: Final = re.compile(rb"(?is)( *auth +(\S+))(?:( +)(\S.*?))?( *\r?\n?)")
_PASS: Final = re.compile(rb"(?is)( *pass )(.+?)(\r?\n?)")
_USER: Final = re.compile(rb"(?is) *user +(.*?)\r?\n?")
_MISSPELT: Final = re.compile(rb"(?is)([\s\0]*(?:auth|pass)[\s\0]*)(.*?)(\r?\n?)")
"""What no program takes for a login, from a client that meant one: a tab for the blank, or none at all."""
_DATA: Final = re.compile(rb"(?i)data *\r?\n")
_ENDING: Final = re.compile(rb"\r?\n?\Z")
_REFUSED: Final = (b"4", b"5", b"-ERR")


@dataclass
class Login:
    """One attempt: who, the made-up password, whether it succeeded (None: nobody knows), the answer."""

    user: bytes
    password: bytes
    accepted: bool | None = None
    answer: bytes = b""


class Passwords:
    """Replaces the passwords of one session; feed it what both sides say, in order."""

    def __init__(self) -> None:
        self.logins: list[Login] = []
        self._made_up: dict[bytes, bytes] = {}
        self._replaced: dict[bytes, bytes] = {}
        self._speaks = b""  # how the server began: a line of POP3 that begins with 334 asks for nothing
        self._half = b""  # a line of the client that has not ended
        self._user = b""
        self._asked = b""  # "login-user", "login-password", "plain", "other": what the client's next line is
        self._unanswered = 0  # lines of the client's
        self._owed = 0  # replies that come before that to AUTH
        self._server = b""  # a line of the server that has not ended
        self._message = b""  # "asked" behind DATA, "read" inside a message
        self._waits = False  # whether the last attempt has no answer yet

    def from_client(self, data: bytes) -> bytes:
        """Return what the client says, without passwords; half a line is kept back."""
        lines = split_lines(self._half + data)
        self._half = lines.pop() if lines and not lines[-1].endswith(b"\n") else b""
        if self._half and self._message == b"read":
            lines, self._half = [*lines, self._half], b""
        return b"".join(map(self._noted, lines))

    def rest(self) -> bytes:
        """Return what was kept back, at the end of what the client says."""
        half, self._half = self._half, b""
        return self._noted(half) if half else b""

    def server_ends(self) -> None:
        """Take note that nothing more comes: who is refused gets an answer."""
        if self._waits:
            self.logins[-1].accepted, self._waits = True, False

    def in_between(self, data: bytes) -> bytes:
        """Return what is passed on of what the client said, without passwords."""
        return self._without_known(data)

    def from_server(self, data: bytes) -> bytes:
        """Return what the server says, without passwords."""
        *lines, self._server = (self._server + data).split(b"\n")
        for line in lines:
            self._hear(line)
        return self._without_known(data)

    def _noted(self, line: bytes) -> bytes:
        shown = self._line(line)
        if shown != line and len(line.rstrip()) >= SHORTEST:
            self._replaced[line.rstrip()] = shown.rstrip()
        return shown

    def _hear(self, line: bytes) -> None:
        self._speaks = self._speaks or line
        if line.startswith(b"334") and not self._speaks.startswith(b"+OK"):
            if not self._asked:
                self._asked = b"other"
        elif line[3:4] != b"-" and self._owed:
            self._owed -= 1
        elif line[3:4] != b"-":
            self._asked = b""
        if line[3:4] != b"-":
            self._unanswered = max(0, self._unanswered - 1)
        if self._message == b"asked" and line[3:4] != b"-":
            self._message = b"read" if line.startswith(b"354") else b""
        if self._waits and not line.startswith(b"334") and line[3:4] != b"-":
            self.logins[-1].answer = line
            self.logins[-1].accepted = not line.startswith(_REFUSED)
            self._waits = False

    def _line(self, line: bytes) -> bytes:
        if self._message == b"read":
            if line.rstrip(b"\r\n") == b".":
                self._message = b""
            return self._without_known(line)
        self._unanswered += 1
        if self._asked:
            return self._answer(line)
        if (auth := _AUTH.fullmatch(line)) is not None:
            return self._auth(auth)
        if (found := _PASS.fullmatch(line)) is not None:
            return found[1] + self._attempt(self._user, found[2]) + found[3]
        if (found := _MISSPELT.fullmatch(line)) is not None and found[2]:
            return found[1] + NOT_UNDERSTOOD + found[3]
        if (found := _USER.fullmatch(line)) is not None:
            self._user = found[1]
        if _DATA.fullmatch(line):
            self._message = b"asked"
        return self._without_known(line)

    def _auth(self, auth: re.Match[bytes]) -> bytes:
        mechanism, given = auth[2].lower(), auth[4]
        self._owed = self._unanswered - 1
        self._asked = {b"plain": b"plain", b"login": b"login-user"}.get(mechanism, b"other")
        if given is None:
            return auth[0]
        if mechanism == b"login":
            self._user = _decoded(given) or b""
            self._asked = b"login-password"
            return auth[0]
        answered = self._answer(given + b"\n").removesuffix(b"\n")
        self._asked = b"" if mechanism == b"plain" else b"other"
        return auth[1] + auth[3] + answered + auth[5]

    def _answer(self, line: bytes) -> bytes:
        ending = _ENDING.search(line)
        assert ending is not None  # noqa: S101 - it matches nothing, too
        text, end, asked = line[: ending.start()], ending[0], self._asked
        self._asked = b""
        if text in (b"*", b"=", HIDDEN):
            return line
        decoded = _decoded(text)
        if asked == b"login-user":
            self._user, self._asked = decoded or b"", b"login-password"
            return line if decoded is not None else NOT_UNDERSTOOD + end
        if asked == b"login-password" and decoded is not None:
            return base64.b64encode(self._attempt(self._user, decoded)) + end
        if asked == b"plain" and decoded is not None and decoded.count(b"\0") == 2:
            who, user, password = decoded.split(b"\0")
            return base64.b64encode(b"\0".join([who, user, self._attempt(user, password)])) + end
        if asked == b"plain" and decoded is not None:
            return base64.b64encode(NOT_UNDERSTOOD) + end
        return NOT_UNDERSTOOD + end

    def _attempt(self, user: bytes, password: bytes) -> bytes:
        """Return the made-up password for a real one."""
        made_up = self._made_up.setdefault(password, MADE_UP % (len(self._made_up) + 1)) if password else b""
        self.logins.append(Login(user, made_up))
        self._waits = True
        return made_up

    def _without_known(self, data: bytes) -> bytes:
        """Replace passwords that were seen before, where somebody repeats them."""
        for line, shown in self._replaced.items():
            data = data.replace(line, shown)
        for password, made_up in self._made_up.items():
            if len(password) >= SHORTEST:
                data = data.replace(password, made_up).replace(
                    base64.b64encode(password), base64.b64encode(made_up)
                )
        return data


def _decoded(text: bytes) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return None
