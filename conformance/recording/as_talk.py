"""From a recording to the text of a scenario: a draft that lints clean and passes on what was seen."""

from collections.abc import Iterator, Sequence
from typing import Final

from conformance.format.lint_header import OUR_FAKES, SLOW
from conformance.format.talk import Entry, Happen, Mark, Note, Say, Section, Step, Talk, in_full
from conformance.format.talk_writer import formatted, write
from conformance.recording import proposing, sections
from conformance.recording.recording import Recording
from conformance.recording.transcript import steps

NOTHING_SAID: Final = Happen("S", "silent 1s", 0)
"""What a talk expects where nothing came at all."""

AT_ONCE: Final = "silent 0.1s"


def talk_text(recording: Recording, *, title: str, rules: Sequence[str] = ()) -> str:
    """Return the text of a scenario, as `conform fmt` has it.

    `rules` are those that a person has in mind; they stand above its first line that must arrive, from
    where they are to be moved. Without any there is one that every such session shows.
    """
    told = steps(recording)
    if not any(proposing.is_expected(step) for step in told):
        told.append(NOTHING_SAID)
    if recording.still:
        told.append(Happen(recording.still, AT_ONCE, 0))
    needs = list(_needs(recording, told))
    chosen = proposing.proposed(rules, recording.chain, told, fakes="fakes" in needs)
    place = next(number for number, step in enumerate(told) if proposing.is_expected(step))
    while place and isinstance(told[place - 1], Mark):
        place -= 1
    told.insert(place, Note(f"# [{' '.join(chosen)}]", tuple(chosen), ordered=False, line=0))
    header = tuple(_header(recording, title, chosen, needs, told))
    spoken = " ".join(entry.value for entry in header)
    parts = [
        *sections.files(recording.files, recording.chain, spoken, fakes="fakes" in needs),
        Section("talk", (), 0),
    ]
    if recording.processes:
        parts.append(sections.process_tree(recording.processes))
    talk = Talk("recording", "<recording>", header, tuple(parts), tuple(told))
    return formatted(write(talk), "<recording>")


def _header(
    recording: Recording, title: str, rules: Sequence[str], needs: Sequence[str], told: Sequence[Step]
) -> Iterator[Entry]:
    waits = sum(step.seconds for step in told if isinstance(step, Mark))
    values = [
        ("title", _words(title)),
        ("rules", " ".join(rules)),
        ("level", "info"),
        ("draft", "recorded; rules above the lines that they are about make it a scenario"),
    ]
    if recording.origin:
        values.append(("why", _words(recording.origin)))
    values += [("#", "# " + _words(comment)) for comment in recording.comments]
    values.append(("run", " ".join(recording.chain)))
    values += [("as", who)] if (who := _who(recording)) else []
    values += [("users", line) for line in recording.users]
    values += [("env", line) for line in recording.env]
    values += [("inherit", line) for line in recording.inherit]
    values += [("fault", line) for line in recording.fault]
    values += [("needs", " ".join(needs))] if needs else []
    values += [
        ("vary", "none"),
        ("#", "  # one session, as it was; without this line its variations are played too"),
    ]
    values += [("slow", in_full(waits))] if waits > SLOW else []
    for key, value in values:
        yield Entry(key, value, 0)


def _words(text: str) -> str:
    """Return what others wrote as words of one line."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split()) or "a recorded session"


def _who(recording: Recording) -> str:
    """Return the value of `as`; "" where it is what a talk without it means."""
    program = (
        recording.processes[0].programs[0]
        if recording.processes and recording.processes[0].programs
        else None
    )
    if program is not None and program.euid not in (None, recording.uid):
        return f"uid={recording.uid} euid={program.euid}"
    usual = 0 if "{authup}" in recording.chain else 1001
    if recording.uid == usual:
        return ""
    return "root" if recording.uid == 0 else str(recording.uid)


def _needs(recording: Recording, told: Sequence[Step]) -> Iterator[str]:
    """Yield what a target must have: words of its own in the log, or our fakes."""
    if any(isinstance(step, Say) and step.gutter == "E" for step in told):
        yield "log"
    if recording.fault:
        yield "faults"
    if OUR_FAKES.intersection(recording.chain):
        yield "fakes"
