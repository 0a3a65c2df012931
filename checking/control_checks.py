"""What is odd about control files other than control/fixsmtpio."""

import os
import re
from collections.abc import Iterator
from typing import Final

from acceptutils import control, decimal
from checking.files import CAPABILITIES, GREETINGS, SECONDS, ControlFile, Home
from checking.remarks import Place, Remark, quoted, remark
from checking.service import Service

RUN_AS_ROOT: Final = "It may be for root only: run this check as root."
DEFAULTS: Final = {
    "timeoutsmtpd": "1200",
    "timeoutpop3d": "1200",
    "authdelay": "5",
    "logintimeout": "no limit",
    "checkpasswordtimeout": "60",
}
OURS: Final = {
    "smtpcapabilities": {b"AUTH", b"STARTTLS", b"AUTH=LOGIN", b"AUTH=PLAIN"},
    "pop3capabilities": {b"STLS", b"USER"},
}
NEVER: Final = {"smtpcapabilities": {b"CHUNKING", b"BINARYMIME"}, "pop3capabilities": {b"SASL"}}
_HOST: Final = re.compile(rb"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+\.?")


def check(home: Home, service: Service) -> Iterator[Remark]:
    """Yield what is odd about these files, as far as the service reads them."""
    used = [home.files[name] for name in (*GREETINGS, *SECONDS, *CAPABILITIES) if service.reads(name)]
    for file in used:
        if file.trouble is not None:
            yield remark(
                "unreadable",
                file.at(),
                f"It cannot be read: {file.trouble}. Then no session is served.",
                RUN_AS_ROOT if os.geteuid() else "A file that is not wanted must not be there at all.",
            )
        elif file.content is not None:
            yield from _bytes(file)
            if file.name in GREETINGS:
                yield from _greeting(file)
            elif file.name in SECONDS:
                yield from _seconds(file)
            else:
                yield from _capabilities(file)
        elif file.name in CAPABILITIES:
            offered = "PIPELINING and 8BITMIME" if file.name == "smtpcapabilities" else "TOP and UIDL"
            yield remark(
                "default-capabilities", file.at(), f"There is no such file, so {offered} are offered."
            )
    yield from _no_greeting(home, service)
    limit = home.files["logintimeout"]
    if service.logs_in is not False and limit.trouble is None:
        yield from _login_limit(limit)


def _no_greeting(home: Home, service: Service) -> Iterator[Remark]:
    for protocol in service.protocols:
        own = home.files[f"{protocol}greeting"]
        files = (own, home.files["me"])
        if all(file.content is None and file.trouble is None for file in files):
            yield remark(
                "no-greeting",
                own.at(),
                "Neither this file nor control/me exists, so that there is no name to greet with. By "
                f"{protocol.upper()} no session is served.",
                "Write the host name into control/me.",
            )


def _login_limit(file: ControlFile) -> Iterator[Remark]:
    if control.seconds(file.content, 0) == 0:
        yield remark(
            "no-login-limit",
            file.at(),
            "There is no limit for the login as a whole: who sends a byte now and then can stay for months.",
            "300 seconds are plenty.",
        )


def _bytes(file: ControlFile) -> Iterator[Remark]:
    content = file.content or b""
    lines = content.split(b"\n") if file.name in CAPABILITIES else [content.split(b"\n")[0]]
    for number, line in enumerate(lines, start=1):
        odd = re.search(rb"[^\x20-\x7e\t]", line.rstrip(b" \t\r"))
        if odd:
            yield remark(
                "odd-bytes",
                file.at(number),
                f"There is a byte {quoted(odd[0])} in it, which clients get as it is.",
                "Write ASCII without control characters.",
            )
            return  # one remark for a file is enough


def _greeting(file: ControlFile) -> Iterator[Remark]:
    content = file.content or b""
    name = control.first_line(content).split(b"\0")[0]
    place = file.at(1)
    if not name:
        yield remark(
            "empty-greeting",
            place,
            "Its first line is empty, so clients are greeted without a name.",
            "Write the host name; or remove the file, if it is not control/me.",
        )
        return
    if name.startswith(b"#"):
        yield _no_comment(place, name)
    elif name[:1] in {b" ", b"\t"}:
        yield _leading(place)
    elif not _HOST.fullmatch(name.split(b" ")[0]):
        yield remark(
            "not-a-host",
            place,
            f"{quoted(name.split(b' ')[0])} does not look like a full host name, which the first word "
            "should be.",
        )
    if file.name != "pop3greeting" and b"ESMTP" in name.upper().split():
        yield remark(
            "esmtp-twice",
            place,
            f"ESMTP is put behind it: clients are greeted with {quoted(b'220 %b ESMTP' % name)}.",
            "Write the host name only.",
        )
    yield from _one_line(file)


def _one_line(file: ControlFile) -> Iterator[Remark]:
    rest = (file.content or b"").split(b"\n")[1:]
    if any(line.strip() for line in rest):
        yield remark("one-line", file.at(2), "Only the first line counts; this one is not read.")


def _no_comment(place: Place, line: bytes) -> Remark:
    return remark(
        "no-comments",
        place,
        f"In this file # is not special: {quoted(line)} is what counts.",
        "Write comments below the first line, or not at all.",
    )


def _leading(place: Place) -> Remark:
    return remark("leading-blanks", place, "The blanks at its start are not dropped.", "Remove them.")


def _seconds(file: ControlFile) -> Iterator[Remark]:
    content = file.content or b""
    line = control.first_line(content)
    place = file.at(1)
    if line.startswith(b"#"):
        yield _no_comment(place, line)
    elif not re.match(rb"[0-9]", line):
        yield remark(
            "not-a-number",
            place,
            f"{quoted(line)} is no number of seconds, so the default counts: {DEFAULTS[file.name]}.",
            "Write digits; or remove the file.",
        )
    elif not line.isdigit():
        number = control.seconds(content, 0)
        yield remark(
            "not-a-number",
            place,
            f"Only the digits at its start count: {quoted(line)} is {number} seconds.",
            "Write seconds, nothing behind them.",
        )
    elif (decimal.number(line) or 0) > decimal.LARGEST:
        yield remark(
            "not-a-number", place, f"{quoted(line[:40])} is too large and counts as {decimal.LARGEST}."
        )
    yield from _zero(file)
    yield from _one_line(file)


def _zero(file: ControlFile) -> Iterator[Remark]:
    if control.seconds(file.content, 1):
        return
    if file.name in {"timeoutsmtpd", "timeoutpop3d"}:
        yield remark(
            "zero-timeout",
            file.at(1),
            "With 0 seconds every client times out at once, right after the greeting.",
            "1200 is usual.",
        )
    elif file.name == "authdelay":
        yield remark(
            "zero-delay",
            file.at(1),
            "Refused logins are answered at once: passwords can be guessed fast, and by the time it takes "
            "root's password and unknown users are told from others.",
            "Remove the file: 5 seconds then.",
        )


def _capabilities(file: ControlFile) -> Iterator[Remark]:
    lines = control.listed(file.content or b"")
    if not lines:
        yield remark(
            "no-capabilities",
            file.at(),
            "The list is empty, so nothing is offered but what authup can do itself.",
            "Remove the file for the usual ones.",
        )
    for line in lines:
        place = file.at(line.number)
        keyword = line.text.split()[0].upper() if line.text.split() else b""
        if line.text[:1] in {b" ", b"\t"}:
            yield _leading(place)
        if re.match(rb"[0-9]{3}[ -]|\+OK", line.text):
            yield remark(
                "capability-code",
                place,
                f"{quoted(line.text)} has a reply code in front, which authup adds by itself.",
                f"Write {quoted(line.text[4:])}.",
            )
        elif keyword in OURS[file.name] or keyword.startswith(b"AUTH="):
            yield remark(
                "capability-ours",
                place,
                f"authup offers {quoted(keyword)} by itself, where it can do it. From this file it is "
                "offered a second time, and also where it cannot be done.",
                "Remove the line.",
            )
        elif keyword in NEVER[file.name]:
            yield remark(
                "capability-impossible",
                place,
                f"{quoted(keyword)} is promised, but does not work here.",
                "Remove the line.",
            )
