"""The value model: parameters that were fitted to what all customers bought, by which forecasts are made.

1. A store has one value model, which is fitted again and again. It is nobody's, and holds nothing personal.
2. What was fitted is a fact, with the data that it was fitted to: a forecast can be asked as it was known then.
3. Parameters are written out in decimal digits, and forecasts are made of what is written: so they are the same
   wherever they are asked.
4. To fit the same to the same data again changes nothing.

Sources: MBG/NBD (Batislam, Denizel and Filiztekin 2007; Hoppe and Wagner 2007), Gamma-Gamma (Fader and Hardie 2013).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Struct
from msgspec.structs import replace
from pydantic import AfterValidator, Field, StringConstraints

from regulars.crm_domain.command import Command, Context, Decider, Moment, Whole
from regulars.crm_domain.event import Event
from regulars.crm_domain.instant import to_instant

CATEGORY = "value_model"
#: The key of its one stream.
KEY: Literal["value"] = "value"

# ---------------------------------------------------------------------------------------------------------- events


class ModelFitted(Event, frozen=True, kw_only=True, tag="ModelFitted"):
    """A model was fitted to what all customers had bought as of an instant, as known at a position.

    `r`, `alpha`, `a` and `b` are those of MBG/NBD, in weeks; `p`, `q` and `v` those of Gamma-Gamma, in whole units of
    currency. `replicates` are the same seven, fitted to data drawn from the model: what they differ by is how little is
    known of them. `customers` bought anything, `repeaters` on several days, of whom `without_spend` spent nothing on
    the later ones. Over the horizon `orders` are expected of all of them, within `orders_low` and `orders_high`.
    """

    model: Literal["value"]
    as_of: int
    horizon_days: int
    data_position: int
    data_digest: str
    rules_digest: str | None = None
    customers: int
    repeaters: int
    without_spend: int = 0
    r: str
    alpha: str
    a: str
    b: str
    log_likelihood: str
    p: str
    q: str
    v: str
    spend_log_likelihood: str
    replicates: tuple[str, ...]
    orders: str
    orders_low: str
    orders_high: str
    held_out_days: int | None = None
    held_out_orders: int | None = None
    held_out_low: int | None = None
    held_out_high: int | None = None


# ----------------------------------------------------------------------------------------------------------- state


class ValueModel(Struct, frozen=True, kw_only=True):
    """How often it was fitted, and what was fitted last."""

    fitted: int = 0
    last: ModelFitted | None = None


def evolve(state: ValueModel, event: ModelFitted) -> ValueModel:
    """The state after an event. Total: history is never argued with."""
    return ValueModel(fitted=state.fitted + 1, last=event)


# -------------------------------------------------------------------------------------------------------- commands

Digits = Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,30}(\.[0-9]{1,30})?$")]


def _positive(text: str) -> str:
    if not all(Decimal(each) > 0 for each in text.split(" ")):
        raise ValueError("a parameter is above zero")
    return text


def _above_one(text: str) -> str:
    if not Decimal(text) > 1:
        raise ValueError("q is above 1, else nobody's spend would have a mean")
    return text


def _with_a_mean(text: str) -> str:
    _above_one(_positive(text).split(" ")[5])
    return text


Parameter = Annotated[Digits, AfterValidator(_positive)]
_NUMBER = r"[0-9]{1,30}(\.[0-9]{1,30})?"
#: All parameters in one text, in the order in which the event has them.
Replicate = Annotated[str, StringConstraints(pattern=rf"^{_NUMBER}( {_NUMBER}){{6}}$"), AfterValidator(_with_a_mean)]
Count = Annotated[Whole, Field(ge=0, lt=2**53)]


class RecordFittedModel(Command):
    """Record a model that was fitted; `regulars model fit` gives it. Each field is that of the event."""

    model: Literal["value"] = KEY
    as_of: Moment
    horizon_days: Annotated[Whole, Field(ge=1, le=36_500)]
    data_position: Count
    data_digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    customers: Count
    repeaters: Count
    without_spend: Count = 0
    r: Parameter
    alpha: Parameter
    a: Parameter
    b: Parameter
    log_likelihood: Digits
    p: Parameter
    q: Annotated[Digits, AfterValidator(_above_one)]
    v: Parameter
    spend_log_likelihood: Digits
    replicates: Annotated[tuple[Replicate, ...], Field(min_length=2, max_length=1_000)]
    orders: Digits
    orders_low: Digits
    orders_high: Digits
    held_out_days: Count | None = None
    held_out_orders: Count | None = None
    held_out_low: Count | None = None
    held_out_high: Count | None = None


# ------------------------------------------------------------------------------------------------------- decisions


def record(command: RecordFittedModel, state: ValueModel, context: Context) -> tuple[Event, ...]:
    """Invariants 2 and 4."""
    fields = command.model_dump(exclude={"occurred_at", "reason", "command_id", "as_of"})
    event = ModelFitted(**fields, as_of=to_instant(command.as_of), rules_digest=context.rules_digest)
    return () if state.last is not None and _says_the_same(event, state.last) else (event,)


def _says_the_same(event: ModelFitted, last: ModelFitted) -> bool:
    """Whether it is fitted to the same data, whatever was recorded beside them and whenever that day it was fitted."""
    known = {"as_of": last.as_of, "data_position": last.data_position, "rules_digest": last.rules_digest}
    return replace(event, **known) == last


def decide(command: Command, state: ValueModel, context: Context) -> tuple[Event, ...]:
    """Hand a command to its decision."""
    match command:
        case RecordFittedModel():
            return record(command, state, context)
        case _:
            raise TypeError(f"{type(command).__name__} is not for the value model")


VALUE_MODEL = Decider(category=CATEGORY, initial=ValueModel(), evolve=evolve, decide=decide)
