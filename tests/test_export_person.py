"""Everything held about one person: all of it, nothing of anybody else, and what remains of who was forgotten."""

from __future__ import annotations

import json
import os
import stat
import threading
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct, inspect
from msgspec.structs import asdict, replace

import regulars
from outside import run
from regulars import (
    AddNote,
    AddTask,
    AdjustPoints,
    CancelMembership,
    ChangeContactDetails,
    DeclineQuote,
    EndContract,
    EnrollMember,
    ErasePersonalData,
    GiveConsent,
    GrantTierOverride,
    MakeReferral,
    MergeCustomers,
    NotFound,
    OpenTicket,
    PersonExport,
    RateTicket,
    RecordChurnReason,
    RecordInteraction,
    RecordPreference,
    RecordPurchase,
    RecordReturn,
    RecordSurveyAnswer,
    RegisterCustomer,
    Regulars,
    ReplyAsAgent,
    ReplyAsCustomer,
    ResolveTicket,
    SendQuote,
    SignContract,
    StoreUnusable,
    TagCustomer,
    UndoMerge,
    WithdrawConsent,
    person_json,
    person_page,
)
from regulars.adapters.log.event_log import Draft
from regulars.crm_domain.catalogue import CATALOGUE, EVENTS
from regulars.crm_domain.event import Event
from saying import NOW, Say
from shops import DAY, EXAMPLES, Clock, empty_file
from strategies import events

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BEGIN = NOW - 100 * DAY
ADA, BOB = "shop:ada", "shop:bob"

#: What the integers of events are: instants in microseconds, minor units of a currency, or plain counts.
INSTANTS = frozenset({"at", "available_at", "due_at", "expires_at", "said_at", "until"})
AMOUNTS = frozenset({"amount", "returned_so_far", "net", "tax", "gross"})
COUNTS = frozenset(
    {"points", "score", "quantity", "level", "number", "elsewhere", "about", "every", "revision", "renewal_months"}
    | {"notice_days"}
)


@pytest.fixture
def clock() -> Clock:
    return Clock(BEGIN)


@pytest.fixture
def crm(database_url: str, clock: Clock) -> Iterator[Regulars]:
    with regulars.open(database_url, currency="EUR", actor="li", clock=clock) as crm:
        yield crm


def live(crm: Regulars, clock: Clock, who: str, tell: str) -> None:
    """Everything that can be told of somebody, with a word in each place that is nowhere else: whatever begins so."""
    details = {"email": f"{tell}@example.com", "phone": f"+49 30 {sum(map(ord, tell))}", "birthday": date(1990, 12, 10)}
    crm.do(RegisterCustomer(ref=who, name=f"{tell} name", source=f"{tell}-source", locale="de-DE", **details))
    with crm.acting(actor=f"{tell}-agent", reason=f"{tell} reason", correlation_id=f"{tell}-call"):
        crm.do(ChangeContactDetails(customer=who, name=f"{tell} other name", phone=None, command_id=f"{tell}-command"))
    crm.do(
        [
            EnrollMember(customer=who, program=f"{tell}-club"),
            AdjustPoints(customer=who, points=7, reason=f"{tell} because"),
            GrantTierOverride(customer=who, tier="gold", until=clock.now + 5 * DAY),
            TagCustomer(customer=who, label=f"{tell}-tag"),
            RecordPreference(customer=who, key=f"{tell}-key", value=f"{tell} value"),
            RecordChurnReason(customer=who, cause=f"{tell}-cause", detail=f"{tell} detail"),
            GiveConsent(customer=who, channel="email", purpose=f"{tell}-purpose"),
        ]
    )
    clock.now += DAY
    lines = [{"sku": f"{tell}-sku", "quantity": 2, "amount": "9.95"}]
    crm.do(
        [
            RecordPurchase(customer=who, order_id=f"{tell}-order", amount="59.90", lines=lines, channel="web"),
            RecordReturn(order_id=f"{tell}-order", return_id=f"{tell}-return", amount="9.90"),
            RecordInteraction(customer=who, channel="phone", direction="inbound", summary=f"{tell} summary"),
            RecordSurveyAnswer(customer=who, survey="nps", score=9, comment=f"{tell} comment"),
            AddNote(customer=who, text=f"{tell} first line\n{tell} second line"),
            OpenTicket(customer=who, ticket_id=f"{tell}-ticket", subject=f"{tell} subject", complaint=True),
            ReplyAsAgent(ticket_id=f"{tell}-ticket", message=f"{tell} question"),
            ReplyAsCustomer(ticket_id=f"{tell}-ticket", message=f"{tell} reply"),
            ResolveTicket(ticket_id=f"{tell}-ticket"),
            RateTicket(ticket_id=f"{tell}-ticket", score=4, comment=f"{tell} rating"),
            AddTask(
                task_id=f"{tell}-task",
                customer=who,
                what=f"the parcel of {tell}",
                due=date(2024, 5, 1),
                owner=f"{tell}-li",
            ),
            SendQuote(
                customer=who,
                quote_id=f"{tell}-quote",
                lines=[
                    {"sku": f"{tell}-tea", "unit_price": "9.50", "tax_rate": "7"},
                    {"description": f"{tell} tasting", "unit_price": "80", "tax_rate": "0"},
                ],
                exemption=f"{tell} exemption",
                note=f"{tell} quote note",
            ),
            DeclineQuote(quote_id=f"{tell}-quote", cause=f"{tell}-decline", detail=f"{tell} decline detail"),
            SignContract(
                customer=who,
                contract_id=f"{tell}-contract",
                start="2026-01-01",
                amount="120.00",
                subject=f"{tell} contract subject",
            ),
            EndContract(
                contract_id=f"{tell}-contract", on="2026-12-31", cause=f"{tell}-end", detail=f"{tell} end detail"
            ),
            WithdrawConsent(customer=who, channel="email", purpose=f"{tell}-purpose"),
            TagCustomer(customer=who, label=f"{tell}-tag", command_id=f"{tell}-nothing"),  # which changes nothing
        ]
    )
    clock.now += DAY


def exported(crm: Regulars, who: str | regulars.CustomerId = ADA) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(json.dumps(person_json(crm.export_person(who))))
    return said


def page(crm: Regulars, who: str | regulars.CustomerId = ADA) -> str:
    """The page with all white space made one blank, as lines are broken where they are full."""
    return " ".join(person_page(crm.export_person(who)).split())


def log_of(crm: Regulars, customer_ids: Iterable[str]) -> list[dict[str, Any]]:
    """Every event of some customers as the log has it, with what is personal."""
    out, theirs = BytesIO(), set(customer_ids)
    crm.export_events(out.write, personal=True)
    return [line for line in map(json.loads, out.getvalue().splitlines()) if line["customer_id"] in theirs]


def leaves(value: Any) -> Iterator[Any]:
    """What is in an object, without its keys."""
    match value:
        case dict():
            yield from (leaf for each in value.values() for leaf in leaves(each))
        case list() | tuple():
            yield from (leaf for each in value for leaf in leaves(each))
        case _:
            yield value


# ------------------------------------------------------------------------------------------------- all of it


def is_said(name: str, raw: Any, said: Any) -> bool:
    """Whether a field of an event is said by what stands in the export."""
    if isinstance(raw, list):
        return len(raw) == len(said) and all(is_said(name, *each) for each in zip(raw, said, strict=True))
    if isinstance(raw, dict):
        # What has its default is left out of the log, as it is stored.
        return raw.keys() <= said.keys() and all(
            is_said(each, raw[each], said[each]) if each in raw else said[each] in (None, 1, []) for each in said
        )
    if isinstance(raw, int) and name in INSTANTS:
        return bool(datetime.fromisoformat(said) == EPOCH + timedelta(microseconds=raw))
    if raw is not None and name in AMOUNTS:
        return bool(said == str(Decimal(raw) / 100) or Decimal(said) * 100 == raw)
    return bool(raw == said)


def require_all_of_the_log(crm: Regulars, said: dict[str, Any]) -> None:
    log = log_of(crm, [each["id"].removeprefix("id:") for each in said["identities"]])
    assert [event["position"] for event in said["events"]] == [line["position"] for line in log]
    for line, event in zip(log, said["events"], strict=True):
        for name in ("stream_id", "version", "category", "type", "actor", "reason", "correlation_id", "command_id"):
            assert event[name] == line[name]
        for name in ("occurred_at", "recorded_at"):
            assert datetime.fromisoformat(event[name]) == datetime.fromisoformat(line[name])
        assert (event["customer_id"], event["causation_id"]) == (f"id:{line['customer_id']}", line["causation_id"])
        assert is_said("event", line["event"], event["event"]), (line["event"], event["event"])


def test_every_event_is_there_with_its_envelope_and_every_field(crm: Regulars, clock: Clock) -> None:
    live(crm, clock, ADA, "ada")
    live(crm, clock, BOB, "bob")
    said = exported(crm)
    require_all_of_the_log(crm, said)
    assert len(said["events"]) == 27


def test_every_whole_number_of_an_event_is_known_to_be_a_time_money_or_a_count() -> None:
    """Whoever adds an event with another one has to say what it is, in `regulars.person.as_json` and here."""

    def numbers(kind: inspect.Type, name: str = "") -> Iterator[str]:
        match kind:
            case inspect.IntType():
                yield name
            case inspect.Metadata(type=inner) | inspect.VarTupleType(item_type=inner):
                yield from numbers(inner, name)
            case inspect.UnionType(types=types):
                yield from (found for each in types for found in numbers(each, name))
            case inspect.StructType(fields=fields):
                yield from (found for field in fields for found in numbers(field.type, field.name))
            case _:
                pass

    theirs = (event_type for event_type, owner in CATALOGUE.owners.items() if not owner.of_nobody)
    found = {name for event_type in theirs for name in numbers(inspect.type_info(event_type))}
    assert found == INSTANTS | AMOUNTS | COUNTS


#: Events that are told otherwise: the first of a customer, merges with a second one, and the last.
OTHERWISE = ("CustomerRegistered", "CustomerMerged", "MergeUndone", "PersonalDataErased")
TOLD = [kind for name, kind in EVENTS.items() if name not in OTHERWISE and not CATALOGUE.owners[kind].of_nobody]


#: What is text in an event, and an exact decimal.
DECIMALS = ("quantity", "unit_price", "tax_rate")


def within_reach(part: Struct) -> Any:
    """The same with times that there are, money of a currency that there is, and numbers where text stands for one."""
    changes: dict[str, Any] = {}
    for name, value in asdict(part).items():
        if isinstance(value, int) and name in INSTANTS:
            changes[name] = value % (10**15)
        elif isinstance(value, int) and not isinstance(value, bool):
            changes[name] = abs(value) % 1_000
        elif name == "currency":
            changes[name] = "EUR"
        elif name in DECIMALS:
            changes[name] = str(len(value))
        elif isinstance(value, tuple):
            changes[name] = tuple(within_reach(each) if isinstance(each, Struct) else each for each in value)
    if changes.get("descriptions"):  # one for each line, as the decider writes them
        together = min(len(changes["lines"]), len(changes["descriptions"]))
        changes |= {name: changes[name][:together] for name in ("lines", "descriptions")}
    return replace(part, **changes)


def record(crm: Regulars, customer_id: str, told: Sequence[Event], at: datetime) -> None:
    """Write events to the log as they are, whatever the domain would say to them."""
    versions = {customer_id: 1}
    drafts = []
    for number, event in enumerate(told):
        category = CATALOGUE.aggregate_of(event).decider.category
        stream = customer_id if category == "customer" else f"{category}-{number % 2}"
        versions[stream] = versions.get(stream, 0) + 1
        drafts.append(
            Draft(
                stream_id=stream,
                version=versions[stream],
                category=category,
                customer_id=customer_id,
                occurred_at=(at - EPOCH) // timedelta(microseconds=1) + number,
                actor=f"actor {number}",
                event=event,
                reason=f"reason {number}",
                correlation_id=f"call {number}",
                command_id=f"command {number}",
            )
        )
    with crm._store.writing() as tx:
        tx.append(drafts, (at - EPOCH) // timedelta(microseconds=1))


@given(st.lists(st.sampled_from(TOLD).flatmap(events).map(within_reach), max_size=8))
@settings(max_examples=EXAMPLES // 2)
def test_whatever_the_log_says_of_a_person_is_said(told: list[Event]) -> None:
    with empty_file() as file, regulars.open(file, currency="EUR", actor="li", clock=lambda: NOW) as crm:
        ada = crm.do(RegisterCustomer(ref=ADA, name="Ada", occurred_at=BEGIN)).customer_id
        record(crm, ada, told, BEGIN)
        person = crm.export_person(ada)
        said = json.loads(json.dumps(person_json(person)))
        require_all_of_the_log(crm, said)
        assert all(f"reason {number}" in person_page(person) for number in range(len(told)))


@pytest.mark.parametrize("kind", TOLD, ids=lambda kind: kind.__name__)
def test_every_type_of_event_is_said_in_every_field(kind: type[Event]) -> None:
    @given(events(kind).map(within_reach))
    @settings(max_examples=5)
    def said_of(event: Event) -> None:
        with empty_file() as file, regulars.open(file, currency="EUR", actor="li", clock=lambda: NOW) as crm:
            ada = crm.do(RegisterCustomer(ref=ADA, name="Ada", occurred_at=BEGIN)).customer_id
            record(crm, ada, [event], BEGIN)
            require_all_of_the_log(crm, exported(crm, ada))
            assert "reason 0" in page(crm, ada)

    said_of()


def test_the_page_has_whatever_names_or_describes_the_person(crm: Regulars, clock: Clock) -> None:
    live(crm, clock, ADA, "ada")
    written = page(crm)
    personal = [
        *("shop:ada", "ada name", "ada other name", "ada@example.com", "+49 30 294", "1990-12-10", "ada reason"),
        *("ada because", "ada value", "ada detail", "ada summary", "ada comment", "ada first line", "ada second line"),
        *("ada subject", "ada question", "ada reply", "ada rating"),
    ]
    assert [each for each in personal if each not in written] == []
    assert "order ada-order of 59.90 EUR by web 2 x ada-sku, 9.95 EUR" in written
    assert "9.90 EUR of ada-order came back (ada-return)" in written
    assert "Ada-agent changed the name and phone number of shop:ada name: ada other name because: ada reason" in written
    assert "For ada-purpose by email: no" in written


def test_a_page_is_80_columns_wide_and_has_sections_about_something(crm: Regulars, clock: Clock) -> None:
    live(crm, clock, ADA, "ada")
    crm.do(RegisterCustomer(ref=BOB, name="Bob"))
    for who in (ADA, BOB):
        lines = person_page(crm.export_person(who)).splitlines()
        assert max(map(len, lines)) <= 80
        headings = [above for above, below in pairwise(lines) if below and set(below) == {"-"}]
        assert ("Tickets" in headings) == (who == ADA)
        assert headings[0] == "Who this is"
        assert all(len(above) == len(below) for above, below in pairwise(lines) if set(below) == {"-"})


def test_what_is_put_together_is_what_the_other_questions_say(crm: Regulars, clock: Clock) -> None:
    live(crm, clock, ADA, "ada")
    person = crm.export_person(ADA)
    ada = crm.customer(ADA)
    assert person.as_of == ada.as_of
    assert person.verdicts == ada.explain().verdicts
    assert person.timeline == ada.timeline()
    assert person.points == crm.points(ADA)
    assert person.consents == crm.consents(ADA)
    assert person.rules_digest == crm.ruleset.digest()
    (identity,) = person.identities
    assert (identity.ref, identity.name, identity.phone, identity.source) == (ADA, "ada other name", None, "ada-source")
    assert identity.lookups == ("birthday", "email", "ref")
    assert [(each.field, each.value) for each in identity.details if each.field in ("name", "phone")] == [
        ("name", "ada name"),
        ("phone", "+49 30 294"),
        ("name", "ada other name"),
        ("phone", None),
    ]
    (bought,) = person.purchases
    assert (bought.amount, bought.currency, bought.returns[0].amount) == (Decimal("59.90"), "EUR", Decimal("9.90"))
    assert (bought.lines[0].quantity, bought.lines[0].amount) == (2, Decimal("9.95"))
    (ticket,) = person.tickets
    assert (ticket.status, ticket.rating, ticket.comment) == ("resolved", 4, "ada rating")
    assert [(said.by, said.message) for said in ticket.messages] == [
        ("agent", "ada question"),
        ("customer", "ada reply"),
    ]
    (quote,) = person.quotes
    assert (quote.status, quote.revisions[0].gross, quote.detail) == (
        "declined",
        Decimal("90.17"),
        "ada decline detail",
    )
    assert [line.description for line in quote.revisions[0].lines] == [None, "ada tasting"]
    (contract,) = person.contracts
    assert (contract.end, contract.amount, contract.subject) == (
        date(2026, 12, 31),
        Decimal("120.00"),
        "ada contract subject",
    )
    (member,) = person.memberships
    assert (member.status, member.program, member.tier) == ("active", "ada-club", "gold")


def test_money_is_text_with_its_currency_and_times_say_their_zone(crm: Regulars, clock: Clock) -> None:
    live(crm, clock, ADA, "ada")
    said = exported(crm)
    (bought,) = said["purchases"]
    assert (bought["amount"], bought["currency"], bought["lines"][0]["amount"]) == ("59.90", "EUR", "9.95")
    (recorded,) = (each["event"] for each in said["events"] if each["type"] == "PurchaseRecorded")
    assert (recorded["amount"], recorded["currency"], recorded["lines"][0]["amount"]) == ("59.90", "EUR", "9.95")
    assert said["as_of"] == clock.now.isoformat() == "2024-02-24T12:00:00+00:00"
    assert not any(isinstance(leaf, float) for leaf in leaves(said))


def test_the_same_is_said_the_same_way(crm: Regulars, clock: Clock) -> None:
    live(crm, clock, ADA, "ada")
    first, second = crm.export_person(ADA), crm.export_person(ADA)
    assert first == second
    assert json.dumps(person_json(first)) == json.dumps(person_json(second))
    assert person_page(first) == person_page(second)


def test_a_customer_with_thousands_of_events_is_exported_whole(crm: Regulars) -> None:
    crm.do([RegisterCustomer(ref=ADA), *(AddNote(customer=ADA, text=f"note {number}.") for number in range(2_100))])
    said = exported(crm)
    assert len(said["events"]) == 2_101
    assert [each["text"] for each in said["notes"]] == [f"note {number}." for number in range(2_100)]
    assert "note 2099." in page(crm)


# ------------------------------------------------------------------------------------------- nothing of anybody else


def test_nothing_of_anybody_else_is_in_it(crm: Regulars, clock: Clock) -> None:
    live(crm, clock, ADA, "yva")  # no hexadecimal number has these letters
    live(crm, clock, BOB, "bob")
    ada, bob = crm.customer(ADA).id, crm.customer(BOB).id
    moments = []
    for commands in (
        [MakeReferral(customer=BOB, referred=ADA, reason="bob said so"), MakeReferral(customer=ADA, referred=BOB)],
        [CancelMembership(customer=BOB)],  # as two in force can't be merged
        [MergeCustomers(customer=BOB, into=ADA, reason="bob is her")],
        [UndoMerge(customer=BOB)],
    ):
        clock.now += timedelta(seconds=1)
        moments.append(clock.now.isoformat())
        crm.do(commands)
    for who, others in ((ADA, ("bob", BOB)), (BOB, ("yva", ADA))):
        said, written = exported(crm, who), page(crm, who)
        assert [leaf for leaf in leaves(said) if any(word in str(leaf).lower() for word in others)] == []
        assert not any(word in written.lower() for word in others)
    said = exported(crm)
    assert said["referred_at"] == [moments[0]]
    (link,) = said["merges"]
    assert (link["customer_id"], link["into_id"]) == (f"id:{bob}", f"id:{ada}")
    assert [link["merged_at"], link["undone_at"]] == moments[2:]


def test_of_who_was_merged_everything_is_in_it_until_they_are_told_apart(crm: Regulars, clock: Clock) -> None:
    live(crm, clock, ADA, "ada")
    crm.do([RegisterCustomer(ref=BOB, name="bob name"), AddNote(customer=BOB, text="bob note")])
    crm.do(MakeReferral(customer=BOB, referred=ADA))
    apart = exported(crm, BOB)
    assert len(exported(crm, ADA)["referred_at"]) == 1
    crm.do(MergeCustomers(customer=BOB, into=ADA))
    said = exported(crm, ADA)
    assert said["referred_at"] == []  # as nobody else did
    assert said == exported(crm, BOB)
    assert [each["ref"] for each in said["identities"]] == [ADA, BOB]
    require_all_of_the_log(crm, said)
    assert all(word in page(crm) for word in ("bob name", "bob note", "shop:bob was merged into shop:ada"))
    crm.do(UndoMerge(customer=BOB))
    after = exported(crm, BOB)
    assert after["notes"] == apart["notes"]
    assert [each["type"] for each in after["events"][len(apart["events"]) :]] == ["CustomerMerged", "MergeUndone"]


MAPPING = """
format = "csv"
zone = "UTC"
currency = "EUR"
[customer]
ref = "shop:{who}"
email = "{mail}"
[[command]]
do = "RecordPurchase"
[command.fields]
order_id = "{order}"
occurred_at = { column = "day", format = "%Y-%m-%d" }
amount = { column = "total", money = "major" }
"""

ROWS = """who,mail,order,day,total
ada,,1,2024-02-30,5.00
bob,,2,2024-02-30,5.00
x,ADA@example.com,3,2024-02-30,5.00
x,nada@example.com,4,2024-02-30,5.00
shop:ada,,5,2024-02-30,5.00
shop:adam,,6,2024-02-30,5.00
ada,,7,2024-02-20,-5.00
"""


def test_refused_rows_that_name_the_person_are_in_it(crm: Regulars, clock: Clock, tmp_path: Path) -> None:
    live(crm, clock, ADA, "ada")
    (tmp_path / "orders.toml").write_text(MAPPING)
    (tmp_path / "orders.csv").write_text(ROWS)
    report = crm.import_file(tmp_path / "orders.csv", tmp_path / "orders.toml")
    assert report.rejected == 7
    rows = [each["text"] for each in exported(crm)["rejects"]]
    theirs = {"x,ADA@example.com,3,2024-02-30,5.00", "shop:ada,,5,2024-02-30,5.00", "ada,,7,2024-02-20,-5.00"}
    assert theirs <= set(rows)
    assert not any("bob" in row or "nada" in row or "adam" in row for row in rows)
    assert "orders.csv, line" in page(crm)


def test_the_ids_of_commands_are_in_it_also_of_those_that_changed_nothing(crm: Regulars, clock: Clock) -> None:
    live(crm, clock, ADA, "ada")
    live(crm, clock, BOB, "bob")
    assert exported(crm)["command_ids"] == ["ada-command", "ada-nothing"]


# ------------------------------------------------------------------------------------------------------- forgotten


def test_of_who_was_forgotten_it_says_so_and_what_remains(crm: Regulars, clock: Clock) -> None:
    live(crm, clock, ADA, "ada")
    ada, before = crm.customer(ADA).id, exported(crm)
    clock.now += DAY
    crm.do(ErasePersonalData(customer=ADA, confirm=True, cause="on request"))
    said, written = exported(crm, ada), page(crm, ada)
    assert said["forgotten"] == {"at": clock.now.isoformat(), "cause": "on request"}
    assert written.startswith("Everything held about somebody who was forgotten")
    assert "forgotten on 2024-02-25 (on request)" in written
    assert f"28 events are kept under id:{ada}" in written
    personal = [
        *("shop:ada", "ada name", "ada other name", "ada@example.com", "+49 30 294", "1990-12-10", "ada reason"),
        *("ada because", "ada value", "ada detail", "ada summary", "ada comment", "ada first line", "ada second line"),
        *("ada subject", "ada question", "ada reply", "ada rating", "the parcel of ada"),
    ]
    assert [each for each in personal if each in written or each in json.dumps(said)] == []
    (identity,) = said["identities"]
    assert (identity["status"], identity["lookups"], said["rejects"]) == ("erased", [], [])
    assert said["points"] | {"as_of": None} == before["points"] | {"as_of": None}
    assert [each["amount"] for each in said["purchases"]] == ["59.90"]
    require_all_of_the_log(crm, said)


def test_what_cannot_be_said_is_refused(crm: Regulars, clock: Clock, database_url: str) -> None:
    with pytest.raises(NotFound):
        crm.export_person("shop:nobody")
    live(crm, clock, ADA, "ada")
    run(database_url, "UPDATE regulars_events SET type = 'FromTheFuture' WHERE type = 'NoteAdded'")
    with pytest.raises(StoreUnusable, match="FromTheFuture"):
        crm.export_person(ADA)


# ------------------------------------------------------------------------------------------------- the command line


@pytest.fixture
def ask(say: Say, tmp_path: Path) -> Say:
    clock = Clock(BEGIN)
    with regulars.open(tmp_path / "shop.db", currency="EUR", actor="li", clock=clock) as crm:
        live(crm, clock, ADA, "ada")
    return lambda *words: say("--db", str(tmp_path / "shop.db"), *words)


def opened(tmp_path: Path) -> Regulars:
    return regulars.open(tmp_path / "shop.db", actor="li", clock=lambda: NOW)


def test_a_page_is_printed_or_json(ask: Say, tmp_path: Path) -> None:
    with opened(tmp_path) as crm:
        person: PersonExport = crm.export_person(ADA)
    assert ask("export-person", "ada@example.com").out == person_page(person)
    assert ask("export-person", ADA, "--json").json == json.loads(json.dumps(person_json(person)))


def test_a_file_is_the_owners_alone_and_never_replaced_unasked(ask: Say, tmp_path: Path) -> None:
    out = tmp_path / "ada.txt"
    assert ask("export-person", ADA, "--out", str(out)).status == 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    written = out.read_text(encoding="utf-8")
    assert written == ask("export-person", ADA).out
    out.chmod(0o644)
    again = ask("export-person", ADA, "--json", "--out", str(out))
    assert (again.status, again.out) == (1, "")
    assert "ada.txt exists already; name a new file, or replace it with --force" in again.err
    assert out.read_text(encoding="utf-8") == written
    assert ask("export-person", ADA, "--json", "--out", str(out), "--force").status == 0
    assert json.loads(out.read_text())["identities"][0]["ref"] == ADA
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.glob("ada*")) == ["ada.txt"]


def test_a_pipe_is_written_to(ask: Say, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text(encoding="utf-8")), daemon=True)
    reader.start()
    assert ask("export-person", ADA, "--out", str(pipe)).status == 0
    reader.join(timeout=10)
    assert read == [ask("export-person", ADA).out]


def test_where_no_file_can_be_made_none_is(ask: Say, tmp_path: Path) -> None:
    refused = ask("export-person", ADA, "--out", str(tmp_path / "missing" / "ada.txt"))
    assert refused.status == 1
    assert "missing doesn't exist" in refused.err


def test_who_was_forgotten_is_told_so_without_a_traceback(ask: Say, tmp_path: Path) -> None:
    with opened(tmp_path) as crm:
        ada = crm.customer(ADA).id
        crm.do(ErasePersonalData(customer=ADA, confirm=True))
    assert ask("export-person", ADA).status == 1
    said = ask("export-person", f"id:{ada}")
    assert said.status == 0
    assert "This person was forgotten on 2024-06-01." in said.out
    assert ask("export-person", f"id:{ada}", "--json").json["forgotten"]["cause"] is None


def test_hostile_words_move_no_cursor_and_turn_no_line(ask: Say, tmp_path: Path) -> None:
    with opened(tmp_path) as crm:
        hostile = "[red]# *no* \u202egnp.exe\u2066 </pre>\u200b"
        crm.do(RegisterCustomer(ref="shop:evil", name=hostile))
        crm.do([AddNote(customer="shop:evil", text=f"{hostile}\n\n-----\n\t{hostile}")])
    said = ask("export-person", "shop:evil")
    assert not set(said.out) & set("\u202e\u2066\u200b\t")
    assert said.out.count("[red]# *no* gnp.exe </pre>") == 8
    assert ask("export-person", "shop:evil", "--json").json["identities"][0]["name"] == hostile


def test_consents_are_shown_with_every_word(ask: Say) -> None:
    said = ask("consents", ADA)
    assert (said.status, said.widest <= 80) == (0, True)
    assert [line.split()[:4] for line in said.out.splitlines()[1:3]] == [
        ["email", "ada-purpose", "no", "2024-02-23"],
        ["yes", "2024-02-22", "li"],
    ]
    told = ask("consents", ADA, "--json").json
    assert (told["barred"], told["consents"][0]["given"]) == (None, False)
    assert ask("consents", ADA, "--as-of", "2024-02-22", "--json").json["consents"][0]["given"] is True
    assert "Nothing was said" in ask("consents", ADA, "--as-of", "2024-02-21").out
    assert "not registered yet" in ask("consents", ADA, "--as-of", "2024-02-21").out


def test_who_may_be_contacted_is_listed_in_three_ways(ask: Say, tmp_path: Path) -> None:
    with opened(tmp_path) as crm:
        crm.do([RegisterCustomer(ref=f"=shop:{n}", name=f"N {n}", email=f"{n}@example.com") for n in range(60)])
        crm.do([GiveConsent(customer=f"=shop:{n}", channel="email", purpose="newsletter") for n in range(60)])
    asked = ("contactable", "--channel", "email", "--purpose", "newsletter")
    table = ask(*asked)
    assert table.widest <= 80
    assert table.out.count("@example.com") == 50
    assert "The first 50; there are more" in table.out
    assert len(ask(*asked, "--json").json) == 60
    assert ask(*asked, "--json", "--limit", "3").json == ask(*asked, "--json").json[:3]
    lines = ask(*asked, "--csv").out.splitlines()
    assert lines[0] == "ref,name,email,phone,said_at,id"
    assert all(line.startswith("'=shop:") for line in lines[1:])
    assert len(lines) == 61
    assert ask(*asked, "--as-of", "2024-05-31").out == "Nobody may be contacted by email for newsletter.\n"
    assert ask(*asked, "--csv", "--json").status == 2
    assert ask("contactable", "--channel", "mail", "--purpose", "newsletter").status == 2
