"""A program that traces sees what the library does, and nothing of whom it does it with."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from inspect import isfunction
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from histories import SEGMENTS
from regulars import (
    AddNote,
    AddTask,
    CreateCoupon,
    GiveConsent,
    IssueCoupon,
    NotFound,
    OpenOpportunity,
    OpenTicket,
    OrderLine,
    QuoteLine,
    RecordPurchase,
    RegisterCustomer,
    Regulars,
    Rejected,
    SendQuote,
    SignContract,
    parse_rules,
)
from regulars.crm_domain.value_model import AGGREGATE as VALUE_MODEL
from shops import Clock, default_text, opened

GAPS = "[due_again]\ngaps = { tea = 30 }\n"
PERSONAL = ("shop:77", "Zoëla", "zoela@example.com", "+49 30 7777", "A-777", "orders-of-zoela")
MAPPING = """
format = "csv"
[[command]]
do = "RecordPurchase"
[command.fields]
customer = "{who}"
order_id = "{order}"
amount = "{amount}"
"""


@pytest.fixture(scope="module")
def exporter() -> InMemorySpanExporter:
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    trace.set_tracer_provider(provider)
    return kept


def named(spans: tuple[ReadableSpan, ...], name: str) -> list[ReadableSpan]:
    return [each for each in spans if each.name == f"regulars {name}"]


def personal_in(spans: tuple[ReadableSpan, ...]) -> list[str]:
    told = "\n".join(each.to_json() for each in spans)
    return [each for each in PERSONAL if each in told or each.encode("unicode_escape").decode() in told]


def test_spans_tell_what_is_done_and_nothing_personal(
    exporter: InMemorySpanExporter, database_url: str, tmp_path: Path
) -> None:
    exporter.clear()
    file, mapping = tmp_path / "orders-of-zoela.csv", tmp_path / "mapping.toml"
    file.write_text("who,order,amount\nshop:77,A-777,5.90\n")
    mapping.write_text(MAPPING)
    with opened(database_url, Clock()) as crm, trace.get_tracer("till").start_as_current_span("sale"):
        crm.do(RegisterCustomer(ref="shop:77", name="Zoëla", email="zoela@example.com", phone="+49 30 7777"))
        with pytest.raises(Rejected, match="A-777"):
            crm.do([RecordPurchase(customer="shop:77", order_id="A-777", amount=each) for each in ("1", "2")])
        crm.import_file(file, mapping)
        assert len(crm.customers(text="Zoëla")) == 1
        crm.projections.rebuild()
    spans = exporter.get_finished_spans()
    done, refused = named(spans, "do")
    assert done.attributes is not None
    assert dict(done.attributes) == {
        "db.system.name": "sqlite" if "://" not in database_url else "postgresql",
        "regulars.commands": 1,
        "regulars.kinds": ("RegisterCustomer",),
    }
    assert refused.attributes is not None
    assert refused.attributes["error.type"] == "Rejected"
    assert refused.status.status_code is trace.StatusCode.ERROR
    for name in ("import", "customers", "catch up", "build"):
        assert named(spans, name), name
    [sale] = [each for each in spans if each.name == "sale"]
    assert done.parent == sale.context
    assert not personal_in(spans)


#: What is asked of a store, by the name of its span.
QUESTIONS: dict[str, Callable[[Regulars], object]] = {
    "attrition": lambda crm: crm.attrition("quiet"),
    "birthdays": lambda crm: crm.birthdays(),
    "contracts": lambda crm: crm.contracts(),
    "contract": lambda crm: crm.contract("C-1"),
    "coupon": lambda crm: crm.coupon("HELLO"),
    "coupon codes": lambda crm: crm.coupon_codes("shop:77"),
    "coupons": lambda crm: crm.coupons(),
    "firm": lambda crm: crm.firm("acme"),
    "firms of": lambda crm: crm.firms_of("shop:77"),
    "page": lambda crm: crm.page("shop:77"),
    "people": lambda crm: crm.people("acme"),
    "quote": lambda crm: crm.quote("Q-1"),
    "quotes": lambda crm: crm.quotes(),
    "reminders": lambda crm: crm.reminders(),
    "search": lambda crm: crm.search("likes"),
    "subscriptions": lambda crm: crm.subscriptions(),
    "task": lambda crm: crm.task("K-1"),
    "task days": lambda crm: crm.task_days(date(2024, 1, 1), date(2024, 2, 1)),
    "tasks": lambda crm: crm.tasks(),
    "today": lambda crm: crm.today(),
    "audit": lambda crm: crm.audit(),
    "compare assessments": lambda crm: crm.compare_assessments("1", "2"),
    "due": lambda crm: crm.due(),
    "explain due": lambda crm: crm.explain_due("shop:77", "tea"),
    "forecast": lambda crm: crm.forecast("shop:77"),
    "forecasts": lambda crm: crm.forecasts(),
    "may ask": lambda crm: crm.may_ask("shop:77"),
    "most bought": lambda crm: crm.most_bought("shop:77"),
    "satisfaction": lambda crm: crm.satisfaction(),
    "satisfaction of": lambda crm: crm.satisfaction_of("shop:77"),
    "service": lambda crm: crm.service(),
    "value": lambda crm: crm.value(),
    "business timeline": lambda crm: crm.business_timeline(),
    "consents": lambda crm: crm.consents("shop:77"),
    "contactable": lambda crm: crm.contactable(channel="email", purpose="marketing"),
    "customer": lambda crm: crm.customer("shop:77"),
    "customers": lambda crm: crm.customers(),
    "duplicates": lambda crm: crm.duplicates(),
    "near duplicates": lambda crm: crm.near_duplicates(),
    "dismissed duplicates": lambda crm: crm.dismissed_duplicates(),
    "events": lambda crm: next(crm.events()),
    "export person": lambda crm: crm.export_person("shop:77"),
    "find": lambda crm: crm.find("zoela@example.com"),
    "history": lambda crm: crm.history("shop:77", "name"),
    "points": lambda crm: crm.points("shop:77"),
    "rewards forecast": lambda crm: crm.rewards_forecast("shop:77", "10"),
    "segment": lambda crm: crm.segment("quiet"),
    "segments": lambda crm: crm.segments(),
    "snapshot": lambda crm: crm.snapshot(),
    "status": lambda crm: crm.status(),
    "ticket": lambda crm: crm.ticket("T-1"),
    "opportunity": lambda crm: crm.opportunity("O-1"),
    "leads": lambda crm: crm.leads(),
    "tickets": lambda crm: crm.tickets(),
    "totals": lambda crm: crm.totals("stage", [date(2024, 6, 1)]),
    "trend": lambda crm: crm.trend("stage"),
    "flow": lambda crm: crm.flow("stage", date(2024, 1, 1), date(2024, 6, 1)),
    "movers": lambda crm: crm.movers("stage", date(2023, 1, 1), date(2024, 6, 1), (None, "lead")),
    "cohorts": lambda crm: crm.cohorts(),
    "rfm": lambda crm: crm.rfm(),
    "revenue": lambda crm: crm.revenue(),
    "liability": lambda crm: crm.liability(),
    "expiring": lambda crm: crm.expiring(timedelta(days=30)),
    "pipeline": lambda crm: crm.pipeline(),
    "opportunities": lambda crm: crm.opportunities(),
    "stale opportunities": lambda crm: crm.stale_opportunities(),
    "pipeline stages": lambda crm: crm.pipeline_stages(),
    "pipeline waterfall": lambda crm: crm.pipeline_waterfall(date(2024, 1, 1), date(2024, 6, 1)),
    "pipeline forecast": lambda crm: crm.pipeline_forecast(),
    "pipeline calibration": lambda crm: crm.pipeline_calibration(),
    "version of": lambda crm: crm.version_of("shop:77"),
    "report": lambda crm: crm.report(month=date(2024, 1, 1)),
}
#: What is neither a question nor a command of a customer: it writes, looks after the store, or reads what is open.
OTHERS = {
    "acting",
    "archive",
    "as_actor",
    "as_application_recorder",
    "assess",
    "backup",
    "calendar",  # asks others
    "catch_up",
    "changes",  # it asks nothing before it is iterated
    "check_records",
    "check_seals",
    "close",
    "do",
    "export_events",
    "export_reports",
    "hold_names",  # what a question reads of them then has its span
    "forget",
    "forget_again",
    "forgotten",
    "grants_to_read",
    "import_file",
    "import_mail",
    "last_seal",
    "recognise",
    "rejects",
    "seal",
    "values",
}


def test_every_question_has_a_span_and_nothing_personal(exporter: InMemorySpanExporter, database_url: str) -> None:
    methods = {name for name, each in vars(Regulars).items() if isfunction(each) and not name.startswith("_")}
    assert {each.replace(" ", "_") for each in QUESTIONS} == methods - OTHERS
    with opened(database_url, Clock()) as crm:
        crm.do(RegisterCustomer(ref="shop:77", name="Zoëla", email="zoela@example.com", phone="+49 30 7777"))
        crm.do(GiveConsent(customer="shop:77", channel="email", purpose="marketing"))
        crm.do(OpenTicket(customer="shop:77", ticket_id="T-1", subject="A-777"))
        crm.do(OpenOpportunity(customer="shop:77", opportunity_id="O-1", title="A-777"))
        crm.do(AddTask(task_id="K-1", customer="shop:77", what="Zoëla"))
        crm.do(SignContract(customer="shop:77", contract_id="C-1", start="2024-01-01", amount=9))
        crm.do(SendQuote(customer="shop:77", quote_id="Q-1", lines=(QuoteLine(sku="tea", unit_price=9, tax_rate=7),)))
        crm.do(CreateCoupon(coupon_id="HELLO", amount="5", personal=True))
        crm.do(IssueCoupon(customer="shop:77", coupon_id="HELLO"))
        crm.do(RegisterCustomer(ref="acme", kind="firm"))
        crm.rules.publish(parse_rules(default_text() + SEGMENTS + GAPS), reason="segments, and when tea is due")
        crm.do(RecordPurchase(customer="shop:77", order_id="A-777", amount="5", lines=(OrderLine(sku="tea"),)))
        said = crm.do(AddNote(customer="shop:77", text="Zoëla likes it")).position or 0
        for version in ("1", "2"):
            crm.assess(said, "sentiment", "positive", model="mood", version=version)
        crm.do(VALUE_MODEL.examples().commands[0])
        ada = crm.customer("shop:77")
        asked = QUESTIONS | {"explain": lambda _: ada.explain(), "timeline": lambda _: ada.timeline()}
        asked["compare rules"] = lambda crm: crm.rules.diff(crm.ruleset)
        for name, ask in asked.items():
            exporter.clear()
            ask(crm)
            spans = exporter.get_finished_spans()
            assert [each.parent for each in named(spans, name)] == [None], name
            if name not in ("report", "compare assessments", "task days"):  # which ask others
                assert {each.name for each in spans} <= {f"regulars {name}", "regulars catch up"}
            assert not personal_in(spans)


def test_each_page_that_an_iteration_asks_for_has_a_span(exporter: InMemorySpanExporter, database_url: str) -> None:
    lists: dict[str, Callable[[Regulars], Iterable[object]]] = {
        "audit": lambda crm: crm.audit(),
        "customers": lambda crm: crm.customers(),
        "tickets": lambda crm: crm.tickets(),
    }
    with opened(database_url, Clock()) as crm:
        crm.do([RegisterCustomer(ref=f"shop:{n}") for n in range(51)])
        crm.do([OpenTicket(customer=f"shop:{n}", ticket_id=f"T-{n}") for n in range(51)])
        for name, ask in lists.items():
            exporter.clear()
            assert len(list(ask(crm))) >= 51
            assert len(named(exporter.get_finished_spans(), name)) == 2


def test_a_question_that_is_refused_tells_the_kind_of_error_and_not_whom_it_was_about(
    exporter: InMemorySpanExporter, database_url: str
) -> None:
    with opened(database_url, Clock()) as crm:
        exporter.clear()
        for ask in (crm.customer, crm.find, crm.ticket, crm.points, crm.consents, crm.export_person):
            with pytest.raises(NotFound, match="Zoëla"):
                ask("Zoëla")
    spans = exporter.get_finished_spans()
    assert len(spans) == 6
    for each in spans:
        assert each.attributes is not None
        assert each.attributes["error.type"] == "NotFound"
        assert "Zo" not in each.to_json()


def test_nothing_of_it_is_imported_for_a_program_that_does_not_trace(tmp_path: Path) -> None:
    script = """
import sys, regulars
with regulars.open("shop.db", currency="EUR") as crm:
    crm.do(regulars.RegisterCustomer(ref="shop:1"))
    assert len(crm.customers()) == 1
assert not [name for name in sys.modules if name.startswith("opentelemetry")]
"""
    subprocess.run([sys.executable, "-c", script], check=True, cwd=tmp_path)
