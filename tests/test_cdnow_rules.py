"""The tenth of the CDNOW customers under a higher threshold: who loses gold is who never spent that much in a year."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

import regulars
from regulars import Regulars
from shops import GOLD, with_edits

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT.parent / "shared" / "data" / "cdnow" / "CDNOW_sample.txt"
YEAR = timedelta(days=365)
#: The first customers came on 1 January 1997: until a year later nobody's tier was reviewed.
NOW = datetime(1997, 12, 31, 12, tzinfo=UTC)
HIGHER = Decimal("650.00")

pytestmark = pytest.mark.skipif(not SAMPLE.exists(), reason=f"the CDNOW sample is not at {SAMPLE}")


def highest_spend() -> dict[str, Decimal]:
    """The most that each customer had spent by any day of 1997; it only grows, as nothing is a year old yet."""
    spend: dict[str, Decimal] = {}
    for line in SAMPLE.read_text(encoding="ascii").splitlines():
        customer, _, day, _, dollars = line.split()
        if day < "19980101":
            spend[f"cdnow:{customer}"] = spend.get(f"cdnow:{customer}", Decimal()) + Decimal(dollars)
    return spend


def between(low: str, high: str) -> set[str]:
    return {who for who, spent in highest_spend().items() if Decimal(low) <= spent < Decimal(high)}


@pytest.fixture(scope="module")
def crm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Regulars]:
    path = tmp_path_factory.mktemp("cdnow") / "sample.db"
    with regulars.open(path, currency="USD", actor="import", clock=lambda: datetime(1998, 7, 1, tzinfo=UTC)) as opened:
        opened.import_file(SAMPLE, ROOT / "examples" / "cdnow-sample.toml")
    with regulars.open(path, actor="li", clock=lambda: NOW) as crm:
        yield crm


def golden(crm: Regulars) -> set[str]:
    return {str(each.ref) for each in crm.customers(tier="gold", as_of=NOW, limit=1000)}


def test_a_higher_threshold_is_previewed_published_and_taken_back(crm: Regulars) -> None:
    higher = with_edits([(GOLD, GOLD.replace("500.00", str(HIGHER)))])
    gold, losing = between("500.00", "1000.00"), between("500.00", str(HIGHER))
    assert 0 < len(losing) < len(gold)
    assert golden(crm) == gold
    preview = crm.rules.diff(higher, as_of=NOW)
    explained = preview.explain(preview)
    assert {(each.ref, each.move.lane, each.move.old, each.move.new) for each in explained} == {
        (who, "tier", "gold", "silver") for who in losing
    }
    assert {each.ref: each.move.worth for each in explained} == {who: highest_spend()[who] for who in losing}
    assert preview.worth["tier"] == sum(highest_spend()[who] for who in losing)
    assert golden(crm) == gold
    crm.rules.publish(higher, reason="gold was too cheap")
    assert golden(crm) == gold - losing
    assert crm.projections.verify().holds
    crm.rules.rollback(reason="they complained")
    assert golden(crm) == gold
    assert crm.projections.verify().holds
