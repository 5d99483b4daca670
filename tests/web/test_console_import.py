"""Importing in the console: a file is handed in, recognised, tried out and imported, and is gone afterwards."""

from __future__ import annotations

import csv
import gzip
import io
import re
import shutil
import time
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

import regulars
from consoles import Clock, Served, add_users, served, sign_in, signed_in, token_on
from regulars import RegisterCustomer, Regulars
from regulars.web.console import background, handed_in, jobs

ORDERS = b"""order,customer,email,day,total
1,shop:1,ada@example.com,2026-05-01,19.90
2,shop:2,grace@example.com,2026-05-02,5.00
3,shop:2,grace@example.com,not a day,7.00
"""
MAPPING = """
format = "csv"
currency = "EUR"
zone = "Europe/Berlin"
[customer]
ref = "{customer}"
email = "{email}"
[[command]]
do = "RecordPurchase"
[command.fields]
order_id = "{order}"
amount = "{total}"
occurred_at = "{day}"
"""


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop with a user of each role, made once, as passwords take their time."""
    path = tmp_path_factory.mktemp("shop") / "shop.db"
    with regulars.open(path, currency="EUR", clock=Clock()) as crm:
        add_users(crm)
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
def kim(console: Served) -> Iterator[httpx.Client]:
    with signed_in(console, "kim") as client:
        yield client


def hand_in(client: httpx.Client, name: str, content: bytes) -> httpx.Response:
    form = {"form_token": token_on(client.get("/import").text), "act": "hand_in"}
    return client.post("/import", data=form, files={"file": (name, content)})


def send(client: httpx.Client, path: str, act: str, **fields: str) -> httpx.Response:
    token = token_on(client.get(path).text)
    return client.post(path, data={"form_token": token, "act": act} | fields)


def worked_off(client: httpx.Client, path: str) -> str:
    """The page of a file whose job is done."""
    for _ in range(500):
        page = client.get(path).text
        if "<progress" not in page:
            return page
        time.sleep(0.02)
    raise AssertionError("it is still at work")


def left_over(shop: Regulars) -> list[Path]:
    folder = shop.files[0].with_name("shop.db-handed-in")
    return [each for each in folder.rglob("*") if each.is_file()]


def counts(page: str) -> list[str]:
    return re.findall(r'<li class="tile"><b>([\d,]+)</b> (?:rows|events|changed|refused)', page)


def test_a_file_is_looked_at_tried_out_and_imported(shop: Regulars, kim: httpx.Client) -> None:
    before = shop.event_count
    handed = hand_in(kim, "orders.csv", ORDERS)
    assert handed.status_code == 303
    path = handed.headers["location"]
    assert re.fullmatch(r"/import/[\w-]{32}", path)
    assert "line 2" in send(kim, path, "look", mapping=MAPPING).text

    assert send(kim, path, "try", mapping=MAPPING).status_code == 303
    tried = worked_off(kim, path)
    assert "Tried out; nothing was kept." in tried
    assert counts(tried) == ["3", "4", "0", "1"]
    assert shop.event_count == before

    assert send(kim, path, "import").status_code == 303
    imported = worked_off(kim, path)
    assert counts(imported) == ["3", "4", "0", "1"]
    assert {each.ref for each in shop.customers()} == {"shop:1", "shop:2"}
    assert {each.actor for each in shop.audit()} == {"kim"}
    assert not left_over(shop)

    rows = list(csv.reader(io.StringIO(kim.get(f"{path}/refused").content.decode("utf-8-sig"))))
    assert [(row[0], row[2]) for row in rows[1:]] == [("4", "3,shop:2,grace@example.com,not a day,7.00")]
    assert "2026" not in kim.get(f"{path}/refused").headers["content-disposition"]


def test_the_same_file_again_changes_nothing_and_replaces_what_it_refused(shop: Regulars, kim: httpx.Client) -> None:
    for _ in range(2):
        path = hand_in(kim, "orders.csv", ORDERS).headers["location"]
        send(kim, path, "import", mapping=MAPPING)
        page = worked_off(kim, path)
    assert counts(page) == ["3", "0", "2", "1"]
    assert len(shop.rejects()) == 1


def test_a_known_kind_of_file_is_recognised_by_itself(kim: httpx.Client, shop: Regulars) -> None:
    path = hand_in(kim, "people.csv", b"name,email\nAda Lovelace,ada@example.com\n").headers["location"]
    assert "It looks like a list of customers." in kim.get(path).text
    send(kim, path, "import", mapping="")
    worked_off(kim, path)
    assert [each.name for each in shop.customers()] == ["Ada Lovelace"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.csv", b"", "has no header"),
        ("picture.xlsx", b"PK\x03\x04 and nothing else", "can&#39;t be read"),
        ("\u202egnp.exe", b"\x00\x01\x02", ""),
    ],
)
def test_a_file_that_is_none_of_it_gets_a_sentence(kim: httpx.Client, name: str, content: bytes, said: str) -> None:
    page = kim.get(hand_in(kim, name, content).headers["location"])
    assert page.status_code in (200, 400)
    assert said in page.text
    assert "\u202e" not in page.text


def test_what_unpacks_to_too_much_is_refused(kim: httpx.Client, shop: Regulars) -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        for sheet in range(2):
            with packed.open(f"xl/worksheets/sheet{sheet}.xml", "w") as part:
                for _ in range(64):
                    part.write(bytes(1 << 23))
    page = kim.get(hand_in(kim, "orders.xlsx", bomb.getvalue()).headers["location"])
    assert page.status_code == 400
    assert "unpacks to more than" in page.text
    packed_bytes = gzip.compress(bytes(1 << 26), compresslevel=1) * 16
    answer = hand_in(kim, "orders.csv.gz", packed_bytes)
    assert "unpacks to more than" in answer.text
    assert not any(each.name == "orders.csv.gz" for each in left_over(shop))


def test_a_mapping_that_is_none_is_said_beside_it_and_kept(kim: httpx.Client) -> None:
    path = hand_in(kim, "orders.csv", ORDERS).headers["location"]
    answer = send(kim, path, "try", mapping="format = 'no such'\n<b>")
    assert answer.status_code == 400
    assert "&lt;b&gt;" in answer.text


def test_a_clerk_does_not_import_what_is_the_owners(kim: httpx.Client, shop: Regulars) -> None:
    shop.do(RegisterCustomer(ref="shop:1"))
    mapping = 'format = "csv"\n[[command]]\ndo = "ErasePersonalData"\n[command.fields]\ncustomer = "{customer}"\n'
    mapping += 'reason = "asked"\noccurred_at = "{day}"\n'
    path = hand_in(kim, "orders.csv", ORDERS).headers["location"]
    assert send(kim, path, "import", mapping=mapping).status_code in (400, 403)
    assert not shop.forgotten()


def test_a_file_is_its_users_alone_and_a_reader_hands_in_none(console: Served, kim: httpx.Client) -> None:
    path = hand_in(kim, "orders.csv", ORDERS).headers["location"]
    with console.browser() as mara, console.browser() as jon:
        sign_in(mara, "mara")
        sign_in(jon, "jon")
        assert mara.get(path).status_code == 404
        assert "orders.csv" not in mara.get("/import").text
        assert [jon.get(each).status_code for each in ("/import", path, f"{path}/refused")] == [403, 403, 403]
        assert "/import" not in jon.get("/").text
    assert kim.get("/import/guessed").status_code == 404


def test_forms_without_the_token_do_nothing(kim: httpx.Client, shop: Regulars) -> None:
    path = hand_in(kim, "orders.csv", ORDERS).headers["location"]
    assert kim.post(path, data={"act": "import", "mapping": MAPPING}).status_code == 403
    assert kim.post("/import", files={"file": ("a.csv", b"a,b\n")}).status_code == 403
    assert len(left_over(shop)) == 1


def test_a_form_without_a_file_says_so(kim: httpx.Client) -> None:
    answer = kim.post("/import", data={"form_token": token_on(kim.get("/import").text), "act": "hand_in"})
    assert (answer.status_code, "Choose a file first." in answer.text) == (400, True)


def test_a_file_is_kept_for_an_hour_and_discarded_before_if_one_likes(
    kim: httpx.Client, shop: Regulars, clock: Clock
) -> None:
    first, second = (hand_in(kim, name, ORDERS).headers["location"] for name in ("a.csv", "b.csv"))
    send(kim, first, "discard")
    assert kim.get(first).status_code == 404
    assert [each.name for each in left_over(shop)] == ["b.csv"]
    clock.go_on(timedelta(minutes=61))
    assert kim.get(second).status_code == 404
    assert not left_over(shop)


def test_what_a_killed_server_left_is_deleted_at_the_next_start_and_at_the_end(tmp_path: Path) -> None:
    left = tmp_path / "shop.db-handed-in" / "some" / "orders.csv"
    left.parent.mkdir(parents=True)
    left.write_bytes(ORDERS)
    with regulars.open(tmp_path / "shop.db", currency="EUR") as crm:
        with background.working(crm) as beside:
            assert not left.exists()
            (tmp_path / "new.csv").write_bytes(ORDERS)
            kept = beside.files.keep("kim", "../../etc/new.csv", tmp_path / "new.csv")
            assert kept.path.parent.parent == tmp_path / "shop.db-handed-in"
            assert (tmp_path / "shop.db-handed-in").stat().st_mode & 0o777 == 0o700
        assert not (tmp_path / "shop.db-handed-in").exists()


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("orders.csv", "orders.csv"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\li\\orders.xlsx", "orders.xlsx"),
        ("..", "file"),
        ("a\u202eb\n.csv", "ab .csv"),
        ("顾客名单.csv", "顾客名单.csv"),
        ("x" * 300 + ".csv", "x" * 88 + ".csv"),
    ],
)
def test_the_name_of_a_file_leads_nowhere(given: str, kept: str) -> None:
    assert handed_in.plain_name(given) == kept


def test_a_job_stops_when_it_is_told_to_and_says_what_went_wrong(clock: Clock) -> None:
    known = jobs.Jobs(clock)

    def for_ever(move: jobs.Moved) -> None:
        done = 0
        while True:
            done += 1
            move(done, None)
            time.sleep(0.001)

    def failing(move: jobs.Moved) -> None:
        raise ValueError("the row is none")

    known.begin("a", "import", "kim", for_ever)
    with pytest.raises(regulars.StoreBusy, match="already going on"):
        known.begin("a", "import", "kim", for_ever)
    known.begin("b", "import", "kim", for_ever)
    with pytest.raises(regulars.StoreBusy, match="Other work"):
        known.begin("c", "import", "kim", failing)
    known.close()
    states = [job.state for each in "ab" if (job := known.find(each)) is not None]
    assert states == ["stopped", "stopped"]
    other = jobs.Jobs(clock)
    other.begin("c", "import", "kim", failing)
    other.close()
    job = other.find("c")
    assert job is not None
    assert (job.state, job.problem) == ("failed", "the row is none")
    clock.go_on(timedelta(hours=2))
    assert other.find("c") is None
