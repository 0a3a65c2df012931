"""Hypothesis strategies for scenarios: whatever can stand in a file, in no sensible order."""

from dataclasses import replace

from hypothesis import strategies as st

from conformance.format import octets
from conformance.format.talk import (
    EVENT_GUTTERS,
    EXPECTING,
    SENDING,
    Alternative,
    Entry,
    Gap,
    Happen,
    Mark,
    Note,
    Say,
    Section,
    Step,
    Talk,
)

RULES = st.lists(st.sampled_from(["CTL-1", "AUTHUP-ERR-4", "{rule}"]), max_size=3).map(tuple)
PRINTABLE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x2FF, exclude_categories=["C", "Z"]))
WORDS = st.lists(PRINTABLE.filter(bool), max_size=4).map(" ".join)
TEXTS = st.one_of(
    st.binary(max_size=20).map(lambda data: octets.write(data, ending=b"\r\n")),
    st.sampled_from(["", "  two blanks in front", "{b64:\\0a}", "a\\|b", "{pid:p}{any}", "{column}", "a\\"]),
)


@st.composite
def says(draw: st.DrawFn) -> Say:
    gutter = draw(st.sampled_from([*SENDING, *EXPECTING]))
    alternatives = st.builds(Alternative, st.sampled_from(["non-strict", "info"]), TEXTS, st.just(0))
    found = draw(st.lists(alternatives, max_size=2)) if gutter in EXPECTING else []
    return Say(gutter, draw(TEXTS), 0, tuple(found))


@st.composite
def notes(draw: st.DrawFn) -> Note:
    rules, ordered = draw(RULES), draw(st.booleans())
    named = [*rules, *["ordered"] * ordered]
    inside = f" [{' '.join(named)}]" if named else ""
    words = draw(WORDS.filter(lambda text: not text.startswith("[")))
    return Note(f"#{inside} {words}".rstrip(), rules, ordered, 0)


STEPS = st.one_of(
    says(),
    notes(),
    st.builds(Happen, st.sampled_from(EVENT_GUTTERS), WORDS.filter(bool), st.just(0)),
    st.builds(Mark, st.floats(0, 1e6), st.just(0), st.just("")),
    st.just(Mark(0.0, 0, "delay")),
    st.just(Gap(0)),
)
ENTRIES = st.one_of(
    st.builds(Entry, st.sampled_from(["users", "env", "inherit", "why", "fault"]), WORDS, st.just(0)),
    st.sampled_from([Entry("#", "# comment", 0), Entry("#", " # about the line above", 0), Entry("", "", 0)]),
)
ONCE = st.sets(st.sampled_from(["title", "rules", "run", "level", "vary", "draft"]))
LINES = st.lists(PRINTABLE.filter(lambda text: not text.startswith("--")), max_size=3).map(tuple)
GOT = st.lists(TEXTS.filter(lambda text: not text.startswith(("#", "--"))) | st.just("# [CTL-1] x")).map(
    tuple
)
NAMES = ["control/me", "control/x octets", "a/", "processes", "client received", "ofmipd 2 received"]


@st.composite
def talks(draw: st.DrawFn) -> Talk:
    """Make a scenario without line numbers; the lines of its section talk are left empty."""
    once = [Entry(key, draw(WORDS), 0) for key in sorted(draw(ONCE))]
    names = draw(st.sets(st.sampled_from(NAMES)))
    sections = [Section(n, draw(GOT if n.endswith("received") else LINES), 0) for n in sorted(names)]
    sections.insert(draw(st.integers(0, len(sections))), Section("talk", (), 0))
    steps = draw(st.lists(STEPS, max_size=12))
    header = draw(st.permutations([*once, *draw(st.lists(ENTRIES, max_size=5))]))
    return Talk("talk", "<text>", tuple(header), tuple(sections), tuple(steps))


def without_lines(talk: Talk) -> Talk:
    """Return a scenario as talks() makes them: no line numbers, no empty lines that mean nothing."""
    header = [entry._replace(line=0, value=_comment(entry)) for entry in talk.header]
    return replace(
        talk,
        header=tuple(entry for entry in header if entry.key),
        sections=tuple(
            section._replace(line=0, lines=() if section.name == "talk" else section.lines)
            for section in talk.sections
        ),
        steps=tuple(_tight([_without_line(step) for step in talk.steps])),
    )


def _comment(entry: Entry) -> str:
    """Any indentation of a comment is the same."""
    indented = entry.key == "#" and entry.value.startswith(" ")
    return f" {entry.value.strip()}" if indented else entry.value


def _without_line(step: Step) -> Step:
    if isinstance(step, Say):
        return step._replace(line=0, alternatives=tuple(a._replace(line=0) for a in step.alternatives))
    return step._replace(line=0)


def _tight(steps: list[Step]) -> list[Step]:
    """Return the steps with one gap where there were several, and none at the ends."""
    tight: list[Step] = []
    for step in steps:
        if not isinstance(step, Gap) or (tight and not isinstance(tight[-1], Gap)):
            tight.append(step)
    return tight[:-1] if tight and isinstance(tight[-1], Gap) else tight
