"""The views by which other tools read the live builds: customers by their ids, scores step by step."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from regulars.adapters.schema.builds import FACTS, SCORE, BuildTables, ProjectionTables, build_tables
from regulars.adapters.schema.tables import Schema
from regulars.adapters.schema.views import View
from regulars.crm_domain.instant import FOREVER
from regulars.projections.registry import Registry

_ID, _SINCE, _UNTIL = "customer_id", "valid_from", "valid_to"


def views_of(tables: BuildTables, events: sa.Table) -> list[View]:
    """The stable views of some builds."""
    return [_view(tables, each, events) for each in tables.projections.values()]


def view_names(schema: Schema, registry: Registry) -> tuple[str, ...]:
    """The names of the stable views."""
    tables = build_tables({FACTS: 0} | {each.name: 0 for each in registry.projectors}, registry)
    views = (schema.audit_trail, *views_of(tables, schema.events))
    return tuple(sorted(view.stable_name for view in views))


def _view(tables: BuildTables, projection: ProjectionTables, events: sa.Table) -> View:
    by_id = f"JOIN {events.name} AS e ON e.position = t.customer"
    if projection.projector.shows == "latest" and tables.facts is not None:
        return _latest(projection, f"{by_id} JOIN {tables.facts.rows.name} AS f ON f.customer = t.customer")
    if projection.steps is not None:
        bands = f"JOIN {projection.intervals.name} AS b ON b.customer = t.customer"
        return View(
            name=projection.name,
            columns=(_ID, _SINCE, _UNTIL, *projection.fields),
            expressions=("e.customer_id", "t.valid_from", "t.valid_to", *_stepped(projection)),
            table=f"{projection.steps.name} AS t",
            joined=f"{bands} AND b.valid_from <= t.valid_from AND b.valid_to > t.valid_from {by_id}",
        )
    key = projection.projector.key
    columns = (_ID, _SINCE, _UNTIL) if key is None else (key.name, _SINCE, _UNTIL, _ID)
    columns = (*columns, *projection.fields)
    return View(
        name=projection.name,
        columns=columns,
        expressions=tuple("e.customer_id" if each == _ID else f"t.{each}" for each in columns),
        table=f"{projection.intervals.name} AS t",
        joined=by_id,
    )


def _stepped(projection: ProjectionTables) -> Iterator[str]:
    for name in projection.fields:
        yield "-t.minus_score" if name == SCORE else f"b.{name}"


def _latest(projection: ProjectionTables, joined: str) -> View:
    """A row per customer: the verdict since the last event, and when that was."""
    return View(
        name=projection.name,
        columns=(_ID, *projection.fields, "last_event_at"),
        expressions=("e.customer_id", *(f"t.{each}" for each in projection.fields), "f.last_event_at"),
        table=f"{projection.intervals.name} AS t",
        joined=f"{joined} WHERE t.valid_to = {FOREVER}",
    )
