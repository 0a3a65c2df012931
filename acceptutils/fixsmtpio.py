"""The filter: requests on their way to the server, replies on their way to the client.

Two inputs work on one state. A request is forwarded as soon as it is complete; a queue remembers
what each coming reply answers. Three requests stop the flow, because only their reply tells what the
client's next bytes are: DATA (message or command), AUTH (continuation or command) and STARTTLS. Until
then some of these bytes are kept as they are, or we would not notice that the client is gone.
"""

import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum, auto
from typing import NamedTuple

from acceptutils import decimal, options, ucspitls
from acceptutils.actions import (
    Action,
    CloseServerInput,
    EndServer,
    Exit,
    Log,
    RestartServer,
    Send,
    StartTls,
    ToServer,
)
from acceptutils.lines import LineCutter, Message, Overlong, without_ending
from acceptutils.rules import LOGGED_IN, MOST_REPLY_BYTES, Rewriter, Rule
from acceptutils.ucspitls import Tls

USAGE = b"usage: fixsmtpio prog [ arg ... ]"

TROUBLE = 111
BAD_CONTROLS = 18

MOST_REQUEST_BYTES = 65536  # LIM-4
# A client that pipelines without end must not fill our memory (LIM-5); enough for 1,000 recipients.
MOST_PENDING = 4096
MOST_AHEAD = 65536  # bytes kept while they cannot be read yet; one more piece may come on top

_UNIMPLEMENTED = b"502 unimplemented (#5.5.1)\r\n"
_TLS_FIRST = b"530 Must start TLS first (#5.7.0)\r\n"
_TOO_LONG = b"500 line too long (#5.5.6)\r\n"
_READY_FOR_TLS = b"220 Ready to start TLS (#5.7.0)\r\n"
_NO_TLS_NOW = b"454 TLS temporarily not available (#5.7.3)\r\n"

_ALLOWED_BEFORE_TLS = {b"noop", b"ehlo", b"starttls", b"quit"}  # FIX-TLS-6
_ENDLESS = 1 << 62  # octets of a BDAT that nobody will send to the end
_PSEUDO_EVENTS = {b"greeting", b"timeout", b"clienteof", b"in_data"}  # FIX-REQ-6
_VERB = re.compile(rb" *[^ \0]*")
_LAST_LINE = re.compile(rb"([0-9]{3})(?: |\r?\n)")
# Anchored, and no two neighbours share a byte: 64 KiB of blanks would take seconds otherwise.
_AUTH_SECRET = re.compile(rb"(?is)\A(\s*auth[\s\0]+[^\s\0]+[\s\0]+)[^\s\0].*")


def command_line(args: Sequence[bytes]) -> Sequence[bytes]:
    """Return prog and its arguments (FIX-GEN-1). Raises options.BadUsageError."""
    prog = options.parse(args, tries=False).operands
    if not prog:
        raise options.BadUsageError
    return prog


def usage(env: Mapping[bytes, bytes], complaint: bytes | None) -> list[Action]:
    """Return what to do about a bad command line: for authup, 1 would be a bad password."""
    return options.refusal(b"fixsmtpio", complaint, USAGE, TROUBLE if LOGGED_IN in env else 1)


def cannot_run(step: str) -> list[Action]:
    """Return what to do when prog cannot be started: the step in CannotRun (FIX-GEN-6, -8)."""
    words = {"pipe": "open pipe", "wait": "wait for child"}.get(step, step)
    return [Log(f"fixsmtpio: unable to {words}".encode()), Exit(TROUBLE)]


class Awaits(Enum):
    """What a reply is to its request: how it is treated besides the rules."""

    ANSWER = auto()
    GREETING_IN_TLS = auto()  # a 2xx is not sent: the client speaks first (FIX-TLS-4)
    DATA = auto()  # 354 starts the message
    AUTH = auto()  # 334 asks for a continuation
    MESSAGE = auto()
    BLOCKED = auto()  # a fixed reply in place of the server's, rules do not see it
    TLS_FIRST = auto()  # a fixed reply in place of the server's, as if the server had said it
    TOO_LONG = auto()  # nothing was forwarded; we answer ourselves
    TLS_START = auto()  # nothing was forwarded yet; first all earlier replies must be out
    TLS_READY = auto()


# Only their reply tells what the client's next bytes are (FIX-REQ-5, FIX-REQ-7).
_STOPPING = {b"data": Awaits.DATA, b"auth": Awaits.AUTH}


class Pending(NamedTuple):
    """A reply that is to come: its event (None matches no rule) and what it is."""

    event: bytes | None
    awaits: Awaits = Awaits.ANSWER
    request: bytes = b""  # what TLS_START forwards in its turn


class Reading(Enum):
    """What the client's next bytes are."""

    COMMANDS = auto()
    CONTINUATION = auto()  # one line of an AUTH exchange
    MESSAGE = auto()
    CHUNK = auto()  # the octets of a refused BDAT
    BLOCKED = auto()  # unknown until a reply has come


class Filter:
    """One session of fixsmtpio.

    The driver starts the server and tells server_started(), feeds client_data() while
    `wants_client` is true and server_data() always, and does what the returned actions say.
    `env` is our environment; `server_env` the one to start servers with; `label` ("PID NAME", our
    process ID and the base name of prog) stands in debug lines.
    """

    def __init__(
        self, rules: list[Rule], greeting: bytes, env: Mapping[bytes, bytes], *, tls: Tls, label: bytes
    ) -> None:
        logged_in = LOGGED_IN in env
        self._tls = Tls() if logged_in else tls  # FIX-TLS-7
        self._env = dict(env)
        self.server_env = ucspitls.inner_environment(env, None)
        self._rewriter = Rewriter(rules, greeting, authenticated=logged_in)
        self._requests = LineCutter(MOST_REQUEST_BYTES)
        self._replies = LineCutter(MOST_REPLY_BYTES)
        self._reply = bytearray()  # the lines so far of one that is not complete
        self._pending = deque([Pending(b"greeting")])
        self._reading = Reading.COMMANDS
        self._message = Message()
        self._chunk_left = 0
        self._greeted = False
        self._client_ended = False
        self._client_over = False  # clienteof has happened
        self.replies_heard = 0
        self._asking = False  # a question is open: whatever anybody says waits
        self._stopped = False
        self._exit_code: int | None = None
        self._label = b"fixsmtpio " + label
        self._debug_prefix = b""
        self._debugs = b"FIXSMTPIODEBUG" in env
        self._actions: list[Action] = []

    @property
    def wants_client(self) -> bool:
        """Whether the client's next bytes can be used or kept; otherwise its data stays where it is."""
        useful = self._can_read or self._requests.waiting < MOST_AHEAD
        return useful and not (self._client_ended or self._stopped or self._asking)

    @property
    def replies_owed(self) -> int:
        """How many replies the server owes. A message that did not end gets none."""
        unfinished = self._reading is Reading.MESSAGE and any(
            pending.awaits is Awaits.MESSAGE for pending in self._pending
        )
        return len(self._pending) - unfinished

    @property
    def needs_replies(self) -> bool:
        """Whether nothing goes on without a reply: the client is gone, or has sent too much."""
        return not (self.wants_client or self._stopped or self._asking)

    # What the driver tells

    def server_started(self, pid: int) -> list[Action]:
        """Take note of a server's process ID; also the answer to RestartServer."""
        self._debug_prefix = b"%b %d" % (self._label, pid)
        self._asking = False
        return self._advance()

    def client_data(self, data: bytes) -> list[Action]:
        """Take what the client sent, in pieces of any size."""
        self._requests.feed(data)
        return self._advance()

    def client_eof(self) -> list[Action]:
        """The client will send nothing more; what it sent is still forwarded first (FIX-EV-2)."""
        self._client_ended = True
        return self._advance()

    def client_gone(self) -> list[Action]:
        """The client does not take replies any more: what it sent and we hold is worth nothing."""
        self._client_ended = True
        self._requests.take_rest()
        if self._reading is not Reading.MESSAGE:
            self._reading = Reading.COMMANDS
        return self._advance()

    def server_data(self, data: bytes) -> list[Action]:
        """Take what the server sent, in pieces of any size."""
        if not self._stopped:
            self._replies.feed(data)
        return self._advance()

    def server_eof(self) -> list[Action]:
        """The server will say nothing more; an incomplete reply is dropped (FIX-EXIT-3)."""
        if self._client_ended and not self._stopped:
            self._client_is_over()  # it was only waiting for a reply
        self._stop(None)
        return self._advance()

    def reply_overdue(self) -> list[Action]:
        """Replies were needed, and the server let too much time pass (FIX-EV-2, FIX-EXIT-5)."""
        return self.server_eof()

    def server_ended(self, code: int | None, *, killed: bool) -> list[Action]:
        """Answer to EndServer: the exit code, None after a signal; `killed` by us (FIX-EXIT-2)."""
        if self._exit_code is not None:
            return [Exit(self._exit_code)]
        if not self._greeted:
            return [Log(b"fixsmtpio: server ended without a greeting"), Exit(TROUBLE)]
        if killed:
            return [Log(b"fixsmtpio: server did not end, killed"), Exit(0)]
        if code is None:
            return [Log(b"fixsmtpio: aack, child crashed"), Exit(TROUBLE)]
        return [Exit(code)]

    def tls_started(self, block: bytes) -> list[Action]:
        """Answer to StartTls: plaintext that was sent ahead is forgotten (FIX-TLS-3, FIX-TLS-5)."""
        self._tls = self._tls._replace(active=True)
        for name, value in ucspitls.variables(block).items():
            self._env.pop(name, None)
            if value is not None:
                self._env[name] = value
        self._env[b"FIXSMTPIOTLS"] = b"1"
        self.server_env = ucspitls.inner_environment(self._env, None)
        self._requests = LineCutter(MOST_REQUEST_BYTES)
        self._replies = LineCutter(MOST_REPLY_BYTES)
        self._reply.clear()
        self._greeted = False
        self._pending = deque([Pending(b"greeting", Awaits.GREETING_IN_TLS)])
        self._reading = Reading.COMMANDS
        self._debug(b"4", _READY_FOR_TLS)
        self._actions.append(RestartServer())
        return self._advance()

    def tls_unavailable(self) -> list[Action]:
        """Answer to StartTls: trouble, and nothing was said yet; the session goes on."""
        self._asking = False
        self._go_on_without_tls()
        return self._advance()

    def tls_failed(self) -> list[Action]:
        """Answer to StartTls: trouble after the client was told to go ahead."""
        self._debug(b"4", _READY_FOR_TLS)
        self._actions.append(Log(b"fixsmtpio: TLS temporarily not available"))
        self._stop(TROUBLE)
        return self._advance()

    def _advance(self) -> list[Action]:
        """Go on with both sides as far as may be, the client's first: where bytes are cut must not matter."""
        while not (self._stopped or self._asking) and (self._hear_client() or self._hear_server()):
            pass
        actions, self._actions = self._actions, []
        return actions

    # Requests

    @property
    def _can_read(self) -> bool:
        return self._reading is not Reading.BLOCKED and len(self._pending) < MOST_PENDING

    def _hear_client(self) -> bool:
        """Take up the next thing from the client; False if there is none."""
        if self._client_over:
            if not self.replies_owed:
                self._stop(None)
            return self._stopped
        if not self._can_read:
            return False
        if self._read():
            return True
        if self._client_ended:
            self._client_is_over()
        return self._client_over

    def _read(self) -> bool:
        if self._reading is Reading.MESSAGE:
            return self._read_message()
        if self._reading is Reading.CHUNK:
            return self._read_chunk()
        line = self._requests.take()
        if line is Overlong.LINE:
            self._pending.append(Pending(None, Awaits.TOO_LONG))
            self._settle()
        elif line is not None:
            self._request(line)
        return line is not None

    def _read_message(self) -> bool:
        data = self._requests.take_rest()
        if data:
            safe, rest = self._message.feed(data)
            self._debug(b"D", data[: len(data) - len(rest or b"")])
            self._actions.append(ToServer(safe))
            if rest is not None:
                self._reading = Reading.COMMANDS
                self._requests.feed(rest)
        return bool(data)

    def _read_chunk(self) -> bool:
        data = self._requests.take_rest()
        self._requests.feed(data[self._chunk_left :])
        self._chunk_left -= min(self._chunk_left, len(data))
        if not self._chunk_left:
            self._reading = Reading.COMMANDS
        return bool(data)

    def _request(self, line: bytes) -> None:
        verb = next(_VERB.finditer(without_ending(line)))[0].lower()
        known = verb in self._rewriter.events and verb not in _PSEUDO_EVENTS
        pending = Pending(verb if known else None)
        if self._reading is Reading.CONTINUATION:
            self._continuation(line)
        elif self._tls.needed and verb not in _ALLOWED_BEFORE_TLS:
            self._forward(line, pending._replace(awaits=Awaits.TLS_FIRST), b"STARTTLS FIRST")
            self._skip_chunk(verb, line)
        elif verb == b"starttls":
            self._starttls(line, pending)
        elif self._skip_chunk(verb, line):
            self._forward(line, pending._replace(awaits=Awaits.BLOCKED), b"BDAT BLOCK")
        else:
            pending = pending._replace(awaits=_STOPPING.get(verb, Awaits.ANSWER))
            self._forward(line, pending)
            self._reading = Reading.BLOCKED if verb in _STOPPING else Reading.COMMANDS

    def _continuation(self, line: bytes) -> None:
        """Forward a line of an AUTH exchange as it is (FIX-REQ-7); only the log must not know it."""
        self._debug(b"1", b"***")
        self._debug(b"2", b"***")
        self._actions.append(ToServer(line))
        self._pending.append(Pending(b"auth", Awaits.AUTH))
        self._reading = Reading.BLOCKED

    def _starttls(self, line: bytes, pending: Pending) -> None:
        if self._tls.offered or self._tls.needed:
            self._pending.append(pending._replace(awaits=Awaits.TLS_START, request=line))
            self._reading = Reading.BLOCKED
            self._settle()
        else:
            why = b"STARTTLS AGAIN" if self._tls.active else b"STARTTLS BLOCK"
            self._forward(line, pending._replace(awaits=Awaits.BLOCKED), why)

    def _skip_chunk(self, verb: bytes, line: bytes) -> bool:
        """Let BDAT's octets pass neither as commands nor as a message (FIX-REQ-8)."""
        refused = verb == b"bdat" and self._rewriter.has_routine(b"ehlo", self._env)
        if refused:
            size = without_ending(line)[len(b"BDAT") :].lstrip(b" ").partition(b" ")[0]
            number = decimal.number(size) or 0
            self._chunk_left = _ENDLESS if number > decimal.LARGEST else number
            self._reading = Reading.CHUNK if self._chunk_left else Reading.COMMANDS
        return refused

    def _forward(self, line: bytes, pending: Pending, blocked: bytes = b"") -> None:
        """Send a request on, with what the rules prepend; `blocked` tells why it goes on as a NOOP."""
        prefix = b"NOOP fixsmtpio %b " % blocked if blocked else b""
        prefix = self._rewriter.prepended(pending.event, self._env, prefix)
        if self._debugs:
            shown = _AUTH_SECRET.sub(rb"\1***", line)
            self._debug(b"1", shown)
            self._debug(b"2", prefix + shown)
        self._actions.append(ToServer(prefix + line))
        self._pending.append(pending)

    def _client_is_over(self) -> None:
        if self._client_over:
            return
        self._client_over = True
        self._requests.take_rest()
        if self._pending and self._pending[-1].awaits is Awaits.TLS_START:
            self._pending.pop()
        rewriting = self._rewriter.rewrite(b"clienteof", self._env, [b""], only=True, offers_tls=False)
        if rewriting.exit_code is not None:
            self._exit_code = rewriting.exit_code
        self._actions.append(CloseServerInput())

    # Replies

    def _hear_server(self) -> bool:
        """Take up the next line from the server; False if there is none."""
        line = self._replies.take()
        size = len(self._reply) + (self._replies.waiting if line is None else 0)
        if line is Overlong.LINE or size + len(line or b"") > MOST_REPLY_BYTES:
            self._stop_too_long()
            return True
        if line is None:
            return False
        last = _LAST_LINE.match(line)
        code = last[1] if last else b""
        self._reply += line
        del line, last  # up to a megabyte, which rewriting needs
        if code:
            self._server_reply(code)
        return True

    def _server_reply(self, code: bytes) -> None:
        self._greeted = True
        self.replies_heard += 1
        if self._debugs:
            self._debug(b"3", bytes(self._reply))
        pending = self._pending.popleft() if self._pending else Pending(b"timeout")
        if pending.awaits is Awaits.BLOCKED:
            self._send(_UNIMPLEMENTED)
        elif pending.awaits is Awaits.TLS_READY:
            self._begin_tls()
        else:
            self._answer(pending, code)
        self._reply.clear()
        if not self._stopped:
            self._settle()

    def _answer(self, pending: Pending, code: bytes) -> None:
        rewriting = self._rewriter.rewrite(
            pending.event,
            self._env,
            [_TLS_FIRST] if pending.awaits is Awaits.TLS_FIRST else self._take_reply_lines(),
            only=pending.awaits is Awaits.TLS_FIRST or self._reply.count(b"\n") == 1,
            offers_tls=self._tls.offered,
        )
        if rewriting.reply is None:
            self._stop_too_long()
            return
        if not (pending.awaits is Awaits.GREETING_IN_TLS and code.startswith(b"2")):
            self._send(bytes(rewriting.reply))
        if rewriting.exit_code is not None:
            self._stop(rewriting.exit_code)
        elif pending.awaits is Awaits.DATA:
            self._data_answered(code)
        elif pending.awaits is Awaits.AUTH:
            self._reading = Reading.CONTINUATION if code == b"334" else Reading.COMMANDS

    def _take_reply_lines(self) -> Iterator[bytes]:
        """Yield the lines of the reply, which gets smaller meanwhile."""
        while self._reply:
            end = self._reply.find(b"\n") + 1
            with memoryview(self._reply) as reply:
                line = bytes(reply[:end])
            del self._reply[:end]
            yield line

    def _data_answered(self, code: bytes) -> None:
        if code != b"354":
            self._reading = Reading.COMMANDS
            return
        self._reading = Reading.MESSAGE
        self._message = Message()
        self._pending.append(Pending(b"in_data", Awaits.MESSAGE))

    def _settle(self) -> None:
        """Do what has come to the head of the queue and is not the server's turn."""
        while self._pending and self._pending[0].awaits is Awaits.TOO_LONG:
            self._pending.popleft()
            self._send(_TOO_LONG)
        if self._pending and self._pending[0].awaits is Awaits.TLS_START:
            begin = self._pending.popleft()
            self._forward(begin.request, Pending(begin.event, Awaits.TLS_READY), b"STARTTLS BEGIN")

    def _begin_tls(self) -> None:
        if self._client_ended:  # nobody is left to shake hands with
            self._go_on_without_tls()
            return
        if self._requests.waiting > MOST_AHEAD:  # more plaintext behind STARTTLS than AUTHUP-TLS-3 drops
            self._actions.append(Log(b"fixsmtpio: TLS temporarily not available"))
            self._stop(TROUBLE)
            return
        self._asking = True
        self._actions.append(StartTls(_READY_FOR_TLS))

    def _go_on_without_tls(self) -> None:
        self._send(_NO_TLS_NOW)
        self._reading = Reading.COMMANDS

    # Both

    def _send(self, reply: bytes) -> None:
        if reply:
            self._debug(b"4", reply)
            self._actions.append(Send(reply))

    def _stop(self, code: int | None) -> None:
        if not self._stopped:
            self._stopped = True
            self._exit_code = self._exit_code if code is None else code
            self._actions.append(EndServer())

    def _stop_too_long(self) -> None:
        self._actions.append(Log(b"fixsmtpio: reply of the server is too long"))
        self._stop(TROUBLE)

    def _debug(self, letter: bytes, data: bytes) -> None:
        if self._debugs:
            lines = data.removesuffix(b"\n").split(b"\n")
            self._actions += [Log(b"%b %b: %b" % (self._debug_prefix, letter, line)) for line in lines]
