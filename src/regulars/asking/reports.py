"""Reports without keys: timelines and what happened as tables, in Parquet files or a SQLite database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from msgspec import Struct

from regulars.adapters.moving.report_files import About, Report, Rows, iso, parquet_report, sqlite_report
from regulars.adapters.moving.reports import people, tables, write
from regulars.adapters.progress import Progress
from regulars.adapters.schema.positions import last_settled
from regulars.adapters.schema.view_sql import Shown
from regulars.adapters.store.horizon import await_settled
from regulars.adapters.store.transaction import Transaction
from regulars.asking.one_customer import read_contacts
from regulars.crm_domain.instant import to_datetime
from regulars.session.freshness import freshness_of
from regulars.session.session import Session
from regulars.session.traced import traced

#: The table that a report has with personal data alone. Those who were merged are in it by their root.
PEOPLE = "people"
_PEOPLE = tuple(Shown(name, "text", name) for name in ("customer_id", "ref", "name", "email", "phone"))


class Reported(Struct, frozen=True, kw_only=True):
    """What a report has: the number of rows of each table, and the last position that it knows of."""

    tables: dict[str, int]
    up_to_position: int


@traced("export reports")
def export_reports(
    session: Session,
    *,
    parquet: Path | None,
    sqlite: Path | None,
    personal: bool,
    replace: bool,
    on_progress: Progress | None,
) -> Reported:
    """Write a report to a folder of Parquet files, to a SQLite database, or to both from one snapshot.

    Raises ValueError where neither is named, and StoreUnusable for what is in the way.
    """
    if parquet is None and sqlite is None:
        raise ValueError("a report takes a folder for Parquet files, a SQLite file, or both")
    store = session.store
    if personal:
        store.access.require_keys()
    with ExitStack() as until_the_end:
        reports: list[Report] = []
        if parquet is not None:
            reports.append(until_the_end.enter_context(parquet_report(parquet, replace=replace)))
        if sqlite is not None:
            file = sqlite_report(sqlite, store.database.files(), replace=replace)
            reports.append(until_the_end.enter_context(file))
        session.freshen(freshness_of(True, None))
        await_settled(store, session.last_written)
        with store.reading() as tx:
            counts = write(tx, tables(store, tx), reports, on_progress)
            if personal:
                counts[PEOPLE] = _write_people(session, tx, reports)
            about = About(
                made_at=iso(to_datetime(session.now())),
                up_to_position=last_settled(tx.connection, store.schema.events) or 0,
                currency=store.currency(tx.connection),
                with_personal_data=personal,
                tables=counts,
            )
        for each in reports:
            each.end(about)
    return Reported(tables=counts, up_to_position=about.up_to_position)


def _write_people(session: Session, tx: Transaction, reports: Sequence[Report]) -> int:
    adding = [each.begin(PEOPLE, _PEOPLE) for each in reports]
    count = 0
    for rows in _people(session, tx):
        for add in adding:
            add(rows)
        count += len(rows)
    return count


def _people(session: Session, tx: Transaction) -> Iterator[Rows]:
    """Who is known and was neither forgotten nor merged into another, with their details of today, some at once."""
    for ids in people(session.store, tx):
        found = read_contacts(tx, ids)
        yield [(each, found[each].ref, found[each].name, found[each].email, found[each].phone) for each in ids]
