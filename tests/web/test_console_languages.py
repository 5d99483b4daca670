"""The console in Simplified Chinese: whole, with the placeholders of the English, and with the words of the rules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

from consoles import served
from regulars import RegisterCustomer
from regulars import open as open_store
from regulars.asking.campaigns import CampaignStatus
from regulars.asking.service import ServiceBy
from regulars.crm_domain.command import Channel
from regulars.crm_domain.offer import Arm, WhySkipped
from regulars.crm_domain.ticket import Priority, TicketStatus
from regulars.effects.effect import EXPLORED
from regulars.projections.offers import OfferState
from regulars.projections.ticket_queue.judge import Timeliness
from regulars.today.kinds import KINDS
from regulars.upkeep.tokens import ROLES
from regulars.web.console.words import CATALOGUES, Words

ROOT = Path(__file__).parents[2]
HAN = re.compile(r"[\u4e00-\u9fff]")
PLACEHOLDERS = re.compile(r"%\(\w+\)s|\{\w+\}|%%")


@pytest.fixture(scope="module")
def written() -> frozenset[tuple[str, ...]]:
    """Every text that templates and pages mark for translation, with its plural where it has one."""
    with (ROOT / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)
    found = extract_from_dir(ROOT, methods, options, keywords=DEFAULT_KEYWORDS | {"N_": None})
    return frozenset((text,) if isinstance(text, str) else text for _, _, text, _, _ in found)


@pytest.fixture(scope="module")
def chinese() -> Catalog:
    with (CATALOGUES / "zh_Hans" / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale="zh_Hans", abort_invalid=True)


def test_every_text_has_a_translation_and_no_translation_is_left_over(
    written: frozenset[tuple[str, ...]], chinese: Catalog
) -> None:
    messages = [each for each in chinese if each.id]
    translated = {(each.id,) if isinstance(each.id, str) else each.id: each.string for each in messages}
    assert len(written) > 100
    assert written == translated.keys(), "run make messages, and translate what is new"
    assert [text for text, said in translated.items() if not all([said] if isinstance(said, str) else said)] == []
    assert not any(each.fuzzy for each in messages)


def test_a_translation_has_the_placeholders_of_its_text(chinese: Catalog) -> None:
    for message in chinese:
        if message.id:
            texts = [message.id] if isinstance(message.id, str) else list(message.id)
            for text in [message.string] if isinstance(message.string, str) else message.string:
                assert sorted(PLACEHOLDERS.findall(text)) == sorted(PLACEHOLDERS.findall(texts[-1])), texts


def test_templates_mark_what_is_written_in_them_and_filter_what_is_not() -> None:
    """`_` takes what it is given for markup with placeholders, so nothing of the library or of people goes in."""
    templates = ROOT / "src" / "regulars" / "web" / "console" / "templates"
    given = {f"{each.name}: {found}" for each in templates.rglob("*.html") for found in _given(each.read_text())}
    assert given == set()


def _given(template: str) -> Iterator[str]:
    yield from re.findall(r"(?<![\w.])_\((?!\").{0,40}", template)
    yield from re.findall(r"replace\(\"_\".{0,20}", template)


def test_the_words_of_the_library_and_of_the_first_rules_are_translated(tmp_path: Path) -> None:
    words = Words("zh-Hans", ZoneInfo("UTC"), "EUR")
    with open_store(tmp_path / "shop.db", currency="EUR", actor="li") as crm:
        of_rules = [word for lane in ("stage", "tier", "risk") for word in crm.values(lane)]
        of_rules += [stage.id for pipeline in crm.ruleset.pipeline for stage in pipeline.stages]
    kinds = (ROLES, TicketStatus, get_args(Priority), get_args(Timeliness), get_args(Channel), get_args(ServiceBy))
    kinds += (get_args(CampaignStatus), get_args(Arm), get_args(OfferState), get_args(WhySkipped), EXPLORED)
    known = [*of_rules, *(str(word) for words in kinds for word in words), *(kind.title for kind in KINDS)]
    assert [word for word in known if not HAN.search(words.word(word))] == []


def test_words_that_a_business_wrote_stay_as_they_are() -> None:
    words = Words("zh-Hans", ZoneInfo("UTC"), "EUR")
    assert [words.word(each) for each in ("regulars_of_ours", "", "100 % <b>")] == ["regulars of ours", "", "100 % <b>"]


def test_days_times_and_money_are_written_as_in_chinese() -> None:
    words = Words("zh-Hans", ZoneInfo("Asia/Shanghai"), "CNY")
    assert words.day(date(2026, 3, 1)) == "2026年3月1日"
    assert words.weekday(date(2026, 3, 1)) == "2026年3月1日星期日"
    assert words.minute(datetime(2026, 3, 1, 20, 5, tzinfo=UTC)) == "2026年3月2日 04:05"
    assert words.money(Decimal("1234.50")) == "¥1,234.50"


def test_a_browser_that_asks_for_chinese_gets_it_and_names_stay_as_written(tmp_path: Path) -> None:
    with open_store(tmp_path / "shop.db", currency="EUR", actor="li") as crm:
        crm.do(RegisterCustomer(ref="shop:1", name="王小明"))
        with served(crm) as console, console.browser() as browser:
            browser.headers["Accept-Language"] = "zh-CN,zh;q=0.9,en;q=0.5"
            assert '<html lang="zh-Hans">' in browser.get("/sign-in").text
            browser.get(console.entry)
            page = browser.get("/customers")
            assert page.status_code == 200
            for text in ('<html lang="zh-Hans">', "<h1>客户</h1>", "王小明", ">潜在客户<", 'value="at_risk">流失预警<'):
                assert text in page.text
            assert "操作未成功" in browser.get("/customers?order=nothing").text
