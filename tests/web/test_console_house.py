"""House-keeping in the console: the owner's alone, each piece of work once, and what came of it in a sentence."""

from __future__ import annotations

import re
import shutil
import sqlite3
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest

import regulars
from consoles import NOON, PASSWORD, Clock, Served, add_users, served, sign_in, signed_in, token_on
from regulars import RegisterCustomer, Regulars
from regulars.web.console import background

UTC = ZoneInfo("UTC")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop with a user of each role, made once, as passwords take their time."""
    path = tmp_path_factory.mktemp("shop") / "shop.db"
    with regulars.open(path, currency="EUR", clock=Clock()) as crm:
        add_users(crm)
        for number, name in enumerate(("Ada Lovelace", "O'Brien <b>", "顾客", "\u202eevil")):
            crm.do(RegisterCustomer(ref=f"shop:{number}", name=name))
    return path


@pytest.fixture
def shop(prepared: Path, tmp_path: Path, clock: Clock) -> Iterator[Regulars]:
    with regulars.open(shutil.copy(prepared, tmp_path / "shop.db"), clock=clock) as crm:
        yield crm


@pytest.fixture
def console(shop: Regulars, clock: Clock) -> Iterator[Served]:
    with served(shop, users=True, clock=clock) as console:
        yield console


@pytest.fixture
def mara(console: Served) -> Iterator[httpx.Client]:
    with signed_in(console, "mara") as client:
        yield client


def send(client: httpx.Client, path: str, act: str, **fields: str) -> httpx.Response:
    return client.post(path, data={"form_token": token_on(client.get(path).text), "act": act} | fields)


def worked_off(client: httpx.Client) -> str:
    """The page once nothing is at work."""
    for _ in range(500):
        page = client.get("/house").text
        if "<progress" not in page:
            return page
        time.sleep(0.02)
    raise AssertionError("it is still at work")


def test_the_state_of_the_store_is_there_and_nobodys_name(mara: httpx.Client, shop: Regulars) -> None:
    shop.forget("shop:0", reason="asked by letter")
    page = mara.get("/house").text
    assert "<b>4</b> customers" in page
    assert "<b>1</b> forgotten" in page
    assert "asked by letter" in page
    assert "Nothing is sealed yet." in page
    assert not any(each in page for each in ("Ada", "Brien", "顾客", "evil"))


@pytest.mark.parametrize("path", ["/house", "/access"])
def test_a_clerk_and_a_reader_see_nothing_of_it(console: Served, shop: Regulars, path: str) -> None:
    for name in ("kim", "jon"):
        with console.browser() as client:
            sign_in(client, name)
            form = {"form_token": token_on(client.get("/").text), "act": "prune"}
            assert client.get(path).status_code == 403
            assert client.post(path, data=form).status_code == 403
            assert f'href="{path}"' not in client.get("/").text


def test_forms_without_the_token_do_nothing(mara: httpx.Client, shop: Regulars) -> None:
    assert mara.post("/house", data={"act": "seal"}).status_code == 403
    assert mara.post("/access", data={"act": "disable", "name": "kim"}).status_code == 403
    assert shop.last_seal() is None
    assert all(each.disabled_at is None for each in shop.users.list())


def test_sealing_checking_verifying_and_rebuilding_say_what_came_of_them(mara: httpx.Client, shop: Regulars) -> None:
    before = shop.status().generation
    said = {
        "seal": "4 events were sealed.",
        "check_seals": "All well: 4 sealed events are as they were; 0 came after the last seal.",
        "verify": "All well: what is stored is what the log says, of 4 customers.",
        "rebuild": f"Rebuilt: generation {before + 1} answers.",
    }
    for act, sentence in said.items():
        assert send(mara, "/house", act).status_code == 303
        assert sentence in worked_off(mara)
    assert shop.status().generation == before + 1
    sealed = shop.last_seal()
    assert sealed is not None
    assert (sealed.last, sealed.sealed_at) == (4, NOON)
    assert send(mara, "/house", "go_back").status_code == 303
    assert shop.status().generation == before


def test_an_event_that_was_changed_after_it_was_sealed_is_found(mara: httpx.Client, shop: Regulars) -> None:
    send(mara, "/house", "seal")
    worked_off(mara)
    with sqlite3.connect(shop.files[0]) as outside:
        outside.execute("UPDATE regulars_events SET recorded_at = recorded_at + 1 WHERE position = 2")
    send(mara, "/house", "check_seals")
    assert "1 events and 0 seals are not as they were sealed." in worked_off(mara)


def test_what_can_not_be_done_is_a_sentence(mara: httpx.Client) -> None:
    answer = send(mara, "/house", "go_back")
    assert (answer.status_code, "No generation was live before this one" in answer.text) == (500, True)
    assert send(mara, "/house", "schedule", hour="24", keep="7").status_code == 400
    assert send(mara, "/house", "burn").status_code == 400


def test_the_pages_answer_for_an_empty_store_in_memory(clock: Clock) -> None:
    pages = ("/house", "/access", "/import")
    with (
        regulars.open(":memory:", clock=clock) as crm,
        served(crm, clock=clock) as console,
        console.browser() as client,
    ):
        client.get(console.entry)
        assert [client.get(each).status_code for each in (*pages, "/calendar.ics")] == [200] * 4
        assert "pg_dump" in client.get("/house").text
        assert send(client, "/house", "schedule", hour="3", keep="7").status_code == 500
        dated = "?as_of=2027-01-01&known_at=2026-01-01"
        assert [client.get(each + dated).status_code for each in pages] == [200] * 3


# ------------------------------------------------------------------------------------------------------------- backups


def test_a_backup_now_is_a_store_of_its_own(mara: httpx.Client, shop: Regulars) -> None:
    send(mara, "/house", "backup")
    assert "Copied to shop-2026-06-01T120000Z.db" in worked_off(mara)
    folder = shop.backups.folder
    assert folder is not None
    assert folder.stat().st_mode & 0o777 == 0o700
    with regulars.open(folder / "shop-2026-06-01T120000Z.db", read_only=True) as copy:
        assert copy.event_count == 4


def test_a_planned_backup_is_made_once_a_day_at_its_hour_and_the_last_few_are_kept(
    mara: httpx.Client, shop: Regulars, clock: Clock
) -> None:
    assert send(mara, "/house", "schedule", hour="3", keep="2").status_code == 303
    made = []
    for _ in range(24 * 4):
        clock.go_on(timedelta(hours=1))
        done = shop.backups.make_if_due(UTC)
        if done is not None:
            made.append(done.at)
    assert made == [NOON + timedelta(days=day, hours=15) for day in range(4)]
    assert [each.name for each in shop.backups.kept()] == ["shop-2026-06-05T030000Z.db", "shop-2026-06-04T030000Z.db"]
    sign_in(mara, "mara")
    assert "Planned at 3:00" in mara.get("/house").text
    send(mara, "/house", "unschedule")
    clock.go_on(timedelta(days=2))
    assert shop.backups.make_if_due(UTC) is None
    assert len(shop.backups.kept()) == 2


def test_one_that_was_missed_is_made_when_the_console_runs_again(shop: Regulars, clock: Clock) -> None:
    shop.backups.schedule(hour=3, keep=7)
    clock.go_on(timedelta(days=5))
    with served(shop, clock=clock), background.working(shop, clock) as beside:
        background.look_once(shop, beside)
        background.look_once(shop, beside)
    assert [each.name for each in shop.backups.kept()] == ["shop-2026-06-06T120000Z.db"]


def test_one_that_fails_says_so_keeps_the_others_and_waits_for_the_next_day(
    mara: httpx.Client, shop: Regulars, clock: Clock
) -> None:
    folder = shop.backups.folder
    assert folder is not None
    shop.backups.schedule(hour=3, keep=1)
    folder.write_text("in the way")
    clock.go_on(timedelta(days=1))
    failed = shop.backups.make_if_due(UTC)
    assert failed is not None
    assert failed.problem
    assert shop.backups.make_if_due(UTC) is None
    sign_in(mara, "mara")
    assert 'class="problem"' in mara.get("/house").text
    folder.unlink()
    clock.go_on(timedelta(days=1))
    made = shop.backups.make_if_due(UTC)
    assert made is not None
    assert made.file


def test_files_that_are_no_backups_of_ours_are_left_alone(shop: Regulars, clock: Clock) -> None:
    shop.backups.schedule(hour=3, keep=1)
    folder = shop.backups.folder
    assert folder is not None
    folder.mkdir()
    for name in ("shop.db", "shop-before-the-move.db", "notes.txt"):
        (folder / name).write_text("mine")
    for _ in range(3):
        clock.go_on(timedelta(days=1))
        shop.backups.make_if_due(UTC)
    assert len(list(folder.iterdir())) == 4


# -------------------------------------------------------------------------------------------------------------- access


def test_users_are_added_changed_kept_out_and_let_in_again(console: Served, mara: httpx.Client, shop: Regulars) -> None:
    assert send(mara, "/access", "add_user", name="lin", role="clerk", password=PASSWORD).status_code == 303
    with console.browser() as lin:
        assert sign_in(lin, "lin").status_code == 303
        send(mara, "/access", "disable", name="lin")
        assert lin.get("/").status_code == 303
        assert sign_in(lin, "lin").status_code == 401
        send(mara, "/access", "enable", name="lin")
        send(mara, "/access", "set_role", name="lin", role="reader")
        send(mara, "/access", "set_password", name="lin", password="another walk by the sea")
        assert sign_in(lin, "lin").status_code == 401
        assert sign_in(lin, "lin", "another walk by the sea").status_code == 303
        assert lin.get("/import").status_code == 403


def test_nobody_shuts_themselves_out(mara: httpx.Client) -> None:
    assert send(mara, "/access", "disable", name="mara").status_code == 403
    assert send(mara, "/access", "set_role", name="mara", role="reader").status_code == 403
    assert mara.get("/access").status_code == 200


def test_what_is_wrong_about_a_user_is_said_on_the_page(mara: httpx.Client) -> None:
    short = send(mara, "/access", "add_user", name="lin", role="clerk", password="short")
    assert (short.status_code, "A password has 12 to 256 characters" in short.text) == (400, True)
    assert send(mara, "/access", "add_user", name="kim", role="clerk", password=PASSWORD).status_code == 400
    assert "short" not in short.text


def test_a_token_is_shown_once_works_and_is_revoked(mara: httpx.Client, shop: Regulars) -> None:
    made = send(mara, "/access", "new_token", name="<till>", role="reader")
    text = re.search(r"regulars_[\w-]+", made.text)
    assert text is not None
    assert text[0] not in mara.get("/access").text
    bearer = {"Authorization": f"Bearer {text[0]}"}
    assert mara.get("/api/v1/status", headers=bearer).status_code == 200
    send(mara, "/access", "revoke_token", name="<till>")
    assert mara.get("/api/v1/status", headers=bearer).status_code == 401


# ------------------------------------------------------------------------------------------------------------ calendar


def task_of_ada(shop: Regulars) -> None:
    shop.do(regulars.AddTask(task_id="call", customer="shop:0", what="Call Ada", due=(NOON + timedelta(days=3)).date()))


def test_whoever_is_signed_in_saves_the_calendar_with_names(console: Served, shop: Regulars) -> None:
    task_of_ada(shop)
    with console.browser() as jon:
        assert jon.get("/calendar.ics").status_code == 303
        sign_in(jon, "jon")
        answer = jon.get("/calendar.ics")
    assert answer.headers["content-type"].startswith("text/calendar")
    assert "Call Ada" in answer.text


def test_an_address_opens_the_calendar_alone_until_it_is_revoked(
    console: Served, mara: httpx.Client, shop: Regulars
) -> None:
    task_of_ada(shop)
    made = send(mara, "/access", "new_feed", name="phone")
    address = re.search(r"http://[\d.:]+/calendar/[\w-]{43}\.ics", made.text)
    assert address is not None
    with httpx.Client() as calendar:  # a program, without cookies
        read = calendar.get(address[0])
        assert read.status_code == 200
        assert "BEGIN:VCALENDAR" in read.text
        assert "task call" in read.text
        assert "Ada" not in read.text
        token = address[0].rpartition("/")[2].removesuffix(".ics")
        assert (
            calendar.get(f"{console.address}/api/v1/status", headers={"Authorization": f"Bearer {token}"}).status_code
            == 401
        )
        assert calendar.post(address[0], headers={"Origin": console.address}).status_code == 405
        assert calendar.get(f"{console.address}/calendar/{'x' * 43}.ics").status_code == 404
        assert token.encode() not in shop.files[0].read_bytes()
        send(mara, "/access", "revoke_feed", name="phone")
        assert calendar.get(address[0]).status_code == 404


def test_an_address_says_names_where_it_is_asked_to(mara: httpx.Client, shop: Regulars) -> None:
    task_of_ada(shop)
    made = shop.calendar_feeds.new("phone", names=True)
    assert "Call Ada" in mara.get(f"/calendar/{made.token}.ics").text
    with pytest.raises(regulars.Rejected, match='named "phone"'):
        shop.calendar_feeds.new("phone")
    with pytest.raises(regulars.NotFound):
        shop.calendar_feeds.revoke("nobody's")


def test_an_address_names_how_the_outside_reaches_it(tmp_path: Path, clock: Clock) -> None:
    outside = "https://crm.example.com"
    headers = {"Origin": outside, "Host": "crm.example.com"}
    with (
        regulars.open(tmp_path / "one.db", currency="EUR", clock=clock) as shop,
        served(shop, clock=clock, origins=frozenset({outside})) as console,
        httpx.Client(base_url=console.address, headers=headers) as owner,
    ):
        entered = owner.get(f"/enter?token={console.entry.partition('=')[2]}")
        owner.headers["Cookie"] = entered.headers["set-cookie"].partition(";")[0]  # it is for https alone
        assert f"{outside}/calendar/" in send(owner, "/access", "new_feed", name="phone").text


def test_a_copy_and_a_restored_backup_let_no_calendar_in(shop: Regulars, tmp_path: Path) -> None:
    token = shop.calendar_feeds.new("phone").token
    shop.backups.schedule(hour=3, keep=7)
    regulars.copy(shop.files[0], tmp_path / "copy.db")
    shop.backup(tmp_path / "backup.db")
    regulars.restore(tmp_path / "backup.db", tmp_path / "restored.db")
    for name in ("copy.db", "restored.db"):
        with regulars.open(tmp_path / name) as other:
            assert other.calendar_feeds.find(token) is None
    with regulars.open(tmp_path / "copy.db") as copy:
        assert copy.backups.plan is None
