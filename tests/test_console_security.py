"""Who gets into the console, what other sites can't do to it, and what it tells browsers."""

from __future__ import annotations

import hashlib
import logging
import re
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event, Semaphore

import httpx
import pytest

import regulars
from consoles import NOON, PASSWORD, Clock, Served, served, sign_in, token_on
from regulars import RegisterCustomer, Regulars, StoreBusy
from regulars.web.console import attempts, gate_for_users, templates
from regulars.web.console.application import Console
from regulars.web.console.page import Asked, Page, Shown
from regulars.web.console.pages import PAGES

#: Of the file in the npm package htmx.org, version 2.0.11.
HTMX = "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717"


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, clock: Clock) -> Iterator[Regulars]:
    """A shop of Ada and two users, mara who may do everything and jon who may look."""
    path = tmp_path_factory.mktemp("shop") / "shop.db"
    with regulars.open(path, currency="EUR", clock=clock) as crm:
        crm.do(RegisterCustomer(ref="shop:1", name="Ada Lovelace", email="ada@example.com"))
        crm.users.add("mara", role="owner", password=PASSWORD)
        crm.users.add("jon", role="reader", password=PASSWORD)
        yield crm


@pytest.fixture(scope="module")
def for_users(shop: Regulars, clock: Clock) -> Iterator[Served]:
    with served(shop, users=True, clock=clock) as console:
        yield console


@pytest.fixture
def browser(for_users: Served) -> Iterator[httpx.Client]:
    """A browser in which mara is signed in."""
    with for_users.browser() as client:
        assert sign_in(client, "mara").status_code == 303
        yield client


# ------------------------------------------------------------------------------------------ what every answer says


@pytest.mark.parametrize("path", ["/", "/customers", "/sign-in", "/nowhere", "/enter?token=x", "/static/console.css"])
def test_every_answer_tells_the_browser_to_trust_nothing_but_us(browser: httpx.Client, path: str) -> None:
    headers = browser.get(path).headers
    assert headers["content-security-policy"] == (
        "default-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
    )
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers or "uvicorn" in headers["server"]
    assert "strict-transport-security" not in headers


def test_our_own_files_are_kept_for_ever_under_the_name_of_their_content(browser: httpx.Client) -> None:
    for address in re.findall(r'(?:href|src)="(/static/[^"#]+)', browser.get("/").text):
        answer = browser.get(address)
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert address.endswith(hashlib.sha256(answer.content).hexdigest()[:16])
    assert browser.get("/static/..%2fpage.py").status_code == 404
    assert browser.get("/static/nothing.css").status_code == 404


def test_htmx_is_the_file_of_its_package_with_its_licence() -> None:
    assert hashlib.sha256((templates.STATIC / "htmx-2.0.11.min.js").read_bytes()).hexdigest() == HTMX
    assert "Zero-Clause BSD" in (templates.STATIC / "htmx-LICENSE.txt").read_text()


@pytest.mark.parametrize("template", sorted((templates.HERE / "templates").rglob("*.html")), ids=lambda each: each.name)
def test_no_template_has_anything_inline_or_from_elsewhere(template: Path) -> None:
    text = template.read_text()
    assert not re.search(r"""\son\w+=|\sstyle=|<style|javascript:|https?://|hx-on|hx-vals=['"]js:""", text)
    assert all("src=" in each for each in re.findall(r"<script[^>]*>", text))
    assert "|safe" not in text.replace(" ", "")


def test_every_form_that_is_sent_carries_the_token() -> None:
    for template in (templates.HERE / "templates").rglob("*.html"):
        for form in re.findall(r'<form[^>]*method="post".*?</form>', template.read_text(), re.DOTALL):
            assert "hidden_token(form_token)" in form, template.name


# ------------------------------------------------------------------------------------------------- what others can't do


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:80", ""])
def test_names_that_are_not_ours_get_no_page(browser: httpx.Client, host: str) -> None:
    answer = browser.get("/customers", headers={"Host": host})
    assert answer.status_code in (400, 421)
    assert "Ada" not in answer.text


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1", "http://localhost.evil.example"]
)
def test_forms_of_other_sites_are_refused(browser: httpx.Client, origin: str) -> None:
    form = {"text": "ada", "form_token": token_on(browser.get("/customers").text)}
    assert browser.post("/customers", data=form).status_code == 200
    assert browser.post("/customers", data=form, headers={"Origin": origin}).status_code == 403


def test_a_form_that_does_not_say_where_it_comes_from_is_refused(for_users: Served, browser: httpx.Client) -> None:
    form = {"text": "ada", "form_token": token_on(browser.get("/customers").text)}
    cookies = dict(browser.cookies.items())
    with httpx.Client(base_url=for_users.address, cookies=cookies) as without:
        assert without.post("/customers", data=form).status_code == 403
        same_site = {"Sec-Fetch-Site": "same-site"}
        assert without.post("/customers", data=form, headers=same_site).status_code == 403
        same_origin = {"Sec-Fetch-Site": "same-origin"}
        assert without.post("/customers", data=form, headers=same_origin).status_code == 200


def test_a_form_without_the_token_of_its_session_is_refused(for_users: Served, browser: httpx.Client) -> None:
    with for_users.browser() as other:
        sign_in(other, "jon")
        others = token_on(other.get("/customers").text)
    for token in ("", others, "0" * 64):
        for path in ("/customers", "/sign-out", "/language"):
            assert browser.post(path, data={"text": "ada", "form_token": token}).status_code == 403
    assert browser.get("/customers").status_code == 200


def test_what_is_too_large_is_refused_before_it_is_read(browser: httpx.Client) -> None:
    token = token_on(browser.get("/customers").text)
    form = {"text": "a" * 1_100_000, "form_token": token}
    assert browser.post("/customers", data=form).status_code == 413

    def endless() -> Iterator[bytes]:
        yield f"form_token={token}&text=".encode()
        for _ in range(20):
            yield b"a" * 100_000

    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert browser.post("/customers", content=endless(), headers=kind).status_code == 413
    file = {"file": ("orders.csv", b"a,b\n")}
    assert browser.post("/customers", data={"form_token": token}, files=file).status_code in (400, 413)


def test_a_name_in_an_address_searches_for_nothing(browser: httpx.Client) -> None:
    assert "Ada Lovelace" in browser.get("/customers?text=nobody+of+that+name").text


def test_what_is_typed_is_shown_as_text(browser: httpx.Client) -> None:
    form = {"text": '"><script>alert(1)</script>', "form_token": token_on(browser.get("/customers").text)}
    page = browser.post("/customers", data=form).text
    assert "<script>alert" not in page
    assert "&#34;&gt;&lt;script&gt;alert(1)" in page


def keep(asked: Asked) -> Shown:
    """Say which files came, and how long they are."""
    said = ", ".join(f"{file.name}: {file.path.stat().st_size}" for file in asked.files.values())
    return Shown(template="problem.html", values={"problem": said})


def test_a_page_is_for_its_role_and_takes_files_up_to_a_limit(
    shop: Regulars, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = Page(path="/files", title="Files", handler=keep, role="owner", sends=True, takes_files=True)
    monkeypatch.setattr(sys.modules[Console.__module__], "PAGES", (*PAGES, page))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with served(shop, users=True, largest_file=1_000) as console, console.browser() as mara, console.browser() as jon:
        for client, name, allowed, refused in ((mara, "mara", 200, 413), (jon, "jon", 403, 403)):
            sign_in(client, name)
            assert client.get("/files").status_code == allowed
            form = {"form_token": token_on(client.get("/").text)}
            said = client.post("/files", data=form, files={"file": ("../../orders.csv", b"a,b\n")})
            assert (said.status_code, "orders.csv: 4" in said.text) == (allowed, allowed == 200)
            large = {"file": ("orders.csv", b"a" * 1_100_000)}  # a file's limit here, and that of the form around it
            assert client.post("/files", data=form, files=large).status_code == refused
    assert list(tmp_path.iterdir()) == []  # what was handed in is gone


# ------------------------------------------------------------------------------------------------------ who gets in


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Regulars]:
    """A shop without users."""
    with regulars.open(tmp_path / "alone.db", currency="EUR", clock=Clock()) as crm:
        yield crm


def test_the_token_of_the_address_works_once_and_is_gone_from_the_address(alone: Regulars) -> None:
    with served(alone) as console, console.browser() as client, console.browser() as late:
        entry = console.entry
        assert client.get("/").headers["location"] == "/sign-in"
        assert client.head(entry).headers["location"] == "/sign-in"  # a preview doesn't use it up
        assert client.get(f"{console.address}/enter?token=guess").headers["location"] == "/sign-in"
        entered = client.get(entry)
        assert (entered.status_code, entered.headers["location"]) == (303, "/")
        assert client.get("/").status_code == 200
        assert late.get(entry).headers["location"] == "/sign-in"
        assert late.get("/").status_code == 303
        console.gate.close()
        assert client.get("/").status_code == 303


def test_signing_in_with_a_name_alone_fails_where_one_person_is_let_in(alone: Regulars) -> None:
    with served(alone) as console, console.browser() as client:
        assert sign_in(client, "mara").status_code == 200
        assert client.get("/").status_code == 303


def test_from_the_first_user_on_nobody_is_in_without_a_password(alone: Regulars) -> None:
    left_behind = alone.web_sessions.begin("li", role="owner")  # as a server does that is killed
    with served(alone) as console, console.browser() as client:
        client.get(console.entry)
        assert client.get("/").status_code == 200
        with regulars.open(alone.files[0]) as elsewhere:
            elsewhere.users.add("li", role="reader", password=PASSWORD)
            assert client.get("/").status_code == 303
            assert alone.web_sessions.find(left_behind) is None
            elsewhere.users.disable("li")
        assert client.get("/").status_code == 303
    with served(alone) as console, console.browser() as late:
        late.get(console.entry)
        assert late.get("/").status_code == 303


def test_four_passwords_at_most_are_compared_at_once(shop: Regulars) -> None:
    comparing, go_on = Semaphore(0), Event()

    def clock_that_waits() -> datetime:  # it is looked at while a password has its turn
        comparing.release()
        assert go_on.wait(60)
        return NOON

    gate = gate_for_users(shop, clock_that_waits)
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(gate.sign_in, name, PASSWORD, "") for name in ("mara", "jon", "nobody", "someone")]
        assert all(comparing.acquire(timeout=60) for _ in waiting)
        with pytest.raises(StoreBusy, match="too many people"):
            gate.sign_in("mara", PASSWORD, "")
        go_on.set()
        assert [each.result() is not None for each in waiting] == [True, True, False, False]
    assert gate.sign_in("mara", PASSWORD, "") is not None


def test_a_wrong_name_a_wrong_password_and_a_disabled_user_are_told_the_same(shop: Regulars, for_users: Served) -> None:
    shop.users.add("gone", role="clerk", password=PASSWORD)
    shop.users.disable("gone")
    with for_users.browser() as client:
        answers = [
            sign_in(client, name, password)
            for name, password in (("nobody", PASSWORD), ("jon", "not the password"), ("gone", PASSWORD))
        ]
    said = {re.search(r'role="alert">([^<]+)', each.text)[1] for each in answers}  # type: ignore[index]
    assert [each.status_code for each in answers] == [401, 401, 401]
    assert len(said) == 1


def test_a_session_is_a_new_one_at_each_sign_in(browser: httpx.Client) -> None:
    former = dict(browser.cookies)
    assert sign_in(browser, "mara").status_code == 303
    session = next(name for name in former if "session" in name)
    assert browser.cookies[session] != former[session]
    assert browser.get("/", headers={"Cookie": f"{session}={former[session]}"}).status_code == 303


def test_a_session_ends_when_nobody_uses_it_and_after_half_a_day_in_any_case(
    browser: httpx.Client, for_users: Served, clock: Clock
) -> None:
    clock.go_on(timedelta(minutes=119))
    assert browser.get("/customers").status_code == 200
    clock.go_on(timedelta(minutes=119))
    assert browser.get("/customers").status_code == 200
    clock.go_on(timedelta(minutes=120))
    assert browser.get("/customers").status_code == 303
    with for_users.browser() as other:
        sign_in(other, "mara")
        for _ in range(11):
            clock.go_on(timedelta(hours=1))
            assert other.get("/customers").status_code == 200
        clock.go_on(timedelta(hours=1))
        assert other.get("/customers").status_code == 303


def test_signing_out_ends_this_session_or_all_of_them(for_users: Served) -> None:
    with for_users.browser() as one, for_users.browser() as two, for_users.browser() as three:
        for each in (one, two, three):
            sign_in(each, "mara")
        cookies = dict(one.cookies)
        gone = one.post("/sign-out", data={"form_token": token_on(one.get("/").text)})
        assert gone.headers["location"] == "/sign-in"
        assert gone.headers["clear-site-data"] == '"cache", "storage"'
        one.cookies.update(cookies)
        assert [each.get("/").status_code for each in (one, two, three)] == [303, 200, 200]
        two.post("/sign-out", data={"form_token": token_on(two.get("/").text), "everywhere": "yes"})
        assert [each.get("/").status_code for each in (one, two, three)] == [303, 303, 303]


def test_another_process_ends_sessions_at_once(shop: Regulars, for_users: Served) -> None:
    shop.users.add("kim", role="clerk", password=PASSWORD)
    path = shop.files[0]
    with for_users.browser() as client, regulars.open(path) as elsewhere:
        for end in (
            lambda: elsewhere.users.set_password("kim", PASSWORD),
            lambda: elsewhere.users.set_role("kim", "reader"),
            lambda: elsewhere.users.disable("kim"),
        ):
            assert sign_in(client, "kim").status_code == 303
            assert client.get("/").status_code == 200
            end()
            assert client.get("/").status_code == 303
        assert sign_in(client, "kim").status_code == 401
        elsewhere.users.enable("kim")
        assert sign_in(client, "kim").status_code == 303


def test_neither_a_token_nor_a_password_is_in_the_store(shop: Regulars, browser: httpx.Client) -> None:
    [token] = [value for name, value in browser.cookies.items() if "session" in name]
    kept = b"".join(each.read_bytes() for each in shop.files if each.exists())
    assert token.encode() not in kept
    assert PASSWORD.encode() not in kept
    with sqlite3.connect(shop.files[0]) as connection:
        digests = {row[0] for row in connection.execute("SELECT digest FROM regulars_web_sessions")}
        passwords = [row[0] for row in connection.execute("SELECT password FROM regulars_users")]
    connection.close()
    assert hashlib.sha256(token.encode()).digest() in digests
    assert all(each.startswith("$argon2id$") for each in passwords)


def test_guessing_a_password_has_to_wait_longer_each_time(shop: Regulars, clock: Clock) -> None:
    with served(shop, users=True, clock=clock) as console, console.browser() as client:
        for _ in range(attempts.FREE):
            assert sign_in(client, "jon", "not the password").status_code == 401
        refused = sign_in(client, "jon")
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "2")
        assert sign_in(client, "mara").status_code == 303  # others don't wait
        clock.go_on(timedelta(seconds=2))
        assert sign_in(client, "jon", "not the password").status_code == 401
        assert sign_in(client, "jon").headers["retry-after"] == "4"
        clock.go_on(timedelta(seconds=4))
        assert sign_in(client, "jon").status_code == 303
        assert sign_in(client, "jon", "not the password").status_code == 401  # and all is forgotten


def test_nobody_waits_longer_than_five_minutes() -> None:
    clock = Clock()
    kept = attempts.Attempts(clock)
    for _ in range(100):
        kept.require_patience("jon")
        clock.go_on(timedelta(minutes=5))
    kept.require_patience("jon")
    with pytest.raises(attempts.TooOften, match="300 seconds"):
        kept.require_patience("jon")


def test_names_that_failed_are_kept_up_to_a_bound() -> None:
    kept = attempts.Attempts(Clock())
    for number in range(attempts.MOST + attempts.FREE):
        kept.require_patience(f"name {number}")
    assert len(kept) == attempts.MOST


@pytest.mark.parametrize("password", ["short", "a" * 300, "aaaaaaaaaaaaaa", "a long user name"])
def test_passwords_that_protect_nothing_are_refused(shop: Regulars, password: str) -> None:
    with pytest.raises(ValueError, match="a password"):
        shop.users.add("a long user name", role="reader", password=password)


def test_cookies_are_for_the_server_alone(for_users: Served, shop: Regulars) -> None:
    with for_users.browser() as client:
        given = sign_in(client, "mara").headers.get_list("set-cookie")
    [session] = [each for each in given if "session" in each]
    parts = {each.strip().lower() for each in session.split(";")[1:]}
    assert {"httponly", "path=/", "samesite=lax"} <= parts
    assert "expires" not in session
    assert "domain" not in session.lower()


def test_behind_https_cookies_and_browsers_keep_to_it(shop: Regulars, clock: Clock) -> None:
    origin = "https://crm.example.com"
    with served(shop, users=True, clock=clock, origins=frozenset({origin})) as console:
        assert httpx.get(f"{console.address}/sign-in").status_code == 421
        headers = {"Host": "crm.example.com", "Origin": origin}
        with httpx.Client(base_url=console.address, headers=headers) as client:
            page = client.get("/sign-in")
            assert page.headers["strict-transport-security"] == "max-age=31536000"
            [visit] = [each for each in page.headers.get_list("set-cookie") if "visit" in each]
            assert visit.startswith("__Host-regulars-visit=")
            assert "Secure" in visit
            secret = visit.partition("=")[2].partition(";")[0]
            form = {"name": "mara", "password": PASSWORD, "form_token": token_on(page.text)}
            entered = client.post("/sign-in", data=form, headers={"Cookie": f"__Host-regulars-visit={secret}"})
            [session] = [each for each in entered.headers.get_list("set-cookie") if "session" in each]
            assert session.startswith("__Host-regulars-session=")
            assert "Secure" in session


def test_logs_name_nobody(browser: httpx.Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        form = {"text": "Lovelace", "form_token": token_on(browser.get("/customers").text)}
        assert "Ada Lovelace" in browser.post("/customers", data=form).text
        browser.post("/customers", data=form | {"form_token": ""})
    ours = [each for each in caplog.records if not each.name.startswith(("httpx", "httpcore"))]
    assert not any("lovelace" in each.getMessage().lower() for each in ours)
