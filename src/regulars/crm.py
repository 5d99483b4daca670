"""The facade: each method documents what it does, and calls the room that implements it."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType, TracebackType, UnionType
from typing import TYPE_CHECKING, Self, TypeVar, overload

from regulars.adapters.checking.records import check_records
from regulars.adapters.checking.result import RecordCheck
from regulars.adapters.extensions.extended import MissingExtension
from regulars.adapters.importing import Mapping as ImportMapping
from regulars.adapters.logs import STORE
from regulars.adapters.moving.exporting import Write, export_events
from regulars.adapters.progress import Progress
from regulars.adapters.read_models.catch_up import events_behind
from regulars.adapters.schema.build_views import view_names
from regulars.adapters.sealing.checking import NotedSeal, SealCheck, check_seals
from regulars.adapters.sealing.sealing import Sealing, seal
from regulars.adapters.sealing.seals import read_last_seal
from regulars.adapters.sql.driver_errors import name_of
from regulars.adapters.sql.grants import grants_to_read
from regulars.adapters.vault.quarantine import Reject
from regulars.asking.assessments import AssessmentDifference, assessment_of, compare_versions
from regulars.asking.audit import AuditEntry, AuditPage, AuditQuery, find_audit, read_history
from regulars.asking.birthdays import BirthdaysFound, list_birthdays
from regulars.asking.consents import Consents, ContactablePage, ContactableQuery, contactable, read_consents
from regulars.asking.contracts import ContractPage, ContractQuery, find_contracts
from regulars.asking.coupons import CouponView, IssuedCode, WholeCoupon, find_codes, find_coupon, find_coupons
from regulars.asking.customers import CustomerQuery, Order, find_one, find_page, lane_values
from regulars.asking.desk import Points, TicketPage, TicketQuery, find_points, find_tickets
from regulars.asking.dismissals import Dismissed, find_dismissed
from regulars.asking.due import (
    DueExplanation,
    DuePage,
    DueQuery,
    MostBought,
    explain_due,
    find_due,
    find_most_bought,
)
from regulars.asking.duplicates import DuplicatesPage, find_duplicates
from regulars.asking.employments import Employment, find_firms_of, find_people
from regulars.asking.feed import EventTypes, follow_log
from regulars.asking.firms import Firm, find_firm
from regulars.asking.forecasts import ANNUAL_RATE, Forecast, ForecastPage, require_extra
from regulars.asking.held_names import hold_names
from regulars.asking.leads import LeadReport, LeadsBy, LeadsQuery, read_leads
from regulars.asking.near_duplicates import find_near_duplicates
from regulars.asking.one_answered import CustomerSatisfaction, MayAsk, may_ask, read_satisfaction_of
from regulars.asking.one_contract import WholeContract, find_contract
from regulars.asking.one_customer import business_timeline, find_customer
from regulars.asking.one_opportunity import WholeOpportunity, find_opportunity
from regulars.asking.one_ticket import WholeTicket, find_ticket
from regulars.asking.one_version import CustomerVersion, find_version
from regulars.asking.paging import MAX_PAGE, page_size
from regulars.asking.quotes import QuotePage, QuoteQuery, WholeQuote, find_quote, find_quotes
from regulars.asking.reminders import ReminderQuery, Reminders, find_reminders
from regulars.asking.satisfaction import GroupedBy, SatisfactionQuery, SatisfactionReport, read_satisfaction
from regulars.asking.search import SearchPage, SearchQuery, search
from regulars.asking.segments import (
    Attrition,
    SegmentCount,
    SegmentPage,
    SegmentQuery,
    count_attrition,
    count_segments,
    find_members,
)
from regulars.asking.service import ServiceBy, ServiceQuery, ServiceReport, report_service
from regulars.asking.snapshot import Snapshot, read_snapshot
from regulars.asking.status import read_status
from regulars.asking.tasks import TaskDay, TaskPage, TaskQuery, WholeTask, find_task, find_task_days, find_tasks
from regulars.asking.totals import count_as_of
from regulars.asking.value import ValuePage, ValueQuery, find_valued
from regulars.asking.views import Counted, Customer, Lane, Page, Status, Timeline, lanes_in
from regulars.calendars.entries import CalendarEntries
from regulars.calendars.gathering import (
    LONG_AGO,
    days_of,
    entries_of_birthdays,
    entries_of_contracts,
    entries_of_quotes,
    entries_of_reminders,
    entries_of_tasks,
)
from regulars.changes.difference import OnLooked
from regulars.changes.feed import ChangeFeed, SubscriptionView, find_feed, list_subscriptions
from regulars.crm_domain.command import Command, CustomerId, require_label
from regulars.crm_domain.customer import Kind
from regulars.crm_domain.event import Event, Recorded
from regulars.crm_domain.instant import to_datetime
from regulars.crm_domain.purchase import OrderLine
from regulars.doing.campaigns import Campaigns
from regulars.doing.forgetting import Forgetting, Forgotten, forget, forget_again, read_forgotten
from regulars.doing.importing import ImportProgress, ImportReport, Recognised, import_file, recognise
from regulars.doing.mail import MailReport, import_mail, our_own
from regulars.doing.models import Models
from regulars.doing.outcomes import Outcome
from regulars.doing.rewards import RewardsForecast, forecast_rewards
from regulars.doing.transacting import Transacting
from regulars.hooks.hooks import Hooks
from regulars.measures.asked import Axes, dimensions
from regulars.measures.cohorts import Cohorts, find_cohorts
from regulars.measures.expiring import Expiring, find_expiring
from regulars.measures.flow import Flow, Mover, find_flow, find_movers
from regulars.measures.liability import Liability, find_liability
from regulars.measures.periods import By
from regulars.measures.revenue import Revenue, find_revenue
from regulars.measures.rfm import FREQUENCY, RECENCY, Rfm, find_rfm
from regulars.measures.trend import Trend, find_trend
from regulars.person.gathering import gather
from regulars.person.values import PersonExport
from regulars.profile.gathering import gather_page
from regulars.profile.values import CustomerPage
from regulars.projections.rules.grammar import Ruleset
from regulars.report.gathering import WATCHED, gather_report
from regulars.report.values import Report
from regulars.rules_door.publishing import PublishedRules
from regulars.selling.calibration import PipelineCalibration
from regulars.selling.eves import find_calibration
from regulars.selling.forecast import PipelineForecast, find_forecast
from regulars.selling.pipeline import (
    OpportunityView,
    Pipeline,
    PipelineBy,
    find_opportunities,
    find_pipeline,
    find_stale,
)
from regulars.selling.stages import TimesInStages, find_times_in_stages
from regulars.selling.waterfall import Waterfall, find_waterfall
from regulars.session.acting import Acting
from regulars.session.freshness import USUAL, Fresh, freshness_of
from regulars.session.session import AnyRules, Session
from regulars.today.gathering import DAYS, TodayQuery, find_today
from regulars.today.values import Today
from regulars.upkeep.backups import Backups, back_up
from regulars.upkeep.calendar_feeds import CalendarFeeds
from regulars.upkeep.keys import Keys
from regulars.upkeep.read_models import Projections
from regulars.upkeep.tokens import Tokens
from regulars.upkeep.users import Users
from regulars.upkeep.web_sessions import WebSessions

if TYPE_CHECKING:
    from regulars.adapters.archive.writing import Archived
    from regulars.adapters.eventsourcing_library.log_recorder import LogRecorder
    from regulars.asking.reports import Reported

E = TypeVar("E", bound=Event)
F = TypeVar("F", bound=Event)
G = TypeVar("G", bound=Event)

FORTNIGHT = timedelta(days=14)


class Regulars:
    """An open store. Close it, or use it in a `with` block.

    It is safe to share between threads: writes are serialised, reads run concurrently. A forked process must open its
    own.
    """

    def __init__(self, session: Session, acting: Acting) -> None:
        self._session = session
        self._store = session.store
        self._acting = acting
        self._transacting = Transacting(session, acting)
        self.rules = PublishedRules(session, acting)
        self.projections = Projections(session)
        self.keys = Keys(session)
        self.models = Models(session, self._transacting)
        self.campaigns = Campaigns(session, self._transacting)
        self.hooks = Hooks(session)
        self.tokens = Tokens(session)
        self.users = Users(session)
        self.web_sessions = WebSessions(session)
        self.backups = Backups(session)
        self.calendar_feeds = CalendarFeeds(session)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every database connection, after sealing events that are more than a day old. Safe to repeat."""
        self._session.close()
        STORE.debug("closed %s", name_of(self._store.database.url))

    @property
    def ruleset(self) -> Ruleset:
        """The rules in force."""
        with self._store.reading() as tx:
            return self._session.ruleset(tx)

    @property
    def read_only(self) -> bool:
        """Whether the store is read-only: it was opened so, or this process has no permission to write."""
        return self._store.database.read_only

    @property
    def is_new(self) -> bool:
        """Whether the store was created by this call of `open`."""
        return self._store.is_new

    @property
    def missing_extensions(self) -> tuple[MissingExtension, ...]:
        """The extensions that the store needs and that it was opened without; as text, each says how to provide it.

        Until then their events are returned as they are stored, as `Unexplained`, and a command that an index of a
        missing extension would have to record is refused. The verdicts of Regulars itself are the same without it.
        """
        return self._session.missing_extensions

    @property
    def names_readable(self) -> bool:
        """Whether personal data can be read: a role without SELECT on `regulars_keys` gets None for all of it."""
        return self._store.access.keys

    @property
    def behind(self) -> int:
        """How many recorded events are not folded into the read models yet; queries about one customer include all."""
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

    @property
    def now(self) -> datetime:
        """The instant it is by the store's clock, in UTC."""
        return to_datetime(self._session.now())

    # ------------------------------------------------------------------------------------------------------- doing

    @overload
    def do(self, commands: Command, *, actor: str | None = None, unchanged_since: int | None = None) -> Outcome: ...

    @overload
    def do(
        self, commands: Sequence[Command], *, actor: str | None = None, unchanged_since: int | None = None
    ) -> list[Outcome]: ...

    def do(
        self, commands: Command | Sequence[Command], *, actor: str | None = None, unchanged_since: int | None = None
    ) -> Outcome | list[Outcome]:
        """Carry out a command, or several in one transaction, at most 100,000: all of them or none.

        `actor` is who acts, for these commands alone. Raises Rejected where a rule of the domain would be violated,
        NotFound for an unknown reference, Conflict after ten lost races against other writers, StoreBusy where the
        database stayed locked, StoreUnusable where the disk is full or the connection to the server was lost. After a
        lost connection it is unknown whether the commands were recorded. Commands with a `command_id` are idempotent:
        retrying them returns the first outcome.

        `unchanged_since` is a position, such as that of `version_of`: where something was recorded after it of a
        customer whom the commands change, nothing is, and Rejected `changed_meanwhile` is raised.
        """
        if actor is not None:
            with self.acting(actor=actor):
                return self.do(commands, unchanged_since=unchanged_since)
        if isinstance(commands, Command):
            return self._transacting.carry_out([commands], unchanged_since=unchanged_since)[0]
        return self._transacting.carry_out(commands, unchanged_since=unchanged_since)

    @contextmanager
    def acting(
        self, *, actor: str | None = None, correlation_id: str | None = None, reason: str | None = None
    ) -> Iterator[Self]:
        """Set the actor, correlation id and reason of commands within the block, in this thread or asyncio task.

        What isn't given stays as it was; blocks can be nested. A command's own reason takes precedence. The block is a
        context variable: tasks that are started in it inherit it, other threads don't. Where it is entered in one
        thread and commands are given in another, as with some frameworks' dependencies, use `as_actor`.
        """
        with self._acting.block(actor, correlation_id, reason):
            yield self

    def as_actor(self, actor: str, *, correlation_id: str | None = None, reason: str | None = None) -> Regulars:
        """A handle to the same store that is bound to an actor, in whatever thread or task it is used.

        What isn't given is taken from the current block. `acting` blocks of one handle don't affect another's commands.
        Closing the handle does nothing: the store is closed where it was opened. Raises ValueError for an actor, or a
        correlation id, that is not one line of at most 200 characters.
        """
        return _Handle(self._session, self._acting.bound(actor, correlation_id, reason))

    def forget(self, who: str | CustomerId, *, reason: str) -> Forgetting:
        """Forget a customer's personal data (crypto-shredding), with that of everyone who was merged with them.

        `who` is an outside reference, or a CustomerId. The encryption key of their personal data is destroyed, with
        their look-ups and the rows in quarantine that may name them; counts and verdicts stay. `reason` stays too, in
        the clear, so it must not contain any name, reference or address that they ever had, in any spelling: one line
        of at most 200 characters. Then the traces of the key in the files are overwritten. While another reader holds
        an older snapshot, that is `pending`: it is tried again with the next forgetting, and when the store is closed
        or opened. On PostgreSQL only the owner of the tables can do it; for another role, the result names the owner.

        It can't be undone. Raises NotFound, and Rejected for a reason that may name one of them.
        """
        return forget(self._session, self._transacting, who, reason)

    def forget_again(self, reasons: Mapping[str, str | None]) -> Forgetting:
        """Forget the customers of a list, by id and with their reasons, as far as this store hasn't forgotten them.

        Use it after restoring an older backup: `forgotten` is the list of a store. Customers who are merged with one of
        them in this store, and aren't on the list, are unmerged before. Unknown ids are ignored. A reason that names
        one of them, as far as this store can tell, is dropped; the result says how many were.
        """
        return forget_again(self._session, self._transacting, reasons)

    def forgotten(self) -> tuple[Forgotten, ...]:
        """All forgotten customers, in the order in which that was recorded."""
        with self._store.reading() as tx:
            return tuple(read_forgotten(tx))

    def import_file(
        self,
        path: str | os.PathLike[str],
        mapping: ImportMapping | str | os.PathLike[str],
        *,
        dry_run: bool = False,
        known_as: str | None = None,
        on_progress: ImportProgress | None = None,
        on_catch_up: Progress | None = None,
    ) -> ImportReport:
        """Import a file by a mapping, folding in on the way, and catch up at the end. "-" is standard input.

        Each row is imported as a whole or refused; refused rows go to quarantine, and replace those of an earlier
        import of this file. `known_as` tells it from other files where the place at which it lies doesn't, as that of a
        file that was handed in. A dry run rolls everything back at the end; it blocks other writers meanwhile.

        `mapping` is a path to a TOML file, or a result of `load_mapping`. Raises NotFound for a missing file,
        InvalidMapping where the mapping violates its grammar or doesn't fit the file.
        """
        report = import_file(
            self._session,
            self._transacting,
            path,
            mapping,
            dry_run=dry_run,
            known_as=known_as,
            on_progress=on_progress,
        )
        if not dry_run:
            self.catch_up(on_catch_up)
        return report

    def recognise(self, path: str | os.PathLike[str], *, mapping: str | None = None) -> Recognised:
        """What a file may be, before it is imported: a mapping for it, and its first 3 rows as they would be taken.

        `mapping` is one in TOML; by default one is proposed, which comes with the package or is drafted from the file's
        header. Nothing is changed. Raises NotFound for a missing file, InvalidMapping where nothing can be made of it,
        or the mapping violates its grammar or doesn't fit the file.
        """
        return recognise(self._session, path, mapping)

    def import_mail(
        self,
        path: str | os.PathLike[str],
        *,
        mine: Sequence[str],
        dry_run: bool = False,
        on_progress: ImportProgress | None = None,
        on_catch_up: Progress | None = None,
    ) -> MailReport:
        """Log the mail of a file, an mbox or a single mail, as interactions of the customers whose addresses are in it.

        `mine` are our own addresses, or whole domains such as "@firm.example": what they wrote went out to its
        recipients, anything else came in from its sender. Nobody is registered for it, and a mail that was logged
        before changes nothing. A dry run rolls everything back at the end; it blocks other writers meanwhile. "-" is
        standard input. What can't be read goes to quarantine. Raises NotFound for a missing file, StoreUnusable for one
        that can't be read to its end, ValueError where `mine` has no address, or what is none.
        """
        report = import_mail(
            self._session, self._transacting, Path(path), our_own(mine), dry_run=dry_run, on_progress=on_progress
        )
        if not dry_run:
            self.catch_up(on_catch_up)
        return report

    @property
    def files(self) -> tuple[Path, ...]:
        """The file of a store in SQLite, and the names of those kept beside it; none on PostgreSQL, or in memory."""
        return self._store.database.files()

    def backup(self, target: str | os.PathLike[str]) -> RecordCheck:
        """Copy a snapshot of the store to a new file, while others write; returns a check of a sample of its records.

        Where that check, as `check_records` does it, finds a fault, the copy is kept all the same. Raises StoreUnusable
        for a file that exists, for a store that fails the database's own integrity check, and for one on PostgreSQL,
        which is backed up with pg_dump.
        """
        return back_up(self._store, Path(target))

    def seal(self, on_progress: Progress | None = None) -> Sealing:
        """Seal everything that was recorded, so that a later change of it is detected; it doesn't block other writers.

        The root that is returned is a digest of the log up to there: keep it where those who can write the store can't
        change it. Catching up seals by itself once 10,000 events are not sealed. `on_progress` is called with (events
        sealed so far, events there were to seal).

        Raises StoreBusy where an older transaction in the database goes on for too long, StoreUnusable where the last
        seal is damaged.
        """
        return seal(self._store, self._session.now(), at_least=self._session.last_written, on_progress=on_progress)

    def last_seal(self) -> NotedSeal | None:
        """The last seal, and when it was made; None where nothing is sealed. Raises StoreUnusable for a damaged one."""
        with self._store.reading() as tx:
            found = read_last_seal(tx.connection, self._store.schema.seals)
        return None if found is None else NotedSeal(found.number, found.last, to_datetime(found.sealed_at))

    def check_seals(self, *, against: str | None = None, on_progress: Progress | None = None) -> SealCheck:
        """Compare every sealed event with its seal, and the seals with each other; nothing is changed.

        `against` is a root that `seal` returned earlier, in hexadecimal: someone with write access to the store can
        rewrite all of its seals, or truncate the log together with them, which is only detected as that root is no
        longer found. `on_progress` is called with (events compared so far, events there are). Raises ValueError for
        what is no root.
        """
        return check_seals(self._store, against, on_progress)

    def check_records(self) -> RecordCheck:
        """Compare the records that are kept beside the log, and aren't read models, with the log; nothing is changed.

        Those are: a key that decrypts for every customer who wasn't forgotten, and none for anybody else; look-ups;
        links of merges, consents, who was forgotten; the currency; outcomes of commands with an id; the rules that read
        models were judged by. The database's own integrity check runs too. The result names what isn't covered.
        """
        return check_records(self._store)

    def grants_to_read(self, role: str) -> tuple[str, ...]:
        """SQL statements that grant a PostgreSQL role to read the views, without personal data; none is executed.

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
        of one that was in force; by default those in force at `known_at`. `explain` and `timeline` of the result use
        the same viewpoint. Always up to date, without writing to the read models. Raises NotFound.
        """
        return find_one(self._session, who, as_of, known_at, rules)

    def page(
        self,
        who: str | CustomerId,
        *,
        as_of: datetime | date | None = None,
        known_at: datetime | date | None = None,
        rules: AnyRules | None = None,
    ) -> CustomerPage:
        """All that is good to know of one customer before a call: details, verdicts, what was said, open tickets.

        It is of one snapshot. `as_of`, `known_at` and `rules` are those of `customer`, and bear on every section: a
        contact detail is the one that held then. Lists have the latest ten, and how many more there are. Of somebody
        who was forgotten it has what is left. `regulars.profile` has its parts. Raises NotFound.
        """
        return gather_page(self._session, who, as_of, known_at, rules)

    def version_of(self, who: str | CustomerId) -> CustomerVersion:
        """What tells whether an answer about a customer as of now is still the same. Raises NotFound."""
        return find_version(self._session, who)

    def search(
        self,
        text: str,
        *,
        customer: str | CustomerId | None = None,
        since: datetime | date | None = None,
        until: datetime | date | None = None,
        limit: int | None = None,
        after: str | None = None,
        on_progress: Progress | None = None,
    ) -> SearchPage:
        """A page of the texts that have some words in them: notes, conversations, comments, messages, the latest first.

        Case, width and white space make no difference. Texts are encrypted in the store and decrypted here, one by one:
        at most 10,000 for a page, which says how far it got; `on_progress` is called with (texts looked through, texts
        there are for this page). `since` and `until` are about when it was said, as for `audit`; `limit` and `after`
        are those of `customers`: without a limit, iterating goes through all. Names and addresses are no texts: `find`
        and `customers` look for them.

        Raises NotFound for an unknown customer, ValueError for nothing to search for and an `after` that no page gave,
        StoreUnusable where this role may not read keys.
        """
        query = SearchQuery(
            text=text,
            customer=customer,
            since=since,
            until=until,
            limit=page_size(limit),
            goes_on=limit is None,
        )
        return search(self._session, query, after, on_progress)

    def find(self, who: str) -> CustomerId:
        """The id of a customer, found by `id:<32 hexadecimal digits>`, by reference, by e-mail or by phone number, in
        this order.

        Raises NotFound where no customer is found, or several by that e-mail or number.
        """
        return find_customer(self._session, who)

    def hold_names(self) -> None:
        """Hold all names and e-mail addresses decrypted in this process's memory, so that `customers(text=...)` finds a
        rare text among 100,000 people at once.

        What is recorded later is taken in before each answer, and whoever is forgotten is dropped before it, whichever
        process forgot them. They are held until the store is closed.
        """
        hold_names(self._session)

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
        segment: str | None = None,
        owner: str | None = None,
        source: str | None = None,
        kind: Kind | None = None,
        firm: str | CustomerId | None = None,
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

        `having` are values of other lanes: {"value": "high"}, or those that extensions bring.
        `becoming` takes one lane, such as {"stage": "at_risk"}, and orders by when: if nothing more had happened after
        that instant.

        `segment` is one that they are in as of that instant. `tag`, `owner`, `source` and `kind`, "person" or "firm",
        are what is written of a customer then; `firm` is one that they work for on that day; `text` is a part of
        today's name or e-mail address, case-insensitive. Those, and `total`, the number of matches in all, scan every
        customer who matches the other filters, 1,000 at once.

        Customers who are forgotten by now are left out, as of whatever day, unless `forgotten` includes them; `totals`
        and `status` always count them.

        `order` puts the highest "risk" or "spend" first, the "last_order" that is latest, or who is "known_since" last;
        "id" is the order in which they were first recorded. "name" is by today's names, case-insensitive, those without
        one last. All matches are decrypted for each page, up to 10,000; beyond that it raises ValueError.

        A page has 50 customers, or as many as `limit` says, at most 1,000; `after` is that of the page before.
        `for each in crm.customers()`, without a limit, goes through all, page after page as of one instant; with one,
        it ends with the page. A customer who moves in the order meanwhile may be returned twice, or not at all.

        A list first catches up, for at most the time that `fresh` says: until it is up to date with True, not at all
        with False. It includes what this process wrote even where that isn't folded in by then (read your own writes),
        but not with False; `behind` of the page is how many events of others it misses. `at_least` is the position of
        a write by any process, such as `do` returns, that the list must include: it waits for it as long as for a lock.

        `known_at` leaves out what was recorded later. `rules` are a ruleset, or the number of one that was in force; by
        default those in force at `known_at`. For either, read models are built on first use and kept; meanwhile
        `on_progress` is called with (events folded so far, events there are to fold).

        Raises ValueError for values that the rules don't have, and where more than 5,000 customers have changed since
        the day that `becoming` is asked of. Raises StoreBusy where `at_least` isn't reached, where this process wrote
        of over 200 customers what isn't folded in yet, and while the read models are built for the first time.
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
            segment=segment,
            owner=owner,
            source=source,
            kind=kind,
            firm=firm,
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

    def segments(
        self,
        *,
        within: timedelta = FORTNIGHT,
        as_of: datetime | date | None = None,
        known_at: datetime | date | None = None,
        rules: AnyRules | None = None,
        fresh: Fresh = USUAL,
        at_least: int | None = None,
        on_progress: Progress | None = None,
    ) -> tuple[SegmentCount, ...]:
        """How many customers are in each segment as of an instant, and come in or go out `within` a time by themselves.

        The order is that of the rules. Forgotten customers are counted. Who comes in and goes out is what was due at
        that instant, as if nothing had happened since. The other arguments, and what it raises, are those of
        `customers`.
        """
        freshness = freshness_of(fresh, at_least)
        return count_segments(self._session, as_of, within, known_at, rules, freshness, on_progress)

    def segment(
        self,
        name: str,
        *,
        entering: bool = False,
        leaving: bool = False,
        within: timedelta = FORTNIGHT,
        as_of: datetime | date | None = None,
        known_at: datetime | date | None = None,
        rules: AnyRules | None = None,
        forgotten: bool = False,
        limit: int | None = None,
        after: str | None = None,
        fresh: Fresh = USUAL,
        at_least: int | None = None,
        on_progress: Progress | None = None,
    ) -> SegmentPage:
        """A page of the members of a segment as of an instant, in the order in which they were first recorded.

        `entering` are those instead who aren't in and come in `within` a time by themselves, `leaving` members who go
        out, the soonest first: what was due at that instant, as if nothing had happened since. To count what became of
        a mailing, ask `as_of` and `known_at` the instant at which it was sent: who bought since is still there.

        The other arguments, and what it raises, are those of `customers`: without a limit, iterating goes through all.
        Raises NotFound for a segment that the rules don't have, ValueError for entering and leaving at once.
        """
        if entering and leaving:
            raise ValueError("ask for those entering or those leaving, one at a time")
        query = SegmentQuery(
            segment=name,
            asked="entering" if entering else "leaving" if leaving else "in",
            within=within,
            as_of=as_of,
            forgotten=forgotten,
            limit=page_size(limit),
            after=after,
            freshness=freshness_of(fresh, at_least),
            goes_on=limit is None,
        )
        return find_members(self._session, query, known_at, rules, on_progress)

    def attrition(
        self,
        segment: str,
        *,
        as_of: datetime | date | None = None,
        known_at: datetime | date | None = None,
        rules: AnyRules | None = None,
        on_progress: Progress | None = None,
    ) -> Attrition:
        """How a segment comes to its members as of an instant: how many customers are left after each condition.

        All customers are folded for that, with forgotten ones; `on_progress` is called with (events read so far, events
        there are). Raises NotFound for a segment that the rules don't have.
        """
        return count_attrition(self._session, segment, as_of, known_at, rules, on_progress)

    @property
    def grammar(self) -> type[Ruleset]:
        """The grammar of rules for this store, which knows the tables of its extensions; pass it to `parse_rules`."""
        return self._store.registry.grammar

    @property
    def lanes(self) -> tuple[str, ...]:
        """The names of a timeline's lanes, built-in ones first, then those of extensions' projections."""
        return tuple(lanes_in(self._store.registry))

    def values(self, lane: Lane) -> tuple[str, ...]:
        """The possible verdicts of a lane under the rules in force, in the rules' own order."""
        return lane_values(self.ruleset, lane)

    def business_timeline(self, *, known_at: datetime | date | None = None, rules: AnyRules | None = None) -> Timeline:
        """The business's own timeline: verdicts of extensions' projections on the events that belong to no customer.

        `known_at` and `rules` are those of `customer`.
        """
        return business_timeline(self._session, known_at, rules)

    def totals(
        self,
        lane: Counted,
        days: Sequence[datetime | date],
        *,
        known_at: datetime | date | None = None,
        rules: AnyRules | None = None,
        on_progress: Progress | None = None,
    ) -> tuple[dict[str, int], ...]:
        """How many customers have each verdict of a lane, as of each of some days or instants in ascending order; for
        "segment", how many are in each.

        Forgotten customers are counted as before: totals of a past day don't change by forgetting.

        It catches up first. `known_at`, `rules` and `on_progress` are those of `customers`. Raises ValueError for an
        unknown lane, and for days that are not in ascending order.
        """
        return count_as_of(self._session, lane, days, known_at, rules, on_progress)

    @property
    def dimensions(self) -> tuple[str, ...]:
        """What `trend` counts by, and the measures' `where` picks customers by: lanes, "tag", "owner", "source".

        And "tickets", which `trend` counts by their status.
        """
        return tuple(dimensions(self._store.registry))

    def trend(
        self,
        dimension: str,
        *,
        by: By = "month",
        since: date | None = None,
        until: date | None = None,
        where: Mapping[str, str] = MappingProxyType({}),
        known_at: datetime | date | None = None,
        rules: AnyRules | None = None,
        on_progress: Progress | None = None,
    ) -> Trend:
        """How many had which value of a dimension at the end of each month or week (from Monday), in the business's
        zone: 12 before the current one and 3 after it, unless given.

        What is due by then counts, as if nothing more happened. `where` counts those of whom other dimensions have a
        value at the same instant, such as {"tier": "gold"}. `known_at` leaves out what was recorded later, and takes
        what comes after that moment as due; `rules` are as `customers` has them, with `on_progress`.

        Forgotten customers are counted, and everything recorded is folded in first. Raises ValueError for what is no
        dimension or value, and for more than 600 months or weeks.
        """
        return find_trend(self._session, dimension, by, since, until, where, Axes(known_at, rules, on_progress))

    def flow(
        self,
        lane: str,
        first: datetime | date,
        second: datetime | date,
        *,
        where: Mapping[str, str] = MappingProxyType({}),
        known_at: datetime | date | None = None,
        rules: AnyRules | None = None,
        on_progress: Progress | None = None,
    ) -> Flow:
        """How many customers went from which verdict of a lane to which between two moments; the second may be ahead.

        `where` counts those of whom it holds at the first moment; the rest is as `trend` has it. Of a segment the lane
        is "segment:" and its id: who came in (None to "in"), and went out. Raises ValueError for an unknown lane, and
        where the second moment doesn't come after the first.
        """
        return find_flow(self._session, lane, first, second, where, Axes(known_at, rules, on_progress))

    def movers(
        self,
        lane: str,
        first: datetime | date,
        second: datetime | date,
        move: tuple[str | None, str | None],
        *,
        where: Mapping[str, str] = MappingProxyType({}),
        known_at: datetime | date | None = None,
        rules: AnyRules | None = None,
        limit: int | None = None,
        on_progress: Progress | None = None,
    ) -> tuple[Mover, ...]:
        """The customers behind one number of `flow`, such as ("active", "at_risk"), as they were first recorded.

        None in a move is no verdict: not known yet, or not any more. Who is forgotten is among them, without a name.
        Raises ValueError as `flow` does.
        """
        return find_movers(self._session, lane, first, second, move, where, limit, Axes(known_at, rules, on_progress))

    def cohorts(
        self,
        *,
        by: By = "month",
        since: date | None = None,
        until: date | None = None,
        as_of: datetime | date | None = None,
        where: Mapping[str, str] = MappingProxyType({}),
        known_at: datetime | date | None = None,
        rules: AnyRules | None = None,
        on_progress: Progress | None = None,
    ) -> Cohorts:
        """Retention: of the customers who first ordered in a month or week, how many ordered in each one since.

        The cohorts are those from `since` to `until`: of the last 12 and the current one, unless given. `as_of` leaves
        out orders after it; `where` picks customers of whom it holds then, or now, or at `known_at`. An order that came
        back counts. The rest is as `trend` has it.
        """
        return find_cohorts(self._session, by, since, until, as_of, where, Axes(known_at, rules, on_progress))

    def rfm(
        self,
        *,
        as_of: datetime | date | None = None,
        recency: Sequence[int] = RECENCY,
        frequency: Sequence[int] = FREQUENCY,
        where: Mapping[str, str] = MappingProxyType({}),
        known_at: datetime | date | None = None,
        rules: AnyRules | None = None,
        on_progress: Progress | None = None,
    ) -> Rfm:
        """Customers who ever ordered, by how recently (days since the last order) and how often (orders), with their
        net spend: as of now, or of another moment.

        `recency` and `frequency` are the limits of the bands, in ascending order: whoever ordered at most 30 days ago,
        and with 1 or more orders, is in the first of each by default. The rest is as `cohorts` has it. Raises
        ValueError for limits that don't rise.
        """
        return find_rfm(self._session, as_of, recency, frequency, where, Axes(known_at, rules, on_progress))

    def revenue(
        self,
        *,
        by: By = "month",
        since: date | None = None,
        until: date | None = None,
        where: Mapping[str, str] = MappingProxyType({}),
        known_at: datetime | date | None = None,
        rules: AnyRules | None = None,
        on_progress: Progress | None = None,
    ) -> Revenue:
        """Revenue by month or week, of new customers and of returning ones: by how much their net spend grew.

        A return counts when it came back. A customer is new in the period of their first order. The rest is as
        `cohorts` has it.
        """
        return find_revenue(self._session, by, since, until, where, Axes(known_at, rules, on_progress))

    def liability(
        self,
        *,
        by: By = "month",
        since: date | None = None,
        until: date | None = None,
        where: Mapping[str, str] = MappingProxyType({}),
        known_at: datetime | date | None = None,
        rules: AnyRules | None = None,
        on_progress: Progress | None = None,
    ) -> Liability:
        """The points of all members as of the end of each month or week: to spend, pending, and owed.

        What expires by then counts as gone, as if nobody earned or spent any more. `where` picks customers of whom it
        holds now, or at `known_at`; the rest is as `trend` has it.
        """
        return find_liability(self._session, by, since, until, where, Axes(known_at, rules, on_progress))

    def expiring(
        self,
        within: timedelta,
        *,
        where: Mapping[str, str] = MappingProxyType({}),
        known_at: datetime | date | None = None,
        rules: AnyRules | None = None,
        on_progress: Progress | None = None,
    ) -> Expiring:
        """Whose points expire within a time from now, or from `known_at`, if nobody earns or spends any more.

        The rest is as `liability` has it. Raises ValueError for a time below zero.
        """
        return find_expiring(self._session, within, where, Axes(known_at, rules, on_progress))

    def report(
        self,
        *,
        month: date | None = None,
        personal: bool = False,
        watch: str = WATCHED,
        business: str = "",
        on_progress: Progress | None = None,
    ) -> Report:
        """A month in figures, against the month and the year before, with whom to call and what is due by now.

        It is about the month of a day: the last one that is over, unless given. Whom to call is who is, or soon
        becomes, the stage to `watch`; nobody, where the rules lack the one that is watched by default. Customers are
        listed by their ids, and with `personal` by reference and name: what was sent can't be forgotten. `business` is
        a name for the title.
        `report_page` writes it as HTML.

        Everything recorded is folded in first; `on_progress` is called with (parts gathered so far, parts there are).
        Raises ValueError for a month that hasn't begun, or by whose end nobody was known, and for an unknown stage.
        """
        return gather_report(self._session, month, watch, personal, business, on_progress)

    def today(
        self,
        *,
        days: int = DAYS,
        kind: str | None = None,
        owner: str | None = None,
        as_of: datetime | date | None = None,
        known_at: datetime | date | None = None,
        names: bool = True,
        on_progress: Progress | None = None,
    ) -> Today:
        """What is to be done: overdue first, then by day; within a day by the amount at stake, or else by what the
        customer spent net in 365 days.

        It goes up to the end of the day in so many `days`, in the business's zone; what has just begun, such as being
        at risk, began in the last so many days. Of each kind there are ten lines at most, with how many there are in
        all; with a `kind`, such as "quote" or "at_risk", up to 1,000 of that one alone. `owner` picks lines that
        somebody looks after, and those of customers they look after. With `as_of` it is what was to be done then, as if
        nothing had happened since; without `names` lines have no reference and no name. Forgotten customers are left
        out.

        Everything recorded is folded in first. `known_at` and `on_progress` are those of `customers`. Raises ValueError
        for days out of bounds, for a kind that there isn't, and as of a day since which over 5,000 customers have
        changed, unless `known_at` leaves that out.
        """
        query = TodayQuery(days=days, kind=kind, owner=owner, as_of=as_of, known_at=known_at, names=names)
        return find_today(self._session, query, on_progress)

    def service(
        self,
        *,
        by: ServiceBy | None = None,
        since: datetime | date | None = None,
        until: datetime | date | None = None,
        as_of: datetime | date | None = None,
        known_at: datetime | date | None = None,
        rules: AnyRules | None = None,
        on_progress: Progress | None = None,
    ) -> ServiceReport:
        """Whether tickets were answered and resolved in time, each share with n and its 95 % interval; and the backlog.

        It counts the tickets opened from `since` to `until`, all by default, as of an instant; a bare date is that
        whole day in the business's zone. `by` tells them apart by the "month" in which they were opened, their "agent"
        as of then, the "priority" that a clock is held against, or their "channel". Clocks run in business hours where
        the rules have any. A clock that is still in time is undecided, and in no share.

        It catches up first. `known_at`, `rules` and `on_progress` are those of `customers`. Raises ValueError for what
        nothing is told apart by, and for a span that ends before it begins.
        """
        query = ServiceQuery(by=by, since=since, until=until, as_of=as_of, known_at=known_at, rules=rules)
        return report_service(self._session, query, on_progress)

    def pipeline(
        self,
        *,
        by: PipelineBy = "stage",
        as_of: datetime | date | None = None,
        where: Mapping[str, str] = MappingProxyType({}),
        firm: str | CustomerId | None = None,
        known_at: datetime | date | None = None,
        rules: AnyRules | None = None,
        on_progress: Progress | None = None,
    ) -> Pipeline:
        """The open opportunities by "stage", "owner" or "source": how many, worth how much, and what they are expected
        to bring by the probabilities of the rules; as of now, or of another moment.

        `where` picks opportunities by what they are then: {"owner": "li"}, also by "source", "stage" and "pipeline"; a
        `firm` has its own, and those that name it. It catches up first. `known_at`, `rules` and `on_progress` are those
        of `customers`. Raises ValueError for what a pipeline isn't told apart by, and for what opportunities aren't
        picked by; NotFound for an unknown firm, and for a person.
        """
        return find_pipeline(self._session, by, as_of, where, firm, Axes(known_at, rules, on_progress))

    def stale_opportunities(
        self,
        *,
        as_of: datetime | date | None = None,
        where: Mapping[str, str] = MappingProxyType({}),
        firm: str | CustomerId | None = None,
        limit: int | None = None,
        known_at: datetime | date | None = None,
        rules: AnyRules | None = None,
        on_progress: Progress | None = None,
    ) -> tuple[OpportunityView, ...]:
        """The open opportunities to which nothing happened for as long as the rules allow in their stage, those that
        are worth most first; at most `limit`. The rest is as `pipeline` has it.
        """
        return find_stale(self._session, as_of, where, firm, limit, Axes(known_at, rules, on_progress))

    def opportunities(
        self,
        *,
        as_of: datetime | date | None = None,
        where: Mapping[str, str] = MappingProxyType({}),
        limit: int | None = None,
        known_at: datetime | date | None = None,
        rules: AnyRules | None = None,
        on_progress: Progress | None = None,
    ) -> tuple[OpportunityView, ...]:
        """The open opportunities by stage in the order of the rules, those worth most first; at most `limit` of each
        stage. The rest is as `pipeline` has it.
        """
        return find_opportunities(self._session, as_of, where, limit, Axes(known_at, rules, on_progress))

    def pipeline_stages(
        self,
        *,
        as_of: datetime | date | None = None,
        where: Mapping[str, str] = MappingProxyType({}),
        known_at: datetime | date | None = None,
        rules: AnyRules | None = None,
        on_progress: Progress | None = None,
    ) -> TimesInStages:
        """How long opportunities stay in each stage, those that are still in it included (Kaplan-Meier), and where they
        go from there. `where` holds of their last state; the rest is as `pipeline` has it.
        """
        return find_times_in_stages(self._session, as_of, where, Axes(known_at, rules, on_progress))

    def pipeline_waterfall(
        self,
        first: datetime | date,
        second: datetime | date,
        *,
        where: Mapping[str, str] = MappingProxyType({}),
        known_at: datetime | date | None = None,
        rules: AnyRules | None = None,
        on_progress: Progress | None = None,
    ) -> Waterfall:
        """How what was open at one moment became what is open at a later one: what is new, reopened, grown, shrunk,
        won and lost, and with `where` what moved into it and out of it. It adds up.

        The rest is as `pipeline` has it. Raises ValueError where the second moment comes first.
        """
        return find_waterfall(self._session, first, second, where, Axes(known_at, rules, on_progress))

    def pipeline_forecast(
        self,
        *,
        as_of: datetime | date | None = None,
        where: Mapping[str, str] = MappingProxyType({}),
        known_at: datetime | date | None = None,
        rules: AnyRules | None = None,
        on_progress: Progress | None = None,
    ) -> PipelineForecast:
        """What is open is expected to bring, by stage and by the month of the expected close: by the probabilities of
        the rules, and by own history.

        That is the share won within 180 days of entering a stage, of all opportunities that entered it at least 180
        days before, whatever `where` says; of fewer than 30 it says nothing. The rest is as `pipeline` has it.
        """
        return find_forecast(self._session, as_of, where, Axes(known_at, rules, on_progress))

    def pipeline_calibration(
        self,
        *,
        since: date | None = None,
        until: date | None = None,
        where: Mapping[str, str] = MappingProxyType({}),
        known_at: datetime | date | None = None,
        on_progress: Progress | None = None,
    ) -> PipelineCalibration:
        """Whether forecasts came true: those of the eve of each month from that of `since` to that of `until`, the last
        24 that are over by default; as known on that eve, by the rules then in force.

        Probabilities are held against what was won 180 days later, each opportunity once for each tenth; the sum that
        was forecast for a month against what was won in it. What was imported after an eve wasn't known on it. `where`
        picks opportunities by what they were on that eve, and those won by what they were at the end of the month.
        Raises ValueError for months that can't be, and for what opportunities aren't picked by.
        """
        return find_calibration(self._session, since, until, where, known_at, on_progress)

    def catch_up(self, on_progress: Progress | None = None, *, within: timedelta | None = None) -> None:
        """Fold everything that was recorded into the read models, or as much as is possible `within` a time.

        Lists do so for up to a second by themselves; it has no effect on a read-only store. `on_progress` is called
        with (events folded so far, events there were to fold). Raises StoreBusy as `customers` does.
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

        With `oldest_first`, going on from the last position of each page misses nothing, even under concurrent writes:
        an event is returned once no event before it can be committed any more. Raises StoreBusy where that takes too
        long for this process's own events.
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

    def changes(
        self,
        name: str,
        *,
        kinds: Collection[str] | None = None,
        start: str | int = "now",
        on_looked: OnLooked | None = None,
    ) -> ChangeFeed:
        """The change feed of a subscription: what changed since it last heard, in batches to acknowledge.

            feed = crm.changes("mailer", kinds=["tier", "fell_due"])
            for batch in feed:
                ...
                feed.ack(batch)

        What is told is the difference between what was told and what holds by now: what became known otherwise, and
        what fell due by itself. Applied in order, all that is told gives what the store answers. What began and was
        undone in between is not told, and nothing that is told is personal.

        `kinds` select by kind ("recorded", "began", "fell_due", "corrected", "rules_moved"), by the name of a verdict
        ("stage", "tier", "segment", "ticket", ...) or the type of an event, or by both ("recorded:PurchaseRecorded");
        where some of both are given, by some of each. None is everything, or what the subscription was made with. A new
        subscription starts "now", at the "beginning" (it is told what holds as of now) or after a position; for others
        `start` says nothing. `on_looked` is called while it is worked out what to tell, with how many more customers,
        or turns of one, were looked at. Raises ValueError for other words, StoreUnusable for a store that is read-only.
        """
        return find_feed(self._session, name, kinds, start, on_looked)

    def subscriptions(self) -> tuple[SubscriptionView, ...]:
        """All subscriptions to changes, by name."""
        return list_subscriptions(self._session)

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
        """The event feed: everything that was recorded by now, in order of position, for read models of your own.

        A consumer that stores the position of the last event it processed, and resumes `after` it, later and in another
        process, gets every event exactly once, even under concurrent writes: an event is returned once no event before
        it can be committed any more. It ends at the last event that was settled when it was called, and waits for this
        process's own last event.

        `types` are classes of events, or a union or tuple of them; retired ones are read as their successors. Events of
        an extension that the store was opened without come as `Unexplained`.
        `customer`, a reference or a CustomerId, filters by that customer and everyone who is merged with them now.
        Personal data is decrypted, and None for forgotten customers or where this role may not read keys. Instants are
        UTC microseconds, amounts minor units. Events are read in pages of a thousand, each in a transaction of its own.

        Raises NotFound for an unknown customer, ValueError for what is no type of event or position, StoreBusy where an
        older transaction keeps this process's last event from settling for too long; and, after all events before it
        were returned, StoreUnusable for an event that can't be read, with its position.
        """
        return follow_log(self._session, after, types, customer)

    def as_application_recorder(self) -> LogRecorder:
        """The log as a read-only recorder of the `eventsourcing` library, to select from and to subscribe to.

        Topics are the names of events, notification ids positions. Personal data is left out. It is closed with the
        store. `LogApplication` is for the library's `ProjectionRunner`, which opens the store by itself.
        """
        from regulars.adapters.eventsourcing_library.log_recorder import (
            LogRecorder,  # its library patches dataclasses for the whole process
        )

        return LogRecorder(self._store, lambda: self._session.last_written)

    def duplicates(self, *, limit: int | None = None, after: str | None = None) -> DuplicatesPage:
        """A page of customers who may be the same person, because they share an e-mail or a phone number.

        Merge them with MergeCustomers, or tell them apart with DismissDuplicate. `limit` and `after` are those of
        `customers`: without a limit, iterating goes through all.
        """
        return find_duplicates(self._session, page_size(limit), limit is None, after)

    def dismissed_duplicates(self) -> tuple[Dismissed, ...]:
        """Everybody who was told apart from another with DismissDuplicate, by what they are merged into now.

        `duplicates` and `near_duplicates` list them together no more. UndoDismissal, given what it was `said_of`,
        takes one back.
        """
        return find_dismissed(self._session)

    def near_duplicates(self, *, limit: int | None = None, after: str | None = None) -> DuplicatesPage:
        """A page of customers who may be the same person by a weaker sign, and share neither e-mail nor phone number.

        Their addresses differ only in dots and in what follows a plus before the `@`, or their phone numbers in how the
        country is dialled, or in that one names none. Everyone's contacts are decrypted for each page. `limit` and
        `after` are those of `customers`.
        """
        return find_near_duplicates(self._session, page_size(limit), limit is None, after)

    def tickets(
        self,
        *,
        customer: str | CustomerId | None = None,
        firm: str | CustomerId | None = None,
        status: str | None = None,
        first_response: str | None = None,
        resolution: str | None = None,
        breaching_within: timedelta | None = None,
        as_of: datetime | date | None = None,
        known_at: datetime | date | None = None,
        rules: AnyRules | None = None,
        limit: int | None = None,
        after: str | None = None,
        fresh: Fresh = USUAL,
        at_least: int | None = None,
        on_progress: Progress | None = None,
    ) -> TicketPage:
        """A page of tickets as of an instant, in order of their ids: all, or those where every given value holds.

        Of a `firm` these are its own, and those that were opened on its behalf; those of its people aren't.
        `breaching_within` filters by a clock that will be breached within that time unless somebody acts. With `as_of`,
        it is what was due then, as if nothing had happened since. Forgotten customers are left out. `known_at`,
        `rules`, `limit` and `after`, `fresh`, `at_least` and `on_progress` are those of `customers`: without a limit,
        iterating goes through all. Raises NotFound for an unknown customer, ValueError where `breaching_within` is
        asked as of a day since which over 5,000 customers have changed, and StoreBusy as `customers` does.
        """
        size = page_size(limit)
        query = TicketQuery(
            customer=customer,
            firm=firm,
            status=status,
            first_response=first_response,
            resolution=resolution,
            breaching_within=breaching_within,
            as_of=as_of,
            known_at=known_at,
            rules=rules,
            limit=size,
            after=after,
            freshness=freshness_of(fresh, at_least),
            goes_on=limit is None,
        )
        return find_tickets(self._session, query, on_progress)

    def ticket(
        self,
        ticket_id: str,
        *,
        as_of: datetime | date | None = None,
        known_at: datetime | date | None = None,
        rules: AnyRules | None = None,
    ) -> WholeTicket:
        """One ticket in full as of an instant: its subject and messages, its status and clocks over time, its events.

        `known_at` leaves out what was recorded later, and has the clocks of the rules in force then, unless others are
        given. Raises NotFound for an id that no ticket has, or had by then; StoreUnusable where an event of it can't be
        read.
        """
        return find_ticket(self._session, ticket_id, as_of, known_at, rules)

    def tasks(
        self,
        *,
        value: str | None = None,
        owner: str | None = None,
        customer: str | CustomerId | None = None,
        until: datetime | date | None = None,
        as_of: datetime | date | None = None,
        known_at: datetime | date | None = None,
        rules: AnyRules | None = None,
        limit: int | None = None,
        after: str | None = None,
        fresh: Fresh = USUAL,
        at_least: int | None = None,
        on_progress: Progress | None = None,
    ) -> TaskPage:
        """A page of tasks, for customers and for nobody, as of an instant: those due first, then those due at no time.

        `value` is "open", "snoozed", "overdue", "done" or "dropped"; unless given, all that aren't settled. `owner` is
        who is to do them, `until` a time by which they are due, or a day by the end of which. Of what repeats the open
        occurrence is listed. `known_at`, `rules`, `limit` and `after`, `fresh`, `at_least` and `on_progress` are those
        of `customers`. Raises NotFound for an unknown customer, ValueError for another value, and StoreBusy as
        `customers` does.
        """
        query = TaskQuery(
            value=value,
            owner=owner,
            customer=customer,
            until=until,
            as_of=as_of,
            limit=page_size(limit),
            after=after,
            freshness=freshness_of(fresh, at_least),
            goes_on=limit is None,
        )
        return find_tasks(self._session, query, known_at, rules, on_progress)

    def task(
        self,
        task_id: str,
        *,
        as_of: datetime | date | None = None,
        known_at: datetime | date | None = None,
        rules: AnyRules | None = None,
    ) -> WholeTask:
        """One task in full: why it stands where it does, and what has happened to it.

        `known_at` leaves out what was recorded later. Raises NotFound where there is none of that id, or it wasn't
        added by then.
        """
        return find_task(self._session, task_id, as_of, known_at, rules)

    def task_days(
        self,
        since: date,
        before: date,
        *,
        owner: str | None = None,
        customer: str | CustomerId | None = None,
        as_of: datetime | date | None = None,
        known_at: datetime | date | None = None,
        rules: AnyRules | None = None,
        fresh: Fresh = USUAL,
    ) -> tuple[TaskDay, ...]:
        """The days in [since, before) on which tasks fall that aren't settled as of an instant, in order of time.

        Of what repeats, the open occurrence and those that come after it if it is settled by then, `as_of` at the
        earliest. `known_at` and `rules` are those of `customers`. Raises ValueError for a span without a day, and where
        tasks fall on more than 10,000 days; NotFound for an unknown customer.
        """
        query = TaskQuery(
            value=None,
            owner=owner,
            customer=customer,
            until=None,
            as_of=as_of,
            limit=MAX_PAGE,
            after=None,
            freshness=freshness_of(fresh, None),
            goes_on=True,
        )
        return find_task_days(self._session, query, known_at, rules, since, before)

    def firm(
        self, who: str | CustomerId, *, as_of: datetime | date | None = None, known_at: datetime | date | None = None
    ) -> Firm:
        """A firm's page as of an instant: who works for it, what they and it bought, what they want settled, and which
        opportunities, quotes and contracts are open that are its own or name it.

        `as_of` and `known_at` are those of `customer`; it is always up to date. Raises NotFound for an unknown
        customer, for a person, and where nothing was known of it by then.
        """
        return find_firm(self._session, who, as_of, known_at)

    def people(
        self, firm: str | CustomerId, *, as_of: datetime | date | None = None, known_at: datetime | date | None = None
    ) -> tuple[Employment, ...]:
        """Who works for a firm on a day, in which role and since when, from A to Z; today, unless `as_of` says.

        The day is in the business's zone. `known_at` leaves out what was recorded later. Who is forgotten by now is
        left out, whatever the day. Raises NotFound.
        """
        return find_people(self._session, firm, as_of, known_at)

    def firms_of(
        self, person: str | CustomerId, *, as_of: datetime | date | None = None, known_at: datetime | date | None = None
    ) -> tuple[Employment, ...]:
        """The firms that a person works for on a day, as `people` has them; forgotten ones too. Raises NotFound."""
        return find_firms_of(self._session, person, as_of, known_at)

    def due(
        self,
        *,
        value: str | None = "due",
        item: str | None = None,
        customer: str | CustomerId | None = None,
        within: timedelta | None = None,
        as_of: datetime | date | None = None,
        known_at: datetime | date | None = None,
        rules: AnyRules | None = None,
        limit: int | None = None,
        after: str | None = None,
        fresh: Fresh = USUAL,
        at_least: int | None = None,
        on_progress: Progress | None = None,
    ) -> DuePage:
        """A page of items that customers are due to buy again, by the rules' [due_again], in order of until when.

        `value` is "not_yet", "due", "lapsed" or None for all of them. With `within`, it is what comes to be so within
        that time if nothing happens, and isn't yet, in order of since when; with `as_of` as well, what was ahead then,
        as if nothing had happened since. Forgotten customers are left out. `known_at`, `rules`, `limit` and `after`,
        `fresh`, `at_least` and `on_progress` are those of `customers`. Raises NotFound for an unknown customer, and for
        an item that the rules have no gap for; ValueError for another value, and where `within` is asked as of a day
        since which over 5,000 customers have changed; StoreBusy as `customers` does.
        """
        query = DueQuery(
            value=value,
            item=item,
            customer=customer,
            within=within,
            as_of=as_of,
            limit=page_size(limit),
            after=after,
            freshness=freshness_of(fresh, at_least),
            goes_on=limit is None,
        )
        return find_due(self._session, query, known_at, rules, on_progress)

    def quotes(
        self,
        *,
        customer: str | CustomerId | None = None,
        firm: str | CustomerId | None = None,
        status: str | None = None,
        opportunity_id: str | None = None,
        expiring_within: timedelta | None = None,
        as_of: datetime | date | None = None,
        known_at: datetime | date | None = None,
        limit: int | None = None,
        after: str | None = None,
        fresh: Fresh = USUAL,
        at_least: int | None = None,
    ) -> QuotePage:
        """A page of quotes as of an instant, what runs out first at the top: all, or those where every given value
        holds.

        `status` is "sent", "accepted", "declined" or "expired"; `expiring_within` are those that were sent and run out
        within that time; a `firm` has its own, and those that name it. Forgotten customers are left out. `known_at`
        leaves out what was recorded later. `limit` and `after`, `fresh` and `at_least` are those of `customers`:
        without a limit, iterating goes through all. Raises NotFound for an unknown customer, and for a person as firm;
        ValueError for another status, and StoreBusy as `customers` does.
        """
        query = QuoteQuery(
            customer=customer,
            firm=firm,
            status=status,
            opportunity_id=opportunity_id,
            expiring_within=expiring_within,
            as_of=as_of,
            known_at=known_at,
            limit=page_size(limit),
            after=after,
            freshness=freshness_of(fresh, at_least),
            goes_on=limit is None,
        )
        return find_quotes(self._session, query)

    def quote(
        self,
        quote_id: str,
        *,
        revision: int | None = None,
        as_of: datetime | date | None = None,
        known_at: datetime | date | None = None,
    ) -> WholeQuote:
        """One quote in full as of an instant, as if nothing had happened since: a revision's lines and tax by rate.

        `revision` is by default the one in force, or the accepted one. `known_at` leaves out what was recorded later.
        `quote_page` makes a page of it. Raises NotFound for an id or a revision that there isn't, or wasn't by then.
        """
        return find_quote(self._session, quote_id, revision, as_of, known_at)

    def coupons(
        self,
        *,
        status: str | None = None,
        as_of: datetime | date | None = None,
        known_at: datetime | date | None = None,
    ) -> tuple[CouponView, ...]:
        """The series of coupons as of an instant, by their ids: what was redeemed, what is outstanding, what that may
        cost at most.

        `status` is "upcoming", "valid" or "over"; ValueError for another one. `known_at` leaves out what was recorded
        later. Who is forgotten has no code any more; what they redeemed still counts.
        """
        return find_coupons(self._session, status, as_of, known_at)

    def coupon(
        self, coupon_id: str, *, as_of: datetime | date | None = None, known_at: datetime | date | None = None
    ) -> WholeCoupon:
        """One series of coupons as of an instant, with the orders that redeemed it and stand, the latest first.

        Raises NotFound for an id that there isn't, or wasn't by then.
        """
        return find_coupon(self._session, coupon_id, as_of, known_at)

    def coupon_codes(self, who: str | CustomerId) -> tuple[IssuedCode, ...]:
        """The personal coupon codes of a customer as they are now, the latest first; none of a forgotten one.

        Raises NotFound for an unknown customer.
        """
        return find_codes(self._session, who)

    def contract(
        self, contract_id: str, *, as_of: datetime | date | None = None, known_at: datetime | date | None = None
    ) -> WholeContract:
        """One contract in full as of an instant, as if nothing had happened since: what was signed, and its events.

        `known_at` leaves out what was recorded later. Raises NotFound for an id that there isn't, or wasn't by then.
        """
        return find_contract(self._session, contract_id, as_of, known_at)

    def contracts(
        self,
        *,
        customer: str | CustomerId | None = None,
        firm: str | CustomerId | None = None,
        status: str | None = None,
        ending_within: timedelta | None = None,
        as_of: datetime | date | None = None,
        known_at: datetime | date | None = None,
        limit: int | None = None,
        after: str | None = None,
        fresh: Fresh = USUAL,
        at_least: int | None = None,
    ) -> ContractPage:
        """A page of contracts as of an instant, what ends first at the top, and then those without an end.

        `status` is "upcoming", "active" or "ended"; `ending_within` are those in force that end within that time, or
        renew unless notice is given within it; a `firm` has its own, and those that name it. Forgotten customers are
        left out. `known_at` leaves out what was recorded later. `limit` and `after`, `fresh` and `at_least` are those
        of `customers`. Raises NotFound for an unknown customer, and for a person as firm; ValueError for another
        status, and StoreBusy as `customers` does.
        """
        query = ContractQuery(
            customer=customer,
            firm=firm,
            status=status,
            ending_within=ending_within,
            as_of=as_of,
            known_at=known_at,
            limit=page_size(limit),
            after=after,
            freshness=freshness_of(fresh, at_least),
            goes_on=limit is None,
        )
        return find_contracts(self._session, query)

    def reminders(
        self,
        *,
        since: date | None = None,
        until: date | None = None,
        owner: str | None = None,
        care: str | None = None,
        customer: str | CustomerId | None = None,
        as_of: datetime | date | None = None,
        known_at: datetime | date | None = None,
        rules: AnyRules | None = None,
        limit: int | None = None,
        fresh: Fresh = USUAL,
        at_least: int | None = None,
        on_progress: Progress | None = None,
    ) -> Reminders:
        """Whom to call and why, by the rules' [[care]]: what is overdue or has come up and isn't settled, by its day.

        `since` and `until` are the first and the last day on which they are due; with `until`, those that come up by
        then are there as well, as if nothing more happened. `owner` is the rule's, else whoever looks after the
        customer; `care` is the id of one rule. Settle one by the command in its `settling`. Birthdays are looked up as
        they are known today. Forgotten customers are left out. `known_at`, `rules`, `fresh`, `at_least` and
        `on_progress` are those of `customers`; at most `limit` are shown, and all are counted. Raises NotFound for an
        unknown customer or rule; ValueError for a span that ends before it begins or is longer than ten years, and
        where it is asked as of a day since which over 5,000 customers have changed; StoreBusy as `customers` does.
        """
        query = ReminderQuery(
            since=since,
            until=until,
            owner=owner,
            care=care,
            customer=customer,
            as_of=as_of,
            limit=limit,
            freshness=freshness_of(fresh, at_least),
        )
        return find_reminders(self._session, query, known_at, rules, on_progress)

    def birthdays(self, *, since: date | None = None, until: date | None = None) -> BirthdaysFound:
        """Whose birthday it is on each day from one to another, today unless they are given, in order of the days.

        They are looked up as they are known today, under the solar and the lunar date of each day; the latter needs the
        extra `lunar`, and `missing` says so where anybody has such a one. Raises ValueError for a span that ends before
        it begins or is longer than ten years, StoreUnusable where this process may not read look-ups.
        """
        return list_birthdays(self._session, since, until)

    def calendar(
        self,
        *,
        since: date | None = None,
        until: date | None = None,
        names: bool = True,
        fresh: Fresh = USUAL,
        on_progress: Progress | None = None,
    ) -> CalendarEntries:
        """What stands in a calendar, from a day to another: reminders, everybody's birthdays, tasks, the last days of
        quotes, and days by which something is to be done about contracts.

        By default from what is overdue to a year ahead. Without `names`, nobody is called anything but their id, and it
        isn't said why or what. `calendar_ics` writes it as a file. Raises as `reminders` does.
        """
        zone = self.ruleset.zone
        first, last = days_of(since, until, to_datetime(self._session.now()).astimezone(zone).date())
        reminders = self.reminders(since=since, until=last, fresh=fresh, on_progress=on_progress)
        birthdays = self.birthdays(since=first, until=last)
        looked_up = {each.id for each in self.ruleset.care if each.on == "birthday"}
        entries = [
            *entries_of_reminders((each for each in reminders if each.care not in looked_up), names=names),
            *entries_of_birthdays(birthdays, zone, names=names),
            *entries_of_tasks(self.task_days(since or LONG_AGO, last + timedelta(days=1), fresh=fresh), names=names),
            *entries_of_quotes(self.quotes(status="sent", fresh=fresh), last, names=names),
            *entries_of_contracts(self.contracts(status="active", fresh=fresh), last, names=names),
        ]
        missing = tuple(dict.fromkeys([*reminders.missing, *birthdays.missing]))
        return CalendarEntries(tuple(entries), zone.key, missing)

    def explain_due(
        self,
        who: str | CustomerId,
        item: str,
        *,
        as_of: datetime | date | None = None,
        known_at: datetime | date | None = None,
        rules: AnyRules | None = None,
    ) -> DueExplanation:
        """Why a customer is due to buy an item or not: when they bought it, what gap is expected, from when on.

        Raises NotFound for an unknown customer, for an item that the rules have no gap for, and where they hadn't
        bought it.
        """
        return explain_due(self._session, who, item, as_of, known_at, rules)

    def most_bought(
        self,
        who: str | CustomerId,
        *,
        limit: int = 10,
        as_of: datetime | date | None = None,
        known_at: datetime | date | None = None,
    ) -> tuple[MostBought, ...]:
        """What a customer bought on most days, the latest first where days are equal, whether or not the rules name it.

        It is the better guess at what they buy next, as `due` is at when: see docs/due-again.md. `known_at` leaves out
        what was recorded later. Raises NotFound.
        """
        return find_most_bought(self._session, who, page_size(limit), as_of, known_at)

    def opportunity(
        self,
        opportunity_id: str,
        *,
        as_of: datetime | date | None = None,
        known_at: datetime | date | None = None,
        rules: AnyRules | None = None,
    ) -> WholeOpportunity:
        """One opportunity in full as of an instant: where it stands and why, its stages over time, its events.

        `known_at` leaves out what was recorded later, and judges by the rules in force then, unless others are given.
        Raises NotFound for an id that no opportunity has, or had by then.
        """
        return find_opportunity(self._session, opportunity_id, as_of, known_at, rules)

    def leads(
        self,
        *,
        since: datetime | date | None = None,
        until: datetime | date | None = None,
        as_of: datetime | date | None = None,
        known_at: datetime | date | None = None,
        by: LeadsBy | None = None,
        on_progress: Progress | None = None,
    ) -> LeadReport:
        """What became by an instant of the leads registered from `since` to `until`: the shares that were at least
        qualified, that had an opportunity opened, and that won one, each with n and a 95 % interval.

        `by` groups them by "source", or by the "month" in which they were registered. `known_at` leaves out what was
        recorded later; what answers it is built first, which `on_progress` is told of. Who was registered of late may
        yet be won: compare months of the same age, with `as_of`.

        It catches up first. Raises ValueError for another grouping, and for a span that ends before it begins.
        """
        query = LeadsQuery(since=since, until=until, as_of=as_of, known_at=known_at, by=by)
        return read_leads(self._session, query, on_progress)

    def satisfaction(
        self,
        *,
        since: datetime | date | None = None,
        until: datetime | date | None = None,
        as_of: datetime | date | None = None,
        known_at: datetime | date | None = None,
        by: GroupedBy | None = None,
        on_progress: Progress | None = None,
    ) -> SatisfactionReport:
        """How content the customers are: NPS, CSAT, response rate and complaints, each with n and a 95 % interval.

        What they said last is as of `as_of`; surveys, orders and complaints are those from `since` to `until`. Where
        one of `as_of` and `until` is given the other is the same, and else both are now; without `since` the span is of
        365 days. `by` groups by "stage", "tier" or "segment", as of that instant, where who is in two segments counts
        in both and who is in none in the group ""; or by the "agent" who had the ticket: then NPS and CSAT are of what
        was said of tickets. `known_at` leaves out what was recorded later, and judges by the rules
        in force then; what answers it is built first, which `on_progress` is told of. Forgotten customers are counted
        as before.

        It catches up first. Raises ValueError for another grouping, and for a span that ends before it begins.
        """
        query = SatisfactionQuery(since=since, until=until, as_of=as_of, known_at=known_at, by=by)
        return read_satisfaction(self._session, query, on_progress)

    def satisfaction_of(
        self,
        who: str | CustomerId,
        *,
        as_of: datetime | date | None = None,
        known_at: datetime | date | None = None,
        rules: AnyRules | None = None,
    ) -> CustomerSatisfaction:
        """What one customer said last and which surveys they got, with the events behind it.

        `known_at` and `rules` are those of `customer`. Raises NotFound.
        """
        return read_satisfaction_of(self._session, who, as_of, known_at, rules)

    def may_ask(
        self,
        who: str | CustomerId,
        *,
        as_of: datetime | date | None = None,
        known_at: datetime | date | None = None,
        rules: AnyRules | None = None,
    ) -> MayAsk:
        """Whether a customer may be sent a survey: true once `ask_again_days` of the rules are over since the last one.

        Whoever was forgotten may not be. It says nothing of consent; `consents` does. A survey that was sent before
        that is recorded all the same, and its outcome has a notice. `known_at` and `rules` are those of `customer`.
        Raises NotFound.
        """
        return may_ask(self._session, who, as_of, known_at, rules)

    def assess(
        self, position: int, kind: str, value: str, *, model: str | None = None, version: str | None = None
    ) -> Outcome:
        """Record what a model or a person made of the text in an event: of a kind such as "sentiment", a word.

        `position` is that of the event, as the feed and the audit have it. Without a `model` it is the word of whoever
        acts. No model comes with Regulars. Raises Rejected where the event holds no text, and for what is no
        position or no word.
        """
        return self.do(assessment_of(position, kind, value, model, version))

    def compare_assessments(self, old: str, new: str, *, kind: str | None = None) -> AssessmentDifference:
        """What two versions of a model made of the same texts, of one kind or of all, and where they differ.

        Raises NotFound for a version that no assessment is of.
        """
        return compare_versions(self._session, old, new, kind)

    def points(
        self,
        who: str | CustomerId,
        *,
        as_of: datetime | date | None = None,
        known_at: datetime | date | None = None,
    ) -> Points:
        """A member's points: what can be spent, what is pending, and what expires when.

        `known_at` leaves out what was recorded later. Raises NotFound.
        """
        return find_points(self._session, who, as_of, known_at)

    def rewards_forecast(
        self,
        who: str | CustomerId,
        amount: Decimal | str,
        *,
        lines: Sequence[OrderLine] = (),
        coupon: str | None = None,
    ) -> RewardsForecast:
        """What an order of an amount would bring a customer now: its points, bonus points, the tier with it, and what
        each coupon that they have would take off.

        With a `coupon`, by its id, the amount is the price before: less is paid, and by that the points go. It is
        decided by what decides orders, and not written. Raises Rejected and NotFound as recording it would.
        """
        return forecast_rewards(self._session, self._transacting, who, amount, lines, coupon)

    def value(
        self,
        *,
        band: str | None = None,
        segment: str | None = None,
        as_of: datetime | date | None = None,
        known_at: datetime | date | None = None,
        rules: AnyRules | None = None,
        limit: int | None = None,
        after: str | None = None,
        on_progress: Progress | None = None,
    ) -> ValuePage:
        """A page of customers by what they are worth, the highest net spend in the rules' window first.

        With a `band` only its customers, with a `segment` those who are in it then. The page has the totals of each
        band, which are those of the whole list: of a segment, what it is worth. Customers who never bought have no
        value. It catches up first. `limit`, `after` and `on_progress` are those of `customers`: without a limit,
        iterating goes through all. Raises InvalidRules for rules without a table [value], ValueError for an unknown
        band, NotFound for an unknown segment.
        """
        query = ValueQuery(
            band=band,
            segment=segment,
            as_of=as_of,
            known_at=known_at,
            rules=rules,
            limit=page_size(limit),
            goes_on=limit is None,
        )
        return find_valued(self._session, query, after, on_progress)

    def forecast(
        self,
        who: str | CustomerId,
        *,
        as_of: datetime | date | None = None,
        known_at: datetime | date | None = None,
        model: int | None = None,
        annual_rate: Decimal = ANNUAL_RATE,
    ) -> Forecast:
        """What is expected of one customer within a model's horizon: whether they still buy, how often, and its worth.

        It takes the extra `models`, and a model that was fitted: `model` is its number, by default that of the one,
        of those known at `known_at`, with the latest data up to `as_of`: one with later data knows what was still to
        come, so it has to be named, and `looks_ahead` says so. `annual_rate` is by how much later spend counts less
        (continuous discounting). The intervals are of the expectation: 90 % for how well it is known. Raises NotFound
        without a model, for an unknown customer, and for one who had bought nothing by then.
        """
        require_extra()
        from regulars.asking.forecasting import forecast_one  # most programs have no model

        return forecast_one(self._session, who, as_of, known_at, model, annual_rate)

    def forecasts(
        self,
        *,
        segment: str | None = None,
        as_of: datetime | date | None = None,
        known_at: datetime | date | None = None,
        model: int | None = None,
        annual_rate: Decimal = ANNUAL_RATE,
        limit: int | None = None,
        after: str | None = None,
        on_progress: Progress | None = None,
    ) -> ForecastPage:
        """A page of the forecasts of all customers who bought anything, the highest value first; with a `segment` of
        those who are in it at that instant.

        For 50 customers and more it has the sum of all pages, with a 90 % interval of what will happen. It catches up
        first. The rest is as for `forecast`, and `limit`, `after` and `on_progress` as for `customers`.
        """
        require_extra()
        from regulars.asking.forecasting import ForecastQuery, find_forecasts  # most programs have no model

        query = ForecastQuery(
            segment=segment,
            as_of=as_of,
            known_at=known_at,
            model=model,
            annual_rate=annual_rate,
            limit=page_size(limit),
            goes_on=limit is None,
        )
        return find_forecasts(self._session, query, after, on_progress)

    def export_person(self, who: str | CustomerId) -> PersonExport:
        """All data held about one person (a subject access request), and about everyone who was merged into them.

        `person_page` writes it as a page for that person, `person_json` as JSON. For a forgotten customer it contains
        what remains. Raises NotFound, and StoreUnusable where an event of theirs can't be read.
        """
        return gather(self._session, who)

    def consents(
        self,
        who: str | CustomerId,
        *,
        as_of: datetime | date | None = None,
        known_at: datetime | date | None = None,
    ) -> Consents:
        """The consents of one customer as of an instant, by channel and purpose, with every grant and withdrawal.

        A bare date is the end of that day in the business's zone. `known_at` leaves out what was recorded later; a
        forgotten customer stays forgotten. Raises NotFound.
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

        Those are customers whose last event on it gives consent, with an open account, who are not forgotten. Names and
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
        """Write every event with its envelope as JSON lines, in order of position; returns how many.

        `write` takes bytes, as that of a file opened with "wb" does, and gets complete lines. Personal data and reasons
        are left out, unless `personal`. It is one snapshot: what others record meanwhile is not in it.
        """
        if personal:
            self._store.access.require_keys()
        return export_events(self._store, write, personal=personal, at_least=self._session.last_written)

    def export_reports(
        self,
        *,
        parquet: str | os.PathLike[str] | None = None,
        sqlite: str | os.PathLike[str] | None = None,
        personal: bool = False,
        replace: bool = False,
        on_progress: Progress | None = None,
    ) -> Reported:
        """Write the views as typed tables to a folder of Parquet files, to a SQLite database, or to both.

        Orders, returns, answers, tickets, consents, customers, every timeline, and where everybody stands now: of one
        snapshot, once everything recorded is folded in. There is no key in them, nothing encrypted, and no name;
        `personal` adds a table `people` with reference, name, e-mail and phone of those who weren't forgotten.
        docs/howto-reports.md lists the tables. Parquet takes the extra `archive`.

        A target appears once it is complete. One that exists is left alone, unless it is an earlier report and
        `replace`. `on_progress` is called with (rows written so far, rows there are to write).

        Raises ValueError where no target is named; StoreUnusable for what is in the way, and for `personal` where this
        role may not read keys.
        """
        from regulars.asking.reports import export_reports  # few programs need it

        return export_reports(
            self._session,
            parquet=None if parquet is None else Path(parquet),
            sqlite=None if sqlite is None else Path(sqlite),
            personal=personal,
            replace=replace,
            on_progress=on_progress,
        )

    def archive(
        self, folder: str | os.PathLike[str], *, partitions: int | None = None, on_progress: Progress | None = None
    ) -> Archived:
        """Write what was recorded since the last run to an archive: Parquet files in a folder, made if there is none.

        It takes the extra `archive`. Events are there as they are stored, personal data encrypted and without any key,
        in as many `partitions` as the archive was begun with: 16, unless given. The run appears in the folder once it
        is complete. `on_progress` is called with (events written so far, events there are to write).

        Raises StoreUnusable for the archive of another store, a damaged one, and another number of partitions;
        StoreBusy where another process archived meanwhile.
        """
        at_least = self._session.last_written
        from regulars.adapters.archive.writing import archive  # few programs need it

        return archive(self._store, Path(folder), partitions=partitions, at_least=at_least, on_progress=on_progress)

    def status(self) -> Status:
        """The store's health and counts, as of now and without catching up."""
        return read_status(self._session)

    def snapshot(self) -> Snapshot:
        """What answers follow from by now: how far the log goes, how far it is folded in, and which read models answer.

        Where it is the same before and after some questions, their answers belong together. It doesn't catch up.
        """
        return read_snapshot(self._session)


class _Handle(Regulars):
    """A handle of `as_actor`, which doesn't own the store."""

    def close(self) -> None:
        """Do nothing: the store is closed where it was opened."""
