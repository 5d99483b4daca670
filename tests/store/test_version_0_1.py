"""A store that version 0.1 made opens, is migrated, and answers as version 0.1 did.

What is kept of it in `tests/kept`: the file, a dump of the same store on PostgreSQL, and its answers, asked by its own
code.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

import regulars
from databases import fresh_postgres
from kept.answers import NOW, answers
from regulars import RecordPurchase, Regulars

KEPT = Path(__file__).parents[1] / "kept"


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """A copy of the kept store."""
    if request.param == "sqlite":
        path = tmp_path / "shop.db"
        path.write_bytes(gzip.decompress((KEPT / "version-0.1.db.gz").read_bytes()))
        yield str(path)
        return
    with fresh_postgres(request.getfixturevalue("postgres_url")) as url:
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        with engine.begin() as connection:
            connection.exec_driver_sql(gzip.decompress((KEPT / "version-0.1.sql.gz").read_bytes()).decode())
        yield url


def opened(url: str) -> Regulars:
    return regulars.open(url, clock=lambda: NOW, on_stale="rebuild")


def as_it_was(ours: Any, theirs: Any) -> Any:
    """Ours, with no more in it than theirs says: fields that came later are left out."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        return {key: as_it_was(ours.get(key, "missing"), value) for key, value in theirs.items()}
    if isinstance(theirs, list) and isinstance(ours, list) and len(ours) == len(theirs):
        return [as_it_was(*pair) for pair in zip(ours, theirs, strict=True)]
    return ours


def test_it_answers_as_it_did(url: str) -> None:
    theirs = json.loads(gzip.decompress((KEPT / "version-0.1.json.gz").read_bytes()))
    with opened(url) as crm:
        ours = answers(crm)
    for question, answer in theirs.items():
        assert as_it_was(ours[question], answer) == answer, question


def test_all_that_stands_beside_its_log_is_as_the_log_says(url: str) -> None:
    with opened(url) as crm:
        assert crm.check_seals().holds
        assert crm.check_records().holds
        assert crm.projections.verify().holds


def test_it_goes_on(url: str) -> None:
    with opened(url) as crm:
        before = crm.customer("shop:2").orders
        crm.do(RecordPurchase(customer="shop:2", order_id="new", amount="12.00"))
        assert crm.customer("shop:2").orders == before + 1
        assert crm.projections.verify().holds
