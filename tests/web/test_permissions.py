"""Who may do what over HTTP: a reader asks, a clerk records, an owner does everything."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime

import pytest

import regulars
from regulars import Regulars
from regulars.crm_domain.catalogue import COMMANDS
from regulars.upkeep.tokens import ROLES, Role
from regulars.web.access.permissions import TAKES, allows, takes
from regulars.web.api.questions import NOT_ASKED, QUESTIONS
from served import client

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NAMED = {"name": "nobody", "segment": "nobody", "lane": "stage", "dimension": "stage", "number": "1"}
#: What a clerk can't do, as the sentence in the documentation has it: forget, export, publish, and make tokens.
OWNERS_ALONE = ("ErasePersonalData", "forget", "export_person", "export_events", "rules.publish", "tokens.new")


def doors() -> set[str]:
    """Everything that a store lets others do or ask, by the names in the table."""
    beside = {"rules": regulars.PublishedRules, "projections": regulars.Projections, "keys": regulars.Keys}
    beside |= {"tokens": regulars.Tokens, "models": regulars.Models, "campaigns": regulars.Campaigns}
    of_store = {name for name in vars(Regulars) if not name.startswith("_")}
    return of_store | {f"{door}.{name}" for door, of in beside.items() for name in vars(of) if not name.startswith("_")}


def test_every_command_takes_a_role_and_none_is_named_that_is_not_there() -> None:
    assert COMMANDS.keys() <= TAKES.keys()
    assert {each for each in TAKES if each[0].isupper()} == COMMANDS.keys()


def test_every_question_takes_a_role_and_nothing_is_named_that_is_not_there() -> None:
    asked = {each.name for each in QUESTIONS}
    assert asked <= TAKES.keys()
    assert {each for each in TAKES if not each[0].isupper()} <= asked | doors()


@pytest.mark.parametrize("what", sorted(TAKES))
def test_who_may_do_more_may_do_what_others_may(what: str) -> None:
    may = [allows(role, what) for role in ROLES]
    assert may == sorted(may)
    assert may[-1]


def test_a_reader_records_nothing_and_a_clerk_does_not_do_what_is_the_owners() -> None:
    assert not any(allows("reader", each) for each in COMMANDS)
    assert not any(allows("clerk", each) for each in OWNERS_ALONE)
    assert takes("CommandOfAnExtension") == "owner"


@pytest.mark.parametrize("role", ROLES)
def test_every_route_asks_the_table(role: Role) -> None:
    with regulars.open(":memory:", clock=lambda: NOW) as crm:
        api = client(crm, role)
        for name in COMMANDS:
            refused = api.post(f"/commands/{name}", json={}).status_code == 403
            assert refused is not allows(role, name), name
        for question in QUESTIONS:
            path = question.path.replace(":path}", "}").format_map(dict.fromkeys(_ids(question.path), "0" * 32) | NAMED)
            said = api.get(path) if question.method == "GET" else api.post(path, json={})
            assert (said.status_code == 403) is not allows(role, question.name), path


def _ids(path: str) -> list[str]:
    return [each.partition("}")[0] for each in path.replace(":path}", "}").split("{")[1:]]


def test_no_method_of_a_store_is_forgotten() -> None:
    methods = {name for name, each in vars(Regulars).items() if not name.startswith("_")}
    asked = {each.ask.__name__ for each in QUESTIONS}
    assert methods - asked == NOT_ASKED.keys()
    assert not asked & NOT_ASKED.keys()


def test_no_parameter_of_a_question_is_forgotten() -> None:
    from regulars.web.api.parameters import NOT_SENT, parameters_of

    taken: dict[str, set[str]] = {}
    for each in QUESTIONS:
        taken.setdefault(each.ask.__qualname__, set()).update(parameters_of(each.ask, each.without).model_fields)
    for each in QUESTIONS:
        wanted = set(list(inspect.signature(each.ask).parameters)[1:]) - NOT_SENT
        assert wanted - taken[each.ask.__qualname__] <= {"personal"}, (
            each.path
        )  # GET /customers/{who}/export is for that
