"""Catching up: fold the events that a generation hasn't folded yet.

An empty generation replays the log customer by customer; from there on, events are folded in as they were appended, a
batch at a time. The fold happens outside the write transaction, which is short and also moves the checkpoint. Where
another process moved it first, this one's work is discarded: both would have written the same.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from time import monotonic, sleep
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine import Connection
from sqlalchemy.schema import CreateIndex

from regulars.adapters.extensions.extension import reference_of
from regulars.adapters.garbage_collection import collecting_seldom
from regulars.adapters.indexes.links import Families, links_changed
from regulars.adapters.log.codec import not_as_recorded
from regulars.adapters.progress import Progress
from regulars.adapters.read_models.batch_rows import BatchRows
from regulars.adapters.read_models.bookkeeping import Bulk
from regulars.adapters.read_models.histories import (
    Poison,
    Rows,
    bear_on,
    read_history,
    take_in,
    types_of,
)
from regulars.adapters.read_models.parallel_fold import Elsewhere, FoldedChunk, Task, fold_in_chunks, fold_in_parallel
from regulars.adapters.read_models.replay import MOST_RANGES, Range, split_range
from regulars.adapters.read_models.rows import ReadModels
from regulars.adapters.read_models.staging import begin_staging, end_staging, move, stage, staged
from regulars.adapters.read_models.updates import Update, new_update
from regulars.adapters.schema.builds import FACTS
from regulars.adapters.schema.positions import LAST_POSITION, drawn, settled
from regulars.adapters.sql.damage import BY_A_REBUILD, DamagedReadModels
from regulars.adapters.sql.loading import loading
from regulars.adapters.store.horizon import HORIZON_TIMEOUT, not_settled, pauses
from regulars.adapters.store.store import Collision, Store
from regulars.adapters.store.transaction import Transaction
from regulars.adapters.tracing import span
from regulars.crm_domain.errors import StoreBusy
from regulars.projections.engine.fold import Timelines
from regulars.projections.rules.compiled import Rules

BATCH = 2_000
REPLAY_FROM = 2_000
EVENTS_A_RANGE = 1_000_000  # while a range is read, SQLite's -wal keeps all that is written meanwhile
AWAITING_PAUSE = 0.05
INDEXING_AT_ONCE = 0.5  # seconds, in which nobody else writes to SQLite; an index that is begun is ended
FIRST_AT_ONCE = 10_000  # a first fold of so many events isn't worth stopping
WORTH_WAITING_FOR = 100_000  # a first fold of more goes customer by customer, and lists wait for it
ROUNDS = 10  # of what came meanwhile, as others may write as quickly as this folds
SMALLEST_BATCH = 50
FIRST_RATE = 500.0  # events a second, until it is known how many there are

OnPoison = Callable[[Poison], None]


def events_behind(
    store: Store,
    models: ReadModels,
    connection: Connection,
    until: int | None = None,
    *,
    beside: Collection[str] = (),
) -> int:
    """How many events a generation hasn't folded yet, without those of some customers."""
    events = store.schema.events
    behind = sa.select(sa.func.count()).where(events.c.position > models.checkpoint(connection), drawn(events))
    if until is not None:
        behind = behind.where(events.c.position <= until)
    if beside:
        behind = behind.where(events.c.customer_id.not_in(beside))
    return connection.execute(behind).scalar_one()


def catch_up(
    store: Store,
    models: ReadModels,
    rules: Rules,
    *,
    at_least: int = 0,
    until: int | None = None,
    within: float | None = None,
    workers: int = 1,
    elsewhere: Elsewhere | None = None,
    on_progress: Progress | None = None,
    on_poison: OnPoison | None = None,
) -> int:
    """Fold in everything that is settled by now, up to the position `until` where one is given; the position it
    reached.

    An empty generation is folded by so many `workers`, processes of their own if there are several, or `elsewhere`, as
    far as that goes. It waits for the position `at_least` to be settled. With `within`, in seconds, it stops when that
    time is over, waiting for other writers included. `on_progress` is called with (events folded so far, events there
    were to fold), `on_poison` for each customer that is parked; an exception of it ends the catching up.

    Raises StoreBusy where `at_least` isn't reached: as it isn't recorded, or not settled for too long.
    """
    deadline = None if within is None else monotonic() + within
    with store.reading() as tx:
        checkpoint = models.checkpoint(tx.connection)
        if checkpoint >= at_least and not is_behind(store, models, tx.connection, until):
            return checkpoint
        goal = max(at_least, _newest(store, tx.connection, checkpoint, until))
        total = events_behind(store, models, tx.connection, until) if on_progress else 0

    def on_the_way(some: ReadModels, until: int | None) -> _CatchingUp:
        return _CatchingUp(store, some, rules, until, workers, deadline, on_poison, elsewhere)

    done = 0
    for folded_in in _go_to(store, models, on_the_way, goal, until):
        done += folded_in
        if on_progress:
            on_progress(done, max(total, done))
    with store.reading() as tx:
        reached = models.checkpoint(tx.connection)
    if reached < at_least:
        raise _not_reached(store, at_least, reached)
    return reached


def catch_up_at_once(
    store: Store,
    asked: Callable[[Transaction], tuple[ReadModels, Rules]],
    *,
    at_least: int = 0,
    within: float | None = None,
    on_progress: Progress | None = None,
    on_poison: OnPoison | None = None,
) -> int | None:
    """Fold in everything that is settled by now where that is one batch, as mostly it is; the position it reached.

    Which read models, and by which rules, is `asked` in the transaction that reads the events. None where it takes more
    than that: nothing is folded in then, or not up to the position `at_least`. The rest is as of `catch_up`.
    """
    deadline = None if within is None else monotonic() + within
    with ExitStack() as until_the_end:
        with store.reading() as tx:
            models, rules = asked(tx)
            run = _CatchingUp(store, models, rules, None, 1, deadline, on_poison)
            found = run.read_batch(tx.connection) if models.is_current else None
            if found is None:
                return None
            old, rows = found
            if not rows:
                return old if old >= at_least else None
            until_the_end.enter_context(span(store, "catch up"))
            batch = run.folded(tx, rows, old)
        if not run.write(batch, old):
            return None
    if on_progress:
        on_progress(len(rows), len(rows))
    return batch.until if batch.until >= at_least else None


def _go_to(
    store: Store,
    models: ReadModels,
    on_the_way: Callable[[ReadModels, int | None], _CatchingUp],
    goal: int,
    until: int | None,
) -> Iterator[int]:
    """Bring the builds that are furthest behind level with the others, and then all of them to a position.

    Yields how many events each step has folded.
    """
    for _ in range(ROUNDS):
        with store.reading() as tx:
            groups = models.level(tx.connection)
            furthest = groups[-1].checkpoint(tx.connection)
        if len(groups) == 1:
            yield from on_the_way(models, until).go_to(goal)
            return
        require_in_log(store, furthest)
        last = on_the_way(groups[0], furthest)
        yield from last.go_to(furthest)
        if last.is_out_of_time:
            return


def require_in_log(store: Store, checkpoint: int) -> None:
    """Raise DamagedReadModels for a checkpoint beyond the last event."""
    with store.reading() as tx:
        newest = tx.connection.scalar(sa.select(sa.func.max(store.schema.events.c.position))) or 0
    if checkpoint > newest:
        raise DamagedReadModels(f"its checkpoint is event #{checkpoint}, and the last event is #{newest}")


def _newest(store: Store, connection: Connection, after: int, until: int | None) -> int:
    """The last position that is settled."""
    events = store.schema.events
    newest = sa.select(sa.func.max(events.c.position)).where(_waiting(events, after, until))
    return connection.scalar(newest) or after


def _not_reached(store: Store, at_least: int, reached: int) -> StoreBusy:
    said = f"; everything up to {reached} is folded in"
    events = store.schema.events
    with store.reading() as tx:
        recorded = tx.connection.scalar(sa.select(sa.func.max(events.c.position))) or 0
        is_settled = _newest(store, tx.connection, 0, None) >= at_least
    if recorded < at_least:
        return StoreBusy(f"nothing is recorded at the position {at_least} yet; the last one is {recorded}{said}")
    if not is_settled:
        return not_settled(store, at_least, said)
    return StoreBusy(f"the events up to {at_least} are not folded in yet, as others write; ask again{said}")


def await_folded(store: Store, models: ReadModels, at_least: int, within: float) -> None:
    """Wait so many seconds for another process to fold in a position. Raises StoreBusy where none does."""
    deadline = monotonic() + within
    while True:
        with store.reading() as tx:
            reached = models.checkpoint(tx.connection)
        if reached >= at_least:
            return
        if monotonic() > deadline:
            raise _not_reached(store, at_least, reached)
        sleep(AWAITING_PAUSE)


def is_worth_waiting_for(store: Store, models: ReadModels, connection: Connection) -> bool:
    """Whether a first fold is under way that is so large that a list has nothing to show before it ends."""
    bulk = models.bulk(connection)
    return bulk is not None and events_behind(store, models, connection, bulk.until) > WORTH_WAITING_FOR


def is_behind(store: Store, models: ReadModels, connection: Connection, until: int | None = None) -> bool:
    """Whether there are events to fold in. Mostly there are none, so this is all that a query pays."""
    events, checkpoint = store.schema.events, models.checkpoint(connection)
    newer = sa.select(events.c.position).where(_waiting(events, checkpoint, until)).limit(1)
    return connection.execute(newer).first() is not None or models.bulk(connection) is not None


def _waiting(events: sa.Table, after: int, until: int | None) -> sa.ColumnElement[bool]:
    """True for the settled events after a position, up to another where one is given."""
    waiting = sa.and_(events.c.position > after, settled(events))
    return waiting if until is None else sa.and_(waiting, events.c.position <= until)


class _Batch(Struct, frozen=True):
    """What a batch of events up to a position changes: the rows of new folds, customers whose stored rows are outdated,
    parked customers.
    """

    until: int
    rows: BatchRows
    outdated: dict[str, int]
    poisons: list[Mapping[str, Poison]]


class _CatchingUp:
    """One run of catching up with the log."""

    def __init__(
        self,
        store: Store,
        models: ReadModels,
        rules: Rules,
        until: int | None,
        workers: int,
        deadline: float | None,
        on_poison: OnPoison | None,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self._store = store
        self._models = models
        self._rules = rules
        self._until = until
        self._workers = workers
        self._deadline = deadline
        self._on_poison = on_poison
        self._elsewhere = elsewhere
        self._rate = FIRST_RATE
        self._replayed = 0
        self.position = 0

    def go_to(self, goal: int) -> Iterator[int]:
        """Fold up to a position, as far as time allows; yields how many events each step has folded."""
        try:
            with closing(self._replay_first()) as replaying:
                yield from replaying
            if not self.is_out_of_time:
                yield from self._advance_to(goal)
        except StoreBusy:
            if self._deadline is None:
                raise
            # Others write, or fold this generation in for the first time; there is no more time to wait for them.

    @property
    def _time_left(self) -> float | None:
        return None if self._deadline is None else self._deadline - monotonic()

    @property
    def is_out_of_time(self) -> bool:
        """Whether its time is over."""
        return self._deadline is not None and monotonic() >= self._deadline

    @property
    def _may_stop_replaying(self) -> bool:
        return self.is_out_of_time and self._replayed > FIRST_AT_ONCE

    def _advance_to(self, goal: int) -> Iterator[int]:
        patience, waiting = monotonic() + HORIZON_TIMEOUT, pauses()
        rounds = 1 if self._deadline else ROUNDS
        while True:
            with span(self._store, "catch up"):
                self.position, folded_in = self._advance()
            if folded_in:
                yield folded_in
                patience, waiting = monotonic() + HORIZON_TIMEOUT, pauses()
            if self.is_out_of_time:
                return
            if self.position >= goal:
                rounds, reached = rounds - 1, goal
                with self._store.reading() as tx:
                    goal = _newest(self._store, tx.connection, goal, self._until)
                if not rounds or goal == reached:
                    return
            if not folded_in:
                if self._deadline is None and monotonic() > patience:
                    return
                sleep(next(waiting))

    # ------------------------------------------------------------------------------------------------ one batch alone

    def read_batch(self, connection: Connection) -> tuple[int, Rows] | None:
        """The checkpoint, and all settled events after it where one batch holds them; None where it takes more, or the
        builds have to be brought level first.
        """
        progress = self._models.progress(connection)
        old = progress[0].checkpoint if progress else 0
        if not old or any(each.checkpoint != old or each.folding_until is not None for each in progress):
            return None
        limit = self._batch
        rows = self._read(connection, old, limit)
        return (old, rows) if len(rows) < limit else None

    def write(self, batch: _Batch, old: int) -> bool:
        """Write a batch; False where others were quicker, or write for longer than there is time."""
        try:
            return self._write_batch(batch, old)
        except StoreBusy:
            if self._deadline is None:
                raise
            return False

    # -------------------------------------------------------------------------------------------- from the beginning

    def _replay_first(self) -> Generator[int]:
        """Replay an empty generation customer by customer, or resume that.

        Yields how many events each step has folded.
        """
        while True:
            with self._store.reading() as tx:
                bulk = self._models.bulk(tx.connection)
                if bulk is None:
                    until = self._worth_a_replay(tx.connection)
            if bulk is not None:
                yield from self._replay_from(bulk)
                if self._may_stop_replaying:
                    return
            elif until:
                with self._loading() as tx:
                    if self._models.begin_bulk(tx.connection, until, split_range(self._range_count(until))):
                        begin_staging(self._models, tx.connection)
            else:
                return

    def _worth_a_replay(self, connection: Connection) -> int:
        """The position to replay up to; 0 where events are folded already, or where there are few.

        Where time is limited, as for a list during an import, it is no more than is folded quickly, unless there are so
        many events that a list has to wait anyway.
        """
        if self._models.checkpoint(connection):
            return 0
        if self._elsewhere is not None:
            return min(self._elsewhere.until, LAST_POSITION if self._until is None else self._until)
        if self._store.database.is_memory:
            return 0  # a store in memory has one connection, which can't read on while it writes
        events = self._store.schema.events
        positions = sa.select(events.c.position).where(self._after(0))
        if len(connection.execute(positions.limit(REPLAY_FROM)).all()) < REPLAY_FROM:
            return 0
        if self._deadline is not None:
            first = positions.order_by(events.c.position)
            if connection.scalar(first.offset(WORTH_WAITING_FOR).limit(1)) is None:
                some = first.limit(FIRST_AT_ONCE).subquery()
                last: int = connection.execute(sa.select(sa.func.max(some.c.position))).scalar_one()
                return last
        newest: int = connection.execute(sa.select(sa.func.max(positions.subquery().c.position))).scalar_one()
        return newest

    def _range_count(self, events: int) -> int:
        """How many ranges to fold so many events in: a multiple of the workers."""
        turns = -(-events // (EVENTS_A_RANGE * self._workers))
        return min(MOST_RANGES, turns * self._workers)

    def _replay_from(self, bulk: Bulk) -> Iterator[int]:
        ranges = bulk.ranges
        with closing(self._chunks(bulk)) as chunks:  # so that what it reads from is let go of however this ends
            for index, chunk in chunks:
                done = Range(chunk.last, ranges[index].last)
                left = (*ranges[:index], done, *ranges[index + 1 :])
                if not self._write_chunk(chunk, ranges, left):
                    return  # another process was quicker: go on where it is
                self._replayed += chunk.events
                yield chunk.events
                ranges = left
                if self._may_stop_replaying:
                    return
        if not self._move_staged(ranges) or not self._create_indexes(ranges):
            return
        with self._loading() as tx:
            if self._models.advance_bulk(tx.connection, ranges, ranges):
                end_staging(self._models, tx.connection)
                self._models.end_bulk(tx.connection, bulk.until)
                self.position = bulk.until

    def _move_staged(self, ranges: Sequence[Range]) -> bool:
        """Move what is staged, as much at a time as is moved quickly; False where another process was quicker."""
        with self._store.reading() as tx:
            lists = staged(self._models, tx.connection)
        for moves in lists:
            with self._loading() as tx:
                if not self._models.advance_bulk(tx.connection, ranges, ranges):
                    return False
                for each in moves:
                    move(self._models, tx.connection, each)
            self._store.database.checkpoint_wal()
        return True

    def _create_indexes(self, ranges: Sequence[Range]) -> bool:
        """Create the indexes, as many at a time as are made quickly; False where another process was quicker."""
        missing = deque(self._models.tables.indexes)
        while missing:
            with self._loading() as tx:
                if not self._models.advance_bulk(tx.connection, ranges, ranges):
                    return False
                until = monotonic() + INDEXING_AT_ONCE
                while missing:
                    tx.connection.execute(CreateIndex(missing.popleft(), if_not_exists=True))
                    if monotonic() >= until:
                        break
        return True

    def _chunks(self, bulk: Bulk) -> Generator[tuple[int, FoldedChunk]]:
        for first in range(0, len(bulk.ranges), self._workers):
            some = bulk.ranges[first : first + self._workers]
            with closing(self._folded(some, bulk.until)) as chunks:
                for index, chunk in chunks:
                    yield first + index, chunk
            self._store.database.checkpoint_wal()

    def _folded(self, ranges: Sequence[Range], until: int) -> Generator[tuple[int, FoldedChunk]]:
        """The chunks of some ranges, each with the range's index; in this process, or in one process for each range."""
        if self._elsewhere is not None and until <= self._elsewhere.until:
            for index, wanted in enumerate(ranges):
                with closing(self._elsewhere.fold(self._models, self._rules, until, wanted)) as chunks:
                    for chunk in chunks:
                        yield index, chunk
        elif len(ranges) > 1:
            url = self._store.database.url.render_as_string(hide_password=False)
            task = Task(
                url=url,
                generation=self._models.number,
                builds=self._models.builds,
                ruleset=self._rules.ruleset.canonical(),
                currency=self._rules.currency,
                until=until,
                extensions=tuple(map(reference_of, self._store.extended.brought)),
            )
            yield from fold_in_parallel(task, ranges)
        else:
            with closing(fold_in_chunks(self._store, self._models, self._rules, until, ranges[0])) as chunks:
                for chunk in chunks:
                    yield 0, chunk

    def _write_chunk(self, chunk: FoldedChunk, ranges: tuple[Range, ...], left: tuple[Range, ...]) -> bool:
        self._report(chunk.poisons)
        with self._loading() as tx:
            if not self._models.advance_bulk(tx.connection, ranges, left):
                return False
            stage(self._models, tx.connection, chunk.rows)
            self._models.park(tx.connection, chunk.poisons)
        return True

    def _report(self, poisons: Sequence[Mapping[str, Poison]]) -> None:
        if self._on_poison:
            for by_name in poisons:
                self._on_poison(min(by_name.values(), key=lambda poison: poison.position))

    # ------------------------------------------------------------------------------------------------ as events came

    def _advance(self) -> tuple[int, int]:
        """Fold in one batch; the checkpoint found or reached, and how many events were read."""
        began = monotonic()
        with self._store.reading() as tx:
            old = self._models.checkpoint(tx.connection)
            rows = self._read(tx.connection, old, self._batch)
            if not rows:
                return old, 0
            batch = self.folded(tx, rows, old)
        if self._write_batch(batch, old):
            self._rate = len(rows) / max(monotonic() - began, 1e-6)
            return batch.until, len(rows)
        for _ in self._replay_first():  # another process was quicker, perhaps with everything at once
            pass
        return old, len(rows)

    def _read(self, connection: Connection, after: int, limit: int) -> Rows:
        until = LAST_POSITION if self._until is None else self._until
        return self._store.statements.waiting.all(connection, after=after, until=until, limit=limit)

    @collecting_seldom()
    def _write_batch(self, batch: _Batch, old: int) -> bool:
        """Write a batch and move the checkpoint on; False where another process was quicker."""
        self._report(batch.poisons)
        try:
            with self._loading() as tx:
                if not self._models.advance(tx.connection, old, batch.until):
                    return False
                self._models.drop(tx.connection, batch.outdated.values())
                self._models.unpark(tx.connection, batch.outdated)
                self._models.save(tx.connection, batch.rows)
                self._models.park(tx.connection, batch.poisons)
                return True
        except Collision:
            raise DamagedReadModels(
                f"generation {self._models.number} holds rows that were not written to it; {BY_A_REBUILD}"
            ) from None

    @property
    def _batch(self) -> int:
        """How many events to fold in at once: half of what fits into the time that is left, as other writers wait."""
        left = self._time_left
        return BATCH if left is None else min(BATCH, max(SMALLEST_BATCH, int(self._rate * left / 2)))

    @contextmanager
    def _loading(self) -> Iterator[Transaction]:
        """What is written follows from the log, and is folded again where a power cut takes it away."""
        left = self._time_left
        patience = None if left is None else max(left, 0)
        with self._store.writing(patience=patience, durable=False) as tx, loading(tx.connection):
            yield tx

    def _after(self, position: int) -> sa.ColumnElement[bool]:
        return _waiting(self._store.schema.events, position, self._until)

    @collecting_seldom()
    def folded(self, tx: Transaction, rows: Rows, old: int) -> _Batch:
        """Fold a batch. Customers who were merged or unmerged in it, or are parked, are folded from the beginning."""
        for position, _, customer_id, *_ in rows:
            if type(customer_id) is not str:
                raise not_as_recorded(position, "customer_id")
        until: int = rows[-1][0]
        connection, changed = tx.connection, self._store.statements.changed_links
        relinked = links_changed(connection, changed, old, until) if tx.has_links else set[str]()
        families = tx.families({row[2] for row in rows} | relinked, until)
        by_root = _by_root(rows, families)
        refolded = {families.root(customer_id) for customer_id in relinked}
        refolded |= self._models.parked(connection, by_root).keys()
        written = BatchRows(self._models.tables)
        come = {root: rows for root, rows in by_root.items() if root not in refolded}
        refolded |= self._take_in(connection, come, families, written)
        plan, outdated, poisons = self._models.plan(self._rules), set(relinked), list[Mapping[str, Poison]]()
        for root in sorted(refolded):
            history = read_history(self._store, connection, families.members(root), plan, until)
            outdated.update(history.members)
            if history.happened:
                written.add(new_update(history))
            if history.poisons:
                poisons.append(history.poisons)
        return _Batch(until=until, rows=written, outdated=self._models.numbers(connection, outdated), poisons=poisons)

    def _take_in(
        self, connection: Connection, by_root: Mapping[str, Rows], families: Families, written: BatchRows
    ) -> set[str]:
        """Take in what has come of some customers, each on what that needs of what is stored; those of them who have to
        be folded from the beginning.
        """
        if not self._models.goes_on(self._rules):
            return set(by_root)
        plan, refolded = self._models.plan(self._rules), set[str]()
        types = {root: types_of(self._store, rows) for root, rows in by_root.items()}
        minding = {each: plan.minding(each) for each in set(types.values())}
        needed = {each: plan.needed_by(names) for each, names in minding.items()}
        numbers = self._models.numbers(connection, by_root)
        names = frozenset[str]().union(*needed.values())
        stored = self._models.load(connection, numbers.values(), names)
        known = stored.get(FACTS, {}).keys()
        for root in sorted(by_root, key=numbers.__getitem__):
            customer, rows = numbers[root], by_root[root]
            folded = self._models.opened(stored, customer, needed[types[root]])
            if folded is not None and not bear_on(self._store, folded, rows, types[root]):
                continue
            members = families.members(root)
            timelines = None if folded is None else take_in(self._store, folded, rows, members, plan)
            if folded is None or timelines is None:
                refolded.add(root)
                continue
            since = _since(timelines, min(at for _, _, _, at, *_ in rows))
            written.add(
                Update(
                    customer=customer,
                    folded=folded,
                    timelines=since,
                    known=customer in known,
                    changed=minding[types[root]],
                )
            )
        return refolded


def _since(timelines: Timelines, at: int) -> Timelines:
    """The intervals that hold at an instant or later. Those before it are stored as they are: when they were stored
    they were due.
    """
    return {name: [each for each in intervals if each.valid_to >= at] for name, intervals in timelines.items()}


def _by_root(rows: Rows, families: Families) -> dict[str, list[Sequence[Any]]]:
    """The events by the root of their customer."""
    by_root: dict[str, list[Sequence[Any]]] = {}
    for row in rows:
        by_root.setdefault(families.root(row[2]), []).append(row)
    return by_root
