"""A master key from outside: with it, the files alone open nothing, and another can take its place."""

from __future__ import annotations

import base64
import secrets
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

import regulars
from raw import bytes_of, found_in
from regulars import AddNote, CustomerId, RecordPurchase, RegisterCustomer, Regulars, StoreUnusable
from regulars.adapters.vault.keyring import MasterKey, new_master_key

PEOPLE = tuple(f"shop:{number}" for number in range(20))
WHATEVER = "keys of this store are wrapped by another master key"


@pytest.fixture
def master() -> bytes:
    return secrets.token_bytes(32)


def trade(crm: Regulars) -> None:
    for ref in PEOPLE:
        crm.do(
            [
                RegisterCustomer(ref=ref, name=f"Name of {ref}", email=f"{ref[5:]}@example.com"),
                RecordPurchase(customer=ref, order_id=f"order of {ref}", amount="9.00"),
            ]
        )


def stored_keys(crm: Regulars) -> dict[str, bytes]:
    """The keys as they stand in their tables, customers' and the store's own."""
    schema = crm._store.schema
    with crm._store.reading() as tx:
        customers = tx.connection.execute(sa.select(schema.keys.c.customer_id, schema.keys.c.key)).all()
        settings = crm._store.read_settings(tx.connection)
    return dict(customers) | {name: settings[name] for name in ("lookup_key", "quarantine_key")}


def plain_keys(crm: Regulars) -> dict[str, bytes]:
    """The keys themselves."""
    ring = crm._store.keyring
    stored = {whose: key for whose, key in stored_keys(crm).items() if not whose.endswith("_key")}
    return {whose: ring.unwrap(key, whose) for whose, key in stored.items()} | ring.own_keys()


def answers(crm: Regulars) -> list[object]:
    """What only somebody with the keys can tell."""
    return [
        *(crm.customer(ref).name for ref in PEOPLE),
        crm.find("7@example.com"),
        crm.do(RecordPurchase(customer=PEOPLE[0], order_id=f"order of {PEOPLE[0]}", amount="9.00")).events,
    ]


def test_without_one_keys_stand_in_the_files_and_with_one_they_never_do(bare_url: str, master: bytes) -> None:
    with regulars.open(bare_url, currency="EUR", master_key=master) as crm:
        assert crm.keys.wrapped
        trade(crm)
        expected = answers(crm)
        keys, stored = plain_keys(crm), stored_keys(crm)
        assert {len(key) for key in keys.values()} == {32}
        raw = bytes_of(bare_url)
        assert found_in(raw, [*keys.values(), master]) == set()
        assert found_in(raw, stored.values()) == set(stored.values())
    with regulars.open(bare_url, master_key=base64.b64encode(master).decode()) as crm:
        assert answers(crm) == expected
        assert plain_keys(crm) == keys
        crm.keys.unwrap()
        assert not crm.keys.wrapped
        assert found_in(bytes_of(bare_url), keys.values()) == set(keys.values())


def test_another_takes_its_place_and_nothing_is_left_of_how_keys_stood_before(bare_url: str, master: bytes) -> None:
    other = secrets.token_bytes(32)
    with regulars.open(bare_url, currency="EUR") as crm:
        trade(crm)
        expected, keys = answers(crm), plain_keys(crm)
        steps: list[tuple[Callable[[], regulars.Rotation], bool]] = [
            (lambda: crm.keys.rotate(master), True),
            (lambda: crm.keys.rotate(other), True),
            (lambda: crm.keys.rotate(other.hex()), True),
            (crm.keys.unwrap, False),
        ]
        for step, wrapped in steps:
            before = stored_keys(crm)
            done = step()
            assert (done.keys, done.wrapped, done.pending) == (len(PEOPLE), wrapped, False)
            assert (answers(crm), plain_keys(crm)) == (expected, keys)
            raw = bytes_of(bare_url)
            assert found_in(raw, before.values()) == set()
            assert found_in(raw, stored_keys(crm).values()) == set(stored_keys(crm).values())
            assert found_in(raw, [master, other]) == set()
    with regulars.open(bare_url) as crm:
        assert answers(crm) == expected


def test_who_is_forgotten_leaves_no_wrapped_key_either(bare_url: str, master: bytes) -> None:
    with regulars.open(bare_url, currency="EUR", master_key=master) as crm:
        trade(crm)
        ids = [crm.customer(ref).id for ref in PEOPLE]
        stored, plain = stored_keys(crm), plain_keys(crm)
        for ref in PEOPLE[:10]:
            crm.forget(ref, reason="on request")
        raw = bytes_of(bare_url)
    gone = [keys[each] for keys in (stored, plain) for each in ids[:10]]
    assert found_in(raw, gone) == set()
    assert found_in(raw, [stored[each] for each in ids[10:]]) == {stored[each] for each in ids[10:]}


@pytest.mark.parametrize("read_only", [False, True])
def test_a_wrong_or_missing_one_is_noticed_at_once(bare_url: str, master: bytes, read_only: bool) -> None:
    with regulars.open(bare_url, currency="EUR", master_key=master) as crm:
        trade(crm)
    for given, said in ((None, "give it as master_key"), (secrets.token_bytes(32), WHATEVER)):
        with pytest.raises(StoreUnusable, match=said):
            regulars.open(bare_url, master_key=given, read_only=read_only)
    with regulars.open(bare_url, master_key=master, read_only=read_only) as crm:
        assert crm.customer(PEOPLE[3]).name == "Name of shop:3"


def test_one_that_is_not_needed_is_refused(bare_url: str, master: bytes) -> None:
    regulars.open(bare_url).close()
    with pytest.raises(StoreUnusable, match="not wrapped by one"):
        regulars.open(bare_url, master_key=master)


@pytest.mark.parametrize("given", ["", "secret", b"short", b"x" * 33, "x" * 44, "zz" * 32, "\u00e5" * 32])
def test_what_is_none_is_refused_without_being_shown(tmp_path: Path, given: str | bytes) -> None:
    with pytest.raises(ValueError, match="a master key is 32 bytes") as refused:
        regulars.open(tmp_path / "shop.db", master_key=given)
    shown = "".join(traceback.format_exception(refused.value))
    assert not given or str(given) not in shown.replace("master_key=given", "")
    assert list(tmp_path.iterdir()) == []


def test_it_is_shown_by_nothing(tmp_path: Path, master: bytes) -> None:
    key = MasterKey(master)
    with regulars.open(tmp_path / "shop.db", currency="EUR", master_key=master) as crm:
        trade(crm)
        shown = "".join(map(repr, (key, crm, crm.keys, crm._store, crm._store.keyring, crm.status())))
    assert found_in(shown.encode(), [master, repr(master)]) == set()


def test_new_ones_are_unlike_each_other_and_read_in_every_way_they_are_written() -> None:
    keys = {new_master_key() for _ in range(50)}
    assert len(keys) == 50
    check = MasterKey(base64.b64decode(min(keys))).new_check()
    plain = base64.b64decode(min(keys))
    for written in (min(keys), min(keys).rstrip("="), base64.urlsafe_b64encode(plain).decode(), plain.hex(), plain):
        assert MasterKey(written).fits(check)
    assert not MasterKey(max(keys)).fits(check)


# ------------------------------------------------------------------------------------------------- while others work


@pytest.fixture
def left_behind(bare_url: str, master: bytes) -> Iterator[Regulars]:
    """Somebody who opened the store before its master key was changed."""
    with closing(regulars.open(bare_url, currency="EUR")) as left_behind:
        trade(left_behind)
        with regulars.open(bare_url) as crm:
            crm.keys.rotate(master)
        yield left_behind


def test_who_opened_it_before_reads_nobody_as_forgotten_and_keeps_no_key_that_is_lost(
    left_behind: Regulars, bare_url: str, master: bytes
) -> None:
    refused = [
        lambda: left_behind.customer(PEOPLE[0]),
        lambda: left_behind.customers(),
        lambda: left_behind.do(AddNote(customer=PEOPLE[0], text="kept nowhere")),
        lambda: left_behind.do(RegisterCustomer(ref="new")),
        lambda: left_behind.keys.unwrap(),
    ]
    for ask in refused:
        with pytest.raises(StoreUnusable, match="master key was changed"):
            ask()
    with regulars.open(bare_url, master_key=master) as crm:
        assert [crm.customer(ref).name for ref in PEOPLE] == [f"Name of {ref}" for ref in PEOPLE]
        assert crm.status().events == 2 * len(PEOPLE)


def test_it_is_changed_while_others_register(bare_url: str, master: bytes) -> None:
    """Each newcomer was either taken before, or refused and taken afterwards, and can be read by the new key."""
    regulars.open(bare_url, currency="EUR").close()
    taken, stop = list[CustomerId](), threading.Event()

    def register() -> None:
        with regulars.open(bare_url) as crm:
            while not stop.is_set() and len(taken) < 500:
                try:
                    name = f"Name {len(taken)}"
                    taken.append(crm.do(RegisterCustomer(ref=f"new:{len(taken)}", name=name)).customer_id)
                except StoreUnusable:
                    return

    thread = threading.Thread(target=register)
    thread.start()
    try:
        with regulars.open(bare_url) as crm:
            while len(taken) < 20 and thread.is_alive():
                stop.wait(0.01)
            crm.keys.rotate(master)
    finally:
        stop.set()
        thread.join()
    with regulars.open(bare_url, master_key=master) as crm:
        assert [crm.customer(each).name for each in taken] == [f"Name {number}" for number in range(len(taken))]


def test_a_key_opens_only_in_its_own_row(tmp_path: Path, master: bytes) -> None:
    with regulars.open(tmp_path / "shop.db", currency="EUR", master_key=master) as crm:
        trade(crm)
        keys = crm._store.schema.keys
        with crm._store.database.writing() as connection:
            first, second = connection.execute(sa.select(keys.c.customer_id, keys.c.key).limit(2)).all()
            connection.execute(keys.update().where(keys.c.customer_id == first[0]).values(key=second[1]))
        with pytest.raises(StoreUnusable, match="doesn't open"):
            crm.customer(CustomerId(first[0]))


def test_a_copy_needs_the_master_key_of_the_original(tmp_path: Path, bare_url: str, master: bytes) -> None:
    with regulars.open(bare_url, currency="EUR", master_key=master) as crm:
        trade(crm)
        expected = answers(crm)
    regulars.copy(bare_url, tmp_path / "copy.db")
    with pytest.raises(StoreUnusable, match="give it as master_key"):
        regulars.open(tmp_path / "copy.db")
    with regulars.open(tmp_path / "copy.db", master_key=master) as copy:
        assert answers(copy) == expected


def test_workers_fold_without_the_master_key(tmp_path: Path, master: bytes) -> None:
    with regulars.open(tmp_path / "shop.db", currency="EUR", master_key=master) as crm:
        trade(crm)
        crm.catch_up()
        before = crm.projections.verify().stored
        crm.projections.rebuild(workers=2)
        assert crm.projections.verify().stored == before
