"""The words of a header that mean something to the stage: whether they can be understood, said by line."""

import errno
import re
import signal
from collections.abc import Iterator
from typing import Final

from conformance.format import octets
from conformance.format.complaint import Remark
from conformance.format.octets import NotationError
from conformance.format.talk import LEVELS, VARIATIONS, Entry, Talk

_ERRNO: Final = f"(?:{'|'.join(sorted(errno.errorcode.values()))})"
_NUMBER: Final = "[0-9]{1,9}"
_SIGNAL: Final = f"(?:{'|'.join(signal.Signals.__members__)})"
_WORDS: Final = {
    "needs": (
        "root reup generation=seed|reup|head virtual-time faults fakes log real",
        re.compile("root|reup|generation=(?:seed|reup|head)|virtual-time|faults|fakes|log|real"),
    ),
    "inherit": (
        (
            "sigchld|sigpipe=ignored blocked=SIG,... fdN=open|/FILE nofile=N umask=N stderr=closed|full"
            " transport=socket|pipes tlsfds=none|socket|pipes"
        ),
        re.compile(
            rf"sig(?:chld|pipe)=ignored|blocked={_SIGNAL}(?:,{_SIGNAL})*|fd[0-9]{{1,4}}=(?:open|/\S+)|nofile={_NUMBER}"
            r"|umask=[0-7]+|stderr=(?:closed|full)|transport=(?:socket|pipes)|tlsfds=(?:none|socket|pipes)"
        ),
    ),
    "fault": (
        "fork|pipe|exec|wait|memory|read|write|tls|bug @K=ERRNO, or read:control/NAME=ERRNO",
        re.compile(
            rf"(?:fork|pipe|exec|wait|memory|read|write|tls|bug)@[1-9][0-9]{{,8}}(?:={_ERRNO})?|read:[^=\s]+={_ERRNO}"
        ),
    ),
    "run": ("words, and in braces base names", re.compile(r"[^{}]*|\{(?!\.)[^{}/]*\}")),
    "vary": ("none " + " ".join(VARIATIONS), re.compile("|".join(["none", *VARIATIONS]))),
    "level": (" ".join(LEVELS), re.compile("|".join(LEVELS))),
}
_WHOLE: Final = {
    "as": (
        "root, a UID, or uid=1001 euid=0",
        re.compile(rf"root|{_NUMBER}|e?uid={_NUMBER}(?:\s+e?uid={_NUMBER})*"),
    ),
    "users": (
        "name password, then uid= gid= home= shell=",
        re.compile(rf"\S+ +\S+(?: +(?:[ug]id={_NUMBER}|(?:home|shell)=\S+))*"),
    ),
    "env": ("NAME=VALUE", re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*")),
    "slow": ("seconds", re.compile(r"[0-9]+(?:\.[0-9]+)?")),
}


def check(case: Talk) -> Iterator[Remark]:
    """Tell what of a header nobody would understand."""
    names: set[str] = set()
    for entry in case.header:
        yield from _check_words(entry)
        yield from _check_whole(entry)
        if entry.key == "users" and (name := entry.value.partition(" ")[0]) in names:
            yield Remark(entry.line, f"users: expected {name} once")
        elif entry.key == "users":
            names.add(name)
        for word in entry.value.split() if entry.key == "inherit" else ():
            file = word.partition("=")[2]
            if file.startswith("/") and case.section(file) is None:
                yield Remark(entry.line, f"inherit: {word}: expected a section -- {file} --")


def _check_words(entry: Entry) -> Iterator[Remark]:
    if entry.key not in _WORDS:
        return
    expected, pattern = _WORDS[entry.key]
    separated = entry.value.replace(",", " ") if entry.key in ("needs", "vary") else entry.value
    for word in separated.split():
        if not pattern.fullmatch(word):
            yield Remark(entry.line, f"{entry.key}: {word}: expected {expected}")


def _check_whole(entry: Entry) -> Iterator[Remark]:
    if entry.key not in _WHOLE:
        return
    expected, pattern = _WHOLE[entry.key]
    if not pattern.fullmatch(entry.value):
        yield Remark(entry.line, f"{entry.key}: expected {expected}")
    if entry.key in ("users", "env"):
        try:
            octets.literal(octets.parse(entry.value))
        except NotationError as error:
            yield Remark(entry.line, f"{entry.key}: {error}")
