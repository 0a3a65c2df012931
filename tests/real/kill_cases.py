"""What may break off a session, where, and what is right then: the table that test_kill_points.py plays.

A case is a session, a point in it, a victim and how it ends there. The client then says the rest of the
session, whatever happened, and listens to the end.
"""

import os
from base64 import b64encode
from collections.abc import Iterator
from typing import NamedTuple

from tests.real.service import LOGGED_IN


class Step(NamedTuple):
    """What the client says, and what it hears for it; `point` is what the session has then come to.

    With `held` somebody is stopped before the client says it, and the answer is still to come.
    """

    point: str
    said: bytes
    heard: str
    held: str = ""


class Session(NamedTuple):
    """A whole session: a chain, its processes from tcpserver's child on, steps, names of server faults."""

    name: str
    chain: str
    processes: tuple[str, ...]
    steps: tuple[Step, ...]
    events: tuple[tuple[str, str], ...]


HEADER = b"From: <a@example.org>\r\nSubject: once\r\n"
SUBMISSION = (
    Step("greeted", b"", "220"),
    Step("hello", b"EHLO client.example\r\n", "250"),
    Step("mechanism", b"AUTH LOGIN\r\n", "334"),
    Step("user", b"USER", "334"),
    Step("password", b64encode(b"secret") + b"\r\n", "235", "checkpassword"),
    Step("mail", b"MAIL FROM:<a@example.org>\r\n", "250"),
    Step("recipient", b"RCPT TO:<b@example.org>\r\n", "250"),
    Step("data", b"DATA\r\n", "354"),
    Step("message", HEADER + b"\r\n..one dot\r\nlast", ""),
    Step("dot", b" line\r\n.\r\n", "250", "server"),
    Step("quit", b"QUIT\r\n", "221", "server"),
)
POP3 = (
    Step("greeted", b"", "+OK"),
    Step("user", b"USER", "+OK"),
    Step("password", b"PASS secret\r\n", "+OK", "checkpassword"),
    Step("stat", b"STAT\r\n", "+OK"),
    Step("retrieving", b"RETR 1\r\n", "+OK"),
    Step("retrieved", b"", "."),
    Step("deleted", b"DELE 1\r\n", "+OK"),
    Step("quit", b"QUIT\r\n", "+OK", "server"),
)
SESSIONS = {
    session.name: session
    for session in (
        Session(
            "submission",
            f"reup -t 5 authup smtp {LOGGED_IN.rpartition(' ')[0]} server",
            ("reup", "authup", "fixsmtpio", "server"),
            SUBMISSION,
            (
                ("greeting", "password"),
                ("mail", "mail"),
                ("rcpt", "recipient"),
                ("data", "data"),
                ("body", "message"),
                ("in_data", "dot"),
                ("quit", "quit"),
            ),
        ),
        Session(
            "pop3",
            "reup -t 5 authup pop3 checkpassword checknotroot server",
            ("reup", "authup", "server"),
            POP3,
            (
                ("greeting", "password"),
                ("stat", "stat"),
                ("retr", "retrieving"),
                ("dele", "deleted"),
                ("quit", "quit"),
            ),
        ),
    )
}


class Case(NamedTuple):
    """`victim` breaks off, by `how`, when `place` steps of a session are done.

    With `held` the next step was said too, but that process was stopped before; with `sent` the client
    has said so many bytes of the next step. `event` is where a server goes wrong by itself.
    """

    session: str
    point: str
    place: int
    victim: str
    how: str
    held: str = ""
    sent: int | None = None
    event: str = ""

    @property
    def name(self) -> str:
        """What the case is called."""
        cut = "" if self.sent is None else f"+{self.sent}"
        return f"{self.session}-{self.point}{cut}-{self.victim}-{self.how}"

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps of its session."""
        return SESSIONS[self.session].steps

    @property
    def rest(self) -> tuple[str, ...]:
        """What the client still hears if nothing happens to it."""
        return tuple(step.heard for step in self.steps[self.place :] if step.heard)

    @property
    def is_logged_in(self) -> bool:
        """Whether checkpassword has been run."""
        return self.place > self.login or bool(self.held)

    @property
    def login(self) -> int:
        """The step that logs in."""
        return self.step("password")

    def step(self, point: str) -> int:
        """Return the number of the step that leads to a point."""
        return [step.point for step in self.steps].index(point)


FAULTS = {"crash": "--crash {}=KILL", "close": "--close {}", "exit": "--exit-at {}=9"}


TYPICAL_FAULTS = {
    ("greeting", "close"),
    ("in_data", "close"),
    ("in_data", "exit"),
    ("quit", "close"),
    ("retr", "exit"),
}


def cases() -> list[Case]:
    """Return the table: the whole one, which takes minutes, if EVERYWHERE is in the environment."""
    return [case for case in all_cases() if "EVERYWHERE" in os.environ or is_typical(case)]


def all_cases() -> Iterator[Case]:
    """Return the whole table."""
    for session in SESSIONS.values():
        for point, place, held in points(session):
            for victim in victims(session, place, held):
                for how in ("FIN", "RST") if victim == "client" else ("KILL", "TERM"):
                    yield Case(session.name, point, place, victim, how, held)
            if point in {"message", "stat"}:
                for victim in ("reup", "authup"):
                    yield Case(session.name, point, place, victim, "KILL-FIN")
        yield from cuts(session)
        for event, point in session.events:
            place = [step.point for step in session.steps].index(point)
            for how in FAULTS:
                if (event, how) != ("body", "exit"):  # there is no answer to give first
                    yield Case(session.name, event, place, "server", how, event=event)


def points(session: Session) -> Iterator[tuple[str, int, str]]:
    """Return the points of a session, how many steps are done there, and who is stopped."""
    yield "connected", 0, ""
    for place, step in enumerate(session.steps):
        if step.held:
            yield step.point, place, step.held
        if step.held == "checkpassword":
            yield "checknotroot", place, "checknotroot"
        done = {"password": "logged-in", "dot": "answered", "quit": ""}.get(step.point, step.point)
        if done:
            yield done, place + 1, ""


def victims(session: Session, place: int, held: str) -> list[str]:
    """Return who can break off at a point."""
    before_login = [step.point for step in session.steps].index("password") >= place
    if before_login:
        return ["client", "reup", "authup", *([held] if held else [])]
    return ["client", *session.processes]


def cuts(session: Session) -> Iterator[Case]:
    """Return every byte at which the client can leave."""
    for place, step in enumerate(session.steps):
        for sent in range(1, len(said(step, "u000"))):
            for how in ("FIN", "RST"):
                yield Case(session.name, f"in-{step.point}", place, "client", how, sent=sent)


def is_typical(case: Case) -> bool:
    """Say whether a case belongs to the shorter table: of what resembles each other one is in it."""
    if case.sent is not None:
        missing = len(said(case.steps[case.place], "u000")) - case.sent
        return case.how == "FIN" and missing <= (4 if case.point == "in-dot" else case.place > case.login)
    if case.event:
        return (case.event, case.how) in TYPICAL_FAULTS or case.how == "crash"
    if (case.victim, case.how) == ("authup", "TERM"):  # reup passes it on to authup
        return case.point in {"greeted", "password", "message", "retrieving"}
    return case.point not in {"hello", "mechanism", "logged-in", "mail", "answered", "retrieved"}


def said(step: Step, user: str) -> bytes:
    """Return what this user says in this step."""
    if step.said != b"USER":
        return step.said
    return b64encode(user.encode()) + b"\r\n" if step.heard == "334" else f"USER {user}\r\n".encode()


class Right(NamedTuple):
    """What may come of a case: what the client hears from then on, the chain's exit code, mails.

    Mails in the Maildir: those that came by submission, those that are left by POP3.
    """

    heard: tuple[str, ...]
    code: int
    mails: int


def right(case: Case) -> list[Right]:
    """Return what is right for a case; more than one where it depends on who is faster."""
    smtp = case.session == "submission"
    refusal = ("454",) if smtp else ("-ERR",)
    bye = ("421",) if smtp else ("-ERR",)
    now = mails(case)
    if case.event:
        return [_fault(case, refusal)]
    match case.victim, case.how:
        case "reup", "KILL":  # nobody needs it before the next attempt
            goes_on = Right(case.rest, -9, whole(case))
            return [goes_on, Right((), -9, now)] if case.point == "connected" else [goes_on]
        case "authup", "KILL":  # from the login on the session is the user's own
            return [Right(case.rest, 1, whole(case)) if case.is_logged_in else Right((), 1, now)]
        case (("reup" | "authup"), "TERM") if (
            case.point == "connected"
        ):  # none may listen yet; one may have greeted
            return [
                Right(heard, code, now)
                for heard in ((), bye, (case.rest[0], *bye))
                for code in (12, 1, *((-15,) if case.victim == "reup" else ()))
            ]
        case (("reup" | "authup"), "TERM"):
            return [Right(() if case.is_logged_in else bye, 12, now)]
        case _, "KILL-FIN":  # who is left ends, because the client leaves
            return [Right((), -9 if case.victim == "reup" else 1, now)]
        case "fixsmtpio", "TERM":
            return [Right(refusal, 0, now)]
        case "fixsmtpio", "KILL" if case.point == "dot":  # the server may have got it, but nobody says so
            return [Right(refusal, 12, 0), Right(refusal, 12, 1)]
        case "server", _:
            return [Right(refusal, 0 if smtp else 12, now)]
        case "client", "RST":
            return _reset(case)
        case "client", _:
            return [_half_close(case, refusal)]
    return [Right(refusal, 12, now)]


def whole(case: Case) -> int:
    """Return the mails after a whole session."""
    return 1 if case.session == "submission" else 0


def mails(case: Case) -> int:
    """Return the mails if nothing happens from here on."""
    return 1 if case.session == "pop3" or case.place > case.step("dot") else 0


def _reset(case: Case) -> list[Right]:
    """Return what is right for a client that is gone."""
    code = 0 if case.place > case.login or case.held == "checknotroot" else 12
    asked = case.held and case.point in {"dot", "quit"}  # perhaps nobody heard
    return [Right((), code, count) for count in {mails(case), whole(case) if asked else mails(case)}]


def _half_close(case: Case, refusal: tuple[str, ...]) -> Right:
    """Return what is right for a client that says no more: it gets what it has asked for."""
    if not case.is_logged_in:
        return Right((*(case.rest[:1] if case.place == 0 else ()), *refusal), 12, mails(case))
    if case.held:
        asked = case.point in {"dot", "quit"}
        return Right(case.rest[:1], 0, whole(case) if asked else mails(case))
    return Right((".",) if case.point == "retrieving" else (), 0, mails(case))


def _fault(case: Case, refusal: tuple[str, ...]) -> Right:
    """Return what is right for a server that goes wrong at an event, having served all before it."""
    smtp = case.session == "submission"
    before = tuple(step.heard for step in case.steps[: case.place] if step.heard)
    left = whole(case) if case.event in {"in_data", "quit"} else mails(case)  # done, and not yet answered
    if case.how == "crash" or (smtp and (case.event, case.how) == ("greeting", "close")):
        return Right((*before, *refusal), 0 if smtp else 12, left)
    if case.how == "close":
        return Right(before, 0, left)
    return Right((*before, case.steps[case.place].heard, *(["."] if case.event == "retr" else [])), 0, left)
