"""docs/check.md: its example says what the page says."""

from pathlib import Path

from checking import as_text
from tests.checking.house import HOME_ITSELF, look, make
from tests.examples.documents import DOCS, fences


def test_the_example(tmp_path: Path) -> None:
    written, said = [fence.text for fence in fences((DOCS / "check.md").read_text())]
    found = look(make(tmp_path, {"fixsmtpio": written.encode()}))
    kept = [remark for remark in found.remarks if remark.code not in HOME_ITSELF]
    text = as_text.text(found._replace(remarks=kept, rules=[], programs=[]))
    assert text == f"{said}\nno errors, 3 warnings, no notes.\n"
