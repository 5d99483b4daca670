"""A backup is whole, of one moment, and made while others write."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

import regulars
from regulars import RecordPurchase, RegisterCustomer, StoreUnusable


def test_a_backup_answers_like_the_store_it_was_made_of(tmp_path: Path) -> None:
    with regulars.open(tmp_path / "shop.db", currency="EUR", actor="li") as crm:
        crm.do(
            [RegisterCustomer(ref="shop:42", name="Ada"), RecordPurchase(customer="shop:42", order_id="A", amount="9")]
        )
        crm.backup(tmp_path / "copy.db")
        crm.do(RecordPurchase(customer="shop:42", order_id="B", amount="9"))
    with regulars.open(tmp_path / "copy.db") as copy:
        ada = copy.customer("shop:42")
        assert (ada.name, ada.orders) == ("Ada", 1)
        copy.do(RecordPurchase(customer="shop:42", order_id="C", amount="9"))
        assert copy.customer("shop:42").orders == 2


def test_a_backup_while_others_write_has_everything_acknowledged_before_it(tmp_path: Path) -> None:
    with regulars.open(tmp_path / "shop.db", currency="EUR", actor="li") as crm:
        crm.do(RegisterCustomer(ref="shop:42"))
        stop, acknowledged = threading.Event(), list[int]()

        def write() -> None:
            while not stop.is_set():
                number = len(acknowledged)
                crm.do(RecordPurchase(customer="shop:42", order_id=str(number), amount="1"))
                acknowledged.append(number)

        writer = threading.Thread(target=write)
        writer.start()
        try:
            for number in range(5):
                before = len(acknowledged)
                crm.backup(tmp_path / f"copy-{number}.db")
                after = len(acknowledged) + 1
                with regulars.open(tmp_path / f"copy-{number}.db") as copy:
                    assert before <= copy.customer("shop:42").orders <= after
                    assert copy.customers()[0].orders == copy.customer("shop:42").orders
        finally:
            stop.set()
            writer.join()


def test_a_backup_overwrites_nothing_and_leaves_nothing_half(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("precious")
    with regulars.open(tmp_path / "shop.db") as crm:
        with pytest.raises(StoreUnusable, match="exists already"):
            crm.backup(tmp_path / "precious.txt")
        with pytest.raises(StoreUnusable, match="doesn't exist"):
            crm.backup(tmp_path / "no" / "copy.db")
        crm.backup(tmp_path / "copy.db")
    assert (tmp_path / "precious.txt").read_text() == "precious"
    assert not list(tmp_path.glob("*unfinished*"))


def test_on_postgres_its_own_tool_is_named(postgres_database_url: str, tmp_path: Path) -> None:
    with regulars.open(postgres_database_url) as crm, pytest.raises(StoreUnusable, match="pg_dump"):
        crm.backup(tmp_path / "copy.db")
