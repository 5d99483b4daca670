"""`satisfaction`, `survey` and `assessments`: how content customers are, whom to ask, and what was made of texts."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import ConsoleRenderable, Group
from rich.table import Table
from rich.text import Text

from regulars.asking.assessments import AssessmentDifference
from regulars.asking.dicts import to_dict
from regulars.asking.one_answered import CustomerSatisfaction, MayAsk
from regulars.asking.satisfaction import GroupedBy, Satisfaction, SatisfactionReport
from regulars.cli import as_json, render
from regulars.cli.asking import AsOf, WhoArgument, zone_of
from regulars.cli.csv_cells import CsvOption, ExcelOption, RawOption, WriteRow, XlsxOption
from regulars.cli.opening import JsonOption, StoreOption, open_to_ask
from regulars.cli.pictures import ForceOption, SvgOption, form_asked
from regulars.cli.progress import waiting
from regulars.cli.viewpoint import ByRules, KnownAt, KnownThen, viewpoint
from regulars.cli.words import parse_moment
from regulars.pictures import measure_svg
from regulars.projections.verdict import plural
from regulars.statistics.estimate import Estimate

_MEASURES = ("nps", "csat", "response", "complaints", "complaining")
_SHOWN = 20


def satisfaction(
    ctx: typer.Context,
    since: Annotated[
        date | None,
        typer.Option(
            metavar="WHEN",
            parser=parse_moment,
            help="Surveys, orders and complaints from then on: 365 days by default.",
        ),
    ] = None,
    until: Annotated[
        date | None,
        typer.Option(metavar="WHEN", parser=parse_moment, help="Surveys, orders and complaints up to then."),
    ] = None,
    as_of: AsOf = None,
    known_at: KnownThen = None,
    by: Annotated[
        GroupedBy | None, typer.Option(help="In groups: of customers, or of the agents who had their tickets.")
    ] = None,
    svg: SvgOption = None,
    force: ForceOption = False,
    as_csv: CsvOption = False,
    raw: RawOption = False,
    excel: ExcelOption = None,
    xlsx: XlsxOption = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Show how content the customers are: NPS, CSAT, who answers and who complains, each with n and a 95 % interval.

    NPS and CSAT are of what each customer said last, as of a day; by agent, of what was said of their tickets. Who
    is in two segments counts in both. A survey counts once there were 14 days to answer it, unless it bounced.
    Complaints are those to 100 orders; complaining are customers of those who ordered.
    """
    form = form_asked(json=json, as_csv=as_csv, raw=raw, excel=excel, xlsx=xlsx, svg=svg, force=force)
    with open_to_ask(ctx, db) as crm:
        with waiting("folding in", if_stopped="Stopped. The same question goes on where it was.") as on_progress:
            if known_at is None:
                crm.catch_up(on_progress)
            try:
                found = crm.satisfaction(
                    since=since, until=until, as_of=as_of, known_at=known_at, by=by, on_progress=on_progress
                )
            except ValueError as error:  # a span that ends before it begins
                raise typer.BadParameter(str(error), param_hint="--since") from None
        form.answer(
            crm,
            picture=lambda: measure_svg(found),
            as_object=lambda: to_dict(found),
            write_rows=lambda write: _write_rows(write, found),
            drawn=_drawn(found, zone_of(crm)),
        )


def may_ask(
    ctx: typer.Context,
    who: WhoArgument,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    rules: ByRules = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Say whether a customer may be sent a survey by the rules; it ends with 1 where they may not.

    It says nothing of consent: `regulars consents` does.
    """
    with open_to_ask(ctx, db) as crm:
        seen = viewpoint(crm, known_at, rules)
        found = crm.may_ask(crm.find(who), as_of=as_of, known_at=seen.known_at, rules=seen.rules)
        if json:
            as_json.write_json(sys.stdout, _may_ask_object(found))
        else:
            render.draw(_may_ask_sentence(found, zone_of(crm)))
    if not found:
        raise typer.Exit(1)


def show(
    ctx: typer.Context,
    who: WhoArgument,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    rules: ByRules = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Show what one customer said last, with the events behind it, and which surveys they got."""
    with open_to_ask(ctx, db) as crm:
        seen = viewpoint(crm, known_at, rules)
        found = crm.satisfaction_of(crm.find(who), as_of=as_of, known_at=seen.known_at, rules=seen.rules)
        if json:
            as_json.write_json(sys.stdout, _one_object(found))
        else:
            render.draw(*_one(found, zone_of(crm)))


def diff(
    ctx: typer.Context,
    old: Annotated[str, typer.Argument(metavar="V1", help="A version, as the assessments have it.")],
    new: Annotated[str, typer.Argument(metavar="V2", help="Another one.")],
    kind: Annotated[str | None, typer.Option(metavar="KIND", help="Only this kind, such as sentiment.")] = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Compare what two versions of a model made of the same texts."""
    with open_to_ask(ctx, db) as crm:
        found = crm.compare_assessments(old, new, kind=kind)
        if json:
            as_json.write_json(sys.stdout, _difference_object(found))
        else:
            render.draw(*_difference(found, zone_of(crm)))


# -------------------------------------------------------------------------------------------------------- of everybody


def _percent(value: float) -> str:
    return f"{100 * value:.0f}"


_WRITTEN: Mapping[str, Callable[[float], str]] = MappingProxyType(
    {
        "nps": lambda value: f"{round(value):+}",  # and no -0
        "csat": _percent,
        "response": _percent,
        "complaints": lambda value: f"{value:.1f}",
        "complaining": lambda value: f"{100 * value:.1f}",
    }
)
_TITLES = MappingProxyType(
    {
        "nps": "NPS",
        "csat": "CSAT %",
        "response": "Response %",
        "complaints": "Complaints",
        "complaining": "Complaining %",
    }
)
#: What each number is in words, of what there are n, and of which.
_WORDS = MappingProxyType(
    {
        "nps": ("NPS", "customer", ""),
        "csat": ("CSAT, % satisfied", "customer", ""),
        "response": ("Response, % answered", "survey", ""),
        "complaints": ("Complaints to 100 orders", "order", ""),
        "complaining": ("Complaining, %", "customer", " who ordered"),
    }
)


def _drawn(found: SatisfactionReport, zone: ZoneInfo) -> list[ConsoleRenderable | str]:
    heading = (
        f"As of {render.minute(found.as_of, zone)}; surveys, orders, complaints from {render.day(found.since, zone)} "
        f"to {render.day(found.until, zone)}"
    )
    counts = found.total.counts
    beside = (
        f"Surveys: {counts.pending:,} sent less than 14 days ago, {counts.bounced:,} bounced, {counts.too_soon:,} sent "
        f"too soon after another.\nAnswers that nobody had sent a survey for: {counts.unasked:,}."
    )
    if found.by is None:
        return [heading, "", _measures(found.total), "", beside]
    if not found.groups:
        return [heading, "", "There is nothing to count in any group."]
    twice = " Who is in two segments counts in both." if found.by == "segment" else ""
    return [heading, "", _groups(found), "", f"Below each number is its 95 % interval.{twice}", beside]


def _measures(each: Satisfaction) -> Table:
    rows = []
    for name, (words, noun, which) in _WORDS.items():
        estimate: Estimate = getattr(each, name)
        rows.append((words, _value(name, estimate), _interval(name, estimate), f"{plural(estimate.n, noun)}{which}"))
    return render.table(("", "", "95 % interval", "of"), rows)


def _groups(found: SatisfactionReport) -> Table:
    """A group a row; of agents no total, which is of customers."""
    table = Table((found.by or "").capitalize(), *_TITLES.values(), box=None, pad_edge=False)
    for each in found.groups:
        _add_group(table, each.group or "none", each)
    if found.by != "agent":
        _add_group(table, "all", found.total)
    return table


def _add_group(table: Table, name: str, each: Satisfaction) -> None:
    cells = [_two_lines(measure, getattr(each, measure)) for measure in _MEASURES]
    if not each.complaints.n and each.counts.complaints:
        cells[_MEASURES.index("complaints")] = Text(f"{each.counts.complaints:,} in all")
    table.add_row(Text(render.clean(name), overflow="ellipsis", no_wrap=True), *cells)


def _two_lines(name: str, estimate: Estimate) -> ConsoleRenderable:
    if not estimate.n:
        return Text("-")
    return Group(
        Text(f"{_value(name, estimate)} of {estimate.n:,}", no_wrap=True), Text(_interval(name, estimate), style="dim")
    )


def _value(name: str, estimate: Estimate) -> str:
    return "can't tell" if estimate.value is None else _WRITTEN[name](estimate.value)


def _interval(name: str, estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return ""
    return f"{_WRITTEN[name](estimate.low)} to {_WRITTEN[name](estimate.high)}"


def _write_rows(write: WriteRow, found: SatisfactionReport) -> None:
    parts = ("value", "low", "high", "n")
    write(["group", *(f"{measure}_{part}" for measure in _MEASURES for part in parts)])
    rows = [(each.group, each) for each in found.groups]
    for name, each in rows if found.by == "agent" else [*rows, ("all", found.total)]:
        write([name, *(getattr(getattr(each, measure), part) for measure in _MEASURES for part in parts)])


# -------------------------------------------------------------------------------------------------------------- of one


def _may_ask_sentence(found: MayAsk, zone: ZoneInfo) -> str:
    if found.forgotten:
        return "They may not be asked: they were forgotten."
    if found.asked_at is None:
        return "They may be asked: they never were."
    asked = f"they were asked last on {render.day(found.asked_at, zone)}"
    if found:
        return f"They may be asked: {asked}."
    return f"They may be asked again on {render.day(found.again_at, zone)}: {asked}."


def _may_ask_object(found: MayAsk) -> as_json.Object:
    return {**to_dict(found), "customer_id": f"id:{found.customer_id}", "may_ask": bool(found)}


def _one(found: CustomerSatisfaction, zone: ZoneInfo) -> Iterable[ConsoleRenderable | str]:
    who = found.ref or f"id:{found.customer_id}"
    yield f"{render.clean(who)}   as of {render.minute(found.as_of, zone)}"
    for reason in found.reasons:
        events = "".join(f" (#{each.position})" for each in reason.events)
        yield f"  {reason.sentence}{events}"
    if found.unasked:
        yield f"  answers that nobody had sent a survey for: {found.unasked:,}"
    if found.too_soon:
        yield f"  surveys that were sent too soon after another: {found.too_soon:,}"
    if found.surveys:
        about_tickets = any(each.ticket_id for each in found.surveys)
        rows = [
            (
                each.survey_id,
                each.survey.upper(),
                each.channel or "",
                render.day(each.sent_at, zone),
                each.fate if each.score is None else f"answered with {each.score}",
                *([each.ticket_id or ""] if about_tickets else []),
            )
            for each in reversed(found.surveys)
        ]
        yield ""
        yield render.table(("Survey", "Kind", "By", "Sent on", "", *["About ticket"] * about_tickets), rows)


def _one_object(found: CustomerSatisfaction) -> as_json.Object:
    return {
        **to_dict(found),
        "customer_id": f"id:{found.customer_id}",
        "may_ask": _may_ask_object(found.may_ask),
    }


# --------------------------------------------------------------------------------------------------------- assessments


def _difference(found: AssessmentDifference, zone: ZoneInfo) -> Iterable[ConsoleRenderable | str]:
    agreement, old, new = found.agreement, render.clean(found.old_version), render.clean(found.new_version)
    yield (
        f"Texts that both {old} and {new} assessed: {agreement.n:,}; that {old} alone did: {found.only_old:,}, "
        f"{new} alone: {found.only_new:,}."
    )
    if agreement.value is None or agreement.low is None or agreement.high is None:
        yield "Nothing can be compared."
        return
    same = agreement.n - len(found.changes)
    interval = f"{_percent(agreement.low)} to {_percent(agreement.high)}"
    yield f"On {same:,} they say the same: {_percent(agreement.value)} % (95 % interval {interval})."
    if not found.changes:
        return
    moved = [(kind, before, after, f"{count:,}") for (kind, before, after), count in found.moved.items()]
    yield ""
    yield render.table(("Kind", old, new, "Texts"), moved)
    yield ""
    rows = [
        (f"#{each.about}", render.day(each.said_at, zone), each.kind, each.old, each.new)
        for each in found.changes[:_SHOWN]
    ]
    yield render.table(("Text", "Said on", "Kind", old, new), rows)
    if len(found.changes) > _SHOWN:
        yield f"The first {_SHOWN} of {len(found.changes):,}; --json prints all."


def _difference_object(found: AssessmentDifference) -> as_json.Object:
    moved = [{"kind": kind, "old": old, "new": new, "texts": count} for (kind, old, new), count in found.moved.items()]
    changes = [{**to_dict(each), "customer_id": f"id:{each.customer_id}"} for each in found.changes]
    return {**to_dict(found), "moved": moved, "changes": changes}
