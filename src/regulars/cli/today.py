"""`today`: what is to be done, and why."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Annotated, Literal

import typer
from rich.console import ConsoleRenderable
from rich.padding import Padding
from rich.text import Text

from regulars.cli import as_json, render
from regulars.cli.asking import AsOf
from regulars.cli.csv_cells import CsvOption, ExcelOption, RawOption, WriteRow, XlsxOption, require_one, rows_asked
from regulars.cli.opening import JsonOption, StoreOption, open_to_ask, tell_what_is_missing
from regulars.cli.progress import waiting
from regulars.cli.viewpoint import KnownThen, fold_first
from regulars.today.gathering import DAYS, MOST_DAYS
from regulars.today.mail import today_mail
from regulars.today.page import Said, parts
from regulars.today.values import Today

_COLUMNS = (
    *("kind", "key", "customer_id", "ref", "name", "due", "overdue"),
    *("stake", "net_spend", "owner", "why", "settle"),
)
KindName = Literal[
    "task", "reminder", "birthday", "ticket", "quote", "contract", "notice", "at_risk", "points", "survey"
]
_GOES_ON = "Stopped. The same question goes on where it was."


def today(
    ctx: typer.Context,
    owner: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only what they look after, or of whom they look after.")
    ] = None,
    days: Annotated[
        int, typer.Option(min=1, max=MOST_DAYS, metavar="N", help="What is due up to the end of the day in N days.")
    ] = DAYS,
    kind: Annotated[KindName | None, typer.Option(help="Only lines of this kind: up to 1,000 instead of ten.")] = None,
    as_of: AsOf = None,
    known_at: KnownThen = None,
    names: Annotated[bool, typer.Option("--names/--no-names", help="With references and names, or without.")] = True,
    mail: Annotated[bool, typer.Option("--mail", help="Print a mail, to be piped to sendmail.")] = False,
    mail_to: Annotated[str | None, typer.Option(metavar="ADDRESS", help="With --mail: to whom.")] = None,
    mail_from: Annotated[str | None, typer.Option(metavar="ADDRESS", help="With --mail: from whom.")] = None,
    business: Annotated[str, typer.Option(metavar="NAME", help="With --mail: the name in the subject.")] = "",
    as_csv: CsvOption = False,
    raw: RawOption = False,
    excel: ExcelOption = None,
    xlsx: XlsxOption = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """List what is to be done: overdue first, then by day, with why and how to settle it.

    Within a day what is worth most comes first.

    Of each kind ten lines at most are shown, and how many there are; --kind shows all of one. Each line says why it is
    there and the command that settles it; words in capitals are to be filled in.
    """
    rows = rows_asked(as_csv=as_csv, raw=raw, excel=excel, xlsx=xlsx, json=json)
    require_one({"--mail": mail, "a list or --json": rows.are_asked or json})
    sender, recipient = _addresses(mail, mail_from, mail_to, business)
    with open_to_ask(ctx, db) as crm:
        fold_first(crm)
        with waiting("folding in", if_stopped=_GOES_ON) as on_progress:
            try:
                found = crm.today(
                    days=days,
                    kind=kind,
                    owner=owner,
                    as_of=as_of,
                    known_at=known_at,
                    names=names,
                    on_progress=on_progress,
                )
            except ValueError as error:
                raise typer.BadParameter(str(error)) from None
        if rows.are_asked:
            with rows.written(crm) as write:
                _write_rows(write, found)
        elif json:
            as_json.write_json(sys.stdout, as_json.today(found))
        elif mail:
            _print_mail(found, sender, recipient, business)
        else:
            render.draw(*_drawn(found))
        if rows.are_asked or json:
            render.tell_what_may_be_missing(found.missing)
        tell_what_is_missing(crm)


def _addresses(mail: bool, sender: str | None, recipient: str | None, business: str) -> tuple[str, str]:
    given = {"--mail-to": recipient, "--mail-from": sender, "--business": business or None}
    for name, value in given.items():
        if value is not None and not mail:
            raise typer.BadParameter("it means something only together with --mail", param_hint=name)
    for name in ("--mail-to", "--mail-from"):
        if mail and given[name] is None:
            raise typer.BadParameter("--mail needs it: an address such as li@example.com", param_hint=name)
    return sender or "", recipient or ""


def _print_mail(found: Today, sender: str, recipient: str, business: str) -> None:
    try:
        message = today_mail(found, sender=sender, recipient=recipient, business=business)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--mail-from and --mail-to") from None
    # Local mail programs take lines as files have them, and end them as the protocol asks.
    sys.stdout.buffer.write(message.replace(b"\r\n", b"\n"))


def _write_rows(write: WriteRow, found: Today) -> None:
    write(_COLUMNS)
    for each in found.lines:
        told = {column: getattr(each, column) for column in _COLUMNS} | as_json.whose(each)
        write([told[column] for column in _COLUMNS])


def _drawn(found: Today) -> Iterator[ConsoleRenderable | str]:
    """Each line as three: why, of whom, and how to settle it. They fit 80 columns, and go on in the next one."""
    for place, part in enumerate(parts(found)):
        if place:
            yield ""
        yield Text(part.title, style="bold")
        for said in part.said:
            yield from _lines(said)
        yield from part.notes


def _lines(said: Said) -> Iterator[ConsoleRenderable]:
    yield Padding(Text(said.what, overflow="fold"), (0, 0, 0, 2))
    if said.who:
        yield Padding(Text(said.who, overflow="fold"), (0, 0, 0, 4))
    if said.settle:
        yield Text("\n".join(render.command_lines(said.settle, indent=4)), style="dim")
