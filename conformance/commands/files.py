"""conform lint, fmt: the scenario files themselves."""

import argparse
from pathlib import Path

from conformance import rules, selection
from conformance.format import lint as linting
from conformance.format import talk_writer
from conformance.format.complaint import Weight


def lint(args: argparse.Namespace) -> int:
    """Print what is wrong with scenarios; 1 if there is an error."""
    catalogue = rules.read()
    complaints = [
        complaint for file in _files(args.files) for complaint in linting.lint_file(file, catalogue)
    ]
    for complaint in complaints:
        print(complaint)
    return int(any(complaint.weight is Weight.ERROR for complaint in complaints))


def fmt(args: argparse.Namespace) -> int:
    """Write scenarios in the one format; with --check only say which would change."""
    changed = 0
    for file in _files(args.files):
        before = file.read_text(encoding="utf-8")
        after = talk_writer.formatted(before, str(file))
        if after == before:
            continue
        changed += 1
        print(file)
        if not args.check:
            file.write_text(after, encoding="utf-8")
    return int(bool(args.check and changed))


def _files(given: list[Path]) -> list[Path]:
    if not given:
        return sorted(selection.SCENARIOS.rglob("*.talk"))
    return [file for path in given for file in (sorted(path.rglob("*.talk")) if path.is_dir() else [path])]
