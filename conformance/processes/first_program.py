"""The order by which the house starts a chain's first program, with exactly what the scenario says."""

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from conformance.playing.stage import SUBJECTS, TLS_NUMBERS, Opening, Program
from conformance.processes.messages import Records
from conformance.targets import TargetConfig, Unusable


@dataclass(frozen=True)
class Chain:
    """The words of a chain; `names`: the replaceable ones, `real`: the paths of those that are not played."""

    words: tuple[str, ...]
    names: frozenset[str]
    real: Mapping[str, bytes]


def chain_of(opening: Opening, target: TargetConfig) -> Chain:
    """Return what a chain is made of on a target. Raises Unusable."""
    names = frozenset(word[1:-1] for word in opening.chain if word.startswith("{"))
    words = tuple(word[1:-1] if word.startswith("{") else word for word in opening.chain)
    installed = target.installed
    missing = names & SUBJECTS - installed.keys()
    if missing:
        raise Unusable(f"{target.directory / min(missing)} is missing")
    return Chain(words, names, {name: os.fsencode(installed[name]) for name in names & installed.keys()})


def starting(
    opening: Opening, target: TargetConfig, chain: Chain, directory: Path, numbers: frozenset[int]
) -> Program:
    """Return the first program of a chain as it is to start, in the directory of its run."""
    uid, euid, gid = os.getuid(), os.geteuid(), os.getgid()
    if euid == 0:
        uid = gid = opening.uid
        euid = opening.uid if opening.euid is None else opening.euid
    given = {name: b"%d" % number for name, number in TLS_NUMBERS.items()} if opening.tls else {}
    env = {b"PATH": b"%s:/usr/bin:/bin" % os.fsencode(directory / "bin"), **given, **opening.env}
    if target.isolation == "none" and target.home:
        env[target.home.encode()] = os.fsencode(directory / "qmail")
    inherit = opening.inherit
    return Program(
        name=chain.words[0],
        argv=tuple(os.fsencode(word) for word in chain.words),
        uid=uid,
        euid=euid,
        gid=gid,
        env=env,
        fds=numbers,
        cwd=b"/",
        ignored=frozenset(_signal(word) for word, value in inherit.items() if value == "ignored"),
        blocked=frozenset(_signal(word) for word in inherit.get("blocked", "").split(",") if word),
    )


def order_for(program: Program, chain: Chain, inherit: Mapping[str, str]) -> Records:
    """Return the order to start a program, but for the numbers of its descriptors."""
    env = program.env or {}
    path = chain.real.get(program.name) or _found(program.argv[0], env[b"PATH"])
    order: Records = [("order", b"start"), ("path", path)]
    order += [("argv", word) for word in program.argv]
    order += [("env", name + b"=" + value) for name, value in env.items()]
    ids = (("uid", program.uid), ("euid", program.euid), ("gid", program.gid))
    order += [(key, b"%d" % number) for key, number in ids if number is not None]
    order += [("ignore", b"%d" % number) for number in program.ignored or ()]
    order += [("block", b"%d" % number) for number in program.blocked or ()]
    return order + [(key, inherit[key].encode()) for key in ("umask", "nofile") if key in inherit]


def _signal(name: str) -> int:
    upper = name.upper()
    return int(signal.Signals[upper if upper.startswith("SIG") else f"SIG{upper}"])


def _found(name: bytes, path: bytes) -> bytes:
    """Return the path of a program, as a shell would find it."""
    if b"/" in name:
        return name
    candidates = (directory + b"/" + name for directory in path.split(b":"))
    return next((file for file in candidates if os.access(file, os.X_OK)), name)
