"""Phone numbers are compared in international form under the default country that the rules in force name."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import strategies as st

from regulars import (
    ChangeContactDetails,
    ErasePersonalData,
    InvalidRules,
    MergeCustomers,
    NotFound,
    RegisterCustomer,
    Regulars,
    Ruleset,
    StoreUnusable,
    as_toml,
    parse_rules,
)
from regulars.adapters.vault.keyring import new_master_key
from shops import fresh_store, in_each_database, opened, room_for_a_store, with_edits

KINDS = pytest.mark.parametrize("kind", ["sqlite", "postgres"])

#: Calling code and what is dialled before a national number at home, from E.164 and E.123.
HOMES = {"DE": ("49", "0"), "FR": ("33", "0"), "IT": ("39", ""), "US": ("1", "1"), "HU": ("36", "06"), "ES": ("34", "")}


def clock() -> datetime:
    return datetime(2026, 3, 1, 12, tzinfo=UTC)


def at_home_in(country: str | None) -> Ruleset:
    """The default rules, with a default country of phone numbers or without one."""
    zone = 'timezone = "Europe/Berlin"'
    return with_edits([] if country is None else [(zone, f'{zone}\ncountry = "{country}"')])


@pytest.fixture
def crm(database_url: str) -> Iterator[Regulars]:
    with opened(database_url, clock) as crm:
        yield crm


def who_share(crm: Regulars) -> list[set[str | None]]:
    return [{one.ref for one in each.customers} for each in crm.duplicates() if each.shared == "phone"]


def who_nearly_share(crm: Regulars) -> list[set[str | None]]:
    return [{one.ref for one in each.customers} for each in crm.near_duplicates() if each.shared == "phone"]


def spelled(dialled: str, separators: list[str]) -> str:
    """Digits with something between them, but not before the first."""
    rest = zip(dialled[1:], separators, strict=False)
    return dialled[0] + "".join(f"{separator}{digit}" for digit, separator in rest)


@st.composite
def spellings(draw: st.DrawFn, country: str, national: str) -> str:
    """One way to write a number of a country."""
    code, trunk = HOMES[country]
    separators = draw(st.lists(st.sampled_from(["", "", "", " ", "-", "."]), min_size=20, max_size=20))
    forms = [f"+{code} {spelled(national, separators)}", f"00{code}{spelled(national, separators)}"]
    forms.append(spelled(trunk + national, separators))
    if trunk == "0":
        forms.append(f"+{code} (0) {spelled(national, separators)}")
    return draw(st.sampled_from(forms))


def as_pasted(form: str) -> st.SearchStrategy[str]:
    """A number as it is found on a page: between spaces or invisible marks, or in wide digits."""
    wide = str.maketrans("0123456789+", "\uff10\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19\uff0b")
    return st.sampled_from([form, f" {form} ", f"\u202a{form}\u202c", form.translate(wide)])


@st.composite
def numbers(draw: st.DrawFn) -> tuple[str, str]:
    country = draw(st.sampled_from(sorted(HOMES)))
    return country, draw(st.text("23456789", min_size=1, max_size=1)) + draw(
        st.text("0123456789", min_size=6, max_size=8)
    )


@in_each_database(12, data=st.data(), number=numbers())
def test_all_spellings_of_a_number_are_one_under_its_country(
    kind: str, postgres_url: str, data: st.DataObject, number: tuple[str, str]
) -> None:
    country, national = number
    ways = data.draw(st.lists(spellings(country, national), min_size=2, max_size=5))
    people = [f"r:{place}" for place in range(len(ways))]
    with fresh_store(kind, postgres_url) as url, opened(url, clock) as crm:
        crm.do([RegisterCustomer(ref=who, phone=each) for who, each in zip(people, ways, strict=True)])
        crm.do(RegisterCustomer(ref="other", phone=f"+{HOMES[country][0]}{national}0"))
        crm.rules.publish(at_home_in(country), reason="we are at home there")
        assert who_share(crm) == [{*people}]
        assert who_nearly_share(crm) == []
        assert [crm.customer(who).phone for who in people] == ways
        assert crm.check_records().holds
        crm.do([MergeCustomers(customer=who, into=people[0]) for who in people[1:]])
        assert who_share(crm) == []
        asked = data.draw(spellings(country, national).flatmap(as_pasted))
        assert crm.customer(crm.find(asked)).ref == people[0]


@in_each_database(
    8, countries=st.lists(st.sampled_from([None, *sorted(HOMES)]), min_size=1, max_size=4), steps=st.data()
)
def test_however_the_country_came_into_force_look_ups_are_as_if_it_always_had_been(
    kind: str, postgres_url: str, countries: list[str | None], steps: st.DataObject
) -> None:
    phones = steps.draw(
        st.lists(numbers().flatmap(lambda number: spellings(*number)), min_size=len(countries), max_size=len(countries))
    )
    with room_for_a_store(kind, postgres_url) as url, opened(url, clock, rules=at_home_in(countries[0])) as crm:
        for place, (phone, country) in enumerate(zip(phones, countries, strict=True)):
            crm.rules.publish(at_home_in(country), reason="a try")
            crm.do(RegisterCustomer(ref=f"r:{place}", phone=phone))
        assert crm.check_records().holds
        wrong: list[tuple[str, int]] = []
        crm.projections.rebuild(on_put_right=lambda name, rows: wrong.append((name, rows)))
        assert wrong == []


ONE = ["0301234567", "+49 30 1234567", "0049301234567", "+49 (0)30 / 1234567", "(030) 123 45-67"]


def test_without_a_default_country_numbers_are_compared_as_they_were_written(crm: Regulars) -> None:
    crm.do([RegisterCustomer(ref=each, phone=each) for each in ONE])
    assert who_share(crm) == [{"0301234567", "(030) 123 45-67"}]


def test_a_rollback_takes_the_default_country_back(crm: Regulars) -> None:
    crm.do([RegisterCustomer(ref=str(place), phone=each) for place, each in enumerate(ONE)])
    crm.rules.publish(at_home_in("DE"), reason="we are at home there")
    assert who_share(crm) == [{"0", "1", "2", "3", "4"}]
    crm.rules.rollback(reason="a mistake")
    assert who_share(crm) == [{"0", "4"}]
    assert crm.check_records().holds


def test_another_process_finds_by_the_country_that_was_published_meanwhile(database_url: str, crm: Regulars) -> None:
    with opened(database_url, clock) as other:
        other.do(RegisterCustomer(ref="before", phone="030 1234567"))
        crm.rules.publish(at_home_in("DE"), reason="we are at home there")
        other.do(RegisterCustomer(ref="after", phone="+49 30 1234567"))
        assert who_share(other) == who_share(crm) == [{"before", "after"}]
        assert crm.check_records().holds


def test_numbers_of_other_countries_are_not_joined(crm: Regulars) -> None:
    crm.rules.publish(at_home_in("DE"), reason="we are at home there")
    crm.do([RegisterCustomer(ref=each, phone=each) for each in ("030 1234567", "+43 30 1234567", "+4930123456")])
    assert who_share(crm) == who_nearly_share(crm) == []


def test_what_is_no_one_number_is_still_found_as_it_was_written(crm: Regulars) -> None:
    crm.rules.publish(at_home_in("DE"), reason="we are at home there")
    odd = "030 1234567 / 0171 7654321"
    crm.do([RegisterCustomer(ref=who, phone=odd) for who in ("a", "b")])
    crm.do([RegisterCustomer(ref=who, phone="112") for who in ("c", "d")])
    assert sorted(who_share(crm), key=str) == sorted([{"a", "b"}, {"c", "d"}], key=str)


def test_a_changed_and_a_former_number_follow_the_country_too(crm: Regulars) -> None:
    crm.do([RegisterCustomer(ref="a", phone="030 1234567"), RegisterCustomer(ref="b", phone="+49 30 7654321")])
    crm.do(ChangeContactDetails(customer="a", phone="030 7654321"))
    crm.rules.publish(at_home_in("DE"), reason="we are at home there")
    assert who_share(crm) == [{"a", "b"}]
    with pytest.raises(NotFound, match="no customer has"):
        crm.find("+49 30 1234567")
    crm.do(ErasePersonalData(customer="a", confirm=True))
    assert crm.customer(crm.find("030/7654321")).ref == "b"


def test_a_number_of_several_finds_nobody_and_says_so(crm: Regulars) -> None:
    crm.do([RegisterCustomer(ref=who, phone="+49 30 1234567") for who in ("a", "b")])
    with pytest.raises(NotFound, match="2 customers have the phone number"):
        crm.find("+49301234567")


@pytest.mark.parametrize("country", ["XX", "de", "Germany", ""])
def test_what_is_no_country_is_refused_by_the_grammar_of_rules(country: str) -> None:
    with pytest.raises(InvalidRules, match=r"business: .* is not a country in two letters of ISO 3166, such as \"DE\""):
        at_home_in(country)


def test_rules_without_a_country_keep_their_digest() -> None:
    assert "country" not in at_home_in(None).canonical()


def test_a_process_without_the_keys_publishes_no_other_country(database_url: str, crm: Regulars) -> None:
    crm.do([RegisterCustomer(ref=who, phone="030 1234567") for who in ("a", "b")])
    with opened(database_url, clock) as other:
        assert who_share(other) == [{"a", "b"}]
        crm.keys.rotate(new_master_key())
        with pytest.raises(StoreUnusable, match="master key"):
            other.rules.publish(at_home_in("DE"), reason="we are at home there")
    assert len(crm.rules.history()) == 1


def test_an_address_with_a_sharp_s_is_another_than_one_with_two(crm: Regulars) -> None:
    crm.do([RegisterCustomer(ref=who, email=who) for who in ("weiß@example.com", "weiss@example.com")])
    assert list(crm.duplicates()) == []
    crm.do(RegisterCustomer(ref="c", email=" WEI\u1e9e@EXAMPLE.com\u200b"))
    assert [{one.ref for one in each.customers} for each in crm.duplicates()] == [{"weiß@example.com", "c"}]


MAPPING = """
format = "csv"
match = ["phone"]
[customer]
ref = "shop:{id}"
phone = "{phone}"
"""


def test_an_import_matches_by_phone_under_the_default_country(crm: Regulars, tmp_path: Path) -> None:
    crm.rules.publish(at_home_in("DE"), reason="we are at home there")
    crm.do(RegisterCustomer(ref="crm:1", phone="030 1234567"))
    (tmp_path / "mapping.toml").write_text(MAPPING, encoding="utf-8")
    rows = ["1,+49 30 1234567", "2,0049301234567", "3,0171 7654321", "4,+49171 7654321"]
    (tmp_path / "people.csv").write_text("id,phone\n" + "\n".join(rows) + "\n", encoding="utf-8")
    crm.import_file(tmp_path / "people.csv", tmp_path / "mapping.toml")
    first, second = crm.customer("crm:1").id, crm.customer("shop:3").id
    assert [crm.customer(f"shop:{each}").id for each in (1, 2, 3, 4)] == [first, first, second, second]
    assert who_share(crm) == []


def test_whether_a_look_up_holds_is_asked_of_one_customers_rows_alone(
    sqlite_database_url: str,
) -> None:
    asked: list[tuple[str, object]] = []
    with opened(sqlite_database_url, clock) as crm:
        crm.do([RegisterCustomer(ref=who, phone="+49 30 1234567") for who in ("a", "b")])
        with crm._store.reading() as tx:
            sa.event.listen(tx.connection.engine, "before_cursor_execute", lambda *given: asked.append(given[2:4]))
            assert len(tx.shared_lookups(10, ("", ""))) == 1
            plans = [
                str(tx.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all())
                for statement, parameters in tuple(asked)
                if "later" in statement
            ]
    assert len(plans) == 2
    assert all("SEARCH later USING INDEX regulars_lookups_customer (customer_id=?)" in plan for plan in plans)


def test_a_default_country_stands_in_the_rules_as_they_are_shown_and_moves_nobody(crm: Regulars) -> None:
    german = at_home_in("DE")
    assert parse_rules(as_toml(german)) == german
    crm.do(RegisterCustomer(ref="a", phone="030 1234567"))
    assert list(crm.rules.diff(german).moves) == []
    before = crm.projections.generations()[-1].builds
    crm.rules.publish(german, reason="we are at home there")
    assert crm.projections.generations()[-1].builds == before
