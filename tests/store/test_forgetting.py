"""Who is forgotten is gone: from every answer, and from every byte of the files. What was counted stays."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import hypothesis
import pytest
import sqlalchemy as sa
from hypothesis import strategies as st
from sqlalchemy.engine import make_url

import regulars
from raw import bytes_of, bytes_of_files, found_in
from regulars import (
    AddNote,
    ChangeContactDetails,
    CustomerId,
    EnrollMember,
    ErasePersonalData,
    MergeCustomers,
    NotFound,
    OpenTicket,
    RecordChurnReason,
    RecordInteraction,
    RecordPreference,
    RecordPurchase,
    RecordSurveyAnswer,
    RegisterCustomer,
    Regulars,
    Rejected,
    ReplyAsCustomer,
    TagCustomer,
    UndoMerge,
)
from regulars.adapters.store.store import Store
from regulars.adapters.vault.erasing import MARK, mark
from regulars.crm_domain.customer import PersonalDataErased
from saying import Say
from shops import Clock, opened, read_models_of

BEGIN = datetime(2024, 1, 1, 12, tzinfo=UTC)
MAPPING = """
format = "csv"
zone = "UTC"
currency = "EUR"
[customer]
ref = "shop:{id}"
name = "{name}"
email = "{email}"
[[command]]
do = "RecordPurchase"
[command.fields]
order_id = "{order}"
occurred_at = { column = "day", format = "%Y-%m-%d" }
amount = { column = "amount", money = "major" }
"""


class Person:
    """Somebody of whom much is known, all of it in words that nobody else has."""

    def __init__(self, number: int) -> None:
        self.is_member = number >= 4  # members can't be merged with each other
        self.ref = f"shop:ref{number:04}x"
        self.name = f"Name{number:04} O'Nym-Å"
        self.email = f"mail{number:04}@example.com"
        self.former_email = f"former{number:04}@example.com"
        self.phone = f"+49 30 77{number:04}1"
        self.words = [
            f"{kind}{number:04} in their own words" for kind in ("note", "call", "why", "wish", "said", "left")
        ]

    @property
    def texts(self) -> list[str]:
        return [self.ref, self.name, self.email, self.former_email, self.phone, *self.words]

    def live(self, crm: Regulars) -> None:
        """Be registered, buy, complain, and be talked about."""
        who, key = self.ref, self.ref.removeprefix("shop:")
        note, call, why, wish, said, left = self.words
        crm.do(
            [
                RegisterCustomer(ref=who, name=self.name, email=self.former_email, phone=self.phone),
                ChangeContactDetails(customer=who, email=self.email, reason=why),
                *([EnrollMember(customer=who)] if self.is_member else []),
                RecordPurchase(customer=who, order_id=f"order-{key}", amount="160.00"),
                AddNote(customer=who, text=note),
                RecordInteraction(customer=who, channel="phone", direction="inbound", summary=call),
                RecordPreference(customer=who, key="tea", value=wish),
                RecordSurveyAnswer(customer=who, survey="nps", score=3, comment=said),
                OpenTicket(customer=who, ticket_id=f"ticket-{key}", subject=said),
                ReplyAsCustomer(ticket_id=f"ticket-{key}", message=call),
                RecordChurnReason(customer=who, cause="price", detail=left, command_id=f"command-{key}"),
            ]
        )


PEOPLE = [Person(number) for number in range(12)]


def keys_of(crm: Regulars) -> dict[str, bytes]:
    keys = crm._store.schema.keys
    with crm._store.reading() as tx:
        return dict(tx.connection.execute(sa.select(keys.c.customer_id, keys.c.key)).all())


def lookups_of(crm: Regulars) -> dict[str, list[str]]:
    lookups, found = crm._store.schema.lookups, dict[str, list[str]]()
    with crm._store.reading() as tx:
        for row in tx.connection.execute(sa.select(lookups)):
            found.setdefault(row.customer_id, []).append(row.digest)
    return found


def standing(crm: Regulars, ids: list[str]) -> list[Any]:
    """What is known of somebody beside who they are."""
    found = [crm.customer(CustomerId(each)) for each in ids]
    hidden = {"ref", "name", "email", "phone", "merged"}
    return [
        (
            {name: value for name, value in vars_of(each).items() if name not in hidden},
            str(each.explain()),
            each.timeline(),
        )
        for each in found
    ]


def vars_of(each: Any) -> dict[str, Any]:
    return {field.name: getattr(each, field.name) for field in fields(each)}


@pytest.fixture
def clock() -> Clock:
    return Clock(BEGIN)


@pytest.fixture
def crm(database_url: str, clock: Clock) -> Iterator[Regulars]:
    """A shop in which everybody has a history, some of it folded in."""
    with opened(database_url, clock) as crm:
        for each in PEOPLE:
            each.live(crm)
            clock.now += timedelta(hours=1)
        crm.catch_up()
        yield crm


def import_rows(crm: Regulars, folder: Path, *rows: str, name: str = "orders.csv") -> None:
    (folder / "map.toml").write_text(MAPPING)
    (folder / name).write_text("\n".join(["id,name,email,order,amount,day", *rows]) + "\n", encoding="utf-8")
    crm.import_file(folder / name, folder / "map.toml")


# ------------------------------------------------------------------------------------------------- what is left of them


def test_no_byte_of_them_is_left_anywhere(crm: Regulars, database_url: str, tmp_path: Path) -> None:
    texts = [text for person in PEOPLE for text in person.texts]
    import_rows(crm, tmp_path, *(f"ref{n:04}x,Name{n:04},,order-{n},a lot,2024-01-01" for n in range(12)))
    assert len(crm.rejects()) == 12
    ids = {person.ref: crm.customer(person.ref).id for person in PEOPLE}
    keys, lookups = keys_of(crm), lookups_of(crm)
    analyse(crm)
    before = bytes_of(database_url)
    assert found_in(before, keys.values()) == set(keys.values())  # so what is searched for can be found
    assert found_in(before, texts) == set()
    gone, stay = PEOPLE[::2], PEOPLE[1::2]
    for person in gone:
        assert not crm.forget(person.ref, reason="on request").pending
    crm.catch_up()
    analyse(crm)
    secrets = [keys[ids[person.ref]] for person in gone]
    digests = [digest for person in gone for digest in lookups[ids[person.ref]]]
    heaps = {"store": bytes_of(database_url), "export": exported(crm, personal=False)}
    if crm.files:
        crm.backup(tmp_path / "backup.db")
        heaps["backup"] = bytes_of_files(tmp_path / "backup.db")
    for name, heap in heaps.items():
        assert found_in(heap, [*secrets, *digests, *texts]) == set(), name
    with_names = exported(crm, personal=True)
    assert found_in(with_names, [text for person in gone for text in person.texts]) == set()
    assert found_in(with_names, [person.ref for person in stay]) == {person.ref for person in stay}
    assert found_in(heaps["store"], keys.values()) == {keys[ids[person.ref]] for person in stay}
    assert [reject.text.split(",")[0] for reject in crm.rejects()] == [f"ref{n:04}x" for n in range(1, 12, 2)]
    assert not crm.status().erasing


def analyse(crm: Regulars) -> None:
    """Let PostgreSQL take its samples, as it does by itself now and then."""
    if not crm.files:
        with crm._store.database.outside_transactions(1) as connection:
            connection.exec_driver_sql("ANALYZE")


def exported(crm: Regulars, *, personal: bool) -> bytes:
    lines = io.BytesIO()
    crm.export_events(lines.write, personal=personal)
    return lines.getvalue()


def test_every_count_and_verdict_stays(crm: Regulars) -> None:
    ids = [str(crm.customer(person.ref).id) for person in PEOPLE]
    generation = crm.status().generation
    before = standing(crm, ids), crm.status().counts, crm.projections.verify().stored, read_models_of(crm, generation)
    for person in PEOPLE[:6]:
        crm.forget(person.ref, reason="on request")
    crm.catch_up()
    verification = crm.projections.verify()
    assert verification.holds
    after = standing(crm, ids), crm.status().counts, verification.stored, read_models_of(crm, generation)
    assert after == before
    crm.projections.rebuild()
    assert (standing(crm, ids), crm.projections.verify().stored) == (before[0], before[2])


def test_the_erasure_is_recorded_with_its_reason(crm: Regulars) -> None:
    ada = crm.customer(PEOPLE[0].ref).id
    with crm.acting(actor="eva", reason="Name0000 wrote to us"):
        done = crm.forget(PEOPLE[0].ref, reason="on request")
    assert done.customer_ids == (ada,)
    [found] = crm.forgotten()
    assert (found.customer_id, found.position, found.actor, found.reason) == (
        ada,
        done.positions[0],
        "eva",
        "on request",
    )
    [entry] = crm.audit(type="PersonalDataErased").entries
    assert (entry.actor, entry.reason) == ("eva", "on request")
    assert crm.forget(ada, reason="on request") == regulars.Forgetting(customer_ids=(), positions=(), pending=False)
    with pytest.raises(NotFound):
        crm.forget(PEOPLE[0].ref, reason="on request")


@pytest.mark.parametrize("told", ["{0.name}", "{0.email}", "{0.phone}", "{0.ref}"])
def test_a_reason_that_names_them_is_refused(crm: Regulars, told: str) -> None:
    ada = PEOPLE[0]
    with pytest.raises(Rejected) as refused:
        crm.forget(ada.ref, reason=f"because {told.format(ada).upper()}, asked")
    assert refused.value.code == "names_the_forgotten"
    assert not found_in(str(refused.value).encode(), ada.texts)
    assert crm.customer(ada.ref).name == ada.name


@pytest.mark.parametrize("name", ["survivor", "merged away", "merged into that", "told apart"])
def test_a_reason_names_nobody_who_is_forgotten_with_them_by_nothing_they_ever_had(crm: Regulars, name: str) -> None:
    survivor, away, further, apart = PEOPLE[:4]
    crm.do([MergeCustomers(customer=further.ref, into=away.ref), MergeCustomers(customer=away.ref, into=survivor.ref)])
    crm.do([MergeCustomers(customer=apart.ref, into=survivor.ref), UndoMerge(customer=apart.ref)])
    each = {"survivor": survivor, "merged away": away, "merged into that": further, "told apart": apart}[name]
    crm.do(ChangeContactDetails(customer=each.ref, name="Zoë Ångström", phone=None))
    crm.do(ChangeContactDetails(customer=each.ref, name="Zoë Quist"))
    former = [
        "mr ANGSTROM asked",
        each.former_email,
        each.phone.replace("+49 ", "0"),
        f"{each.name[:8]} asked",
        each.ref,
    ]
    if name == "told apart":
        former = former[:1]
        assert crm.forget(survivor.ref, reason=former[0]).customer_ids
        return
    root = crm.customer(survivor.ref).id
    for reason in former:
        with pytest.raises(Rejected, match=r"is kept in the clear, and must not name them; it") as refused:
            crm.forget(away.ref, reason=reason)
        assert not found_in(str(refused.value).encode(), [reason, *each.texts])
        with pytest.raises(Rejected, match="must not name them"):
            crm.do(ErasePersonalData(customer=root, confirm=True, cause=reason))
    assert len(crm.forget(away.ref, reason="on request").customer_ids) == 3


def test_a_reason_names_nobody_by_what_was_said_of_them_in_the_same_breath(crm: Regulars) -> None:
    ada = crm.customer(PEOPLE[0].ref).id
    changed = ChangeContactDetails(customer=ada, name="Zoë Quist")
    with pytest.raises(Rejected, match="must not name them"):
        crm.do([changed, ErasePersonalData(customer=ada, confirm=True, cause="Quist asked")])
    crm.do([changed, ErasePersonalData(customer=ada, confirm=True, cause="on request")])


def test_all_who_are_one_are_forgotten_and_who_was_told_apart_is_not(crm: Regulars, database_url: str) -> None:
    ada, bob, cy, dee = PEOPLE[:4]
    ids = {person.ref: crm.customer(person.ref).id for person in (ada, bob, cy, dee)}
    keys = keys_of(crm)
    crm.do([MergeCustomers(customer=ada.ref, into=bob.ref), MergeCustomers(customer=bob.ref, into=cy.ref)])
    crm.do([MergeCustomers(customer=dee.ref, into=cy.ref), UndoMerge(customer=dee.ref)])
    done = crm.forget(ada.ref, reason="on request")  # who was merged away stands for the whole
    assert set(done.customer_ids) == {ids[person.ref] for person in (ada, bob, cy)}
    assert {each.customer_id for each in crm.forgotten()} == set(done.customer_ids)
    assert crm.customer(dee.ref).name == dee.name
    raw = bytes_of(database_url)
    assert found_in(raw, keys.values()) == set(keys.values()) - {keys[each] for each in done.customer_ids}


def test_to_do_it_by_a_command_is_the_same(crm: Regulars, database_url: str) -> None:
    ids = [crm.customer(person.ref).id for person in PEOPLE[:3]]
    secrets = [keys_of(crm)[each] for each in ids]
    crm.do([ErasePersonalData(customer=each, confirm=True) for each in ids])
    assert found_in(bytes_of(database_url), secrets) == set()
    assert not crm.status().erasing


# ---------------------------------------------------------------------------------------------------------- quarantine


def test_rows_that_name_them_leave_quarantine_and_others_stay(crm: Regulars, tmp_path: Path) -> None:
    ada = PEOPLE[0]
    rows = {
        "theirs by reference": "ref0000x,,,o1,a lot,2024-01-01",
        "theirs by e-mail, in other letters": ",,MAIL0000@EXAMPLE.COM,o2,5,2024-01-01",
        "theirs by an e-mail they had": ",,former0000@example.com,o3,5,2024-01-01",
        "theirs by phone, spaced otherwise": ",,,o4,+493077-0000-1,2024-01-01",
        "theirs by name": f',"{ada.name}",,o5,5,2024-01-01',
        "another's": "ref0001x,,,o6,a lot,2024-01-01",
        "another's whose reference begins the same": "ref0000xy,,,o7,a lot,2024-01-01",
        "nobody's": ",,,o8,5,2024-01-01",
    }
    import_rows(crm, tmp_path, *rows.values())
    assert [reject.text for reject in crm.rejects()] == list(rows.values())
    crm.forget(ada.ref, reason="on request")
    kept = [name for name, text in rows.items() if text in {reject.text for reject in crm.rejects()}]
    assert kept == ["another's", "another's whose reference begins the same", "nobody's"]


def test_rows_that_name_them_in_another_spelling_leave_it_too(crm: Regulars, tmp_path: Path) -> None:
    crm.do(RegisterCustomer(ref="z", name="Zoë Müller", email="zoë@example.com", phone="+49 30 1234567"))
    rows = [
        ",,zoe\u0308@example.com,o1,a lot,2024-01-01",
        ",Zoe\u0308 Mu\u0308ller,,o2,a lot,2024-01-01",
        ',"Müller,  ZOË",,o3,a lot,2024-01-01',
        ",Zoe Mueller,,o4,a lot,2024-01-01",
        ",,,0049 30 1234567,a lot,2024-01-01",
        ",,,030 1234567,a lot,2024-01-01",
        ",,,+49\u00a030\u00a01234567,a lot,2024-01-01",
        ",,zoë@example.com\u200b,o5,a lot,2024-01-01",
    ]
    import_rows(crm, tmp_path, *rows, ",Zoë,,o6,a lot,2024-01-01")
    assert len(crm.rejects()) == len(rows) + 1
    crm.forget("z", reason="on request")
    assert [reject.text.split(",")[1] for reject in crm.rejects()] == ["Zoë"]


@pytest.mark.parametrize("encoding", ["cp1252", "cp850", "mac-roman", "iso8859_15"])
def test_rows_of_a_file_in_another_encoding_leave_it_too(crm: Regulars, tmp_path: Path, encoding: str) -> None:
    crm.do(RegisterCustomer(ref="z", name="Zoë Müller", email="zoë@example.com", phone="+49 30 1234567"))
    theirs = [
        ",Zoë Müller,,o1,a lot,2024-01-01",
        ',"MÜLLER,  ZOë",,o2,a lot,2024-01-01',
        ",Zoe Müller,,o3,a lot,2024-01-01",
        ",é,zoë@example.com,o4,a lot,2024-01-01",
        "é,,,0049 30 1234567,a lot,2024-01-01",
    ]
    others = [",Zoë Möhler,,o5,a lot,2024-01-01", ",Jörg,,o6,a lot,2024-01-01"]
    (tmp_path / "map.toml").write_text(MAPPING)
    lines = "\n".join(["id,name,email,order,amount,day", *theirs, *others])
    (tmp_path / "orders.csv").write_bytes(lines.encode(encoding))
    crm.import_file(tmp_path / "orders.csv", tmp_path / "map.toml")
    assert len(crm.rejects()) == 7
    crm.forget("z", reason="on request")
    assert [reject.line for reject in crm.rejects()] == [7, 8]


def test_rows_of_utf_16_leave_it_too(crm: Regulars, tmp_path: Path) -> None:
    crm.do(RegisterCustomer(ref="z", name="Lech Wałęsa"))
    (tmp_path / "map.toml").write_text(
        MAPPING.replace("zone =", 'columns = ["id", "name", "email", "order", "amount", "day"]\nzone =')
    )
    lines = ["id,name,email,order,amount,day", ",Wałęsa Lech,,o,5,2024-01-01", ",Lech Wałek,,o,5,2024-01-01", ""]
    (tmp_path / "orders.csv").write_text("\n".join(lines), "utf-16")
    crm.import_file(tmp_path / "orders.csv", tmp_path / "map.toml")
    assert [reject.line for reject in crm.rejects()] == [2, 3]
    crm.forget("z", reason="on request")
    assert [reject.line for reject in crm.rejects()] == [3]


def test_rows_that_name_them_only_by_what_the_mapping_made_of_them_leave_it_too(crm: Regulars, tmp_path: Path) -> None:
    crm.do(RegisterCustomer(ref="7/Street", name="Gus"))
    (tmp_path / "map.toml").write_text(MAPPING.replace("shop:{id}", "{id}/{name}"))
    taken = f"order-{PEOPLE[0].ref.removeprefix('shop:')}"
    (tmp_path / "orders.csv").write_text(f"id,name,email,order,amount,day\n7,Street,,{taken},5,2024-01-01\n")
    crm.import_file(tmp_path / "orders.csv", tmp_path / "map.toml")
    [reject] = crm.rejects()
    assert "belongs to another customer" in reject.reason
    crm.forget("7/Street", reason="on request")
    assert crm.rejects() == ()


def test_rows_of_json_are_read_without_their_escapes(crm: Regulars, tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text(
        """
        format = "jsonl"
        zone = "UTC"
        [customer]
        ref = "shop:{id}"
        name = "{name}"
        [[command]]
        do = "AddNote"
        [command.fields]
        text = "{text}"
        """
    )
    escaped = [
        '{"id": null, "name": "NAME0000 O\'nym-\\u00c5", "text": "x"}',
        '{"id": null, "name": "NAME0000 O\'nym-\\u00c5\\ud83d\\ude00", "text":',  # broken off
        '{"id": null, "name": "x", "text": "dear\\nNAME0000\\tO\'nym-\\u212b"}',
    ]
    (tmp_path / "notes.jsonl").write_text("\n".join(escaped) + "\n")
    crm.import_file(tmp_path / "notes.jsonl", tmp_path / "map.toml")
    assert [reject.text for reject in crm.rejects()] == escaped
    crm.forget(PEOPLE[0].ref, reason="on request")
    assert crm.rejects() == ()


def test_files_of_one_name_in_two_folders_keep_their_rejects_apart(tmp_path: Path) -> None:
    with regulars.open(tmp_path / "shop.db", currency="EUR") as crm:
        for folder in ("may", "june"):
            (tmp_path / folder).mkdir()
            import_rows(crm, tmp_path / folder, f"{folder},,,o,a lot,2024-01-01")
        assert {reject.text.split(",")[0] for reject in crm.rejects()} == {"may", "june"}
        import_rows(crm, tmp_path / "may", "may,,,o,5,2024-01-01")
        assert {reject.text.split(",")[0] for reject in crm.rejects()} == {"june"}


# ------------------------------------------------------------------------------------------------- while others read


def test_it_is_pending_while_somebody_reads_what_was_there_before(database_url: str, clock: Clock) -> None:
    ada, bob = PEOPLE[:2]
    with opened(database_url, clock) as crm:
        ada.live(crm)
        bob.live(crm)
        [first, second] = [keys_of(crm)[crm.customer(each.ref).id] for each in (ada, bob)]
        with closing(sa.create_engine(engine_url(database_url)).connect()) as reader:
            reading_since_before(reader)
            done = crm.forget(ada.ref, reason="on request")
            assert done.customer_ids
            assert done.pending
            assert crm.status().erasing
            with pytest.raises(NotFound):  # for whoever asks they are gone
                crm.customer(ada.ref)
            reader.rollback()
            assert found_in(bytes_of(database_url), [first]) == {first}
            assert not crm.forget(bob.ref, reason="on request").pending
        assert not crm.status().erasing
        assert found_in(bytes_of(database_url), [first, second]) == set()


@pytest.mark.parametrize("ending", ["close", "open"])
def test_what_was_pending_ends_when_the_store_is_closed_or_opened(database_url: str, clock: Clock, ending: str) -> None:
    ada = PEOPLE[0]
    with closing(sa.create_engine(engine_url(database_url)).connect()) as reader:
        with opened(database_url, clock) as crm:
            ada.live(crm)
            key = keys_of(crm)[crm.customer(ada.ref).id]
            reading_since_before(reader)
            assert crm.forget(ada.ref, reason="on request").pending
            if ending == "close":
                reader.rollback()
        if ending == "open":
            assert found_in(bytes_of(database_url), [key]) == {key}
            reader.rollback()
            opened(database_url, clock).close()
        reader.rollback()
        assert found_in(bytes_of(database_url), [key]) == set()
    with opened(database_url, clock) as crm:
        assert not crm.status().erasing


def test_a_mark_of_another_server_s_transactions_does_not_stay_for_ever(postgres_database_url: str) -> None:
    with regulars.open(postgres_database_url, currency="EUR") as crm:
        crm.do(RegisterCustomer(ref="ada", name="Ada"))
        mark_is = {"name": MARK, "value": str(2**40).encode()}
        with crm._store.database.writing() as connection:
            connection.execute(crm._store.schema.settings.insert(), mark_is)
        assert not crm.forget("ada", reason="on request").pending
        with crm._store.database.writing() as connection:
            connection.execute(crm._store.schema.settings.insert(), mark_is)
    with regulars.open(postgres_database_url) as crm:
        assert not crm.status().erasing


@pytest.fixture
def member_url(postgres_database_url: str, clock: Clock) -> Iterator[str]:
    """A store as a role has it that may read and write everything, and owns nothing."""
    with opened(postgres_database_url, clock) as crm:
        for each in PEOPLE[:2]:
            each.live(crm)
    role = f"member_{uuid4().hex}"
    as_owner(
        postgres_database_url,
        f"CREATE ROLE {role} LOGIN PASSWORD 'secret'",
        f"GRANT ALL ON SCHEMA public TO {role}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
        f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {role}",
    )
    try:
        url = make_url(postgres_database_url).set(username=role, password="secret")
        yield url.render_as_string(hide_password=False)
    finally:
        as_owner(postgres_database_url, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def as_owner(url: str, *statements: str) -> Any:
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        for statement in statements:
            found = connection.exec_driver_sql(statement)
        return found.scalar() if found.returns_rows else None


@pytest.mark.parametrize(
    "ending", ["the owner opens it", "the owner runs the statement", "it becomes the owner's role"]
)
def test_it_is_pending_where_the_role_does_not_own_the_tables_and_says_who_does(
    postgres_database_url: str, member_url: str, clock: Clock, ending: str
) -> None:
    owner, member = as_owner(postgres_database_url, "SELECT current_user"), make_url(member_url).username
    with opened(member_url, clock) as crm:
        key = keys_of(crm)[crm.customer(PEOPLE[0].ref).id]
        done = crm.forget(PEOPLE[0].ref, reason="on request")
        assert done.pending
        assert done.owner_needed is not None
        assert done.owner_needed.owner == owner
        assert (crm.status().erasing, crm.status().owner_needed) == (True, done.owner_needed)
    with opened(member_url, clock) as crm:  # to open it again is not enough
        assert crm.status().owner_needed == done.owner_needed
    assert found_in(bytes_of(postgres_database_url), [key]) == {key}
    match ending:
        case "the owner opens it":
            opened(postgres_database_url, clock).close()
        case "the owner runs the statement":
            as_owner(postgres_database_url, done.owner_needed.statement)
        case _:
            as_owner(postgres_database_url, f'GRANT "{owner}" TO {member}')
    with opened(member_url, clock) as crm:
        assert (crm.status().erasing, crm.status().owner_needed) == (False, None)
    assert found_in(bytes_of(postgres_database_url), [key]) == set()


def test_who_owns_the_tables_is_asked_for_nobody_and_still_waits_for_readers(
    postgres_database_url: str, member_url: str, clock: Clock
) -> None:
    with (
        opened(postgres_database_url, clock) as crm,
        closing(sa.create_engine(postgres_database_url).connect()) as reader,
    ):
        reading_since_before(reader)
        done = crm.forget(PEOPLE[0].ref, reason="on request")
        assert (done.pending, done.owner_needed) == (True, None)
        with opened(member_url, clock) as theirs:
            assert theirs.status().owner_needed is not None
        reader.rollback()


def test_it_is_said_at_the_command_line_with_the_statement(
    member_url: str, postgres_database_url: str, say: Say
) -> None:
    owner = as_owner(postgres_database_url, "SELECT current_user")
    tables = ("keys", "lookups", "quarantine", "settings")
    statement = f"VACUUM (FULL) {', '.join(f'public.regulars_{each}' for each in tables)};"
    forgotten = say("--db", member_url, "forget", PEOPLE[0].ref, "--reason", "on request")
    status = say("--db", member_url, "status")
    for said in (forgotten, status):
        assert said.status == 0
        assert said.widest <= 80
        assert f"only {owner}, who owns the tables" in " ".join(said.out.split())
        assert statement in " ".join(said.out.split())
        assert "secret" not in said.out
    expected = {"owner": owner, "statement": statement}
    assert say("--db", member_url, "status", "--json").json["owner_needed"] == expected
    again = say("--db", member_url, "forget", PEOPLE[1].ref, "--reason", "on request", "--json").json
    assert (again["pending"], again["owner_needed"]) == (True, expected)


def engine_url(url: str) -> str:
    return url if "://" in url else f"sqlite:///{url}"


def reading_since_before(reader: sa.Connection) -> None:
    """Hold on to a snapshot."""
    if reader.dialect.name == "sqlite":
        reader.exec_driver_sql("BEGIN")
    else:
        reader.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    reader.exec_driver_sql("SELECT count(*) FROM regulars_events").scalar_one()


# --------------------------------------------------------------------------------------------- whatever happened before


class Churn:
    """Many come and go, in a file of small pages, so that what is stored is moved about as in a large one."""

    def __init__(self, path: Path, dice: Random) -> None:
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript("PRAGMA page_size = 512; CREATE TABLE any (x); DROP TABLE any;")
        self.dice = dice
        self.crm = regulars.open(path, currency="EUR", actor="li")
        self.here: list[CustomerId] = []
        self.gone: list[CustomerId] = []
        self.number = 0

    def come(self) -> None:
        self.number += 1
        known = {"ref": f"r:{self.number}", "email": f"e{self.number}@example.com", "phone": f"+49{self.number:07}"}
        kept = self.dice.sample(sorted(known), self.dice.randint(1, 3))
        done = self.crm.do(RegisterCustomer(**{kind: known[kind] for kind in kept}))
        self.here.append(done.customer_id)

    def move(self) -> None:
        if self.here:
            self.number += 1
            who = self.dice.choice(self.here)
            self.crm.do(ChangeContactDetails(customer=who, email=f"e{self.number}@example.com"))

    def go(self) -> None:
        many = self.dice.sample(self.here, min(len(self.here), self.dice.choice([1, 1, 7])))
        self.crm.do([ErasePersonalData(customer=each, confirm=True) for each in many])
        self.here = [each for each in self.here if each not in many]
        self.gone += many


# A shorter story isn't a clearer one here, and looking for it takes minutes.
@hypothesis.settings(max_examples=5, phases=(hypothesis.Phase.generate,))
@hypothesis.given(dice=st.integers(0, 2**32).map(Random))
def test_nothing_is_left_however_many_came_and_went(dice: Random, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("churn") / "shop.db"
    churn = Churn(path, dice)
    keys, digests = dict[str, bytes](), dict[str, set[str]]()
    with churn.crm as crm:
        for _ in range(120):
            dice.choice([churn.come, churn.come, churn.come, churn.move, churn.go])()
            keys |= keys_of(crm)
            for who, found in lookups_of(crm).items():
                digests.setdefault(who, set()).update(found)
        raw = bytes_of_files(path)
    assert found_in(raw, [keys[each] for each in churn.gone]) == set()
    assert [digest for each in churn.gone for digest in digests[each] if digest.encode() in raw] == []
    assert all(keys[each] in raw for each in churn.here)


def test_a_deleted_row_has_left_no_copy_where_pages_were_split_and_merged(tmp_path: Path) -> None:
    dice = Random(6)  # with which SQLite 3.40 leaves one where deleting is all that is done
    Churn(tmp_path / "shop.db", dice).crm.close()
    with closing(Store(tmp_path / "shop.db")) as store:
        lookups, here, gone = store.schema.lookups, dict[str, str](), list[str]()
        for _ in range(60):
            with store.database.writing() as connection:
                new = [f"{dice.getrandbits(128):032x}" for _ in range(50)]
                here |= {digest: dice.choice(["ref", "email", "phone"]) for digest in new}
                rows = [{"kind": here[each], "digest": each, "customer_id": each[::-1], "since": 0} for each in new]
                connection.execute(lookups.insert(), rows)
                leaving = dice.sample(sorted(here), 25)
                connection.execute(lookups.delete().where(lookups.c.digest.in_(leaving)))
                gone += leaving
                for each in leaving:
                    del here[each]
        with store.database.writing() as connection:
            mark(connection, store.schema)
        store.destroy_traces()
        assert not store.is_erasing
        raw = bytes_of_files(tmp_path / "shop.db")
    assert [each for each in gone if each.encode() in raw] == []
    assert all(each.encode() in raw for each in here)


def test_the_erasure_bears_on_no_verdict() -> None:
    from regulars.projections.facts.shared import HANDLES

    assert PersonalDataErased not in HANDLES


def test_what_is_not_personal_can_still_be_recorded_of_them_and_nothing_else(crm: Regulars) -> None:
    ada = crm.customer(PEOPLE[0].ref).id
    crm.forget(ada, reason="on request")
    crm.do(TagCustomer(customer=ada, label="archive"))
    with pytest.raises(Rejected, match="forgotten"):
        crm.do(ReplyAsCustomer(ticket_id="ticket-ref0000x", message="Name0000 is unhappy"))
