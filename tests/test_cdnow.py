"""69,659 real orders: imported, imported again, and judged as a script that shares no code with us judges them."""

from __future__ import annotations

import gzip
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest

import regulars
from regulars import Customer, Regulars
from regulars.crm_domain.purchase import PurchaseRecorded

sys.path.insert(0, str(Path(__file__).parent / "independent"))
import cdnow

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data" / "cdnow"
MASTER, SAMPLE = DATA / "CDNOW_master.txt.gz", DATA / "CDNOW_sample.txt"
RULES = ROOT / "src" / "regulars" / "rules.toml"

pytestmark = [
    pytest.mark.skipif(not MASTER.exists(), reason=f"the CDNOW data is not at {DATA}"),
    pytest.mark.xdist_group("cdnow"),
]


@pytest.fixture(scope="module")
def crm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Regulars]:
    with regulars.open(tmp_path_factory.mktemp("cdnow") / "cdnow.db", currency="USD", actor="import") as opened:
        report = opened.import_file(MASTER, ROOT / "examples" / "cdnow-master.toml")
        assert (report.rows, report.rejected, report.unchanged) == (69_659, 0, 0)
        yield opened


@cache
def expected_on(day: date) -> dict[str, Any]:
    return cdnow.verdicts(MASTER, RULES, day)


def everyone(crm: Regulars, as_of: date) -> Iterator[Customer]:
    after = None
    while True:
        page = crm.customers(as_of=as_of, limit=1000, after=after)
        yield from page
        after = page.after
        if after is None:
            return


def compared(crm: Regulars, as_of: date, expected: dict[str, Any]) -> list[str]:
    """The references of everyone as of a day, whose verdicts are all as expected."""
    seen = []
    for customer in everyone(crm, as_of):
        wanted: dict[str, Any] = expected[str(customer.ref)]
        assert _verdict(customer) == {name: wanted[name] for name in _verdict(customer)}
        seen.append(str(customer.ref))
    return seen


def one_in_twenty(remainder: int) -> tuple[str, list[str]]:
    """The header of the file, and the rows of some of its customers."""
    with gzip.open(MASTER, "rt", encoding="ascii") as file:
        header, *rows = file
    return header, [line for line in rows if int(line.split()[0]) % 20 == remainder]


def test_every_customer_and_every_dollar_is_there(crm: Regulars) -> None:
    customers = list(everyone(crm, date(1998, 6, 30)))
    assert len(customers) == 23_570
    assert sum(customer.orders for customer in customers) == 69_659
    assert sum(customer.net_spend for customer in customers) == Decimal("2500315.63")


def test_the_orders_of_zero_are_kept(crm: Regulars) -> None:
    assert sum(recorded.event.amount == 0 for recorded in crm.events(types=PurchaseRecorded)) == 80


def test_importing_it_again_changes_nothing(crm: Regulars) -> None:
    before = crm.status()
    report = crm.import_file(MASTER, ROOT / "examples" / "cdnow-master.toml")
    assert (report.rows, report.events, report.unchanged) == (69_659, 0, 69_659)
    assert crm.status().events == before.events == 69_659 + 23_570


def test_cohorts_and_revenue_are_what_a_few_lines_over_the_file_add_up(crm: Regulars) -> None:
    with gzip.open(MASTER, "rt", encoding="utf-8") as file:
        rows = [line.split() for line in file.readlines()[1:]]
    months: dict[str, set[str]] = {}
    cents, new_cents = Counter[str](), Counter[str]()
    for who, day, _, dollars in sorted(rows, key=lambda row: row[1]):
        month = f"{day[:4]}-{day[4:6]}"
        months.setdefault(who, set()).add(month)
        cents[month] += int(Decimal(dollars) * 100)
        new_cents[month] += int(Decimal(dollars) * 100) if min(months[who]) == month else 0
    span = {"since": date(1997, 1, 1), "until": date(1998, 6, 30)}
    names = sorted(cents)
    assert len(names) == 18

    cohorts = crm.cohorts(**span).cohorts
    for place, cohort in enumerate(cohorts):
        members = [theirs for theirs in months.values() if min(theirs) == names[place]]
        said = [each.customers for each in cohort.retained][: len(names) - place]
        assert (cohort.period, said) == (names[place], [sum(n in each for each in members) for n in names[place:]])
    assert sum(each.customers for each in cohorts) == 23_570  # all of whom came in the first quarter of 1997
    assert [each.customers for each in cohorts[3:]] == [0] * 15

    revenue = crm.revenue(**span).periods
    assert [(each.total * 100, each.new * 100) for each in revenue] == [(cents[n], new_cents[n]) for n in names]
    assert sum(each.orders for each in revenue) == 69_659


def test_the_sample_is_part_of_the_master(crm: Regulars) -> None:
    report = crm.import_file(SAMPLE, ROOT / "examples" / "cdnow-sample.toml")
    assert (report.rows, report.events, report.rejected) == (6_919, 0, 0)


@pytest.mark.parametrize("as_of", [date(1997, 9, 30), date(1998, 6, 30)])
def test_every_verdict_is_what_an_independent_script_works_out(crm: Regulars, as_of: date) -> None:
    """From the same read model, without a rebuild."""
    expected = expected_on(as_of)
    generation = crm.status().generation
    assert len(compared(crm, as_of, expected)) == len(expected)
    assert crm.status().generation == generation


@pytest.mark.parametrize("order", ["newest first", "shuffled"])
def test_in_whatever_order_the_rows_come_every_verdict_is_the_same(order: str, tmp_path: Path) -> None:
    header, some = one_in_twenty(0)
    if order == "shuffled":
        Random(1).shuffle(some)
    else:
        some.sort(key=lambda line: line.split()[1], reverse=True)
    (tmp_path / "some.txt").write_text(header + "".join(some), encoding="ascii")
    with regulars.open(tmp_path / "cdnow.db", currency="USD", actor="import") as crm:
        report = crm.import_file(tmp_path / "some.txt", ROOT / "examples" / "cdnow-master.toml")
        assert (report.rows, report.rejected, report.unchanged) == (len(some), 0, 0)
        for as_of in (date(1997, 9, 30), date(1998, 6, 30)):
            seen = compared(crm, as_of, expected_on(as_of))
            assert len(seen) == len({line.split()[0] for line in some if line.split()[1] <= f"{as_of:%Y%m%d}"})


def test_without_the_newer_rules_every_verdict_is_as_it_was(tmp_path: Path) -> None:
    older = tmp_path / "older.toml"
    text = RULES.read_text(encoding="utf-8")
    for newer in ("returns_take_back = true", "buying_days = true"):
        assert text.count(newer) == 1
        text = text.replace(newer, newer.replace("true", "false"))
    older.write_text(text, encoding="utf-8")
    header, some = one_in_twenty(1)
    (tmp_path / "some.txt").write_text(header + "".join(some), encoding="ascii")
    with regulars.open(tmp_path / "cdnow.db", rules=regulars.parse_rules(text), currency="USD", actor="import") as crm:
        crm.import_file(tmp_path / "some.txt", ROOT / "examples" / "cdnow-master.toml")
        as_of = date(1998, 6, 30)
        expected = cdnow.verdicts(MASTER, older, as_of)
        seen = compared(crm, as_of, expected)
        # The rules make a difference for some.
        assert any(expected[ref]["risk"] != expected_on(as_of)[ref]["risk"] for ref in seen)


@pytest.mark.parametrize("as_of", [date(1997, 9, 30), date(1998, 6, 30)])
def test_the_parts_of_the_risk_are_what_the_script_works_out(crm: Regulars, as_of: date) -> None:
    expected = expected_on(as_of)
    for ref in sorted(expected)[::500]:
        risk = crm.customer(ref, as_of=as_of).verdict("risk")
        points = {clause.id: int(clause.sentence.rsplit("(", 1)[1].split()[0]) for clause in risk.reasons}
        assert points == expected[ref]["risk_points"]
        assert sum(clause.contribution or 0 for clause in risk.reasons) == risk.score


def _verdict(customer: Customer) -> dict[str, object]:
    return {
        "stage": customer.stage,
        "tier": customer.tier,
        "risk": customer.risk,
        "risk_band": customer.risk_band,
        "orders": customer.orders,
        "net_spend": str(customer.net_spend),
    }
