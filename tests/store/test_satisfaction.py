"""How content customers are: counted by hand on a small shop, and by plain counting of events on any."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import regulars
from regulars import (
    AssessmentRecorded,
    AssignTicket,
    ClassifyTicket,
    CustomerId,
    Event,
    MergeCustomers,
    NotFound,
    OpenTicket,
    RateTicket,
    RecordAssessment,
    RecordPurchase,
    RecordSurveyAnswer,
    RecordSurveyBounced,
    RecordSurveySent,
    RegisterCustomer,
    Regulars,
    Rejected,
    ResolveTicket,
    Satisfaction,
    UndoMerge,
    VoidPurchase,
    parse_rules,
)
from regulars.crm_domain.instant import to_datetime
from shops import (
    BEGIN,
    DAY,
    EXAMPLES,
    Clock,
    Step,
    default_text,
    empty_file,
    fresh_store,
    in_each_database,
    merges,
    one_by_one,
    opened,
    play,
    purchases,
    register,
    surveys,
    tickets,
    with_edits,
)

KINDS = pytest.mark.parametrize("kind", ["sqlite", "postgres"])
YEAR_END = datetime(2024, 12, 31, 12, tzinfo=UTC)


def day(number: int) -> datetime:
    """So many days after the shop began."""
    return BEGIN + number * DAY


def ask(who: str, survey_id: str, on: int, **fields: Any) -> RecordSurveySent:
    given = {"survey": "nps", "channel": "email"} | fields
    return RecordSurveySent(customer=who, survey_id=survey_id, occurred_at=day(on), **given)


def answer(who: str, score: int, on: int, **fields: Any) -> RecordSurveyAnswer:
    return RecordSurveyAnswer(customer=who, score=score, occurred_at=day(on), **({"survey": "nps"} | fields))


def a_shop(crm: Regulars, clock: Clock) -> None:
    """Ten customers: each bought, five were asked, three complained, in the year 2024."""
    clock.now = YEAR_END
    crm.do([RegisterCustomer(ref=f"shop:{n}", occurred_at=day(n)) for n in range(10)])
    crm.do(
        [
            RecordPurchase(
                customer=f"shop:{n}", order_id=f"A-{n}", amount="200.00" if n < 4 else "10.00", occurred_at=day(n)
            )
            for n in range(10)
        ]
    )
    crm.do(
        [
            *(ask(f"shop:{n}", f"S-{n}", 100) for n in range(5)),
            RecordSurveyBounced(survey_id="S-4", occurred_at=day(101)),
            answer("shop:0", 10, 102, survey_id="S-0"),
            answer("shop:1", 9, 103, survey_id="S-1"),
            answer("shop:2", 3, 104, survey_id="S-2"),
            answer("shop:5", 8, 105),  # nobody had asked them
            ask("shop:6", "S-6", 360),  # five days before the end of the year
        ]
    )
    for n, score in ((7, 5), (8, 4), (9, 1)):
        crm.do(
            [
                OpenTicket(customer=f"shop:{n}", ticket_id=f"T-{n}", complaint=n == 9, occurred_at=day(200)),
                AssignTicket(ticket_id=f"T-{n}", agent="ada" if n < 9 else "bo", occurred_at=day(201)),
                ResolveTicket(ticket_id=f"T-{n}", occurred_at=day(202)),
                RateTicket(ticket_id=f"T-{n}", score=score, occurred_at=day(203)),
            ]
        )
    crm.do(ClassifyTicket(ticket_id="T-8", topic="delivery", complaint=True, occurred_at=day(204)))


def numbers(each: Satisfaction) -> tuple[float | None, ...]:
    estimates = (each.nps, each.csat, each.response, each.complaints, each.complaining)
    return tuple(estimate.value for estimate in estimates)


def test_what_is_counted_of_a_small_shop(database_url: str) -> None:
    clock = Clock()
    with opened(database_url, clock) as crm:
        a_shop(crm, clock)
        total = crm.satisfaction(since=date(2024, 1, 1)).total
        # Two promoters, a passive and a detractor; ratings of 5, 4 and 1, where from 4 on somebody is satisfied.
        assert (total.nps.value, total.nps.n) == (100 * (2 - 1) / 4, 4)
        assert (total.csat.value, total.csat.n) == (2 / 3, 3)
        # Of five surveys one bounced, and three were answered. The sixth is too young to tell.
        assert (total.response.value, total.response.n) == (3 / 4, 4)
        assert (total.counts.bounced, total.counts.pending, total.counts.unasked) == (1, 1, 1)
        # Two complaints to ten orders, by two of ten customers.
        assert (total.complaints.value, total.complaints.n) == (20, 10)
        assert (total.complaining.value, total.complaining.n) == (0.2, 10)
        # Wilson's interval for 2 of 10, as his formula gives it: (0.2 + z²/20 ± z √(0.016 + z²/400)) / (1 + z²/10)
        assert (total.complaining.low, total.complaining.high) == pytest.approx((0.0567, 0.5098), abs=1e-4)


def test_the_groups_of_customers_add_up_and_agents_are_those_of_tickets(database_url: str) -> None:
    clock = Clock()
    with opened(database_url, clock) as crm:
        a_shop(crm, clock)
        by_tier = crm.satisfaction(since=date(2024, 1, 1), by="tier")
        groups = {each.group: each for each in by_tier.groups}
        assert groups["silver"].nps.value == pytest.approx(100 / 3)  # shop:0 and shop:1, less shop:2
        assert groups["silver"].counts.orders == 4
        assert groups["member"].counts.orders == 6
        assert sum((each.counts for each in by_tier.groups[1:]), by_tier.groups[0].counts) == by_tier.total.counts

        by_agent = {each.group: each for each in crm.satisfaction(since=date(2024, 1, 1), by="agent").groups}
        assert (by_agent["ada"].csat.value, by_agent["ada"].csat.n, by_agent["ada"].counts.complaints) == (1, 2, 1)
        assert (by_agent["bo"].csat.value, by_agent["bo"].csat.n, by_agent["bo"].complaints.n) == (0, 1, 0)


HAPPY_SEGMENTS = """
[[segment]]
id = "spent_much"
enter = [{ fact = "spend", from = "100.00" }]
[[segment]]
id = "asked_for_help"
enter = [{ fact = "tickets", from = 1 }]
[[segment]]
id = "talked"
enter = [{ fact = "nps", from = 0 }]
"""


def test_who_is_in_two_segments_counts_in_both_and_who_is_in_none_apart(database_url: str) -> None:
    clock = Clock()
    with opened(database_url, clock) as crm:
        a_shop(crm, clock)
        crm.rules.publish(parse_rules(default_text() + HAPPY_SEGMENTS), reason="segments")
        found = crm.satisfaction(since=date(2024, 1, 1), by="segment")
        groups = {each.group: each for each in found.groups}
        # shop:0 to shop:3 spent much, and three of them answered; shop:5 answered too, and nobody asked for help.
        assert [(each.group, each.nps.n, each.counts.orders) for each in found.groups] == [
            ("", 0, 2),  # shop:4 and shop:6
            ("asked_for_help", 0, 3),
            ("spent_much", 3, 4),
            ("talked", 4, 4),
        ]
        assert groups["spent_much"].nps.value == pytest.approx(100 / 3)
        assert groups["talked"].nps == found.total.nps
        assert (groups["asked_for_help"].csat, groups["asked_for_help"].counts.complaints) == (found.total.csat, 2)
        assert (groups["asked_for_help"].complaining.value, groups["asked_for_help"].complaining.n) == (2 / 3, 3)
        before = {each.group: each for each in crm.satisfaction(as_of=day(103), by="segment").groups}
        assert (before["talked"].nps.n, "asked_for_help" in before) == (2, False)  # as of a day they hadn't yet
        crm.forget("shop:1", reason="on request")
        assert crm.satisfaction(since=date(2024, 1, 1), by="segment").groups == found.groups


def test_a_survey_about_a_ticket_is_its_agents(database_url: str) -> None:
    clock = Clock()
    with opened(database_url, clock) as crm:
        a_shop(crm, clock)
        crm.do(OpenTicket(customer="shop:3", ticket_id="T-3", occurred_at=day(210)))
        crm.do(AssignTicket(ticket_id="T-3", agent="bo", occurred_at=day(211)))
        crm.do(ask("shop:3", "S-30", 212, ticket_id="T-3"))
        crm.do(answer("shop:3", 0, 213, survey_id="S-30"))
        crm.do(ask("shop:9", "S-90", 212, survey="csat", ticket_id="T-9"))
        crm.do(answer("shop:9", 5, 213, survey="csat", survey_id="S-90"))
        (bo,) = (each for each in crm.satisfaction(since=date(2024, 1, 1), by="agent").groups if each.group == "bo")
        assert (bo.nps.value, bo.nps.n) == (-100, 1)
        assert (bo.response.value, bo.response.n) == (1, 2)
        assert (bo.csat.value, bo.csat.n) == (0, 1)  # T-9 was rated, and that is what counts


def test_as_of_a_day_nothing_later_has_happened(database_url: str) -> None:
    clock = Clock()
    with opened(database_url, clock) as crm:
        a_shop(crm, clock)
        before = crm.satisfaction(as_of=day(103), since=date(2024, 1, 1)).total
        assert (before.nps.value, before.nps.n) == (100, 2)  # shop:2 had not answered yet
        assert (before.response.value, before.counts.pending) == (None, 2)  # nobody had had 14 days
        assert before.counts.complaints == 0
        later = crm.satisfaction(until=day(114), since=date(2024, 1, 1)).total
        assert (later.response.value, later.response.n) == (3 / 4, 4)
        a_year_on = crm.satisfaction(as_of=day(102 + 365), since=date(2024, 1, 1)).total
        assert a_year_on.nps.n == 3  # the answer of shop:0 has ceased to count


def test_a_span_that_ends_before_it_begins_and_a_grouping_that_there_is_not_are_refused(database_url: str) -> None:
    with opened(database_url, Clock()) as crm:
        with pytest.raises(ValueError, match="after its end"):
            crm.satisfaction(since=date(2024, 6, 1), until=date(2024, 5, 1))
        with pytest.raises(ValueError, match="there are stage, tier, segment, agent"):
            crm.satisfaction(by="owner")  # type: ignore[arg-type]
        nobody = crm.satisfaction().total
        assert numbers(nobody) == (None, None, None, None, None)


def test_voiding_an_order_and_undoing_a_merge_leave_no_trace(database_url: str) -> None:
    clock = Clock()
    with opened(database_url, clock) as crm:
        a_shop(crm, clock)
        before = crm.satisfaction(by="tier")
        crm.do(RecordPurchase(customer="shop:0", order_id="B-1", amount="1000.00", occurred_at=day(300)))
        crm.do(MergeCustomers(customer="shop:2", into="shop:0"))
        merged = crm.satisfaction()
        assert merged.total.nps.n == 3  # of both the later answer counts, which is that of a detractor
        assert merged.total.counts.answered == before.total.counts.answered
        assert merged.total.counts.too_soon == 1  # who are one were asked twice at once
        crm.do(VoidPurchase(order_id="B-1"))
        crm.do(UndoMerge(customer="shop:2"))
        assert crm.satisfaction(by="tier").groups == before.groups


def test_forgetting_keeps_every_count(database_url: str) -> None:
    clock = Clock()
    with opened(database_url, clock) as crm:
        a_shop(crm, clock)
        before = crm.satisfaction(by="stage").groups
        crm.forget("shop:2", reason="on request")
        assert crm.satisfaction(by="stage").groups == before


def test_as_known_then_is_what_a_store_says_that_stopped_there(database_url: str) -> None:
    clock = Clock()
    with opened(database_url, clock) as crm:
        a_shop(crm, clock)
        asked = {"since": date(2024, 1, 1), "as_of": YEAR_END, "by": "tier"}
        before, known_at = crm.satisfaction(**asked), clock.now  # type: ignore[arg-type]
        clock.now += DAY
        crm.do(answer("shop:3", 0, 104, survey_id="S-3"))
        assert crm.satisfaction(**asked).total.nps.n == 5  # type: ignore[arg-type]
        assert crm.satisfaction(**asked, known_at=known_at).groups == before.groups  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------- by plain counting, on any


def counted(events: list[tuple[datetime, str, Event]], at: datetime) -> dict[str, int]:
    """What a reader of the log would count as of an instant, by customers as they were registered."""
    said: dict[str, int] = {}
    fates: dict[tuple[str, str], str] = {}
    sent: dict[tuple[str, str], datetime] = {}
    unasked = 0
    for when, who, event in events:
        match event:
            case regulars.SurveySent() if when <= at:
                sent[who, event.survey_id] = when
            case regulars.SurveyBounced() if when <= at:
                fates.setdefault((who, event.survey_id), "bounced")
            case regulars.SurveyAnswered(survey="nps") if when <= at:
                if when + 365 * DAY > at:
                    said[who] = event.score
                if event.survey_id is not None:
                    fates[who, event.survey_id] = "answered"
    for when, who, event in events:
        if isinstance(event, regulars.SurveyAnswered) and when <= at:
            unasked += event.survey_id is None or (who, event.survey_id) not in sent
    settled = [fates.get(key) for key, when in sent.items() if when + 14 * DAY <= at]
    return {
        "promoters": sum(score >= 9 for score in said.values()),
        "passives": sum(6 < score < 9 for score in said.values()),
        "detractors": sum(score <= 6 for score in said.values()),
        "answered": settled.count("answered"),
        "bounced": [fates.get(key) for key in sent].count("bounced"),
        "unanswered": settled.count(None),
        "unasked": unasked,
    }


def talk(max_size: int) -> st.SearchStrategy[list[Step]]:
    """Shops where many are asked, and answer one another's surveys now and then, as customers are merged."""
    commands = st.one_of(surveys(), surveys(), surveys(), purchases(), tickets(), merges())
    return one_by_one(commands, gaps=[timedelta(), DAY, 20 * DAY, 70 * DAY], max_size=max_size)


@settings(max_examples=EXAMPLES // 2)
@given(history=talk(max_size=30), back=st.integers(0, 400))
def test_totals_are_what_plain_counting_gives_at_any_instant(history: list[Step], back: int) -> None:
    clock = Clock()
    with empty_file() as url, opened(url, clock) as crm:
        register(crm, clock)
        play(crm, clock, history)
        at = clock.now - back * DAY
        roots = {each.customer_id: crm.customer(CustomerId(each.customer_id)).id for each in crm.events()}
        rank = {regulars.SurveySent: 0, regulars.SurveyBounced: 1}
        events = [(to_datetime(each.occurred_at), roots[each.customer_id], each.event) for each in crm.events()]
        events.sort(key=lambda each: (each[0], rank.get(type(each[2]), 2), repr(each[2])))
        counts = crm.satisfaction(as_of=at, since=BEGIN - 1000 * DAY).total.counts
        assert {name: getattr(counts, name) for name in counted(events, at)} == counted(events, at)


@in_each_database(EXAMPLES // 10, history=talk(max_size=20))
def test_what_was_folded_bit_by_bit_is_what_a_rebuild_says(kind: str, postgres_url: str, history: list[Step]) -> None:
    clock = Clock()
    with fresh_store(kind, postgres_url) as url, opened(url, clock) as crm:
        crm.rules.publish(parse_rules(default_text() + HAPPY_SEGMENTS), reason="segments")
        register(crm, clock)
        for number, step in enumerate(history):
            play(crm, clock, [step], first=number)
            if number % 5 == 0:
                crm.catch_up()
        before = [crm.satisfaction(by=by) for by in (None, "stage", "tier", "segment", "agent")]
        for each in before[3].groups:
            if each.group:
                said = [crm.satisfaction_of(member.customer_id) for member in crm.segment(each.group)]
                assert each.counts.promoters == sum(one.nps == "promoter" for one in said)
                assert each.counts.detractors == sum(one.nps == "detractor" for one in said)
        crm.projections.rebuild()
        assert [crm.satisfaction(by=by) for by in (None, "stage", "tier", "segment", "agent")] == before


# --------------------------------------------------------------------------------------------------------- asking again


def test_somebody_may_be_asked_again_once_the_days_of_the_rules_are_over(database_url: str) -> None:
    clock = Clock(day(300))
    with opened(database_url, clock) as crm:
        crm.do(RegisterCustomer(ref="ada", occurred_at=day(0)))
        assert crm.may_ask("ada")
        assert crm.may_ask("ada").asked_at is None
        crm.do(ask("ada", "S-1", 100))
        assert not crm.may_ask("ada", as_of=day(190) - timedelta(microseconds=1))
        assert crm.may_ask("ada", as_of=day(190))
        assert crm.may_ask("ada", as_of=day(99))  # when nothing was sent yet
        assert crm.may_ask("ada").again_at == day(190)
        with pytest.raises(NotFound):
            crm.may_ask("nobody")


def test_what_came_back_undelivered_asked_nobody_unless_it_was_answered(database_url: str) -> None:
    clock = Clock(day(110))
    with opened(database_url, clock) as crm:
        crm.do(RegisterCustomer(ref="ada", occurred_at=day(0)))
        crm.do([ask("ada", "S-1", 100), RecordSurveyBounced(survey_id="S-1", occurred_at=day(101))])
        assert crm.may_ask("ada")
        crm.do(answer("ada", 9, 102, survey_id="S-1"))
        assert not crm.may_ask("ada")
        (survey,) = crm.satisfaction_of("ada").surveys
        assert (survey.fate, survey.score) == ("answered", 9)


def test_what_was_sent_too_soon_is_recorded_with_a_notice(database_url: str) -> None:
    clock = Clock(day(300))
    with opened(database_url, clock) as crm:
        crm.do(RegisterCustomer(ref="ada", occurred_at=day(0)))
        assert crm.do(ask("ada", "S-1", 100)).notices == ()
        (notice,) = crm.do(ask("ada", "S-2", 112)).notices
        assert '"S-2" is recorded, and was sent 12 days apart' in notice
        assert "at least 90 days" in notice
        assert len(crm.do(ask("ada", "S-0", 95)).notices) == 1  # also where it is told later
        assert crm.do(ask("ada", "S-3", 202)).notices == ()
        first, second = crm.do([ask("ada", "S-4", 295), ask("ada", "S-5", 295)])
        assert (first.notices, second.notices) == (first.notices, second.notices)
        assert first.notices
        assert second.notices
        assert crm.satisfaction_of("ada").too_soon == 3
        assert crm.satisfaction().total.counts.too_soon == 3


IMPORTED = """
format = "csv"
zone = "UTC"
[customer]
ref = "{ref}"
[[command]]
do = "RecordSurveySent"
fields = { survey_id = "{id}", survey = "nps", channel = "email", occurred_at = { column = "on", format = "%Y-%m-%d" } }
"""


def test_an_import_tells_of_what_was_sent_too_soon_as_well(database_url: str, tmp_path: Path) -> None:
    (tmp_path / "sent.csv").write_text("ref,id,on\nada,S-1,2024-03-01\nada,S-2,2024-03-11\nbo,S-3,2024-03-11\n")
    (tmp_path / "sent.toml").write_text(IMPORTED)
    with opened(database_url, Clock(day(300))) as crm:
        report = crm.import_file(tmp_path / "sent.csv", tmp_path / "sent.toml")
        assert '"S-2" is recorded, and was sent 10 days apart' in " ".join(report.notices)
        assert crm.satisfaction(since=date(2024, 1, 1)).total.counts.too_soon == 1


def test_the_rules_say_how_long_and_a_change_of_them_moves_what_was_too_soon(database_url: str) -> None:
    clock = Clock(day(300))
    with opened(database_url, clock) as crm:
        crm.do(RegisterCustomer(ref="ada", occurred_at=day(0)))
        crm.do([ask("ada", "S-1", 100), ask("ada", "S-2", 120)])
        assert crm.satisfaction().total.counts.too_soon == 1
        crm.rules.publish(with_edits([("ask_again_days = 90", "ask_again_days = 10")]), reason="shorter")
        assert crm.satisfaction().total.counts.too_soon == 0
        assert crm.may_ask("ada", as_of=day(130))


def test_why_a_customer_counts_as_they_do_names_the_events(database_url: str) -> None:
    clock = Clock(day(110))
    with opened(database_url, clock) as crm:
        crm.do(RegisterCustomer(ref="ada", occurred_at=day(0)))
        crm.do([ask("ada", "S-1", 100), answer("ada", 3, 105, survey_id="S-1")])
        found = crm.satisfaction_of("ada")
        assert (found.nps, found.csat, bool(found.may_ask)) == ("detractor", None, False)
        said = {each.id: (each.sentence, [line.what for line in each.events]) for each in found.reasons}
        assert said["nps"] == ("answered NPS with 3, 5 days ago: detractor", ["NPS answer 3"])
        assert said["ask_again"][1] == ["NPS survey S-1 sent by email"]
        assert crm.satisfaction_of("ada", as_of=day(101)).nps is None


# --------------------------------------------------------------------------------------------------------- assessments


def with_a_text(crm: Regulars, who: str = "ada", on: int = 10, comment: str = "Never again") -> int:
    if not crm.event_count or who not in {each.ref for each in crm.customers()}:
        crm.do(RegisterCustomer(ref=who, occurred_at=day(0)))
    position = crm.do(answer(who, 2, on, comment=comment)).position
    assert position is not None
    return position


def test_a_text_is_assessed_for_its_customer_and_the_same_again_changes_nothing(database_url: str) -> None:
    with opened(database_url, Clock(day(20))) as crm:
        position = with_a_text(crm)
        outcome = crm.assess(position, "sentiment", "negative", model="mood", version="3")
        (recorded,) = outcome.events
        assert recorded.event == AssessmentRecorded(
            about=position,
            said_at=regulars.crm_domain.instant.to_instant(day(10)),
            kind="sentiment",
            value="negative",
            model="mood",
            version="3",
        )
        assert outcome.customer_id == crm.find("ada")
        assert crm.assess(position, "sentiment", "negative", model="mood", version="3").events == ()


def test_what_has_no_text_is_not_assessed(database_url: str) -> None:
    with opened(database_url, Clock(day(20))) as crm:
        with_a_text(crm)
        with pytest.raises(Rejected, match=r"\(CustomerRegistered\) has no text") as refused:
            crm.assess(1, "sentiment", "negative")
        assert refused.value.code == "no_text"
        with pytest.raises(Rejected, match="no event #99 yet") as refused:
            crm.assess(99, "sentiment", "negative")
        assert refused.value.code == "unknown_text"


ASKING = 'when = [{ fact = "assessed", has = ["sentiment:negative"] }, { fact = "orders", below = 2 }]'


def test_rules_may_ask_what_was_made_of_the_latest_text(database_url: str) -> None:
    clock = Clock(day(20))
    with opened(database_url, clock) as crm:
        first, second = with_a_text(crm, on=10), with_a_text(crm, on=15, comment="All good now")
        crm.do(RecordPurchase(customer="ada", order_id="A-1", amount="10.00", occurred_at=day(16)))
        wish = with_edits(
            [
                (
                    'id = "new"\nstage = "new"\nwhen = [{ fact = "orders", below = 2 }]',
                    f'id = "new"\nstage = "cross"\n{ASKING}',
                )
            ]
        )
        assert not crm.rules.diff(wish).moved["stage"].get(("new", "cross"))
        crm.assess(second, "sentiment", "negative", model="mood", version="3")
        difference = crm.rules.diff(wish)
        assert difference.moved["stage"] == {("new", "cross"): 1}
        (explained,) = difference.explain(difference.moves)
        assert "assessed as sentiment:negative" in explained.new_reason
        crm.rules.publish(wish, reason="care")
        assert crm.customer("ada").stage == "cross"

        crm.assess(first, "sentiment", "positive")  # an older text says nothing of how they are now
        assert crm.customer("ada").stage == "cross"
        clock.now += DAY
        crm.assess(second, "sentiment", "positive")  # a person overrules the model
        assert crm.customer("ada").stage == "active"
        assert crm.customer("ada", as_of=clock.now - timedelta(hours=1)).stage == "cross"
        assert crm.customer("ada", known_at=clock.now - timedelta(hours=1)).stage == "cross"


def test_two_versions_are_compared_on_the_texts_that_both_assessed(database_url: str) -> None:
    with opened(database_url, Clock(day(20))) as crm:
        texts = [with_a_text(crm, f"shop:{n}", on=n, comment=f"Text {n}") for n in range(5)]
        for n, text in enumerate(texts[:4]):
            crm.assess(text, "sentiment", "negative" if n < 2 else "positive", model="mood", version="1")
        for n, text in enumerate(texts[1:]):
            crm.assess(text, "sentiment", "negative" if n < 2 else "positive", model="mood", version="2")
        crm.assess(texts[0], "topic", "delivery", model="mood", version="2")
        found = crm.compare_assessments("1", "2")
        # Both: texts 1, 2, 3. Version 1 says negative, positive, positive; version 2 negative, negative, positive.
        assert (found.agreement.value, found.agreement.n) == (2 / 3, 3)
        assert (found.only_old, found.only_new) == (1, 2)
        assert found.moved == {("sentiment", "positive", "negative"): 1}
        assert [each.about for each in found.changes] == [texts[2]]
        assert crm.compare_assessments("1", "2", kind="sentiment").only_new == 1
        with pytest.raises(NotFound, match='version "3"'):
            crm.compare_assessments("1", "3")


def test_an_assessment_is_no_personal_text_and_outlasts_a_forgetting(database_url: str) -> None:
    with opened(database_url, Clock(day(20))) as crm:
        position = with_a_text(crm)
        crm.assess(position, "sentiment", "negative", model="mood", version="3")
        crm.forget("ada", reason="on request")
        person = crm.export_person(CustomerId(crm.audit().entries[0].customer_id or ""))
        assert [type(each.event).__name__ for each in person.events][-2:] == [
            "AssessmentRecorded",
            "PersonalDataErased",
        ]
        assert crm.assess(position, "sentiment", "positive").events  # of what is left, a word may still be said
        with pytest.raises(Rejected):
            crm.do(RecordAssessment(about=str(position), kind="sentiment", value="mixed", reason="Ada was cross"))
        assert crm.projections.verify().holds
