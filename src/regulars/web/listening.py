"""Where a server listens: on this machine alone."""

from __future__ import annotations

import socket

LOOPBACK = "127.0.0.1"


def listen(port: int) -> socket.socket:
    """A socket that listens on a port of this machine, 0 for any that is free. Raises OSError.

    What it accepts sends at once. Else the end of each answer waits for the browser to acknowledge its beginning, which
    takes 40 ms: an event loop turns that off only for sockets that it made itself.
    """
    listening = socket.create_server((LOOPBACK, port))
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening
