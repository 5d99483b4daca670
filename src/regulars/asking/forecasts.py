"""The values of models and forecasts. What works them out takes the extra `models`; these don't."""

from __future__ import annotations

from dataclasses import InitVar, dataclass, field
from datetime import datetime
from decimal import Decimal

from regulars.adapters.store.transaction import Transaction
from regulars.asking.paging import Following, Paged
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.errors import NotFound, StoreUnusable
from regulars.crm_domain.instant import to_datetime
from regulars.crm_domain.value_model import CATEGORY, KEY, ModelFitted
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
    is how well it is known, and not of what this customer will do.
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


@dataclass(frozen=True, slots=True)
class ForecastPage(Paged[Forecast]):
    """A page of forecasts, the highest value first: pass `after` to ask for the next page.

    `total` counts the customers of all pages. `orders` and `value` are what they will come to together, with a 90 %
    interval of what will happen; None for fewer than 50, of whom luck is most of it. Iterating a page that `goes_on`,
    because no `limit` was given, reads all pages that follow as well.
    """

    customers: tuple[Forecast, ...]
    total: int
    orders: Expected | None
    value: Expected | None
    model: FittedModel
    as_of: datetime
    annual_rate: Decimal
    after: str | None
    goes_on: bool = field(init=False)
    following: InitVar[Following | None] = field(kw_only=True)

    def _items(self) -> tuple[Forecast, ...]:
        return self.customers


def read_models(session: Session, tx: Transaction, until: int | None = None) -> tuple[FittedModel, ...]:
    """All models that were fitted up to a position, oldest first."""
    stream = session.store.keyed(f"stream:{CATEGORY}", KEY.encode())
    return tuple(
        FittedModel(number, each.position, to_datetime(each.recorded_at), each.actor, each.event)
        for number, each in enumerate(tx.log.streams([stream]), 1)
        if isinstance(each.event, ModelFitted) and (until is None or each.position <= until)
    )


def model_meant(session: Session, tx: Transaction, number: int | None, until: int | None = None) -> FittedModel:
    """The model of a number, or else the last one that was fitted up to a position. Raises NotFound."""
    models = read_models(session, tx, until)
    known = "" if until is None else " that was known then"
    if not models:
        raise NotFound(f"no model{known} was fitted; `regulars model fit` fits one")
    if number is None:
        return models[-1]
    if not 1 <= number <= len(models):
        raise NotFound(f"there is no model {number}{known}; there are 1 to {len(models)}")
    return models[number - 1]


def require_extra() -> None:
    """Raise StoreUnusable where the libraries that models take aren't installed."""
    try:
        import numpy  # noqa: F401
        import scipy  # noqa: F401
    except ImportError:
        raise StoreUnusable("a model takes the extra: pip install 'regulars[models]'") from None
