"""The change feed of a subscription: batches are made, handed out until they are acknowledged, and kept for a while.

1. Batches that wait are handed out, the oldest first, unchanged. Only when none waits a pass is made.
2. A pass works out the difference between what was told and what holds, in one snapshot, and writes all of its batches
   and the state that they lead to in one transaction. So every pass has one position, instant and ruleset from its
   first batch to its last, and whoever is killed before that transaction has told nothing.
3. Time never goes back: where the clock does, only what is known otherwise is told.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress
from datetime import datetime
from secrets import token_hex
from time import monotonic

from msgspec import Struct
from msgspec.structs import replace

from regulars.adapters.read_models.turns import Shown, index_turns
from regulars.adapters.schema.notices import channel_of, notify_of
from regulars.adapters.schema.positions import last_settled
from regulars.adapters.store.outbox import (
    Subscription,
    acknowledge,
    add_subscription,
    drop_subscription,
    kept_batches,
    move_on,
    read_batch,
    read_subscription,
    read_subscriptions,
)
from regulars.adapters.store.transaction import Transaction
from regulars.adapters.tracing import span
from regulars.changes.change import CHANGE_KINDS, Batch, Change, Selection, parse_selection
from regulars.changes.difference import Difference, OnLooked, Untold
from regulars.changes.spool import Spool, decode_batch
from regulars.changes.told import told_of
from regulars.crm_domain.command import CustomerId, require_label
from regulars.crm_domain.errors import NotFound, StoreBusy, StoreUnusable
from regulars.crm_domain.instant import DAY, to_datetime
from regulars.crm_domain.unexplained import Unexplained
from regulars.projections.rules.compiled import Rules, compile_rules
from regulars.projections.rules.grammar import restore_rules
from regulars.session.freshness import freshness_of
from regulars.session.session import Session
from regulars.session.traced import traced

#: A step of the clock that is longer than this has to be accepted, in microseconds.
LONGEST_STEP = 7 * DAY
#: How often what fell due is looked for while nothing is recorded, in seconds.
DUE_EVERY = 1.0
#: For how long a pass that tells nothing isn't noted, in microseconds.
_UNNOTED = DAY // 24

Start = str | int


class SubscriptionView(Struct, frozen=True, kw_only=True):
    """A subscription: what it wants (nothing given is everything), up to which position and instant batches were made,
    the number of the last one, and of the last one that was acknowledged.
    """

    name: str
    kinds: tuple[str, ...]
    made_at: datetime
    position: int
    told_at: datetime
    batch: int
    acknowledged: int


@traced("subscriptions")
def list_subscriptions(session: Session) -> tuple[SubscriptionView, ...]:
    """All subscriptions, by name."""
    with session.store.reading() as tx:
        found = read_subscriptions(session.store.schema, tx.connection)
    return tuple(
        SubscriptionView(
            name=each.name,
            kinds=tuple(each.kinds.split()),
            made_at=to_datetime(each.made_at),
            position=each.position,
            told_at=to_datetime(each.told_at),
            batch=each.batch,
            acknowledged=each.acknowledged,
        )
        for each in found
    )


def find_feed(
    session: Session, name: str, kinds: Collection[str] | None, start: Start, on_looked: OnLooked | None = None
) -> ChangeFeed:
    """The feed of a subscription, which is made where there is none of the name.

    Raises ValueError for words that select nothing, a start that is none, and other kinds than it was made with.
    """
    require_label(name, "the name of a subscription")
    selection = None if kinds is None else _selection(session, kinds)
    with session.store.reading() as tx:
        found = read_subscription(session.store.schema, tx.connection, name)
    if found is None:
        found = _subscribe(session, name, selection or Selection(), start)
    known = Selection() if not found.kinds else _selection(session, found.kinds.split())
    if selection is not None and selection != known:
        said = ", ".join(known.words) or "everything"
        raise ValueError(f'the subscription "{name}" is to {said}; drop it, or take another name for other kinds')
    return ChangeFeed(session, found, known, on_looked)


def _selection(session: Session, words: Collection[str]) -> Selection:
    registry = session.store.registry
    verdicts = {each.what for each in told_of(registry)}
    return parse_selection(words, verdicts, {*registry.catalogue.events, *_names_of_events(session)})


def _names_of_events(session: Session) -> set[str]:
    return {codec.name for codec in session.store.codecs.values() if codec.reads is not Unexplained}


def _subscribe(session: Session, name: str, selection: Selection, start: Start) -> Subscription:
    store = session.store
    store.database.require_writable()
    session.freshen(freshness_of(True, None))
    with store.reading() as tx:
        last = last_settled(tx.connection, store.schema.events) or 0
        position = _first_position(start, session.models(tx).checkpoint(tx.connection), last)
        now = session.now()
        made = Subscription(
            name=name,
            token=token_hex(8),
            kinds=" ".join(selection.words),
            made_at=now,
            position=position,
            told_at=now,
            ruleset=session.ruleset(tx).canonical(),
            batch=0,
            acknowledged=0,
        )
    with store.writing() as tx:
        add_subscription(store.schema, tx.connection, made)
        return _found(session, tx, name)


def _first_position(start: Start, now: int, last: int) -> int:
    if start == "now":
        return now
    if start == "beginning":
        return 0
    if isinstance(start, int) and not isinstance(start, bool) and 0 <= start <= last:
        return min(start, now)
    raise ValueError(f'start is "now", "beginning" or a position from 0 to {last}, not {start!r}')


def _found(session: Session, tx: Transaction, name: str) -> Subscription:
    found = read_subscription(session.store.schema, tx.connection, name)
    if found is None:
        raise NotFound(f'there is no subscription "{name}"')
    return found


class ChangeFeed:
    """What changed since a subscriber last heard, in batches. Get it from `Regulars.changes`.

    Any number of processes may hold one; a batch is acknowledged once. It keeps no state that a crash could lose.
    """

    def __init__(
        self, session: Session, subscription: Subscription, selection: Selection, on_looked: OnLooked | None
    ) -> None:
        self._session = session
        self._store = session.store
        self._name = subscription.name
        self._selection = selection
        self._on_looked = on_looked
        self._shown = tuple(each for each in told_of(self._store.registry) if self._is_wanted(each))
        self._wants_events = any(selection.wants("recorded", name) for name in _names_of_events(session))
        self._handed_out: int | None = None
        self._indexed: int | None = None

    @property
    def name(self) -> str:
        """The subscription's name."""
        return self._name

    @property
    def kinds(self) -> tuple[str, ...]:
        """The words of what it wants, in alphabetical order; none where that is everything."""
        return self._selection.words

    def __iter__(self) -> Iterator[Batch]:
        """The batches that there are to tell now, each after the one before was acknowledged.

        Raises ValueError where it was not; NotFound once the subscription was dropped; StoreUnusable for a read-only
        store, where the clock moved on by over 7 days (`accept_clock`), and where the read models are of other code.
        """
        while True:
            batch = self._next()
            if batch is None:
                return
            yield batch
            if self._waits(batch.number):
                raise ValueError(f"batch {batch.number} was not acknowledged; feed.ack() before the next one")

    def follow(self, timeout: float | None = None) -> Iterator[Batch]:
        """The batches that there are to tell, and those that come, until nothing came for `timeout` seconds; for None
        without an end. Raises as iterating does.
        """
        events = self._store.schema.events
        with suppress(StoreUnusable), self._store.writing() as tx:  # a role that owns no tables looks each second
            notify_of(tx.connection, events)
        with self._store.reading() as tx:
            channel = channel_of(tx.connection, events)
        with self._store.database.watching(channel) as wait:
            heard = monotonic()
            while True:
                for batch in self:
                    yield batch
                    heard = monotonic()
                left = DUE_EVERY if timeout is None else heard + timeout - monotonic()
                if left <= 0:
                    return
                wait(min(left, DUE_EVERY))

    def ack(self, batch: Batch | None = None) -> None:
        """Acknowledge a batch: that which was handed out last, unless one is given. Safe to repeat.

        Raises ValueError for one that isn't the next to be acknowledged, or where none was handed out.
        """
        number = self._handed_out if batch is None else batch.number
        if number is None:
            raise ValueError("no batch was handed out yet, so there is none to acknowledge")
        with self._store.writing() as tx:
            schema, now = self._store.schema, self._session.now()
            if acknowledge(schema, tx.connection, self._name, number, now):
                return
            done = _found(self._session, tx, self._name).acknowledged
        if number > done:
            raise ValueError(f"batch {number} can't be acknowledged, as batch {done + 1} comes first")

    def replay(self, since: datetime | int = 1) -> Iterator[Batch]:
        """The batches that are kept, which are those of 30 days, as they were handed out: from a number on, or made at
        a moment or later. Raises NotFound once the subscription was dropped.
        """
        with self._store.reading() as tx:
            subscription = _found(self._session, tx, self._name)
            moment = 0 if isinstance(since, int) else int(since.timestamp() * 1_000_000)
            numbers = list(kept_batches(self._store.schema, tx.connection, self._name, moment))
        first = since if isinstance(since, int) else 1
        for number in numbers:
            if number >= first:
                batch = self._read(subscription, number)
                if batch is not None:
                    yield batch

    def accept_clock(self) -> None:
        """Take the time it is by the clock for right, however far that is from what was told.

        What fell due up to it is made ready to be handed out, unless batches wait.
        """
        self._pass(accept=True)

    def drop(self) -> None:
        """Drop the subscription and its batches. Raises NotFound where it was dropped before."""
        with self._store.writing() as tx:
            if not drop_subscription(self._store.schema, tx.connection, self._name):
                raise NotFound(f'there is no subscription "{self._name}"')

    # ----------------------------------------------------------------------------------------------------- batches

    def _next(self) -> Batch | None:
        """The oldest batch that waits, after a pass where none does; None where there is nothing to tell."""
        for _ in range(2):
            with self._store.reading() as tx:
                subscription = _found(self._session, tx, self._name)
            if subscription.acknowledged < subscription.batch:
                self._handed_out = subscription.acknowledged + 1
                batch = self._read(subscription, self._handed_out)
                if batch is None:
                    raise StoreUnusable(f"batch {self._handed_out} of the subscription is gone; a backup has it")
                return batch
            self._pass(accept=False)
        with self._store.reading() as tx:
            subscription = _found(self._session, tx, self._name)
        return self._next() if subscription.acknowledged < subscription.batch else None

    def _waits(self, number: int) -> bool:
        with self._store.reading() as tx:
            return _found(self._session, tx, self._name).acknowledged < number

    def _read(self, subscription: Subscription, number: int) -> Batch | None:
        with self._store.reading() as tx:
            encoded = read_batch(self._store.schema, tx.connection, self._name, number)
        if encoded is None:
            return None
        told = enumerate(decode_batch(encoded), 1)
        changes = tuple(_change(f"{subscription.token}-{number}-{place}", each) for place, each in told)
        return Batch(number=number, changes=changes)

    # ------------------------------------------------------------------------------------------------------- a pass

    def _pass(self, *, accept: bool) -> None:
        """Make the batches of what there is to tell, unless some wait or another process made them meanwhile."""
        store, session = self._store, self._session
        store.database.require_writable()
        session.freshen(freshness_of(True, None))
        self._require_indexes()
        with span(store, "tell changes"), Spool() as spool:
            with store.reading() as tx:
                old = _found(session, tx, self._name)
                if old.acknowledged < old.batch:
                    return
                difference = self._difference(tx, old, accept=accept)
                spool.take(self._wanted(difference))
            new = replace(
                old,
                position=difference.new_position,
                told_at=difference.new_instant,
                ruleset=difference.new_rules.ruleset.canonical(),
            )
            if spool.count or not _is_hardly_newer(old, new):
                with store.writing() as tx:
                    move_on(store.schema, tx.connection, old, new, spool.batches(), session.now())

    def _difference(self, tx: Transaction, old: Subscription, *, accept: bool) -> Difference:
        """What there is to tell in this snapshot. Raises as iterating does."""
        session, store, now = self._session, self._store, self._session.now()
        if now - old.told_at > LONGEST_STEP and not accept:
            raise StoreUnusable(
                f'the subscription "{self._name}" was told up to {to_datetime(old.told_at).isoformat()}, and by the '
                f"clock it is {to_datetime(now).isoformat()}; where that is right, accept the clock: "
                "`regulars changes accept-clock`, or feed.accept_clock()"
            )
        live, models, in_force = session.live(tx), session.models(tx), session.in_force(tx)
        if not live.is_current:
            raise StoreUnusable("the read models were folded by other code or rules; `regulars rebuild --stale` first")
        if models.bulk(tx.connection) is not None or len(models.level(tx.connection)) > 1:
            raise StoreBusy("the read models are being folded by another process; ask again")
        rules, checkpoint = session.rules(tx), models.checkpoint(tx.connection)
        if checkpoint < old.position:
            raise StoreBusy(f"the events up to {old.position} are not folded in yet; ask again")
        return Difference(
            store=store,
            tx=tx,
            models=models,
            shown=self._shown,
            old_position=old.position,
            new_position=checkpoint,
            old_instant=old.told_at,
            new_instant=max(now, old.told_at),
            old_rules=self._rules(tx, old.ruleset, rules),
            new_rules=rules,
            rules_since=in_force.position,
            on_looked=self._on_looked,
        )

    def _rules(self, tx: Transaction, text: str, in_force: Rules) -> Rules:
        """The rules by which was told, compiled; those in force where they are the same."""
        if text == in_force.ruleset.canonical():
            return in_force
        registry = self._store.registry
        ruleset = restore_rules(text, registry.grammar)
        return compile_rules(ruleset, self._store.currency(tx.connection), registry.sections)

    def _wanted(self, difference: Difference) -> Iterator[Untold]:
        if self._wants_events:
            yield from (each for each in difference.recorded() if self._selection.wants(each.kind, each.what))
        if self._shown:
            yield from (each for each in difference if self._selection.wants(each.kind, each.what))

    def _is_wanted(self, shown: Shown) -> bool:
        return any(self._selection.wants(kind, shown.what) for kind in CHANGE_KINDS if kind != "recorded")

    def _require_indexes(self) -> None:
        """Make the indexes by which it is found what turns, where the generation that answers lacks them."""
        with self._store.reading() as tx:
            models = self._session.models(tx)
        if models.number != self._indexed:
            with self._store.writing() as tx:
                index_turns(models, tx.connection, self._shown)
            self._indexed = models.number


def _is_hardly_newer(old: Subscription, new: Subscription) -> bool:
    """Whether nothing was recorded, and time moved on by so little that it isn't worth a write."""
    moved_on = (new.position, new.ruleset) != (old.position, old.ruleset)
    return not moved_on and new.told_at - old.told_at < _UNNOTED


def _change(change_id: str, told: Untold) -> Change:
    return Change(
        id=change_id,
        kind=told.kind,
        what=told.what,
        customer_id=CustomerId(told.customer_id) if told.customer_id else None,
        key=told.key or None,
        old=told.old,
        new=told.new,
        since=to_datetime(told.since),
        position=told.position,
        due=None if told.due is None else to_datetime(told.due),
    )
