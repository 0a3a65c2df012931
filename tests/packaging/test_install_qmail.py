"""`make install-qmail`: programs that every user can run, and manuals, where qmail has its own."""

import json
import os
import stat
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from fakes.installation import reachable_directory
from tests.packaging.conftest import ROOT
from tests.runtime.running import PROGRAMS, needs_root
from tests.sessions.real_chain import UID

pytestmark = pytest.mark.usefixtures("system_python")


def make(
    qmail: Path, env: Mapping[str, str], umask: int = 0o077, **more: str
) -> subprocess.CompletedProcess[str]:
    """Install; not even a careful administrator's umask may keep users out."""
    return subprocess.run(
        ["make", "install-qmail", f"QMAIL={qmail}"],
        cwd=ROOT,
        env={**env, **more},
        umask=umask,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def qmail(offline: Mapping[str, str], system_python: str) -> Iterator[Path]:
    """A qmail home in which there was a C program, and into which ours were installed."""
    assert system_python
    with reachable_directory(UID, "acceptutils-qmail-") as directory:
        home = directory / "qmail"
        for name in ("bin", "control"):
            (home / name).mkdir(parents=True)
        (home / "bin" / "authup").write_text("not ours")
        (home / "control" / "me").write_text("mail.example.org\n")
        for path in (home, home / "bin", home / "control"):
            path.chmod(0o755)
        done = make(home, offline)
        assert done.returncode == 0, done.stderr
        yield home


def everything(directory: Path) -> Iterator[Path]:
    yield from (path for path in directory.rglob("*") if not path.is_symlink())


def test_programs_and_manuals_are_where_qmail_has_its_own(qmail: Path) -> None:
    assert {file.name for file in (qmail / "bin").iterdir()} == {*PROGRAMS, "acceptutils"}
    manuals = {str(file.relative_to(qmail / "man")) for file in everything(qmail / "man") if file.is_file()}
    assert manuals == {f"man{file.suffix[1:]}/{file.name}" for file in (ROOT / "man").iterdir()}
    kept = {file.name for file in (qmail / "lib/acceptutils/bin").iterdir()}
    assert kept == {"python", "python3", "acceptutils", *PROGRAMS}
    assert [file.name for file in (qmail / "lib").iterdir()] == ["acceptutils"]


def test_every_user_can_read_it_and_nobody_else_can_write(qmail: Path) -> None:
    for path in everything(qmail):
        mode = path.stat().st_mode
        wanted = 0o555 if stat.S_ISDIR(mode) else 0o444
        assert mode & wanted == wanted, path
        assert not mode & 0o022, path


@pytest.mark.parametrize("user", [None, pytest.param(UID, marks=needs_root)], ids=["ourselves", "another"])
def test_authup_runs_with_an_empty_environment(qmail: Path, user: int | None) -> None:
    """It looks into /var/qmail then, which need not be here: so the control error is an answer too."""
    more = {} if user is None else {"user": user, "group": user, "extra_groups": []}
    for env in ({}, {"QMAILHOME": str(qmail)}):
        done = subprocess.run(  # type: ignore[call-overload]
            [qmail / "bin/authup", "smtp", "true"],
            env=env,
            cwd="/",
            input=b"QUIT\r\n",
            capture_output=True,
            check=False,
            **more,
        )
        assert done.stdout.startswith((b"220 ", b"421 authup unable to read controls")), done.stderr
        assert done.stdout.endswith(b"221 mail.example.org\r\n") or not env
        assert b"internal error" not in done.stderr


@needs_root
def test_all_of_them_run_as_another_user(qmail: Path) -> None:
    greet = ["/bin/sh", "-c", "echo 220 hello; exit 9"]
    programs = qmail / "bin"
    chain = [f"{programs}/reup", "-t", "1", f"{programs}/checknotroot", f"{programs}/fixsmtpio", *greet]
    done = subprocess.run(
        chain,
        env={"QMAILHOME": str(qmail)},
        cwd="/",
        user=UID,
        group=UID,
        extra_groups=[],
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (9, b"220 hello\r\n"), done.stderr


def test_the_check_of_what_was_installed(qmail: Path) -> None:
    check = [f"{qmail}/bin/acceptutils", "check", "--json", str(qmail)]
    done = subprocess.run(check, env={}, cwd="/", capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["errors"] == 0


def test_one_that_fails_leaves_the_old_one_alone(qmail: Path, offline: Mapping[str, str]) -> None:
    before = (qmail / "lib/acceptutils/bin/authup").stat().st_ino
    done = make(qmail, offline, PIP_FIND_LINKS=os.devnull)
    assert done.returncode != 0
    assert "trio" in done.stderr or "hatchling" in done.stderr
    assert (qmail / "lib/acceptutils/bin/authup").stat().st_ino == before
    assert [file.name for file in (qmail / "lib").iterdir()] == ["acceptutils"]


def test_a_package_is_made_below_destdir(tmp_path: Path) -> None:
    command = ["make", "--dry-run", "install-qmail", f"DESTDIR={tmp_path}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert f"mkdir -p '{tmp_path}/var/qmail/bin'" in done.stdout


def test_a_new_one_takes_the_place_of_the_old_one(qmail: Path, offline: Mapping[str, str]) -> None:
    before = (qmail / "lib/acceptutils/bin/authup").stat().st_ino
    assert make(qmail, offline).returncode == 0
    assert (qmail / "lib/acceptutils/bin/authup").stat().st_ino != before
    assert [file.name for file in (qmail / "lib").iterdir()] == ["acceptutils"]
