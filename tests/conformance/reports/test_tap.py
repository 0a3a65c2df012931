import json
import re
from pathlib import Path

import pytest

from conformance.reports import tap
from conformance.reports.facts import Report

POINT = re.compile(r"(ok|not ok) ([0-9]+) - ((?:[^#\\]|\\.)*?)(?: # (SKIP|TODO) (.*))?$")


@pytest.fixture
def lines(report: Report, tmp_path: Path) -> list[str]:
    tap.write(report, tmp_path / "out" / "run.tap")
    return (tmp_path / "out" / "run.tap").read_text(encoding="ascii").splitlines()


def subtest(lines: list[str], target: str) -> list[str]:
    start = lines.index(f"# Subtest: {target}") + 1
    end = next(n for n in range(start, len(lines)) if not lines[n].startswith("    "))
    return [line[4:] for line in lines[start:end]]


def test_plans_and_numbers(lines: list[str]) -> None:
    assert lines[:2] == ["TAP version 14", "1..4"]
    outer = [POINT.fullmatch(line) for line in lines if line.startswith(("ok", "not ok"))]
    assert [(m[1], m[2], m[3]) for m in outer if m] == [
        ("ok", "1", "sim"),
        ("not ok", "2", "ours"),
        ("not ok", "3", "c-reup"),
        ("not ok", "4", "c-head"),
    ]
    for target in ("sim", "ours", "c-reup", "c-head"):
        inner = subtest(lines, target)
        points = [m for m in map(POINT.fullmatch, inner) if m]
        assert inner[0] == f"1..{len(points)}"
        assert [int(m[2]) for m in points] == list(range(1, len(points) + 1))


def test_directives(lines: list[str]) -> None:
    assert "ok 3 - root-password-guessed # SKIP takes 5 s of real time" in subtest(lines, "c-reup")
    known = (
        "not ok 1 - stls-injection # TODO known (security): POP3 keeps bytes buffered before the handshake"
    )
    assert known in subtest(lines, "c-head")
    assert subtest(lines, "c-head")[-1] == r"# no longer as known: data-end-split (FIX-30): C: <x>"
    assert not any("no longer" in line for line in subtest(lines, "sim"))
    assert r"ok 6 - look-alikes\#1" in subtest(lines, "sim")


def test_diagnostics(lines: list[str]) -> None:
    inner = subtest(lines, "c-reup")
    start = inner.index("not ok 1 - stls-injection") + 1
    end = inner.index("  ...", start)
    assert inner[start] == "  ---"
    pairs = dict(line.strip().split(": ", 1) for line in inner[start + 1 : end])
    found = {key: json.loads(value) for key, value in pairs.items()}
    assert found["at"] == {"file": "conformance/scenarios/stls-injection.talk", "line": 19}
    assert found["rule"] == ["AUTHUP-TLS-6"]
    assert found["expected"] == r"-ERR authup USER first\r\n"
    assert found["replay"] == "conform replay stls-injection@c-reup:base"
    assert any("cuts 13:1...13:20" in line for line in inner)
