"""What is odd about single rules of control/fixsmtpio."""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher, get_close_matches
from typing import Final

from acceptutils.glob import Glob
from acceptutils.rules import LOGGED_IN, Response
from checking import globs, response_checks
from checking.environment import Environment
from checking.files import ControlFile
from checking.globs import Budget
from checking.remarks import Place, Remark, quoted, remark, shown
from checking.ruleset import Line, Ruleset
from checking.words import EVENTS

VERBS: Final = {
    *(b"auth", b"bdat", b"data", b"ehlo", b"etrn", b"expn", b"helo", b"help", b"mail", b"noop", b"quit"),
    *(b"rcpt", b"rset", b"saml", b"send", b"soml", b"starttls", b"turn", b"atrn", b"vrfy", b"xclient"),
}
ENDING_RISKY: Final = {1, 2, 111}
CAPABILITIES: Final = {
    *(b"AUTH", b"STARTTLS", b"SIZE", b"PIPELINING", b"8BITMIME", b"DSN", b"CHUNKING", b"BINARYMIME", b"HELP"),
    *(b"ETRN", b"VRFY", b"EXPN", b"SMTPUTF8", b"ENHANCEDSTATUSCODES", b"XCLIENT", b"DELIVERBY"),
}
NO_REGULAR_EXPRESSION: Final = "Globs are not regular expressions: `*` stands for any text, `?` for one byte."
_REGULAR_EXPRESSION: Final = re.compile(rb"^\^|\$$|\.[*+]|\]\+|\(.*\|.*\)|\{[0-9,]+\}|\\[dswDSWb]")
_KEYWORD: Final = re.compile(rb".{4}([A-Za-z0-9]+)")
MOST_FOR_A_GUESS: Final = 2000  # steps: what it takes to look for a similar word, roughly


def bad_lines(file: ControlFile, ruleset: Ruleset) -> Iterator[Remark]:
    """Yield a remark for each line that rejects the file; one for a file of another encoding."""
    wide = ruleset.bad and ruleset.bad[0].text.startswith(response_checks.UTF_16)
    for bad in ruleset.bad[: 1 if wide else None]:
        yield remark(
            "bad-rule",
            file.at(bad.number),
            f"{quoted(bad.text)} is no rule: {bad.reason}. Because of it no session is served at all.",
            response_checks.no_rule(bad),
        )


def single(file: ControlFile, line: Line, environment: Environment, budget: Budget) -> Iterator[Remark]:
    """Yield what is odd about one rule. Raises globs.TooComplicated."""
    place = file.at(line.number)
    yield from _env(place, line, environment, budget)
    yield from _event(place, line, budget)
    if line.rule.event == b"clienteof":
        yield from _clienteof(place, line)
    else:
        yield from _glob(place, line, budget)
        yield from response_checks.check(place, line)
    if environment.logs_in is not False:
        yield from _refusal_code(place, line)
    yield from _exit_code(place, line)


def _env(place: Place, line: Line, environment: Environment, budget: Budget) -> Iterator[Remark]:
    env = line.rule.env
    if not env:
        return
    reason = environment.why_never(env)
    if reason is not None:
        yield remark("never-applies", place, f"This rule never applies: {reason}", _env_advice(env, budget))
    elif not environment.may_have(env):
        yield remark(
            "env-not-set",
            place,
            f"Nothing that is seen here sets {shown(env)}. The rule applies only where whoever starts the "
            "service does.",
            _env_advice(env, budget),
        )


def _env_advice(env: bytes, budget: Budget) -> str:
    close = _close(env.decode("latin-1").upper(), ["AUTHUP_USER", "FIXSMTPIOTLS"], budget)
    if close and close[0].encode() != env:
        return f"Is {close[0]} meant?"
    return "AUTHUP_USER stands for sessions after a login; an empty first field for all sessions."


def _event(place: Place, line: Line, budget: Budget) -> Iterator[Remark]:
    event = line.rule.event
    words = f"the event {quoted(event)}"
    if re.search(rb"[^ ][ ]|\0|\r", event):
        yield remark(
            "never-applies",
            place,
            f"This rule never applies: {words} has a blank or a control character in it, and no verb has.",
            "Blanks count in rules; write none around the colons.",
        )
    elif event not in VERBS and event not in EVENTS:
        close = _close(event.decode("latin-1").strip(), [name.decode() for name in (*VERBS, *EVENTS)], budget)
        meant = " or ".join(close)
        yield remark(
            "unknown-event",
            place,
            f"This rule waits for clients that say {quoted(event.upper())}: {words} is neither a verb of "
            "SMTP nor one of greeting, clienteof, timeout and in_data.",
            f"Is {meant} meant?" if close else "Events are the first word of what a client says.",
        )


def _close(word: str, known: list[str], budget: Budget) -> list[str]:
    """Return the known words that this one is most like, none or up to two."""
    budget.spend(MOST_FOR_A_GUESS)
    word = word[:40].replace("_", "").replace("-", "").lower()
    plain = {name.replace("_", "").lower(): name for name in known}
    found = get_close_matches(word, plain, n=2, cutoff=0.7)
    likeness = [SequenceMatcher(None, name, word).ratio() for name in found]
    return [plain[name] for name, like in zip(found, likeness, strict=True) if like == likeness[0]]


def _clienteof(place: Place, line: Line) -> Iterator[Remark]:
    if not Glob(line.rule.glob.pattern).matches(b""):
        yield remark(
            "never-applies",
            place,
            f"This rule never applies: at clienteof there is no line, and {quoted(line.rule.glob.pattern)} "
            "does not fit nothing.",
            "Write the glob `*`.",
        )
    elif line.rule.exit_code is None:
        yield remark("never-applies", place, "This rule does nothing: at clienteof only an exit code counts.")


def _glob(place: Place, line: Line, budget: Budget) -> Iterator[Remark]:
    rule, glob = line.rule, line.rule.glob.pattern
    acts = rule.response is not Response.KEEP or rule.exit_code is not None
    if not acts:
        return
    if escape := re.search(rb"\\([rnt0])", glob):
        yield remark(
            "glob-escape",
            place,
            rf"In a glob `\{escape[1].decode()}` is the letter {escape[1].decode()}, no control character.",
            "Lines are tried with and without their CR LF: leave it away.",
        )
    if globs.example(glob, budget) is None:
        yield remark(
            "never-applies",
            place,
            f"This rule never changes a reply: {quoted(glob)} fits no line that begins with three digits "
            "and a blank or `-`.",
            _as_globs_are(glob),
        )
        return
    if looks := _REGULAR_EXPRESSION.search(glob):
        yield remark(
            "regular-expression",
            place,
            f"{quoted(looks[0])} in {quoted(glob)} looks like part of a regular expression. In a glob it "
            f"fits a line such as {quoted(globs.example(glob, budget) or b'')}.",
            NO_REGULAR_EXPRESSION,
        )
    if globs.example(glob, budget, among=b"?????*") is None:
        yield remark(
            "only-bare-codes",
            place,
            f"{quoted(glob)} fits a reply such as {quoted(globs.example(glob, budget) or b'')}, and none "
            "that has words behind the code.",
            "End the glob with `*`.",
        )
    elif (found := globs.only_by_its_ending(glob, budget)) is not None:
        yield _line_ending(place, glob, found)
    if rule.event == b"ehlo":
        yield from _capability(place, glob)


def _as_globs_are(glob: bytes) -> str:
    if _REGULAR_EXPRESSION.search(glob):
        return NO_REGULAR_EXPRESSION
    return "A glob must fit the whole line: begin it with a code or `*`, end it with `*` if text follows."


def _line_ending(place: Place, glob: bytes, found: bytes) -> Remark:
    if glob.endswith(b"?"):
        return remark(
            "line-ending",
            place,
            f"The end of {quoted(glob)} can stand for the CR LF of a line, so that it fits {quoted(found)}, "
            f"or for text: {quoted(found + b'xx')} is fitted too.",
            "Lines are tried with and without CR LF: leave the last two `?` away, or write `*` for any text.",
        )
    return remark(
        "line-ending",
        place,
        f"{quoted(glob)} fits {quoted(found)}, but only because its end stands for the CR LF of the line.",
        "Lines are tried with and without CR LF, so nothing can be excluded at their end.",
    )


def _capability(place: Place, glob: bytes) -> Iterator[Remark]:
    found = _KEYWORD.match(glob)
    if found and not found[1].isupper() and found[1].upper() in CAPABILITIES:
        yield remark(
            "glob-case",
            place,
            f"{quoted(glob)} does not fit {quoted(found[1].upper())}: case counts, and servers write "
            "capabilities in capitals.",
            f"Write {quoted(found[1].upper())}.",
        )


def _refusal_code(place: Place, line: Line) -> Iterator[Remark]:
    rule = line.rule
    if rule.env in {b"", LOGGED_IN} and rule.exit_code in ENDING_RISKY:
        yield remark(
            "exit-code",
            place,
            f"Where authup cannot see that a login happened, exit code {rule.exit_code} is a refused one to "
            "it.",
            "Choose another number, such as 14 or 15.",
        )


def _exit_code(place: Place, line: Line) -> Iterator[Remark]:
    rule = line.rule
    if rule.exit_code is None:
        return
    usual = {b"greeting": b"220 x ESMTP\r\n", b"ehlo": b"250-x\r\n", b"helo": b"250 x\r\n"}
    usual |= dict.fromkeys((b"mail", b"rcpt", b"rset", b"noop", b"in_data"), b"250 ok\r\n")
    if rule.event in usual and rule.matches(usual[rule.event]):
        yield remark(
            "ends-at-once",
            place,
            f"The session ends when the server says {quoted(usual[rule.event].rstrip())}, as it does when "
            "all is well.",
            "Restrict the glob to codes that are trouble: `4*`, `5*`.",
        )
