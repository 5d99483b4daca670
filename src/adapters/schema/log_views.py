"""The views of what happened, read off the log by the databases' own JSON functions.

1. Nothing personal: what is personal isn't in a payload. Instants are exact, amounts in minor units and as text.
2. `customer_id` is the root of the customer's family, who owns the whole history; `original_id` is whom it was recorded
   of. An undone merge is none.
3. What was voided is left out, and so is what came back of it: it never was. The audit trail has it.
4. What happened at one instant follows one another as in its stream: by type, and then by content.
"""

from __future__ import annotations

from regulars.adapters.schema.view_sql import Shown, Sql, decimal
from regulars.adapters.schema.views import View
from regulars.adapters.sql.table_names import ours

_EVENTS, _LINKS, _ROOTS = ours("events"), ours("links"), ours("roots")

#: The root of the customer that an event was recorded of, where `e` are the events and `r` the roots.
_ROOT = "COALESCE(r.root_id, e.customer_id)"


def log_views(sql: Sql) -> tuple[View, ...]:
    """The views of the log, each after those that it asks."""
    return (
        _roots(),
        _customers(sql),
        _returns(sql),
        _orders(sql),
        _order_lines(sql),
        _survey_answers(sql),
        _tickets(sql),
        _consent_history(sql),
    )


# ---------------------------------------------------------------------------------------------------------- customers


def _roots() -> View:
    """Whoever is merged into another now, and into whom in the end: a chain of merges has one root."""
    links = f"SELECT customer_id, into_id FROM {_LINKS} WHERE undone_at IS NULL"
    chains = (
        f"(WITH RECURSIVE regulars_chain (customer_id, root_id) AS ({links} UNION SELECT c.customer_id, l.into_id "
        f"FROM regulars_chain AS c JOIN {_LINKS} AS l ON l.customer_id = c.root_id AND l.undone_at IS NULL) "
        "SELECT customer_id, root_id FROM regulars_chain) AS c"
    )
    further = f"(SELECT customer_id FROM {_LINKS} WHERE undone_at IS NULL)"
    return View(
        name="roots",
        shown=(Shown("customer_id", "text", "c.customer_id"), Shown("root_id", "text", "c.root_id")),
        table=chains,
        joined=f"WHERE c.root_id NOT IN {further}",
    )


def _customers(sql: Sql) -> View:
    json = sql.payload("e")
    forgotten = (
        f"(SELECT MAX(x.occurred_at) FROM {ours('forgotten')} AS f JOIN {_EVENTS} AS x ON x.position = f.position "
        "WHERE f.customer_id = e.customer_id)"
    )
    registered = (
        f"(SELECT e.customer_id, {_ROOT} AS root_id, e.occurred_at, {forgotten} AS forgotten_at, "
        f"{sql.text(json, 'source')} AS source, e.position FROM {_EVENTS} AS e {_with_roots()} "
        "WHERE e.type = 'CustomerRegistered') AS c"
    )
    return View(
        name="customers",
        shown=(
            Shown("customer_id", "text", "c.root_id"),
            Shown("original_id", "text", "c.customer_id"),
            Shown("is_merged", "flag", "c.root_id <> c.customer_id"),
            Shown("registered_at", "instant", sql.instant("c.occurred_at")),
            Shown("source", "text", "c.source"),
            Shown("forgotten_at", "instant", sql.instant("c.forgotten_at")),
            Shown("position", "number", "c.position"),
        ),
        table=registered,
    )


def _with_roots() -> str:
    return f"LEFT JOIN {_ROOTS} AS r ON r.customer_id = e.customer_id"


# ------------------------------------------------------------------------------------------------------------- orders


def _stands(event: str) -> str:
    # As a list, which is made once: of a correlated query, SQLite looks through all that were voided for each order.
    return f"{event}.stream_id NOT IN (SELECT v.stream_id FROM {_EVENTS} AS v WHERE v.type = 'PurchaseVoided')"


def _of_order(sql: Sql, json: str) -> str:
    return (
        f"{sql.text(json, 'order_id')} AS order_id, {sql.number(json, 'number', 1)} AS number, "
        f"{sql.text(json, 'currency')} AS currency"
    )


def _returned(sql: Sql) -> str:
    """A query for what came back with each return; a reading of all that came back counts by how it differs.

    After a reading (a block of returns begins with it) what came back is that, and what came back since; never more
    than was bought.
    """
    json, bought = sql.payload("e"), sql.payload("b")
    in_time = "e.occurred_at, CASE e.type WHEN 'ReturnRecorded' THEN 0 ELSE 1 END, e.payload"
    read = f"CASE e.type WHEN 'ReturnedTotalRecorded' THEN {sql.number(json, 'returned_so_far', 0)} END"
    part = f"CASE e.type WHEN 'ReturnRecorded' THEN {sql.number(json, 'amount', 0)} ELSE 0 END"
    told = (
        f"(SELECT e.stream_id, e.position, e.customer_id, {_ROOT} AS root_id, e.occurred_at, {_of_order(sql, json)}, "
        f"{sql.text(json, 'return_id')} AS return_id, {sql.number(bought, 'amount', 0)} AS bought, "
        f"{read} AS reading, {part} AS part, "
        f"ROW_NUMBER() OVER (PARTITION BY e.stream_id ORDER BY {in_time}, e.position) AS place, "
        f"COUNT({read}) OVER (PARTITION BY e.stream_id ORDER BY {in_time}, e.position) AS block "
        f"FROM {_EVENTS} AS e JOIN {_EVENTS} AS b ON b.stream_id = e.stream_id AND b.type = 'PurchaseRecorded' "
        f"{_with_roots()} WHERE e.type IN ('ReturnRecorded', 'ReturnedTotalRecorded') AND {_stands('e')}) AS t"
    )
    so_far = (
        "(SELECT t.*, COALESCE(MAX(t.reading) OVER (PARTITION BY t.stream_id, t.block), 0) "
        f"+ SUM(t.part) OVER (PARTITION BY t.stream_id, t.block ORDER BY t.place) AS uncapped FROM {told}) AS s"
    )
    capped = (
        "(SELECT s.*, CASE WHEN s.uncapped > s.bought THEN s.bought ELSE CAST(s.uncapped AS BIGINT) END AS so_far "
        f"FROM {so_far}) AS c"
    )
    before = "COALESCE(LAG(c.so_far) OVER (PARTITION BY c.stream_id ORDER BY c.place), 0)"
    return f"SELECT c.*, c.so_far - {before} AS amount FROM {capped}"


def _returns(sql: Sql) -> View:
    return View(
        name="returns",
        shown=(
            Shown("order_id", "text", "e.order_id"),
            Shown("number", "number", "e.number"),
            Shown("return_id", "text", "e.return_id"),
            Shown("customer_id", "text", "e.root_id"),
            Shown("original_id", "text", "e.customer_id"),
            Shown("returned_at", "instant", sql.instant("e.occurred_at")),
            Shown("currency", "text", "e.currency"),
            Shown("amount", "number", "e.amount"),
            Shown("amount_decimal", "text", decimal("e.amount", "e.currency")),
            Shown("position", "number", "e.position"),
        ),
        table=f"({_returned(sql)}) AS e",
    )


def _orders(sql: Sql) -> View:
    json = sql.payload("e")
    bought = (
        f"(SELECT e.position, e.stream_id, e.customer_id, e.occurred_at, e.recorded_at, {_of_order(sql, json)}, "
        f"{sql.number(json, 'amount', 0)} AS amount, {sql.text(json, 'channel')} AS channel, "
        f"{sql.text(json, 'source')} AS source "
        f"FROM {_EVENTS} AS e WHERE e.type = 'PurchaseRecorded' AND {_stands('e')}) AS e"
    )
    back = (
        f"(SELECT a.stream_id, CAST(SUM(a.amount) AS BIGINT) AS amount FROM ({_returned(sql)}) AS a "
        "GROUP BY a.stream_id) AS b"
    )
    all_of_it = (
        f"(SELECT e.*, COALESCE(b.amount, 0) AS returned, e.amount - COALESCE(b.amount, 0) AS net "
        f"FROM {bought} LEFT JOIN {back} ON b.stream_id = e.stream_id) AS e"
    )
    return View(
        name="orders",
        shown=(
            Shown("order_id", "text", "e.order_id"),
            Shown("number", "number", "e.number"),
            Shown("customer_id", "text", _ROOT),
            Shown("original_id", "text", "e.customer_id"),
            Shown("ordered_at", "instant", sql.instant("e.occurred_at")),
            Shown("recorded_at", "instant", sql.instant("e.recorded_at")),
            Shown("currency", "text", "e.currency"),
            Shown("amount", "number", "e.amount"),
            Shown("returned", "number", "e.returned"),
            Shown("net", "number", "e.net"),
            Shown("amount_decimal", "text", decimal("e.amount", "e.currency")),
            Shown("returned_decimal", "text", decimal("e.returned", "e.currency")),
            Shown("net_decimal", "text", decimal("e.net", "e.currency")),
            Shown("channel", "text", "e.channel"),
            Shown("source", "text", "e.source"),
            Shown("position", "number", "e.position"),
        ),
        table=all_of_it,
        joined=_with_roots(),
    )


def _order_lines(sql: Sql) -> View:
    json, line = sql.payload("e"), "l.value"
    lines = (
        f"(SELECT e.position, e.customer_id, e.occurred_at, {_of_order(sql, json)}, "
        f"{sql.number_of_item('l')} AS line, {sql.text(line, 'sku')} AS sku, "
        f"{sql.number(line, 'quantity', 1)} AS quantity, {sql.number(line, 'amount')} AS amount "
        f"FROM {_EVENTS} AS e {sql.items(json, 'lines', 'l')} "
        f"WHERE e.type = 'PurchaseRecorded' AND {_stands('e')}) AS e"
    )
    return View(
        name="order_lines",
        shown=(
            Shown("order_id", "text", "e.order_id"),
            Shown("number", "number", "e.number"),
            Shown("line", "number", "e.line"),
            Shown("sku", "text", "e.sku"),
            Shown("quantity", "number", "e.quantity"),
            Shown("currency", "text", "e.currency"),
            Shown("amount", "number", "e.amount"),
            Shown("amount_decimal", "text", decimal("e.amount", "e.currency")),
            Shown("customer_id", "text", _ROOT),
            Shown("original_id", "text", "e.customer_id"),
            Shown("ordered_at", "instant", sql.instant("e.occurred_at")),
            Shown("position", "number", "e.position"),
        ),
        table=lines,
        joined=_with_roots(),
    )


# ------------------------------------------------------------------------------------- surveys, tickets and consents


def _survey_answers(sql: Sql) -> View:
    json = sql.payload("e")
    return View(
        name="survey_answers",
        shown=(
            Shown("customer_id", "text", _ROOT),
            Shown("original_id", "text", "e.customer_id"),
            Shown("answered_at", "instant", sql.instant("e.occurred_at")),
            Shown("survey", "text", sql.text(json, "survey")),
            Shown("score", "number", sql.number(json, "score")),
            Shown("interaction_id", "text", sql.text(json, "interaction_id")),
            Shown("position", "number", "e.position"),
        ),
        table=f"{_EVENTS} AS e",
        joined=f"{_with_roots()} WHERE e.type = 'SurveyAnswered'",
    )


def _tickets(sql: Sql) -> View:
    """A row per ticket, with what was said of it last; its status by the rules is a timeline."""
    json, said = sql.payload("o"), sql.payload("x")

    # By expressions that no index has: of a type or a time there may be a million, of a ticket there are few events.
    of_it = f"FROM {_EVENTS} AS x WHERE x.stream_id = o.stream_id AND x.type || ''"

    def last(event_type: str, what: str) -> str:
        return f"(SELECT {what} {of_it} = '{event_type}' ORDER BY x.occurred_at + 0 DESC, x.payload DESC LIMIT 1)"

    def of_all(what: str, event_type: str) -> str:
        return f"(SELECT {what} {of_it} = '{event_type}')"

    level = of_all(f"MAX({sql.number(said, 'level')})", "TicketEscalated")
    priority = f"{last('TicketPriorityChanged', sql.text(said, 'priority'))}, {sql.text(json, 'priority')}, 'normal'"
    complaint = f"{last('TicketClassified', sql.flag(said, 'complaint'))}, {sql.flag(json, 'complaint')}"
    tickets = (
        f"(SELECT o.position, o.customer_id, o.occurred_at, {sql.text(json, 'ticket_id')} AS ticket_id, "
        f"{sql.text(json, 'channel')} AS channel, {sql.text(json, 'follows')} AS follows, "
        f"COALESCE({priority}) AS priority, {last('TicketClassified', sql.text(said, 'topic'))} AS topic, "
        f"COALESCE({complaint}) AS is_complaint, {last('TicketAssigned', sql.text(said, 'agent'))} AS agent, "
        f"COALESCE({level}, 0) AS level, "
        f"{of_all('COUNT(*)', 'AgentReplied')} AS agent_replies, "
        f"{of_all('COUNT(*)', 'CustomerReplied')} AS customer_replies, "
        f"{of_all('MIN(x.occurred_at)', 'AgentReplied')} AS first_reply_at, "
        f"{of_all('MAX(x.occurred_at)', 'TicketResolved')} AS last_resolved_at, "
        f"{of_all('MIN(x.occurred_at)', 'TicketClosed')} AS closed_at, "
        f"{last('TicketRated', sql.number(said, 'score'))} AS rating "
        f"FROM {_EVENTS} AS o WHERE o.type = 'TicketOpened') AS e"
    )
    return View(
        name="tickets",
        shown=(
            Shown("ticket_id", "text", "e.ticket_id"),
            Shown("customer_id", "text", _ROOT),
            Shown("original_id", "text", "e.customer_id"),
            Shown("opened_at", "instant", sql.instant("e.occurred_at")),
            Shown("channel", "text", "e.channel"),
            Shown("follows", "text", "e.follows"),
            Shown("priority", "text", "e.priority"),
            Shown("topic", "text", "e.topic"),
            Shown("is_complaint", "flag", "e.is_complaint"),
            Shown("agent", "text", "e.agent"),
            Shown("level", "number", "e.level"),
            Shown("agent_replies", "number", "e.agent_replies"),
            Shown("customer_replies", "number", "e.customer_replies"),
            Shown("first_reply_at", "instant", sql.instant("e.first_reply_at")),
            Shown("last_resolved_at", "instant", sql.instant("e.last_resolved_at")),
            Shown("closed_at", "instant", sql.instant("e.closed_at")),
            Shown("rating", "number", "e.rating"),
            Shown("position", "number", "e.position"),
        ),
        table=tickets,
        joined=_with_roots(),
    )


def _consent_history(sql: Sql) -> View:
    """What was said of consent; it holds until something else is said of the same channel and purpose."""
    given = "e.given = 1"
    said = (
        f"(SELECT e.*, {_ROOT} AS root_id, LEAD(e.occurred_at) OVER (PARTITION BY {_ROOT}, e.channel, e.purpose "
        f"ORDER BY e.occurred_at, 1 - e.given, e.position) AS until FROM {ours('consents')} AS e {_with_roots()}) AS e"
    )
    return View(
        name="consent_history",
        shown=(
            Shown("customer_id", "text", "e.root_id"),
            Shown("original_id", "text", "e.customer_id"),
            Shown("channel", "text", "e.channel"),
            Shown("purpose", "text", "e.purpose"),
            Shown("is_given", "flag", given),
            Shown("said_at", "instant", sql.instant("e.occurred_at")),
            Shown("holds_until", "instant", sql.instant("e.until")),
            Shown("position", "number", "e.position"),
        ),
        table=said,
    )
