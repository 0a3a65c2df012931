"""The machine's own little programs, enough for a run script without a shell."""

import os
from collections.abc import Mapping

from fakes.process import Fake, Process


async def env(process: Process) -> int:
    """`env [ NAME=VALUE ... ] prog [ arg ... ]`; exit code 127 if prog cannot be run."""
    argv, given = list(process.args), dict(process.env)
    while argv and b"=" in argv[0]:
        name, _, given[name] = argv.pop(0).partition(b"=")
    try:
        return await process.exec(argv, given)
    except OSError as error:
        process.log(b"env: %r: %s" % (b" ".join(argv[:1]), os.fsencode(error.strerror or "")))
        return 127


async def true(_process: Process) -> int:
    """Succeed."""
    return 0


async def false(_process: Process) -> int:
    """Fail."""
    return 1


async def leave(process: Process) -> int:
    """`exit CODE`."""
    return int(process.args[0])


async def signal(process: Process) -> int:
    """`signal NUMBER`: be killed by it."""
    await process.crash(int(process.args[0]))


BUILTINS: Mapping[bytes, Fake] = {
    b"env": env,
    b"exit": leave,
    b"false": false,
    b"signal": signal,
    b"true": true,
}
