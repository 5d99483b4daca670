"""`campaign send`, `campaign offers` and `campaign bounces`: what goes out to the treated, and what comes back."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from regulars.adapters.importing.source import STANDARD_INPUT
from regulars.asking.dicts import to_dict
from regulars.asking.paging import PAGE
from regulars.cli import as_json, render
from regulars.cli.asking import zone_of
from regulars.cli.campaigns import Campaign
from regulars.cli.csv_cells import CsvOption, ExcelOption, RawOption, WriteRow, XlsxOption, rows_asked
from regulars.cli.opening import ActorOption, JsonOption, StoreOption, open_to_ask, open_to_change
from regulars.cli.progress import Bar, shown_progress, waiting
from regulars.crm_domain.errors import NotFound
from regulars.crm_domain.offer.wording import WHY
from regulars.sending.message import parse_sender
from regulars.sending.smtp import Encryption, MailServer, SmtpCarrier
from regulars.sending.values import OutgoingOffer, ReturnsReport, SendingReport

PASSWORD_VARIABLE = "REGULARS_SMTP_PASSWORD"  # noqa: S105 - where it is, not what it is
USUAL_PER_MINUTE = 30

_COLUMNS = ("offer_id", "customer_id", "ref", "name", "channel", "address", "coupon", "subject", "text")


def send(
    ctx: typer.Context,
    campaign: Campaign,
    smtp: Annotated[str, typer.Option(metavar="HOST[:PORT]", help="The mail server that takes the offers.")],
    sender: Annotated[
        str, typer.Option("--from", metavar="ADDRESS", help="Who sends: li@example.com or 'Li <li@example.com>'.")
    ],
    user: Annotated[
        str | None, typer.Option(metavar="NAME", help=f"Log in as; {PASSWORD_VARIABLE} has the password.")
    ] = None,
    encryption: Annotated[Encryption, typer.Option(help="none is for a server on this machine alone.")] = "starttls",
    per_minute: Annotated[
        float, typer.Option(min=0.01, metavar="N", help="At most so many a minute.")
    ] = USUAL_PER_MINUTE,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="At most so many this time.")] = None,
    actor: ActorOption = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Send the offers of a campaign by mail, each at most once.

    Consent is asked once more before each. What is put off is tried by the next run; what is in doubt isn't sent
    again, and `campaign offers --in-doubt` lists it. Nothing is sent in the quiet hours of the rules. The exit status
    is 1 where any are left, or in doubt.
    """
    try:
        address, server = parse_sender(sender), _server(smtp, encryption, user)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    with (
        open_to_change(ctx, db, actor) as crm,
        SmtpCarrier(server, address, lambda: datetime.now(UTC)) as carrier,
        waiting("sending", if_stopped="Stopped. What was sent is recorded.", counted="offers") as on_progress,
    ):
        zone = zone_of(crm)
        found = crm.campaigns.send_through(
            campaign,
            carrier.carry,
            host=address.domain,
            per_minute=per_minute,
            limit=limit,
            on_progress=on_progress,
        )
    if json:
        as_json.write_json(sys.stdout, to_dict(found))
    else:
        render.draw(*_sent(found, None if found.until is None else render.minute(found.until, zone)))
    if found.left or found.in_doubt:
        raise typer.Exit(1)


def _server(text: str, encryption: Encryption, user: str | None) -> MailServer:
    host, colon, port = text.rpartition(":")
    if not colon or "]" in port:
        host, port = text, ""
    if not host or (port and not (port.isdecimal() and 0 < int(port) < 65_536)):
        raise ValueError(f'"{render.clean(text)}" is no mail server; expected HOST or HOST:PORT')
    return MailServer(
        host=host.strip("[]"),
        port=int(port) if port else None,
        encryption=encryption,
        user=user,
        password=os.environ.get(PASSWORD_VARIABLE),
    )


def _sent(found: SendingReport, until: str | None) -> Iterator[str]:
    counts = {
        "bounced": found.bounced,
        **{f"skipped, {WHY.get(why, why)}": count for why, count in found.skipped.items()},
        "put off by the server": found.put_off,
        "in doubt": found.in_doubt,
        "being sent by another process": found.elsewhere,
        "left": found.left,
    }
    said = [f"{count:,} {what}" for what, count in counts.items() if count]
    yield f"Sent {found.sent:,} offer{'' if found.sent == 1 else 's'}" + "".join(f"; {each}" for each in said) + "."
    if found.in_doubt:
        yield "`regulars campaign offers … --in-doubt` lists what is in doubt, and its help says how that is settled."
    if found.stopped is not None:
        yield f"It stopped: {found.stopped}" + ("." if until is None else f", until {until}.")


def offers(
    ctx: typer.Context,
    campaign: Campaign,
    in_doubt: Annotated[bool, typer.Option("--in-doubt", help="Those that may have been sent: nobody knows.")] = False,
    limit: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="At most so many. A table shows 50; --json and --csv print all."),
    ] = None,
    as_csv: CsvOption = False,
    raw: RawOption = False,
    excel: ExcelOption = None,
    xlsx: XlsxOption = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """List what is to be sent of a campaign, with addresses and texts: to be printed, called, or sent by another tool.

    Whoever doesn't consent any more, or can't be reached, is left out. Once they are sent, `regulars import` of the
    file records it. Of one in doubt, `regulars do RecordOfferSent offer_id=… channel=email` says that it was sent,
    and `regulars do RecordOfferNotSent offer_id=…` that it wasn't: then the next run sends it.
    """
    rows = rows_asked(as_csv=as_csv, raw=raw, excel=excel, xlsx=xlsx, json=json)
    with open_to_ask(ctx, db) as crm:
        found = crm.campaigns.to_send(campaign, in_doubt=in_doubt)
        if rows.are_asked:
            with rows.written(crm) as write:
                _write_rows(write, islice(found, limit))
        elif json:
            as_json.write_array(sys.stdout, map(to_dict, islice(found, limit)))
        else:
            shown = list(islice(found, (limit or PAGE) + 1))
            _draw(shown[: limit or PAGE], more=len(shown) > (limit or PAGE))


def _write_rows(write: WriteRow, found: Iterable[OutgoingOffer]) -> None:
    write(_COLUMNS)
    for each in found:
        write([str(getattr(each, column) or "") for column in _COLUMNS])


def _draw(found: list[OutgoingOffer], *, more: bool) -> None:
    if not found:
        render.draw("There is none.")
        return
    has_coupon = any(each.coupon for each in found)
    titles = ("Offer", "Customer", "Name", "Address", *(("Coupon",) if has_coupon else ()))
    rows = [
        (
            each.offer_id,
            each.ref or f"id:{each.customer_id}",
            each.name or "",
            each.address or "",
            *((each.coupon or "",) if has_coupon else ()),
        )
        for each in found
    ]
    render.draw(render.table(titles, rows, fold=titles.index("Address")))
    if more:
        render.draw(f"The first {len(found)}; there are more: --limit N shows N, --csv and --json all.")


def bounces(
    ctx: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="An mbox or an .eml file; also .gz; - is stdin.")],
    actor: ActorOption = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Record what came back of offers by mail: those that bounced, and who unsubscribed.

    A report of a mail server (RFC 3464) names the message that it is about; who unsubscribes says the offer's id in the
    subject. The same mail again changes nothing.
    """
    if file != STANDARD_INPUT and not Path(file).exists():
        raise NotFound(f"there is no file {file}")
    with open_to_change(ctx, db, actor) as crm, shown_progress() as progress:
        bar = Bar(progress, "reading", "mails")
        found = crm.campaigns.take_returned(file, on_progress=bar.move)
    if json:
        as_json.write_json(sys.stdout, to_dict(found))
    else:
        render.draw(_returned(found))


def _returned(found: ReturnsReport) -> str:
    counts = {
        "bounced": found.bounced,
        "of them for good": found.hard,
        "unsubscribed": found.unsubscribed,
        "known already": found.unchanged,
        "of offers that aren't there": found.unknown,
        "of no offer": found.other,
    }
    said = [f"{count:,} {what}" for what, count in counts.items() if count]
    return f"{found.mails:,} mail{'' if found.mails == 1 else 's'}" + (f": {', '.join(said)}." if said else ".")
