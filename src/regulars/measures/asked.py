"""What measures are asked with: whose they are (`where`), and the door at which they are all answered.

A dimension is a name that people say, such as `tier` or `source`, and the column of the projection that holds it.
Trends count by one; `where` picks customers by some. What a customer has several of at once, such as tags or segments,
is one, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from types import MappingProxyType
from zoneinfo import ZoneInfo

from msgspec import Struct

from regulars.adapters.progress import Progress
from regulars.adapters.read_models.measuring import Held
from regulars.adapters.read_models.rows import ReadModels
from regulars.adapters.store.transaction import Transaction
from regulars.asking.customers import folded_in, lane_values, require_segment
from regulars.asking.views import TICKETS, lanes_in
from regulars.crm_domain.instant import to_datetime
from regulars.projections.attribution import ATTRIBUTION
from regulars.projections.registry import Registry
from regulars.projections.rules.grammar import Ruleset
from regulars.projections.segments.projector import SEGMENTS
from regulars.projections.tags import TAGS
from regulars.session.freshness import freshness_of
from regulars.session.instants import instant_of
from regulars.session.session import AnyRules, Session

#: The dimensions beside the lanes, each with its projection and column.
_BESIDE_LANES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "tag": (TAGS.name, "tag"),
        "segment": (SEGMENTS.name, "segment"),
        "kind": (ATTRIBUTION.name, "kind"),
        "owner": (ATTRIBUTION.name, "owner"),
        "source": (ATTRIBUTION.name, "source"),
        "tickets": (TICKETS, "status"),
    }
)

#: What there are several of for a customer, and what isn't a customer's.
_NO_CONDITION = frozenset({"tickets"})


class Axes(Struct, frozen=True):
    """What a measure leaves out, and by which rules it judges: None is everything, and those in force."""

    known_at: datetime | date | None = None
    rules: AnyRules | None = None
    on_progress: Progress | None = None


class Asked(Struct, frozen=True):
    """A snapshot with the read models that answer.

    `now` is the instant up to which anything is known to have happened: what comes after it is due if nothing happens.
    `until` is the last position that was known, None for all.
    """

    tx: Transaction
    models: ReadModels
    ruleset: Ruleset
    now: int
    until: int | None
    currency: str | None

    @property
    def zone(self) -> ZoneInfo:
        """The business's zone."""
        return self.ruleset.zone

    @property
    def today(self) -> datetime:
        """`now` in the business's zone."""
        return to_datetime(self.now).astimezone(self.zone)


@contextmanager
def asking(session: Session, axes: Axes) -> Iterator[Asked]:
    """A snapshot in which everything that was recorded is folded in, as far as this process may."""
    everything = freshness_of(True, None)
    with folded_in(session, everything, axes.known_at, axes.rules, axes.on_progress) as (tx, viewpoint):
        now = session.now()
        if axes.known_at is not None:
            now = min(now, instant_of(axes.known_at, viewpoint.rules.zone))
        assert viewpoint.models is not None
        currency = session.store.currency(tx.connection)
        yield Asked(tx, viewpoint.models, viewpoint.ruleset, now, viewpoint.until, currency)


def dimensions(registry: Registry) -> dict[str, tuple[str, str]]:
    """Each dimension with its projection and column: lanes, also those of extensions, and the others."""
    return {name: (projection, "value") for name, projection in lanes_in(registry).items()} | dict(_BESIDE_LANES)


def dimension(registry: Registry, name: str) -> tuple[str, str]:
    """The projection and column of a dimension. Raises ValueError for a name of none."""
    found = dimensions(registry)
    if name not in found:
        raise ValueError(f'"{name}" is nothing that is measured; there are {", ".join(found)}')
    return found[name]


def conditions(asked: Asked, registry: Registry, where: Mapping[str, str]) -> list[Held]:
    """The conditions that pick customers. Raises ValueError for a name of none, and for a value that the rules lack;
    NotFound for such a segment.
    """
    known = [name for name in dimensions(registry) if name not in _NO_CONDITION]
    for name, text in where.items():
        if name not in known:
            raise ValueError(f'where takes {", ".join(known)}, not "{name}"')
        if name == "segment":
            require_segment(asked.ruleset, text)
        values = lane_values(asked.ruleset, name)
        if values and text not in values:
            raise ValueError(f'there is no {name} "{text}"; the rules have {", ".join(values)}')
    return [Held(*dimension(registry, name), text) for name, text in where.items()]


def in_order(asked: Asked, name: str, found: set[str]) -> tuple[str, ...]:
    """Values in the order of the rules; those that the rules don't know come last, from A to Z."""
    known = lane_values(asked.ruleset, name)
    return (*(value for value in known if value in found), *sorted(found - set(known)))
