"""Fitting a model of value to what all customers bought, and recording it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from msgspec import Struct

from regulars.adapters.progress import Progress
from regulars.adapters.read_models.everyone import Held, everyone_at
from regulars.adapters.read_models.pages import newest_event_at
from regulars.asking.forecasts import FittedModel, read_models
from regulars.asking.summaries import buyers_of
from regulars.crm_domain.instant import DAY, to_datetime
from regulars.crm_domain.money import exponent_of
from regulars.crm_domain.value_model import RecordFittedModel
from regulars.doing.transacting import Transacting
from regulars.modelling.buyers import DAYS_A_WEEK, Buyers
from regulars.modelling.cant_tell import CantTell
from regulars.modelling.fitting import REPLICATES, Fitted, Range, fit, written
from regulars.modelling.forecasting import predicted
from regulars.projections.rfm_summary import RFM_SUMMARY
from regulars.session.instants import first_instant_of, instant_of
from regulars.session.session import Session

#: At most this part of the history is held out, to see how well what came before it predicts it, and at least 28 days.
_HELD_OUT = 3
_LEAST_HELD_OUT = 28


class _Data(Struct, frozen=True, kw_only=True):
    """What a model is fitted to, and the part of it before a tail that is held out, with the orders of that."""

    at: int
    position: int
    buyers: Buyers
    before: Buyers
    held_out_days: int
    held_out_orders: int


def fit_model(
    session: Session,
    transacting: Transacting,
    horizon: timedelta,
    as_of: datetime | date | None,
    on_progress: Progress | None,
) -> FittedModel | CantTell:
    """Fit a model and record it, unless the data don't carry one. Raises ValueError for a horizon out of bounds, and
    for a day that hasn't come yet.
    """
    horizon_days = horizon // timedelta(days=1)
    if not 1 <= horizon_days <= 3_650 or horizon % timedelta(days=1):
        raise ValueError(f"a horizon is a number of whole days from 1 to 3650, not {_in_days(horizon)}")
    session.catch_up()
    data = _data(session, as_of, horizon_days)
    steps = REPLICATES * (2 if data.held_out_days else 1)

    def so_far(before: int, done: int) -> None:
        if on_progress is not None:
            on_progress(before + done, steps)

    found = fit(data.buyers, horizon_days / DAYS_A_WEEK, lambda done, _: so_far(0, done))
    if isinstance(found, CantTell):
        return found
    held_out = None
    if data.held_out_days:
        weeks = data.held_out_days / DAYS_A_WEEK
        held_out = predicted(data.before, weeks, lambda done, _: so_far(REPLICATES, done))
    transacting.carry_out([_command(data, found, held_out, horizon_days)])
    with session.store.reading() as tx:
        return read_models(session, tx)[-1]


def _in_days(horizon: timedelta) -> str:
    days = horizon / timedelta(days=1)
    return f"{days:.0f}" if days.is_integer() else f"{days:.2f}"


def _fitted_at(as_of: datetime | date | None, latest: int, zone: ZoneInfo) -> int:
    """The instant up to which orders are taken: to take a time that hasn't come for one without orders would make
    everybody look as if they had left.
    """
    if as_of is None:
        return latest
    begins = instant_of(as_of, zone) if isinstance(as_of, datetime) else first_instant_of(as_of, zone)
    if begins > latest:
        said = f"as_of is {as_of.isoformat()}, which is still to come"
        raise ValueError(f"{said}; a model is fitted to what was bought until now or until an earlier day")
    return min(instant_of(as_of, zone), latest)


def _data(session: Session, as_of: datetime | date | None, horizon_days: int) -> _Data:
    with session.store.reading() as tx:
        models, rules = session.models(tx), session.rules(tx)
        at = _fitted_at(as_of, max(session.now(), newest_event_at(models, tx.connection)), rules.zone)
        held = everyone_at(models, tx.connection, RFM_SUMMARY.name, at)
        exponent = exponent_of(session.store.currency(tx.connection) or "EUR")
        known = buyers_of(held, at, rules.zone, exponent)
        tail = _tail(known, horizon_days)
        earlier = everyone_at(models, tx.connection, RFM_SUMMARY.name, at - tail * DAY) if tail else []
        return _Data(
            at=at,
            position=models.checkpoint(tx.connection),
            buyers=known.in_order(),
            before=buyers_of(earlier, at - tail * DAY, rules.zone, exponent).in_order(),
            held_out_days=tail,
            held_out_orders=_orders_since(earlier, held),
        )


def _tail(known: Buyers, horizon_days: int) -> int:
    """How many days are held out; none where the history is short."""
    history = round(float(np.max(known.age, initial=0.0)) * DAYS_A_WEEK)
    tail = min(horizon_days, history // _HELD_OUT)
    return tail if tail >= _LEAST_HELD_OUT else 0


def _orders_since(earlier: list[Held], held: list[Held]) -> int:
    """On how many days those who had bought before bought since, less what came back since."""
    now = {each.customer: each.verdict.buying_days for each in held}
    return sum(now.get(each.customer, 0) - each.verdict.buying_days for each in earlier)


def _command(data: _Data, found: Fitted, held_out: Range | None, horizon_days: int) -> RecordFittedModel:
    r, alpha, a, b, p, q, v = found.model.written()
    return RecordFittedModel(
        as_of=to_datetime(data.at),
        horizon_days=horizon_days,
        data_position=data.position,
        data_digest=data.buyers.digest(),
        customers=len(data.buyers),
        repeaters=data.buyers.repeaters,
        without_spend=data.buyers.repeaters - int(np.count_nonzero(data.buyers.spenders)),
        r=r,
        alpha=alpha,
        a=a,
        b=b,
        log_likelihood=written(found.log_likelihood),
        p=p,
        q=q,
        v=v,
        spend_log_likelihood=written(found.spend_log_likelihood),
        replicates=tuple(" ".join(each.written()) for each in found.replicates),
        orders=written(found.orders.expected),
        orders_low=written(found.orders.low),
        orders_high=written(found.orders.high),
        held_out_days=None if held_out is None else data.held_out_days,
        held_out_orders=None if held_out is None else max(data.held_out_orders, 0),
        held_out_low=None if held_out is None else round(held_out.low),
        held_out_high=None if held_out is None else round(held_out.high),
    )
