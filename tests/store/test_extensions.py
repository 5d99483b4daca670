"""What somebody else brings to a store has the rights that ours has; without it, nothing of it is lost or misread."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace
from pydantic import Field

import parcel
import regulars
from parcel import AGGREGATE, EXTENSION, INDEX, DeliverParcel, ParcelDelivered, ParcelSent, SendParcel
from regulars import (
    Extension,
    LogApplication,
    MergeCustomers,
    NoteAdded,
    PurchaseRecorded,
    RecordPurchase,
    RegisterCustomer,
    Regulars,
    Rejected,
    StoreUnusable,
    SurveyAnswered,
    Unexplained,
    person_json,
    person_page,
)
from regulars.adapters.checking.records import check_records
from regulars.adapters.extensions.extension import import_extension, reference_of
from regulars.adapters.indexes.index import Added, Change, Digest
from regulars.adapters.read_models.histories import read_history
from regulars.adapters.store.store import Store
from regulars.crm_domain.aggregate import Aggregate, Examples, addressed
from regulars.crm_domain.command import Command, Context, Decider, Who
from regulars.crm_domain.event import Event, Personal, Recorded
from regulars.crm_domain.upcasts import Upcast
from regulars.crm_domain.wording import Wording
from regulars.projections.engine.fold import FoldPlan
from regulars.projections.parts import Part
from regulars.projections.registry import PROJECTORS
from regulars.projections.rules.compiled import compile_rules
from regulars.projections.rules.section import Section
from shops import Clock, opened, room_for_a_store

INDEXED = Extension("parcels", aggregates=(AGGREGATE,), indexes=(INDEX,))
STREET = "12 Long Lane"
SENT = SendParcel(customer="shop:1", parcel_id="P-1", address=STREET)

each_kind = pytest.mark.parametrize("kind", ["sqlite", "postgres"])


def shop(crm: Regulars) -> None:
    """Ada buys something and is sent a parcel, which arrives; Bob is sent one, too."""
    crm.do([RegisterCustomer(ref="shop:1", name="Ada"), RegisterCustomer(ref="shop:2", name="Bob")])
    crm.do(RecordPurchase(customer="shop:1", order_id="A-1", amount="59.90"))
    with crm.acting(actor="mo", correlation_id="round-7", reason="it was in stock"):
        crm.do(SENT)
    crm.do([DeliverParcel(parcel_id="P-1"), SendParcel(customer="shop:2", parcel_id="P-2")])


@pytest.fixture
def crm(bare_url: str) -> Iterator[Regulars]:
    with opened(bare_url, Clock(), extensions=(EXTENSION,)) as found:
        shop(found)
        yield found


@pytest.fixture
def without(bare_url: str, crm: Regulars) -> Iterator[Regulars]:
    """The same store, opened by somebody who hasn't the extension."""
    crm.close()
    with opened(bare_url, Clock()) as found:
        yield found


def exported(crm: Regulars, *, personal: bool) -> list[dict[str, Any]]:
    out = BytesIO()
    crm.export_events(out.write, personal=personal)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def rows_of(url: str, table: str) -> list[tuple[Any, ...]]:
    with closing(Store(url)) as store, store.reading() as tx:
        return [tuple(row) for row in tx.connection.execute(sa.text(f"SELECT * FROM {table}"))]


# --------------------------------------------------------------------------------------------------- the same rights


def test_its_commands_are_done_and_refused_as_ours(crm: Regulars) -> None:
    outcome = crm.do(SendParcel(customer="shop:1", parcel_id="P-3", command_id="c-1"))
    assert [recorded.event for recorded in outcome.events] == [ParcelSent(parcel_id="P-3")]
    assert crm.do(SendParcel(customer="shop:1", parcel_id="P-3", command_id="c-1")).replayed
    assert crm.do(SendParcel(customer="shop:1", parcel_id="P-3")).events == ()
    with pytest.raises(Rejected, match='there is no parcel "P-9"'):
        crm.do(DeliverParcel(parcel_id="P-9"))
    with pytest.raises(Rejected, match="belongs to another customer"):
        crm.do(SendParcel(customer="shop:2", parcel_id="P-1"))


def test_its_events_are_audited_in_its_words_with_old_and_new_values(crm: Regulars) -> None:
    delivered, sent = crm.audit(customer="shop:1", limit=2)
    assert (delivered.sentence, sent.sentence) == ("Li delivered parcel P-1 to shop:1", "Mo sent parcel P-1 to shop:1")
    assert (sent.actor, sent.correlation_id, sent.reason) == ("mo", "round-7", "it was in stock")
    assert [(each.field, each.old, each.new) for each in sent.changes] == [
        ("parcel", None, "sent"),
        ("address", None, STREET),
    ]
    assert [each.type for each in crm.audit(type="ParcelSent")] == ["ParcelSent", "ParcelSent"]
    with pytest.raises(ValueError, match="did you mean ParcelSent"):
        crm.audit(type="ParcelsSent")


def test_its_events_are_told_by_the_feed_with_what_is_personal(crm: Regulars) -> None:
    assert [recorded.event.address for recorded in crm.events(types=ParcelSent)] == [STREET, None]
    assert [type(recorded.event) for recorded in crm.events(types=ParcelSent | PurchaseRecorded)] == [
        PurchaseRecorded,
        ParcelSent,
        ParcelSent,
    ]


def test_what_it_knows_of_a_person_is_exported_and_forgotten_with_them(crm: Regulars) -> None:
    person = crm.export_person("shop:1")
    assert f"address: {STREET}" in person_page(person)
    assert "Mo sent parcel P-1 to shop:1" in person_page(person)
    (told,) = [each for each in person_json(person)["events"] if each["type"] == "ParcelSent"]
    assert (told["what"], told["event"]) == ("parcel P-1 sent", {"parcel_id": "P-1", "address": STREET})
    customer_id = crm.find("shop:1")
    crm.forget("shop:1", reason="asked to be")
    assert STREET not in person_page(crm.export_person(customer_id))
    assert [recorded.event.address for recorded in crm.events(types=ParcelSent)] == [None, None]
    with pytest.raises(Rejected, match="was forgotten"):
        crm.do(SendParcel(customer=customer_id, parcel_id="P-5", address="elsewhere"))


def test_its_events_are_exported_and_hold_in_every_check(crm: Regulars) -> None:
    lines = {line["position"]: line for line in exported(crm, personal=True)}
    assert (lines[4]["type"], lines[4]["event"]) == ("ParcelSent", {"parcel_id": "P-1", "address": STREET})
    assert "address" not in exported(crm, personal=False)[3]["event"]
    crm.seal()
    assert crm.check_seals().holds
    assert crm.check_records().holds
    assert crm.projections.verify().holds


MAPPING = """
format = "csv"
[customer]
ref = "{customer}"
[[command]]
do = "SendParcel"
[command.fields]
parcel_id = "{carrier}-{number}"
address = "{address}"
"""


def test_its_commands_are_imported(crm: Regulars, tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text(MAPPING)
    (tmp_path / "parcels.csv").write_text(
        "customer,carrier,number,address\nshop:3,ups,7,1 High Street\nshop:3,,8,1 High Street\nshop:3,ups,7,\n"
    )
    report = crm.import_file(tmp_path / "parcels.csv", tmp_path / "map.toml")
    assert (report.rows, report.rejected) == (3, 1)
    assert "parcel_id" in report.rejects[0].reason  # one with a part missing would be many parcels
    assert [recorded.event.parcel_id for recorded in crm.events(types=ParcelSent, customer="shop:3")] == [
        "ups-7",
        "ups-7",
    ]
    mapping = regulars.load_mapping(tmp_path / "map.toml", extensions=(EXTENSION,))
    assert crm.import_file(tmp_path / "parcels.csv", mapping).unchanged == 2


def test_a_mapping_to_its_commands_is_refused_without_it(without: Regulars, tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text(MAPPING)
    (tmp_path / "parcels.csv").write_text("customer,carrier,number,address\n")
    with pytest.raises(regulars.InvalidMapping, match='"SendParcel"'):
        without.import_file(tmp_path / "parcels.csv", tmp_path / "map.toml")
    mapping = regulars.load_mapping(tmp_path / "map.toml", extensions=(EXTENSION,))
    with pytest.raises(regulars.InvalidMapping, match='"SendParcel" is no command of this store'):
        without.import_file(tmp_path / "parcels.csv", mapping)


class ParcelPosted(Event, frozen=True, kw_only=True, tag="ParcelPosted"):
    """Made up: what a parcel that left was once called."""

    number: int
    street: Personal[str] = None


UPCAST = Upcast(
    retired=ParcelPosted,
    successor=ParcelSent,
    read=lambda old: ParcelSent(parcel_id=f"P-{old.number}", address=old.street),
)


def test_what_it_no_longer_writes_is_read_as_its_successor(bare_url: str, crm: Regulars) -> None:
    crm.close()
    with closing(Store(bare_url)) as store, store.writing() as tx:
        events = store.schema.events
        old = {"type": "ParcelPosted", "payload": b'{"type":"ParcelPosted","number":1}', "secret": None}
        tx.connection.execute(events.update().where(events.c.position == 4).values(old))
    newer = Extension("parcels", aggregates=(replace(AGGREGATE, upcasts=(UPCAST,)),))
    with opened(bare_url, Clock(), extensions=(newer,)) as crm:
        assert [recorded.event.parcel_id for recorded in crm.events(types=ParcelSent)] == ["P-1", "P-2"]
        assert crm.do(SendParcel(customer="shop:1", parcel_id="P-1")).events == ()  # its stream is folded the same


def test_its_events_are_followed_by_the_library(bare_url: str, crm: Regulars) -> None:
    class Log(LogApplication):
        extensions = (EXTENSION,)

    (sent, _) = crm.as_application_recorder().select_notifications(None, 10, topics=["ParcelSent"])
    with Log({"REGULARS_URL": bare_url}) as application:
        (told, _) = application.recorder.select_notifications(None, 10, topics=["ParcelSent"])
        for each in (sent, told):
            recorded: Any = application.mapper.to_domain_event(each)
            assert (each.topic, recorded.event) == ("ParcelSent", ParcelSent(parcel_id="P-1"))


# ------------------------------------------------------------------------------------- a stream of each customer's own


class Allowed(Event, frozen=True, kw_only=True, tag="HouseRulesAllowed"):
    """A customer may do something at home in our shop."""

    times: int


class HouseRules(Struct, frozen=True, kw_only=True):
    """How often they were allowed to."""

    times: int = 0


class Allow(Command):
    """Allow a customer to do something once more."""

    customer: Who


def _allow(command: Command, state: HouseRules, context: Context) -> tuple[Event, ...]:
    return (Allowed(times=state.times + 1),)


HOUSE_RULES = Aggregate(
    decider=Decider(
        category="house_rules",
        initial=HouseRules(),
        evolve=lambda state, event: HouseRules(times=event.times),
        decide=_allow,
    ),
    events=(Allowed,),
    commands=addressed(Allow, customer="customer", own=True),
    wording=Wording(
        what=lambda event: f"allowed {event.times} times",
        deed=lambda event, who, other: f"allowed {who} something",
        fields=lambda state: [("times", str(state.times))],
    ),
    examples=lambda: Examples(events=(Allowed(times=1),), commands=(Allow(customer="shop:1"),)),
)


def test_a_customer_has_one_stream_of_their_own_of_a_category(bare_url: str) -> None:
    with opened(bare_url, Clock(), extensions=(Extension("house", aggregates=(HOUSE_RULES,)),)) as crm:
        crm.do([RegisterCustomer(ref=each) for each in ("a", "b", "c")])
        crm.do([Allow(customer="a"), Allow(customer="b"), Allow(customer="a")])
        told = list(crm.events(types=Allowed))
        assert [recorded.event.times for recorded in told] == [1, 1, 2]
        assert told[0].stream_id == told[2].stream_id != told[1].stream_id
        assert {recorded.category for recorded in told} == {"house_rules"}


def test_customers_who_are_one_have_the_stream_that_was_begun(bare_url: str) -> None:
    with opened(bare_url, Clock(), extensions=(Extension("house", aggregates=(HOUSE_RULES,)),)) as crm:
        crm.do([RegisterCustomer(ref=each) for each in ("a", "b")])
        crm.do(Allow(customer="b"))
        crm.do(MergeCustomers(customer="b", into="a"))
        crm.do([Allow(customer="a"), Allow(customer="b")])
        told = list(crm.events(types=Allowed))
        assert [recorded.event.times for recorded in told] == [1, 2, 3]
        assert len({recorded.stream_id for recorded in told}) == 1


@pytest.mark.parametrize("given", [{"own": True}, {"own": True, "customer": "customer", "key": "customer"}])
def test_an_own_stream_is_found_by_the_customer_alone(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="a customer's own stream: by a customer, and by no key"):
        addressed(Allow, **given)


# ------------------------------------------------------------------------------------------------------ without it


def test_a_store_says_which_extension_it_needs_and_how_to_bring_it(without: Regulars) -> None:
    (missing,) = without.missing_extensions
    assert missing.name == "parcels"
    assert 'this store needs the extension "parcels", which isn\'t here: bring it by `extensions`' in str(missing)
    assert without.status().missing_extensions == (str(missing),)
    assert (f"what belongs to {missing.name}", str(missing)) in {
        (each.what, each.why) for each in without.check_records().not_covered
    }


def test_without_it_its_events_are_told_as_they_are_stored(without: Regulars) -> None:
    sent = Unexplained(
        extension="parcels",
        name="ParcelSent",
        content='{"parcel_id":"P-1"}',
        personal=f'{{"address":"{STREET}"}}',
    )
    told = list(without.events(types=Unexplained, customer="shop:1"))
    assert told[0].event == sent
    assert (told[0].actor, told[0].reason) == ("mo", "it was in stock")
    assert [recorded.position for recorded in without.events()] == [1, 2, 3, 4, 5, 6]
    delivered, audited = without.audit(customer="shop:1", limit=2)
    assert (delivered.type, audited.type, audited.changes) == ("ParcelDelivered", "ParcelSent", ())
    assert audited.sentence == (
        'Mo recorded of shop:1 ParcelSent, which the extension "parcels" would explain: {"parcel_id":"P-1"}'
    )
    assert STREET in person_page(without.export_person("shop:1"))
    assert exported(without, personal=False)[3]["type"] == "ParcelSent"
    assert STREET not in str(exported(without, personal=False)[3])
    assert STREET in str(exported(without, personal=True)[3])
    topics = [each.topic for each in without.as_application_recorder().select_notifications(None, 10)]
    assert topics[3:] == ["ParcelSent", "ParcelDelivered", "ParcelSent"]
    (last,) = without.as_application_recorder().select_notifications(None, 10, topics=["ParcelDelivered"])
    assert last.topic == "ParcelDelivered"


def test_without_it_our_own_answers_are_as_they_are_with_it(bare_url: str, crm: Regulars) -> None:
    before = (crm.customer("shop:1").explain(), crm.projections.verify().stored, list(crm.customers()))
    crm.close()
    with opened(bare_url, Clock()) as without:
        assert without.projections.verify().holds
        without.projections.rebuild()
        after = without.customer("shop:1").explain(), without.projections.verify().stored, list(without.customers())
        assert after == before
        assert without.check_records().holds


def test_without_it_people_come_buy_and_are_forgotten_as_before(bare_url: str, without: Regulars) -> None:
    without.do([RegisterCustomer(ref="shop:9"), RecordPurchase(customer="shop:1", order_id="A-2", amount="1")])
    ada = without.find("shop:1")
    without.forget("shop:1", reason="asked to be")
    assert [recorded.event for recorded in without.events(types=Unexplained, customer=ada)] == [
        Unexplained(extension="parcels", name="ParcelSent", content='{"parcel_id":"P-1"}'),
        Unexplained(extension="parcels", name="ParcelDelivered", content='{"parcel_id":"P-1"}'),
    ]
    with opened(bare_url, Clock(), extensions=(EXTENSION,)) as again:
        assert again.missing_extensions == ()
        assert again.do(DeliverParcel(parcel_id="P-2")).events[0].event == ParcelDelivered(parcel_id="P-2")
        assert again.check_records().holds


def test_a_store_names_it_once_something_of_it_is_recorded(bare_url: str) -> None:
    with opened(bare_url, Clock(), extensions=(EXTENSION,)) as crm:
        crm.do(RegisterCustomer(ref="shop:1"))
    with opened(bare_url, Clock()) as without:
        assert without.missing_extensions == ()
    with opened(bare_url, Clock(), extensions=(EXTENSION,)) as crm:
        crm.do(SENT)
    with opened(bare_url, Clock()) as without:
        assert [each.name for each in without.missing_extensions] == ["parcels"]


def test_what_no_extension_explains_was_written_by_a_newer_version(bare_url: str, without: Regulars) -> None:
    with closing(Store(bare_url)) as store, store.writing() as tx:
        events = store.schema.events
        tx.connection.execute(events.update().where(events.c.position == 5).values(type="Unheard"))
    feed = without.events()
    assert [next(feed).position for _ in range(4)] == [1, 2, 3, 4]
    with pytest.raises(StoreUnusable, match='#5: this store has an event of type "Unheard"'):
        next(feed)


@pytest.mark.parametrize("payload", [b"{", b"[]", b"\xff"])
def test_what_is_broken_of_it_is_told_by_its_position(bare_url: str, without: Regulars, payload: bytes) -> None:
    with closing(Store(bare_url)) as store, store.writing() as tx:
        events = store.schema.events
        tx.connection.execute(events.update().where(events.c.position == 5).values(payload=payload))
    feed = without.events(after=3)
    assert next(feed).position == 4
    with pytest.raises(StoreUnusable, match="event #5"):
        next(feed)
    assert without.customer("shop:1").orders == 1
    assert without.projections.verify().holds


def test_what_it_says_without_a_type_is_told_all_the_same(bare_url: str, without: Regulars) -> None:
    with closing(Store(bare_url)) as store, store.writing() as tx:
        events = store.schema.events
        tx.connection.execute(events.update().where(events.c.position == 5).values(payload=b"{}"))
    assert next(without.events(after=4, types=Unexplained)).event.content == "{}"


def test_a_note_of_an_extension_that_cannot_be_read_keeps_nobody_out(bare_url: str, crm: Regulars) -> None:
    crm.close()
    with closing(Store(bare_url)) as store, store.writing() as tx:
        settings = store.schema.settings
        ours = settings.update().where(settings.c.name == "extension:parcels")
        tx.connection.execute(ours.values(value=b"\xff"))
    with opened(bare_url, Clock()) as without:
        assert [each.name for each in without.missing_extensions] == ["parcels"]
        with pytest.raises(StoreUnusable, match="a newer one wrote it"):
            list(without.events())
    with opened(bare_url, Clock(), extensions=(EXTENSION,)) as again:
        again.do(SendParcel(customer="shop:1", parcel_id="P-4"))  # which notes it anew
    with opened(bare_url, Clock()) as without:
        assert len(list(without.events())) == 7


@each_kind
@pytest.mark.parametrize("brought", [(), (INDEXED,)], ids=["without", "with"])
def test_a_copy_has_all_of_it_and_needs_it_too(
    bare_url: str, kind: str, brought: tuple[Extension, ...], postgres_url: str
) -> None:
    with opened(bare_url, Clock(), extensions=(INDEXED,)) as crm:
        shop(crm)
    with room_for_a_store(kind, postgres_url) as target:
        regulars.copy(bare_url, target, extensions=brought)
        with opened(target, Clock()) as copied:
            assert [each.name for each in copied.missing_extensions] == ["parcels"]
        with opened(target, Clock(), extensions=(INDEXED,)) as copied:
            assert [recorded.event.address for recorded in copied.events(types=ParcelSent)] == [STREET, None]
            assert copied.check_records().holds
        assert len(rows_of(target, "regulars_parcels")) == 2


@pytest.mark.parametrize("brought", [(), (INDEXED,)], ids=["without", "with"])
def test_a_backup_is_restored_with_all_of_it(tmp_path: Path, brought: tuple[Extension, ...]) -> None:
    with opened(str(tmp_path / "shop.db"), Clock(), extensions=(INDEXED,)) as crm:
        shop(crm)
        crm.backup(tmp_path / "backup.db")
        forgotten = crm.find("shop:1")
        crm.forget("shop:1", reason="asked to be")
    erased = regulars.read_erased(tmp_path / "shop.db")
    regulars.restore(tmp_path / "backup.db", tmp_path / "again.db", erased=erased, extensions=brought)
    with opened(str(tmp_path / "again.db"), Clock(), extensions=(INDEXED,)) as restored:
        assert [recorded.event.address for recorded in restored.events(types=ParcelSent)] == [None, None]
        assert restored.find("shop:2") != forgotten
        assert restored.check_records().holds


# --------------------------------------------------------------------------------------------------- what is parked


def test_an_event_of_it_that_cannot_be_decoded_parks_its_customer(bare_url: str, crm: Regulars) -> None:
    crm.close()
    parcels_judge = tuple(replace(each, handles=each.handles | {ParcelSent}) for each in PROJECTORS[:1])
    with closing(Store(bare_url, extensions=(EXTENSION,))) as store:
        with store.writing() as tx:
            events = store.schema.events
            broken = events.update().where(events.c.position == 4)
            tx.connection.execute(broken.values(payload=b'{"type":"ParcelSent","parcel_id":7}'))
        store.handles |= {ParcelSent}
        with store.reading() as tx:
            who = tx.find("ref", ["shop:1"])["shop:1"][0]
            rules = compile_rules(regulars.default_rules(), "EUR")
            history = read_history(store, tx.connection, (who,), FoldPlan(rules, parcels_judge))
    assert history.poison is not None
    assert (history.poison.position, history.poison.type, history.poison.customer_id) == (4, "ParcelSent", who)
    assert [happened.position for happened in history.happened] == [1, 3]


# --------------------------------------------------------------------------------------------------------- indexes


def test_an_index_is_made_and_filled_when_it_is_first_brought(bare_url: str, crm: Regulars) -> None:
    crm.close()
    with opened(bare_url, Clock(), extensions=(INDEXED,)) as crm:
        assert [(row[1], row[2]) for row in sorted(rows_of(bare_url, "regulars_parcels"), key=lambda row: row[2])] == [
            ("P-1", 4),
            ("P-2", 6),
        ]
        crm.do(SendParcel(customer="shop:1", parcel_id="P-3"))
        assert len(rows_of(bare_url, "regulars_parcels")) == 3
        found = crm.check_records()
        assert found.holds
        assert {each.kind: each.count for each in found.compared}["parcel"] == 3


def test_an_index_is_compared_and_put_right(bare_url: str) -> None:
    with opened(bare_url, Clock(), extensions=(INDEXED,)) as crm:
        shop(crm)
        with closing(Store(bare_url)) as store, store.writing() as tx:
            tx.connection.execute(sa.text("DELETE FROM regulars_parcels WHERE parcel_id = 'P-1'"))
        found = crm.check_records()
        assert [(each.kind, each.what) for each in found.faults] == [("parcel", "hasn't the parcels that were sent")]
        right: dict[str, int] = {}
        crm.projections.rebuild(on_put_right=right.__setitem__)
        assert right == {"parcel": 1}
        assert crm.check_records().holds


def of_purchases(recorded: Recorded[Event], digest: Digest) -> Iterator[Change]:
    match recorded.event:
        case PurchaseRecorded() as event:
            yield Added({"parcel_id": event.order_id, "position": recorded.position})
        case _:
            pass


def test_what_its_index_would_have_to_know_of_is_refused_without_it(bare_url: str) -> None:
    index = replace(INDEX, handles=frozenset({PurchaseRecorded}), changes=of_purchases)
    mine = Extension("of_orders", indexes=(index,))
    with opened(bare_url, Clock(), extensions=(mine,)) as crm:
        crm.do([RegisterCustomer(ref="shop:1"), RecordPurchase(customer="shop:1", order_id="A-1", amount="1")])
        assert len(rows_of(bare_url, "regulars_parcels")) == 1
    with opened(bare_url, Clock()) as without:
        before = without.event_count
        with pytest.raises(StoreUnusable, match='needs the extension "of_orders"'):
            without.do([RegisterCustomer(ref="b"), RecordPurchase(customer="b", order_id="A-2", amount="1")])
        assert without.event_count == before
        without.do(RegisterCustomer(ref="b"))
    with opened(bare_url, Clock(), extensions=(mine,)) as crm:
        crm.do(RecordPurchase(customer="b", order_id="A-2", amount="1"))
        assert crm.check_records().holds


def test_whoever_opens_a_store_that_has_it_all_waits_for_nobody(bare_url: str) -> None:
    with opened(bare_url, Clock(), extensions=(INDEXED,)) as crm:
        shop(crm)
    with closing(Store(bare_url)) as store, store.writing(alone=True):
        other = Store(bare_url, extensions=(INDEXED,), lock_timeout=0.1)
        assert [index.name for index in other.statements.indexes][-1] == "parcel"
        other.close()


def test_a_store_that_may_not_be_written_is_asked_without_the_table(bare_url: str, crm: Regulars) -> None:
    crm.close()
    with opened(bare_url, Clock(), extensions=(INDEXED,), read_only=True) as reader:
        assert reader.check_records().holds
        assert len(list(reader.events(types=ParcelSent))) == 2


# ------------------------------------------------------------------------------------------- who may stand beside whom


OTHER = replace(
    AGGREGATE,
    decider=replace(AGGREGATE.decider, category="freight"),
    events=(Allowed,),
    commands=(),
)


class NoteDropped(Event, frozen=True, kw_only=True, tag="NoteAdded"):
    """One that has the tag of ours."""


class Patience(Part):
    """How long a parcel may be on its way."""

    days: int = Field(default=3, description="So many days.")


def section(name: str) -> Section:
    return Section(name=name, grammar=Patience, compile=lambda table: table.days)


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ([replace(AGGREGATE, events=(Allowed,), commands=())], 'the category "parcel"'),
        ([replace(OTHER, events=(ParcelSent,))], 'the event "ParcelSent"'),
        ([replace(OTHER, commands=addressed(DeliverParcel, key="parcel_id"))], 'the command "DeliverParcel"'),
        ([INDEX], 'the table "parcels"'),
        ([replace(INDEX, table="freights")], 'the index "parcel"'),
        ([section("parcel")], 'the rule section "parcel"'),
    ],
    ids=["category", "event", "command", "table", "index", "section"],
)
def test_two_that_bring_something_of_one_name_are_refused(others: list[Any], said: str) -> None:
    first = Extension("parcels", aggregates=(AGGREGATE,), indexes=(INDEX,), sections=(section("parcel"),))
    kinds = {Aggregate: "aggregates", parcel.Index: "indexes", Section: "sections"}
    other = Extension("freight", **{kinds[type(others[0])]: tuple(others)})
    for brought, both in (((first, other), ("parcels", "freight")), ((other, first), ("freight", "parcels"))):
        with pytest.raises(ValueError, match=f"{said} comes twice") as refused:
            regulars.open(":memory:", extensions=brought)
        assert [f'in the extension "{name}"' in str(refused.value) for name in both] == [True, True]


@pytest.mark.parametrize(
    ("mine", "said"),
    [
        (Extension("a", aggregates=(replace(OTHER, events=(NoteDropped,)),)), 'the event "NoteAdded" comes twice'),
        (
            Extension("a", aggregates=(replace(OTHER, decider=replace(OTHER.decider, category="ticket")),)),
            'the category "ticket" comes twice',
        ),
        (Extension("a", indexes=(replace(INDEX, table="settings"),)), 'the table "settings" comes twice'),
        (Extension("a", indexes=(replace(INDEX, table="churn_risk"),)), 'the table "churn_risk" comes twice'),
        (Extension("a", indexes=(replace(INDEX, table="audit_trail"),)), 'the table "audit_trail" comes twice'),
        (Extension("a", indexes=(replace(INDEX, name="link"),)), 'the index "link" comes twice'),
        (Extension("a", projectors=PROJECTORS[:1]), f'the table "{PROJECTORS[0].name}" comes twice'),
    ],
)
def test_one_that_takes_a_name_of_ours_is_refused(mine: Extension, said: str) -> None:
    with pytest.raises(ValueError, match=said) as refused:
        regulars.open(":memory:", extensions=(mine,))
    assert 'in Regulars and in the extension "a"' in str(refused.value)


def test_two_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match='two extensions are called "parcels"'):
        regulars.open(":memory:", extensions=(EXTENSION, Extension("parcels")))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": "Parcels"}, "the name of an extension is a letter"),
        ({"name": ""}, "the name of an extension is a letter"),
        ({"name": "a", "aggregates": (INDEX,)}, 'the aggregates of the extension "a" are a tuple of Aggregate'),
        ({"name": "a", "indexes": INDEX}, 'the indexes of the extension "a" are a tuple of Index'),
        ({"name": "a", "indexes": (replace(INDEX, table="x y"),)}, "can't be the name of a table"),
        (
            {"name": "a", "aggregates": (replace(AGGREGATE, in_the_clear=()),)},
            "ParcelSent.parcel_id, ParcelDelivered.parcel_id is neither",
        ),
        ({"name": "a", "indexes": (replace(INDEX, is_keyed=True),)}, "has to be an open one"),
        ({"name": "a", "indexes": (replace(INDEX, decides_folds=True),)}, "whose events are folded together"),
        ({"name": "a", "indexes": (replace(INDEX, columns=None),)}, "has to be an open one with columns"),
    ],
)
def test_what_cannot_be_an_extension_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Extension(**given)


# ----------------------------------------------------------------------------------------------- in other processes


def test_another_process_imports_it_by_its_name_in_a_module() -> None:
    assert import_extension(reference_of(EXTENSION)) is EXTENSION
    with pytest.raises(StoreUnusable, match='the extension "parcels" has no name in a module'):
        reference_of(Extension("parcels"))


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("parcel", "named as MODULE:NAME"),
        ("nowhere_at_all:EXTENSION", "can't be imported: ModuleNotFoundError"),
        ("parcel:NOTHING", "can't be imported: AttributeError"),
        ("parcel:AGGREGATE", "is no Extension, but Aggregate"),
    ],
)
def test_a_reference_to_nothing_is_one_sentence(reference: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        import_extension(reference)


def test_it_is_not_brought_by_what_a_store_says(bare_url: str, crm: Regulars) -> None:
    with closing(Store(bare_url)) as store, store.reading() as tx:
        settings = store.read_settings(tx.connection)
        assert json.loads(settings["extension:parcels"]) == {
            "name": "parcels",
            "events": ["ParcelDelivered", "ParcelSent"],
            "indexed": [],
        }
        assert check_records(store).holds
        assert NoteAdded in store.registry.catalogue.events.values()
        assert SurveyAnswered in store.registry.catalogue.events.values()
        assert ParcelSent not in store.registry.catalogue.events.values()
