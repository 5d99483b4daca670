"""Maintenance of the read models: rebuild, verify, repair, go back to the previous generation, prune old ones."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from regulars.adapters.checking.repairing_indexes import find_wrong, repair_index
from regulars.adapters.checking.result import Kind
from regulars.adapters.indexes.index import Index
from regulars.adapters.progress import Progress
from regulars.adapters.read_models.announcing import tell_live, tell_parked
from regulars.adapters.read_models.building import OnAfresh, build_beside, building_alone
from regulars.adapters.read_models.generations import (
    WHAT_DIFFERS,
    Generation,
    everything,
    go_live,
    prune,
    read_generation,
    read_generations,
)
from regulars.adapters.read_models.histories import Poison
from regulars.adapters.read_models.verifying import Verification, repair, verify
from regulars.adapters.sql.chunks import chunks
from regulars.adapters.sql.damage import DamagedReadModels
from regulars.adapters.store.generation_rows import live_number, previous_number
from regulars.asking.views import BuildView, views_of
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.errors import ParkedCustomer, StoreUnusable
from regulars.crm_domain.instant import to_datetime
from regulars.session.session import Session

#: It is called for each index that differed from the log, with its name and how many rows were repaired.
OnPutRight = Callable[[Kind, int], None]


@dataclass(frozen=True, slots=True)
class GenerationView:
    """One generation of read models. `checkpoint` is the position up to which it has folded in the log.

    A `scratch` generation was built for a question, and has folded nothing after the position `known_until`. `stale`
    lists how the running code differs from the code that built it. `made_at` is None where it wasn't recorded.
    """

    number: int
    rules_digest: str
    made_at: datetime | None
    checkpoint: int
    is_live: bool
    is_previous: bool
    is_whole: bool
    known_until: int | None
    stale: tuple[str, ...]
    builds: tuple[BuildView, ...]


def stop_at_poison(poison: Poison) -> None:
    """Raises ParkedCustomer, so that a build stops instead of parking this customer."""
    raise ParkedCustomer(
        f"event #{poison.position} ({poison.type}) of id:{poison.customer_id} can't be folded: {poison.reason}; "
        "the live answers were not touched; park the customer to leave them behind and let the rest go on"
    )


class Projections:
    """The read models of one store. Get it from `Regulars.projections`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def staleness(self) -> tuple[str, ...]:
        """How the code and rules that folded the live read models differ from those of now; empty if they don't.

        Raises StoreUnusable where the live generation can't be read.
        """
        with self._session.store.reading() as tx:
            return self._session.live(tx).staleness()

    def generations(self) -> tuple[GenerationView, ...]:
        """All generations that are kept, by number."""
        store = self._session.store
        with store.reading() as tx:
            live = live_number(store.schema, tx.connection)
            previous = previous_number(store.schema, tx.connection)
            return tuple(_view(each, live, previous) for each in read_generations(store, tx.connection))

    def rebuild(
        self,
        *,
        projection: str | None = None,
        park: bool = False,
        workers: int = 1,
        spark: str | None = None,
        archive: str | os.PathLike[str] | None = None,
        on_progress: Progress | None = None,
        on_afresh: OnAfresh | None = None,
        on_put_right: OnPutRight | None = None,
    ) -> int:
        """Replay the log into a new generation beside the live one, for all projections or one, and make it live.

        Returns its number. Builds that aren't replayed are shared with the previous generation.

        Before that, each index that differs from the log is repaired, and `on_put_right` is called with its name and
        how many rows differed: links of merges, consents, who was forgotten, and look-ups as far as keys can be read.
        Queries and appends go on meanwhile. An interrupted rebuild is resumed; where it turns out to differ from the
        log, it is dropped and restarted, and `on_afresh` is called with a sentence that says why. An event that can't
        be folded stops it, unless `park` leaves its customer behind. Several `workers` are processes of their own: a
        script that asks for them needs the usual `if __name__ == "__main__":`, and they pay from some 100,000 events
        on. `on_progress` is called with (events folded so far, events there are to fold).

        With `spark`, the master of a cluster such as "local[2]" or "spark://head:7077", the cluster folds the `archive`
        in a folder that all its machines have, and what was recorded since is folded here. For a master on this
        machine an archive is made, and deleted afterwards, where none is named. It takes the extra `cluster`, and Java.

        Raises ParkedCustomer, StoreBusy where another process is building, StoreUnusable where the cluster can't be
        reached or the archive isn't this store's, whole and as it was written, and ValueError for an unknown
        projection.
        """
        afresh = everything(self._session.store)
        if projection is not None:
            self.require(projection)
            afresh = frozenset({projection})
        _require_a_cluster(spark, archive)
        return self._build(afresh, park, workers, on_progress, on_afresh, on_put_right, (spark, archive))

    def rebuild_stale(
        self,
        *,
        park: bool = False,
        workers: int = 1,
        on_progress: Progress | None = None,
        on_afresh: OnAfresh | None = None,
    ) -> int:
        """Rebuild the projections whose code or rules are no longer the same, and make them live; returns the number of
        the live generation.

        The rest is as in `rebuild`.
        """
        return self._build(WHAT_DIFFERS, park, workers, on_progress, on_afresh, None)

    def require(self, projection: str) -> None:
        """Raises ValueError for a name that is neither a projection nor a set of facts that they fold."""
        registry = self._session.store.registry
        known = [*(each.name for each in registry.projectors), *(each.name for each in registry.fact_sets)]
        if projection not in known:
            raise ValueError(f'no projection is called "{projection}"; there are {", ".join(known)}')

    def _build(
        self,
        afresh: frozenset[str],
        park: bool,
        workers: int,
        on_progress: Progress | None,
        on_afresh: OnAfresh | None,
        on_put_right: OnPutRight | None,
        cluster: tuple[str | None, str | os.PathLike[str] | None] = (None, None),
    ) -> int:
        session, (spark, archive) = self._session, cluster
        with building_alone(session.store), ExitStack() as until_built:
            if afresh:
                self._put_indexes_right(on_put_right)
            elsewhere = None
            if spark is not None:
                from regulars.adapters.cluster.rebuilding import folding_on  # few programs need it

                elsewhere = until_built.enter_context(folding_on(session.store, spark, archive))
            with session.store.reading() as tx:
                ruleset = session.ruleset(tx)
            generation = build_beside(
                session.store,
                ruleset,
                session.now(),
                afresh=afresh,
                at_least=session.last_written,
                workers=workers,
                elsewhere=elsewhere,
                on_progress=on_progress,
                on_poison=tell_parked if park else stop_at_poison,
                on_afresh=on_afresh,
            )
            with session.store.writing() as tx:
                session.store.exclude_others(tx.connection)
                go_live(session.store, tx.connection, generation.number)
            tell_live(generation.number)
        return generation.number

    def repair(
        self,
        *,
        customer: str | CustomerId | None = None,
        projection: str | None = None,
        on_progress: Progress | None = None,
    ) -> int:
        """Replay one customer, or everyone for one projection, and repair the rows that differ; returns how many did.

        The links of all merges are repaired before, as they decide who is folded together; with a customer, so are the
        consents and look-ups of all customers who are or were merged with them.

        Raises NotFound for an unknown customer, ValueError for an unknown projection.
        """
        if projection is not None:
            self.require(projection)
        session, store = self._session, self._session.store
        family = None if customer is None else self._ever_one_with(customer)
        wrong = sum(self._put_right(index) for index in store.statements.indexes if index.decides_folds)
        if customer is not None and family is not None:
            family |= self._ever_one_with(customer)
            for index in store.statements.indexes:
                wrong += sum(self._put_right(index, whose) for whose in chunks(family))
        session.catch_up()
        with store.reading() as tx:
            live, rules = session.live(tx), session.rules(tx)
        if not live.is_current:
            raise StoreUnusable("the read models were folded by other code or rules; rebuild them as a whole")
        return wrong + repair(store, live.read_models(store), rules, family, projection, on_progress)

    def _ever_one_with(self, customer: str | CustomerId) -> set[str]:
        """All customers who are or were merged with a customer, by the stored links."""
        with self._session.store.reading() as tx:
            return set(tx.ever_linked(self._session.resolve(tx, customer)))

    def _put_right(self, index: Index, whose: list[str] | None = None) -> int:
        wrong = find_wrong(self._session.store, index, whose)
        return 0 if wrong is None else repair_index(self._session.store, wrong)

    def _put_indexes_right(self, on_put_right: OnPutRight | None) -> None:
        store = self._session.store
        for index in store.statements.indexes:
            wrong = find_wrong(store, index)
            if wrong is None:
                continue
            if index.decides_folds:
                self._drop_what_it_decided()
            rows = repair_index(store, wrong)
            if on_put_right and rows:
                on_put_right(index.name, rows)

    def _drop_what_it_decided(self) -> None:
        """Drop generations beside the live one, before anything is repaired: an interrupted rebuild would resume them.

        Where it can't be read which generation answers, nothing is known to be beside it.
        """
        store = self._session.store
        with suppress(DamagedReadModels), store.writing() as tx:
            store.exclude_others(tx.connection)
            prune(store, tx.connection)

    def verify(
        self,
        *,
        spark: str | None = None,
        archive: str | os.PathLike[str] | None = None,
        on_progress: Progress | None = None,
    ) -> Verification:
        """Replay the log and compare it with the stored read models; nothing is changed.

        What other code built, and what isn't built yet, is named and left out.
        `on_progress` is called with (events folded so far, events there are to fold). With `spark` and `archive`, as in
        `rebuild`, a cluster folds the archive, and only the fingerprints of the projections are compared. Raises
        StoreUnusable as `rebuild` does, and for an archive that ends before what the read models have folded.
        """
        _require_a_cluster(spark, archive)
        session = self._session
        session.catch_up()
        with session.store.reading() as tx:
            live, rules = session.live(tx), session.rules(tx)
        if spark is not None:
            from regulars.adapters.cluster.verifying import verify_on

            return verify_on(session.store, live.read_models(session.store), rules, spark, archive)
        models, to_be_built = live.read_models(session.store), live.to_be_built
        if to_be_built:
            models = models.only(live.of_this_code)
        return replace(verify(session.store, models, rules, on_progress), to_be_built=to_be_built)

    def go_back(self) -> int:
        """Make the previous generation live again; returns its number.

        Raises StoreUnusable where there is none, where other code built it, or where it was judged by other rules:
        those come back by a rollback of the rules, which is on record.
        """
        session, schema = self._session, self._session.store.schema
        with session.store.writing() as tx:
            session.store.exclude_others(tx.connection)
            number = previous_number(schema, tx.connection)
            if number is None:
                raise StoreUnusable("no generation was live before this one")
            previous, in_force = read_generation(session.store, tx.connection, number), session.in_force(tx)
            if not previous.is_current:
                raise StoreUnusable(f"generation {number} was built by other code: {'; '.join(previous.staleness())}")
            if not in_force.are(previous.ruleset, previous.rules_digest):
                raise StoreUnusable(
                    f"generation {number} was judged by other rules; `regulars rules rollback` goes back"
                )
            go_live(session.store, tx.connection, number)
        tell_live(number)
        return number

    def prune(self) -> tuple[int, ...]:
        """Drop every generation but the live and the previous one; returns the numbers of the dropped ones."""
        session = self._session
        with building_alone(session.store), session.store.writing() as tx:
            session.store.exclude_others(tx.connection)
            return tuple(prune(session.store, tx.connection))


def _require_a_cluster(spark: str | None, archive: str | os.PathLike[str] | None) -> None:
    if archive is not None and spark is None:
        raise ValueError("an archive is folded on a cluster: name its master with `spark`")


def _view(each: Generation, live: int | None, previous: int | None) -> GenerationView:
    return GenerationView(
        number=each.number,
        rules_digest=each.rules_digest,
        made_at=to_datetime(each.made_at) if each.made_at else None,
        checkpoint=each.checkpoint,
        is_live=each.number == live,
        is_previous=each.number == previous,
        is_whole=each.is_checked,
        known_until=each.known_until,
        stale=each.staleness(),
        builds=views_of(each.builds),
    )
