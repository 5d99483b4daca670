"""Whatever is changed beside the log shows, under the name of what it is; and what nobody touched is content."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

import regulars
from filled_once import Originals
from regulars import (
    ChangeContactDetails,
    CustomerId,
    MergeCustomers,
    RecordPurchase,
    RecordReturn,
    RegisterCustomer,
    Regulars,
    StoreUnusable,
)
from regulars.adapters.checking.result import RecordCheck
from saying import Say
from shops import (
    EXAMPLES,
    PEOPLE,
    Clock,
    Step,
    fresh_store,
    in_each_database,
    opened,
    other_rules,
    play,
    read_models_of,
    register,
    trade,
    with_edits,
)

KINDS = pytest.mark.parametrize("kind", ["sqlite", "postgres"])
SHORTER = with_edits([("hold_days = 365", "hold_days = 30")])
MASTER_KEY = bytes(range(32))


@dataclass
class Shop:
    """A store whose tables somebody changes past the library, who is found out when it is opened again."""

    url: str
    clock: Clock
    ids: dict[str, CustomerId]
    master_key: bytes | None = None

    def open(self) -> Regulars:
        return regulars.open(self.url, actor="li", clock=self.clock, master_key=self.master_key)

    def change(self, statement: str, **values: object) -> None:
        with self.open() as crm, crm._store.database.writing() as connection:
            connection.execute(sa.text(statement), values)

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        with self.open() as crm, crm._store.database.reading() as connection:
            return [tuple(row) for row in connection.execute(sa.text(statement))]

    def told(self) -> list[tuple[str, str, str]]:
        """Every fault that is found: its kind, of what, and what is wrong."""
        with self.open() as crm:
            return faults_of(crm.check_records())


def faults_of(found: RecordCheck) -> list[tuple[str, str, str]]:
    assert found.holds is not bool(found.faults)
    return [(each.kind, each.of, each.what) for each in found.faults]


@pytest.fixture(params=["sqlite", "postgres"])
def plain(request: pytest.FixtureRequest, originals: Originals) -> Iterator[Shop]:
    with originals.copy(request.param, make_plain) as (url, ids):
        yield Shop(url, Clock(), ids)


IN_A_FILE = pytest.mark.parametrize("plain", ["sqlite"], indirect=True)
ON_A_SERVER = pytest.mark.parametrize("plain", ["postgres"], indirect=True)


@pytest.fixture(params=["plain in a file", "wrapped in a file", "wrapped on a server"])
def shop(request: pytest.FixtureRequest, originals: Originals) -> Iterator[Shop]:
    """A shop whose keys lie open, or are wrapped by a master key."""
    kind = "sqlite" if "file" in request.param else "postgres"
    is_plain = "plain" in request.param
    with originals.copy(kind, make_plain if is_plain else make_wrapped) as (url, ids):
        yield Shop(url, Clock(), ids, None if is_plain else MASTER_KEY)


def make_plain(url: str) -> dict[str, CustomerId]:
    return make(url, None)


def make_wrapped(url: str) -> dict[str, CustomerId]:
    return make(url, MASTER_KEY)


def make(url: str, master_key: bytes | None) -> dict[str, CustomerId]:
    """Three who bought, one of whom changed their details, and one who was forgotten; their ids."""
    ids = {}
    with opened(url, Clock(), master_key=master_key) as crm:
        for ref in PEOPLE:
            registration = RegisterCustomer(ref=ref, email=f"{ref[-1]}@example.com", command_id=f"new {ref}")
            ids[ref] = crm.do(registration).customer_id
            crm.do(RecordPurchase(customer=ref, order_id=f"A{ref}", amount="200", command_id=f"order {ref}"))
        crm.do(ChangeContactDetails(customer="shop:2", email="two@example.com", phone="+49301"))
        crm.do(ChangeContactDetails(customer="shop:2", email=None, phone="+49302"))
        crm.forget("shop:4", reason="asked to")
        crm.catch_up()
    return ids


def swap(shop: Shop, table: str, column: str, where: str = "") -> None:
    """Exchange a column between the first two customers."""
    one, two = (f"'{shop.ids[ref]}'" for ref in PEOPLE[:2])
    for left, right in ((one, "'swapping'"), (two, one), ("'swapping'", two)):
        shop.change(f"UPDATE {table} SET {column} = {right} WHERE {column} = {left} {where}")


# --------------------------------------------------------------------------------------------------------- untouched


@in_each_database(EXAMPLES // 7, trade(), other_rules())
def test_whatever_happens_in_a_shop_its_records_are_as_the_log_says(
    kind: str, postgres_url: str, steps: list[Step], rules: regulars.Ruleset
) -> None:
    clock = Clock()
    with fresh_store(kind, postgres_url) as url, opened(url, clock) as crm:
        register(crm, clock)
        play(crm, clock, steps)
        crm.do(RegisterCustomer(ref="shop:9", email="nine@example.com", command_id="nine"))
        assert faults_of(crm.check_records()) == []
        crm.rules.publish(rules, reason="spring")
        crm.forget("shop:1", reason="asked to")
        crm.keys.rotate(MASTER_KEY)
        assert faults_of(crm.check_records()) == []
        assert crm.projections.verify().holds
        crm.projections.rebuild()
        assert faults_of(crm.check_records()) == []


def test_what_is_compared_is_counted_and_what_is_not_is_named(plain: Shop) -> None:
    with plain.open() as crm:
        found = crm.check_records()
    counts = {each.kind: (each.count, each.wrong) for each in found.compared}
    # Of three who are remembered: three references, three e-mails, and one's later four words about both.
    assert counts.pop("database")[1] == 0
    assert counts == {
        "rules": (1, 0),
        "key": (4, 0),
        "link": (0, 0),
        "firm": (0, 0),
        "referral": (0, 0),
        "consent": (0, 0),
    } | {
        "forgotten": (1, 0),
        "look-up": (10, 0),
        "currency": (4, 0),
        "outcome": (8, 0),
    }
    named = {each.what for each in found.not_covered}
    assert named >= {"outcomes without events", "rows in quarantine", "settings, views"}


# -------------------------------------------------------------------------------------------------- keys and look-ups


def test_keys_that_are_gone_are_told(shop: Shop) -> None:
    shop.change("DELETE FROM regulars_keys")
    assert sorted(shop.told()) == sorted(
        ("key", f"id:{shop.ids[ref]}", "has no key, and wasn't forgotten") for ref in PEOPLE[:3]
    )


@pytest.mark.parametrize("key", [bytes(range(32)), bytes(range(60)), b"short", b""], ids=["32", "60", "5", "0"])
def test_a_key_that_is_another_or_none_is_told(shop: Shop, key: bytes) -> None:
    shop.change("UPDATE regulars_keys SET key = :key WHERE customer_id = :id", key=key, id=shop.ids["shop:2"])
    ((kind, of, what),) = shop.told()
    assert (kind, of) == ("key", f"id:{shop.ids['shop:2']}")
    assert what.startswith("has a key that doesn't decrypt")


def test_keys_that_were_exchanged_are_told(shop: Shop) -> None:
    swap(shop, "regulars_keys", "customer_id")
    assert {(kind, of) for kind, of, _ in shop.told()} == {("key", f"id:{shop.ids[ref]}") for ref in PEOPLE[:2]}
    with shop.open() as crm:
        left_out = {each.what for each in crm.check_records().not_covered}
    assert "look-ups of 2" in left_out


def test_a_key_of_the_forgotten_and_one_of_nobody_are_told(shop: Shop) -> None:
    forgotten, nobody = shop.ids["shop:4"], "0" * 32
    for each in (forgotten, nobody):
        shop.change("INSERT INTO regulars_keys (customer_id, key) VALUES (:id, :key)", id=each, key=bytes(32))
    assert shop.told() == [
        ("key", f"id:{forgotten}", "was forgotten, and still has a key"),
        ("key", f"id:{nobody}", "no customer was registered with this id"),
    ]


def test_references_that_were_exchanged_are_told_and_whose_they_are(shop: Shop) -> None:
    swap(shop, "regulars_lookups", "customer_id", "AND kind = 'ref'")
    what = "is found by another reference than the one that was recorded"
    assert sorted(shop.told()) == sorted(("look-up", f"id:{shop.ids[ref]}", what) for ref in PEOPLE[:2])


@pytest.mark.parametrize(
    ("statement", "whose", "what"),
    [
        ("DELETE FROM regulars_lookups WHERE customer_id = :id AND kind = 'phone'", "shop:2",
         "isn't found by the phone number that was recorded"),
        ("INSERT INTO regulars_lookups (kind, digest, customer_id, since) VALUES ('email', 'x', :id, 0)", "shop:2",
         "is found by another e-mail than the one that was recorded"),
        ("INSERT INTO regulars_lookups (kind, digest, customer_id, since) VALUES ('email', 'x', :id, 0)", "shop:1",
         "is found by another e-mail than the one that was recorded"),
        ("INSERT INTO regulars_lookups (kind, digest, customer_id, since) VALUES ('fax', 'x', :id, 0)", "shop:1",
         "has a look-up by fax, and none was recorded"),
        ("INSERT INTO regulars_lookups (kind, digest, customer_id, since) VALUES ('ref', 'x', :id, 0)", "shop:4",
         "was forgotten, and still has a look-up by reference"),
        ("INSERT INTO regulars_lookups (kind, digest, customer_id, since) VALUES ('phone', 'x', :id, 0)", None,
         "no customer was registered with this id"),
    ],
)  # fmt: skip
def test_a_look_up_that_is_missing_or_too_much_is_told(
    plain: Shop, statement: str, whose: str | None, what: str
) -> None:
    who = "f" * 32 if whose is None else plain.ids[whose]
    plain.change(statement, id=who)
    assert plain.told() == [("look-up", f"id:{who}", what)]


def test_of_whom_nothing_personal_was_recorded_the_key_is_named_as_not_tried(plain: Shop) -> None:
    plain.change("UPDATE regulars_events SET secret = NULL WHERE customer_id = :id", id=plain.ids["shop:1"])
    plain.change("DELETE FROM regulars_lookups WHERE customer_id = :id", id=plain.ids["shop:1"])
    with plain.open() as crm:
        found = crm.check_records()
    assert ("keys: 1", "no personal data was recorded that they could decrypt") in [
        (n.what, n.why) for n in found.not_covered
    ]


# ---------------------------------------------------------------------------------- currency, outcomes of commands


def test_another_currency_than_that_of_the_amounts_is_told(shop: Shop) -> None:
    shop.change("UPDATE regulars_settings SET value = :value WHERE name = 'currency'", value=b"USD")
    (position,) = shop.ask("SELECT min(position) FROM regulars_events WHERE type = 'PurchaseRecorded'")[0]
    (fault,) = shop.told()
    assert fault == ("currency", "the store", f"has USD, and 4 amounts are in EUR, the first in event #{position}")


def test_a_currency_that_is_gone_is_told(plain: Shop) -> None:
    plain.change("DELETE FROM regulars_settings WHERE name = 'currency'")
    ((kind, _, what),) = plain.told()
    assert (kind, what.startswith("has none, and 4 amounts are in EUR")) == ("currency", True)


def test_an_emptied_command_log_is_told_by_the_events_of_its_commands(shop: Shop) -> None:
    shop.change("DELETE FROM regulars_commands")
    events = shop.ask("SELECT position, command_id FROM regulars_events WHERE command_id IS NOT NULL ORDER BY position")
    assert len(events) == 8
    assert shop.told() == [
        ("outcome", f"event #{position}", f'its command "{command_id}" has no outcome in the command log')
        for position, command_id in events
    ]


@pytest.mark.parametrize(
    ("outcome", "what"),
    [
        (b'{"customer_id": "%s", "positions": [%d]}', "names event #{}, which is another command's"),
        (b'{"customer_id": "%s", "positions": [9%06d]}', "names event #9{:06}, which is not there"),
        (b'{"customer_id": "%s", "positions": [9%030d]}', "can't be read"),
        (b'["%s", %d]', "can't be read"),
        (b"\xff", "can't be read"),
    ],
)
def test_an_outcome_that_names_other_events_is_told(plain: Shop, outcome: bytes, what: str) -> None:
    (other,) = plain.ask("SELECT position FROM regulars_events WHERE command_id = 'order shop:2'")[0]
    (own,) = plain.ask("SELECT position FROM regulars_events WHERE command_id = 'order shop:1'")[0]
    value = outcome % (plain.ids["shop:1"].encode(), other) if b"%" in outcome else outcome
    plain.change("UPDATE regulars_commands SET outcome = :value WHERE id = 'order shop:1'", value=value)
    assert plain.told() == [
        ("outcome", 'command "order shop:1"', what.format(other)),
        ("outcome", f"event #{own}", 'the outcome of its command "order shop:1" doesn\'t name it'),
    ]


def test_an_outcome_that_names_another_customer_is_told(plain: Shop) -> None:
    (position,) = plain.ask("SELECT position FROM regulars_events WHERE command_id = 'order shop:1'")[0]
    value = b'{"customer_id":"%s","positions":[%d]}' % (plain.ids["shop:2"].encode(), position)
    plain.change("UPDATE regulars_commands SET outcome = :value WHERE id = 'order shop:1'", value=value)
    assert plain.told() == [("outcome", 'command "order shop:1"', f"names another customer than event #{position}")]


def test_only_the_first_faults_of_a_kind_are_named_and_all_are_counted(sqlite_database_url: str) -> None:
    clock = Clock()
    with opened(sqlite_database_url, clock) as crm:
        crm.do([RegisterCustomer(ref=f"a:{number}", command_id=f"c{number}") for number in range(30)])
        with crm._store.database.writing() as connection:
            connection.execute(sa.text("DELETE FROM regulars_keys"))
            connection.execute(sa.text("DELETE FROM regulars_commands"))
        found = crm.check_records()
    wrong = {each.kind: each.wrong for each in found.compared}
    assert (wrong["key"], wrong["outcome"], found.wrong, len(found.faults)) == (30, 30, 60, 40)


# --------------------------------------------------------------------------------------------------- rules in force

RULES_CHANGED = 'UPDATE regulars_generations SET ruleset = replace(ruleset, \'"from":"150"\', \'"from":"1"\')'
UNLIKE = "has a text of rules that doesn't match its digest"
OTHER = "is live, and has other rules than those in force"


def viewpoint(shop: Shop) -> tuple[object, ...]:
    """Everything that the rules decide, as of now."""
    with shop.open() as crm:
        page = crm.customers()
        said = [(each.id, each.stage, each.tier, each.risk_band) for each in page]
        asked = [crm.customer(each.id).tier for each in page]
        return said, asked, crm.ruleset, read_models_of(crm, crm.status().generation)


def rebuild(shop: Shop) -> None:
    with shop.open() as crm:
        crm.projections.rebuild()


@pytest.mark.filterwarnings("ignore::regulars.StaleProjections")
@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (RULES_CHANGED, ("generation 1", UNLIKE)),
        ("UPDATE regulars_generations SET ruleset = 'garbage'", ("generation 1", UNLIKE)),
        ("UPDATE regulars_generations SET rules_digest = replace(rules_digest, 'a', 'b')", ("generation 1", UNLIKE)),
        ("UPDATE regulars_builds SET checkpoint = 100000", ("generation 1", "has the checkpoint #100000")),
    ],
)  # fmt: skip
def test_live_rules_that_were_changed_are_told_judge_nobody_and_a_rebuild_puts_them_right(
    plain: Shop, change: str, fault: tuple[str, str]
) -> None:
    before = viewpoint(plain)
    plain.change(change)
    ((kind, of, what),) = plain.told()
    assert (kind, of) == ("rules", fault[0])
    assert what.startswith(fault[1])
    with plain.open() as crm:
        assert (crm.ruleset, crm.rules.in_force) == (before[2], before[2])
        assert crm.customer("shop:1").tier == "silver"
        crm.projections.rebuild()
    assert plain.told() == []
    assert viewpoint(plain) == before


@pytest.mark.filterwarnings("ignore::regulars.StaleProjections")
def test_a_generation_that_is_to_answer_and_is_gone_is_told_and_a_rebuild_helps(plain: Shop) -> None:
    before = viewpoint(plain)
    plain.change("UPDATE regulars_settings SET value = :gone WHERE name = 'live_generation'", gone=b"77")
    assert plain.told() == [("rules", "generation 77", "is live, and is missing")]
    with plain.open() as crm:
        with pytest.raises(StoreUnusable, match="generation 77, which is to answer, is gone; `regulars rebuild`"):
            crm.customers()
        assert crm.do(RegisterCustomer(ref="shop:5")).customer_id
        crm.projections.rebuild()
        with pytest.raises(StoreUnusable, match="no generation was live before"):
            crm.projections.go_back()
    assert plain.told() == []
    assert len(viewpoint(plain)[0]) == len(before[0]) + 1  # type: ignore[arg-type]


@pytest.mark.filterwarnings("ignore::regulars.StaleProjections")
def test_rules_that_were_changed_with_their_digest_are_told(plain: Shop) -> None:
    before = viewpoint(plain)
    plain.change(
        "UPDATE regulars_generations SET ruleset = :text, rules_digest = :digest",
        text=SHORTER.canonical(),
        digest=SHORTER.digest(),
    )
    assert plain.told() == [("rules", "generation 1", OTHER)]
    with plain.open() as crm:
        assert crm.projections.staleness() == ("the log says that other rules are in force",)
        with pytest.raises(StoreUnusable, match="other code or rules"):
            crm.projections.repair(customer="shop:1")
        points = crm.do(RecordPurchase(customer="shop:1", order_id="B", amount="10")).events
        assert {each.rules_digest for each in (e.event for e in points) if hasattr(each, "rules_digest")} <= {
            before[2].digest()  # type: ignore[attr-defined]
        }
    rebuild(plain)
    with plain.open() as crm:
        assert crm.projections.verify().holds
        with pytest.raises(StoreUnusable, match="other rules"):
            crm.projections.go_back()
    assert plain.told() == []


@pytest.mark.filterwarnings("ignore::regulars.StaleProjections")
def test_a_generation_of_older_rules_that_is_made_to_answer_is_told(plain: Shop) -> None:
    with plain.open() as crm:
        crm.rules.publish(SHORTER, reason="spring")
    before = viewpoint(plain)
    plain.change("UPDATE regulars_settings SET value = :one WHERE name = 'live_generation'", one=b"1")
    assert plain.told() == [("rules", "generation 1", OTHER)]
    with plain.open() as crm:
        assert crm.ruleset == SHORTER
    rebuild(plain)
    assert plain.told() == []
    assert viewpoint(plain)[:3] == before[:3]


@IN_A_FILE
def test_the_command_line_rebuilds_where_the_generation_that_is_to_answer_is_gone(plain: Shop, say: Say) -> None:
    plain.change("UPDATE regulars_settings SET value = :gone WHERE name = 'live_generation'", gone=b"77")
    said = say("--db", plain.url, "verify")
    assert (said.status, "is live, and is missing" in said.out) == (1, True)
    assert say("--db", plain.url, "rebuild").status == 0
    assert say("--db", plain.url, "verify").status == 0


def test_a_generation_of_the_same_rules_may_answer_again(plain: Shop) -> None:
    with plain.open() as crm:
        crm.projections.rebuild()
        before = crm.projections.verify().stored
    plain.change("UPDATE regulars_settings SET value = :one WHERE name = 'live_generation'", one=b"1")
    assert plain.told() == []
    with plain.open() as crm:
        assert crm.projections.verify().stored == before


@pytest.mark.filterwarnings("ignore::regulars.StaleProjections")
def test_a_copy_of_a_store_with_changed_rules_judges_by_the_rules_of_the_log(plain: Shop, tmp_path: Path) -> None:
    plain.change(RULES_CHANGED)
    regulars.copy(plain.url, tmp_path / "copy.db")
    copied = Shop(str(tmp_path / "copy.db"), plain.clock, plain.ids)
    assert copied.told() == []


@pytest.mark.filterwarnings("ignore::regulars.StaleProjections")
def test_founding_rules_that_were_changed_are_told_by_what_was_judged(plain: Shop) -> None:
    plain.change(
        "UPDATE regulars_settings SET value = :text WHERE name = 'founding_rules'", text=SHORTER.canonical().encode()
    )
    assert plain.told() == [("rules", "generation 1", OTHER)]


@pytest.mark.filterwarnings("ignore::regulars.StaleProjections")
@pytest.mark.parametrize("value", [None, b"\xff", b"{}", b"[[["])
def test_founding_rules_that_are_gone_or_garbage_are_a_sentence(plain: Shop, value: bytes | None) -> None:
    if value is None:
        plain.change("DELETE FROM regulars_settings WHERE name = 'founding_rules'")
    else:
        plain.change("UPDATE regulars_settings SET value = :value WHERE name = 'founding_rules'", value=value)
    ((kind, of, what),) = plain.told()
    assert (kind, of, what.startswith("the founding rules of this store")) == ("rules", "the log", True)
    with plain.open() as crm, pytest.raises(StoreUnusable, match="founding rules"):
        crm.projections.rebuild()


def test_a_previous_generation_that_is_gone_is_told(plain: Shop) -> None:
    rebuild(plain)
    plain.change("UPDATE regulars_settings SET value = :many WHERE name = 'previous_generation'", many=b"77")
    assert plain.told() == [("rules", "generation 77", "is the previous one, and is missing")]
    rebuild(plain)
    assert plain.told() == []


# ------------------------------------------------------------------------------------- the database's own integrity

PARTIAL = "CREATE INDEX regulars_events_actor ON regulars_events (actor, position) WHERE position > 3"
WHOLE = "CREATE INDEX regulars_events_actor ON regulars_events (actor, position)"


def lose_rows_of_an_index(url: str) -> None:
    """Make an index that lacks rows: one over some of them, of which the schema then says that it has all."""
    with closing(sqlite3.connect(url, isolation_level=None)) as file:
        file.execute("DROP INDEX regulars_events_actor")
        file.execute(PARTIAL)
        file.execute("PRAGMA writable_schema = ON")
        file.execute("UPDATE sqlite_master SET sql = ? WHERE name = 'regulars_events_actor'", (WHOLE,))
        file.execute("PRAGMA writable_schema = RESET")


@IN_A_FILE
def test_an_index_that_lacks_rows_is_told_and_not_copied(plain: Shop, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    with plain.open() as crm:
        crm.backup(tmp_path / "sound.db")
        assert crm.check_records().holds
    lose_rows_of_an_index(plain.url)
    told = plain.told()
    assert {kind for kind, _, _ in told} == {"database"}
    assert told[0] == ("database", "the file", "row 1 missing from index regulars_events_actor")
    with plain.open() as crm, pytest.raises(StoreUnusable, match="is damaged, and no copy was kept: row 1 missing"):
        crm.backup(copy)
    assert sorted(each.name for each in tmp_path.glob("copy*")) == []
    with pytest.raises(StoreUnusable, match="is damaged, and was not restored: row 1 missing"):
        regulars.restore(plain.url, copy)
    with closing(sqlite3.connect(plain.url)) as file:
        file.execute("REINDEX")
    assert plain.told() == []


@ON_A_SERVER
def test_without_amcheck_the_indexes_are_named_as_not_covered(plain: Shop) -> None:
    with plain.open() as crm:
        found = crm.check_records()
    assert "indexes" in {each.what for each in found.not_covered}
    assert {each.count for each in found.compared if each.kind == "database"} == {0}


@ON_A_SERVER
def test_with_amcheck_an_index_that_lacks_rows_is_told(plain: Shop) -> None:
    with plain.open() as crm, crm._store.database.writing() as connection:
        offered = "SELECT count(*) FROM pg_available_extensions WHERE name = 'amcheck'"
        if not connection.exec_driver_sql(offered).scalar():
            pytest.skip("this PostgreSQL comes without amcheck")
        connection.exec_driver_sql("CREATE EXTENSION amcheck")
    assert plain.told() == []
    # What is written while an index isn't ready is not in it.
    not_ready = "UPDATE pg_index SET indisready = {} WHERE indexrelid = 'regulars_events_actor'::regclass"
    plain.change(not_ready.format("false"))
    with plain.open() as crm:
        crm.do(RegisterCustomer(ref="shop:5"))
    plain.change(not_ready.format("true"))
    ((kind, of, what),) = plain.told()
    assert (kind, of) == ("database", "index regulars_events_actor")
    assert "lacks matching index tuple" in what
    plain.change("REINDEX INDEX regulars_events_actor")
    assert plain.told() == []


# ------------------------------------------------------------------------------------------- what is said and copied


@IN_A_FILE
def test_the_command_line_names_what_is_wrong_and_what_it_does_not_cover(plain: Shop, say: Say) -> None:
    said = say("--db", plain.url, "verify")
    assert (said.status, said.err) == (0, "")
    assert "Compared with the log: 1 generation that answers, 4 keys, 1 forgotten" in said.out
    assert "Not covered: outcomes without events" in said.out
    assert said.widest <= 80
    swap(plain, "regulars_lookups", "customer_id", "AND kind = 'ref'")
    plain.change("DELETE FROM regulars_commands")
    said = say("--db", plain.url, "verify")
    assert (said.status, said.err) == (1, "")
    assert "Not as the log says: 10" in said.out
    assert said.out.count("is found by another reference") == 2
    assert "All that is folded is as the events say." in said.out
    assert "example.com" not in said.out
    assert said.widest <= 80
    told = say("--db", plain.url, "verify", "--json")
    records = told.json["records"]
    assert (told.status, told.json["holds"], records["holds"], len(records["faults"])) == (1, False, False, 10)
    assert {each["what"] for each in records["not_covered"]} >= {"rows in quarantine", "outcomes without events"}


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ("DELETE FROM regulars_keys WHERE customer_id = :id", "key"),
        ("UPDATE regulars_keys SET key = x'00' WHERE customer_id = :id", "key"),
        ("UPDATE regulars_lookups SET digest = 'x' WHERE kind = 'ref' AND customer_id = :id", "look-up"),
        ("DELETE FROM regulars_commands WHERE :id = :id", "outcome"),
        ("UPDATE regulars_settings SET value = CAST('USD' AS BLOB) WHERE name = 'currency' AND :id = :id", "currency"),
        (f"{RULES_CHANGED} WHERE :id = :id", "rules"),
    ],
)
@IN_A_FILE
def test_a_backup_and_its_return_are_kept_and_say_what_is_wrong(
    plain: Shop, tmp_path: Path, say: Say, change: str, kind: str
) -> None:
    assert say("--db", plain.url, "backup", "sound.db").status == 0
    plain.change(change, id=plain.ids["shop:1"])
    said = say("--db", plain.url, "backup", "copy.db")
    assert (said.status, (tmp_path / "copy.db").exists()) == (1, True)
    assert f"regulars: {kind}: " in said.err
    assert "example.com" not in said.err
    told = say("--db", plain.url, "backup", "other.db", "--json")
    assert (told.status, told.json["records"]["holds"]) == (1, False)
    back = say("--db", "nowhere.db", "restore", "copy.db", "back.db")
    if kind != "rules":  # which are folded anew, by what the log says
        assert (back.status, (tmp_path / "back.db").exists()) == (1, True)
        assert f"regulars: {kind}: " in back.err
    else:
        assert back.status == 0
        assert say("--db", "back.db", "verify").status == 0


def test_an_export_of_a_person_without_their_key_is_refused(shop: Shop) -> None:
    shop.change("DELETE FROM regulars_keys WHERE customer_id = :id", id=shop.ids["shop:1"])
    with shop.open() as crm:
        with pytest.raises(StoreUnusable, match=f"the key of id:{shop.ids['shop:1']} is missing"):
            crm.export_person(shop.ids["shop:1"])
        assert crm.export_person("shop:2").identities[0].ref == "shop:2"
        assert crm.export_person(shop.ids["shop:4"]).forgotten is not None


@pytest.mark.parametrize("key", [bytes(range(32)), b"short"], ids=["32", "5"])
def test_an_export_of_a_person_whose_key_is_another_is_refused(shop: Shop, key: bytes) -> None:
    shop.change("UPDATE regulars_keys SET key = :key WHERE customer_id = :id", key=key, id=shop.ids["shop:1"])
    with shop.open() as crm, pytest.raises(StoreUnusable, match="key"):
        crm.export_person(shop.ids["shop:1"])


def test_an_export_of_who_was_merged_needs_the_keys_of_both(plain: Shop) -> None:
    with plain.open() as crm:
        crm.do(MergeCustomers(customer="shop:2", into="shop:1"))
    plain.change("DELETE FROM regulars_keys WHERE customer_id = :id", id=plain.ids["shop:2"])
    with plain.open() as crm, pytest.raises(StoreUnusable, match=f"the key of id:{plain.ids['shop:2']} is missing"):
        crm.export_person("shop:1")


def test_what_an_event_happened_to_is_told_by_its_type_whatever_its_category_says(shop: Shop) -> None:
    shop.change("UPDATE regulars_events SET category = '0-' WHERE type = 'PurchaseRecorded'")
    shop.change("UPDATE regulars_events SET category = 'ticket' WHERE type = 'CustomerRegistered'")
    with shop.open() as crm:
        assert all(entry.sentence for entry in crm.audit(limit=500))
        crm.do(RecordReturn(order_id="Ashop:1", return_id="r", amount="1.00"))
