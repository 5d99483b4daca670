"""Every aggregate there is, and what follows from the list: events, commands, deciders, and where a command goes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

from msgspec import Struct

from regulars.crm_domain import (
    assessment,
    campaign,
    contract,
    coupon,
    customer,
    interaction,
    issued_coupon,
    membership,
    offer,
    opportunity,
    purchase,
    quote,
    reminder,
    rulebook,
    survey,
    task,
    ticket,
    value_model,
)
from regulars.crm_domain.aggregate import Addressed, Aggregate
from regulars.crm_domain.command import Command, CustomerId, Decider
from regulars.crm_domain.event import Event, tag_of
from regulars.crm_domain.unexplained import WORDING, Unexplained
from regulars.crm_domain.upcasts import Upcast
from regulars.crm_domain.wording import Wording

T = TypeVar("T")

AGGREGATES: tuple[Aggregate, ...] = (
    customer.AGGREGATE,
    purchase.AGGREGATE,
    interaction.AGGREGATE,
    membership.AGGREGATE,
    ticket.AGGREGATE,
    survey.AGGREGATE,
    quote.AGGREGATE,
    contract.AGGREGATE,
    assessment.AGGREGATE,
    task.AGGREGATE,
    opportunity.AGGREGATE,
    reminder.AGGREGATE,
    rulebook.AGGREGATE,
    value_model.AGGREGATE,
    coupon.AGGREGATE,
    issued_coupon.AGGREGATE,
    campaign.AGGREGATE,
    offer.AGGREGATE,
)


class Catalogue(Struct, frozen=True, kw_only=True):
    """Some aggregates put together, none of which takes a name from another.

    `aggregates` by category, `events` by tag, `commands` by name. The rulebook's are not among the commands; they have
    a door of their own, where read models are built before they count. `upcasts` are those that aggregates bring.
    """

    aggregates: Mapping[str, Aggregate]
    events: Mapping[str, type[Event]]
    commands: Mapping[str, type[Command]]
    owners: Mapping[type[Event], Aggregate]
    addresses: Mapping[type[Command], tuple[Aggregate, Addressed]]
    upcasts: tuple[Upcast[Any, Any], ...] = ()

    def __reduce__(self) -> str:
        # By its name: how aggregates are told are functions. One with extensions isn't found by it, and pickle says so.
        return "CATALOGUE"

    def aggregate_of(self, event: Event) -> Aggregate:
        """The aggregate that an event happened to. Raises TypeError for an event of none of these."""
        try:
            return self.owners[type(event)]
        except KeyError:
            raise TypeError(f"{type(event).__name__} is not an event of this store") from None

    def wording_of(self, event: Event) -> Wording:
        """How an event is told. Raises TypeError for an event of none of these."""
        return WORDING if isinstance(event, Unexplained) else self.aggregate_of(event).wording


def catalogue_of(aggregates: tuple[Aggregate, ...]) -> Catalogue:
    """Put aggregates together.

    Raises ValueError for a category, a tag of events or a name of commands that comes twice, naming both aggregates.
    """
    events = [(event, each) for each in aggregates for event in each.events]
    commands = [(way, each) for each in aggregates for way in each.commands]
    return Catalogue(
        aggregates=_once("category", ((each.decider.category, each, each) for each in aggregates)),
        events=_once("event", ((tag_of(event), event, each) for event, each in events)),
        commands=_once("command", ((way.command.__name__, way.command, each) for way, each in commands)),
        owners=MappingProxyType(dict(events)),
        addresses=MappingProxyType({way.command: (each, way) for way, each in commands}),
        upcasts=tuple(upcast for each in aggregates for upcast in each.upcasts),
    )


def _once(what: str, named: Iterable[tuple[str, T, Aggregate]]) -> Mapping[str, T]:
    found: dict[str, T] = {}
    owners: dict[str, Aggregate] = {}
    for name, value, aggregate in named:
        if name in found:
            both = f"{_full_name(owners[name])} and {_full_name(aggregate)}"
            raise ValueError(f'the {what} "{name}" comes twice: in {both}')
        found[name], owners[name] = value, aggregate
    return MappingProxyType(found)


def _full_name(aggregate: Aggregate) -> str:
    # A category may be what two aggregates have in common; the class of its state tells them apart.
    state = type(aggregate.decider.initial)
    return f"{state.__module__}.{state.__qualname__}"


CATALOGUE = catalogue_of(AGGREGATES)

EVENTS = CATALOGUE.events
COMMANDS = CATALOGUE.commands
DECIDERS: Mapping[str, Decider[Any]] = MappingProxyType(
    {category: each.decider for category, each in CATALOGUE.aggregates.items()}
)


class Address(Struct, frozen=True):
    """Where a command goes: the deciding aggregate, the customer spoken of, and the key of the stream.

    `customer` is None where the stream itself knows. `key` None means the customer's own stream for CUSTOMER; for the
    rest the one stream of its category that belongs to the customer where `own`, and else a stream that is new. What
    is `of_nobody` belongs to the business, unless its stream is a customer's already.
    """

    decider: Decider[Any]
    customer: CustomerId | str | None
    key: str | None
    own: bool = False
    of_nobody: bool = False


def address(command: Command, catalogue: Catalogue) -> Address:
    """The address of a command. Raises TypeError for a class that is not in the catalogue."""
    addresses = catalogue.addresses
    found = addresses.get(type(command)) or next(filter(None, map(addresses.get, type(command).__mro__)), None)
    if found is None:
        raise TypeError(f"{type(command).__name__} is not a command of this store")
    aggregate, way = found
    who = None if way.customer is None else getattr(command, way.customer)
    key = None if way.key is None else getattr(command, way.key)
    return Address(aggregate.decider, who, key, way.own, aggregate.of_nobody or (way.or_nobody and who is None))
