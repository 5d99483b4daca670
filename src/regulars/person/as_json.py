"""The data export of one person as JSON: every field of every value, always in the same order.

Times are ISO 8601 in UTC, days ISO dates, amounts decimal text with the currency beside it; ids can be passed to the
command line as WHO. An event has its envelope, and its own fields under `event`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from msgspec import Struct

from regulars.crm_domain.catalogue import Catalogue
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.contract import ContractAmended, ContractSigned
from regulars.crm_domain.event import Event, Recorded
from regulars.crm_domain.instant import FOREVER, to_datetime
from regulars.crm_domain.money import from_minor_units
from regulars.crm_domain.opportunity import OpportunityChanged, OpportunityOpened, OpportunityWon
from regulars.crm_domain.purchase import (
    Line,
    PurchaseRecorded,
    PurchaseReported,
    PurchaseVoided,
    ReturnedTotalRecorded,
    ReturnRecorded,
)
from regulars.crm_domain.quote import QuoteAccepted, QuotedLine
from regulars.crm_domain.unexplained import name_of
from regulars.person.values import PersonExport
from regulars.wording.sentences import describe

#: Fields of events that are instants in microseconds, and those that are amounts in minor units.
INSTANTS = frozenset({"at", "available_at", "expires_at", "said_at", "until"})
AMOUNTS = frozenset(
    {
        *((each, "amount") for each in (PurchaseRecorded, PurchaseReported, PurchaseVoided, Line, ReturnRecorded)),
        *((each, "amount") for each in (OpportunityOpened, OpportunityChanged, OpportunityWon)),
        *((each, "amount") for each in (QuotedLine, ContractSigned, ContractAmended)),
        *((QuoteAccepted, name) for name in ("net", "tax", "gross")),
        (ReturnedTotalRecorded, "returned_so_far"),
    }
)


def person_json(person: PersonExport) -> dict[str, Any]:
    """Everything held about one person as objects, arrays, text, numbers and null."""
    names = (name for name in person.__struct_fields__ if name not in ("events", "_catalogue"))
    written = {name: _plain(getattr(person, name)) for name in names}
    return written | {"events": [_recorded(each, person._catalogue) for each in person.events]}


def _plain(value: object) -> Any:
    match value:
        case Struct():
            return {name: _plain(getattr(value, name)) for name in value.__struct_fields__}
        case CustomerId():
            return f"id:{value}"
        case Decimal():
            return str(value)
        case date():  # and a datetime
            return value.isoformat()
        case tuple() | list():
            return [_plain(each) for each in value]
        case Mapping():
            return {name: _plain(each) for name, each in value.items()}
        case _ if is_dataclass(value):
            return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
        case _:
            return value


def _recorded(recorded: Recorded[Event], catalogue: Catalogue) -> dict[str, Any]:
    event = recorded.event
    return {
        "position": recorded.position,
        "stream_id": recorded.stream_id,
        "version": recorded.version,
        "category": recorded.category,
        "customer_id": f"id:{recorded.customer_id}",
        "type": name_of(event),
        "occurred_at": _instant(recorded.occurred_at),
        "recorded_at": _instant(recorded.recorded_at),
        "actor": recorded.actor,
        "reason": recorded.reason,
        "correlation_id": recorded.correlation_id,
        "causation_id": recorded.causation_id,
        "command_id": recorded.command_id,
        "what": describe(event, catalogue),
        "event": dict(_fields(event, getattr(event, "currency", None))),
    }


def _fields(part: Struct, currency: str | None) -> Iterator[tuple[str, Any]]:
    """The fields of an event or of a part of it, with instants as times and amounts as money."""
    for name in part.__struct_fields__:
        value = getattr(part, name)
        if isinstance(value, int) and name in INSTANTS:
            yield name, _instant(value)
        elif isinstance(value, int) and (type(part), name) in AMOUNTS and currency is not None:
            yield name, str(from_minor_units(value, currency))
        elif isinstance(value, tuple):
            yield name, [dict(_fields(each, currency)) if isinstance(each, Struct) else each for each in value]
        else:
            yield name, _plain(value)


def _instant(instant: int) -> str | None:
    """The time of an instant; None where there is no end."""
    return None if instant == FOREVER else to_datetime(instant).isoformat()
