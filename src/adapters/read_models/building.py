"""Building a generation beside the live one: one process at a time folds it and checks a sample of it.

An interrupted build is resumed. One that turns out to differ from the log is dropped at once, and never resumed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from regulars.adapters.logs import PROJECTIONS
from regulars.adapters.progress import Progress
from regulars.adapters.read_models.catch_up import OnPoison, catch_up
from regulars.adapters.read_models.generations import (
    WHAT_DIFFERS,
    Generation,
    drop_generation,
    mark_checked,
    own_builds,
    prepare_generation,
)
from regulars.adapters.read_models.parallel_fold import Elsewhere
from regulars.adapters.read_models.rows import ReadModels
from regulars.adapters.read_models.verifying import repair, require_whole
from regulars.adapters.sql.damage import DamagedReadModels
from regulars.adapters.sql.sqlite_file import BUILDING
from regulars.adapters.store.alone import alone
from regulars.adapters.store.generation_rows import generation_numbers
from regulars.adapters.store.store import Collision, Store
from regulars.adapters.tracing import span
from regulars.crm_domain.errors import StoreUnusable
from regulars.projections.rules.compiled import Rules, compile_rules
from regulars.projections.rules.grammar import Ruleset

#: It is told, as a sentence, why what was begun earlier was dropped and is built afresh.
OnAfresh = Callable[[str], None]

_BUILDERS = 7_164_209_313_801_265_155  # the number of PostgreSQL's lock: any, the same in every process
_BUSY = "another process is rebuilding this store; wait for it, or ask `regulars generations` how it does"


def build_beside(
    store: Store,
    ruleset: Ruleset,
    now: int,
    *,
    known_until: int | None = None,
    afresh: frozenset[str] = WHAT_DIFFERS,
    at_least: int = 0,
    workers: int = 1,
    elsewhere: Elsewhere | None = None,
    on_progress: Progress | None = None,
    on_poison: OnPoison | None = None,
    on_afresh: OnAfresh | None = None,
) -> Generation:
    """Build a generation that is up to date and checked; meanwhile no other process may.

    It is chosen as `prepare_generation` does. Where a kept one fails its check, it is dropped, and a new one is begun.
    Raises StoreUnusable where the new one fails, too, and whatever `on_poison` raises.
    """
    while True:
        with store.reading() as tx:
            kept = generation_numbers(store.schema, tx.connection)
        generation = prepare_generation(store, ruleset, now, known_until=known_until, afresh=afresh)
        PROJECTIONS.info("building generation %d", generation.number)
        try:
            with span(store, "build", generation=generation.number):
                build(
                    store,
                    generation,
                    ruleset,
                    at_least=at_least,
                    workers=workers,
                    elsewhere=elsewhere,
                    on_progress=on_progress,
                    on_poison=on_poison,
                )
        except (DamagedReadModels, Collision) as error:
            sentence = _drop_failed(store, generation.number, error)
            if generation.number not in kept:
                raise StoreUnusable(sentence) from error
            PROJECTIONS.warning("generation %d is built from the beginning: %s", generation.number, sentence)
            if on_afresh:
                on_afresh(sentence)
        else:
            PROJECTIONS.info("generation %d is built", generation.number)
            return generation


def _drop_failed(store: Store, number: int, error: Exception) -> str:
    """Drop a generation that failed its check; the reason, as a sentence."""
    why = str(error) if isinstance(error, DamagedReadModels) else "it holds rows that were not written to it"
    with store.writing() as tx:
        store.exclude_others(tx.connection)
        drop_generation(store, tx.connection, number)
    return f"generation {number} was not made live, and was dropped: {why}"


def build(
    store: Store,
    generation: Generation,
    ruleset: Ruleset,
    *,
    at_least: int = 0,
    within: float | None = None,
    workers: int = 1,
    elsewhere: Elsewhere | None = None,
    on_progress: Progress | None = None,
    on_poison: OnPoison | None = None,
) -> None:
    """Bring a generation of a ruleset up to date, or resume its build, and check a sample of the builds it has of its
    own.

    With `within`, in seconds, a generation that is checked already is brought as far as it gets in that time.

    Raises DamagedReadModels where it can't be resumed or the sample differs, and whatever `on_poison` raises.
    """
    with store.reading() as tx:
        rules = compile_rules(ruleset, store.currency(tx.connection), store.registry.sections)
    models = generation.read_models(store)
    catch_up(
        store,
        models,
        rules,
        # Where something is known of up to a position, that was settled when it was asked for.
        at_least=at_least if generation.known_until is None else 0,
        until=generation.known_until,
        within=within,
        workers=workers,
        elsewhere=elsewhere,
        on_progress=on_progress,
        on_poison=on_poison,
    )
    _fold_the_parked_again(store, models, rules, on_poison)
    if not generation.is_checked:
        with store.reading() as tx:
            own = own_builds(store, tx.connection, generation)
        require_whole(store, models.only(own), rules)
        with store.writing() as tx:
            mark_checked(store.schema, tx.connection, generation.number)


def _fold_the_parked_again(store: Store, models: ReadModels, rules: Rules, on_poison: OnPoison | None) -> None:
    """Fold parked customers again, as their events may have been repaired since; report those who stay parked."""
    with store.reading() as tx:
        parked = models.parked(tx.connection)
    for customer_id in parked:
        repair(store, models, rules, [customer_id], None)
    if parked and on_poison:
        with store.reading() as tx:
            parked = models.parked(tx.connection)
        for poison in parked.values():
            on_poison(poison)


@contextmanager
def building_alone(store: Store) -> Iterator[None]:
    """Hold the lock under which a generation is built. Raises StoreBusy where another process holds it.

    The lock ends with its process, however that ends. Raises StoreUnusable for a read-only store.
    """
    with alone(store, BUILDING, _BUILDERS, _BUSY):
        yield
