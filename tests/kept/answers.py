"""What a store answers, as plain values: asked of a store of version 0.1 by its own code, and of the same by ours."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime
from typing import Any

from regulars import Regulars

#: The clock of whoever asks.
NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)
DAYS = (date(2024, 1, 20), date(2024, 4, 1), date(2024, 9, 30), date(2025, 2, 28), date(2025, 8, 1))


def answers(crm: Regulars) -> dict[str, Any]:
    """Everyone on several days, lists in every order, tickets, points, consents, the trail and the rules."""
    everyone = [each.id for each in crm.customers(forgotten=True, limit=100)]
    found: dict[str, Any] = {
        "customers": {
            str(day): {str(each.id): plain(each) for each in crm.customers(forgotten=True, as_of=day, limit=100)}
            for day in DAYS
        },
        "by risk": {
            str(day): [str(each.id) for each in crm.customers(forgotten=True, as_of=day, order="risk")] for day in DAYS
        },
        "lanes": {
            f"{lane} {value} {day}": sorted(
                str(each.id) for each in crm.customers(forgotten=True, **{lane: value}, as_of=day)
            )
            for day in DAYS
            for lane, value in (("stage", "dormant"), ("stage", "active"), ("tier", "gold"), ("risk_band", "high"))
        },
        "one": {f"{each} {day}": plain(crm.customer(each, as_of=day)) for each in everyone for day in DAYS[3:]},
        "timelines": {str(each): plain(crm.customer(each).timeline()) for each in everyone},
        "explained": {str(each): plain(crm.customer(each, as_of=DAYS[3]).explain()) for each in everyone},
        "tickets": {str(day): [plain(each) for each in crm.tickets(as_of=day)] for day in DAYS},
        "points": {str(each): plain(crm.points(each, as_of=DAYS[3])) for each in everyone},
        "contactable": sorted(str(each.id) for each in crm.contactable(channel="email", purpose="news")),
        "audit": [plain(each) for each in crm.audit(limit=500)],
        "rules": [each.digest for each in crm.rules.history()],
        "rejects": len(tuple(crm.rejects())),
        "known in summer": {
            str(each.id): plain(each)
            for each in crm.customers(forgotten=True, as_of=DAYS[2], known_at=date(2024, 6, 1), limit=100)
        },
    }
    return found


def plain(value: Any) -> Any:
    """A value of the library as JSON has it, without what it only needs to answer more."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = (each.name for each in dataclasses.fields(value) if not each.name.startswith("_"))
        return {name: plain(getattr(value, name)) for name in fields}
    if hasattr(value, "__struct_fields__"):
        return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return str(value)
