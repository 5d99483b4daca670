"""Names, notes, reasons and ids that would harm a terminal, a page or a spreadsheet if they were shown as they are."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from contextlib import suppress
from random import Random

from pydantic import ValidationError

from regulars import (
    AddNote,
    AssignOwner,
    ChangeContactDetails,
    Command,
    GiveConsent,
    OpenTicket,
    RecordChurnReason,
    RecordPreference,
    RecordPurchase,
    RegisterCustomer,
    RegularsError,
    TagCustomer,
)
from torture.command_line import require_harmless, say
from torture.hostile import TEXTS
from torture.shop import opened
from torture.tally import Tally
from torture.trying import PATIENCE, at_most, shop

NUMBER = frozenset("0123456789+-()./ ")  # a spreadsheet adds up at most what is written there
FORMULAS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def hostile_names(rounds: int, dice: Random) -> Tally:
    """Names, tags, notes, reasons and ids of any kind, and then everything that shows them."""
    accepted = 0
    with shop("sqlite", None) as (url, _), opened(url) as crm:
        for number in range(rounds):
            text = dice.choice(TEXTS) if number % 2 else "".join(dice.choice(TEXTS)[:40] for _ in range(3))
            ref = f"n:{number}"
            crm.do(RegisterCustomer(ref=ref))
            for wish in wishes_with(text, ref, number):
                with suppress(ValidationError, RegularsError):
                    crm.do(wish())
                    accepted += 1
            if number % 50 == 49 or number == rounds - 1:
                with at_most(PATIENCE):
                    _show_everything(url, ref)
    assert accepted > rounds
    return Tally(rounds=rounds, faults=accepted)


def wishes_with(text: str, ref: str, number: int) -> list[Callable[[], Command]]:
    """Commands to a customer with a text in every place that takes one."""
    key = f"{text}{number}"
    return [
        lambda: RegisterCustomer(ref=text, name=text, source=text, locale=text),
        lambda: ChangeContactDetails(customer=ref, name=text),
        lambda: TagCustomer(customer=ref, label=text),
        lambda: AssignOwner(customer=ref, owner=text),
        lambda: AddNote(customer=ref, text=text, reason=text),
        lambda: RecordPreference(customer=ref, key=text, value=text),
        lambda: RecordChurnReason(customer=ref, cause=text, detail=text),
        lambda: OpenTicket(customer=ref, ticket_id=key, subject=text),
        lambda: RecordPurchase(customer=ref, order_id=key, amount="1", channel=text),
        lambda: GiveConsent(customer=ref, channel="email", purpose=text),
    ]


LISTS = (
    *(("customers", "--limit", "1000"), ("audit", "--limit", "500"), ("tickets",), ("duplicates",), ("status",)),
    *(("generations",), ("rules", "history"), ("forgotten",)),
)
CSV_LISTS = (("customers", "--csv"), ("audit", "--csv"))


def _show_everything(url: str, ref: str) -> None:
    for line in LISTS:
        require_harmless(say(url, *line))
        said = say(url, *line, "--json")
        assert said.out.isascii()
        json.loads(said.out)
    for command in ("show", "explain", "timeline", "points", "consents", "export-person"):
        require_harmless(say(url, command, ref))
    require_harmless(say(url, "history", ref, "name"))
    for line in CSV_LISTS:
        _require_csv(say(url, *line).out)


def _require_csv(text: str) -> None:
    """Each line has as many cells as the first, and none that a spreadsheet would run."""
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert len(rows) > 1
    for row in rows:
        assert len(row) == len(rows[0]), row
        assert not (run := [cell for cell in row if cell.startswith(FORMULAS) and not set(cell) <= NUMBER]), run
