"""The HTML report: one file that needs no network, made of page.html, page.css, page*.js and the data.

All data reaches the page as text: JSON in an element that is not run, and the script builds the page from it
without ever reading markup. The policy lets nothing run but that script, by its hash.
"""

import base64
import hashlib
import io
import json
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Final

from conformance.reports.console import Console, Options
from conformance.reports.facts import Report
from conformance.reports.page_data import collect

SCRIPTS: Final = ("page.js", "page_views.js", "page_case.js", "page_start.js")
WIDTH: Final = 120


def write(report: Report, directory: Path, baseline: Report | None = None) -> Path:
    """Write index.html into the directory; return its path."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "index.html"
    path.write_text(page(report, baseline), encoding="utf-8")
    return path


def page(report: Report, baseline: Report | None = None) -> str:
    """Return the page."""
    style = _asset("page.css")
    script = "'use strict';\n(() => {\n" + "".join(map(_asset, SCRIPTS)) + "})();\n"
    policy = (
        "default-src 'none'; base-uri 'none'; form-action 'none'; "
        f"style-src {_source(style)}; script-src {_source(script)}"
    )
    return Template(_asset("page.html")).substitute(
        policy=escape(policy, quote=True),
        style=style,
        script=script,
        data=_embedded(collect(report, baseline)),
        words=escape(_words(report)),
    )


def _embedded(data: object) -> str:
    """Return JSON that no parser of HTML takes for anything else."""
    text = json.dumps(data, separators=(",", ":"))
    return text.replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026")


def _words(report: Report) -> str:
    """Return what the console says, for browsers that run no script."""
    out = io.StringIO()
    Console(Options(color="never", width=WIDTH), out).finish(report)
    return out.getvalue()


def _asset(name: str) -> str:
    return files("conformance.reports").joinpath("page", name).read_text(encoding="utf-8")


def _source(text: str) -> str:
    """Return how a content security policy names this inline text."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
