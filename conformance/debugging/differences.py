"""What to say when something is not as it was written, or not as it was before."""

from conformance.format import octets
from conformance.playing.scene import Wrong


def from_scenario(file: str, wrong: Wrong) -> tuple[str, list[str]]:
    """Return the headline and the lines of what is not as a scenario has it."""
    finding = wrong.finding
    place = f"{file}:{finding.line}: " if finding.line else ""
    note = f" ({finding.note})" if finding.note else ""
    lines = [f"    expected  {finding.expected}"] if finding.expected else []
    lines += [f"    got       {finding.got}"] if finding.got else []
    return f"{place}{finding.kind}{note} {' '.join(finding.rules)}".rstrip(), lines


def from_before(before: dict[str, bytes], now: dict[str, bytes]) -> list[str]:
    """Return the lines of how two outcomes of one step differ."""
    lines = []
    for lane in sorted(before.keys() | now.keys()):
        one, other = before.get(lane, b""), now.get(lane, b"")
        if one != other:
            lines += [
                f"    {lane} before  {octets.visible(one)}",
                f"    {lane} now     {octets.visible(other)}",
            ]
    return lines
