"""Catching up: fold the events that a generation hasn't seen yet, a batch at a time.

Each batch is folded outside the write transaction and written in one short transaction that also moves the
checkpoint. Where another process moved it first, this one's work is thrown away: both would have written the same.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, sleep
from typing import Any, cast, get_args

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.codec import codec_of
from adapters.keyring import CHUNK
from adapters.positions import settled
from adapters.read_models import ReadModels, TicketUpdate, Update
from adapters.store import Store
from crm_domain.errors import StoreBusy
from crm_domain.ticket import TicketEvent
from projections.compiled import Rules
from projections.facts import HANDLES
from projections.fold import Folded, Happened, Timelines, fold
from projections.ticket_queue import timeline

BATCH = 2_000
HORIZON_TIMEOUT = 10.0
HORIZON_PAUSE = 0.002

TICKET_TYPES = frozenset(str(event_type.__struct_config__.tag) for event_type in get_args(TicketEvent))
HANDLED_TYPES = frozenset(str(event_type.__struct_config__.tag) for event_type in HANDLES)

Progress = Callable[[int, int], None]


def events_behind(store: Store, models: ReadModels, connection: Connection) -> int:
    """How many recorded events a generation hasn't folded in yet."""
    events = store.schema.events
    behind = sa.select(sa.func.count()).where(events.c.position > models.checkpoint(connection))
    return connection.execute(behind).scalar_one()


def catch_up(
    store: Store, models: ReadModels, rules: Rules, *, at_least: int = 0, on_progress: Progress | None = None
) -> None:
    """Fold in everything that is settled, and whatever it takes to reach the position `at_least`.

    `on_progress` is called with (events folded so far, events there were to fold). Raises StoreBusy where an older
    transaction in the database keeps `at_least` from settling for too long.
    """
    deadline = monotonic() + HORIZON_TIMEOUT
    done, total = 0, 0
    if on_progress:
        with store.reading() as tx:
            total = events_behind(store, models, tx.connection)
    while True:
        position, folded_in = _advance(store, models, rules)
        done += folded_in
        if on_progress and folded_in:
            on_progress(done, max(total, done))
        if folded_in:
            continue
        if position >= at_least:
            return
        if monotonic() > deadline:
            raise StoreBusy(
                f"the events up to {at_least} are not readable yet: an older transaction is still running; "
                f"everything up to {position} is folded in"
            )
        sleep(HORIZON_PAUSE)


def _advance(store: Store, models: ReadModels, rules: Rules) -> tuple[int, int]:
    """Fold in one batch; the checkpoint found or reached, and how many events were read."""
    with store.reading() as tx:
        old = models.checkpoint(tx.connection)
        rows = _rows_after(store, tx.connection, old)
        if not rows:
            return old, 0
        new = rows[-1].position
        updates = _fold_batch(store, models, rules, tx.connection, rows)
        tickets = _tell_tickets(store, rules, tx.connection, rows)
    with store.writing() as tx:
        if models.advance(tx.connection, old, new) and updates:
            models.save(tx.connection, updates)
            models.save_tickets(tx.connection, tickets)
    return new, len(rows)


def _rows_after(store: Store, connection: Connection, position: int) -> list[sa.Row[Any]]:
    events = store.schema.events
    wanted = sa.and_(events.c.position > position, settled(events))
    return list(connection.execute(_select(events, wanted).limit(BATCH)))


def _select(events: sa.Table, condition: sa.ColumnElement[bool]) -> sa.Select[Any]:
    columns = (events.c.position, events.c.stream_id, events.c.customer_id, events.c.occurred_at, events.c.type)
    return sa.select(*columns, events.c.payload).where(condition).order_by(events.c.position)


def _fold_batch(
    store: Store, models: ReadModels, rules: Rules, connection: Connection, rows: list[sa.Row[Any]]
) -> list[Update]:
    by_customer: dict[str, list[Happened]] = {}
    for row in rows:
        happened = to_happened(row)
        if happened is not None:
            by_customer.setdefault(row.customer_id, []).append(happened)
    stored = models.load(connection, by_customer)
    return [
        _update(store, rules, connection, customer_id, happened, stored.get(customer_id), rows[-1].position)
        for customer_id, happened in by_customer.items()
    ]


def _tell_tickets(store: Store, rules: Rules, connection: Connection, rows: list[sa.Row[Any]]) -> list[TicketUpdate]:
    """The whole story of each ticket that a batch has news of."""
    events = store.schema.events
    touched = sorted({row.stream_id for row in rows if row.type in TICKET_TYPES})
    stories: dict[str, list[sa.Row[Any]]] = {}
    for start in range(0, len(touched), CHUNK):
        ours = events.c.stream_id.in_(touched[start : start + CHUNK])
        for row in connection.execute(_select(events, sa.and_(ours, events.c.position <= rows[-1].position))):
            stories.setdefault(row.stream_id, []).append(row)
    return [_tell_ticket(rules, story) for story in stories.values()]


def _tell_ticket(rules: Rules, story: list[sa.Row[Any]]) -> TicketUpdate:
    events = [cast("TicketEvent", codec_of(row.type).decode(row.payload)) for row in story]
    return TicketUpdate(
        ticket_id=events[0].ticket_id,
        customer_id=story[0].customer_id,
        intervals=timeline(events, rules.tickets),
    )


def _update(
    store: Store,
    rules: Rules,
    connection: Connection,
    customer_id: str,
    happened: list[Happened],
    stored: Folded | None,
    until: int,
) -> Update:
    def everything() -> list[Happened]:
        return happened_to(store, connection, customer_id, until)

    folded, timelines, afresh = go_on(stored or Folded(), happened, rules, everything)
    return Update(customer_id=customer_id, folded=folded, timelines=timelines, known=stored is not None, afresh=afresh)


def go_on(
    folded: Folded, happened: list[Happened], rules: Rules, everything: Callable[[], list[Happened]]
) -> tuple[Folded, Timelines, bool]:
    """Take further events into a fold; where one came late, fold `everything` afresh, which the last value says."""
    ordered = sorted(happened, key=_order)
    if not ordered or folded.last_at is None or ordered[0].at >= folded.last_at:
        return folded, fold(folded, ordered, rules), False
    anew = Folded()
    return anew, fold(anew, everything(), rules), True


def happened_to(
    store: Store, connection: Connection, customer_id: str, until: int | None = None, *, after: int = 0
) -> list[Happened]:
    """What bears on one customer's verdicts at positions in (after, until], in the order of the fold."""
    events = store.schema.events
    wanted = sa.and_(events.c.customer_id == customer_id, events.c.position > after)
    if until is not None:
        wanted = sa.and_(wanted, events.c.position <= until)
    happened = (to_happened(row) for row in connection.execute(_select(events, wanted)))
    return sorted((each for each in happened if each is not None), key=_order)


def to_happened(row: sa.Row[Any]) -> Happened | None:
    """A row of `events` as the fold takes it; None where its type bears on no verdict."""
    codec = codec_of(row.type)
    if row.type not in HANDLED_TYPES:
        return None
    return Happened(row.occurred_at, row.position, codec.decode(row.payload))


def _order(happened: Happened) -> tuple[int, int]:
    return happened.at, happened.position
