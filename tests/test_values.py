"""Whatever the library hands out can be copied, pickled, compared, and turned into JSON."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Iterator
from dataclasses import is_dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import UnionType

import msgspec
import pytest
from fastapi.encoders import jsonable_encoder
from msgspec import Struct

import regulars
from regulars import (
    AddNote,
    Command,
    DismissDuplicate,
    EnrollMember,
    Event,
    GiveConsent,
    MergeCustomers,
    OpenTicket,
    OrderLine,
    RecordPurchase,
    RegisterCustomer,
    Regulars,
    ReplyAsAgent,
    StoreUnusable,
    to_dict,
)
from regulars.crm_domain import value_model

NOW = datetime.fromisoformat("2026-03-01T12:00:00+00:00")
PURCHASES = b"ref,order_id,amount\nshop:9,C-1,wrong\n"

#: They say that something is wrong, or are what a program gives and never gets.
NEVER_SEEN_HERE = {
    *("EventDamage", "SealDamage", "Fault", "Difference", "Poison", "MissingExtension"),
    *("EstimatedMove", "RulesEstimate"),
    *("NeverDrawn", "RecordedAhead", "OpenTransaction", "OwnerNeeded"),
    *("Extension", "Reported", "Restoration", "Rotation", "Taken", "TicketMove"),
}

SEGMENT = """
[[segment]]
id = "buyers"
enter = [{ fact = "orders", from = 1 }]
[[earn]]
id = "tea"
on = "category"
skus = ["tea"]
points = 5
"""


def tea(number: int, days: int) -> RecordPurchase:
    lines = (OrderLine(sku="tea", quantity=2, amount="5"),)
    at, order_id = NOW - timedelta(days=days), f"T-{number}-{days}"
    return RecordPurchase(customer=f"tea:{number}", order_id=order_id, amount="5", lines=lines, occurred_at=at)


@pytest.fixture(scope="module")
def crm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Regulars]:
    path = tmp_path_factory.mktemp("values") / "shop.db"
    with regulars.open(path, currency="EUR", actor="li", clock=lambda: NOW) as crm:
        for number, name in enumerate(("Ada", "Bo", "Cy", "Ada")):
            ref = f"shop:{number}"
            at = NOW - timedelta(days=200 - number)
            contact = {"ref": ref, "name": name, "email": f"{name}@example.com", "birthday": "--05-17"}
            crm.do(RegisterCustomer(**contact, occurred_at=at))
            crm.do(RecordPurchase(customer=ref, order_id=f"A-{number}", amount="59.90", occurred_at=at))
        crm.do([EnrollMember(customer="shop:0"), AddNote(customer="shop:0", text="likes tea")])
        crm.do(RecordPurchase(customer="shop:0", order_id="B-1", amount="500.00"))
        crm.do(OpenTicket(customer="shop:0", ticket_id="T-1", subject="late", priority="high"))
        crm.do(ReplyAsAgent(ticket_id="T-1", message="soon"))
        crm.do(regulars.OpenOpportunity(customer="shop:0", opportunity_id="O-1", amount="90", title="Tea"))
        line = regulars.QuoteLine(sku="tea", unit_price="9.50", tax_rate="7")
        crm.do(regulars.SendQuote(customer="shop:0", quote_id="Q-1", lines=[line]))
        crm.do(regulars.SignContract(customer="shop:0", contract_id="C-1", start="2026-01-01", amount="90"))
        crm.do(GiveConsent(customer="shop:0", channel="email", purpose="news"))
        crm.do(regulars.CreateCoupon(coupon_id="HELLO", amount="5", personal=True))
        crm.do(regulars.CreateCoupon(coupon_id="SUMMER10", percent=10))
        crm.do(regulars.IssueCoupon(customer="shop:0", coupon_id="HELLO"))
        (issued,) = crm.coupon_codes("shop:0")
        crm.do(RecordPurchase(customer="shop:0", order_id="B-2", amount="9", coupon=issued.code))
        crm.do(RegisterCustomer(ref="acme", kind="firm"))
        crm.do(regulars.RecordEmployment(customer="shop:0", firm="acme"))
        crm.do(MergeCustomers(customer="shop:2", into="shop:1"))
        crm.do(DismissDuplicate(customer="shop:1", other="shop:0"))
        for number in range(6):
            crm.do(RegisterCustomer(ref=f"tea:{number}", occurred_at=NOW - timedelta(days=30)))
            crm.do([tea(number, days) for days in (30, 20)])
        crm.do(regulars.RecordSurveySent(customer="shop:0", survey_id="S-1", survey="nps", channel="email"))
        text = crm.do(regulars.RecordSurveyAnswer(customer="shop:0", survey="nps", score=3, survey_id="S-1")).position
        assert text is not None
        for version, word in (("1", "negative"), ("2", "mixed")):
            crm.assess(text, "sentiment", word, model="mood", version=version)
        yield crm


def handed_out(crm: Regulars, folder: Path) -> Iterator[object]:
    rules = regulars.as_toml(crm.ruleset).replace("prior_gap_days = 30", "prior_gap_days = 7")
    rules = rules.replace("probability = 0.1", "probability = 0.15")
    ruleset = regulars.parse_rules(f"{rules}\n{SEGMENT}[due_again]\ngaps = {{ tea = 10 }}\n")
    (folder / "orders.csv").write_bytes(PURCHASES)
    (folder / "orders.toml").write_text(MAPPING, encoding="utf-8")
    yield crm.do(AddNote(customer="shop:1", text="called"))
    yield from (crm.customer("shop:0"), crm.customer("shop:0").explain(), crm.customer("shop:0").timeline())
    yield from (
        crm.customers(),
        crm.status(),
        crm.snapshot(),
        crm.audit(),
        crm.audit(limit=2),
        crm.tickets(),
        crm.points("shop:0"),
    )
    yield from (crm.ticket("T-1"), crm.opportunity("O-1"), crm.leads(by="month"))
    yield from (crm.quotes(), crm.quote("Q-1"), crm.contracts(), crm.contract("C-1"))
    yield from (*crm.coupons(), crm.coupon("HELLO"), *crm.coupon_codes("shop:0"))
    crm.do(regulars.AddTask(task_id="K-1", customer="shop:0", what="call", due=NOW.date(), repeats="every week"))
    yield from (crm.tasks(), crm.task("K-1"), *crm.task_days(NOW.date(), NOW.date() + timedelta(days=30)))
    yield from (crm.satisfaction(by="tier"), crm.satisfaction_of("shop:0"), crm.compare_assessments("1", "2"))
    yield from (crm.consents("shop:0"), crm.contactable(channel="email", purpose="news"), crm.duplicates())
    yield from crm.dismissed_duplicates()
    yield from (crm.export_person("shop:0"), crm.projections.verify(), *crm.projections.generations(), *crm.events())
    sealing = crm.seal()
    yield from (
        sealing,
        crm.check_seals(against=sealing.root),
        crm.check_records(),
        *crm.rules.history(),
        ruleset,
        crm.ruleset,
    )
    difference = crm.rules.diff(ruleset)
    yield from (difference, *difference.explain(difference.moves), crm.business_timeline())
    yield crm.import_file(folder / "orders.csv", folder / "orders.toml", dry_run=True)
    yield crm.recognise(folder / "orders.csv", mapping=MAPPING)
    yield from (crm.rules.publish(ruleset, reason="sooner"), *crm.rules.history())
    yield crm.rewards_forecast("shop:0", "59.90", lines=[OrderLine(sku="tea", amount="59.90")])
    yield from (crm.rules.measure_due_again(min_buyers=6), crm.due(value=None))
    yield from (crm.explain_due("tea:0", "tea"), *crm.most_bought("tea:0"))
    yield from (*crm.segments(), crm.segment("buyers"), crm.attrition("buyers"), crm.customer("shop:0").explain())
    yield crm.service(by="month")
    yield from (crm.firm("acme"), *crm.people("acme"), *crm.firms_of("shop:0"))
    with_care = regulars.parse_rules(f'{regulars.as_toml(crm.ruleset)}\n[[care]]\nid = "years"\non = "first_order"\n')
    crm.rules.publish(with_care, reason="thank them")
    span = {"since": NOW.date(), "until": NOW.date() + timedelta(days=300)}
    yield from (crm.reminders(**span), crm.birthdays(**span), crm.calendar(**span), crm.search("likes"))
    (folder / "sent.eml").write_text(MAIL, encoding="utf-8")
    yield from (crm.version_of("shop:0"), crm.tokens.new("till", role="clerk"))
    yield crm.users.add("mara", role="owner", password="a long walk by the sea")
    yield crm.web_sessions.find(crm.web_sessions.begin("mara"))
    yield from (crm.calendar_feeds.new("phone"), crm.last_seal(), crm.backups.schedule(hour=3, keep=7))
    yield from (crm.backups.make(), *crm.backups.kept())
    yield from (crm.page("shop:0"), crm.today(), crm.import_mail(folder / "sent.eml", mine=["me@example.org"]))
    yield crm.archive(folder / "archive")
    for ref in ("shop:0", "shop:1"):
        at = NOW - timedelta(days=1)
        crm.do(GiveConsent(customer=ref, channel="post", purpose="news", occurred_at=at))
    plan = {"title": "Spring", "kind": "offer", "channel": "post", "purpose": "news"}
    crm.do(regulars.PlanCampaign(campaign_id="spring", customers=("shop:0", "shop:1"), **plan))
    yield from (crm.campaigns.preview("spring"), crm.campaigns.explain("spring", "shop:1"))
    yield from (crm.campaigns.launch("spring"), crm.campaigns.campaign("spring"), crm.campaigns.who("spring"))
    yield from (crm.campaigns.effect("spring"), crm.campaigns.effects())
    yield from crm.events(types=regulars.CampaignPlanned)
    yield crm.models.fit()
    crm.do(value_model.AGGREGATE.examples().commands[0])
    yield from (crm.value(), crm.forecasts(), crm.forecast("shop:0"), *crm.models.history())
    yield from (crm.forget("shop:3", reason="on request"), *crm.forgotten())


MAIL = """From: me@example.org
To: Ada@example.com
Subject: Tea
Message-ID: <1@example.org>
Date: Sun, 1 Mar 2026 10:00:00 +0000

It is on its way.
"""
MAPPING = """
format = "csv"
zone = "UTC"
currency = "EUR"
[customer]
ref = "{ref}"
[[command]]
do = "RecordPurchase"
[command.fields]
order_id = "{order_id}"
amount = { column = "amount", money = "major" }
"""


def inside(value: object) -> Iterator[object]:
    """A value, and those that it is made of."""
    yield value
    if isinstance(value, Struct):
        parts = [getattr(value, name) for name in value.__struct_fields__ if not name.startswith("_")]
    elif is_dataclass(value):
        parts = [getattr(value, name) for name in value.__dataclass_fields__ if hasattr(value, name)]
    elif isinstance(value, dict):
        parts = [*value.values()]
    else:
        parts = [*value] if isinstance(value, tuple | list) else []
    for part in parts:
        yield from inside(part)


@pytest.fixture(scope="module")
def values(crm: Regulars, tmp_path_factory: pytest.TempPathFactory) -> list[object]:
    return [*handed_out(crm, tmp_path_factory.mktemp("files"))]


def test_all_classes_of_values_are_tried(values: list[object]) -> None:
    tried = {type(part) for value in values for part in inside(value)}
    public = {name: each for name in regulars.__all__ if isinstance(each := getattr(regulars, name), type)}
    kinds = {name for name, each in public.items() if is_dataclass(each) or issubclass(each, Struct)}
    expected = {name for name in kinds if not issubclass(public[name], Event | Command)}
    assert expected - {each.__name__ for each in tried} == NEVER_SEEN_HERE & expected


def test_every_value_can_be_copied_pickled_and_compared(values: list[object]) -> None:
    for value in values:
        for again in (copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))):
            assert again == value, type(value)
            assert type(again) is type(value)


def test_every_value_is_json(values: list[object]) -> None:
    for value in values:
        found = to_dict(value)
        assert json.loads(json.dumps(found)) == found
        if is_dataclass(value):
            json.dumps(jsonable_encoder(value, custom_encoder={Struct: to_dict}))


def test_json_says_instants_money_and_ids_as_text(crm: Regulars) -> None:
    customer = to_dict(crm.customer("shop:1", as_of=NOW))
    assert customer["net_spend"] == "119.80"
    assert customer["as_of"] == "2026-03-01T12:00:00+00:00"
    assert customer["tags"] == []
    assert type(customer["id"]) is str
    assert not [name for name in customer if name.startswith("_")]
    (registered, *_) = [to_dict(each) for each in crm.events(customer="shop:1")]
    assert (registered["event"]["type"], registered["event"]["name"]) == ("CustomerRegistered", "Bo")
    assert registered["occurred_at"] == (NOW - timedelta(days=199)).isoformat()
    command = to_dict(RecordPurchase(customer="shop:1", order_id="A-9", amount="5.90", occurred_at=NOW))
    assert (command["amount"], command["occurred_at"]) == ("5.90", "2026-03-01T12:00:00+00:00")


@pytest.mark.parametrize("wrong", [object(), 5, "text", None, [1], UnionType])
def test_what_is_no_value_of_ours_is_refused(wrong: object) -> None:
    with pytest.raises(TypeError, match="to_dict"):
        to_dict(wrong)


def test_a_copy_asks_its_store_and_what_was_pickled_says_that_it_can_t(crm: Regulars) -> None:
    customer = crm.customer("shop:0")
    assert copy.deepcopy(customer).explain() == copy.copy(customer).explain() == customer.explain()
    alone = pickle.loads(pickle.dumps(customer))
    for ask in (alone.explain, alone.timeline, lambda: alone.verdict("stage")):
        with pytest.raises(StoreUnusable, match="this Customer was pickled, which leaves its store behind"):
            ask()


def test_an_event_is_written_as_msgspec_writes_it(crm: Regulars) -> None:
    for each in crm.events():
        assert to_dict(each.event).items() >= json.loads(msgspec.json.encode(each.event)).items()
