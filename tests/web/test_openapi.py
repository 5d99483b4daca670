"""The OpenAPI document says what the API does: answers are of its shapes, and requests drawn from it find nothing."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

import openapi
import regulars
from regulars import RegisterCustomer, Regulars, default_rules, parse_rules
from regulars.crm_domain.catalogue import AGGREGATES, COMMANDS
from regulars.web.api.questions import QUESTIONS
from served import bearing, client, serving_apart

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DOCUMENT: dict[str, Any] = json.loads(openapi.text())
RULES = """
[[segment]]
id = "buyers"
enter = [{ fact = "orders", from = 1 }]
[due_again]
gaps = { tea = 10 }
[[care]]
id = "years"
on = "first_order"
"""
#: What is to be given where a question can't do without.
GIVEN = {
    "contactable": {"channel": "email", "purpose": "newsletter"},
    "compare_assessments": {"old": "1", "new": "2"},
    "expiring": {"within": "90d"},
    "explain_due": {"item": "tea"},
    "find": {"who": "shop:42"},
    "flow": {"first": "2025-12-01", "second": "2026-02-01"},
    "history": {"field": "name"},
    "movers": {"first": "2025-12-01", "second": "2026-02-01", "new": "new"},
    "pipeline_waterfall": {"first": "2025-12-01", "second": "2026-02-01"},
    "search": {"text": "a"},
    "task_days": {"since": "2026-03-01", "before": "2026-04-01"},
    "totals": {"days": ["2026-01-01", "2026-03-01"]},
}
NAMED = {
    "segment": "buyers",
    "name": "buyers",
    "lane": "stage",
    "dimension": "tier",
    "number": "1",
    "ticket_id": "T-1",
    "task_id": "K-1",
    "quote_id": "Q-1",
    "opportunity_id": "O-1",
    "contract_id": "C-1",
}


@pytest.fixture(scope="module")
def crm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Regulars]:
    """A store in which every example of a command was given that it takes."""
    path = tmp_path_factory.mktemp("openapi") / "shop.db"
    rules = parse_rules(f"{regulars.as_toml(default_rules())}\n{RULES}")
    with regulars.open(path, currency="EUR", actor="li", clock=lambda: NOW, rules=rules) as crm:
        at = NOW - timedelta(days=90)
        crm.do([RegisterCustomer(ref=f"shop:{number}", name="Ada", occurred_at=at) for number in range(40, 45)])
        crm.do(RegisterCustomer(ref="acme", kind="firm", occurred_at=at))
        crm.do(regulars.RecordEmployment(customer="shop:44", firm="acme"))
        for days in (60, 40, 20):
            line, then = regulars.OrderLine(sku="tea", amount="30"), NOW - timedelta(days=days)
            order: dict[str, Any] = {"order_id": f"T-{days}", "amount": "30", "lines": (line,), "occurred_at": then}
            crm.do(regulars.RecordPurchase(customer="shop:44", **order))
        text = crm.do(regulars.AddNote(customer="shop:44", text="likes tea")).position
        assert text is not None
        for version, word in (("1", "negative"), ("2", "mixed")):
            crm.assess(text, "sentiment", word, model="mood", version=version)
        crm.do(regulars.OpenTicket(customer="shop:44", ticket_id="T-1", subject="late"))
        crm.do(regulars.AddTask(task_id="K-1", customer="shop:44", what="call"))
        crm.do(regulars.OpenOpportunity(customer="shop:44", opportunity_id="O-1", amount="90"))
        tea = regulars.QuoteLine(sku="tea", unit_price="9.50", tax_rate="7")
        crm.do(regulars.SendQuote(customer="shop:44", quote_id="Q-1", lines=(tea,)))
        crm.do(regulars.SignContract(customer="shop:44", contract_id="C-1", start=at.date(), amount="90"))
        for each in AGGREGATES:
            for command in each.examples().commands:
                try:
                    crm.do(command)
                except (regulars.Rejected, regulars.NotFound):
                    continue
        yield crm


def test_the_document_is_checked_in() -> None:
    assert Path("docs/openapi.json").read_text(encoding="utf-8") == openapi.text(), "run `make reference`"


def test_the_document_that_is_served_is_the_one_that_is_checked_in(crm: Regulars) -> None:
    assert client(crm, name="document").get("/openapi.json").json() == DOCUMENT


def test_there_is_a_route_for_every_command_and_question() -> None:
    operations = {each["operationId"] for path in DOCUMENT["paths"].values() for each in path.values()}
    assert operations == {*COMMANDS, *(each.name for each in QUESTIONS), "batch", "changes", "drop_changes"}


def validator(operation: dict[str, Any]) -> Any:
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    return jsonschema_rs.Draft202012Validator(
        {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "components": DOCUMENT["components"]}
    )


@pytest.fixture(scope="module")
def api(crm: Regulars) -> httpx.Client:
    return client(crm, name="shapes")


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda each: each.name)
def test_every_answer_has_the_shape_that_is_promised(crm: Regulars, api: httpx.Client, question: Any) -> None:
    path = question.path.replace(":path}", "}")
    operation = DOCUMENT["paths"][path][question.method.lower()]
    answered = 0
    for who in ("shop:42", "shop:44", "acme"):
        customer = str(crm.find(who))
        address = path.format_map({"who": customer, "firm": customer, "person": customer} | NAMED)
        given = GIVEN.get(question.name, {})
        said = api.get(address, params=given) if question.method == "GET" else api.post(address, json=given)
        if said.status_code == 404 and question.name in ("firm", "people", "forecast", "forecasts", "explain_due"):
            continue
        assert said.status_code == 200, said.text
        validator(operation).validate(said.json())
        answered += 1
    assert answered or question.name in ("forecast", "forecasts")


# ------------------------------------------------------------------------------------------ requests that are drawn

#: A rule that JSON Schema can't state, such as that one of two fields is given, refuses what the schema lets through.
REFUSED = (400, 409, 412, 422)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, dict[str, str]]]:
    path = tmp_path_factory.mktemp("drawn") / "shop.db"
    with regulars.open(path, currency="EUR", actor="li") as crm:
        crm.do([RegisterCustomer(ref=f"shop:{number}") for number in range(3)])
        text = crm.tokens.new("drawn", role="owner").text
    # Hypothesis parses Python while it draws. CPython 3.11 miscounts its depth where a collection in the middle of that
    # lets another thread parse, too, so the server is a process of its own, and nothing is collected meanwhile.
    gc.collect()
    gc.disable()
    try:
        with serving_apart(str(path)) as address:
            schema = schemathesis.openapi.from_dict(DOCUMENT)
            schema.config.update(base_url=address)
            yield schema, bearing(text)
    finally:
        gc.enable()


def test_requests_that_are_drawn_from_the_document_find_nothing(drawn: tuple[Any, dict[str, str]]) -> None:
    schema, headers = drawn
    for each in schema.get_all_operations():
        operation = each.ok()
        drawn_ones = operation.as_strategy(generation_mode=GenerationMode.POSITIVE) | operation.as_strategy(
            generation_mode=GenerationMode.NEGATIVE
        )

        @settings(
            max_examples=3,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=drawn_ones)
        def holds(case: Any) -> None:
            said = case.call(headers=headers)
            excluded = [positive_data_acceptance] if said.status_code in REFUSED else []
            case.validate_response(said, excluded_checks=excluded)

        holds()
