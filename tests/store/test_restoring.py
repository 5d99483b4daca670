"""A backup comes back as a store, whole and checked, and without those who were forgotten since."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest
import sqlalchemy as sa
from hypothesis import strategies as st

import regulars
from raw import bytes_of_files, found_in
from regulars import (
    ChangeContactDetails,
    CustomerId,
    MergeCustomers,
    NotFound,
    RecordPurchase,
    RegisterCustomer,
    Regulars,
    StoreUnusable,
)
from shops import BEGIN, EXAMPLES, CommandAt, merges, tell

PEOPLE = ("ada", "bob", "cy", "dee")


def opened(path: Path | str, **options: bytes) -> Regulars:
    return regulars.open(path, currency="EUR", actor="li", **options)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A shop with a backup."""
    with opened(tmp_path / "shop.db") as crm:
        trade(crm)
        crm.backup(tmp_path / "backup.db")
    return tmp_path / "shop.db"


def trade(crm: Regulars) -> None:
    for ref in PEOPLE:
        crm.do(
            RegisterCustomer(ref=ref, name=f"Name of {ref}", email=f"{ref}@example.com", phone=f"+49 30 99{len(ref)}")
        )
        crm.do(RecordPurchase(customer=ref, order_id=ref, amount="9.00"))


def ids_of(crm: Regulars) -> dict[str, CustomerId]:
    return {ref: crm.customer(ref).id for ref in PEOPLE}


def keys_of(crm: Regulars) -> dict[str, bytes]:
    keys = crm._store.schema.keys
    with crm._store.reading() as tx:
        return dict(tx.connection.execute(sa.select(keys.c.customer_id, keys.c.key)).all())


def names(crm: Regulars, ids: dict[str, CustomerId]) -> dict[str, str | None]:
    """By the reference they had, whether they are one with others by now or not."""
    with crm._store.reading() as tx:
        events = list(tx.log.contact_events(ids.values()))
    known = {each.customer_id: getattr(each.event, "name", None) for each in events}
    return {ref: known[each] for ref, each in ids.items()}


# ------------------------------------------------------------------------------------------------------ what comes back


def test_a_backup_comes_back_as_it_was(shop: Path, tmp_path: Path) -> None:
    with opened(shop) as crm:
        ids, before = ids_of(crm), crm.projections.verify()
        crm.do(RecordPurchase(customer="ada", order_id="later", amount="9.00"))
    done = regulars.restore(tmp_path / "backup.db", tmp_path / "back.db")
    assert (done.events, done.forgotten, done.listed) == (8, (), None)
    with opened(tmp_path / "back.db") as crm:
        assert (ids_of(crm), crm.projections.verify()) == (ids, before)
        assert crm.do(RecordPurchase(customer="ada", order_id="again", amount="9.00")).position == 9
    assert not list(tmp_path.glob("*unfinished*"))


@pytest.mark.parametrize("form", ["store", "lines", "json", "ids"])
def test_who_was_forgotten_since_is_forgotten_there_too(shop: Path, tmp_path: Path, form: str) -> None:
    with opened(shop) as crm:
        keys = keys_of(crm)
        crm.forget("ada", reason="on request")
        crm.forget("bob", reason="too old")
        gone = crm.forgotten()
    lists: dict[str, Callable[[], str]] = {
        "store": lambda: "",
        "lines": lambda: "".join(f"id:{each.customer_id} #{each.position} {each.at} {each.reason}\n" for each in gone),
        "json": lambda: json.dumps([{"id": f"id:{each.customer_id}", "reason": each.reason} for each in gone]),
        "ids": lambda: "\n".join([*(each.customer_id for each in gone), "", "0" * 32]),
    }
    (tmp_path / "list").write_text(lists[form]())
    erased = regulars.read_erased(shop if form == "store" else tmp_path / "list")
    done = regulars.restore(tmp_path / "backup.db", tmp_path / "back.db", erased=erased, actor="eva")
    assert set(done.forgotten) == {each.customer_id for each in gone}
    assert done.listed == len(erased)
    with regulars.open(tmp_path / "back.db") as crm:
        with pytest.raises(NotFound):
            crm.customer("ada")
        assert crm.customer("cy").name == "Name of cy"
        again = crm.forgotten()
        assert [each.actor for each in again] == ["eva", "eva"]
        if form in ("store", "json"):
            assert {each.customer_id: each.reason for each in again} == {each.customer_id: each.reason for each in gone}
        assert crm.projections.verify().holds
    raw = bytes_of_files(tmp_path / "back.db")
    texts = ["Name of ada", "ada@example.com", "+49 30 993"]
    assert found_in(raw, [*texts, *(keys[each.customer_id] for each in gone)]) == set()
    assert len(found_in(raw, keys.values())) == 2


def test_a_reason_that_names_them_as_the_backup_knows_them_is_dropped(shop: Path, tmp_path: Path) -> None:
    with opened(shop) as crm:
        ids = ids_of(crm)
    reasons = {ids["ada"]: "wrote from ADA@example.com", ids["bob"]: "on request", ids["cy"]: "dee asked"}
    done = regulars.restore(tmp_path / "backup.db", tmp_path / "back.db", erased=reasons)
    assert (set(done.forgotten), done.reasons_dropped) == (reasons.keys(), 1)
    with opened(tmp_path / "back.db") as crm:
        assert {each.customer_id: each.reason for each in crm.forgotten()} == reasons | {ids["ada"]: None}


def test_a_reason_that_names_who_is_one_with_them_is_dropped(database_url: str) -> None:
    with opened(database_url) as crm:
        trade(crm)
        ids = ids_of(crm)
        crm.do([MergeCustomers(customer="dee", into="cy"), MergeCustomers(customer="bob", into="ada")])
        reasons = {ids["cy"]: "dee asked", ids["dee"]: "dee asked", ids["ada"]: "bob asked"}
        done = crm.forget_again(reasons)
        assert (set(done.customer_ids), done.reasons_dropped) == (reasons.keys(), 1)
        # bob was told apart before they were forgotten, so nothing is known of him here
        assert {each.customer_id: each.reason for each in crm.forgotten()} == {
            ids["cy"]: None,
            ids["dee"]: None,
            ids["ada"]: "bob asked",
        }


def test_they_are_forgotten_again_where_other_tools_restored(bare_postgres_url: str, shop: Path) -> None:
    regulars.copy(shop, bare_postgres_url)  # stands for what pg_restore brings back
    with opened(shop) as crm:
        done = crm.forget("ada", reason="on request")
    with opened(bare_postgres_url) as crm:
        assert crm.customer("ada").name
        again = crm.forget_again(regulars.read_erased(shop))
        assert (again.customer_ids, again.pending) == (done.customer_ids, False)
        assert crm.forget_again(regulars.read_erased(shop)).customer_ids == ()
    assert regulars.read_erased(bare_postgres_url) == {str(done.customer_ids[0]): "on request"}


histories = st.lists(merges(st.sampled_from(PEOPLE)), max_size=6)


@hypothesis.settings(max_examples=EXAMPLES // 6, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
@hypothesis.given(before=histories, after=histories, forgotten=st.sets(st.sampled_from(PEOPLE)))
def test_they_are_the_same_people_whoever_was_merged_then_and_is_not_now(
    before: list[CommandAt],
    after: list[CommandAt],
    forgotten: set[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("merged")
    with opened(folder / "shop.db") as crm:
        trade(crm)
        ids = ids_of(crm)
        carry_out(crm, before)
        crm.backup(folder / "backup.db")
        carry_out(crm, after)
        for ref in sorted(forgotten):
            crm.forget(ids[ref], reason="on request")
        expected = names(crm, ids)
    regulars.restore(folder / "backup.db", folder / "back.db", erased=regulars.read_erased(folder / "shop.db"))
    with opened(folder / "back.db") as crm:
        assert names(crm, ids) == expected


def carry_out(crm: Regulars, history: list[CommandAt]) -> None:
    for number, command_at in enumerate(history):
        tell(crm, command_at(number, BEGIN))


def test_a_backup_of_a_wrapped_store_needs_the_master_key_of_then(tmp_path: Path) -> None:
    then, now = bytes(range(32)), bytes(range(32, 64))
    with opened(tmp_path / "shop.db", master_key=then) as crm:
        trade(crm)
        crm.backup(tmp_path / "backup.db")
        crm.keys.rotate(now)
        crm.forget("ada", reason="on request")
    erased = regulars.read_erased(tmp_path / "shop.db")  # which takes no key
    with pytest.raises(StoreUnusable, match="another master key"):
        regulars.restore(tmp_path / "backup.db", tmp_path / "back.db", erased=erased, master_key=now)
    assert not list(tmp_path.glob("back.db*"))
    regulars.restore(tmp_path / "backup.db", tmp_path / "back.db", erased=erased, master_key=then)
    with opened(tmp_path / "back.db", master_key=then) as crm:
        assert (crm.customer("bob").name, len(crm.forgotten())) == ("Name of bob", 1)


# ------------------------------------------------------------------------------------------------------ what is refused


def test_nothing_is_overwritten_and_nothing_is_left_half(shop: Path, tmp_path: Path) -> None:
    before = shop.read_bytes()
    with pytest.raises(StoreUnusable, match="exists already"):
        regulars.restore(tmp_path / "backup.db", shop)
    assert shop.read_bytes() == before
    (tmp_path / "text.db").write_text("this is not a database, it is a text of some length" * 20)
    for backup in (tmp_path / "text.db", tmp_path / "missing.db", tmp_path, "postgresql://localhost/shop"):
        with pytest.raises(StoreUnusable):
            regulars.restore(backup, tmp_path / "back.db")
    assert not list(tmp_path.glob("back.db*"))


def test_a_damaged_backup_is_refused(shop: Path, tmp_path: Path) -> None:
    with opened(shop) as crm:
        crm.do([ChangeContactDetails(customer="ada", name=f"Name {number} of ada") for number in range(2_000)])
        crm.backup(tmp_path / "damaged.db")
    raw = bytearray((tmp_path / "damaged.db").read_bytes())
    raw[len(raw) // 2 : len(raw) // 2 + 8_192] = b"\xff" * 8_192
    (tmp_path / "damaged.db").write_bytes(raw)
    with pytest.raises(StoreUnusable, match="damaged"):
        regulars.restore(tmp_path / "damaged.db", tmp_path / "back.db")
    assert not list(tmp_path.glob("back.db*"))


@pytest.mark.parametrize("text", ["ada\n", "id:0123\n", "[1]", "[{}]", "[", '[{"id": "id:0", "reason": null}]', "\0"])
def test_a_list_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "list").write_text(text)
    with pytest.raises(StoreUnusable, match="list"):
        regulars.read_erased(tmp_path / "list")
    with pytest.raises(NotFound):
        regulars.read_erased(tmp_path / "missing")
