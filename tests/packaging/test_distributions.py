"""What the wheel and the source distribution contain, and that pip can install them."""

import subprocess
import tarfile
import tomllib
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.packaging.conftest import ROOT, Built
from tests.runtime.running import PROGRAMS

INSTALLED = (*PROGRAMS, "acceptutils")

MANUALS = {f"share/man/man{file.suffix[1:]}/{file.name}" for file in (ROOT / "man").iterdir()}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]


def of_the_repository() -> set[str]:
    """Return all files that are tracked, or will be."""
    listing = ["git", "-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("NOT TESTED: this is no git checkout")
    return {name for name in done.stdout.splitlines() if (ROOT / name).exists()}


def test_the_source_distribution_is_the_repository(built: Built) -> None:
    with tarfile.open(built.sdist) as archive:
        packed = {member.name.partition("/")[2]: member for member in archive}
    assert packed.keys() - {"PKG-INFO"} == of_the_repository()
    for directory in ("tests", "docs", "man", "examples", "conformance/scenarios", "bench", "fakes"):
        assert any(name.startswith(f"{directory}/") for name in packed)
    assert [packed[f"bin/{name}"].linkname for name in INSTALLED] == ["launcher"] * 5
    assert packed["bin/launcher"].mode & 0o111 == 0o111


def test_the_wheel_has_the_packages_the_programs_and_the_manuals(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as wheel:
        packed = {entry.filename: entry for entry in wheel.infolist()}
        launchers = {wheel.read(name) for name in packed if ".data/data/bin/" in name}
    data = {name.partition(".data/data/")[2]: entry for name, entry in packed.items() if ".data/" in name}
    assert data.keys() == {f"bin/{name}" for name in INSTALLED} | MANUALS
    assert all(data[f"bin/{name}"].external_attr >> 16 & 0o111 == 0o111 for name in INSTALLED)
    assert launchers == {(ROOT / "bin" / "launcher").read_bytes()}
    modules = {name for name in packed if ".data/" not in name and ".dist-info/" not in name}
    assert modules == {name for name in of_the_repository() if name.split("/")[0] in PACKAGES}


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_is_typed(package: str) -> None:
    assert (ROOT / package / "py.typed").is_file()


@pytest.mark.parametrize("what", ["wheel", "sdist", "checkout"])
def test_pip_installs_it(
    built: Built, offline: Mapping[str, str], system_python: str, place: Path, what: str
) -> None:
    """In a clean environment; the programs keep what isolates them (BASE-8), manuals come along."""
    source = {"wheel": built.wheel, "sdist": built.sdist, "checkout": ROOT}[what]
    subprocess.run([system_python, "-I", "-m", "venv", str(place / "venv")], check=True)
    pip = [f"{place}/venv/bin/python3", "-I", "-m", "pip"]
    subprocess.run([*pip, "install", "--quiet", str(source)], env=offline, check=True)
    subprocess.run([*pip, "check"], env=offline, check=True, capture_output=True)
    evil = place / "evil"
    for name in ("trio", "acceptutils", "os"):
        (evil / name).mkdir(parents=True)
        (evil / name / "__init__.py").write_text("print('EVIL')\n")
    hostile = {"PYTHONPATH": str(evil), "PYTHONHOME": str(evil), "QMAILHOME": str(place), "HOME": str(evil)}
    (place / "control").mkdir()
    (place / "control" / "me").write_text("mail.example.org\n")
    for name in INSTALLED:
        program = place / "venv/bin" / name
        assert program.read_bytes() == (ROOT / "bin" / "launcher").read_bytes()
        done = subprocess.run([program, "--version"], env=hostile, cwd=evil, capture_output=True, check=True)
        assert done.stdout.startswith(f"{name} ".encode())
    authup = [f"{place}/venv/bin/authup", "smtp", "true"]
    done = subprocess.run(authup, env=hostile, cwd=evil, input=b"QUIT\r\n", capture_output=True, check=True)
    assert done.stdout == b"220 mail.example.org ESMTP\r\n221 mail.example.org\r\n"
    for manual in MANUALS:
        assert (place / "venv" / manual).is_file()
