"""Where commands come from: a terminal with line editing, history and completion, or a pipe."""

import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

import trio
from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.patch_stdout import patch_stdout

HISTORY: Final = Path(".conform/debug-history")
_HARMLESS: Final = """
    ehlo helo mail rcpt data rset noop quit help vrfy starttls capa stat list retr dele uidl top stls
    :run :save :control :break :wait :skip :as :fds :env :diff :cast :help :back :step :signal :exit
    :accept :auto :close :continue :eof :hang :hangup :hex :list :ps :quiet :quit :refuse :reject :reset
    :restart :resume :rules :stall :time :tls :why
"""
HARMLESS: Final = frozenset(_HARMLESS.split())
"""First words of lines that are kept."""
LONGEST: Final = 1024 * 1024
"""Bytes of one command from a pipe."""
_PIECE: Final = 64 * 1024
STDIN: Final = 0


class Interrupted(Exception):
    """Ctrl-C was typed at the prompt."""


class Input(Protocol):
    """Asks for one line after the other."""

    is_terminal: bool

    async def ask(self, prompt: str, status: str) -> str | None:
        """Return the next line, None at the end of input. Raises Interrupted."""
        ...


class Terminal:
    """Asks a person. What is printed meanwhile appears above the line that is being typed.

    What is pasted, or written in an editor, may be several lines: they come one after the other.
    """

    is_terminal = True

    def __init__(self, complete: Callable[[str], Iterable[str]]) -> None:
        self._session: PromptSession[str] = PromptSession(
            history=_history(),
            completer=_Completer(complete),
            complete_while_typing=False,
            erase_when_done=True,
            enable_open_in_editor=True,
        )
        self._lines: deque[str] = deque()

    async def ask(self, prompt: str, status: str) -> str | None:
        """See Input. The status stands on the last line of the terminal."""
        if self._lines:
            return self._lines.popleft()
        try:
            typed = await trio.to_thread.run_sync(self._ask, prompt, status, abandon_on_cancel=True)
        except EOFError:
            return None
        except KeyboardInterrupt:
            raise Interrupted from None
        except trio.Cancelled:
            self._leave()
            raise
        first, *rest = typed.removesuffix("\n").split("\n")
        self._lines.extend(rest)
        return first

    def _ask(self, prompt: str, status: str) -> str:
        with patch_stdout(raw=True):
            return self._session.prompt(prompt, bottom_toolbar=status)

    def _leave(self) -> None:
        """Have the prompt's thread put the terminal back, whatever it waits for."""
        app = self._session.app
        loop = app.loop
        if loop is not None and app.is_running:
            done = threading.Event()

            def leave() -> None:
                with suppress(Exception):
                    app.exit(exception=EOFError())
                done.set()

            with suppress(RuntimeError):
                loop.call_soon_threadsafe(leave)
                done.wait(1)


class Pipe:
    """Reads commands from the descriptor of a file or pipe.

    Not through a file object: at its end Python would wait for the thread that waits in it.
    """

    is_terminal = False

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._read = bytearray()
        self._searched = 0
        self._ended = False

    async def ask(self, prompt: str, status: str) -> str | None:  # noqa: ARG002 - nobody looks
        """See Input. A line that is no UTF-8 keeps its bytes as escapes."""
        line = await self._line()
        if not line:
            return None
        return line.decode(errors="backslashreplace").rstrip("\n").removesuffix("\r")

    async def _line(self) -> bytes:
        """Return the next line, or as much of it as one command may have; nothing at the end of input."""
        while (end := self._read.find(b"\n", self._searched) + 1) == 0 and not self._ended:
            self._searched = len(self._read)
            if self._searched >= LONGEST:
                break
            data = await trio.to_thread.run_sync(os.read, self._descriptor, _PIECE, abandon_on_cancel=True)
            self._ended = not data
            self._read += data
        length = min(end or len(self._read), LONGEST)
        line = bytes(self._read[:length])
        del self._read[:length]
        self._searched = 0
        return line


class _Completer(Completer):
    def __init__(self, complete: Callable[[str], Iterable[str]]) -> None:
        self._complete = complete

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:  # noqa: ARG002
        """Offer what may follow the text in front of the cursor, for its last word."""
        text = document.text_before_cursor
        last = text.rpartition(" ")[2]
        for word in self._complete(text):
            yield Completion(word, start_position=-len(last))


class _CarefulHistory(FileHistory):
    """Keeps on disk what cannot have a password in it: commands, and verbs that take none."""

    def store_string(self, string: str) -> None:
        """Write a line down, or several that were pasted."""
        if all(map(_is_harmless, string.split("\n"))):
            super().store_string(string)


def _is_harmless(line: str) -> bool:
    word = line.split(" ", maxsplit=1)[0]
    return "{b64:" not in line and (word if word.startswith(":") else word.lower()) in HARMLESS


def _history() -> History:
    """Return the history of this directory, in memory where it cannot be kept."""
    try:
        HISTORY.parent.mkdir(exist_ok=True)
        HISTORY.touch(mode=0o600)
    except OSError:
        return InMemoryHistory()
    return _CarefulHistory(str(HISTORY))


def chosen(complete: Callable[[str], Iterable[str]]) -> Input:
    """Return a terminal's prompt if there is one at both ends, else one that reads standard input."""
    if sys.stdin.isatty() and sys.stdout.isatty():
        return Terminal(complete)
    return Pipe(STDIN)
