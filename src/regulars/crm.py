"""The front door: open a store, do things, ask things."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from functools import partial
from importlib import resources
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, overload

from msgspec.structs import replace

from adapters.backup import backup
from adapters.catch_up import Progress, catch_up, events_behind, happened_to
from adapters.database import DEFAULT_LOCK_TIMEOUT
from adapters.event_log import Search
from adapters.exporting import Write, export_events
from adapters.generations import Generation, build_generation, found_generation, live_generation
from adapters.importing import Mapping as ImportMapping
from adapters.importing import load_mapping
from adapters.quarantine import Reject, count_rejects, read_rejects
from adapters.read_models import Filters, ReadModels, Standing
from adapters.store import Collision, Store
from adapters.transaction import Transaction
from crm_domain.command import Command, Context, CustomerId, TicketPolicy, require_label
from crm_domain.errors import Conflict, NotFound, StoreBusy, StoreUnusable
from crm_domain.instant import MICROSECOND, to_datetime, to_instant
from crm_domain.membership import Membership
from crm_domain.money import from_minor_units
from crm_domain.points import PointsPolicy
from projections.compiled import Rules, compile_rules
from projections.customer_card import CustomerCard, card
from projections.fold import fold_until, verdict_at
from projections.rules import NO_TIER, Ruleset, parse_rules
from regulars.answers import (
    Contact,
    explain_customer,
    first_instant_of,
    fold_of,
    instant_of,
    read_contacts,
    timeline_of,
)
from regulars.audit import AuditEntry, AuditPage, read_audit, read_history, require_type
from regulars.clock import Clock, system_clock
from regulars.desk import Points, TicketPage, view_points, view_ticket
from regulars.execution import Execution, Issuer, Outcome
from regulars.foresight import foresee
from regulars.importing import ImportProgress, ImportReport, import_rows
from regulars.views import LANES, Customer, Explanation, Lane, Page, Status, Timeline

MAX_ATTEMPTS = 10
FAIR_ATTEMPTS = 3
MAX_PAGE = 1_000

Order = Literal["id", "risk"]


def default_rules() -> Ruleset:
    """The ruleset that comes with the library."""
    text = resources.files("regulars").joinpath("rules.toml").read_text(encoding="utf-8")
    return parse_rules(text, "the default rules")


def open(
    target: str | os.PathLike[str],
    *,
    currency: str | None = None,
    actor: str = "unknown",
    rules: Ruleset | None = None,
    clock: Clock = system_clock,
    read_only: bool = False,
    lock_timeout: float = DEFAULT_LOCK_TIMEOUT,
) -> Regulars:
    """Open a store; it is made where there is none.

    `target` is a path, ":memory:" or a SQLAlchemy URL of SQLite or PostgreSQL. `currency` (ISO 4217) is fixed by the
    first open or the first amount that names one. `actor` says who acts. `rules` are those of a new store, the
    default ones unless given. `clock` returns an aware datetime, for tests and simulations. `lock_timeout` is how many
    seconds to wait for another writer.

    Raises StoreUnusable where the database can't be used as it is, StoreBusy where it stays locked, ValueError for an
    actor that is not one line of at most 200 characters.
    """
    require_label(actor, "an actor")
    store = Store(target, lock_timeout=lock_timeout, read_only=read_only)
    try:
        if currency is not None:
            _settle_currency(store, currency)
        generation = _generation(store, rules)
    except BaseException:
        store.close()
        raise
    return Regulars(store, generation, actor=actor, clock=clock)


def _settle_currency(store: Store, currency: str) -> None:
    with store.reading() as tx:
        known = store.currency(tx.connection)
    if known is None:
        with store.writing() as tx:
            store.exclude_others(tx.connection)
            known = store.currency(tx.connection)
            if known is None:
                store.fix_currency(tx.connection, currency)
                known = currency
    if known != currency:
        raise StoreUnusable(f"this store keeps its books in {known}, not in {currency}")


def _generation(store: Store, rules: Ruleset | None) -> Generation:
    with store.reading() as tx:
        generation = live_generation(store, tx.connection)
    if generation is None:
        generation = found_generation(store, rules or default_rules())
    if rules is not None and rules.digest() != generation.ruleset.digest():
        raise StoreUnusable(
            f"this store judges by the rules {generation.ruleset.digest()[:12]}, and {rules.digest()[:12]} were given; "
            "rules are given when a store is made"
        )
    if not generation.is_current and not store.database.read_only:
        generation = build_generation(store, generation.ruleset)
    return generation


class Regulars:
    """An open store. Close it, or use it in a `with` block.

    Threads may share one: writes take turns, reads run side by side. A forked process must open its own.
    """

    def __init__(self, store: Store, generation: Generation, *, actor: str, clock: Clock) -> None:
        self._store = store
        self._generation = generation
        self._models = ReadModels(store.schema, generation.number)
        self._opened_by = Issuer(actor=actor)
        self._acting = threading.local()
        self._clock = clock
        self._policies = _policies(generation.ruleset)
        self._compiled: Rules | None = None
        self._last_written = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give every database connection back. Safe to repeat."""
        self._store.close()

    @property
    def ruleset(self) -> Ruleset:
        """The rules in force."""
        return self._generation.ruleset

    @property
    def schema_version(self) -> int:
        """The version of the store's tables; an older store is migrated when it is opened to write."""
        with self._store.reading() as tx:
            return int(self._store.read_settings(tx.connection)["schema_version"])

    @property
    def currency(self) -> str | None:
        """The store's currency, None while no amount has been recorded."""
        with self._store.reading() as tx:
            return self._store.currency(tx.connection)

    # ------------------------------------------------------------------------------------------------------- doing

    @overload
    def do(self, commands: Command) -> Outcome: ...

    @overload
    def do(self, commands: Sequence[Command]) -> list[Outcome]: ...

    def do(self, commands: Command | Sequence[Command]) -> Outcome | list[Outcome]:
        """Carry out a command, or several in one transaction: all of them or none.

        Raises Rejected where a rule of the domain would break, NotFound for a reference nobody has, Conflict where
        other writers were quicker ten times in a row, StoreBusy where the database stayed locked.
        """
        if isinstance(commands, Command):
            return self._carry_out([commands])[0]
        return self._carry_out(commands)

    @contextmanager
    def acting(
        self, *, actor: str | None = None, correlation_id: str | None = None, reason: str | None = None
    ) -> Iterator[Self]:
        """Within the block and in this thread, say who acts, what ties the commands together, and why.

        What isn't given stays as it was; blocks may stand in blocks. A command's own reason goes before.
        """
        before = self._issuer
        self._acting.issuer = Issuer(
            actor=before.actor if actor is None else require_label(actor, "an actor"),
            correlation_id=(
                before.correlation_id if correlation_id is None else require_label(correlation_id, "a correlation id")
            ),
            reason=reason or before.reason,
        )
        try:
            yield self
        finally:
            self._acting.issuer = before

    @property
    def _issuer(self) -> Issuer:
        issuer: Issuer = getattr(self._acting, "issuer", self._opened_by)
        return issuer

    def _carry_out(self, commands: Sequence[Command]) -> list[Outcome]:
        outcomes: list[Outcome] = []

        def work(tx: Transaction, execution: Execution) -> None:
            if len(commands) > 1:
                execution.prepare(commands)
            for command in commands:
                execution.carry_out(command)
            outcomes[:] = execution.finish()

        self._transact(work)
        return outcomes

    def _transact(self, work: Callable[[Transaction, Execution], None]) -> None:
        expected: dict[str, int] = {}
        for attempt in range(MAX_ATTEMPTS):
            try:
                # Whoever loses again and again would go on losing: the quicker one is always a step ahead.
                with self._store.writing(alone=attempt >= FAIR_ATTEMPTS) as tx:
                    execution = Execution(self._store, tx, self._issuer, self._context())
                    try:
                        work(tx, execution)
                    finally:
                        expected = execution.expectations()
            except Collision:
                continue
            self._last_written = max(self._last_written, execution.last_position)
            return
        raise self._conflict(expected)

    def import_file(
        self,
        path: str | os.PathLike[str],
        mapping: ImportMapping | str | os.PathLike[str],
        *,
        dry_run: bool = False,
        on_progress: ImportProgress | None = None,
        on_catch_up: Progress | None = None,
    ) -> ImportReport:
        """Import a file as a mapping says, then catch up. "-" is standard input.

        Each row is taken whole or refused; refused rows go to quarantine, in place of those of an earlier import of
        this file. A dry run does everything and takes it back at the end; it keeps other writers waiting.

        `mapping` is a path to a TOML file, or what `load_mapping` made of one. Raises NotFound for a missing file,
        InvalidMapping where the mapping breaks its grammar or doesn't fit the file.
        """
        file = Path(path)
        mapping = mapping if isinstance(mapping, ImportMapping) else load_mapping(Path(mapping))
        if dry_run:
            with self._store.rehearsing() as tx:
                return import_rows(
                    self._store, partial(self._within, tx), file, mapping, dry_run=True, on_progress=on_progress
                )
        report = import_rows(self._store, self._transact, file, mapping, dry_run=False, on_progress=on_progress)
        self.catch_up(on_catch_up)
        return report

    def _within(self, tx: Transaction, work: Callable[[Transaction, Execution], None]) -> None:
        work(tx, Execution(self._store, tx, self._issuer, self._context()))

    def backup(self, target: str | os.PathLike[str]) -> None:
        """Copy the store to a new file, as of one moment and while others write.

        Raises StoreUnusable for a file that exists, and for a store on PostgreSQL, which is backed up with pg_dump.
        """
        backup(self._store, Path(target))

    def rejects(self) -> tuple[Reject, ...]:
        """The rows that imports refused, by file."""
        with self._store.reading() as tx:
            return tuple(read_rejects(self._store, tx.connection))

    def _conflict(self, expected: Mapping[str, int]) -> Conflict | StoreBusy:
        if not expected:
            return StoreBusy("other writers were quicker again and again; try again")
        with self._store.reading() as tx:
            actual = {stream: self._store.version_of(tx.connection, stream) for stream in expected}
        moved = [stream for stream in expected if actual[stream] != expected[stream]]
        stream = next(iter(moved or expected))
        return Conflict(stream, expected[stream], actual[stream])

    # ------------------------------------------------------------------------------------------------------ asking

    def customer(self, who: str | CustomerId, *, as_of: datetime | date | None = None) -> Customer:
        """One customer: a bare string is an outside reference, a CustomerId an id.

        `as_of` is an aware datetime, or a date for the end of that day; by default it is now, and never before the
        customer's own last event. Folds in only what this customer waits for. Raises NotFound.
        """
        with self._store.reading() as tx:
            customer_id = self._resolve(tx, who)
            rules = self._rules(tx)
            folded, timelines = fold_of(self._store, self._models, tx, rules, customer_id)
            at = max(self._now(), folded.last_at or 0) if as_of is None else instant_of(as_of, rules.zone)
            held = {name: verdict_at(intervals, at) for name, intervals in timelines.items()}
            stage, tier, risk = (held.get(name) for name in LANES.values())
            if stage is None or tier is None or risk is None:
                raise NotFound(f'nothing had happened with "{who}" by {to_datetime(at).isoformat()}')
            standing = Standing(
                customer_id=customer_id,
                as_of=at,
                stage=stage,
                tier=tier,
                risk=risk,
                folded=folded,
                becomes_at=None,
                sort_key=0,
            )
            return self._view(
                standing, read_contacts(tx, [customer_id])[customer_id], self._store.currency(tx.connection)
            )

    def find(self, who: str) -> CustomerId:
        """The customer somebody means: by `id:<32 hexadecimal digits>`, by reference or by e-mail, in this order.

        Raises NotFound where nobody answers to it, or several by that e-mail.
        """
        with self._store.reading() as tx:
            if who.startswith("id:"):
                return CustomerId(self._resolve(tx, CustomerId(who.removeprefix("id:"))))
            for kind in ("ref", "email"):
                found = tx.find(kind, [who]).get(who, [])
                if len(found) > 1:
                    raise NotFound(f'{len(found)} customers have the e-mail "{who}"; name one by reference or id')
                if found:
                    return CustomerId(found[0])
        raise NotFound(f'no customer has the reference or e-mail "{who}"')

    def customers(
        self,
        *,
        stage: str | None = None,
        tier: str | None = None,
        risk_band: str | None = None,
        becoming: Mapping[Lane, str] | None = None,
        within: timedelta | None = None,
        as_of: datetime | date | None = None,
        order: Order = "id",
        limit: int = 50,
        after: str | None = None,
        fresh: bool = True,
    ) -> Page:
        """A page of customers as of an instant, by what they are, or by what they become `within` a time by themselves.

        `becoming` takes one lane, such as {"stage": "at_risk"}, and orders by when: if nothing more had happened after
        that instant. `order="risk"` puts the highest risk first. `after` is that of the page before; `limit` is at
        most 1,000. `fresh=False` answers from what is folded in already. Raises ValueError for what the rules don't
        know, and where more than 5,000 customers have changed since the day that `becoming` is asked of.
        """
        _require_limit(limit)
        if (becoming is None) != (within is None):
            raise ValueError("becoming and within go together")
        if fresh:
            self.catch_up()
        with self._store.reading() as tx:
            at = self._now() if as_of is None else instant_of(as_of, self.ruleset.zone)
            filters = self._filters(stage, tier, risk_band, becoming, within, at)
            position = _parse_cursor(after)
            standings: list[Standing] = []
            if becoming and as_of is not None:
                filters = replace(filters, unchanged_since_asked=True)
                foreseen = foresee(self._store, self._models, tx, self._rules(tx), filters, at)
                standings = [
                    each for each in foreseen if position is None or (each.sort_key, each.customer_id) > position
                ]
            standings += self._models.page(
                tx.connection,
                filters,
                at,
                not_before_last_event=as_of is None and self._models.newest_event_at(tx.connection) > at,
                by_risk=order == "risk",
                limit=limit,
                after=position,
            )
            if becoming and as_of is not None:
                standings = sorted(standings, key=lambda each: (each.sort_key, each.customer_id))[:limit]
            contacts = read_contacts(tx, [standing.customer_id for standing in standings])
            currency = self._store.currency(tx.connection)
            behind = events_behind(self._store, self._models, tx.connection)
        found = tuple(self._view(standing, contacts[standing.customer_id], currency) for standing in standings)
        last = standings[-1] if len(standings) == limit else None
        cursor = None if last is None else f"{last.sort_key}:{last.customer_id}"
        return Page(customers=found, after=cursor, behind=behind)

    def _filters(
        self,
        stage: str | None,
        tier: str | None,
        risk_band: str | None,
        becoming: Mapping[Lane, str] | None,
        within: timedelta | None,
        at: int,
    ) -> Filters:
        wanted: dict[Lane, str | None] = {"stage": stage, "tier": tier, "risk": risk_band}
        for lane, value in (*wanted.items(), *(becoming or {}).items()):
            self._require_value(lane, value)
        due = None
        if becoming and within is not None:
            if len(becoming) != 1:
                raise ValueError(f"becoming takes one lane, not {len(becoming)}")
            lane, value = next(iter(becoming.items()))
            due = (LANES[lane], value, at + within // MICROSECOND)
        values = tuple((LANES[lane], value) for lane, value in wanted.items() if value is not None)
        return Filters(values=values, becoming=due)

    def values(self, lane: Lane) -> tuple[str, ...]:
        """What a lane's verdicts can be under the rules in force, in the rules' own order."""
        rules = self.ruleset
        match lane:
            case "stage":
                return tuple(dict.fromkeys(rung.stage for rung in rules.lifecycle.stage))
            case "tier":
                levels = tuple(level.name for level in rules.tier.levels)
                return (NO_TIER, *levels) if rules.tier.members_only else levels
            case "risk":
                return tuple(sorted(rules.churn_risk.bands, key=rules.churn_risk.bands.__getitem__))

    def _require_value(self, lane: Lane, value: str | None) -> None:
        if lane not in LANES:
            raise ValueError(f'"{lane}" is not a verdict; there are {", ".join(LANES)}')
        if value is not None and value not in self.values(lane):
            raise ValueError(f'no {lane} is called "{value}"; the rules have {", ".join(self.values(lane))}')

    def catch_up(self, on_progress: Progress | None = None) -> None:
        """Fold in everything that was recorded. Queries do this themselves; a read-only store can't.

        `on_progress` is called with (events folded so far, events there were to fold).
        """
        if self._store.database.read_only:
            return
        with self._store.reading() as tx:
            rules = self._rules(tx)
        catch_up(self._store, self._models, rules, at_least=self._last_written, on_progress=on_progress)

    def audit(
        self,
        *,
        customer: str | CustomerId | None = None,
        actor: str | None = None,
        type: str | None = None,
        since: datetime | date | None = None,
        until: datetime | date | None = None,
        recorded_since: datetime | date | None = None,
        correlation_id: str | None = None,
        oldest_first: bool = False,
        limit: int = 50,
        after: int | None = None,
    ) -> AuditPage:
        """A page of what happened, newest first: who, when, why, and what it changed from what to what.

        `type` is the name of an event, such as "PurchaseRecorded". `since` and `until` are about when it happened,
        `recorded_since` about when the store learnt of it; a bare date begins, or for `until` ends, in the business's
        zone. `after` is that of the page before; `limit` is at most 1,000. Raises NotFound for an unknown customer.
        """
        _require_limit(limit)
        zone = self.ruleset.zone
        with self._store.reading() as tx:
            search = Search(
                customer_id=None if customer is None else self._resolve(tx, customer),
                actor=actor,
                type=None if type is None else require_type(type),
                since=None if since is None else first_instant_of(since, zone),
                until=None if until is None else instant_of(until, zone),
                recorded_since=None if recorded_since is None else first_instant_of(recorded_since, zone),
                correlation_id=correlation_id,
                after=after,
                oldest_first=oldest_first,
            )
            return read_audit(tx, search, limit)

    def tickets(
        self,
        *,
        customer: str | CustomerId | None = None,
        status: str | None = None,
        first_response: str | None = None,
        resolution: str | None = None,
        breaching_within: timedelta | None = None,
        as_of: datetime | date | None = None,
        limit: int = 50,
        after: str | None = None,
    ) -> TicketPage:
        """A page of tickets as of an instant, in order of their ids: all, or those where every given value holds.

        `breaching_within` keeps those of which a clock is breached within that time if nobody acts. `after` is that
        of the page before; `limit` is at most 1,000. Raises NotFound for an unknown customer.
        """
        _require_limit(limit)
        self.catch_up()
        with self._store.reading() as tx:
            at = self._now() if as_of is None else instant_of(as_of, self.ruleset.zone)
            given = {"status": status, "first_response": first_response, "resolution": resolution}
            wanted = {column: value for column, value in given.items() if value is not None}
            if customer is not None:
                wanted["customer_id"] = self._resolve(tx, customer)
            until = None if breaching_within is None else at + breaching_within // MICROSECOND
            found = self._models.tickets(
                tx.connection, at, wanted=wanted, breaching_until=until, limit=limit, after=after
            )
            contacts = read_contacts(tx, {standing.customer_id for standing in found})
        return TicketPage(
            tickets=tuple(view_ticket(standing, contacts[standing.customer_id].ref) for standing in found),
            after=found[-1].ticket_id if len(found) == limit else None,
        )

    def points(self, who: str | CustomerId, *, as_of: datetime | date | None = None) -> Points:
        """A member's points: what can be spent, what is pending, and what expires when. Raises NotFound."""
        with self._store.reading() as tx:
            customer_id = self._resolve(tx, who)
            at = self._now() if as_of is None else instant_of(as_of, self.ruleset.zone)
            happened = happened_to(self._store, tx.connection, customer_id)
            folded, _ = fold_until(happened, self._rules(tx), at)
        return view_points(customer_id, folded.facts.membership or Membership(), at)

    def history(self, who: str | CustomerId, field: str) -> tuple[AuditEntry, ...]:
        """One field of a customer over time, oldest first: each entry holds that field's old and new value.

        Raises NotFound for an unknown customer, ValueError for an unknown field.
        """
        with self._store.reading() as tx:
            return read_history(tx, self._resolve(tx, who), field)

    def export_events(self, write: Write, *, personal: bool = False) -> int:
        """Write every event with its envelope as JSON lines, in order of position; the answer is how many.

        `write` takes bytes, as that of a file opened with "wb" does, and gets whole lines. Personal data and reasons
        are left out, unless `personal`. What others record meanwhile is not in it.
        """
        return export_events(self._store, write, personal=personal, at_least=self._last_written)

    def status(self) -> Status:
        """How the store is doing, as of now and without folding anything in."""
        with self._store.reading() as tx:
            connection, at = tx.connection, self._now()
            counts = {lane: self._models.counts(connection, name, at) for lane, name in LANES.items()}
            return Status(
                target=self._store.database.url.render_as_string(hide_password=True),
                currency=self._store.currency(connection),
                events=self._store.count_events(connection),
                customers=sum(counts["stage"].values()),
                behind=events_behind(self._store, self._models, connection),
                generation=self._generation.number,
                rules_digest=self.ruleset.digest(),
                rejects=count_rejects(self._store, connection),
                counts=counts,
            )

    # ----------------------------------------------------------------------------------------------------- within

    def _context(self) -> Context:
        return replace(self._policies, now=self._now())

    def _now(self) -> int:
        return to_instant(self._clock())

    def _rules(self, tx: Transaction) -> Rules:
        if self._compiled is None:
            currency = self._store.currency(tx.connection)
            compiled = compile_rules(self.ruleset, currency)
            if currency is None:
                return compiled  # the first amount may still bring a currency with another number of digits
            self._compiled = compiled
        return self._compiled

    def _resolve(self, tx: Transaction, who: str | CustomerId) -> str:
        if isinstance(who, CustomerId):
            if self._store.version_of(tx.connection, who):
                return str(who)
        else:
            found = tx.find("ref", [who])
            if who in found:
                return found[who][0]
        raise NotFound(f'no customer has the {"id" if isinstance(who, CustomerId) else "reference"} "{who}"')

    def _explain(self, customer_id: str, at: int) -> Explanation:
        with self._store.reading() as tx:
            return explain_customer(self._store, tx, self._rules(tx), customer_id, at)

    def _timeline(self, customer_id: str) -> Timeline:
        with self._store.reading() as tx:
            folded, timelines = fold_of(self._store, self._models, tx, self._rules(tx), customer_id)
        return timeline_of(customer_id, folded, timelines)

    def _view(self, standing: Standing, contact: Contact, currency: str | None) -> Customer:
        shown: CustomerCard = card(standing.folded.facts, standing.as_of)
        return Customer(
            id=CustomerId(standing.customer_id),
            as_of=to_datetime(standing.as_of),
            ref=contact.ref,
            name=contact.name,
            email=contact.email,
            phone=contact.phone,
            stage=standing.stage.verdict.value,
            stage_since=to_datetime(standing.stage.valid_from),
            tier=standing.tier.verdict.value,
            risk=standing.risk.verdict.score or 0,
            risk_band=standing.risk.verdict.value,
            orders=shown.orders,
            net_spend=from_minor_units(shown.net_spend, currency or "EUR"),
            first_order_at=_moment(shown.first_order_at),
            last_order_at=_moment(shown.last_order_at),
            last_heard_at=_moment(shown.last_heard_at),
            owner=shown.owner,
            source=shown.source,
            tags=shown.tags,
            becomes_at=_moment(standing.becomes_at),
            _explain=partial(self._explain, standing.customer_id, standing.as_of),
            _timeline=partial(self._timeline, standing.customer_id),
        )


def _policies(ruleset: Ruleset) -> Context:
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
        rules_digest=ruleset.digest(),
        tickets=TicketPolicy(auto_close_days=ruleset.ticket.auto_close_days),
    )


def _require_limit(limit: int) -> None:
    if not 1 <= limit <= MAX_PAGE:
        raise ValueError(f"limit is a number from 1 to {MAX_PAGE}, not {limit}")


def _moment(instant: int | None) -> datetime | None:
    return None if instant is None else to_datetime(instant)


def _parse_cursor(after: str | None) -> tuple[int, str] | None:
    if after is None:
        return None
    key, _, customer_id = after.partition(":")
    if not customer_id or not key.lstrip("-").isdigit():
        raise ValueError(f'"{after}" is not the `after` of a page')
    return int(key), customer_id
