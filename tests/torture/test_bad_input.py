"""Bad input of every kind, in short."""

from __future__ import annotations

from functools import partial

import pytest

from torture.bad_command_lines import hostile_json, hostile_options
from torture.bad_commands import hostile_commands
from torture.bad_files import hostile_files
from torture.bad_names import hostile_names
from torture.bad_rows import hostile_rows
from torture.bad_toml import hostile_mappings, hostile_rules
from torture.conftest import Try
from torture.damaged_stores import damaged_stores
from torture.tally import Scenario
from torture.written_paths import written_paths

KINDS = pytest.mark.parametrize("kind", ["sqlite", "postgres"])


@KINDS
def test_commands_and_questions_of_any_kind(kind: str, postgres_url: str, attempt: Try) -> None:
    attempt(partial(hostile_commands, kind, postgres_url), 100)


@KINDS
def test_files_of_any_kind(kind: str, postgres_url: str, attempt: Try) -> None:
    attempt(partial(hostile_files, kind, postgres_url), 80)


@KINDS
def test_stores_with_a_value_that_somebody_overwrote(kind: str, postgres_url: str, attempt: Try) -> None:
    attempt(partial(damaged_stores, kind, postgres_url), 3)


@pytest.mark.parametrize(
    ("scenario", "rounds"),
    [
        (hostile_json, 40),
        (hostile_options, 60),
        (hostile_names, 40),
        (hostile_rules, 100),
        (hostile_mappings, 100),
        (hostile_rows, 100),
        (written_paths, 60),
    ],
)
def test_whatever_else_people_hand_in(scenario: Scenario, rounds: int, attempt: Try) -> None:
    attempt(scenario, rounds)
