"""Finding and running programs as execvp(3) does, for spawn and exec alike (BASE-1).

posix_spawnp(3) would search PATH too, but does not hand a file without `#!` to the shell.
"""

import errno
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from acceptutils.runtime.world import CannotRun

_SHELL = b"/bin/sh"
_DEFAULT_PATH = b"/bin:/usr/bin"

T = TypeVar("T")


def _candidates(prog: bytes, env: Mapping[bytes, bytes]) -> Iterator[bytes]:
    if b"/" in prog:
        yield prog
    elif prog:
        for directory in env.get(b"PATH", _DEFAULT_PATH).split(b":"):
            yield (directory or b".") + b"/" + prog


def run(argv: Sequence[bytes], env: Mapping[bytes, bytes], start: Callable[[bytes, list[bytes]], T]) -> T:
    """Call `start(path, argv)` for each place where the program may be, until one works.

    The search uses PATH of `env`, our own environment. Raises CannotRun.
    """
    denied: OSError = FileNotFoundError(2, os.strerror(2))
    for path in _candidates(argv[0], env):
        try:
            return _start_or_interpret(path, list(argv), start)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except PermissionError as error:
            denied = error
        except OSError as error:
            step = "fork" if error.errno in {errno.EAGAIN, errno.ENOMEM} else "exec"
            raise CannotRun(step, error.strerror or "") from None
    raise CannotRun("exec", denied.strerror or "")


def _start_or_interpret(path: bytes, argv: list[bytes], start: Callable[[bytes, list[bytes]], T]) -> T:
    try:
        return start(path, argv)
    except OSError as error:
        if error.errno != errno.ENOEXEC:
            raise
    return start(_SHELL, [_SHELL, path, *argv[1:]])
