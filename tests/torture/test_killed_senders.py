"""`kill -9` of who sends offers, in short."""

from __future__ import annotations

from functools import partial

import pytest

from torture.conftest import Try
from torture.killed_senders import killed_senders


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_whoever_sends_is_killed_and_nobody_gets_an_offer_twice(kind: str, postgres_url: str, attempt: Try) -> None:
    attempt(partial(killed_senders, kind, postgres_url), 2)
