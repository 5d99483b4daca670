"""What a monthly report holds, before it is written as a page."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from regulars.crm_domain.command import CustomerId
from regulars.measures.cohorts import Cohorts
from regulars.measures.revenue import Revenue
from regulars.measures.trend import Trend
from regulars.statistics.estimate import Estimate

Amount = Decimal | int


class Figure(Struct, frozen=True, kw_only=True):
    """A number of the month, of the month before and of the same one a year before; None before anything is known.

    `counted_by` is the command that lists it. Amounts of money are in the store's currency (`is_money`).
    """

    name: str
    value: Amount
    month_before: Amount | None
    year_before: Amount | None
    counted_by: str
    is_money: bool = False


class Rated(Struct, frozen=True, kw_only=True):
    """A number about many of the month, of the month before and of the same one a year before, each with n and its 95 %
    interval: a "share" from 0 to 1, a "score" from -100 to 100, or a "rate" to a hundred. Of none it can't be told.
    """

    name: str
    kind: Literal["share", "score", "rate"]
    of: str
    value: Estimate
    month_before: Estimate
    year_before: Estimate
    counted_by: str


class SegmentMoved(Struct, frozen=True, kw_only=True):
    """The members of a segment, and how many came in and went out within the month; `moved_by` lists these."""

    members: Figure
    entered: int
    left: int
    moved_by: str


class Moved(Struct, frozen=True, kw_only=True):
    """How many customers went from one stage to another within the month; None is not known yet."""

    before: str | None
    after: str | None
    customers: int


class Somebody(Struct, frozen=True, kw_only=True):
    """A customer whom a report names: by their id, and with `personal` by reference and name, too.

    `about` says why: what is due, and when.
    """

    id: CustomerId
    ref: str | None
    name: str | None
    about: str


class ToDo(Struct, frozen=True, kw_only=True):
    """A list of a report: some customers or tickets, how many there are in all, and the command that lists them."""

    title: str
    shown: tuple[Somebody, ...]
    total: int
    counted_by: str
    nothing: str


class Report(Struct, frozen=True, kw_only=True):
    """A month of a business: figures against the month and the year before, who moved, whom to call, what is due.

    Figures are as of the end of the month; whom to call and what is due is as of `as_of`, when the report was made. The
    month `is_over`, or the figures are so far. `rules` is the short digest of those in force. `business` is a title.
    `moved_by` and `cohorts_by` are the commands that list who moved, and who came back. `satisfaction` is empty where
    nobody was asked, said anything or ordered, `service` where there were no tickets, and `values` and `segments` where
    the rules have none.
    """

    business: str
    month: str
    first: date
    last: date
    is_over: bool
    as_of: datetime
    zone: str
    rules: str
    currency: str | None
    personal: bool
    figures: tuple[Figure, ...]
    stages: tuple[Figure, ...]
    values: tuple[Figure, ...]
    segments: tuple[SegmentMoved, ...]
    satisfaction: tuple[Rated, ...]
    service: tuple[Rated, ...]
    moved: tuple[Moved, ...]
    moved_by: str
    cohorts_by: str
    to_call: tuple[ToDo, ...]
    due: tuple[ToDo, ...]
    revenue: Revenue
    trend: Trend
    cohorts: Cohorts
