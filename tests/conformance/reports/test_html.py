import base64
import hashlib
import json
import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from conformance.playing.verdicts import Finding, Kind, Moment, Result, Verdict
from conformance.reports import html
from conformance.reports.facts import Case, Report
from tests.conformance.reports import samples
from tests.conformance.reports.browser import dom, needs_browser

HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>\x1b[31m\u2028\u202e"


class Elements(HTMLParser):
    """The elements of a page: tag, attributes, text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None], list[str]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs), []))

    def handle_endtag(self, tag: str) -> None:
        self.found.append((f"/{tag}", {}, []))

    def handle_data(self, data: str) -> None:
        if self.found:
            self.found[-1][2].append(data)

    def all(self, tag: str) -> list[tuple[dict[str, str | None], str]]:
        return [(attributes, "".join(text)) for name, attributes, text in self.found if name == tag]


def hostile(report: Report) -> Report:
    """Everything that comes from outside is an attack."""
    finding = Finding(1, Kind.WRONG, ("FIX-32",), HOSTILE, HOSTILE, HOSTILE)
    record = (
        Moment(0.0, "S", HOSTILE.encode()),
        Moment(0.1, "E", b"\xff\0</script>"),
        Moment(0.2, "c", what=HOSTILE),
    )
    process = {
        "pid": 1,
        "parent": 0,
        "programs": [{"name": HOSTILE, "argv": [HOSTILE], "uid": 0, "env": [HOSTILE]}],
    }
    run = Result(
        "look-alikes#1",
        "sim",
        "base",
        Verdict.FAIL,
        ("FIX-32",),
        (finding,),
        record,
        (process,),
        reason=HOSTILE,
        known=HOSTILE,
        control={HOSTILE: HOSTILE.encode()},
    )
    case = replace(report.cases["look-alikes#1"], title=HOSTILE, text=HOSTILE, why=(HOSTILE,))
    return replace(report, results=[run], cases={**report.cases, case.name: case})


def data_of(page: str) -> dict[str, object]:
    (text,) = [text for attributes, text in Elements(page).all("script") if attributes.get("id") == "data"]
    found: dict[str, object] = json.loads(text)
    return found


def test_one_file_that_needs_nothing_else(report: Report) -> None:
    page = html.page(report)
    elements = Elements(page)
    for _, attributes, _ in elements.found:
        assert not {"src", "srcset", "data", "background"} & set(attributes)
        assert not str(attributes.get("href", "")).startswith(("http", "//"))
    assert not elements.all("link")
    assert "@import" not in page
    assert "url(" not in page


def test_the_policy_lets_only_our_script_and_style_run(report: Report) -> None:
    elements = Elements(html.page(report))
    (policy,) = [a["content"] for a, _ in elements.all("meta") if a.get("http-equiv")]
    scripts = [text for attributes, text in elements.all("script") if "type" not in attributes]
    ((_, style),) = elements.all("style")
    assert len(scripts) == 1
    for text in (scripts[0], style):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in (policy or "")
    assert "default-src 'none'" in (policy or "")
    assert "unsafe" not in (policy or "")


def test_the_script_never_reads_markup(report: Report) -> None:
    page = html.page(report)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", page)


def test_what_is_hostile_is_only_text(report: Report) -> None:
    page = html.page(hostile(report))
    elements = Elements(page)
    assert len(elements.all("script")) == 2
    assert not elements.all("img")
    assert "\x1b" not in page
    assert data_of(page)["cases"]


def test_the_page_can_be_read_without_a_script(report: Report) -> None:
    page = html.page(report)
    words = page[page.index("<noscript>") : page.index("</noscript>")]
    assert "✖ stls-injection" in words
    assert "exit 1" in words


def test_equal_things_are_said_once(report: Report) -> None:
    data = data_of(html.page(report))
    moments = data["moments"]
    assert isinstance(moments, list)
    assert len({json.dumps(moment) for moment in moments}) == len(moments)


def test_the_rows_of_a_table_share_their_text(report: Report) -> None:
    cases = data_of(html.page(report))["cases"]
    assert isinstance(cases, list)
    rows = {case["name"]: case for case in cases}
    assert len(rows["look-alikes#1"]["text"]) == 11
    assert rows["look-alikes#2"]["text"] == {
        "9": r"C: before\r.\r" + "\\",
        "10": r"    c: before\r.\r" + "\\",
    }


def large(scenarios: int) -> Report:
    """Many scenarios on five targets, each with variations, some of them failing."""
    report = Report(sessions=[replace(samples.SESSION, targets={name: {} for name in "abcde"})])
    (talk,) = [talk for talk in samples.talks() if talk.name == "auth-plain-success"]
    for number in range(scenarios):
        name = f"group-{number % 7}/scenario-{number}"
        text = talk.title if hasattr(talk, "title") else ""
        case = replace(
            Case.of(talk), name=name, title=text, text=Case.of(talk).text.replace("alice", f"user{number}")
        )
        report.cases[name] = case
        for target in "abcde":
            record = [
                replace(
                    moment,
                    time=moment.time + number / 1e4,
                    data=moment.data.replace(b"alice", b"u%d" % number),
                )
                for moment in samples.record("auth-plain-success")
            ]
            base = Result(name, target, "base", Verdict.PASS, case.rules, (), tuple(record), samples.TREE)
            report.results.append(base)
            for offset in range(1, 60):
                bad = target == "e" and number % 5 == 0
                verdict = Verdict.FAIL if bad else Verdict.PASS
                finding = (Finding(14, Kind.WRONG, ("FIX-3",), "a", f"b{number}"),) if bad else ()
                kept = tuple(record) if bad and offset < 4 else ()
                run = Result(name, target, f"cuts=14:{offset}", verdict, case.rules, finding, kept)
                report.results.append(run)
    return report


def test_two_hundred_scenarios_on_five_targets_are_below_two_megabytes() -> None:
    assert len(html.page(large(200)).encode()) < 2_000_000


VIEWS = {
    "": "What went wrong",
    "#overview": "7 causes, each shown once",
    "#matrix": "Scenarios × targets",
    "#rules": "11 of 12 rules covered",
    "#rules/AUTHUP-TLS-6": "tls-keep-buffer",
    "#variations": "20 of 20 pass",
    "#bugs": "1 survivor of 3 seeded bugs",
    "#processes": "3 checkpassword(1001) = checknotroot(1001) = fixsmtpio(1001)",
    "#environment": "conform run -t sim -t ours",
    "#case/stls-injection/c-reup/base": "On the time axis",
    "#case/stls-injection/c-reup/base/sim": "on sim",
    "#case/ehlo-without-auth/c-reup/cuts%3D13%3A9": "Of runs with one cause only some are recorded",
    "#case/ehlo-without-auth/sim/cuts%3D13%3A9": "passed, so nothing of it was recorded",
    "#case/nobody/sim": "There is no case nobody on sim",
    "#rules/NOTHING-1": "There is no rule NOTHING-1",
}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("report")
    report = samples.report(directory / "run.jsonl")
    before = replace(report, results=[r for r in report.results if r.case != "data-end-split"])
    return html.write(report, directory / "html", before)


def shown(document: str) -> str:
    """Return the words of what the script made."""
    start = document.index("<header")
    return unescape(re.sub(r"<[^>]*>", "", document[start : document.index("<noscript>")]))


@needs_browser
@pytest.mark.parametrize("place", VIEWS)
def test_each_view_in_a_browser(page: Path, place: str) -> None:
    document = dom(page, place)
    words = re.sub(r"\s+", " ", shown(document))
    assert 'id="broken"' not in document[: document.index("<noscript>")]
    assert VIEWS[place] in words
    assert "nan" not in words.lower().split()
    assert "undefined" not in words


@needs_browser
def test_what_was_not_observed_is_not_kept(page: Path) -> None:
    document = shown(dom(page, "#processes?target=sim"))
    assert "kept" in document
    assert "not observed" in document  # the sample's sim does not observe environments


@needs_browser
@pytest.mark.parametrize("place", ["#overview", "#case/stls-injection/c-head/base"])
def test_a_known_deviation_says_how_severe_it_is(page: Path, place: str) -> None:
    assert "Known (security): POP3 keeps bytes" in shown(dom(page, place))


@needs_browser
def test_a_known_deviation_that_is_gone_is_told(page: Path) -> None:
    words = shown(dom(page, "#overview"))
    assert "Fixed: known deviations that are gone (1)" in words
    assert "★ data-end-splitc-headFIX-30C: <x>the dot # was looked for in each packet" in words


@needs_browser
def test_a_link_carries_the_filters(page: Path) -> None:
    document = shown(dom(page, "#matrix?failed=1&q=tls"))
    assert "stls-injection" in document
    assert "ehlo-without-auth" not in document


@needs_browser
def test_hostile_words_in_a_browser(report: Report, tmp_path: Path) -> None:
    path = html.write(hostile(report), tmp_path)
    for place in ("#overview", "#case/look-alikes%231/sim/base", "#processes", "#matrix"):
        document = dom(path, place)
        assert "<title>owned" not in document
        assert 'id="broken"' not in document[: document.index("<noscript>")]
        assert "<img" not in document


KEYS = """
<script>
const press = (key) => document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
const said = [];
location.hash = "#matrix";
setTimeout(() => {
  press("j"); press("j"); said.push(document.querySelector(".selected th").firstChild.textContent);
  press("k"); said.push(document.querySelector(".selected th").firstChild.textContent);
  press("Enter");
  setTimeout(() => {
    said.push(location.hash); press("Escape");
    setTimeout(() => {
      press("f"); said.push(location.hash); press("/"); said.push(document.activeElement.id);
      const result = document.createElement("output");
      result.textContent = "said " + said.join(" | ");
      document.body.append(result);
    }, 50);
  }, 50);
}, 50);
</script>
"""


@needs_browser
def test_keys(page: Path, tmp_path: Path) -> None:
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text(encoding="utf-8"))
    path = tmp_path / "keys.html"
    path.write_text(text.replace("</body>", KEYS + "</body>"), encoding="utf-8")
    said = dom(path).split("<output>said ")[1].split("</output>")[0].split(" | ")
    assert said == [
        "auth-plain-success",
        "stls-injection",
        "#case/stls-injection/c-reup/base",
        "#matrix?failed=1",
        "search",
    ]
