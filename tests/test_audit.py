"""The audit trail: who did what, when and why, and what it changed from what to what."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import regulars
from regulars import (
    AssignOwner,
    AuditEntry,
    ChangeContactDetails,
    CloseAccount,
    ErasePersonalData,
    MakeReferral,
    MergeCustomers,
    NotFound,
    RecordPurchase,
    RecordReturn,
    RegisterCustomer,
    Regulars,
    TagCustomer,
    UndoMerge,
    UntagCustomer,
)
from regulars.adapters.log.codec import CODECS, codec_of
from regulars.adapters.log.event_log import Search
from regulars.crm_domain.catalogue import CATALOGUE, EVENTS
from regulars.crm_domain.event import Event
from regulars.crm_domain.membership import (
    MembershipCancelled,
    MembershipEnrolled,
    PointsAdjusted,
    PointsRedeemed,
    PointsReversed,
    TierOverrideGranted,
)
from regulars.crm_domain.purchase import PurchaseRecorded, ReturnRecorded
from regulars.crm_domain.rulebook import RulebookEvent
from regulars.crm_domain.ticket import (
    AgentReplied,
    CustomerReplied,
    TicketAssigned,
    TicketOpened,
    TicketRated,
    TicketResolved,
)
from regulars.wording.sentences import narrate
from shops import EXAMPLES, empty_file

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        self.now += timedelta(hours=1)
        return self.now


@pytest.fixture
def crm(database_url: str) -> Iterator[Regulars]:
    with regulars.open(database_url, currency="EUR", actor="li", clock=Clock()) as opened:
        opened.do(RegisterCustomer(ref="shop:42", name="Ada", email="ada@example.com"))
        yield opened


def changes(entry: AuditEntry) -> dict[str, tuple[str | None, str | None]]:
    return {change.field: (change.old, change.new) for change in entry.changes}


def test_an_entry_reads_as_a_sentence_and_shows_the_old_and_the_new_value(crm: Regulars) -> None:
    crm.do(ChangeContactDetails(customer="shop:42", email="ada@lovelace.org", reason="she rang"))
    latest = crm.audit()[0]
    assert latest.sentence == "Li changed the e-mail of shop:42"
    assert changes(latest) == {"email": ("ada@example.com", "ada@lovelace.org")}
    assert (latest.actor, latest.reason, latest.type) == ("li", "she rang", "ContactDetailsChanged")
    assert latest.occurred_at <= latest.recorded_at


@pytest.mark.parametrize("word", ["none", "unknown", "None", "no"])
def test_a_word_that_is_also_that_of_a_status_is_told_as_it_was_said(crm: Regulars, word: str) -> None:
    crm.do([AssignOwner(customer="shop:42", owner=word), ChangeContactDetails(customer="shop:42", name=word)])
    named, assigned = crm.audit(limit=2)
    assert changes(assigned) == {"owner": (None, word)}
    assert changes(named) == {"name": ("Ada", word)}


SAID: dict[Event, str] = {
    MembershipEnrolled(at=0): "enrolled shop:42",
    MembershipEnrolled(at=0, program="club"): "enrolled shop:42 in club",
    MembershipCancelled(at=0): "cancelled the membership of shop:42",
    PointsRedeemed(at=0, redemption_id="r-1", points=1, taken=()): "redeemed 1 point of shop:42 as r-1",
    PointsReversed(at=0, order_id="o-1", points=9): "took 9 points back from shop:42 for a return on order o-1",
    PointsAdjusted(at=0, points=25): "gave shop:42 25 points by hand",
    PointsAdjusted(at=0, points=-25): "took 25 points from shop:42 by hand",
    TierOverrideGranted(at=0, tier="gold"): "gave shop:42 the tier gold by hand",
    TicketOpened(ticket_id="T-7", at=0, subject="a leg"): "opened ticket T-7 for shop:42 as normal",
    TicketOpened(ticket_id="T-7", at=0, priority="high", complaint=True, follows="T-3"): (
        "opened ticket T-7 for shop:42 as high, a complaint, following T-3"
    ),
    TicketAssigned(ticket_id="T-7", at=0, agent="bo"): "assigned ticket T-7 of shop:42 to bo",
    AgentReplied(ticket_id="T-7", at=0, message="a leg"): "replied to shop:42 on ticket T-7",
    CustomerReplied(ticket_id="T-7", at=0, message="a leg"): "recorded that shop:42 replied on ticket T-7",
    TicketResolved(ticket_id="T-7", at=0): "resolved ticket T-7 of shop:42",
    TicketRated(ticket_id="T-7", at=0, score=4): "recorded that shop:42 rated ticket T-7 with 4 of 5",
}


@pytest.mark.parametrize("event", SAID, ids=lambda event: type(event).__name__)
def test_every_sentence_says_who_did_what(event: Event) -> None:
    assert narrate(event, CATALOGUE, "li", "shop:42") == f"Li {SAID[event]}"


GOLDEN = [json.loads(line) for line in (Path(__file__).parent / "golden" / "events.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("name", EVENTS)
def test_every_event_has_a_sentence_of_its_own_that_tells_nothing_personal(name: str) -> None:
    stored = [each for each in GOLDEN if each["type"] == name]
    assert stored
    for each in stored:
        codec, payload = codec_of(name, CODECS), each["payload"].replace("some currency", "EUR").encode()
        bare = codec.decode(payload)
        event = bare if each["secret"] is None else codec.reveal(payload, each["secret"].encode())[0]
        sentence = narrate(event, CATALOGUE, "li", "shop:42")
        assert sentence.startswith("Li ")
        about_nobody = isinstance(event, RulebookEvent) or CATALOGUE.aggregate_of(event).of_nobody
        assert ("shop:42" in sentence) is not about_nobody
        assert name not in sentence  # which is how an event is told that nobody found words for
        assert sentence == narrate(bare, CATALOGUE, "li", "shop:42")  # without the key of the customer


def test_who_is_merged_told_apart_or_brought_is_named_with_the_other(crm: Regulars) -> None:
    bob = crm.do(RegisterCustomer(ref="shop:41")).customer_id
    crm.do(MakeReferral(customer="shop:42", referred="shop:41"))
    crm.do([MergeCustomers(customer="shop:41", into="shop:42"), UndoMerge(customer="shop:41")])
    apart, merged, brought = crm.audit(limit=3)
    assert brought.sentence == "Li recorded that shop:42 brought shop:41"
    assert merged.sentence == "Li merged shop:41 into shop:42"
    assert apart.sentence == "Li told shop:41 and shop:42 apart again"
    assert [each.sentence for each in crm.history("shop:41", "merged_into")] == [merged.sentence, apart.sentence]
    crm.do(ErasePersonalData(customer="shop:41", confirm=True))
    _, apart, merged, brought = crm.audit(limit=4)
    assert brought.sentence == f"Li recorded that shop:42 brought id:{bob}"
    assert merged.sentence == f"Li merged id:{bob} into shop:42"
    assert apart.sentence == f"Li told id:{bob} and shop:42 apart again"


def test_money_is_shown_as_money(crm: Regulars) -> None:
    crm.do(RecordPurchase(customer="shop:42", order_id="A-1", amount="59.90"))
    crm.do(RecordReturn(order_id="A-1", amount="9.90"))
    crm.do(RecordReturn(order_id="A-1", amount="10.00"))
    back, _, bought = crm.audit(limit=3)
    assert bought.sentence == "Li recorded order A-1 of 59.90 EUR for shop:42"
    assert changes(bought)["amount"] == (None, "59.90 EUR")
    assert changes(back) == {"returned": ("9.90 EUR", "19.90 EUR")}


def test_a_block_says_who_acts_what_belongs_together_and_why(crm: Regulars) -> None:
    with crm.acting(actor="bo", correlation_id="call-7", reason="she rang"):
        crm.do(TagCustomer(customer="shop:42", label="vip"))
        with crm.acting(actor="cy"):
            crm.do(AssignOwner(customer="shop:42", owner="bo", reason="on leave"))
    crm.do(CloseAccount(customer="shop:42"))
    closed, assigned, tagged = crm.audit(limit=3)
    assert (tagged.actor, tagged.correlation_id, tagged.reason) == ("bo", "call-7", "she rang")
    assert (assigned.actor, assigned.correlation_id, assigned.reason) == ("cy", "call-7", "on leave")
    assert (closed.actor, closed.correlation_id, closed.reason) == ("li", None, None)


def test_every_filter_finds_just_what_it_names(crm: Regulars) -> None:
    crm.do(RegisterCustomer(ref="shop:43", occurred_at="2026-02-10T12:00:00+00:00"))
    with crm.acting(actor="bo", correlation_id="call-7"):
        crm.do(TagCustomer(customer="shop:43", label="vip"))
    assert [each.position for each in crm.audit(customer="shop:43")] == [3, 2]
    assert [each.position for each in crm.audit(actor="bo")] == [3]
    assert [each.position for each in crm.audit(type="CustomerRegistered")] == [2, 1]
    assert [each.position for each in crm.audit(correlation_id="call-7")] == [3]
    assert [each.position for each in crm.audit(until=date(2026, 2, 10))] == [2]
    assert [each.position for each in crm.audit(since=date(2026, 2, 11))] == [3, 1]
    assert [each.position for each in crm.audit(since=date(2026, 2, 10), oldest_first=True)] == [1, 2, 3]
    assert [each.position for each in crm.audit(recorded_since=date(2026, 3, 1), actor="li")] == [2, 1]
    assert len(crm.audit(recorded_since=date(2026, 3, 2))) == 0


def test_pages_go_on_in_both_directions(crm: Regulars) -> None:
    crm.do([TagCustomer(customer="shop:42", label=f"tag-{number}") for number in range(6)])
    for oldest_first in (False, True):
        seen: list[int] = []
        after: int | None = None
        while True:
            page = crm.audit(limit=3, after=after, oldest_first=oldest_first)
            seen += [each.position for each in page]
            after = page.after
            if after is None:
                break
        assert seen == sorted(range(1, 8), reverse=not oldest_first)


def test_what_nobody_knows_is_refused(crm: Regulars) -> None:
    with pytest.raises(NotFound):
        crm.audit(customer="shop:99")
    with pytest.raises(ValueError, match="did you mean PurchaseRecorded"):
        crm.audit(type="PurchaseRecorder")
    with pytest.raises(ValueError, match="limit"):
        crm.audit(limit=0)
    with pytest.raises(ValueError, match="email"):
        crm.history("shop:42", "shoe size")


def test_one_field_over_time(crm: Regulars) -> None:
    crm.do(TagCustomer(customer="shop:42", label="vip"))
    crm.do(ChangeContactDetails(customer="shop:42", email=None))
    crm.do(ChangeContactDetails(customer="shop:42", email="ada@lovelace.org"))
    told = [changes(entry)["email"] for entry in crm.history("shop:42", "email")]
    assert told == [(None, "ada@example.com"), ("ada@example.com", None), (None, "ada@lovelace.org")]
    assert crm.history("shop:42", "owner") == ()


def test_of_who_was_forgotten_the_trail_says_what_happened_and_not_to_whom(crm: Regulars) -> None:
    crm.do(ChangeContactDetails(customer="shop:42", email="ada@lovelace.org", reason="she rang"))
    customer_id = crm.customer("shop:42").id
    with crm.acting(reason="she asked us to"):
        crm.do(ErasePersonalData(customer="shop:42", confirm=True, cause="on request"))
    forgot, changed, registered = crm.audit(customer=customer_id)
    assert forgot.sentence == f"Li forgot id:{customer_id}"
    assert changed.sentence == f"Li changed the e-mail of id:{customer_id}"
    assert (forgot.reason, changed.reason, registered.reason) == ("on request", None, None)
    for entry in (forgot, changed, registered):
        assert entry.ref is None
        assert not any("ada" in str(change).lower() for change in entry.changes)


VALUES = st.sampled_from(["ann", "bo", "cy", None])
STEPS = st.one_of(
    st.builds(lambda name: ChangeContactDetails(customer="shop:42", name=name), VALUES),
    st.builds(lambda name: ChangeContactDetails(customer="shop:42", email=name and f"{name}@example.com"), VALUES),
    st.builds(lambda label: TagCustomer(customer="shop:42", label=label), st.sampled_from("abc")),
    st.builds(lambda label: UntagCustomer(customer="shop:42", label=label), st.sampled_from("abc")),
    st.builds(lambda owner: AssignOwner(customer="shop:42", owner=owner), st.sampled_from(["li", "bo"])),
)


@given(st.lists(STEPS, max_size=20))
@settings(max_examples=EXAMPLES // 2, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_old_and_new_values_chain_without_a_break(steps: list[regulars.Command]) -> None:
    with empty_file() as file, regulars.open(file, currency="EUR", actor="li") as crm:
        crm.do(RegisterCustomer(ref="shop:42", name="Ada"))
        for step in steps:
            crm.do(step)
        now: dict[str, str | None] = {}
        for entry in crm.audit(limit=1000, oldest_first=True):
            for change in entry.changes:
                assert change.old == now.get(change.field)
                assert change.new != change.old
                now[change.field] = change.new
        ada = crm.customer("shop:42")
        assert (now.get("name"), now.get("email")) == (ada.name, ada.email)
        assert now.get("tags") == (", ".join(ada.tags) or None)
        assert now.get("owner") == ada.owner


@pytest.mark.parametrize("actor", [None, "li"])
@pytest.mark.parametrize("types", [PurchaseRecorded, (PurchaseRecorded, ReturnRecorded), None])
@pytest.mark.parametrize("members", [1, 3])
def test_whatever_is_asked_of_some_customers_reads_their_events_alone(
    sqlite_database_url: str, members: int, types: Any, actor: str | None
) -> None:
    asked: list[tuple[str, object]] = []
    with regulars.open(sqlite_database_url, currency="EUR", actor="li") as crm:
        crm.do([RegisterCustomer(ref=str(each)) for each in range(members)])
        crm.do([MergeCustomers(customer=str(each), into="0") for each in range(1, members)])
        wanted = None if types is None else frozenset(types if isinstance(types, tuple) else [types])
        with crm._store.reading() as tx:
            ids = tx.families([str(crm.customer("0").id)]).members(str(crm.customer("0").id))
            sa.event.listen(tx.connection.engine, "before_cursor_execute", lambda *given: asked.append(given[2:4]))
            tx.log.search(Search(customer_ids=ids, types=wanted, actor=actor, since=1), 10)
            statement, parameters = asked[0]
            plan = str(tx.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all())
    assert len(ids) == members
    assert "SEARCH regulars_events USING INDEX regulars_events_customer (customer_id=?" in plan
