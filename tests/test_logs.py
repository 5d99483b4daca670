"""What a program hears by Python's logging: what changed, in levels that mean something, and nothing personal."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest

import regulars
from regulars import AddNote, RecordPurchase, RegisterCustomer
from regulars.adapters.store.store import Collision, Store

PERSONAL = ("Ada", "ada@example.com", "shop:42", "likes tea")


def said(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    ours = [each for each in caplog.records if each.name.startswith("regulars.")]
    return [f"{each.name.removeprefix('regulars.')}: {each.getMessage()}" for each in ours if each.levelno == level]


def live(url: str) -> None:
    with regulars.open(url, currency="EUR") as crm:
        crm.do(RegisterCustomer(ref="shop:42", name="Ada", email="ada@example.com"))
        crm.do(AddNote(customer="shop:42", text="likes tea", reason="Ada said so"))
        crm.do(RecordPurchase(customer="shop:42", order_id="A-1", amount="5.90"))
        crm.customers()
        crm.projections.rebuild()
        new = regulars.parse_rules(regulars.as_toml(crm.ruleset).replace("prior_gap_days = 30", "prior_gap_days = 31"))
        crm.rules.publish(new, reason="fewer buy each month")


def test_a_store_says_what_changed_for_good(bare_url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="regulars")
    live(bare_url)
    told = said(caplog, logging.INFO)
    assert told[0].startswith("store: made a store in ")
    assert told[1:] == [
        "projections: building generation 2",
        "projections: generation 2 is built",
        "projections: generation 2 answers",
        "projections: building generation 3",
        "projections: generation 3 is built",
        "projections: generation 3 answers",
    ]
    assert [each.split(" ")[1] for each in said(caplog, logging.DEBUG)] == ["opened", "closed"]
    assert not said(caplog, logging.WARNING)
    assert not [word for word in PERSONAL if word in caplog.text]


def test_whoever_has_to_try_again_says_so(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    caplog.set_level(logging.DEBUG, logger="regulars")
    with regulars.open(":memory:") as crm:
        writing, lost = Store.writing, [1]

        def lose_once(store: Store, *, alone: bool = False) -> object:
            if lost:
                raise Collision(str(lost.pop()))
            return writing(store, alone=alone)

        monkeypatch.setattr(Store, "writing", lose_once)
        crm.do(RegisterCustomer(ref="shop:42"))
    assert "store: another writer was quicker, attempt 1 of 10" in said(caplog, logging.DEBUG)


def test_who_does_not_listen_hears_nothing(tmp_path: Path) -> None:
    program = f"import sys; sys.path[:0] = {sys.path!r}; from test_logs import live; live({str(tmp_path / 'a.db')!r})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")
