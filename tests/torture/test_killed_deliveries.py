"""`kill -9` of who delivers to hooks, in short."""

from __future__ import annotations

from functools import partial

import pytest

from torture.conftest import Try
from torture.killed_deliveries import killed_deliveries


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_whoever_delivers_is_killed_and_nothing_is_skipped(kind: str, postgres_url: str, attempt: Try) -> None:
    attempt(partial(killed_deliveries, kind, postgres_url), 3)
