"""PostgreSQL is stopped, killed, and dumped while it is written to, in short."""

from __future__ import annotations

from functools import partial

from torture.backups import dumps_of_servers
from torture.conftest import Try
from torture.servers import Server
from torture.stopped_servers import stopped_servers, stopped_while_folding


def test_a_server_that_goes_away_and_comes_back_while_many_write(server: Server, attempt: Try) -> None:
    attempt(partial(stopped_servers, server), 4)


def test_a_server_that_goes_away_during_long_work(server: Server, attempt: Try) -> None:
    attempt(partial(stopped_while_folding, server), 3)


def test_a_dump_while_writers_write_has_what_was_acknowledged(postgres_url: str, server: Server, attempt: Try) -> None:
    attempt(partial(dumps_of_servers, postgres_url, server), 1)
