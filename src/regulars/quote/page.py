"""A quote as one HTML page without scripts, to send, or to print on A4.

The page forbids itself everything but its own style, which it names by its hash; it loads nothing. Whatever came from
outside is escaped.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from html import escape
from importlib import resources
from zoneinfo import ZoneInfo

from regulars.asking.quotes import WholeQuote
from regulars.quote.words import Words, words_of
from regulars.wording.plain_text import clean, clean_lines

_POLICY = "default-src 'none'; style-src 'sha256-{}'"


def quote_page(quote: WholeQuote, *, language: str = "en", business: str = "") -> str:
    """The page of a quote, from a `business` of that name. Raises ValueError for a language other than en, de or zh."""
    style = resources.files("regulars.quote").joinpath("quote.css").read_text(encoding="utf-8")
    digest = b64encode(sha256(style.encode()).digest()).decode()
    words = words_of(language)
    title = f"{words.quote} {quote.quote.quote_id}"
    return "\n".join(
        [
            "<!DOCTYPE html>",
            f'<html lang="{words.tag}">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY.format(digest)}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{_said(f'{business}: {title}' if business else title)}</title>",
            f"<style>{style}</style>",
            "</head>",
            "<body><main>",
            *_head(quote, words, business, title),
            *_lines(quote, words),
            *_totals(quote, words),
            *_foot(quote, words),
            "</main></body>",
            "</html>",
            "",
        ]
    )


def _head(quote: WholeQuote, words: Words, business: str, title: str) -> Iterator[str]:
    yield "<header>"
    if business:
        yield f'<p class="business">{_said(business)}</p>'
    yield f"<h1>{_said(title)}</h1>"
    state = _state(quote, words)
    if state:
        yield f'<p class="state">{_said(state)}</p>'
    yield "</header>"
    called = [each for each in (quote.firm, quote.name, quote.email) if each]
    yield '<div class="facts">'
    if called:
        lines = "<br>".join(map(_said, called))
        yield f'<div class="to"><p class="label">{words.to}</p><p>{lines}</p></div>'
    yield '<table class="dates"><tbody>'
    yield _dated(words.sent, _day(quote, words, quote.shown.sent_at))
    if len(quote.revisions) > 1:
        yield _dated(words.revision, str(quote.shown.revision))
    if quote.shown.valid_until is not None:
        yield _dated(words.valid_until, words.day_of(quote.shown.valid_until))
    yield "</tbody></table></div>"


def _dated(name: str, value: str) -> str:
    return f'<tr><th scope="row">{name}</th><td class="number">{value}</td></tr>'


def _state(quote: WholeQuote, words: Words) -> str:
    """What became of the quote, where there is anything to say."""
    if quote.shown.revision != quote.quote.revision:
        return words.superseded.format(revision=quote.quote.revision)
    if quote.quote.status == "accepted" and quote.accepted_at is not None:
        return words.accepted.format(day=_day(quote, words, quote.accepted_at))
    if quote.quote.status == "expired" and quote.shown.valid_until is not None:
        return words.expired.format(day=words.day_of(quote.shown.valid_until))
    return words.declined if quote.quote.status == "declined" else ""


def _lines(quote: WholeQuote, words: Words) -> Iterator[str]:
    amount = words.net_amount if quote.prices == "net" else words.gross_amount
    titles = (words.quantity, words.unit_price, words.tax_rate, f"{amount} ({quote.quote.currency})")
    yield '<table class="lines"><thead><tr>'
    yield f'<th scope="col">{words.description}</th>'
    yield "".join(f'<th scope="col" class="number">{each}</th>' for each in titles)
    yield "</tr></thead><tbody>"
    for each in quote.lines:
        said = "" if each.description is None else _paragraph(each.description)
        code = "" if each.sku is None else f'<span class="code">{_said(each.sku)}</span>'
        yield f"<tr><td>{said}{code}</td>"
        numbers = (words.number(each.quantity), words.number(each.unit_price), f"{words.number(each.tax_rate)} %")
        yield "".join(f'<td class="number">{number}</td>' for number in (*numbers, words.number(each.amount)))
        yield "</tr>"
    yield "</tbody></table>"


def _totals(quote: WholeQuote, words: Words) -> Iterator[str]:
    yield '<table class="totals"><tbody>'
    yield f'<tr><th scope="row">{words.net}</th><td class="number">{words.number(quote.net)}</td></tr>'
    for each in quote.taxes:
        of = words.of.format(net=words.number(each.net))
        name = words.tax.format(rate=words.number(each.rate))
        yield f'<tr><th scope="row">{name} <span class="weak">{of}</span></th>'
        yield f'<td class="number">{words.number(each.tax)}</td></tr>'
    total = f"{words.number(quote.gross)} {quote.quote.currency}"
    yield f'<tr class="total"><th scope="row">{words.total}</th><td class="number">{total}</td></tr>'
    yield "</tbody></table>"


def _foot(quote: WholeQuote, words: Words) -> Iterator[str]:
    stated = words.stated_net if quote.prices == "net" else words.stated_gross
    yield f'<p class="weak">{stated}</p>'
    if quote.exemption is not None:
        yield f'<p><span class="label">{words.exemption}</span> {_paragraph(quote.exemption)}</p>'
    if quote.note is not None:
        yield f'<p class="note">{_paragraph(quote.note)}</p>'
    if quote.quote.status == "sent" and quote.shown.revision == quote.quote.revision:
        yield f'<p class="sign">{words.sign}</p>'


def _day(quote: WholeQuote, words: Words, moment: datetime) -> str:
    return words.day_of(moment.astimezone(ZoneInfo(quote.zone)).date())


def _said(text: str) -> str:
    return escape(clean(text))


def _paragraph(text: str) -> str:
    return escape(clean_lines(text)).replace("\n", "<br>")
