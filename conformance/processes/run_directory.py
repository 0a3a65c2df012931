"""The directory of one run on real processes."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from conformance.playing.stage import SUBJECTS, Opening
from conformance.targets import Unusable


@contextmanager
def run_directory(place: str, names: frozenset[str], opening: Opening) -> Iterator[Path]:
    """Make the directory of one run: the puppets of `place` in `bin`, the files in `qmail`.

    It is gone afterwards, unless the opening says where to keep it. Raises Unusable.
    """
    for path in opening.files:
        if path.startswith("/"):  # a scenario, perhaps somebody else's, must not write into this computer
            raise Unusable(f"{path} is outside of the qmail home: only the simulated machine has its own")
    with _new_directory(place, opening.keep) as name:
        directory = Path(name)
        directory.chmod(0o755)
        for made in (directory / "bin", directory / "qmail", directory / "qmail" / "control"):
            made.mkdir()
            made.chmod(0o755)
        for program in names | SUBJECTS:
            (directory / "bin" / program).symlink_to(Path(place) / "puppet")
        for path, data in opening.files.items():
            _write(directory / "qmail" / path, data, is_directory=path.endswith("/"))
        yield directory


@contextmanager
def _new_directory(place: str, keep: str) -> Iterator[str]:
    if keep:
        shutil.rmtree(keep, ignore_errors=True)  # of the try before
        os.mkdir(keep)
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="run-", dir=place, ignore_cleanup_errors=True) as name:
        yield name


def _write(path: Path, data: bytes, *, is_directory: bool) -> None:
    """Write a file for everybody to read, or make a directory, whatever the umask is."""
    missing = [directory for directory in path.parents if not directory.exists()]
    for directory in [*reversed(missing), *([path] if is_directory else [])]:
        directory.mkdir()
        directory.chmod(0o755)
    if not is_directory:
        path.write_bytes(data)
        path.chmod(0o644)
