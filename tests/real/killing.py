"""Play the cases of kill_cases.py: a session of real processes, and what breaks it off."""

import os
import re
import signal
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from fakes.checkpassword import hash_password
from tests.real.chains import Chain, Connections, has_pending, is_over
from tests.real.kill_cases import FAULTS, SESSIONS, Case, said
from tests.real.service import serve, tls_site
from tests.real.talker import Talker
from tests.runtime.running import wait_for
from tests.sessions.real_chain import UID, Site

AT_ONCE = 6
PROMISE = 25.0
"""Seconds after which everything is over: ten at most (FIX-EXIT-1), and what a busy machine needs."""

MAIL = b"Subject: long\n\n" + (b"x" * 1000 + b"\n") * 4_000
"""More than all buffers on the way take."""


class Outcome(NamedTuple):
    """What came of a case; see `kill_cases.Right`."""

    heard: tuple[str, ...]
    code: int
    mails: int
    seconds: float


def play_all(cases: Iterable[Case], programs: Path) -> dict[str, Outcome | BaseException]:
    """Play cases, some at once, each as a user of its own; return what came of them, or what went wrong."""
    outcomes: dict[str, Outcome | BaseException] = {}
    with tls_site(programs) as (site, files), ExitStack() as stack:
        site.script("server", 'exec $(cat "$HOME/server")')
        users = add_users(site, list(cases))
        services = {
            name: Connections(stack.enter_context(serve(site, files, SESSIONS[name].chain)))
            for name in {case.session for case in users}
        }
        for connections in services.values():
            stack.callback(connections.close)

        def attempt(case: Case) -> None:
            try:
                outcomes[case.name] = play(case, services[case.session], site.directory / users[case])
            except Exception as trouble:
                outcomes[case.name] = trouble

        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(attempt, users))
    return outcomes


def add_users(site: Site, cases: list[Case]) -> dict[Case, str]:
    """Make a user for each case, with a server and a Maildir; return their names."""
    users = {case: f"u{number:03}" for number, case in enumerate(cases)}
    secret = hash_password(b"secret", b"salt").decode()
    lines = []
    for case, user in users.items():
        home = site.directory / user
        for part in ("tmp", "new", "cur"):
            (home / "Maildir" / part).mkdir(parents=True)
        options = FAULTS[case.how].format(case.event) if case.event else ""
        if is_left_running(case):
            options = "--slow 0.3"  # answers are still to come without a stop
        if case.session == "submission":
            (home / "server").write_text(f"env RELAYCLIENT= ofmipd {options}")
        else:
            (home / "server").write_text(f"pop3d {options} Maildir")
            (home / "Maildir/new/1.mail").write_bytes(
                MAIL if case.point == "retrieving" else b"Subject: kept\n"
            )
        for path in [home, *home.rglob("*")]:
            os.chown(path, UID, UID)
        lines.append(f"{user}:{secret}:{UID}:{UID}:{home}:/bin/sh\n")
    site.users.write_text("".join(lines))
    return users


def play(case: Case, connections: Connections, home: Path) -> Outcome:
    """Play a case; return when no process of its session is left."""
    with Talker(connections.service) as client:
        chain = Chain(SESSIONS[case.session].processes, connections, client.port)
        begin(case, client, home.name)
        with stopped(case, chain, client, home.name):
            since = time.monotonic()
            strike(case, chain, client)
        heard = b""
        if case.how != "RST":
            say_the_rest(case, client, home.name)
            if case.point == "retrieving":
                client.make_room(1_000_000)
            heard = client.hear_all()
    code = chain.ended()
    seconds = time.monotonic() - since
    files = [file for part in ("new", "cur") for file in (home / "Maildir" / part).iterdir()]
    return Outcome(words(heard), code, len(files), seconds)


def say_the_rest(case: Case, client: Talker, user: str) -> None:
    """Say all that is left to say, if somebody may still be there whom no signal overtakes."""
    if case.victim != "client" and case.how not in {"TERM", "KILL-FIN"}:
        done = 0 if case.event else case.place + bool(case.held)
        with suppress(ConnectionError):
            client.send(b"".join(said(step, user) for step in case.steps[done:]))


def begin(case: Case, client: Talker, user: str) -> None:
    """Say what is said before the case's point, and hear all of the answers."""
    if case.point == "retrieving":
        client.make_room(32768)  # so that most of the mail is still to come
    for step in case.steps[: 0 if case.event else case.place]:
        client.send(said(step, user))
        if step.heard == ".":
            client.hear(b"\r\n.\r\n")
        elif step.heard:
            line = client.hear(b"\r\n")
            while line[3:4] == b"-":
                line = client.hear(b"\r\n")
            assert line.startswith(step.heard.encode()), line
    if case.sent is not None:
        client.send(said(case.steps[case.place], user)[: case.sent])


@contextmanager
def stopped(case: Case, chain: Chain, client: Talker, user: str) -> Iterator[None]:
    """Stop the process that is held, and say the step that it will not answer until the block is left."""
    if not case.held:
        yield
        return
    step = said(case.steps[case.place], user)
    if case.place == case.login:
        client.send(step)
        held = chain.wait_for(case.held)
        stop(case, held)
    else:
        held = chain.wait_for(case.held)
        stop(case, held)
        client.send(step)
    try:
        yield
        if case.how == "TERM":  # whoever got it passes it on before anything else happens
            wait_for(lambda: is_over(held) or has_pending(held, signal.SIGTERM))
        elif case.how == "RST" and case.held == "checkpassword":
            wait_for(lambda: is_over(held))  # AUTHUP-CP-7
    finally:
        with suppress(ProcessLookupError):
            os.kill(held, signal.SIGCONT)


def stop(case: Case, held: int) -> None:
    """Stop a process."""
    if not is_left_running(case):
        os.kill(held, signal.SIGSTOP)


def is_left_running(case: Case) -> bool:
    """Say whether a stop would change the outcome.

    Without authup the user's process group is an orphan, and if one of it stands still all get SIGHUP.
    """
    return bool(case.held) and (case.victim, case.how) == ("authup", "KILL")


def strike(case: Case, chain: Chain, client: Talker) -> None:
    """Do what breaks the session off; return when it has happened."""
    if case.event:
        return
    if case.how == "FIN":
        client.half_close()
    elif case.how == "RST":
        client.reset()
    else:
        chain.kill(case.victim, case.how[:4])
        if case.how == "KILL-FIN":
            client.half_close()


def words(heard: bytes) -> tuple[str, ...]:
    """Return the replies in it by their first words, and the dot that ends a mail."""
    found = re.findall(rb"^\d{3} |\+OK|-ERR|^\.(?=\r\n)", heard, re.MULTILINE)
    return tuple(word.decode().strip() for word in found)
