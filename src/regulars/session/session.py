"""One open store with its clock, its live generation, and the rules in force."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import date, datetime
from typing import Protocol, cast

from msgspec.structs import replace

from regulars.adapters.extensions.extended import MissingExtension
from regulars.adapters.progress import Progress
from regulars.adapters.read_models.announcing import tell_live, tell_parked
from regulars.adapters.read_models.building import build, build_beside, building_alone
from regulars.adapters.read_models.catch_up import (
    await_folded,
    catch_up,
    catch_up_at_once,
    events_behind,
    is_behind,
    is_worth_waiting_for,
)
from regulars.adapters.read_models.generations import Generation, everything, find_live, newest_generation, replace_live
from regulars.adapters.read_models.rows import ReadModels
from regulars.adapters.sealing.sealing import SEAL_AFTER, SEAL_AT_ONCE, Due, seal_when_due
from regulars.adapters.sealing.seals import BLOCK
from regulars.adapters.sql.damage import BY_A_REBUILD, DamagedReadModels
from regulars.adapters.store.horizon import OpenTransaction, oldest_transaction
from regulars.adapters.store.rules_in_force import InForce, read_founding, read_in_force, restored
from regulars.adapters.store.store import Store
from regulars.adapters.store.transaction import Premises, Transaction
from regulars.crm_domain import rulebook
from regulars.crm_domain.command import Context, CustomerId, PipelinePolicy, TicketPolicy
from regulars.crm_domain.errors import NotFound, StoreBusy, StoreUnusable
from regulars.crm_domain.instant import to_instant
from regulars.crm_domain.points import PointsPolicy
from regulars.crm_domain.rulebook import Edition, Rulebook, RulebookEvent, founded
from regulars.projections.points.compiled import bonus_rule
from regulars.projections.rules.compiled import Rules, compile_rules
from regulars.projections.rules.grammar import Ruleset, restore_rules
from regulars.projections.satisfaction.compiled import compile_satisfaction
from regulars.session.clock import Clock
from regulars.session.freshness import Freshness
from regulars.session.instants import instant_of
from regulars.session.own_writes import MOST, OwnWrites, families_written
from regulars.session.viewpoint import Viewpoint

#: Rules to judge by: a ruleset, or the number of one that was in force.
AnyRules = Ruleset | int

HOUR = 3_600_000_000

#: While much is recorded one after the other, so much of the time goes into folding it in, at least so long at once.
SHARE_OF_FOLDING = 0.25
FOLDING_AT_ONCE = 0.5

#: From so many events on it is asked whether to fold all of them afresh, which is so many times quicker for each.
FAR_BEHIND = 10_000
AFRESH_IS_QUICKER = 10


class Names(Protocol):
    """Names that are held decrypted in memory, where a process asked for that."""

    def mentioning(self, tx: Transaction, text: str) -> frozenset[str] | None:
        """Who has a text in their name or address, as of a snapshot; None where they are too many."""


class Session:
    """One open store with its clock.

    Other processes publish rules too, so each snapshot looks up the live generation.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.last_written = 0
        self._own_writes = OwnWrites()
        self._clock = clock
        self._live: tuple[Generation, InForce] | None = None
        self._models: ReadModels | None = None
        self._compiled: tuple[str, Rules] | None = None
        self._policies: tuple[str, Context] | None = None
        self._sealing_due = Due()
        self._unspent = 0.0
        self.names: Names | None = None

    def now(self) -> int:
        """The instant it is by the clock."""
        return to_instant(self._clock())

    # ------------------------------------------------------------------------------------------- by which rules, when

    def live(self, tx: Transaction) -> Generation:
        """The generation that answers in this snapshot. Raises DamagedReadModels where it is gone or can't be read."""
        live, _ = self._judging(tx, tx.live_generation)
        if live is None:
            raise DamagedReadModels(f"generation {tx.live_generation}, which is to answer, is gone; {BY_A_REBUILD}")
        return live

    def in_force(self, tx: Transaction) -> InForce:
        """The rules in force in this snapshot: those of the log, whatever the generation that answers has."""
        try:
            return self._judging(tx, tx.live_generation)[1]
        except DamagedReadModels:  # the rules don't depend on it
            return read_in_force(self.store.schema, tx.connection, self.store.registry.grammar)

    def _judging(self, tx: Transaction, number: int | None) -> tuple[Generation | None, InForce]:
        """The generation of a number, None where it is gone, and the rules in force."""
        if number is None:
            raise DamagedReadModels(
                "this store doesn't say which generation of read models answers; `regulars rebuild` makes one"
            )
        # Threads on other snapshots replace what is kept here, so what is returned is what was looked at.
        kept = self._live
        if kept is not None and kept[0].number == number:
            return kept
        schema, connection = self.store.schema, tx.connection
        in_force = read_in_force(schema, connection, self.store.registry.grammar)
        live = find_live(self.store, connection, number, in_force)
        # Rules and what they judged come into force together, so one number stands for both, where that is so.
        if live is not None and live.is_in_force:
            self._live = (live, in_force)
        return live, in_force

    def ruleset(self, tx: Transaction) -> Ruleset:
        """The rules in force."""
        return self.in_force(tx).ruleset

    def models(self, tx: Transaction) -> ReadModels:
        """The read models that answer in this snapshot."""
        live, models = self.live(tx), self._models
        if models is None or (models.number, models.is_current) != (live.number, live.is_current):
            models = self._models = live.read_models(self.store)
        return models

    def rules(self, tx: Transaction) -> Rules:
        """The rules in force, compiled."""
        in_force, compiled = self.in_force(tx), self._compiled
        if compiled is None or compiled[0] != in_force.digest:
            currency = self.store.currency(tx.connection)
            compiled = (in_force.digest, compile_rules(in_force.ruleset, currency, self.store.registry.sections))
            if currency is not None:  # else the first amount may still bring one with another number of digits
                self._compiled = compiled
        return compiled[1]

    def context(self, tx: Transaction, premises: Premises | None = None) -> Context:
        """The context of decisions, beside their commands and streams, as of now."""
        premises = premises or tx.premises()
        (_, in_force), policies = self._judging(tx, premises.live_generation), self._policies
        if policies is None or policies[0] != in_force.digest:
            policies = self._policies = (in_force.digest, policies_of(in_force.ruleset, in_force.digest))
        return replace(policies[1], now=self.now(), currency=premises.currency)

    def has_committed(self, customer_ids: Iterable[str], position: int) -> None:
        """Remember which customers a transaction wrote of, and its last position."""
        self._own_writes.note(customer_ids, position)
        self.last_written = max(self.last_written, position)

    def rulebook(self, tx: Transaction, until: int | None = None) -> Rulebook:
        """The editions of the rules up to a position."""
        first = self._founding(tx)
        state = founded(first.ruleset, first.digest)
        for recorded in tx.log.streams([rulebook.STREAM]):
            if until is None or recorded.position <= until:
                state = rulebook.evolve(state, cast("RulebookEvent", recorded.event))
        return state

    def edition(self, tx: Transaction, number: int) -> Edition:
        """The version of the rules with this number, counted from 1. Raises NotFound."""
        editions = self.editions(tx)
        if not 1 <= number <= len(editions):
            raise NotFound(f"there is no version {number} of the rules; there are 1 to {len(editions)}")
        return editions[number - 1]

    def editions(self, tx: Transaction) -> list[Edition]:
        """All versions of the rules, oldest first; a rollback counts as one."""
        events = (cast("RulebookEvent", recorded.event) for recorded in tx.log.streams([rulebook.STREAM]))
        published = (Edition(ruleset=event.ruleset, digest=event.digest) for event in events)
        return [self._founding(tx), *published]

    def _founding(self, tx: Transaction) -> Edition:
        text = read_founding(self.store.schema, tx.connection)
        return Edition(ruleset=text, digest=restored(text, None, self.store.registry.grammar).digest())

    def viewpoint(
        self, tx: Transaction, known_at: datetime | date | None = None, rules: AnyRules | None = None
    ) -> Viewpoint:
        """Where a question with these two axes stands. Raises NotFound for a number of no rules."""
        now_in_force = self.in_force(tx)
        until = self.known_until(tx, known_at)
        if isinstance(rules, bool) or not isinstance(rules, int | Ruleset | None):
            raise ValueError(f"rules are a Ruleset or the number of a version, not {rules!r}")
        if isinstance(rules, int):
            ruleset = restore_rules(self.edition(tx, rules).ruleset, self.store.registry.grammar)
        elif rules is not None:
            ruleset = rules
        elif until is None:
            ruleset = now_in_force.ruleset
        else:
            in_force = self.rulebook(tx, until).in_force
            assert in_force is not None
            ruleset = restore_rules(in_force.ruleset, self.store.registry.grammar)
        is_live = until is None and (ruleset is now_in_force.ruleset or ruleset.digest() == now_in_force.digest)
        return Viewpoint(
            ruleset=ruleset,
            rules=self.rules(tx) if is_live else self._compile(tx, ruleset),
            until=until,
            is_live=is_live,
            models=self.models(tx) if is_live else None,
        )

    def known_until(self, tx: Transaction, known_at: datetime | date | None) -> int | None:
        """The position of the last event that was known at a moment; None from now on, when all of them are."""
        if known_at is None:
            return None
        instant = instant_of(known_at, self.ruleset(tx).zone)
        return None if instant >= self.now() else self.store.position_at(tx.connection, instant)

    def _compile(self, tx: Transaction, ruleset: Ruleset) -> Rules:
        return compile_rules(ruleset, self.store.currency(tx.connection), self.store.registry.sections)

    # ----------------------------------------------------------------------------------------------------- catching up

    def catch_up(self, on_progress: Progress | None = None) -> None:
        """Fold in everything that was recorded, unless this process may not write, or other code folded before.

        Where that is much beside what is folded in already, folding everything afresh beside it is quicker.
        """
        if self._fold_in_at_once(at_least=self.last_written, within=None, seals=SEAL_AT_ONCE, on_progress=on_progress):
            return
        with self.store.reading() as tx:
            live, ruleset = self.live(tx), self.ruleset(tx)
            is_far_behind = not self.store.database.read_only and _is_far_behind(self.store, self.models(tx), tx)
        if is_far_behind and live.is_current:
            with suppress(StoreBusy):  # somebody builds already
                self._fold_afresh(live, ruleset, on_progress)
                on_progress = None  # it was told of everything; what came meanwhile would begin at nothing again
        self._fold_in_steps(at_least=self.last_written, within=None, seals=SEAL_AT_ONCE, on_progress=on_progress)

    def _fold_afresh(self, live: Generation, ruleset: Ruleset, on_progress: Progress | None) -> None:
        with building_alone(self.store):
            generation = build_beside(
                self.store, ruleset, self.now(), afresh=everything(self.store), on_progress=on_progress
            )
            with self.store.writing() as tx:
                self.store.exclude_others(tx.connection)
                replace_live(self.store, tx.connection, live.number, generation.number)
            tell_live(generation.number)

    def fold_beside(self, seconds: float) -> None:
        """Fold in for a share of the time that was spent on recording, so that lists don't fall far behind.

        Once so much is recorded that everything will be folded afresh, nothing is folded in before that.
        """
        self._unspent += seconds * SHARE_OF_FOLDING
        if self._unspent < FOLDING_AT_ONCE or self.store.database.is_memory:
            return
        with self.store.reading() as tx:
            is_worth_it = not _is_far_behind(self.store, self.models(tx), tx)
        if is_worth_it:
            with suppress(StoreBusy):  # others write all the time, and fold in as well
                self._fold_in(at_least=0, within=self._unspent)
        self._unspent = 0.0

    def freshen(self, freshness: Freshness) -> None:
        """Fold in what is new, as far as a list asks for that.

        Raises StoreBusy where it asks for a position that isn't reached, and where what lists answer from is being
        folded for the first time and isn't through with that.
        """
        if freshness.folds:
            self._fold_in(at_least=self._position_for(freshness), within=self._seconds_for(freshness))

    def _position_for(self, freshness: Freshness) -> int:
        """The position that a list must know of."""
        return max(freshness.at_least, self.last_written if freshness.seconds is None else 0)

    def _seconds_for(self, freshness: Freshness) -> float | None:
        """For how long a list folds in what is new; None for as long as it takes."""
        if freshness.seconds is None or not freshness.at_least:
            return freshness.seconds
        return max(freshness.seconds, self.store.database.lock_timeout)

    def _fold_in(self, *, at_least: int, within: float | None) -> None:
        # A question waits for what it seals, so that is less than what catching up does.
        if not self._fold_in_at_once(at_least=at_least, within=within, seals=SEAL_AFTER):
            self._fold_in_steps(at_least=at_least, within=within, seals=SEAL_AFTER)

    def _fold_in_at_once(
        self, *, at_least: int, within: float | None, seals: int, on_progress: Progress | None = None
    ) -> bool:
        """Fold in everything that is settled by now, and seal about so many events where that is due; False where it
        takes several steps, or isn't for this process to do.
        """
        if self.store.database.read_only:
            return False
        reached = catch_up_at_once(
            self.store,
            lambda tx: (self.models(tx), self.rules(tx)),
            at_least=at_least,
            within=within,
            on_progress=on_progress,
            on_poison=tell_parked,
        )
        if reached is not None:
            self._seal_when_due(reached, seals)
        return reached is not None

    def _fold_in_steps(
        self, *, at_least: int, within: float | None, seals: int, on_progress: Progress | None = None
    ) -> None:
        with self.store.reading() as tx:
            models, rules = self.models(tx), self.rules(tx)
        if self.store.database.read_only or not models.is_current:
            if within is not None:
                await_folded(self.store, models, at_least, within)
            return
        try:
            reached = catch_up(
                self.store,
                models,
                rules,
                at_least=at_least,
                within=within,
                on_progress=on_progress,
                on_poison=tell_parked,
            )
        except StoreBusy:
            with self.store.reading() as tx:
                models = self.models(tx)
                reached = models.checkpoint(tx.connection)
            if reached < at_least or within is None:
                raise  # else another generation took the place of the one that was being caught up
        if not reached:
            with self.store.reading() as tx:
                if is_worth_waiting_for(self.store, models, tx.connection):
                    raise StoreBusy(
                        "what lists answer from is being folded for the first time; ask again, or ask with fresh=True, "
                        "which waits for it"
                    )
        self._seal_when_due(reached, seals)

    def _seal_when_due(self, reached: int, at_most: int) -> None:
        """Seal what was recorded, once that is much. A question is answered even where nothing can be sealed now."""
        now = self.now()
        if not self._sealing_due.is_reached(reached, now):
            return
        self._sealing_due = Due(reached + BLOCK, now + HOUR)
        with suppress(StoreBusy, StoreUnusable):  # `regulars seal` says why
            self._sealing_due = seal_when_due(self.store, now, at_most)

    def close(self) -> None:
        """Seal events that are more than a day old, and close every database connection."""
        if not self.store.database.read_only:
            self._seal_when_due(self.last_written, SEAL_AFTER)
        self.names = None
        self.store.close()

    def families_written(
        self, tx: Transaction, viewpoint: Viewpoint, freshness: Freshness
    ) -> tuple[tuple[str, ...], ...]:
        """The families of whom this process wrote what isn't folded in yet, if a list is to know of that.

        Raises StoreBusy where that are too many to fold for a list.
        """
        models = viewpoint.models
        is_wanted = freshness.with_own_writes and viewpoint.until is None
        if models is None or not is_wanted or self.store.database.read_only or not models.is_current:
            return ()
        checkpoint = models.checkpoint(tx.connection)
        customer_ids = self._own_writes.after(checkpoint)
        if customer_ids is None:
            holder = self.held_back_by(tx, models)
            reason = "as others write" if holder is None else f"as {holder} holds back what is recorded"
            raise StoreBusy(
                f"this process wrote of over {MOST} customers what isn't folded in yet, {reason}; ask again, or ask "
                "with fresh=True, which waits until it is"
            )
        return families_written(tx, customer_ids, checkpoint) if customer_ids else ()

    @property
    def missing_extensions(self) -> tuple[MissingExtension, ...]:
        """The extensions that the store needs and that it was opened without."""
        return tuple(MissingExtension(each.name) for each in self.store.extended.missing)

    def held_back_by(self, tx: Transaction, models: ReadModels) -> OpenTransaction | None:
        """Who keeps what is recorded from being folded in, where that is a transaction on the same server."""
        if self.store.database.is_sqlite or is_behind(self.store, models, tx.connection):
            return None
        return oldest_transaction(tx.connection)

    def scratch(self, viewpoint: Viewpoint, on_progress: Progress | None, freshness: Freshness) -> Viewpoint:
        """The same viewpoint with read models, which are built where there are none, and kept.

        Those that go on are caught up as far as the answer is to be fresh.
        """
        if viewpoint.models is not None:
            return viewpoint
        if self.store.database.read_only:
            raise StoreUnusable(
                "a list as known on another day or by other rules has to be built first, and this store is read-only; "
                "questions about one customer are answered"
            )
        ruleset, until = viewpoint.ruleset, viewpoint.until
        with self.store.reading() as tx:
            generation = newest_generation(self.store, tx.connection, ruleset, until)
        if generation is None or not generation.is_checked:
            with building_alone(self.store):
                generation = build_beside(
                    self.store,
                    ruleset,
                    self.now(),
                    known_until=until,
                    at_least=max(freshness.at_least, self.last_written),
                    on_progress=on_progress,
                )
        elif generation.known_until is None and freshness.folds:
            build(
                self.store,
                generation,
                ruleset,
                at_least=self._position_for(freshness),
                within=self._seconds_for(freshness),
                on_progress=on_progress,
            )
        return replace(viewpoint, models=generation.read_models(self.store))

    # --------------------------------------------------------------------------------------------------- who is meant

    def resolve(self, tx: Transaction, who: str | CustomerId) -> str:
        """The id of a customer: a bare string is an outside reference. Raises NotFound."""
        if isinstance(who, CustomerId):
            if self.store.version_of(tx.connection, who):
                return str(who)
        else:
            found = tx.premises(who).customer_id
            if found is not None:
                return found
        raise NotFound(f'no customer has the {"id" if isinstance(who, CustomerId) else "reference"} "{who}"')

    def members(self, tx: Transaction, who: str | CustomerId, until: int | None = None) -> tuple[str, ...]:
        """The customer who is meant, or who they were merged into, and everyone who is one with them."""
        customer_id = self.resolve(tx, who)
        return tx.families([customer_id], until).members(customer_id)


def _is_far_behind(store: Store, models: ReadModels, tx: Transaction) -> bool:
    behind = events_behind(store, models, tx.connection)
    is_begun = models.checkpoint(tx.connection) > 0  # else everything is folded from the beginning anyway
    return is_begun and behind >= FAR_BEHIND and behind * AFRESH_IS_QUICKER > store.count_events(tx.connection)


def policies_of(ruleset: Ruleset, digest: str) -> Context:
    """The policies of the rules in force, as a context of decisions."""
    points = ruleset.points
    return Context(
        now=0,
        points=PointsPolicy(
            per_unit=points.per_unit,
            pending_days=points.pending_days,
            expire_after_months=points.expire_after_months,
            zone=ruleset.business.timezone,
        ),
        rules_digest=digest,
        tickets=TicketPolicy(auto_close_days=ruleset.ticket.auto_close_days),
        pipelines=tuple(
            PipelinePolicy(id=each.id, stages=tuple(stage.id for stage in each.stages)) for each in ruleset.pipeline
        ),
        zone=ruleset.business.timezone,
        ask_again=compile_satisfaction(ruleset.satisfaction).ask_again,
        care=tuple(each.id for each in ruleset.care),
        birthdays=frozenset(each.id for each in ruleset.care if each.on == "birthday"),
        segments=tuple(each.id for each in ruleset.segment),
        earn=tuple(map(bonus_rule, ruleset.earn)),
    )
