"""The page of whoever is signed in: their password and their language."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest

import regulars
from consoles import PASSWORD, Clock, Served, add_users, served, sign_in, signed_in, token_on
from regulars import Regulars
from regulars.web.console.attempts import FREE
from regulars.web.console.words import Words

NEW = "a longer walk in the hills"


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Served]:
    with regulars.open(tmp_path / "shop.db", currency="EUR", clock=Clock()) as crm:
        add_users(crm)
        with served(crm, users=True, clock=Clock()) as console:
            yield console


def change(client: httpx.Client, password: str, new: str, again: str | None = None) -> httpx.Response:
    token = token_on(client.get("/me").text)
    fields = {"form_token": token, "password": password, "new": new, "again": new if again is None else again}
    return client.post("/me", data=fields)


def test_a_password_is_changed_by_whoever_knows_it(console: Served) -> None:
    with signed_in(console, "jon") as jon, signed_in(console, "jon") as elsewhere:
        assert change(jon, PASSWORD, NEW).headers["location"] == "/sign-in"
        for client in (jon, elsewhere):
            assert client.get("/me").headers["location"] == "/sign-in"
        assert sign_in(jon, "jon", PASSWORD).status_code == 401
        assert sign_in(jon, "jon", NEW).status_code == 303
        assert "jon" in jon.get("/me").text


@pytest.mark.parametrize(
    ("password", "new", "again", "said"),
    [
        ("something else altogether", NEW, NEW, "This is not your password."),
        (PASSWORD, NEW, NEW + "!", "typed in two ways"),
        (PASSWORD, "short", "short", "12 to 256 characters"),
    ],
)
def test_nothing_is_changed_by_anything_else(console: Served, password: str, new: str, again: str, said: str) -> None:
    with signed_in(console, "kim") as kim:
        answer = change(kim, password, new, again)
        assert answer.status_code == 400
        assert said in answer.text
        assert "kim" in kim.get("/me").text
        assert new not in answer.text


def test_a_password_is_not_guessed_here_more_often_than_at_the_door(console: Served) -> None:
    with signed_in(console, "kim") as kim:
        answers = [change(kim, f"a guess of no use {number}", NEW).status_code for number in range(FREE + 1)]
    assert answers == [400] * FREE + [429]


def test_who_started_the_console_has_no_password_and_a_language() -> None:
    with regulars.open(":memory:", clock=Clock()) as crm:
        _without_users(crm)


def _without_users(crm: Regulars) -> None:
    with served(crm) as console, console.browser() as client:
        client.get(console.entry)
        page = client.get("/me").text
        assert "there is no password to change" in page
        fields = {"form_token": token_on(page), "language": "zh-Hans"}
        client.post("/language", data=fields, headers={"Referer": f"{console.address}/me"})
        assert '<html lang="zh-Hans">' in client.get("/me").text
        assert change(client, PASSWORD, NEW).status_code == 400


def test_times_have_no_seconds_in_any_language() -> None:
    at = datetime(2026, 3, 1, 20, 5, 59, tzinfo=UTC)
    zone = ZoneInfo("Europe/Berlin")
    assert Words("en", zone, "EUR").minute(at).replace("\u202f", " ") == "Mar 1, 2026, 9:05 PM"
    assert Words("zh-Hans", zone, "EUR").minute(at) == "2026年3月1日 21:05"
