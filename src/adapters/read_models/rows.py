"""The read models of a generation, or of some of its builds: the stored folds and intervals of each customer.

A row says that a verdict holds in [valid_from, valid_to); the past, the present and what is already due are stored
alike, so "as of" any instant is one range query. The queries of lists are in `pages`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from regulars.adapters.read_models.batch_rows import BatchRows
from regulars.adapters.read_models.bookkeeping import Bookkeeping
from regulars.adapters.read_models.build_statements import Part
from regulars.adapters.read_models.customer_numbers import BUSINESS
from regulars.adapters.read_models.score_steps import delete_steps, save_packed, stored_steps
from regulars.adapters.read_models.updates import Update
from regulars.adapters.schema.builds import (
    FACTS,
    FactsTable,
    ProjectionTables,
    Row,
    build_tables,
    loaded_facts,
)
from regulars.adapters.schema.tables import Schema
from regulars.crm_domain.errors import StoreUnusable
from regulars.crm_domain.rulebook import NOBODY
from regulars.projections.engine.fold import Folded, FoldPlan, Timelines
from regulars.projections.registry import Registry
from regulars.projections.rules.compiled import Rules

#: What is stored of customers, by part and number.
Stored = dict[str, dict[int, bytes]]


class ReadModels(Bookkeeping):
    """Some builds that answer together as a generation, each by its name with its number.

    Where `is_current` is false, other code stored the folds: verdicts can be read, facts can't. A damaged fold is
    ignored, too: that customer is folded from the log.
    """

    def __init__(
        self,
        schema: Schema,
        number: int,
        builds: Mapping[str, int],
        registry: Registry,
        *,
        is_current: bool = True,
    ) -> None:
        self.tables = build_tables(builds, registry)
        super().__init__(schema, number, builds, self.tables.parts)
        self.is_current = is_current
        self.projectors = tuple(each for each in registry.projectors if each.name in builds)
        self.events = schema.events
        self.forgotten = schema.forgotten
        self._registry = registry
        self._plan: FoldPlan | None = None

    def only(self, names: Iterable[str]) -> ReadModels:
        """The read models of some of the builds, by name."""
        some = {name: self.builds[name] for name in names}
        return ReadModels(self._schema, self.number, some, self._registry, is_current=self.is_current)

    def plan(self, rules: Rules) -> FoldPlan:
        """The fold by the projectors of these builds."""
        if self._plan is None or self._plan.rules is not rules:
            self._plan = FoldPlan(rules, self.projectors)
        return self._plan

    @property
    def has_all(self) -> bool:
        """Whether every projection that this process knows has a build here."""
        return len(self.projectors) == len(self._registry.projectors)

    def goes_on(self, rules: Rules) -> bool:
        """Whether further events can be folded in: the facts and all that these projections read are stored."""
        needed = {each.facts.name for each in self.projectors} | {FACTS}
        needed |= {source.name for each in self.projectors for source in each.sources(rules)}
        return needed <= self.builds.keys()

    def of(self, projection: str) -> ProjectionTables:
        """The tables of one projection. Raises StoreUnusable where it isn't built yet."""
        try:
            return self.tables.projections[projection]
        except KeyError:
            raise StoreUnusable(f"{projection} isn't built yet; `regulars rebuild --stale` builds it") from None

    def level(self, connection: Connection) -> list[ReadModels]:
        """The builds that have the same checkpoint, together; those that are furthest behind come first."""
        groups = self.equally_far(connection)
        return [self] if len(groups) == 1 else [self.only(names) for names in groups]

    # -------------------------------------------------------------------------------------------------- of one customer

    def load(self, connection: Connection, customers: Iterable[int], names: frozenset[str]) -> Stored:
        """What is stored of some customers by number, for `opened`: the shared facts, and other parts by these names.
        Without the facts' build there is nothing.
        """
        found: Stored = {}
        if not self.is_current or self.tables.facts is None:
            return found
        folds = self.statements(connection).folds(names | {FACTS})
        for customer, place, held in folds.all(connection, customers):
            found.setdefault(self._parts[place].name, {})[customer] = held
        return found

    def opened(self, stored: Stored, customer: int, names: Collection[str]) -> Folded | None:
        """A customer's fold out of what is stored, of the parts that are named: an empty one where nothing is stored of
        them, None where it can't be decoded.
        """
        held = {part: rows[customer] for part, rows in stored.items() if customer in rows}
        if not held:
            return Folded()
        folded = loaded_facts(held[FACTS]) if FACTS in held else None
        needed = (part for part in self._parts if part.name in held and part.name in names and part.name != FACTS)
        if folded is None or not all(_take(folded, part, held[part.name]) for part in needed):
            return None
        return folded

    def numbers(self, connection: Connection, customer_ids: Iterable[str]) -> dict[str, int]:
        """The numbers of some customers, by id; customers without events are left out."""
        wanted = set(customer_ids)
        found = {NOBODY: BUSINESS} if NOBODY in wanted else {}
        statements = self.statements(connection)
        for first in (statements.first_of_stream, statements.first_of_customer):
            found |= dict(first.all(connection, wanted - found.keys()))
        return found

    def intervals(self, connection: Connection, customer: int) -> Timelines:
        """All stored intervals of one customer, by projection, in order of time."""
        selects = self.statements(connection).intervals
        return {
            name: each.read(selects[name].all(connection, customer=customer))
            for name, each in self.tables.projections.items()
        }

    def holding(self, connection: Connection, customer: int, shown: Iterable[str], at: int) -> Timelines:
        """The stored intervals of some projections that hold at an instant of one customer; one or none of each."""
        selects = self.statements(connection).holding
        return {
            name: [
                self.tables.projections[name].at(row, at)
                for row in selects[name].all(connection, customer=customer, at=at)
            ]
            for name in shown
        }

    def drop(self, connection: Connection, customers: Iterable[int]) -> None:
        """Delete the rows of some customers."""
        gone, statements = sorted(set(customers)), self.statements(connection)
        for projection in self.tables.projections.values() if gone else ():
            if projection.steps is not None:
                delete_steps(connection, statements, projection, stored_steps(connection, statements, projection, gone))
        for table in self.by_customer:
            statements.gone[table].many(connection, [{"gone": each} for each in gone])

    @property
    def by_customer(self) -> Iterator[sa.Table]:
        """The tables in which rows are found by their customer; steps of scores are not."""
        for each in self.tables.fact_sets:
            yield each.rows
        for projection in self.tables.projections.values():
            yield projection.places
            yield projection.intervals

    def save(self, connection: Connection, rows: BatchRows) -> None:
        """Store the new folds and intervals of a batch, in place of earlier ones."""
        statements = self.statements(connection)
        for part in self._parts:
            table, some = part.stored, rows.of(part)
            statements.gone[table].many(connection, some.gone)
            statements.replace(connection, table, some.known)
            statements.insert(connection, table, some.new)
            if isinstance(part, FactsTable):
                statements.last[part.name].many(connection, some.last)
            elif part.steps is None:
                statements.outdated[part.name].many(connection, some.outdated)
                statements.insert(connection, part.intervals, some.intervals)
            elif some.newer:
                save_packed(connection, statements, part, some.newer, some.since)

    def customer_rows(self, updates: Sequence[Update]) -> dict[sa.Table, list[Row]]:
        """The rows of some customers' folds, by table; values are in the order of the table's columns."""
        rows: dict[sa.Table, list[Row]] = {}
        for facts in self.tables.fact_sets:
            rows[facts.rows] = _rows_of(facts, updates)
        for name, projection in self.tables.projections.items():
            begun = [each for each in updates if name in each.folded.tracks]  # as to most customers little happens
            rows[projection.places] = _rows_of(projection, begun)
            intervals = rows[projection.intervals] = list[Row]()
            for each in begun:
                intervals += projection.rows(each.customer, each.timelines[name])
            if projection.steps is not None:
                steps = rows[projection.steps] = list[Row]()
                for each in begun:
                    steps += projection.step_rows(each.customer, each.timelines[name])
        return rows


def _take(folded: Folded, part: Part, held: bytes) -> bool:
    """Add what a part stores to a fold; False where it can't be decoded."""
    known: Any
    if isinstance(part, FactsTable):
        known = folded.own[part.fact_set.name] = part.loaded_own(held)
    else:
        known = part.loaded_tracks(held)
        folded.tracks[part.name] = known
    return known is not None


def _rows_of(part: Part, updates: Iterable[Update]) -> list[Row]:
    return [row for each in updates for row in part.rows_of(each.customer, each.folded)]
