"""The OpenAPI document says what the API does: answers are of its shapes, and requests drawn from it find nothing."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from datetime import UTC, datetime
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
from questions import GIVEN, NAMED, store_in_which_everything_happened
from regulars import RegisterCustomer, Regulars
from regulars.crm_domain.catalogue import COMMANDS
from regulars.web.api.questions import QUESTIONS
from served import bearing, client, serving_apart

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DOCUMENT: dict[str, Any] = json.loads(openapi.text())


@pytest.fixture(scope="module")
def crm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Regulars]:
    with store_in_which_everything_happened(tmp_path_factory.mktemp("openapi") / "shop.db", NOW) as crm:
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
        given = GIVEN.get(question.ask.__name__, {})
        said = api.get(address, params=given) if question.method == "GET" else api.post(address, json=given)
        if said.status_code == 404 and question.name in ("firm", "people", "forecast", "forecasts", "explain_due"):
            continue
        assert said.status_code == 200, said.text
        validator(operation).validate(said.json())
        answered += 1
        if question.acts:  # which is done once
            break
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
