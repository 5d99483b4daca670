"""Stores full of history: made once for each size, kept, and copied for whoever writes."""

from __future__ import annotations

import hashlib
import shutil
import warnings
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from random import Random

import msgspec
from msgspec import Struct

import regulars
from benchmarks.timing import in_own_process
from benchmarks.workload import VERSION as WORKLOAD_VERSION
from benchmarks.workload import Action, live
from benchmarks.workload_commands import command
from regulars import Regulars, StaleProjections
from regulars.adapters.log.codec import schema_digest
from regulars.adapters.schema.tables import VERSION as SCHEMA_VERSION

CACHE = Path(__file__).parent / ".cache"
SEED = 20_261_120
START = datetime(2021, 11, 22, tzinfo=UTC)
ACTORS = tuple(f"clerk-{number}" for number in range(20))
_AT_MOST_AT_ONCE = 4_000


class History(Struct, frozen=True, kw_only=True):
    """A store on disk with nothing folded in, and when its last event became known."""

    path: Path
    events: int
    customers: int
    now: datetime

    def copy(self, folder: Path, name: str) -> Path:
        """A copy that may be written."""
        target = folder / f"{name}.db"
        shutil.copyfile(self.path, target)
        return target


class StandingClock:
    """A clock that stands still until it is set."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """The time that was set."""
        return self.now


def opened(path: Path, now: datetime) -> Regulars:
    """A store at the moment its history ends."""
    with warnings.catch_warnings():
        # A kept store may be older than the code: whoever measures what is folded in rebuilds it first.
        warnings.simplefilter("ignore", StaleProjections)
        return regulars.open(path, clock=StandingClock(now), actor="bench")


def history(events: int, customers: int) -> History:
    """The history of this size, made where there is none yet."""
    key = [SEED, events, customers, WORKLOAD_VERSION, SCHEMA_VERSION, schema_digest()]
    folder = CACHE / f"{events}-{customers}-{hashlib.sha256(msgspec.json.encode(key)).hexdigest()[:12]}"
    described = folder / "history.json"
    if not described.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        made = in_own_process(make, folder / "store.db", events, customers)
        described.write_bytes(msgspec.json.encode(made, enc_hook=str))  # last, so that it says all is there
    fields = msgspec.json.decode(described.read_bytes())
    return History(
        path=folder / "store.db",
        events=fields["events"],
        customers=fields["customers"],
        now=datetime.fromisoformat(fields["now"]),
    )


def make(path: Path, events: int, customers: int) -> History:
    """Write a history through the front door, in the order in which it became known."""
    random, clock = Random(SEED), StandingClock(START)  # noqa: S311 - as in lives
    happened = iter(live(SEED, events, customers))
    recorded = registered = 0
    at_once = min(_AT_MOST_AT_ONCE, max(200, events // 250))
    with regulars.open(path, currency="EUR", clock=clock) as crm:
        while recorded < events:
            moments = list(islice(happened, min(at_once, events - recorded)))
            if not moments:
                break
            clock.now = START + timedelta(seconds=moments[-1].known)
            with crm.acting(actor=random.choice(ACTORS)):
                outcomes = crm.do([command(moment, START, random) for moment in moments])
            recorded += sum(len(outcome.events) for outcome in outcomes)
            registered += sum(moment.action is Action.REGISTER for moment in moments)
    return History(path=path, events=recorded, customers=registered, now=clock.now)
