"""Every event can be taken elsewhere, as JSON lines; what is personal only where somebody says so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

import regulars
from regulars import (
    AddNote,
    ChangeContactDetails,
    ErasePersonalData,
    RecordPurchase,
    RecordReturn,
    RegisterCustomer,
    Regulars,
    TagCustomer,
)
from regulars.adapters.log.codec import CODECS
from regulars.adapters.moving import exporting

NOW = datetime(2026, 6, 1, 12, 0, 0, 123456, tzinfo=UTC)
ENVELOPE = [
    "position",
    "stream_id",
    "version",
    "category",
    "customer_id",
    "type",
    "occurred_at",
    "recorded_at",
    "actor",
    "correlation_id",
    "causation_id",
    "command_id",
    "event",
]

#: Words that stand in personal fields and nowhere else.
SECRETS = ("Grete", "grete@example.com", "+49301234", "shop:secret", "allergic to cats", "1906-12-09", "she called us")


def a_business(url: str) -> Regulars:
    """Grete is known in every personal way there is, and buys; Emil comes and is forgotten."""
    crm = regulars.open(url, currency="EUR", actor="li", clock=lambda: NOW)
    begin = NOW - timedelta(days=10)
    details = {"name": "Grete", "phone": "+49301234", "birthday": date(1906, 12, 9)}
    who = "shop:secret"
    crm.do(RegisterCustomer(ref=who, email="old-grete@example.com", occurred_at=begin, command_id="c-1", **details))
    crm.do(
        [
            ChangeContactDetails(customer=who, email="grete@example.com", reason="she called us"),
            AddNote(customer=who, text="allergic to cats"),
            RecordPurchase(customer=who, order_id="A-1", amount="59.90", lines=[{"sku": "CD", "quantity": 2}]),
            RecordReturn(order_id="A-1", amount="9.90"),
            RegisterCustomer(ref="emil", name="Emil"),
            TagCustomer(customer="emil", label="new"),
        ]
    )
    crm.do(ErasePersonalData(customer="emil", confirm=True))
    return crm


def exported(crm: Regulars, *, personal: bool = False) -> bytes:
    out = BytesIO()
    count = crm.export_events(out.write, personal=personal)
    assert count == out.getvalue().count(b"\n")
    return out.getvalue()


def lines_of(content: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content.splitlines()]


# ------------------------------------------------------------------------------------------------------- what is in it


def test_every_event_is_a_line_in_order_of_position_with_its_envelope(database_url: str) -> None:
    with a_business(database_url) as crm:
        lines = lines_of(exported(crm))
    assert [line["type"] for line in lines] == [
        "CustomerRegistered",
        "ContactDetailsChanged",
        "NoteAdded",
        "PurchaseRecorded",
        "ReturnRecorded",
        "CustomerRegistered",
        "CustomerTagged",
        "PersonalDataErased",
    ]
    assert all(list(line) == ENVELOPE for line in lines)
    positions = [line["position"] for line in lines]
    assert positions == sorted(set(positions))
    first, purchase = lines[0], lines[3]
    assert (first["occurred_at"], first["recorded_at"]) == (
        "2026-05-22T12:00:00.123456+00:00",
        "2026-06-01T12:00:00.123456+00:00",
    )
    assert (first["actor"], first["command_id"], first["category"], first["version"]) == ("li", "c-1", "customer", 1)
    assert purchase["customer_id"] == first["customer_id"] != lines[5]["customer_id"]
    assert (purchase["event"]["order_id"], purchase["event"]["amount"]) == ("A-1", 5990)
    assert purchase["event"]["lines"][0]["sku"] == "CD"


def test_nothing_personal_is_in_it(database_url: str) -> None:
    with a_business(database_url) as crm:
        without, with_personal = exported(crm), exported(crm, personal=True)
    assert [word for word in SECRETS if word.encode() in without] == []
    assert [word for word in SECRETS if word.encode() not in with_personal] == []
    for line in lines_of(without):
        assert "reason" not in line
        assert not set(CODECS[line["type"]].personal) & set(line["event"])


def test_with_personal_data_every_field_of_the_event_is_there_and_the_forgotten_are_null(database_url: str) -> None:
    with a_business(database_url) as crm:
        lines = lines_of(exported(crm, personal=True))
    assert all(list(line) == [*ENVELOPE, "reason"] for line in lines)
    grete, emil = (line["event"] for line in lines if line["type"] == "CustomerRegistered")
    assert (grete["name"], grete["ref"]) == ("Grete", "shop:secret")
    assert {emil[name] for name in CODECS["CustomerRegistered"].personal} == {None}
    assert lines[1]["reason"] == "she called us"


def test_what_is_left_out_is_all_that_differs(database_url: str) -> None:
    with a_business(database_url) as crm:
        without, lines = lines_of(exported(crm)), lines_of(exported(crm, personal=True))
    for line in lines:
        del line["reason"]
        for name in CODECS[line["type"]].personal:
            del line["event"][name]
    assert lines == without


def test_an_exported_event_can_be_read_back(sqlite_database_url: str) -> None:
    with a_business(sqlite_database_url) as crm:
        for line in lines_of(exported(crm, personal=True)):
            event = CODECS[line["type"]].decode(msgspec.json.encode(line["event"] | {"type": line["type"]}))
            assert msgspec.json.decode(msgspec.json.encode(msgspec.structs.asdict(event))) == line["event"]


def test_the_same_store_gives_the_same_bytes(database_url: str) -> None:
    with a_business(database_url) as crm:
        assert exported(crm, personal=True) == exported(crm, personal=True)


def test_an_empty_store_has_nothing_to_export(database_url: str) -> None:
    with regulars.open(database_url) as crm:
        assert exported(crm) == b""


# ------------------------------------------------------------------------------------------------------ how it is read


def test_it_is_written_in_chunks_of_one_snapshot(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "EVENTS_PER_CHUNK", 3)
    written: list[bytes] = []

    with a_business(database_url) as crm, regulars.open(database_url, clock=lambda: NOW) as other:
        whole = exported(crm)

        def write(lines: bytes) -> None:
            written.append(lines)
            other.do(RegisterCustomer(ref=f"late:{len(written)}"))

        assert crm.export_events(write) == 8
        assert [lines.count(b"\n") for lines in written] == [3, 3, 2]
        assert b"".join(written) == whole
        assert exported(other).count(b"\n") == 8 + 3


def test_what_an_older_transaction_may_still_come_before_waits_for_the_next_export(postgres_database_url: str) -> None:
    engine = sa.create_engine(postgres_database_url.replace("postgresql://", "postgresql+psycopg://"))
    with a_business(postgres_database_url) as crm:
        before = exported(crm)
        with engine.connect() as older:
            older.exec_driver_sql("SELECT pg_current_xact_id()")
            with regulars.open(postgres_database_url, clock=lambda: NOW) as other:
                other.do(RegisterCustomer(ref="unsettled"))
            assert exported(crm) == before
        assert exported(crm).startswith(before)
        assert exported(crm).count(b"\n") == before.count(b"\n") + 1
    engine.dispose()


def test_whoever_recorded_something_finds_it_in_their_export(postgres_database_url: str) -> None:
    engine = sa.create_engine(postgres_database_url.replace("postgresql://", "postgresql+psycopg://"))
    with a_business(postgres_database_url) as crm, engine.connect() as older:
        older.exec_driver_sql("SELECT pg_current_xact_id()")
        crm.do(RegisterCustomer(ref="mine"))
        ending = threading.Timer(0.2, older.rollback)
        ending.start()
        assert exported(crm).count(b"\n") == 9
        ending.join()
    engine.dispose()


# ---------------------------------------------------------------------------------------------------- the command line


def say(folder: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("REGULARS_")}
    command = [sys.executable, "-c", "from regulars.cli import main; main()", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)


def test_the_command_prints_lines_or_writes_a_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    with a_business(str(tmp_path / "shop.db")) as crm:
        without, with_personal = exported(crm), exported(crm, personal=True)
    printed = say(tmp_path, "export", "events", "--jsonl", "--db", "shop.db")
    assert (printed.returncode, printed.stdout, printed.stderr) == (0, without, b"")
    out = tmp_path / "events.jsonl"
    out.write_text("of yesterday")
    said = say(
        tmp_path, "export", "events", "--jsonl", "--personal", "--out", "events.jsonl", "--force", "--db", "shop.db"
    )
    assert (said.returncode, said.stdout) == (0, b"8 events in events.jsonl\n")
    assert out.read_bytes() == with_personal
    assert out.stat().st_mode & 0o077 == 0
    assert not list(tmp_path.glob("*unfinished*"))


def test_a_file_of_yesterday_stays_where_the_export_fails(tmp_path: Path) -> None:
    with a_business(str(tmp_path / "shop.db")) as crm:
        crm.close()
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'shop.db'}")
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE regulars_events SET type = 'FromTheFuture' WHERE position = 5")
    engine.dispose()
    (tmp_path / "events.jsonl").write_text("of yesterday")
    said = say(tmp_path, "export", "events", "--out", "events.jsonl", "--force", "--db", "shop.db")
    assert said.returncode == 1
    assert b"a newer one wrote it" in said.stderr
    assert (tmp_path / "events.jsonl").read_text() == "of yesterday"
    assert not list(tmp_path.glob("*unfinished*"))


def test_a_device_is_written_and_never_replaced(tmp_path: Path) -> None:
    with a_business(str(tmp_path / "shop.db")):
        pass
    said = say(tmp_path, "export", "events", "--out", os.devnull, "--db", "shop.db")
    assert (said.returncode, said.stdout) == (0, f"8 events in {os.devnull}\n".encode())
    assert Path(os.devnull).is_char_device()


def test_without_a_store_nothing_is_made(tmp_path: Path) -> None:
    said = say(tmp_path, "export", "events", "--out", "events.jsonl")
    assert (said.returncode, b"there is no store" in said.stderr) == (1, True)
    assert list(tmp_path.iterdir()) == []
