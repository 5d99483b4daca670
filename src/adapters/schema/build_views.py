"""The views by which other tools read the live builds: customers by their ids, scores step by step.

Of a customer's timelines each has a view, valid in [`valid_from`, `valid_to`), the future that is due included; so who
asks where everybody stands asks `standing_now`, which reads the clock of the database.
"""

from __future__ import annotations

from collections.abc import Iterator

from regulars.adapters.schema.builds import FACTS, SCORE, BuildTables, ProjectionTables, build_tables
from regulars.adapters.schema.tables import CURRENCY, Schema
from regulars.adapters.schema.view_sql import Kind, Shown, Sql, decimal
from regulars.adapters.schema.views import View
from regulars.crm_domain.instant import FOREVER
from regulars.projections.engine.column import columns_of
from regulars.projections.registry import Registry

#: What `standing_now` puts together, beside the facts: what everybody has, and what not all have.
_EVERYBODYS = ("lifecycle_stage", "loyalty_tier", "churn_risk", "customer_card")
_SOME = ("points", "attribution")


def views_of(tables: BuildTables, schema: Schema) -> list[View]:
    """The stable views of some builds."""
    views = [_view(tables, each, schema) for each in tables.projections.values()]
    can_say = tables.facts is not None and {*_EVERYBODYS, *_SOME} <= tables.projections.keys()
    return [*views, _standing_now(tables, schema)] if can_say else views


def all_views(tables: BuildTables, schema: Schema) -> list[View]:
    """The stable views of a store with some builds, of the log and of these."""
    return [schema.audit_trail, *schema.log_views, *views_of(tables, schema)]


def view_names(schema: Schema, registry: Registry) -> tuple[str, ...]:
    """The names of the stable views."""
    tables = build_tables({FACTS: 0} | {each.name: 0 for each in registry.projectors}, registry)
    return tuple(sorted(view.stable_name for view in all_views(tables, schema)))


def _view(tables: BuildTables, projection: ProjectionTables, schema: Schema) -> View:
    by_id = f"JOIN {schema.events.name} AS e ON e.position = t.customer"
    if projection.projector.shows == "latest" and tables.facts is not None:
        return _latest(projection, f"{by_id} JOIN {tables.facts.rows.name} AS f ON f.customer = t.customer")
    if projection.steps is not None:
        bands = f"JOIN {projection.intervals.name} AS b ON b.customer = t.customer"
        return View(
            name=projection.name,
            shown=(_CUSTOMER, *_VALID, *_verdict(projection, "b", "-t.minus_score"), *_said_in_time(schema.sql)),
            table=f"{projection.steps.name} AS t",
            joined=f"{bands} AND b.valid_from <= t.valid_from AND b.valid_to > t.valid_from {by_id}",
        )
    key = projection.projector.key
    whose = (_CUSTOMER, *_VALID) if key is None else (Shown(key.name, "text", f"t.{key.name}"), *_VALID, _CUSTOMER)
    return View(
        name=projection.name,
        shown=(*whose, *_verdict(projection, "t", f"t.{SCORE}"), *_said_in_time(schema.sql)),
        table=f"{projection.intervals.name} AS t",
        joined=by_id,
    )


_CUSTOMER = Shown("customer_id", "text", "e.customer_id")
_VALID = (Shown("valid_from", "microseconds", "t.valid_from"), Shown("valid_to", "microseconds", "t.valid_to"))


def _said_in_time(sql: Sql) -> tuple[Shown, Shown]:
    """The ends of an interval, which for no end has none."""
    return Shown("since", "again", sql.instant("t.valid_from")), Shown("until", "again", sql.instant("t.valid_to"))


def _verdict(projection: ProjectionTables, table: str, score: str) -> Iterator[Shown]:
    """The fields of a verdict. A number whose name ends in `_at` is an instant."""
    for each in columns_of(projection.projector.verdict):
        number: Kind = "microseconds" if each.name.endswith("_at") else "number"
        kind: Kind = "text" if each.kind == "text" else number
        yield Shown(each.name, kind, score if each.name == SCORE else f"{table}.{each.name}")


def _latest(projection: ProjectionTables, joined: str) -> View:
    """A row per customer: the verdict since the last event, and when that was."""
    last = Shown("last_event_at", "microseconds", "f.last_event_at")
    return View(
        name=projection.name,
        shown=(_CUSTOMER, *_verdict(projection, "t", f"t.{SCORE}"), last),
        table=f"{projection.intervals.name} AS t",
        joined=f"{joined} WHERE t.valid_to = {FOREVER}",
    )


def _standing_now(tables: BuildTables, schema: Schema) -> View:
    """A row per customer with what holds now, and never before their own last event, as the library answers."""
    assert tables.facts is not None
    sql, now = schema.sql, schema.sql.now()
    of = {name: each.intervals.name for name, each in tables.projections.items()}
    steps = tables.projections["churn_risk"].steps
    assert steps is not None
    facts = (
        f"(SELECT customer, CASE WHEN last_event_at > {now} THEN last_event_at ELSE {now} END AS instant "
        f"FROM {tables.facts.rows.name}) AS n"
    )
    # Steps have no index by customer. Grouped, SQLite makes one of the few that hold; crossed, it reads all steps once.
    risk = (
        f"(SELECT k.customer, MAX(k.minus_score) AS minus_score FROM {steps.name} AS k CROSS JOIN {facts} "
        "WHERE n.customer = k.customer AND k.valid_from <= n.instant AND k.valid_to > n.instant "
        "GROUP BY k.customer) AS risk"
    )
    holds = "ON {0}.customer = n.customer AND {0}.valid_from <= n.instant AND {0}.valid_to > n.instant"
    joined = (
        *(f"JOIN {of[name]} AS {name} {holds.format(name)}" for name in _EVERYBODYS),
        f"JOIN {risk} ON risk.customer = n.customer",
        *(f"LEFT JOIN {of[name]} AS {name} {holds.format(name)}" for name in _SOME),
    )
    currency = f"(SELECT {sql.bytes_as_text('value')} FROM {schema.settings.name} WHERE name = '{CURRENCY}')"
    known = f"(SELECT e.*, {currency} AS currency FROM {schema.events.name} AS e) AS e"
    forgotten = f"SELECT g.customer_id FROM {schema.events.name} AS g WHERE g.type = 'PersonalDataErased'"
    return View(
        name="standing_now",
        shown=(
            _CUSTOMER,
            Shown("as_of", "instant", sql.instant("n.instant")),
            Shown("stage", "text", "lifecycle_stage.value"),
            Shown("stage_since", "instant", sql.instant("lifecycle_stage.valid_from")),
            Shown("tier", "text", "loyalty_tier.value"),
            Shown("tier_since", "instant", sql.instant("loyalty_tier.valid_from")),
            Shown("risk", "number", "-risk.minus_score"),
            Shown("risk_band", "text", "churn_risk.value"),
            Shown("points", "number", "points.score"),
            Shown("orders", "number", "customer_card.orders"),
            Shown("currency", "text", "e.currency"),
            Shown("net_spend", "number", "customer_card.net_spend"),
            Shown("net_spend_decimal", "text", decimal("customer_card.net_spend", "e.currency")),
            Shown("first_order_at", "instant", sql.instant("customer_card.first_order_at")),
            Shown("last_order_at", "instant", sql.instant("customer_card.last_order_at")),
            Shown("last_heard_at", "instant", sql.instant("customer_card.last_heard_at")),
            Shown("kind", "text", "attribution.kind"),
            Shown("owner", "text", "attribution.owner"),
            Shown("source", "text", "attribution.source"),
            Shown("is_forgotten", "flag", f"e.customer_id IN ({forgotten})"),
        ),
        table=facts,
        joined=f"JOIN {known} ON e.position = n.customer {' '.join(joined)}",
    )
