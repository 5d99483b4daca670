"""A membership that is told late is one all the same: the orders that were placed in it earn what they would have."""

from __future__ import annotations

from collections import Counter
from random import Random

from hypothesis import strategies as st

from regulars import (
    CancelMembership,
    Command,
    EnrollMember,
    MergeCustomers,
    PointsEarned,
    PointsReversed,
    RecordPurchase,
    RecordReturn,
    RegisterCustomer,
    Regulars,
    ResumeMembership,
    SuspendMembership,
    VoidPurchase,
)
from shops import BEGIN, DAY, Clock, fresh_store, in_each_database, opened, until_none_is_taken

NOW = BEGIN + 300 * DAY


def bought(day: int, amount: int, customer: str = "ada") -> RecordPurchase:
    return RecordPurchase(
        customer=customer, order_id=f"O-{day}", amount=str(amount), currency="EUR", occurred_at=BEGIN + day * DAY
    )


def enrolled(day: int) -> EnrollMember:
    return EnrollMember(customer="ada", occurred_at=BEGIN + day * DAY)


def balance(crm: Regulars, clock: Clock) -> int:
    clock.now += DAY
    return crm.points("ada").balance


def told(kind: str, postgres_url: str, commands: list[Command], *, together: bool = False) -> int:
    clock = Clock(NOW)
    with fresh_store(kind, postgres_url) as url, opened(url, clock) as crm:
        crm.do(RegisterCustomer(ref="ada", occurred_at=BEGIN))
        for some in [commands] if together else [[each] for each in commands]:
            crm.do(some)
        return balance(crm, clock)


@in_each_database(
    15,
    enrolment=st.integers(0, 60),
    orders=st.dictionaries(st.integers(0, 60), st.integers(1, 100), min_size=1, max_size=4),
    random=st.randoms(use_true_random=False),
    together=st.booleans(),
)
def test_when_a_membership_is_told_changes_no_points(
    *, kind: str, postgres_url: str, enrolment: int, orders: dict[int, int], random: Random, together: bool
) -> None:
    words: list[Command] = [enrolled(enrolment)]
    for day, amount in orders.items():
        words.append(bought(day, amount))
    random.shuffle(words)
    # Told once more after its order, as a return of an order that isn't known yet is refused.
    words += [RecordReturn(order_id=f"O-{day}", amount="1", return_id="R") for day in list(orders)[:2]]
    returned = dict.fromkeys(list(orders)[:2], 1)
    expected = sum(amount - returned.get(day, 0) for day, amount in orders.items() if day >= enrolment)
    assert told(kind, postgres_url, words, together=together) == expected


def test_what_came_back_or_never_was_earns_nothing_late(database_url: str) -> None:
    clock = Clock(NOW)
    with opened(database_url, clock) as crm:
        crm.do(RegisterCustomer(ref="ada", occurred_at=BEGIN))
        crm.do([bought(1, 10), bought(2, 80), bought(3, 50), bought(4, 30)])
        crm.do([RecordReturn(order_id="O-2", amount="20"), RecordReturn(order_id="O-3"), VoidPurchase(order_id="O-4")])
        crm.do(enrolled(2))
        assert balance(crm, clock) == 60
        assert crm.do(enrolled(2)).events == ()
        crm.do(RecordReturn(order_id="O-2"))
        assert balance(crm, clock) == 0


def test_it_is_the_membership_of_all_who_are_one(database_url: str) -> None:
    clock = Clock(NOW)
    with opened(database_url, clock) as crm:
        crm.do([RegisterCustomer(ref=who, occurred_at=BEGIN) for who in ("ada", "bob")])
        crm.do([bought(5, 40, "bob"), MergeCustomers(customer="bob", into="ada"), enrolled(1)])
        assert balance(crm, clock) == 40


def test_only_what_was_placed_since_it_went_on_earns(database_url: str) -> None:
    clock = Clock(NOW)
    with opened(database_url, clock) as crm:
        crm.do([RegisterCustomer(ref="ada", occurred_at=BEGIN), enrolled(1)])
        crm.do([CancelMembership(customer="ada", occurred_at=BEGIN + 10 * DAY), bought(12, 40), bought(20, 7)])
        crm.do(enrolled(15))
        assert balance(crm, clock) == 7


# ------------------------------------------------------------------------------------------------ all kinds of moves

MOVES: dict[str, type[Command]] = {
    "enroll": EnrollMember,
    "suspend": SuspendMembership,
    "resume": ResumeMembership,
    "cancel": CancelMembership,
}
#: What may follow in which status, and the status after it: as the documentation words it.
FOLLOW = {
    "none": {"enroll": "active"},
    "active": {"suspend": "suspended", "cancel": "cancelled", "enroll": "active"},
    "suspended": {"resume": "active", "cancel": "cancelled", "suspend": "suspended"},
    "cancelled": {"enroll": "active", "cancel": "cancelled"},
}


@st.composite
def courses(draw: st.DrawFn) -> list[tuple[int, str]]:
    """Moves of a membership that are taken one after the other, each on a day of its own."""
    status, moves = "none", []
    for day in sorted(draw(st.sets(st.integers(0, 40), min_size=1, max_size=5))):
        kind = draw(st.sampled_from(sorted(FOLLOW[status])))
        status = FOLLOW[status][kind]
        moves.append((day, kind))
    return moves


def status_on(moves: list[tuple[int, str]], day: int) -> str:
    status = "none"
    for when, kind in moves:
        if when <= day:
            status = FOLLOW[status][kind]
    return status


@in_each_database(
    20,
    moves=courses(),
    orders=st.dictionaries(st.integers(0, 40), st.integers(1, 100), min_size=1, max_size=4),
    returns=st.sets(st.integers(0, 40), max_size=2),
    random=st.randoms(use_true_random=False),
)
def test_moves_told_in_any_order_give_each_order_its_points(
    kind: str,
    postgres_url: str,
    moves: list[tuple[int, str]],
    orders: dict[int, int],
    returns: set[int],
    random: Random,
) -> None:
    words: list[Command] = [
        MOVES[what](customer="ada", occurred_at=BEGIN + day * DAY)  # type: ignore[call-arg]
        for day, what in moves
    ]
    words += [bought(day, amount) for day, amount in orders.items()]
    back = sorted(returns & orders.keys())
    words += [
        RecordReturn(order_id=f"O-{day}", amount="1", return_id=f"R-{day}", occurred_at=BEGIN + (day + 50) * DAY)
        for day in back
    ]
    random.shuffle(words)
    clock = Clock(NOW)
    with fresh_store(kind, postgres_url) as url, opened(url, clock) as crm:
        crm.do(RegisterCustomer(ref="ada", occurred_at=BEGIN))
        assert until_none_is_taken(crm, words) == []
        points: Counter[str] = Counter()
        for each in crm.events():
            match each.event:
                case PointsEarned(order_id=order_id, points=earned):
                    points[order_id] += earned
                case PointsReversed(order_id=order_id, points=lost):
                    points[order_id] -= lost
                case _:
                    pass
        expected = {
            f"O-{day}": amount - (day in back) if status_on(moves, day) == "active" else 0
            for day, amount in orders.items()
        }
        assert {order: points[order] for order in expected} == expected
        assert balance(crm, clock) == sum(expected.values())
        assert until_none_is_taken(crm, words) == []
        assert balance(crm, clock) == sum(expected.values())
        crm.catch_up()
        assert crm.projections.verify().holds
