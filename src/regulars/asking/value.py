"""Who is worth what: customers by their net spend in the window of the rules, and what each band comes to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import InitVar, dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import partial

from msgspec import Struct

from regulars.adapters.progress import Progress
from regulars.adapters.read_models.everyone import Held, everyone_at
from regulars.adapters.read_models.pages import newest_event_at
from regulars.asking.customers import carried_by, folded_in, lane_values
from regulars.asking.one_customer import read_contacts
from regulars.asking.paging import MAX_PAGE, Following, Paged
from regulars.asking.ranked import first_after, mark_of
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.errors import InvalidRules
from regulars.crm_domain.instant import to_datetime
from regulars.crm_domain.money import from_minor_units
from regulars.projections.customer_value.projector import CUSTOMER_VALUE
from regulars.projections.rules.grammar import Ruleset
from regulars.session.freshness import freshness_of
from regulars.session.instants import instant_of
from regulars.session.session import AnyRules, Session
from regulars.session.traced import traced

#: The table of the default rules in a line, for who has none.
_DEFAULT = (
    'value = { window_days = 365, bands = [{ id = "low" }, { id = "mid", net_spend = "75.00" }, '
    '{ id = "high", net_spend = "200.00", buying_days = 3 }] }'
)


@dataclass(frozen=True, slots=True)
class Valued:
    """A customer and what they are worth: their band, net spend and buying days, both within the rules' window."""

    id: CustomerId
    ref: str | None
    name: str | None
    band: str
    net_spend: Decimal
    buying_days: int


@dataclass(frozen=True, slots=True)
class BandTotal:
    """What the customers of a band come to together, forgotten ones included."""

    band: str
    customers: int
    net_spend: Decimal
    buying_days: int


@dataclass(frozen=True, slots=True)
class ValuePage(Paged[Valued]):
    """A page of customers by value, the highest net spend first: pass `after` to ask for the next page.

    `total` counts the customers of all pages. `bands` are what they come to, in the order of the rules; forgotten
    customers are in these, and not in the list. Iterating a page that `goes_on`, because no `limit` was given, reads
    all pages that follow as well.
    """

    customers: tuple[Valued, ...]
    total: int
    bands: tuple[BandTotal, ...]
    as_of: datetime
    after: str | None
    goes_on: bool = field(init=False)
    following: InitVar[Following | None] = field(kw_only=True)

    def _items(self) -> tuple[Valued, ...]:
        return self.customers


class ValueQuery(Struct, frozen=True, kw_only=True):
    """What is asked of a list by value. See Regulars.value."""

    band: str | None
    segment: str | None
    as_of: datetime | date | None
    known_at: datetime | date | None
    rules: AnyRules | None
    limit: int
    goes_on: bool


@traced("value")
def find_valued(session: Session, query: ValueQuery, after: str | None, on_progress: Progress | None) -> ValuePage:
    """A page of customers by value. Raises InvalidRules for rules without values, ValueError for an unknown band,
    NotFound for an unknown segment.
    """
    everything = freshness_of(True, None)
    with folded_in(session, everything, query.known_at, query.rules, on_progress) as (tx, viewpoint):
        models = viewpoint.models
        assert models is not None
        ids = _bands_of(viewpoint.ruleset, query.band)
        currency = session.store.currency(tx.connection) or "EUR"
        at = max(session.now(), newest_event_at(models, tx.connection))
        at = at if query.as_of is None else instant_of(query.as_of, viewpoint.rules.zone)
        held = everyone_at(models, tx.connection, CUSTOMER_VALUE.name, at, carried_by(viewpoint.ruleset, query.segment))
        held = [each for each in held if query.band in (None, each.verdict.value)]
        gone = tx.forgotten(each.customer_id for each in held)
    ranked = sorted((each for each in held if each.customer_id not in gone), key=_place)
    totals = tuple(_total(band, held, currency) for band in ids)
    return _page(session, ranked, totals, to_datetime(at), currency, query.limit, query.goes_on, after)


def _bands_of(ruleset: Ruleset, band: str | None) -> tuple[str, ...]:
    ids = lane_values(ruleset, "value")
    if not ids:
        raise InvalidRules(
            "these rules have no table [value], so nobody has a value; publish what `regulars rules show` prints with "
            f"this line on top: {_DEFAULT}"
        )
    if band is None:
        return ids
    if band not in ids:
        raise ValueError(f'no band is called "{band}"; the rules have {", ".join(ids)}')
    return (band,)


def _place(each: Held) -> tuple[float, int]:
    return -each.verdict.net_spend, each.customer


def _total(band: str, held: Sequence[Held], currency: str) -> BandTotal:
    worths = [each.verdict for each in held if each.verdict.value == band]
    net_spend = from_minor_units(sum(each.net_spend for each in worths), currency)
    return BandTotal(band, len(worths), net_spend, sum(each.buying_days for each in worths))


def _page(
    session: Session,
    ranked: Sequence[Held],
    totals: tuple[BandTotal, ...],
    as_of: datetime,
    currency: str,
    limit: int,
    goes_on: bool,
    after: str | None,
) -> ValuePage:
    first = first_after([_place(each) for each in ranked], after)
    some = ranked[first : first + limit]
    with session.store.reading() as tx:
        contacts = read_contacts(tx, (each.customer_id for each in some))
    following = partial(_page, session, ranked, totals, as_of, currency, MAX_PAGE, True)
    return ValuePage(
        customers=tuple(
            Valued(
                id=CustomerId(each.customer_id),
                ref=contacts[each.customer_id].ref,
                name=contacts[each.customer_id].name,
                band=each.verdict.value,
                net_spend=from_minor_units(each.verdict.net_spend, currency),
                buying_days=each.verdict.buying_days,
            )
            for each in some
        ),
        total=len(ranked),
        bands=totals,
        as_of=as_of,
        after=mark_of(_place(some[-1])) if first + limit < len(ranked) else None,
        following=following if goes_on else None,
    )
