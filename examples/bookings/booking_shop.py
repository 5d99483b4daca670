"""Bookings, brought to a store by somebody else than Regulars: what an extension looks like.

    regulars --extension booking_shop:extension do BookVisit customer=shop:1 booking_id=B-1 service=haircut

A customer books a visit; then it is cancelled, or they don't come. docs/howto-extension.md goes through it.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from msgspec import Struct, field
from msgspec.structs import replace
from pydantic import Field

from regulars import Command, Event, Extension, Rejected
from regulars.extending import (
    DAY,
    Aggregate,
    Context,
    Decider,
    Examples,
    FactSet,
    InTheClear,
    Label,
    Part,
    Personal,
    Projector,
    Reason,
    Rules,
    Section,
    Text,
    Who,
    Wording,
    addressed,
)

# ------------------------------------------------------------------------------------------------------ what happens


class VisitBooked(Event, frozen=True, kw_only=True, tag="VisitBooked"):
    """A customer booked a visit."""

    booking_id: str
    service: str
    wish: Personal[str] = None


class BookingCancelled(Event, frozen=True, kw_only=True, tag="BookingCancelled"):
    """A booking was cancelled in time."""

    booking_id: str


class CustomerDidNotCome(Event, frozen=True, kw_only=True, tag="CustomerDidNotCome"):
    """A customer didn't come to what they had booked."""

    booking_id: str


EVENTS = (VisitBooked, BookingCancelled, CustomerDidNotCome)

# ---------------------------------------------------------------------------------------------- what can be wished for


class BookVisit(Command):
    """Book a visit."""

    customer: Who
    booking_id: Label
    service: Label
    wish: Text | None = None


class CancelBooking(Command):
    """Cancel a booking."""

    booking_id: Label


class RecordNoShow(Command):
    """Record that a customer didn't come."""

    booking_id: Label


# ---------------------------------------------------------------------------------------------------- how it is decided


class Status(StrEnum):
    """How a booking stands."""

    NONE = "none"
    BOOKED = "booked"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show"


class Booking(Struct, frozen=True, kw_only=True):
    """What the next decision on a booking needs to know."""

    status: Status = Status.NONE
    booked: VisitBooked | None = None


def evolve(state: Booking, event: Event) -> Booking:
    match event:
        case VisitBooked():
            return Booking(status=Status.BOOKED, booked=event)
        case BookingCancelled():
            return replace(state, status=Status.CANCELLED)
        case CustomerDidNotCome():
            return replace(state, status=Status.NO_SHOW)
        case _:
            raise TypeError(f"{type(event).__name__} doesn't happen to a booking")


def decide(command: Command, state: Booking, context: Context) -> tuple[Event, ...]:
    match command:
        case BookVisit(booking_id=booking_id, service=service, wish=wish):
            booked = VisitBooked(booking_id=booking_id, service=service, wish=wish)
            if state.booked is None:
                return (booked,)
            if state.booked.service == service:
                return ()  # the wish may be forgotten by now
            raise Rejected("booking_id_taken", f'booking "{booking_id}" is for {state.booked.service} already')
        case CancelBooking(booking_id=booking_id):
            return _ended(state, Status.CANCELLED, BookingCancelled(booking_id=booking_id))
        case RecordNoShow(booking_id=booking_id):
            return _ended(state, Status.NO_SHOW, CustomerDidNotCome(booking_id=booking_id))
        case _:
            raise TypeError(f"{type(command).__name__} is no command to a booking")


def _ended(state: Booking, wanted: Status, event: BookingCancelled | CustomerDidNotCome) -> tuple[Event, ...]:
    if state.status is Status.NONE:
        raise Rejected("unknown_booking", f'there is no booking "{event.booking_id}"')
    if state.status not in (Status.BOOKED, wanted):
        raise Rejected("booking_ended", f'booking "{event.booking_id}" ended as {state.status} already')
    return () if state.status is wanted else (event,)


# ------------------------------------------------------------------------------------------------------ how it is told


def what(event: Event) -> str:
    match event:
        case VisitBooked(booking_id=booking_id, service=service):
            return f"booking {booking_id} for {service}"
        case BookingCancelled(booking_id=booking_id):
            return f"booking {booking_id} cancelled"
        case CustomerDidNotCome(booking_id=booking_id):
            return f"didn't come to booking {booking_id}"
        case _:
            raise TypeError(f"{type(event).__name__} doesn't happen to a booking")


def deed(event: Event, who: str, other: str) -> str:
    match event:
        case VisitBooked():
            return f"recorded {what(event)} of {who}"
        case BookingCancelled(booking_id=booking_id):
            return f"cancelled booking {booking_id} of {who}"
        case _:
            return f"recorded that {who} {what(event)}"


def fields(state: Booking) -> Iterator[tuple[str, str | None]]:
    if state.booked is not None:
        yield "status", str(state.status)
        yield "service", state.booked.service
        yield "wish", state.booked.wish


BOOKING = Aggregate(
    decider=Decider(category="booking", initial=Booking(), evolve=evolve, decide=decide),
    events=EVENTS,
    commands=(
        *addressed(BookVisit, customer="customer", key="booking_id"),
        *addressed(CancelBooking, RecordNoShow, key="booking_id"),
    ),
    wording=Wording(what=what, deed=deed, fields=fields),
    examples=lambda: Examples(
        events=(
            VisitBooked(booking_id="B-1", service="haircut", wish="by the window"),
            BookingCancelled(booking_id="B-1"),
            CustomerDidNotCome(booking_id="B-2"),
        ),
        commands=(
            BookVisit(customer="shop:1", booking_id="B-1", service="haircut", wish="by the window"),
            CancelBooking(booking_id="B-1"),
            RecordNoShow(booking_id="B-2"),
        ),
    ),
    in_the_clear=(
        InTheClear(fields=("booking_id",), events=EVENTS, why="the number of a booking, by which it is found"),
        InTheClear(fields=("service",), events=(VisitBooked,), why="a word of the price list"),
    ),
)

# ------------------------------------------------------------------------------------ what follows: who comes


class Visits(Struct):
    """What is known of a customer's bookings: when they didn't come, and the positions of the events that say so."""

    missed: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)


def take_in(visits: Visits, event: Event, at: int, position: int, identity: int) -> None:
    if isinstance(event, CustomerDidNotCome):
        visits.missed.append(at)
        visits.positions.append(position)


class ReliabilityRules(Part):
    """Who can be relied on to come to what they book."""

    window_days: int = Field(
        default=180, ge=1, le=36_500, description="A visit that was missed counts for so many days."
    )
    poor_from: int = Field(default=2, ge=1, le=100, description="From so many missed visits on, reliability is poor.")


class Reliability(Struct, frozen=True):
    """Good, or poor; and how many visits were missed lately."""

    value: str
    missed: int


def _missed(visits: Visits, rules: Rules, at: int) -> int:
    since = at - rules.sections["reliability"].window_days * DAY
    return sum(since < missed <= at for missed in visits.missed)


def judge(standing: None, visits: Visits, rules: Rules, at: int, until: int) -> Iterator[tuple[int, None, Reliability]]:
    """At each instant at which a missed visit ceases to count, fewer of them do."""
    table = rules.sections["reliability"]
    ends = (missed + table.window_days * DAY for missed in visits.missed)
    for instant in (at, *sorted({end for end in ends if at < end < until})):
        missed = _missed(visits, rules, instant)
        yield instant, None, Reliability("poor" if missed >= table.poor_from else "good", missed)


def explain(standing: None, visits: Visits, rules: Rules, at: int) -> tuple[Reason, ...]:
    missed, days = _missed(visits, rules, at), rules.sections["reliability"].window_days
    behind = visits.positions[len(visits.missed) - missed :] if missed else []
    return (Reason(clause="missed", sentence=f"{missed} missed visits in {days} days", positions=tuple(behind)),)


RELIABILITY = Projector(
    name="reliability",
    question="Can this customer be relied on to come?",
    version=1,
    facts=FactSet(name="visits", version=1, beginning=Visits, handles=frozenset(EVENTS), evolve=take_in),
    handles=frozenset(EVENTS),
    standing=type(None),
    judges_by=("reliability",),
    judge=judge,
    explain=explain,
    verdict=Reliability,
    lists_by=("value", "due"),
)

extension = Extension(
    "bookings",
    aggregates=(BOOKING,),
    projectors=(RELIABILITY,),
    sections=(Section(name="reliability", grammar=ReliabilityRules, compile=lambda table: table),),
)
