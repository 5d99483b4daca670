"""Pages of customers as of any instant, for lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine import Connection

from regulars.adapters.read_models.rows import ReadModels
from regulars.adapters.schema.builds import SCORE, ProjectionTables, is_last, loaded_facts
from regulars.adapters.sql.chunks import chunks
from regulars.adapters.sql.highest_first import highest_first
from regulars.adapters.sql.without_index import without_index
from regulars.crm_domain.instant import FOREVER
from regulars.projections.engine.fold import Folded
from regulars.projections.verdict import Interval

#: So many who carry what is asked for are put in order, or looked up, one by one; more are met soon enough in the order
#: that a table has. At this number both take about as long, with 100,000 customers.
FEW = 10_000


class ListedCustomer(Struct, frozen=True, kw_only=True):
    """One customer of a list, as of an instant, with the intervals that hold then, by projection.

    Instants are microseconds. `folded` is None where the stored fold is of another version of the code, or damaged.
    """

    customer: int
    customer_id: str
    as_of: int
    held: Mapping[str, Interval]
    folded: Folded | None
    becomes_at: int | None
    sort_key: int

    @property
    def place(self) -> tuple[int, int]:
        """The customer's place in the order of a list."""
        return self.sort_key, self.customer


class Becoming(Struct, frozen=True, kw_only=True):
    """A value of a projection that begins by itself, after the asked instant and no later than `until`."""

    projection: str
    value: str
    until: int


class Filters(Struct, frozen=True, kw_only=True):
    """Which customers to list: those with a verdict of each projection in `shown`, and with some `values` among these.

    `facts` are columns of one of them, each with its projection and the text that it has. `carried` are keys of which
    something must be held, such as a tag, each with its projection. With `unchanged_since_asked` only customers without
    events after the asked instant. `beside` are ids of customers who are left out, as are those
    who aren't `among` some where these are given. With `remembered_only` no customer who is forgotten by now, whatever
    the instant.
    """

    shown: tuple[str, ...]
    values: tuple[tuple[str, str], ...] = ()
    facts: tuple[tuple[str, str, str], ...] = ()
    carried: tuple[tuple[str, str], ...] = ()
    becoming: Becoming | None = None
    unchanged_since_asked: bool = False
    beside: frozenset[str] = frozenset()
    among: frozenset[str] | None = None
    remembered_only: bool = False


class Ranking(Struct, frozen=True, kw_only=True):
    """The descending order of a list: by a column of a shown projection, or for None by the customers' numbers.
    Customers without a value come last. All who are wanted have one of the `scores`, from the lowest to the highest.
    """

    projection: str | None
    column: str = "number"
    scores: tuple[int, int] | None = None

    @property
    def by_score(self) -> bool:
        """Whether a table is stored in this order."""
        return self.column == SCORE

    def key_of(self, customer: int, held: Mapping[str, Interval]) -> int:
        """A customer's sort key."""
        value = customer if self.projection is None else getattr(held[self.projection].verdict, self.column)
        return FOREVER if value is None else -value


def page(
    models: ReadModels,
    connection: Connection,
    filters: Filters,
    at: int,
    *,
    not_before_last_event: bool,
    order: Ranking | None,
    limit: int,
    after: tuple[int, int] | None,
) -> list[ListedCustomer]:
    """A page of customers as of an instant, with their verdicts and facts.

    In order of (when they become, or `order`, or nothing) and then of their numbers; `after` is the sort key and the
    number of the last one of the page before. With `not_before_last_event` a customer whose last event lies after `at`
    is judged as of that event.
    """
    asked = _Page(models, connection, filters, order)
    if not not_before_last_event:
        return asked.of(at, limit, after)
    ahead = asked.as_of_their_last_event(at, limit, after)
    return sorted([*ahead, *asked.of(at, limit, after, settled=True)], key=attrgetter("place"))[:limit]


class _Page:
    """One query, to be run for the customers whose last event lies before the instant, and for the others."""

    def __init__(self, models: ReadModels, connection: Connection, filters: Filters, order: Ranking | None) -> None:
        assert models.tables.facts is not None
        self._models = models
        self._connection = connection
        self._filters = filters
        self._order = order
        self._facts = models.tables.facts.rows
        self._shown = {name: models.of(name) for name in filters.shown}
        self._carried = [(models.of(name), key) for name, key in filters.carried]
        self._scored = models.of(order.projection) if order and order.projection and order.by_score else None
        self._ranked = None
        if order is not None and order.projection is not None and not order.by_score:
            self._ranked = models.of(order.projection).intervals

    def of(self, at: int, limit: int, after: tuple[int, int] | None, *, settled: bool = False) -> list[ListedCustomer]:
        """Customers as of one instant; where it is `settled`, only those without later events."""
        if self._filters.becoming is not None:
            return self._all_listed(self._becoming(sa.literal(at), settled, at, limit, after))
        chosen = self._first(at, limit, after, settled)
        statement = self._statement(sa.literal(at)).where(
            self._facts.c.customer.in_([customer for customer, _ in chosen])
        )
        rows = {row.customer: row for row in self._connection.execute(statement)}
        return [self._listed(rows[customer], key) for customer, key in chosen if customer in rows]

    def as_of_their_last_event(self, at: int, limit: int, after: tuple[int, int] | None) -> list[ListedCustomer]:
        """The customers with later events, each as of the last one.

        In order of their numbers no more than a page is read; in any other order they are few, or the clock is behind.
        """
        instant, later = self._facts.c.last_event_at, self._facts.c.last_event_at > at
        if self._filters.becoming is not None:
            statement = self._becoming(instant, False, at, None, after).where(later)
            return self._all_listed(statement)
        statement = self._statement(instant).where(later, *self._narrowed(instant), *self._left_out(self._facts))
        if self._order is None:
            statement = statement.where(self._facts.c.customer > (after[1] if after else 0))
            statement = statement.order_by(self._facts.c.customer).limit(limit)
        found = (self._listed(row, None) for row in self._connection.execute(statement))
        return [each for each in found if after is None or each.place > after]

    def _first(self, at: int, limit: int, after: tuple[int, int] | None, settled: bool) -> list[tuple[int, int]]:
        """The customers of a page with their sort keys, from a table that has them in order."""
        few = self._carry_few(at)
        leading = self._leading(at, few)
        joined, conditions = self._joined(leading, at, few)
        if settled or self._filters.unchanged_since_asked:
            facts = self._facts.alias("settled")
            joined = joined.join(facts, sa.and_(facts.c.customer == leading.c.customer, facts.c.last_event_at <= at))
        if self._scored is not None:
            conditions += self._score_bounds(self._scored, at)
        key, order = self._sorting(leading)
        if after is not None:
            conditions += self._behind(leading, key, after)
        wanted = sa.select(leading.c.customer, key).select_from(joined).where(*conditions).order_by(*order).limit(limit)
        return [(customer, sort_key) for customer, sort_key in self._connection.execute(wanted)]

    def _leading(self, at: int, few: bool) -> sa.Table:
        """The table whose rows are read in order."""
        if self._scored is not None:
            assert self._scored.steps is not None
            return self._scored.steps
        is_ranked = self._ranked is not None and newest_event_at(self._models, self._connection) <= at
        if self._carried and (few or not is_ranked):
            return self._carried[0][0].intervals  # in order of customers, and of few any order is quickly made
        if self._filters.values and not self._carried:
            name, _ = self._filters.values[0]
            return self._shown[name].intervals
        if self._ranked is None or not is_ranked:
            return self._facts
        return self._ranked  # after all that happened everybody's last verdict holds; these are indexed in this order

    def _carry_few(self, at: int) -> bool:
        """Whether so few carry what is asked for that each of them can be looked at."""
        for tables, key in self._carried:
            if self._connection.scalar(_carriers(tables, key, at).limit(1).offset(FEW)) is None:
                return True
        return False

    def _joined(self, leading: sa.Table, at: int, few: bool) -> tuple[sa.FromClause, list[sa.ColumnElement[bool]]]:
        """The leading table joined with the intervals that hold, and the conditions on its customers."""
        joined: sa.FromClause = leading
        conditions = [*self._wanted(), *self._left_out(leading)]
        for tables, key in self._carried:
            if tables.intervals is leading:
                conditions += carries(tables, key, sa.literal(at))
                continue
            # A set, found once; asked of each customer in turn, it takes several times as long. A few are looked
            # up by key at every score; with many, a page is full sooner in the order that the table has.
            whose = leading.c.customer if few else without_index(self._connection.dialect, leading.c.customer)
            conditions.append(whose.in_(_carriers(tables, key, at)))
        for tables in self._shown.values():
            if tables.intervals is leading is self._ranked:
                conditions.append(is_last(leading))
            elif tables.intervals is leading:
                # An index by value has them in order; searched by the instant, it would have to be sorted.
                conditions += [
                    without_index(self._connection.dialect, leading.c.valid_from) <= at,
                    leading.c.valid_to > at,
                ]
            else:
                joined = joined.join(tables.intervals, _holds(tables.intervals, leading, sa.literal(at)))
        return joined, conditions

    def _score_bounds(self, scored: ProjectionTables, at: int) -> list[sa.ColumnElement[bool]]:
        """Conditions that limit the search among steps of scores."""
        steps, earliest = scored.steps, scored.earliest
        assert steps is not None
        assert earliest is not None
        assert self._order is not None
        later = sa.select(earliest.c.minus_score).where(earliest.c.valid_from <= at)
        if self._order.scores is not None:
            lowest, highest = self._order.scores
            later = later.where(earliest.c.minus_score.between(-highest, -lowest))
        return [
            without_index(self._connection.dialect, steps.c.valid_from) <= at,
            steps.c.valid_to > at,
            steps.c.minus_score.in_(list(self._connection.execute(later).scalars())),
        ]

    def _sorting(self, leading: sa.Table) -> tuple[sa.ColumnElement[int], tuple[sa.ColumnElement[Any], ...]]:
        """The sort key of a customer, and the order."""
        if self._order is None:
            return sa.literal(0), (leading.c.customer,)
        if self._scored is not None:
            return leading.c.minus_score, (leading.c.minus_score, leading.c.customer)
        if self._ranked is None:
            return -leading.c.customer, (leading.c.customer.desc(),)
        column = self._ranked.c[self._order.column]
        key = sa.func.coalesce(-sa.type_coerce(column, sa.BigInteger), FOREVER)  # a rank, and no instant
        return key, (highest_first(column), leading.c.customer)

    def _behind(
        self, leading: sa.Table, key: sa.ColumnElement[int], after: tuple[int, int]
    ) -> list[sa.ColumnElement[bool]]:
        """Conditions on what follows a customer's place in the order."""
        if self._order is None:
            return [leading.c.customer > after[1]]
        if self._order.projection is None:
            return [leading.c.customer < after[1]]
        follows = [sa.tuple_(key, leading.c.customer) > sa.tuple_(*map(sa.literal, after))]
        if self._scored is not None:
            follows.append(key >= after[0])  # what an index can use of it
        return follows

    def _wanted(self) -> list[sa.ColumnElement[bool]]:
        """Conditions on the intervals that are shown."""
        wanted = [self._shown[name].intervals.c.value == value for name, value in self._filters.values]
        return wanted + [self._shown[name].intervals.c[column] == text for name, column, text in self._filters.facts]

    def _narrowed(self, instant: sa.ColumnElement[int]) -> list[sa.ColumnElement[bool]]:
        """Conditions on a customer of whom the facts and what is shown are joined."""
        carried = (
            sa.exists().where(tables.intervals.c.customer == self._facts.c.customer, *carries(tables, key, instant))
            for tables, key in self._carried
        )
        return [*self._wanted(), *carried]

    def _left_out(self, leading: sa.FromClause) -> list[sa.ColumnElement[bool]]:
        events, forgotten = self._models.events, self._models.forgotten
        left_out: list[sa.ColumnElement[bool]] = []
        if self._filters.among is not None:
            among = sa.select(events.c.position).where(events.c.stream_id.in_(sorted(self._filters.among)))
            left_out.append(leading.c.customer.in_(among))
        if self._filters.beside:
            beside = sa.select(events.c.position).where(events.c.stream_id.in_(sorted(self._filters.beside)))
            left_out.append(leading.c.customer.not_in(beside))
        if self._filters.remembered_only:
            first = events.alias("first")
            theirs = first.c.customer_id == forgotten.c.customer_id
            if self._order is None or self._order.by_score:  # no more are looked at than a page has
                left_out.append(~sa.exists().where(first.c.position == leading.c.customer, theirs))
            else:  # all customers are looked at
                left_out.append(leading.c.customer.not_in(sa.select(first.c.position).where(theirs)))
        return left_out

    def _becoming(
        self,
        instant: sa.ColumnElement[int],
        settled: bool,
        at: int,
        limit: int | None,
        after: tuple[int, int] | None,
    ) -> sa.Select[Any]:
        becoming = self._filters.becoming
        assert becoming is not None
        whole = self._shown[becoming.projection].intervals
        table = whole.alias("becoming")
        due = sa.and_(
            table.c.value == becoming.value, table.c.valid_from > instant, table.c.valid_from <= becoming.until
        )
        statement = self._statement(instant, becomes_at=table.c.valid_from)
        statement = statement.join(table, sa.and_(table.c.customer == self._facts.c.customer, due))
        statement = statement.where(_begins(whole, table, instant), *self._narrowed(instant))
        statement = statement.where(*self._left_out(self._facts))
        if settled or self._filters.unchanged_since_asked:
            statement = statement.where(self._facts.c.last_event_at <= at)
        order = (table.c.valid_from, self._facts.c.customer)
        if after is not None:
            statement = statement.where(sa.tuple_(*order) > sa.tuple_(*map(sa.literal, after)))
        return statement.order_by(*order).limit(limit)

    def _statement(
        self, instant: sa.ColumnElement[int], becomes_at: sa.ColumnElement[Any] | None = None
    ) -> sa.Select[Any]:
        events, facts = self._models.events, self._facts
        joined: sa.FromClause = facts.join(events, events.c.position == facts.c.customer)
        for tables in self._shown.values():
            joined = joined.join(tables.intervals, _holds(tables.intervals, facts, instant))
        columns = (
            column.label(f"{name}_{column.name}")
            for name, tables in self._shown.items()
            for column in tables.intervals.c
        )
        return sa.select(
            facts.c.customer,
            events.c.customer_id.label("customer_id"),
            facts.c.folded,
            instant.label("as_of"),
            (sa.null() if becomes_at is None else becomes_at).label("becomes_at"),
            *columns,
        ).select_from(joined)

    def _all_listed(self, statement: sa.Select[Any]) -> list[ListedCustomer]:
        return [self._listed(row, row.becomes_at) for row in self._connection.execute(statement)]

    def _listed(self, row: sa.Row[Any], sort_key: int | None) -> ListedCustomer:
        columns = row._mapping
        held = {name: self._held(name, tables, columns) for name, tables in self._shown.items()}
        if sort_key is None:
            sort_key = 0 if self._order is None else self._order.key_of(row.customer, held)
        return ListedCustomer(
            customer=row.customer,
            customer_id=row.customer_id,
            as_of=row.as_of,
            held=held,
            folded=loaded_facts(row.folded) if self._models.is_current else None,
            becomes_at=row.becomes_at,
            sort_key=sort_key,
        )

    def _held(self, name: str, tables: ProjectionTables, columns: sa.RowMapping) -> Interval:
        return tables.at([columns[f"{name}_{column.name}"] for column in tables.intervals.c], columns["as_of"])


def _holds(table: sa.Table, customers: sa.FromClause, instant: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.customer == customers.c.customer, table.c.valid_from <= instant, table.c.valid_to > instant)


def carries(tables: ProjectionTables, key: str, instant: sa.ColumnElement[int]) -> list[sa.ColumnElement[bool]]:
    """Conditions on the interval of a key."""
    table, named = tables.intervals, tables.projector.key
    assert named is not None
    return [table.c[named.name] == key, table.c.valid_from <= instant, table.c.valid_to > instant]


def _carriers(tables: ProjectionTables, key: str, at: int) -> sa.Select[Any]:
    """Select the customers who carry a key at an instant."""
    return sa.select(tables.intervals.c.customer).where(*carries(tables, key, sa.literal(at)))


def _begins(table: sa.Table, interval: sa.FromClause, instant: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    """True where the value begins for the first time after an instant."""
    earlier = table.alias("earlier")
    same = sa.and_(earlier.c.customer == interval.c.customer, earlier.c.value == interval.c.value)
    return ~sa.exists().where(same, earlier.c.valid_from > instant, earlier.c.valid_from < interval.c.valid_from)


def changed_after(models: ReadModels, connection: Connection, at: int, limit: int) -> list[str]:
    """The ids of at most `limit` customers with an event after an instant."""
    assert models.tables.facts is not None
    facts, events = models.tables.facts.rows, models.events
    joined = facts.join(events, events.c.position == facts.c.customer)
    statement = sa.select(events.c.customer_id).select_from(joined).where(facts.c.last_event_at > at).limit(limit)
    return list(connection.execute(statement).scalars())


def changed_among(models: ReadModels, connection: Connection, customer_ids: Iterable[str], at: int) -> list[str]:
    """Those of some customers with an event after an instant."""
    assert models.tables.facts is not None
    facts, numbers = models.tables.facts.rows, models.numbers(connection, customer_ids)
    whose = {number: customer_id for customer_id, number in numbers.items()}
    return [
        whose[number]
        for chunk in chunks(whose)
        for number in connection.execute(
            sa.select(facts.c.customer).where(facts.c.customer.in_(chunk), facts.c.last_event_at > at)
        ).scalars()
    ]


def newest_event_at(models: ReadModels, connection: Connection) -> int:
    """The latest instant of any event that projections handle."""
    assert models.tables.facts is not None
    return connection.scalar(sa.select(sa.func.max(models.tables.facts.rows.c.last_event_at))) or 0
