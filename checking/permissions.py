"""Who can read the control files, and who else can change them."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from checking.files import AFTER_LOGIN, KNOWN, Home
from checking.remarks import Place, Remark, quoted, remark
from checking.service import Service


def check(home: Home, service: Service) -> Iterator[Remark]:
    """Yield what is odd about modes and owners of the files, and of the directories above them."""
    for directory in _above(home.path):
        place = Place(f"{directory}/".replace("//", "/"))
        try:
            status = directory.stat()
        except OSError:  # who cannot be looked at cannot be judged
            continue
        if service.filters and not status.st_mode & stat.S_IXOTH:
            yield remark(
                "not-for-users",
                place,
                "Users cannot go through this directory. fixsmtpio runs as the user who has logged in, and "
                "could not read its rules.",
                f"chmod o+x {directory}",
            )
        yield from _changeable(place, status, directory)
    for name in KNOWN:
        file = home.files[name]
        if not service.reads(name):
            continue
        path = home.path / "control" / name
        if file.status is None:
            if file.trouble is None and path.is_symlink():
                yield remark(
                    "dangling-link",
                    file.at(),
                    f"It is a symbolic link to {quoted(os.fsencode(os.readlink(path)))}, which does not "
                    "exist: that is as if there were no such file.",
                    f"ls -l {path}",
                )
            continue
        if name in AFTER_LOGIN and service.filters and not file.status.st_mode & stat.S_IROTH:
            yield remark(
                "not-for-users",
                file.at(),
                "Users cannot read it. fixsmtpio runs as the user who has logged in, and needs it: every "
                "login would end with `421 authup unable to read controls`.",
                f"chmod o+r {path}",
            )
        yield from _changeable(file.at(), file.status, path)


def _above(home: Path) -> list[Path]:
    """Return the directories that somebody passes on the way to the files, the last ones first."""
    control = Path(os.path.realpath(home)) / "control"
    return [control, *control.parents]


def _changeable(place: Place, status: os.stat_result, path: Path) -> Iterator[Remark]:
    sticky = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX  # /tmp: only owners rename
    for bit, who in ((stat.S_IWOTH, "Everybody"), (stat.S_IWGRP, f"The group {status.st_gid}")):
        if status.st_mode & bit and not sticky and not (bit == stat.S_IWGRP and status.st_gid == 0):
            yield remark(
                "writable",
                place,
                f"{who} can change it. Who can change what is here decides who gets in, and what becomes of "
                "mail.",
                f"chmod go-w {path}",
            )
            break
    if status.st_uid not in {0, os.geteuid()}:
        yield remark(
            "foreign-owner",
            place,
            f"It belongs to UID {status.st_uid}, who can change it.",
            f"chown root {path}",
        )
