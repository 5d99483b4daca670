"""Names that are held in memory find whom decrypting everybody's would find, and forget whom anybody forgets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import regulars
from regulars import ChangeContactDetails, MergeCustomers, RegisterCustomer, Regulars
from regulars.asking.held_names import MOST_MATCHES, HeldNames

LONG_AGO = datetime(2025, 1, 1, tzinfo=UTC)


def found(crm: Regulars, text: str) -> set[str | None]:
    return {each.ref for each in crm.customers(text=text)}


def test_what_is_found_is_the_same_with_names_in_memory_and_without(database_url: str) -> None:
    with regulars.open(database_url, currency="EUR") as holds, regulars.open(database_url) as decrypts:
        for number, name in enumerate(("Ada Lovelace", "GRACE Hopper", "Adam Straße", None)):
            email = f"c{number}@example.com" if number % 2 else None
            holds.do(RegisterCustomer(ref=f"shop:{number}", name=name, email=email, occurred_at=LONG_AGO))
        holds.hold_names()

        def agree() -> None:
            for text in ("ada", "ADA", "grace", "strasse", "example.com", "new", "nobody", "lovelace", "c1@"):
                assert found(holds, text) == found(decrypts, text), text

        agree()
        decrypts.do(RegisterCustomer(ref="shop:9", name="Ada New"))
        decrypts.do(ChangeContactDetails(customer="shop:0", name="Ada King"))
        # What is told late of an earlier day doesn't replace what was said since.
        earlier = LONG_AGO + timedelta(days=1)
        holds.do(ChangeContactDetails(customer="shop:0", name="Ada Between", occurred_at=earlier))
        agree()
        assert found(holds, "king") == {"shop:0"}
        decrypts.do(MergeCustomers(customer="shop:9", into="shop:0"))
        agree()
        decrypts.forget("shop:1", reason="asked for it")
        agree()
        assert found(holds, "grace") == set()


def test_whoever_another_process_forgets_is_gone_from_memory_with_the_next_answer(database_url: str) -> None:
    with regulars.open(database_url, currency="EUR") as holds, regulars.open(database_url) as other:
        for number in range(3):
            holds.do(RegisterCustomer(ref=f"shop:{number}", name=f"Somebody {number}"))
        names = HeldNames(holds._store)
        with holds._store.reading() as tx:
            names.take_in(tx)
        assert len(names) == 3
        other.forget("shop:1", reason="asked for it")
        with holds._store.reading() as tx:
            assert len(names.mentioning(tx, "nothing like that") or ()) == 0
        assert len(names) == 2


def test_a_text_that_most_have_is_looked_for_in_the_list(database_url: str) -> None:
    with regulars.open(database_url, currency="EUR") as crm:
        crm.do([RegisterCustomer(ref=f"shop:{number}", name=f"Ann {number}") for number in range(MOST_MATCHES + 1)])
        crm.hold_names()
        assert len(found(crm, "ann")) == MOST_MATCHES + 1
        assert len(crm.customers(text="ann", limit=50)) == 50
