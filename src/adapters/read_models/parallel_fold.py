"""A replay in one process or in several, which hands over the rows of some customers at a time.

Each worker reads the log itself and folds a range of customers; one process writes the rows.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from multiprocessing.connection import Connection as Pipe
from multiprocessing.connection import wait
from typing import Any

import msgspec
from msgspec import Struct

from regulars.adapters.extensions.extension import import_extension
from regulars.adapters.read_models.histories import Poison
from regulars.adapters.read_models.replay import BEFORE_EVERYBODY, Range, Replayed, in_chunks, replay
from regulars.adapters.read_models.rows import ReadModels
from regulars.adapters.read_models.updates import new_update
from regulars.adapters.store.store import Store
from regulars.crm_domain.errors import RegularsError, StoreUnusable
from regulars.projections.rules.compiled import Rules, compile_rules
from regulars.projections.rules.grammar import restore_rules


class FoldedChunk(Struct, frozen=True):
    """The rows of some customers by table. `last` is the last customer's id, `events` how many were read for them."""

    last: str
    events: int
    rows: dict[str, list[tuple[Any, ...]]]
    poisons: list[dict[str, Poison]]


class Elsewhere(Struct, frozen=True):
    """Other machines that fold: everything up to the position `until`, by `fold`, a range of customers at a time.

    `fold` takes the read models, the rules, the last position and the range, and gives its chunks in order of ids.
    """

    until: int
    fold: Callable[[ReadModels, Rules, int, Range], Generator[FoldedChunk]]


class Task(Struct, frozen=True, kw_only=True):
    """What a worker process needs: the store's URL, the builds, the rules, the last position, and where to import the
    parent's extensions from.

    The rules are passed as text, which each worker compiles for itself.
    """

    url: str
    generation: int
    builds: dict[str, int]
    ruleset: str
    currency: str | None
    until: int
    extensions: tuple[str, ...] = ()


def fold_in_chunks(store: Store, models: ReadModels, rules: Rules, until: int, wanted: Range) -> Generator[FoldedChunk]:
    """Fold a range of customers, in order of their ids."""
    with store.reading() as tx:
        read = 0
        for chunk in in_chunks(replay(store, tx.connection, models.plan(rules), until, wanted)):
            yield _folded_chunk(models, chunk, chunk[-1].events_read - read)
            read = chunk[-1].events_read


def _folded_chunk(models: ReadModels, chunk: Sequence[Replayed], events: int) -> FoldedChunk:
    histories = [each.history for each in chunk]
    updates = [new_update(each) for each in histories if each.happened]
    return FoldedChunk(
        last=histories[-1].members[0] or BEFORE_EVERYBODY,
        events=events,
        rows={table.name: rows for table, rows in models.customer_rows(updates).items()},
        poisons=[dict(history.poisons) for history in histories if history.poisons],
    )


# ------------------------------------------------------------------------------------------------- several processes

_ENDED, _FAILED, _FOLDED = b"e", b"f", b"p"
_decoder = msgspec.msgpack.Decoder(FoldedChunk)


def fold_in_parallel(task: Task, ranges: Sequence[Range]) -> Iterator[tuple[int, FoldedChunk]]:
    """Fold each range in a process of its own; the index of a range and a chunk of it, as they come.

    Raises StoreUnusable where a worker fails.
    """
    with _workers(task, ranges) as pipes:
        indexes = {pipe: index for index, pipe in enumerate(pipes)}
        while indexes:
            for pipe in wait(list(indexes)):
                assert isinstance(pipe, Pipe)
                kind, content = _received(pipe)
                if kind == _FAILED:
                    raise StoreUnusable(content.decode())
                if kind == _ENDED:
                    del indexes[pipe]
                else:
                    yield indexes[pipe], _decoder.decode(content)


def _received(pipe: Pipe) -> tuple[bytes, bytes]:
    try:
        message = pipe.recv_bytes()
    except EOFError:
        return _FAILED, b"a process that was folding events ended too early"
    return message[:1], message[1:]


@contextmanager
def _workers(task: Task, ranges: Sequence[Range]) -> Iterator[list[Pipe]]:
    # A forked process would share the store's connections with this one, which databases forbid.
    context = multiprocessing.get_context("spawn")
    pipes: list[Pipe] = []
    processes = []
    try:
        for wanted in ranges:
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(target=_work, args=(task, wanted, theirs), daemon=True)
            process.start()
            theirs.close()
            pipes.append(ours)
            processes.append(process)
        yield pipes
    finally:
        for pipe in pipes:
            pipe.close()
        for process in processes:
            process.terminate()
            process.join()


def _work(task: Task, wanted: Range, pipe: Pipe) -> None:
    """Run a worker. It ends when the parent closes the pipe."""
    try:
        extensions = tuple(map(import_extension, task.extensions))
        with closing(Store(task.url, read_only=True, extensions=extensions)) as store:
            ruleset = restore_rules(task.ruleset, store.registry.grammar)
            rules = compile_rules(ruleset, task.currency, store.registry.sections)
            models = ReadModels(store.schema, task.generation, task.builds, store.registry)
            for chunk in fold_in_chunks(store, models, rules, task.until, wanted):
                pipe.send_bytes(_FOLDED + msgspec.msgpack.encode(chunk))
        pipe.send_bytes(_ENDED)
    except BrokenPipeError:
        pass
    except (RegularsError, ValueError) as error:
        pipe.send_bytes(_FAILED + str(error).encode())
