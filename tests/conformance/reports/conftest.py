from pathlib import Path

import pytest

from conformance.reports.facts import Report
from tests.conformance.reports import samples


@pytest.fixture
def stream(tmp_path: Path) -> Path:
    return samples.write(tmp_path / "run.jsonl")


@pytest.fixture
def report(tmp_path: Path) -> Report:
    return samples.report(tmp_path / "run.jsonl")
