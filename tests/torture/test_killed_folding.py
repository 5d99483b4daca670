"""`kill -9` of catching up, rebuilding, forgetting and sealing, in short."""

from __future__ import annotations

from functools import partial

import pytest

from torture.conftest import Try
from torture.killed_folding import killed_catch_ups, killed_rebuilds
from torture.killed_forgetting import killed_forgetting
from torture.killed_polls import killed_polls

KINDS = pytest.mark.parametrize("kind", ["sqlite", "postgres"])


@KINDS
def test_catching_up_that_is_killed_leaves_what_the_events_say(kind: str, postgres_url: str, attempt: Try) -> None:
    attempt(partial(killed_catch_ups, kind, postgres_url), 2)


@KINDS
def test_a_rebuild_that_is_killed_changes_no_answer(kind: str, postgres_url: str, attempt: Try) -> None:
    attempt(partial(killed_rebuilds, kind, postgres_url), 2)


@KINDS
def test_somebody_is_forgotten_wholly_or_not_at_all(kind: str, postgres_url: str, attempt: Try) -> None:
    attempt(partial(killed_forgetting, kind, postgres_url), 2)


@KINDS
def test_whoever_is_told_of_changes_and_killed_skips_none(kind: str, postgres_url: str, attempt: Try) -> None:
    attempt(partial(killed_polls, kind, postgres_url), 4)
