"""The console in a real browser: by keyboard, without JavaScript, on a phone, in the dark, for everybody."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

import regulars
from browsers import screenshots, started_browser
from consoles import PASSWORD, Clock, Served, served
from regulars import (
    AddTask,
    CreateCoupon,
    GiveConsent,
    OpenOpportunity,
    OpenTicket,
    PlanCampaign,
    QuoteLine,
    RecordPurchase,
    RegisterCustomer,
    Regulars,
    SendQuote,
    SignContract,
    as_toml,
    parse_rules,
)
from regulars.asking.campaigns import OfferView
from regulars.web.console.pages import PAGES

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
#: Of which one, where a page is of one; `{customer}` is found as a store is made.
OF_ONE = {
    "ticket:path": "T-1",
    "opportunity:path": "O-1",
    "quote:path": "Q-1",
    "contract:path": "C-1",
    "coupon:path": "SUMMER10",
    "segment": "lately",
    "measure": "trend",
    "version": "1",
}
#: What is a page, and no file to keep; one that was handed in is there for a while only. Campaigns have a shop.
PATHS = [
    each.path
    for each in PAGES
    if not each.path.endswith((".ics", ".csv"))
    and "{file}" not in each.path
    and "campaign" not in each.path
    and each.path != "/effects"
]
#: The pages of campaigns by what their pictures are called.
OF_CAMPAIGNS = {
    "campaigns": "/campaigns",
    "campaign": "/campaigns/spring",
    "campaign-preview": "/campaigns/autumn?part=preview",
    "campaign-people": "/campaigns/spring?part=people&arm=treated",
    "campaign-effect": "/campaigns/spring?part=effect",
    "campaign-effects": "/effects",
}
LATELY = """
[[segment]]
id = "lately"
title = "Bought lately"
enter = [{ fact = "orders", within_days = 30, from = 1 }]
"""
NAMES = ("Ada Lovelace", "Grace Hopper", "Katherine Johnson", "Emmy Noether", "Sofia Kovalevskaya", "Maryam Mirzakhani")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started_browser() as started:
        yield started


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Regulars]:
    """A small shop: six customers, of whom the later ones came more often; of all else that has a page, one."""
    with regulars.open(tmp_path_factory.mktemp("shop") / "shop.db", currency="EUR", clock=Clock(NOW)) as crm:
        for number, name in enumerate(NAMES):
            ref, at = f"shop:{number}", NOW - timedelta(days=400)
            crm.do(RegisterCustomer(ref=ref, name=name, email=f"c{number}@example.com", occurred_at=at))
            for order in range(2 * number):
                at = NOW - timedelta(days=40 * order + 10 * number)
                crm.do(RecordPurchase(customer=ref, order_id=f"{number}-{order}", amount="59.90", occurred_at=at))
        crm.do(AddTask(task_id="K-1", customer="shop:0", what="Call about the parcel", due="2026-06-02", owner="mara"))
        crm.do(OpenTicket(ticket_id="T-1", customer="shop:1", subject="A late parcel", occurred_at=NOW))
        crm.do(OpenOpportunity(opportunity_id="O-1", customer="shop:5", title="Tea for the office", amount="700"))
        line = QuoteLine(description="Assam, a kilogram", quantity="20", unit_price="32.50", tax_rate="7")
        crm.do(SendQuote(customer="shop:5", quote_id="Q-1", lines=(line,), opportunity_id="O-1"))
        crm.do(
            SignContract(customer="shop:4", contract_id="C-1", start=NOW.date(), amount="1200", subject="A year of tea")
        )
        crm.do(CreateCoupon(coupon_id="SUMMER10", percent=10, up_to="20.00", in_all=100, valid_until="2026-08-31"))
        crm.do(RecordPurchase(customer="shop:3", order_id="3-s", amount="45.00", coupon="SUMMER10"))
        crm.rules.publish(parse_rules(as_toml(crm.ruleset) + LATELY), reason="whom to thank")
        crm.users.add("mara", role="owner", password=PASSWORD)
        yield crm


@pytest.fixture(scope="module")
def console(shop: Regulars) -> Iterator[Served]:
    with served(shop, users=True, clock=Clock(NOW)) as console:
        yield console


def signed_in(browser: Browser, console: Served, **how: object) -> BrowserContext:
    context = browser.new_context(base_url=console.address, **how)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto("/")
    page.get_by_label("Name").fill("mara")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Today")
    page.close()
    return context


@pytest.fixture(scope="module")
def context(browser: Browser, console: Served) -> Iterator[BrowserContext]:
    context = signed_in(browser, console)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, console: Served) -> Iterator[Page]:
    """A page that complains of nothing, and asks nobody else for anything."""
    page, complaints, asked = context.new_page(), list[str](), set[str]()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: asked.add(urlsplit(request.url).netloc))
    yield page
    page.close()
    assert complaints == []
    assert asked <= {urlsplit(console.address).netloc}


@pytest.mark.parametrize("path", PATHS)
def test_a_page_shuts_nobody_out_and_fits_its_window(shop: Regulars, page: Page, path: str) -> None:
    of_one = OF_ONE | {"customer": str(shop.find("shop:5"))}
    page.goto(re.sub(r"{([\w:]+)}", lambda name: of_one[name[1]], path))
    parts = [each.strip("{}").partition(":")[0] for each in path.strip("/").split("/")]
    require_for_everybody(page, "-".join(parts) or "today")


def require_for_everybody(page: Page, name: str) -> None:
    """That a page shuts nobody out, in the light and in the dark, and is never wider than its window; takes its picture
    where pictures are asked for.
    """
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
    for width in (360, 768, 1920):
        page.set_viewport_size({"width": width, "height": 740})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    folder = screenshots()
    if folder is not None:
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 1200, "height": 800})
        page.screenshot(path=folder / f"console-{name}.png")


@pytest.fixture(scope="module")
def campaigns(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[BrowserContext]:
    """Of 160 customers whom the campaign of spring was for, more of the treated bought; that of autumn is planned."""
    clock = Clock(NOW - timedelta(days=40))
    with regulars.open(tmp_path_factory.mktemp("shop") / "shop.db", currency="EUR", clock=clock) as crm:
        told, at = list[regulars.Command](), NOW - timedelta(days=200)
        for number in range(160):
            ref, name = f"shop:{number}", f"{NAMES[number % len(NAMES)]} {number}"
            told.append(RegisterCustomer(ref=ref, name=name, email=f"c{number}@example.com", occurred_at=at))
            ordered_at = at + timedelta(days=number)
            told.append(RecordPurchase(customer=ref, order_id=ref, amount="59.90", occurred_at=ordered_at))
            if number % 8:
                told.append(GiveConsent(customer=ref, channel="email", purpose="news", occurred_at=at))
        crm.do(told)
        crm.rules.publish(parse_rules(as_toml(crm.ruleset) + LATELY.replace("30", "365")), reason="whom to ask")
        plan = {"channel": "email", "purpose": "news", "kind": "teas", "segment": "lately"}
        crm.do(PlanCampaign(campaign_id="spring", title="First flush", offer="10 % off first flush", **plan))
        crm.campaigns.launch("spring")
        clock.go_on(timedelta(hours=1))
        drawn = tuple(crm.campaigns.who("spring"))
        buyers = [each for arm, many in (("treated", 38), ("held_out", 21)) for each in of_arm(drawn, arm)[:many]]
        crm.do([RecordPurchase(customer=each.customer_id, order_id=each.offer_id, amount="31.50") for each in buyers])
        clock.go_on(timedelta(days=39))
        crm.do(PlanCampaign(campaign_id="autumn", title="Autumn teas", **plan))
        crm.users.add("mara", role="owner", password=PASSWORD)
        with served(crm, users=True, clock=clock) as console:
            context = signed_in(browser, console)
            yield context
            context.close()


def of_arm(offers: Iterable[OfferView], arm: str) -> list[OfferView]:
    return [each for each in offers if each.arm == arm]


@pytest.mark.parametrize(("name", "path"), OF_CAMPAIGNS.items())
def test_neither_do_the_pages_of_campaigns(campaigns: BrowserContext, name: str, path: str) -> None:
    page = campaigns.new_page()
    page.goto(path)
    require_for_everybody(page, name)
    page.close()


def test_neither_does_the_sign_in_page(browser: Browser, console: Served) -> None:
    with browser.new_context(base_url=console.address) as context:
        page = context.new_page()
        page.goto("/sign-in")
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()


def test_the_first_key_leads_past_the_menu_and_every_focus_can_be_seen(page: Page) -> None:
    page.goto("/customers")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to the content")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    for _ in range(12):
        page.keyboard.press("Tab")
        width = page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)")
        assert width >= 2, page.evaluate("document.activeElement.outerHTML")


def test_a_filter_changes_the_list_alone_and_its_address(page: Page) -> None:
    page.goto("/customers")
    page.evaluate("window.wasHere = true")
    rows = page.locator("#customers tbody tr")
    expect(rows).to_have_count(len(NAMES))
    page.get_by_label("Stage").select_option("cold_lead")
    expect(rows).to_have_count(1)
    assert "stage=cold_lead" in page.url
    assert page.evaluate("window.wasHere") is True
    page.reload()
    expect(rows).to_have_count(1)
    expect(page.get_by_label("Stage")).to_have_value("cold_lead")


def test_a_search_finds_a_name_and_leaves_none_in_the_address(page: Page) -> None:
    page.goto("/customers")
    page.get_by_label("Part of a name").fill("hopp")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("#customers tbody tr")).to_have_count(1)
    expect(page.locator("#customers")).to_contain_text("Grace Hopper")
    assert "hopp" not in page.url
    kept = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    assert not any(each in kept.lower() for each in ("hopp", "grace", "session"))


def test_all_of_it_works_without_javascript(browser: Browser, console: Served) -> None:
    context = signed_in(browser, console, java_script_enabled=False)
    page = context.new_page()
    page.goto("/customers")
    page.get_by_label("Stage").select_option("cold_lead")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#customers tbody tr")).to_have_count(1)
    page.get_by_label("Part of a name").fill("nobody")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("#customers")).to_contain_text("Nobody is like that.")
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    context.close()


def test_the_dates_at_the_top_travel_along(page: Page) -> None:
    page.goto("/")
    page.get_by_label("As of").fill("2026-05-01")
    page.get_by_role("button", name="Look").click()
    expect(page.locator(".moment")).to_contain_text("May 1, 2026")
    page.get_by_role("link", name="Customers").click()
    expect(page.get_by_label("As of")).to_have_value("2026-05-01")
    page.get_by_label("Tier").select_option("member")
    expect(page).to_have_url(re.compile("as_of=2026-05-01.*tier=member|tier=member.*as_of=2026-05-01"))
    page.get_by_role("link", name="Back to now").click()
    expect(page.locator(".moment")).to_have_count(0)


def test_the_language_is_the_browsers_until_another_is_chosen(browser: Browser, console: Served) -> None:
    context = signed_in(browser, console)
    page = context.new_page()
    page.goto("/customers")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.get_by_role("button", name="简体中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    assert urlsplit(page.url).path == "/customers"
    context.close()
    with browser.new_context(base_url=console.address, locale="zh-CN") as chinese:
        page = chinese.new_page()
        page.goto("/sign-in")
        expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")


def test_on_paper_there_is_the_content_alone(page: Page) -> None:
    page.goto("/customers")
    page.emulate_media(media="print")
    expect(page.locator("#customers table")).to_be_visible()
    for hidden in (".menu", ".viewpoint", ".filters >> nth=0"):
        expect(page.locator(hidden)).to_be_hidden()
    page.emulate_media(media="screen")
