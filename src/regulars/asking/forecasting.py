"""Forecasts of one customer, or of all of them in order of value. It takes the extra `models`."""

from __future__ import annotations

from collections.abc import Container, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import partial

import numpy as np
from msgspec import Struct

from regulars.adapters.progress import Progress
from regulars.adapters.read_models.everyone import Held, everyone_at
from regulars.adapters.read_models.pages import newest_event_at
from regulars.asking.customers import carried_by, folded_in
from regulars.asking.forecasts import Expected, FittedModel, Forecast, ForecastPage, asked_of, model_to_forecast_by
from regulars.asking.one_customer import Holding, history_of, read_contacts
from regulars.asking.paging import MAX_PAGE
from regulars.asking.ranked import Place, first_after, mark_of
from regulars.asking.summaries import buyers_of
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.errors import NotFound
from regulars.crm_domain.instant import to_datetime
from regulars.crm_domain.money import exponent_of
from regulars.modelling.buyers import DAYS_A_WEEK, Buyers
from regulars.modelling.fitting import Model, Range, model_written
from regulars.modelling.forecasting import bounds, expectation, totals
from regulars.projections.engine.fold import verdict_at
from regulars.projections.rfm_summary import RFM_SUMMARY
from regulars.session.freshness import freshness_of
from regulars.session.session import Session
from regulars.session.traced import traced

#: Of so many customers the sum can be told, with an interval of what will happen.
LEAST_SUMMED = 50


class ForecastQuery(Struct, frozen=True, kw_only=True):
    """What is asked of a list of forecasts. See Regulars.forecasts."""

    segment: str | None
    as_of: datetime | date | None
    known_at: datetime | date | None
    model: int | None
    annual_rate: Decimal
    limit: int
    goes_on: bool


class _Question(Struct, frozen=True, kw_only=True):
    """By which model, as of when, and in which money forecasts are made."""

    session: Session
    fitted: FittedModel
    at: int
    annual_rate: Decimal
    currency: str

    @property
    def model(self) -> Model:
        fit = self.fitted.fit
        return model_written((fit.r, fit.alpha, fit.a, fit.b, fit.p, fit.q, fit.v))

    @property
    def replicates(self) -> tuple[Model, ...]:
        return tuple(model_written(tuple(each.split())) for each in self.fitted.fit.replicates)

    @property
    def weeks(self) -> float:
        return self.fitted.fit.horizon_days / DAYS_A_WEEK


@traced("forecast")
def forecast_one(
    session: Session,
    who: str | CustomerId,
    as_of: datetime | date | None,
    known_at: datetime | date | None,
    number: int | None,
    annual_rate: Decimal,
) -> Forecast:
    """The forecast of one customer. Raises NotFound without a model, and for who had bought nothing by then."""
    _require_rate(annual_rate)
    with session.store.reading() as tx:
        viewpoint = session.viewpoint(tx, known_at)
        asked_for = asked_of(as_of, viewpoint.rules.zone)
        fitted = model_to_forecast_by(session, tx, number, viewpoint.until, asked_for)
        customer_id = session.resolve(tx, who)
        members = tx.families([customer_id], viewpoint.until).members(customer_id)
        asked_at = session.now() if asked_for is None else asked_for.at
        holding = Holding(
            shown=(RFM_SUMMARY.name,),
            at=lambda folded: max(asked_at, folded.last_at or 0) if as_of is None else asked_at,
        )
        history = history_of(session.store, tx, viewpoint, members, holding)
        at = holding.at(history.folded)
        interval = verdict_at(history.timelines[RFM_SUMMARY.name], at)
        if interval is None:
            bought = f'"{who}" had bought nothing by {to_datetime(at).isoformat()}'
            raise NotFound(f"{bought}, so there is nothing to forecast by")
        currency = session.store.currency(tx.connection) or "EUR"
    held = [Held(history.customer, members[0], interval.verdict)]
    asked = _Question(session=session, fitted=fitted, at=at, annual_rate=annual_rate, currency=currency)
    return _forecasts(asked, held, buyers_of(held, at, viewpoint.rules.zone, exponent_of(currency)))[0]


@traced("forecasts")
def find_forecasts(
    session: Session, query: ForecastQuery, after: str | None, on_progress: Progress | None
) -> ForecastPage:
    """A page of forecasts in order of value. Raises NotFound without a model, and for an unknown segment."""
    _require_rate(query.annual_rate)
    everything = freshness_of(True, None)
    with folded_in(session, everything, query.known_at, None, on_progress) as (tx, viewpoint):
        models, zone = viewpoint.models, viewpoint.rules.zone
        assert models is not None
        asked_for = asked_of(query.as_of, zone)
        fitted = model_to_forecast_by(session, tx, query.model, viewpoint.until, asked_for)
        currency = session.store.currency(tx.connection) or "EUR"
        at = max(session.now(), newest_event_at(models, tx.connection))
        at = at if asked_for is None else asked_for.at
        held = everyone_at(models, tx.connection, RFM_SUMMARY.name, at, carried_by(viewpoint.ruleset, query.segment))
        gone = tx.forgotten(each.customer_id for each in held)
    asked = _Question(session=session, fitted=fitted, at=at, annual_rate=query.annual_rate, currency=currency)
    held = sorted(held, key=lambda each: each.customer)
    listed = _Listed(asked, held, buyers_of(held, at, zone, exponent_of(currency)), gone)
    return listed.page(query.limit, query.goes_on, after)


def _require_rate(annual_rate: Decimal) -> None:
    if not 0 <= annual_rate <= 1:
        raise ValueError(f"a rate of discounting is a share a year from 0 to 1, such as 0.10, not {annual_rate}")


class _Listed:
    """All forecasts of a question in order of value, of which pages are worked out in full; who is gone is in the sum
    alone.
    """

    def __init__(self, asked: _Question, held: Sequence[Held], buyers: Buyers, gone: Container[str]) -> None:
        self._asked = asked
        self._held = held
        self._buyers = buyers
        value = expectation(asked.model, buyers, asked.weeks, float(asked.annual_rate)).value
        ranked = sorted(
            (-float(each), held[index].customer, index)
            for index, each in enumerate(value)
            if held[index].customer_id not in gone
        )
        self._places: list[Place] = [(key, customer) for key, customer, _ in ranked]
        self._order = np.array([index for _, _, index in ranked], dtype=np.intp)
        self._orders, self._value = self._totals()

    def _totals(self) -> tuple[Expected | None, Expected | None]:
        if len(self._held) < LEAST_SUMMED:
            return None, None
        asked, rate = self._asked, float(self._asked.annual_rate)
        orders, value = totals(asked.model, asked.replicates, self._buyers.in_order(), asked.weeks, rate)
        return _of_range(orders, 1), _of_range(value, exponent_of(asked.currency))

    def page(self, limit: int, goes_on: bool, after: str | None) -> ForecastPage:
        """Some of them."""
        first = first_after(self._places, after)
        which = self._order[first : first + limit]
        last = first + len(which)
        return ForecastPage(
            customers=_forecasts(self._asked, [self._held[index] for index in which], self._buyers.some(which)),
            total=len(self._places),
            summed=len(self._held),
            orders=self._orders,
            value=self._value,
            model=self._asked.fitted,
            as_of=to_datetime(self._asked.at),
            annual_rate=self._asked.annual_rate,
            after=mark_of(self._places[last - 1]) if last < len(self._places) else None,
            following=partial(self.page, MAX_PAGE, True) if goes_on else None,
        )


def _forecasts(asked: _Question, held: Sequence[Held], buyers: Buyers) -> tuple[Forecast, ...]:
    if not held:
        return ()
    rate, exponent = float(asked.annual_rate), exponent_of(asked.currency)
    expected = expectation(asked.model, buyers, asked.weeks, rate)
    known = bounds(asked.model, asked.replicates, buyers, asked.weeks, rate)
    with asked.session.store.reading() as tx:
        contacts = read_contacts(tx, (each.customer_id for each in held))
    return tuple(
        Forecast(
            id=CustomerId(each.customer_id),
            ref=contacts[each.customer_id].ref,
            name=contacts[each.customer_id].name,
            as_of=to_datetime(asked.at),
            model=asked.fitted.number,
            horizon_days=asked.fitted.fit.horizon_days,
            annual_rate=asked.annual_rate,
            buying_days=each.verdict.buying_days,
            p_alive=round(float(expected.p_alive[i]), 4),
            p_none=round(float(expected.p_none[i]), 4),
            orders=_estimate(expected.orders[i], known.orders_low[i], known.orders_high[i], 2),
            value=_estimate(expected.value[i], known.value_low[i], known.value_high[i], exponent),
            looks_ahead=asked.fitted.fit.as_of > asked.at,
        )
        for i, each in enumerate(held)
    )


def _of_range(found: Range, digits: int) -> Expected:
    return _estimate(found.expected, found.low, found.high, digits)


def _estimate(expected: float, low: float, high: float, digits: int) -> Expected:
    return Expected(*(Decimal(f"{float(each):.{digits}f}") for each in (expected, low, high)))
