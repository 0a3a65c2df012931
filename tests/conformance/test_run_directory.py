"""Where real processes find their files: below a directory of the run, whatever a scenario names."""

from pathlib import Path

import pytest

from conformance.format import talk_parser
from conformance.playing.beats import understand
from conformance.playing.runner import skip_reason
from conformance.playing.stage import Opening
from conformance.processes.run_directory import run_directory
from conformance.targets import TargetConfig, Unusable

TALK = "title: x\nrules: CTL-1\nrun: {checknotroot} {prog}\n\n-- /tmp/x --\n-- talk --\nS! eof\n"


def test_no_file_outside_of_the_qmail_home(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    opening = Opening(chain=("{prog}",), files={str(outside): b"x"}, env={})
    with pytest.raises(Unusable), run_directory(str(tmp_path), frozenset(), opening):
        pass
    assert not outside.exists()


def test_a_case_that_names_one_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "checknotroot").write_text("#!/bin/sh\n")
    (tmp_path / "checknotroot").chmod(0o755)
    target = TargetConfig("x", "exec", dir=str(tmp_path))
    reason = skip_reason(understand(talk_parser.parse(TALK)), target, slow=True)
    assert reason.startswith("files outside of the qmail home")
