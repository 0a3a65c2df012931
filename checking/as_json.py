"""What was found, for scripts: one object, whose keys are told in acceptutils-check(8)."""

import json

from acceptutils import __version__
from checking.checkup import Checkup
from checking.remarks import Remark, Severity


def text(checkup: Checkup, exit_code: int) -> str:
    """Return the object, in ASCII, with a line end."""
    found = {
        "version": __version__,
        "home": str(checkup.home),
        "exit": exit_code,
        "errors": checkup.count(Severity.ERROR),
        "warnings": checkup.count(Severity.WARNING),
        "notes": checkup.count(Severity.NOTE),
        "remarks": [as_object(remark) for remark in checkup.remarks],
        "rules": [{"line": number, "text": words} for number, words in checkup.rules],
        "programs": [{"words": words, "text": does, "user": user} for words, does, user in checkup.programs],
        "transcript": checkup.transcript,
    }
    return json.dumps(found, indent=1) + "\n"


def as_object(remark: Remark) -> dict[str, object]:
    """Return a remark by its keys."""
    return {
        "code": remark.code,
        "severity": remark.severity.name.lower(),
        "file": remark.place.file,
        "line": remark.place.line,
        "text": remark.text,
        "advice": remark.advice,
        "rules": list(remark.rules),
    }
