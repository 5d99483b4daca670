"""The values of models and forecasts. What works them out takes the extra `models`; these don't."""

from __future__ import annotations

from dataclasses import InitVar, dataclass, field
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from msgspec import Struct

from regulars.adapters.store.transaction import Transaction
from regulars.asking.paging import Following, Paged
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.errors import NotFound, StoreUnusable
from regulars.crm_domain.instant import to_datetime
from regulars.crm_domain.value_model import CATEGORY, KEY, ModelFitted
from regulars.session.instants import instant_of
from regulars.session.session import Session

#: By how much later spend counts less, a year, unless another rate is given.
ANNUAL_RATE = Decimal("0.10")


@dataclass(frozen=True, slots=True)
class FittedModel:
    """A model that was fitted: `number` counts from 1. `fit` has its parameters and what they were fitted to."""

    number: int
    position: int
    fitted_at: datetime
    actor: str
    fit: ModelFitted

    @property
    def held_out_is_outside(self) -> bool:
        """Whether the end of the history, which was held out, lies outside the interval that was predicted for it."""
        low, high, orders = self.fit.held_out_low, self.fit.held_out_high, self.fit.held_out_orders
        return low is not None and high is not None and orders is not None and not low <= orders <= high


@dataclass(frozen=True, slots=True)
class Expected:
    """A number with its 90 % interval."""

    expected: Decimal
    low: Decimal
    high: Decimal


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is expected of a customer within the model's horizon from `as_of` on.

    `p_alive` is the probability that they haven't left, `p_none` that they don't order within the horizon. `orders`
    are buying days, `value` is discounted by `annual_rate`; their 90 % intervals are those of the expectation, which
    is how well it is known, and not of what this customer will do. `looks_ahead` says that the model was fitted to data
    from after `as_of`, so that it knew more than anybody did then.
    """

    id: CustomerId
    ref: str | None
    name: str | None
    as_of: datetime
    model: int
    horizon_days: int
    annual_rate: Decimal
    buying_days: int
    p_alive: float
    p_none: float
    orders: Expected
    value: Expected
    looks_ahead: bool


@dataclass(frozen=True, slots=True)
class ForecastPage(Paged[Forecast]):
    """A page of forecasts, the highest value first: pass `after` to ask for the next page.

    `total` counts the customers of all pages. `orders` and `value` are what `summed` customers will come to together,
    with a 90 % interval of what will happen; None for fewer than 50, of whom luck is most of it. Forgotten customers
    are in these, and not in the list. Iterating a page that `goes_on`, because no `limit` was given, reads all pages
    that follow as well.
    """

    customers: tuple[Forecast, ...]
    total: int
    summed: int
    orders: Expected | None
    value: Expected | None
    model: FittedModel
    as_of: datetime
    annual_rate: Decimal
    after: str | None
    goes_on: bool = field(init=False)
    following: InitVar[Following | None] = field(kw_only=True)

    @property
    def looks_ahead(self) -> bool:
        """Whether the model was fitted to data from after `as_of`."""
        return to_datetime(self.model.fit.as_of) > self.as_of

    def _items(self) -> tuple[Forecast, ...]:
        return self.customers


class Asked(Struct, frozen=True):
    """An instant that is asked for, and how that was said."""

    at: int
    said: str


def asked_of(as_of: datetime | date | None, zone: ZoneInfo) -> Asked | None:
    """The instant that is asked for; None for now. Raises ValueError as `instant_of` does."""
    return None if as_of is None else Asked(instant_of(as_of, zone), as_of.isoformat())


def read_models(session: Session, tx: Transaction, until: int | None = None) -> tuple[FittedModel, ...]:
    """All models that were fitted up to a position, oldest first."""
    stream = session.store.stream_of(CATEGORY, KEY)
    return tuple(
        FittedModel(number, each.position, to_datetime(each.recorded_at), each.actor, each.event)
        for number, each in enumerate(tx.log.streams([stream]), 1)
        if isinstance(each.event, ModelFitted) and (until is None or each.position <= until)
    )


def model_meant(session: Session, tx: Transaction, number: int | None, until: int | None = None) -> FittedModel:
    """The model of a number, or else the last one that was fitted up to a position. Raises NotFound."""
    models, then = read_models(session, tx, until), _then(until)
    if not models:
        raise NotFound(f"no model was fitted{then}; `regulars model fit` fits one")
    if number is None:
        return models[-1]
    if not 1 <= number <= len(models):
        there = f"the only one{then} is 1" if len(models) == 1 else f"those{then} are numbered 1 to {len(models)}"
        raise NotFound(f"there is no model {number}{then}; {there}")
    return models[number - 1]


def model_to_forecast_by(
    session: Session, tx: Transaction, number: int | None, until: int | None, as_of: Asked | None
) -> FittedModel:
    """The model of a number, or else of those that know nothing of what came after `as_of` the one that knows most: of
    several fitted to data up to the same instant the last. Raises NotFound.
    """
    last = model_meant(session, tx, number, until)
    if number is not None:
        return last
    unaware = [each for each in read_models(session, tx, until) if as_of is None or each.fit.as_of <= as_of.at]
    if as_of is not None and not unaware:
        raise NotFound(
            f"no model was fitted{_then(until)} to what was bought up to {as_of.said}; those there are know what came "
            f"after, so one has to be named; `regulars model fit --as-of {as_of.said}` fits one that doesn't"
        )
    return max(unaware, key=lambda each: (each.fit.as_of, each.number))


def _then(until: int | None) -> str:
    return "" if until is None else " by then"


def require_extra() -> None:
    """Raise StoreUnusable where the libraries that models take aren't installed."""
    try:
        import numpy  # noqa: F401
        import scipy  # noqa: F401
    except ImportError:
        raise StoreUnusable("a model takes the extra: pip install 'regulars[models]'") from None
