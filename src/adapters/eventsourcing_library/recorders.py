"""The recorders of the `eventsourcing` library, so that its applications can live in a Regulars database.

    PERSISTENCE_MODULE=regulars.adapters.eventsourcing_library.recorders
    REGULARS_URL=shop.db

1. An application keeps tables of its own: `<prefix>stored_events`, `<prefix>stored_snapshots`, `<prefix>tracking`.
2. Notification ids are positions: never reused, and visible in their own order, so a reader skips none.
3. A reader in position order sees its own process's writes. On PostgreSQL it waits for them, bounded, while an older
   transaction anywhere in the server is still running; a subscription just sees them a little later.
4. Whatever the database says, a caller sees the library's own exceptions.
"""

from __future__ import annotations

import re
from typing import Any, TypeVar

from eventsourcing import persistence
from eventsourcing.utils import Environment, EnvType, resolve_topic, strtobool

from regulars.adapters.eventsourcing_library.aggregates import SqlAggregateRecorder, SqlRecorder
from regulars.adapters.eventsourcing_library.errors import library_errors
from regulars.adapters.eventsourcing_library.notifications import SqlApplicationRecorder, SqlSubscription
from regulars.adapters.eventsourcing_library.tracking import SqlProcessRecorder, SqlTrackingRecorder
from regulars.adapters.sql.database import Database

__all__ = [
    "REGULARS_URL",
    "RegularsFactory",
    "SqlAggregateRecorder",
    "SqlApplicationRecorder",
    "SqlProcessRecorder",
    "SqlRecorder",
    "SqlSubscription",
    "SqlTrackingRecorder",
    "read_url",
]

REGULARS_URL = "REGULARS_URL"  # of the environment: where the database is

_PREFIX = re.compile(r"([a-z_][a-z0-9_]{0,39})?")  # leaves room for "stored_events_positions" in PostgreSQL's 63 bytes

R = TypeVar("R", bound=SqlRecorder)


def read_url(env: Environment) -> str:
    """The URL of the database in an environment. Raises OSError where there is none."""
    url = env.get(REGULARS_URL)
    if not url:
        raise OSError(f"no database: set one of {', '.join(env.create_keys(REGULARS_URL))}")
    return url


class RegularsFactory(persistence.InfrastructureFactory[SqlTrackingRecorder]):
    """Creates recorders by the environment's variables.

    `REGULARS_URL` is a path, ":memory:" or a SQLAlchemy URL. `REGULARS_TABLE_PREFIX` is the application's name in lower
    case and an underscore unless set, so that several applications can share a database. `ORIGINATOR_ID_TYPE` is "uuid"
    unless set to "text", `CREATE_TABLE` is "yes" unless set to "no". Each may begin with the application's name.
    """

    REGULARS_URL = REGULARS_URL
    REGULARS_TABLE_PREFIX = "REGULARS_TABLE_PREFIX"
    ORIGINATOR_ID_TYPE = "ORIGINATOR_ID_TYPE"
    CREATE_TABLE = "CREATE_TABLE"

    def __init__(self, env: Environment | EnvType | None) -> None:
        super().__init__(env)
        self._prefix = self._read_prefix()
        self._text_ids = self._read_text_ids()
        with library_errors():
            self.database = Database(read_url(self.env))

    def aggregate_recorder(self, purpose: str = "events") -> SqlAggregateRecorder:
        """The recorder of events or snapshots without a global order."""
        return self._open(SqlAggregateRecorder, purpose=purpose, text_ids=self._text_ids)

    def application_recorder(self) -> SqlApplicationRecorder:
        """The recorder of an application's events."""
        chosen = self._choose(self.APPLICATION_RECORDER_TOPIC, SqlApplicationRecorder)
        return self._open(chosen, text_ids=self._text_ids)

    def tracking_recorder(
        self, tracking_recorder_class: type[SqlTrackingRecorder] | None = None
    ) -> SqlTrackingRecorder:
        """The recorder of a projection, or of a view that is one."""
        return self._open(tracking_recorder_class or self._choose(self.TRACKING_RECORDER_TOPIC, SqlTrackingRecorder))

    def process_recorder(self) -> SqlProcessRecorder:
        """The recorder of an application that follows another."""
        chosen = self._choose(self.PROCESS_RECORDER_TOPIC, SqlProcessRecorder)
        return self._open(chosen, text_ids=self._text_ids)

    def close(self) -> None:
        """Close all connections."""
        self.database.close()

    def _open(self, recorder_class: type[R], **options: Any) -> R:
        recorder = recorder_class(self.database, prefix=self._prefix, **options)
        if strtobool(self.env.get(self.CREATE_TABLE) or "yes"):
            recorder.create_table()
        return recorder

    def _choose(self, key: str, default: type[R]) -> type[R]:
        chosen = self.env.get(key)
        if not chosen:
            return default
        recorder_class: type[R] = resolve_topic(chosen)
        if not issubclass(recorder_class, default):
            raise persistence.InfrastructureFactoryError(f"{key} is {chosen}, which is no {default.__name__}")
        return recorder_class

    def _read_prefix(self) -> str:
        name = self.env.name.lower()
        prefix = self.env.get(self.REGULARS_TABLE_PREFIX, f"{name}_" if name else "")
        if not _PREFIX.fullmatch(prefix):
            raise OSError(
                f"{self.REGULARS_TABLE_PREFIX} is {prefix!r}, but must be at most 40 lower-case letters, digits and "
                "underscores, and not begin with a digit"
            )
        return prefix

    def _read_text_ids(self) -> bool:
        kind = self.env.get(self.ORIGINATOR_ID_TYPE) or "uuid"
        if kind.lower() not in ("uuid", "text"):
            raise OSError(f"{self.ORIGINATOR_ID_TYPE} is {kind!r}, but must be uuid or text")
        return kind.lower() == "text"
