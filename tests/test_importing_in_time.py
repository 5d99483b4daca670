"""Rows are taken in order of time: a file gives the same record and answers in whatever order its rows stand."""

from __future__ import annotations

import gzip
import io
import random
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import regulars
from regulars import Regulars
from regulars.adapters.importing import in_time
from shops import fresh_store

NOW = datetime(2026, 11, 1, tzinfo=UTC)
MAPPING = """
format = "csv"
zone = "UTC"
currency = "EUR"
[customer]
ref = "shop:{who}"
name = "{name}"
email = "{email}"
"""
WORDS = {
    "order": ("RecordPurchase", 'order_id = "{id}", amount = "{value}"'),
    "back": ("RecordReturn", 'return_id = "back {id}", order_id = "{id}", amount = "{value}"'),
    "closed": ("CloseAccount", ""),
    "reopened": ("ReopenAccount", ""),
    "tag": ("TagCustomer", 'label = "{value}"'),
    "untag": ("UntagCustomer", 'label = "{value}"'),
    "opened": ("OpenTicket", 'ticket_id = "{id}"'),
    "resolved": ("ResolveTicket", 'ticket_id = "{id}"'),
    "again": ("ReopenTicket", 'ticket_id = "{id}"'),
    "friend": ("MakeReferral", 'referred = "shop:{value}"'),
}
for what, (command, fields) in WORDS.items():
    at = 'occurred_at = "{day}"'
    MAPPING += f"""
[[command]]
do = "{command}"
when = [{{ column = "what", is = "{what}" }}]
fields = {{ {", ".join(filter(None, (fields, at)))} }}
"""
HEADER = "who,day,what,id,value,name,email"
IN_ORDER = [
    "1,2026-01-01,order,O1,40.00,Ann,",
    "1,2026-01-02,tag,,vip,Ann,ann@example.com",
    "2,2026-01-03,order,O2,60.00,Bob,bob@example.com",
    "1,2026-01-04,back,O1,15.00,Ann,",
    "1,2026-01-05,opened,T1,,Ann,",
    "1,2026-01-06,resolved,T1,,Ann,",
    "1,2026-01-07,again,T1,,Ann,",
    "1,2026-01-08,resolved,T1,,Ann,",
    "2,2026-01-09,closed,,,Bob,",
    "2,2026-01-10,reopened,,,Bob,robert@example.com",
    "1,2026-01-11,untag,,vip,Anna,",
    "1,2026-01-12,friend,,2,Anna,",
    "2,2026-01-13,back,O2,60.00,Bob,",
]


def written(folder: Path, rows: list[str], name: str = "rows.csv") -> Path:
    (folder / "map.toml").write_text(MAPPING, encoding="utf-8")
    path, text = folder / name, "\n".join([HEADER, *rows]) + "\n"
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, encoding="utf-8")
    return path


def record(crm: Regulars) -> list[tuple[Any, ...]]:
    """What happened and when, without ids that are drawn at random."""
    ids = {each: crm.customer(each).id for each in ("shop:1", "shop:2")}

    def plain(text: str) -> str:
        for ref, drawn in ids.items():
            text = text.replace(drawn.removeprefix("id:"), ref)
        return text

    return sorted((each.occurred_at, plain(repr(each.event))) for each in crm.events())


def answers(crm: Regulars) -> list[Any]:
    found = [crm.customer(each) for each in ("shop:1", "shop:2")]
    kept = [(each.name, each.email, each.tags, each.stage, each.stage_since, each.tier, each.risk) for each in found]
    return [*kept, crm.ticket("T1").ticket.status]


def imported(url: str, path: Path) -> tuple[list[tuple[Any, ...]], list[Any]]:
    with regulars.open(url, actor="import", clock=lambda: NOW) as crm:
        report = crm.import_file(path, path.parent / "map.toml")
        assert report.rejects == ()
        assert report.rows == len(IN_ORDER)
        again = crm.import_file(path, path.parent / "map.toml")
        assert (again.events, again.unchanged) == (0, len(IN_ORDER))
        return record(crm), answers(crm)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
@settings(max_examples=15)
@given(rows=st.permutations(IN_ORDER))
def test_a_file_s_order_decides_nothing(kind: str, postgres_url: str, tmp_path_factory: Any, rows: list[str]) -> None:
    folder = tmp_path_factory.mktemp("files")
    with fresh_store(kind, postgres_url) as url:
        expected = imported(url, written(folder, IN_ORDER))
    with fresh_store(kind, postgres_url) as url:
        assert imported(url, written(folder, rows, "shuffled.csv")) == expected


@pytest.mark.parametrize(
    ("limit", "window"),
    [
        *(("WINDOW", window) for window in (1, 4, len(IN_ORDER) - 1, len(IN_ORDER))),
        *(("WINDOW_CHARACTERS", characters) for characters in (0, 100)),
    ],
)
@pytest.mark.parametrize("name", ["rows.csv", "rows.csv.gz"])
def test_however_few_records_are_in_memory_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, window: int, name: str
) -> None:
    expected = imported(str(tmp_path / "in-order.db"), written(tmp_path, IN_ORDER))
    monkeypatch.setattr(in_time, limit, window)
    shuffled = IN_ORDER.copy()
    random.Random(window).shuffle(shuffled)
    assert imported(str(tmp_path / "shuffled.db"), written(tmp_path, shuffled, f"shuffled-{name}")) == expected


@pytest.mark.parametrize(
    ("limit", "in_memory"), [("IN_MEMORY", len(IN_ORDER)), ("IN_MEMORY", 3), ("IN_MEMORY_CHARACTERS", 99)]
)
def test_what_comes_through_a_pipe_is_put_in_order_or_told_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, in_memory: int
) -> None:
    monkeypatch.setattr(in_time, limit, in_memory)
    rows = [HEADER, *reversed(IN_ORDER)]
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO("\n".join(rows).encode())))
    written(tmp_path, IN_ORDER)
    with regulars.open(tmp_path / "piped.db", actor="import", clock=lambda: NOW) as crm:
        report = crm.import_file("-", tmp_path / "map.toml")
        assert (report.rows, report.rejects) == (len(IN_ORDER), ())
        assert bool(report.notices) is (in_memory != len(IN_ORDER))
        piped = record(crm)
    assert [each for each in piped if "ContactDetails" not in each[1] and "Registered" not in each[1]] == [
        each
        for each in imported(str(tmp_path / "in-order.db"), tmp_path / "rows.csv")[0]
        if "ContactDetails" not in each[1] and "Registered" not in each[1]
    ]


def test_what_is_refused_to_the_end_is_reported_and_kept_by_its_line(tmp_path: Path) -> None:
    rows = ["1,2026-02-02,back,none,5.00,,", "1,a day,order,O1,5.00,,", "1,2026-02-01,order,O2,5.00,,"]
    path = written(tmp_path, rows)
    with regulars.open(tmp_path / "store.db", actor="import", clock=lambda: NOW) as crm:
        report = crm.import_file(path, tmp_path / "map.toml")
        assert (report.rows, report.rejected) == (3, 2)
        assert [each.line for each in report.rejects] == [2, 3]
        assert [each.reason.partition(":")[0] for each in report.rejects] == [
            "RecordReturn",
            "RecordPurchase.occurred_at",
        ]
        assert sorted(each.line for each in crm.rejects()) == [2, 3]
        written(tmp_path, [*rows, "1,2026-02-01,order,none,9.00,,"])
        assert [each.line for each in crm.import_file(path, tmp_path / "map.toml").rejects] == [3]
        assert [each.line for each in crm.rejects()] == [3]


# ------------------------------------------------------------------------------------------- details of known customers


@pytest.mark.parametrize(
    ("details", "rows", "email"),
    [
        (None, ["1,2026-01-01,tag,,a,,old@x.example", "1,2026-02-01,tag,,b,,new@x.example"], "new@x.example"),
        ("newest", ["1,2026-02-01,tag,,b,,new@x.example", "1,2026-01-01,tag,,a,,old@x.example"], "new@x.example"),
        ("fill", ["1,2026-01-01,tag,,a,,old@x.example", "1,2026-02-01,tag,,b,,new@x.example"], "old@x.example"),
        ("fill", ["1,2026-01-01,tag,,a,,", "1,2026-02-01,tag,,b,,new@x.example"], "new@x.example"),
        ("never", ["1,2026-01-01,tag,,a,,", "1,2026-02-01,tag,,b,,new@x.example"], None),
        (None, ["1,2026-01-01,tag,,a,,old@x.example", "1,2026-02-01,tag,,b,,"], "old@x.example"),
    ],
)
def test_details_of_a_known_customer(tmp_path: Path, details: str | None, rows: list[str], email: str | None) -> None:
    path = written(tmp_path, rows)
    if details is not None:
        (tmp_path / "map.toml").write_text(f'details = "{details}"\n{MAPPING}', encoding="utf-8")
    with regulars.open(tmp_path / "store.db", actor="import", clock=lambda: NOW) as crm:
        assert crm.import_file(path, tmp_path / "map.toml").rejects == ()
        assert crm.customer("shop:1").email == email
        assert crm.import_file(path, tmp_path / "map.toml").events == 0


def test_a_list_without_times_overwrites_nothing_that_is_known(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("ref,name,phone\n1,Old,+49 30 1\n", encoding="utf-8")
    (tmp_path / "list.toml").write_text(
        'format = "csv"\n[customer]\nref = "shop:{ref}"\nname = "{name}"\nphone = "{phone}"\n', encoding="utf-8"
    )
    with regulars.open(tmp_path / "store.db", actor="import", clock=lambda: NOW) as crm:
        crm.do(regulars.RegisterCustomer(ref="shop:1", name="New"))
        crm.import_file(tmp_path / "list.csv", tmp_path / "list.toml")
        found = crm.customer("shop:1")
        assert (found.name, found.phone) == ("New", "+49301")


# ------------------------------------------------------------------------------------------------------------- consents


@pytest.mark.parametrize("command", ["GiveConsent", "WithdrawConsent"])
@pytest.mark.parametrize("time", ["", ', occurred_at = { column = "day", optional = true }'])
def test_a_word_of_consent_from_a_file_needs_a_time_of_its_own(tmp_path: Path, command: str, time: str) -> None:
    fields = f'channel = "email", purpose = "news"{time}'
    customer = 'format = "csv"\nzone = "UTC"\n[customer]\nref = "{who}"\n'
    told = f'[[command]]\ndo = "{command}"\nfields = {{ {fields} }}\n'
    (tmp_path / "map.toml").write_text(customer + told, encoding="utf-8")
    with pytest.raises(regulars.InvalidMapping, match=rf"occurred_at.*{command} needs a value"):
        regulars.load_mapping(tmp_path / "map.toml")


def test_a_consent_that_comes_again_does_not_undo_a_withdrawal(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("who,day\n1,2026-01-01\n", encoding="utf-8")
    (tmp_path / "list.toml").write_text(
        'format = "csv"\nzone = "UTC"\n[customer]\nref = "shop:{who}"\n[[command]]\ndo = "GiveConsent"\n'
        'fields = { channel = "email", purpose = "news", occurred_at = "{day}" }\n',
        encoding="utf-8",
    )
    with regulars.open(tmp_path / "store.db", actor="import", clock=lambda: NOW) as crm:
        crm.import_file(tmp_path / "list.csv", tmp_path / "list.toml")
        assert crm.consents("shop:1").allow(channel="email", purpose="news")
        crm.do(regulars.WithdrawConsent(customer="shop:1", channel="email", purpose="news"))
        assert crm.import_file(tmp_path / "list.csv", tmp_path / "list.toml").events == 0
        assert not crm.consents("shop:1").allow(channel="email", purpose="news")


def test_a_day_without_a_midnight_begins_with_its_first_instant(tmp_path: Path) -> None:
    path = written(tmp_path, ["1,2026-09-06,tag,,a,,"])
    (tmp_path / "map.toml").write_text(MAPPING.replace('zone = "UTC"', 'zone = "America/Santiago"'), encoding="utf-8")
    with regulars.open(tmp_path / "store.db", actor="import", clock=lambda: NOW) as crm:
        assert crm.import_file(path, tmp_path / "map.toml").rejects == ()
        # clocks went forward at midnight, from 04:00 UTC on
        assert {each.occurred_at for each in crm.events()} == {1_788_667_200_000_000}


STATES = """
format = "csv"
zone = "UTC"
[customer]
ref = "shop:{who}"
occurred_at = "2026-01-01"
[[command]]
do = "OpenTicket"
fields = { ticket_id = "{who}", occurred_at = "2026-01-01" }
[[command]]
do = "ChangePriority"
only_changes = true
fields = { ticket_id = "{who}", priority = "{priority}", occurred_at = "{at}" }
[[command]]
do = "AssignTicket"
only_changes = true
fields = { ticket_id = "{who}", agent = "{agent}", occurred_at = "{at}" }
[[command]]
do = "TagCustomer"
only_changes = true
fields = { label = "{tag}", occurred_at = "{at}" }
"""
state_rows = st.lists(
    st.tuples(*map(st.sampled_from, ("ab", ("normal", "high"), ("Kim", "Lou"), ("vip", "b2b")))), min_size=1, max_size=8
)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
@settings(max_examples=15)
@given(rows=state_rows, order=st.randoms(use_true_random=False))
def test_of_rows_that_repeat_how_things_stand_only_the_changes_are_recorded(
    kind: str, postgres_url: str, tmp_path_factory: Any, rows: list[tuple[str, ...]], order: random.Random
) -> None:
    folder = tmp_path_factory.mktemp("states")
    (folder / "states.toml").write_text(STATES, encoding="utf-8")
    lines = [f"{who},2026-01-{day:02},{','.join(rest)}" for day, (who, *rest) in enumerate(rows, start=2)]
    order.shuffle(lines)
    (folder / "states.csv").write_text("\n".join(["who,at,priority,agent,tag", *lines]), encoding="utf-8")

    expected = 0
    for each in {who for who, *_ in rows}:
        priority, agent, tags = "normal", None, set()
        expected += 2  # the customer and the ticket
        for _, then, by, tag in (row for row in rows if row[0] == each):
            expected += (then != priority) + (by != agent) + (tag not in tags)
            priority, agent, tags = then, by, tags | {tag}

    with fresh_store(kind, postgres_url) as url, regulars.open(url, clock=lambda: NOW) as crm:
        report = crm.import_file(folder / "states.csv", folder / "states.toml")
        assert (report.rejected, report.events) == (0, expected)
        for each in {who for who, *_ in rows}:
            last = [row for row in rows if row[0] == each][-1]
            ticket = crm.ticket(each).ticket
            assert (ticket.priority, ticket.agent) == last[1:3]
        assert crm.import_file(folder / "states.csv", folder / "states.toml").events == 0


def test_a_customer_who_is_matched_has_their_changes_too(tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text(
        'match = ["email"]\n' + STATES.replace("occurred_at", 'email = "a@example.com"\noccurred_at', 1)
    )
    (tmp_path / "states.csv").write_text(
        "who,at,priority,agent,tag\nb,2026-01-02,high,Kim,vip\nb,2026-01-03,high,Kim,vip\n"
    )
    with regulars.open(":memory:", clock=lambda: NOW) as crm:
        crm.do(regulars.RegisterCustomer(ref="known", email="a@example.com"))
        # The identity, its merge, the ticket, and a priority, an agent and a tag once each.
        assert crm.import_file(tmp_path / "states.csv", tmp_path / "map.toml").events == 6
