"""`import-mail`: logging mail from .eml and mbox files, with a progress bar."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import ConsoleRenderable, Group
from rich.table import Table
from rich.text import Text

from regulars.adapters.importing.source import STANDARD_INPUT
from regulars.cli import as_json, render
from regulars.cli.opening import ActorOption, JsonOption, StoreOption, open_to_change
from regulars.cli.progress import Bar, shown_progress
from regulars.crm_domain.errors import NotFound
from regulars.doing.mail import MailReport, mails_together

SHOWN = 10


def import_mail(
    ctx: typer.Context,
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="An mbox, or .eml files; also .gz; - is stdin.")
    ],
    mine: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS", help="An address of yours, or @firm.example for all of a domain; repeat it."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Do everything, then take it back.")] = False,
    allow_rejects: Annotated[
        bool, typer.Option("--allow-rejects", help="End with status 0 though mails were refused.")
    ] = False,
    actor: ActorOption = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Log mail as conversations of the customers whose addresses are in it.

    The same mail again changes nothing. Nobody is registered: addresses that no customer has are counted and listed.
    Attachments are left out. The exit status is 1 where mails were refused.
    """
    for file in files:
        if file != STANDARD_INPUT and not Path(file).exists():
            raise NotFound(f"there is no file {file}")
    with open_to_change(ctx, db, actor) as crm, shown_progress() as progress:
        reading = Bar(progress, "reading", "mails")
        folding = Bar(progress, "folding in", "events")
        try:
            reports = {
                file: (
                    crm.import_mail(
                        file,
                        mine=mine or (),
                        dry_run=dry_run,
                        on_progress=lambda done, total, mails: reading.move(done, total, mails),
                        on_catch_up=lambda done, total: folding.move(done, total, done),
                    )
                )
                for file in files
            }
            report = mails_together([*reports.values()])
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--mine") from None
        except KeyboardInterrupt:
            progress.console.print("Stopped. What was taken stays; import the file again to go on.")
            raise
    if json:
        as_json.write_json(sys.stdout, as_json.mail_report(report))
    else:
        render.draw(_drawn(report, len(files)))
    empty = (file for file, each in reports.items() if not each.mails)
    render.tell_what_may_be_missing([f"there is no mail in {file}" for file in empty])
    if report.rejected and not allow_rejects:
        raise typer.Exit(1)


def _drawn(report: MailReport, files: int) -> ConsoleRenderable:
    sums = Table.grid(padding=(0, 2))
    sums.add_column()
    sums.add_column(justify="right")
    counts = {
        "mails": report.mails,
        "conversations recorded": report.recorded,
        "known already": report.unchanged,
        "of nobody known": report.nobody,
        "between your own addresses": report.between_us,
        "sent by machines": report.automatic,
        "refused": report.rejected,
        "attachments left out": report.attachments,
        "read only to 4 MB": report.cut,
    }
    for name, count in counts.items():
        if count or name in ("mails", "conversations recorded"):
            sums.add_row(Text(name, style="dim"), Text(f"{count:,}"))
    parts: list[ConsoleRenderable] = [
        Text("Tried out; nothing was kept." if report.dry_run else "Logged.", style="bold")
    ]
    parts += [sums, *_addresses("Addresses that no customer has:", report.unknown)]
    parts += _addresses("Addresses that several customers have, so that it isn't known whose it is:", report.shared)
    if report.rejects:
        parts += [Text("\nRefused:"), render.refused(report.rejects[: render.REJECTS_SHOWN], files)]
        if not report.dry_run:
            parts.append(Text("`regulars import --rejects` lists them", style="dim"))
    return Group(*parts)


def _addresses(title: str, found: tuple[tuple[str, int], ...]) -> list[ConsoleRenderable]:
    if not found:
        return []
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    for address, mails in found[:SHOWN]:
        table.add_row(Text(f"{mails:,}"), Text(render.clean(address)))
    more = len(found) - SHOWN
    return [Text(f"\n{title}"), table, *([Text(f"and {more:,} more; --json has all", style="dim")] if more > 0 else [])]
