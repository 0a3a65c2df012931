"""Writing to a peer that may have left or may take nothing."""

import trio

from acceptutils.runtime.world import SendStream


async def send_all(stream: SendStream, data: bytes, patience: float) -> bool:
    """Send all bytes, waiting at most `patience` seconds each time until the peer takes some.

    Return False if it does not take them.
    """
    try:
        while data:
            with trio.fail_after(patience):
                taken = await stream.send_some(data)
            data = data[taken:]
    except (BrokenPipeError, trio.TooSlowError):
        return False
    return True
