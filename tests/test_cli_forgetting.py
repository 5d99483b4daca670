"""Forgetting, restoring and the master key as they are typed."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
import sqlalchemy as sa

import regulars
from raw import found_in
from regulars import MergeCustomers, RegisterCustomer
from saying import NOW, Say


class Typed(io.StringIO):
    """Somebody at a keyboard."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "regulars.db"
    with regulars.open(path, currency="EUR", actor="li", clock=lambda: NOW) as crm:
        crm.do([RegisterCustomer(ref=f"shop:{n}", name=f"Name{n}", email=f"n{n}@example.com") for n in range(4)])
        crm.backup(tmp_path / "backup.db")
    return path


# ----------------------------------------------------------------------------------------------------------- forgetting


@pytest.mark.parametrize("who", ["shop:1", "n1@example.com"])
def test_somebody_is_forgotten_and_listed(say: Say, shop: Path, who: str) -> None:
    said = say("forget", who, "--reason", "on request", "--actor", "eva")
    assert said.status == 0
    assert said.out.startswith("Forgotten: id:")
    assert "restore" in said.out
    assert "Name1" not in said.out
    assert said.widest <= 80
    assert say("show", who).status == 1
    [line] = say("forgotten").out.splitlines()
    assert line.endswith(f"#5 {NOW.date()} on request")
    [entry] = say("forgotten", "--json").json
    assert (entry["position"], entry["actor"], entry["reason"]) == (5, "eva", "on request")
    assert line.startswith(entry["id"])
    assert say("verify").status == 0


def test_json_tells_the_ids_and_the_events(say: Say, shop: Path) -> None:
    with regulars.open(shop, clock=lambda: NOW) as crm:
        ids = {f"id:{crm.customer(f'shop:{n}').id}" for n in (1, 2)}
        crm.do(MergeCustomers(customer="shop:1", into="shop:2"))
    said = say("forget", "shop:1", "--reason", "on request", "--json").json
    assert set(said.pop("ids")) == ids
    assert said == {"positions": [6, 7], "pending": False, "reasons_dropped": 0, "owner_needed": None}
    again = say("forget", ids.pop(), "--reason", "on request")
    assert (again.status, again.out) == (0, "Nobody was forgotten: they were before.\n")


def test_at_a_terminal_it_asks_first(say: Say, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with regulars.open(shop, clock=lambda: NOW) as crm:
        crm.do(MergeCustomers(customer="shop:1", into="shop:2"))
    monkeypatch.setattr("sys.stdin", Typed("n\n"))
    said = say("forget", "shop:1", "--reason", "on request")
    assert (said.status, said.out) == (1, "")
    assert "Forget Name2 (shop:2) and 1 merged into them? There is no way back." in said.err
    assert "Nobody was forgotten." in said.err
    assert say("forgotten").out == ""
    monkeypatch.setattr("sys.stdin", Typed("y\n"))
    assert say("forget", "shop:1", "--reason", "on request").status == 0
    monkeypatch.setattr("sys.stdin", Typed(""))
    assert say("forget", "shop:3", "--reason", "on request", "--yes").status == 0
    assert len(say("forgotten").out.splitlines()) == 3


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (("forget",), 2, "somebody to forget"),
        (("forget", "shop:1"), 2, "a reason"),
        (("forget", "shop:1", "--reason", ""), 1, "cause"),
        (("forget", "shop:9", "--reason", "on request"), 1, "no customer"),
        (("forget", "shop:1", "--reason", "name1 asked"), 1, "must not name them"),
        (("forget", "shop:1", "--erased-from", "x"), 2, "neither WHO nor --reason"),
        (("forget", "--erased-from", "missing"), 1, "neither a store nor a list"),
    ],
)
def test_what_is_meant_has_to_be_said(say: Say, shop: Path, words: tuple[str, ...], status: int, told: str) -> None:
    said = say(*words)
    assert (said.status, said.out) == (status, "")
    assert told in said.err
    assert say("forgotten").out == ""


def test_it_says_what_is_pending(say: Say, shop: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{shop}")
    with engine.connect() as reader:
        reader.exec_driver_sql("BEGIN")
        reader.exec_driver_sql("SELECT * FROM regulars_keys").all()
        assert "Pending: somebody reads" in say("forget", "shop:1", "--reason", "on request").out
        assert "pending" in say("status").out
        assert say("status", "--json").json["erasing"] is True
    engine.dispose()
    assert say("status", "--json").json["erasing"] is False


# ----------------------------------------------------------------------------------------------------------- restoring


def test_a_backup_comes_back_without_them_by_the_store_that_is_there(say: Say, shop: Path, tmp_path: Path) -> None:
    say("forget", "shop:1", "--reason", "on request")
    said = say("restore", "backup.db", "back.db", "--actor", "eva")
    assert said.out == "Restored to back.db: 5 events.\nForgotten again: 1 of 1 who were forgotten.\n"
    assert say("--db", "back.db", "forgotten", "--json").json[0]["actor"] == "eva"
    assert say("restore", "backup.db", "back.db").status == 1
    assert say("--db", str(shop), "restore", "backup.db", "other.db", "--json").json["listed"] == 1


def test_or_by_a_list(say: Say, shop: Path, tmp_path: Path) -> None:
    say("forget", "shop:1", "--reason", "on request")
    (tmp_path / "lines").write_text(say("forgotten").out)
    (tmp_path / "objects").write_text(say("forgotten", "--json").out)
    for number, name in enumerate(("lines", "objects")):
        said = say("--db", "none.db", "restore", "backup.db", f"{number}.db", "--erased-from", name, "--json").json
        assert (said["listed"], len(said["forgotten"])) == (1, 1)
    without = say("--db", "none.db", "restore", "backup.db", "all.db")
    assert "are known again" in without.out
    assert say("--db", "all.db", "show", "shop:1").status == 0
    assert say("--db", "all.db", "forget", "--erased-from", "lines").status == 0
    assert say("--db", "all.db", "show", "shop:1").status == 1


def test_a_reason_that_names_them_is_no_reason_to_know_them_again(say: Say, shop: Path, tmp_path: Path) -> None:
    with regulars.open(shop, clock=lambda: NOW) as crm:
        named = [{"id": f"id:{crm.customer(f'shop:{n}').id}", "reason": f"name{n} asked"} for n in (1, 2)]
    (tmp_path / "list").write_text(json.dumps(named))
    said = say("--db", "none.db", "restore", "backup.db", "back.db", "--erased-from", "list")
    assert (said.status, said.widest <= 80) == (0, True)
    assert "Forgotten again: 2 of 2 who were forgotten.\n2 reasons of the list were not kept" in said.out
    again = say("--db", str(shop), "forget", "--erased-from", "list", "--json")
    assert again.json["reasons_dropped"] == 2
    restored = say("--db", "none.db", "restore", "backup.db", "b.db", "--erased-from", "list", "--json").json
    assert restored.pop("records")["holds"]
    assert restored == {
        "store": "b.db",
        "events": 6,
        "forgotten": [each["id"] for each in sorted(named, key=lambda each: each["id"])],
        "listed": 2,
        "added": 0,
        "without_key": 0,
        "reasons_dropped": 2,
    }


def test_a_store_that_cannot_tell_who_was_forgotten_is_no_reason_to_guess(say: Say, shop: Path) -> None:
    shop.write_bytes(b"SQLite format 3\0" + b"\xff" * 5_000)
    said = say("restore", "backup.db", "back.db")
    assert said.status == 1
    assert "--erased-from" in said.err
    assert say("restore", "backup.db", "back.db", "--erased-from", "/dev/null").status == 0


# ---------------------------------------------------------------------------------------------------------- master key


def test_a_master_key_is_made_given_and_changed(
    say: Say, shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = say("keys", "new").out.strip(), say("keys", "new", "--json").json["master_key"]
    (tmp_path / "first.key").write_text(f"{first}\n")
    assert "4 customers' keys" in say("keys", "rotate", "--new-key-file", "first.key").out
    refused = say("status")
    assert refused.status == 1
    assert "REGULARS_MASTER_KEY" in refused.err
    monkeypatch.setenv("REGULARS_MASTER_KEY", first)
    assert "Name1" in say("show", "shop:1").out
    assert "wrapped by a master key" in say("status").out
    monkeypatch.setenv("REGULARS_NEW_MASTER_KEY", second)
    assert say("keys", "rotate", "--json").json == {
        "keys": 4,
        "wrapped": True,
        "pending": False,
        "owner_needed": None,
    }
    assert "another master key" in say("show", "shop:1").err
    monkeypatch.setenv("REGULARS_MASTER_KEY", second)
    assert say("keys", "rotate", "--to-none").status == 0
    needless = say("show", "shop:1")
    assert needless.status == 1
    assert "not wrapped" in needless.err
    monkeypatch.delenv("REGULARS_MASTER_KEY")
    assert "Name1" in say("show", "shop:1").out


def test_a_master_key_is_never_printed_back(say: Say, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good, bad = say("keys", "new").out.strip(), "not a key, but somebody's secret"
    monkeypatch.setenv("REGULARS_MASTER_KEY", bad)
    wrong = say("status")
    monkeypatch.setenv("REGULARS_MASTER_KEY", good)
    needless = say("status")
    monkeypatch.setenv("REGULARS_NEW_MASTER_KEY", bad)
    rotating = say("keys", "rotate")
    assert (wrong.status, needless.status, rotating.status) == (2, 1, 2)
    said = "".join(each.out + each.err for each in (wrong, needless, rotating))
    assert found_in(said.encode(), [good, bad]) == set()


@pytest.mark.parametrize("words", [("keys", "rotate"), ("keys", "rotate", "--to-none", "--new-key-file", "x")])
def test_a_rotation_needs_one_new_key(say: Say, shop: Path, words: tuple[str, ...]) -> None:
    assert say(*words).status == 2


def test_a_new_store_can_be_wrapped_from_its_first_command(
    say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGULARS_MASTER_KEY", say("keys", "new").out.strip())
    assert say("do", "RegisterCustomer", "ref=shop:1", "name=Ada").status == 0
    assert say("status", "--json").json["wrapped"] is True
    monkeypatch.delenv("REGULARS_MASTER_KEY")
    assert say("status").status == 1


# ------------------------------------------------------------------------------------------------------ an empty folder


def test_a_command_that_is_refused_makes_no_store(say: Say, tmp_path: Path) -> None:
    for words in (
        ("RecordPurchase", "customer=nobody", "order_id=A", "amount=5", "--currency", "EUR"),
        ("RegisterCustomer", "ref=x", "--currency", "XXX"),
    ):
        assert say("do", *words).status == 1
        assert list(tmp_path.iterdir()) == []
