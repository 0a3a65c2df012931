"""What must hold in every run, whatever the scenario says, with the numbers that reports name.

Three of the twelve are looked at elsewhere: 3 (nothing outlives the chain) by closing.py, 4 (nobody
spins) and 5 (nobody crashes) by judging.py. The others read the record of a run.
"""

import base64
import re
from collections.abc import Callable, Collection, Iterator, Sequence

from conformance.playing.calls import users
from conformance.playing.seen import (
    Seen,
    before_login,
    carried,
    finding,
    heard_by_servers,
    is_cut_off,
    moments_before_login,
    programs,
    protocol,
)
from conformance.playing.verdicts import Finding

FIELDS = 3  # of a record for checkpassword: user, password, timestamp
SHORTEST_SECRET = 5  # bytes; a shorter one stands in many a word
_SMTP_LINE = re.compile(rb"[2-5][0-9]{2}[ -][^\r\n\0]*\r\n")
_OWN_PREPENDS = (re.compile(rb"NOOP fixsmtpio "), re.compile(rb"NOOP fixsmtpio [A-Z]+ [A-Z]+ "))
DOCUMENTED = {
    "authup": {0, 1, 12},
    "fixsmtpio": {0, 1, 14, 15, 16, 18, 111},
    "checknotroot": {0, 1, 111},
}


def broken(seen: Seen) -> list[Finding]:
    """Return what does not hold, in the order of the numbers."""
    return [found for check in CHECKS for found in check(seen)]


def passwords_stay_secret(seen: Seen) -> Iterator[Finding]:
    """1: no password, nor its base64, is in a log line, an argument or the environment."""
    names = set(users(seen.score.talk))
    secrets = {user.password for user in users(seen.score.talk).values()}
    secrets |= set(carried(seen, "fd3").split(b"\0")[1::FIELDS])
    secrets = {secret for secret in secrets if len(secret) >= SHORTEST_SECRET and secret not in names}
    encoded = {_in_base64(secret, before) for secret in secrets for before in range(3)}
    places = [("the log", carried(seen, "E"))]
    for program in programs(seen):
        places.append((f"an argument of {program.name}", b"\0".join(program.argv)))
        places.append((f"the environment of {program.name}", b"\0".join((program.env or {}).values())))
    for place, data in places:
        for secret in secrets | encoded:
            if secret in data:
                yield finding(1, f"a password is in {place}", "AUTHUP-CP-2")


def descriptors_do_not_leak(seen: Seen) -> Iterator[Finding]:
    """2: what authup or fixsmtpio starts has descriptors 0, 1, 2, checkpassword 3 too, and no others."""
    behind = False
    allowed = {word.strip("{}"): False for word in seen.opening.chain}
    for word in seen.opening.chain:
        allowed[word.strip("{}")] = behind
        behind = behind or word in ("{authup}", "{fixsmtpio}")
    if b"NOFIXSMTPIO" in seen.opening.env:
        return
    for program in programs(seen):
        if not allowed.get(program.name) or program.fds is None:
            continue
        extra = program.fds - {0, 1, 2} - ({3} if program.name == "checkpassword" else set())
        if extra:
            numbers = ", ".join(map(str, sorted(extra)))
            yield finding(2, f"{program.name} was started with descriptor {numbers}", "BASE-7")


def replies_are_replies(seen: Seen) -> Iterator[Finding]:
    """6: what authup says in SMTP before a login are reply lines of at most 512 bytes, rightly continued."""
    if protocol(seen) != "smtp":
        return
    for lane in ("S", "ST"):
        code, continued = b"", False
        for line in before_login(seen, lane).splitlines(keepends=True):
            if not _SMTP_LINE.fullmatch(line) or len(line) > 512:
                yield finding(6, f"no reply line: {line[:80]!r}", "AUTHUP-SMTP-2")
                return
            if continued and line[:3] != code:
                yield finding(6, f"one reply with two codes: {line[:80]!r}", "AUTHUP-SMTP-2")
            code, continued = line[:3], line[3:4] == b"-"
        if continued and not is_cut_off(seen):
            yield finding(6, "a reply has no last line", "AUTHUP-SMTP-2")


def replies_are_asked_for(seen: Seen) -> Iterator[Finding]:
    """7: authup gives no reply unasked but the greeting, and one last word (alarm, read, control, signal).

    A reply counts when its last line is there, a request when we begin to send it.
    """
    speaks = protocol(seen)
    if speaks is None:
        return
    for heard, said in (("C", "S"), ("CT", "ST")):
        asked = lines = replies = 0
        rest, listing = b"", False
        for moment in moments_before_login(seen):
            if moment.lane == heard:
                asked, lines = asked + len(moment.data), lines + moment.data.count(b"\n")
            if moment.lane != said:
                continue
            *whole, rest = (rest + moment.data).split(b"\n")
            for line in whole:
                replies += line[3:4] != b"-" if speaks == "smtp" else not listing
                listing = _is_in_list(line.rstrip(b"\r"), listing=listing)
            if replies > lines + (2 if said == "S" else 1) + asked // 12288:
                yield finding(7, f"{replies} replies to {lines} lines", "AUTHUP-GEN-6")
                return


def lists_end_with_a_dot(seen: Seen) -> Iterator[Finding]:
    """8: a POP3 capability list ends in a line with a dot, and no line in it begins with one."""
    if protocol(seen) != "pop3":
        return
    for lane in ("S", "ST"):
        listing = False
        for line in before_login(seen, lane).splitlines():
            if listing and line.startswith((b"+OK", b"-ERR")):
                yield finding(8, "a capability list has no end", "AUTHUP-POP3-6")
                return
            if listing and line.startswith(b".") and line != b"." and not line.startswith(b".."):
                yield finding(8, f"a line of a list begins with a dot: {line[:80]!r}", "AUTHUP-POP3-6")
            listing = _is_in_list(line, listing=listing)
        if listing and not is_cut_off(seen):
            yield finding(8, "a capability list has no end", "AUTHUP-POP3-6")


def plaintext_ends_at_the_handshake(seen: Seen) -> Iterator[Finding]:
    """9: nothing leaves in plaintext once TLS was ordered and something was said inside it.

    Where it was not ordered, what we say there went to a program that knows nothing of TLS.
    """
    ordered, begun = "ucspitlsd" in seen.opening.chain, False
    for moment in seen.record:
        if moment.lane == "T" and moment.data:
            ordered = True
        elif ordered and moment.lane in ("CT", "ST") and moment.data:
            begun = True
        elif begun and moment.lane == "S" and moment.data:
            yield finding(9, f"plaintext after the handshake: {moment.data[:80]!r}", "AUTHUP-TLS-3")
            return


def servers_hear_only_clients(seen: Seen) -> Iterator[Finding]:
    """10: the inner program hears only lines that the client sent, with what rules put in front.

    The last line that it hears may be the beginning of one, the line behind a BDAT chunk the end of one.
    """
    sent = carried(seen, "C") + b"\n" + carried(seen, "CT")
    known = {_bare(line) for line in sent.split(b"\n")}
    has_chunks = re.search(rb"(?im)^bdat ", sent) is not None
    rules = [rule.split(b":", 5) for rule in seen.score.files.get("control/fixsmtpio", b"").split(b"\n")]
    prepends = {rule[2] for rule in rules if len(rule) > 2} - {b""}
    for heard in heard_by_servers(seen):
        for line in re.findall(rb"[^\n]*\n|[^\n]+", heard):
            texts = [_bare(text) for text in _without(prepends, line.rstrip(b"\n"))]
            if not known.isdisjoint(texts):
                continue
            if not line.endswith(b"\n") and any(sent.startswith(text) for sent in known for text in texts):
                continue
            if not (has_chunks and any(sent.endswith(text) for sent in known for text in texts)):
                yield finding(10, f"the inner program heard {line[:80]!r}", "FIX-REQ-3")
                return


def _bare(line: bytes) -> bytes:
    return line.strip(b"\r").lstrip(b".")


def _without(prepends: Collection[bytes], line: bytes) -> set[bytes]:
    """Return the line, and all that is left of it when what may be in front is taken away."""
    texts, new = {line}, [line]
    while new:
        text = new.pop()
        lengths = [len(prepend) for prepend in prepends if text.startswith(prepend)]
        lengths += [match.end() for own in _OWN_PREPENDS if (match := own.match(text))]
        left = {text[length:] for length in lengths} - texts
        texts |= left
        new += left
    return texts


def exit_codes_are_documented(seen: Seen) -> Iterator[Finding]:
    """11: each tested program ends with a documented code, a rule's, or that of what it ran."""
    if not all(process.observed_end for process in seen.processes):
        return  # it may be the code of one that was not seen
    codes = [process.ended.code for process in seen.processes if process.ended]
    rules = seen.score.files.get("control/fixsmtpio", b"").split(b"\n")
    others = {int(code) for code in (_exit_code(rule) for rule in rules) if code.isdigit()}
    for process in seen.processes:
        if process.ended is None or process.ended.code is None or process.name not in DOCUMENTED:
            continue
        code = process.ended.code
        if code not in DOCUMENTED[process.name] | others and codes.count(code) < 2:
            yield finding(11, f"{process.name} exited {code}", "AUTHUP-ERR-3")


def refusals_look_alike(seen: Seen) -> Iterator[Finding]:
    """12: refused logins have the same bytes and, in virtual time, come at whole multiples of a delay."""
    if protocol(seen) is None:
        return
    prefix = b"535 " if protocol(seen) == "smtp" else b"-ERR authup authorization failed"
    refusals = set()
    for lane in ("S", "ST"):
        refusals |= {line for line in before_login(seen, lane).splitlines() if line.startswith(prefix)}
    if len(refusals) > 1:
        yield finding(12, f"refusals differ: {sorted(refusals)!r}", "CNR-5")
    if "exact-time" not in seen.observes:
        return
    delays = _delays(seen, prefix)
    shortest = min(delays, default=0)
    if any(delay % shortest if shortest else delay for delay in delays):
        yield finding(12, f"refusals differ in their delay: {sorted(delays)} ms", "CNR-5")


def _delays(seen: Seen, prefix: bytes) -> set[int]:
    """Return how many milliseconds after checkpassword's record refusals came."""
    delays, asked = set(), None
    for moment in seen.record:
        if moment.lane == "fd3":
            asked = moment.time
        elif asked is not None and moment.lane in ("S", "ST") and moment.data.startswith(prefix):
            delays.add(round(1000 * (moment.time - asked)))
            asked = None
    return delays


CHECKS: Sequence[Callable[[Seen], Iterator[Finding]]] = (
    passwords_stay_secret,
    descriptors_do_not_leak,
    replies_are_replies,
    replies_are_asked_for,
    lists_end_with_a_dot,
    plaintext_ends_at_the_handshake,
    servers_hear_only_clients,
    exit_codes_are_documented,
    refusals_look_alike,
)


def _in_base64(secret: bytes, before: int) -> bytes:
    """Return what the secret alone decides of the base64 of a text in which so many bytes stand before it."""
    encoded = base64.b64encode(bytes(before) + secret)
    return encoded[-(-before * 8 // 6) : (before + len(secret)) * 8 // 6]


def _is_in_list(line: bytes, *, listing: bool) -> bool:
    """Say whether the line behind this one belongs to a capability list."""
    return line.startswith(b"+OK capability") or (listing and line != b".")


def _exit_code(rule: bytes) -> str:
    fields = rule.split(b":", 5)
    return fields[4].decode("latin-1") if len(fields) > 4 else ""
