"""One rebuild of all projections, end to end; and its folding part alone."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime
from pathlib import Path
from time import perf_counter

from msgspec import Struct

from benchmarks.history import opened
from benchmarks.machine import peak_memory
from regulars.adapters.read_models.generations import read_generations
from regulars.adapters.read_models.parallel_fold import Task, fold_in_chunks, fold_in_parallel
from regulars.adapters.read_models.replay import EVERYONE, split_range
from regulars.adapters.store.rules_in_force import FOUNDING
from regulars.adapters.store.store import Store
from regulars.projections.rules.compiled import compile_rules
from regulars.projections.rules.grammar import restore_rules


class Rebuilt(Struct, frozen=True):
    """What a rebuild took."""

    seconds: float
    peak_mib: float


def rebuild_once(path: Path, now: datetime, workers: int = 1) -> Rebuilt:
    """Read, decode, fold, judge with history, write, compare a sample, go live; into a new generation."""
    with opened(path, now) as crm:
        started = perf_counter()
        crm.projections.rebuild(workers=workers)
        seconds = perf_counter() - started
        peak = peak_memory()
        crm.projections.prune()
    return Rebuilt(seconds, peak)


def fold_once(path: Path, workers: int = 1) -> float:
    """How many seconds it takes to read, decode, fold and judge everything, of which nothing is written."""
    with closing(Store(path)) as store:
        with store.reading() as tx:
            ruleset = restore_rules(store.read_settings(tx.connection)[FOUNDING].decode())
            rules = compile_rules(ruleset, store.currency(tx.connection))
            until = store.count_events(tx.connection)
            models = read_generations(store, tx.connection)[-1].read_models(store)
        started = perf_counter()
        if workers == 1:
            folded = sum(each.events for each in fold_in_chunks(store, models, rules, until, EVERYONE))
        else:
            task = Task(
                url=str(store.database.url),
                generation=models.number,
                builds=models.builds,
                ruleset=ruleset.canonical(),
                currency=rules.currency,
                until=until,
            )
            folded = sum(each.events for _, each in fold_in_parallel(task, split_range(workers)))
        assert folded == until
        return perf_counter() - started
