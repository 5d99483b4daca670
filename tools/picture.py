"""Writes the pictures in docs/, drawn by the code that draws anybody's: one customer's timeline, and the stages of the
demo's customers over a year. `--check` compares.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import regulars
from regulars import (
    Command,
    EnrollMember,
    EventLine,
    OpenTicket,
    RecordPurchase,
    RecordReturn,
    RecordSurveyAnswer,
    RegisterCustomer,
    ReplyAsAgent,
    ResolveTicket,
)
from regulars.demo.simulation import SimulatedClock, record, simulate
from regulars.pictures import timeline_svg

DOCS = Path(__file__).parents[1] / "docs"
TARGET, TREND = DOCS / "timeline.svg", DOCS / "trend.svg"
ZONE = ZoneInfo("Europe/Berlin")
WHO = "shop:42"
NOW = datetime(2026, 6, 1, 12, tzinfo=ZONE)


def on(month: int, day: int, year: int = 2025) -> datetime:
    """Noon of a day in the shop's zone."""
    return datetime(year, month, day, 12, tzinfo=ZONE)


def life() -> tuple[Command, ...]:
    """A customer who came, stayed, was annoyed, came back and has been silent since."""
    orders = (
        (on(2, 3), "38.00"),
        (on(3, 10), "64.00"),
        (on(4, 8), "59.00"),
        (on(5, 12), "85.00"),
        (on(6, 10), "72.00"),
        (on(7, 14), "96.00"),
        (on(8, 11), "118.00"),
        (on(1, 19, 2026), "69.00"),
        (on(2, 16, 2026), "54.00"),
        (on(3, 23, 2026), "47.00"),
    )
    return (
        RegisterCustomer(ref=WHO, name="Ada", occurred_at=on(1, 15)),
        *(
            RecordPurchase(customer=WHO, order_id=f"A-{number}", amount=amount, occurred_at=when)
            for number, (when, amount) in enumerate(orders, start=1)
        ),
        EnrollMember(customer=WHO, program="Beans", occurred_at=on(4, 8)),
        OpenTicket(customer=WHO, ticket_id="T-1", complaint=True, priority="high", occurred_at=on(8, 20)),
        RecordReturn(order_id="A-7", amount="118.00", occurred_at=on(8, 27)),
        ReplyAsAgent(ticket_id="T-1", occurred_at=on(8, 24)),
        ResolveTicket(ticket_id="T-1", occurred_at=on(9, 1)),
        RecordSurveyAnswer(customer=WHO, survey="nps", score=4, occurred_at=on(9, 8)),
    )


def picture() -> str:
    """The picture, as docs/timeline.svg has it."""
    with regulars.open(":memory:", currency="EUR", actor="mara", clock=lambda: NOW) as crm:
        crm.do(sorted(life(), key=lambda command: command.occurred_at or NOW))
        customer = crm.customer(WHO)
        timeline = customer.timeline()
        return timeline_svg(
            timeline,
            title=f"{customer.name} ({WHO}): {customer.orders} orders, {customer.net_spend} EUR",
            now=NOW,
            start=on(1, 1),
            end=NOW + timedelta(days=240),
            noted=notable(crm),
        )


def notable(crm: regulars.Regulars) -> Sequence[EventLine]:
    """What happened but for the orders, which have a row of their own."""
    ordinary = ("PurchaseRecorded", "PointsEarned", "PointsReversed")
    return [
        EventLine(each.position, each.occurred_at, each.sentence)
        for each in crm.audit(customer=WHO)
        if each.type not in ordinary
    ]


def trend() -> str:
    """The stages of the demo's customers, as docs/trend.svg has them."""
    clock = SimulatedClock()
    with regulars.open(":memory:", currency="EUR", actor="mara", clock=clock) as crm:
        record(crm, clock, simulate(42))
        return regulars.measure_svg(crm.trend("stage"))


def main() -> int:
    """Write the pictures, or with --check say whether they are up to date."""
    drawn = {TARGET: picture(), TREND: trend()}
    if "--check" in sys.argv:
        return 0 if all(path.read_text(encoding="utf-8") == svg for path, svg in drawn.items()) else 1
    for path, svg in drawn.items():
        path.write_text(svg, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
