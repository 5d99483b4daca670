"""`rebuild` and `verify`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, TypedDict

import typer
from rich.console import ConsoleRenderable, Group
from rich.text import Text

from regulars import Regulars
from regulars.adapters.checking.result import Kind, RecordCheck
from regulars.adapters.progress import Progress
from regulars.adapters.read_models.verifying import Difference, Verification
from regulars.asking.one_customer import describe_parked
from regulars.cli import as_json, render
from regulars.cli.opening import JsonOption, StoreOption, open_to_ask, open_to_change
from regulars.cli.progress import waiting
from regulars.cli.records import counted
from regulars.cli.records import drawn as drawn_records
from regulars.cli.rules import REFUSED, STOPPED, ParkOption
from regulars.cli.seals import AgainstOption
from regulars.cli.seals import drawn as drawn_seals
from regulars.cli.workers import WorkersOption, workers_for
from regulars.crm_domain.errors import RegularsError
from regulars.crm_domain.instant import FOREVER, to_datetime

_INSTANTS = ("valid_from", "valid_to")

SparkOption = Annotated[
    str | None,
    typer.Option(
        "--spark",
        metavar="MASTER",
        help="Fold on a cluster, by its master: local[2], spark://head:7077. It takes Java.",
    ),
]
ArchiveOption = Annotated[
    Path | None,
    typer.Option(
        "--archive",
        metavar="DIR",
        help="What the cluster folds, in a folder that all its machines have. For local[N], one is made without it.",
    ),
]


def rebuild(
    ctx: typer.Context,
    park: ParkOption = False,
    workers: WorkersOption = None,
    customer: Annotated[
        str | None, typer.Option(metavar="WHO", help="Only repair what is stored of this customer.")
    ] = None,
    projection: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only this projection, such as loyalty_tier.")
    ] = None,
    stale: Annotated[
        bool, typer.Option("--stale", help="Only what differs by this version's code or the rules in force.")
    ] = False,
    spark: SparkOption = None,
    archive: ArchiveOption = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Replay the log into new read models beside the live ones, and switch to them once they are checked.

    Before that, indexes that differ from the log are repaired: links of merges, consents, who was forgotten, and
    look-ups as far as keys can be read. With --projection or --stale, the other read models are kept. With --customer,
    their rows are repaired in place, after the links of all merges. With --spark, a cluster folds.
    """
    _require_a_cluster(spark, archive)
    chosen = [
        name for name, given in (("--customer", customer), ("--projection", projection), ("--stale", stale)) if given
    ]
    for option, given in (("--customer", customer), ("--stale", stale), ("--workers", workers)):
        if spark is not None and given:
            raise typer.BadParameter(f"it goes with no {option}", param_hint="--spark")
    if len(chosen) > 1:
        raise typer.BadParameter(f"it goes with no {chosen[1]}", param_hint=chosen[0])
    if customer is None:
        _rebuild(ctx, projection, stale, park, workers, json, db, {"spark": spark, "archive": archive})
    elif park:
        raise typer.BadParameter("it goes with no --customer", param_hint="--park")
    else:
        _repair(ctx, customer, json, db)


def _rebuild(
    ctx: typer.Context,
    projection: str | None,
    stale: bool,
    park: bool,
    workers: int | None,
    json: bool,
    db: str | None,
    cluster: Cluster,
) -> None:
    with open_to_change(ctx, db) as crm:
        if projection is not None:
            _require(crm, projection)
        afresh: list[str] = []
        right: dict[Kind, int] = {}
        with waiting("folding", if_stopped=STOPPED) as on_progress:
            told: Told = {"park": park, "workers": workers_for(crm, workers), "on_progress": on_progress}
            before = crm.status().generation if stale else None
            if stale:
                number = crm.projections.rebuild_stale(**told, on_afresh=afresh.append)
            else:
                number = crm.projections.rebuild(
                    **told, **cluster, projection=projection, on_afresh=afresh.append, on_put_right=right.__setitem__
                )
        render.tell_what_began_afresh(afresh)
        if json:
            as_json.write_json(sys.stdout, {"generation": number, "begun_afresh": afresh, "put_right": right})
        else:
            if right:
                render.draw(f"Repaired: {', '.join(counted(*each) for each in right.items())}.")
            if number == before:
                render.draw(f"Nothing is stale: generation {number} answers.")
            else:
                render.draw(f"Rebuilt: generation {number} answers; the one before is kept as the previous one.")
        render.tell_who_is_parked(crm.status().parked)


class Cluster(TypedDict):
    """Where a cluster folds, and what."""

    spark: str | None
    archive: Path | None


def _require_a_cluster(spark: str | None, archive: Path | None) -> None:
    if archive is not None and spark is None:
        raise typer.BadParameter("it is folded on a cluster, which --spark names", param_hint="--archive")


class Told(TypedDict):
    """What both ways to build are told."""

    park: bool
    workers: int
    on_progress: Progress | None


def _require(crm: Regulars, projection: str) -> None:
    try:
        crm.projections.require(projection)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--projection") from None


def _repair(ctx: typer.Context, customer: str, json: bool, db: str | None) -> None:
    with open_to_change(ctx, db) as crm:
        with waiting("folding", if_stopped="Stopped. What was repaired stays.") as on_progress:
            rows = crm.projections.repair(customer=crm.find(customer), on_progress=on_progress)
        if json:
            as_json.write_json(sys.stdout, {"rows": rows})
        elif rows:
            render.draw(f"Repaired: {rows:,} {'row' if rows == 1 else 'rows'} differed from the events.")
        else:
            render.draw("Nothing to repair: all is as the events say.")
        render.tell_who_is_parked(crm.status().parked)


def verify(
    ctx: typer.Context,
    against: AgainstOption = None,
    spark: SparkOption = None,
    archive: ArchiveOption = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Compare the log with its seals, and everything derived from it with the log; nothing is changed.

    The exit status is 1 where an event or a seal isn't as it was, where no seal has the root that was noted, where a
    key, a look-up, a link of a merge, a word of consent, the currency, an outcome of a command, the rules or the
    database itself isn't as it should be, where a fold of the log differs from what is stored, or where a customer is
    parked. Equal fingerprints mean equal rows. What isn't covered is named. With --spark, a cluster folds the archive,
    and the fingerprints of each projection are compared.
    """
    _require_a_cluster(spark, archive)
    records: RecordCheck | None = None
    with open_to_ask(ctx, db) as crm:
        with waiting("checking", if_stopped="Stopped.") as on_progress:
            sealed = crm.check_seals(against=against, on_progress=on_progress)
        if not json:
            render.draw(*drawn_seals(sealed))  # what was changed from outside may keep the rest from being read at all
        try:
            records = crm.check_records()
            if not json:
                render.draw(*drawn_records(records))
            with waiting("comparing", if_stopped="Stopped.") as on_progress:
                found = crm.projections.verify(spark=spark, archive=archive, on_progress=on_progress)
        except RegularsError:
            if json:
                as_json.write_json(sys.stdout, as_json.verification(None, sealed, records))
            raise
    if json:
        as_json.write_json(sys.stdout, as_json.verification(found, sealed, records))
    else:
        render.draw(*_drawn(found, is_all=records.holds))
    if not (found.holds and sealed.holds and records.holds):
        raise typer.Exit(REFUSED)


def _drawn(found: Verification, *, is_all: bool) -> Iterator[ConsoleRenderable]:
    counted = "1 customer" if found.customers == 1 else f"{found.customers:,} customers"
    yield Text(f"Folded again: {counted}, up to event #{found.checkpoint}.")
    yield Text(f"Builds: {render.builds(found.builds)}.")
    yield Text(f"stored  {found.stored}\nfolded  {found.folded}")
    if found.stored == found.folded:
        what = "All that is folded" if not is_all else "All else" if found.parked or found.to_be_built else "All"
        yield Text(f"{what} is as the events say.")
    else:
        yield Text(f"\nNot as the events say: {found.different:,}\n", style="bold")
        yield _differences(found)
        yield Text("\n`regulars rebuild --customer WHO` puts one customer right, `regulars rebuild` everything.")
    if found.to_be_built:
        names = ", ".join(found.to_be_built)
        yield Text(
            f"Not compared, as other code built it or nobody yet: {names}; `regulars rebuild --stale` builds it."
        )
    if found.parked:
        yield Text(f"parked: {render.some(tuple(map(describe_parked, found.parked)))}")


def _differences(found: Verification) -> ConsoleRenderable:
    table = render.table(("Projection", "What is stored, and what the events say"), (), fold=1)
    for each in found.differences:
        key = f"id:{each.key}" if each.columns[0] == "customer" else each.key
        table.add_row(Text(each.projection), Group(Text(render.clean(key)), *map(Text, _differing(each))))
    more = found.different - len(found.differences)
    return Group(table, Text(f"and {more:,} more")) if more else table


def _differing(each: Difference) -> Iterator[str]:
    """The columns in which the rows differ, or the row that only one side has."""
    columns = each.columns
    if each.stored is None or each.folded is None:
        row = each.stored or each.folded or ()
        said = ", ".join(
            f"{name} {_said(name, value)}"
            for name, value in zip(columns, row, strict=True)
            if name != "customer" and value != each.key
        )
        yield f"{'missing' if each.stored is None else 'too much'}: {said}"
        return
    for name, stored, folded in zip(columns, each.stored, each.folded, strict=True):
        if stored != folded:
            yield f"{name}: {_said(name, stored)} → {_said(name, folded)}"


def _said(column: str, value: object) -> str:
    if isinstance(value, bytes):
        return f"{len(value):,} bytes"
    if value == FOREVER:
        return "for ever"
    if isinstance(value, int) and (column in _INSTANTS or column.endswith("_at")):
        return to_datetime(value).isoformat()
    return "nothing" if value is None else render.clean(str(value))
