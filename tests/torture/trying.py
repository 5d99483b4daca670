"""Holding a law against many examples of bad input, none of which may take for ever or leave a store unsound."""

from __future__ import annotations

import signal
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisWarning

from databases import in_memory
from regulars import EnrollMember, OpenTicket, RecordPurchase, RegisterCustomer
from torture.hostile import PEOPLE
from torture.shop import fresh_store, opened, require_sound

T = TypeVar("T")
PATIENCE = 60.0
LONGEST = 25_000


def tried(strategy: st.SearchStrategy[T], law: Callable[[T], None], rounds: int, dice: Random) -> None:
    """Hold a law against so many examples, each within a time that only something endless takes."""

    @seed(dice.getrandbits(32))
    @settings(
        max_examples=rounds,
        database=None,
        deadline=None,
        derandomize=False,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def holds(example: T) -> None:
        with at_most(PATIENCE):
            law(example)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HypothesisWarning)  # of examples that are large, as they are meant to be
        holds()


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """What takes longer than this hangs."""

    def give_up(*_: object) -> None:
        raise AssertionError(f"it hangs: nothing came of it within {seconds:.0f} seconds")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def require_sentence(error: Exception) -> None:
    """It says something, and not without end."""
    assert 0 < len(str(error)) < LONGEST


def open_shop(url: str) -> None:
    """Somebody with an order, a ticket and a membership, and somebody without."""
    with opened(url) as crm:
        crm.do([RegisterCustomer(ref=who, name=who.title(), email=f"{who[5:]}@example.com") for who in PEOPLE])
        crm.do([EnrollMember(customer=PEOPLE[0]), OpenTicket(customer=PEOPLE[0], ticket_id="T-1")])
        crm.do(RecordPurchase(customer=PEOPLE[0], order_id="A-1", amount="59.90"))
        crm.catch_up()


@contextmanager
def shop(kind: str, server: str | None) -> Iterator[tuple[str, Path]]:
    """A shop, and a folder beside it. It must be sound at the end."""
    with tempfile.TemporaryDirectory(dir=in_memory()) as name, fresh_store(kind, server, Path(name)) as url:
        open_shop(url)
        yield url, Path(name)
        with opened(url) as crm:
            require_sound(crm)
            assert not crm.status().parked
            for customer in crm.customers(limit=1_000):
                customer.explain()
                customer.timeline()
