"""What is built once: the two distributions, and a wheelhouse in place of a network."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from fakes.installation import reachable_directory
from tests.packaging import wheelhouse
from tests.sessions.real_chain import UID

ROOT = Path(__file__).parents[2]
SYSTEM_PYTHON = "/usr/bin/python3"
_CAN_MAKE_VENV = "import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))"


class Built(NamedTuple):
    """The files that we distribute."""

    wheel: Path
    sdist: Path


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Build both from the checkout."""
    directory = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-I", "-m", "hatchling", "build", "-t", "sdist", "-t", "wheel"]
    subprocess.run([*build, "-d", str(directory)], cwd=ROOT, check=True, capture_output=True)
    (wheel,) = directory.glob("*.whl")
    (sdist,) = directory.glob("*.tar.gz")
    return Built(wheel, sdist)


@pytest.fixture(scope="session")
def offline(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """The environment for a pip that knows our wheelhouse and nothing else."""
    house = wheelhouse.fill(tmp_path_factory.mktemp("wheels"))
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(house),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(house),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }


@pytest.fixture(scope="session")
def system_python() -> str:
    """The Python that every user can run."""
    done = subprocess.run([SYSTEM_PYTHON, "-I", "-c", _CAN_MAKE_VENV], check=False, capture_output=True)
    if done.returncode:
        pytest.skip(f"NOT TESTED: {SYSTEM_PYTHON} is not 3.11 or newer with venv (Debian: python3-venv)")
    return SYSTEM_PYTHON


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that every user can reach."""
    with reachable_directory(UID, "acceptutils-packaging-") as directory:
        yield directory
