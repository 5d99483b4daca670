"""What the views and the reports are to show, worked out from the feed of events alone, and their rows made alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import sqlalchemy as sa

from regulars import (
    AgentReplied,
    ConsentGiven,
    ConsentWithdrawn,
    CustomerMerged,
    CustomerRegistered,
    CustomerReplied,
    MergeUndone,
    PersonalDataErased,
    PurchaseRecorded,
    PurchaseVoided,
    Regulars,
    ReturnedTotalRecorded,
    ReturnRecorded,
    SurveyAnswered,
    TicketAssigned,
    TicketClassified,
    TicketClosed,
    TicketEscalated,
    TicketOpened,
    TicketPriorityChanged,
    TicketRated,
    TicketResolved,
)

Row = dict[str, Any]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DIGITS = {"EUR": 2, "JPY": 0, "KWD": 3, "CLF": 4}


def time(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else EPOCH + timedelta(microseconds=microseconds)


def text(minor: int | None, currency: str) -> str | None:
    return None if minor is None else format(Decimal(minor).scaleb(-DIGITS[currency]), "f")


def rows_of(url: str, name: str) -> list[Row]:
    """The rows of a view as the database gives them to others, with times as times and flags as bool."""
    target = sa.make_url(url).set(drivername="postgresql+psycopg") if "://" in url else f"sqlite:///{url}"
    with sa.create_engine(target, poolclass=sa.NullPool).connect() as connection:
        found = connection.exec_driver_sql(f"SELECT * FROM regulars_{name}").mappings().all()
    return alike(found)


def alike(rows: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Rows in one order, with times as times, whatever a database or a file has in their place."""
    return sorted(({name: _alike(name, value) for name, value in row.items()} for row in rows), key=_order)


def _order(row: Row) -> str:
    return repr(sorted(row.items()))


def _alike(name: str, value: Any) -> Any:
    if name.startswith("is_"):
        assert value in (0, 1), (name, value)
        return bool(value)
    if name.endswith(("_at", "since", "until")) or name == "as_of":
        if isinstance(value, str):
            assert value.endswith("Z"), value
            return datetime.fromisoformat(value)
        return value.astimezone(UTC) if isinstance(value, datetime) else value
    return value


def expected(crm: Regulars) -> dict[str, list[Row]]:
    """The rows of each view of the log."""
    events = list(crm.events())
    roots: dict[str, str] = {}
    for each in events:
        if isinstance(each.event, CustomerMerged):
            roots[each.customer_id] = each.event.into_id
        if isinstance(each.event, MergeUndone):
            del roots[each.customer_id]

    def whose(customer_id: str) -> Row:
        root = customer_id
        while root in roots:
            root = roots[root]
        return {"customer_id": root, "original_id": customer_id}

    merged = [{"customer_id": each, "root_id": whose(each)["customer_id"]} for each in roots]
    shown = {"roots": merged, **_orders(events, whose), "consent_history": _consents(events, whose)}
    shown["customers"] = [
        whose(each.customer_id)
        | {"is_merged": each.customer_id in roots, "registered_at": time(each.occurred_at)}
        | {"source": each.event.source, "forgotten_at": _forgotten(events, each.customer_id)}
        | {"position": each.position}
        for each in events
        if isinstance(each.event, CustomerRegistered)
    ]
    shown["survey_answers"] = [
        whose(each.customer_id)
        | {"answered_at": time(each.occurred_at), "survey": each.event.survey, "score": each.event.score}
        | {"interaction_id": each.event.interaction_id, "position": each.position}
        for each in events
        if isinstance(each.event, SurveyAnswered)
    ]
    shown["tickets"] = [_ticket(each, events, whose) for each in events if isinstance(each.event, TicketOpened)]
    return {name: sorted(rows, key=_order) for name, rows in shown.items()}


def _forgotten(events: list[Any], customer_id: str) -> datetime | None:
    said = [each for each in events if isinstance(each.event, PersonalDataErased) and each.customer_id == customer_id]
    return time(max((each.occurred_at for each in said), default=None))


def _orders(events: list[Any], whose: Any) -> dict[str, list[Row]]:
    shown: dict[str, list[Row]] = {"orders": [], "order_lines": [], "returns": []}
    voided = {(each.event.order_id, each.event.number) for each in events if isinstance(each.event, PurchaseVoided)}
    for each in events:
        order = each.event
        if not isinstance(order, PurchaseRecorded) or (order.order_id, order.number) in voided:
            continue
        record = {"order_id": order.order_id, "number": order.number}
        back = 0
        for place, _, _, come in sorted(
            (
                (one.occurred_at, isinstance(one.event, ReturnedTotalRecorded), msgspec.json.encode(one.event), one)
                for one in events
                if isinstance(one.event, ReturnRecorded | ReturnedTotalRecorded) and one.stream_id == each.stream_id
            ),
            key=lambda found: found[:3],
        ):
            is_all = isinstance(come.event, ReturnedTotalRecorded)
            after = min(order.amount, come.event.returned_so_far if is_all else back + come.event.amount)
            shown["returns"].append(
                record
                | whose(come.customer_id)
                | {"return_id": None if is_all else come.event.return_id, "returned_at": time(place)}
                | {"currency": order.currency, "amount": after - back, "position": come.position}
                | {"amount_decimal": text(after - back, order.currency)}
            )
            back = after
        amounts = {"amount": order.amount, "returned": back, "net": order.amount - back}
        shown["orders"].append(
            record
            | whose(each.customer_id)
            | {"ordered_at": time(each.occurred_at), "recorded_at": time(each.recorded_at), "currency": order.currency}
            | amounts
            | {f"{name}_decimal": text(amount, order.currency) for name, amount in amounts.items()}
            | {"channel": order.channel, "source": order.source, "position": each.position}
        )
        shown["order_lines"] += [
            record
            | {"line": number, "sku": line.sku, "quantity": line.quantity, "currency": order.currency}
            | {"amount": line.amount, "amount_decimal": text(line.amount, order.currency)}
            | whose(each.customer_id)
            | {"ordered_at": time(each.occurred_at), "position": each.position}
            for number, line in enumerate(order.lines, start=1)
        ]
    return shown


def _ticket(opened: Any, events: list[Any], whose: Any) -> Row:
    of_it = [each for each in events if each.stream_id == opened.stream_id]

    def times(kind: type) -> list[int]:
        return [each.occurred_at for each in of_it if isinstance(each.event, kind)]

    def last(kind: type, field: str, otherwise: Any = None) -> Any:
        said = [each for each in of_it if isinstance(each.event, kind)]
        found = max(said, key=lambda each: (each.occurred_at, msgspec.json.encode(each.event)), default=None)
        return otherwise if found is None else getattr(found.event, field)

    ticket = opened.event
    return whose(opened.customer_id) | {
        "ticket_id": ticket.ticket_id,
        "opened_at": time(opened.occurred_at),
        "channel": ticket.channel,
        "follows": ticket.follows,
        "priority": last(TicketPriorityChanged, "priority", ticket.priority),
        "topic": last(TicketClassified, "topic"),
        "is_complaint": last(TicketClassified, "complaint", ticket.complaint),
        "agent": last(TicketAssigned, "agent"),
        "level": max((each.event.level for each in of_it if isinstance(each.event, TicketEscalated)), default=0),
        "agent_replies": len(times(AgentReplied)),
        "customer_replies": len(times(CustomerReplied)),
        "first_reply_at": time(min(times(AgentReplied), default=None)),
        "last_resolved_at": time(max(times(TicketResolved), default=None)),
        "closed_at": time(min(times(TicketClosed), default=None)),
        "rating": last(TicketRated, "score"),
        "position": opened.position,
    }


def _consents(events: list[Any], whose: Any) -> list[Row]:
    words = [each for each in events if isinstance(each.event, ConsentGiven | ConsentWithdrawn)]
    words.sort(key=lambda each: (each.occurred_at, isinstance(each.event, ConsentWithdrawn), each.position))

    def what(each: Any) -> tuple[str, str, str]:
        return whose(each.customer_id)["customer_id"], each.event.channel, each.event.purpose

    return [
        whose(each.customer_id)
        | {
            "channel": each.event.channel,
            "purpose": each.event.purpose,
            "is_given": isinstance(each.event, ConsentGiven),
        }
        | {"said_at": time(each.occurred_at)}
        | {"holds_until": next((time(one.occurred_at) for one in words[place + 1 :] if what(one) == what(each)), None)}
        | {"position": each.position}
        for place, each in enumerate(words)
    ]


#: What `standing_now` and the library both say of a customer.
BOTH_SAY = (
    *("customer_id", "stage", "stage_since", "tier", "risk", "risk_band", "orders", "net_spend_decimal"),
    *("first_order_at", "last_order_at", "last_heard_at", "owner", "source"),
)


def standing(crm: Regulars, now: datetime) -> list[Row]:
    """Who stands where, as the library answers."""
    return sorted(
        (
            {name: getattr(each, name) for name in BOTH_SAY[1:] if name != "net_spend_decimal"}
            | {"customer_id": str(each.id), "net_spend_decimal": str(each.net_spend)}
            for each in crm.customers(as_of=now, forgotten=True)
        ),
        key=_order,
    )
