"""Who may be contacted: the last word counts, of whichever identity, for any day and as known on any day."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

import regulars
from regulars import (
    ChangeContactDetails,
    CloseAccount,
    ErasePersonalData,
    GiveConsent,
    MergeCustomers,
    NotFound,
    RegisterCustomer,
    Regulars,
    ReopenAccount,
    UndoMerge,
    WithdrawConsent,
)
from regulars.adapters.schema.tables import VERSION
from regulars.adapters.store.migrations import MIGRATIONS
from regulars.adapters.store.store import Store
from shops import (
    BEGIN,
    DAY,
    EXAMPLES,
    HOUR,
    PEOPLE,
    Clock,
    Step,
    at_once,
    fresh_store,
    merge_into,
    one_by_one,
    opened,
    people,
    play,
    register,
    to,
    to_somebody,
    undo_merge,
)

NEWS, SURVEYS, CALLS = PAIRS = (("email", "newsletter"), ("email", "surveys"), ("phone", "newsletter"))
ADA, BOB, CY, DI = PEOPLE


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def crm(database_url: str, clock: Clock) -> Iterator[Regulars]:
    with opened(database_url, clock) as crm:
        register(crm, clock)
        yield crm


def agree(who: str, pair: tuple[str, str] = NEWS, at: datetime | None = None) -> GiveConsent:
    return GiveConsent(customer=who, channel=pair[0], purpose=pair[1], occurred_at=at)


def object_to(who: str, pair: tuple[str, str] = NEWS, at: datetime | None = None) -> WithdrawConsent:
    return WithdrawConsent(customer=who, channel=pair[0], purpose=pair[1], occurred_at=at)


def forget(who: str, number: int, at: datetime) -> ErasePersonalData:
    return ErasePersonalData(customer=who, confirm=True)


def refs(crm: Regulars, pair: tuple[str, str] = NEWS, **asked: Any) -> set[str | None]:
    """Whom a list names, page by page."""
    return {each.ref for each in everybody(crm, pair, **asked)}


def everybody(crm: Regulars, pair: tuple[str, str], *, limit: int = 2, **asked: Any) -> list[regulars.Contactable]:
    found: list[regulars.Contactable] = []
    after = None
    while True:
        page = crm.contactable(channel=pair[0], purpose=pair[1], limit=limit, after=after, **asked)
        assert len(page) <= limit
        found += page
        after = page.after
        if after is None:
            return found


# ----------------------------------------------------------------------------------------------------- what counts


def test_who_said_nothing_may_not_be_contacted(crm: Regulars) -> None:
    assert crm.consents(ADA).consents == ()
    assert not crm.consents(ADA).allow(*NEWS)
    assert refs(crm) == set()


def test_a_consent_is_for_one_channel_and_one_purpose(crm: Regulars) -> None:
    crm.do([agree(ADA, NEWS), agree(ADA, CALLS), object_to(BOB, SURVEYS)])
    assert [crm.consents(ADA).allow(*pair) for pair in PAIRS] == [True, False, True]
    assert [refs(crm, pair) for pair in PAIRS] == [{ADA}, set(), {ADA}]


def test_of_words_at_the_same_instant_the_withdrawal_counts(crm: Regulars, clock: Clock) -> None:
    at = clock.now
    crm.do([object_to(ADA, at=at), agree(ADA, at=at), agree(BOB, at=at), object_to(BOB, at=at)])
    assert refs(crm) == set()
    assert not any(crm.consents(who).allow(*NEWS) for who in (ADA, BOB))
    clock.now += HOUR
    crm.do(agree(BOB))
    assert refs(crm) == {BOB}


def test_a_word_counts_from_its_own_day_on_however_late_it_is_told(crm: Regulars, clock: Clock) -> None:
    clock.now += 30 * DAY
    crm.do(agree(ADA, at=clock.now - 10 * DAY))
    crm.do(object_to(ADA, at=clock.now - 20 * DAY))  # told later, and said before
    assert crm.consents(ADA).allow(*NEWS)
    crm.do(object_to(ADA, at=clock.now - 5 * DAY))  # which the account seems to have heard already
    assert not crm.consents(ADA).allow(*NEWS)
    assert refs(crm, as_of=clock.now - 7 * DAY) == {ADA}
    assert refs(crm, as_of=(clock.now - 7 * DAY).date()) == {ADA}
    assert refs(crm, as_of=clock.now - 15 * DAY) == refs(crm) == set()


def test_what_was_recorded_later_can_be_left_out(crm: Regulars, clock: Clock) -> None:
    crm.do(agree(ADA))
    before = clock.now
    clock.now += DAY
    crm.do([object_to(ADA), agree(BOB, at=before)])
    assert refs(crm, known_at=before) == {ADA}
    assert refs(crm, as_of=before) == {ADA, BOB}
    assert crm.consents(ADA, known_at=before).allow(*NEWS)
    assert [word.given for word in crm.consents(ADA, known_at=before).consents[0].words] == [True]


def test_a_word_that_a_clock_ahead_of_ours_recorded_counts_now(database_url: str, clock: Clock) -> None:
    ahead = Clock(clock.now + HOUR)
    with opened(database_url, ahead) as theirs, opened(database_url, clock) as ours:
        theirs.do([RegisterCustomer(ref=ADA), agree(ADA)])
        ahead.now += HOUR
        theirs.do(object_to(ADA))
        assert not ours.consents(ADA).allow(*NEWS)
        assert refs(ours) == set()


def test_every_word_is_kept_with_who_wrote_it_down_and_why(crm: Regulars, clock: Clock) -> None:
    with crm.acting(actor="bo", reason="ticked the box"):
        crm.do(agree(ADA, at=clock.now - HOUR))
    crm.do(object_to(ADA))
    (consent,) = crm.consents(ADA).consents
    given, withdrawn = consent.words
    assert (given.given, given.actor, given.reason) == (True, "bo", "ticked the box")
    assert (given.said_at, given.recorded_at) == (clock.now - HOUR, clock.now)
    assert (withdrawn.given, withdrawn.actor, withdrawn.reason) == (False, "li", None)
    assert (consent.given, consent.said_at) == (False, clock.now)


# ------------------------------------------------------------------------------------------------ who can be contacted


def test_a_closed_account_is_not_contacted_and_an_open_one_is_again(crm: Regulars, clock: Clock) -> None:
    crm.do([agree(ADA), CloseAccount(customer=ADA)])
    assert crm.consents(ADA).barred == "closed"
    assert refs(crm) == set()
    clock.now += DAY
    crm.do(ReopenAccount(customer=ADA))
    assert crm.consents(ADA).barred is None
    assert refs(crm) == {ADA}
    assert refs(crm, as_of=clock.now - HOUR) == set()


def test_who_was_forgotten_is_not_contacted_on_any_day(crm: Regulars, clock: Clock) -> None:
    ada = crm.customer(ADA).id
    crm.do([agree(ADA), agree(BOB)])
    before = clock.now
    clock.now += DAY
    crm.do(ErasePersonalData(customer=ADA, confirm=True))
    assert refs(crm) == refs(crm, as_of=before) == refs(crm, known_at=before) == {BOB}
    for asked in ({}, {"as_of": before}, {"known_at": before}):
        told = crm.consents(ada, **asked)
        assert (told.barred, told.ref, told.allow(*NEWS)) == ("forgotten", None, False)
        assert [word.given for word in told.consents[0].words] == [True]


def test_nobody_is_contacted_before_they_were_registered(crm: Regulars, clock: Clock) -> None:
    crm.do(agree(ADA, at=BEGIN - 10 * DAY))
    told = crm.consents(ADA, as_of=BEGIN - DAY)
    assert (told.barred, told.consents[0].given, told.allow(*NEWS)) == ("unknown", True, False)
    assert refs(crm, as_of=BEGIN - DAY) == set()
    assert refs(crm, as_of=BEGIN) == {ADA}


def test_a_list_shows_how_a_customer_is_reached_today(crm: Regulars, clock: Clock) -> None:
    crm.do(ChangeContactDetails(customer=ADA, email="ada@example.com", phone="+49 30 1"))
    said_at = clock.now = clock.now + HOUR
    crm.do(agree(ADA))
    (found,) = crm.contactable(channel="email", purpose="newsletter")
    assert (found.name, found.email, found.phone) == ("Shop:1", "ada@example.com", "+49 30 1")
    assert (found.id, found.said_at) == (crm.customer(ADA).id, said_at)


# ------------------------------------------------------------------------------------------------- who are one


def test_what_one_identity_says_counts_for_all(crm: Regulars, clock: Clock) -> None:
    crm.do([agree(ADA), MergeCustomers(customer=BOB, into=ADA)])
    clock.now += DAY
    crm.do(object_to(BOB))  # who never gave any
    assert not crm.consents(ADA).allow(*NEWS)
    assert crm.consents(ADA) == crm.consents(BOB)
    assert refs(crm) == set()
    clock.now += DAY
    crm.do(agree(ADA))  # as their own account had it all along
    assert refs(crm) == {ADA}
    clock.now += DAY
    crm.do([object_to(ADA), UndoMerge(customer=BOB)])
    assert refs(crm) == set()
    crm.do(agree(BOB))
    assert refs(crm) == {BOB}


def test_before_a_merge_was_known_each_spoke_for_themselves(crm: Regulars, clock: Clock) -> None:
    crm.do([agree(ADA), object_to(BOB, at=clock.now)])
    before = clock.now
    clock.now += DAY
    crm.do([object_to(BOB), MergeCustomers(customer=BOB, into=ADA)])
    assert refs(crm) == refs(crm, as_of=before) == set()
    assert refs(crm, known_at=before) == {ADA}
    crm.do(UndoMerge(customer=BOB))
    assert refs(crm) == refs(crm, as_of=before) == {ADA}


def test_of_customers_who_are_one_the_survivor_is_listed_once(crm: Regulars, clock: Clock) -> None:
    crm.do([agree(who) for who in PEOPLE])
    crm.do([MergeCustomers(customer=BOB, into=ADA), MergeCustomers(customer=CY, into=BOB)])
    assert sorted(str(each.ref) for each in everybody(crm, NEWS, limit=1)) == [ADA, DI]
    crm.do(CloseAccount(customer=ADA))  # the others are still open
    assert refs(crm) == {ADA, DI}
    crm.do([CloseAccount(customer=BOB), CloseAccount(customer=CY)])
    assert refs(crm) == {DI}


# -------------------------------------------------------------------------------------------- against a plain replay


def log_of(crm: Regulars) -> list[dict[str, Any]]:
    out = BytesIO()
    crm.export_events(out.write)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def replayed(log: list[dict[str, Any]], at: datetime, known_at: datetime, pair: tuple[str, str]) -> set[str]:
    """The ids of those who may be contacted, by doing what the log says in order of time, word by word."""
    known = [line for line in log if moment(line["recorded_at"]) <= known_at]
    into: dict[str, str] = {}
    for line in known:
        if line["type"] == "CustomerMerged":
            into[line["customer_id"]] = line["event"]["into_id"]
        elif line["type"] == "MergeUndone":
            del into[line["customer_id"]]

    def survivor(customer_id: str) -> str:
        return survivor(into[customer_id]) if customer_id in into else customer_id

    agreed: dict[str, bool] = {}
    accounts: dict[str, dict[str, bool]] = {}
    happened = [line for line in known if moment(line["occurred_at"]) <= at]
    # Withdrawals come last among what was said at the same instant.
    happened.sort(key=lambda each: (each["occurred_at"], each["type"] == "ConsentWithdrawn", each["position"]))
    for line in happened:
        person = survivor(line["customer_id"])
        match line["type"]:
            case "ConsentGiven" | "ConsentWithdrawn" if pair == (line["event"]["channel"], line["event"]["purpose"]):
                agreed[person] = line["type"] == "ConsentGiven"
            case "CustomerRegistered" | "AccountReopened":
                accounts.setdefault(person, {})[line["customer_id"]] = True
            case "AccountClosed":
                accounts.setdefault(person, {})[line["customer_id"]] = False
            case _:
                pass
    forgotten = {survivor(line["customer_id"]) for line in log if line["type"] == "PersonalDataErased"}
    return {each for each in agreed if agreed[each] and any(accounts.get(each, {}).values())} - forgotten


pairs = st.sampled_from(PAIRS[:2])
late = st.sampled_from([0, 0, 0, 1, 2, 50]).map(timedelta)
words = to_somebody(
    st.builds(lambda say, pair: lambda who, number, at: say(who, pair, at), st.sampled_from([agree, object_to]), pairs),
    late,
)
accounts = to_somebody(st.sampled_from([to(CloseAccount), to(ReopenAccount)]), late)
#: Of three of these one is a merge, one takes a merge back, and one forgets.
others = to_somebody(
    st.sampled_from(["merge", "undo", "forget"]).flatmap(
        lambda kind: {"merge": people.map(merge_into), "undo": st.just(undo_merge), "forget": st.just(forget)}[kind]
    ),
    at_once,
)
histories = one_by_one(
    st.one_of(words, words, words, accounts, others), gaps=[timedelta(), HOUR, DAY, 3 * DAY], max_size=25
)
days_back = st.sampled_from([0, 1, 2, 3, 5, 60]).map(timedelta)


@given(history=histories, back=days_back, unknown=days_back, pair=pairs, limit=st.integers(1, 3))
@settings(max_examples=EXAMPLES // 6)
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_every_answer_is_that_of_a_plain_replay(
    kind: str,
    postgres_url: str,
    history: list[Step],
    back: timedelta,
    unknown: timedelta,
    pair: tuple[str, str],
    limit: int,
) -> None:
    clock = Clock()
    with fresh_store(kind, postgres_url) as url, opened(url, clock) as crm:
        register(crm, clock)
        ids = [crm.customer(who).id for who in PEOPLE]
        play(crm, clock, history)
        log = log_of(crm)
        for asked in ({}, {"as_of": clock.now - back}, {"known_at": clock.now - unknown}):
            at = asked.get("as_of", clock.now)
            known_at = asked.get("known_at", clock.now)
            expected = replayed(log, at, known_at, pair)
            listed = [each.id for each in everybody(crm, pair, limit=limit, **asked)]
            assert sorted(listed) == sorted(expected), asked
            allowed = {told.customer_id for each in ids if (told := crm.consents(each, **asked)).allow(*pair)}
            assert allowed == expected, asked


def test_pages_are_the_whole_list_cut_in_pieces(crm: Regulars, clock: Clock) -> None:
    many = [f"shop:{number}" for number in range(10, 50)]
    crm.do([RegisterCustomer(ref=who) for who in many])
    crm.do([agree(who) for who in many])
    clock.now += HOUR
    crm.do([*map(object_to, many[::5]), *(CloseAccount(customer=who) for who in many[1::5])])
    crm.do([MergeCustomers(customer=away, into=into) for away, into in zip(many[2::5], many[3::5], strict=True)])
    whole = everybody(crm, NEWS, limit=1000)
    assert len(whole) == 16
    for limit in (1, 3, 16, 17):
        assert everybody(crm, NEWS, limit=limit) == whole


# ---------------------------------------------------------------------------------------------------------- edges


def test_what_nobody_knows_is_refused(crm: Regulars) -> None:
    with pytest.raises(ValueError, match='no channel "mail"; there are email, phone'):
        crm.contactable(channel="mail", purpose="newsletter")
    with pytest.raises(ValueError, match="not the `after` of a page"):
        crm.contactable(channel="email", purpose="newsletter", after="nonsense")
    with pytest.raises(ValueError, match="limit"):
        crm.contactable(channel="email", purpose="newsletter", limit=0)
    with pytest.raises(NotFound):
        crm.consents("shop:99")


def test_a_store_of_an_older_version_finds_who_agreed_before(database_url: str, clock: Clock) -> None:
    with opened(database_url, clock) as crm:
        register(crm, clock)
        crm.do([agree(who) for who in PEOPLE])
        clock.now += HOUR
        crm.do(object_to(BOB))
    (before,) = [version for version, step in MIGRATIONS.items() if step.__name__ == "keep_consents"]
    assert before < VERSION
    store = Store(database_url)
    with store.database.writing() as connection:
        connection.execute(sa.text("DROP VIEW regulars_consent_history"))  # there was none then
        connection.execute(sa.text("DROP TABLE regulars_consents"))
        MIGRATIONS[before](connection, store.schema)
    store.close()
    with opened(database_url, clock) as crm:
        assert refs(crm) == {ADA, CY, DI}


def test_a_read_only_store_answers(database_url: str, clock: Clock) -> None:
    with opened(database_url, clock) as crm:
        crm.do([RegisterCustomer(ref=ADA), agree(ADA)])
    with opened(database_url, clock, read_only=True) as crm:
        assert refs(crm) == {ADA}
        assert crm.consents(ADA, as_of=date(2030, 1, 1)).allow(*NEWS)
        assert crm.consents(ADA, as_of=datetime(2030, 1, 1, tzinfo=UTC)).as_of.year == 2030
