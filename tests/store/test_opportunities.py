"""Opportunities and leads in stores: asked on each axis, merged and told apart, forgotten, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import strategies as st

from regulars import (
    CustomerId,
    DisqualifyLead,
    ErasePersonalData,
    LoseOpportunity,
    MergeCustomers,
    MoveOpportunity,
    NotFound,
    OpenOpportunity,
    OpportunityOpened,
    QualifyLead,
    RegisterCustomer,
    Regulars,
    Rejected,
    ReopenOpportunity,
    UndoMerge,
    WinOpportunity,
    parse_rules,
)
from shops import (
    BEGIN,
    DAY,
    EXAMPLES,
    PEOPLE,
    Clock,
    Step,
    default_text,
    fresh_store,
    in_each_database,
    merges,
    number_of,
    one_by_one,
    opened,
    opportunities,
    other_rules,
    play,
    read_models_of,
    register,
)

KINDS = pytest.mark.parametrize("kind", ["sqlite", "postgres"])


def history() -> st.SearchStrategy[list[Step]]:
    """What happens to the opportunities of customers who turn out to be one, or two again."""
    commands = st.one_of(opportunities(), opportunities(), opportunities(), merges())
    return one_by_one(commands, gaps=[timedelta(), DAY, 20 * DAY, 70 * DAY], max_size=14)


@in_each_database(EXAMPLES // 6, steps=history(), rules=other_rules())
def test_what_is_stored_is_what_is_asked_rebuilt_and_published(
    kind: str, postgres_url: str, steps: list[Step], rules: Any
) -> None:
    clock = Clock()
    with fresh_store(kind, postgres_url) as url, opened(url, clock) as crm:
        register(crm, clock)
        play(crm, clock, steps)
        crm.catch_up()
        stored = read_models_of(crm, 1)
        crm.projections.rebuild()
        assert read_models_of(crm, 2) == stored
        ids = sorted({each.event.opportunity_id for each in crm.events() if isinstance(each.event, OpportunityOpened)})
        before = {each: asked(crm, each, clock.now) for each in ids}
        foreseen = {each: asked(crm, each, clock.now, rules=rules) for each in ids}
        crm.rules.publish(rules, reason="other stages")
        assert {each: asked(crm, each, clock.now) for each in ids} == foreseen
        then = clock.now
        clock.now += DAY
        assert {each: asked(crm, each, then, rules=1) for each in ids} == before


def asked(crm: Regulars, opportunity_id: str, at: datetime, **axes: Any) -> list[Any]:
    found = crm.opportunity(opportunity_id, as_of=at, **axes)
    return [found.value, found.probability, found.amount, found.is_stale, found.stale_at, found.entered_at]


def sold(crm: Regulars, clock: Clock) -> None:
    """Two customers with an opportunity each, one of them won."""
    register(crm, clock)
    for number, who in enumerate(PEOPLE[:2]):
        crm.do(OpenOpportunity(customer=who, opportunity_id=f"O-{number}", amount="100", title="Tea for Ada"))
        clock.now += DAY
    crm.do(WinOpportunity(opportunity_id="O-1"))


def test_a_merged_customers_pipeline_is_one_and_told_apart_it_is_two_again(database_url: str) -> None:
    clock = Clock()
    with opened(database_url, clock) as crm:
        sold(crm, clock)
        crm.catch_up()
        before, one, two = read_models_of(crm, 1)["pipeline"], *(crm.customer(each).id for each in PEOPLE[:2])
        assert [crm.opportunity(f"O-{each}").customer_id for each in (0, 1)] == [one, two]
        crm.do(MergeCustomers(customer=PEOPLE[1], into=PEOPLE[0]))
        assert [crm.opportunity(f"O-{each}").customer_id for each in (0, 1)] == [one, one]
        # The stage of the one that is open, and the two of them while both were.
        assert [span.value for span in crm.customer(PEOPLE[0]).timeline().opportunities] == [
            "contacted",
            "2 open",
            "contacted",
        ]
        crm.do(MoveOpportunity(opportunity_id="O-0", stage="proposal"))
        crm.do(UndoMerge(customer=PEOPLE[1]))
        crm.catch_up()
        assert crm.opportunity("O-1").customer_id == two
        after = read_models_of(crm, 1)["pipeline"]
        assert {row for row in before if number_of(crm, PEOPLE[1]) in row} <= {*after}


def test_a_command_that_names_another_customer_than_its_own_is_refused(database_url: str) -> None:
    clock = Clock()
    with opened(database_url, clock) as crm:
        sold(crm, clock)
        with pytest.raises(Rejected, match="belongs to another customer"):
            crm.do(OpenOpportunity(customer=PEOPLE[2], opportunity_id="O-0", amount="100", title="Tea for Ada"))


def test_of_the_forgotten_words_are_gone_and_counts_stay(database_url: str) -> None:
    clock = Clock()
    with opened(database_url, clock) as crm:
        sold(crm, clock)
        crm.do(LoseOpportunity(opportunity_id="O-0", reason="price", detail="Ada says it is too dear"))
        crm.catch_up()
        before, leads = read_models_of(crm, 1)["pipeline"], crm.leads()
        forgotten = CustomerId(crm.find(PEOPLE[0]))
        crm.do(ErasePersonalData(customer=forgotten, confirm=True))
        crm.catch_up()
        found = crm.opportunity("O-0")
        assert (found.title, found.detail) == (None, None)
        assert (found.value, found.reason, str(found.amount)) == ("lost", "price", "100.00")
        assert read_models_of(crm, 1)["pipeline"] == before
        assert (crm.leads().total, leads.total.won.n) == (leads.total, len(PEOPLE))
        assert "Ada says" not in str([each.changes for each in crm.audit()])
        # What is still to be closed can be: why is no secret, and their words aren't taken.
        crm.do(ReopenOpportunity(opportunity_id="O-0"))
        crm.do(LoseOpportunity(opportunity_id="O-0", reason="silence"))
        with pytest.raises(Rejected, match="forgotten"):
            crm.do(OpenOpportunity(customer=forgotten, opportunity_id="O-9", title="Tea for Ada"))


def test_why_it_was_lost_is_told_by_the_audit_and_kept_once(database_url: str) -> None:
    clock = Clock()
    with opened(database_url, clock) as crm:
        sold(crm, clock)
        (lost,) = crm.do(LoseOpportunity(opportunity_id="O-0", reason="price")).events
        assert lost.reason is None
        entry = crm.audit(type="OpportunityLost").entries[0]
        assert (entry.reason, entry.sentence) == ("price", f"Li lost opportunity O-0 of {PEOPLE[0]}: price")


def test_a_firm_is_found_by_its_reference(database_url: str) -> None:
    clock = Clock()
    with opened(database_url, clock) as crm:
        register(crm, clock)
        crm.do(RegisterCustomer(ref="acme", kind="firm"))
        crm.do(OpenOpportunity(customer=PEOPLE[0], opportunity_id="O-1", firm="acme"))
        assert crm.opportunity("O-1").firm_id == crm.find("acme")
        with pytest.raises(NotFound):
            crm.do(OpenOpportunity(customer=PEOPLE[0], opportunity_id="O-2", firm="nobody"))
        with pytest.raises(NotFound):
            crm.opportunity("O-2")


def test_rules_that_have_no_pipeline_say_how_one_is_added(database_url: str) -> None:
    clock, text = Clock(), default_text()
    with opened(database_url, clock) as crm:
        sold(crm, clock)
        crm.rules.publish(parse_rules(text[: text.index("[[pipeline]]")]), reason="no selling")
        with pytest.raises(Rejected, match=r"add a table \[\[pipeline\]\]"):
            crm.do(OpenOpportunity(customer=PEOPLE[0], opportunity_id="O-5"))
        found = crm.opportunity("O-0")
        assert (found.value, found.probability) == ("contacted", 0)
        crm.do(WinOpportunity(opportunity_id="O-0"))  # what is open can be closed under any rules
        assert crm.opportunity("O-0").probability == 1


# ---------------------------------------------------------------------------------------------------------------- leads


def test_a_qualified_lead_gets_the_opportunity_that_was_asked_for_and_no_second_one(database_url: str) -> None:
    clock = Clock()
    with opened(database_url, clock) as crm:
        crm.do(RegisterCustomer(ref="ada", source="fair"))
        qualify = QualifyLead(customer="ada", opportunity_id="O-1", amount="90", owner="mo")
        first, second = crm.do(qualify).events
        assert second.causation_id == first.position
        assert (second.event.source, second.event.owner, second.event.stage) == ("fair", "mo", "contacted")
        assert crm.do(qualify).events == ()
        assert len(crm.do(qualify.model_copy(update={"opportunity_id": "O-2"})).events) == 2
        before = len(list(crm.events()))
        with pytest.raises(Rejected, match='no pipeline "retail"'):
            crm.do(QualifyLead(customer="ada", opportunity_id="O-3", pipeline="retail"))
        assert len(list(crm.events())) == before  # all of it or nothing


def test_what_became_of_leads_is_counted_by_source_and_month(database_url: str) -> None:
    clock = Clock(datetime(2024, 1, 31, 22, 30, tzinfo=UTC))  # an hour later it is February in Berlin
    with opened(database_url, clock) as crm:
        for number in range(1, 9):
            who = f"lead:{number}"
            crm.do(RegisterCustomer(ref=who, source="fair" if number <= 6 else None))
            if number <= 4:
                crm.do(QualifyLead(customer=who, opportunity_id=f"O-{number}" if number <= 3 else None))
            if number <= 2:
                crm.do(WinOpportunity(opportunity_id=f"O-{number}"))
            if number == 5:
                crm.do(DisqualifyLead(customer=who, reason="no budget"))
            clock.now += timedelta(minutes=10)
        fair, unsaid = crm.leads(by="source").groups
        assert (fair.group, fair.registered, fair.disqualified) == ("fair", 6, 1)
        assert (unsaid.group, unsaid.registered, unsaid.disqualified) == (None, 2, 0)
        assert [round(each.value * 6) for each in (fair.qualified, fair.opened, fair.won) if each.value] == [4, 3, 2]
        # Wilson's interval for 2 of 6, as R's prop.test(2, 6, correct = FALSE) has it.
        assert (round(fair.won.low or 0, 4), round(fair.won.high or 0, 4), fair.won.n) == (0.0968, 0.7, 6)
        by_month = crm.leads(by="month").groups
        assert [(each.group, each.registered) for each in by_month] == [("2024-01", 3), ("2024-02", 5)]
        then = crm.leads(as_of=datetime(2024, 1, 31, 22, 35, tzinfo=UTC)).total
        assert (then.registered, then.won.value) == (1, 1.0)
        nobody = crm.leads(since=clock.now, until=clock.now + DAY)
        assert nobody.total.won.value is None  # it can't be told
        with pytest.raises(ValueError, match="the span begins"):
            crm.leads(since=clock.now, until=BEGIN)
        with pytest.raises(ValueError, match="not a grouping"):
            crm.leads(by="owner")  # type: ignore[arg-type]


def test_who_was_disqualified_is_qualified_no_more_until_somebody_says_so(database_url: str) -> None:
    clock = Clock()
    with opened(database_url, clock) as crm:
        crm.do(RegisterCustomer(ref="ada"))
        crm.do(QualifyLead(customer="ada"))
        assert crm.customer("ada").stage == "prospect"
        crm.do(DisqualifyLead(customer="ada", reason="no budget"))
        assert crm.customer("ada").stage == "lead"
        assert crm.do(DisqualifyLead(customer="ada", reason="no budget")).events == ()
        crm.do(QualifyLead(customer="ada"))
        assert crm.customer("ada").stage == "prospect"


def test_an_id_in_place_of_a_reference_is_as_good(database_url: str) -> None:
    clock = Clock()
    with opened(database_url, clock) as crm:
        register(crm, clock)
        crm.do(RegisterCustomer(ref="acme", kind="firm"))
        who = CustomerId(crm.find(PEOPLE[0]))
        crm.do(OpenOpportunity(customer=who, opportunity_id="O-1", firm=CustomerId(crm.find("acme"))))
        assert crm.opportunity("O-1").ref == PEOPLE[0]
