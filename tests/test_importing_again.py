"""A shop's export is imported again each week: what it says otherwise corrects the orders, and nothing else changes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exports import EXPORTS, Export
from regulars import (
    CorrectPurchase,
    CreateCoupon,
    ImportReport,
    InvalidMapping,
    ReassignPurchase,
    RegisterCustomer,
    Regulars,
    VoidPurchase,
    load_mapping,
)
from regulars.adapters.importing import propose
from shops import BEGIN, DAY, Clock, fresh_store, opened

MAPPING = """
format = "csv"
currency = "EUR"

[customer]
ref = "{mail}"

[[command]]
do = "RecordPurchase"
fields = { source = "shop", order_id = "{number}", amount = "{total}", occurred_at = "{placed}" }

[[command]]
do = "RecordReturn"
when = [{ column = "refunded", at_least = 0 }]
fields = { order_id = "{number}", returned_so_far = "{refunded}" }
"""
WEEK = 7 * DAY

#: number -> (total, refunded so far)
Week = dict[str, tuple[int, int]]


@pytest.fixture
def clock() -> Clock:
    return Clock(BEGIN + 20 * DAY)


@pytest.fixture
def crm(database_url: str, clock: Clock) -> Iterator[Regulars]:
    with opened(database_url, clock) as crm:
        yield crm


def take(crm: Regulars, clock: Clock, folder: Path, week: Week) -> ImportReport:
    """Import what a shop says in one week."""
    rows = [f"{number},{BEGIN.isoformat()},ann,{total},{back}" for number, (total, back) in week.items()]
    (folder / "export.csv").write_text("\n".join(["number,placed,mail,total,refunded", *rows]) + "\n")
    (folder / "mapping.toml").write_text(MAPPING)
    clock.now += WEEK
    return crm.import_file(folder / "export.csv", load_mapping(folder / "mapping.toml"))


def test_what_an_export_says_otherwise_each_week_is_so(crm: Regulars, clock: Clock, tmp_path: Path) -> None:
    take(crm, clock, tmp_path, {"1": (100, 20), "2": (50, 0)})
    assert crm.customer("ann").net_spend == 130
    assert take(crm, clock, tmp_path, {"1": (100, 20), "2": (50, 0)}).unchanged == 2
    take(crm, clock, tmp_path, {"1": (100, 100), "2": (60, 0)})
    assert crm.customer("ann").net_spend == 60
    assert crm.customer("ann", as_of=clock.now - DAY).net_spend == 140  # the total never was 50; the refund is of today
    assert crm.customer("ann", known_at=clock.now - DAY).net_spend == 130
    told = [each for each in crm.audit(customer="ann", recorded_since=clock.now) if each.type == "PurchaseVoided"]
    assert [each.occurred_at for each in told] == [clock.now]
    sentences = [each.sentence for each in crm.audit(customer="ann", recorded_since=clock.now)]
    assert "Li voided order 2 of 50.00 EUR for ann, to correct it" in sentences
    assert "Li recorded order 2 anew of 60.00 EUR for ann" in sentences
    assert "Li recorded that 100.00 EUR of order 1 came back from ann in all" in sentences


def test_a_refund_that_was_taken_back_is_none(crm: Regulars, clock: Clock, tmp_path: Path) -> None:
    take(crm, clock, tmp_path, {"1": (100, 20)})
    take(crm, clock, tmp_path, {"1": (100, 0)})
    assert crm.customer("ann").net_spend == 100


def test_what_was_corrected_by_hand_stays(crm: Regulars, clock: Clock, tmp_path: Path) -> None:
    week: Week = {"1": (100, 20), "2": (50, 0), "3": (70, 0)}
    take(crm, clock, tmp_path, week)
    crm.do(RegisterCustomer(ref="bob"))
    crm.do(VoidPurchase(order_id="1"))
    crm.do(CorrectPurchase(order_id="2", amount="45"))
    crm.do(ReassignPurchase(order_id="3", to="bob"))
    for _ in range(2):
        report = take(crm, clock, tmp_path, week)
        assert (report.unchanged, report.rejected) == (3, 0)
    assert [crm.customer(who).net_spend for who in ("ann", "bob")] == [45, 70]
    take(crm, clock, tmp_path, {"1": (90, 20), "2": (50, 0), "3": (80, 0)})  # a void isn't revived
    assert [crm.customer(who).net_spend for who in ("ann", "bob")] == [45, 80]


def test_an_order_that_stands_in_one_file_twice_otherwise_is_refused(
    crm: Regulars, clock: Clock, tmp_path: Path
) -> None:
    take(crm, clock, tmp_path, {"1": (100, 0), "1 ": (100, 0)})
    report = take(crm, clock, tmp_path, {"1": (100, 0), "1 ": (60, 0)})
    [reject] = report.rejects
    assert "stands in the file before, with other content" in reject.reason
    assert crm.customer("ann").net_spend == 100


def test_an_order_that_stands_in_one_file_with_two_coupons_is_refused(
    crm: Regulars, clock: Clock, tmp_path: Path
) -> None:
    crm.do(CreateCoupon(coupon_id="MAY", percent=10))
    with_code = MAPPING.replace('"{placed}" }', '"{placed}", coupon = { column = "code", optional = true } }')
    (tmp_path / "mapping.toml").write_text(with_code)
    placed, clock.now = BEGIN.isoformat(), clock.now + WEEK
    rows = [f"1,{placed},ann,90,0,may", f"1,{placed},ann,90,0,", f"2,{placed},ann,90,0,MAY"]
    (tmp_path / "export.csv").write_text("\n".join(["number,placed,mail,total,refunded,code", *rows]) + "\n")
    report = crm.import_file(tmp_path / "export.csv", load_mapping(tmp_path / "mapping.toml"))
    assert ["with other content" in each.reason for each in report.rejects] == [True]
    assert sorted(each.order_id for each in crm.coupon("MAY").uses) == ["1", "2"]


def test_when_what_came_back_so_far_was_read_is_not_when_the_order_was_placed(tmp_path: Path) -> None:
    with_time = MAPPING.replace('"{refunded}" }', '"{refunded}", occurred_at = "{placed}" }')
    (tmp_path / "mapping.toml").write_text(with_time)
    with pytest.raises(InvalidMapping, match="leave it out"):
        load_mapping(tmp_path / "mapping.toml")


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from("123"), st.tuples(st.integers(50, 90), st.integers(0, 50)), min_size=1, max_size=3
        ),
        min_size=1,
        max_size=4,
    )
)
def test_in_the_end_it_is_as_if_only_the_last_word_had_been_said(
    kind: str, postgres_url: str, tmp_path: Path, weeks: list[Week]
) -> None:
    clock = Clock(BEGIN + 20 * DAY)
    with fresh_store(kind, postgres_url) as url, opened(url, clock) as crm:
        for week in weeks:
            take(crm, clock, tmp_path, week)
        last: Week = {}
        for week in weeks:
            last |= week
        shown = crm.customer("ann")
        assert shown.orders == len(last)
        assert shown.net_spend == sum(total - back for total, back in last.values())
        crm.projections.rebuild()
        assert crm.customer("ann").net_spend == shown.net_spend


@pytest.mark.parametrize("export", EXPORTS, ids=lambda each: each.preset)
def test_every_preset_takes_its_file_again(crm: Regulars, clock: Clock, tmp_path: Path, export: Export) -> None:
    clock.now += timedelta(days=1_000)
    file = tmp_path / "export.csv"
    file.write_text(export.text())
    mapping = propose(file).mapping
    crm.import_file(file, mapping)
    clock.now += WEEK
    again = crm.import_file(file, mapping)
    assert (again.events, again.rejected) == (0, 0)
