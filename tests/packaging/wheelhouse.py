"""Wheels of what is installed here, so that pip can install it elsewhere without a network."""

import zipfile
from importlib.metadata import Distribution
from pathlib import Path

from fakes.installation import required

NEEDED = ("trio", "hatchling")  # to run, and to build
_ADDED = {"INSTALLER", "REQUESTED", "RECORD", "direct_url.json"}


def fill(directory: Path) -> Path:
    """Put wheels of all that installing our package takes into the directory."""
    for distribution in {wanted.name: wanted for name in NEEDED for wanted in required(name)}.values():
        _pack(distribution, directory)
    return directory


def _pack(distribution: Distribution, directory: Path) -> None:
    """Make a wheel again of an installed one; pure Python, so it fits every Python 3."""
    name = distribution.metadata["Name"].replace("-", "_").replace(".", "_")
    own = (file for file in distribution.files or () if not {"..", "__pycache__"} & {*file.parts})
    files = [file for file in own if file.name not in _ADDED]
    info = next(file.parent for file in files if file.name == "METADATA")
    with zipfile.ZipFile(directory / f"{name}-{distribution.version}-py3-none-any.whl", "w") as wheel:
        for file in files:
            wheel.write(str(file.locate()), str(file))
        record = f"{info}/RECORD"
        wheel.writestr(record, "".join(f"{file},,\n" for file in [*files, record]))
