"""Shrinking: written-in variations mean the same, and what is left is a small scenario that still fails."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.format import octets
from conformance.format.talk import Talk
from conformance.format.talk_parser import parse
from conformance.playing.beats import Beat, Send, understand
from conformance.varying.cutting import Cut
from conformance.varying.shrink import CannotReproduce, minimise, shrink
from conformance.varying.variations import BASE, Variation, VariationError, apply, cuts_at, explicit_cuts
from conformance.varying.variations import parse as variation
from conformance.varying.written import source, write_in

SESSION = """\
title: a session
rules: AUTHUP-GEN-6
run: {authup} smtp {checkpassword} {ofmipd}
users: alice secret
users: bob secret
env: A=1

-- control/me --
mail.example.org
-- control/smtpcapabilities --
PIPELINING
8BITMIME
-- talk --
S: 220 mail.example.org ESMTP

# hello
C: EHLO {repeat:3:x}
S: 250-mail.example.org
 |info: 250-else
S: 250 PIPELINING

C: NOOP
C: HELP
# [AUTHUP-GEN-6] in order
S: 250 ok
S: 214 authup home page

+3s
C: QUIT {b64:é}
S: 221 mail.example.org
S! eof
-- processes --
authup
"""
TALK = parse(SESSION, name="session")


def wire(beats: tuple[Beat, ...]) -> list[object]:
    """Return what is played, without the numbers of lines."""
    return [(b.lane, b.what) if isinstance(b, Send) else (b.lane, *b[1:2]) for b in beats]


def meaning(talk: Talk, under: Variation = BASE) -> list[object]:
    return wire(apply(under, understand(talk)))


def test_the_source_of_a_talk_is_its_file() -> None:
    assert source(TALK) == SESSION


@given(st.lists(st.sampled_from(explicit_cuts(variation("bytes"), understand(TALK)))))
def test_cuts_written_in_mean_the_same(cuts: list[Cut]) -> None:
    under = cuts_at(cuts)
    assert meaning(write_in(TALK, under)) == meaning(TALK, under)


@pytest.mark.parametrize("text", ["base", "bytes", "multi=1", "multi=2", "merge=22", "merge=all"])
def test_variations_written_in_mean_the_same(text: str) -> None:
    assert meaning(write_in(TALK, variation(text))) == meaning(TALK, variation(text))


def test_what_a_merged_packet_parted_stays_parted() -> None:
    talk = parse(
        "run: {fixsmtpio} {x}\n-- talk --\nC: A\n    c: A\n    c: B\n    s: 250 a\nC: B\n    s: 250-b\n",
        name="t",
    )
    merged = write_in(talk, variation("merge=7"))
    assert meaning(merged) == meaning(talk, variation("merge=7"))
    assert source(merged).endswith("C: A\nC: B\n    c: A\n    c: B\n    s: 250 a\n\n    s: 250-b\n")


def test_where_the_edges_stand() -> None:
    def written(text: str) -> list[str]:
        section = write_in(TALK, variation(text)).section("talk")
        assert section
        return [line for line in section.lines if r"\|" in line]

    assert written("cuts=17:7") == [r"C: EHLO {repeat:2:x}\|{repeat:1:x}"]
    assert written("cuts=17:8+22:4") == [r"C: EHLO {repeat:3:x}\|", r"C: NOOP\|"]
    assert written("cuts=22:5") == [r"C: NOOP\r\|\n" + "\\"]
    assert written("cuts=22:6+23:1") == [r"C: \|H\|ELP"]
    assert written("cuts=29:6") == [r"C: QUIT w\|6k="]


@pytest.mark.parametrize("text", ["slow=3", "schedule=1", "cuts=1:1"])
def test_what_cannot_be_written_in(text: str) -> None:
    with pytest.raises(VariationError):
        write_in(TALK, variation(text))


@given(st.sets(st.integers(0, 60)), st.integers(0, 60))
def test_minimise_finds_what_is_needed(needed: set[int], count: int) -> None:
    items = list(range(count))
    needed &= set(items)
    assert minimise(items, lambda some: needed <= set(some)) == sorted(needed)


def sent(talk: Talk) -> list[tuple[bytes, tuple[int, ...]]]:
    return [octets.resolve(b.what, {}) for b in understand(talk).beats if isinstance(b, Send)]


def test_a_split_command_line_is_all_that_is_left() -> None:
    def fails(talk: Talk, under: Variation) -> bool:
        beats = apply(under, understand(talk))
        sends = [octets.resolve(b.what, {}) for b in beats if isinstance(b, Send)]
        return any(b"HELP" in data[edge:] and edge for data, edges in sends for edge in edges)

    found = shrink(TALK, variation("bytes"), fails)
    assert source(found.talk) == "\n".join(
        [
            "title: a session",
            "rules: AUTHUP-GEN-6",
            "run: {authup} smtp {checkpassword} {ofmipd}",
            "-- talk --",
            "C: NOOP",
            r"C: \|HELP",
            "",
        ]
    )
    assert found.variation == BASE
    assert found == shrink(TALK, variation("bytes"), fails)


def test_control_lines_users_and_alternatives() -> None:
    def fails(talk: Talk, _under: Variation) -> bool:
        files = understand(talk).files
        return b"8BITMIME" in files.get("control/smtpcapabilities", b"") and bool(
            "bob secret" in talk.all("users") and "250-else" in source(talk)
        )

    found = source(shrink(TALK, BASE, fails).talk)
    assert "control/me" not in found
    assert "-- control/smtpcapabilities --\n8BITMIME\n" in found
    assert "alice" not in found
    assert "S: 250-mail.example.org\n |info: 250-else\n" in found
    assert "processes" not in found


def test_a_schedule_stays_a_variation_unless_the_base_fails_too() -> None:
    assert shrink(TALK, variation("schedule=7"), lambda _t, v: v.number == 7).variation.number == 7
    assert shrink(TALK, variation("schedule=7"), lambda *_: True).variation == BASE


def test_a_merge_becomes_one_packet() -> None:
    def fails(talk: Talk, under: Variation) -> bool:
        sends = [b for b in apply(under, understand(talk)) if isinstance(b, Send)]
        return any(octets.literal(send.what) == b"EHLO xxx\r\nNOOP\r\nHELP\r\n" for send in sends)

    found = shrink(TALK, variation("merge=all"), fails)
    assert source(found.talk).endswith("-- talk --\nC: EHLO {repeat:3:x}\nC: NOOP\nC: HELP\n")


def test_nothing_unparsable_is_ever_asked_and_the_tries_are_bounded() -> None:
    asked = []

    def fails(talk: Talk, under: Variation) -> bool:
        understand(parse(source(talk)))
        asked.append((source(talk), under))
        return len(asked) % 3 == 1

    found = shrink(TALK, BASE, fails, most_tries=25)
    assert found.tries == len(asked) <= 25
    assert len({text for text, _ in asked}) == len(asked)


def test_what_does_not_fail_cannot_be_shrunk() -> None:
    with pytest.raises(CannotReproduce, match="does not fail under bytes"):
        shrink(TALK, variation("bytes"), lambda *_: False)
