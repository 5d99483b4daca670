"""One customer: who they are, where they stand and why, what is open, and how all that came about."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from markupsafe import Markup
from msgspec import Struct
from msgspec.structs import replace
from pydantic import ValidationError

from regulars.asking.views import Customer, Timeline
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.errors import NotFound, Rejected
from regulars.crm_domain.explain_invalid import sentence
from regulars.doing.rewards import RewardsForecast, line_of
from regulars.pictures import timeline_svg
from regulars.profile import CustomerPage, Details
from regulars.web.console.page import Answer, Asked, Page, Shown
from regulars.web.console.words import N_

#: What of the past, and of what is due, a picture shows.
PAST, AHEAD = timedelta(days=730), timedelta(days=365)
TURNS = 60


class Turn(Struct, frozen=True, kw_only=True):
    """A verdict that begins: which one, when, on which day of the business, and whether that is still ahead."""

    lane: str
    value: str
    at: datetime
    day: date
    is_ahead: bool


def show(asked: Asked) -> Answer:
    """The customer as of an instant."""
    page = asked.crm.page(customer_id(asked), as_of=asked.as_of, known_at=asked.known_at)
    title, zone = called(page.details, page.customer_id), ZoneInfo(page.zone)
    is_now = asked.as_of is None and asked.known_at is None
    found = list(_turns(page.timeline, page.as_of, zone))
    would, problem = _would_bring(asked, page.customer_id) if is_now and not page.forgotten_at else (None, "")
    values = {
        "page": page,
        "explanation": page.customer.explain(),
        "called": title,
        "picture": _picture(page, title, zone),
        "turns": found[-TURNS:],
        "more_turns": max(0, len(found) - TURNS),
        "codes": asked.crm.coupon_codes(page.customer_id) if is_now and asked.may("clerk") else (),
        "at_day": partial(_at_day, asked, zone),
        "is_now": is_now,
        "would": would,
        "problem": problem,
    }
    return Shown(template="customer.html", values=values, status=400 if problem else 200, fragment="rewards")


def _would_bring(asked: Asked, customer_id: CustomerId) -> tuple[RewardsForecast | None, str]:
    """What the order that is asked about would bring, or why there is no such order; neither where none is."""
    amount, items, coupon = (asked.field(name) for name in ("amount", "items", "coupon"))
    if not amount:
        return None, ""
    try:
        lines = [line_of(each) for each in items.split()]
        return asked.crm.rewards_forecast(customer_id, amount, lines=lines, coupon=coupon or None), ""
    except ValidationError as error:
        return None, sentence(error)
    except Rejected as error:
        return None, str(error)


def _at_day(asked: Asked, zone: ZoneInfo, moment: datetime) -> str:
    """The address of the same page as of the day of an instant."""
    links = replace(asked.links, as_of=moment.astimezone(zone).date())
    return links.to(f"/customers/{asked.at['customer']}")


def customer_id(asked: Asked) -> CustomerId:
    """Whom the address names. Raises NotFound for what is no id."""
    try:
        return CustomerId(asked.at["customer"])
    except ValueError:
        raise NotFound(asked._("No customer has this address.")) from None


def called(told: Details | Customer, whose: CustomerId) -> str:
    """How a customer is called: by name, else by the caller's own reference, else by our id."""
    return told.name or told.ref or str(whose)


def _picture(page: CustomerPage, title: str, zone: ZoneInfo) -> Markup:
    now = page.as_of.astimezone(zone)
    begins = [spans[0].since for spans in page.timeline.spans.values() if spans]
    start = max(min(begins, default=now), now - PAST)
    drawn = timeline_svg(page.timeline, title=title, now=now, start=start - timedelta(days=1), end=now + AHEAD)
    return Markup(drawn[drawn.index("<svg") :])  # noqa: S704 - drawn by us, with every text escaped


def _turns(timeline: Timeline, now: datetime, zone: ZoneInfo) -> Iterator[Turn]:
    """Where verdicts begin, in order of time, what is due included."""
    begun = [
        (span.since, lane, span.value)
        for lane, spans in timeline.spans.items()
        for before, span in zip([None, *spans], spans, strict=False)
        if before is None or before.value != span.value
    ]
    for at, lane, value in sorted(begun):
        yield Turn(lane=lane, value=value, at=at, day=at.astimezone(zone).date(), is_ahead=at > now)


PAGE = Page(path="/customers/{customer}", title=N_("Customer"), handler=show)
