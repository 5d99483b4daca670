"""An aggregate as a value: all that the rest of the system has to know of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from regulars.crm_domain.command import Command, Decider
from regulars.crm_domain.event import Event
from regulars.crm_domain.upcasts import Upcast
from regulars.crm_domain.wording import Wording


class Addressed(Struct, frozen=True, kw_only=True):
    """A command, and by which of its fields its stream is found. Raises ValueError for a field that it doesn't have.

    `customer` is the field that names the customer, None where the stream itself knows whose it is. `key` is the field
    that names the stream; without one it is the customer's own (of CUSTOMER, and where `own`, as each customer has one
    stream of the category), and else a new one. Customers who are one have one such stream: whose was begun first.
    Where nobody is named and the stream is new, `or_nobody` makes it the business's own.
    """

    command: type[Command]
    customer: str | None = None
    key: str | None = None
    own: bool = False
    or_nobody: bool = False

    def __post_init__(self) -> None:
        for field in (self.customer, self.key):
            if field is not None and field not in self.command.model_fields:
                raise ValueError(f'{self.command.__name__} is addressed by "{field}", and has no such field')
        if self.own and (self.customer is None or self.key is not None):
            raise ValueError(f"{self.command.__name__} goes to a customer's own stream: by a customer, and by no key")
        if self.or_nobody and (self.customer is None or self.key is None):
            raise ValueError(f"{self.command.__name__} may be nobody's: it has to be addressed by a customer and a key")


def addressed(
    *commands: type[Command], customer: str | None = None, key: str | None = None, own: bool = False
) -> tuple[Addressed, ...]:
    """Commands that are addressed alike. Raises ValueError as Addressed does."""
    return tuple(Addressed(command=command, customer=customer, key=key, own=own) for command in commands)


class Examples(Struct, frozen=True, kw_only=True):
    """Events and commands as they might be: each kind at least once, each field filled in one of its kind at least."""

    events: tuple[Event, ...]
    commands: tuple[Command, ...] = ()


class InTheClear(Struct, frozen=True, kw_only=True):
    """Text that is stored unencrypted on purpose: fields of some events, such as `channel` or `lines.sku`, and why."""

    fields: tuple[str, ...]
    events: tuple[type[Event], ...]
    why: str


class Aggregate(Struct, frozen=True, kw_only=True):
    """One aggregate: how it is decided, what happens to it, the commands to it, and how all that is told.

    `commands` are those that everybody may give, each with its address. All text in its events is either `Personal` or
    named in `in_the_clear`. `upcasts` say how events are read that are no longer written, the newest first. `examples`
    is a function, as most programs never ask for them.

    What happens to one `of_nobody` concerns the business and no customer: it has nothing personal, and folds into
    timelines of the business itself.

    Raises ValueError without any event, as `get_args` finds none in what is no union, and for a command to what is
    nobody's that is addressed to a customer.
    """

    decider: Decider[Any]
    events: tuple[type[Event], ...]
    commands: tuple[Addressed, ...] = ()
    wording: Wording
    examples: Callable[[], Examples]
    in_the_clear: tuple[InTheClear, ...] = ()
    upcasts: tuple[Upcast[Any, Any], ...] = ()
    of_nobody: bool = False

    def __post_init__(self) -> None:
        if not self.events:
            raise ValueError(f'nothing can happen to the aggregate "{self.decider.category}": it has no events')
        for way in self.commands if self.of_nobody else ():
            if way.customer is not None or way.own or way.key is None:
                what = f'the aggregate "{self.decider.category}" is nobody\'s'
                raise ValueError(f"{what}, and {way.command.__name__} has to be addressed by a key alone")
