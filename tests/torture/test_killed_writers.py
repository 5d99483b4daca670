"""`kill -9` of those who write, in short; `make torture` does it at length."""

from __future__ import annotations

from functools import partial

import pytest

from torture.conftest import Try
from torture.killed_imports import killed_imports
from torture.killed_writers import killed_founders, killed_writers

KINDS = pytest.mark.parametrize("kind", ["sqlite", "postgres"])


@KINDS
def test_what_was_acknowledged_to_writers_that_are_killed_is_there_once(
    kind: str, postgres_url: str, attempt: Try
) -> None:
    attempt(partial(killed_writers, kind, postgres_url), 2)


@KINDS
def test_who_is_killed_while_making_a_store_leaves_none_or_a_whole_one(
    kind: str, postgres_url: str, attempt: Try
) -> None:
    attempt(partial(killed_founders, kind, postgres_url), 3)


@KINDS
def test_an_import_that_is_killed_is_gone_on_with(kind: str, postgres_url: str, attempt: Try) -> None:
    attempt(partial(killed_imports, kind, postgres_url), 1)
