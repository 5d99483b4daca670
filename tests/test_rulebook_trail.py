"""A change of rules in the audit trail: an event about nobody, with its reason in the clear."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pytest

import regulars
from regulars import RegisterCustomer, Regulars, TagCustomer
from regulars.adapters.log.event_log import Draft
from regulars.cli import main
from regulars.crm_domain.catalogue import CATALOGUE
from regulars.crm_domain.instant import to_instant
from regulars.crm_domain.rulebook import CATEGORY, NOBODY, STREAM, RulebookEvent, RulesPublished, RulesRolledBack
from regulars.wording.sentences import describe
from shops import with_edits

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
WHY = "a longer summer"
OLD, NEW = (with_edits([("hold_days = 365", f"hold_days = {days}")]).canonical() for days in (300, 400))
OLD_DIGEST, NEW_DIGEST = (sha256(ruleset.encode()).hexdigest() for ruleset in (OLD, NEW))
HISTORY: tuple[RulebookEvent, ...] = (
    RulesPublished(ruleset=OLD, digest=OLD_DIGEST, reason="a first try"),
    RulesPublished(ruleset=NEW, digest=NEW_DIGEST, reason=WHY),
    RulesRolledBack(ruleset=OLD, digest=OLD_DIGEST, reason="too long a summer"),
)


def record(crm: Regulars, events: tuple[RulebookEvent, ...]) -> None:
    """Write events of the rulebook as they are, whatever read models there are."""
    drafts = [
        Draft(
            stream_id=STREAM,
            version=version,
            category=CATEGORY,
            customer_id=NOBODY,
            occurred_at=to_instant(NOON),
            actor="li",
            event=event,
        )
        for version, event in enumerate(events, start=1)
    ]
    with crm._store.writing() as tx:
        tx.append(drafts, to_instant(NOON))


@pytest.fixture
def crm(database_url: str) -> Iterator[Regulars]:
    with regulars.open(database_url, currency="EUR", actor="li", clock=lambda: NOON) as opened:
        opened.do(RegisterCustomer(ref="shop:42", name="Ada"))
        record(opened, HISTORY)
        yield opened


def test_a_change_of_rules_is_told_with_its_reason_and_belongs_to_nobody(crm: Regulars) -> None:
    back, published, first = crm.audit(limit=3)
    assert first.sentence == f"Li published rules {OLD_DIGEST[:12]}"
    assert published.sentence == f"Li published rules {NEW_DIGEST[:12]}"
    assert back.sentence == f"Li went back to rules {OLD_DIGEST[:12]}"
    assert [each.reason for each in (first, published, back)] == ["a first try", WHY, "too long a summer"]
    assert {(each.customer_id, each.ref) for each in (first, published, back)} == {(None, None)}


def test_a_change_of_rules_shows_which_went_and_which_came_by_their_short_names(crm: Regulars) -> None:
    changes = [entry.changes for entry in crm.audit(limit=3, oldest_first=True, after=1)]
    assert (
        [[(each.field, each.old, each.new) for each in entry] for entry in changes]
        == [
            [("rules", None, OLD_DIGEST[:12])],  # what a store was founded with is no event
            [("rules", OLD_DIGEST[:12], NEW_DIGEST[:12])],
            [("rules", NEW_DIGEST[:12], OLD_DIGEST[:12])],
        ]
    )


def test_a_change_of_rules_in_a_few_words_is_short() -> None:
    assert [describe(event, CATALOGUE) for event in HISTORY] == [
        f"rules {OLD_DIGEST[:12]} published",
        f"rules {NEW_DIGEST[:12]} published",
        f"back to rules {OLD_DIGEST[:12]}",
    ]


def test_the_trail_of_a_customer_knows_nothing_of_the_rules(crm: Regulars) -> None:
    assert [each.type for each in crm.audit(customer="shop:42")] == ["CustomerRegistered"]
    assert [each.type for each in crm.audit(type="RulesPublished")] == ["RulesPublished"] * 2


def test_what_is_about_nobody_changes_no_customer(crm: Regulars) -> None:
    before = [(each.id, each.stage, each.tier, each.risk) for each in crm.customers()]
    record_more = TagCustomer(customer="shop:42", label="vip")
    crm.do(record_more)
    assert [(each.id, each.stage, each.tier, each.risk) for each in crm.customers()] == before
    assert (crm.status().customers, crm.status().behind) == (1, 0)


@pytest.mark.parametrize("personal", [False, True])
def test_an_export_has_no_customer_for_it_and_always_the_reason(crm: Regulars, personal: bool) -> None:
    written = BytesIO()
    crm.export_events(written.write, personal=personal)
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    told = [line for line in lines if line["category"] == CATEGORY]
    assert [line["customer_id"] for line in told] == [None] * 3
    assert [line["event"]["reason"] for line in told] == ["a first try", WHY, "too long a summer"]
    assert all(line["customer_id"] for line in lines if line not in told)


def told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, path: Path, *options: str) -> str:
    """What the command line says of the trail."""
    monkeypatch.setattr("sys.argv", ["regulars", "audit", "--db", str(path), *options])
    with pytest.raises(SystemExit) as done:
        main()
    assert done.value.code in (0, None)
    return capsys.readouterr().out


def test_the_command_line_names_no_customer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "shop.db"
    with regulars.open(path, currency="EUR", actor="li") as crm:
        record(crm, HISTORY[:2])
    drawn = told(capsys, monkeypatch, path)
    assert f"Li published rules {NEW_DIGEST[:12]}" in drawn
    assert f"because: {WHY}" in drawn
    assert f"rules: {OLD_DIGEST[:12]} → {NEW_DIGEST[:12]}" in drawn
    for entry in json.loads(told(capsys, monkeypatch, path, "--json")):
        assert (entry["customer_id"], entry["ref"]) == (None, None)
    for row in csv.DictReader(told(capsys, monkeypatch, path, "--csv").splitlines()):
        assert (row["customer"], row["field"]) == ("", "rules")
