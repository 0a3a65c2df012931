"""The end of a playing: nothing extra may be left, and the processes were those of the talk."""

import trio

from conformance.format import octets
from conformance.playing import attributes, received
from conformance.playing.beats import Event, Expect
from conformance.playing.cast import Cast
from conformance.playing.scene import Scene, Wrong
from conformance.playing.verdicts import Finding, Kind


async def close(scene: Scene, cast: Cast) -> None:
    """Look at all that is left when the talk is over. Raises Wrong."""
    await scene.stage.settle()
    scene.line = 0
    _check_received(scene, cast)
    _check_streams(scene, cast)
    for puppet in cast.calls.unlisted():
        scene.too_much(f"checkpassword was started once more: {octets.write(bytes(puppet.input.data))}")
    for puppet in cast.unlisted():
        scene.too_much(f"{puppet.program.name} was started and is not in the talk")
    await _leave(scene)
    _check_tree(scene)


def _check_received(scene: Scene, cast: Cast) -> None:
    for section in scene.score.received:
        if section.lane == "S":
            stream = scene.stage.plain
        elif (puppet := cast.of(section)) is not None:
            stream = puppet.input
        else:
            raise Wrong(received.not_there(section))
        finding = received.difference(section, bytes(stream.data), scene.captured)
        if finding is not None:
            raise Wrong(finding)
        stream.take(len(stream.untaken))


def _check_streams(scene: Scene, cast: Cast) -> None:
    streams = [scene.stage.plain, scene.stage.tls, *(puppet.input for puppet in cast.servers)]
    if any(isinstance(beat, Expect) and beat.lane == "E" for beat in scene.beats):
        streams.append(scene.stage.log)
    if scene.stage.front_end is not None:
        streams.append(scene.stage.front_end.orders)
    for stream in streams:
        if stream.untaken:
            scene.too_much(f"{stream.name}: {octets.write(stream.untaken[:300])}")


async def _leave(scene: Scene) -> None:
    """When the chain has ended nothing of it may be left."""
    if not _has_ended(scene):
        return
    with trio.move_on_after(scene.stage.late):
        while scene.stage.living():  # noqa: ASYNC110  nobody tells when the last process ends
            await trio.sleep(0.01)
    left = scene.stage.living()
    if left:
        words = ", ".join(f"{process.name} (pid {process.pid})" for process in left)
        raise Wrong(Finding(0, Kind.LEFTOVERS, (), "no process is left", words))


def _has_ended(scene: Scene) -> bool:
    """Say whether the talk has seen the chain's end, or it has ended by itself.

    Whom the talk has killed can leave others behind, if it says nothing of the end.
    """
    events = [(beat.lane, beat.words[0]) for beat in scene.beats if isinstance(beat, Event)]
    if ("S", "exit") in events or ("S", "signal") in events:
        return True
    first = next(iter(scene.stage.processes), None)
    return first is not None and first.ended is not None and ("A", "signal") not in events


def _check_tree(scene: Scene) -> None:
    section = scene.score.processes
    if section is None:
        return
    wrong, unobserved = attributes.compare_tree(section, scene.stage.processes, scene.stage.observes)
    scene.unobserved |= unobserved
    if wrong:
        rules = wrong.rules or scene.score.talk.rules
        raise Wrong(Finding(wrong.line, Kind.WRONG, rules, wrong.expected, wrong.got))
