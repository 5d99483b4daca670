"""`value` and `forecast`: who is worth what, and what is to be expected of them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal, InvalidOperation
from itertools import islice
from typing import Annotated

import typer
from rich.console import ConsoleRenderable

from regulars.asking.forecasts import ANNUAL_RATE, Expected, Forecast, ForecastPage
from regulars.asking.paging import PAGE
from regulars.asking.value import Valued, ValuePage
from regulars.cli import as_json, render
from regulars.cli.asking import AsOf, zone_of
from regulars.cli.csv_cells import CsvOption, ExcelOption, RawOption, WriteRow, XlsxOption, rows_asked
from regulars.cli.opening import JsonOption, StoreOption, open_to_ask, tell_what_is_missing
from regulars.cli.pictures import ForceOption, SvgOption, form_asked
from regulars.cli.progress import waiting
from regulars.cli.viewpoint import ByRules, KnownAt, KnownThen, viewpoint
from regulars.crm import Regulars
from regulars.crm_domain.money import is_plain_number
from regulars.pictures.bands import value_svg

LimitOption = Annotated[
    int | None,
    typer.Option(
        min=1, max=1_000_000_000, metavar="N", help="At most so many. A table shows 50; --json and --csv print all."
    ),
]
InSegment = Annotated[str | None, typer.Option(metavar="ID", help="Only those in this segment then.")]
_STOPPED = "Stopped. The same question goes on where it was."
_VALUE_COLUMNS = ("ref", "name", "band", "net_spend", "buying_days", "id")
_FORECAST_COLUMNS = (
    *("ref", "name", "p_alive", "p_none", "orders", "orders_low", "orders_high"),
    *(
        "value",
        "value_low",
        "value_high",
        "buying_days",
        "as_of",
        "model",
        "looks_ahead",
        "horizon_days",
        "annual_rate",
        "id",
    ),
)


def value(
    ctx: typer.Context,
    band: Annotated[str | None, typer.Option(metavar="BAND", help="Only those in this band of the rules.")] = None,
    segment: InSegment = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    rules: ByRules = None,
    limit: LimitOption = None,
    as_csv: CsvOption = False,
    raw: RawOption = False,
    excel: ExcelOption = None,
    xlsx: XlsxOption = None,
    svg: SvgOption = None,
    force: ForceOption = False,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """List customers by what they are worth, and what each band of value comes to.

    That is their net spend, on so many buying days, in the window of the table [value] of the rules. With --segment
    the sums are what the segment is worth. --svg draws the bands.
    """
    form = form_asked(json=json, as_csv=as_csv, raw=raw, excel=excel, xlsx=xlsx, svg=svg, force=force)
    if svg is not None and limit is not None:
        raise typer.BadParameter("choose one of them", param_hint="--limit and --svg")
    with open_to_ask(ctx, db) as crm:
        seen = viewpoint(crm, known_at, rules)
        with waiting("folding in", if_stopped=_STOPPED) as on_progress:
            try:
                page = crm.value(
                    band=band,
                    segment=segment,
                    as_of=as_of,
                    known_at=seen.known_at,
                    rules=seen.rules,
                    on_progress=on_progress,
                )
            except ValueError as error:  # an unknown band
                raise typer.BadParameter(str(error), param_hint="--band") from None
        form.answer(
            crm,
            picture=lambda: value_svg(page, currency=crm.currency, segment=segment),
            as_object=lambda: as_json.value_page(page, islice(page, limit), crm.currency),
            write_rows=lambda write: _write_values(write, islice(page, limit)),
            drawn=_shown_values(page, seen.heading(as_of) if seen.is_given else None, limit, crm.currency, segment),
        )
        tell_what_is_missing(crm)


def _shown_values(
    page: ValuePage, heading: str | None, limit: int | None, currency: str | None, segment: str | None
) -> Iterator[ConsoleRenderable | str]:
    if heading is not None:
        yield heading
    yield from _values(page, list(islice(page, limit or PAGE)), currency, segment)


def forecast(
    ctx: typer.Context,
    who: Annotated[
        str | None,
        typer.Argument(metavar="[WHO]", help="One customer: a reference, an e-mail address, or id:<32 hex digits>."),
    ] = None,
    segment: InSegment = None,
    as_of: AsOf = None,
    known_at: KnownThen = None,
    model: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="The number of a model; unless given, that with the latest data by then."
        ),
    ] = None,
    discount: Annotated[
        str, typer.Option(metavar="RATE", help="By what share later spend counts less, a year.")
    ] = f"{ANNUAL_RATE}",
    limit: LimitOption = None,
    as_csv: CsvOption = False,
    raw: RawOption = False,
    excel: ExcelOption = None,
    xlsx: XlsxOption = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Forecast who will buy, how often and for how much, by a model that was fitted.

    The intervals of a customer say how well the expectation is known, not what they will do; that of the sum says what
    all of them, or of a segment, will come to. `regulars model fit` fits a model.
    """
    rows = rows_asked(as_csv=as_csv, raw=raw, excel=excel, xlsx=xlsx, json=json)
    if who is not None and (limit is not None or rows.are_asked or segment is not None):
        for_a_list = "--segment, --limit, --csv, --excel and --xlsx"
        raise typer.BadParameter("they mean something only for a list", param_hint=for_a_list)
    rate = _rate(discount)
    with open_to_ask(ctx, db) as crm:
        if who is not None:
            found = crm.forecast(crm.find(who), as_of=as_of, known_at=known_at, model=model, annual_rate=rate)
            _tell(found, crm, json=json)
            return
        with waiting("folding in", if_stopped=_STOPPED) as on_progress:
            page = crm.forecasts(
                segment=segment,
                as_of=as_of,
                known_at=known_at,
                model=model,
                annual_rate=rate,
                on_progress=on_progress,
            )
        if json:
            as_json.write_json(sys.stdout, as_json.forecast_page(page, islice(page, limit), crm.currency))
        elif rows.are_asked:
            with rows.written(crm) as write:
                _write_forecasts(write, islice(page, limit))
        else:
            render.draw(*_forecasts(page, list(islice(page, limit or PAGE)), crm, segment))
        tell_what_is_missing(crm)


def _rate(text: str) -> Decimal:
    try:
        rate = Decimal(text) if is_plain_number(text) else Decimal("nan")
    except InvalidOperation:
        rate = Decimal("nan")
    if not rate.is_finite() or not 0 <= rate <= 1:
        raise typer.BadParameter(f'it takes a share a year from 0 to 1, such as 0.10, not "{text}"')
    return rate


def _nobody(segment: str | None) -> str:
    whose = "" if segment is None else f" in {segment}"
    return f"Nobody{whose} had bought anything by then."


# -------------------------------------------------------------------------------------------------------------- value


def _values(
    page: ValuePage, shown: Sequence[Valued], currency: str | None, segment: str | None
) -> list[ConsoleRenderable | str]:
    if not any(band.customers for band in page.bands):
        return [_nobody(segment)]
    rows = [
        (each.ref or f"id:{each.id}", each.name or "", each.band, f"{each.net_spend:,}", f"{each.buying_days:,}")
        for each in shown
    ]
    more = [f"The first {len(shown)} of {page.total:,}: --limit N shows N, --csv and --json all."]
    return [
        render.table(("Ref", "Name", "Band", f"Net spend {currency or ''}".strip(), "Buying days"), rows),
        *(more if len(shown) < page.total else []),
        "",
        _totals(page, currency),
    ]


def _totals(page: ValuePage, currency: str | None) -> ConsoleRenderable:
    rows = [
        (each.band, f"{each.customers:,}", f"{each.net_spend:,}", f"{each.buying_days:,}")
        for each in reversed(page.bands)
    ]
    if len(page.bands) > 1:
        spend = sum((each.net_spend for each in page.bands), Decimal(0))
        counts = (sum(each.customers for each in page.bands), sum(each.buying_days for each in page.bands))
        rows.append(("in all", f"{counts[0]:,}", f"{spend:,}", f"{counts[1]:,}"))
    return render.table(("Band", "Customers", f"Net spend {currency or ''}".strip(), "Buying days"), rows)


def _write_values(write: WriteRow, found: Iterable[Valued]) -> None:
    write(_VALUE_COLUMNS)
    for each in found:
        fields = as_json.valued(each) | {"net_spend": each.net_spend}
        write([fields[column] for column in _VALUE_COLUMNS])


# ----------------------------------------------------------------------------------------------------------- forecast


def _tell(found: Forecast, crm: Regulars, *, json: bool) -> None:
    if json:
        as_json.write_json(sys.stdout, as_json.forecast(found) | {"currency": crm.currency})
        return
    name = found.name or found.ref or f"id:{found.id}"
    rows = [
        ("still buys", f"{found.p_alive:.0%}", ""),
        ("orders", f"{found.orders.expected}", _between(found.orders)),
        (f"value {crm.currency or ''}".strip(), f"{found.value.expected:,}", _between(found.value)),
        ("no order at all", f"{found.p_none:.0%}", ""),
    ]
    day = render.day(found.as_of, zone_of(crm))
    render.draw(
        f"{name}: {found.horizon_days} days from {day} on, after {found.buying_days:,} buying days",
        "",
        render.table(("", "Expected", "90 % interval"), rows),
        "",
        f"By model {found.model}, discounted at {found.annual_rate:.0%} a year. The intervals say how well the "
        "expectation is known, not what the customer will do.",
        *_warning(found.model, day, looks_ahead=found.looks_ahead),
    )


def _warning(model: int, day: str, *, looks_ahead: bool) -> tuple[str, ...]:
    return (f"Looking ahead: model {model} was fitted to data from after {day}, too.",) if looks_ahead else ()


def _forecasts(
    page: ForecastPage, shown: Sequence[Forecast], crm: Regulars, segment: str | None
) -> list[ConsoleRenderable | str]:
    if not page.summed:
        return [_nobody(segment)]
    rows = [
        (
            each.ref or f"id:{each.id}",
            each.name or "",
            f"{each.p_alive:.0%}",
            f"{each.orders.expected}",
            f"{each.value.expected:,.0f}",
            _between(each.value),
        )
        for each in shown
    ]
    titles = ("Ref", "Name", "Buys", "Orders", f"Value {crm.currency or ''}".strip(), "90 % interval")
    more = [f"The first {len(shown)} of {page.total:,}: --limit N shows N, --csv and --json all."]
    fit, day = page.model.fit, render.day(page.as_of, zone_of(crm))
    return [
        render.table(titles, rows),
        *(more if len(shown) < page.total else []),
        "",
        *_sum(page, crm.currency),
        (
            f"Within {fit.horizon_days} days from {day} on, by model {page.model.number}, discounted at "
            f"{page.annual_rate:.0%} a year."
        ),
        *_warning(page.model.number, day, looks_ahead=page.looks_ahead),
    ]


def _sum(page: ForecastPage, currency: str | None) -> list[str]:
    if page.orders is None or page.value is None:
        return ["What they come to together can't be told of fewer than 50: luck is most of it."]
    return [
        (
            f"All {page.summed:,} together: {page.orders.expected:,.0f} orders ({_between(page.orders)}) worth "
            f"{page.value.expected:,.0f} {currency or ''} ({_between(page.value)}). Nine times in ten it lies in there."
        )
    ]


def _between(found: Expected) -> str:
    digits = 0 if found.high >= 100 else 2
    return f"{found.low:,.{digits}f} to {found.high:,.{digits}f}"


def _write_forecasts(write: WriteRow, found: Iterable[Forecast]) -> None:
    write(_FORECAST_COLUMNS)
    for each in found:
        fields = as_json.forecast(each) | {"as_of": each.as_of, "annual_rate": each.annual_rate}
        fields |= _flat("orders", each.orders) | _flat("value", each.value)
        write([fields[column] for column in _FORECAST_COLUMNS])


def _flat(name: str, found: Expected) -> dict[str, Decimal]:
    return {name: found.expected, f"{name}_low": found.low, f"{name}_high": found.high}
