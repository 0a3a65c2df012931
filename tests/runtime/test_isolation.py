"""Whoever runs us never chooses our code (BASE-8), and what only launches starts without trio."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runtime.running import AS_ALICE, PROGRAMS, needs_root, new_site, run
from tests.sessions.real_chain import UID, Site

EVIL = "import os\nos.write(2, b'EVIL')\nos.write(1, b'EVIL')\nraise SystemExit(66)\n"
MODULES = ("trio", "acceptutils", "os", "signal", "sitecustomize", "usercustomize", "encodings", "site")


@pytest.fixture(scope="module")
def lair(programs: Path) -> Iterator[Site]:
    """A site with a directory and a home full of modules that must never be imported."""
    with new_site(programs) as site:
        lair = site.directory / "lair"
        for place in (lair, lair / ".local/lib/python3.11/site-packages"):
            place.mkdir(parents=True)
            for name in MODULES:
                (place / name).mkdir()
                (place / name / "__init__.py").write_text(EVIL)
                (place / f"{name}.py").write_text(EVIL)
                (place / f"{name}.pth").write_text("import os; os.write(1, b'EVIL')\n")
        (lair / "pyvenv.cfg").write_text(f"home = {lair}\n")
        for name in PROGRAMS:
            (site.bin / name).symlink_to(programs / name)
        (site.directory / "again").symlink_to(site.bin / "authup")
        shutil.copyfile(lair / "os.py", site.bin / "os.py")
        shutil.copytree(lair / "acceptutils", site.bin / "acceptutils")
        yield site


def hostile(lair: Path) -> dict[str, str]:
    startup = str(lair / "os.py")
    return {
        "HOME": str(lair),
        "PYTHONPATH": f"{lair}:.",
        "PYTHONHOME": str(lair),
        "PYTHONSTARTUP": startup,
        "PYTHONUSERBASE": str(lair / ".local"),
        "PYTHONWARNINGS": "error",
        "PYTHONINSPECT": "1",
        "PYTHONVERBOSE": "1",
        "PYTHONPROFILEIMPORTTIME": "1",
        "PYTHONDEVMODE": "1",
        "PYTHONFAULTHANDLER": "1",
        "PYTHONDUMPREFS": "1",
        "PYTHONBREAKPOINT": "os.system",
        "PYTHONIOENCODING": "utf-16",
        "PYTHONPLATLIBDIR": str(lair),
        "PYTHONCASEOK": "1",
        "PYTHONSAFEPATH": "",
        "PYTHONTRACEMALLOC": "nonsense",
        "PYTHONHASHSEED": "nonsense",
        "PYTHONINTMAXSTRDIGITS": "nonsense",
        "ENV": startup,
        "BASH_ENV": startup,
    }


RUNS = {
    "reup": ("reup -t 1 sh -c 'exit 7'", 7, b""),
    "authup": ("authup smtp true", 0, b"220 mail.example.org ESMTP\r\n221 mail.example.org\r\n"),
    "checknotroot": ("checknotroot echo hello", 0, b"hello\n"),
    "fixsmtpio": ("fixsmtpio sh -c 'echo 220 hello; exit 9'", 9, b"220 hello\r\n"),
}


@needs_root
@pytest.mark.parametrize("by", ["path", "symlink"])
@pytest.mark.parametrize("program", RUNS)
def test_nobody_chooses_our_code(lair: Site, programs: Path, program: str, by: str) -> None:
    command, code, out = RUNS[program]
    where = programs if by == "path" else lair.bin
    directory = lair.directory / "lair"
    user = None if program == "authup" else UID
    done = run(
        lair, f"{where}/{command}", sent=b"QUIT\r\n", env=hostile(directory), cwd=directory, as_user=user
    )
    assert (done.code, done.out) == (code, out), done.log
    assert len(done.log.splitlines()) == (program in {"reup", "authup"})


def test_a_symlink_of_another_directory_to_a_symlink(lair: Site) -> None:
    (lair.directory / "authup").symlink_to(lair.bin / "authup")
    done = run(lair, [f"{lair.directory}/authup", "--version"], cwd=lair.directory)
    assert (done.code, done.out.split()[0], done.log) == (0, b"authup", b"")


def test_a_relative_name(site: Site, programs: Path) -> None:
    """A PATH may have relative and empty parts; even then the Python beside us runs, not another."""
    for path in (".", "", f"../{programs.name}"):
        done = run(site, ["env", f"PATH={path}:/usr/bin:/bin", "authup", "--version"], cwd=programs)
        assert (done.code, done.out.split()[:1], done.log) == (0, [b"authup"], b""), path


@needs_root
@pytest.mark.parametrize("variable", ["PYTHONEXECUTABLE", "__PYVENV_LAUNCHER__"])
def test_nobody_chooses_our_virtual_environment(lair: Site, variable: str) -> None:
    """Python obeys PYTHONEXECUTABLE in spite of -I: the packages beside it would be ours."""
    evil = lair.directory / "evil"
    packages = evil / "lib" / "python3.11" / "site-packages"
    (packages / "acceptutils").mkdir(parents=True, exist_ok=True)
    (packages / "acceptutils" / "__init__.py").write_text(EVIL)
    (packages / "acceptutils" / "__main__.py").write_text("")
    (evil / "pyvenv.cfg").write_text("home = /usr/bin\n")
    done = run(lair, "checknotroot echo hello", env={variable: f"{evil}/bin/python3"}, as_user=UID)
    assert (done.code, done.out, done.log) == (0, b"hello\n", b"")


@needs_root
@pytest.mark.parametrize("program", RUNS)
def test_packages_of_the_system_do_not_hide_ours(lair: Site, programs: Path, program: str) -> None:
    """Debian's python3-trio is another version; where the virtual environment has ours, ours it is."""
    tell = "import sys; print(*[place for place in sys.path if place.endswith('dist-packages')], sep='\\n')"
    system = subprocess.run(["/usr/bin/python3", "-Ic", tell], check=True, capture_output=True, text=True)
    place = system.stdout.split()[0]
    evil = lair.directory / "dist-packages"
    shutil.copytree(lair.directory / "lair" / "trio", evil / "trio", dirs_exist_ok=True)
    shutil.copytree(lair.directory / "lair" / "acceptutils", evil / "acceptutils", dirs_exist_ok=True)
    command, code, out = RUNS[program]
    over = (
        f"mount --bind {evil} {place} && exec {'' if program == 'authup' else AS_ALICE} {programs}/{command}"
    )
    done = run(lair, ["unshare", "--mount", "sh", "-c", over], sent=b"QUIT\r\n")
    assert (done.code, done.out) == (code, out), done.log


@needs_root
def test_what_the_environment_says_goes_on_to_the_program(lair: Site) -> None:
    """Nothing is lost on the way: PYTHONPATH is for whom it concerns."""
    directory = lair.directory / "lair"
    done = run(lair, "checknotroot sh -c 'echo $PYTHONPATH'", env=hostile(directory), as_user=UID)
    assert done.out.decode() == f"{directory}:.\n"


@needs_root
@pytest.mark.parametrize("command", ["reup -t 1 true", "checknotroot true", "fixsmtpio true"])
def test_what_only_launches_does_without_trio(site: Site, programs: Path, command: str) -> None:
    """Design: after a tenth of a second of importing nothing would be left to do."""
    python = [f"{programs}/python3", "-I", "-X", "importtime"]
    done = run(site, [*python, *f"{programs}/{command}".split()], env={"NOFIXSMTPIO": ""}, as_user=UID)
    imported = {line.rpartition(b"|")[2].strip() for line in done.log.splitlines() if b"|" in line}
    assert b"acceptutils.runtime.launcher" in imported
    assert not imported & {b"trio", b"asyncio", b"subprocess", b"email", b"logging"}
