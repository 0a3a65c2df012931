"""What is typed, as something to send: lines in the notation of a talk, in one packet or in several."""

from collections.abc import Mapping, Sequence

from conformance.debugging.session import CannotError
from conformance.debugging.steps import Act
from conformance.format import octets
from conformance.format.octets import Edge, Octets
from conformance.playing.beats import ENDINGS, Send


def sent(lane: str, lines: Sequence[str], files: Mapping[str, bytes]) -> Act:
    """Return the step that sends lines as one packet. Raises NotationError."""
    ending = ENDINGS.get(lane, b"\r\n")
    return packet(lane, octets.join([octets.parse(line, ending, files) for line in lines]))


def packet(lane: str, what: Octets, pause: float = 0.0) -> Act:
    """Return the step that sends octets, in packets where they have edges."""
    return Act(Send(lane, what, 0, ((0, 0),), pause))


def split(what: Octets, places: Sequence[int]) -> Octets:
    """Return octets with packet edges behind so many bytes. Raises CannotError."""
    data, edges = octets.resolve(what, {})
    inside = sorted({*places, *edges} - {0})
    if any(place >= len(data) for place in inside):
        raise CannotError(f"expected places below {len(data)}, the length of the line with its ending")
    parts: list[bytes | Edge] = []
    for start, end in zip([0, *inside], [*inside, len(data)], strict=True):
        parts += [data[start:end], Edge()]
    return tuple(parts[:-1])
