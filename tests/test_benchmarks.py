"""The benchmark's code is right: its history is one that the store accepts, and it gives every figure. No timing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from benchmarks.history import History, make, opened
from benchmarks.rows import ROWS
from benchmarks.scaling import enlarge

ROOT = Path(__file__).parents[1]

#: What has no figure here: there is no file to import, and a rebuild has one worker.
NOT_MEASURED = {"import", "rebuild.workers", "rebuild.workers.fold"}


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    return make(tmp_path_factory.mktemp("history") / "store.db", 2_000, 200)


def test_the_history_is_one_that_the_store_accepts(history: History) -> None:
    with opened(history.path, history.now) as crm:
        assert crm.status().events == history.events >= 2_000
        assert crm.projections.verify().holds


def test_the_history_has_all_that_happens_in_a_business(history: History) -> None:
    with opened(history.path, history.now) as crm:
        for name in ("ReturnRecorded", "PointsReversed", "PointsRedeemed", "TicketRated", "CustomerMerged"):
            assert crm.audit(type=name).entries, name
        known = [entry.occurred_at for entry in crm.audit(type="PurchaseRecorded", oldest_first=True, limit=1_000)]
        assert known != sorted(known), "nothing came late"


def test_a_history_is_several_times_as_large_with_other_customers_each_time(history: History, tmp_path: Path) -> None:
    larger = history.copy(tmp_path, "larger")
    with opened(larger, history.now) as crm:
        once = len(list(crm.customers(forgotten=True)))
    enlarge(larger, 3)
    with opened(larger, history.now) as crm:
        crm.projections.rebuild()
        assert crm.projections.verify().holds
        assert 2 * once < len(list(crm.customers(forgotten=True))) <= 3 * history.customers


def test_a_quick_run_gives_every_row(tmp_path: Path) -> None:
    target = tmp_path / "figures.json"
    command = [sys.executable, "-m", "benchmarks", "--quick", "--events", "400", "--json", str(target)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    written = msgspec.json.decode(target.read_bytes())
    assert [row["name"] for row in written["rows"]] == [row.name for row in ROWS]
    assert {row["name"] for row in written["rows"] if row["value"] is None} <= NOT_MEASURED
    assert all(row["value"] is not None or row["note"] for row in written["rows"])
    assert written["machine"]["postgresql"]
    assert max(map(len, done.stdout.splitlines())) <= 80
