"""conform report: reports from recorded runs."""

import argparse

from conformance.commands.run import options, write_reports
from conformance.reports import console, jsonl


def report(args: argparse.Namespace) -> int:
    """Make what was asked for from recorded runs; without an option, the text."""
    found = jsonl.read(args.files)
    baseline = jsonl.read([args.baseline]) if args.baseline else None
    write_reports(found, args, baseline)
    if not (args.html or args.junit or args.tap):
        console.Console(options(args)).finish(found)
    return found.exit
