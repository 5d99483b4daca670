"""Checking the rules: the live generation exists, and its rules are those in force."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from regulars.adapters.checking.result import Findings
from regulars.adapters.schema.tables import Schema
from regulars.adapters.store.builds import read_builds
from regulars.adapters.store.generation_rows import live_number, previous_number
from regulars.adapters.store.rules_in_force import InForce, digest_of, read_in_force
from regulars.crm_domain.errors import StoreUnusable

_UNLIKE = "has a text of rules that doesn't match its digest"


def check_rules(schema: Schema, connection: Connection) -> Findings:
    """Compare the generations, and the one that is live, with the log."""
    findings = Findings("rules")
    in_force = _in_force(schema, connection, findings)
    live, previous = live_number(schema, connection), previous_number(schema, connection)
    for which, number in (("live", live), ("the previous one", previous)):
        if number is not None and not _is_kept(schema, connection, number):
            findings.tell(f"generation {number}", f"is {which}, and is missing")
    if live is not None and _is_kept(schema, connection, live):
        findings.count += 1
        _compare(schema, connection, live, in_force, findings)
    return findings


def _is_kept(schema: Schema, connection: Connection, number: int) -> bool:
    ours = schema.generations.c.number == number
    return connection.execute(sa.select(schema.generations.c.number).where(ours)).first() is not None


def _compare(schema: Schema, connection: Connection, number: int, in_force: InForce | None, findings: Findings) -> None:
    """Compare the live generation; the text of another is compared before it goes live."""
    generations, newest = schema.generations, sa.select(sa.func.max(schema.events.c.position)).scalar_subquery()
    columns = (generations.c.ruleset, generations.c.rules_digest, newest)
    text, digest, last = connection.execute(sa.select(*columns).where(generations.c.number == number)).one()
    checkpoint = max((each.checkpoint for each in read_builds(schema, connection, number)), default=0)
    if digest_of(str(text)) != digest:
        findings.tell(f"generation {number}", _UNLIKE)
    elif in_force is not None and not in_force.are(text, digest):
        findings.tell(f"generation {number}", "is live, and has other rules than those in force")
    if checkpoint > (last or 0):
        findings.tell(f"generation {number}", f"has the checkpoint #{checkpoint}, and the last event is #{last or 0}")


def _in_force(schema: Schema, connection: Connection, findings: Findings) -> InForce | None:
    try:
        in_force = read_in_force(schema, connection)
    except StoreUnusable as error:
        findings.tell("the log", str(error))
        return None
    if not in_force.is_as_stated:
        findings.tell(f"event #{in_force.position}", _UNLIKE)
    return in_force
