"""Roles with any grants, in short."""

from __future__ import annotations

from functools import partial

from torture.conftest import Try
from torture.roles import roles


def test_any_role_gets_a_right_answer_or_one_sentence(postgres_url: str, attempt: Try) -> None:
    attempt(partial(roles, postgres_url), 2)
