"""The rules that were at work for certain, because our own filter went through them."""

from conformance.explaining.answer import Answer

_MOST = 2  # so that there is room for what the scenarios say
_EVENTS = {b"greeting": "FIX-EV-1", b"in_data": "FIX-EV-3", b"timeout": "FIX-EV-4", b"clienteof": "FIX-EV-2"}


def at_work(answer: Answer, *, ruled: bool) -> tuple[str, ...]:
    """Return the rules of the specification behind what the filter did, the most telling ones first.

    `ruled`: control/fixsmtpio has rules.
    """
    if answer.speaker != "fixsmtpio":
        return ()
    found = [answer.rule] if answer.rule else []
    for step in answer.applied:
        response = step.rule.split(b":", 5)[5:]
        if response == [b"&fixsmtpio"] and step.after.startswith(b"235 "):
            found.append("FIX-RULE-4")
        elif response in ([b"&fixsmtpio"], [b"&fixsmtpio_fixup"]):
            found += ["FIX-FIXUP-1"] if step.after != step.before else []
        elif response in ([b"&fixsmtpio_noop"], [b"&nofixsmtpio"]):
            found.append("FIX-RULE-3")
        else:
            found.append("FIX-RULE-2")
    if answer.applied and answer.heard.count(b"\n") != answer.sent.count(b"\n"):
        found.append("FIX-RESP-6")
    if answer.event in _EVENTS:
        found.append(_EVENTS[answer.event])
    if answer.sent == answer.heard and not answer.applied:
        found.append("FIX-RULE-7" if ruled else "FIX-GEN-7")
    return tuple(dict.fromkeys(found))[:_MOST]
