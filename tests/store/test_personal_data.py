"""Nothing that names or describes a person stands anywhere in the clear, whatever kind of event it came with."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import hypothesis
import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import strategies as st
from msgspec import inspect

import regulars
from outside import run
from raw import bytes_of, found_in
from regulars import (
    AddNote,
    ChangeContactDetails,
    OpenTicket,
    RecordPurchase,
    RecordReturn,
    RegisterCustomer,
    Regulars,
    RegularsError,
)
from regulars.adapters.log.codec import EventCodec
from regulars.adapters.store.store import Store
from regulars.adapters.store.transaction import Draft
from regulars.crm_domain.catalogue import AGGREGATES, COMMANDS, EVENTS
from regulars.crm_domain.customer import CustomerRegistered
from regulars.crm_domain.event import Event, Personal
from shops import Clock, opened
from strategies import events

# What is stored in the clear, as each aggregate says with its reasons. Whatever else is text is personal.
IN_THE_CLEAR: dict[str, set[str]] = {}
for each in (each for aggregate in AGGREGATES for each in aggregate.in_the_clear):
    for event_type in each.events:
        IN_THE_CLEAR.setdefault(event_type.__name__, set()).update(each.fields)


class NicknameGiven(Event, frozen=True, kw_only=True, tag="NicknameGiven"):
    """As somebody might write it who forgot that a nickname is a name."""

    nickname: str | None = None
    meant: Personal[str] = None


# ------------------------------------------------------------------------------------------------ every type of event


def _unmarked(kind: inspect.Type) -> Any:
    """What stands in a part of an event where no mark can."""
    return kind.values[0] if isinstance(kind, inspect.LiteralType) else 1


class Marks:
    """Texts and days that are unlike all others, by the field of the event that each was put into."""

    def __init__(self) -> None:
        self.fields: dict[str, set[str | bytes]] = {}
        self._count = 0

    def put_into(self, event: Event) -> Event:
        """The event with a mark in whatever takes text or a day."""
        info = inspect.type_info(type(event))
        assert isinstance(info, inspect.StructType)
        name = type(event).__name__
        marked = {field.name: self._marked(field.type, f"{name}.{field.name}") for field in info.fields}
        return msgspec.structs.replace(event, **{field: value for field, value in marked.items() if value is not None})

    def _marked(self, kind: inspect.Type, path: str) -> Any:
        match kind:
            case inspect.Metadata(type=inner):
                return self._marked(inner, path)
            case inspect.UnionType(types=types):
                return next((found for each in types if (found := self._marked(each, path)) is not None), None)
            case inspect.VarTupleType(item_type=inner):
                found = self._marked(inner, path)
                return None if found is None else (found,)
            case inspect.StructType(cls=struct, fields=fields):
                values = {field.name: self._marked(field.type, f"{path}.{field.name}") for field in fields}
                unmarked = {field.name: _unmarked(field.type) for field in fields}
                return struct(**{name: unmarked[name] if value is None else value for name, value in values.items()})
            case inspect.StrType():
                return self.new(path, f'mark {self._count} \u00e5\u2026 "of" {path}')
            case inspect.DateType():
                return self.new(path, date(1700, 1, 1) + timedelta(days=self._count))
            case _:
                return None

    def new(self, path: str, mark: Any) -> Any:
        self._count += 1
        written = mark.isoformat() if isinstance(mark, date) else mark
        # As it is, and as JSON has it.
        self.fields[path] = {written, *(json.dumps(written, ensure_ascii=each)[1:-1] for each in (False, True))}
        return mark

    def standing_in(self, heap: bytes) -> dict[str, set[str]]:
        """The fields of which something stands in a heap of bytes, by event."""
        found: dict[str, set[str]] = {}
        for path, values in self.fields.items():
            if found_in(heap, values):
                event, _, field = path.partition(".")
                found.setdefault(event, set()).add(field)
        return found


def record(store: Store, happened: Iterable[Event]) -> Marks:
    """Record events with marks in them and with reasons, each of a customer of its own; what was put in."""
    marks, drafts = Marks(), []
    for number, event in enumerate(happened):
        name = type(event).__name__
        reason = marks.new(f"{name}.(reason)", f"reason {number} of \u00e5")
        told = [(CustomerRegistered(), None), (marks.put_into(event), reason)]
        drafts += [
            Draft(
                stream_id=f"customer {number}",
                version=version,
                category="customer",
                customer_id=f"customer {number}",
                occurred_at=number,
                actor="li",
                event=each,
                reason=why,
            )
            for version, (each, why) in enumerate(told, start=1)
        ]
    with store.writing() as tx:
        tx.append(drafts, 0)
    return marks


every_type = st.tuples(*(events(event_type) for event_type in EVENTS.values()))


@hypothesis.settings(max_examples=5)
@hypothesis.given(happened=every_type)
def test_of_every_event_nothing_stands_in_the_clear_but_what_people_decided(
    happened: tuple[Event, ...], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("clear") / "shop.db"
    regulars.open(path).close()
    with closing(Store(path)) as store:
        marks = record(store, happened)
        assert marks.standing_in(bytes_of(str(path))) == IN_THE_CLEAR
    exported = io.BytesIO()
    with regulars.open(path) as crm:
        crm.export_events(exported.write)
    assert marks.standing_in(exported.getvalue()) == IN_THE_CLEAR


def test_a_field_that_somebody_forgot_to_mark_is_noticed() -> None:
    marks = Marks()
    payload, secret = EventCodec(NicknameGiven).encode(marks.put_into(NicknameGiven()), None)
    assert secret is not None
    found = marks.standing_in(payload)
    assert found == {"NicknameGiven": {"nickname"}}
    assert found != {name: fields for name, fields in IN_THE_CLEAR.items() if name in found}


# ------------------------------------------------------------------------------------------- everything a store keeps

NAME, EMAIL, PHONE = "Grace M. Hopper-Å", "grace.hopper@example.com", "+49 30 5550123"
WORDS = ("a note about her", "what she wrote", "the reason for it", "her preference", "why she left", "on the phone")
SAID = ("ref-of-grace", NAME, EMAIL, PHONE, "1906-12-09", *WORDS)

MAPPING = """
format = "csv"
zone = "UTC"
currency = "EUR"
[customer]
ref = "{ref}"
name = "{name}"
email = "{email}"
[[command]]
do = "RecordPurchase"
[command.fields]
order_id = "{order}"
occurred_at = { column = "day", format = "%Y-%m-%d" }
amount = { column = "amount", money = "major" }
"""


@pytest.fixture
def crm(database_url: str) -> Iterator[Regulars]:
    clock = Clock(datetime(2024, 1, 1, 12, tzinfo=UTC))
    with opened(database_url, clock) as crm:
        who, (note, wrote, reason, wish, left, call) = SAID[0], WORDS
        crm.do(RegisterCustomer(ref=who, name=NAME, email=EMAIL, phone=PHONE, birthday=SAID[4], command_id="c-1"))
        with crm.acting(reason=reason):
            crm.do(AddNote(customer=who, text=note, command_id="c-2"))
        crm.do(OpenTicket(customer=who, ticket_id="T-1", subject=wrote))
        crm.do(RecordPurchase(customer=who, order_id="A-1", amount="9.00", reason=reason))
        crm.do(regulars.RecordPreference(customer=who, key="tea", value=wish))
        crm.do(regulars.RecordChurnReason(customer=who, cause="price", detail=left))
        crm.do(regulars.RecordInteraction(customer=who, channel="phone", direction="inbound", summary=call))
        crm.do(RegisterCustomer(ref="twin", email=EMAIL, phone=PHONE))
        crm.do(regulars.MergeCustomers(customer="twin", into=who, reason=reason))
        clock.now += timedelta(days=400)
        yield crm


def everything_in(crm: Regulars, url: str) -> bytes:
    """Every table and view as text, and the files as they are."""
    heap = [bytes_of(url)]
    with crm._store.reading() as tx:
        found = sa.inspect(tx.connection)
        for name in [*found.get_table_names(), *found.get_view_names()]:
            for row in tx.connection.exec_driver_sql(f"SELECT * FROM {name}"):
                heap += [value if isinstance(value, bytes) else str(value).encode() for value in row]
    return b"\n".join(heap)


def test_whatever_a_store_keeps_of_somebody_is_kept_secret(crm: Regulars, database_url: str, tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text(MAPPING)
    row = f"{SAID[0]},{NAME},{EMAIL},A-1,a lot,2024-01-01"
    (tmp_path / "orders.csv").write_text(f"ref,name,email,order,amount,day\n{row}\n", encoding="utf-8")
    crm.import_file(tmp_path / "orders.csv", tmp_path / "map.toml")
    assert len(crm.rejects()) == 1
    crm.customers(known_at=date(2024, 1, 2))  # read models of another day
    crm.projections.rebuild()
    exported = io.BytesIO()
    crm.export_events(exported.write)
    assert found_in(exported.getvalue(), SAID) == set()
    park(crm)
    assert crm.status().parked
    assert crm.customer(SAID[0]).name == NAME
    assert found_in(everything_in(crm, database_url), SAID) == set()


def park(crm: Regulars) -> None:
    """Let an event of hers be one that can't be folded."""
    events = crm._store.schema.events
    with crm._store.database.writing() as connection:
        ours = events.c.type == "PurchaseRecorded"
        connection.execute(events.update().where(ours).values(payload=b'{"type":"PurchaseRecorded","amount":"x"}'))
    crm.projections.rebuild(park=True)


# -------------------------------------------------------------------------------------------------------- what is said


@pytest.mark.parametrize("name", COMMANDS)
def test_an_invalid_command_does_not_repeat_what_was_in_it(name: str) -> None:
    with pytest.raises(ValueError, match="validation error") as refused:
        COMMANDS[name].model_validate({"customer": [NAME], "name": [EMAIL], "ref": {PHONE: NAME}, "text": [NAME]})
    assert found_in(str(refused.value).encode(), SAID) == set()
    assert found_in(repr(refused.value).encode(), SAID) == set()


def test_what_the_database_refuses_does_not_repeat_what_was_in_it(crm: Regulars, database_url: str) -> None:
    """Somebody took the table of look-ups away, so that whoever looks somebody up fails."""
    run(database_url, "ALTER TABLE regulars_lookups RENAME TO gone")
    with pytest.raises((RegularsError, sa.exc.DBAPIError)) as refused:
        crm.do(
            ChangeContactDetails(customer=crm.audit(limit=1).entries[0].customer_id, name=NAME, email="new@example.com")
        )
    said = "".join(str(each) for each in (refused.value, refused.value.__cause__, refused.value.__context__))
    assert found_in(said.encode(), [*SAID, "new@example.com"]) == set()


def test_a_return_of_what_nobody_bought_names_no_customer(crm: Regulars) -> None:
    with pytest.raises(RegularsError) as refused:
        crm.do(RecordReturn(order_id="A-2", reason=WORDS[2]))
    assert found_in(str(refused.value).encode(), SAID) == set()
