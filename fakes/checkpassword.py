"""The fake checkpassword: who is it, is the password right, and what runs as whom (spec part 7, CPW).

`checkpassword [options] prog [arg ...]` reads the record on descriptor 3 and a users file: that of
`--users`, else of the environment variable FAKE_USERS. The file has a line for each user, made by
`passwd NAME UID GID HOME SHELL` (the password comes on its standard input):

    name:scrypt$N$SALT$KEY:uid:gid:home:shell

Lines that begin with # are comments; the first line of a name counts; a hash of another form never
matches. It says nothing, ever, but for a usage line (CPW-5).

As root it becomes the user, also when the user is root. Not as root (a demo, a test) it stays who it
is and only goes home; so a program of "root" then runs under our UID, unless `--pretend-uid` is
given: that runs it as UID 0 of a user namespace of its own (unshare(1)), which has no rights outside;
where this cannot be done the login is refused, as by the real checkpassword whose setuid(2) fails.
"""

import contextlib
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import NamedTuple

import trio

from fakes.misbehaviour import (
    OPTIONS,
    Given,
    Misbehaviour,
    Over,
    Usage,
    UsageError,
    last,
    number,
    start,
)
from fakes.process import Process

USAGE = Usage(b"checkpassword", {b"users": b"FILE", b"pretend-uid": b""} | OPTIONS, b"prog [arg ...]")
PASSWD_USAGE = Usage(b"passwd", {}, b"NAME UID GID HOME SHELL")

RECORD_MAX = 512
COST = 1024
COST_MAX = 16384  # what fits into hashlib.scrypt's 32 MiB
UID_MAX = 2**32 - 2
REFUSED, MISUSED, TROUBLE = 1, 2, 111


async def checkpassword(process: Process) -> int:
    """Be checkpassword (spec part 7, CPW-1 to CPW-5), up to becoming prog.

    Exit codes: 1 refused, 2 misused, 111 temporary trouble. In the machine, where becoming a program
    returns, prog's exit code. Events for misbehaviour: `start` (nothing read yet), `record` (read,
    not judged), `login` (about to run prog). `--slow` and `--exit` act at `record`.
    """
    return await start(process, USAGE, _check)


async def passwd(process: Process) -> int:
    """Print a user's line for the users file; the password is the first line of descriptor 0.

    Exit code 0; 1 for a password that no client could send (empty, or with a NUL); 2 for misuse.
    """
    return await start(process, PASSWD_USAGE, _make_line)


def hash_password(password: bytes, salt: bytes) -> bytes:
    """Return what the users file says about a password."""
    return b"scrypt$%d$%s$%s" % (COST, salt.hex().encode(), _key(password, salt, COST).hex().encode())


class _User(NamedTuple):
    name: bytes
    hash: bytes
    uid: bytes
    gid: bytes
    home: bytes
    shell: bytes


async def _check(process: Process, given: Given, operands: list[bytes]) -> int:
    wrong = Misbehaviour.of(given)
    if not operands:
        return MISUSED
    await wrong.strike(process, b"start")
    name, password = _credentials(await _read_record(process))
    await trio.sleep(wrong.slow)
    await wrong.strike(process, b"record")
    if wrong.exit is not None:
        return wrong.exit
    user = _find(_read_users(process, given), name)
    if not _matches(password, user.hash if user else b"") or user is None or not name or not password:
        return REFUSED
    return await _become(process, user, operands, wrong, pretend=b"pretend-uid" in given)


async def _read_record(process: Process) -> bytes:
    record = b""
    try:
        while piece := await process.read(3, RECORD_MAX + 1 - len(record)):
            record += piece
            if len(record) > RECORD_MAX:
                raise Over(REFUSED)
    except OSError:
        raise Over(TROUBLE) from None
    process.close(3)
    return record


def _credentials(record: bytes) -> tuple[bytes, bytes]:
    fields = record.split(b"\0")
    if len(fields) < 3:
        raise Over(MISUSED)
    return fields[0], fields[1]


def _read_users(process: Process, given: Given) -> bytes:
    path = last(given, b"users") or process.env.get(b"FAKE_USERS")
    if not path:
        raise Over(TROUBLE)
    try:
        return process.files.read(path)
    except OSError:
        raise Over(TROUBLE) from None


def _find(users: bytes, name: bytes) -> _User | None:
    for line in users.split(b"\n"):
        fields = line.split(b":")
        if fields[0] == name and len(fields) == len(_User._fields) and not line.startswith(b"#"):
            return _User(*fields)
    return None


def _matches(password: bytes, stored: bytes) -> bool:
    """Compare in constant time; what is no hash costs as much as a wrong password, and never matches."""
    try:
        kind, cost_text, salt_text, key_text = stored.decode("ascii").split("$")
        cost, salt, key = int(cost_text), bytes.fromhex(salt_text), bytes.fromhex(key_text)
        is_usable = kind == "scrypt" and 2 <= cost <= COST_MAX and cost.bit_count() == 1 and len(key) > 0
    except ValueError:
        is_usable = False
    if not is_usable:
        cost, salt, key = COST, b"nobody's", b""
    return hmac.compare_digest(_key(password, salt, cost), key)


def _key(password: bytes, salt: bytes, cost: int) -> bytes:
    return hashlib.scrypt(password, salt=salt, n=cost, r=8, p=1, dklen=32)


async def _become(
    process: Process, user: _User, program: list[bytes], wrong: Misbehaviour, *, pretend: bool
) -> int:
    try:
        uid, gid = number(user.uid, UID_MAX), number(user.gid, UID_MAX)
        must_pretend = pretend and uid == 0 != process.uid
        process.become(uid if process.uid == 0 else process.uid, gid, user.home)
    except (OSError, UsageError):
        return TROUBLE
    await wrong.strike(process, b"login")
    if must_pretend:
        program = [b"unshare", b"--map-root-user", b"--", *program]
    try:
        return await process.exec(program, _environment(process.env, user))
    except OSError:
        return REFUSED if must_pretend else TROUBLE


def _environment(env: Mapping[bytes, bytes], user: _User) -> dict[bytes, bytes]:
    return {**env, b"USER": user.name, b"HOME": user.home, b"SHELL": user.shell}


async def _make_line(process: Process, _: Given, operands: list[bytes]) -> int:
    if len(operands) != 5 or not operands[0] or operands[0].startswith(b"#"):
        raise UsageError
    name, uid, gid, home, shell = operands
    number(uid, UID_MAX)
    number(gid, UID_MAX)
    if any(byte in b":\n\0" for byte in b"".join(operands)):
        raise UsageError
    password = await _read_password(process)
    if not password or b"\0" in password:
        process.log(b"passwd: an empty password, or one with a NUL, is of no use")
        return 1
    stored = hash_password(password, secrets.token_bytes(16))
    await process.write(1, b":".join(_User(name, stored, uid, gid, home, shell)) + b"\n")
    return 0


async def _read_password(process: Process) -> bytes:
    text = b""
    with contextlib.suppress(OSError):  # a closed descriptor 0 is an empty password
        while b"\n" not in text and len(text) <= RECORD_MAX and (piece := await process.read(0)):
            text += piece
    return text.partition(b"\n")[0]
