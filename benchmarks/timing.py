"""Taking time, side by side: what is compared takes turns, so that a slow moment of the machine meets both."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from time import perf_counter
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

SPAWN = multiprocessing.get_context("spawn")
FORKED = multiprocessing.get_context("forkserver")


def seconds(work: Callable[[], object]) -> float:
    """How long something takes, once."""
    started = perf_counter()
    work()
    return perf_counter() - started


def take_turns(repeats: int, **works: Callable[[], float]) -> dict[str, list[float]]:
    """Each says how long it took; all of them once, then all of them again."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(repeats):
        for name, work in works.items():
            taken[name].append(work())
    return taken


def in_own_process(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What a function gives in a fresh process, which has nothing in memory that it doesn't need.

    In a quick run, whose figures say nothing, it has what all of them import.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context()) as pool:
        return pool.submit(work, *args, **kwargs).result()
