"""The directory of a run that is kept (--keep), with a script that starts its chain by hand.

The tested programs, their command line, environment, user, signals, limits and control files are those of
the run. What is not: we are gone, so checkpassword and the inner programs are small scripts, descriptors
0, 1 and 2 are those of the terminal, and there are no others; so no TLS front end either.
"""

import os
import shlex
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, NoReturn

from conformance.processes import house, records
from conformance.processes.messages import Records

ORDER: Final = "order"
AGAIN: Final = """\
#!/bin/sh
# Starts the chain of this run on the terminal: see its bin/ and qmail/.
# bin/ has the tested programs, and scripts in place of those that conform played.
exec {python} -I -m conformance.processes.keeping {directory} {isolation}
"""
CHECKPASSWORD: Final = """\
#!/bin/sh
# In place of checkpassword: lets everybody in, as UID 1001 if it can.
cat <&3 >/dev/null
exec 3<&-
[ "$(id -u)" != 0 ] || exec setpriv --reuid 1001 --regid 1001 --clear-groups "$@"
exec "$@"
"""
INNER: Final = """\
#!/bin/sh
# In place of {name}: says this and shows what it hears.
printf '{greeting}'
while IFS= read -r line; do
    printf '%s\\n' "{name} heard: $line" >&2
done
"""


def furnish(
    directory: Path, names: Iterable[str], real: Mapping[str, bytes], order: Records, isolation: str
) -> None:
    """Make the directory of a run one that can be started by hand; `names` are those that were played."""
    (directory / "stage").unlink(missing_ok=True)
    for path in (directory / "bin").iterdir():
        path.unlink()
    for name in {*names, *real}:
        path = directory / "bin" / name
        if name in real:
            path.symlink_to(os.fsdecode(real[name]))
        else:
            _script(path, CHECKPASSWORD if name == "checkpassword" else _inner(name))
    (directory / ORDER).write_bytes(records.pack(order))
    words = {"python": sys.executable, "directory": str(directory), "isolation": isolation}
    _script(directory / "again.sh", AGAIN.format(**{key: shlex.quote(word) for key, word in words.items()}))


def _inner(name: str) -> str:
    greeting = r"+OK hello\r\n" if "pop3" in name else r"220 hello\r\n" if name.endswith("d") else ""
    return INNER.format(name=name, greeting=greeting)


def _script(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def main(directory: str, isolation: str) -> NoReturn:
    """Start the chain of a kept directory; exit as it does."""
    frame = Path(directory, ORDER).read_bytes()
    order = records.unpack(frame[records.LENGTH_DIGITS :])
    if isolation != "none":
        house.leave_namespaces(isolation == "user")
        _child_or_wait()
        house.furnish(os.fsencode(Path(directory, "qmail")))
    _child_or_wait()
    house.become(order, {fd: fd for fd in range(3)}, 2)


def _child_or_wait() -> None:
    """Go on as a child; the parent exits as that does."""
    pid = os.fork()
    if pid:
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os._exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except OSError as error:
        sys.exit(f"again.sh: {error.strerror}: {error.filename or sys.argv[1]}")
