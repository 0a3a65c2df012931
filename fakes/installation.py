"""Where our programs lie so that a given user can run them.

Root's Python may be in a directory that is closed to others, and so may the checkout: a chain that
becomes another user could not go on. What that user can run is tried out as that user, not derived
from modes. If our own `bin` works it is used as it is. Otherwise a private installation is made: a
virtual environment of a Python that everybody can run, and in it copies of our packages and of all
that they need, which is pure Python.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

PROGRAMS = ("reup", "authup", "checknotroot", "fixsmtpio")
PACKAGES = ("acceptutils", "fakes")
EXAMPLES = Path(__file__).parents[1] / "examples"  # which the demo looks for beside the packages
NEEDED = "trio"  # and what it requires
TRIAL = "import acceptutils.runtime.posix, acceptutils.runtime.fixsmtpio, fakes.real, fakes.checkpassword"
RECENT_ENOUGH = "import sys, venv; sys.exit(sys.version_info < (3, 11))"
PYTHONS = ("/usr/bin", "/usr/local/bin", "/opt/python/bin")
PLACES = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 (only mkdtemp's own directories in them)
PATH = "/usr/bin:/bin"


class NotPossible(Exception):
    """This user can be given no installation; the message says what is missing."""


@contextmanager
def installation(uid: int) -> Iterator[Path]:
    """Yield a directory with python3 and our four programs that `uid` can run. Raises NotPossible.

    That Python has our packages, the fakes and trio. Whoever is not root can try nothing out as
    another user and cannot become one either, so then `uid` counts as ourselves.
    """
    ours = Path(sys.executable).parent
    missing = [name for name in PROGRAMS if not (ours / name).exists()]
    if missing:
        raise NotPossible(f"{missing[0]} is not installed in {ours}: make .venv/installed does that")
    if works_for(uid, ours):
        yield ours
        return
    with reachable_directory(uid, "acceptutils-installation-") as directory:
        private = install(directory, python_for(uid), ours)
        if not works_for(uid, private):
            raise NotPossible(f"the installation that was made in {directory} for UID {uid} does not run")
        yield private


@contextmanager
def reachable_directory(uid: int, prefix: str) -> Iterator[Path]:
    """Yield a new directory whose programs `uid` can run; it is removed at the end. Raises NotPossible.

    The usual place for temporary files may be closed to others, or mounted noexec.
    """
    for place in dict.fromkeys([tempfile.gettempdir(), *PLACES, os.getcwd()]):
        if not os.access(place, os.W_OK | os.X_OK):
            continue
        with tempfile.TemporaryDirectory(prefix=prefix, dir=place, ignore_cleanup_errors=True) as name:
            directory = Path(name)
            directory.chmod(0o755 if _is_somebody_else(uid) else 0o700)
            if _can_run_in(uid, directory):
                yield directory
                return
    raise NotPossible(f"no directory for temporary files in which UID {uid} can run programs")


def works_for(uid: int, directory: Path) -> bool:
    """Try out as `uid` whether the programs in `directory` run."""
    return _runs(uid, [f"{directory}/python3", "-I", "-c", TRIAL]) and all(
        _runs(uid, [f"{directory}/{name}", "--version"]) for name in PROGRAMS
    )


def _is_somebody_else(uid: int) -> bool:
    return os.geteuid() == 0 and uid != 0


def _runs(uid: int, argv: Sequence[str]) -> bool:
    """Run a command as `uid`, seeing nothing of our surroundings; say whether it succeeded."""
    another = {"user": uid, "group": uid, "extra_groups": []} if _is_somebody_else(uid) else {}
    try:
        done = subprocess.run(  # noqa: S603 (our own commands)
            argv,
            check=False,
            cwd="/",
            env={"PATH": PATH},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **another,  # type: ignore[call-overload]
        )
    except (OSError, subprocess.SubprocessError):  # SubprocessError: this UID does not exist here
        return False
    return bool(done.returncode == 0)


def _can_run_in(uid: int, directory: Path) -> bool:
    trial = directory / "trial"
    trial.write_text("#!/bin/sh\n")
    trial.chmod(0o755)
    works = _runs(uid, [str(trial)])
    trial.unlink()
    return works


def python_for(uid: int) -> Path:
    """Return a Python of the system that `uid` can run. Raises NotPossible."""
    names = ("python3", *(f"python3.{minor}" for minor in range(11, 20)))
    for python in (Path(place) / name for place in PYTHONS for name in names):
        if python.exists() and _runs(uid, [str(python), "-I", "-c", RECENT_ENOUGH]):
            return python
    raise NotPossible(
        f"UID {uid} cannot run {sys.executable}, and there is no Python 3.11 or newer in"
        f" {' or '.join(PYTHONS[:2])} either (Debian: apt-get install python3)"
    )


def install(directory: Path, python: Path, ours: Path) -> Path:
    """Make a private installation; return its directory of programs. Raises NotPossible.

    `python` is what it is made of, `ours` the directory that has our programs now.
    """
    environment = directory / "venv"
    try:
        _output(python, "-m", "venv", "--without-pip", str(environment))
        private = environment / "bin"
        packages = Path(
            _output(private / "python3", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
        )
        for name in PROGRAMS:
            shutil.copyfile(ours / name, private / name)
            (private / name).chmod(0o755)
        for name in PACKAGES:
            _copy_package(name, packages)
        if EXAMPLES.is_dir():  # only in a checkout
            shutil.copytree(EXAMPLES, packages / EXAMPLES.name)
        for distribution in required(NEEDED):
            _copy_distribution(distribution, packages)
        _output(private / "python3", "-m", "compileall", "-q", str(packages))
    except (OSError, subprocess.CalledProcessError) as trouble:
        raise NotPossible(f"unable to make an installation for others with {python}: {trouble}") from None
    _open_to_all(environment)
    return private


def _output(python: Path, *args: str) -> str:
    done = subprocess.run(  # noqa: S603 (our own commands)
        [python, "-I", *args],
        check=True,
        env={"PATH": PATH},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    return done.stdout.strip()


def _copy_package(name: str, packages: Path) -> None:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise NotPossible(f"the package {name} is not installed")
    caches = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(spec.origin).parent, packages / name, ignore=caches)


def required(name: str) -> list[metadata.Distribution]:
    """Return the installed distribution of this name, and what it requires, and what these require."""
    found: dict[str, metadata.Distribution] = {}
    wanted = [name]
    while wanted:
        name = wanted.pop()
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # a requirement of another platform or of an older Python
        if found.setdefault(name, distribution) is distribution:
            requirements = (text for text in distribution.requires or () if "extra ==" not in text)
            wanted += [re.split(r"[^\w.-]", text, maxsplit=1)[0] for text in requirements]
    return list(found.values())


def _copy_distribution(distribution: metadata.Distribution, packages: Path) -> None:
    if distribution.files is None:
        raise NotPossible(f"the files of {distribution.name} are not known")
    for file in distribution.files:
        if ".." not in file.parts and "__pycache__" not in file.parts:
            target = packages / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(str(file.locate()), target)


def _open_to_all(directory: Path) -> None:
    """Let everybody read and enter, whatever the umask was."""
    for path in [directory, *directory.rglob("*")]:
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | (0o555 if mode & 0o100 else 0o444))
