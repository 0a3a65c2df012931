"""Random sessions in the machine: no traceback, twice the same outcome, and a scenario that passes."""

import tempfile
from collections.abc import Sequence
from contextlib import chdir

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conformance import rules
from conformance.debugging.commands_keeping import recording
from conformance.debugging.debugger import Debugger
from conformance.debugging.words import COMMANDS
from conformance.format import lint
from conformance.format.talk_parser import parse
from conformance.playing.verdicts import Verdict
from conformance.recording.as_talk import talk_text
from tests.conformance.debugging.driving import INTERRUPT, LOGIN, debug
from tests.conformance.recording import watched

CATALOGUE = rules.read()
STARTS_PROCESSES = {"save", "diff"}
VERBS = (
    "EHLO x|NOOP|STARTTLS|MAIL FROM:<a@b>|RCPT TO:<c@d>|DATA|.|..x|QUIT|AUTH LOGIN|{b64:alice}|{b64:secret}"
)
LINES = st.sampled_from(
    [*VERBS.split("|"), LOGIN, r"NOOP\|", r"NO\|OP\nRSET\n" + "\\", "", "::x", r"\0\xff\r"]
)
SOME = "inner tls checkpassword client on off 1 2 5s 1200s 0 S: 2* KILL TERM authup NOOP 25 +"
WORDS = st.sampled_from(SOME.split())
STEPS = st.one_of(
    LINES,
    LINES,
    st.sampled_from(
        [f":{event}" for event in ("eof", "hangup", "reset", "stall", "resume", "accept", "reject", "hang")]
    ),
    st.sampled_from(
        [":as inner", ":as client", ":as checkpassword", ":auto", ":exit 0", ":exit 16", ":signal KILL"]
    ),
    st.sampled_from(
        [":wait", ":wait 5s", ":skip 1200s", ":slow 1s NOOP", ":split 1,2 NOOP", ":raw 4e4f", ":tls"]
    ),
    st.sampled_from(
        [":as tls", ":block TLS=1", ":refuse", ":close", ":signal TERM authup", ":signal KILL fixsmtpio"]
    ),
)
SESSIONS = st.lists(STEPS, max_size=8)
ANYTHING = st.one_of(
    STEPS,
    st.just(INTERRUPT),
    st.text(max_size=20),
    st.builds(
        lambda name, words: f":{name} {' '.join(words)}",
        st.sampled_from(sorted(COMMANDS.keys() - STARTS_PROCESSES - {"cast"})),
        st.lists(WORDS | st.text(max_size=5), max_size=3),
    ),
)
ARGS = st.sampled_from([[], ["--tls"], ["--pop3"], ["--pop3", "--tls"], ["--run", "{fixsmtpio} {ofmipd}"]])
few = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def test_nothing_that_is_typed_gives_a_traceback() -> None:
    @settings(few, max_examples=150)
    @given(st.lists(ANYTHING, max_size=12), ARGS)
    def check(lines: list[str], args: Sequence[str]) -> None:
        assert debug(lines, args).code == 0

    with tempfile.TemporaryDirectory() as directory, chdir(directory):
        check()


@settings(few, max_examples=100)
@given(SESSIONS, st.integers(1, 4), ARGS, st.integers(0, 3))
def test_going_back_leads_to_the_same(lines: list[str], back: int, args: Sequence[str], seed: int) -> None:
    seen = []

    def look(debugger: Debugger) -> None:
        seen.append((debugger.session.record.lanes(), list(debugger.session.steps)))

    def there(debugger: Debugger) -> None:
        session = debugger.session
        if back <= len(session.steps):
            seen.append((session.record.lanes(0, session.marks[-back]), session.steps[:-back]))

    again = [":restart again", ":look", ":there", f":back {back}", ":look"]
    found = debug([*lines, ":look", *again], args, looks={"look": look, "there": there}, seed=seed)
    assert "did not lead to the same" not in found.screen
    assert seen[0] == seen[1]
    if len(seen) == 4:
        assert seen[2] == seen[3]


@settings(few, max_examples=40)
@given(SESSIONS, ARGS)
def test_what_is_saved_is_clean_and_passes(lines: list[str], args: Sequence[str]) -> None:
    texts = []

    def look(debugger: Debugger) -> None:
        texts.append(talk_text(recording(debugger), title="what was typed"))

    debug([*lines, ":look"], args, looks={"look": look})
    (text,) = texts
    assert not lint.lint(text, CATALOGUE), text
    result = watched.play(parse(text, name="saved"))
    assert result.verdict is Verdict.PASS, f"{result.finding}\n{text}"
