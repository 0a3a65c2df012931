import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import xmlschema

from conformance.reports import junit
from conformance.reports.facts import Report

SCHEMA = Path(__file__).with_name("junit.xsd")


@pytest.fixture
def root(report: Report, tmp_path: Path) -> ET.Element:
    path = tmp_path / "out" / "junit.xml"
    junit.write(report, path)
    xmlschema.XMLSchema(SCHEMA).validate(path)
    return ET.parse(path).getroot()  # noqa: S314 - we wrote it


def case(root: ET.Element, target: str, name: str) -> ET.Element:
    found = root.find(f"testsuite[@name='{target}']/testcase[@name='{name}']")
    assert found is not None
    return found


def child(element: ET.Element, name: str) -> ET.Element:
    found = element.find(name)
    assert found is not None
    return found


def test_a_suite_for_each_target_with_its_sums(root: ET.Element) -> None:
    suites = {suite.get("name"): suite.attrib for suite in root}
    assert list(suites) == ["sim", "ours", "c-reup", "c-head"]
    sums = {name: suites["c-reup"][name] for name in ("tests", "failures", "errors", "skipped", "timestamp")}
    assert sums == {
        "tests": "8",
        "failures": "1",
        "errors": "2",
        "skipped": "1",
        "timestamp": "2026-01-18T14:02:00",
    }
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("32", "3", "4")


def test_wrong_bytes_are_a_failure_with_the_block_in_ascii(root: ET.Element) -> None:
    found = case(root, "c-reup", "stls-injection")
    assert found.get("classname") == "authup.pop3"
    failure = child(found, "failure")
    assert failure.get("message") == (
        "AUTHUP-TLS-6 line 19: wrong: expected -ERR authup USER first␍␊, got +OK ␍␊"
    )
    body = failure.text or ""
    assert "got       +OK ␍␊" in body
    assert all(character.isascii() or character in "␍␊␉␀␡" for character in body)
    assert (child(found, "system-out").text or "").startswith("conformance/scenarios/stls-injection.talk:19")


@pytest.mark.parametrize(
    ("target", "name", "kind"),
    [
        ("c-reup", "data-end-split", "CRASH"),
        ("c-head", "ehlo-without-auth", "SPIN"),
        ("ours", "look-alikes#3", "harness-error"),
    ],
)
def test_worse_things_are_errors(root: ET.Element, target: str, name: str, kind: str) -> None:
    assert child(case(root, target, name), "error").get("type") == kind


def test_variations_are_folded_into_their_case(root: ET.Element) -> None:
    found = case(root, "c-reup", "ehlo-without-auth")
    lines = (child(found, "system-out").text or "").split("\n")
    assert lines[1] == "2 of 22 variations pass"
    assert lines[2] == "SPIN: conform replay ehlo-without-auth@c-reup:cuts=13:1"
    assert "the same for cuts 13:1...13:20 (20 runs, one cause)" in (child(found, "error").text or "")


def test_known_and_skipped(root: ET.Element) -> None:
    known = child(case(root, "c-head", "stls-injection"), "skipped")
    assert known.get("message") == "known (security): POP3 keeps bytes buffered before the handshake"
    skipped = child(case(root, "c-reup", "root-password-guessed"), "skipped")
    assert skipped.get("message") == "takes 5 s of real time"


def test_what_is_fixed_stands_in_its_suite(root: ET.Element) -> None:
    told = {suite.get("name"): suite.findtext("system-out") for suite in root}
    words = "no longer as known: data-end-split (FIX-30): C: <x>"
    assert told == {"sim": None, "ours": None, "c-reup": None, "c-head": words}


def test_hostile_bytes_are_only_text(root: ET.Element) -> None:
    failure = child(case(root, "ours", "look-alikes#2"), "failure")
    assert "<script>alert(1)</script>\\xff␍␊" in (failure.text or "")
    assert len(failure) == 0
    assert "\\x1b[31m" in (child(case(root, "ours", "look-alikes#3"), "error").text or "")


def test_the_schema_refuses_what_jenkins_refuses(report: Report, tmp_path: Path) -> None:
    path = tmp_path / "junit.xml"
    junit.write(report, path)
    schema = xmlschema.XMLSchema(SCHEMA)
    for good, bad in ((' classname="', ' file="'), (' errors="', ' mistakes="'), (' message="', ' text="')):
        path.write_text(path.read_text().replace(good, bad, 1))
        assert not schema.is_valid(path)
        junit.write(report, path)
