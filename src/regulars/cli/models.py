"""`model fit`, `model show` and `model list`."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import Annotated

import typer
from rich.console import ConsoleRenderable

from regulars.asking.forecasts import FittedModel
from regulars.cli import as_json, render
from regulars.cli.asking import AsOf, zone_of
from regulars.cli.opening import JsonOption, StoreOption, open_to_ask, open_to_change
from regulars.cli.progress import waiting
from regulars.cli.words import parse_span
from regulars.crm import Regulars
from regulars.crm_domain.instant import to_datetime
from regulars.doing.models import YEAR
from regulars.modelling.cant_tell import CantTell


def fit(
    ctx: typer.Context,
    horizon: Annotated[
        timedelta | None,
        typer.Option(metavar="TIME", parser=parse_span, help="How far forecasts reach: 26w, 180d. 365d by default."),
    ] = None,
    as_of: AsOf = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Fit a model to what all customers bought, and record it for forecasts.

    MBG/NBD says how often they buy and whether they still do, Gamma-Gamma what they spend. It says so, and records
    nothing, where the data don't carry a model. It takes the extra `models`.
    """
    reach = YEAR if horizon is None else horizon
    with open_to_change(ctx, db) as crm:
        known = crm.models.history()
        with waiting("fitting", if_stopped="Stopped. Nothing was recorded.", counted="samples") as on_progress:
            try:
                found = crm.models.fit(horizon=reach, as_of=as_of, on_progress=on_progress)
            except ValueError as error:  # a horizon out of bounds, a day that is still to come
                raise typer.BadParameter(str(error)) from None
        if isinstance(found, CantTell):
            if json:
                as_json.write_json(sys.stdout, {"model": None, "why": found.why})
            else:
                render.draw(f"Can't tell: {found.why}.")
            raise typer.Exit(1)
        is_new = found not in known
        if json:
            as_json.write_json(sys.stdout, as_json.fitted_model(found) | {"changed": is_new})
            return
        unchanged = () if is_new else (f"Nothing was recorded: model {found.number} was fitted to the same data.", "")
        render.draw(*unchanged, *_drawn(found, crm))


def show(
    ctx: typer.Context,
    number: Annotated[
        int | None, typer.Argument(metavar="[N]", min=1, help="Its number; the last one by default.")
    ] = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Show a model that was fitted, and how it did on a held-out tail of the history."""
    with open_to_ask(ctx, db) as crm:
        _tell(crm.models.version(number), crm, json=json)


def history(ctx: typer.Context, json: JsonOption = False, db: StoreOption = None) -> None:
    """List all models that were fitted, the latest last."""
    with open_to_ask(ctx, db) as crm:
        found = crm.models.history()
        if json:
            as_json.write_array(sys.stdout, map(as_json.fitted_model, found))
            return
        if not found:
            render.draw("No model was fitted; `regulars model fit` fits one.")
            return
        zone = zone_of(crm)
        rows = [
            (
                str(each.number),
                render.day(each.fitted_at, zone),
                render.day(to_datetime(each.fit.as_of), zone),
                f"{each.fit.customers:,}",
                f"{each.fit.horizon_days:,}",
                f"{float(each.fit.orders):,.0f}",
                each.actor,
            )
            for each in found
        ]
        render.draw(render.table(("No", "Fitted on", "As of", "Customers", "Days", "Orders", "By"), rows))


def _tell(found: FittedModel, crm: Regulars, *, json: bool) -> None:
    if json:
        as_json.write_json(sys.stdout, as_json.fitted_model(found))
    else:
        render.draw(*_drawn(found, crm))


def _drawn(found: FittedModel, crm: Regulars) -> list[ConsoleRenderable | str]:
    fit, zone = found.fit, zone_of(crm)
    parameters = (fit.r, fit.alpha, fit.a, fit.b, fit.p, fit.q, fit.v)
    r, alpha, a, b, p, q, v = (f"{float(each):.4g}" for each in parameters)
    customers = f"{fit.customers:,}, of whom {fit.repeaters:,} bought again"
    if fit.without_spend:
        customers += f"; {fit.without_spend:,} of them for nothing, so the spend model leaves them out"
    rows = [
        ("customers", customers),
        ("as of", f"{render.day(to_datetime(fit.as_of), zone)}, known up to event #{fit.data_position}"),
        ("orders", f"MBG/NBD: r {r}, alpha {alpha}, a {a}, b {b} (weeks)"),
        ("", f"log-likelihood {float(fit.log_likelihood):,.1f}"),
        ("spend", f"Gamma-Gamma: p {p}, q {q}, v {v}"),
        ("", f"log-likelihood {float(fit.spend_log_likelihood):,.1f}"),
        ("expected", f"{_orders(fit.orders)} orders in {fit.horizon_days:,} days"),
        ("", f"90 % interval of that: {_orders(fit.orders_low)} to {_orders(fit.orders_high)}"),
        ("held out", _held_out(found)),
    ]
    heading = f"Model {found.number}, fitted on {render.day(found.fitted_at, zone)} by {render.clean(found.actor)}"
    warning = (
        "Warning: what the held-out days brought lies outside what was predicted; the forecast may be off as much.",
    )
    return [
        heading,
        render.table(("", ""), rows, fold=1),
        *(warning if found.held_out_is_outside else ()),
    ]


def _orders(number: str) -> str:
    return f"{float(number):,.0f}"


def _held_out(found: FittedModel) -> str:
    fit = found.fit
    if fit.held_out_days is None:
        return "nothing, as the history is short"
    return (
        f"the last {fit.held_out_days} days brought {fit.held_out_orders:,} orders; predicted from what came before "
        f"them: {fit.held_out_low:,} to {fit.held_out_high:,}"
    )
