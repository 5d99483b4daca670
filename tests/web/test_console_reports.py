"""Reports in the console: a picture with its table beside, the same numbers as CSV, and none of it personal."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from pathlib import Path

import httpx
import pytest

import regulars
from consoles import NOON, PASSWORD, Clock, Served, served, signed_in
from regulars import OpenTicket, RecordPurchase, RegisterCustomer, Regulars
from regulars.web.console.pages.reports import MEASURES

#: What must be escaped, quoted, or fits no line.
COURT = ("<b>Ada</b>", "O'Brien & Søn", "=1+1", "李小龍", "\u202eevoli", "x" * 200)

THEN = {"as_of": "2026-05-15", "known_at": "2026-06-01"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Regulars]:
    with regulars.open(tmp_path_factory.mktemp("shop") / "shop.db", currency="EUR", clock=Clock()) as crm:
        for number, name in enumerate(COURT):
            crm.do(RegisterCustomer(ref=f"shop:{number}", name=name, occurred_at=NOON - timedelta(days=200)))
            crm.do(
                RecordPurchase(
                    customer=f"shop:{number}",
                    order_id=f"o{number}",
                    amount="20.00",
                    occurred_at=NOON - timedelta(days=20 * number),
                )
            )
        crm.do(
            OpenTicket(customer="shop:0", ticket_id="t1", subject="<i>late</i>", occurred_at=NOON - timedelta(days=2))
        )
        crm.users.add("jon", role="reader", password=PASSWORD)
        yield crm


@pytest.fixture(scope="module")
def console(shop: Regulars) -> Iterator[Served]:
    with served(shop, users=True, clock=Clock()) as console:
        yield console


@pytest.fixture(scope="module")
def jon(console: Served) -> Iterator[httpx.Client]:
    """A browser of a reader, who may see all reports."""
    with signed_in(console, "jon") as client:
        yield client


def rows_of(answer: httpx.Response) -> list[list[str]]:
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))


@pytest.mark.parametrize("name", MEASURES)
def test_every_report_has_a_picture_and_a_table_and_names_nobody(jon: httpx.Client, name: str) -> None:
    assert f'href="/reports/{name}"' in jon.get("/reports").text
    page = jon.get(f"/reports/{name}", params={"counted": "yes"})
    assert page.status_code == 200
    assert "<svg xmlns" in page.text
    assert "<table>" in page.text
    assert not re.search(r"<svg[^>]*\sstyle=|<style", page.text)
    assert not any(name in page.text for name in ("Ada", "Brien", "李小龍", "shop:"))


@pytest.mark.parametrize("name", MEASURES)
def test_the_dates_at_the_top_are_followed(jon: httpx.Client, name: str) -> None:
    assert jon.get(f"/reports/{name}", params=THEN | {"counted": "yes"}).status_code == 200


@pytest.mark.parametrize("name", [name for name, measure in MEASURES.items() if measure.reads_all])
def test_what_reads_everything_is_counted_when_it_is_asked_for(jon: httpx.Client, name: str) -> None:
    page = jon.get(f"/reports/{name}", params=THEN).text
    assert "<table>" not in page
    offered = re.search(rf'href="(/reports/{name}\?[^"]*)">Count it now', page)
    assert offered is not None
    counted = jon.get(unescape(offered[1])).text
    assert "<table>" in counted or "nothing to tell" in counted
    assert 'name="counted" value="yes"' in counted, "its form counts, too"
    assert 'value="2026-05-15"' in counted, "the dates travel along"


def test_a_trend_is_of_what_was_asked_and_its_file_has_the_same_numbers(shop: Regulars, jon: httpx.Client) -> None:
    asked = {"of": "tier", "by": "week", "since": "2026-05-04", "until": "2026-05-31"}
    page = jon.get("/reports/trend", params=asked).text
    assert "Tier by week" in page
    header, *rows = rows_of(jon.get("/reports/trend/table.csv", params=asked))
    assert len(rows) == 4
    assert [sum(map(int, row[1:])) for row in rows] == [len(COURT)] * 4
    assert set(header[1:]) <= set(shop.values("tier"))


def test_a_flow_adds_up_to_everybody(jon: httpx.Client) -> None:
    _, *rows = rows_of(jon.get("/reports/flow/table.csv", params={"since": "2026-05-01", "until": "2026-06-01"}))
    assert sum(int(row[2]) for row in rows) == len(COURT)


def test_htmx_gets_the_part_that_it_asks_for(jon: httpx.Client) -> None:
    part = jon.get("/reports/trend", headers={"HX-Request": "true", "HX-Target": "report"}).text
    assert "<svg" in part
    assert "<html" not in part


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/reports/nothing", 404),
        ("/reports/trend?of=<b>", 400),
        ("/reports/trend?since=never", 400),
        ("/reports/trend?by=day", 400),
        ("/reports/flow?counted=yes&since=2026-06-01&until=2026-05-01", 400),
    ],
)
def test_what_cannot_be_asked_gets_a_sentence(jon: httpx.Client, path: str, status: int) -> None:
    answer = jon.get(path)
    assert answer.status_code == status
    assert 'role="alert"' in answer.text
    assert "<b>" not in answer.text.replace("<b>%", "")


def test_an_empty_store_has_reports_too(tmp_path: Path) -> None:
    with (
        regulars.open(tmp_path / "empty.db", clock=Clock()) as crm,
        served(crm, clock=Clock()) as console,
        console.browser() as client,
    ):
        client.get(console.entry)
        for name in MEASURES:
            assert client.get(f"/reports/{name}", params={"counted": "yes"}).status_code == 200
            assert client.get(f"/reports/{name}/table.csv").status_code == 200
