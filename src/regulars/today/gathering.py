"""Gathers what is to be done, of all kinds, in one snapshot of the store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from regulars.adapters.progress import Progress
from regulars.adapters.read_models.catch_up import events_behind
from regulars.adapters.read_models.due.lines import DueRow, Lines, Window
from regulars.adapters.read_models.due.search import ASKED_OF_ALL, Asked, DueRows, Search, laid_out, place
from regulars.adapters.read_models.histories import read_facts
from regulars.adapters.read_models.measuring import ids_of
from regulars.adapters.store.transaction import Transaction
from regulars.asking.customers import folded_in
from regulars.asking.listed import families_changed
from regulars.asking.one_customer import Contact, read_contacts
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.instant import DAY, after_day, to_datetime
from regulars.crm_domain.money import from_minor_units
from regulars.projections.engine.fold import Timelines, fold_until
from regulars.session.freshness import freshness_of
from regulars.session.instants import instant_asked
from regulars.session.session import Session
from regulars.session.traced import traced
from regulars.session.viewpoint import Viewpoint
from regulars.today.kind import Kind, Saying, Snapshot, bounds_of, day_of, due_of
from regulars.today.kinds import KINDS
from regulars.today.values import DueLine, KindOfLine, Today
from regulars.wording.command_line import command_line

#: So many lines of each kind are shown, and so many at most where just one kind is asked for.
SHOWN, MOST_SHOWN = 10, 1_000
DAYS, MOST_DAYS = 7, 366


class TodayQuery(Struct, frozen=True, kw_only=True):
    """What is asked. See Regulars.today."""

    days: int
    kind: str | None
    owner: str | None
    as_of: datetime | date | None
    known_at: datetime | date | None
    names: bool


@traced("today")
def find_today(session: Session, query: TodayQuery, on_progress: Progress | None) -> Today:
    """What is to be done, once everything recorded is folded in.

    Raises ValueError for days out of bounds, for a kind that there isn't, and as of a day since which more than 5,000
    customers have changed.
    """
    if not 1 <= query.days <= MOST_DAYS:
        raise ValueError(f"days is a number from 1 to {MOST_DAYS}, not {query.days}")
    everything = freshness_of(True, None)
    kinds = _kinds_asked(query.kind)
    with folded_in(session, everything, query.known_at, None, on_progress) as (tx, viewpoint):
        return _Gathering(session, tx, viewpoint, query, kinds).today()


class _Gathering:
    """One question, in one snapshot."""

    def __init__(
        self, session: Session, tx: Transaction, viewpoint: Viewpoint, query: TodayQuery, kinds: Sequence[Kind]
    ) -> None:
        assert viewpoint.models is not None
        self._session, self._tx, self._viewpoint, self._query = session, tx, viewpoint, query
        self._kinds = kinds
        self._models, self._zone = viewpoint.models, viewpoint.rules.zone
        self._at = instant_asked(session.now(), self._zone, query.as_of, query.known_at)
        last = day_of(self._at, self._zone) + timedelta(days=query.days)
        until = after_day(last, self._zone)
        self._lines = Lines(self._models, Window(self._at, self._at - query.days * DAY, until))
        self._asked = Asked(
            limit=SHOWN if query.kind is None else MOST_SHOWN,
            owner=query.owner,
            day_of=partial(bounds_of, zone=self._zone),
        )

    def today(self) -> Today:
        connection, store = self._tx.connection, self._session.store
        with self._search() as search:
            snapshot = Snapshot(self._session, self._tx, self._viewpoint, search)
            found = {kind: kind.find(snapshot) for kind in self._kinds}
        rows = [(kind, row) for kind, rows in found.items() for row in rows.first]
        rows.sort(key=lambda each: place(each[1], self._asked))
        return Today(
            as_of=to_datetime(self._at),
            until=to_datetime(self._lines.window.until),
            days=self._query.days,
            zone=str(self._zone),
            currency=store.currency(connection),
            owner=self._query.owner,
            lines=tuple(self._told(rows)),
            kinds=tuple(self._counted(kind, rows) for kind, rows in found.items() if rows.count),
            behind=events_behind(store, self._models, connection, self._viewpoint.until),
            missing=tuple(dict.fromkeys(reason for rows in found.values() for reason in rows.missing)),
        )

    # -------------------------------------------------------------------------------------------------------- finding

    @contextmanager
    def _search(self) -> Iterator[Search]:
        """Where to look: as of a day also in what is folded apart, of customers of whom stored rows don't tell.

        What was ahead of them as of that day didn't come, as more happened: they are folded as if nothing had.
        """
        search = Search(self._lines, self._asked, self._tx.connection)
        if self._query.as_of is None:
            yield search
            return
        families = families_changed(self._models, self._tx, self._at, (), "what is to be done")
        numbers = self._models.numbers(self._tx.connection, (members[0] for members in families))
        forgotten = self._tx.forgotten(numbers)
        folded = ((numbers[members[0]], self._folded(members)) for members in families if members[0] not in forgotten)
        search = replace(search, beside=frozenset(numbers.values()))
        with laid_out(search, self._names(), folded) as beside:
            yield beside

    def _folded(self, members: tuple[str, ...]) -> Timelines:
        store, rules, names = self._session.store, self._viewpoint.rules, self._names()
        history = read_facts(store, self._tx.connection, members, rules, self._viewpoint.until)
        projectors = tuple(each for each in store.registry.projectors if each.name in names)
        return fold_until(history.happened, rules, self._at, projectors)[1]

    def _names(self) -> frozenset[str]:
        return frozenset(ASKED_OF_ALL).union(*(kind.reads for kind in self._kinds))

    # -------------------------------------------------------------------------------------------------------- telling

    def _told(self, rows: Sequence[tuple[Kind, DueRow]]) -> Iterator[DueLine]:
        connection = self._tx.connection
        currency = self._session.store.currency(connection)
        ids = ids_of(self._models, connection, sorted({row.customer for _, row in rows}))
        contacts: Mapping[str, Contact] = read_contacts(self._tx, ids.values()) if self._query.names else {}
        texts = dict(self._texts(rows)) if self._query.names else {}
        for kind, row in rows:
            customer_id = ids.get(row.customer)
            contact = contacts.get(customer_id or "", Contact())
            who = None if customer_id is None else contact.ref or f"id:{customer_id}"
            why, settle = kind.say(row, Saying(who, self._zone, self._at, texts.get((kind.name, row.key))))
            stake = None if row.stake is None or currency is None else from_minor_units(row.stake, currency)
            is_by_spend = row.stake is None and customer_id is not None and currency is not None
            yield DueLine(
                kind=kind.name,
                key=row.key,
                customer_id=None if customer_id is None else CustomerId(customer_id),
                ref=contact.ref,
                name=contact.name,
                due=due_of(row.due, self._zone),
                overdue=row.overdue,
                stake=stake,
                net_spend=from_minor_units(row.worth, currency) if is_by_spend and currency else None,
                owner=row.owner,
                why=why,
                settle=settle,
            )

    def _texts(self, rows: Sequence[tuple[Kind, DueRow]]) -> Iterator[tuple[tuple[str, str], str | None]]:
        """What lines are about, by their kinds and keys: of those that are shown, and no others."""
        for kind in self._kinds:
            keys = [row.key for of, row in rows if of is kind]
            if kind.texts is not None and keys:
                for key, text in kind.texts(self._session, self._tx, keys).items():
                    yield (kind.name, key), text

    def _counted(self, kind: Kind, rows: DueRows) -> KindOfLine:
        return KindOfLine(
            kind=kind.name,
            title=kind.title,
            count=rows.count,
            shown=len(rows.first),
            listed_by=_listed_by(kind, self._query),
        )


def _kinds_asked(name: str | None) -> Sequence[Kind]:
    found = [each for each in KINDS if name in (None, each.name)]
    if not found:
        raise ValueError(f'a kind of line is one of {", ".join(each.name for each in KINDS)}, not "{name}"')
    return found


def _listed_by(kind: Kind, query: TodayQuery) -> str:
    """The command that asks the same of this kind alone."""
    given = {"--kind": kind.name, "--days": str(query.days), "--owner": query.owner}
    given |= {"--as-of": _typed(query.as_of), "--known-at": _typed(query.known_at)}
    return command_line("today", **{name: text for name, text in given.items() if text is not None})


def _typed(moment: datetime | date | None) -> str | None:
    return None if moment is None else moment.isoformat()
