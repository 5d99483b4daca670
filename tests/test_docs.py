"""Every page of docs/ does what it shows, leads to what is there, and has its place on the site."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from typing import Any

import pytest

import regulars
from documents import DOCS, ROOT, blocks, done, is_alike, page, write
from saying import Say

#: Pages with examples, each done in an empty folder; those of `DONE` are all.
TOLD = ["docs/tutorial.md", "docs/concepts.md", "docs/due-again.md"]
DONE = [*TOLD, *sorted(f"docs/{each.name}" for each in DOCS.glob("howto-*.md"))]
TO_POSTGRES = "docs/howto-postgresql.md"
PAGES = sorted(str(each.relative_to(ROOT)) for each in (*DOCS.rglob("*.md"), *ROOT.glob("*.md")))


@pytest.mark.parametrize("name", [name for name in DONE if name != TO_POSTGRES])
def test_a_page_prints_what_it_shows(name: str, say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    text = page(name)
    assert blocks(text)
    printed = done(text, say, monkeypatch)
    write(name, printed)
    assert printed == text


def test_the_way_to_postgresql_is_as_shown(say: Say, monkeypatch: pytest.MonkeyPatch, bare_postgres_url: str) -> None:
    text = page(TO_POSTGRES)
    printed = done(text, say, monkeypatch, ("postgresql://mara@localhost/shop", bare_postgres_url))
    write(TO_POSTGRES, printed)
    assert printed == text


def test_the_web_application_answers_as_shown(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    text = page("docs/howto-web-application.md")
    done(text, say, monkeypatch)
    app = sys.modules["page"].app
    rows = re.findall(r"^\| `(\w+) ([^?`]*)\??([^`]*)` \| (\d+) \| `(.*)` \|$", text, re.MULTILINE)
    assert len(rows) == 5

    async def ask() -> list[tuple[int, object]]:
        async with app.router.lifespan_context(app):
            return [await asked(app, method, path, query, {"user": "mara"}) for method, path, query, *_ in rows]

    assert asyncio.run(ask()) == [(int(status), json.loads(answer)) for *_, status, answer in rows]
    with regulars.open("shop.db") as crm:
        assert {entry.actor for entry in crm.audit()} == {"mara"}


async def asked(app: Any, method: str, path: str, query: str, headers: dict[str, str]) -> tuple[int, object]:
    """The status and the answer of one request, as a server would hand it to the application."""
    told: list[dict[str, Any]] = []
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }

    async def receive() -> dict[str, object]:
        return {"type": "http.request"}

    async def send(message: dict[str, Any]) -> None:
        told.append(message)

    await app(scope, receive, send)
    return told[0]["status"], json.loads(b"".join(each["body"] for each in told[1:]))


def anchors(text: str) -> set[str]:
    """The places in a page that a link may lead to, as sites make them of headings."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", each.lower()).strip() for each in re.findall(r"^#+ (.*)$", prose, re.MULTILINE))
    return {re.sub(r" +", "-", each) for each in plain}


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_somewhere(name: str) -> None:
    here = ROOT / name
    prose = re.sub(r"^```.*?^```$", "", page(name), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\((?!https?:|#)([^)\s]+)\)", prose):
        path, _, place = target.partition("#")
        led_to = here.parent / path
        assert led_to.exists(), target
        if place:
            assert place in anchors(led_to.read_text(encoding="utf-8")), target
    for place in re.findall(r"\]\(#([^)\s]+)\)", prose):
        assert place in anchors(page(name)), place


@pytest.mark.parametrize("name", PAGES)
def test_every_picture_has_words_in_its_place(name: str) -> None:
    assert not re.findall(r"!\[\s*\]\(", page(name))


def test_every_page_has_its_place_on_the_site_and_is_named_there_once() -> None:
    settings = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    named = re.findall(r"[\w/-]+\.md", settings.partition("\nnav:")[2])
    assert sorted(named) == sorted(str(each.relative_to(DOCS)) for each in DOCS.rglob("*.md"))


def test_the_first_page_leads_to_every_other_but_the_decisions() -> None:
    named = set(re.findall(r"\(([\w-]+\.md)\)", page("docs/index.md")))
    assert named == {each.name for each in DOCS.glob("*.md")} - {"index.md"}


def test_no_page_needs_a_script_from_elsewhere_to_be_read() -> None:
    for name in PAGES:
        assert "```mermaid" not in page(name), name


@pytest.mark.parametrize(
    ("shown", "printed", "alike"),
    [
        ("a\n…\nc\n", "a\nb\nb\nc\n", True),
        ("a\n…\n", "a\n", True),
        ("a\n…\nc\n", "a\nb\n", False),
        ("root  " + "0" * 64 + "\n", "root  " + "9" * 64 + "\n", True),
        ("a.b\n", "axb\n", False),
        ("", "a\n", False),
    ],
)
def test_what_is_shown_is_compared_line_by_line(shown: str, printed: str, alike: bool) -> None:
    assert is_alike(shown, printed) is alike
