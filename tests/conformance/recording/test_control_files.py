"""Which files of a qmail home a session gets."""

from pathlib import Path

import pytest

from conformance.recording import control_files
from conformance.recording.log_sessions import LogError


def test_only_what_the_programs_read_is_copied(tmp_path: Path) -> None:
    control = tmp_path / "control"
    control.mkdir()
    (control / "me").write_bytes(b"mail.example.org\n")
    (control / "servercert.pem").write_bytes(b"a key\n")
    (control / "morercpthosts.cdb").write_bytes(bytes(control_files.LARGEST + 1))
    (control / "authdelay").mkdir()
    assert control_files.read(tmp_path) == {"control/me": b"mail.example.org\n"}


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    (tmp_path / "control").mkdir()
    (tmp_path / "control" / "fixsmtpio").write_bytes(bytes(control_files.LARGEST + 1))
    with pytest.raises(LogError, match="fixsmtpio: expected a control file below"):
        control_files.read(tmp_path)


def test_no_qmail_home(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        control_files.read(tmp_path)
