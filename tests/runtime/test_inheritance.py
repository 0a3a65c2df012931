"""What our programs inherit must not disturb them, and what they pass on (BASE-6, BASE-7)."""

import json
import resource
import shlex
import signal
from pathlib import Path

import pytest

from tests.runtime.running import AS_ALICE, SHOW_SIGNALS, Probe, environment, needs_root, run, signals
from tests.sessions.real_chain import UID, Site, connect, processes_with
from tests.sessions.transcript import plain

SIGNALS = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD]
PASSWORD = "gehe1m-Ra7e"
CHAIN = "reup -t 2 authup smtp checkpassword checknotroot fixsmtpio ofmipd"
LOGIN = f"AUTH PLAIN {plain('alice', 'secret')}\r\nMAIL FROM:<a@b>\r\nQUIT\r\n".encode()
ANSWERS = b"220 mail.example.org ESMTP\r\n220 ofmipd.local ESMTP\r\n250 ok\r\n221 ofmipd.local\r\n"

CONDITIONS: dict[str, dict[str, object]] = {
    "SIGCHLD ignored": {"ignore": [signal.SIGCHLD]},
    "all signals blocked and ignored": {"block": SIGNALS, "ignore": SIGNALS},
    "200 descriptors": {"open": list(range(3, 203))},
    "20 descriptors at most": {"files": 20},
    "all at once": {
        "block": SIGNALS,
        "ignore": SIGNALS,
        "close": [2],
        "open": list(range(20, 220)),
        "umask": 0o777,
        "files": 20,
    },
}


def odd(condition: dict[str, object], command: str) -> str:
    return f"odd {shlex.quote(json.dumps(condition))} {command}"


# BASE-6


@needs_root
@pytest.mark.parametrize("condition", CONDITIONS)
async def test_a_whole_login_under_odd_conditions(site: Site, condition: str) -> None:
    async with connect(site, odd(CONDITIONS[condition], CHAIN)) as client:
        await client.send(LOGIN)
        assert await client.receive_all() == ANSWERS
        assert await client.exit_code() == 0


@pytest.mark.parametrize(
    ("fds", "code", "log"),
    [
        ([0], 12, [b"protocol smtp"]),
        ([1], 0, [b"protocol smtp", b"attempt for alice", b"succeeded, child completed"]),
        ([0, 1], 12, [b"protocol smtp"]),
    ],
)
def test_standard_input_or_output_closed(site: Site, fds: list[int], code: int, log: list[bytes]) -> None:
    """There is no client, but the session takes its course, and nothing else lands on 0 or 1."""
    probe = Probe(site)
    done = run(site, odd({"close": fds}, f"authup smtp {probe.command}"), sent=LOGIN)
    words = [line.split(b" ", 2)[2].split(b"checkpassword ")[-1] for line in done.log.splitlines()]
    assert (done.code, [word.lstrip(b"0123456789 ") for word in words]) == (code, log)
    if probe.ran:
        assert set(probe.descriptors) == {0, 1, 2, 3}
        assert probe.descriptors[1] == "/dev/null"


def test_everything_closed(site: Site) -> None:
    done = run(site, odd({"close": [0, 1, 2]}, "fixsmtpio sh -c 'echo 220 x; cat; exit 9'"))
    assert (done.code, done.out, done.log) == (9, b"", b"")


def test_reup_waits_although_sigchld_is_ignored(site: Site) -> None:
    done = run(site, odd({"ignore": [signal.SIGCHLD]}, "reup -t 2 sh -c 'exit 7'"))
    assert (done.code, done.log.count(b"/2): exit 7\n")) == (7, 2)


# BASE-7: what children of authup and fixsmtpio get

ODDEST = {"ignore": [*SIGNALS, signal.SIGPIPE, signal.SIGUSR1], "block": [*SIGNALS, 40], "open": [3, 7, 50]}


@pytest.fixture
def start() -> dict[str, str]:
    """An environment that neither sh nor Python has a reason to touch, with things to take out."""
    tls = {"UCSPITLS": "-", "SSLCTLFD": "50", "SSLREADFD": "7", "SSLWRITEFD": "7"}
    return {"PWD": "/", **tls, "DISABLETLS": "", "AUTHUP_USER": "forged", "TCPREMOTEIP": "192.0.2.1"}


def without(env: dict[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in env.items() if name not in names}


TLS_NAMES = ("UCSPITLS", "DISABLETLS", "SSLCTLFD", "SSLREADFD", "SSLWRITEFD")


@pytest.mark.parametrize("program", ["authup smtp", "fixsmtpio"])
def test_children_get_default_signals(site: Site, program: str) -> None:
    """BASE-7."""
    done = run(site, odd(ODDEST, f"{program} {SHOW_SIGNALS}"), sent=LOGIN)
    got = signals(done.out)
    assert (got["Blk"], got["Ign"]) == (set(), set())


@pytest.mark.parametrize("reup", ["", "reup -t 1 "])
def test_what_checkpassword_is_given(site: Site, start: dict[str, str], reup: str) -> None:
    """BASE-7, AUTHUP-CP-1 to -3, REUP-12."""
    probe = Probe(site)
    done = run(
        site,
        odd(ODDEST, f"{reup}authup smtp {probe.command}"),
        sent=b"AUTH PLAIN " + plain("alice", PASSWORD).encode() + b"\r\nfor the child",
        env=start,
    )
    assert done.code == 0, done.log
    assert set(probe.descriptors) == {0, 1, 2, 3}
    assert probe.read("record") == f"alice\0{PASSWORD}\0\0".encode()
    expected = without({**environment(site, start), "AUTHUP_USER": "alice"}, *TLS_NAMES)
    assert probe.environment == ({**expected, "REUP": "1"} if reup else expected)
    assert probe.read("cmdline").split(b"\0")[:2] == [b"sh", b"-c"]
    assert probe.read("cwd") == f"{site.home}\n".encode()
    assert PASSWORD.encode() not in probe.read("environ") + probe.read("cmdline") + done.log


def test_the_record_of_pop3_holds_the_timestamp(site: Site) -> None:
    """AUTHUP-CP-3."""
    probe = Probe(site, "exit", "1")
    done = run(site, f"authup -t 2 pop3 {probe.command}", sent=b"USER alice\r\nPASS  a b \r\nQUIT\r\n")
    timestamp = done.out.split(b"\r\n")[0].removeprefix(b"+OK ")
    assert probe.read("record") == b"alice\0 a b \0" + timestamp + b"\0"
    done = run(site, f"authup -t 1 pop3 {probe.command}", sent=b"USER alice\r\nPASS x\r\n", env={"REUP": "2"})
    assert probe.read("record") == b"alice\0x\0<mail.example.org>\0"


def test_what_the_inner_server_is_given(site: Site, start: dict[str, str]) -> None:
    """BASE-7, FIX-GEN-5, FIX-TLS-1."""
    probe = Probe(site)
    run(site, odd(ODDEST, f"fixsmtpio {probe.command}"), env=start)
    assert set(probe.descriptors) == {0, 1, 2}
    assert probe.environment == without(environment(site, start), *TLS_NAMES)
    assert [target.partition(":")[0] for target in probe.descriptors.values()] == ["pipe"] * 3
    assert probe.read("cwd") == f"{site.home}\n".encode()


@needs_root
async def test_a_password_is_nowhere_to_be_seen(site: Site) -> None:
    """AUTHUP-CP-2: in no argument, environment or log line of any process of the chain."""
    chain = f"reup authup smtp {AS_ALICE} checknotroot fixsmtpio ofmipd"
    async with connect(site, chain, env={"FIXSMTPIODEBUG": ""}) as client:
        mark = "ACCEPTUTILS_TEST=" + environ_of(client.process.pid)["ACCEPTUTILS_TEST"]
        login = f"AUTH PLAIN {plain('alice', PASSWORD)}\r\n".encode()
        await client.send(login)
        await client.receive_until(b"ofmipd.local ESMTP\r\n")
        await client.send(login)
        await client.receive_until(b"502 unimplemented (#5.5.1)\r\n")
        pids = processes_with(mark)
        assert len(pids) == 4
        seen = b"".join(of_process(pid, name) for pid in pids for name in ("cmdline", "environ"))
        await client.send(b"QUIT\r\n")
        await client.receive_all()
    seen += site.log.read_bytes()
    for secret in (PASSWORD, plain("alice", PASSWORD)):
        assert secret.encode() not in seen


def of_process(pid: int, name: str) -> bytes:
    return Path(f"/proc/{pid}/{name}").read_bytes()


def environ_of(pid: int) -> dict[str, str]:
    records = of_process(pid, "environ").decode().split("\0")[:-1]
    return dict(record.split("=", 1) for record in records)


# BASE-7: reup and what only execs pass on all that they have


BECOMING = {
    "reup": "reup -t 1",
    "checknotroot": "checknotroot",
    "NOFIXSMTPIO": "fixsmtpio",
}
PASSED = {"ignore": [*SIGNALS, signal.SIGUSR1], "block": [*SIGNALS, 40], "open": [7, 50], "umask": 0o027}


@needs_root
@pytest.mark.parametrize("runner", BECOMING)
def test_reup_and_what_becomes_another_program_pass_everything_on(site: Site, runner: str) -> None:
    probe = Probe(site)
    env = {
        "PWD": "/usr",
        "NOFIXSMTPIO": "",
        "SSLCTLFD": "7",
        "UCSPITLS": "!",
        "REUP": "5",
        "AUTHUP_USER": "x",
    }
    condition = {**PASSED, "close": [2]}
    done = run(site, odd(condition, f"{BECOMING[runner]} {probe.command}"), env=env, cwd="/usr", as_user=UID)
    assert done.code == 0
    added = {"REUP": "1", "REUPSTATE": probe.environment["REUPSTATE"]} if runner == "reup" else {}
    assert probe.environment == {**environment(site, env), **added}
    memory = {int(added["REUPSTATE"])} if added else set()
    assert set(probe.descriptors) - {2} == {0, 1, 7, 50} | memory  # the probe's sh may reopen 2 for itself
    assert probe.read("umask") == b"0027\n"
    assert probe.read("cwd") == b"/usr\n"


@needs_root
@pytest.mark.parametrize("ignored", [signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD])  # Python hides SIGPIPE
@pytest.mark.parametrize("runner", BECOMING)
def test_signals_pass_as_they_are(site: Site, runner: str, ignored: signal.Signals) -> None:
    condition = {"ignore": [ignored], "block": [*SIGNALS, 40]}
    done = run(
        site, odd(condition, f"{BECOMING[runner]} {SHOW_SIGNALS}"), env={"NOFIXSMTPIO": ""}, as_user=UID
    )
    assert signals(done.out) == {"Blk": {*SIGNALS, 40}, "Ign": {ignored}}


@needs_root
@pytest.mark.parametrize("runner", BECOMING)
def test_a_closed_descriptor_stays_closed(site: Site, runner: str) -> None:
    (site.directory / "out").mkdir(mode=0o777)
    (site.directory / "out").chmod(0o777)
    script = f"cd {site.directory}/out; for fd in 0 1 2; do [ -e /proc/$$/fd/$fd ] && echo $fd >$fd; done; :"
    run(
        site,
        odd({"close": [0, 2]}, f"{BECOMING[runner]} sh -c {shlex.quote(script)}"),
        env={"NOFIXSMTPIO": ""},
        as_user=UID,
    )
    assert sorted(file.name for file in (site.directory / "out").iterdir()) == ["1"]


@needs_root
@pytest.mark.parametrize("runner", ["checknotroot", "NOFIXSMTPIO"])
async def test_becoming_keeps_the_process(site: Site, runner: str) -> None:
    """CNR-1, FIX-GEN-2."""
    chain = f"{AS_ALICE} {BECOMING[runner]} sh -c 'echo $$'"
    async with connect(site, chain, env={"NOFIXSMTPIO": ""}) as client:
        assert await client.receive_all() == b"%d\n" % client.process.pid


@needs_root
@pytest.mark.parametrize("runner", ["checknotroot", "authup"])
@pytest.mark.parametrize("there", ["UNIQUE-ID", "PWD", "LC_ALL"])
def test_nothing_of_the_environment_is_lost_or_added(site: Site, runner: str, there: str) -> None:
    """REUP-2, BASE-7, AUTHUP-CP-2.

    sh would drop what is no name of its own and add PWD; Python adds LC_CTYPE where no locale is set.
    """
    out = site.directory / "out"
    out.touch()
    out.chmod(0o666)
    env = {"PATH": site.path, "QMAILHOME": str(site.home), "PWD": "/", "LC_ALL": "C"}
    if there == "UNIQUE-ID":
        env[there] = "7"
    else:
        del env[there]
    pairs = [f"{name}={value}" for name, value in env.items()]
    start = {**BECOMING, "authup": "authup smtp"}[runner]
    show = ["python3", "-ISc", f"open('{out}', 'wb').write(open('/proc/self/environ', 'rb').read())"]
    user = None if runner == "authup" else UID
    run(site, ["env", "-i", *pairs, *start.split(), *show], sent=LOGIN, as_user=user)
    names = {record.partition("=")[0] for record in out.read_text().split("\0")[:-1]}
    assert names - {"REUP", "REUPSTATE", "AUTHUP_USER"} == set(env)


# Low limits: a word of the error table, not a fault


@pytest.mark.parametrize("files", [11, 12])
def test_few_descriptors_give_a_reply_of_the_table(site: Site, files: int) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    assert hard > 16
    done = run(site, odd({"files": files}, "authup -t 1 smtp sh -c 'exit 1'"), sent=LOGIN)
    if done.out:
        assert done.out.splitlines()[1].startswith((b"535 ", b"454 authup unable to ")), done
    assert b"internal error" not in done.log
