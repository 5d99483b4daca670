"""Our log as an application of the `eventsourcing` library, for its projections and followers.

    with ProjectionRunner(application_class=LogApplication, projection_class=…, view_class=…, env=…)

1. It is read-only: commands write the log, and inserting is refused.
2. An event's originator is its stream, its topic the tag of its current type, its state the stored payload, its
   notification id its position. A topic also selects events that were stored as a retired type.
3. No personal data is read: it is encrypted apart from the payload. So no key is needed.
4. Only settled events are shown, so a follower misses none. A read waits, bounded, for events of the same `Regulars`; a
   subscription sees them a little later.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NoReturn, TypeVar, cast
from uuid import UUID

import sqlalchemy as sa
from eventsourcing import persistence
from eventsourcing.application import Application
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import Notification, StoredEvent, Transcoder
from eventsourcing.utils import Environment, EnvType
from sqlalchemy.engine import Connection

from regulars.adapters.eventsourcing_library.errors import library_errors
from regulars.adapters.eventsourcing_library.notifications import SqlApplicationRecorder
from regulars.adapters.eventsourcing_library.recorders import read_url
from regulars.adapters.extensions.extension import Extension
from regulars.adapters.log.appending import Columns
from regulars.adapters.log.codec import Codecs
from regulars.adapters.log.event_log import EnvelopeMapper, checked, is_stored_as
from regulars.adapters.schema.positions import settled
from regulars.adapters.store.horizon import await_settled
from regulars.adapters.store.store import Store
from regulars.crm_domain.errors import StoreUnusable

T = TypeVar("T")


@dataclass(frozen=True)
class LoggedEvent(Notification):
    """A notification of the log, with the whole row beside the library's own columns, and the codecs that decode it."""

    columns: Columns
    known: Codecs = field(repr=False, compare=False)


class LogRecorder(SqlApplicationRecorder):
    """Reads and follows the log of an open store; `last_written` is the position of the caller's own last event."""

    def __init__(self, store: Store, last_written: Callable[[], int] = lambda: 0) -> None:
        self._store = store
        self._last_written = last_written
        super().__init__(store.database, text_ids=True)

    def define_events(self) -> sa.Table:
        """The table of the log, which is not made here."""
        return self._store.schema.events

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> NoReturn:
        """Raises ProgrammingError."""
        raise persistence.ProgrammingError("the log of a Regulars store is read-only here; commands write it")

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """The settled events of one stream, in order of version. Waits and raises as `select_notifications` does."""
        version = self.events.c.version
        statement = sa.select(*self._told()).where(settled(self.events), self.events.c.stream_id == str(originator_id))
        if gt is not None:
            statement = statement.where(version > gt)
        if lte is not None:
            statement = statement.where(version <= lte)
        ordered = statement.order_by(version.desc() if desc else version).limit(limit)
        return self._read_own_writes(
            lambda connection: [self._notification(row) for row in connection.execute(ordered)]
        )

    def _read_own_writes(self, read: Callable[[Connection], T]) -> T:
        with library_errors():
            await_settled(self._store, self._last_written())
        with self.reading() as connection:
            return read(connection)

    def _told(self) -> tuple[sa.ColumnElement[Any], ...]:
        columns = self.events.c
        return tuple(sa.null().label("secret") if each is columns.secret else each for each in columns)

    def _is_on(self, connection: Connection, topics: Sequence[str]) -> sa.ColumnElement[bool]:
        # What nothing is stored as is asked for all the same: a follower names the topics of all whom it follows.
        known = self._store.codecs
        wanted = {known[topic].told_as for topic in topics if topic in known}
        stored_as = {tag for tag, codec in known.items() if codec.told_as in wanted}
        return is_stored_as(connection, self.events, stored_as.union(topics))

    def _notification(self, row: sa.Row[*tuple[Any, ...]]) -> LoggedEvent:
        columns, known = dict(row._mapping), self._store.codecs
        tag = columns["type"]
        return LoggedEvent(
            originator_id=columns["stream_id"],
            originator_version=columns["version"],
            topic=known[tag].told_as if tag in known else tag,
            state=columns["payload"],
            id=columns["position"],
            columns=columns,
            known=known,
        )


class LogMapper(persistence.Mapper[Any]):
    """Decodes events of the log to `Recorded[...]` without personal data, and any others as the library does.

    A follower of the library's `System` decodes whatever it follows by its own mapper: `MAPPER_TOPIC` names this one.
    """

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[Any]:
        """Raises MapperDeserialisationError, which names the event, for one that can't be read."""
        if not isinstance(stored_event, LoggedEvent):
            return super().to_domain_event(stored_event)
        try:
            return cast(
                "DomainEventProtocol[Any]", EnvelopeMapper(stored_event.known).recorded(checked(stored_event.columns))
            )
        except StoreUnusable as error:
            raise persistence.MapperDeserialisationError(str(error)) from error


class LogFactory(persistence.InfrastructureFactory[persistence.TrackingRecorder]):
    """Opens the log of the store at `REGULARS_URL`, a path or a SQLAlchemy URL, read-only."""

    def __init__(self, env: Environment | EnvType | None, extensions: tuple[Extension, ...] = ()) -> None:
        super().__init__(env)
        with library_errors():
            self._store = Store(read_url(self.env), read_only=True, extensions=extensions)

    def mapper(
        self, transcoder: Transcoder | None = None, mapper_class: type[persistence.Mapper[Any]] | None = None
    ) -> persistence.Mapper[Any]:
        """The mapper that decodes events of the log."""
        return super().mapper(transcoder, mapper_class or LogMapper)

    def application_recorder(self) -> LogRecorder:
        """The recorder that reads the log."""
        return LogRecorder(self._store)

    def aggregate_recorder(self, purpose: str = "events") -> NoReturn:
        """Raises InfrastructureFactoryError, as for every other recorder."""
        raise _only_the_log()

    def tracking_recorder(self, tracking_recorder_class: type[persistence.TrackingRecorder] | None = None) -> NoReturn:
        """Raises InfrastructureFactoryError."""
        raise _only_the_log()

    def process_recorder(self) -> NoReturn:
        """Raises InfrastructureFactoryError."""
        raise _only_the_log()

    def close(self) -> None:
        """Close all connections."""
        self._store.close()


def _only_the_log() -> persistence.InfrastructureFactoryError:
    return persistence.InfrastructureFactoryError(
        "the log of a Regulars store is read-only here; what follows it keeps its own records by "
        "regulars.adapters.eventsourcing_library.recorders"
    )


class LogApplication(Application[str]):
    """The log as an application to follow; `REGULARS_URL` names the store.

    Events are `Recorded[...]` without personal data. It is tracked under the name "regulars". A subclass names the
    `extensions` whose events it decodes.
    """

    name = "regulars"
    extensions: ClassVar[tuple[Extension, ...]] = ()

    def construct_factory(self, env: Environment) -> LogFactory:
        """The factory that opens the log, whatever `PERSISTENCE_MODULE` says: that is for the followers."""
        return LogFactory(env, self.extensions)
