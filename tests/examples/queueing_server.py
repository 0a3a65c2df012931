"""A submission server of a few lines that queues through $QMAILQUEUE, as a patched ofmipd does.

It is run as a program: message on descriptor 0 of the queue program, envelope on its descriptor 1.
"""

import os
import subprocess
import sys


def main() -> None:
    """Serve one client."""
    say("220 server.local ESMTP")
    envelope = b""
    for line in sys.stdin.buffer:
        verb, _, argument = line.rstrip(b"\r\n").partition(b":")
        if verb == b"MAIL FROM":
            envelope = b"F%b\0" % argument[1:-1]
        elif verb == b"RCPT TO":
            envelope += b"T%b\0" % argument[1:-1]
        elif verb == b"DATA":
            say("354 go ahead")
            say("250 ok" if queue(read_message(), envelope + b"\0") == 0 else "451 qq temporary problem")
            continue
        elif verb == b"QUIT":
            break
        say("250 ok")


def read_message() -> bytes:
    lines = []
    while (line := sys.stdin.buffer.readline().replace(b"\r\n", b"\n")) not in {b".\n", b""}:
        lines.append(line)
    return b"".join(lines)


def queue(message: bytes, envelope: bytes) -> int:
    read_end, write_end = os.pipe()
    with subprocess.Popen([os.environ["QMAILQUEUE"]], stdin=subprocess.PIPE, stdout=read_end) as program:
        os.close(read_end)
        assert program.stdin is not None
        program.stdin.write(message)
        program.stdin.close()
        with open(write_end, "wb") as file:
            file.write(envelope)
    return program.returncode


def say(line: str) -> None:
    sys.stdout.write(line + "\r\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
