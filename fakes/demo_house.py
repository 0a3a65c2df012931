"""The demo's private directory: qmail home, users file, alice's home, the chains' programs.

All of it can be reached by the user whom sessions become, and only the users file is secret: the
pretended checkpassword reads it while it is still root.
"""

import os
import pwd
from collections.abc import Mapping
from pathlib import Path

from fakes import demo_text
from fakes.checkpassword import hash_password
from fakes.installation import PATH, PROGRAMS, NotPossible

FAKES = ("checkpassword", "ofmipd", "pop3d")
FREE_UIDS = range(20001, 20100)
NOBODY = 65534


def alices_uid() -> int:
    """Return the UID that alice's sessions are to run under. Raises NotPossible."""
    if os.geteuid() != 0:
        return os.getuid()
    taken = {user.pw_uid for user in pwd.getpwall()}
    for uid in [*(uid for uid in FREE_UIDS if uid not in taken), NOBODY]:
        if _exists(uid):
            return uid
    raise NotPossible("this root has no other UIDs to give; run the demo as an ordinary user")


def _exists(uid: int) -> bool:
    """Say whether the UID is one of our user namespace: a container may have only a few."""
    lines = Path("/proc/self/uid_map").read_text().splitlines()
    ranges = [[int(word) for word in line.split()] for line in lines]
    return any(first <= uid < first + count for first, _, count in ranges)


def furnish(directory: Path, programs: Path, uid: int) -> None:
    """Make everything that the chains need; `programs` is an installation, `uid` alice's."""
    _write(directory / "qmail" / "control", demo_text.CONTROL_FILES, 0o644)
    _write(directory / "bin", _shims(directory, programs), 0o755)
    _make_home(directory / "alice", uid)
    _write_users(directory / "users", uid, directory / "alice")


def environment(directory: Path) -> dict[str, str]:
    """Return the environment of the chains: nothing of the caller's gets in."""
    return {"PATH": f"{directory}/bin:{PATH}", "QMAILHOME": f"{directory}/qmail", "FIXSMTPIODEBUG": "1"}


def _write(directory: Path, files: Mapping[str, str], mode: int) -> None:
    directory.mkdir(parents=True)
    directory.parent.chmod(0o755)  # whatever the umask is
    directory.chmod(0o755)
    for name, text in files.items():
        (directory / name).write_text(text)
        (directory / name).chmod(mode)


def _shims(directory: Path, programs: Path) -> dict[str, str]:
    commands = {name: [f"{programs}/{name}"] for name in PROGRAMS}
    commands |= {name: [f"{programs}/python3", "-I", "-m", "fakes", name] for name in FAKES}
    commands["checkpassword"] += ["--users", f"{directory}/users", "--pretend-uid"]
    return {name: demo_text.shim(name, command) for name, command in commands.items()}


def _make_home(home: Path, uid: int) -> None:
    for folder in (home, home / "Maildir", *(home / "Maildir" / part for part in ("tmp", "new", "cur"))):
        folder.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(folder, uid, uid)


def _write_users(file: Path, uid: int, home: Path) -> None:
    file.touch(mode=0o600)
    accounts = [
        ("alice", demo_text.ALICE_PASSWORD, uid, home),
        ("root", demo_text.ROOT_PASSWORD, 0, Path("/")),
    ]
    file.write_text("".join(_account(*account) for account in accounts))


def _account(name: str, password: str, uid: int, home: Path) -> str:
    hashed = hash_password(password.encode(), os.urandom(16)).decode()
    return f"{name}:{hashed}:{uid}:{uid}:{home}:/bin/sh\n"
