"""A monthly report as one HTML page without scripts, to print, to send, and to read on a phone, light or dark.

The page forbids itself everything but its own style, which it names by its hash; it loads nothing. Whatever came from
outside is escaped.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator
from datetime import datetime
from hashlib import sha256
from html import escape
from importlib import resources
from zoneinfo import ZoneInfo

from regulars.pictures.measures import Measure, measure_svg
from regulars.report.values import Amount, Figure, Rated, Report, Somebody, ToDo
from regulars.statistics.estimate import Estimate
from regulars.wording.plain_text import clean

_POLICY = "default-src 'none'; style-src 'sha256-{}'"
_MANY = 20  # a share of fewer says little
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


def report_page(report: Report) -> str:
    """The page, with everything in it."""
    style = resources.files("regulars.report").joinpath("report.css").read_text(encoding="utf-8")
    digest = b64encode(sha256(style.encode()).digest()).decode()
    month = f"{_MONTHS[report.first.month - 1]} {report.first.year}"
    title = f"{report.business}: {month}" if report.business else month
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY.format(digest)}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{_said(title)}</title>",
            f"<style>{style}</style>",
            "</head>",
            "<body><main>",
            f"<h1>{_said(title)}</h1>",
            *_introduction(report),
            *_happened(report),
            *_lists("Whom to call", report.to_call, report),
            *_lists("What is due", report.due, report),
            *_about(report),
            "</main></body>",
            "</html>",
            "",
        ]
    )


def _introduction(report: Report) -> Iterator[str]:
    if not report.is_over:
        yield f'<p class="note">This month isn\'t over. Revenue and orders are those up to {_moment(report)}; '
        yield "what is said of its end holds if nothing more happens.</p>"
    revenue = report.figures[0]
    said = [f"Revenue was {revenue.value:,} {report.currency or ''}".strip()]
    for before, of in ((revenue.month_before, "the month before"), (revenue.year_before, "a year before")):
        if before:
            said.append(f"{_change(revenue, before)} on {of}")
    orders, buyers, new = report.figures[2:5]
    yield f'<p class="lead">{", ".join(said)}. '
    yield f"{buyers.value:,} customers placed {orders.value:,} orders; {new.value:,} of these customers were new.</p>"


def _happened(report: Report) -> Iterator[str]:
    yield "<h2>What happened</h2>"
    yield from _figures("Figures", report.figures, report)
    yield _picture(report.revenue, "revenue")
    yield from _figures("Customers by stage at the end", report.stages, report)
    yield _picture(report.trend, "trend")
    if report.values:
        yield from _figures("Customers by value at the end", report.values, report)
    yield from _segments(report)
    yield from _rated("How content they are", report.satisfaction)
    yield from _rated("Tickets in time, by the month in which they were opened", report.service)
    if report.moved:
        yield "<h3>Who moved</h3>"
        yield '<ul class="moves">'
        for each in report.moved:
            before = "not known yet" if each.before is None else each.before
            after = "not known any more" if each.after is None else each.after
            yield f"<li><b>{each.customers:,}</b> {_said(before)} → {_said(after)}</li>"
        yield "</ul>"
        yield _counted(report.moved_by)
    if any(each.customers for each in report.cohorts.cohorts):
        yield "<h3>Who came back</h3>"
        yield _picture(report.cohorts, "cohorts")
        yield _counted(report.cohorts_by, "orders that came back count; --json has the 95 % interval of each share")


def _figures(title: str, figures: Iterable[Figure], report: Report) -> Iterator[str]:
    rows = list(figures)
    yield f'<div class="wide"><table><caption>{_said(title)}</caption>'
    yield '<thead><tr><th scope="col"></th><th scope="col">this month</th><th scope="col">month before</th>'
    yield '<th scope="col">year before</th></tr></thead><tbody>'
    for each in rows:
        yield f'<tr><th scope="row">{_said(_named(each, report))}</th><td><b>{each.value:,}</b></td>'
        for before in (each.month_before, each.year_before):
            yield f"<td>{_before(each, before)}</td>"
        yield "</tr>"
    yield "</tbody></table></div>"
    for command in dict.fromkeys(each.counted_by for each in rows):
        names = ", ".join(each.name for each in rows if each.counted_by == command)
        yield _counted(command, names if len({each.counted_by for each in rows}) > 1 else "")


def _segments(report: Report) -> Iterator[str]:
    if not report.segments:
        return
    yield '<div class="wide"><table><caption>Members of segments at the end</caption><thead><tr><th scope="col"></th>'
    for head in ("this month", "came in", "went out", "month before", "year before"):
        yield f'<th scope="col">{head}</th>'
    yield "</tr></thead><tbody>"
    for each in report.segments:
        members = each.members
        yield f'<tr><th scope="row">{_said(members.name)}</th><td><b>{members.value:,}</b></td>'
        yield f"<td>{f'+{each.entered:,}' if each.entered else 0}</td><td>{f'−{each.left:,}' if each.left else 0}</td>"
        yield f"<td>{_before(members, members.month_before)}</td><td>{_before(members, members.year_before)}</td></tr>"
    yield "</tbody></table></div>"
    yield _counted(report.segments[0].members.counted_by)
    yield from (_counted(each.moved_by) for each in report.segments)


def _rated(title: str, rated: Iterable[Rated]) -> Iterator[str]:
    """Numbers about many; those whose intervals overlap may be the same."""
    rows = list(rated)
    if not rows:
        return
    yield f'<div class="wide"><table><caption>{_said(title)}</caption>'
    yield '<thead><tr><th scope="col"></th><th scope="col">this month</th><th scope="col">month before</th>'
    yield '<th scope="col">year before</th></tr></thead><tbody>'
    for each in rows:
        yield f'<tr><th scope="row">{_said(each.name)}</th><td>{_estimated(each, each.value)}</td>'
        yield f"<td>{_estimated(each, each.month_before)}</td><td>{_estimated(each, each.year_before)}</td></tr>"
    yield "</tbody></table></div>"
    yield _counted(rows[0].counted_by, "95 % interval, and of how many")


def _estimated(rated: Rated, found: Estimate) -> str:
    if found.value is None or found.low is None or found.high is None:
        return '<span class="weak">can\'t tell</span>'
    value, low, high = (_rate(rated, each) for each in (found.value, found.low, found.high))
    unit = "\u00a0%" if rated.kind == "share" else ""
    return f'<b>{value}{unit}</b> <span class="weak">{low} to {high}<br>of {found.n:,} {_said(rated.of)}</span>'


def _rate(rated: Rated, number: float) -> str:
    match rated.kind:
        case "share":
            return f"{number * 100:.0f}"
        case "score":
            return f"{number:+.0f}".replace("-", "−")
        case "rate":
            return f"{number:.1f}"


def _named(figure: Figure, report: Report) -> str:
    return f"{figure.name}, {report.currency}" if figure.is_money and report.currency else figure.name


def _before(figure: Figure, before: Amount | None) -> str:
    if before is None:
        return '<span class="weak">nothing known yet</span>'
    change = f' <span class="weak">{_change(figure, before)}</span>' if before else ""
    return f"{before:,}{change}"


def _change(figure: Figure, before: Amount) -> str:
    """By how much it changed: in percent, but of a few by how many."""
    more = figure.value - before
    is_many = figure.is_money or before >= _MANY
    said = f"{float(more) * 100 / abs(float(before)):+.0f}\u00a0%" if is_many else f"{more:+,}"
    return said.replace("-", "−")


def _lists(title: str, lists: Iterable[ToDo], report: Report) -> Iterator[str]:
    found = list(lists)
    if not found:
        return
    yield f'<h2>{_said(title)} <span class="weak">as of {_moment(report)}</span></h2>'
    for each in found:
        yield f"<h3>{_said(each.title)}</h3>"
        if each.shown:
            yield "<ol>"
            yield from (f"<li>{_who(somebody)} <span>{_said(somebody.about)}</span></li>" for somebody in each.shown)
            yield "</ol>"
        else:
            yield f"<p>{_said(each.nothing)}</p>"
        more = f"{len(each.shown)} of {each.total:,}" if each.total > len(each.shown) else ""
        yield _counted(each.counted_by, more)


def _who(somebody: Somebody) -> str:
    called = " · ".join(part for part in (somebody.ref, somebody.name) if part)
    return f"<b>{_said(called)}</b>" if called else f"<code>id:{somebody.id}</code>"


def _about(report: Report) -> Iterator[str]:
    yield "<footer>"
    yield f"<p>As of {_moment(report)}, by rules {_said(report.rules)}; days are those of {_said(report.zone)}."
    yield "Revenue is by how much net spend grew: a return counts in the month in which it came back. Customers who"
    yield "were forgotten are counted.</p>"
    if not report.personal:
        yield "<p>Nothing here names anybody: <code>regulars show id:…</code> shows who is meant.</p>"
    yield "</footer>"


def _counted(command: str, about: str = "") -> str:
    said = f"{_said(about)}: " if about else ""
    return f'<p class="counted">{said}<code>{_said(command)}</code></p>'


def _picture(measure: Measure, name: str) -> str:
    """A picture; its textures get names of their own, as each id is there once on a page."""
    svg = measure_svg(measure).replace('id="regulars-', f'id="{name}-').replace("url(#regulars-", f"url(#{name}-")
    return f"<figure>{svg}</figure>"


def _moment(report: Report) -> str:
    local: datetime = report.as_of.astimezone(ZoneInfo(report.zone))
    return f"{local:%Y-%m-%d %H:%M}"


def _said(text: str) -> str:
    return escape(clean(text))
