"""What is asked as known at a moment is what was answered at that moment, and what is asked by rules what was answered
while these were in force: by every question that takes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

import regulars
from questions import GIVEN, NAMED, store_in_which_everything_happened
from regulars import Command, NotFound, Regulars, Ruleset, parse_rules
from regulars.asking.dicts import plain
from regulars.web.api.parameters import parameters_of
from regulars.web.api.questions import QUESTIONS, Question

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
#: What the store learns of only afterwards happened before the instant that is asked for.
HAPPENED, ASKED, LATER = NOW + timedelta(days=1), NOW + timedelta(days=2), NOW + timedelta(days=10)
SPAN = {"since": "2025-12-01", "until": "2026-03-02"}
FIXED = {
    "liability": SPAN,
    "pipeline_calibration": SPAN,
    "revenue": SPAN,
    "trend": SPAN,
    "movers": {"first": "2025-12-01", "second": "2026-03-02", "old": "lead", "new": "new"},
    "flow": {"first": "2025-12-01", "second": "2026-03-02"},
    "pipeline_waterfall": {"first": "2025-12-01", "second": "2026-03-02"},
    "totals": {"days": ["2026-01-01", "2026-03-02"]},
    "task_days": {"since": "2026-03-01", "before": "2026-06-01"},
    "attrition": {"segment": "buyers"},
    "customers_by_text": {"text": "zoë"},
}
#: An audit of what was recorded by then has no other instant; a model has to be fitted; what was decided of a campaign
#: before its decision day is a count of days; what expires is counted from now.
OTHERWISE = {"audit", "forecast", "forecasts", "campaigns.effect", "campaigns.effects", "expiring", "timeline"}
#: What comes later bears on nothing that these say.
UNMOVED = {"business_timeline", "firms_of", "reminders", "stale_opportunities"}


class Told(Struct, frozen=True, kw_only=True):
    """A store, and what it answered before anything more was known, and before other rules were in force."""

    crm: Regulars
    then: dict[str, Any]
    since: dict[str, Any]


def asked(question: Question) -> bool:
    return question.name not in OTHERWISE and "known_at" in parameters_of(question.ask, question.without).model_fields


TOLD = [each for each in QUESTIONS if asked(each)]


#: What nothing has been settled of yet.
OURS = {
    "ticket_id": "T-9",
    "task_id": "K-9",
    "quote_id": "Q-9",
    "opportunity_id": "O-9",
    "contract_id": "C-9",
    "coupon_id": "AUTUMN",
}


def in_time() -> Sequence[Command]:
    """What was known already."""
    tea = regulars.QuoteLine(sku="tea", unit_price="9.50", tax_rate="7")
    return (
        regulars.EnrollMember(customer="shop:44"),
        regulars.OpenTicket(customer="shop:44", ticket_id="T-9"),
        regulars.AddTask(customer="shop:44", task_id="K-9", what="call"),
        regulars.SendQuote(customer="shop:44", quote_id="Q-9", lines=(tea,)),
        regulars.OpenOpportunity(customer="shop:44", opportunity_id="O-9", amount="90"),
        regulars.CreateCoupon(coupon_id="AUTUMN", percent="10", valid_until=date(2026, 12, 31)),
        regulars.SignContract(customer="shop:44", contract_id="C-9", start=NOW.date(), amount="90"),
    )


def late(crm: Regulars) -> Sequence[Command]:
    """What is written down later, and happened before the instant that is asked for."""
    lines = (regulars.OrderLine(sku="tea", amount="90"),)
    offer = next(each.offer_id for each in crm.campaigns.who("letters", arm="treated"))
    return (
        *(
            regulars.RecordPurchase(
                customer=who, order_id=f"late-{who}", amount="90", lines=lines, occurred_at=HAPPENED
            )
            for who in ("shop:40", "shop:44")
        ),
        regulars.GiveConsent(customer="shop:40", channel="email", purpose="newsletter", occurred_at=HAPPENED),
        regulars.RecordEmployment(customer="shop:43", firm="acme", since=HAPPENED.date(), occurred_at=HAPPENED),
        regulars.EndCoupon(coupon_id="AUTUMN", occurred_at=HAPPENED),
        regulars.RecordSurveySent(
            customer="shop:44", survey_id="late", survey="nps", channel="email", occurred_at=HAPPENED
        ),
        regulars.WithdrawConsent(customer="shop:44", channel="post", purpose="news", occurred_at=HAPPENED),
        regulars.ReplyAsAgent(ticket_id="T-9", message="it is on its way", occurred_at=HAPPENED),
        regulars.AddTask(task_id="K-L", customer="shop:44", what="late", due=date(2026, 4, 1), occurred_at=HAPPENED),
        regulars.CompleteTask(task_id="K-9", occurred_at=HAPPENED),
        regulars.WinOpportunity(opportunity_id="O-9", occurred_at=HAPPENED),
        regulars.DeclineQuote(quote_id="Q-9", occurred_at=HAPPENED),
        regulars.EndContract(contract_id="C-9", on=date(2026, 12, 31), occurred_at=HAPPENED),
        regulars.RecordOfferSent(offer_id=offer, channel="post", occurred_at=HAPPENED),
        regulars.EndCampaign(campaign_id="letters", occurred_at=HAPPENED),
    )


def others(crm: Regulars) -> Ruleset:
    """Rules by which much is otherwise."""
    text = regulars.as_toml(crm.ruleset)
    for old, new in (
        ("normal = 24", "normal = 48"),
        ("ask_again_days = 90", "ask_again_days = 1"),
        ("prior_gap_days = 30", "prior_gap_days = 7"),
        ("tea = 10", "tea = 1"),
        ('{ fact = "days_since_engagement", below = 180 }', '{ fact = "days_since_engagement", below = 60 }'),
        ('{ fact = "orders", from = 1 },', '{ fact = "orders", from = 2 },'),
    ):
        assert old in text, old
        text = text.replace(old, new)
    return parse_rules(text)


def answers(crm: Regulars, **axes: Any) -> dict[str, Any]:
    """What each question answers as of the instant, on the axes that are given."""
    found: dict[str, Any] = {}
    for question in TOLD:
        read = parameters_of(question.ask, question.without)
        if not axes.keys() <= read.model_fields.keys():
            continue
        needed = {name for name, field in read.model_fields.items() if field.is_required()}
        given: dict[str, Any] = {
            **{name: text for name, text in (NAMED | OURS).items() if name in needed},
            **GIVEN.get(question.name, {}),
            **FIXED.get(question.name, {}),
            **({"as_of": ASKED.isoformat()} if "as_of" in read.model_fields else {}),
            **axes,
        }
        whose = "acme" if question.name in ("firm", "people") else "shop:44"
        given |= dict.fromkeys(needed & {"who", "person", "firm"}, crm.find(whose))
        try:
            found[question.path] = plain(question.ask(crm, **read.model_validate(given).given()))
        except NotFound as error:
            found[question.path] = str(error)
    for kind in found.get("/today", {"kinds": ()})["kinds"]:
        del kind["listed_by"]  # the command line that asks the same, with what is given
    return found


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    path: Path = tmp_path_factory.mktemp("known") / "shop.db"
    with store_in_which_everything_happened(path, NOW) as crm:
        for each in in_time():
            crm.do(each)
        then = answers(crm)
    with regulars.open(path, actor="li", clock=lambda: LATER) as crm:
        for each in late(crm):
            crm.do(each)
        since = answers(crm)
        crm.rules.publish(others(crm), reason="others")
        yield Told(crm=crm, then=then, since=since)


def changed(found: dict[str, Any], before: dict[str, Any]) -> set[str]:
    return {each.name for each in TOLD if each.path in found and found[each.path] != before[each.path]}


def test_what_is_known_at_a_moment_is_what_was_told_then(told: Told) -> None:
    """By the rules that were in force then, too."""
    assert changed(answers(told.crm, known_at=NOW.isoformat()), told.then) == set()


def test_what_came_to_be_known_since_changes_what_is_told(told: Told) -> None:
    """Else the law above would hold of questions that ask nothing."""
    assert changed(told.since, told.then) == {each.name for each in TOLD} - UNMOVED


def test_what_is_asked_by_rules_is_what_was_told_while_they_were_in_force(told: Told) -> None:
    found = answers(told.crm, rules=1)
    assert changed(found, told.since) == set()
    assert changed(found, answers(told.crm, rules=2)) >= {
        "ticket",
        "tickets",
        "may_ask",
        "totals",
        "customers",
        "segments",
        "due",
    }


@pytest.mark.parametrize("what", ["ticket", "task", "quote", "contract", "opportunity"])
def test_what_was_not_known_yet_is_not_there_and_it_is_said_that_it_is_asked_of_then(told: Told, what: str) -> None:
    before = NOW - timedelta(seconds=1)
    with pytest.raises(NotFound, match=f'there is no {what} "{OURS[f"{what}_id"]}" that was known then'):
        getattr(told.crm, what)(OURS[f"{what}_id"], known_at=before)
    with pytest.raises(NotFound, match=f'there is no {what} "none"$'):
        getattr(told.crm, what)("none")


def test_the_limits_name_every_question_that_takes_less() -> None:
    """Each axis that a question doesn't take stands in docs/limits.md with the reason, and no other."""
    text = Path("docs/limits.md").read_text(encoding="utf-8")
    section = text.partition("## As of, known at, by which rules\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1:3] for line in section.splitlines() if line.startswith("| `")]
    named = {(axis, name) for without, names in rows for axis in words(without) for name in words(names)}
    questions = [each for each in QUESTIONS if not each.acts]
    missing = {
        (axis, each.name)
        for each in questions
        for axis in ("as_of", "known_at", "rules")
        if axis not in parameters_of(each.ask, each.without).model_fields
    }
    assert named == missing


def words(cell: str) -> list[str]:
    return re.findall("`([^`]+)`", cell)
