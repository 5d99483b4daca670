"""What a server listens on: this machine alone, and what it accepts sends at once."""

from __future__ import annotations

import socket

import pytest

from regulars.web.listening import LOOPBACK, listen


def test_it_is_reached_from_this_machine_alone() -> None:
    with listen(0) as listening:
        assert listening.getsockname()[0] == LOOPBACK


def test_what_it_accepts_does_not_wait_to_send() -> None:
    with listen(0) as listening, socket.create_connection(listening.getsockname()):
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_port_that_is_taken_is_refused() -> None:
    with listen(0) as listening, pytest.raises(OSError, match="in use"):
        listen(listening.getsockname()[1])
