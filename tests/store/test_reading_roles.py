"""A PostgreSQL role reads what it was granted: views without anything personal, or answers without names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ProgrammingError

import regulars
from outside import run
from regulars import (
    AddNote,
    ChangeContactDetails,
    CustomerId,
    EnrollMember,
    GiveConsent,
    NotFound,
    OpenTicket,
    RecordPurchase,
    RegisterCustomer,
    Regulars,
    StoreUnusable,
    TagCustomer,
)
from regulars.adapters.vault.keyring import new_master_key
from saying import Say

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
VIEWS = (*("audit_trail", "churn_risk", "customer_card", "lifecycle_stage", "loyalty_tier", "points", "ticket_queue"),)
PERSONAL = ("Ada Lovelace", "ada@example.com", "+4930123456", "likes tea", "shop:1", "Countess")


def opened(url: str, **options: Any) -> Regulars:
    return regulars.open(url, currency="EUR", actor="li", clock=lambda: NOW, **options)


def make_store(url: str, **options: Any) -> list[CustomerId]:
    with opened(url, **options) as crm:
        crm.do(
            [
                RegisterCustomer(ref="shop:1", name="Ada Lovelace", email="ada@example.com", phone="+4930123456"),
                RegisterCustomer(ref="shop:2", name="Bob"),
                EnrollMember(customer="shop:1"),
                RecordPurchase(customer="shop:1", order_id="A-1", amount="200.00"),
                OpenTicket(customer="shop:1", ticket_id="T-1"),
                AddNote(customer="shop:1", text="likes tea"),
                ChangeContactDetails(customer="shop:1", name="Countess"),
                TagCustomer(customer="shop:1", label="vip"),
                *(GiveConsent(customer=f"shop:{each}", channel="email", purpose="newsletter") for each in (1, 2)),
            ]
        )
        ids = [crm.find("shop:1"), crm.find("shop:2")]
        crm.forget("shop:2", reason="on request")
        crm.catch_up()
    return ids


@contextmanager
def new_role(url: str, name: str = "") -> Iterator[tuple[str, str]]:
    """The quoted name of a role that may do nothing yet, and the URL by which it comes."""
    name = f"{name or 'reader'}_{uuid4().hex}"
    quoted = '"{}"'.format(name.replace('"', '""'))
    run(url, f"CREATE ROLE {quoted} LOGIN PASSWORD 'secret'")
    try:
        yield name, make_url(url).set(username=name, password="secret").render_as_string(hide_password=False)
    finally:
        run(url, f"DROP OWNED BY {quoted}", f"DROP ROLE {quoted}")


@contextmanager
def reader(url: str, *hidden: str) -> Iterator[str]:
    """The URL of a role that may SELECT from everything but some tables."""
    with new_role(url) as (role, theirs):
        run(url, f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
        run(url, *(f"REVOKE ALL ON regulars_{table} FROM {role}" for table in hidden))
        yield theirs


def everything(crm: Regulars, ids: list[CustomerId]) -> str:
    """Whatever a person would see of every question there is."""
    one, gone = (crm.customer(each) for each in ids)
    asked = (
        *(one, one.explain(), one.timeline(), gone, gone.explain(), crm.customers(), crm.audit(limit=1_000)),
        *(crm.audit(customer=ids[0]), crm.history(ids[0], "name"), crm.history(ids[0], "tags"), crm.points(ids[0])),
        *(crm.tickets(), crm.tickets(customer=ids[0]), crm.consents(ids[0]), crm.consents(ids[1])),
        *(crm.contactable(channel="email", purpose="newsletter"), crm.status(), crm.forgotten(), crm.rules.history()),
    )
    return "\n".join(map(repr, asked))


def test_who_was_granted_the_views_alone_reads_nothing_personal(postgres_database_url: str) -> None:
    url = postgres_database_url
    make_store(url)
    with new_role(url, 'O"Brien; DROP TABLE regulars_events') as (role, theirs):
        with opened(url) as crm:
            run(url, *crm.grants_to_read(role))
        shown = run(theirs, *(f"SELECT * FROM regulars_{name}" for name in VIEWS))
        assert all(shown)
        assert not [word for word in (*PERSONAL, "Bob", "shop:2") if word in repr(shown)]
        [tables] = run(
            url, "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
        for (table,) in tables:
            with pytest.raises(ProgrammingError, match="permission denied"):
                run(theirs, f"SELECT * FROM {table}")
        with pytest.raises(StoreUnusable, match="permission denied for table regulars_settings"):
            opened(theirs)


@pytest.mark.parametrize("hidden", [("keys",), ("keys", "lookups"), ("keys", "lookups", "quarantine")])
def test_without_keys_every_answer_is_there_without_names(postgres_database_url: str, hidden: tuple[str, ...]) -> None:
    ids = make_store(postgres_database_url)
    with opened(postgres_database_url) as owner, reader(postgres_database_url, *hidden) as theirs:
        assert owner.names_readable
        assert all(word in everything(owner, ids) for word in PERSONAL)
        with opened(theirs) as crm:
            assert not crm.names_readable
            assert crm.read_only
            assert not [word for word in PERSONAL if word in everything(crm, ids)]
            mine, ours = crm.customer(ids[0]), owner.customer(ids[0])
            assert (mine.ref, mine.name, mine.email, mine.phone) == (None,) * 4
            assert (mine.stage, mine.tier, mine.net_spend, mine.tags) == (
                ours.stage,
                ours.tier,
                ours.net_spend,
                ours.tags,
            )
            assert mine.explain() == ours.explain()
            assert mine.timeline() == ours.timeline()
            # Who was forgotten isn't taken for somebody whose name can't be read, nor the other way round.
            assert [each.id for each in crm.contactable(channel="email", purpose="newsletter")] == [ids[0]]
            assert [crm.consents(each).barred for each in ids] == [None, "forgotten"]
            assert crm.status().rejects == (None if "quarantine" in hidden else 0)
            assert crm.check_seals().holds


def test_what_needs_what_a_role_may_not_read_refuses_in_a_sentence(postgres_database_url: str) -> None:
    ids = make_store(postgres_database_url)
    with reader(postgres_database_url, "keys", "lookups", "quarantine") as theirs, opened(theirs) as crm:
        for ask, table in (
            (lambda: crm.customer("shop:1"), "lookups"),
            (lambda: crm.find("ada@example.com"), "lookups"),
            (lambda: crm.find("nobody"), "lookups"),
            (crm.duplicates, "lookups"),
            (crm.rejects, "quarantine"),
            (lambda: crm.export_person(ids[0]), "keys"),
            (lambda: crm.export_events(len, personal=True), "keys"),
        ):
            with pytest.raises(StoreUnusable, match=f'^this role may not SELECT from "regulars_{table}", so it '):
                ask()
        with pytest.raises(StoreUnusable, match="is read-only"):
            crm.do(TagCustomer(customer=ids[0], label="x"))
        assert crm.export_events(len) == len(crm.audit(limit=1_000))
    with reader(postgres_database_url, "keys") as theirs, opened(theirs) as crm:
        assert crm.find("shop:1") == crm.find("ada@example.com") == ids[0]
        with pytest.raises(NotFound):
            crm.find("shop:2")


def test_a_role_without_keys_needs_no_master_key(bare_postgres_url: str) -> None:
    ids = make_store(bare_postgres_url, master_key=new_master_key())
    with reader(bare_postgres_url, "keys", "lookups", "quarantine") as theirs, opened(theirs) as crm:
        assert not [word for word in PERSONAL if word in everything(crm, ids)]
    with reader(bare_postgres_url, "lookups") as theirs, pytest.raises(StoreUnusable, match="master key"):
        opened(theirs)


def test_whoever_may_add_events_but_reads_no_keys_takes_nobody_for_forgotten(postgres_database_url: str) -> None:
    make_store(postgres_database_url)
    with new_role(postgres_database_url) as (role, theirs):
        run(postgres_database_url, f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}")
        run(postgres_database_url, f"GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA public TO {role}")
        run(postgres_database_url, f"REVOKE SELECT ON regulars_keys FROM {role}")
        with opened(theirs) as crm, pytest.raises(StoreUnusable, match="is read-only"):
            crm.do(AddNote(customer="shop:1", text="hello"))


# ----------------------------------------------------------------------------------------------------- command line


def test_grants_are_printed_and_not_run(postgres_database_url: str, say: Say) -> None:
    make_store(postgres_database_url)
    with new_role(postgres_database_url, 'da"sh') as (role, theirs):
        said = say("--db", postgres_database_url, "grants", role)
        assert (said.status, said.err) == (0, "")
        with pytest.raises(ProgrammingError, match="permission denied"):
            run(theirs, "SELECT * FROM regulars_points")
        as_json = json.loads(say("--db", postgres_database_url, "grants", role, "--json").out)
        assert as_json == {"role": role, "statements": said.out.splitlines()}
        run(postgres_database_url, said.out)
        assert run(theirs, "SELECT count(*) FROM regulars_customer_card") == [[(2,)]]
    refused = say("--db", postgres_database_url, "grants", "two\nlines")
    assert refused.status == 2
    assert "a role is" in refused.err


def test_a_file_has_no_roles(say: Say) -> None:
    assert say("do", "RegisterCustomer", "ref=shop:1", "--currency", "EUR").status == 0
    said = say("grants", "dashboard")
    assert (said.status, said.out) == (1, "")
    assert "a SQLite file has no roles" in said.err


def test_that_names_are_left_out_is_said_once_beside_the_answer(postgres_database_url: str, say: Say) -> None:
    ids = make_store(postgres_database_url)
    line = 'regulars: this role may not SELECT from "regulars_keys", so names are left out\n'
    with reader(postgres_database_url, "keys", "lookups") as theirs:
        for words in (("customers",), ("show", f"id:{ids[0]}"), ("audit",), ("explain", f"id:{ids[0]}"), ("status",)):
            said = say("--db", theirs, *words)
            assert (said.status, said.err.count(line)) == (0, 1), said
            assert "forgotten" not in said.out.replace("forgotten: on request", "")
        assert json.loads(say("--db", theirs, "status", "--json").out)["names_readable"] is False
        refused = say("--db", theirs, "show", "shop:1")
        assert refused.status == 1
        assert 'may not SELECT from "regulars_lookups"' in refused.err


def test_a_new_store_says_once_what_would_protect_it(bare_url: str, say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    first = say("--db", bare_url, "do", "RegisterCustomer", "ref=shop:1", "--currency", "EUR", "--json")
    assert first.status == 0
    assert json.loads(first.out)
    assert len(first.err.splitlines()) == 1
    for word in ("regulars keys new", "REGULARS_MASTER_KEY", "master key"):
        assert word in first.err
    assert say("--db", bare_url, "do", "RegisterCustomer", "ref=shop:2").err == ""
    assert say("--db", bare_url, "status").err == ""


def test_a_new_store_with_a_master_key_says_nothing(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGULARS_MASTER_KEY", new_master_key())
    assert say("do", "RegisterCustomer", "ref=shop:1", "--currency", "EUR").err == ""
