"""Who is told of changes: a dictionary to which is applied what is told, to be compared with what a store answers."""

from __future__ import annotations

from collections.abc import Iterable

from regulars import Regulars
from regulars.adapters.read_models.histories import read_history
from regulars.changes import Change
from regulars.changes.told import OURS
from regulars.crm_domain.instant import to_instant
from shops import Clock

Applied = dict[tuple[str, str, str | None], str]


class Subscriber:
    """A dictionary to which is applied what is told, once; it knows each change by its id."""

    def __init__(self) -> None:
        self.held: Applied = {}
        self.seen: dict[str, Change] = {}

    def take(self, changes: Iterable[Change]) -> None:
        for change in changes:
            if change.id in self.seen:
                assert self.seen[change.id] == change
                continue
            self.seen[change.id] = change
            if change.kind == "recorded":
                continue
            place = (str(change.customer_id or ""), change.what, change.key)
            assert self.held.get(place) == change.old
            assert change.old != change.new
            if change.new is None:
                del self.held[place]
            else:
                self.held[place] = change.new


def answers(crm: Regulars, clock: Clock) -> Applied:
    """What is held at the moment, folded from the log customer by customer."""
    store, session, at = crm._store, crm._session, to_instant(clock.now)
    found: Applied = {}
    with store.reading() as tx:
        ids = {row[0] for row in tx.connection.exec_driver_sql("SELECT DISTINCT customer_id FROM regulars_events")}
        families, plan = tx.families(ids), store.registry.plan(session.rules(tx))
        for root in {families.root(each) for each in ids}:
            history = read_history(store, tx.connection, families.members(root), plan)
            for shown in OURS:
                for each in history.timelines[shown.projection]:
                    if each.valid_from <= at < each.valid_to and each.verdict is not None:
                        value = getattr(each.verdict, shown.column)
                        if value is not None:
                            found[root, shown.what, each.key or None] = value
    return found
