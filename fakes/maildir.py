"""A Maildir: where the fake ofmipd delivers and the fake qmail-pop3d fetches.

A message is written to tmp/, is on disk, and is then moved to new/, so nobody ever sees half of
one. An entry is a path inside the Maildir, `new/NAME` or `cur/NAME:2,FLAGS`. All that fails raises
the OSError of the system call. Source: https://cr.yp.to/proto/maildir.html
"""

import contextlib
import itertools

from fakes.process import Process


class Maildir:
    """The Maildir in one directory, as one process sees it."""

    def __init__(self, process: Process, path: bytes) -> None:
        self._files = process.files
        self._process = process
        self._path = path
        self._count = itertools.count(1)

    def make(self) -> None:
        """Make the directories that are missing."""
        for directory in (b"", b"/tmp", b"/new", b"/cur"):
            self._files.make_directory(self._path + directory)

    def deliver(self, message: bytes) -> bytes:
        """Store a message; return its entry in new/."""
        while True:
            name = self._unique_name()
            try:
                self._files.create(self._at(b"tmp/" + name), message)
            except FileExistsError:
                continue
            try:
                self._files.rename(self._at(b"tmp/" + name), self._at(b"new/" + name))
            except OSError:
                with contextlib.suppress(OSError):
                    self._files.remove(self._at(b"tmp/" + name))
                raise
            return b"new/" + name

    def entries(self) -> list[bytes]:
        """Return the entries of all messages, oldest first."""
        found = [
            directory + b"/" + name
            for directory in (b"new", b"cur")
            for name in self._files.list(self._at(directory))
            if not name.startswith(b".")
        ]
        return sorted(found, key=_age)

    def exists(self) -> bool:
        """Say whether the directory can be entered."""
        try:
            self._files.list(self._path)
        except OSError:
            return False
        return True

    def read(self, entry: bytes) -> bytes:
        """Return a message."""
        return self._files.read(self._at(entry))

    def remove(self, entry: bytes) -> None:
        """Delete a message."""
        self._files.remove(self._at(entry))

    def mark_seen(self, entry: bytes) -> bytes:
        """Move a message from new/ to cur/; return its entry there. One in cur/ stays as it is."""
        if not entry.startswith(b"new/"):
            return entry
        seen = b"cur/" + entry.removeprefix(b"new/") + b":2,"
        self._files.rename(self._at(entry), self._at(seen))
        return seen

    def _at(self, entry: bytes) -> bytes:
        return self._path + b"/" + entry

    def _unique_name(self) -> bytes:
        now = self._process.time()
        micro = int(now % 1 * 1_000_000)
        return b"%d.M%06dP%dQ%d.localhost" % (int(now), micro, self._process.pid, next(self._count))


def identifier(entry: bytes) -> bytes:
    """Return what names a message for ever, in new/ and in cur/: UIDL's unique-id."""
    return entry[4:].partition(b":")[0]


def _age(entry: bytes) -> tuple[int, bytes]:
    # The contract has no stat(2), so a message is as old as its name says.
    time = entry[4:].partition(b".")[0]
    return int(time) if time.isdigit() and len(time) < 20 else 0, identifier(entry)
