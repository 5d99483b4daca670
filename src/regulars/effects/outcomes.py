"""What the families of a campaign's arms did in its window, read from the log as it was known at a position.

The units are families: whoever was merged by then is one, in the arm that counts for all of them, with what any of them
bought. They are folded by the one fold, a chunk at a time, so memory grows with the number of families and not with
what happened to them. Nothing personal is read: forgotten customers count as they did.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

from msgspec import Struct, field

from regulars.adapters.log.event_log import Search
from regulars.adapters.read_models.histories import History, fold_rows, rows_of
from regulars.adapters.sql.chunks import chunks
from regulars.adapters.store.store import Store
from regulars.adapters.store.transaction import Transaction
from regulars.crm_domain.campaign import CampaignLaunched
from regulars.crm_domain.command import FUTURE_TOLERANCE
from regulars.crm_domain.event import Event
from regulars.crm_domain.offer import HeldOut, OfferAssigned
from regulars.crm_domain.purchase import PurchaseRecorded, ReturnedTotalRecorded, ReturnRecorded
from regulars.projections.engine.fold import FoldPlan
from regulars.projections.facts.shared import Facts
from regulars.projections.offers import OFFERS, OfferState, OfferVerdict
from regulars.projections.rules.compiled import Rules

_DRAWN: frozenset[type[Event]] = frozenset({OfferAssigned, HeldOut})
_BUYING: frozenset[type[Event]] = frozenset({PurchaseRecorded, ReturnRecorded, ReturnedTotalRecorded})


class Arm(Struct):
    """The families of an arm: what each of them spent in the window, in minor units, and how far their offers came.

    `buyers` are those who bought, by their numbers in read models.
    """

    spend: list[int] = field(default_factory=list)
    offers: Counter[OfferState] = field(default_factory=Counter)
    buyers: list[int] = field(default_factory=list)

    @property
    def families(self) -> int:
        """How many they are."""
        return len(self.spend)

    @property
    def bought(self) -> int:
        """How many bought anything that didn't come back."""
        return len(self.buyers)


class Arms(Struct):
    """Both arms, and how many families have members whom the draw had put into different ones."""

    treated: Arm = field(default_factory=Arm)
    held_out: Arm = field(default_factory=Arm)
    crossed: int = 0


def read_arms(
    store: Store,
    tx: Transaction,
    rules: Rules,
    launched: CampaignLaunched,
    until: int | None,
    read: Callable[[int], None],
) -> Arms:
    """The arms of a campaign as known at a position, None for all. `read` is told of how many customers more, out of
    those whom the launch drew.
    """
    arms, plan = Arms(), FoldPlan(rules, (OFFERS,), takes=OFFERS.handles | _BUYING)
    drawn = _drawn(tx, launched, until)
    for histories in _histories(store, tx, plan, drawn, until):
        for history in histories:
            _add(arms, history, launched)
        read(len(drawn.intersection(member for each in histories for member in each.members)))
    return arms


def _add(arms: Arms, history: History, launched: CampaignLaunched) -> None:
    """One family more, in the arm that its offer says."""
    offer = _offer(history, launched.campaign_id)
    if offer is None:
        return
    arm = arms.held_out if offer.arm == "held_out" else arms.treated
    spend = net_within(history.folded.facts, launched.at, launched.decide_at)
    arm.spend.append(spend)
    arm.offers[offer.state] += 1
    if spend > 0:
        arm.buyers.append(history.customer)
    arms.crossed += offer.crossed


def _offer(history: History, campaign_id: str) -> OfferVerdict | None:
    """What became of a family in a campaign that drew one of them; None where their events can't be folded."""
    found = [each.verdict for each in history.timelines.get(OFFERS.name, ()) if each.key == campaign_id]
    return found[-1] if found else None


def _drawn(tx: Transaction, launched: CampaignLaunched, until: int | None) -> set[str]:
    """The ids of the customers whom a launch drew. They are drawn at its instant, or where it was placed after a plan
    that another clock had put a little ahead of ours, just before.
    """
    since = launched.at - FUTURE_TOLERANCE
    at_launch = Search(types=_DRAWN, since=since, until=launched.at, known_until=until, oldest_first=True)
    return {
        each.customer_id
        for each in tx.log.every(at_launch)
        if isinstance(each.event, OfferAssigned | HeldOut) and each.event.campaign_id == launched.campaign_id
    }


def _histories(
    store: Store, tx: Transaction, plan: FoldPlan, customer_ids: set[str], until: int | None
) -> Iterator[list[History]]:
    """The families of some customers, folded, a chunk of them at a time."""
    families = tx.families(customer_ids, until)
    for roots in chunks(families.root(each) for each in customer_ids):
        whole = [families.members(root) for root in roots]
        root_of = {member: members[0] for members in whole for member in members}
        rows = defaultdict(list)
        for row in rows_of(store, tx.connection, tuple(root_of), until):
            rows[root_of[row[2]]].append(row)
        yield [fold_rows(store, rows[members[0]], members, plan) for members in whole]


def net_within(facts: Facts, since: int, until: int) -> int:
    """What was spent by the orders placed in [since, until), less all that ever came back of them, in minor units."""
    first, last = (bisect_left(facts.order_instants, instant) for instant in (since, until))
    totals = facts.order_totals
    return (totals[last - 1] if last else 0) - (totals[first - 1] if first else 0)
