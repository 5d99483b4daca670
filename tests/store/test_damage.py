"""What is stored and was damaged is worked around, or is one sentence that names a cure; and the cure works."""

from __future__ import annotations

import gc
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

import regulars
from filled_once import Originals
from outside import run
from regulars import (
    CancelMembership,
    EnrollMember,
    MergeCustomers,
    OpenTicket,
    RecordPurchase,
    Regulars,
    StoreUnusable,
)
from regulars.adapters.read_models import catch_up, replay
from regulars.adapters.read_models.comparing import spread
from regulars.adapters.read_models.generations import everything, prepare_generation
from regulars.session.freshness import freshness_of
from saying import Say
from shops import DAY, PEOPLE, Clock, number_of, opened, read_models_of, register, tables_of, with_edits


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", "postgres"])
def shop(request: pytest.FixtureRequest, originals: Originals, clock: Clock) -> Iterator[str]:
    """The URL of a filled store, which nobody has open; the clock stands where that was done."""
    with originals.copy(request.param, fill) as (url, clock.now):
        yield url


@pytest.fixture
def crm(shop: str, clock: Clock) -> Iterator[Regulars]:
    with opened(shop, clock) as crm:
        yield crm


def fill(url: str) -> datetime:
    """Customers of whom each table has something to say, two of them merged; what the clock says in the end."""
    clock = Clock()
    with opened(url, clock) as crm:
        register(crm, clock)
        crm.do([EnrollMember(customer=who) for who in PEOPLE])
        for number, who in enumerate(PEOPLE):
            clock.now += DAY
            crm.do(RecordPurchase(customer=who, order_id=f"first-{number}", amount="200.00"))
            crm.do(OpenTicket(customer=who, ticket_id=f"first-{number}"))
        crm.do([CancelMembership(customer=PEOPLE[3]), MergeCustomers(customer=PEOPLE[3], into=PEOPLE[2])])
        crm.catch_up()
    return clock.now


def write(crm: Regulars, table: sa.Table, values: dict[str, Any], *conditions: sa.ColumnElement[bool]) -> None:
    """Change what is stored behind the library's back, past what a column's type says."""
    raw = {name: sa.literal(value, sa.types.NullType()) for name, value in values.items()}
    with crm._store.database.writing() as connection:
        assert connection.execute(table.update().where(*conditions).values(raw)).rowcount


def generation(crm: Regulars, number: int, **values: Any) -> None:
    """Change what is said of a generation's builds, but for those that it shares."""
    builds, members = crm._store.schema.builds, crm._store.schema.generation_builds
    this = sa.and_(members.c.name == builds.c.name, members.c.number == builds.c.number)
    theirs, shared = (
        sa.exists().where(this, each) for each in (members.c.generation == number, members.c.generation != number)
    )
    write(crm, builds, values, theirs, ~shared)


# ------------------------------------------------------------------------------------- generations that were begun


def begin(crm: Regulars, monkeypatch: pytest.MonkeyPatch, work: Callable[..., object], chunks: int) -> None:
    """Let some work on a generation be cut off after so many customers."""
    left = [chunks]

    def cut_off(done: int, total: int) -> None:
        left[0] -= 1
        if left[0] <= 0:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(catch_up, "REPLAY_FROM", 1)
        patch.setattr(replay, "CUSTOMERS_AT_ONCE", 1)
        with pytest.raises(KeyboardInterrupt):
            work(on_progress=cut_off)


def begun(crm: Regulars, name: str) -> Any:
    """Where a build has its rows: those that weren't moved yet stand in a staging table."""
    table = tables_of(crm, 2)[name]
    staging = sa.table(f"{table.name}_staging", *(sa.column(each.name) for each in table.c))
    with crm._store.reading() as tx:
        return staging if sa.inspect(tx.connection).has_table(staging.name) else table


def damaged_place(crm: Regulars) -> None:
    write(crm, begun(crm, "loyalty_tier_places"), {"tracks": b"?"})


def damaged_interval(crm: Regulars) -> None:
    write(crm, begun(crm, "loyalty_tier"), {"value": "nowhere"})


def ranges_that_are_none(crm: Regulars) -> None:
    generation(crm, 2, folded_through="?")


def ranges_that_are_gone(crm: Regulars) -> None:
    generation(crm, 2, folded_through=None)


def ranges_that_were_done(crm: Regulars) -> None:
    generation(crm, 2, folded_through="-")


def ranges_that_leave_somebody_out(crm: Regulars) -> None:
    generation(crm, 2, folded_through=f"{'f' * 32}-")


def an_end_beyond_the_log(crm: Regulars) -> None:
    generation(crm, 2, folding_until=10**9)


HARMS = [
    damaged_place,
    damaged_interval,
    ranges_that_are_none,
    ranges_that_are_gone,
    ranges_that_were_done,
    ranges_that_leave_somebody_out,
    an_end_beyond_the_log,
]
Harm = Callable[[Regulars], None]


def of_each_kind(harms: Sequence[object]) -> pytest.MarkDecorator:
    """Each harm in a file, and the first one on a server: what is found out about it is the same in both."""
    both = [*(("sqlite", each) for each in harms), ("postgres", harms[0])]
    return pytest.mark.parametrize(("shop", "harm"), both, indirect=["shop"])


@pytest.mark.parametrize("harm", HARMS)
def test_a_rebuild_begins_afresh_where_what_was_begun_fails_and_says_why(
    crm: Regulars, monkeypatch: pytest.MonkeyPatch, harm: Harm
) -> None:
    expected = read_models_of(crm, 1)
    begin(crm, monkeypatch, crm.projections.rebuild, 2)
    harm(crm)
    why: list[str] = []
    assert crm.projections.rebuild(on_afresh=why.append) == 3
    [sentence] = why
    assert sentence.startswith("generation 2 was not made live, and was dropped: ")
    assert read_models_of(crm, 3) == expected
    assert crm.projections.verify().holds
    assert [each.number for each in crm.projections.generations()] == [1, 3]
    assert (crm.projections.rebuild(on_afresh=why.append), len(why)) == (4, 1)


@of_each_kind(HARMS)
def test_so_does_a_publication(crm: Regulars, monkeypatch: pytest.MonkeyPatch, harm: Harm) -> None:
    other = with_edits([("hold_days = 365", "hold_days = 30")])
    begin(crm, monkeypatch, lambda **more: crm.rules.publish(other, reason="?", **more), 2)
    harm(crm)
    why: list[str] = []
    assert crm.rules.publish(other, reason="shorter", on_afresh=why.append).generation == 3
    assert len(why) == 1
    assert crm.projections.verify().holds
    assert crm.rules.rollback(reason="!", on_afresh=why.append).generation == 1
    assert len(why) == 1


@of_each_kind(HARMS)
def test_so_does_what_is_built_for_a_question(crm: Regulars, monkeypatch: pytest.MonkeyPatch, harm: Harm) -> None:
    other = with_edits([("hold_days = 365", "hold_days = 30")])
    expected = list(PEOPLE[:3])
    begin(crm, monkeypatch, lambda on_progress: crm._session.scratch(viewpoint(crm, other), on_progress, WHOLLY), 2)
    harm(crm)
    found = crm.customers(rules=other)
    assert sorted(str(each.ref) for each in found) == expected
    assert [each.number for each in crm.projections.generations()] == [1, 3]


WHOLLY = freshness_of(True, None)


def viewpoint(crm: Regulars, rules: Any) -> Any:
    with crm._store.reading() as tx:
        return crm._session.viewpoint(tx, None, rules)


def test_what_was_only_cut_off_is_gone_on_with(crm: Regulars, monkeypatch: pytest.MonkeyPatch) -> None:
    begin(crm, monkeypatch, crm.projections.rebuild, 2)
    why: list[str] = []
    assert (crm.projections.rebuild(on_afresh=why.append), why) == (2, [])
    assert crm.projections.verify().holds


def test_one_that_other_code_began_is_left_alone(crm: Regulars, monkeypatch: pytest.MonkeyPatch) -> None:
    begin(crm, monkeypatch, crm.projections.rebuild, 2)
    generation(crm, 2, versions="{}", digest="of other code")
    assert crm.projections.rebuild() == 3
    assert crm.projections.verify().holds
    assert crm.projections.prune() == (2,)


def test_one_that_was_begun_here_and_fails_is_dropped(crm: Regulars, monkeypatch: pytest.MonkeyPatch) -> None:
    advance = catch_up._CatchingUp._advance

    def harming(catching_up: Any) -> Any:
        done = advance(catching_up)
        if crm.projections.generations()[-1].number == 2:
            damaged_place(crm)
        return done

    with monkeypatch.context() as patch:
        patch.setattr(catch_up._CatchingUp, "_advance", harming)
        with pytest.raises(StoreUnusable, match="generation 2 was not made live, and was dropped: its "):
            crm.projections.rebuild()
    assert [each.number for each in crm.projections.generations()] == [1]
    assert crm.projections.rebuild() == 3
    assert crm.projections.verify().holds


def test_the_one_before_is_dropped_too_where_it_fails_as_rules_come_back(crm: Regulars) -> None:
    crm.rules.publish(with_edits([("hold_days = 365", "hold_days = 30")]), reason="shorter")
    generation(crm, 1, folding_until=5, folded_through="?")
    why: list[str] = []
    assert crm.rules.rollback(reason="!", on_afresh=why.append).generation == 3
    assert [each.partition(":")[0] for each in why] == ["generation 1 was not made live, and was dropped"]
    assert crm.projections.verify().holds


def test_a_generation_that_is_left_from_before_is_taken_up_once(crm: Regulars) -> None:
    """Older versions kept what had failed its check, whole but for that."""
    begun = prepare_generation(crm._store, crm.ruleset, 0, afresh=everything(crm._store))
    generation(crm, begun.number, checkpoint=crm.audit(limit=1).entries[0].position)
    why: list[str] = []
    assert crm.projections.rebuild(on_afresh=why.append) == begun.number + 1
    assert len(why) == 1


# ------------------------------------------------------------------------------------------------------------ folds


def facts(crm: Regulars) -> sa.Table:
    return tables_of(crm, crm.status().generation)["facts"]


def cut(fold: bytes) -> bytes:
    return fold[: len(fold) // 2]


def flipped(fold: bytes) -> bytes:
    """As most bits of MessagePack may be flipped, and it stays MessagePack."""
    middle = len(fold) // 2
    return fold[:middle] + bytes([fold[middle] ^ 1]) + fold[middle + 1 :]


FOLDS = of_each_kind([cut, flipped, lambda _: b"", lambda _: b"\0", lambda fold: fold + b"\0", lambda _: b"\x80" * 50])


def damage_fold(crm: Regulars, harm: Callable[[bytes], bytes], who: str = PEOPLE[0]) -> None:
    table = facts(crm)
    theirs = table.c.customer == number_of(crm, who)
    with crm._store.reading() as tx:
        fold = tx.connection.execute(sa.select(table.c.folded).where(theirs)).scalar_one()
    assert harm(fold) != fold
    write(crm, table, {"folded": harm(fold)}, theirs)


@FOLDS
def test_a_fold_that_cannot_be_read_counts_as_none(crm: Regulars, clock: Clock, harm: Callable[[bytes], bytes]) -> None:
    asked = [(each, each.explain(), each.timeline()) for each in crm.customers()]
    before = crm.projections.verify()
    damage_fold(crm, harm)
    assert [(each, each.explain(), each.timeline()) for each in crm.customers()] == asked
    found = crm.customer(PEOPLE[0])
    assert (found.explain(), found.timeline()) in [(explained, timeline) for _, explained, timeline in asked]
    verified = crm.projections.verify()
    assert not verified.holds
    assert [(each.projection, each.key) for each in verified.differences] == [("facts", str(found.id))]
    clock.now += DAY
    crm.do(RecordPurchase(customer=PEOPLE[0], order_id="next", amount="700.00"))
    [listed] = (each for each in crm.customers() if each.ref == PEOPLE[0])
    assert (listed.orders, listed.tier) == (crm.customer(PEOPLE[0]).orders, "gold") == (2, "gold")
    assert crm.projections.verify().holds
    assert before.holds


@FOLDS
def test_a_repair_of_the_customer_puts_it_right_also_after_they_bought_again(
    crm: Regulars, clock: Clock, harm: Callable[[bytes], bytes]
) -> None:
    whole = read_models_of(crm, 1)
    damage_fold(crm, harm)
    assert crm.projections.repair(customer=PEOPLE[0]) == 1
    assert read_models_of(crm, 1) == whole
    damage_fold(crm, harm)
    clock.now += DAY
    crm.do(RecordPurchase(customer=PEOPLE[0], order_id="next", amount="700.00"))
    crm.projections.repair(customer=PEOPLE[0])
    assert crm.projections.verify().holds


def test_at_the_command_line_the_cures_that_are_named_work(say: Say) -> None:
    say("do", "RegisterCustomer", "ref=a:1", "name=Ada", "--currency", "EUR")
    listed, shown = say("customers"), say("show", "a:1")
    harm_first_fold("regulars.db")
    assert (say("customers"), say("show", "a:1")) == (listed, shown)
    verified = say("verify")
    assert verified.status == 1
    assert "`regulars rebuild --customer WHO` puts one customer right" in verified.out
    assert say("do", "TagCustomer", "customer=a:1", "label=x").status == 0
    repaired = say("rebuild", "--customer", "a:1")
    assert (repaired.status, repaired.err) == (0, "")
    assert say("verify").status == 0
    harm_first_fold("regulars.db")
    assert say("rebuild", "--json").json == {"generation": 2, "begun_afresh": [], "put_right": {}}
    assert say("verify").status == 0
    refused = say("rebuild", "--projection", "happiness")
    assert (refused.status, "no projection is called" in refused.err) == (2, True)


def harm_first_fold(path: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE regulars_facts_1 SET folded = x'00'")
        connection.commit()


def test_the_command_line_says_why_it_begins_afresh(say: Say) -> None:
    say("do", "RegisterCustomer", "ref=a:1", "name=Ada", "--currency", "EUR")
    for _ in range(2):
        with regulars.open("regulars.db") as crm:
            begun = prepare_generation(crm._store, crm.ruleset, 0, afresh=everything(crm._store))
            generation(crm, begun.number, checkpoint=7)
        rebuilt = say("rebuild", "--json")
        assert rebuilt.json["generation"] == begun.number + 1
        [sentence] = rebuilt.json["begun_afresh"]
        assert f"begun afresh: {sentence}" in rebuilt.err
        assert sentence == (
            f"generation {begun.number} was not made live, and was dropped: its checkpoint is event #7, "
            "and the last event is #1"
        )


# ----------------------------------------------------------------------------------------- settings and generations


def setting(crm: Regulars, name: str, value: object) -> None:
    settings = crm._store.schema.settings
    write(crm, settings, {"value": value}, settings.c.name == name)


def take_away_setting(crm: Regulars, name: str) -> None:
    settings = crm._store.schema.settings
    with crm._store.database.writing() as connection:
        connection.execute(settings.delete().where(settings.c.name == name))


def broken_pointer(crm: Regulars) -> None:
    setting(crm, "live_generation", b"one")


def pointer_to_nothing(crm: Regulars) -> None:
    setting(crm, "live_generation", b"77")


def no_pointer(crm: Regulars) -> None:
    take_away_setting(crm, "live_generation")


def rules_of(crm: Regulars, number: int, text: str) -> None:
    generations = crm._store.schema.generations
    write(crm, generations, {"ruleset": text}, generations.c.number == number)


def rules_that_are_none(crm: Regulars) -> None:
    rules_of(crm, 2, '{"churn_risk": 7}')


def rules_that_are_cut(crm: Regulars) -> None:
    rules_of(crm, 2, "{")


def other_versions(crm: Regulars) -> None:
    generation(crm, 2, versions="?", digest="?")


@pytest.mark.parametrize(
    "harm",
    [broken_pointer, pointer_to_nothing, no_pointer, rules_that_are_none, rules_that_are_cut, other_versions],
)
def test_a_rebuild_mends_what_says_which_generation_answers_and_by_which_rules(
    shop: str, clock: Clock, harm: Harm
) -> None:
    other = with_edits([("hold_days = 365", "hold_days = 30")])
    with opened(shop, clock) as crm:
        crm.rules.publish(other, reason="shorter")
        asked = list(crm.customers())
        harm(crm)
    with opened(shop, clock, on_stale="rebuild") as crm:
        assert (crm.ruleset, list(crm.customers())) == (other, asked)
    with opened(shop, clock) as crm:
        assert crm.projections.verify().holds
        assert (crm.ruleset, list(crm.customers())) == (other, asked)


@pytest.mark.parametrize("harm", [broken_pointer, pointer_to_nothing, no_pointer])
def test_until_then_each_question_says_so(shop: str, clock: Clock, harm: Harm) -> None:
    with opened(shop, clock) as crm:
        harm(crm)
    with opened(shop, clock) as crm:
        for question in (crm.customers, lambda: crm.customer(PEOPLE[0]), crm.status, crm.projections.verify):
            with pytest.raises(StoreUnusable, match="`regulars rebuild`"):
                question()
        crm.projections.rebuild()
        crm.do(OpenTicket(customer=PEOPLE[0], ticket_id="next"))
        assert crm.projections.verify().holds


@pytest.mark.parametrize("name", ["previous_generation", "dropped_generation"])
def test_a_pointer_that_nothing_depends_on_is_passed_over(crm: Regulars, name: str) -> None:
    crm.projections.rebuild()
    crm.projections.rebuild()
    crm.projections.prune()
    setting(crm, name, b"?")
    assert crm.projections.rebuild() == 4
    assert crm.projections.verify().holds


@pytest.mark.parametrize("value", [2**63 - 1, -(2**63), 2**58, -(2**57)])
def test_an_instant_that_no_calendar_has_is_a_sentence(shop: str, clock: Clock, value: int) -> None:
    run(shop, f"UPDATE regulars_generations SET made_at = {value}")
    with opened(shop, clock) as crm:
        assert crm.projections.generations() == ()
        with pytest.raises(StoreUnusable, match="made_at lies outside the calendar"):
            crm.tickets()


@pytest.mark.parametrize("name", ["lookup_key", "quarantine_key"])
@pytest.mark.parametrize(
    "harm", [lambda crm, name: take_away_setting(crm, name), lambda crm, name: setting(crm, name, b"7")]
)
def test_a_key_of_the_store_that_was_damaged_is_a_sentence(
    shop: str, clock: Clock, name: str, harm: Callable[[Regulars, str], None]
) -> None:
    with opened(shop, clock) as crm:
        harm(crm, name)
    with pytest.raises(StoreUnusable, match=f"{name}.*a backup has it as it was"), opened(shop, clock) as crm:
        crm.rejects() if name == "quarantine_key" else crm.customer(PEOPLE[0])


@pytest.mark.parametrize("value", [b"five", b"\xff", b""])
def test_a_schema_version_that_is_none_is_told_from_somebody_elses_tables(
    database_url: str, clock: Clock, value: bytes
) -> None:
    with opened(database_url, clock) as crm:
        setting(crm, "schema_version", value)
    with pytest.raises(StoreUnusable, match='the setting "schema_version" of this store is not a number'):
        opened(database_url, clock)


@pytest.mark.parametrize("value", [b"\xff\xff", b"XYZ", b""])
def test_a_currency_that_is_none_is_a_sentence(shop: str, clock: Clock, value: bytes) -> None:
    with opened(shop, clock) as crm:
        setting(crm, "currency", value)
        for question in (crm.customers, crm.status, lambda: crm.customer(PEOPLE[0])):
            with pytest.raises(StoreUnusable, match='the setting "currency" of this store is not'):
                question()


@pytest.mark.parametrize("value", [b"\xff", b"{}", b"?", b'{"a": 1}'])
def test_founding_rules_that_are_none_are_a_sentence(crm: Regulars, value: bytes) -> None:
    setting(crm, "founding_rules", value)
    with pytest.raises(StoreUnusable, match=r"founding rules of this store can't be read; .* a backup has them"):
        crm.rules.history()
    assert len(crm.customers()) == 3


@pytest.mark.parametrize("value", [b"", b"?", b"9" * 40])
def test_a_mark_of_a_forgetting_that_cannot_be_read_is_still_acted_on(shop: str, clock: Clock, value: bytes) -> None:
    with opened(shop, clock) as crm, crm._store.database.writing() as connection:
        connection.execute(crm._store.schema.settings.insert(), {"name": "erasing", "value": value})
    with opened(shop, clock) as crm:
        assert not crm.status().erasing
        assert not crm.forget(PEOPLE[0], reason="on request").pending


# --------------------------------------------------------------------------- what commands and imports left behind


def test_an_outcome_that_cannot_be_read_is_a_sentence_and_nothing_is_done_twice(crm: Regulars) -> None:
    command = RecordPurchase(customer=PEOPLE[0], order_id="once", amount="1.00", command_id="once")
    crm.do(command)
    commands, before = crm._store.schema.commands, crm.status().events
    for outcome in (b"", b"{}", b"\xff", b'{"customer_id": "a", "positions": [99999999999999999999]}'):
        write(crm, commands, {"outcome": outcome}, commands.c.id == "once")
        with pytest.raises(StoreUnusable, match='command id "once" was used before, and what came of it'):
            crm.do(command)
    assert crm.status().events == before


MAPPING = """
format = "csv"
[customer]
ref = "shop:{customer}"
name = "{name}"
[[command]]
do = "RecordPurchase"
[command.fields]
order_id = "{order}"
amount = { column = "amount", money = "major" }
"""


def refuse_rows(crm: Regulars, folder: Path) -> Path:
    (folder / "map.toml").write_text(MAPPING)
    path = folder / "orders.csv"
    path.write_text(f"customer,name,order,amount\n2,{PEOPLE[1].title()},A,much\n7,Nobody,B,more\n8,Nobody,C,most\n")
    assert crm.import_file(path, folder / "map.toml").rejected == 3
    return path


def test_a_refused_row_that_was_damaged_keeps_no_others_from_being_read(crm: Regulars, tmp_path: Path) -> None:
    path = refuse_rows(crm, tmp_path)
    quarantine = crm._store.schema.quarantine
    write(crm, quarantine, {"secret": b"?"}, quarantine.c.ordinal == 2)
    [first, last, damaged] = crm.rejects()
    assert (first.line, last.line) == (2, 4)
    assert "import its file again" in damaged.reason
    assert [each.reason for each in crm.export_person(PEOPLE[1]).rejects] == [first.reason, damaged.reason]
    # It can't be said whom it names, so a forgetting takes it along, and shop:8, as whom Shop:2 may be meant; the cure
    # brings back what names somebody else.
    crm.forget(PEOPLE[1], reason="on request")
    assert crm.rejects() == ()
    crm.import_file(path, tmp_path / "map.toml")
    assert [each.line for each in crm.rejects()] == [2, 3, 4]


def test_who_has_a_damaged_key_is_listed_without_a_name_beside_the_others(crm: Regulars) -> None:
    victim, keys = crm.find(PEOPLE[0]), crm._store.schema.keys
    write(crm, keys, {"key": b"too short"}, keys.c.customer_id == victim)
    assert {each.name for each in crm.customers()} == {None, *(who.title() for who in PEOPLE[1:3])}
    for work in (
        lambda: crm.customer(PEOPLE[0]),
        lambda: crm.export_person(PEOPLE[0]),
        lambda: crm.forget(PEOPLE[0], reason="on request"),
    ):
        with pytest.raises(StoreUnusable, match=f"the key of customer {victim} doesn't open.*a backup has it as it"):
            work()


def test_links_in_a_circle_are_a_sentence_until_a_rebuild(crm: Regulars) -> None:
    links, survivor = crm._store.schema.links, crm.customer(PEOPLE[3]).id
    write(crm, links, {"into_id": str(crm.find(PEOPLE[3]))})
    for work in (lambda: crm.customer(PEOPLE[3]), crm.projections.verify):
        with pytest.raises(StoreUnusable, match="are circular; `regulars rebuild` writes them again"):
            work()
    crm.projections.rebuild()
    assert crm.customer(PEOPLE[3]).id == survivor
    assert crm.projections.verify().holds


# ------------------------------------------------------------------------------------ values of another kind


def column_of(table: str, column: str, value: object) -> Harm:
    def harm(crm: Regulars) -> None:
        write(crm, tables_of(crm, 1)[table], {column: value})

    return harm


@pytest.mark.parametrize(
    "harm",
    [
        column_of("lifecycle_stage", "valid_to", 2**62),
        column_of("loyalty_tier", "valid_to", 2**62),
        column_of("ticket_queue", "status", "lost"),
        column_of("ticket_queue", "valid_to", 2**62),
    ],
)
def test_read_models_with_values_that_nobody_writes_are_a_sentence_and_built_anew(crm: Regulars, harm: Harm) -> None:
    whole, asked = read_models_of(crm, 1), (list(crm.customers()), list(crm.tickets()))
    harm(crm)
    with pytest.raises(StoreUnusable, match=r"a stored .*`regulars rebuild` folds the log again"):
        _ = (list(crm.customers()), list(crm.tickets()))
    assert not crm.projections.verify().holds
    crm.projections.rebuild()
    assert (list(crm.customers()), list(crm.tickets())) == asked
    assert read_models_of(crm, 2) == whole


@pytest.mark.parametrize("shop", ["sqlite"], indirect=True)  # PostgreSQL takes no value of another kind
@pytest.mark.parametrize("value", [b"\xff\xfe", 0.5, "soon"])
@pytest.mark.parametrize(
    ("table", "column"), [("customer_card", "orders"), ("churn_risk", "value"), ("customer_card", "last_order_at")]
)
def test_a_value_of_another_kind_is_found_and_put_right(
    shop: str, clock: Clock, table: str, column: str, value: object
) -> None:
    with opened(shop, clock) as crm:
        whole, asked = read_models_of(crm, 1), [crm.customer(who).tier for who in PEOPLE]
        column_of(table, column, value)(crm)
        assert {each.projection for each in crm.projections.verify().differences} == {table}
        assert [crm.customer(who).tier for who in PEOPLE] == asked
        for who in PEOPLE:
            crm.projections.repair(customer=who)
        assert read_models_of(crm, 1) == whole


@pytest.mark.parametrize("name", ["lookup_key", "quarantine_key"])
def test_a_store_that_lost_a_key_of_its_own_is_let_go_of(shop: str, clock: Clock, name: str) -> None:
    with opened(shop, clock) as crm:
        settings = crm._store.schema.settings
        with crm._store.database.writing() as connection:
            connection.execute(settings.delete().where(settings.c.name == name))
    with pytest.raises(StoreUnusable, match=name):
        opened(shop, clock)
    gc.collect()  # a connection that nobody closed is a warning, which fails


# --------------------------------------------------------------------------------------------- which customers compare


def sampled(crm: Regulars, ids: list[str]) -> list[str]:
    table = sa.Table("some_ids", sa.MetaData(), sa.Column("id", sa.Text, primary_key=True))
    with crm._store.database.writing() as connection:
        table.create(connection)
        connection.execute(table.insert(), [{"id": each} for each in ids])
        return spread(connection, table.c.id)


@pytest.mark.parametrize("count", [1, 2, 63, 64])
def test_few_customers_are_all_compared_however_near_their_ids_are(crm: Regulars, count: int) -> None:
    ids = [f"aa{number:030x}" for number in range(count)]
    assert sampled(crm, ids) == ids


def test_of_many_customers_some_of_each_part_are_compared(crm: Regulars) -> None:
    ids = [f"{number:04x}{'0' * 28}" for number in range(0, 2**16, 2**6)]  # 1,024 of them, evenly
    assert sampled(crm, ids) == [f"{number:04x}{'0' * 28}" for number in range(0, 2**16, 2**10)]  # one of each 64th
