"""The audit trail: who did what, when and why, and what it changed from what to what."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import regulars
from regulars import (
    AssignOwner,
    AuditEntry,
    ChangeContactDetails,
    CloseAccount,
    ErasePersonalData,
    NotFound,
    RecordPurchase,
    RecordReturn,
    RegisterCustomer,
    Regulars,
    TagCustomer,
    UntagCustomer,
)

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
    for entry in (forgot, changed, registered):
        assert entry.ref is None
        assert entry.reason is None
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
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_old_and_new_values_chain_without_a_break(steps: list[regulars.Command]) -> None:
    with regulars.open(":memory:", currency="EUR", actor="li") as crm:
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
