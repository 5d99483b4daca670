"""A dump keeps the transaction ids of the server it was taken from: in another one, nobody may miss what it brought."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import sqlalchemy as sa

import regulars
from regulars import RecordPurchase, RegisterCustomer, Regulars

IDS_OF_A_BUSIER_SERVER = "UPDATE regulars_events SET xid = (pg_current_xact_id()::text::bigint + 1000000)::text::xid8"


def shown(crm: Regulars) -> Sequence[tuple[str | None, int]]:
    return [(customer.ref, customer.orders) for customer in crm.customers()]


def run(url: str, statement: str) -> None:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql(statement)


@pytest.fixture
def restored(postgres_database_url: str) -> str:
    """The URL of a store with three customers, one of them not folded in, as a younger server has it from a dump."""
    with regulars.open(postgres_database_url, currency="EUR") as crm:
        crm.do([RegisterCustomer(ref=ref) for ref in "ab"])
        crm.catch_up()
        crm.do([RegisterCustomer(ref="c"), RecordPurchase(customer="c", order_id="1", amount="5.00")])
    run(postgres_database_url, IDS_OF_A_BUSIER_SERVER)
    return postgres_database_url


def test_what_a_dump_brought_is_folded_in(restored: str) -> None:
    with regulars.open(restored) as crm:
        assert sorted(shown(crm), key=str) == [("a", 0), ("b", 0), ("c", 1)]
        assert crm.behind == 0


def test_what_is_written_afterwards_hides_nothing_of_it(restored: str) -> None:
    with regulars.open(restored) as crm:
        crm.do(RecordPurchase(customer="a", order_id="2", amount="5.00"))
        assert sorted(shown(crm), key=str) == [("a", 1), ("b", 0), ("c", 1)]
        assert crm.projections.verify().different == 0
    with regulars.open(restored) as crm:
        assert sorted(shown(crm), key=str) == [("a", 1), ("b", 0), ("c", 1)]
