"""One quote: what it offers and where it stands; accepted, declined, revised; the page to send."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, get_args
from urllib.parse import quote

from pydantic import ValidationError

from regulars.asking.quotes import QuoteLineView, WholeQuote
from regulars.crm_domain.errors import RegularsError
from regulars.crm_domain.explain_invalid import sentence
from regulars.crm_domain.money import plain_number
from regulars.crm_domain.quote import AcceptQuote, DeclineQuote, ReviseQuote
from regulars.projections.rules.grammar import Language
from regulars.quote.page import quote_page
from regulars.web.console.acts import Act, done, said
from regulars.web.console.page import Answer, Asked, File, GoTo, Page, Shown
from regulars.web.console.reading import number_of, one_of
from regulars.web.console.words import N_

_CONTRACT = ("contract_id", "start", "end", "renewal_months", "notice_days")
ACTS: Mapping[str, Act] = {
    "accept": Act(AcceptQuote, ("revision", "order_id", *_CONTRACT), frozenset({"sent"})),
    "decline": Act(DeclineQuote, ("cause", "detail"), frozenset({"sent", "expired"})),
    "revise": Act(
        ReviseQuote,
        ("prices", "currency", "valid_until", "exemption", "note"),
        frozenset({"sent", "declined", "expired"}),
    ),
}
#: A form revises so many lines at most, and has so many empty ones for others.
MOST_LINES, SPARE_LINES = 50, 3
_LINE = ("description", "sku", "quantity", "unit_price", "tax_rate")


def show(asked: Asked) -> Answer:
    """The quote as of an instant, its page to send, or what was done about it."""
    quote_id = asked.at["quote"]
    problem = ""
    if asked.sent:
        try:
            return _done(asked, quote_id)
        except ValidationError as error:
            problem = sentence(error)
        except (RegularsError, ValueError) as error:
            problem = str(error)
    revision = number_of(asked, "revision", 0, 1, 10_000) or None
    shown = None if asked.sent else revision
    found = asked.crm.quote(quote_id, revision=shown, as_of=asked.as_of, known_at=asked.known_at)
    ours = asked.crm.ruleset.letterhead
    language = one_of(asked, "page", get_args(Language))
    if language is not None:
        page = quote_page(found, language=language, business=ours.name)
        return File(name="quote.html", kind="text/html", content=page.encode())
    is_now = asked.as_of is None and asked.known_at is None
    is_latest = found.shown.revision == found.quote.revision
    acts = [name for name, act in ACTS.items() if is_now and is_latest and found.quote.status in act.states]
    values = {
        "found": found,
        "quote": found.quote,
        "acts": acts,
        "rows": _rows(asked, found),
        "typed": asked.form,
        "problem": problem[:1].upper() + problem[1:],
        "languages_of_page": sorted(get_args(Language), key=lambda each: each != ours.language),
    }
    return Shown(template="quote.html", values=values, status=400 if problem else 200)


def _done(asked: Asked, quote_id: str) -> Answer:
    given: dict[str, Any] = {"lines": _lines(asked)} if asked.field("act") == "revise" else {}
    outcome = done(asked, ACTS, quote_id=quote_id, **given)
    return GoTo(address=asked.links.to(f"/quotes/{quote(quote_id, safe='')}"), said=said(asked, outcome))


def _rows(asked: Asked, found: WholeQuote) -> list[dict[str, str]]:
    """The lines as fields of a form, or as they were typed, with some empty ones; none where a form can't have them."""
    if len(found.lines) > MOST_LINES:
        return []
    rows = _lines(asked) or [_typed(each) for each in found.lines]
    return rows + [{} for _ in range(SPARE_LINES)]


def _typed(line: QuoteLineView) -> dict[str, str]:
    found = ((name, getattr(line, name)) for name in _LINE)
    return {
        name: plain_number(value) if isinstance(value, Decimal) else value for name, value in found if value is not None
    }


def _lines(asked: Asked) -> list[dict[str, str]]:
    """The lines that were filled in. What is only half so is left to the command, which says what is missing."""
    rows = (
        {name: text for name in _LINE if (text := asked.form.get(f"{name}-{number}", "").strip())}
        for number in range(MOST_LINES + SPARE_LINES)
    )
    return [row for row in rows if row]


PAGE = Page(path="/quotes/{quote:path}", title=N_("Quote"), handler=show, sends=True)
