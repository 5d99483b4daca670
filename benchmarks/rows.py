"""Every figure the benchmark gives, and how far each is to reach: the table is data, so that nothing is left out."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Unit = Literal["x", "ms", "MiB", "/s"]


class Reach(Struct, frozen=True):
    """What a figure must reach at least, and what it aims at; `less` says that less is better."""

    at_least: float | None
    aim: float | None
    less: bool = False

    def verdict(self, value: float) -> str:
        """In a word."""
        if self._meets(value, self.aim):
            return "aim"
        return "yes" if self.at_least is not None and self._meets(value, self.at_least) else "no"

    def _meets(self, value: float, wanted: float | None) -> bool:
        return wanted is not None and (value <= wanted if self.less else value >= wanted)


class Row(Struct, frozen=True):
    """One figure: where it belongs, what it is, and its reach where it has one."""

    name: str
    part: int
    what: str
    unit: Unit = "x"
    reach: Reach | None = None


class Figure(Struct, frozen=True, kw_only=True):
    """What was measured for a row. `value` is None where nothing could be; `note` says why, or what was done."""

    row: str
    value: float | None = None
    absolute: str = ""
    note: str = ""
    numbers: dict[str, float] = {}


PARTS = {
    1: "Floor: read every event in order of position and decode it",
    2: "Rebuild of all projections, end to end",
    3: "The library's own way",
    4: "Append",
    5: "Import of CDNOW",
    6: "Queries",
    7: "Catch-up",
    8: "Preview of a rule change",
    9: "Segments",
    10: "Pages of the console, the 95th percentile",
}

_PAGE = Reach(20, 3, less=True)
_CONSOLE = Reach(200, 100, less=True)

#: The pages of the console that are measured, by name; those in braces are of somebody, or something, of the store.
CONSOLE: dict[str, str] = {
    "today": "/",
    "customers": "/customers",
    "customer": "/customers/{customer}",
    "segments": "/segments",
    "segment": "/segments/{segment}",
    "tickets": "/tickets",
    "ticket": "/tickets/{ticket}",
    "service": "/service",
    "pipeline": "/pipeline",
    "opportunity": "/pipeline/{opportunity}",
    "forecast": "/forecast",
    "reports": "/reports",
    "trend": "/reports/trend",
    "month": "/reports/month?counted=yes",
    "rules": "/rules",
    "audit": "/audit",
    "import": "/import",
    "house": "/house",
    "access": "/access",
}
#: What reads everything there is, and is asked for by itself.
_UNBOUNDED = frozenset({"month"})

ROWS = (
    Row("floor", 1, "events a second", "/s"),
    Row("rebuild.share", 2, "1 worker, events/s as a share of the floor", reach=Reach(0.15, 0.35)),
    Row("rebuild.workers.fold", 2, "2 workers over 1, the folding part", reach=Reach(1.6, 1.85)),
    Row("rebuild.workers", 2, "2 workers over 1, end to end", reach=Reach(1.3, 1.7)),
    Row("rebuild.memory", 2, "peak memory, 1 worker", "MiB", Reach(600, 200, less=True)),
    Row("rebuild.scale", 2, "4 times the events, time", reach=Reach(4.2, 4.0, less=True)),
    Row("rebuild.scale.memory", 2, "4 times the events, peak memory"),
    Row("library", 3, "rebuild by 1 worker, events/s over ProjectionRunner's", reach=Reach(20, 60)),
    Row("library.workers", 3, "rebuild by 2 workers, over ProjectionRunner's", reach=Reach(20, 60)),
    Row("follow.events", 3, "the feed, time over reading the library's notifications", reach=Reach(1, 0.7, less=True)),
    Row("follow.export", 3, "an export, time over reading the library's notifications", reach=Reach(1, 0.7, less=True)),
    Row("append.1", 4, "1 command, time over a bare durable insert", reach=Reach(2, 1.3, less=True)),
    Row("append.10", 4, "10 in a transaction, over a bare insert of them"),
    Row("append.1000", 4, "1,000, over a bare bulk insert", reach=Reach(6, 3, less=True)),
    Row("append.library.1", 4, "1, speed over the library's SQLite recorder", reach=Reach(1, None)),
    Row("append.library.10", 4, "10, speed over the library's"),
    Row("append.library.1000", 4, "1,000, speed over the library's", reach=Reach(1, 3)),
    Row("append.recorder.1", 4, "our recorder for its applications, 1, over its own"),
    Row("append.recorder.10", 4, "10, our recorder over its own"),
    Row("append.recorder.1000", 4, "1,000, our recorder over its own"),
    Row("postgres.1", 4, "PostgreSQL, 1 writer, over bare unlocked inserts"),
    Row("postgres.8", 4, "PostgreSQL, 8 writers, over bare unlocked inserts", reach=Reach(0.6, 0.9)),
    Row("postgres.library.1", 4, "PostgreSQL, 1 writer, over the library's recorder"),
    Row("postgres.library.8", 4, "PostgreSQL, 8 writers, over the library's recorder"),
    Row("postgres.recorder.1", 4, "PostgreSQL, 1 writer, our recorder over the library's"),
    Row("postgres.recorder.8", 4, "PostgreSQL, 8 writers, our recorder over the library's"),
    Row("import", 5, "time over a bare bulk insert of the same rows"),
    Row("query.customer", 6, "one customer, over a bare read of their rows"),
    Row("query.explain", 6, "explain one, over a bare read of their rows"),
    Row("query.audit", 6, "an audit page by actor, over a bare read of its rows"),
    Row("query.page.now", 6, "50 at risk, as of now", "ms", _PAGE),
    Row("query.page.past", 6, "50 at risk, as of last year", "ms", _PAGE),
    Row("query.page.becoming", 6, "50 at risk within 14 days", "ms", _PAGE),
    Row("query.trend", 6, "60 month ends of stages, of all customers", "ms", Reach(500, 150, less=True)),
    Row("query.today", 6, "what is to be done within 7 days", "ms", Reach(1_000, 300, less=True)),
    Row("query.busy", 6, "the slowest of many pages during an import", "ms", Reach(2_000, 1_000, less=True)),
    Row("query.large", 6, "a purchase on 10,000 events, over one on 10", reach=Reach(2, 1.2, less=True)),
    Row("catch_up.1", 7, "after 1 purchase, over the purchase itself"),
    Row("catch_up.1000", 7, "after 1,000, per event over a rebuild's"),
    Row("preview", 8, "time over a rebuild", reach=Reach(1, 0.2, less=True)),
    Row(
        "segments",
        9,
        "20 segments, the fold of stage, tier and risk with them over without",
        reach=Reach(4, 3, less=True),
    ),
    Row("segments.memory", 9, "a rebuild with them, peak memory", "MiB", Reach(600, 300, less=True)),
    *(
        Row(f"console.{name}", 10, path, "ms", None if name in _UNBOUNDED else _CONSOLE)
        for name, path in CONSOLE.items()
    ),
)
