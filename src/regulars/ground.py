"""What every door of the library stands on: the store, the clock, and the generation that answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date, datetime
from typing import cast

from msgspec.structs import replace

from adapters.building import build, build_beside, building_alone
from adapters.catch_up import Progress, catch_up
from adapters.damage import DamagedReadModels
from adapters.generations import (
    FOUNDING,
    Generation,
    newest_generation,
    read_generation,
)
from adapters.read_models import ReadModels
from adapters.sealing import SEAL_AFTER, seal_when_due
from adapters.seals import BLOCK
from adapters.settings import required, text_of, unreadable
from adapters.store import Store
from adapters.transaction import Premises, Transaction
from crm_domain import rulebook
from crm_domain.command import Context, CustomerId, TicketPolicy, require_label
from crm_domain.errors import NotFound, StoreBusy, StoreUnusable
from crm_domain.instant import to_instant
from crm_domain.points import PointsPolicy
from crm_domain.rulebook import Edition, Rulebook, RulebookEvent, founded
from projections.compiled import Rules, compile_rules
from projections.rules import Ruleset, restore_rules
from regulars.answers import instant_of
from regulars.clock import Clock
from regulars.execution import Issuer
from regulars.standpoint import Standpoint

#: Rules to judge by: a ruleset, or the number of one that was in force.
AnyRules = Ruleset | int


class Ground:
    """One open store with its clock. Other processes publish rules too, so the live generation is looked up anew."""

    def __init__(self, store: Store, clock: Clock, actor: str) -> None:
        self.store = store
        self.last_written = 0
        self._clock = clock
        self._opened_by = Issuer(actor=actor)
        self._acting = threading.local()
        self._live: Generation | None = None
        self._models: ReadModels | None = None
        self._compiled: tuple[int, Rules] | None = None
        self._policies: tuple[int, Context] | None = None
        self._sealing_due = SEAL_AFTER

    def now(self) -> int:
        """The instant it is by the clock."""
        return to_instant(self._clock())

    # ------------------------------------------------------------------------------------------------------ who acts

    @property
    def issuer(self) -> Issuer:
        """Who acts in this thread, and why."""
        issuer: Issuer = getattr(self._acting, "issuer", self._opened_by)
        return issuer

    @contextmanager
    def acting(self, actor: str | None, correlation_id: str | None, reason: str | None) -> Iterator[None]:
        """Within the block and in this thread, let somebody act; what isn't given stays as it was."""
        before = self.issuer
        self._acting.issuer = Issuer(
            actor=before.actor if actor is None else require_label(actor, "an actor"),
            correlation_id=(
                before.correlation_id if correlation_id is None else require_label(correlation_id, "a correlation id")
            ),
            reason=reason or before.reason,
        )
        try:
            yield
        finally:
            self._acting.issuer = before

    # ------------------------------------------------------------------------------------------- by which rules, when

    def live(self, tx: Transaction) -> Generation:
        """The generation that answers in this snapshot."""
        return self._generation(tx, tx.live_generation)

    def _generation(self, tx: Transaction, number: int | None) -> Generation:
        if number is None:
            raise DamagedReadModels(
                "this store doesn't say which generation of read models answers; `regulars rebuild` makes one"
            )
        # Threads on other snapshots replace what is kept here, so what is returned is what was looked at.
        live = self._live
        if live is None or live.number != number:
            live = self._live = read_generation(self.store.schema, tx.connection, number)
        return live

    def models(self, tx: Transaction) -> ReadModels:
        """The read models that answer in this snapshot."""
        live, models = self.live(tx), self._models
        if models is None or models.number != live.number:
            models = self._models = live.read_models(self.store)
        return models

    def rules(self, tx: Transaction) -> Rules:
        """The rules in force, compiled."""
        live = self.live(tx)
        compiled = self._compiled
        if compiled is None or compiled[0] != live.number:
            currency = self.store.currency(tx.connection)
            compiled = (live.number, compile_rules(live.ruleset, currency))
            if currency is not None:  # else the first amount may still bring one with another number of digits
                self._compiled = compiled
        return compiled[1]

    def context(self, tx: Transaction, premises: Premises | None = None) -> Context:
        """What decisions may know beside their commands and streams, as of now."""
        premises = premises or tx.premises()
        live = self._generation(tx, premises.live_generation)
        policies = self._policies
        if policies is None or policies[0] != live.number:
            policies = self._policies = (live.number, policies_of(live.ruleset, live.rules_digest))
        return replace(policies[1], now=self.now(), currency=premises.currency)

    def has_committed(self, position: int) -> None:
        """Remember the last position that a transaction left behind."""
        self.last_written = max(self.last_written, position)

    def rulebook(self, tx: Transaction, until: int | None = None) -> Rulebook:
        """The editions of the rules up to a position."""
        first = self._founding(tx)
        state = founded(first.ruleset, first.digest)
        for recorded in tx.log.streams([rulebook.STREAM]):
            if until is None or recorded.position <= until:
                state = rulebook.evolve(state, cast("RulebookEvent", recorded.event))
        return state

    def in_force(self, tx: Transaction) -> Ruleset:
        """The rules in force as the log has them, also where no generation can be read."""
        edition = self.rulebook(tx).in_force
        assert edition is not None
        return restore_rules(edition.ruleset)

    def edition(self, tx: Transaction, number: int) -> Edition:
        """The rules that came into force as the first, the second, … Raises NotFound."""
        editions = self.editions(tx)
        if not 1 <= number <= len(editions):
            raise NotFound(f"there is no version {number} of the rules; there are 1 to {len(editions)}")
        return editions[number - 1]

    def editions(self, tx: Transaction) -> list[Edition]:
        """All that ever came into force, in that order; those that came back count again."""
        events = (cast("RulebookEvent", recorded.event) for recorded in tx.log.streams([rulebook.STREAM]))
        published = (Edition(ruleset=event.ruleset, digest=event.digest) for event in events)
        return [self._founding(tx), *published]

    def _founding(self, tx: Transaction) -> Edition:
        text = text_of(FOUNDING, required(self.store.read_settings(tx.connection), FOUNDING))
        try:
            digest = restore_rules(text).digest()
        except ValueError:
            raise unreadable(FOUNDING, "a set of rules") from None
        return Edition(ruleset=text, digest=digest)

    def standpoint(
        self, tx: Transaction, known_at: datetime | date | None = None, rules: AnyRules | None = None
    ) -> Standpoint:
        """Where a question with these two axes stands. Raises NotFound for a number of no rules."""
        live = self.live(tx)
        until = self._position(tx, known_at, live)
        if isinstance(rules, bool) or not isinstance(rules, int | Ruleset | None):
            raise ValueError(f"rules are a Ruleset or the number of a version, not {rules!r}")
        if isinstance(rules, int):
            ruleset = restore_rules(self.edition(tx, rules).ruleset)
        elif rules is not None:
            ruleset = rules
        elif until is None:
            ruleset = live.ruleset
        else:
            in_force = self.rulebook(tx, until).in_force
            assert in_force is not None
            ruleset = restore_rules(in_force.ruleset)
        is_live = until is None and (ruleset is live.ruleset or ruleset.digest() == live.rules_digest)
        return Standpoint(
            ruleset=ruleset,
            rules=self.rules(tx) if is_live else self._compile(tx, ruleset),
            until=until,
            is_live=is_live,
            models=self.models(tx) if is_live else None,
        )

    def _position(self, tx: Transaction, known_at: datetime | date | None, live: Generation) -> int | None:
        if known_at is None:
            return None
        instant = instant_of(known_at, live.ruleset.zone)
        return None if instant >= self.now() else self.store.position_at(tx.connection, instant)

    def _compile(self, tx: Transaction, ruleset: Ruleset) -> Rules:
        return compile_rules(ruleset, self.store.currency(tx.connection))

    # ----------------------------------------------------------------------------------------------------- catching up

    def catch_up(self, on_progress: Progress | None = None) -> None:
        """Fold in everything that was recorded, unless this process may not write, or other code folded before."""
        if self.store.database.read_only:
            return
        with self.store.reading() as tx:
            models, rules = self.models(tx), self.rules(tx)
        if models.is_current:
            reached = catch_up(self.store, models, rules, at_least=self.last_written, on_progress=on_progress)
            self._seal_when_due(reached)

    def _seal_when_due(self, reached: int) -> None:
        """Seal what was recorded, once that is much. A question is answered even where nothing can be sealed now."""
        if reached < self._sealing_due:
            return
        self._sealing_due = reached + BLOCK
        with suppress(StoreBusy, StoreUnusable):  # `regulars seal` says why
            self._sealing_due = seal_when_due(self.store, self.now())

    def scratch(self, standpoint: Standpoint, on_progress: Progress | None, *, fresh: bool) -> Standpoint:
        """The same standpoint with read models, which are built where there are none, and kept.

        Those that go on are caught up only where the answer is to be `fresh`.
        """
        if standpoint.models is not None:
            return standpoint
        if self.store.database.read_only:
            raise StoreUnusable(
                "a list as known on another day or by other rules has to be built first, and this store is read-only; "
                "questions about one customer are answered"
            )
        ruleset, until = standpoint.ruleset, standpoint.until
        with self.store.reading() as tx:
            generation = newest_generation(self.store.schema, tx.connection, ruleset, until)
        if generation is None or not generation.is_checked:
            with building_alone(self.store):
                generation = build_beside(
                    self.store,
                    ruleset,
                    self.now(),
                    known_until=until,
                    at_least=self.last_written,
                    on_progress=on_progress,
                )
        elif fresh and generation.known_until is None:
            build(self.store, generation, at_least=self.last_written, on_progress=on_progress)
        return replace(standpoint, models=generation.read_models(self.store))

    # --------------------------------------------------------------------------------------------------- who is meant

    def resolve(self, tx: Transaction, who: str | CustomerId) -> str:
        """The id of a customer: a bare string is an outside reference. Raises NotFound."""
        if isinstance(who, CustomerId):
            if self.store.version_of(tx.connection, who):
                return str(who)
        else:
            found = tx.find("ref", [who])
            if who in found:
                return found[who][0]
        raise NotFound(f'no customer has the {"id" if isinstance(who, CustomerId) else "reference"} "{who}"')

    def members(self, tx: Transaction, who: str | CustomerId, until: int | None = None) -> tuple[str, ...]:
        """The customer who is meant, or who they were merged into, and everyone who is one with them."""
        customer_id = self.resolve(tx, who)
        return tx.families([customer_id], until).members(customer_id)


def policies_of(ruleset: Ruleset, digest: str) -> Context:
    """What the rules in force say that decides on commands."""
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
    )
