"""Lists of what a projection with a key holds, such as quotes: what is stored, and what this process wrote.

A page goes by until when something holds, then by its key: so what runs out first comes first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct, field

from regulars.adapters.read_models.catch_up import events_behind
from regulars.adapters.read_models.keyed_pages import HeldKey, Place, held_page
from regulars.adapters.store.horizon import OpenTransaction
from regulars.adapters.store.transaction import Transaction
from regulars.asking.one_customer import history_of
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.instant import FOREVER
from regulars.projections.engine.projector import Projector
from regulars.session.freshness import Freshness
from regulars.session.session import Session
from regulars.session.viewpoint import Viewpoint


class HeldQuery(Struct, frozen=True, kw_only=True):
    """What is asked of a list as of an instant: a value, columns that are `equal` to some texts, and those that hold a
    number of `at_most` so much. `after` is the cursor of the page before.
    """

    projector: Projector
    at: int
    customer: str | CustomerId | None
    value: str | None
    limit: int
    after: str | None
    freshness: Freshness
    equal: Mapping[str, str] = field(default_factory=dict)
    at_most: Mapping[str, int] = field(default_factory=dict)

    def wants(self, verdict: Any) -> bool:
        """Whether a verdict is as it is asked."""
        if self.value not in (None, verdict.value):
            return False
        if any(getattr(verdict, name) != text for name, text in self.equal.items()):
            return False
        numbers = ((getattr(verdict, name), most) for name, most in self.at_most.items())
        return all(number is not None and number <= most for number, most in numbers)


class HeldPage(Struct, frozen=True, kw_only=True):
    """What was found, the cursor of the page after it, None where this is the last, and what isn't folded in yet."""

    found: list[HeldKey]
    after: str | None
    behind: int
    held_back_by: OpenTransaction | None


def find_held(session: Session, tx: Transaction, viewpoint: Viewpoint, query: HeldQuery) -> HeldPage:
    """A page of a list. Forgotten customers are left out. Raises NotFound for an unknown customer, ValueError for a
    cursor that no page gave.
    """
    models, connection = viewpoint.models, tx.connection
    assert models is not None
    families = session.families_written(tx, viewpoint, query.freshness)
    beside = [each for members in families for each in members]
    whose = None if query.customer is None else session.members(tx, query.customer, viewpoint.until)
    numbers = models.numbers(connection, [*beside, *(whose or ())])
    after = None if query.after is None else _place(query.after)
    found = held_page(
        models,
        connection,
        query.projector.name,
        query.value,
        at=query.at,
        begins_until=None,
        keys=None,
        customers=None if whose is None else [numbers[each] for each in whose if each in numbers],
        limit=query.limit,
        after=after,
        beside=[numbers[each] for each in beside if each in numbers],
        equal=query.equal,
        at_most=query.at_most,
    )
    told = [each for members in families for each in _written(session, tx, viewpoint, members, query)]
    if told:
        gone = tx.forgotten(each.customer_id for each in told)
        among = (each for each in told if each.customer_id not in gone and (whose is None or each.customer_id in whose))
        found += (each for each in among if after is None or _stands(each) > after)
        found = sorted(found, key=_stands)[: query.limit]
    behind = events_behind(session.store, models, connection, viewpoint.until, beside=beside)
    return HeldPage(
        found=found,
        after=cursor_of(found[-1]) if len(found) == query.limit else None,
        behind=behind,
        held_back_by=session.held_back_by(tx, models) if behind else None,
    )


def _written(
    session: Session, tx: Transaction, viewpoint: Viewpoint, members: tuple[str, ...], query: HeldQuery
) -> Iterator[HeldKey]:
    """What is asked for of one family, from all that is recorded of it."""
    whole = history_of(session.store, tx, viewpoint, members)
    for each in whole.timelines[query.projector.name]:
        if each.valid_from <= query.at < each.valid_to and query.wants(each.verdict):
            yield HeldKey(customer=whole.customer, customer_id=members[0], interval=each)


def _stands(held: HeldKey) -> Place:
    return held.place(by_beginning=False)


_CURSOR = re.compile("([0-9]{1,19}):([0-9]{1,19}):(.+)", re.ASCII | re.DOTALL)


def cursor_of(held: HeldKey) -> str:
    """The cursor of the page that follows after something."""
    instant, key, customer = _stands(held)
    return f"{instant}:{customer}:{key}"


def _place(after: str) -> Place:
    found = _CURSOR.fullmatch(after)
    if found is None or max(int(found[1]), int(found[2])) > FOREVER:
        raise ValueError(f'"{after}" is not the `after` of a page')
    return int(found[1]), found[3], int(found[2])
