"""A token is a name, a role and a secret; the store has a digest of the secret, and no other store has that."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import sqlalchemy as sa

import regulars
from regulars import NotFound, RegisterCustomer, Rejected
from regulars.upkeep.tokens import ROLES


def test_a_token_is_found_by_its_text_until_it_is_revoked(database_url: str) -> None:
    with regulars.open(database_url) as crm:
        made = [crm.tokens.new(f"{role} at the till", role=role) for role in ROLES]
        assert [crm.tokens.find(each.text) for each in made] == [each.token for each in made]
        assert [each.name for each in crm.tokens.in_force()] == [
            "clerk at the till",
            "owner at the till",
            "reader at the till",
        ]
        assert len({each.text for each in made}) == len({each.token.id for each in made}) == len(ROLES)
        crm.tokens.revoke("clerk at the till")
        crm.tokens.revoke(made[2].token.id)
        assert [crm.tokens.find(each.text) is not None for each in made] == [True, False, False]
        assert crm.tokens.find("") is None
        with pytest.raises(NotFound, match="there is no token"):
            crm.tokens.revoke("clerk at the till")
        assert crm.tokens.revoke_all() == 1
        assert crm.tokens.in_force() == ()
        assert crm.event_count == 0


def test_the_store_has_the_sha_256_of_a_token_alone(database_url: str) -> None:
    with regulars.open(database_url) as crm:
        made = crm.tokens.new("till", role="clerk")
        text = made.text
        assert text not in f"{made} {made!r}"  # nor in a log that somebody writes it to
        with crm._store.reading() as tx:
            (row,) = tx.connection.execute(sa.select(crm._store.schema.tokens)).mappings()
    assert row["digest"] == hashlib.sha256(text.encode()).digest()
    assert not [value for value in row.values() if value in (text, text.encode())]


def test_a_name_is_one_tokens_and_a_role_one_of_three(database_url: str) -> None:
    with regulars.open(database_url) as crm:
        crm.tokens.new("till", role="clerk")
        with pytest.raises(Rejected, match='there is a token named "till"') as error:
            crm.tokens.new("till", role="owner")
        assert error.value.code == "token_name_taken"
        with pytest.raises(ValueError, match="there is no role"):
            crm.tokens.new("boss", role="boss")  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="the name of a token is one line"):
            crm.tokens.new("two\nlines", role="owner")
        crm.tokens.revoke("till")
        assert crm.tokens.new("till", role="owner").token.role == "owner"


def test_no_other_store_takes_a_token_but_a_backup_has_it(tmp_path: Path) -> None:
    store, backup, copy, restored = (tmp_path / f"{name}.db" for name in ("shop", "backup", "copy", "restored"))
    with regulars.open(store) as crm:
        crm.do(RegisterCustomer(ref="shop:42"))
        text = crm.tokens.new("till", role="clerk").text
        crm.backup(backup)
        assert crm.projections.verify().holds
    regulars.copy(store, copy)
    regulars.restore(backup, restored)
    for path, is_taken in ((store, True), (backup, True), (copy, False), (restored, False)):
        with regulars.open(path) as crm:
            assert (crm.tokens.find(text) is not None) is is_taken, path.name
            assert crm.customer("shop:42").ref == "shop:42"
