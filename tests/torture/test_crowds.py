"""Eight processes and the same customers, in short."""

from __future__ import annotations

from functools import partial

import pytest

from torture.busy_lists import busy_lists
from torture.conftest import Try
from torture.crowds import crowd, crowded_recorder

KINDS = pytest.mark.parametrize("kind", ["sqlite", "postgres"])


@KINDS
def test_eight_writers_lose_nothing_and_followers_skip_nothing(kind: str, postgres_url: str, attempt: Try) -> None:
    attempt(partial(crowd, kind, postgres_url), 4)


@KINDS
def test_eight_appenders_through_the_library_and_who_follows_them(kind: str, postgres_url: str, attempt: Try) -> None:
    attempt(partial(crowded_recorder, kind, postgres_url), 5)


@KINDS
def test_lists_answer_while_an_import_and_others_write(kind: str, postgres_url: str, attempt: Try) -> None:
    attempt(partial(busy_lists, kind, postgres_url), 1)
