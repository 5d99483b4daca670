"""A list is read page by page: who iterates one goes through all of it, whichever list it is."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from outside import run
from regulars import (
    AssignOwner,
    AssignTicket,
    AwaitCustomer,
    ChangeContactDetails,
    ChangePriority,
    ClassifyTicket,
    ErasePersonalData,
    GiveConsent,
    MergeCustomers,
    NotFound,
    OpenOpportunity,
    OpenTicket,
    RateTicket,
    RecordPurchase,
    RegisterCustomer,
    Regulars,
    ReplyAsAgent,
    ReplyAsCustomer,
    ResolveTicket,
    StoreUnusable,
    TagCustomer,
)
from regulars.asking import customers
from shops import BEGIN, DAY, Clock, fresh_store, opened

MANY = 1_120  # over a page of 50, and over the 1,000 that follow
REFS = [f"shop:{number}" for number in range(MANY)]


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def crowd(request: pytest.FixtureRequest, postgres_url: str) -> Iterator[Regulars]:
    """So many customers, each with a ticket and a consent, and the e-mail address of one other; a day ago."""
    clock, at = Clock(), BEGIN - 100 * DAY
    with fresh_store(request.param, postgres_url) as url, opened(url, clock) as crm:
        emails = [f"{number // 2}@example.com" for number in range(MANY)]
        people = zip(REFS, emails, strict=True)
        crm.do([RegisterCustomer(ref=ref, email=email, occurred_at=at) for ref, email in people])
        crm.do([OpenTicket(customer=ref, ticket_id=ref, subject="late", occurred_at=at) for ref in REFS])
        crm.do([GiveConsent(customer=ref, channel="email", purpose="news", occurred_at=at) for ref in REFS])
        clock.now += 2 * DAY
        crm.catch_up()
        yield crm


LISTS: dict[str, tuple[Callable[..., Any], int]] = {
    "customers": (lambda crm, **asked: crm.customers(**asked), MANY),
    "customers by risk": (lambda crm, **asked: crm.customers(order="risk", **asked), MANY),
    "customers as of a day": (lambda crm, **asked: crm.customers(as_of=BEGIN.date(), **asked), MANY),
    "customers known on a day": (lambda crm, **asked: crm.customers(known_at=BEGIN + DAY, **asked), MANY),
    "tickets": (lambda crm, **asked: crm.tickets(**asked), MANY),
    "audit": (lambda crm, **asked: crm.audit(**asked), 3 * MANY),
    "audit, oldest first": (lambda crm, **asked: crm.audit(oldest_first=True, **asked), 3 * MANY),
    "contactable": (lambda crm, **asked: crm.contactable(channel="email", purpose="news", **asked), MANY),
    "duplicates": (lambda crm, **asked: crm.duplicates(**asked), MANY // 2),
}


@pytest.mark.parametrize("name", LISTS)
def test_iterating_a_list_goes_through_all_of_it(crowd: Regulars, name: str) -> None:
    ask, number = LISTS[name]
    page = ask(crowd)
    found = list(page)
    assert page.goes_on
    assert (len(page), len(found)) == (50, number)
    assert len({repr(each) for each in found}) == number  # nothing twice
    assert [page[0], page[-1]] == [found[0], found[49]]
    assert list(page) == found  # again, from the beginning


@pytest.mark.parametrize("name", LISTS)
def test_a_list_with_a_limit_ends_with_its_page(crowd: Regulars, name: str) -> None:
    ask, number = LISTS[name]
    page = ask(crowd, limit=70)
    assert not page.goes_on
    assert len(list(page)) == len(page) == 70
    rest = list(ask(crowd, after=page.after))
    assert [*page, *rest] == list(ask(crowd))
    assert len(rest) == number - 70


@pytest.mark.parametrize("name", LISTS)
def test_a_pickled_page_says_where_it_ends(crowd: Regulars, name: str) -> None:
    ask, _ = LISTS[name]
    whole, limited = (pickle.loads(pickle.dumps(page)) for page in (ask(crowd), ask(crowd, limit=70)))
    assert len(list(limited)) == 70
    found = iter(whole)
    assert [next(found) for _ in range(50)] == [whole[place] for place in range(50)]
    with pytest.raises(StoreUnusable, match="pickled"):
        next(found)


def test_all_pages_answer_as_of_the_instant_of_the_first(database_url: str) -> None:
    clock = Clock()
    with opened(database_url, clock) as crm:
        crm.do([RegisterCustomer(ref=ref) for ref in REFS[:120]])
        crm.do([OpenTicket(customer=ref, ticket_id=ref, subject="late") for ref in REFS[:120]])
        for ask in (crm.customers, crm.tickets):
            before, seen = clock.now, []
            for each in ask():
                clock.now += timedelta(days=5)
                seen.append(each)
            clock.now = before
            assert seen == list(ask())


def test_one_can_write_of_everyone_who_is_met(database_url: str) -> None:
    clock = Clock()
    with opened(database_url, clock) as crm:
        crm.do([RegisterCustomer(ref=ref) for ref in REFS])
        crm.catch_up()  # a slow machine doesn't fold so many in the second that a list takes
        met: list[str] = []
        for number, each in enumerate(crm.customers()):
            clock.now += timedelta(seconds=1)
            if number % 4 == 0:
                crm.do(RecordPurchase(customer=each.id, order_id=f"A-{number}", amount="5.00"))
            met.append(str(each.ref))
        assert sorted(met) == sorted(REFS)


# ------------------------------------------------------------------------------------------------------------- tickets


def test_tickets_say_what_they_are_about_as_of_the_same_instant(database_url: str) -> None:
    clock = Clock()
    with opened(database_url, clock) as crm:
        crm.do(RegisterCustomer(ref="shop:1"))
        crm.do(OpenTicket(customer="shop:1", ticket_id="T-1", subject="a leg is missing", priority="high"))
        opened_at, clock.now = clock.now, clock.now + DAY
        crm.do([AssignTicket(ticket_id="T-1", agent="li"), ClassifyTicket(ticket_id="T-1", topic="delivery")])
        crm.do(ChangePriority(ticket_id="T-1", priority="urgent"))
        clock.now += timedelta(seconds=1)  # they come one after the other, each a microsecond later
        for fresh in (True, timedelta()):
            [now], [then] = crm.tickets(fresh=fresh), crm.tickets(fresh=fresh, as_of=opened_at)
            assert (now.subject, now.priority, now.agent, now.topic) == ("a leg is missing", "urgent", "li", "delivery")
            assert (then.subject, then.priority, then.agent, then.topic) == ("a leg is missing", "high", None, None)
        crm.forget("shop:1", reason="on request")
        assert list(crm.tickets()) == []
        left = crm.ticket("T-1").ticket
        assert (left.subject, left.priority, left.agent) == (None, "urgent", "li")


def test_a_ticket_is_read_whole(database_url: str) -> None:
    clock = Clock()
    with opened(database_url, clock) as crm:
        crm.do([RegisterCustomer(ref="shop:1"), RegisterCustomer(ref="shop:2")])
        at = [BEGIN]
        steps = [
            OpenTicket(customer="shop:1", ticket_id="T-1", subject="a leg is missing", channel="email"),
            ReplyAsAgent(ticket_id="T-1", message="which one?"),
            AwaitCustomer(ticket_id="T-1"),
            ReplyAsCustomer(ticket_id="T-1", message="the left one"),
            ResolveTicket(ticket_id="T-1"),
            RateTicket(ticket_id="T-1", score=2, comment="slow"),
        ]
        crm.do(OpenTicket(customer="shop:1", ticket_id="T-2", subject="another"))
        for step in steps:
            clock.now += timedelta(hours=1)
            at.append(clock.now)
            crm.do(step)
        crm.do(MergeCustomers(customer="shop:1", into="shop:2"))
        found = crm.ticket("T-1")
        assert (found.ticket.ref, found.opened_at, found.channel) == ("shop:2", at[1], "email")
        assert (found.rating, found.comment, found.complaint, found.level) == (2, "slow", False, 0)
        assert [(each.by, each.message) for each in found.messages] == [
            ("agent", "which one?"),
            ("customer", "the left one"),
        ]
        assert [each.occurred_at for each in found.events] == at[1:]
        assert [each.type for each in found.events][:2] == ["TicketOpened", "AgentReplied"]
        statuses = [(each.value, each.since) for each in found.statuses]
        assert statuses[0] == ("new", at[1])
        assert [value for value, _ in statuses] == ["new", "open", "awaiting_customer", "open", "resolved", "closed"]
        assert found.statuses[-1].until is None
        assert [each.value for each in found.clocks["first_response"]] == ["on_time", "met"]
        assert found.clocks["resolution"][-1].value == "met"
        [listed] = (each for each in crm.tickets() if each.ticket_id == "T-1")
        assert found.ticket == listed
        before = crm.ticket("T-1", as_of=at[2])
        assert (before.ticket.status, len(before.events), before.rating) == ("open", 2, None)


def test_a_ticket_that_is_not_there_is_refused_in_a_sentence(database_url: str) -> None:
    clock = Clock()
    with opened(database_url, clock) as crm:
        crm.do(RegisterCustomer(ref="shop:1"))
        crm.do(OpenTicket(customer="shop:1", ticket_id="T-1", subject="?"))
        with pytest.raises(NotFound, match='there is no ticket "T-9"'):
            crm.ticket("T-9")
        with pytest.raises(NotFound, match='ticket "T-1" was not open yet by'):
            crm.ticket("T-1", as_of=BEGIN - DAY)


# ------------------------------------------------------------------------------------------------ orders and conditions


@pytest.fixture(
    scope="module", params=[(kind, fresh) for kind in ("sqlite", "postgres") for fresh in (True, timedelta())], ids=str
)
def shop(request: pytest.FixtureRequest, postgres_url: str) -> Iterator[tuple[Regulars, dict[str, Any]]]:
    """Four customers: what they spent, when they ordered last, and in which order they came.

    They are folded in, or beside what is, for whoever asks for no more.
    """
    clock, (kind, fresh) = Clock(), request.param
    with fresh_store(kind, postgres_url) as url, opened(url, clock) as crm:
        for ref, name, amounts in (("a", "Ada", (50, 20)), ("b", "Bo", ()), ("c", "Cyd", (900,)), ("d", "Dana", (5,))):
            crm.do(RegisterCustomer(ref=ref, name=name, email=f"{name}@Example.com", source=f"from {ref}"))
            for place, amount in enumerate(amounts):
                clock.now += DAY
                crm.do(RecordPurchase(customer=ref, order_id=f"{ref}-{place}", amount=str(amount)))
        crm.do([TagCustomer(customer=each, label="vip") for each in "abd"])
        crm.do(AssignOwner(customer="d", owner="li"))
        yield crm, {"fresh": fresh}
        assert bool(crm.behind) is (fresh is not True)


ORDERS = {"id": "abcd", "name": "abcd", "spend": "cadb", "last_order": "dcab", "known_since": "dcba"}


@pytest.mark.parametrize("order", ORDERS)
def test_a_list_is_in_the_order_that_is_asked_for(shop: tuple[Regulars, dict[str, Any]], order: Any) -> None:
    crm, fresh = shop
    assert "".join(str(each.ref) for each in crm.customers(order=order, **fresh)) == ORDERS[order]
    seen, after = "", None
    while True:
        page = crm.customers(order=order, limit=1, after=after, **fresh)
        seen, after = seen + "".join(str(each.ref) for each in page), page.after
        if after is None:
            break
    assert seen == ORDERS[order]
    as_of = crm.customers(**fresh)[0].as_of
    conditions: list[tuple[dict[str, Any], str]] = [({"stage": "new"}, "cd"), ({"tag": "vip", "as_of": as_of}, "abd")]
    for asked, kept in conditions:
        found = "".join(str(each.ref) for each in crm.customers(order=order, **asked, **fresh))
        assert found == "".join(each for each in ORDERS[order] if each in kept)


def test_a_list_in_order_is_as_of_the_asked_day(shop: tuple[Regulars, dict[str, Any]]) -> None:
    crm, fresh = shop
    refs = [each.ref for each in crm.customers(order="spend", as_of=BEGIN + DAY, **fresh)]
    assert refs == ["a"]
    assert [each.net_spend for each in crm.customers(order="spend", as_of=BEGIN + DAY, **fresh)] == [50]


CONDITIONS: list[tuple[dict[str, str], str]] = [
    ({"tag": "vip"}, "abd"),
    ({"owner": "li"}, "d"),
    ({"source": "from c"}, "c"),
    ({"tag": "vip", "owner": "li"}, "d"),
    ({"text": "DA"}, "ad"),
    ({"text": "cyd@example"}, "c"),
    ({"text": "nobody"}, ""),
    ({"tag": "nothing"}, ""),
]


@pytest.mark.parametrize(("asked", "refs"), CONDITIONS)
def test_a_list_is_of_those_who_meet_a_condition(
    shop: tuple[Regulars, dict[str, Any]], asked: dict[str, Any], refs: str
) -> None:
    crm, fresh = shop
    page = crm.customers(**asked, **fresh, total=True)
    assert ("".join(str(each.ref) for each in page), page.total) == (refs, len(refs))
    limited = crm.customers(**asked, **fresh, limit=1, total=True)
    assert (limited.total, len(limited)) == (len(refs), min(1, len(refs)))
    rest = [] if limited.after is None else list(crm.customers(**asked, **fresh, after=limited.after))
    assert [each.ref for each in (*limited, *rest)] == list(refs)


def test_a_page_says_how_many_there_are_in_all_where_that_is_asked(crowd: Regulars) -> None:
    page = crowd.customers(total=True)
    assert (len(page), page.total, crowd.customers().total) == (50, MANY, None)
    assert crowd.customers(total=True, limit=1, text=f"{7}@example.com").total == len(
        [number for number in range(MANY) if str(number // 2).endswith("7")]
    )


# ----------------------------------------------------------------------------------------------------------- by names

NAMES = ("zoe", "Émile", "ada", "Ada", "Straße", "strasse", None, "李", "bo", None, "Zoe", "ADA", "")
BY_NAME = [11, 3, 2, 8, 4, 5, 10, 0, 1, 7, 6, 9, 12]  # places in NAMES; "" is no name


def everyone(crm: Regulars, **asked: Any) -> list[str | None]:
    """The references of a list, read page by page."""
    refs, after = [], None
    while True:
        page = crm.customers(limit=3, after=after, total=True, **asked)
        refs += [each.ref for each in page]
        assert page.total is not None
        after = page.after
        if after is None:
            assert page.total == len(refs)
            return refs


def test_a_list_by_name_goes_by_letters_then_by_their_case_and_then_as_they_came(database_url: str) -> None:
    clock = Clock()
    with opened(database_url, clock) as crm:
        for place, name in enumerate(NAMES):
            crm.do(RegisterCustomer(ref=f"{place}", name=name or None))
        expected = [f"{place}" for place in BY_NAME]
        assert [each.ref for each in crm.customers(order="name")] == expected
        assert everyone(crm, order="name") == expected
        first = crm.customers()[0].as_of
        clock.now += DAY
        crm.do(ChangeContactDetails(customer="0", name="Aaron"))
        crm.do(RegisterCustomer(ref="later", name="Aaa"))
        moved = ["0", *(each for each in expected if each != "0")]
        assert everyone(crm, order="name", as_of=first) == moved  # by today's names
        assert everyone(crm, order="name") == ["later", *moved]
        assert everyone(crm, order="name", text="ad") == ["11", "3", "2"]


def test_who_leaves_a_list_by_name_keeps_nobody_from_being_met(database_url: str) -> None:
    with opened(database_url, Clock()) as crm:
        crm.do([RegisterCustomer(ref=name, name=name) for name in "abcdef"])
        page = crm.customers(order="name", limit=3)
        crm.do(ErasePersonalData(customer="c", confirm=True))
        rest = crm.customers(order="name", after=page.after)
        assert [each.ref for each in (*page, *rest)] == list("abcdef")
        assert "c" not in str(page.after)


def test_more_than_can_be_sorted_by_name_are_refused_in_a_sentence_with_the_number(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(database_url, Clock()) as crm:
        crm.do([RegisterCustomer(ref=name, name=name) for name in "abcd"])
        crm.do(TagCustomer(customer="d", label="vip"))
        monkeypatch.setattr(customers, "MAX_BY_NAME", 3)
        with pytest.raises(ValueError, match="more than 3 customers answer to that, and up to 3 are put in order"):
            crm.customers(order="name")
        assert [each.ref for each in crm.customers(order="name", tag="vip")] == ["d"]
        crm.do(ErasePersonalData(customer="a", confirm=True))
        assert [each.ref for each in crm.customers(order="name")] == ["b", "c", "d"]


# ---------------------------------------------------------------------------------------------------- who was forgotten

QUESTIONS: dict[str, dict[str, Any]] = {
    "as they came": {},
    "by risk": {"order": "risk"},
    "by spend": {"order": "spend"},
    "by name": {"order": "name"},
    "of a tag": {"tag": "vip"},
    "of a stage": {"stage": "new"},
    "becoming": {"becoming": {"stage": "churned"}, "within": 9_999 * DAY},
    "becoming, by name": {"becoming": {"stage": "churned"}, "within": 9_999 * DAY, "order": "name"},
    "becoming, of a day": {"becoming": {"stage": "churned"}, "within": 9_999 * DAY, "as_of": BEGIN + 2 * DAY},
    "of a day": {"as_of": BEGIN + 2 * DAY},
    "known on a day": {"known_at": BEGIN + 2 * DAY},
}


@pytest.mark.parametrize("fresh", [True, timedelta()], ids=["folded", "beside"])
def test_who_was_forgotten_is_in_a_list_only_where_they_are_asked_for(database_url: str, fresh: Any) -> None:
    clock = Clock()
    with opened(database_url, clock) as crm:
        crm.do([RegisterCustomer(ref=name, name=name) for name in "abcdefg"])
        crm.do([RecordPurchase(customer=each, order_id=each, amount="5") for each in "abcdefg"])
        crm.do([TagCustomer(customer=each, label="vip") for each in "abcdefg"])
        crm.do(MergeCustomers(customer="g", into="f"))
        clock.now += 3 * DAY
        crm.catch_up()
        asked = {name: {**question, "fresh": fresh} for name, question in QUESTIONS.items()}
        before = {name: {each.id: each.ref for each in crm.customers(**asked[name], forgotten=True)} for name in asked}
        crm.do([ErasePersonalData(customer=each, confirm=True) for each in "acef"])
        for name, question in asked.items():
            kept = {customer for customer, ref in before[name].items() if ref in ("b", "d")}
            remembered = crm.customers(**question, total=True)
            assert ({each.id for each in remembered}, remembered.total, len(kept)) == (kept, 2, 2), name
            assert sorted(everyone(crm, **question), key=str) == ["b", "d"], name
            both = crm.customers(**question, forgotten=True, total=True)
            assert ({each.id for each in both}, both.total) == (before[name].keys(), len(before[name])), name
            assert {each.name for each in both if each.id not in kept} == {None}, name
        assert sum(crm.totals("stage", [clock.now])[0].values()) == 6
        assert crm.status().customers >= 6


@pytest.mark.parametrize("fresh", [True, timedelta()], ids=["folded", "beside"])
def test_what_is_open_with_who_was_forgotten_is_counted_and_in_no_list(database_url: str, fresh: Any) -> None:
    clock = Clock()
    with opened(database_url, clock) as crm:
        for each in "ab":
            crm.do(RegisterCustomer(ref=each, name=each))
            crm.do(OpenTicket(customer=each, ticket_id=f"T-{each}", priority="urgent"))
            crm.do(OpenOpportunity(customer=each, opportunity_id=f"O-{each}", amount="5.00"))
        clock.now += 20 * DAY
        before, since = crm.pipeline(), clock.now
        assert [each.opportunity_id for each in crm.stale_opportunities()] == ["O-a", "O-b"]
        crm.do(ErasePersonalData(customer="a", confirm=True))
        for as_of in (None, since):
            assert [each.ticket_id for each in crm.tickets(as_of=as_of, fresh=fresh)] == ["T-b"]
            assert [each.opportunity_id for each in crm.stale_opportunities(as_of=as_of)] == ["O-b"]
        assert [each.opportunity_id for each in crm.stale_opportunities(limit=1)] == ["O-b"]
        assert {each.key for each in crm.today().lines} == {"T-b"}
        assert crm.pipeline().total == before.total
        assert (before.total.opportunities, before.total.stale) == (2, 2)
        assert crm.ticket("T-a").ticket.status == crm.ticket("T-b").ticket.status


def test_who_has_no_key_is_in_a_list_all_the_same(database_url: str) -> None:
    """It is the log that says who was forgotten."""
    with opened(database_url, Clock()) as crm:
        crm.do([RegisterCustomer(ref=name, name=name) for name in "abc"])
        crm.do(ErasePersonalData(customer="c", confirm=True))
        run(database_url, "DELETE FROM regulars_keys")
        assert len(crm.customers()) == 2
        assert len(crm.customers(forgotten=True)) == 3


def test_who_counts_as_forgotten_by_what_somebody_wrote_is_told_and_put_right(database_url: str) -> None:
    with opened(database_url, Clock()) as crm:
        crm.do([RegisterCustomer(ref=name, name=name) for name in "abc"])
        crm.do(ErasePersonalData(customer="c", confirm=True))
        lost, found = crm.customers(forgotten=True)[2].id, crm.customers()[0].id
        run(database_url, "DELETE FROM regulars_forgotten", f"INSERT INTO regulars_forgotten VALUES ('{found}', 1)")
        assert {each.id for each in crm.customers()} != {found, lost}
        told = {(each.of, each.what) for each in crm.check_records().faults}
        assert told == {
            (f"id:{lost}", "doesn't count as forgotten, and was by event #4"),
            (f"id:{found}", "counts as forgotten by #1, which is no such event"),
        }
        crm.projections.rebuild()
        assert crm.check_records().holds
        assert [each.ref for each in crm.customers()] == ["a", "b"]
