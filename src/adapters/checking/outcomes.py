"""Checking the command log: the events that an outcome names exist and belong to that command, and every event of a
command with an id has its outcome.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from regulars.adapters.checking.result import Findings
from regulars.adapters.log.outcomes import KeptOutcome
from regulars.adapters.schema.tables import Schema
from regulars.adapters.sql.chunks import CHUNK, chunks, pages
from regulars.crm_domain.instant import FOREVER
from regulars.crm_domain.rulebook import STREAM

_WHY = "the log doesn't know of commands that recorded nothing"


def check_outcomes(schema: Schema, connection: Connection) -> Findings:
    """Compare the command log with the events, both ways."""
    findings = Findings("outcome")
    commands, events = schema.commands, schema.events
    for page in pages(connection, sa.select(commands.c.id, commands.c.outcome), commands.c.id, CHUNK):
        _compare_outcomes(schema, connection, page, findings)
    for page in pages(connection, select_by_command(events), events.c.position, CHUNK):
        _compare_events(schema, connection, page, findings)
    findings.leave_out("outcomes without events", _WHY)
    return findings


def check_some_outcomes(schema: Schema, connection: Connection, events: Sequence[sa.Row[Any]]) -> Findings:
    """Compare some events of commands with the command log."""
    findings = Findings("outcome")
    findings.count = len(events)
    _compare_events(schema, connection, events, findings)
    findings.leave_out("outcomes without events", _WHY)
    return findings


def select_by_command(events: sa.Table) -> sa.Select[Any]:
    """The events of commands with an id."""
    columns = (events.c.position, events.c.command_id)
    return sa.select(*columns).where(events.c.command_id.is_not(None), events.c.stream_id != STREAM)


def _compare_outcomes(schema: Schema, connection: Connection, page: Sequence[sa.Row[Any]], findings: Findings) -> None:
    kept = {row.id: read_outcome(row.outcome) for row in page}
    findings.count += len(kept)
    wanted = (position for each in kept.values() if each for position in each.positions if 0 < position < FOREVER)
    found = _events_at(schema, connection, wanted)
    for command_id, outcome in kept.items():
        wrong = "can't be read" if outcome is None else _what_is_wrong(command_id, outcome, found)
        if wrong:
            findings.tell(f'command "{command_id}"', wrong)


def _what_is_wrong(command_id: str, outcome: KeptOutcome, found: dict[int, tuple[str | None, str]]) -> str | None:
    for position in outcome.positions:
        whose, _ = found.get(position, (None, ""))
        if whose != command_id:
            what = "another command's" if position in found else "not there"
            return f"names event #{position}, which is {what}"
    if outcome.positions and found[outcome.positions[0]][1] != outcome.customer_id:
        return f"names another customer than event #{outcome.positions[0]}"
    return None


def _events_at(schema: Schema, connection: Connection, positions: Iterable[int]) -> dict[int, tuple[str | None, str]]:
    events = schema.events
    columns = (events.c.position, events.c.command_id, events.c.customer_id)
    found: dict[int, tuple[str | None, str]] = {}
    for chunk in chunks(positions):
        for position, command_id, customer_id in connection.execute(
            sa.select(*columns).where(events.c.position.in_(chunk))
        ):
            found[position] = (command_id, customer_id)
    return found


def _compare_events(schema: Schema, connection: Connection, page: Sequence[sa.Row[Any]], findings: Findings) -> None:
    commands, named = schema.commands, dict[str, frozenset[int]]()
    for chunk in chunks(row.command_id for row in page):
        for command_id, outcome in connection.execute(
            sa.select(commands.c.id, commands.c.outcome).where(commands.c.id.in_(chunk))
        ):
            kept = read_outcome(outcome)
            named[command_id] = frozenset(kept.positions if kept else ())
    for row in page:
        if row.command_id not in named:
            findings.tell(f"event #{row.position}", f'its command "{row.command_id}" has no outcome in the command log')
        elif row.position not in named[row.command_id]:
            findings.tell(f"event #{row.position}", f'the outcome of its command "{row.command_id}" doesn\'t name it')


def read_outcome(kept: bytes) -> KeptOutcome | None:
    """Decode an outcome; None where it can't be decoded."""
    try:
        return msgspec.json.decode(kept, type=KeptOutcome)
    except (msgspec.DecodeError, TypeError):
        return None
