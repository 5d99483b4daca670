"""The status of a store: its health, its counts, and what is pending."""

from __future__ import annotations

from pathlib import Path

from regulars.adapters.log.misplaced import find_never_drawn, find_recorded_ahead
from regulars.adapters.read_models.catch_up import events_behind
from regulars.adapters.read_models.counting import counts
from regulars.adapters.store.builds import read_builds
from regulars.adapters.vault.erasing import is_erasing, owner_needed
from regulars.adapters.whole_files import left_behind
from regulars.asking.one_customer import describe_parked
from regulars.asking.views import LANES, Status, views_of
from regulars.session.session import Session
from regulars.session.traced import traced


@traced("status")
def read_status(session: Session) -> Status:
    """The store's health and counts, as of now and without catching up."""
    store = session.store
    unfinished = left_behind([*(each.parent for each in store.database.files()[:1]), Path.cwd()])
    with store.reading() as tx:
        connection, at = tx.connection, session.now()
        erasing = is_erasing(connection, store.schema)
        live = session.live(tx)
        models = live.read_models(store)
        by_lane = {lane: counts(models, connection, name, at) for lane, name in LANES.items()}
        behind = events_behind(store, models, connection)
        never_drawn = find_never_drawn(connection, store.schema.events)
        return Status(
            target=store.database.url.render_as_string(hide_password=True),
            currency=store.currency(connection),
            events=store.count_events(connection) - (never_drawn.count if never_drawn else 0),
            customers=sum(by_lane["stage"].values()),
            behind=behind,
            held_back_by=session.held_back_by(tx, models) if behind else None,
            generation=live.number,
            rules_digest=session.in_force(tx).digest,
            rejects=tx.quarantine.count(),
            counts=by_lane,
            read_only=store.database.read_only,
            stale=live.staleness(),
            parked=tuple(describe_parked(poison) for poison in models.parked(connection).values()),
            never_drawn=never_drawn,
            recorded_ahead=find_recorded_ahead(connection, store.schema.events, at),
            wrapped=store.keyring.is_wrapped,
            names_readable=store.access.keys,
            erasing=erasing,
            owner_needed=owner_needed(connection, store.schema) if erasing else None,
            unfinished=tuple(map(str, unfinished)),
            missing_extensions=tuple(map(str, session.missing_extensions)),
            builds=views_of(read_builds(store.schema, connection, live.number)),
        )
