"""What an order would bring: the order is decided as it would be if it were placed now, and not written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from regulars.adapters.log.event_log import Draft
from regulars.adapters.read_models.histories import read_facts
from regulars.adapters.store.transaction import Transaction
from regulars.adapters.vault.cipher import new_id
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.instant import to_datetime
from regulars.crm_domain.membership import BonusEarned, PointsEarned
from regulars.crm_domain.money import from_minor_units, to_minor_units
from regulars.crm_domain.points import Occasion
from regulars.crm_domain.purchase import OrderLine, PurchaseRecorded, RecordPurchase
from regulars.doing.coupons import Priced
from regulars.doing.execution import Execution
from regulars.doing.transacting import Transacting
from regulars.projections.engine.fold import Happened, fold_until, verdict_at
from regulars.projections.loyalty_tier.projector import LOYALTY_TIER
from regulars.projections.rules.compiled import Rules
from regulars.session.session import Session
from regulars.session.traced import traced


class ForecastBonus(Struct, frozen=True, kw_only=True):
    """Bonus points that a rule would give; `customer_id` is whose they would be, as a referral may reward another."""

    customer_id: CustomerId
    rule: str
    occasion: Occasion
    points: int
    available_at: datetime
    expires_at: datetime


class ForecastCoupon(Struct, frozen=True, kw_only=True):
    """A coupon that the customer may give, and what it would take off the order: one that `is_personal` by their code.

    `refused` says why it can't be redeemed with an order of so little; None where it can.
    """

    coupon_id: str
    is_personal: bool
    discount: Decimal
    refused: str | None


class RewardsForecast(Struct, frozen=True, kw_only=True):
    """What an order of an amount would bring its customer, if it were placed at an instant.

    `amount` is its price; what is paid is less by `discount` where it redeems the coupon `coupon_id`. `points` are
    those of the order itself, which can be spent from `available_at` to `expires_at`, None where it earns none; the
    tiers are None of whoever has none. `notices` are what would be said of the order. `coupons` are those that it could
    redeem, or could if it came to more.
    """

    customer_id: CustomerId
    as_of: datetime
    amount: Decimal
    currency: str
    coupon_id: str | None
    discount: Decimal
    points: int
    available_at: datetime | None
    expires_at: datetime | None
    bonuses: tuple[ForecastBonus, ...]
    tier_before: str | None
    tier_after: str | None
    notices: tuple[str, ...]
    coupons: tuple[ForecastCoupon, ...]

    @property
    def bonus_points(self) -> int:
        """The bonus points of the customer, without those of who referred them."""
        return sum(each.points for each in self.bonuses if each.customer_id == self.customer_id)


def line_of(text: str) -> OrderLine:
    """An item of an order as it is typed: "tea-100", or "tea-100=24.90" with what its line comes to."""
    sku, _, amount = text.partition("=")
    return OrderLine.model_validate({"sku": sku, "amount": amount or None})


@traced("rewards forecast")
def forecast_rewards(
    session: Session,
    transacting: Transacting,
    who: str | CustomerId,
    amount: Decimal | str,
    lines: Sequence[OrderLine],
    coupon: str | None,
) -> RewardsForecast:
    """Decide an order that nobody placed, in a transaction that only reads. Raises what recording it would raise."""
    found: list[RewardsForecast] = []

    def work(tx: Transaction, execution: Execution) -> None:
        members = session.members(tx, who)
        said = {"customer": CustomerId(members[0]), "order_id": new_id(), "amount": amount, "lines": tuple(lines)}
        order = RecordPurchase.model_validate(said | {"coupon": coupon})
        coupons = execution.priced(order)
        placed = order if order.coupon is None else execution.with_coupon(order, order.coupon)
        execution.prepare([placed])
        execution.carry_out(placed)
        found.append(_forecast(session, tx, execution, members, order, coupons))

    with session.store.reading() as tx:
        transacting.within(tx, work)
    return found[0]


def _forecast(
    session: Session,
    tx: Transaction,
    execution: Execution,
    members: tuple[str, ...],
    order: RecordPurchase,
    coupons: Sequence[Priced],
) -> RewardsForecast:
    drafts, customer_id = execution.drafts, CustomerId(members[0])
    placed = drafts[0]
    assert isinstance(placed.event, PurchaseRecorded)
    points = [each.event for each in drafts if isinstance(each.event, PointsEarned)]
    given = [(each.customer_id, each.event) for each in drafts if isinstance(each.event, BonusEarned)]
    before, after = _tiers(session, tx, session.rules(tx), members, drafts)
    currency = placed.event.currency
    price = to_minor_units(order.amount, currency)
    return RewardsForecast(
        customer_id=customer_id,
        as_of=to_datetime(placed.occurred_at),
        amount=from_minor_units(price, currency),
        currency=currency,
        coupon_id=placed.event.coupon,
        discount=from_minor_units(price - placed.event.amount, currency),
        points=sum(each.points for each in points),
        available_at=to_datetime(points[0].available_at) if points else None,
        expires_at=to_datetime(points[0].expires_at) if points else None,
        bonuses=tuple(
            ForecastBonus(
                customer_id=customer_id if whose in members else CustomerId(whose),
                rule=each.rule,
                occasion=each.occasion,
                points=each.points,
                available_at=to_datetime(each.available_at),
                expires_at=to_datetime(each.expires_at),
            )
            for whose, each in given
        ),
        tier_before=before,
        tier_after=after,
        notices=execution.remarks,
        coupons=tuple(
            ForecastCoupon(
                coupon_id=each.coupon_id,
                is_personal=each.is_personal,
                discount=from_minor_units(each.discount, currency),
                refused=None if each.refused is None else str(each.refused),
            )
            for each in coupons
        ),
    )


def _tiers(
    session: Session, tx: Transaction, rules: Rules, members: tuple[str, ...], drafts: Sequence[Draft]
) -> tuple[str | None, str | None]:
    """The tier at the instant of an order, without it and with it."""
    history, at = read_facts(session.store, tx.connection, members, rules), drafts[0].occurred_at
    last = max((each.position for each in history.happened), default=0)
    more = [
        Happened(each.occurred_at, last + number, each.event, members.index(each.customer_id))
        for number, each in enumerate(drafts, 1)
        if each.customer_id in members
    ]
    both = (history.happened, sorted([*history.happened, *more], key=lambda each: (each.at, each.position)))
    before, after = (_tier_at(happened, rules, at) for happened in both)
    return before, after


def _tier_at(happened: Sequence[Happened], rules: Rules, at: int) -> str | None:
    _, timelines = fold_until(happened, rules, at, (LOYALTY_TIER,))
    held = verdict_at(timelines[LOYALTY_TIER.name], at)
    return None if held is None else str(held.verdict.value)
