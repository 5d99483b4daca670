"""What is open: how many opportunities, worth how much, what they are expected to bring, and which are stale."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from msgspec import Struct

from regulars.adapters.read_models.measuring import ids_of
from regulars.adapters.read_models.opportunities import State
from regulars.asking.one_customer import Contact, read_contacts
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.instant import DAY, to_datetime
from regulars.measures.asked import Asked, Axes, asking
from regulars.measures.revenue import money
from regulars.selling.forecast import expected
from regulars.selling.open_ones import filter_of, of_firm, open_at, shown, stages_told
from regulars.selling.states import Stage
from regulars.session.instants import instant_of
from regulars.session.session import Session
from regulars.session.traced import traced

PipelineBy = Literal["stage", "owner", "source"]


class PipelineLine(Struct, frozen=True, kw_only=True):
    """The open opportunities of one stage, owner or source, None for those without; or all of them.

    `pipeline` is that of the stage, None for other lines. `expected` is the sum of the amounts, each times the
    probability of its stage. Of `unpriced` ones no amount is known. To `stale` ones nothing happened for as long as the
    rules allow in their stage.
    """

    pipeline: str | None
    group: str | None
    opportunities: int
    amount: Decimal
    expected: Decimal
    unpriced: int
    stale: int
    stale_amount: Decimal


class Pipeline(Struct, frozen=True, kw_only=True):
    """What is open as of an instant: a line for each stage in the order of the rules, or for each owner or source from
    A to Z, and the `total`. Where `as_of` lies in the future, it is what is due if nothing happens.
    """

    by: PipelineBy
    as_of: datetime
    currency: str | None
    where: Mapping[str, str]
    lines: tuple[PipelineLine, ...]
    total: PipelineLine


class OpportunityView(Struct, frozen=True, kw_only=True):
    """An open opportunity, in its stage for so many whole `days`; stale is one to which nothing happened for as long as
    the rules allow there.

    `amount` is 0 where none is known, `expected_close` the day by whose end it is expected to be closed. `ref` and
    `name` are the customer's of today, and None once they are forgotten.
    """

    opportunity_id: str
    customer_id: CustomerId
    ref: str | None
    name: str | None
    pipeline: str
    stage: str
    days: int
    amount: Decimal
    owner: str | None
    expected_close: date | None
    is_stale: bool


@traced("pipeline")
def find_pipeline(
    session: Session,
    by: PipelineBy,
    as_of: datetime | date | None,
    where: Mapping[str, str],
    firm: str | CustomerId | None,
    axes: Axes,
) -> Pipeline:
    """What is open as of an instant.

    Raises ValueError for what nothing is told apart by, and for a filter that can't be; NotFound for a firm that is
    none.
    """
    if by not in get_args(PipelineBy):
        raise ValueError(f'a pipeline is told apart by {", ".join(get_args(PipelineBy))}, not by "{by}"')
    with asking(session, axes) as asked:
        held = filter_of(asked.ruleset, where, of_firm(session, asked, firm))
        moment = asked.now if as_of is None else instant_of(as_of, asked.zone)
        groups: defaultdict[Group, list[State]] = defaultdict(list)
        for state in open_at(asked, moment, held):
            groups[_group(by, state)].append(state)
        everything = [each for group in groups.values() for each in group]
        ordered: Sequence[Group] = (
            stages_told(asked.ruleset, where, {(each.pipeline, each.value) for each in everything})
            if by == "stage"
            else sorted(groups, key=_from_a_to_z)
        )
        lines = tuple(_line(asked, of, groups.get(of, ())) for of in ordered)
        return Pipeline(
            by=by,
            as_of=to_datetime(moment),
            currency=asked.currency,
            where=dict(where),
            lines=lines,
            total=_line(asked, (None, None), everything),
        )


#: A pipeline, or None, and what its opportunities are told apart by.
Group = tuple[str | None, str | None]


def _group(by: PipelineBy, state: State) -> Group:
    match by:
        case "stage":
            return state.pipeline, state.value
        case "owner":
            return None, state.owner
        case "source":
            return None, state.source


def _from_a_to_z(group: Group) -> tuple[tuple[bool, str], ...]:
    return tuple((each is None, each or "") for each in group)


def _line(asked: Asked, group: Group, states: Sequence[State]) -> PipelineLine:
    sums = expected(states, {})
    stale = [each.amount for each in states if each.is_stale]
    return PipelineLine(
        pipeline=group[0],
        group=group[1],
        opportunities=sums.opportunities,
        amount=money(sums.amount, asked.currency),
        expected=shown(sums.by_rules, asked.currency),
        unpriced=sums.unpriced,
        stale=len(stale),
        stale_amount=money(sum(stale), asked.currency),
    )


@traced("stale opportunities")
def find_stale(
    session: Session,
    as_of: datetime | date | None,
    where: Mapping[str, str],
    firm: str | CustomerId | None,
    limit: int | None,
    axes: Axes,
) -> tuple[OpportunityView, ...]:
    """The stale opportunities as of an instant, those worth most first; none of whoever is forgotten by now.

    Raises ValueError for a filter that can't be, NotFound for a firm that is none.
    """
    with asking(session, axes) as asked:
        held = filter_of(asked.ruleset, where, of_firm(session, asked, firm))
        moment = asked.now if as_of is None else instant_of(as_of, asked.zone)
        stale = [each for each in open_at(asked, moment, held) if each.is_stale]
        stale.sort(key=_worth_most)
        ids = ids_of(asked.models, asked.tx.connection, sorted({each.customer for each in stale}))
        gone = asked.tx.forgotten(ids.values())
        shown_ones = [each for each in stale if ids[each.customer] not in gone][:limit]
        contacts = read_contacts(asked.tx, {ids[each.customer] for each in shown_ones})
    return tuple(_view(asked, each, ids[each.customer], contacts, moment) for each in shown_ones)


@traced("opportunities")
def find_opportunities(
    session: Session, as_of: datetime | date | None, where: Mapping[str, str], limit: int | None, axes: Axes
) -> tuple[OpportunityView, ...]:
    """The open opportunities as of an instant: by stage in the order of the rules, those worth most first, at most so
    many of each stage.

    Raises ValueError for a filter that can't be.
    """
    with asking(session, axes) as asked:
        held = filter_of(asked.ruleset, where)
        moment = asked.now if as_of is None else instant_of(as_of, asked.zone)
        columns: defaultdict[Stage, list[State]] = defaultdict(list)
        for state in open_at(asked, moment, held):
            columns[state.pipeline, state.value].append(state)
        told = stages_told(asked.ruleset, where, columns)
        found = [each for of in told for each in sorted(columns.get(of, ()), key=_worth_most)[:limit]]
        ids = ids_of(asked.models, asked.tx.connection, sorted({each.customer for each in found}))
        contacts = read_contacts(asked.tx, ids.values())
    return tuple(_view(asked, each, ids[each.customer], contacts, moment) for each in found)


def _view(
    asked: Asked, state: State, customer_id: str, contacts: Mapping[str, Contact], moment: int
) -> OpportunityView:
    return OpportunityView(
        opportunity_id=state.opportunity,
        customer_id=CustomerId(customer_id),
        ref=contacts[customer_id].ref,
        name=contacts[customer_id].name,
        pipeline=state.pipeline,
        stage=state.value,
        days=(moment - state.entered_at) // DAY,
        amount=money(state.amount, asked.currency),
        owner=state.owner,
        expected_close=None if state.expected_close is None else _day_that_ends(state.expected_close, asked.zone),
        is_stale=bool(state.is_stale),
    )


def _worth_most(state: State) -> tuple[int, int, str]:
    return -state.amount, state.entered_at, state.opportunity


def _day_that_ends(at: int, zone: ZoneInfo) -> date:
    return to_datetime(at - 1).astimezone(zone).date()  # the end of a day is the beginning of the next one
