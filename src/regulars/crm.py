"""The front door: a facade, of which each method says what it does and hands on to the room that does it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from types import MappingProxyType, TracebackType, UnionType
from typing import TYPE_CHECKING, Self, TypeVar, overload

from regulars.adapters.checking.records import check_records, check_sample
from regulars.adapters.checking.result import RecordCheck
from regulars.adapters.extensions.extended import MissingExtension
from regulars.adapters.importing import Mapping as ImportMapping
from regulars.adapters.logs import STORE
from regulars.adapters.moving.backup import backup
from regulars.adapters.moving.exporting import Write, export_events
from regulars.adapters.progress import Progress
from regulars.adapters.read_models.catch_up import events_behind
from regulars.adapters.schema.build_views import view_names
from regulars.adapters.sealing.checking import SealCheck, check_seals
from regulars.adapters.sealing.sealing import Sealing, seal
from regulars.adapters.sql.driver_errors import name_of
from regulars.adapters.sql.grants import grants_to_read
from regulars.adapters.vault.quarantine import Reject
from regulars.asking.audit import AuditEntry, AuditPage, AuditQuery, find_audit, read_history
from regulars.asking.consents import Consents, ContactablePage, ContactableQuery, contactable, read_consents
from regulars.asking.customers import CustomerQuery, Order, find_one, find_page, lane_values
from regulars.asking.desk import Points, TicketPage, TicketQuery, find_points, find_tickets
from regulars.asking.duplicates import DuplicatesPage, find_duplicates
from regulars.asking.feed import EventTypes, follow_log
from regulars.asking.one_customer import business_timeline, find_customer
from regulars.asking.one_ticket import WholeTicket, find_ticket
from regulars.asking.paging import page_size
from regulars.asking.status import read_status
from regulars.asking.totals import count_as_of
from regulars.asking.views import Customer, Lane, Page, Status, Timeline, lanes_in
from regulars.crm_domain.command import Command, CustomerId, require_label
from regulars.crm_domain.event import Event, Recorded
from regulars.doing.forgetting import Forgetting, Forgotten, forget, forget_again, read_forgotten
from regulars.doing.importing import ImportProgress, ImportReport, import_file
from regulars.doing.outcomes import Outcome
from regulars.doing.transacting import Transacting
from regulars.person.gathering import gather
from regulars.person.values import PersonExport
from regulars.projections.rules.grammar import Ruleset
from regulars.rules_door.publishing import PublishedRules
from regulars.session.acting import Acting
from regulars.session.freshness import USUAL, Fresh, freshness_of
from regulars.session.session import AnyRules, Session
from regulars.upkeep.keys import Keys
from regulars.upkeep.read_models import Projections

if TYPE_CHECKING:
    from regulars.adapters.eventsourcing_library.log_recorder import LogRecorder

E = TypeVar("E", bound=Event)
F = TypeVar("F", bound=Event)
G = TypeVar("G", bound=Event)


class Regulars:
    """An open store. Close it, or use it in a `with` block.

    Threads may share one: writes take turns, reads run side by side. A forked process must open its own.
    """

    def __init__(self, session: Session, acting: Acting) -> None:
        self._session = session
        self._store = session.store
        self._acting = acting
        self._transacting = Transacting(session, acting)
        self.rules = PublishedRules(session, acting)
        self.projections = Projections(session)
        self.keys = Keys(session)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give every database connection back; what was recorded a day ago is sealed before. Safe to repeat."""
        self._session.close()
        STORE.debug("closed %s", name_of(self._store.database.url))

    @property
    def ruleset(self) -> Ruleset:
        """The rules in force."""
        with self._store.reading() as tx:
            return self._session.ruleset(tx)

    @property
    def read_only(self) -> bool:
        """Whether nothing can be recorded: that was asked for, or this process has no permission to write."""
        return self._store.database.read_only

    @property
    def is_new(self) -> bool:
        """Whether the store was made when it was opened here."""
        return self._store.is_new

    @property
    def missing_extensions(self) -> tuple[MissingExtension, ...]:
        """The extensions that the store needs and that it was opened without; as text, each says how to bring it.

        Until then their events are told as they are stored, as `Unexplained`, and what an index of one would have to
        know of is refused. Answers of our own are as they would be with it.
        """
        return self._session.missing_extensions

    @property
    def names_readable(self) -> bool:
        """Whether what is personal can be read: a role without SELECT on `regulars_keys` gets None for all of it."""
        return self._store.access.keys

    @property
    def behind(self) -> int:
        """How many recorded events lists don't know of yet; questions about one customer know of all."""
        with self._store.reading() as tx:
            return events_behind(self._store, self._session.models(tx), tx.connection)

    @property
    def event_count(self) -> int:
        """How many events were recorded."""
        with self._store.reading() as tx:
            return self._store.count_events(tx.connection)

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
    def do(self, commands: Command, *, actor: str | None = None) -> Outcome: ...

    @overload
    def do(self, commands: Sequence[Command], *, actor: str | None = None) -> list[Outcome]: ...

    def do(self, commands: Command | Sequence[Command], *, actor: str | None = None) -> Outcome | list[Outcome]:
        """Carry out a command, or several in one transaction, at most 100,000: all of them or none.

        `actor` says who acts, for these commands alone. Raises Rejected where a rule of the domain would break,
        NotFound for a reference nobody has, Conflict where other writers were quicker ten times in a row, StoreBusy
        where the database stayed locked, StoreUnusable where the disk is full or the server went away. Where the
        connection was lost nobody knows whether it was recorded before: to ask again is harmless with a `command_id`,
        which gets the first outcome then.
        """
        if actor is not None:
            with self.acting(actor=actor):
                return self.do(commands)
        if isinstance(commands, Command):
            return self._transacting.carry_out([commands])[0]
        return self._transacting.carry_out(commands)

    @contextmanager
    def acting(
        self, *, actor: str | None = None, correlation_id: str | None = None, reason: str | None = None
    ) -> Iterator[Self]:
        """Within the block, and in this thread or asyncio task, say who acts, what ties the commands together, and why.

        What isn't given stays as it was; blocks may stand in blocks. A command's own reason goes before. The block is a
        context variable: tasks begun in it stand in it as well, and other threads don't. Where it begins in one thread
        and its commands are given in another, as with some frameworks' dependencies, take `as_actor`.
        """
        with self._acting.block(actor, correlation_id, reason):
            yield self

    def as_actor(self, actor: str, *, correlation_id: str | None = None, reason: str | None = None) -> Regulars:
        """The same store in the hands of somebody else, in whatever thread or task it is used.

        What isn't given is as it is here and now. Blocks of one handle say nothing of another's commands. To close it
        does nothing: whoever opened the store closes it. Raises ValueError for an actor, or a correlation id, that is
        not one line of at most 200 characters.
        """
        return _Handle(self._session, self._acting.bound(actor, correlation_id, reason))

    def forget(self, who: str | CustomerId, *, reason: str) -> Forgetting:
        """Forget who a customer is, and everyone who is one with them.

        `who` is an outside reference, or a CustomerId. The key to what is personal is destroyed with what they were
        found by, and rows in quarantine that may name them; counts and verdicts stay. `reason` stays too, in the clear,
        so it must name none of them by anything that they were ever called, however it is written: one line of at most
        200 characters. Then what the files still hold of the key is overwritten. While somebody reads what was there
        before, that is `pending`: it is tried again with the next forgetting, on closing and on opening the store. On
        PostgreSQL it takes the owner of the tables; where this role isn't, the answer says who is needed.

        There is no way back. Raises NotFound, and Rejected for a reason that may name one of them.
        """
        return forget(self._session, self._transacting, who, reason)

    def forget_again(self, reasons: Mapping[str, str | None]) -> Forgetting:
        """Forget those of a list, by their ids and with their reasons, whom this store still remembers.

        That is what an older backup needs once it was restored: `forgotten` is the list of a store. Whoever is one with
        them here, and isn't on the list, is told apart from them before. Ids that this store doesn't know don't matter.
        A reason that names them, by whatever this store knows, is dropped; the answer says how many were.
        """
        return forget_again(self._session, self._transacting, reasons)

    def forgotten(self) -> tuple[Forgotten, ...]:
        """Everybody who was forgotten, in the order in which that was recorded."""
        with self._store.reading() as tx:
            return tuple(read_forgotten(tx))

    def import_file(
        self,
        path: str | os.PathLike[str],
        mapping: ImportMapping | str | os.PathLike[str],
        *,
        dry_run: bool = False,
        on_progress: ImportProgress | None = None,
        on_catch_up: Progress | None = None,
    ) -> ImportReport:
        """Import a file as a mapping says, folding in as it goes, and catch up at the end. "-" is standard input.

        Each row is taken whole or refused; refused rows go to quarantine, in place of those of an earlier import of
        this file. A dry run does everything and takes it back at the end; it keeps other writers waiting.

        `mapping` is a path to a TOML file, or what `load_mapping` made of one. Raises NotFound for a missing file,
        InvalidMapping where the mapping breaks its grammar or doesn't fit the file.
        """
        report = import_file(self._session, self._transacting, path, mapping, dry_run=dry_run, on_progress=on_progress)
        if not dry_run:
            self.catch_up(on_catch_up)
        return report

    @property
    def files(self) -> tuple[Path, ...]:
        """The file of a store in SQLite, and the names of those kept beside it; none on PostgreSQL, or in memory."""
        return self._store.database.files()

    def backup(self, target: str | os.PathLike[str]) -> RecordCheck:
        """Copy the store to a new file, as of one moment and while others write; what a sample of its records is like.

        Where something is wrong with that sample, as `check_records` says it, the copy is kept: it is the best there
        is. Raises StoreUnusable for a file that exists, for a store that the database itself finds damaged, and for one
        on PostgreSQL, which is backed up with pg_dump.
        """
        if self._store.is_erasing and not self.read_only:
            self._store.destroy_traces(patience=0)
        backup(self._store, Path(target))
        return check_sample(self._store)

    def seal(self, on_progress: Progress | None = None) -> Sealing:
        """Seal everything that was recorded, so that a later change of it shows; it keeps nobody from recording more.

        The root that is returned stands for the log up to there: note it where those who can write the store can't.
        What catches up seals by itself once 10,000 events are not sealed. `on_progress` is called with (events sealed
        so far, events there were to seal).

        Raises StoreBusy where an older transaction in the database goes on for too long, StoreUnusable where the last
        seal is damaged.
        """
        return seal(self._store, self._session.now(), at_least=self._session.last_written, on_progress=on_progress)

    def check_seals(self, *, against: str | None = None, on_progress: Progress | None = None) -> SealCheck:
        """Compare every sealed event with its seal, and the seals with each other; nothing is changed.

        `against` is a root that `seal` returned once, in hexadecimal: whoever can write the store can write all of its
        seals again, or cut off the log together with them, which only shows where that root is no longer found.
        `on_progress` is called with (events compared so far, events there are). Raises ValueError for what is no root.
        """
        return check_seals(self._store, against, on_progress)

    def check_records(self) -> RecordCheck:
        """Compare with the log what is kept beside it and isn't folded from it; nothing is changed.

        That is a key that opens for everybody who wasn't forgotten, and none for anybody else; by what people are
        found; links of merges, words of consent, who was forgotten; the currency; what came of commands with an id; the
        rules that read models were judged by. The database's own check of integrity runs too. What isn't covered is
        told by name.
        """
        return check_records(self._store)

    def grants_to_read(self, role: str) -> tuple[str, ...]:
        """SQL statements that let a PostgreSQL role read the views, and nothing personal; none is run.

        Raises StoreUnusable on SQLite, which has no roles, ValueError for a role that is not one line of at most 200
        characters.
        """
        require_label(role, "a role")
        with self._store.reading() as tx:
            return grants_to_read(tx.connection, role, view_names(self._store.schema, self._store.registry))

    def rejects(self) -> tuple[Reject, ...]:
        """The rows that imports refused, by file."""
        with self._store.reading() as tx:
            return tuple(tx.quarantine.rows())

    # ------------------------------------------------------------------------------------------------------ asking

    def customer(
        self,
        who: str | CustomerId,
        *,
        as_of: datetime | date | None = None,
        known_at: datetime | date | None = None,
        rules: AnyRules | None = None,
    ) -> Customer:
        """One customer: a bare string is an outside reference, a CustomerId an id.

        `as_of` is an aware datetime, or a date for the end of that day; by default it is now, and never before the
        customer's own last event. `known_at` leaves out what was recorded later. `rules` are a ruleset, or the number
        of one that was in force; by default those in force at `known_at`. What the customer explains, and their
        timeline, are asked from the same viewpoint. Folds in only what this customer waits for. Raises NotFound.
        """
        return find_one(self._session, who, as_of, known_at, rules)

    def find(self, who: str) -> CustomerId:
        """The customer somebody means: by `id:<32 hexadecimal digits>`, by reference or by e-mail, in this order.

        Raises NotFound where nobody answers to it, or several by that e-mail.
        """
        return find_customer(self._session, who)

    def customers(
        self,
        *,
        stage: str | None = None,
        tier: str | None = None,
        risk_band: str | None = None,
        having: Mapping[str, str] = MappingProxyType({}),
        becoming: Mapping[Lane, str] | None = None,
        within: timedelta | None = None,
        as_of: datetime | date | None = None,
        known_at: datetime | date | None = None,
        rules: AnyRules | None = None,
        tag: str | None = None,
        owner: str | None = None,
        source: str | None = None,
        text: str | None = None,
        forgotten: bool = False,
        order: Order = "id",
        limit: int | None = None,
        after: str | None = None,
        fresh: Fresh = USUAL,
        at_least: int | None = None,
        total: bool = False,
        on_progress: Progress | None = None,
    ) -> Page:
        """A page of customers as of an instant, by what they are, or by what they become `within` a time by themselves.

        `having` are values of projections that extensions bring, such as {"reliability": "poor"}.
        `becoming` takes one lane, such as {"stage": "at_risk"}, and orders by when: if nothing more had happened after
        that instant.

        `tag`, `owner` and `source` are what is written of a customer as of that instant; `text` is a part of today's
        name or e-mail address, in letters of either case. Those four, and `total`, which has the page say how many
        there are in all, go through everyone who answers to the rest, 1,000 at once.

        Who was forgotten by now is left out, as of whatever day, unless `forgotten` asks for them as well; `totals`
        and `status` count them all the same, as what happened to them did.

        `order` puts the highest "risk" or "spend" first, the "last_order" that is latest, or who is "known_since" last;
        "id" is as they came. "name" is from A to Z, whatever the case of letters, by today's names; who has none comes
        last. All of them are decrypted for each page, up to 10,000; beyond that it raises ValueError.

        A page has 50 customers, or as many as `limit` says, at most 1,000; `after` is that of the page before.
        `for each in crm.customers()`, without a limit, goes through all, page after page as of one instant; with one,
        it ends with the page. Whoever moves in the order meanwhile may be met twice, or not at all.

        A list first folds in what is new, for the time that `fresh` says: for as long as it takes with True, not at
        all with False. What this process wrote is in it even where it isn't folded in by then, but with False; of what
        others wrote, the page says how many events it is `behind`. `at_least` is the position of a write, such as
        `do` returns, that the list must know of, whoever wrote it: it is waited for as long as for a lock.

        `known_at` leaves out what was recorded later. `rules` are a ruleset, or the number of one that was in force; by
        default those in force at `known_at`. For either, read models are built the first time they are asked for,
        which calls `on_progress` with (events folded so far, events there are to fold), and kept.

        Raises ValueError for what the rules don't know, and where more than 5,000 customers have changed since the day
        that `becoming` is asked of. Raises StoreBusy where `at_least` isn't reached, where this process wrote of over
        200 customers what isn't folded in yet, and while what lists answer from is folded for the first time.
        """
        size = page_size(limit)
        if (becoming is None) != (within is None):
            raise ValueError("becoming and within go together")
        query = CustomerQuery(
            stage=stage,
            tier=tier,
            risk_band=risk_band,
            having=having,
            becoming=becoming,
            within=within,
            as_of=as_of,
            tag=tag,
            owner=owner,
            source=source,
            text=text,
            forgotten=forgotten,
            total=total,
            order=order,
            limit=size,
            after=after,
            freshness=freshness_of(fresh, at_least),
            goes_on=limit is None,
        )
        return find_page(self._session, query, known_at, rules, on_progress)

    @property
    def grammar(self) -> type[Ruleset]:
        """The grammar of rules for this store, which knows the tables of its extensions; pass it to `parse_rules`."""
        return self._store.registry.grammar

    @property
    def lanes(self) -> tuple[str, ...]:
        """The lanes of a timeline, ours and then those of extensions' projections."""
        return tuple(lanes_in(self._store.registry))

    def values(self, lane: Lane) -> tuple[str, ...]:
        """What a lane's verdicts can be under the rules in force, in the rules' own order."""
        return lane_values(self.ruleset, lane)

    def business_timeline(self) -> Timeline:
        """What extensions' projections say of the business itself, over all of time, from what happened to nobody."""
        return business_timeline(self._session)

    def totals(self, lane: Lane, days: Sequence[datetime | date]) -> tuple[dict[str, int], ...]:
        """How many customers have each verdict of a lane, as of each of some days or instants, which rise.

        Who was forgotten since counts as before: totals of a day that is over don't change.

        Everything recorded is folded in first. Raises ValueError for what is no lane, and for days that don't rise.
        """
        return count_as_of(self._session, lane, days)

    def catch_up(self, on_progress: Progress | None = None, *, within: timedelta | None = None) -> None:
        """Fold in everything that was recorded, however long it takes, or as far as that goes `within` a time.

        Lists do so for a second by themselves; a read-only store can't. `on_progress` is called with (events folded so
        far, events there were to fold). Raises StoreBusy as `customers` does.
        """
        if within is None:
            self._session.catch_up(on_progress)
        else:
            self._session.freshen(freshness_of(within, None))

    def audit(
        self,
        *,
        customer: str | CustomerId | None = None,
        actor: str | None = None,
        type: str | None = None,
        since: datetime | date | None = None,
        until: datetime | date | None = None,
        recorded_since: datetime | date | None = None,
        known_at: datetime | date | None = None,
        correlation_id: str | None = None,
        oldest_first: bool = False,
        limit: int | None = None,
        after: int | None = None,
    ) -> AuditPage:
        """A page of what happened, newest first: who, when, why, and what it changed from what to what.

        `type` is the name of an event, such as "PurchaseRecorded". `since` and `until` are about when it happened,
        `recorded_since` about when the store learnt of it; a bare date begins, or for `until` ends, in the business's
        zone. `known_at` leaves out what was recorded later. `limit` and `after` are those of `customers`: without
        a limit, iterating goes through all. Raises NotFound for an unknown customer, ValueError for an `after` that no
        page gave.

        Whoever goes on from the last position of each page, `oldest_first`, misses nothing, however many write: what
        may still get a predecessor isn't told yet. Raises StoreBusy where that lasts too long for one's own events.
        """
        query = AuditQuery(
            customer=customer,
            actor=actor,
            type=type,
            since=since,
            until=until,
            recorded_since=recorded_since,
            known_at=known_at,
            correlation_id=correlation_id,
            oldest_first=oldest_first,
            limit=page_size(limit),
            goes_on=limit is None,
        )
        return find_audit(self._session, query, after)

    @overload
    def events(
        self, *, after: int = 0, types: None = None, customer: str | CustomerId | None = None
    ) -> Iterator[Recorded[Event]]: ...

    @overload
    def events(
        self, *, after: int = 0, types: type[E], customer: str | CustomerId | None = None
    ) -> Iterator[Recorded[E]]: ...

    @overload
    def events(
        self, *, after: int = 0, types: tuple[type[E], type[F]], customer: str | CustomerId | None = None
    ) -> Iterator[Recorded[E | F]]: ...

    @overload
    def events(
        self, *, after: int = 0, types: tuple[type[E], type[F], type[G]], customer: str | CustomerId | None = None
    ) -> Iterator[Recorded[E | F | G]]: ...

    @overload
    def events(
        self, *, after: int = 0, types: tuple[type[E], ...], customer: str | CustomerId | None = None
    ) -> Iterator[Recorded[E]]: ...

    @overload
    def events(
        self, *, after: int = 0, types: UnionType, customer: str | CustomerId | None = None
    ) -> Iterator[Recorded[Event]]: ...

    def events(
        self, *, after: int = 0, types: EventTypes | None = None, customer: str | CustomerId | None = None
    ) -> Iterator[Recorded[Event]]:
        """Everything that was recorded by now, in order of position, for read models of your own.

        Whoever keeps the position of the last event that they saw and goes on `after` it, later and in another process,
        misses nothing and gets nothing twice, however many write: what may still get a predecessor isn't told yet. It
        ends at what was settled when it was asked for, with one's own last event, which is waited for.

        `types` are classes of events, or a union or tuple of them; retired ones are read as their successors. What an
        extension recorded that isn't here comes as `Unexplained`.
        `customer`, a reference or a CustomerId, keeps what was recorded of that customer and of everyone who is one
        with them now. What is personal is decrypted, and None for who was forgotten or where keys may not be read.
        Instants are UTC microseconds, amounts minor units. Events are read a thousand at a time, so that memory doesn't
        grow and nobody else is held back while they are dealt with.

        Raises NotFound for an unknown customer, ValueError for what is no type of event or position, StoreBusy where an
        older transaction keeps one's own last event from settling for too long; and, once all before it were told,
        StoreUnusable for an event that can't be read, which it names by its position.
        """
        return follow_log(self._session, after, types, customer)

    def as_application_recorder(self) -> LogRecorder:
        """The log as a read-only recorder of the `eventsourcing` library, to select from and to subscribe to.

        Topics are the names of events, notification ids positions. What is personal doesn't come through. It is closed
        with the store. `LogApplication` is for the library's `ProjectionRunner`, which opens the store by itself.
        """
        from regulars.adapters.eventsourcing_library.log_recorder import (
            LogRecorder,  # its library patches dataclasses for the whole process
        )

        return LogRecorder(self._store, lambda: self._session.last_written)

    def duplicates(self, *, limit: int | None = None, after: str | None = None) -> DuplicatesPage:
        """A page of customers who may be the same person, because they share an e-mail or a phone number.

        Merge them with MergeCustomers. `limit` and `after` are those of `customers`: without a limit, iterating goes
        through all.
        """
        return find_duplicates(self._session, page_size(limit), limit is None, after)

    def tickets(
        self,
        *,
        customer: str | CustomerId | None = None,
        status: str | None = None,
        first_response: str | None = None,
        resolution: str | None = None,
        breaching_within: timedelta | None = None,
        as_of: datetime | date | None = None,
        limit: int | None = None,
        after: str | None = None,
        fresh: Fresh = USUAL,
        at_least: int | None = None,
    ) -> TicketPage:
        """A page of tickets as of an instant, in order of their ids: all, or those where every given value holds.

        `breaching_within` keeps those of which a clock is breached within that time if nobody acts. With `as_of`, what
        is due is what was due then, as if nothing had happened since. `limit` and `after`, `fresh` and `at_least` are
        those of `customers`: without a limit, iterating goes through all. Raises NotFound for an unknown customer,
        ValueError where `breaching_within` is asked as of a day since which over 5,000 customers have changed, and
        StoreBusy as `customers` does.
        """
        size = page_size(limit)
        query = TicketQuery(
            customer=customer,
            status=status,
            first_response=first_response,
            resolution=resolution,
            breaching_within=breaching_within,
            as_of=as_of,
            limit=size,
            after=after,
            freshness=freshness_of(fresh, at_least),
            goes_on=limit is None,
        )
        return find_tickets(self._session, query)

    def ticket(self, ticket_id: str, *, as_of: datetime | date | None = None) -> WholeTicket:
        """One ticket whole as of an instant: its subject and messages, its status and clocks over time, its events.

        Raises NotFound for an id that no ticket has, or had by then; StoreUnusable where an event of it can't be read.
        """
        return find_ticket(self._session, ticket_id, as_of)

    def points(self, who: str | CustomerId, *, as_of: datetime | date | None = None) -> Points:
        """A member's points: what can be spent, what is pending, and what expires when. Raises NotFound."""
        return find_points(self._session, who, as_of)

    def export_person(self, who: str | CustomerId) -> PersonExport:
        """Everything held about one person, and about everyone who was merged into them, as of now.

        For an answer to whoever asks what is known of them: `person_page` writes it as a page for that person, and
        `person_json` for machines. Of who was forgotten it has what remains. Raises NotFound, and StoreUnusable where
        an event of theirs can't be read.
        """
        return gather(self._session, who)

    def consents(
        self,
        who: str | CustomerId,
        *,
        as_of: datetime | date | None = None,
        known_at: datetime | date | None = None,
    ) -> Consents:
        """What one customer agreed to be contacted for as of an instant, by channel and purpose, and each word on it.

        A bare date is the end of that day in the business's zone. `known_at` leaves out what was recorded later, but
        nothing brings back who was forgotten. Raises NotFound.
        """
        return read_consents(self._session, who, as_of, known_at)

    def contactable(
        self,
        *,
        channel: str,
        purpose: str,
        as_of: datetime | date | None = None,
        known_at: datetime | date | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> ContactablePage:
        """A page of the customers who may be contacted on a channel for a purpose as of an instant, in no order.

        That are those whose last word on it gives consent, who have an open account and were not forgotten. Names and
        addresses are today's. `limit` and `after` are those of `customers`: without a limit, iterating goes through
        all. Raises ValueError for an unknown channel.
        """
        query = ContactableQuery(
            channel=channel,
            purpose=purpose,
            as_of=as_of,
            known_at=known_at,
            limit=page_size(limit),
            goes_on=limit is None,
        )
        return contactable(self._session, query, after)

    def history(self, who: str | CustomerId, field: str) -> tuple[AuditEntry, ...]:
        """One field of a customer over time, oldest first: each entry holds that field's old and new value.

        Raises NotFound for an unknown customer, ValueError for an unknown field.
        """
        return read_history(self._session, who, field)

    def export_events(self, write: Write, *, personal: bool = False) -> int:
        """Write every event with its envelope as JSON lines, in order of position; the answer is how many.

        `write` takes bytes, as that of a file opened with "wb" does, and gets whole lines. Personal data and reasons
        are left out, unless `personal`. What others record meanwhile is not in it.
        """
        if personal:
            self._store.access.require_keys()
        return export_events(self._store, write, personal=personal, at_least=self._session.last_written)

    def status(self) -> Status:
        """How the store is doing, as of now and without folding anything in."""
        return read_status(self._session)


class _Handle(Regulars):
    """A store that somebody else opened."""

    def close(self) -> None:
        """Leave the store open for whoever opened it."""
