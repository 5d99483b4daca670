"""Whatever is printed as CSV is a workbook and CSV for Excel, too, and says the same in each."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from math import isclose
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import python_calamine
import typer.main

from regulars.cli.app import app
from regulars.crm_domain.money import is_plain_number
from saying import Once, Say
from shops import default_text

BERLIN = ZoneInfo("Europe/Berlin")
FORMS = {"--csv", "--raw", "--excel", "--xlsx"}

RULES = """
[due_again]
gaps = { coffee = 31 }
[[segment]]
id = "quiet"
enter = [{ fact = "days_since_order", above = 30 }]
[[care]]
id = "years"
on = "first_order"
ahead_days = 300
"""

PLAN = (
    "PlanCampaign campaign_id=tea title=Tea kind=a channel=post purpose=news "
    'customers=["shop:a","shop:b"] occurred_at=2024-05-03'
)
WORDS = (
    "RegisterCustomer ref=shop:a name==1+1 occurred_at=2024-01-01 --currency EUR",
    'RecordPurchase customer=shop:a order_id=A-1 amount=200.00 occurred_at=2024-01-02 lines=[{"sku":"coffee"}]',
    "RegisterCustomer ref=shop:b occurred_at=2024-01-01",
    'RecordPurchase customer=shop:b order_id=B-1 amount=30.50 occurred_at=2024-02-02 lines=[{"sku":"coffee"}]',
    'RecordPurchase customer=shop:b order_id=B-2 amount=9.90 occurred_at=2024-04-02 lines=[{"sku":"coffee"}]',
    "GiveConsent customer=shop:b channel=email purpose=news occurred_at=2024-02-02",
    "EnrollMember customer=shop:b occurred_at=2024-02-02",
    "AdjustPoints customer=shop:b points=70 reason=sorry",
    "RecordSurveySent customer=shop:a survey_id=S-1 survey=nps channel=email occurred_at=2024-05-01",
    "RecordSurveyAnswer customer=shop:a survey=nps score=3 survey_id=S-1 occurred_at=2024-05-02",
    "OpenTicket customer=shop:b ticket_id=T-1 complaint=true occurred_at=2024-05-01",
    "ReplyAsAgent ticket_id=T-1 occurred_at=2024-05-01T12:00",
    "ResolveTicket ticket_id=T-1 occurred_at=2024-05-02",
    "OpenOpportunity customer=shop:a opportunity_id=O-1 amount=100.00 occurred_at=2024-02-02",
    'SendQuote customer=shop:a quote_id=Q-1 lines=[{"sku":"a","unit_price":"9","tax_rate":"7"}] occurred_at=2024-05-03',
    "SignContract customer=shop:b contract_id=C-1 start=2024-02-01 amount=120.00 occurred_at=2024-05-03",
    "GiveConsent customer=shop:a channel=post purpose=news occurred_at=2024-02-02",
    "GiveConsent customer=shop:b channel=post purpose=news occurred_at=2024-02-02",
    PLAN,
    "AddTask task_id=K-1 customer=shop:a what==1+1 due=2024-06-02 occurred_at=2024-05-03",
    "CreateCoupon coupon_id=SUMMER10 percent=10 up_to=20.00 in_all=9 occurred_at=2024-05-03",
)

#: Every command with --csv, as it has something to list; `forecast`, of which a model must be fitted, is elsewhere.
LISTS = {
    "tasks": "tasks",
    "today": "today",
    "reminders": "reminders",
    "quotes": "quotes",
    "contracts": "contracts",
    "coupon list": "coupon list",
    "leads": "leads",
    "customers": "customers",
    "segment": "segment quiet",
    "audit": "audit",
    "due": "due --value any",
    "value": "value",
    "service": "service --by month",
    "satisfaction": "satisfaction --by stage",
    "trend": "trend stage",
    "flow": "flow 2024-01-31 2024-05-31 stage",
    "cohorts": "cohorts",
    "rfm": "rfm",
    "revenue": "revenue",
    "liability": "liability",
    "contactable": "contactable --channel email --purpose news",
    "campaign who": "campaign who tea",
    "campaign offers": "campaign offers tea",
    "pipeline show": "pipeline show",
    "pipeline waterfall": "pipeline waterfall 2024-01-31 2024-05-31",
    "pipeline stages": "pipeline stages",
    "pipeline stale": "pipeline stale",
    "pipeline forecast": "pipeline forecast",
    "pipeline calibration": "pipeline calibration",
}
BESIDE = ("due shop:b", "flow 2024-01-01 2024-01-31 stage --list lead:new", "liability --expiring 9999d")

#: Columns of text in which a number may stand.
TEXTS = {"rfm": {"orders"}, "audit": {"old", "new"}}


@pytest.fixture
def shop(say: Say, tmp_path: Path, once: Once) -> Say:
    def trade() -> None:
        for line in WORDS:
            assert say("do", *line.split()).status == 0
        (tmp_path / "rules.toml").write_text(f"{default_text()}\n{RULES}", encoding="utf-8")
        assert say("rules", "publish", "rules.toml", "--reason", "it runs out").status == 0
        assert say("campaign", "launch", "tea").status == 0

    once(trade)
    return say


def options() -> Iterator[tuple[str, set[str]]]:
    """All commands as they are when they are run, with their options."""

    def listed(command: Any, path: str) -> Iterator[tuple[str, set[str]]]:
        for name, inner in getattr(command, "commands", {}).items():
            yield from listed(inner, f"{path} {name}".strip())
        loaded = command.make_context(path, [], resilient_parsing=True).command
        yield path, {option for each in loaded.params for option in each.opts}

    return listed(typer.main.get_command(app), "")


def test_a_command_has_all_forms_of_rows_or_none() -> None:
    with_rows = {path: FORMS & found for path, found in options() if FORMS & found}
    assert with_rows == dict.fromkeys([*LISTS, "forecast"], FORMS)


@pytest.mark.parametrize("typed", [*LISTS.values(), *BESIDE])
def test_every_form_says_the_same(shop: Say, typed: str) -> None:
    words = typed.split()
    header, *lines = csv.reader(io.StringIO(shop(*words, "--csv", "--raw").out))
    assert lines
    assert shop(*words, "--xlsx", "list.xlsx").out == f"{len(lines):,} rows in list.xlsx\n"
    sheet = python_calamine.CalamineWorkbook.from_path("list.xlsx").get_sheet_by_index(0).to_python()
    assert sheet[0] == header
    for row, line in zip(sheet[1:], lines, strict=True):
        for name, cell, text in zip(header, row, line, strict=True):
            assert_same(cell, text, is_text=name in TEXTS.get(words[0], ()))
    for decimals, sign in (("comma", ";"), ("point", ",")):
        out = shop(*words, "--excel", decimals).out
        found = list(csv.DictReader(io.StringIO(out.removeprefix("\ufeff")), delimiter=sign))
        assert len(found) == len(lines)
        for told, line in zip(found, lines, strict=True):
            for (name, cell), text in zip(told.items(), line, strict=True):
                if is_plain_number(text) and name not in TEXTS.get(words[0], ()):
                    assert cell.replace(",", "." if decimals == "comma" else ",") == text


def assert_same(cell: object, text: str, *, is_text: bool) -> None:
    """That a cell of a workbook is what a CSV says: a number and a time as such, in the business's zone."""
    if is_text:
        assert cell == text
    elif is_plain_number(text):
        assert isinstance(cell, float)
        assert isclose(cell, float(text), rel_tol=1e-14)  # a workbook has 15 digits
    elif "T" in text and text[:4].isdigit():
        assert isinstance(cell, date)  # as midnight is read
        apart = datetime.fromisoformat(f"{cell}").replace(tzinfo=BERLIN) - datetime.fromisoformat(text)
        assert abs(apart) < timedelta(seconds=1)
    elif isinstance(cell, date):
        assert f"{cell:%Y-%m-%d}" == text
    elif isinstance(cell, bool):
        assert str(cell) == text
    else:
        assert cell == text


@pytest.mark.parametrize("typed", [*LISTS.values(), "forecast"])
def test_one_form_is_chosen(say: Say, typed: str) -> None:
    for forms in (["--csv", "--json"], ["--excel", "comma", "--xlsx", "x.xlsx"], ["--json", "--xlsx", "x.xlsx"]):
        said = say(*typed.split(), *forms)
        assert (said.status, said.out) == (2, "")
        assert "choose one of them" in said.err
    assert "only together with --csv" in " ".join(say(*typed.split(), "--excel", "point", "--raw").err.split())
    assert not list(Path().iterdir())
