"""The machine's file system: names, bytes and directories; no users, no modes, no links.

Trouble is put in from outside: a path may hold an OSError instead of bytes, and whatever touches
that path, or one below it, raises its errno.
"""

import os
import posixpath
from collections.abc import Callable, Mapping
from errno import EEXIST, EISDIR, ENOENT, ENOTDIR


class Disk:
    """The files of one machine. All paths are absolute; a given path that ends in / is a directory."""

    def __init__(self, files: Mapping[bytes, bytes | OSError]) -> None:
        self.files: dict[bytes, bytes | OSError] = {}
        self.directories = {b"/"}
        for path, content in files.items():
            self.add(path, content)

    def add(self, path: bytes, content: bytes | OSError) -> None:
        """Put a file, a directory or trouble there, directories above it included."""
        name = _normal(path)
        above = posixpath.dirname(name)
        while above not in self.directories:
            self.directories.add(above)
            above = posixpath.dirname(above)
        if path.endswith(b"/") and not isinstance(content, OSError):
            self.directories.add(name)
        else:
            self.files[name] = content

    def read(self, path: bytes) -> bytes:
        """Return a file's bytes."""
        self._check(path)
        if path in self.directories:
            raise _trouble(EISDIR, path)
        content = self.files.get(path)
        if not isinstance(content, bytes):
            raise _trouble(ENOENT, path)
        return content

    def create(self, path: bytes, data: bytes) -> None:
        """Write a new file."""
        self._check(path)
        self._check_free(path)
        self.files[path] = data

    def rename(self, old: bytes, new: bytes) -> None:
        """Move a file, replacing one of that name."""
        data = self.read(old)
        self._check(new)
        self.enter(posixpath.dirname(new))
        del self.files[old]
        self.files[new] = data

    def remove(self, path: bytes) -> None:
        """Remove a file."""
        self.read(path)
        del self.files[path]

    def list(self, directory: bytes) -> list[bytes]:
        """Return the sorted names in a directory."""
        self.enter(directory)
        names = self.directories | set(self.files)
        return sorted(posixpath.basename(name) for name in names if _is_in(name, directory))

    def make_directory(self, path: bytes) -> None:
        """Make a directory; no error if it exists."""
        self._check(path)
        if path not in self.directories:
            self._check_free(path)
            self.directories.add(path)

    def enter(self, directory: bytes) -> None:
        """Raise the OSError of a chdir(2) to there, if any."""
        self._check(directory)
        if directory not in self.directories:
            raise _trouble(ENOTDIR if directory in self.files else ENOENT, directory)

    def _check(self, path: bytes) -> None:
        """Raise the trouble that was put at the path or above it."""
        while path != b"/":
            content = self.files.get(path)
            if isinstance(content, OSError):
                raise _trouble(content.errno or 0, path)
            path = posixpath.dirname(path)

    def _check_free(self, path: bytes) -> None:
        self.enter(posixpath.dirname(path))
        if path in self.files or path in self.directories:
            raise _trouble(EEXIST, path)


class DiskView:
    """The disk as one process sees it: `fakes.process.Files` with a working directory."""

    def __init__(self, disk: Disk, directory: Callable[[], bytes]) -> None:
        self._disk = disk
        self._directory = directory

    def read(self, path: bytes) -> bytes:
        """Return the whole file."""
        return self._disk.read(self.absolute(path))

    def create(self, path: bytes, data: bytes) -> None:
        """Write a new file."""
        self._disk.create(self.absolute(path), data)

    def rename(self, old: bytes, new: bytes) -> None:
        """Move a file."""
        self._disk.rename(self.absolute(old), self.absolute(new))

    def remove(self, path: bytes) -> None:
        """Remove a file."""
        self._disk.remove(self.absolute(path))

    def list(self, directory: bytes) -> list[bytes]:
        """Return the sorted names in a directory."""
        return self._disk.list(self.absolute(directory))

    def make_directory(self, path: bytes) -> None:
        """Make a directory; no error if it exists."""
        self._disk.make_directory(self.absolute(path))

    def absolute(self, path: bytes) -> bytes:
        """Return the absolute path."""
        return _normal(posixpath.join(self._directory(), path))


def _normal(path: bytes) -> bytes:
    return b"/" + posixpath.normpath(path).lstrip(b"/")  # POSIX keeps two leading slashes apart


def _is_in(name: bytes, directory: bytes) -> bool:
    return name != b"/" and posixpath.dirname(name) == directory


def _trouble(number: int, path: bytes) -> OSError:
    return OSError(number, os.strerror(number), path)
